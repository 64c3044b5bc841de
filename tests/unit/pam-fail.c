/*
 * Failures
 *
 * The count is in memory that children share, so that it goes on where a parent waits for its child. Functions with a variable
 * number of arguments (open, syscall, asprintf, prctl) are written out.
 */
#include "tests/unit/pam-fail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <security/pam_modules.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <systemd/sd-login.h>
#include <unistd.h>

typedef struct Shared {
        unsigned left;
        bool verified;
        char happened[32];
        pid_t program; /* that is to end by power loss; 0: calls fail */
        char from[32]; /* nothing is counted before this function; "": everything is */
} Shared;

static Shared *shared;
static bool inside;

const char *fail_happened(void)
{
        return shared->happened[0] ? shared->happened : NULL;
}

void fail_enter(void)
{
        inside = true;
}

void fail_leave(void)
{
        inside = false;
}

bool fail_verified(void)
{
        return shared->verified;
}

static void lose_power(void)
{
        (void)kill(shared->program, SIGKILL);
        (void)kill(getpid(), SIGKILL);
}

bool fail_now(const char *name)
{
        if (!inside || !shared || shared->left == 0)
                return false;
        if (strcmp(shared->from, name) == 0)
                shared->from[0] = 0;
        if (shared->from[0] || --shared->left > 0)
                return false;
        if (shared->program)
                lose_power();
        (void)snprintf(shared->happened, sizeof(shared->happened), "%s", name);
        return true;
}

bool fail_pause(void)
{
        bool was = inside;

        inside = false;
        return was;
}

void fail_resume(bool was)
{
        inside = was;
}

FAIL_WRAP(void *, malloc, (size_t size), (size), NULL, ENOMEM)
FAIL_WRAP(void *, calloc, (size_t n, size_t size), (n, size), NULL, ENOMEM)
FAIL_WRAP(void *, realloc, (void *p, size_t size), (p, size), NULL, ENOMEM)
FAIL_WRAP(void *, reallocarray, (void *p, size_t n, size_t size), (p, n, size), NULL, ENOMEM)
FAIL_WRAP(char *, strdup, (const char *text), (text), NULL, ENOMEM)
FAIL_WRAP(char *, strndup, (const char *text, size_t size), (text, size), NULL, ENOMEM)
FAIL_WRAP(void *, mmap64, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
          (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)
FAIL_WRAP(pid_t, fork, (void), (), -1, EAGAIN)
FAIL_WRAP(int, pipe2, (int fds[2], int flags), (fds, flags), -1, EMFILE)
FAIL_WRAP(ssize_t, write, (int fd, const void *from, size_t size), (fd, from, size), -1, EIO)
FAIL_WRAP(int, fstat64, (int fd, struct stat64 *ret), (fd, ret), -1, EIO)
FAIL_WRAP(int, stat64, (const char *path, struct stat64 *ret), (path, ret), -1, EIO)
FAIL_WRAP(int, flock, (int fd, int operation), (fd, operation), -1, EIO)
FAIL_WRAP(ssize_t, pwrite64, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at), -1, ENOSPC)
FAIL_WRAP(int, fdatasync, (int fd), (fd), -1, EIO)
FAIL_WRAP(int, access, (const char *path, int mode), (path, mode), -1, EIO)
FAIL_WRAP(ssize_t, getrandom, (void *to, size_t size, unsigned flags), (to, size, flags), -1, EIO)
FAIL_WRAP(int, gethostname, (char *ret, size_t size), (ret, size), -1, EIO)
FAIL_WRAP(int, getpwnam_r, (const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **ret),
          (name, entry, buffer, size, ret), EIO, 0)
