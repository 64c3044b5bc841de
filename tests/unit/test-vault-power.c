/*
 * Whatever a power cut leaves: at every step of every kind of write, of the checkpoint and the closing after it, what
 * was synced is there and of the rest any sectors are. The vault opens, whole, with all that was answered. The same
 * when a sync failed on the way and its data were lost, and the vault was written to or opened anew afterwards.
 */
#include <limits.h>

#include "tests/unit/vault-story.h"

#define CUTS 12U /* at most, of each moment */

typedef struct Flow {
        const Deed *deed;
        const char *old, *new;
        /* What is right at this moment, and whether the write after it is there. */
        bool may_be_old, may_be_new, may_have_aftermath, must_have_aftermath;
        unsigned moment, failed_sync;
        bool lasting; /* it and all after it, until the deed is answered */
        uint64_t seed;
        unsigned stride, cuts;
        char other[32]; /* a directory for what is left */
        Scratch s;
} Flow;

static unsigned cuts;

static void cut(void *userdata)
{
        Flow *flow = userdata;

        if (flow->moment++ % flow->stride != 0)
                return;
        for (unsigned i = 0; i < flow->cuts; i++) {
                _cleanup_free_ char *found = NULL;
                uint64_t seed = flow->seed + flow->moment * CUTS + i;
                bool aftermath;

                disk_cut(seed, flow->other);
                found = tell_files(flow->other, &aftermath);
                cuts++;
                if (((flow->may_be_old && strcmp(found, flow->old) == 0) ||
                     (flow->may_be_new && strcmp(found, flow->new) == 0)) &&
                    (!aftermath || flow->may_have_aftermath) && (aftermath || !flow->must_have_aftermath))
                        continue;
                fprintf(stderr,
                        "%s: power cut at moment %u, seed %llu, failed sync %u%s: may be%s%s, aftermath %d (%d to "
                        "%d)\n"
                        "--- old\n%s--- new\n%s--- found\n%s",
                        flow->deed->name, flow->moment, (unsigned long long)seed, flow->failed_sync,
                        flow->lasting ? " and those after it" : "", flow->may_be_old ? " old" : "",
                        flow->may_be_new ? " new" : "", aftermath, flow->must_have_aftermath, flow->may_have_aftermath,
                        flow->old, flow->new, found);
                exit(1);
        }
}

/* The machine goes on; so does the daemon, or another one. */
static void settle(Flow *flow, int r)
{
        if (r == 0)
                flow->may_be_old = false;
        else if (r != VAULT_E_UNSURE)
                flow->may_be_new = false;
}

static void write_aftermath(Flow *flow)
{
        const bool had = flow->must_have_aftermath;
        int r;

        if (!flow->s.vault)
                return;
        flow->may_have_aftermath = true;
        r = story_aftermath(flow->s.vault);
        flow->must_have_aftermath = had || r == 0;
        flow->may_have_aftermath = had || r == 0 || r == VAULT_E_UNSURE;
}

static void open_again(Flow *flow)
{
        _cleanup_free_ char *found = NULL;
        bool aftermath;

        if (vault_open(flow->s.path, &flow->s.vault, NULL) != 0)
                return;
        /* Who has read it relies on it. */
        found = tell(flow->s.vault, &aftermath);
        flow->may_be_old = flow->may_be_old && strcmp(found, flow->old) == 0;
        flow->may_be_new = flow->may_be_new && strcmp(found, flow->new) == 0;
        CHECK(flow->may_be_old || flow->may_be_new);
        flow->must_have_aftermath = flow->may_have_aftermath = aftermath;
}

