/*
 * Scrubbing: where the file says nothing, there is nothing
 *
 * Everything of a page that belongs to no cell, of a chain's last page what is behind its end, and free pages are overwritten with
 * zeros where they are, in the file itself, a few pages at a time. Between two steps the vault goes on as ever. Nothing that
 * SQLite would read is touched, so whatever is cut short leaves the vault as it was; and it wants no room on the disk.
 *
 * A step begins with all of the log in the file and ends with nothing in SQLite's cache: then the file is all that there is. The log is
 * asked, before it is moved into the file, which pages it has: these were written to since, and are to be looked at again. Which
 * pages there are is found out by going down the trees as far as their last but one level; after a change, again.
 *
 * At the end each page of the file must have been met in a tree, a chain, or the list of free ones. If one was not, or anything is
 * not as the format says, this file is not one for us: VAULT_E_UNSUPPORTED, and there are other means (wipe.c).
 */
#include <errno.h>
#include <string.h>

#include "store/internal.h"

#define LEVELS_MAX     16U
#define AT_RESERVED    20U /* in the head of the file */
#define AT_FREE_FIRST  32U
#define AT_FREE_COUNT  36U
#define AT_AUTO_VACUUM 52U
#define LOCK_PAGE      262145U /* has the byte that locks are on; it is not used */

/* What is known of a page. */
enum {
        IN_TREE = 1,
        IN_LIST = 2,  /* of free pages, */
        IS_TRUNK = 4, /* and names others */
        IN_CHAIN = 8, /* when its tree's page was looked at */
        CLEAN = 16,   /* nothing was written to it since it was overwritten */
};

struct Scrub {
        Vault *vault;
        uint8_t *pages; /* by number; the first is 1 */
        uint32_t n_pages;
        uint32_t at;    /* the page that is next */
        bool mapped;    /* nothing was written since the map was made */
        bool wrote;     /* something that is not synced */
};

Scrub *scrub_free(Scrub *scrub)
{
        if (!scrub)
                return NULL;
        free(scrub->pages);
        free(scrub);
        return NULL;
}

int scrub_new(Vault *vault, Scrub **ret)
{
        Scrub *scrub = calloc(1, sizeof(*scrub));

        if (!scrub)
                return -ENOMEM;
        scrub->vault = vault;
        scrub->at = 1;
        *ret = scrub;
        return 0;
}

/* ---- the file, by SQLite's own descriptor: closing another one of it would let go of the lock ---- */

static int get_file(Vault *vault, int which, sqlite3_file **ret)
{
        sqlite3_file *file = NULL;

        if (sqlite3_file_control(vault->db, "main", which, (void *)&file) != SQLITE_OK || !file || !file->pMethods)
                return -EIO;
        *ret = file;
        return 0;
}

static int read_at(Vault *vault, uint32_t page, size_t size, uint8_t *ret)
{
        sqlite3_file *file;
        int r = get_file(vault, SQLITE_FCNTL_FILE_POINTER, &file);

        return r != 0 ? r : db_result(file->pMethods->xRead(file, ret, (int)size, (sqlite3_int64)(page - 1) * PAGE_SIZE));
}

/* Zeros from `from` to `to` of a page, unless they are there. */
static int blank(Scrub *scrub, uint32_t page, const uint8_t data[PAGE_SIZE], uint32_t from, uint32_t to)
{
        static const uint8_t zeros[PAGE_SIZE];
        sqlite3_file *file;
        int r;

        if (memcmp(data + from, zeros, to - from) == 0)
                return 0;
        r = get_file(scrub->vault, SQLITE_FCNTL_FILE_POINTER, &file);
        if (r != 0)
                return r;
        scrub->wrote = true;
        return db_result(file->pMethods->xWrite(file, zeros, (int)(to - from), (sqlite3_int64)(page - 1) * PAGE_SIZE + from));
}

static int sync_file(Scrub *scrub)
{
        sqlite3_file *file;
        int r;

        if (!scrub->wrote)
                return 0;
        r = get_file(scrub->vault, SQLITE_FCNTL_FILE_POINTER, &file);
        if (r == 0)
                r = db_result(file->pMethods->xSync(file, SQLITE_SYNC_NORMAL));
        if (r == 0)
                scrub->wrote = false;
        return r;
}

/* ---- what was written meanwhile ---- */

int scrub_note_log(Scrub *scrub)
{
        Vault *vault = scrub->vault;
        sqlite3_file *log;
        int r;

        if (!vault->wal_pending)
                return 0;
        scrub->mapped = false;
        r = get_file(vault, SQLITE_FCNTL_JOURNAL_POINTER, &log);
        for (unsigned i = 0; r == 0 && i < vault->wal_frames; i++) {
                sqlite3_int64 at = LOG_HEAD_SIZE + (sqlite3_int64)i * (LOG_FRAME_HEAD + PAGE_SIZE);
                uint8_t head[4];
                uint32_t page;

                r = db_result(log->pMethods->xRead(log, head, sizeof(head), at));
                page = r == 0 ? page_u32(head) : 0;
                if (page >= 1 && page <= scrub->n_pages)
                        scrub->pages[page] &= (uint8_t)~CLEAN;
        }
        return r;
}

