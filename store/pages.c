/*
 * Pages of the file, and which bytes of them say nothing
 *
 * SQLite keeps what a table has in pages of 4096 bytes: trees, whose pages hold cells (a row, or a key and a child); chains, for what of
 * a row is too large for its cell; and a list of free ones. Where no cell is, a page has whatever was there before: copies of
 * cells that went elsewhere when the page was split or merged. Here are the rules by which a page is read, from the description of
 * the file format (sqlite.org/fileformat2.html, sections 1.5 and 1.6); who finds something else has a file that is not
 * for him. Nothing here does I/O.
 */
#include <string.h>

#include "store/internal.h"

#define HEAD_LEAF     8U
#define HEAD_INTERIOR 12U
#define CELL_MIN      4U

static uint32_t be16(const uint8_t *p)
{
        return (uint32_t)p[0] << 8 | p[1];
}

uint32_t page_u32(const uint8_t *p)
{
        return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Seven bits a byte, eight in the ninth. False: it does not end before `end`. */
static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
        uint64_t value = 0;

        for (unsigned i = 0; i < 9; i++) {
                uint8_t byte;

                if (*p == end)
                        return false;
                byte = *(*p)++;
                if (i == 8) {
                        *ret = value << 8 | byte;
                        return true;
                }
                value = value << 7 | (byte & 0x7f);
                if (!(byte & 0x80))
                        break;
        }
        *ret = value;
        return true;
}

static bool is_interior(uint8_t kind)
{
        return kind == PAGE_INDEX_INTERIOR || kind == PAGE_TABLE_INTERIOR;
}

bool tree_page_read(const uint8_t data[PAGE_SIZE], uint32_t no, TreePage *ret)
{
        TreePage page = {.data = data, .head = no == 1 ? FILE_HEAD_SIZE : 0};
        const uint8_t *head = data + page.head;

        page.kind = head[0];
        if (!is_interior(page.kind) && page.kind != PAGE_INDEX_LEAF && page.kind != PAGE_TABLE_LEAF)
                return false;
        page.first_free = be16(head + 1);
        page.n_cells = be16(head + 3);
        page.content = be16(head + 5);
        page.cells = page.head + (is_interior(page.kind) ? HEAD_INTERIOR : HEAD_LEAF);
        if (page.cells + 2 * page.n_cells > page.content || page.content > PAGE_SIZE)
                return false;
        *ret = page;
        return true;
}

bool tree_page_is_interior(const TreePage *page)
{
        return is_interior(page->kind);
}

static uint32_t cell_at(const TreePage *page, uint32_t i)
{
        return be16(page->data + page->cells + 2 * i);
}

/* The last is in the head. 0: there is none. */
uint32_t tree_page_child(const TreePage *page, uint32_t i)
{
        uint32_t at = i < page->n_cells ? cell_at(page, i) : page->head + HEAD_LEAF;

        return i < page->n_cells && (at < page->content || at > PAGE_SIZE - CELL_MIN) ? 0 : page_u32(page->data + at);
}

/* How much of a payload is in its cell. */
static uint64_t local_size(uint8_t kind, uint64_t size)
{
        const uint64_t most = kind == PAGE_TABLE_LEAF ? PAGE_SIZE - 35 : (PAGE_SIZE - 12) * 64 / 255 - 23;
        const uint64_t least = (PAGE_SIZE - 12) * 32 / 255 - 23;
        uint64_t local;

        if (size <= most)
                return size;
        local = least + (size - least) % CHAIN_PAGE_BYTES;
        return local <= most ? local : least;
}

bool tree_page_cell(const TreePage *page, uint32_t i, PageCell *ret)
{
        const uint8_t *end = page->data + PAGE_SIZE, *start, *p;
        PageCell cell = {.from = cell_at(page, i)};
        uint64_t size, rowid, local;

        if (cell.from < page->content || cell.from > PAGE_SIZE - CELL_MIN)
                return false;
        start = p = page->data + cell.from;
        if (is_interior(page->kind))
                p += 4;
        if (page->kind == PAGE_TABLE_INTERIOR) {
                if (!read_varint(&p, end, &rowid))
                        return false;
        } else {
                if (!read_varint(&p, end, &size) || size > INT32_MAX)
                        return false;
                if (page->kind == PAGE_TABLE_LEAF && !read_varint(&p, end, &rowid))
                        return false;
                local = local_size(page->kind, size);
                if (local + (local < size ? 4 : 0) > (uint64_t)(end - p))
                        return false;
                p += local;
                if (local < size) {
                        cell.chain = page_u32(p);
                        cell.chained = size - local;
                        p += 4;
                        if (cell.chain == 0)
                                return false;
                }
        }
        cell.to = cell.from + (p - start < (ptrdiff_t)CELL_MIN ? CELL_MIN : (uint32_t)(p - start));
        *ret = cell;
        return true;
}

static bool use(uint8_t used[PAGE_SIZE], uint32_t from, uint32_t to)
{
        if (memchr(used + from, 1, to - from))
                return false;
        memset(used + from, 1, to - from);
        return true;
}

bool tree_page_used(const TreePage *page, uint8_t ret[PAGE_SIZE])
{
        memset(ret, 0, PAGE_SIZE);
        memset(ret, 1, page->cells + 2 * page->n_cells);
        for (uint32_t i = 0; i < page->n_cells; i++) {
                PageCell cell;

                if (!tree_page_cell(page, i, &cell) || !use(ret, cell.from, cell.to))
                        return false;
        }
        /* Of a free block the first four bytes say where the next one is, and how long it is itself. */
        for (uint32_t at = page->first_free, next; at != 0; at = next) {
                uint32_t size;

                if (at < page->content || at > PAGE_SIZE - 4)
                        return false;
                next = be16(page->data + at);
                size = be16(page->data + at + 2);
                if (size < 4 || at + size > PAGE_SIZE || (next != 0 && next < at + size) || memchr(ret + at, 1, size))
                        return false;
                memset(ret + at, 1, 4);
        }
        return true;
}
