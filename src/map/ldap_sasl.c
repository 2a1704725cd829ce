/* SPDX-License-Identifier: ISC */
/*
 * map/ldap_sasl.c - binding with SASL: the library asks, we answer from the
 * table's parameters. The waits within end by the timeout of the handle and
 * by the guard.
 */
#include "map/ldap_internal.h"

#include <sasl/sasl.h>
#include <stdio.h>

/* Which parameter answers which question. */
static const char *answer(const struct ldap_server *s, unsigned long question)
{
	const struct {
		unsigned long question;
		const char *text;
	} answers[] = {
		{ SASL_CB_GETREALM, s->sasl_realm },
		{ SASL_CB_AUTHNAME, s->bind_dn },
		{ SASL_CB_USER, s->sasl_authz },
		{ SASL_CB_PASS, s->bind_pw },
	};

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].question == question)
			return answers[i].text;
	return NULL;
}

static int interact(
    LDAP *ld UNUSED, unsigned flags UNUSED, void *ctx, void *questions)
{
	const struct ldap_server *s = ctx;

	for (sasl_interact_t *q = questions; q->id != SASL_CB_LIST_END; q++) {
		const char *text = answer(s, q->id);

		q->result = text;
		q->len = text ? (unsigned)strlen(text) : 0;
	}
	return LDAP_SUCCESS;
}

int ldap_sasl_bind_table(struct ldap_table *t, LDAP *ld)
{
	char properties[32];
	int r;

	(void)snprintf(
	    properties, sizeof(properties), "minssf=%u", t->server.sasl_minssf);
	r = ldap_set_option(ld, LDAP_OPT_X_SASL_SECPROPS, properties);
	if (r != LDAP_OPT_SUCCESS)
		return r;
	return ldap_sasl_interactive_bind_s(ld, NULL,
	    *t->server.sasl_mechs ? t->server.sasl_mechs : NULL, NULL, NULL,
	    LDAP_SASL_QUIET, interact, &t->server);
}
