/*
 * The access policy, enforced
 *
 * Deciding takes no time where there are no rules and no sandbox. A question is shared by everybody who waits for the
 * same answer; when the last of them leaves, it goes. The answer becomes a grant, and the calls that waited are handled
 * anew: they find it, or come to the next question.
 *
 * While the vault is locked, a collection with slots of its own may be open. Rules that were never read then might forbid
 * what is asked, so if there are any nothing is given away until the vault was open once.
 */
#include "daemon/access-policy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/access-message.h"
#include "daemon/ask.h"
#include "daemon/batch.h"
#include "daemon/log.h"
#include "daemon/present.h"

#define GRANTS_MAX 1024U

/* Who is meant by an answer: a program or an app by its name, or, when it has none, one caller. */
typedef struct Asked {
        char *name; /* NULL: this one only */
        Identity *who;
        AccessTarget target;
} Asked;

typedef struct Grant Grant;
struct Grant {
        Asked asked;
        bool allowed;
        Grant *next;
};

typedef struct Question Question;

typedef struct Waiter Waiter;
struct Waiter {
        CallerResource resource; /* first: gone() gets it */
        Question *question;
        sd_bus_message *call;
        sd_bus_message_handler_t again;
        Identity *who;
        Waiter *next;
};

struct Question {
        AccessPolicy *policy;
        Asked asked;
        Ask *ask;
        Waiter *first, **last;
        Question *next;
};

struct AccessPolicy {
        Daemon *daemon;
        AccessRules rules;
        bool known;
        bool nobody;     /* calls are handled anew because nobody can be asked */
        uint64_t record; /* where the rules are; 0: there are none */
        Grant *grants;
        size_t n_grants;
        Question *questions;
};

/* ---- rules ---- */

static int load(AccessPolicy *policy)
{
        _cleanup_free_ uint8_t *data = NULL;
        Vault *vault = policy->daemon->vault;
        uint64_t number;
        size_t n, size;
        int r;

        r = vault_record_list(vault, VAULT_CLASS_POLICY, UINT64_MAX, &number, 1, &n);
        if (r != 0)
                return r;
        if (n == 0) {
                policy->known = true;
                return 0;
        }
        data = malloc(VAULT_RECORD_MAX);
        if (!data)
                return -ENOMEM;
        r = vault_record_get(vault, VAULT_CLASS_POLICY, number, data, VAULT_RECORD_MAX, &size);
        if (r == 0)
                r = access_rules_read(data, size, &policy->rules);
        if (r == -EBADMSG)
                r = VAULT_E_DAMAGED;
        if (r != 0)
                return r;
        policy->record = number;
        policy->known = true;
        return 0;
}

static int know(Daemon *daemon)
{
        AccessPolicy *policy = daemon->policy;

        if (policy->known || !daemon->vault)
                return 0;
        if (vault_is_unlocked(daemon->vault))
                return load(policy);
        return vault_class_is_used(daemon->vault, VAULT_CLASS_POLICY) ? VAULT_E_LOCKED : 0;
}

int access_policy_rules(Daemon *daemon, const AccessRules **ret)
{
        int r;

        r = know(daemon);
        if (r == 0)
                *ret = &daemon->policy->rules;
        return r;
}

/* ---- answers ---- */

static void asked_done(Asked *asked)
{
        free(asked->name);
        identity_unref(asked->who);
        *asked = (Asked){0};
}

static const char *name_of(const Identity *who)
{
        if (who->confinement == HELPER_CONFINED)
                return who->app[0] ? who->app : NULL;
        return who->confinement == HELPER_FREE && who->program[0] ? who->program : NULL;
}

static bool is_same(const AccessTarget *a, const AccessTarget *b)
{
        return a->collection == b->collection && a->item == b->item;
}

static bool is_asked(const Asked *asked, const Identity *who, const AccessTarget *target)
{
        const char *name = name_of(who);

        if (!is_same(&asked->target, target))
                return false;
        return asked->name ? name && strcmp(name, asked->name) == 0 : asked->who == who;
}

/* `one`: not for all that have its name. */
static int asked_new(Asked *ret, Identity *who, const AccessTarget *target, bool one)
{
        const char *name = one ? NULL : name_of(who);
        Asked asked = {.target = *target};

        if (name && !(asked.name = strdup(name)))
                return -ENOMEM;
        asked.who = identity_ref(who);
        *ret = asked;
        return 0;
}

