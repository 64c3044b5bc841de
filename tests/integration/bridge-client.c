/*
 * A program that uses libfido2 and knows nothing of Keyfob, one scenario at a time
 *
 * usage: bridge-client SCENARIO, with the bridge preloaded, or linked as bridge-client-direct is. libfido2's own functions
 * are looked up in the library itself, to compare with. Scenarios that need the person or the daemon say on stdout when, and
 * go on after a line on stdin.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fido.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "tests/unit/test.h"

#define PATH    "keyfob:"
#define MAX     64
#define HANDLES 20

static const unsigned char hash[32] = {0xc1, 0xd1, 0xe1};

static void close_dev(fido_dev_t **dev)
{
        if (*dev) {
                (void)fido_dev_close(*dev);
                fido_dev_free(dev);
        }
}

#define _dev_  __attribute__((cleanup(close_dev))) fido_dev_t
#define _cred_ __attribute__((cleanup(fido_cred_free))) fido_cred_t

static void *real(const char *name)
{
        void *library = dlopen("libfido2.so.1", RTLD_NOW), *function;

        CHECK(library);
        function = dlsym(library, name);
        CHECK(function);
        return function;
}

static fido_dev_t *open_dev(const char *path)
{
        fido_dev_t *dev = fido_dev_new();

        CHECK(dev);
        CHECK_EQ(fido_dev_open(dev, path), FIDO_OK);
        return dev;
}

static void check_works(fido_dev_t *dev)
{
        fido_cbor_info_t *info = fido_cbor_info_new();

        CHECK(fido_dev_is_fido2(dev));
        CHECK(fido_dev_supports_credman(dev));
        CHECK_EQ(fido_dev_get_cbor_info(dev, info), FIDO_OK);
        CHECK_EQ(fido_cbor_info_aaguid_len(info), 16);
        fido_cbor_info_free(&info);
}

static int make(fido_dev_t *dev)
{
        static const unsigned char user[] = {1, 2, 3};
        _cred_ *cred = fido_cred_new();

        CHECK_EQ(fido_cred_set_type(cred, COSE_ES256), FIDO_OK);
        CHECK_EQ(fido_cred_set_clientdata_hash(cred, hash, sizeof(hash)), FIDO_OK);
        CHECK_EQ(fido_cred_set_rp(cred, "example.org", "Example"), FIDO_OK);
        CHECK_EQ(fido_cred_set_user(cred, user, sizeof(user), "alice", NULL, NULL), FIDO_OK);
        return fido_dev_make_cred(dev, cred, NULL);
}

static size_t count_of(int manifest(fido_dev_info_t *, size_t, size_t *), size_t room, int expected)
{
        fido_dev_info_t *list = fido_dev_info_new(MAX);
        size_t n = 99;

        CHECK_EQ(manifest(list, room, &n), expected);
        fido_dev_info_free(&list, MAX);
        return n;
}

/* Until the test has done its part. */
static void rendezvous(const char *what)
{
        char line[16];

        printf("%s\n", what);
        fflush(stdout);
        CHECK(fgets(line, sizeof(line), stdin));
}

/* ---- the list ---- */

TEST(one_more_is_listed)
{
        size_t others = count_of(real("fido_dev_info_manifest"), MAX, FIDO_OK), n;
        fido_dev_info_t *list = fido_dev_info_new(MAX);
        const fido_dev_info_t *last;

        CHECK_EQ(fido_dev_info_manifest(list, MAX, &n), FIDO_OK);
        CHECK_EQ(n, others + 1);
        last = fido_dev_info_ptr(list, others);
        CHECK(strcmp(fido_dev_info_path(last), PATH) == 0);
        CHECK(strcmp(fido_dev_info_manufacturer_string(last), "Keyfob") == 0);
        CHECK(strlen(fido_dev_info_product_string(last)) > 0);
        for (size_t i = 0; i < others; i++)
                CHECK(strcmp(fido_dev_info_path(fido_dev_info_ptr(list, i)), PATH) != 0);
        fido_dev_info_free(&list, MAX);
}

