/*
 * What a program that uses libsecret does in a day: passwords by schema, searches, items and collections as objects
 *
 * Ends with 0 when all of it worked; says where it did not. `libsecret-client create-collection` expects that somebody
 * answers the prompt. `libsecret-client watch` keeps objects, as a program with a window does, and says "ok" for each line of
 * standard input ("items N", "collections N") when that is how many there are.
 */
#include <libsecret/secret.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const SecretSchema schema = {
        .name = "org.keyfob.Test",
        .flags = SECRET_SCHEMA_NONE,
        .attributes = {{"user", SECRET_SCHEMA_ATTRIBUTE_STRING},
                       {"port", SECRET_SCHEMA_ATTRIBUTE_INTEGER},
                       {NULL, 0}},
};

#define EXPECT(condition)                                                                                              \
        do {                                                                                                           \
                if (error)                                                                                             \
                        g_error("%s:%d: %s", __FILE__, __LINE__, error->message);                                      \
                if (!(condition))                                                                                      \
                        g_error("%s:%d: failed: %s", __FILE__, __LINE__, #condition);                                  \
        } while (0)

static void passwords(void)
{
        GError *error = NULL;
        char *password;
        gboolean done;

        done = secret_password_store_sync(&schema, SECRET_COLLECTION_DEFAULT, "A label", "pass\nword", NULL, &error,
                                          "user", "alice", "port", 993, NULL);
        EXPECT(done);
        password = secret_password_lookup_sync(&schema, NULL, &error, "user", "alice", NULL);
        EXPECT(g_strcmp0(password, "pass\nword") == 0);
        secret_password_free(password);

        done = secret_password_store_sync(&schema, SECRET_COLLECTION_SESSION, "A label", "short-lived", NULL, &error,
                                          "user", "bob", "port", 1, NULL);
        EXPECT(done);
        password = secret_password_lookup_sync(&schema, NULL, &error, "user", "bob", NULL);
        EXPECT(g_strcmp0(password, "short-lived") == 0);
        secret_password_free(password);

        password = secret_password_lookup_sync(&schema, NULL, &error, "user", "nobody", NULL);
        EXPECT(!password);
        done = secret_password_clear_sync(&schema, NULL, &error, "user", "alice", NULL);
        EXPECT(done);
        password = secret_password_lookup_sync(&schema, NULL, &error, "user", "alice", NULL);
        EXPECT(!password);
}

static void items(SecretService *service)
{
        static const char binary[] = "\0\1\2\xff\n";
        GHashTable *attributes = secret_attributes_build(&schema, "user", "carol", "port", 7, NULL), *found;
        SecretCollection *collection;
        SecretValue *value;
        GError *error = NULL;
        SecretItem *item;
        gboolean done;
        GList *list;
        gsize size;

        collection = secret_collection_for_alias_sync(service, SECRET_COLLECTION_DEFAULT,
                                                      SECRET_COLLECTION_LOAD_ITEMS, NULL, &error);
        EXPECT(collection && !secret_collection_get_locked(collection));

        value = secret_value_new(binary, sizeof(binary), "application/octet-stream");
        item = secret_item_create_sync(collection, &schema, attributes, "Carol", value, SECRET_ITEM_CREATE_REPLACE,
                                       NULL, &error);
        EXPECT(item);
        secret_value_unref(value);
        done = secret_item_set_label_sync(item, "Carol's", NULL, &error);
        EXPECT(done);
        g_object_unref(item);

        list = secret_service_search_sync(service, &schema, attributes,
                                          SECRET_SEARCH_ALL | SECRET_SEARCH_UNLOCK | SECRET_SEARCH_LOAD_SECRETS, NULL,
                                          &error);
        EXPECT(g_list_length(list) == 1);
        item = list->data;
        EXPECT(g_str_equal(secret_item_get_label(item), "Carol's"));
        EXPECT(g_str_equal(secret_item_get_schema_name(item), "org.keyfob.Test"));
        found = secret_item_get_attributes(item);
        EXPECT(g_strcmp0(g_hash_table_lookup(found, "user"), "carol") == 0);
        g_hash_table_unref(found);
        value = secret_item_get_secret(item);
        EXPECT(value && memcmp(secret_value_get(value, &size), binary, sizeof(binary)) == 0);
        EXPECT(size == sizeof(binary));
        EXPECT(g_str_equal(secret_value_get_content_type(value), "application/octet-stream"));
        secret_value_unref(value);

        done = secret_item_delete_sync(item, NULL, &error);
        EXPECT(done);
        g_list_free_full(list, g_object_unref);
        g_hash_table_unref(attributes);
        g_object_unref(collection);
}

static void locks(SecretService *service)
{
        SecretCollection *collection;
        GError *error = NULL;
        GList *list;
        int n;

        collection = secret_collection_for_alias_sync(service, SECRET_COLLECTION_DEFAULT, SECRET_COLLECTION_NONE, NULL,
                                                      &error);
        EXPECT(collection);
        list = g_list_prepend(NULL, collection);
        n = secret_service_lock_sync(service, list, NULL, NULL, &error);
        EXPECT(n == 1);
        g_list_free(list);
        g_object_unref(collection);
}

static void create_collection(SecretService *service)
{
        SecretCollection *collection;
        GError *error = NULL;
        gboolean done;

        collection = secret_collection_create_sync(service, "Made by libsecret", "made", SECRET_COLLECTION_CREATE_NONE,
                                                   NULL, &error);
        EXPECT(collection);
        EXPECT(g_str_equal(secret_collection_get_label(collection), "Made by libsecret"));
        done = secret_collection_delete_sync(collection, NULL, &error);
        EXPECT(done);
        g_object_unref(collection);
}

static guint n_items(SecretService *service, SecretCollection *collection)
{
        GList *list = secret_collection_get_items(collection);
        guint n = g_list_length(list);

        g_list_free_full(list, g_object_unref);
        return n;
}

static guint n_collections(SecretService *service, SecretCollection *collection)
{
        GList *list = secret_service_get_collections(service);
        guint n = g_list_length(list);

        g_list_free_full(list, g_object_unref);
        return n;
}

static gboolean give_up(void *what)
{
        g_error("not seen within a minute: %s", (const char *)what);
        return G_SOURCE_REMOVE;
}

static void watch(SecretService *service)
{
        guint (*count)(SecretService *, SecretCollection *);
        SecretCollection *collection;
        GError *error = NULL;
        char line[64];

        collection = secret_collection_for_alias_sync(service, "default", SECRET_COLLECTION_LOAD_ITEMS, NULL, &error);
        EXPECT(collection);
        while (fgets(line, sizeof(line), stdin)) {
                guint timer = g_timeout_add_seconds(60, give_up, line);

                count = g_str_has_prefix(line, "items ") ? n_items : n_collections;
                while (count(service, collection) != (guint)strtoul(strchr(line, ' '), NULL, 10))
                        g_main_context_iteration(NULL, TRUE);
                g_source_remove(timer);
                printf("ok\n");
                fflush(stdout);
        }
        g_object_unref(collection);
}

int main(int argc, char *argv[])
{
        const char *command = argc > 1 ? argv[1] : "";
        SecretService *service;
        GError *error = NULL;

        service = secret_service_get_sync(SECRET_SERVICE_OPEN_SESSION | SECRET_SERVICE_LOAD_COLLECTIONS, NULL, &error);
        EXPECT(service);
        EXPECT(g_str_equal(secret_service_get_session_algorithms(service),
                           "dh-ietf1024-sha256-aes128-cbc-pkcs7"));
        if (strcmp(command, "create-collection") == 0)
                create_collection(service);
        else if (strcmp(command, "watch") == 0)
                watch(service);
        else {
                passwords();
                items(service);
                locks(service);
        }
        g_object_unref(service);
        secret_service_disconnect();
        return EXIT_SUCCESS;
}
