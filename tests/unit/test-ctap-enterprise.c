/* What an administrator provides for enterprise attestation: read when it can be trusted, left out when it can't. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/ctap-internal.h"
#include "tests/unit/test.h"

typedef struct Place {
        char directory[64];
        char pem[96], rp_ids[96];
} Place;

static Place place_new(void)
{
        Place place = {.directory = "/tmp/kf-enterprise-XXXXXX"};

        CHECK(mkdtemp(place.directory));
        (void)snprintf(place.pem, sizeof(place.pem), "%s/enterprise.pem", place.directory);
        (void)snprintf(place.rp_ids, sizeof(place.rp_ids), "%s/enterprise-rp-ids", place.directory);
        return place;
}

static void place_done(Place *place)
{
        (void)unlink(place->pem);
        (void)unlink(place->rp_ids);
        CHECK_EQ(rmdir(place->directory), 0);
}

static void put(const char *path, const char *text, size_t size, mode_t mode)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        CHECK(fd >= 0);
        CHECK_EQ(write(fd, text, size), size);
        CHECK_EQ(fchmod(fd, mode), 0);
        CHECK_EQ(close(fd), 0);
}

static void put_text(const char *path, const char *text)
{
        put(path, text, strlen(text), 0644);
}

static CtapEnterprise *load(const Place *place)
{
        CtapEnterprise *enterprise;

        CHECK_EQ(ctap_enterprise_load(place->directory, &enterprise), 0);
        return enterprise;
}

TEST(nothing_there)
{
        _cleanup_(place_done) Place place = place_new();
        _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = load(&place);

        CHECK(!enterprise->pem && !enterprise->rp_ids);
}

TEST(lists)
{
        _cleanup_(place_done) Place place = place_new();
        _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = NULL;

        put_text(place.pem, "certificate");
        put_text(place.rp_ids, "\n# who gets it\none.example\r\n  two.example\n\nthree.example  \nfour.example");
        enterprise = load(&place);
        CHECK_EQ(enterprise->pem->size, strlen("certificate"));
        CHECK(strcmp(enterprise->rp_ids[0], "one.example") == 0);
        CHECK(strcmp(enterprise->rp_ids[1], "two.example") == 0);
        CHECK(strcmp(enterprise->rp_ids[2], "three.example") == 0);
        CHECK(strcmp(enterprise->rp_ids[3], "four.example") == 0);
        CHECK(!enterprise->rp_ids[4]);
}

TEST(list_alone_means_nothing)
{
        _cleanup_(place_done) Place place = place_new();
        _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = NULL;

        put_text(place.rp_ids, "one.example\n");
        enterprise = load(&place);
        CHECK(!enterprise->pem && !enterprise->rp_ids);
}

TEST(files_that_others_could_write)
{
        static const mode_t modes[] = {0664, 0646, 0666, 0620};
        _cleanup_(place_done) Place place = place_new();

        for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
                _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = NULL;

                put(place.pem, "certificate", 11, modes[i]);
                enterprise = load(&place);
                CHECK(!enterprise->pem);
        }
}

TEST(a_bad_list_leaves_the_certificate)
{
        static const struct {
                const char *text;
                size_t size;
        } lists[] = {{"\xff\xfe.example\n", 11}, {"a\0b.example\n", 12}};
        _cleanup_(place_done) Place place = place_new();
        char text[257 * 4 + 1];

        put_text(place.pem, "certificate");
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = NULL;

                put(place.rp_ids, lists[i].text, lists[i].size, 0644);
                enterprise = load(&place);
                CHECK(enterprise->pem && !enterprise->rp_ids);
        }
        for (size_t i = 0; i < 257; i++)
                memcpy(text + i * 4, "a.b\n", 4);
        for (size_t n = 256; n <= 257; n++) {
                _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = NULL;

                put(place.rp_ids, text, n * 4, 0644);
                enterprise = load(&place);
                CHECK(enterprise->pem);
                CHECK_EQ(enterprise->rp_ids != NULL, n == 256);
        }
}

TEST(links_and_directories)
{
        _cleanup_(place_done) Place place = place_new();
        _cleanup_(ctap_enterprise_freep) CtapEnterprise *enterprise = NULL;

        CHECK_EQ(symlink("/etc/hostname", place.pem), 0);
        enterprise = load(&place);
        CHECK(!enterprise->pem);
}

TEST_MAIN
