/*
 * The authenticator of this user
 *
 * One instance for as long as the daemon runs; what it keeps lies in the vault, so it is the same key after a restart.
 * It stands in for a USB security key, hence its transport: a client that remembers how it met a credential must look
 * for it again among security keys. Its keys can be backed up with the vault, so credentials are marked as eligible
 * for backup, and have no counter that copies would contradict.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/hex.h"
#include "daemon/ctap-internal.h"
#include "daemon/log.h"

static const char *const transports[] = {"usb", NULL};

/* The same number that KEYFOB_AAGUID shows in groups. */
static int parse_aaguid(uint8_t ret[16])
{
        char digits[2 * 16 + 1];
        size_t n = 0;

        for (const char *p = KEYFOB_AAGUID; *p && n < sizeof(digits) - 1; p++)
                if (*p != '-')
                        digits[n++] = *p;
        digits[n] = 0;
        return hex_decode(digits, ret, 16);
}

/* 1.2.3 as 0x010203. */
static uint32_t firmware_version(void)
{
        unsigned major = 0, minor = 0, patch = 0;

        (void)sscanf(KEYFOB_VERSION, "%u.%u.%u", &major, &minor, &patch);
        return (uint32_t)(major << 16 | (minor & 0xff) << 8 | (patch & 0xff));
}

static int make_authenticator(Ctap *ctap)
{
        AuthenticatorOps ops = {.ask = ctap_ask, .withdraw = ctap_withdraw, .wink = ctap_wink};
        AuthenticatorConfig config = {
                .firmware_version = firmware_version(),
                .transports = transports,
                .backup_eligible = true,
                .counters = false,
        };
        int r;

        ctap_storage_ops(&ops);
        ops.fingerprints = ctap_fingers_ops(ctap);
        ops.keys = ctap_keys_ops(ctap);
        r = parse_aaguid(config.aaguid);
        if (r < 0)
                return r;
        if (!ctap->enterprise->pem)
                return authenticator_new(&config, &ops, ctap, &ctap->authenticator);

        config.enterprise_pem = ctap->enterprise->pem->data;
        config.enterprise_pem_size = ctap->enterprise->pem->size;
        config.enterprise_rp_ids = (const char *const *)ctap->enterprise->rp_ids;
        r = authenticator_new(&config, &ops, ctap, &ctap->authenticator);
        if (r == -EINVAL) {
                log_line(LOG_WARNING, CTAP_ENTERPRISE_DIRECTORY "/enterprise.pem is left out: it is not a certificate "
                                                                "chain with its P-256 key for this model of key");
                config.enterprise_pem = NULL;
                config.enterprise_pem_size = 0;
                config.enterprise_rp_ids = NULL;
                r = authenticator_new(&config, &ops, ctap, &ctap->authenticator);
        }
        ctap->enterprise->pem = secret_free(ctap->enterprise->pem);
        return r;
}

int ctap_new(Daemon *daemon, Ctap **ret)
{
        _cleanup_(ctap_freep) Ctap *ctap = calloc(1, sizeof(*ctap));
        int r;

        if (!ctap)
                return -ENOMEM;
        ctap->daemon = daemon;
        ctap->socket = OWN_SOCKET_NULL;
        r = ctap_enterprise_load(CTAP_ENTERPRISE_DIRECTORY, &ctap->enterprise);
        if (r >= 0)
                r = ctap_fingers_new(ctap);
        if (r >= 0)
                r = ctap_seal_new(ctap);
        if (r >= 0)
                r = make_authenticator(ctap);
        if (r < 0)
                return r;
        /* Passwords are served all the same. */
        r = ctap_socket_new(ctap);
        if (r < 0)
                log_line(LOG_ERR, "the security key has no socket: %s", strerror(-r));
        *ret = TAKE_PTR(ctap);
        return 0;
}

int ctap_open(Ctap *ctap)
{
        int r = ctap_socket_open(ctap);

        return r < 0 ? r : ctap_uhid_new(ctap);
}

Ctap *ctap_free(Ctap *ctap)
{
        if (!ctap)
                return NULL;
        ctap_uhid_free(ctap);
        ctap_socket_free(ctap);
        ctap_hosts_free(ctap);
        ctap_own_free_all(ctap);
        sd_event_source_disable_unref(ctap->changed);
        authenticator_free(ctap->authenticator);
        ctap_fingers_free(ctap);
        tpm_call_cancel(ctap->looking);
        ctap_seal_free(ctap);
        ctap_enterprise_free(ctap->enterprise);
        free(ctap);
        return NULL;
}

void ctap_rearm(Ctap *ctap)
{
        ctap_socket_rearm(ctap);
        ctap_uhid_rearm(ctap);
        ctap_hosts_rearm(ctap);
        ctap_own_rearm(ctap);
}

void ctap_forget(Ctap *ctap)
{
        if (!ctap)
                return;
        authenticator_forget(ctap->authenticator);
        ctap_rearm(ctap);
}

void ctap_replug(Ctap *ctap)
{
        ctap_socket_drop(ctap);
        ctap_uhid_drop(ctap);
        authenticator_power_cycle(ctap->authenticator);
        ctap->pin_soft_blocked = false;
        ctap->plugged_in = ctap_now(NULL);
        ctap_rearm(ctap);
        log_line(LOG_NOTICE, "the security key was plugged in anew");
}

Authenticator *ctap_authenticator(const Ctap *ctap)
{
        return ctap->authenticator;
}

const char *ctap_socket_path(const Ctap *ctap)
{
        return ctap->socket.path;
}
