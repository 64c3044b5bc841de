/*
 * Object paths of the Secret Service, to and fro
 *
 * A path is the only name by which a client knows an object, so it has to stay the same as long as the object lives:
 * collection names and item numbers are never used again. Parsing is strict where two spellings could mean one object
 * (a number has one form) and lenient where clients differ (an alias may come escaped or not).
 */
#include "daemon/secret-path.h"
#include "daemon/secret-internal.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define COLLECTIONS SECRETS_PATH "/collection/"
#define ALIASES     SECRETS_PATH "/aliases/"
#define SESSION     "session"

const char *secret_collection_path(Daemon *daemon, CollectionRef collection, char ret[SECRETS_PATH_MAX])
{
        const VaultCollection *c = NULL;

        if (collection.vault)
                c = vault_collection_get(collection.vault, collection.no);
        static_assert(sizeof(COLLECTIONS) + sizeof(c->name) + sizeof("/18446744073709551615") <= SECRETS_PATH_MAX,
                      "the longest path has room");
        (void)strcpy(ret, c ? COLLECTIONS : "/");
        if (c)
                (void)strcpy(ret + strlen(COLLECTIONS), c->name);
        return ret;
}

/* By hand, for every search and every answer makes one, and lists of them have thousands. */
static void append_number(char *ret, uint64_t number)
{
        char digits[20];
        size_t n = 0;

        do
                digits[n++] = (char)('0' + number % 10);
        while ((number /= 10) > 0);
        *ret++ = '/';
        while (n > 0)
                *ret++ = digits[--n];
        *ret = 0;
}

const char *secret_item_path(Daemon *daemon, ItemRef item, char ret[SECRETS_PATH_MAX])
{
        size_t n;

        secret_collection_path(daemon, item_collection(item), ret);
        n = strlen(ret);
        if (n > 1)
                append_number(ret + n, ITEM_ID_NUMBER(item.id));
        return ret;
}

static bool session_collection(Daemon *daemon, CollectionRef *ret)
{
        if (!daemon->session_vault)
                return false;
        *ret = (CollectionRef){.vault = daemon->session_vault, .no = daemon->session_no};
        return true;
}

static bool collection_with_name(Daemon *daemon, const char *name, CollectionRef *ret)
{
        const VaultCollection *c;

        if (strcmp(name, SESSION) == 0)
                return session_collection(daemon, ret);
        c = daemon->vault ? vault_collection_by_name(daemon->vault, name) : NULL;
        if (!c)
                return false;
        *ret = (CollectionRef){.vault = daemon->vault, .no = c->no};
        return true;
}

static bool collection_with_alias(Daemon *daemon, const char *alias, CollectionRef *ret)
{
        uint32_t no;

        if (strcmp(alias, SESSION) == 0)
                return session_collection(daemon, ret);
        if (!daemon->vault)
                return false;

        no = vault_alias_get(daemon->vault, alias);
        if (no == 0 && strcmp(alias, "login") == 0) {
                /* GNOME's name for what opens at login. Programs ask for it where they mean the default. */
                if (collection_with_name(daemon, alias, ret))
                        return true;
                no = vault_alias_get(daemon->vault, "default");
        }
        if (no == 0 || !vault_collection_get(daemon->vault, no))
                return false;
        *ret = (CollectionRef){.vault = daemon->vault, .no = no};
        return true;
}

bool secret_path_alias(Daemon *daemon, const char *alias, CollectionRef *ret)
{
        return collection_with_alias(daemon, alias, ret);
}

bool secret_collection_named(Daemon *daemon, const char *name, CollectionRef *ret)
{
        return collection_with_alias(daemon, name, ret) || collection_with_name(daemon, name, ret);
}

static bool escaped_alias(Daemon *daemon, const char *element, CollectionRef *ret)
{
        _cleanup_free_ char *path = NULL, *alias = NULL;

        if (asprintf(&path, "/%s", element) < 0) {
                path = NULL;
                return false;
        }
        if (sd_bus_path_decode(path, "/", &alias) > 0 && collection_with_alias(daemon, alias, ret))
                return true;
        return collection_with_alias(daemon, element, ret);
}

/* The collection in a path; `*ret_rest` is what follows its element: "" or "/…". */
static bool parse(Daemon *daemon, const char *path, CollectionRef *ret, const char **ret_rest)
{
        char element[SECRETS_PATH_MAX * 2];
        const char *rest;
        bool alias;

        if (strncmp(path, COLLECTIONS, strlen(COLLECTIONS)) == 0) {
                path += strlen(COLLECTIONS);
                alias = false;
        } else if (strncmp(path, ALIASES, strlen(ALIASES)) == 0) {
                path += strlen(ALIASES);
                alias = true;
        } else
                return false;

        rest = strchrnul(path, '/');
        if (rest == path || (size_t)(rest - path) >= sizeof(element))
                return false;
        memcpy(element, path, (size_t)(rest - path));
        element[rest - path] = 0;

        if (!(alias ? escaped_alias(daemon, element, ret) : collection_with_name(daemon, element, ret)))
                return false;
        *ret_rest = rest;
        return true;
}

bool secret_path_collection(Daemon *daemon, const char *path, CollectionRef *ret)
{
        CollectionRef collection;
        const char *rest;

        if (!parse(daemon, path, &collection, &rest) || *rest != 0)
                return false;
        *ret = collection;
        return true;
}

/* One spelling for each number: no sign, no leading zero, nothing behind it. */
static bool parse_number(const char *text, uint64_t *ret)
{
        uint64_t number = 0;

        if (*text < '1' || *text > '9')
                return false;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return false;
                number = number * 10 + (uint64_t)(*text - '0');
                if (number != ITEM_ID_NUMBER(number))
                        return false;
        }
        *ret = number;
        return true;
}

bool secret_path_item(Daemon *daemon, const char *path, ItemRef *ret)
{
        CollectionRef collection;
        const char *rest;
        uint64_t number;

        if (!parse(daemon, path, &collection, &rest) || *rest != '/' || !parse_number(rest + 1, &number))
                return false;
        *ret = (ItemRef){.vault = collection.vault, .id = ITEM_ID(collection.no, number)};
        return true;
}

bool secret_path_any(Daemon *daemon, const char *path, CollectionRef *ret)
{
        ItemRef item;

        if (secret_path_collection(daemon, path, ret))
                return true;
        if (!secret_path_item(daemon, path, &item) || !vault_item_exists(item.vault, item.id))
                return false;
        *ret = item_collection(item);
        return true;
}
