/* SPDX-License-Identifier: ISC */
#include "tool/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/lines.h"
#include "conf/params.h"
#include "conf/setting.h"
#include "conf/value.h"
#include "conf/words.h"
#include "os/file.h"

enum { FILE_MAX = 1 << 20, DEPTH_MAX = 100 };

bool submit_open_stdio(void)
{
	struct stat st;

	for (int fd = 0; fd < 3; fd++)
		if (fstat(fd, &st) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* ---- main.cf ---- */

static bool has_word(span list, span word)
{
	span next;

	while ((next = span_word(&list, ", \t\r\n")).len > 0)
		if (span_eq(next, word))
			return true;
	return false;
}

static bool is_listed(span text, span dir)
{
	CLEANUP(buf_done) struct buf line = BUF_INIT(FILE_MAX);
	struct conf_lines lines = conf_lines_of(text);
	uint32_t number;

	while (conf_lines_next(&lines, &line, &number)) {
		span name;
		span value;

		if (!conf_split_setting(buf_span(&line), &name, &value) &&
		    (span_eq(name, SPAN("alternate_config_directories")) ||
		        span_eq(name, SPAN("multi_instance_directories"))) &&
		    has_word(value, dir))
			return true;
	}
	return false;
}

static bool check_dir(struct voice *v, const char *dir)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	CLEANUP(buf_done) struct buf path = BUF_INIT(4096);
	CLEANUP(fd_close) int fd = -1;
	int r;

	buf_printf(&path, "%s/main.cf", conf_preset_dir());
	fd = open(buf_cstr(&path), O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		voice_fatal(
		    v, "open file %s: %s", buf_cstr(&path), strerror(errno));
		return false;
	}
	r = file_read_all(fd, &text);
	if (r < 0) {
		voice_fatal(
		    v, "read file %s: %s", buf_cstr(&path), strerror(-r));
		return false;
	}
	if (is_listed(buf_span(&text), span_str(dir)))
		return true;
	voice_error(v, "unauthorized configuration directory name: %s", dir);
	voice_fatal(v,
	    "specify \"alternate_config_directories = %s\" or "
	    "\"multi_instance_directories = %s\" in %s",
	    dir, dir, buf_cstr(&path));
	return false;
}

/*
 * By whatever name, such as /etc/postfix where that is a link. A link may lead
 * elsewhere the next moment, so the caller goes on with the preset itself.
 */
static bool is_preset(const char *dir)
{
	struct stat preset;
	struct stat st;

	return stat(dir, &st) == 0 && stat(conf_preset_dir(), &preset) == 0 &&
	    st.st_dev == preset.st_dev && st.st_ino == preset.st_ino;
}

const char *submit_dir(struct voice *v, const char *option, bool untrusted)
{
	const char *dir = option ? option : getenv("MAIL_CONFIG");

	if (!dir || !*dir || strcmp(dir, conf_preset_dir()) == 0 ||
	    is_preset(dir))
		return conf_preset_dir();
	/* Also true when file capabilities made us more than our caller. */
	if ((untrusted || getauxval(AT_SECURE)) && !check_dir(v, dir))
		return NULL;
	return dir;
}

bool submit_read(struct voice *v, const char *dir, struct conf **ret)
{
	struct conf_report report = CONF_REPORT_INIT;
	bool ok = conf_read_main(dir, &report, ret) == CONF_OK;

	if (!ok)
		voice_fatal(v, "%s", buf_cstr(&report.error));
	conf_report_done(&report);
	if (ok)
		v->conf = *ret;
	return ok;
}

static span value_of(struct conf *conf, const char *name)
{
	return conf_value(conf, CONF_MAIN, span_str(name));
}

bool submit_number(
    struct voice *v, struct conf *conf, const char *name, uint64_t *ret)
{
	const struct param *p = param_find(span_str(name));
	span value = value_of(conf, name);

	if (!conf_parse_number(value, ret)) {
		voice_fatal(v, "bad numerical configuration: %s = %.*s", name,
		    PRI(value));
		return false;
	}
	if (*ret < p->min) {
		voice_fatal(v, "invalid %s parameter value %llu < %llu", name,
		    (unsigned long long)*ret, (unsigned long long)p->min);
		return false;
	}
	return true;
}

bool submit_bool(
    struct voice *v, struct conf *conf, const char *name, bool *ret)
{
	span value = value_of(conf, name);

	if (conf_parse_bool(value, ret))
		return true;
	voice_fatal(
	    v, "bad boolean configuration: %s = %.*s", name, PRI(value));
	return false;
}

bool submit_settings(
    struct voice *v, struct conf *conf, struct submit_settings *ret)
{
	ret->queue_directory = value_of(conf, "queue_directory");
	ret->authorized_submit_users =
	    value_of(conf, "authorized_submit_users");
	ret->local_login_sender_maps =
	    value_of(conf, "local_login_sender_maps");
	return submit_number(
	           v, conf, "message_size_limit", &ret->message_size_limit) &&
	    submit_number(
	        v, conf, "line_length_limit", &ret->line_length_limit) &&
	    submit_number(
	        v, conf, "header_size_limit", &ret->header_size_limit);
}

/* ---- authorized_submit_users ---- */

/* What a part of the list says of a name. */
enum said { SAID_NOTHING, SAID_YES, SAID_NO, SAID_ASK, SAID_BAD };

static enum said match_words(
    struct voice *v, span list, span name, unsigned depth);

static enum said match_file(
    struct voice *v, span path, span name, unsigned depth)
{
	CLEANUP(buf_done) struct buf text = BUF_INIT(FILE_MAX);
	CLEANUP(buf_done) struct buf line = BUF_INIT(FILE_MAX);
	enum said said = SAID_NOTHING;
	struct conf_lines lines;
	uint32_t number;
	int r = file_read_named(path, &text);

	if (r < 0 || depth > DEPTH_MAX) {
		voice_fatal(v, "open file %.*s: %s", PRI(path),
		    strerror(r < 0 ? -r : ELOOP));
		return SAID_BAD;
	}
	lines = conf_lines_of(buf_span(&text));
	while (said == SAID_NOTHING && conf_lines_next(&lines, &line, &number))
		said = match_words(v, buf_span(&line), name, depth + 1);
	return said;
}

static enum said match_word(
    struct voice *v, span word, span name, unsigned depth)
{
	if (span_has_prefix(word, SPAN("static:")))
		return SAID_YES;
	if (word.len && word.ptr[0] == '/')
		return match_file(v, word, name, depth);
	if (span_find(word, ':') >= 0)
		return SAID_ASK;
	return span_eq_nocase(word, name) ? SAID_YES : SAID_NOTHING;
}

static enum said negated(enum said said)
{
	if (said == SAID_YES)
		return SAID_NO;
	return said == SAID_NO ? SAID_YES : said;
}

static enum said match_words(
    struct voice *v, span list, span name, unsigned depth)
{
	enum said said = SAID_NOTHING;
	span word;

	while (said == SAID_NOTHING && (word = words_next(&list)).len > 0) {
		bool no = false;

		while (span_skip(&word, SPAN("!")))
			no = !no;
		said = match_word(v, word, name, depth);
		if (no)
			said = negated(said);
	}
	return said;
}

enum submit_user submit_may(
    struct voice *v, span list, uid_t uid, char ret_name[256])
{
	static const enum submit_user answers[] = {
		[SAID_NOTHING] = SUBMIT_USER_NO,
		[SAID_YES] = SUBMIT_USER_OK,
		[SAID_NO] = SUBMIT_USER_NO,
		[SAID_ASK] = SUBMIT_USER_ASK,
		[SAID_BAD] = SUBMIT_USER_BAD,
	};
	struct passwd *pw;

	/* The usual case needs no data base of users. */
	if (span_has_prefix(list, SPAN("static:")))
		return SUBMIT_USER_OK;
	pw = getpwuid(uid);
	(void)snprintf(ret_name, 256, "%s", pw ? pw->pw_name : "unknown");
	return answers[match_words(v, list, span_str(ret_name), 0)];
}