/* ---- which pages there are ---- */

static int mark(Scrub *scrub, uint32_t page, unsigned as)
{
        if (page < 1 || page > scrub->n_pages || (scrub->pages[page] & (IN_TREE | IN_LIST)))
                return VAULT_E_UNSUPPORTED;
        scrub->pages[page] |= (uint8_t)as;
        return 0;
}

/* Levels below this page. */
static int tree_depth(Scrub *scrub, uint32_t root, unsigned *ret)
{
        uint8_t data[PAGE_SIZE];
        uint32_t no = root;
        TreePage page;
        int r;

        for (unsigned depth = 0; depth < LEVELS_MAX; depth++) {
                if (no < 1 || no > scrub->n_pages)
                        return VAULT_E_UNSUPPORTED;
                r = read_at(scrub->vault, no, PAGE_SIZE, data);
                if (r != 0)
                        return r;
                if (!tree_page_read(data, no, &page))
                        return VAULT_E_UNSUPPORTED;
                if (!tree_page_is_interior(&page)) {
                        *ret = depth;
                        return 0;
                }
                no = tree_page_child(&page, 0);
        }
        return VAULT_E_UNSUPPORTED;
}

/* A page and all below it. Those of the last level need not be read for that. */
static int map_tree(Scrub *scrub, uint32_t no, unsigned depth)
{
        uint8_t data[PAGE_SIZE];
        TreePage page;
        int r;

        r = mark(scrub, no, IN_TREE);
        if (r != 0 || depth == 0)
                return r;
        r = read_at(scrub->vault, no, PAGE_SIZE, data);
        if (r != 0)
                return r;
        if (!tree_page_read(data, no, &page) || !tree_page_is_interior(&page))
                return VAULT_E_UNSUPPORTED;
        for (uint32_t i = 0; r == 0 && i <= page.n_cells; i++)
                r = map_tree(scrub, tree_page_child(&page, i), depth - 1);
        return r;
}

static int map_root(Scrub *scrub, uint32_t root)
{
        unsigned depth;
        int r;

        r = tree_depth(scrub, root, &depth);
        return r == 0 ? map_tree(scrub, root, depth) : r;
}

static int map_trees(Scrub *scrub)
{
        sqlite3_stmt *s = NULL;
        int rc, r;

        r = map_root(scrub, 1);
        if (r != 0)
                return r;
        rc = sqlite3_prepare_v2(scrub->vault->db, "SELECT rootpage FROM sqlite_schema", -1, &s, NULL);
        r = db_result(rc);
        while (r == 0) {
                uint32_t root;
                bool more;

                r = db_step(s, &more);
                if (r != 0 || !more)
                        break;
                r = db_column_u32(s, 0, &root) ? map_root(scrub, root) : VAULT_E_UNSUPPORTED;
        }
        (void)sqlite3_finalize(s);
        return r;
}

static int map_free(Scrub *scrub, uint32_t trunk, uint32_t count)
{
        uint8_t data[PAGE_SIZE];
        int r;

        while (trunk != 0) {
                uint32_t n;

                r = mark(scrub, trunk, IN_LIST | IS_TRUNK);
                if (r == 0)
                        r = read_at(scrub->vault, trunk, PAGE_SIZE, data);
                if (r != 0)
                        return r;
                n = page_u32(data + 4);
                if (n > PAGE_SIZE / 4 - 2 || n + 1 > count)
                        return VAULT_E_UNSUPPORTED;
                count -= n + 1;
                for (uint32_t i = 0; r == 0 && i < n; i++)
                        r = mark(scrub, page_u32(data + 8 + (size_t)4 * i), IN_LIST);
                if (r != 0)
                        return r;
                trunk = page_u32(data);
        }
        return count == 0 ? 0 : VAULT_E_UNSUPPORTED;
}

static int resize(Scrub *scrub)
{
        sqlite3_int64 size = 0;
        sqlite3_file *file;
        uint8_t *pages;
        uint32_t n;
        int r;

        r = get_file(scrub->vault, SQLITE_FCNTL_FILE_POINTER, &file);
        if (r == 0)
                r = db_result(file->pMethods->xFileSize(file, &size));
        if (r != 0)
                return r;
        if (size <= 0 || size % PAGE_SIZE != 0 || size / PAGE_SIZE >= UINT32_MAX)
                return VAULT_E_UNSUPPORTED;
        n = (uint32_t)(size / PAGE_SIZE);
        pages = realloc(scrub->pages, (size_t)n + 1);
        if (!pages)
                return -ENOMEM;
        if (n > scrub->n_pages)
                memset(pages + scrub->n_pages + 1, 0, n - scrub->n_pages);
        scrub->pages = pages;
        scrub->n_pages = n;
        return 0;
}

