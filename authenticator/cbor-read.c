/*
 * The bounding pass: what a client sent is canonical and small before anything is built from it
 *
 * libcbor's tree decoder takes more than CTAP allows and trusts the lengths that it reads. So its streaming decoder, which
 * allocates nothing, goes over the bytes first, one head at a time. Whatever is not wanted leaves the token unaccepted; of
 * the rest we check what a stream cannot know: that heads are as short as they can be, that keys ascend, that containers
 * are neither deep nor longer than the bytes that are left. After that, building a tree costs memory in proportion to the request.
 */
#include <errno.h>
#include <string.h>

#include "authenticator/cbor.h"
#include "common/bytes.h"
#include "keyfob/authenticator.h"

typedef enum Major {
        MAJOR_UINT = 0,
        MAJOR_NEGATIVE = 1,
        MAJOR_BYTES = 2,
        MAJOR_TEXT = 3,
        MAJOR_ARRAY = 4,
        MAJOR_MAP = 5,
        MAJOR_SIMPLE = 7,
} Major;

/* One head, and the content of a string. */
typedef struct Token {
        bool accepted;
        Major major;
        uint64_t argument;
        const uint8_t *content;
} Token;

typedef struct Level {
        uint64_t left; /* items to come; a map has two for each member */
        bool map;
        const uint8_t *key; /* the last one */
        size_t key_size;
} Level;

typedef struct Walk {
        Level levels[CBOR_DEPTH_MAX];
        size_t depth, n_items;
} Walk;

/* ---- libcbor's callbacks ---- */

static void accept(void *token, Major major, uint64_t argument, const uint8_t *content)
{
        *(Token *)token = (Token){.accepted = true, .major = major, .argument = argument, .content = content};
}

static void on_uint8(void *token, uint8_t value)
{
        accept(token, MAJOR_UINT, value, NULL);
}

static void on_uint16(void *token, uint16_t value)
{
        accept(token, MAJOR_UINT, value, NULL);
}

static void on_uint32(void *token, uint32_t value)
{
        accept(token, MAJOR_UINT, value, NULL);
}

static void on_uint64(void *token, uint64_t value)
{
        accept(token, MAJOR_UINT, value, NULL);
}

static void on_negative8(void *token, uint8_t value)
{
        accept(token, MAJOR_NEGATIVE, value, NULL);
}

static void on_negative16(void *token, uint16_t value)
{
        accept(token, MAJOR_NEGATIVE, value, NULL);
}

static void on_negative32(void *token, uint32_t value)
{
        accept(token, MAJOR_NEGATIVE, value, NULL);
}

static void on_negative64(void *token, uint64_t value)
{
        accept(token, MAJOR_NEGATIVE, value, NULL);
}

static void on_bytes(void *token, cbor_data content, size_t size)
{
        accept(token, MAJOR_BYTES, size, content);
}

static void on_text(void *token, cbor_data content, size_t size)
{
        accept(token, MAJOR_TEXT, size, content);
}

static void on_array(void *token, size_t n)
{
        accept(token, MAJOR_ARRAY, n, NULL);
}

static void on_map(void *token, size_t n)
{
        accept(token, MAJOR_MAP, n, NULL);
}

static void on_bool(void *token, bool value)
{
        accept(token, MAJOR_SIMPLE, 0, NULL);
}

/* The others stay libcbor's own, which do nothing: indefinite lengths, tags, floats, null and undefined. */
static struct cbor_callbacks make_callbacks(void)
{
        struct cbor_callbacks callbacks = cbor_empty_callbacks;

        callbacks.uint8 = on_uint8;
        callbacks.uint16 = on_uint16;
        callbacks.uint32 = on_uint32;
        callbacks.uint64 = on_uint64;
        callbacks.negint8 = on_negative8;
        callbacks.negint16 = on_negative16;
        callbacks.negint32 = on_negative32;
        callbacks.negint64 = on_negative64;
        callbacks.byte_string = on_bytes;
        callbacks.string = on_text;
        callbacks.array_start = on_array;
        callbacks.map_start = on_map;
        callbacks.boolean = on_bool;
        return callbacks;
}

/* ---- the walk ---- */

