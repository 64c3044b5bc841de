/* Object paths of the Secret Service, against vaults in memory. */
#include "daemon/secret-internal.h"

#include "tests/unit/test.h"

static Daemon daemon_;

static CollectionRef add(const char *label, const char *alias)
{
        const VaultCollection *c;

        CHECK_EQ(vault_collection_create(daemon_.vault, NULL, label, NULL, &c), 0);
        if (alias)
                CHECK_EQ(vault_alias_set(daemon_.vault, alias, c->no), 0);
        return (CollectionRef){.vault = daemon_.vault, .no = c->no};
}

static void set_up(void)
{
        const VaultCollection *session;

        CHECK_EQ(arena_init() >= 0, 1);
        CHECK_EQ(vault_open_memory(&daemon_.vault), 0);
        CHECK_EQ(vault_open_memory(&daemon_.session_vault), 0);
        CHECK_EQ(vault_collection_create(daemon_.session_vault, NULL, "session", NULL, &session), 0);
        daemon_.session_no = session->no;
}

static void tear_down(void)
{
        daemon_.vault = vault_free(daemon_.vault);
        daemon_.session_vault = vault_free(daemon_.session_vault);
}

static bool collection_is(const char *path, CollectionRef want)
{
        CollectionRef got;

        return secret_path_collection(&daemon_, path, &got) && got.vault == want.vault && got.no == want.no;
}

static bool is_nothing(const char *path)
{
        CollectionRef collection;
        ItemRef item;

        return !secret_path_collection(&daemon_, path, &collection) && !secret_path_item(&daemon_, path, &item);
}

TEST(collections_there_and_back)
{
        char path[SECRETS_PATH_MAX];
        CollectionRef work, session;

        set_up();
        work = add("My work", NULL);
        CHECK(strcmp(secret_collection_path(&daemon_, work, path), SECRETS_PATH "/collection/My_work") == 0);
        CHECK(collection_is(path, work));

        session = (CollectionRef){.vault = daemon_.session_vault, .no = daemon_.session_no};
        CHECK(strcmp(secret_collection_path(&daemon_, session, path), SECRETS_PATH "/collection/session") == 0);
        CHECK(collection_is(path, session));

        CHECK(strcmp(secret_collection_path(&daemon_, (CollectionRef){daemon_.vault, 999}, path), "/") == 0);
        CHECK(strcmp(secret_collection_path(&daemon_, (CollectionRef){NULL, 1}, path), "/") == 0);
        CHECK(strcmp(secret_item_path(&daemon_, (ItemRef){daemon_.vault, ITEM_ID(999, 1)}, path), "/") == 0);
        tear_down();
}

TEST(items_there_and_back)
{
        static const char *const bad[] = {"",
                                          "0",
                                          "01",
                                          "-1",
                                          "+1",
                                          " 1",
                                          "1 ",
                                          "1/",
                                          "1/2",
                                          "x",
                                          "0x1",
                                          "1099511627776",
                                          "18446744073709551617"};
        char path[SECRETS_PATH_MAX], broken[SECRETS_PATH_MAX + 64];
        ItemRef item, got;
        CollectionRef c;

        set_up();
        c = add("Office", "desk");
        for (uint64_t number = 1; number < UINT64_C(1) << 40; number = number * 7 + 1) {
                item = (ItemRef){.vault = c.vault, .id = ITEM_ID(c.no, number)};
                CHECK(secret_path_item(&daemon_, secret_item_path(&daemon_, item, path), &got));
                CHECK(got.vault == item.vault && got.id == item.id);
                CHECK(!secret_path_collection(&daemon_, path, &(CollectionRef){0}));
        }
        CHECK(secret_path_item(&daemon_, SECRETS_PATH "/collection/Office/1099511627775", &got));
        CHECK(secret_path_item(&daemon_, SECRETS_PATH "/aliases/desk/3", &got));
        CHECK(got.id == ITEM_ID(c.no, 3));

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                snprintf(broken, sizeof(broken), SECRETS_PATH "/collection/Office/%s", bad[i]);
                CHECK(is_nothing(broken));
        }
        tear_down();
}

