/* SPDX-License-Identifier: ISC */
/*
 * conf/conf.h - one snapshot of the configuration: main.cf, master.cf and
 * the defaults of the parameter registry (conf/params.h).
 *
 * A snapshot never changes and is counted. master and the commands read it
 * from the files (conf_read); all other daemons get it serialized and never
 * open a file (conf_decode). A reload makes a new snapshot; sessions keep
 * the one they started with.
 *
 * A service is a line of master.cf, named by its index; its "-o name=value"
 * override main.cf for it. CONF_MAIN means main.cf alone.
 */
#pragma once

#include "base/buf.h"
#include "base/time.h"

struct conf;

enum { CONF_MAIN = UINT32_MAX };

enum conf_type {
	CONF_INET,
	CONF_UNIX,
	CONF_FIFO,
	CONF_PASS,
	CONF_UNIX_DGRAM,
};

/* A line of master.cf; lives as long as the snapshot. */
struct conf_service {
	span name;    /* as written: "smtp", "[::1]:2525", "relay" */
	span command; /* "smtpd" */
	uint8_t type; /* enum conf_type */
	bool private;
	bool unprivileged;
	bool chroot;
	bool wakeup_if_used; /* "60?" */
	usec wakeup;         /* 0: never */
	uint32_t maxproc;    /* 0: no limit */
	uint32_t verbose;    /* how many -v */
	uint32_t line;       /* where it begins in master.cf */
	uint32_t noverrides;
	const struct conf_override *overrides; /* -o, last one wins */
	uint32_t nargs;
	const span *args; /* the words behind the options, for pipe(8) */
};

struct conf_override {
	span name;
	span value;
};

enum conf_result {
	CONF_OK,
	CONF_BAD, /* the text says file, line, what is wrong and what to do */
};

/*
 * Read DIR/main.cf and DIR/master.cf and check every value. Problems that
 * do not stop us (a parameter that is not supported, a duplicate) are put
 * into `notes`, one per line, and what is without effect because it is not
 * needed into `remarks`. CONF_OK; CONF_BAD with the reason in `error`; never
 * a bare errno: a file that cannot be read is CONF_BAD too.
 */
struct conf_report {
	struct buf error;
	struct buf notes;
	struct buf remarks;
};
#define CONF_REPORT_INIT \
	{ \
		BUF_INIT(8192), BUF_INIT(131072), BUF_INIT(131072) \
	}
void conf_report_done(struct conf_report *report);

MUST_USE int conf_read(
    const char *dir, struct conf_report *report, struct conf **ret_conf);
/*
 * The same without a look at the values, to find a running system in spite
 * of a mistake: conf_value() only, typed values are a bug.
 */
MUST_USE int conf_read_unchecked(
    const char *dir, struct conf_report *report, struct conf **ret_conf);
/*
 * The same without master.cf and without a look at this machine's addresses:
 * for commands that need a parameter or two, quickly.
 */
MUST_USE int conf_read_main(
    const char *dir, struct conf_report *report, struct conf **ret_conf);
/*
 * The directory to read: `option` (of -c) if not NULL, else $MAIL_CONFIG,
 * else /etc/chasqui, else /etc/postfix if only that one has a main.cf.
 */
const char *conf_default_dir(const char *option);
/* The same when neither -c nor the environment chooses. */
const char *conf_preset_dir(void);

struct conf *conf_ref(struct conf *conf);
/* Nulls the caller's pointer; NULL is fine. */
void conf_unref(struct conf **conf);
#define conf_unrefp conf_unref

/* The serialized form, for a memfd. CONF_OK or CONF_BAD (not ours). */
void conf_encode(const struct conf *conf, struct buf *out);
MUST_USE int conf_decode(span bytes, struct conf **ret_conf);
/* The same through a file: a sealed memfd (or a negative errno). */
MUST_USE int conf_to_fd(const struct conf *conf);
/* CONF_OK, CONF_BAD or a negative errno; the descriptor stays yours. */
MUST_USE int conf_from_fd(int fd, struct conf **ret_conf);

/* The services, in the order of master.cf. */
uint32_t conf_services(const struct conf *conf);
const struct conf_service *conf_service(const struct conf *conf, uint32_t i);
/* The transport of that name (a service of type unix), or CONF_MAIN. */
uint32_t conf_transport(const struct conf *conf, span name);

