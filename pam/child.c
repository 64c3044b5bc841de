/*
 * Child
 *
 * It becomes the user for good, with the user's groups, before it does anything, and has no environment but what a login would
 * give it, unless the program is the user's own. Programs have their own ideas of SIGCHLD, so how the child ended counts for nothing:
 * it says how it went, whole, or it did not happen. When the program dies, so does the child.
 */
#include "pam/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define HEADER_SIZE 8U

/* ---- in the child ---- */

static int become(const User *user)
{
        if (geteuid() != 0)
                return 0;
        if (initgroups(user->name, user->gid) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
            setresuid(user->uid, user->uid, user->uid) < 0)
                return -errno;
        if (getuid() != user->uid || geteuid() != user->uid || getgid() != user->gid || getegid() != user->gid)
                return -EPERM;
        return 0;
}

static int settle(const User *user, bool theirs)
{
        if (theirs)
                return 0;
        if (clearenv() != 0 || setenv("HOME", user->home, 1) < 0 || setenv("USER", user->name, 1) < 0 ||
            setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1) < 0)
                return -ENOMEM;
        return 0;
}

static void write_all(int fd, const uint8_t *data, size_t size)
{
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return; /* the parent sees that it ends early */
                data += n;
                size -= (size_t)n;
        }
}

static void run(const User *user, ChildWork *work, void *data, int fd, pid_t parent)
{
        ByteWriter reply = BYTE_WRITER_NULL, header = BYTE_WRITER_NULL;
        bool theirs = user_is_caller(user);
        int r;

        (void)signal(SIGPIPE, SIG_IGN);
        (void)umask(077);
        r = become(user);
        if (r == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                r = -errno;
        if (getppid() != parent)
                return;
        if (r == 0)
                r = settle(user, theirs);
        if (r == 0)
                r = work(user, data, &reply);
        if (reply.failed) {
                byte_writer_done(&reply);
                r = -ENOMEM;
        }
        byte_writer_u32(&header, (uint32_t)r);
        byte_writer_u32(&header, (uint32_t)reply.size);
        if (!header.failed) {
                write_all(fd, header.data, header.size);
                write_all(fd, reply.data, reply.size);
        }
        byte_writer_done(&reply);
}

/* ---- in the parent ---- */

static int read_all(int fd, uint8_t *ret, size_t size)
{
        while (size > 0) {
                ssize_t n = read(fd, ret, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return -EIO;
                ret += n;
                size -= (size_t)n;
        }
        return 0;
}

static int receive(int fd, size_t max, int *ret_result, Secret **ret)
{
        _cleanup_(secret_freep) Secret *reply = NULL;
        uint8_t header[HEADER_SIZE];
        ByteReader reader = BYTE_READER(header, sizeof(header));
        uint32_t size;
        int r, result;

        r = read_all(fd, header, sizeof(header));
        if (r < 0)
                return r;
        result = (int)byte_reader_u32(&reader);
        size = byte_reader_u32(&reader);
        if (size > max)
                return -EIO;
        r = secret_new(&reply, size);
        if (r == 0)
                r = read_all(fd, reply->data, size);
        if (r < 0)
                return r;
        reply->size = size;
        *ret_result = result;
        *ret = TAKE_PTR(reply);
        return 0;
}

int child_run(const User *user, ChildWork *work, void *data, size_t max, Secret **ret)
{
        _cleanup_(secret_freep) Secret *reply = NULL;
        _cleanup_close_ int reader = -1, writer = -1;
        pid_t parent = getpid(), pid;
        int fds[2], r, result = -EIO;

        if (pipe2(fds, O_CLOEXEC) < 0)
                return -errno;
        reader = fds[0];
        writer = fds[1];
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                (void)close(reader);
                run(user, work, data, writer, parent);
                _exit(0);
        }
        (void)close(TAKE_FD(writer));
        r = receive(reader, max, &result, &reply);
        (void)close(TAKE_FD(reader));
        if (r < 0)
                (void)kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
        if (r < 0 || result != 0)
                return r < 0 ? r : result;
        *ret = TAKE_PTR(reply);
        return 0;
}
