/*
 * Whatever fails on the disk, at whatever step of whatever write: afterwards there is the old state or the new one,
 * whole, and it is the one that the caller was told.
 */
#include <errno.h>
#include <sys/mman.h>

#include "tests/unit/vault-story.h"

typedef struct Trial {
        const Deed *deed;
        const DiskImage *before;
        const char *old, *new;
        DiskFault fault;
        unsigned at;
        bool for_good;
        char other[32]; /* a directory for copies */
        Scratch s;
} Trial;

static void complain(const Trial *trial, const char *what, int r, const char *got)
{
        fprintf(stderr, "%s: %s at step %u%s: %s; answer: %s\n--- old\n%s--- new\n%s--- found\n%s", trial->deed->name,
                disk_fault_name(trial->fault), trial->at, trial->for_good ? " and for good" : "", what,
                vault_strerror(r), trial->old, trial->new, got);
        exit(1);
}

/* The files as they are now, as after a SIGKILL. */
static char *look(const Trial *trial, bool *ret_aftermath)
{
        disk_copy(trial->other);
        return tell_files(trial->other, ret_aftermath);
}

static void judge(const Trial *trial, int r, const char *got)
{
        const bool is_old = strcmp(got, trial->old) == 0, is_new = strcmp(got, trial->new) == 0;

        if (r == 0 && !is_new)
                complain(trial, "what was done is not there", r, got);
        if (r == VAULT_E_UNSURE && !is_old && !is_new)
                complain(trial, "half of it is there", r, got);
        if (r != 0 && r != VAULT_E_UNSURE && !is_old)
                complain(trial, "what was not done is there", r, got);
}

/* On the same vault: a write works, and all is there; or it is refused, and all is as before. */
static void go_on(Trial *trial, const char *found)
{
        _cleanup_free_ char *after = NULL, *in_memory = NULL;
        bool there, there_in_memory;
        int r;

        if (!trial->s.vault && strcmp(found, "nothing\n") == 0)
                return;
        if (!trial->s.vault)
                CHECK_EQ(vault_open(trial->s.path, &trial->s.vault, NULL), 0);
        if (!vault_is_broken(trial->s.vault)) {
                _cleanup_(root_freep) Root *root = root_of(trial->s.vault, 0);

                CHECK_EQ(vault_unlock(trial->s.vault, root, 0), 0);
        }
        r = story_aftermath(trial->s.vault);
        after = look(trial, &there);
        if (strcmp(after, found) != 0)
                complain(trial, "a later write changed something else", r, after);
        if (there != (r == 0))
                complain(trial, "a later write is not there, or there all the same", r, after);
        if (vault_is_broken(trial->s.vault)) {
                if (r == 0)
                        complain(trial, "a broken vault was written to", r, after);
                return;
        }
        if (r != 0)
                complain(trial, "a vault that is not broken refuses a write", r, after);
        in_memory = tell(trial->s.vault, &there_in_memory);
        if (strcmp(in_memory, after) != 0 || !there_in_memory)
                complain(trial, "memory has something else than the file", r, in_memory);
}

/* False: the fault did not happen any more. */
static bool try(Trial *trial)
{
        _cleanup_free_ char *found = NULL, *closed = NULL;
        bool there, fired;
        int r;

        disk_mount(NULL);
        disk_image_put(trial->before, trial->s.dir);
        story_ready(&trial->s, trial->deed);
        disk_mount(trial->s.dir);
        disk_arm(trial->fault, trial->at, trial->for_good);
        r = trial->deed->act(&trial->s);
        if (!trial->for_good)
                (void)disk_disarm();
        found = look(trial, &there);
        judge(trial, r, found);
        if (!trial->for_good)
                go_on(trial, found);
        scratch_close(&trial->s);
        fired = disk_disarm();
        closed = look(trial, &there);
        if (strcmp(closed, found) != 0)
                complain(trial, "closing changed something", r, closed);
        disk_mount(NULL);
        trial->s.root = root_free(trial->s.root);
        return fired;
}

static unsigned tries;

static void try_all(Trial *trial)
{
        const bool all = getenv("KEYFOB_TEST_LONG") != NULL;

        for (trial->fault = 0; trial->fault < _DISK_FAULT_MAX; trial->fault++)
                for (unsigned good = 0; good < 2; good++) {
                        unsigned stride = 1;

                        trial->for_good = good;
                        /* Short and torn writes are not what a disk does from now on. */
                        if (good && !all && trial->fault != DISK_FULL && trial->fault != DISK_IO &&
                            trial->fault != DISK_SYNC)
                                continue;
                        for (trial->at = 0; try(trial); trial->at += stride) {
                                tries++;
                                /* Both ends of a long way, and some of what is between. */
                                if (!all && trial->at >= 4)
                                        stride = trial->at / 2 + 1;
                        }
                }
}