/*
 * The expanded value of a parameter for a service; the default if neither
 * the service nor main.cf sets it; ptr == NULL if it is unknown altogether.
 * The value lives as long as the snapshot (it is kept, so ask for names that
 * our code or the configuration spells, never for a stranger's).
 */
span conf_value(struct conf *conf, uint32_t service, span name);
/* As written, before expansion; ptr == NULL: not set, the default applies. */
span conf_set_value(const struct conf *conf, uint32_t service, span name);
/*
 * "TRANSPORT_suffix" if set, else the default of that name, else
 * "default_suffix": e.g. (conf, "relay", "destination_recipient_limit").
 */
span conf_transport_value(struct conf *conf, span transport, span suffix);
/* Expand any text that may contain $name: templates, -o values. */
MUST_USE int conf_expand(struct conf *conf, uint32_t service, span text,
    struct buf *out, struct buf *error);

/* One at a time; the name must be in the registry with that kind (bug). */
bool conf_bool(struct conf *conf, uint32_t service, span name);
uint64_t conf_number(struct conf *conf, uint32_t service, span name);
usec conf_duration(struct conf *conf, uint32_t service, span name);

/*
 * A typed struct per daemon, filled from a table:
 *
 *	struct smtpd_conf {
 *		span myhostname;
 *		bool smtpd_helo_required;
 *		uint32_t smtpd_recipient_limit;
 *		uint64_t message_size_limit;
 *		usec smtpd_starttls_timeout;
 *	};
 *	static const struct conf_field fields[] = {
 *		CONF_STR(struct smtpd_conf, myhostname),
 *		CONF_BOOL(struct smtpd_conf, smtpd_helo_required),
 *		CONF_U32(struct smtpd_conf, smtpd_recipient_limit),
 *		CONF_U64(struct smtpd_conf, message_size_limit),
 *		CONF_USEC(struct smtpd_conf, smtpd_starttls_timeout),
 *	};
 *
 * Values were checked when the files were read, so loading cannot fail; a
 * field that is not in the registry, or is of another kind, is a bug.
 * Spans live as long as the snapshot.
 */
enum conf_kind {
	CONF_KIND_STR,
	CONF_KIND_BOOL,
	CONF_KIND_U32,
	CONF_KIND_U64,
	CONF_KIND_USEC
};

struct conf_field {
	const char *name;
	enum conf_kind kind;
	size_t offset;
};

/* clang-format off */
/* 0, or no compilation when the member is not of type M. */
#define CONF_IS_(M, member) \
	(0 * sizeof(char[__builtin_types_compatible_p(M, typeof(member)) ? 1 : -1]))
#define CONF_FIELD_(T, m, K, M) \
	{ #m, K, offsetof(T, m) + CONF_IS_(M, ((T *)0)->m) }
/* clang-format on */
#define CONF_STR(T, m)  CONF_FIELD_(T, m, CONF_KIND_STR, span)
#define CONF_BOOL(T, m) CONF_FIELD_(T, m, CONF_KIND_BOOL, bool)
#define CONF_U32(T, m)  CONF_FIELD_(T, m, CONF_KIND_U32, uint32_t)
#define CONF_U64(T, m)  CONF_FIELD_(T, m, CONF_KIND_U64, uint64_t)
#define CONF_USEC(T, m) CONF_FIELD_(T, m, CONF_KIND_USEC, usec)

void conf_load(struct conf *conf, uint32_t service,
    const struct conf_field *fields, size_t n, void *ret_struct);

/* The directory the files came from (config_directory). */
span conf_dir(const struct conf *conf);

/*
 * This machine's own addresses, as far as inet_interfaces and inet_protocols
 * choose them: where we listen (if inet_interfaces is not "all"), what
 * permit_inet_interfaces means, and what mynetworks is made of.
 */
struct conf_address {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* length of the network's mask */
	uint8_t bytes[16];
	uint32_t scope; /* of IPv6 link-local addresses */
};
const struct conf_address *conf_addresses(
    const struct conf *conf, uint32_t *ret_count);
/* Whether inet_protocols includes it: 4 or 6. */
bool conf_has_family(struct conf *conf, uint8_t family);
