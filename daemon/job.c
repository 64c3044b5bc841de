/*
 * Jobs
 *
 * A queue, worker threads that are made when a job finds none idle, and an eventfd by which finished jobs come back to
 * the loop. The loop owns every job; a worker only borrows the one it runs. A cancelled job that is running is freed
 * when it comes back, one that still waits at once.
 */
#include "daemon/job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <time.h>

#include "common/secret.h"
#include "daemon/log.h"

#define JOBS_END_SECONDS 3

struct Job {
        Jobs *jobs;
        void (*run)(void *data);
        void (*done)(void *data);
        void (*free_data)(void *data);
        void *data;
        bool cancelled;
        Job *next;
};

typedef struct JobQueue {
        Job *first, **last;
} JobQueue;

struct Jobs {
        pthread_mutex_t mutex; /* of what follows */
        pthread_cond_t wake;
        JobQueue waiting, finished;
        unsigned n_waiting, n_idle;
        bool stop;

        pthread_t threads[JOBS_WORKERS_MAX];
        unsigned n_threads, workers;
        int fd;
        sd_event_source *source;
        unsigned n; /* that are not freed yet; the loop's */
};

static void queue_put(JobQueue *queue, Job *job)
{
        job->next = NULL;
        *queue->last = job;
        queue->last = &job->next;
}

static Job *queue_take(JobQueue *queue)
{
        Job *job = queue->first;

        if (job) {
                queue->first = job->next;
                if (!queue->first)
                        queue->last = &queue->first;
        }
        return job;
}

static bool queue_remove(JobQueue *queue, Job *job)
{
        for (Job **p = &queue->first; *p; p = &(*p)->next) {
                if (*p != job)
                        continue;
                *p = job->next;
                if (queue->last == &job->next)
                        queue->last = p;
                return true;
        }
        return false;
}

static void job_free(Job *job)
{
        job->jobs->n--;
        job->free_data(job->data);
        free(job);
}

static void *work(void *userdata)
{
        Jobs *jobs = userdata;

        (void)pthread_mutex_lock(&jobs->mutex);
        while (!jobs->stop) {
                Job *job = queue_take(&jobs->waiting);
                uint64_t one = 1;

                if (!job) {
                        jobs->n_idle++;
                        (void)pthread_cond_wait(&jobs->wake, &jobs->mutex);
                        jobs->n_idle--;
                        continue;
                }
                jobs->n_waiting--;
                (void)pthread_mutex_unlock(&jobs->mutex);
                job->run(job->data);
                traces_wipe();
                (void)pthread_mutex_lock(&jobs->mutex);
                queue_put(&jobs->finished, job);
                (void)!write(jobs->fd, &one, sizeof(one));
        }
        (void)pthread_mutex_unlock(&jobs->mutex);
        return NULL;
}

static int on_finished(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
        Jobs *jobs = userdata;
        uint64_t n;

        (void)!read(fd, &n, sizeof(n));
        for (;;) {
                Job *job;
                bool cancelled;

                (void)pthread_mutex_lock(&jobs->mutex);
                job = queue_take(&jobs->finished);
                cancelled = job && job->cancelled;
                (void)pthread_mutex_unlock(&jobs->mutex);
                if (!job)
                        return 0;
                if (!cancelled)
                        job->done(job->data);
                job_free(job);
        }
}

/* Threads take no signal; the loop has them all. */
static int start_thread(Jobs *jobs)
{
        sigset_t all, before;
        int r;

        (void)sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&jobs->threads[jobs->n_threads], NULL, work, jobs);
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        jobs->n_threads++;
        return 0;
}

/* One more, when those that there are have enough to do. */
static int need_thread(Jobs *jobs)
{
        bool enough;
        int r;

        (void)pthread_mutex_lock(&jobs->mutex);
        enough = jobs->n_idle > jobs->n_waiting;
        (void)pthread_mutex_unlock(&jobs->mutex);
        if (enough || jobs->n_threads == jobs->workers)
                return 0;
        r = start_thread(jobs);
        return jobs->n_threads > 0 ? 0 : r;
}

int job_start(Jobs *jobs, void (*run)(void *data), void (*done)(void *data), void (*free_data)(void *data), void *data,
              Job **ret)
{
        Job *job;
        int r;

        r = need_thread(jobs);
        if (r < 0)
                return r;
        job = calloc(1, sizeof(*job));
        if (!job)
                return -ENOMEM;
        *job = (Job){.jobs = jobs, .run = run, .done = done, .free_data = free_data, .data = data};

        jobs->n++;
        (void)pthread_mutex_lock(&jobs->mutex);
        queue_put(&jobs->waiting, job);
        jobs->n_waiting++;
        (void)pthread_cond_signal(&jobs->wake);
        (void)pthread_mutex_unlock(&jobs->mutex);

        *ret = job;
        return 0;
}

Job *job_cancel(Job *job)
{
        Jobs *jobs;
        bool idle;

        if (!job)
                return NULL;
        jobs = job->jobs;
        (void)pthread_mutex_lock(&jobs->mutex);
        job->cancelled = true;
        idle = queue_remove(&jobs->waiting, job);
        jobs->n_waiting -= idle;
        (void)pthread_mutex_unlock(&jobs->mutex);
        if (idle)
                job_free(job);
        return NULL;
}

int jobs_new(Daemon *daemon, unsigned workers, Jobs **ret)
{
        _cleanup_(jobs_freep) Jobs *jobs = calloc(1, sizeof(*jobs));
        int r;

        if (!jobs)
                return -ENOMEM;
        jobs->workers = workers < JOBS_WORKERS_MAX ? workers : JOBS_WORKERS_MAX;
        jobs->waiting.last = &jobs->waiting.first;
        jobs->finished.last = &jobs->finished.first;
        (void)pthread_mutex_init(&jobs->mutex, NULL);
        (void)pthread_cond_init(&jobs->wake, NULL);
        jobs->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (jobs->fd < 0)
                return -errno;
        r = sd_event_add_io(daemon->event, &jobs->source, jobs->fd, EPOLLIN, on_finished, jobs);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(jobs);
        return 0;
}

unsigned jobs_workers(const Jobs *jobs)
{
        return jobs->workers;
}

bool jobs_busy(const Jobs *jobs)
{
        return jobs->n > 0;
}

/* A computation can't be interrupted. When one takes too long its thread is left behind with what it uses; the process
 * is about to end. */
static bool end_threads(Jobs *jobs)
{
        struct timespec until;
        bool ended = true;

        (void)pthread_mutex_lock(&jobs->mutex);
        jobs->stop = true;
        (void)pthread_cond_broadcast(&jobs->wake);
        (void)pthread_mutex_unlock(&jobs->mutex);
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += JOBS_END_SECONDS;
        for (unsigned i = 0; i < jobs->n_threads; i++)
                ended &= pthread_timedjoin_np(jobs->threads[i], NULL, &until) == 0;
        return ended;
}

Jobs *jobs_free(Jobs *jobs)
{
        Job *job;

        if (!jobs)
                return NULL;
        sd_event_source_disable_unref(jobs->source);
        if (!end_threads(jobs)) {
                log_line(LOG_WARNING, "a computation is still running and is abandoned");
                return NULL;
        }
        while ((job = queue_take(&jobs->waiting)) || (job = queue_take(&jobs->finished)))
                job_free(job);
        if (jobs->fd >= 0)
                (void)close(jobs->fd);
        (void)pthread_cond_destroy(&jobs->wake);
        (void)pthread_mutex_destroy(&jobs->mutex);
        free(jobs);
        return NULL;
}