TEST(aliases)
{
        CollectionRef home, odd, session;

        set_up();
        CHECK(is_nothing(SECRETS_PATH "/aliases/default"));
        home = add("Home", "default");
        odd = add("Odd", "with space/ü");
        session = (CollectionRef){.vault = daemon_.session_vault, .no = daemon_.session_no};
        CHECK(collection_is(SECRETS_PATH "/aliases/default", home));
        CHECK(collection_is(SECRETS_PATH "/aliases/login", home));
        CHECK(collection_is(SECRETS_PATH "/aliases/session", session));
        CHECK(collection_is(SECRETS_PATH "/aliases/with_20space_2f_c3_bc", odd));
        CHECK(is_nothing(SECRETS_PATH "/aliases/Home"));
        CHECK(is_nothing(SECRETS_PATH "/collection/default"));

        CHECK_EQ(vault_alias_set(daemon_.vault, "my_alias", odd.no), 0);
        CHECK(collection_is(SECRETS_PATH "/aliases/my_5falias", odd));
        CHECK(collection_is(SECRETS_PATH "/aliases/my_alias", odd));

        /* A collection of that name goes before the default, an alias of that name before both. */
        odd = add("login", NULL);
        CHECK(collection_is(SECRETS_PATH "/aliases/login", odd));
        CHECK_EQ(vault_alias_set(daemon_.vault, "login", home.no), 0);
        CHECK(collection_is(SECRETS_PATH "/aliases/login", home));
        tear_down();
}

TEST(names_are_aliases_first)
{
        CollectionRef one, two, got;

        set_up();
        one = add("one", "two");
        two = add("two", NULL);
        CHECK(secret_collection_named(&daemon_, "two", &got) && got.no == one.no);
        CHECK(secret_collection_named(&daemon_, "one", &got) && got.no == one.no);
        CHECK(collection_is(SECRETS_PATH "/collection/two", two));
        CHECK(!secret_collection_named(&daemon_, "three", &got));
        CHECK(secret_collection_named(&daemon_, "session", &got) && got.vault == daemon_.session_vault);
        tear_down();
}

TEST(what_is_no_path)
{
        char *endless;

        set_up();
        add("Office", "default");
        CHECK(is_nothing("/"));
        CHECK(is_nothing(""));
        CHECK(is_nothing(SECRETS_PATH));
        CHECK(is_nothing(SECRETS_PATH "/collection"));
        CHECK(is_nothing(SECRETS_PATH "/collection/"));
        CHECK(is_nothing(SECRETS_PATH "/collection//1"));
        CHECK(is_nothing(SECRETS_PATH "/collections/Office"));
        CHECK(is_nothing(SECRETS_PATH "/aliases/"));
        CHECK(is_nothing("/org/example/collection/Office"));

        endless = malloc(1 << 20);
        CHECK(endless);
        memset(endless, 'a', 1 << 20);
        memcpy(endless, SECRETS_PATH "/collection/", strlen(SECRETS_PATH "/collection/"));
        endless[(1 << 20) - 1] = 0;
        CHECK(is_nothing(endless));
        memcpy(endless, SECRETS_PATH "/aliases/", strlen(SECRETS_PATH "/aliases/"));
        CHECK(is_nothing(endless));
        free(endless);
        tear_down();
}

TEST(without_a_vault)
{
        CollectionRef got;

        set_up();
        daemon_.vault = vault_free(daemon_.vault);
        CHECK(is_nothing(SECRETS_PATH "/collection/Office"));
        CHECK(is_nothing(SECRETS_PATH "/aliases/default"));
        CHECK(is_nothing(SECRETS_PATH "/aliases/login"));
        CHECK(!secret_collection_named(&daemon_, "default", &got));
        CHECK(secret_collection_named(&daemon_, "session", &got));
        tear_down();
}

TEST_MAIN
