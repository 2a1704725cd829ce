/* SPDX-License-Identifier: ISC */
/*
 * conf/conf_internal.h - what the files of this folder share.
 */
#pragma once

#include "base/arena.h"
#include "base/hmap.h"
#include "conf/conf.h"
#include "conf/params.h"
#include "conf/setting.h"

enum {
	CONF_FILE_MAX = 16 * 1024 * 1024, /* main.cf, master.cf, serialized */
	CONF_ARENA_MAX = 256 * 1024 * 1024,
	CONF_VALUE_MAX = 1024 * 1024, /* one value */
	CONF_MAX_SERVICES = 4096,
	CONF_MAX_ADDRESSES = 4096,
};

struct setting {
	struct hnode by_name;
	span name;
	span value;
	uint32_t line; /* in main.cf */
};

/* A value as conf_value() handed it out. */
struct memo {
	struct hnode by_name;
	uint32_t service;
	span name;
	span value;
};

struct conf {
	unsigned refs;
	struct arena arena; /* everything below, and all spans */
	span dir;
	span hostname; /* as the kernel says */
	struct hmap settings;
	struct hmap memos;
	unsigned computing; /* values being made: a bit for each */
	uint32_t nservices;
	const struct conf_service *services;
	uint32_t naddresses;
	const struct conf_address *addresses; /* see conf_addresses() */
};

/* Empty, with one reference. */
struct conf *conf_new(span dir);

/*
 * Parts of conf_read(), one file each. The text is copied. False when the
 * text is wrong: report->error says how.
 */
MUST_USE bool conf_put_main(
    struct conf *conf, span text, struct conf_report *report);
MUST_USE bool conf_put_master(
    struct conf *conf, span text, struct conf_report *report);
void conf_put_hostname(struct conf *conf);
/* The machine's name and addresses, after main.cf. */
MUST_USE bool conf_put_facts(struct conf *conf, struct conf_report *report);
/* Every value in both files, by the registry. */
MUST_USE bool conf_check(struct conf *conf, struct conf_report *report);
/* What is set in them, but does nothing: into the report. */
void conf_note(struct conf *conf, struct conf_report *report);

/* Where the value of a parameter for a service stands: "FILE, line N: ". */
void conf_put_place(
    const struct conf *conf, uint32_t service, span name, struct buf *out);

/* Replaces an earlier setting of the same name and returns it or NULL. */
const struct setting *conf_set(
    struct conf *conf, span name, span value, uint32_t line);
const struct setting *conf_setting(const struct conf *conf, span name);

/*
 * A parameter's unexpanded text. Those computed per machine or process are
 * put into `scratch` (which must live as long as the result is used).
 */
span conf_raw_value(
    struct conf *conf, uint32_t service, span name, struct arena *scratch);
/* The expanded text; RAW ones are not expanded. */
MUST_USE bool conf_put_value(struct conf *conf, uint32_t service, span name,
    struct buf *out, struct buf *error);

enum conf_fit {
	CONF_FITS,
	CONF_NO_VALUE, /* not of that kind */
	CONF_TOO_SMALL,
	CONF_TOO_LARGE,
};

/*
 * A value of the kind the registry asks for, as a number (seconds for times,
 * the length of texts); set also when it is out of range.
 */
MUST_USE enum conf_fit conf_fit(
    const struct param *p, span value, uint64_t *ret);
/* The same when nothing but a good value is of interest; usec for times. */
MUST_USE bool conf_convert(const struct param *p, span value, uint64_t *ret);

/* The last override of a service, or NULL. */
const struct conf_override *conf_override_of(
    const struct conf *conf, uint32_t service, span name);

/* The default of mynetworks, by mynetworks_style. */
void conf_put_networks(struct conf *conf, uint32_t service, struct buf *out);