static size_t head_size(const Token *token)
{
        if (token->argument < 24)
                return 1;
        if (token->argument <= UINT8_MAX)
                return 2;
        if (token->argument <= UINT16_MAX)
                return 3;
        return token->argument <= UINT32_MAX ? 5 : 9;
}

/* U+0000 is a character like others here; common/bytes.h has it end strings. */
static bool text_valid(const uint8_t *text, size_t size)
{
        while (size > 0) {
                const uint8_t *zero = memchr(text, 0, size);
                size_t before = zero ? (size_t)(zero - text) : size, step = zero ? before + 1 : size;

                if (!utf8_valid(text, before))
                        return false;
                text += step;
                size -= step;
        }
        return true;
}

static bool head_minimal(const Token *token, size_t size)
{
        bool string = token->major == MAJOR_BYTES || token->major == MAJOR_TEXT;

        return size == head_size(token) + (string ? (size_t)token->argument : 0);
}

/* Heads that are minimal begin with the major type and grow with the length, and none is the beginning of another: then
 * the order that section 8 describes is that of the bytes. */
bool cbor_keys_ascend(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
        return memcmp(a, b, a_size < b_size ? a_size : b_size) < 0;
}

/* Counts an item as a member of the container that is open; a key must be plain, and greater than the one before. */
static bool enter_member(Walk *walk, const Token *token, const uint8_t *item, size_t size)
{
        Level *level;

        if (walk->depth == 0)
                return true;
        level = walk->levels + walk->depth - 1;
        if (level->map && level->left % 2 == 0) {
                if (token->major > MAJOR_TEXT ||
                    (level->key && !cbor_keys_ascend(level->key, level->key_size, item, size)))
                        return false;
                level->key = item;
                level->key_size = size;
        }
        level->left--;
        return true;
}

/* `left` bytes follow; each member needs at least one, so that a count can neither overflow nor make work. */
static bool open_container(Walk *walk, const Token *token, size_t left)
{
        uint64_t each = token->major == MAJOR_MAP ? 2 : 1;

        if (token->argument > left / each || walk->depth == CBOR_DEPTH_MAX)
                return false;
        walk->levels[walk->depth++] = (Level){.left = token->argument * each, .map = token->major == MAJOR_MAP};
        return true;
}

static int take_item(Walk *walk, const Token *token, const uint8_t *item, size_t size, size_t left)
{
        if (!token->accepted || !head_minimal(token, size) || !enter_member(walk, token, item, size))
                return CTAP2_ERR_INVALID_CBOR;
        if (token->major == MAJOR_TEXT && !text_valid(token->content, (size_t)token->argument))
                return CTAP2_ERR_INVALID_CBOR;
        if ((token->major == MAJOR_ARRAY || token->major == MAJOR_MAP) && !open_container(walk, token, left))
                return CTAP2_ERR_INVALID_CBOR;
        if (++walk->n_items > CBOR_ITEMS_MAX)
                return CTAP2_ERR_LIMIT_EXCEEDED;
        while (walk->depth > 0 && walk->levels[walk->depth - 1].left == 0)
                walk->depth--;
        return CTAP_OK;
}

static int check(const uint8_t *data, size_t size)
{
        const struct cbor_callbacks callbacks = make_callbacks();
        Walk walk = {0};
        int r;

        do {
                Token token = {0};
                struct cbor_decoder_result result = cbor_stream_decode(data, size, &callbacks, &token);

                if (result.status != CBOR_DECODER_FINISHED)
                        return CTAP2_ERR_INVALID_CBOR;
                r = take_item(&walk, &token, data, result.read, size - result.read);
                if (r != CTAP_OK)
                        return r;
                data += result.read;
                size -= result.read;
        } while (walk.depth > 0);
        return size == 0 ? CTAP_OK : CTAP2_ERR_INVALID_CBOR;
}

int cbor_read(const uint8_t *data, size_t size, cbor_item_t **ret)
{
        struct cbor_load_result result;
        cbor_item_t *item;
        int r;

        r = check(data, size);
        if (r != CTAP_OK)
                return r;
        item = cbor_load(data, size, &result);
        if (!item)
                return result.error.code == CBOR_ERR_MEMERROR ? -ENOMEM : CTAP2_ERR_INVALID_CBOR;
        *ret = item;
        return CTAP_OK;
}
