/*
 * The PIN itself
 *
 * It is kept as half a hash, as the protocol demands, so all its strength is in the count of tries: a try is used up durably before the
 * comparison, and given back after a right one. Pulling the plug in between never buys a guess. Three wrong ones in a row
 * stop everything until a power cycle, which a program that only talks to the authenticator cannot bring about.
 *
 * The complexity policy, once it is switched on, refuses what people try first: one character only, runs up or down (9 is
 * followed by 0), short patterns repeated, and the commonest PINs that are none of these.
 */
#include <errno.h>

#include "authenticator/pin.h"
#include "common/bytes.h"
#include "crypto/seal.h"

/* From published counts of leaked PINs and passwords; runs and repetitions are found by rule. */
static const char *const common_pins[] = {
        "0852", "1004",   "112233", "1122",   "123321", "1313",   "1357",     "13579",    "1379",   "142536", "147258",
        "147258369", "147852", "159357", "159753", "1q2w", "1q2w3e", "1q2w3e4r", "1qaz", "1qaz2wsx", "2468",   "2580",
        "258456", "3690",   "456852", "5683",   "741852",  "7410",     "789456",   "8520",   "abc123", "admin",
        "asdf",   "asdfgh", "dragon", "iloveyou", "letmein", "login",  "master",   "monkey", "pass",   "password",
        "qazwsx", "qwer",   "qwert",  "qwerty", "secret",  "welcome",  "zxcv",     "zxcvbn",
};

typedef struct CodePoints {
        uint32_t at[AUTHENTICATOR_PIN_MAX];
        size_t n;
} CodePoints;

static void code_points_donep(CodePoints *points)
{
        explicit_bzero(points, sizeof(*points));
}

/* Of bytes that are UTF-8 and at most AUTHENTICATOR_PIN_MAX. */
static void code_points(const uint8_t *pin, size_t size, CodePoints *ret)
{
        ret->n = 0;
        for (size_t i = 0; i < size; i++) {
                if ((pin[i] & 0xc0) == 0x80)
                        ret->at[ret->n - 1] = ret->at[ret->n - 1] << 6 | (pin[i] & 0x3f);
                else
                        ret->at[ret->n++] = pin[i] < 0x80 ? pin[i] :
                                            pin[i] < 0xe0 ? pin[i] & 0x1f :
                                            pin[i] < 0xf0 ? pin[i] & 0x0f :
                                                            pin[i] & 0x07;
        }
}

static uint32_t successor(uint32_t c)
{
        return c == '9' ? '0' : c + 1;
}

static bool is_run(const CodePoints *points)
{
        bool up = true, down = true;

        for (size_t i = 1; i < points->n; i++) {
                up = up && points->at[i] == successor(points->at[i - 1]);
                down = down && points->at[i - 1] == successor(points->at[i]);
        }
        return up || down;
}

/* Whether it is a pattern of at most half its length, again and again; a single character is one as well. */
static bool is_repetition(const CodePoints *points)
{
        for (size_t period = 1; period <= points->n / 2; period++) {
                size_t i = period;

                while (i < points->n && points->at[i] == points->at[i - period])
                        i++;
                if (i == points->n)
                        return true;
        }
        return false;
}

static bool is_common(const CodePoints *points)
{
        for (size_t k = 0; k < ELEMENTSOF(common_pins); k++) {
                const char *common = common_pins[k];
                size_t i = 0;

                while (i < points->n && common[i] != '\0' &&
                       (points->at[i] | (points->at[i] >= 'A' && points->at[i] <= 'Z' ? 0x20U : 0U)) ==
                               (uint32_t)common[i])
                        i++;
                if (i == points->n && common[i] == '\0')
                        return true;
        }
        return false;
}

static bool is_text(const uint8_t *pin, size_t size)
{
        return size > 0 && size <= AUTHENTICATOR_PIN_MAX && utf8_valid(pin, size);
}