static Grant *grant_free(Grant *grant)
{
        if (!grant)
                return NULL;
        asked_done(&grant->asked);
        free(grant);
        return NULL;
}

static void forget_grants(AccessPolicy *policy)
{
        while (policy->grants) {
                Grant *grant = policy->grants;

                policy->grants = grant->next;
                grant_free(grant);
        }
        policy->n_grants = 0;
}

static const Grant *find_grant(const AccessPolicy *policy, const Identity *who, const AccessTarget *target)
{
        for (const Grant *grant = policy->grants; grant; grant = grant->next)
                if (is_asked(&grant->asked, who, target))
                        return grant;
        return NULL;
}

static void drop_oldest(AccessPolicy *policy)
{
        Grant **p = &policy->grants;

        while ((*p)->next)
                p = &(*p)->next;
        *p = grant_free(*p);
        policy->n_grants--;
}

static void remember(AccessPolicy *policy, Identity *who, const AccessTarget *target, bool allowed)
{
        Grant *grant = calloc(1, sizeof(*grant));

        /* It is asked once more, that is all. */
        if (!grant || asked_new(&grant->asked, who, target, !allowed) < 0) {
                free(grant);
                return;
        }
        grant->allowed = allowed;
        grant->next = policy->grants;
        policy->grants = grant;
        if (++policy->n_grants > GRANTS_MAX)
                drop_oldest(policy);
}

/* ---- questions ---- */

static void unlink_question(Question *question)
{
        Question **p;

        for (p = &question->policy->questions; *p && *p != question;)
                p = &(*p)->next;
        if (*p)
                *p = question->next;
}

static Question *question_free(Question *question)
{
        if (!question)
                return NULL;
        unlink_question(question);
        ask_cancel(question->ask);
        asked_done(&question->asked);
        free(question);
        return NULL;
}

static Waiter *waiter_free(Waiter *waiter)
{
        if (!waiter)
                return NULL;
        caller_detach(&waiter->resource);
        sd_bus_message_unref(waiter->call);
        identity_unref(waiter->who);
        free(waiter);
        return NULL;
}

static void waiter_gone(CallerResource *resource)
{
        Waiter *waiter = (Waiter *)resource, **p;
        Question *question = waiter->question;

        for (p = &question->first; *p != waiter;)
                p = &(*p)->next;
        *p = waiter->next;
        if (question->last == &waiter->next)
                question->last = p;
        waiter_free(waiter);
        /* One that is being answered has no ask any more, and is freed there. */
        if (!question->first && question->ask)
                question_free(question);
}

static Waiter *take_waiter(Question *question)
{
        Waiter *waiter = question->first;

        if (!waiter)
                return NULL;
        question->first = waiter->next;
        if (!question->first)
                question->last = &question->first;
        return waiter;
}

/* Not as where a password can't be asked for: nothing that the program could give would help. */
static const sd_bus_error nobody_to_ask = SD_BUS_ERROR_MAKE_CONST(
        KEYFOB_ERROR_NOT_ALLOWED,
        "the person would have to be asked, and there is nobody to ask: run keyfob prompt-agent, or allow it by keyfob policy");

static const sd_bus_error replaced = SD_BUS_ERROR_MAKE_CONST(KEYFOB_ERROR_BUSY, "the vault was replaced meanwhile: try again");

/* The question is over, with an answer (NULL: the calls are handled anew) or with none. */
static void question_end(Question *question, const sd_bus_error *error)
{
        Daemon *daemon = question->policy->daemon;
        Waiter *waiter;

        /* Out of the list, for a handler may come here once more. */
        unlink_question(question);
        question->ask = ask_cancel(question->ask);
        while ((waiter = take_waiter(question))) {
                if (error)
                        (void)batch_reply_error(daemon, waiter->call, error);
                else
                        call_again(daemon, waiter->call, waiter->again);
                waiter_free(waiter);
        }
        question_free(question);
}

static void answered(void *userdata, const AskAnswer *answer)
{
        Question *question = userdata;
        AccessPolicy *policy = question->policy;

        question->ask = NULL;
        secret_free(answer->secret);
        if (answer->outcome == ASK_ALLOWED)
                remember(policy, question->asked.who, &question->asked.target, true);
        else if (answer->outcome == ASK_DENIED)
                for (Waiter *waiter = question->first; waiter; waiter = waiter->next)
                        remember(policy, waiter->who, &question->asked.target, false);

        policy->nobody = answer->outcome != ASK_ALLOWED && answer->outcome != ASK_DENIED;
        question_end(question, NULL);
        policy->nobody = false;
}

