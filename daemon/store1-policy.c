/*
 * Store1: the rules of who may be given which secret
 *
 * A change that may give a program more than it gets now wants a slot of the vault opened afresh, as a change of slots
 * does; one that only takes away is made at once. An app in a sandbox neither sees nor changes rules.
 */
#include "daemon/store1-internal.h"

#include <errno.h>
#include <string.h>

#include "daemon/access-policy.h"
#include "daemon/secret-attributes.h"

#define PASSWORD "Enter the password of your Keyfob vault, "
#define FOR_APPS "has no say in the policy"

/* ---- ListPolicy ---- */

static int append_text(sd_bus_message *m, const char *key, const char *value)
{
        return sd_bus_message_append(m, "{sv}", key, "s", value);
}

static int append_target(Daemon *daemon, sd_bus_message *m, const AccessTarget *target)
{
        const VaultCollection *c = vault_collection_get(daemon->vault, target->collection);
        _cleanup_(item_freep) Item *item = NULL;
        ItemRef ref = {daemon->vault, target->item};
        char path[SECRETS_PATH_MAX];
        int r;

        if (target->collection == 0)
                return 0;
        if (!c || (target->item && !vault_item_exists(ref.vault, ref.id)))
                return sd_bus_message_append(m, "{sv}", "gone", "b", 1);
        r = append_text(m, "collection", c->name);
        if (r < 0 || !target->item)
                return r;
        r = sd_bus_message_append(m, "{sv}", "item", "o", secret_item_path(daemon, ref, path));
        if (r >= 0 && vault_item_get(ref.vault, ref.id, /* with_value= */ false, &item) == 0) {
                r = append_text(m, "label", item->label);
                for (size_t i = 0; r >= 0 && i < item->n_attributes; i++)
                        if (strcmp(item->attributes[i].name, "service") == 0 ||
                            strcmp(item->attributes[i].name, "username") == 0)
                                r = append_text(m, item->attributes[i].name, item->attributes[i].value);
        }
        return r;
}

