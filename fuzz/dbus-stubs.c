/*
 * Nothing leaves the process
 *
 * No program is executed, no thread made, no other bus and no file of the system's looked at. A job runs when the loop comes to it, so that
 * the same input gives the same run.
 */
#include "fuzz/dbus-stubs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/job.h"
#include "daemon/settings.h"
#include "fuzz/fuzz.h"

static int helper_end = -1;

int dbus_stubs_helper(void)
{
        return TAKE_FD(helper_end);
}

void __wrap_log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap_log_line(int level, const char *format, ...)
{
        char line[1024];
        va_list ap;

        va_start(ap, format);
        (void)vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
}

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
        return 0;
}

int __real_socketpair(int domain, int type, int protocol, int ret[2]);
int __wrap_socketpair(int domain, int type, int protocol, int ret[2]);
int __wrap_socketpair(int domain, int type, int protocol, int ret[2])
{
        if (__real_socketpair(domain, type, protocol, ret) < 0)
                return -1;
        if (helper_end >= 0)
                (void)close(helper_end);
        helper_end = dup(ret[1]);
        return 0;
}

int __wrap_posix_spawn(pid_t *ret, const char *path, const void *actions, const void *attributes, char *const argv[],
                       char *const environment[]);
int __wrap_posix_spawn(pid_t *ret, const char *path, const void *actions, const void *attributes, char *const argv[],
                       char *const environment[])
{
        *ret = getpid();
        return 0;
}

int __wrap_sd_event_add_child(sd_event *event, sd_event_source **ret, pid_t pid, int options,
                              sd_event_child_handler_t handler, void *userdata);
int __wrap_sd_event_add_child(sd_event *event, sd_event_source **ret, pid_t pid, int options,
                              sd_event_child_handler_t handler, void *userdata)
{
        return 0;
}

int __wrap_sd_bus_open_system(sd_bus **ret);
int __wrap_sd_bus_open_system(sd_bus **ret)
{
        return -ENOENT;
}

int __wrap_peer_connect(const char *path, int type, bool place);
int __wrap_peer_connect(const char *path, int type, bool place)
{
        return -ENOENT;
}

int __wrap_settings_load(Settings **ret);
int __wrap_settings_load(Settings **ret)
{
        return settings_new(ret);
}

/* ---- jobs: on the loop ---- */

struct Job {
        struct Jobs *jobs;
        void (*run)(void *data);
        void (*done)(void *data);
        void (*free_data)(void *data);
        void *data;
        Job *next;
};

struct Jobs {
        sd_event_source *source;
        unsigned workers;
        Job *first;
};

static void job_end(Job *job)
{
        job->free_data(job->data);
        free(job);
}

static int on_job(sd_event_source *source, void *userdata)
{
        Jobs *jobs = userdata;
        Job *job = jobs->first;

        if (!job)
                return 0;
        jobs->first = job->next;
        if (jobs->first)
                (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        job->run(job->data);
        job->done(job->data);
        job_end(job);
        return 0;
}

int __wrap_jobs_new(Daemon *daemon, unsigned workers, Jobs **ret);
int __wrap_jobs_new(Daemon *daemon, unsigned workers, Jobs **ret)
{
        Jobs *jobs = calloc(1, sizeof(*jobs));

        if (!jobs)
                return -ENOMEM;
        jobs->workers = workers;
        PROMISE(sd_event_add_defer(daemon->event, &jobs->source, on_job, jobs) >= 0);
        PROMISE(sd_event_source_set_enabled(jobs->source, SD_EVENT_OFF) >= 0);
        *ret = jobs;
        return 0;
}

unsigned __wrap_jobs_workers(const Jobs *jobs);
unsigned __wrap_jobs_workers(const Jobs *jobs)
{
        return jobs->workers;
}

Jobs *__wrap_jobs_free(Jobs *jobs);
Jobs *__wrap_jobs_free(Jobs *jobs)
{
        if (!jobs)
                return NULL;
        while (jobs->first) {
                Job *job = jobs->first;

                jobs->first = job->next;
                job_end(job);
        }
        (void)sd_event_source_disable_unref(jobs->source);
        free(jobs);
        return NULL;
}

int __wrap_job_start(Jobs *jobs, void (*run)(void *data), void (*done)(void *data), void (*free_data)(void *data),
                     void *data, Job **ret);
int __wrap_job_start(Jobs *jobs, void (*run)(void *data), void (*done)(void *data), void (*free_data)(void *data),
                     void *data, Job **ret)
{
        Job *job = calloc(1, sizeof(*job)), **last = &jobs->first;

        if (!job)
                return -ENOMEM;
        *job = (Job){.jobs = jobs, .run = run, .done = done, .free_data = free_data, .data = data};
        while (*last)
                last = &(*last)->next;
        *last = job;
        (void)sd_event_source_set_enabled(jobs->source, SD_EVENT_ONESHOT);
        *ret = job;
        return 0;
}

Job *__wrap_job_cancel(Job *job);
Job *__wrap_job_cancel(Job *job)
{
        if (!job)
                return NULL;
        for (Job **p = &job->jobs->first; *p; p = &(*p)->next)
                if (*p == job) {
                        *p = job->next;
                        job_end(job);
                        return NULL;
                }
        PROMISE(!"a job that waits");
        return NULL;
}
