/* SPDX-License-Identifier: ISC */
/*
 * base/banned.h - functions that invite a mistake; using one does not compile.
 */
#pragma once

#include <ctype.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef basename
#undef sprintf
#undef alloca
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
#pragma GCC poison strtok_r strtol strtoul strtoll strtoull atoi atol gets
#pragma GCC poison alloca gmtime localtime basename system popen