/* The deed without a fault; the files become what it leaves. */
static char *do_it(Trial *trial, DiskImage *image)
{
        bool there;
        char *text;

        disk_mount(NULL);
        disk_image_put(image, trial->s.dir);
        story_ready(&trial->s, trial->deed);
        CHECK_EQ(trial->deed->act(&trial->s), 0);
        scratch_close(&trial->s);
        trial->s.root = root_free(trial->s.root);
        disk_image_done(image);
        disk_image_take(trial->s.dir, image);
        text = tell_files(trial->s.dir, &there);
        return text;
}

TEST(the_old_state_or_the_new_one)
{
        const char *only = getenv("KEYFOB_TEST_DEED");
        _cleanup_free_ char *old = NULL;
        DiskImage image = {0}, after = {0};
        Trial trial = {.before = &image};
        Scratch other;

        scratch_dir(&trial.s);
        scratch_dir(&other);
        (void)snprintf(trial.other, sizeof(trial.other), "%s", other.dir);
        disk_install();
        old = strdup("nothing\n");
        for (size_t i = 0; i < story_length; i++) {
                unsigned before = tries;
                char *new;

                trial.deed = story + i;
                disk_image_put(&image, trial.s.dir);
                disk_image_done(&after);
                disk_image_take(trial.s.dir, &after);
                new = do_it(&trial, &after);
                trial.old = old;
                trial.new = new;
                if (!only || strstr(story[i].name, only)) {
                        try_all(&trial);
                        printf("  %s: %u faults\n", story[i].name, tries - before);
                        fflush(stdout);
                        CHECK(tries > before || story[i].act == NULL);
                }
                disk_image_done(&image);
                image = after;
                after = (DiskImage){0};
                free(old);
                old = new;
        }
        printf("  %u faults\n", tries);
        disk_image_done(&image);
        scratch_done(&other);
        scratch_done(&trial.s);
}

/* A copy whose log is still to be grown. */
TEST(a_full_disk_opens_and_is_read)
{
        char log[80];
        Scratch s;
        ItemId id;

        disk_install();
        scratch_new(&s);
        id = put(s.vault, 1, "a", "1", false, NULL, ATTRIBUTES({"k", "v"}));
        scratch_close(&s);
        (void)snprintf(log, sizeof(log), "%s-wal", s.path);
        CHECK_EQ(truncate(log, 0), 0);

        disk_mount(s.dir);
        disk_arm(DISK_FULL, 0, /* for_good= */ true);
        scratch_open(&s);
        scratch_unlock(&s);
        check_value(s.vault, id, "1");
        CHECK_EQ(story_aftermath(s.vault), -ENOSPC);
        CHECK(!vault_is_broken(s.vault));
        check_value(s.vault, id, "1");
        CHECK(disk_disarm());
        CHECK_EQ(story_aftermath(s.vault), 0);
        disk_mount(NULL);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* What is kept in a directory of which nobody knows whether it is there after a power cut is not kept. */
TEST(the_place_of_copies_is_durable)
{
        Scratch s;

        disk_install();
        scratch_dir(&s);
        disk_mount(s.dir);
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_free_ char *dir = NULL, *again = NULL;

                disk_arm(DISK_SYNC, 0, /* for_good= */ false);
                CHECK_EQ(file_snapshots(s.path, &dir), -EIO);
                CHECK(disk_disarm());
                CHECK_EQ(file_snapshots(s.path, &again), 0);
        }
        disk_mount(NULL);
        s.vault = NULL;
        s.root = NULL;
        scratch_done(&s);
}

static bool log_is_blank(const Scratch *s)
{
        static char content[8 * 1024 * 1024];
        char log[80];
        FILE *file;
        size_t n;

        (void)snprintf(log, sizeof(log), "%s-wal", s->path);
        file = fopen(log, "re");
        CHECK(file);
        n = fread(content, 1, sizeof(content), file);
        (void)fclose(file);
        CHECK(n > 0 && n < sizeof(content));
        for (size_t i = 0; i < n; i++)
                if (content[i] != 0)
                        return false;
        return true;
}

static int other_slot(Scratch *s, bool add)
{
        _cleanup_(slot_draft_freep) SlotDraft *draft = draft_none();
        static uint8_t id[SLOT_ID_SIZE];

        if (!add)
                return vault_slot_remove(s->vault, s->root, id);
        memcpy(id, slot_draft_id(draft), SLOT_ID_SIZE);
        return vault_slot_add(s->vault, s->root, draft);
}

/* A slot that was removed is not to stay in the log because the disk failed in that moment, or because more was to be written
 * with it. */
