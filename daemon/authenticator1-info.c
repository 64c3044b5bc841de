/*
 * Authenticator1: what the security key is and how it stands
 *
 * How it stands comes from the authenticator's status, which is known while locked, too. What it can do is taken from
 * its own getInfo, so that the two never differ: a reader of the few forms of CBOR that occur in it picks out the
 * lists that people ask for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "daemon/authenticator1-internal.h"

#define COMMAND_GET_INFO 0x04
#define TEXT_MAX         64U
#define DEPTH_MAX        4U

/* Keys of getInfo's map (CTAP 2.3, section 6.4) */
enum {
        INFO_VERSIONS = 1,
        INFO_EXTENSIONS = 2,
        INFO_TRANSPORTS = 9,
        INFO_ALGORITHMS = 10,
};

/* Major types of CBOR (RFC 8949) */
enum {
        CBOR_UINT = 0,
        CBOR_NEGATIVE = 1,
        CBOR_BYTES = 2,
        CBOR_TEXT = 3,
        CBOR_ARRAY = 4,
        CBOR_MAP = 5,
};

static uint8_t read_head(ByteReader *in, uint64_t *ret)
{
        uint8_t first = byte_reader_u8(in), info = first & 0x1f;
        uint64_t value = info;

        if (info >= 24) {
                value = 0;
                if (info > 27)
                        in->failed = true;
                for (unsigned n = info > 27 ? 0 : 1U << (info - 24); n > 0; n--)
                        value = value << 8 | byte_reader_u8(in);
        }
        *ret = value;
        return first >> 5;
}

static void skip(ByteReader *in, unsigned depth)
{
        uint64_t n;
        uint8_t major = read_head(in, &n);

        if (major == CBOR_BYTES || major == CBOR_TEXT)
                (void)byte_reader_raw(in, n);
        if (major != CBOR_ARRAY && major != CBOR_MAP)
                return;
        if (depth == 0)
                in->failed = true;
        for (n *= major == CBOR_MAP ? 2 : 1; n > 0 && !in->failed; n--)
                skip(in, depth - 1);
}

static void read_text(ByteReader *in, char ret[TEXT_MAX + 1])
{
        const uint8_t *text;
        uint64_t n;

        ret[0] = 0;
        if (read_head(in, &n) != CBOR_TEXT || n > TEXT_MAX) {
                in->failed = true;
                return;
        }
        text = byte_reader_raw(in, n);
        if (!text)
                return;
        memcpy(ret, text, n);
        ret[n] = 0;
}

static int32_t read_int(ByteReader *in)
{
        uint64_t n;
        uint8_t major = read_head(in, &n);

        if (major > CBOR_NEGATIVE || n > INT32_MAX) {
                in->failed = true;
                return 0;
        }
        return major == CBOR_NEGATIVE ? -1 - (int32_t)n : (int32_t)n;
}

/* {"alg": -7, "type": "public-key"} */
static int32_t read_algorithm(ByteReader *in)
{
        int32_t algorithm = 0;
        char key[TEXT_MAX + 1];
        uint64_t n;

        if (read_head(in, &n) != CBOR_MAP)
                in->failed = true;
        for (; n > 0 && !in->failed; n--) {
                read_text(in, key);
                if (strcmp(key, "alg") == 0)
                        algorithm = read_int(in);
                else
                        skip(in, DEPTH_MAX);
        }
        return algorithm;
}