static int append_rule(Daemon *daemon, sd_bus_message *m, const AccessRule *rule)
{
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r >= 0)
                r = append_text(m, "verdict", access_verdict_name(rule->verdict));
        if (r >= 0)
                r = append_text(m, "subject", access_subject_text(rule));
        if (r >= 0)
                r = append_target(daemon, m, &rule->target);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int list_open(Waiting *waiting, sd_bus_error *error)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Daemon *daemon = waiting->daemon;
        const AccessRules *rules;
        int r;

        batch_flush(daemon);
        r = access_policy_rules(daemon, &rules);
        if (r != 0)
                return daemon_error(daemon, error, r);
        r = sd_bus_message_new_method_return(waiting->call, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && i < rules->n; i++)
                r = append_rule(daemon, reply, &rules->rules[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : waiting_finish_reply(waiting, reply);
}

int store1_list_policy(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"interactive", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        int r;

        r = store1_not_for_apps(daemon, m, store1_list_policy, FOR_APPS, error);
        if (r != 0)
                return r;
        r = waiting_new(daemon, m, allowed, error, &waiting);
        if (r < 0)
                return r;
        return waiting_started(waiting, waiting_unlock(waiting, PASSWORD "to see its policy.", list_open, error));
}

/* ---- SetPolicy ---- */

static int find_item(Waiting *waiting, uint32_t collection, ItemId *ret, sd_bus_error *error)
{
        _cleanup_(item_ids_done) ItemIds open = {0}, closed = {0};
        const Options *options = &waiting->options;
        VaultAttribute attributes[2];
        size_t n = 0;
        int r;

        if (options->service)
                attributes[n++] = (VaultAttribute){.name = "service", .value = options->service};
        if (options->username)
                attributes[n++] = (VaultAttribute){.name = "username", .value = options->username};
        r = vault_search(waiting->daemon->vault, collection, attributes, n, 3, &open, &closed);
        if (r == 0 && open.n + closed.n == 0)
                r = VAULT_E_NOT_FOUND;
        if (r != 0)
                return daemon_error(waiting->daemon, error, r);
        if (open.n + closed.n > 1)
                return store1_invalid(error, "several items match: say the user, or the collection, as well");
        *ret = open.n > 0 ? open.ids[0] : closed.ids[0];
        return 0;
}

static int find_target(Waiting *waiting, AccessTarget *ret, sd_bus_error *error)
{
        const Options *options = &waiting->options;
        CollectionRef collection = {0};
        AccessTarget target = {0};
        int r = 0;

        if (options->collection) {
                r = store1_collection(waiting->daemon, options->collection, &collection, error);
                if (r == 0 && collection.vault != waiting->daemon->vault)
                        r = store1_invalid(error, "the session collection is in memory only, and no rule can name it");
                target.collection = collection.no;
        }
        if (r == 0 && (options->service || options->username)) {
                r = find_item(waiting, target.collection, &target.item, error);
                target.collection = ITEM_ID_COLLECTION(target.item);
        }
        *ret = target;
        return r;
}

/* The rule that is wished; its name is the call's. */
static int read_rule(Waiting *waiting, AccessRule *ret, sd_bus_error *error)
{
        const char *subject, *verdict, *name;
        AccessRule rule = {0};
        int r;

        r = sd_bus_message_rewind(waiting->call, /* complete= */ true);
        if (r >= 0)
                r = sd_bus_message_read(waiting->call, "ss", &subject, &verdict);
        if (r < 0)
                return r;
        if (access_subject_parse(subject, &rule.subject, &name) < 0)
                return store1_invalid(error, "whom does the rule mean? \"any\", \"sandboxed\", \"unknown\", a path, flatpak:ID, "
                                             "snap:NAME, or a unit (NAME.service)");
        rule.verdict = access_verdict_of(verdict);
        if (rule.verdict == 0 && strcmp(verdict, "none") != 0)
                return store1_invalid(error, "a rule says allow, ask or deny; none takes one away");
        rule.name = (char *)(uintptr_t)name;
        r = find_target(waiting, &rule.target, error);
        if (r == 0)
                *ret = rule;
        return r;
}

static int write_rule(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        const AccessRules *rules;
        AccessRules changed;
        AccessRule rule;
        int r;

        r = waiting->root ? store1_same_keys(waiting, error) : 0;
        if (r < 0)
                return r;
        if (waiting->root && !vault_is_unlocked(daemon->vault)) {
                r = opening_unlock(daemon, waiting->root);
                if (r != 0)
                        return daemon_error(daemon, error, r);
        }
        batch_flush(daemon);
        r = access_policy_rules(daemon, &rules);
        if (r != 0)
                return daemon_error(daemon, error, r);
        r = read_rule(waiting, &rule, error);
        if (r < 0)
                return r;
        /* What was asked for may not be what it is by now. */
        if (!waiting->root && access_rules_loosens(rules, &rule))
                return sd_bus_error_set(error, KEYFOB_ERROR_BUSY, "the policy was changed meanwhile: try again");
        r = access_rules_change(rules, &rule, &changed);
        if (r == -ENOENT)
                return sd_bus_error_set(error, KEYFOB_ERROR_NOT_FOUND, "there is no such rule: see keyfob policy");
        if (r == -ENOBUFS)
                return sd_bus_error_setf(error, KEYFOB_ERROR_LIMITS, "at most %u rules", ACCESS_RULES_MAX);
        if (r < 0)
                return r;
        r = access_policy_set(daemon, &changed);
        access_rules_done(&changed);
        return r != 0 ? daemon_error(daemon, error, r) : waiting_finish(waiting, NULL);
}

static int start_change(Waiting *waiting, sd_bus_error *error)
{
        Daemon *daemon = waiting->daemon;
        const AccessRules *rules;
        AccessRule rule;
        int r;

        if (vault_is_unlocked(daemon->vault)) {
                batch_flush(daemon);
                r = access_policy_rules(daemon, &rules);
                if (r != 0)
                        return daemon_error(daemon, error, r);
                r = read_rule(waiting, &rule, error);
                if (r < 0)
                        return r;
                if (!access_rules_loosens(rules, &rule))
                        return write_rule(waiting, error);
        }
        return waiting_open(waiting, /* collection= */ 0, waiting->options.auth, /* slot= */ NULL, /* unlock= */ false,
                            "change-policy", PASSWORD "to let a program have more of it.", write_rule);
}

int store1_set_policy(sd_bus_message *m, void *userdata, sd_bus_error *error)
{
        static const char *const allowed[] = {"auth", "collection", "interactive", "service", "username", NULL};
        Daemon *daemon = userdata;
        Waiting *waiting;
        int r;

        r = store1_not_for_apps(daemon, m, store1_set_policy, FOR_APPS, error);
        if (r != 0)
                return r;
        r = sd_bus_message_skip(m, "ss");
        if (r >= 0)
                r = waiting_new(daemon, m, allowed, error, &waiting);
        return r < 0 ? r : waiting_started(waiting, start_change(waiting, error));
}