FAIL_WRAP(int, initgroups, (const char *user, gid_t gid), (user, gid), -1, EPERM)
FAIL_WRAP(int, setresgid, (gid_t a, gid_t b, gid_t c), (a, b, c), -1, EPERM)
FAIL_WRAP(int, setresuid, (uid_t a, uid_t b, uid_t c), (a, b, c), -1, EPERM)
FAIL_WRAP(int, clearenv, (void), (), -1, 0)
FAIL_WRAP(int, setenv, (const char *name, const char *value, int replace), (name, value, replace), -1, ENOMEM)
FAIL_WRAP(int, pam_get_user, (pam_handle_t *pamh, const char **ret, const char *prompt), (pamh, ret, prompt), PAM_SYSTEM_ERR, 0)
FAIL_WRAP(FILE *, fopen64, (const char *path, const char *mode), (path, mode), NULL, EMFILE)
FAIL_WRAP(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options), -1, ECHILD)
FAIL_WRAP(fido_assert_t *, fido_assert_new, (void), (), NULL, 0)
FAIL_WRAP(fido_dev_t *, fido_dev_new, (void), (), NULL, 0)
FAIL_WRAP(fido_cbor_info_t *, fido_cbor_info_new, (void), (), NULL, 0)
FAIL_WRAP(fido_dev_info_t *, fido_dev_info_new, (size_t n), (n), NULL, 0)
FAIL_WRAP(const fido_dev_info_t *, fido_dev_info_ptr, (const fido_dev_info_t *list, size_t i), (list, i), NULL, 0)
FAIL_WRAP(const char *, fido_dev_info_path, (const fido_dev_info_t *info), (info), NULL, 0)
FAIL_WRAP(es256_pk_t *, es256_pk_new, (void), (), NULL, 0)
FAIL_WRAP(int, es256_pk_from_ptr, (es256_pk_t *key, const void *data, size_t size), (key, data, size), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(eddsa_pk_t *, eddsa_pk_new, (void), (), NULL, 0)
FAIL_WRAP(int, eddsa_pk_from_ptr, (eddsa_pk_t *key, const void *data, size_t size), (key, data, size), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(rs256_pk_t *, rs256_pk_new, (void), (), NULL, 0)
FAIL_WRAP(int, rs256_pk_from_ptr, (rs256_pk_t *key, const void *data, size_t size), (key, data, size), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_clientdata, (fido_assert_t *a, const unsigned char *data, size_t size), (a, data, size),
          FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_rp, (fido_assert_t *a, const char *rp), (a, rp), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_allow_cred, (fido_assert_t *a, const unsigned char *id, size_t size), (a, id, size), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_up, (fido_assert_t *a, fido_opt_t up), (a, up), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_uv, (fido_assert_t *a, fido_opt_t uv), (a, uv), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_count, (fido_assert_t *a, size_t n), (a, n), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_extensions, (fido_assert_t *a, int mask), (a, mask), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(int, fido_assert_set_hmac_salt, (fido_assert_t *a, const unsigned char *salt, size_t size), (a, salt, size), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(size_t, fido_assert_hmac_secret_len, (const fido_assert_t *a, size_t i), (a, i), 0, 0)
FAIL_WRAP(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
FAIL_WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size), -1, ECONNREFUSED)
FAIL_WRAP(int, getsockopt, (int fd, int level, int name, void *ret, socklen_t *size), (fd, level, name, ret, size), -1, EIO)
FAIL_WRAP(ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags), -1, EPIPE)
FAIL_WRAP(ssize_t, recv, (int fd, void *data, size_t size, int flags), (fd, data, size, flags), -1, ECONNRESET)
FAIL_WRAP(int, poll, (struct pollfd *fds, nfds_t n, int timeout), (fds, n, timeout), -1, ENOMEM)
FAIL_WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EPERM)
FAIL_WRAP(int, fsync, (int fd), (fd), -1, EIO)
FAIL_WRAP(int, rename, (const char *from, const char *to), (from, to), -1, ENOSPC)
FAIL_WRAP(int, sodium_init, (void), (), -1, 0)
FAIL_WRAP(size_t, fido_assert_count, (const fido_assert_t *a), (a), 0, 0)
FAIL_WRAP(uint8_t, fido_assert_flags, (const fido_assert_t *a, size_t i), (a, i), 0, 0)
FAIL_WRAP(int, fido_dev_get_assert, (fido_dev_t *dev, fido_assert_t *a, const char *pin), (dev, a, pin), FIDO_ERR_RX, 0)
FAIL_WRAP(int, fido_dev_get_cbor_info, (fido_dev_t *dev, fido_cbor_info_t *info), (dev, info), FIDO_ERR_RX, 0)
FAIL_WRAP(int, fido_dev_get_retry_count, (fido_dev_t *dev, int *ret), (dev, ret), FIDO_ERR_RX, 0)
FAIL_WRAP(int, fido_dev_set_timeout, (fido_dev_t *dev, int ms), (dev, ms), FIDO_ERR_INTERNAL, 0)
FAIL_WRAP(bool, fido_dev_has_pin, (const fido_dev_t *dev), (dev), false, 0)
FAIL_WRAP(bool, fido_dev_has_uv, (const fido_dev_t *dev), (dev), false, 0)
FAIL_WRAP(bool, fido_dev_is_fido2, (const fido_dev_t *dev), (dev), false, 0)
FAIL_WRAP(int, sd_pid_get_session, (pid_t pid, char **ret), (pid, ret), -EIO, 0)

/* ---- with more to them ---- */

/* What a child does comes before what its parent does with it, so that each call has the same number every time. */
static void await_child(int fd)
{
        struct pollfd end = {.fd = fd};
        struct stat64 st;

        if (__real_fstat64(fd, &st) == 0 && S_ISFIFO(st.st_mode))
                (void)__real_poll(&end, 1, -1);
}

ssize_t __real_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size);
ssize_t __wrap_read(int fd, void *to, size_t size)
{
        if (inside)
                await_child(fd);
        if (fail_now("read")) {
                errno = EIO;
                return -1;
        }
        return __real_read(fd, to, size);
}