TEST(a_log_that_could_not_be_wiped_is_wiped_later)
{
        unsigned steps, found = 0;
        Scratch s;

        disk_install();
        scratch_new(&s);
        CHECK_EQ(other_slot(&s, true), 0);
        CHECK_EQ(vault_batch_begin(s.vault), 0);
        CHECK_EQ(other_slot(&s, false), 0);
        CHECK_EQ(vault_batch_commit(s.vault), 0);
        CHECK(!log_is_blank(&s));
        CHECK_EQ(vault_idle(s.vault, 1), 0);
        CHECK(log_is_blank(&s));

        CHECK_EQ(other_slot(&s, true), 0);
        disk_mount(s.dir);
        CHECK_EQ(other_slot(&s, false), 0);
        steps = disk_steps(DISK_IO);
        CHECK(log_is_blank(&s));
        while (!found && steps-- > 1) {
                CHECK_EQ(other_slot(&s, true), 0);
                CHECK_EQ(vault_idle(s.vault, 1), 0);
                disk_arm(DISK_IO, steps, /* for_good= */ false);
                CHECK_EQ(other_slot(&s, false), 0);
                (void)disk_disarm();
                found += !log_is_blank(&s);
                CHECK_EQ(vault_idle(s.vault, 1), 0);
                CHECK(log_is_blank(&s));
        }
        CHECK(found);
        disk_mount(NULL);
        check_in_order(s.vault);
        scratch_done(&s);
}

/* What a vault that was not closed has in its files, and a backup of it from before its last write. */
static void make_unclosed(Scratch *s, const char *to, int backup)
{
        _cleanup_(vault_copy_freep) VaultCopy *copy = NULL;
        bool done = false;

        scratch_new(s);
        (void)put(s->vault, 1, "a", "in both", false, NULL, ATTRIBUTES({"k", "a"}));
        CHECK_EQ(vault_copy_new(s->vault, backup, &copy), 0);
        while (!done)
                CHECK_EQ(vault_copy_step(copy, 100, &done), 0);
        CHECK_EQ(vault_idle(s->vault, 0), 0);
        disk_mount(s->dir);
        (void)put(s->vault, 1, "b", "only in the log", false, NULL, ATTRIBUTES({"k", "b"}));
        disk_copy(to);
        scratch_close(s);
        disk_mount(NULL);
}

static char *replace_at(Scratch *s, int backup, DiskFault fault, unsigned at, int *ret, bool *ret_fired)
{
        _cleanup_free_ char *kept = NULL;
        _cleanup_close_ int fd = -1;
        uint64_t size;
        bool ignored;
        char *found;

        disk_mount(s->dir);
        CHECK_EQ(vault_private_file(s->path, &fd), 0);
        CHECK_EQ(vault_copy_file(backup, fd, UINT64_MAX, &size), 0);
        disk_arm(fault, at, /* for_good= */ false);
        *ret = vault_replace(s->path, fd, &kept);
        *ret_fired = disk_disarm();
        disk_mount(NULL);
        CHECK_EQ(*ret == 0, kept != NULL);
        found = tell_files(s->dir, &ignored);
        return found;
}

TEST(a_backup_takes_the_place_or_what_is_there_stays)
{
        static const DiskFault faults[] = {DISK_IO, DISK_FULL, DISK_SYNC};
        _cleanup_close_ int backup = memfd_create("backup", MFD_CLOEXEC);
        _cleanup_free_ char *old = NULL, *new = NULL;
        DiskImage image = {0};
        Scratch s, other;
        bool fired;
        int r;

        disk_install();
        scratch_dir(&other);
        CHECK(backup >= 0);
        make_unclosed(&s, other.dir, backup);
        disk_image_take(other.dir, &image);
        old = tell_files(other.dir, &fired);
        disk_image_put(&image, s.dir);
        new = replace_at(&s, backup, DISK_FULL, 1000, &r, &fired);
        CHECK(r == 0 && !fired && strcmp(old, new) != 0);

        for (size_t i = 0; i < ELEMENTSOF(faults); i++) {
                fired = true;
                for (unsigned at = 0; fired; at++) {
                        _cleanup_free_ char *found = NULL;

                        disk_image_put(&image, s.dir);
                        found = replace_at(&s, backup, faults[i], at, &r, &fired);
                        if (r == VAULT_E_UNSURE ? strcmp(found, old) != 0 && strcmp(found, new) != 0
                                                : strcmp(found, r == 0 ? new : old) != 0) {
                                fprintf(stderr, "%s at step %u: %s\n%s", disk_fault_name(faults[i]), at, vault_strerror(r),
                                        found);
                                exit(1);
                        }
                }
        }
        disk_image_done(&image);
        scratch_done(&other);
        scratch_done(&s);
}

TEST_MAIN