static int append_list(ByteReader *in, sd_bus_message *m, const char *key, bool algorithms)
{
        uint64_t n;
        int r;

        if (read_head(in, &n) != CBOR_ARRAY)
                in->failed = true;
        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(m, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', algorithms ? "ai" : "as");
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', algorithms ? "i" : "s");
        for (; r >= 0 && n > 0 && !in->failed; n--) {
                char text[TEXT_MAX + 1];

                if (algorithms) {
                        r = sd_bus_message_append(m, "i", read_algorithm(in));
                } else {
                        read_text(in, text);
                        r = sd_bus_message_append(m, "s", text);
                }
        }
        for (int i = 0; i < 3 && r >= 0; i++)
                r = sd_bus_message_close_container(m);
        return r;
}

/* What it can do. */
static int append_abilities(Ctap *ctap, sd_bus_message *m)
{
        const uint8_t request[] = {COMMAND_GET_INFO};
        AuthenticatorHost *host;
        AuthenticatorReply reply;
        ByteReader in;
        uint64_t n;
        int r;

        r = authenticator_host_new(ctap->authenticator, /* userdata= */ NULL, &host);
        if (r < 0)
                return r;
        r = authenticator_request(host, 1, request, sizeof(request), &reply);
        if (r != 0 || reply.size == 0 || reply.data[0] != CTAP_OK) {
                authenticator_host_free(host);
                return r < 0 ? r : -EIO;
        }
        in = BYTE_READER(reply.data + 1, reply.size - 1);
        if (read_head(&in, &n) != CBOR_MAP)
                in.failed = true;
        for (r = 0; r >= 0 && n > 0 && !in.failed; n--) {
                switch (read_int(&in)) {
                case INFO_VERSIONS:
                        r = append_list(&in, m, "versions", false);
                        break;
                case INFO_EXTENSIONS:
                        r = append_list(&in, m, "extensions", false);
                        break;
                case INFO_TRANSPORTS:
                        r = append_list(&in, m, "transports", false);
                        break;
                case INFO_ALGORITHMS:
                        r = append_list(&in, m, "algorithms", true);
                        break;
                default:
                        skip(&in, DEPTH_MAX);
                }
        }
        authenticator_host_free(host);
        return r < 0 ? r : in.failed ? -EBADMSG : 0;
}

/* What keeps passkeys from being used: of those that a TPM seals, or holds the keys of. "" when nothing does. */
static const char *tpm_problem_of(const Daemon *daemon)
{
        const char *problem = ctap_seal_problem(daemon->ctap);

        return *problem ? problem : tpm_problem(daemon);
}

/* How it stands. */
static int append_status(Daemon *daemon, sd_bus_message *m, const AuthenticatorStatus *status)
{
        const char *path = ctap_socket_path(daemon->ctap);
        bool locked = !ctap_seal_is_open(daemon->ctap);
        const char *problem = tpm_problem_of(daemon);
        int r;

        r = sd_bus_message_append(
                m, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "locked", "b", (int)locked, "pin-set", "b",
                (int)status->pin_set, "pin-soft-blocked", "b", (int)status->pin_soft_blocked, "min-pin-length", "u",
                (uint32_t)status->min_pin_length, "force-pin-change", "b", (int)status->force_pin_change, "always-uv",
                "b", (int)status->always_uv, "enterprise-attestation", "b", (int)status->enterprise,
                "long-touch-for-reset", "b", (int)status->long_touch_for_reset, "pin-complexity", "b",
                (int)status->pin_complexity, "passkeys", "u", status->discoverable, "passkeys-left", "u",
                status->discoverable_left, "reset-window-ms", "u", (uint32_t)status->reset_window_ms, "aaguid", "s",
                KEYFOB_AAGUID);
        if (r >= 0 && !locked)
                r = sd_bus_message_append(m, "{sv}", "pin-retries", "u", (uint32_t)status->pin_retries);
        if (r >= 0 && path)
                r = sd_bus_message_append(m, "{sv}", "ctap-socket", "s", path);
        if (r >= 0 && *problem)
                r = sd_bus_message_append(m, "{sv}", "tpm-problem", "s", problem);
        if (r >= 0)
                r = sd_bus_message_append(m, "{sv}", "uhid", "s", ctap_uhid_status(daemon->ctap));
        return r;
}

int authenticator1_get_info(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        AuthenticatorStatus status;
        Daemon *daemon = userdata;
        int r;

        (void)daemon_find_vault(daemon);
        r = authenticator_status(ctap_authenticator(daemon->ctap), &status);
        if (r != CTAP_OK)
                return daemon_ctap_error(daemon, error, r);
        r = sd_bus_message_new_method_return(m, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = append_status(daemon, reply, &status);
        if (r >= 0)
                r = append_abilities(daemon->ctap, reply);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : batch_reply(daemon, m, reply);
}
