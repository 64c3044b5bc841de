/*
 * Job: a long computation off the loop
 *
 * Each Jobs is a queue with workers of its own, which take jobs in order: one for the KDF, so that concurrent unlock attempts
 * never multiply its memory, and some for signatures, which need no memory and wait for no KDF. run() must touch
 * nothing but its own data; done() runs on the loop. A cancelled job's done() is not called; free_data() always is.
 */
#pragma once

#include "daemon/daemon.h"

typedef struct Job Job;

#define JOBS_WORKERS_MAX 8U

int job_start(Jobs *jobs, void (*run)(void *data), void (*done)(void *data), void (*free_data)(void *data),
              void *data, Job **ret);
/* Forgets the job: it may still run, done() won't. NULL allowed. Returns NULL. After done() the pointer is dead. */
Job *job_cancel(Job *job);

/* Threads are made when there is work for them; at most JOBS_WORKERS_MAX. */
int jobs_new(Daemon *daemon, unsigned workers, Jobs **ret);
unsigned jobs_workers(const Jobs *jobs);
/* Whether there is a job that has not been freed yet, a cancelled one included: what it works on is still in memory. */
bool jobs_busy(const Jobs *jobs);
/* Waits for the jobs that run, but not for long. */
Jobs *jobs_free(Jobs *jobs);
DEFINE_CLEANUP(Jobs *, jobs_free)
