/* SPDX-License-Identifier: ISC */
/*
 * map/nis.c - "nis:mail.aliases": maps of a NIS domain (once: yellow pages).
 *
 * Who is asked: ypbind on this machine, found through its portmapper, which
 * server the domain has; that machine's portmapper, where its ypserv
 * listens; and ypserv. The way there is kept for the next lookup and walked
 * again when ypserv does not answer.
 *
 * What goes over the wire is libnsl's and libtirpc's, the steps are ours:
 * yp_match() does the same and may take minutes over it when a server keeps
 * silent. Here no question is waited for longer than ONE_CALL, and none is
 * begun after WHOLE_LOOKUP. Nothing but UDP over IPv4, which is what ypbind
 * hands out in version 2 of its protocol, and nothing that needs a file
 * outside of /etc: so it works in a sandbox.
 *
 * Keys and values end in a NUL (makedbm -a, for sendmail's aliases), or they
 * do not; the first key that is found tells.
 */
#include "map/types.h"

#include <rpc/rpc.h>

#include <arpa/inet.h>
#include <rpc/pmap_prot.h>
#include <rpcsvc/yp_prot.h>
#include <rpcsvc/ypclnt.h>
#include <strings.h>
#include <sys/socket.h>

#include "os/clock.h"

/* Theirs takes a length too. */
#undef mem_free

enum { MAX_KEY = 16 * 1024, MAX_SHOWN = 500 };

static const usec ONE_CALL = 3 * USEC_SEC;
static const usec WHOLE_LOOKUP = 10 * USEC_SEC;
/* A datagram may have been lost: it is sent again after this time, then
 * after twice of it. */
static const struct timeval AGAIN = { .tv_sec = 1 };

struct nis_table {
	struct map map;
	char *name;
	char *domain;   /* libnsl's; NULL: none is set */
	unsigned forms; /* MAP_WITH_NUL, MAP_WITHOUT_NUL: what to try */
	CLIENT *server; /* NULL: to be found */
	usec deadline;
	struct buf key;
};

/* clang-format off */
static const char *const reasons[] = {
	[YPERR_BADARGS] = "args to function are bad",
	[YPERR_RPC] = "RPC failure - domain has been unbound",
	[YPERR_DOMAIN] = "can't bind to server on this domain",
	[YPERR_MAP] = "no such map in server's domain",
	[YPERR_KEY] = "no such key in map",
	[YPERR_YPERR] = "internal yp server or client error",
	[YPERR_RESRC] = "resource allocation failure",
	[YPERR_NOMORE] = "no more records in map database",
	[YPERR_PMAP] = "can't communicate with portmapper",
	[YPERR_YPBIND] = "can't communicate with ypbind",
	[YPERR_YPSERV] = "can't communicate with ypserv",
	[YPERR_NODOM] = "local domain name not set",
	[YPERR_BADDB] = "yp database is bad",
	[YPERR_VERS] = "yp version mismatch",
	[YPERR_ACCESS] = "access violation",
	[YPERR_BUSY] = "database busy",
};
/* clang-format on */

static const char *reason_of(int error)
{
	if (error <= 0 || (size_t)error >= ARRAY_LEN(reasons))
		return "unknown NIS lookup error";
	return reasons[error];
}

/* --- remote calls --- */

struct question {
	rpcproc_t procedure;
	xdrproc_t write;
	void *arg;
	xdrproc_t read;
	void *ret; /* empty on failure */
};

static bool call(struct nis_table *t, CLIENT *client, const struct question *q)
{
	usec now = clock_monotonic();
	usec left = now < t->deadline ? t->deadline - now : 0;
	struct timeval wait;

	if (left == 0)
		return false;
	if (left > ONE_CALL)
		left = ONE_CALL;
	wait.tv_sec = (time_t)(left / USEC_SEC);
	wait.tv_usec = (suseconds_t)(left % USEC_SEC);
	if (clnt_call(client, q->procedure, q->write, q->arg, q->read, q->ret,
	        wait) == RPC_SUCCESS)
		return true;
	/* An answer may have been understood in part. */
	xdr_free(q->read, q->ret);
	return false;
}

