/* SPDX-License-Identifier: ISC */
/*
 * tool/postconf/templates.c - texts of bounces: -t as written, -b filled in.
 */
#include "tool/postconf/postconf.h"

void templates_show(struct postconf *pc, char **files)
{
	if (files[0] && files[1])
		fatal(
		    pc, "options -b and -t require at most one template file");
}
