/* Jobs: they run in order, off the loop; a cancelled one is not told, and every one is freed once. */
#include <pthread.h>
#include <unistd.h>

#include "daemon/job.h"
#include "tests/unit/test.h"

typedef struct Work {
        Daemon *daemon;
        pthread_t thread;
        int no;
        int *order, *n_order, *n_freed, *n_done;
        bool last;
} Work;

static void run(void *data)
{
        Work *work = data;

        work->thread = pthread_self();
        work->order[(*work->n_order)++] = work->no;
        (void)usleep(2000);
}

static void done(void *data)
{
        Work *work = data;

        CHECK(!pthread_equal(work->thread, pthread_self()));
        (*work->n_done)++;
        if (work->last)
                (void)sd_event_exit(work->daemon->event, 0);
}

static void free_work(void *data)
{
        Work *work = data;

        (*work->n_freed)++;
}

static void start(Daemon *daemon, unsigned workers)
{
        CHECK(sd_event_new(&daemon->event) >= 0);
        CHECK_EQ(jobs_new(daemon, workers, &daemon->jobs), 0);
}

static void stop(Daemon *daemon)
{
        daemon->jobs = jobs_free(daemon->jobs);
        sd_event_unref(daemon->event);
}

TEST(in_order)
{
        int order[5], n_order = 0, n_freed = 0, n_done = 0;
        Daemon daemon = {0};
        Work work[5];
        Job *job;

        start(&daemon, 1);
        for (int i = 0; i < 5; i++) {
                work[i] = (Work){.daemon = &daemon,
                                 .no = i,
                                 .order = order,
                                 .n_order = &n_order,
                                 .n_freed = &n_freed,
                                 .n_done = &n_done,
                                 .last = i == 4};
                CHECK_EQ(job_start(daemon.jobs, run, done, free_work, &work[i], &job), 0);
        }
        CHECK_EQ(n_done, 0);
        CHECK_EQ(sd_event_loop(daemon.event), 0);
        CHECK_EQ(n_done, 5);
        CHECK_EQ(n_freed, 5);
        for (int i = 0; i < 5; i++)
                CHECK_EQ(order[i], i);
        stop(&daemon);
}

TEST(cancelled)
{
        int order[3], n_order = 0, n_freed = 0, n_done = 0;
        Daemon daemon = {0};
        Job *jobs[3];
        Work work[3];

        start(&daemon, 1);
        for (int i = 0; i < 3; i++) {
                work[i] = (Work){.daemon = &daemon,
                                 .no = i,
                                 .order = order,
                                 .n_order = &n_order,
                                 .n_freed = &n_freed,
                                 .n_done = &n_done,
                                 .last = i == 2};
                CHECK_EQ(job_start(daemon.jobs, run, done, free_work, &work[i], &jobs[i]), 0);
        }
        CHECK(!job_cancel(jobs[0])); /* waits or runs */
        CHECK(!job_cancel(jobs[1])); /* waits, surely not run yet */
        CHECK_EQ(sd_event_loop(daemon.event), 0);
        CHECK_EQ(n_done, 1);
        stop(&daemon);
        CHECK_EQ(n_freed, 3);
}

TEST(unfinished_at_the_end)
{
        int order[2], n_order = 0, n_freed = 0, n_done = 0;
        Daemon daemon = {0};
        Work work[2];
        Job *job;

        start(&daemon, 1);
        for (int i = 0; i < 2; i++) {
                work[i] = (Work){.daemon = &daemon,
                                 .no = i,
                                 .order = order,
                                 .n_order = &n_order,
                                 .n_freed = &n_freed,
                                 .n_done = &n_done};
                CHECK_EQ(job_start(daemon.jobs, run, done, free_work, &work[i], &job), 0);
        }
        stop(&daemon);
        CHECK_EQ(n_freed, 2);
        CHECK_EQ(n_done, 0);
}

/* Each of them waits until as many as there are workers run. */
typedef struct Meeting {
        Daemon *daemon;
        pthread_barrier_t *barrier;
        int *n_done;
} Meeting;

static void meet(void *data)
{
        Meeting *meeting = data;

        (void)pthread_barrier_wait(meeting->barrier);
}

static void met(void *data)
{
        Meeting *meeting = data;

        if (++*meeting->n_done == 6)
                (void)sd_event_exit(meeting->daemon->event, 0);
}

static void forget(void *data)
{
}

TEST(several_workers)
{
        pthread_barrier_t barrier;
        Meeting meeting[6];
        Daemon daemon = {0};
        int n_done = 0;
        Job *job;

        CHECK_EQ(pthread_barrier_init(&barrier, NULL, 3), 0);
        start(&daemon, 3);
        for (int i = 0; i < 6; i++) {
                meeting[i] = (Meeting){.daemon = &daemon, .barrier = &barrier, .n_done = &n_done};
                CHECK_EQ(job_start(daemon.jobs, meet, met, forget, &meeting[i], &job), 0);
        }
        CHECK_EQ(sd_event_loop(daemon.event), 0);
        CHECK_EQ(n_done, 6);
        stop(&daemon);
        CHECK_EQ(pthread_barrier_destroy(&barrier), 0);
}

TEST_MAIN
