/*
 * A desk
 *
 * The user's runtime directory is the world's own, by XDG_RUNTIME_DIR, which the module follows where the user runs
 * it.
 */
#include "tests/unit/pam-desk.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/unlock-frame.h"
#include "tests/unit/test.h"

#define SALT_BYTE 0x5a

void desk_write(const Desk *desk)
{
        ByteWriter data = BYTE_WRITER_NULL;
        FILE *file;

        slot_mirror_write(desk->slots, &data);
        file = fopen(desk->mirror, "we");
        CHECK(file && fwrite(data.data, 1, data.size, file) == data.size && fclose(file) == 0);
        CHECK_EQ(chmod(desk->mirror, 0644), 0);
        byte_writer_done(&data);
}

/* The socket of a daemon that the test plays itself. */
static int listen_at(const char *dir)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        char path[96];
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

        (void)snprintf(path, sizeof(path), "%s/keyfob", dir);
        CHECK_EQ(mkdir(path, 0700), 0);
        (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/keyfob/unlock", dir);
        CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
        CHECK_EQ(listen(fd, 8), 0);
        CHECK_EQ(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
        return fd;
}

void desk_open(Desk *desk, bool uv, void (*adjust)(Fixture *fixture))
{
        memset(desk, 0, sizeof(*desk));
        desk->w = world_new(adjust);
        desk->w->session = true;
        desk->listener = listen_at(desk->w->dir);
        (void)snprintf(desk->mirror, sizeof(desk->mirror), "%s/%u", desk->w->dir, getuid());
        (void)snprintf(desk->option, sizeof(desk->option), "mirror=%s", desk->w->dir);
        CHECK_EQ(base64_decode(desk->w->credential, strcspn(desk->w->credential, ","), &desk->id, &desk->id_size), 0);
        desk->slots = calloc(1, sizeof(*desk->slots));
        desk->slots->uid = getuid();
        memset(desk->slots->hmac_salt, SALT_BYTE, sizeof(desk->slots->hmac_salt));
        desk->slots->n = 1;
        desk->slots->slots[0] =
                (SlotMirrorEntry){.kind = SLOT_MIRROR_FIDO2, .uv = uv, .credential_size = desk->id_size};
        memset(desk->slots->slots[0].id, 7, UNLOCK_ID_SIZE);
        (void)strcpy(desk->slots->slots[0].rp_id, WORLD_RP);
        memcpy(desk->slots->slots[0].credential, desk->id, desk->id_size);
        desk_write(desk);
        world_credential(desk->w, "+presence");
}

void desk_close(Desk *desk)
{
        free(desk->slots);
        free(desk->id);
        (void)close(desk->listener);
        world_free(desk->w);
}
