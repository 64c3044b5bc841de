/*
 * Access policy: asked before a secret is given away
 *
 * The rules (access-rule.h) are read when the vault is open, and known from then on until another vault is opened. Where
 * one says ask, the person is asked once for all callers that are the same program, and the answer holds, as far as the
 * rule reaches, until the vault is locked; a refusal holds for the connection that was refused. The question never goes to
 * an agent of who is asked about.
 */
#pragma once

#include "daemon/access-log.h"
#include "daemon/access-rule.h"

typedef struct AccessPolicy AccessPolicy;

/*
 * Whether `who`, who has sent `call`, may be given the secret of this item. 1: it may. 0: it may not, and `error` says
 * why. -EINPROGRESS: the person is asked; `again` will be called with the message, from its start, and the handler returns
 * 1. Another negative errno.
 */
int access_may_read(Daemon *daemon, sd_bus_message *call, sd_bus_message_handler_t again, Identity *who, ItemRef item,
                    sd_bus_error *error);

/* The same, where nobody can be asked any more: -EINPROGRESS means that somebody would have to be. */
int access_may_read_now(Daemon *daemon, Identity *who, ItemRef item, sd_bus_error *error);

/* Whether it may at once, by rules that are known: what access_may_read() says, without any use of the vault. When it is not
 * so, access_may_read() says why. */
bool access_is_allowed(Daemon *daemon, const Identity *who, ItemRef item);

/* Whether an app may have the key of its own that is, or would be, this item. Nobody is asked about that, but a rule may deny
 * it. 0; -EKEYREJECTED: denied, which is logged; a vault result; another negative errno. */
int access_may_have_key(Daemon *daemon, Identity *app, const AccessObject *key);

/* Whether somebody would have to be asked for that, now. */
bool access_would_ask(Daemon *daemon, const Identity *who, ItemRef item);

/* The rules of the open vault. 0, a vault result (VAULT_E_LOCKED: unknown), or a negative errno. */
int access_policy_rules(Daemon *daemon, const AccessRules **ret);
/* Makes these the rules, durably; what was answered before is forgotten. Takes them. The vault is open. */
int access_policy_set(Daemon *daemon, AccessRules *rules);

/* Before the vault is locked: what was read is written, what was answered is forgotten. */
void access_before_lock(Daemon *daemon);
/* Before another vault is opened. Who waits for an answer is told. */
void access_forget(Daemon *daemon);

/* ---- life ---- */

int access_policy_new(Daemon *daemon, AccessPolicy **ret);
/* Before the asker. */
AccessPolicy *access_policy_free(AccessPolicy *policy);
DEFINE_CLEANUP(AccessPolicy *, access_policy_free)