int pin_check_policy(const State *state, const uint8_t *pin, size_t size)
{
        _cleanup_(code_points_donep) CodePoints points = {0};

        if (!is_text(pin, size))
                return CTAP2_ERR_PIN_POLICY_VIOLATION;
        code_points(pin, size, &points);
        if (points.n < state->min_pin_length)
                return CTAP2_ERR_PIN_POLICY_VIOLATION;
        if (state->pin_complexity && (is_run(&points) || is_repetition(&points) || is_common(&points)))
                return CTAP2_ERR_PIN_POLICY_VIOLATION;
        return CTAP_OK;
}

bool pin_possible(const uint8_t *pin, size_t size)
{
        _cleanup_(code_points_donep) CodePoints points = {0};

        if (!is_text(pin, size))
                return false;
        code_points(pin, size, &points);
        return points.n >= PIN_MIN_DEFAULT;
}

void pin_hash(const void *pin, size_t size, uint8_t ret[PIN_HASH_SIZE])
{
        uint8_t hash[SHA256_SIZE];

        sha256(pin, size, hash);
        memcpy(ret, hash, PIN_HASH_SIZE);
        explicit_bzero(hash, sizeof(hash));
}

int pin_usable(const Authenticator *a)
{
        if (!a->state->pin_set)
                return CTAP2_ERR_PIN_NOT_SET;
        if (a->state->pin_retries == 0)
                return CTAP2_ERR_PIN_BLOCKED;
        return a->pin_soft_blocked ? CTAP2_ERR_PIN_AUTH_BLOCKED : CTAP_OK;
}

int state_update(Authenticator *a, void (*update)(State *state))
{
        _cleanup_(change_donep) Change change = {0};
        int r;

        r = change_begin(a, &change);
        if (r != CTAP_OK)
                return r;
        update(change.state);
        return change_commit(&change);
}

static void use_up_try(State *state)
{
        state->pin_retries--;
}

static void give_back_tries(State *state)
{
        state->pin_retries = PIN_RETRIES_MAX;
        state->uv_retries = UV_RETRIES_MAX;
        state->uv_since_pin = 0;
}

int pin_try(Authenticator *a, AuthenticatorHost *host, const uint8_t hash[PIN_HASH_SIZE])
{
        int r;

        r = pin_usable(a);
        if (r != CTAP_OK)
                return r;
        r = state_update(a, use_up_try);
        if (r != CTAP_OK)
                return r;
        if (hash && bytes_equal(hash, a->state->pin_hash, PIN_HASH_SIZE)) {
                a->pin_wrong = 0;
                return state_update(a, give_back_tries);
        }
        for (uint64_t protocol = 1; host && protocol <= PIN_PROTOCOL_MAX; protocol++)
                protocol_regenerate(host, protocol);
        a->pin_wrong++;
        if (a->state->pin_retries == 0)
                return CTAP2_ERR_PIN_BLOCKED;
        if (a->pin_wrong < PIN_SOFT_TRIES)
                return CTAP2_ERR_PIN_INVALID;
        a->pin_soft_blocked = true;
        return CTAP2_ERR_PIN_AUTH_BLOCKED;
}

int pin_store(Authenticator *a, const uint8_t *pin, size_t size)
{
        _cleanup_(change_donep) Change change = {0};
        _cleanup_(code_points_donep) CodePoints points = {0};
        int r;

        if (!is_text(pin, size))
                return CTAP2_ERR_PIN_POLICY_VIOLATION;
        r = change_begin(a, &change);
        if (r != CTAP_OK)
                return r;
        code_points(pin, size, &points);
        pin_hash(pin, size, change.state->pin_hash);
        change.state->pin_length = (uint8_t)points.n;
        change.state->pin_set = true;
        give_back_tries(change.state);
        change.state->force_pin_change = false;
        state_end_persistent_token(change.state);
        r = change_commit(&change);
        if (r != CTAP_OK)
                return r;
        a->pin_wrong = 0;
        a->pin_soft_blocked = false;
        token_end_all(a);
        return CTAP_OK;
}
