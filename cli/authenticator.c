/*
 * Authenticator
 *
 * Our own security key and those of other makers are shown with the same words.
 */
#include "cli/authenticator.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"
#include "cli/output.h"
#include "cli/terminal.h"

const char *authenticator_algorithm(int32_t algorithm)
{
        static const struct {
                int32_t number;
                const char *name;
        } names[] = {
                {-7, "ES256"},  {-8, "EdDSA"},   {-9, "ESP256"},  {-19, "Ed25519"}, {-35, "ES384"}, {-36, "ES512"},
                {-37, "PS256"}, {-47, "ES256K"}, {-51, "ESP384"}, {-52, "ESP512"},  {-53, "Ed448"}, {-257, "RS256"},
        };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (names[i].number == algorithm)
                        return names[i].name;
        return NULL;
}

/* Scripts find the same spelling everywhere, and jq needs no quotes for it. */
static int with_underscores(struct json_object *json, struct json_object **ret)
{
        _cleanup_json_ struct json_object *renamed = json_object_new_object();

        if (!renamed)
                return -ENOMEM;
        json_object_object_foreach(json, key, value)
        {
                _cleanup_free_ char *name = strdup(key);

                if (!name)
                        return -ENOMEM;
                for (char *p = name; *p; p++)
                        if (*p == '-')
                                *p = '_';
                if (json_object_object_add(renamed, name, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(renamed);
        return 0;
}

int authenticator_read(keyfob *k, sd_bus_message *call, ClientCall how, struct json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_json_ struct json_object *info = NULL;
        int r;

        r = client_call(k, call, how, &reply);
        if (r != 0)
                return r;
        r = json_from_message(reply, &info);
        if (r < 0)
                return client_fail_errno(k, r);
        if (!json_object_is_type(info, json_type_object))
                return client_fail(k, KEYFOB_E_PROTOCOL, NULL);
        return with_underscores(info, ret);
}

int authenticator_get(keyfob *k, struct json_object **ret)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        int r;

        r = client_authenticator_message(k, "GetInfo", &call);
        return r == 0 ? authenticator_read(k, call, CLIENT_QUICK, ret) : r;
}

/* ---- its PIN ---- */

char *authenticator_pin_text(struct json_object *info, AuthenticatorWhose whose)
{
        bool own = whose == AUTHENTICATOR_OWN;
        uint64_t retries = json_number(info, "pin_retries");
        char *text;

        if (!json_flag(info, "pin_set"))
                return strdup("no PIN");
        if (json_member(info, "pin_retries") && retries == 0)
                return strdup(own ? "PIN BLOCKED: keyfob authenticator pin reset" : "PIN BLOCKED: keyfob key reset");
        if (json_flag(info, "pin_soft_blocked"))
                return strdup("PIN blocked until keyfob authenticator replug");
        if (!json_member(info, "pin_retries"))
                return strdup("PIN set");
        if (asprintf(&text, "PIN set, %llu %s left%s", (unsigned long long)retries, retries == 1 ? "try" : "tries",
                     json_flag(info, "force_pin_change") ? ", to be changed before use" : "") < 0)
                return NULL;
        return text;
}

int authenticator_read_pin(const PasswordSource *source, const char *prompt, const char *option, bool is_new,
                           Secret **ret)
{
        int r;

        r = password_read(source, ret);
        if (r != 0 || *ret)
                return r;
        if (!terminal_available())
                return cli_error(EXIT_LOCKED, "nobody to ask for the %sPIN: give %s FILE", is_new ? "new " : "",
                                 option);
        r = is_new ? terminal_ask_twice(prompt, ret) : terminal_ask(prompt, ret);
        if (r == -ECANCELED)
                return cli_error(EXIT_REFUSED, "cancelled");
        return r < 0 ? cli_error(EXIT_OTHER, "cannot read the PIN: %s", strerror(-r)) : 0;
}

/* ---- all of it, for people ---- */

/* The values of a list, with names for algorithms. */
static void print_list(const char *name, struct json_object *list)
{
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *stream;

        stream = open_memstream(&text, &size);
        if (!stream)
                return;
        for (size_t i = 0; i < json_length(list); i++) {
                struct json_object *value = json_object_array_get_idx(list, i);
                const char *algorithm = NULL;

                if (json_object_is_type(value, json_type_int))
                        algorithm = authenticator_algorithm(json_object_get_int(value));
                (void)fprintf(stream, "%s%s", i > 0 ? ", " : "",
                              algorithm ? algorithm : json_object_get_string(value));
        }
        if (fclose(stream) == 0 && text)
                output_line(name, text);
}

static void print_settings(struct json_object *info)
{
        static const struct {
                const char *key, *line;
        } settings[] = {
                {"always_uv", "the PIN is always wanted"},
                {"pin_complexity", "simple PINs are refused"},
                {"enterprise_attestation", "enterprise attestation is on"},
                {"long_touch_for_reset", "a reset wants a long touch"},
        };

        for (size_t i = 0; i < ELEMENTSOF(settings); i++)
                if (json_flag(info, settings[i].key))
                        output_line("setting", settings[i].line);
}

/* "NAME   12 UNIT", when it is known. */
static void print_number(struct json_object *info, const char *key, const char *name, const char *unit)
{
        char text[96];

        if (!json_member(info, key))
                return;
        (void)snprintf(text, sizeof(text), "%llu%s", (unsigned long long)json_number(info, key), unit);
        output_line(name, text);
}

/* How many passkeys there are is known of our own only: others tell it after their PIN. */
static void print_own(struct json_object *info)
{
        uint64_t window = json_number(info, "reset_window_ms");
        char text[96];

        (void)snprintf(text, sizeof(text), "%llu, room for %llu more",
                       (unsigned long long)json_number(info, "passkeys"),
                       (unsigned long long)json_number(info, "passkeys_left"));
        output_line("passkeys", text);
        if (json_flag(info, "locked"))
                output_line("vault", "locked");
        print_settings(info);
        (void)snprintf(text, sizeof(text), "allowed for %llu s", (unsigned long long)(window + 999) / 1000);
        output_line("reset", window > 0 ? text : "within ten seconds of keyfob authenticator replug");
}

static void print_other(struct json_object *info)
{
        print_number(info, "passkeys_left", "passkeys", " more at most");
        print_number(info, "large_blobs", "blobs", " bytes for all of them");
        if (json_flag(info, "fingerprints"))
                output_line("fingers", "it has a sensor");
        print_number(info, "uv_retries", "finger tries", " left");
        print_settings(info);
        output_line("reset", "within ten seconds after it was plugged in");
        print_number(info, "firmware", "firmware", "");
}

int authenticator_print(struct json_object *info, AuthenticatorWhose whose)
{
        _cleanup_free_ char *pin = authenticator_pin_text(info, whose);

        if (!pin)
                return cli_no_memory();
        if (whose == AUTHENTICATOR_OTHER)
                output_line("path", json_string(info, "path"));
        output_line("PIN", pin);
        print_number(info, "min_pin_length", "PIN length", " characters at least");
        if (whose == AUTHENTICATOR_OWN)
                print_own(info);
        else
                print_other(info);
        if (*json_string(info, "tpm_problem"))
                output_line("TPM", json_string(info, "tpm_problem"));
        output_line("AAGUID", json_string(info, "aaguid"));
        print_list("versions", json_member(info, "versions"));
        print_list("extensions", json_member(info, "extensions"));
        print_list("algorithms", json_member(info, "algorithms"));
        print_list("transports", json_member(info, "transports"));
        output_line("socket", json_string(info, "ctap_socket"));
        output_line("device", json_string(info, "uhid"));
        return output_flush();
}