const char *fail_old_password, *fail_new_password;
bool fail_derives;

int __real_pam_get_item(const pam_handle_t *pamh, int item, const void **ret);
int __wrap_pam_get_item(const pam_handle_t *pamh, int item, const void **ret);
int __wrap_pam_get_item(const pam_handle_t *pamh, int item, const void **ret)
{
        if (fail_now("pam_get_item"))
                return PAM_SYSTEM_ERR;
        if (item != PAM_AUTHTOK && item != PAM_OLDAUTHTOK)
                return __real_pam_get_item(pamh, item, ret);
        *ret = item == PAM_AUTHTOK ? fail_new_password : fail_old_password;
        return PAM_SUCCESS;
}

int __real_fido_assert_verify(const fido_assert_t *a, size_t i, int cose, const void *key);
int __wrap_fido_assert_verify(const fido_assert_t *a, size_t i, int cose, const void *key);
int __wrap_fido_assert_verify(const fido_assert_t *a, size_t i, int cose, const void *key)
{
        bool was = inside;
        int r;

        if (fail_now("fido_assert_verify"))
                return FIDO_ERR_INVALID_SIG;
        inside = false;
        r = __real_fido_assert_verify(a, i, cose, key);
        inside = was;
        shared->verified |= r == FIDO_OK;
        return r;
}

int __real_crypto_pwhash(unsigned char *ret, unsigned long long size, const char *password, unsigned long long n,
                         const unsigned char *salt, unsigned long long passes, size_t memory, int kind);
int __wrap_crypto_pwhash(unsigned char *ret, unsigned long long size, const char *password, unsigned long long n,
                         const unsigned char *salt, unsigned long long passes, size_t memory, int kind);
int __wrap_crypto_pwhash(unsigned char *ret, unsigned long long size, const char *password, unsigned long long n,
                         const unsigned char *salt, unsigned long long passes, size_t memory, int kind)
{
        if (fail_now("crypto_pwhash"))
                return -1;
        if (fail_derives)
                return __real_crypto_pwhash(ret, size, password, n, salt, passes, memory, kind);
        for (size_t i = 0; i < size; i++)
                ret[i] = (unsigned char)((n > 0 ? password[i % n] : 0) ^ salt[i % 16]);
        return 0;
}

/* ---- with a variable number of arguments ---- */

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...)
{
        va_list args;
        mode_t mode;

        va_start(args, flags);
        mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
        va_end(args);
        if (fail_now("open")) {
                errno = EMFILE;
                return -1;
        }
        return __real_open64(path, flags, mode);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
        long a[4];
        va_list args;

        va_start(args, number);
        for (int i = 0; i < 4; i++)
                a[i] = va_arg(args, long);
        va_end(args);
        if (fail_now("syscall")) {
                errno = ENOSYS;
                return -1;
        }
        return __real_syscall(number, a[0], a[1], a[2], a[3]);
}

int __real_prctl(int option, ...);
int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
        va_list args;
        long a;

        va_start(args, option);
        a = va_arg(args, long);
        va_end(args);
        if (fail_now("prctl")) {
                errno = EPERM;
                return -1;
        }
        return __real_prctl(option, a);
}

int __real_asprintf(char **ret, const char *format, ...);
int __wrap_asprintf(char **ret, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret, const char *format, ...)
{
        bool was = inside;
        va_list args;
        int r;

        if (fail_now("asprintf")) {
                *ret = NULL;
                return -1;
        }
        inside = false;
        va_start(args, format);
        r = vasprintf(ret, format, args);
        va_end(args);
        inside = was;
        return r;
}

int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
int __wrap___asprintf_chk(char **ret, int flag, const char *format, ...)
{
        bool was = inside;
        va_list args;
        int r;

        if (fail_now("asprintf")) {
                *ret = NULL;
                return -1;
        }
        inside = false;
        va_start(args, format);
        r = vasprintf(ret, format, args);
        va_end(args);
        inside = was;
        return r;
}

unsigned fail_descriptors(void)
{
        DIR *directory = opendir("/proc/self/fd");
        unsigned n = 0;

        if (!directory)
                abort();
        while (readdir(directory))
                n++;
        (void)closedir(directory);
        return n;
}

void fail_begin(unsigned n)
{
        if (!shared)
                shared = __real_mmap64(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
                abort();
        *shared = (Shared){.left = n};
}

void fail_by_power_loss(unsigned n, const char *from)
{
        fail_begin(n);
        shared->program = getpid();
        (void)snprintf(shared->from, sizeof(shared->from), "%s", from);
}
