/*
 * Job: a long computation off the loop
 *
 * One worker thread takes jobs in order, so that concurrent unlock attempts never multiply the KDF's memory. run()
 * must touch nothing but its own data; done() runs on the loop. A cancelled job's done() is not called; free_data()
 * always is.
 */
#pragma once

#include "daemon/daemon.h"

typedef struct Job Job;

int job_start(Daemon *daemon, void (*run)(void *data), void (*done)(void *data), void (*free_data)(void *data),
              void *data, Job **ret);
/* Forgets the job: it may still run, done() won't. NULL allowed. Returns NULL. After done() the pointer is dead. */
Job *job_cancel(Job *job);

int jobs_new(Daemon *daemon, Jobs **ret);
/* Waits for the job that runs, but not for long. */
Jobs *jobs_free(Jobs *jobs);
DEFINE_CLEANUP(Jobs *, jobs_free)