/* `failing`: which sync fails, UINT_MAX none. How many syncs there were. */
static unsigned run(Flow *flow, const DiskImage *before, unsigned failing)
{
        unsigned syncs;
        int r;

        disk_mount(NULL);
        disk_image_put(before, flow->s.dir);
        flow->may_be_old = flow->may_be_new = true;
        flow->may_have_aftermath = flow->must_have_aftermath = false;
        flow->moment = 0;
        flow->failed_sync = failing;
        disk_mount(flow->s.dir);
        disk_watch(cut, flow);
        flow->may_be_new = false;
        story_ready(&flow->s, flow->deed);
        flow->may_be_new = true;
        if (failing != UINT_MAX)
                disk_arm(DISK_SYNC, failing, flow->lasting);
        syncs = disk_steps(DISK_SYNC);
        r = flow->deed->act(&flow->s);
        settle(flow, r);
        if (flow->lasting)
                (void)disk_disarm();
        write_aftermath(flow);
        if (flow->s.vault)
                (void)vault_idle(flow->s.vault, 1);
        /* Killed, and started anew, on the same machine. */
        if (flow->s.vault && vault_is_broken(flow->s.vault)) {
                scratch_close(&flow->s);
                open_again(flow);
        }
        write_aftermath(flow);
        scratch_close(&flow->s);
        open_again(flow);
        scratch_close(&flow->s);
        flow->s.root = root_free(flow->s.root);
        (void)disk_disarm();
        syncs = disk_steps(DISK_SYNC) - syncs;
        disk_mount(NULL);
        return syncs;
}

static char *do_it(Flow *flow, DiskImage *image)
{
        bool aftermath;

        disk_image_put(image, flow->s.dir);
        story_ready(&flow->s, flow->deed);
        CHECK_EQ(flow->deed->act(&flow->s), 0);
        scratch_close(&flow->s);
        flow->s.root = root_free(flow->s.root);
        disk_image_done(image);
        disk_image_take(flow->s.dir, image);
        return tell_files(flow->s.dir, &aftermath);
}

TEST(nothing_acknowledged_is_lost_and_nothing_is_half_there)
{
        const char *only = getenv("KEYFOB_TEST_DEED"), *seed = getenv("KEYFOB_TEST_SEED");
        const bool all = getenv("KEYFOB_TEST_LONG") != NULL;
        DiskImage before = {0}, after = {0};
        Flow flow = {.seed = seed ? strtoull(seed, NULL, 10) : 1};
        char *old = strdup("nothing\n");
        Scratch other;

        scratch_dir(&flow.s);
        scratch_dir(&other);
        (void)snprintf(flow.other, sizeof(flow.other), "%s", other.dir);
        disk_install();
        for (size_t i = 0; i < story_length; i++) {
                unsigned told = cuts, syncs;
                char *new;

                flow.deed = story + i;
                disk_image_put(&before, flow.s.dir);
                disk_image_take(flow.s.dir, &after);
                new = do_it(&flow, &after);
                flow.old = old;
                flow.new = new;
                if (!only || strstr(story[i].name, only)) {
                        flow.stride = UINT_MAX;
                        syncs = run(&flow, &before, UINT_MAX);
                        flow.stride = all || story[i].thorough ? 1 : flow.moment / 16 + 1;
                        flow.cuts = all || story[i].thorough ? CUTS : 2;
                        (void)run(&flow, &before, UINT_MAX);
                        flow.stride *= all ? 1 : 7;
                        flow.cuts = 2;
                        for (unsigned k = 0; k < 2 * syncs; k++, flow.seed += 1000) {
                                flow.lasting = k >= syncs;
                                (void)run(&flow, &before, k % syncs);
                        }
                        flow.lasting = false;
                        printf("  %s: %u power cuts, each of %u syncs failed\n", story[i].name, cuts - told, syncs);
                        fflush(stdout);
                }
                disk_image_done(&before);
                before = after;
                free(old);
                old = new;
        }
        free(old);
        disk_image_done(&before);
        printf("  %u power cuts\n", cuts);
        CHECK(cuts > 0);
        scratch_done(&other);
        scratch_done(&flow.s);
}

TEST_MAIN