/* Connected: what others send to this socket is not taken for an answer. */
static CLIENT *connect_to(
    const struct sockaddr_in *where, rpcprog_t program, rpcvers_t version)
{
	struct sockaddr_in address = *where;
	int fd = RPC_ANYSOCK; /* clnt_destroy() closes it */
	CLIENT *client = clntudp_create(&address, program, version, AGAIN, &fd);

	if (client &&
	    connect(fd, (const struct sockaddr *)where, sizeof(*where)) < 0) {
		clnt_destroy(client);
		return NULL;
	}
	return client;
}

static bool ask_once(struct nis_table *t, const struct sockaddr_in *where,
    rpcprog_t program, rpcvers_t version, const struct question *q)
{
	CLIENT *client = connect_to(where, program, version);
	bool ok;

	if (!client)
		return false;
	ok = call(t, client, q);
	clnt_destroy(client);
	return ok;
}

/* --- the way to the server --- */

/* Sets the port at that machine; 0, or YPERR_PMAP, or `absent`. */
static int find_port(struct nis_table *t, struct sockaddr_in *where,
    rpcprog_t program, rpcvers_t version, int absent)
{
	struct pmap wanted = {
		.pm_prog = program,
		.pm_vers = version,
		.pm_prot = IPPROTO_UDP,
	};
	unsigned short port = 0;
	const struct question q = {
		.procedure = PMAPPROC_GETPORT,
		.write = (xdrproc_t)xdr_pmap,
		.arg = &wanted,
		.read = (xdrproc_t)xdr_u_short,
		.ret = &port,
	};

	where->sin_port = htons(PMAPPORT);
	if (!ask_once(t, where, PMAPPROG, PMAPVERS, &q))
		return YPERR_PMAP;
	where->sin_port = htons(port);
	return port ? 0 : absent;
}

static int find_server(struct nis_table *t, struct sockaddr_in *where)
{
	struct ypbind2_resp bound = { 0 };
	const struct question q = {
		.procedure = YPBINDPROC_DOMAIN,
		.write = (xdrproc_t)xdr_wrapstring,
		.arg = &t->domain,
		.read = (xdrproc_t)xdr_ypbind2_resp,
		.ret = &bound,
	};
	int r = find_port(t, where, YPBINDPROG, YPBINDVERS_2, YPERR_YPBIND);

	if (r)
		return r;
	if (!ask_once(t, where, YPBINDPROG, YPBINDVERS_2, &q))
		return YPERR_YPBIND;
	if (bound.ypbind_status != YPBIND_SUCC_VAL)
		return YPERR_DOMAIN;
	where->sin_addr = bound.ypbind2_addr;
	return 0;
}

static int bind_server(struct nis_table *t)
{
	struct sockaddr_in where = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int r = find_server(t, &where);

	if (r == 0)
		r = find_port(t, &where, YPPROG, YPVERS, YPERR_YPSERV);
	if (r)
		return r;
	t->server = connect_to(&where, YPPROG, YPVERS);
	return t->server ? 0 : YPERR_YPSERV;
}

static void unbind(struct nis_table *t)
{
	if (t->server)
		clnt_destroy(t->server);
	t->server = NULL;
}

/* --- lookup --- */

/* What has t->key: 0 or YPERR_X. The caller frees `ret` in any case. */
static int match(struct nis_table *t, struct ypresp_val *ret)
{
	struct ypreq_key request = {
		.domain = t->domain,
		.map = t->name,
		.keydat = { .keydat_len = (unsigned)t->key.len,
		    .keydat_val = t->key.data },
	};
	const struct question q = {
		.procedure = YPPROC_MATCH,
		.write = (xdrproc_t)xdr_ypreq_key,
		.arg = &request,
		.read = (xdrproc_t)xdr_ypresp_val,
		.ret = ret,
	};
	int r;

	if (t->server && call(t, t->server, &q))
		return ypprot_err((int)ret->status);
	unbind(t);
	r = bind_server(t);
	if (r)
		return r;
	if (call(t, t->server, &q))
		return ypprot_err((int)ret->status);
	unbind(t);
	return YPERR_RPC;
}