TEST(list_has_the_room_it_has)
{
        int (*own)(fido_dev_info_t *, size_t, size_t *) = real("fido_dev_info_manifest");
        size_t others = count_of(own, MAX, FIDO_OK), n = 99, real_n = 99;

        for (size_t room = 0; room <= others; room++)
                CHECK_EQ(count_of(fido_dev_info_manifest, room, FIDO_OK), room);
        CHECK_EQ(count_of(fido_dev_info_manifest, others + 1, FIDO_OK), others + 1);
        CHECK_EQ(count_of(fido_dev_info_manifest, others + 2, FIDO_OK), others + 1);
        CHECK_EQ(fido_dev_info_manifest(NULL, 0, &n), own(NULL, 0, &real_n));
        CHECK_EQ(n, real_n);
        CHECK_EQ(fido_dev_info_manifest(NULL, 1, &n), own(NULL, 1, &real_n));
}

TEST(nothing_is_listed)
{
        CHECK_EQ(count_of(fido_dev_info_manifest, MAX, FIDO_OK), count_of(real("fido_dev_info_manifest"), MAX, FIDO_OK));
}

/* ---- opening ---- */

TEST(opened_by_path_again_and_again)
{
        fido_dev_t *dev = fido_dev_new();

        for (int i = 0; i < 100; i++) {
                CHECK_EQ(fido_dev_open(dev, PATH), FIDO_OK);
                CHECK_EQ(fido_dev_open(dev, PATH), FIDO_ERR_INVALID_ARGUMENT);
                check_works(dev);
                CHECK_EQ(fido_dev_close(dev), FIDO_OK);
        }
        fido_dev_free(&dev);
}

TEST(opened_by_its_entry)
{
        fido_dev_info_t *list = fido_dev_info_new(MAX);
        fido_dev_t *dev;
        size_t n;

        CHECK_EQ(fido_dev_info_manifest(list, MAX, &n), FIDO_OK);
        CHECK(n > 0);
        dev = fido_dev_new_with_info(fido_dev_info_ptr(list, n - 1));
        fido_dev_info_free(&list, MAX);
        CHECK(dev);
        for (int i = 0; i < 10; i++) {
                CHECK_EQ(fido_dev_open_with_info(dev), FIDO_OK);
                CHECK(fido_dev_io_handle(dev));
                check_works(dev);
                CHECK_EQ(fido_dev_close(dev), FIDO_OK);
        }
        CHECK_EQ(fido_dev_open(dev, PATH), FIDO_OK);
        check_works(dev);
        close_dev(&dev);
}

TEST(several_handles_at_once)
{
        fido_dev_t *devs[HANDLES];

        for (size_t i = 0; i < HANDLES; i++)
                devs[i] = open_dev(PATH);
        for (size_t i = 0; i < HANDLES; i += 2)
                close_dev(&devs[i]);
        for (size_t i = 1; i < HANDLES; i += 2) {
                check_works(devs[i]);
                close_dev(&devs[i]);
        }
}

TEST(other_paths_are_as_before)
{
        static const char *const paths[] = {"/dev/null", "/nowhere", "", "keyfo", "keyfobx", "/run/keyfob:"};
        int (*own)(fido_dev_t *, const char *) = real("fido_dev_open");
        _dev_ *dev = open_dev(PATH);

        for (size_t i = 0; i < ELEMENTSOF(paths); i++) {
                fido_dev_t *theirs = fido_dev_new(), *ours = fido_dev_new();

                CHECK_EQ(fido_dev_open(ours, paths[i]), own(theirs, paths[i]));
                CHECK(fido_dev_open(ours, paths[i]) != FIDO_OK);
                fido_dev_free(&theirs);
                fido_dev_free(&ours);
        }
        /* a handle that was ours opens nothing else, and is good for ours afterwards */
        CHECK_EQ(fido_dev_close(dev), FIDO_OK);
        CHECK(fido_dev_open(dev, "/dev/null") != FIDO_OK);
        CHECK_EQ(fido_dev_open(dev, PATH), FIDO_OK);
        check_works(dev);
}

