/* SPDX-License-Identifier: ISC */
#include "tool/mail/draft.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

void draft_init(struct draft *d)
{
	*d = (struct draft){ .about = UINT32_MAX };
	buf_init(&d->to, DRAFT_LIST_MAX);
	buf_init(&d->cc, DRAFT_LIST_MAX);
	buf_init(&d->bcc, DRAFT_LIST_MAX);
	buf_init(&d->from, DRAFT_LIST_MAX);
	buf_init(&d->reply_to, DRAFT_LIST_MAX);
	buf_init(&d->sender, DRAFT_LIST_MAX);
	buf_init(&d->organization, DRAFT_LIST_MAX);
	buf_init(&d->author, DRAFT_LIST_MAX);
	buf_init(&d->envelope, DRAFT_LIST_MAX);
	buf_init(&d->subject, DRAFT_LIST_MAX);
	buf_init(&d->references, DRAFT_LIST_MAX);
	buf_init(&d->fields, DRAFT_LIST_MAX);
	buf_init(&d->body, DRAFT_TEXT_MAX);
}

void draft_done(struct draft *d)
{
	buf_done(&d->to);
	buf_done(&d->cc);
	buf_done(&d->bcc);
	buf_done(&d->from);
	buf_done(&d->reply_to);
	buf_done(&d->sender);
	buf_done(&d->organization);
	buf_done(&d->author);
	buf_done(&d->envelope);
	buf_done(&d->subject);
	buf_done(&d->references);
	buf_done(&d->fields);
	buf_done(&d->body);
	draft_files_free(STEAL(d->files), d->nfiles);
	d->nfiles = 0;
	mem_free(STEAL(d->mta_args));
}

static char *copy_text(span s)
{
	char *copy = mem_new(s.len + 1, 1);

	if (s.len)
		memcpy(copy, s.ptr, s.len);
	return copy;
}

static struct draft_file *add_file(struct draft *d)
{
	d->files = mem_resize(d->files, d->nfiles + 1, sizeof(*d->files));
	d->files[d->nfiles] = (struct draft_file){ 0 };
	return &d->files[d->nfiles++];
}

bool draft_attach(struct mua *m, struct draft *d, const char *path)
{
	struct stat st;
	struct draft_file *f;
	span name = span_str(path);
	int error = 0;

	if (stat(path, &st) < 0 || access(path, R_OK) < 0)
		error = errno;
	else if (S_ISDIR(st.st_mode))
		error = EISDIR;
	if (error) {
		mua_error(m, "%s: %s", path, strerror(error));
		return false;
	}
	f = add_file(d);
	f->path = copy_text(name);
	f->name =
	    copy_text(span_from(name, (size_t)(span_rfind(name, '/') + 1)));
	return true;
}

void draft_attach_message(struct draft *d, uint32_t i)
{
	add_file(d)->message = i;
}

void draft_files_free(struct draft_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		mem_free(files[i].path);
		mem_free(files[i].name);
	}
	mem_free(files);
}