static int question_start(AccessPolicy *policy, Identity *who, const AccessTarget *target, ItemRef item, Question **ret)
{
        _cleanup_free_ char *message = NULL;
        _cleanup_(item_freep) Item *content = NULL;
        Question *question;
        int r;

        (void)vault_item_get(item.vault, item.id, /* with_value= */ false, &content);
        r = access_message(who, target, content && content->label ? content->label : "", &message);
        if (r < 0)
                return r;
        question = calloc(1, sizeof(*question));
        if (!question)
                return -ENOMEM;
        question->policy = policy;
        question->last = &question->first;
        r = asked_new(&question->asked, who, target, /* one= */ false);
        if (r >= 0)
                r = ask_start(policy->daemon,
                              &(AskRequest){
                                      .kind = ASK_CONFIRM,
                                      .purpose = "read-secret",
                                      .title = "Access to a secret",
                                      .message = message,
                                      .retries = -1,
                                      .about = {.program = access_program_of(who)[0] ? access_program_of(who) : NULL, .pid = who->pid},
                              },
                              answered, question, &question->ask);
        if (r < 0) {
                asked_done(&question->asked);
                free(question);
                return r;
        }
        question->next = policy->questions;
        policy->questions = question;
        *ret = question;
        return 0;
}

static int wait_for(Daemon *daemon, sd_bus_message *call, sd_bus_message_handler_t again, Identity *who,
                    const AccessTarget *target, ItemRef item)
{
        AccessPolicy *policy = daemon->policy;
        Question *question = policy->questions;
        Waiter *waiter;
        Caller *caller;
        int r;

        r = caller_of(daemon, call, &caller);
        if (r < 0)
                return r;
        while (question && !(question->ask && is_asked(&question->asked, who, target)))
                question = question->next;
        waiter = calloc(1, sizeof(*waiter));
        if (!waiter)
                return -ENOMEM;
        r = caller_attach(caller, &waiter->resource, CALLER_WAIT, waiter_gone);
        if (r >= 0 && !question)
                r = question_start(policy, who, target, item, &question);
        if (r < 0) {
                waiter_free(waiter);
                return r;
        }
        waiter->question = question;
        waiter->call = sd_bus_message_ref(call);
        waiter->again = again;
        waiter->who = identity_ref(who);
        *question->last = waiter;
        question->last = &waiter->next;
        return -EINPROGRESS;
}

/* ---- deciding ---- */

static int denied(Daemon *daemon, Identity *who, ItemRef item, const char *name, const char *why, sd_bus_error *error)
{
        _cleanup_free_ char *shown = presentable(access_program_of(who));

        access_log_refused(daemon, who, &(AccessObject){.item = item});
        (void)sd_bus_error_setf(error, name, "%s may not read this secret: %s", shown && *shown ? shown : "this program", why);
        return 0;
}

/* The verdict, and how far it reaches. The collection in memory is none that a rule could name. */
static AccessVerdict decide(Daemon *daemon, const AccessRules *rules, const Identity *who, ItemRef item,
                            AccessTarget *ret_reach, const Grant **ret_grant)
{
        AccessTarget target = {0};
        AccessVerdict verdict;

        if (item.vault == daemon->vault)
                target = (AccessTarget){.collection = ITEM_ID_COLLECTION(item.id), .item = item.id};
        verdict = access_rules_decide(rules, who, &target, ret_reach);
        *ret_grant = verdict == ACCESS_ASK ? find_grant(daemon->policy, who, ret_reach) : NULL;
        return verdict;
}

/* What is not there, or locked, is not given away whoever asks, and the vault says why. */
static bool can_be_read(ItemRef item)
{
        const VaultCollection *c = vault_collection_get(item.vault, ITEM_ID_COLLECTION(item.id));

        return c && !c->locked;
}

/* While the rules are not known, the one above reads them. */
bool access_is_allowed(Daemon *daemon, const Identity *who, ItemRef item)
{
        const AccessPolicy *policy = daemon->policy;
        AccessVerdict verdict;
        const Grant *grant;
        AccessTarget reach;

        if (!can_be_read(item) || (daemon->vault && !policy->known))
                return false;
        verdict = decide(daemon, &policy->rules, who, item, &reach, &grant);
        return verdict == ACCESS_ALLOW || (grant && grant->allowed);
}