static int map(Scrub *scrub)
{
        uint8_t head[FILE_HEAD_SIZE];
        int r;

        r = resize(scrub);
        if (r == 0)
                r = read_at(scrub->vault, 1, sizeof(head), head);
        if (r != 0)
                return r;
        if (head[AT_RESERVED] != 0 || page_u32(head + AT_AUTO_VACUUM) != 0)
                return VAULT_E_UNSUPPORTED;
        for (uint32_t i = 1; i <= scrub->n_pages; i++)
                scrub->pages[i] &= IN_CHAIN | CLEAN;
        r = map_trees(scrub);
        if (r == 0)
                r = map_free(scrub, page_u32(head + AT_FREE_FIRST), page_u32(head + AT_FREE_COUNT));
        scrub->mapped = r == 0;
        return r;
}

/* ---- overwriting ---- */

/* The end of a chain; on the way all of it is noted. */
static int scrub_chain(Scrub *scrub, uint32_t no, uint64_t size)
{
        if (size > (uint64_t)scrub->n_pages * CHAIN_PAGE_BYTES)
                return VAULT_E_UNSUPPORTED;
        for (;;) {
                const size_t here = size < CHAIN_PAGE_BYTES ? (size_t)size : CHAIN_PAGE_BYTES;
                uint8_t data[PAGE_SIZE];
                int r;

                if (no < 1 || no > scrub->n_pages || (scrub->pages[no] & (IN_TREE | IN_LIST)))
                        return VAULT_E_UNSUPPORTED;
                scrub->pages[no] |= IN_CHAIN;
                size -= here;
                r = read_at(scrub->vault, no, size > 0 ? 4 : PAGE_SIZE, data);
                if (r != 0)
                        return r;
                no = size > 0 ? page_u32(data) : no;
                if (size == 0)
                        return page_u32(data) == 0 ? blank(scrub, no, data, (uint32_t)(4 + here), PAGE_SIZE)
                                                   : VAULT_E_UNSUPPORTED;
        }
}

static int scrub_tree_page(Scrub *scrub, uint32_t no, const uint8_t data[PAGE_SIZE])
{
        uint8_t used[PAGE_SIZE];
        TreePage page;
        int r = 0;

        if (!tree_page_read(data, no, &page) || !tree_page_used(&page, used))
                return VAULT_E_UNSUPPORTED;
        for (uint32_t i = 0; r == 0 && i < page.n_cells; i++) {
                PageCell cell;

                if (tree_page_cell(&page, i, &cell) && cell.chain != 0)
                        r = scrub_chain(scrub, cell.chain, cell.chained);
        }
        for (uint32_t from = 0, to; r == 0 && from < PAGE_SIZE; from = to) {
                const uint8_t *end = memchr(used + from, !used[from], PAGE_SIZE - from);

                to = end ? (uint32_t)(end - used) : PAGE_SIZE;
                if (!used[from])
                        r = blank(scrub, no, data, from, to);
        }
        return r;
}

static int scrub_page(Scrub *scrub, uint32_t no)
{
        uint8_t data[PAGE_SIZE];
        uint32_t from;
        int r;

        r = read_at(scrub->vault, no, PAGE_SIZE, data);
        if (r != 0)
                return r;
        if (scrub->pages[no] & IN_TREE)
                return scrub_tree_page(scrub, no, data);
        from = scrub->pages[no] & IS_TRUNK ? 8 + 4 * page_u32(data + 4) : 0;
        return from <= PAGE_SIZE ? blank(scrub, no, data, from, PAGE_SIZE) : VAULT_E_UNSUPPORTED;
}

/* The next page that is to be overwritten; 0 when there is none. */
static uint32_t next_page(Scrub *scrub)
{
        for (uint32_t i = 0; i < scrub->n_pages; i++) {
                if (scrub->at > scrub->n_pages)
                        scrub->at = 1;
                if ((scrub->pages[scrub->at] & (IN_TREE | IN_LIST)) && !(scrub->pages[scrub->at] & CLEAN))
                        return scrub->at;
                scrub->at++;
        }
        return 0;
}

static bool is_all_known(const Scrub *scrub)
{
        for (uint32_t i = 1; i <= scrub->n_pages; i++)
                if (!(scrub->pages[i] & (IN_TREE | IN_LIST | IN_CHAIN)) && i != LOCK_PAGE)
                        return false;
        return true;
}

static int scrub_some(Scrub *scrub, unsigned pages, bool *ret_done)
{
        uint32_t no;
        int r = 0;

        if (!scrub->mapped)
                r = map(scrub);
        for (; r == 0 && (no = next_page(scrub)) != 0; pages--) {
                if (pages == 0)
                        return sync_file(scrub);
                r = scrub_page(scrub, no);
                if (r == 0)
                        scrub->pages[no] |= CLEAN;
        }
        if (r == 0)
                r = sync_file(scrub);
        if (r != 0)
                return r;
        *ret_done = true;
        return is_all_known(scrub) ? 0 : VAULT_E_UNSUPPORTED;
}

int scrub_step(Scrub *scrub, unsigned pages, bool *ret_done)
{
        bool all;
        int r;

        *ret_done = false;
        r = vault_checkpoint(scrub->vault, &all);
        if (r == 0)
                r = all ? scrub_some(scrub, pages, ret_done) : VAULT_E_BUSY;
        /* It has pages as they were. */
        (void)sqlite3_db_release_memory(scrub->vault->db);
        return r;
}
