/*
 * Keyring
 *
 * A locked store is unlocked, by whoever can be asked: this terminal, the session's prompter, pinentry. When
 * there is nobody, the daemon says so at once and the exit code tells.
 */
#include "cli/keyring.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/text.h"

int keyring_open(const Cli *cli, Keyring *ret)
{
        Keyring keyring = KEYRING_NULL;
        int r;

        r = backend_find(cli->backend, &keyring.backend);
        if (r != 0)
                return r;
        r = keyring.backend->open(&keyring.handle, &keyring.error);
        if (r != 0)
                return keyring_fail(&keyring, r);
        *ret = keyring;
        return 0;
}

void keyring_done(Keyring *keyring)
{
        if (keyring->handle)
                keyring->backend->close(keyring->handle);
        *keyring = KEYRING_NULL;
}

int keyring_fail(Keyring *keyring, int result)
{
        return cli_explain(result, keyring->error.text);
}

int keyring_unlock(Keyring *keyring, const char *collection)
{
        int r;

        keyring->error.text[0] = 0;
        r = keyring->backend->unlock(keyring->handle, collection, &keyring->error);
        if (r == KEYFOB_E_NO_PROMPTER && collection)
                (void)snprintf(keyring->error.text, sizeof(keyring->error.text),
                               "%s is locked, and there is nobody to ask: run keyfob unlock %s in a terminal",
                               collection, collection);
        return r;
}

static void note_collection(void *userdata, const keyfob_item *item)
{
        char **collection = userdata;

        if (item->locked && !*collection)
                *collection = text_collection_of(item->path);
}

/* Unlocks what holds the items with these attributes: on the first try the vault. When that was not it, they are in a
 * collection that has a password of its own. */
static int unlock_for(Keyring *keyring, const keyfob_attribute *attributes, size_t n, int tries)
{
        _cleanup_free_ char *collection = NULL;
        int r;

        if (tries > 1)
                return KEYFOB_E_LOCKED;
        if (tries == 0)
                return keyring_unlock(keyring, NULL);
        r = keyring_search(keyring, attributes, n, NULL, note_collection, &collection);
        if (r != 0)
                return r;
        return collection ? keyring_unlock(keyring, collection) : KEYFOB_E_LOCKED;
}

/* ---- get ---- */

void got_done(Got *got)
{
        got->value = secret_free(got->value);
        free(got->user);
        free(got->content_type);
        *got = (Got){0};
}

static void take(void *userdata, const keyfob_value *value)
{
        Got *got = userdata;

        got_done(got);
        got->error = secret_new_from(&got->value, value->data, value->size);
        got->content_type = strdup(value->content_type ? value->content_type : "text/plain");
        for (size_t i = 0; i < value->n_attributes; i++)
                if (strcmp(value->attributes[i].name, "username") == 0 && !got->user)
                        got->user = strdup(value->attributes[i].value);
        if (!got->content_type)
                got->error = -ENOMEM;
}

int keyring_get(Keyring *keyring, const char *service, const char *user, Got *ret)
{
        const keyfob_attribute attributes[] = {{"service", service}, {"username", user}};
        Got got = {0};
        int r;

        for (int tries = 0;; tries++) {
                keyring->error.text[0] = 0;
                r = keyring->backend->get(keyring->handle, attributes, user ? 2 : 1, take, &got, &keyring->error);
                if (r != KEYFOB_E_LOCKED)
                        break;
                r = unlock_for(keyring, attributes, user ? 2 : 1, tries);
                if (r != 0)
                        break;
        }
        if (r == 0)
                r = got.value ? got.error : KEYFOB_E_NOT_FOUND;
        if (r != 0) {
                got_done(&got);
                return r;
        }
        *ret = got;
        return 0;
}

/* ---- set, delete, search ---- */

int keyring_set(Keyring *keyring, const keyfob_new_item *item)
{
        int r;

        for (int tries = 0;; tries++) {
                keyring->error.text[0] = 0;
                r = keyring->backend->set(keyring->handle, item, &keyring->error);
                if (r != KEYFOB_E_LOCKED || tries > 0)
                        return r;
                r = keyring_unlock(keyring, item->collection);
                if (r != 0)
                        return r;
        }
}

int keyring_set_password(Keyring *keyring, const char *service, const char *user, const keyfob_new_item *more)
{
        const keyfob_attribute attributes[] = {
                {"service", service}, {"username", user}, {"application", "Python keyring library"}};
        _cleanup_free_ char *label = NULL;
        keyfob_new_item item = *more;

        if (!item.label) {
                label = client_password_label(service, user);
                if (!label)
                        return -ENOMEM;
                item.label = label;
        }
        item.attributes = attributes;
        item.n_attributes = ELEMENTSOF(attributes);
        item.match = attributes;
        item.n_match = 2;
        return keyring_set(keyring, &item);
}

int keyring_del(Keyring *keyring, const char *service, const char *user)
{
        const keyfob_attribute attributes[] = {{"service", service}, {"username", user}};
        int r;

        for (int tries = 0;; tries++) {
                keyring->error.text[0] = 0;
                r = keyring->backend->del(keyring->handle, attributes, ELEMENTSOF(attributes), &keyring->error);
                if (r != KEYFOB_E_LOCKED)
                        return r;
                r = unlock_for(keyring, attributes, ELEMENTSOF(attributes), tries);
                if (r != 0)
                        return r;
        }
}

int keyring_search(Keyring *keyring, const keyfob_attribute *attributes, size_t n, const char *collection,
                   BackendFound found, void *userdata)
{
        keyring->error.text[0] = 0;
        return keyring->backend->search(keyring->handle, attributes, n, collection, found, userdata, &keyring->error);
}