TEST(socket_named_by_path)
{
        char path[256];
        _dev_ *dev = NULL, *none = fido_dev_new();

        CHECK(getenv("SOCKET"));
        (void)snprintf(path, sizeof(path), PATH "%s", getenv("SOCKET"));
        dev = open_dev(path);
        check_works(dev);
        (void)snprintf(path, sizeof(path), PATH "%s.none", getenv("SOCKET"));
        CHECK(fido_dev_open(none, path) != FIDO_OK);
        CHECK(fido_dev_open(none, PATH "relative") != FIDO_OK);
}

/* ---- a program's life ---- */

TEST(forked)
{
        _dev_ *dev = open_dev(PATH);
        pid_t pid = fork();
        int status;

        if (pid == 0) {
                fido_dev_t *own = open_dev(PATH);

                check_works(own);
                close_dev(&own);
                _exit(0);
        }
        CHECK_EQ(waitpid(pid, &status, 0), pid);
        CHECK_EQ(status, 0);
        check_works(dev);
}

static void *run_make(void *userdata)
{
        return (void *)(intptr_t)make(userdata);
}

TEST(cancelled)
{
        _dev_ *dev = open_dev(PATH);
        pthread_t thread;
        void *result;

        CHECK_EQ(pthread_create(&thread, NULL, run_make, dev), 0);
        rendezvous("waits");
        CHECK_EQ(fido_dev_cancel(dev), FIDO_OK);
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK_EQ((intptr_t)result, FIDO_ERR_KEEPALIVE_CANCEL);
        check_works(dev);
}

TEST(time_limit)
{
        _dev_ *dev = open_dev(PATH);

        CHECK_EQ(fido_dev_set_timeout(dev, 300), FIDO_OK);
        CHECK_EQ(make(dev), FIDO_ERR_RX);
        rendezvous("over");
}

TEST(touched)
{
        _dev_ *dev = open_dev(PATH);
        int touched = 1;

        CHECK_EQ(fido_dev_get_touch_begin(dev), FIDO_OK);
        CHECK_EQ(fido_dev_get_touch_status(dev, &touched, 20), FIDO_OK);
        CHECK(!touched);
        rendezvous("waits");
        while (!touched)
                CHECK_EQ(fido_dev_get_touch_status(dev, &touched, 100), FIDO_OK);
        check_works(dev);
}

TEST(daemon_ends)
{
        _dev_ *dev = open_dev(PATH), *waiting = open_dev(PATH);
        pthread_t thread;
        void *result;
        int touched;

        CHECK_EQ(pthread_create(&thread, NULL, run_make, waiting), 0);
        rendezvous("waits");
        CHECK_EQ(pthread_join(thread, &result), 0);
        CHECK_EQ((intptr_t)result, FIDO_ERR_RX);
        CHECK_EQ(make(dev), FIDO_ERR_TX);
        CHECK_EQ(fido_dev_cancel(dev), FIDO_ERR_TX);
        CHECK_EQ(fido_dev_get_touch_begin(dev), FIDO_ERR_TX);
        CHECK_EQ(fido_dev_get_touch_status(dev, &touched, -1), FIDO_OK);
        CHECK(!touched);
        CHECK_EQ(fido_dev_close(dev), FIDO_OK);
        CHECK(fido_dev_open(dev, PATH) != FIDO_OK);
        rendezvous("gone");
        CHECK_EQ(fido_dev_open(dev, PATH), FIDO_OK);
        check_works(dev);
}

TEST(daemon_reads_nothing)
{
        _dev_ *dev = open_dev(PATH);
        int r = FIDO_OK;

        rendezvous("stopped");
        CHECK_EQ(fido_dev_set_timeout(dev, 1), FIDO_OK);
        for (unsigned i = 0; i < 10000 && r != FIDO_ERR_TX; i++)
                r = make(dev);
        CHECK_EQ(r, FIDO_ERR_TX);
}

static void on_alarm(int number)
{
        (void)number;
}

TEST(interrupted)
{
        struct sigaction action = {.sa_handler = on_alarm};
        _dev_ *dev = open_dev(PATH);

        /* It comes when the person has been asked. */
        CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
        CHECK_EQ(make(dev), FIDO_ERR_RX); /* as with a device of the kernel */
}

TEST_MAIN
