/*
 * Ssh1: a new key
 *
 * It is made inside the vault and never leaves it. What is asked for is looked at first, and then the vault is opened; the
 * key is made on a worker, because an RSA key takes a second or more, and stored when that is done.
 */
#include <errno.h>
#include <string.h>

#include "daemon/ssh1-internal.h"

#define PASSWORD "Enter the password of your Keyfob vault, to store a new key of ssh."

/* ---- what is made ---- */

static const struct {
        const char *type;
        unsigned bits; /* 0: any, if it has a choice of them */
        SshKeyKind kind;
} kinds[] = {
        {"ed25519", 0, SSH_KEY_ED25519},
        {"ecdsa", 256, SSH_KEY_ECDSA_P256},
        {"ecdsa", 384, SSH_KEY_ECDSA_P384},
        {"ecdsa", 521, SSH_KEY_ECDSA_P521},
        {"rsa", 0, SSH_KEY_RSA},
        {"ed25519-sk", 0, SSH_KEY_SK_ED25519},
        {"ecdsa-sk", 0, SSH_KEY_SK_ECDSA},
};

static bool on_security_key(const SshWish *wish)
{
        return wish->kind == SSH_KEY_SK_ED25519 || wish->kind == SSH_KEY_SK_ECDSA;
}

static int choose_kind(SshWish *wish, sd_bus_error *error)
{
        const char *type = wish->type ? wish->type : "ed25519";
        unsigned bits = wish->bits;
        bool known = false;

        if (bits == 0 && strcmp(type, "ecdsa") == 0)
                bits = 256;
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                if (strcmp(type, kinds[i].type) != 0)
                        continue;
                known = true;
                if (kinds[i].kind == SSH_KEY_RSA ? bits != 0 && (bits < 1024 || bits > 16384 || bits % 8 != 0)
                                                 : bits != kinds[i].bits)
                        continue;
                wish->kind = kinds[i].kind;
                return 0;
        }
        if (known)
                return store1_invalid(error, "a key of type %s does not have %u bits", type, bits);
        return store1_invalid(error, "'%.64s' is no type of key: ed25519, ecdsa, rsa, ed25519-sk, ecdsa-sk", type);
}

static int check(SshWish *wish, sd_bus_error *error)
{
        int r;

        r = choose_kind(wish, error);
        if (r < 0)
                return r;
        if (on_security_key(wish)) {
                if (wish->application && strncmp(wish->application, "ssh:", 4) != 0)
                        return store1_invalid(error, "an application begins with \"ssh:\"");
                return 0;
        }
        if (wish->device || wish->application || wish->user || wish->pin || wish->resident || wish->verify_required ||
            wish->no_touch_required)
                return store1_invalid(error, "that is for keys on a security key only: ed25519-sk, ecdsa-sk");
        return 0;
}

/* ---- the answer ---- */

int ssh1_finish_added(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_free_ char *line = NULL;
        SshKeyInfo info;
        int r;

        ssh_door_called(waiting->daemon->ssh);
        r = ssh_agent_key_get(ssh_door_agent(waiting->daemon->ssh), waiting->ssh->id, &info);
        if (r != 0)
                return ssh1_error(waiting->daemon, error, r);
        line = ssh1_line(&info);
        return line ? waiting_finish(waiting, "s", line) : -ENOMEM;
}

/* ---- making it ---- */

/* What the worker has; it may outlive its call. */
typedef struct Making {
        Waiting *waiting; /* looked at by done() only */
        SshKeyKind kind;
        unsigned bits;
        SshDraft *draft;
        int result;
} Making;

static void make_run(void *data)
{
        Making *making = data;

        making->result = ssh_draft_new(making->kind, making->bits, &making->draft);
}

static void make_free(void *data)
{
        Making *making = data;

        ssh_draft_free(making->draft);
        free(making);
}

static void make_done(void *data)
{
        Making *making = data;
        Waiting *waiting = making->waiting;

        waiting->job = NULL;
        waiting->ssh->result = making->result;
        waiting->ssh->draft = TAKE_PTR(making->draft);
        waiting_step_done(waiting);
}

static int store(Waiting *waiting, sd_bus_error *error)
{
        SshWish *wish = waiting->ssh;
        int r = wish->result;

        if (r == 0)
                r = ssh_agent_add_draft(ssh_door_agent(waiting->daemon->ssh), wish->draft,
                                        wish->comment ? wish->comment : "", &wish->policy, &wish->id);
        if (r != 0)
                return ssh1_error(waiting->daemon, error, r);
        return ssh1_finish_added(waiting, error);
}

static int make(Waiting *waiting, sd_bus_error *error)
{
        Making *making = calloc(1, sizeof(*making));
        int r;

        if (!making)
                return -ENOMEM;
        *making = (Making){.waiting = waiting, .kind = waiting->ssh->kind, .bits = waiting->ssh->bits};
        if (waiting->ssh->kind != SSH_KEY_RSA)
                making->bits = 0;
        waiting->next = store;
        r = job_start(waiting->daemon->makers, make_run, make_done, make_free, making, &waiting->job);
        if (r < 0)
                make_free(making);
        return r;
}

int ssh1_add_key(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"application", "bits",     "comment", "confirm", "device",
                                              "hosts",       "pin",      "programs", "resident", "no-touch-required",
                                              "type",        "user",     "verify",  "verify-required", NULL};
        Waiting *waiting;
        int r;

        r = ssh1_begin(userdata, m, /* key= */ NULL, allowed, error, &waiting);
        if (r < 0)
                return r;
        r = check(waiting->ssh, error);
        /* Before somebody has touched a security key for one that nothing could be kept of. */
        if (r >= 0 && !ssh_policy_valid(&waiting->ssh->policy))
                r = ssh1_error(waiting->daemon, error, SSH_E_INVALID);
        if (r >= 0)
                r = ssh1_unlock(waiting, PASSWORD, on_security_key(waiting->ssh) ? ssh1_add_sk : make, error);
        return waiting_started(waiting, r);
}