static int find_form(
    struct nis_table *t, unsigned form, span key, struct buf *value)
{
	struct ypresp_val answer = { 0 };
	span found;
	int r;

	buf_clear(&t->key);
	buf_put(&t->key, key);
	if (form == MAP_WITH_NUL)
		buf_putc(&t->key, '\0');
	r = match(t, &answer);
	if (r == 0) {
		found =
		    span_of(answer.valdat.valdat_val, answer.valdat.valdat_len);
		buf_put(value, span_cut(&found, '\0'));
		t->forms = form;
	}
	xdr_free((xdrproc_t)xdr_ypresp_val, &answer);
	return r;
}

static enum map_answer nis_find(struct map *m, span key, struct buf *value)
{
	static const unsigned forms[] = { MAP_WITH_NUL, MAP_WITHOUT_NUL };
	struct nis_table *t = CONTAINER_OF(m, struct nis_table, map);
	int r = key.len ? YPERR_KEY : YPERR_BADARGS;

	if (!t->domain || key.len >= MAX_KEY || span_find(key, '\0') >= 0)
		return MAP_NONE;
	t->deadline = clock_monotonic() + WHOLE_LOOKUP;
	for (size_t i = 0; i < ARRAY_LEN(forms) && r == YPERR_KEY; i++)
		if (t->forms & forms[i])
			r = find_form(t, forms[i], key, value);
	if (r == 0)
		return MAP_FOUND;
	if (r == YPERR_KEY)
		return MAP_NONE;
	map_warn_plain(m, "lookup %.*s, NIS domain %s, map %s: %s",
	    PRI(span_first(key, MAX_SHOWN)), t->domain, t->name, reason_of(r));
	return MAP_RETRY;
}

/* --- opening --- */

static char *default_domain(void)
{
	char *domain = NULL;

	if (yp_get_default_domain(&domain) != 0 || !domain || !*domain ||
	    strcasecmp(domain, "(none)") == 0)
		return NULL;
	return domain;
}

/*
 * Where no domain is set nothing is found: alias_maps has nis:mail.aliases
 * unless it is set, everywhere.
 */
static struct map *nis_open(const struct map_setup *s)
{
	const unsigned both = MAP_WITH_NUL | MAP_WITHOUT_NUL;
	char *domain = default_domain();
	struct nis_table *t;

	if (!domain)
		s->host->warn(s->host->ctx,
		    SPAN("dict_nis_init: NIS domain name not set - NIS "
		         "lookups disabled"));
	t = NEW(struct nis_table);
	t->domain = domain;
	t->forms = s->flags & both ? s->flags & both : both;
	t->name = mem_new(s->name.len + 1, 1);
	if (s->name.len)
		memcpy(t->name, s->name.ptr, s->name.len);
	buf_init(&t->key, MAX_KEY);
	return &t->map;
}

/* It got a domain. */
static bool nis_changed(struct map *m)
{
	return !CONTAINER_OF(m, struct nis_table, map)->domain &&
	    default_domain();
}

static void nis_close(struct map *m)
{
	struct nis_table *t = CONTAINER_OF(m, struct nis_table, map);

	unbind(t);
	buf_done(&t->key);
	mem_free(t->name);
	mem_free(t);
}

__attribute__((visibility("default"))) const struct map_type map_module = {
	.name = "nis",
	.traits = MAP_EXACT,
	.open = nis_open,
	.find = nis_find,
	.changed = nis_changed,
	.close = nis_close,
};
