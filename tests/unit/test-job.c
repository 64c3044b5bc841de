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

static void start(Daemon *daemon)
{
        CHECK(sd_event_new(&daemon->event) >= 0);
        CHECK_EQ(jobs_new(daemon, &daemon->jobs), 0);
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

        start(&daemon);
        for (int i = 0; i < 5; i++) {
                work[i] = (Work){.daemon = &daemon,
                                 .no = i,
                                 .order = order,
                                 .n_order = &n_order,
                                 .n_freed = &n_freed,
                                 .n_done = &n_done,
                                 .last = i == 4};
                CHECK_EQ(job_start(&daemon, run, done, free_work, &work[i], &job), 0);
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

        start(&daemon);
        for (int i = 0; i < 3; i++) {
                work[i] = (Work){.daemon = &daemon,
                                 .no = i,
                                 .order = order,
                                 .n_order = &n_order,
                                 .n_freed = &n_freed,
                                 .n_done = &n_done,
                                 .last = i == 2};
                CHECK_EQ(job_start(&daemon, run, done, free_work, &work[i], &jobs[i]), 0);
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

        start(&daemon);
        for (int i = 0; i < 2; i++) {
                work[i] = (Work){.daemon = &daemon,
                                 .no = i,
                                 .order = order,
                                 .n_order = &n_order,
                                 .n_freed = &n_freed,
                                 .n_done = &n_done};
                CHECK_EQ(job_start(&daemon, run, done, free_work, &work[i], &job), 0);
        }
        stop(&daemon);
        CHECK_EQ(n_freed, 2);
        CHECK_EQ(n_done, 0);
}

TEST_MAIN