bool access_would_ask(Daemon *daemon, const Identity *who, ItemRef item)
{
        const AccessRules *rules;
        const Grant *grant;
        AccessTarget reach;

        return can_be_read(item) && access_policy_rules(daemon, &rules) == 0 &&
               decide(daemon, rules, who, item, &reach, &grant) == ACCESS_ASK && !grant;
}

/* What access_may_read() answers, but nobody is asked: -EINPROGRESS, and how far the answer would reach. */
static int judge(Daemon *daemon, Identity *who, ItemRef item, AccessTarget *ret_reach, sd_bus_error *error)
{
        const AccessRules *rules;
        AccessVerdict verdict;
        const Grant *grant;
        int r;

        if (!can_be_read(item))
                return 1;
        r = access_policy_rules(daemon, &rules);
        if (r != 0) {
                (void)daemon_secret_error(daemon, error, r);
                return r < 0 ? r : 0;
        }
        verdict = decide(daemon, rules, who, item, ret_reach, &grant);
        if (verdict == ACCESS_ALLOW || (grant && grant->allowed))
                return 1;
        if (verdict == ACCESS_DENY)
                return denied(daemon, who, item, KEYFOB_ERROR_NOT_ALLOWED, "keyfob policy denies it", error);
        if (grant)
                return denied(daemon, who, item, KEYFOB_ERROR_CANCELLED, "it was refused", error);
        return -EINPROGRESS;
}

int access_may_read(Daemon *daemon, sd_bus_message *call, sd_bus_message_handler_t again, Identity *who, ItemRef item,
                    sd_bus_error *error)
{
        AccessTarget reach;
        int r;

        r = judge(daemon, who, item, &reach, error);
        if (r != -EINPROGRESS)
                return r;
        if (!daemon->policy->nobody)
                return wait_for(daemon, call, again, who, &reach, item);
        (void)sd_bus_error_copy(error, &nobody_to_ask);
        return 0;
}

int access_may_read_now(Daemon *daemon, Identity *who, ItemRef item, sd_bus_error *error)
{
        AccessTarget reach;

        return judge(daemon, who, item, &reach, error);
}

int access_may_have_key(Daemon *daemon, Identity *app, const AccessObject *key)
{
        const AccessRules *rules;
        const Grant *grant;
        AccessTarget reach;
        int r;

        r = access_policy_rules(daemon, &rules);
        if (r != 0)
                return r;
        if (decide(daemon, rules, app, key->item, &reach, &grant) != ACCESS_DENY)
                return 0;
        access_log_refused(daemon, app, key);
        return -EKEYREJECTED;
}

/* ---- changes ---- */

int access_policy_set(Daemon *daemon, AccessRules *rules)
{
        _cleanup_(byte_writer_done) ByteWriter data = BYTE_WRITER_NULL;
        AccessPolicy *policy = daemon->policy;
        uint64_t number = policy->record;
        int r;

        access_rules_write(rules, &data);
        if (data.failed)
                return -ENOMEM;
        batch_flush(daemon);
        r = vault_record_put(daemon->vault, VAULT_CLASS_POLICY, &number, data.data, data.size, NULL, 0);
        if (r != 0)
                return r;
        batch_wrote(daemon);
        policy->record = number;
        policy->known = true;
        access_rules_done(&policy->rules);
        policy->rules = *rules;
        *rules = (AccessRules){0};
        forget_grants(policy);
        return 0;
}

void access_before_lock(Daemon *daemon)
{
        access_log_settle(daemon);
        if (daemon->policy)
                forget_grants(daemon->policy);
}

void access_forget(Daemon *daemon)
{
        AccessPolicy *policy = daemon->policy;

        access_log_settle(daemon);
        access_log_forget(daemon);
        if (!policy)
                return;
        while (policy->questions)
                question_end(policy->questions, &replaced);
        forget_grants(policy);
        access_rules_done(&policy->rules);
        policy->known = false;
        policy->record = 0;
}

/* ---- life ---- */

int access_policy_new(Daemon *daemon, AccessPolicy **ret)
{
        AccessPolicy *policy = calloc(1, sizeof(*policy));

        if (!policy)
                return -ENOMEM;
        policy->daemon = daemon;
        *ret = policy;
        return 0;
}

/* Who waits has left before. */
AccessPolicy *access_policy_free(AccessPolicy *policy)
{
        if (!policy)
                return NULL;
        while (policy->questions)
                question_free(policy->questions);
        forget_grants(policy);
        access_rules_done(&policy->rules);
        free(policy);
        return NULL;
}
