/* SPDX-License-Identifier: ISC */
/*
 * daemon/deliver/pipe_job.h - jobs of services that run pipe(8): one command
 * for all recipients of the job.
 */
#pragma once

#include "daemon/deliver/services.h"

struct pipe_service;

/* As struct program_run asks for. */
const char *pipe_check(struct service *s);
void pipe_start(struct job_run *run);
/* NULL is fine. */
void pipe_service_free(struct pipe_service **p);
