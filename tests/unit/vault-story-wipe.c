/* The deeds that wipe: see vault-story.h */
#include "tests/unit/vault-story.h"

#include <errno.h>

/* Of a log with commits to several tables, of which only the last is told. What becomes of the wipe does not count. */
int deed_wipe_log(Scratch *s)
{
        static char value[20 * 1024];
        char name[] = "wipe-a", data[1000];
        int r = 0;

        memset(data, 'n', sizeof(data));
        memset(value, 'z', sizeof(value));
        for (; r == 0 && name[5] <= 'l'; name[5]++)
                r = vault_note_put(s->vault, name, data, sizeof(data));
        if (r == 0)
                r = story_write(s->vault, 1, "in the log", value, sizeof(value), false);
        if (r == 0)
                (void)vault_wipe_log(s->vault);
        return r;
}

/* What becomes of the wipe does not count. */
int deed_wipe_file(Scratch *s)
{
        uint64_t n;
        unsigned copies;
        int r;

        r = story_write(s->vault, 1, "before a wipe", "1", 1, false);
        if (r == 0)
                (void)wipe_all(s->vault, ITEM_ID(1, ITEM_NUMBER_MAX), &n, &copies);
        return r;
}

/* The same, with a write in the midst of it. */
int deed_wipe_and_write(Scratch *s)
{
        _cleanup_(vault_wipe_freep) VaultWipe *wipe = NULL;
        bool done = false;
        int r, wiped;

        wiped = vault_wipe_new(s->vault, ITEM_ID(1, ITEM_NUMBER_MAX), &wipe);
        for (unsigned i = 0; wiped == 0 && !done && i < 6; i++)
                wiped = vault_wipe_step(wipe, 16, &done);
        r = story_write(s->vault, 1, "in a wipe", "1", 1, false);
        while (wiped == 0 && !done)
                wiped = vault_wipe_step(wipe, 16, &done);
        return r;
}

/* What goes can't be had back, whatever becomes of the rest. */
int deed_wipe_old_values(Scratch *s)
{
        const ItemId one = story_item(s->vault, "one");
        uint64_t n = 0;
        unsigned copies;
        int r;

        if (one == 0)
                return -EIO;
        r = wipe_all(s->vault, one, &n, &copies);
        if (r == 0 && n == 0)
                return VAULT_E_NOT_FOUND;
        return r == 0 || r == VAULT_E_LOCKED ? r : VAULT_E_UNSURE;
}
