/*
 * Link
 *
 * libfido2 wants two functions for whole messages. The first it sends is the greeting of CTAPHID, which is answered
 * here; every other one is a request of CTAP2 for the daemon, and waits for the person there. One connection is one client of
 * the security key, so tokens and questions end with it, however this process ends.
 *
 * libfido2 hands nothing but a path to who opens a device. Ours is the first member of the Link itself, which is how
 * that is found without anything global.
 */
#include "ssh/link.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define PATH       "keyfob"
#define NONCE_SIZE 8U
#define INIT_SIZE  17U

struct Link {
        char path[sizeof(PATH)]; /* first: see above */
        keyfob *k;
        uint8_t greeting[INIT_SIZE];
        bool greets;
        sd_bus_message *message; /* the reply that was not fetched yet: */
        const uint8_t *reply;
        size_t size;
};

_Static_assert(offsetof(Link, path) == 0, "a Link is found by its path");

static int make(unsigned flags, Link **ret)
{
        _cleanup_(link_freep) Link *link = calloc(1, sizeof(*link));
        int r;

        if (!link)
                return -ENOMEM;
        memcpy(link->path, PATH, sizeof(PATH));
        r = keyfob_connect(flags, &link->k);
        if (r != 0)
                return r;
        r = client_ask_for_pin(link->k);
        if (r != 0 && r != KEYFOB_E_UNSUPPORTED)
                return r;
        *ret = TAKE_PTR(link);
        return 0;
}

int link_new(Link **ret)
{
        return make(KEYFOB_START | KEYFOB_SOCKET_ONLY, ret);
}

int link_new_running(Link **ret)
{
        return make(KEYFOB_SOCKET_ONLY, ret);
}

Link *link_free(Link *link)
{
        if (!link)
                return NULL;
        sd_bus_message_unref(link->message);
        keyfob_close(link->k);
        free(link);
        return NULL;
}

keyfob *link_client(const Link *link)
{
        return link->k;
}

/* ---- what libfido2 calls ---- */

static void *io_open(const char *path)
{
        return (void *)(uintptr_t)path;
}

static void io_close(void *handle)
{
}

/* Reports are not used. */
static int io_read(void *handle, unsigned char *buffer, size_t size, int ms)
{
        return -1;
}

static int io_write(void *handle, const unsigned char *buffer, size_t size)
{
        return -1;
}

/* nonce ‖ channel ‖ version of the protocol ‖ three of the device's ‖ what it can do (CTAP 2.1, section 11.2.9.1.3) */
static int greet(Link *link, const uint8_t *nonce, size_t size)
{
        if (size != NONCE_SIZE)
                return -1;
        memset(link->greeting, 0, sizeof(link->greeting));
        memcpy(link->greeting, nonce, NONCE_SIZE);
        link->greeting[NONCE_SIZE + 3] = 1;
        link->greeting[NONCE_SIZE + 4] = 2;
        link->greeting[INIT_SIZE - 1] = FIDO_CAP_CBOR | FIDO_CAP_NMSG;
        link->greets = true;
        return 0;
}

static int send_message(struct fido_dev *dev, uint8_t command, const unsigned char *data, size_t size)
{
        Link *link = fido_dev_io_handle(dev);

        link->message = sd_bus_message_unref(link->message);
        switch (command) {
        case CTAP_CMD_INIT:
                return greet(link, data, size);
        case CTAP_CMD_CBOR:
                return client_transact(link->k, data, size, &link->message, &link->reply, &link->size) == 0 ? 0 : -1;
        case CTAP_CMD_CANCEL:
                return 0;
        default:
                return -1;
        }
}

static int receive_message(struct fido_dev *dev, uint8_t command, unsigned char *ret, size_t size, int ms)
{
        Link *link = fido_dev_io_handle(dev);
        int n = -1;

        if (command == CTAP_CMD_INIT && link->greets && size >= INIT_SIZE) {
                memcpy(ret, link->greeting, INIT_SIZE);
                link->greets = false;
                return INIT_SIZE;
        }
        if (command == CTAP_CMD_CBOR && link->message && link->size <= size) {
                memcpy(ret, link->reply, link->size);
                n = (int)link->size;
        }
        link->message = sd_bus_message_unref(link->message);
        return n;
}

int link_open(Link *link, fido_dev_t *dev)
{
        static const fido_dev_io_t io = {io_open, io_close, io_read, io_write};
        static const fido_dev_transport_t transport = {receive_message, send_message};
        int r;

        r = fido_dev_set_io_functions(dev, &io);
        if (r == FIDO_OK)
                r = fido_dev_set_transport_functions(dev, &transport);
        return r == FIDO_OK ? fido_dev_open(dev, link->path) : r;
}
