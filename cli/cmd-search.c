/*
 * keyfob search, keyfob list: items without their values
 *
 * A locked store is unlocked if anybody can be asked. If not, what it can tell (that something matches, but not what)
 * is an answer too: such items are marked, and a line on stderr says how to see more.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/json.h"
#include "cli/keyring.h"
#include "cli/output.h"
#include "cli/text.h"

typedef struct Listing {
        struct json_object *items;
        bool locked;
        char *where; /* the collection of the first that is */
} Listing;

static void listing_done(Listing *listing)
{
        json_object_put(listing->items);
        listing->items = NULL;
        free(TAKE_PTR(listing->where));
}

static void add(void *userdata, const keyfob_item *item)
{
        Listing *listing = userdata;
        struct json_object *json = json_from_item(item);

        if (item->locked && !listing->where)
                listing->where = text_collection_of(item->path);
        listing->locked = listing->locked || item->locked;
        if (json)
                json_object_array_add(listing->items, json);
}

/* "name=value …" without what says nothing to a person. */
static char *attributes_text(struct json_object *attributes)
{
        char *text = NULL;
        size_t size;
        FILE *stream = open_memstream(&text, &size);
        const char *separator = "";

        if (!stream)
                return NULL;
        json_object_object_foreach(attributes, name, value)
        {
                if (strcmp(name, "xdg:schema") == 0 || strcmp(name, "application") == 0)
                        continue;
                fprintf(stream, "%s%s=%s", separator, name, json_object_get_string(value));
                separator = " ";
        }
        if (fclose(stream) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

static int print(struct json_object *items)
{
        static const char *const headings[] = {"LABEL", "ATTRIBUTES", "COLLECTION", "CHANGED"};
        Table table;

        table_begin(&table, headings, ELEMENTSOF(headings));
        for (size_t i = 0; i < json_length(items); i++) {
                struct json_object *item = json_object_array_get_idx(items, i);
                _cleanup_free_ char *attributes = attributes_text(json_member(item, "attributes"));
                char changed[32];

                text_time(json_number(item, "modified"), changed);
                table_add(&table, json_flag(item, "locked") ? "(locked)" : json_string(item, "label"));
                table_add(&table, attributes);
                table_add(&table, json_string(item, "collection"));
                table_add(&table, changed);
        }
        return table_end(&table);
}

static int search(Keyring *keyring, const keyfob_attribute *attributes, size_t n, const char *collection,
                  Listing *listing)
{
        listing_done(listing);
        listing->locked = false;
        listing->items = json_object_new_array();
        if (!listing->items)
                return -ENOMEM;
        return keyring_search(keyring, attributes, n, collection, add, listing);
}

static int show(Cli *cli, const keyfob_attribute *attributes, size_t n, const char *collection)
{
        _cleanup_(keyring_done) Keyring keyring = KEYRING_NULL;
        _cleanup_(listing_done) Listing listing = {0};
        int r, unlocked = 0;
        bool own;

        r = keyring_open(cli, &keyring);
        if (r != 0)
                return r;
        r = search(&keyring, attributes, n, collection, &listing);
        if (r == KEYFOB_E_LOCKED || (r == 0 && listing.locked)) {
                unlocked = keyring_unlock(&keyring, collection);
                if (unlocked == 0)
                        r = search(&keyring, attributes, n, collection, &listing);
        }
        if (r != 0)
                return keyring_fail(&keyring, r);

        if (n > 0 && json_length(listing.items) == 0) {
                r = cli->json ? output_json(json_object_get(listing.items)) : 0;
                return r != 0 ? r : cli_error(EXIT_NOT_FOUND, "nothing matches");
        }
        r = cli->json ? output_json(json_object_get(listing.items)) : print(listing.items);
        if (r == 0 && unlocked != 0)
                return keyring_fail(&keyring, unlocked);
        /* One that has a password of its own, which nobody gave: all the rest is there. */
        own = keyring.backend == &backend_keyfob;
        if (r == 0 && listing.locked && listing.where)
                (void)cli_error(0, "%s is locked%s%s", listing.where, own ? ": run keyfob unlock " : "", own ? listing.where : "");
        return r;
}

/* ---- search ---- */

static void free_attributes(keyfob_attribute *attributes, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                free((void *)(uintptr_t)attributes[i].name);
                free((void *)(uintptr_t)attributes[i].value);
        }
        free(attributes);
}

static const struct option options[] = {
        CLI_HELP, CLI_JSON, CLI_BACKEND, {"collection", required_argument, NULL, 'c'}, CLI_END};

static int parse_options(Cli *cli, int argc, char *argv[], const char **ret_collection)
{
        const char *collection = NULL;
        int c, r;

        while ((c = getopt_long(argc, argv, "hb:p:", options, NULL)) >= 0) {
                if (c == 'c') {
                        collection = optarg;
                        continue;
                }
                r = cli_option(cli, c);
                if (r >= 0)
                        return r;
        }
        *ret_collection = collection;
        return -1;
}

static int run_search(Cli *cli, int argc, char *argv[])
{
        keyfob_attribute *attributes;
        const char *collection;
        size_t n;
        int r;

        r = parse_options(cli, argc, argv, &collection);
        if (r >= 0)
                return r;
        if (optind == argc)
                return cli_usage(cli);

        attributes = calloc((size_t)(argc - optind), sizeof(*attributes));
        if (!attributes)
                return cli_no_memory();
        r = 0;
        for (n = 0; optind + (int)n < argc && r == 0; n++) {
                char *name = NULL, *value = NULL;

                r = text_attribute(argv[optind + (int)n], &name, &value);
                if (r == -EINVAL)
                        r = cli_error(EXIT_USAGE, "\"%s\" is not ATTRIBUTE=VALUE", argv[optind + (int)n]);
                else if (r < 0)
                        r = cli_no_memory();
                attributes[n].name = name;
                attributes[n].value = value;
        }
        if (r == 0)
                r = show(cli, attributes, n, collection);
        free_attributes(attributes, n);
        return r;
}

static int run_list(Cli *cli, int argc, char *argv[])
{
        const char *collection;
        int r;

        r = parse_options(cli, argc, argv, &collection);
        if (r >= 0)
                return r;
        if (optind != argc)
                return cli_usage(cli);
        return show(cli, NULL, 0, collection);
}

const Command command_search = {
        .name = "search",
        .usage = "ATTRIBUTE=VALUE...",
        .summary = "List the items that have all these attributes",
        .help = "  --collection NAME   only in this one\n"
                "  --json\n"
                "  -b, --keyring-backend NAME\n",
        .run = run_search,
};

const Command command_list = {
        .name = "list",
        .usage = "",
        .summary = "List all items, without their values",
        .help = "  --collection NAME   only this one's\n"
                "  --json\n"
                "  -b, --keyring-backend NAME\n",
        .run = run_list,
};
