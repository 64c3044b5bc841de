/*
 * Files that are none of keyfobd's
 */
#include "tests/integration/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *in_directory(const char *variable, const char *name)
{
        static char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", getenv(variable), name);
        return path;
}

int opened(int fd)
{
        if (fd < 0)
                return -1;
        (void)close(fd);
        return 0;
}

int read_file(const char *path)
{
        char byte;
        int fd = open(path, O_RDONLY | O_CLOEXEC), r;

        if (fd < 0)
                return -1;
        r = read(fd, &byte, 1) == 1 ? 0 : -1;
        (void)close(fd);
        return r;
}

const char *of_other(const char *name)
{
        static char path[64];

        (void)snprintf(path, sizeof(path), "/proc/%s/%s", getenv("INSIDE_OTHER"), name);
        return path;
}

static int read_home(void)
{
        return read_file(in_directory("HOME", ".bashrc"));
}

static int list_home(void)
{
        return opened(open(getenv("HOME"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int list_root(void)
{
        return opened(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int read_configuration(void)
{
        return read_file("/etc/shells");
}

static int read_shadow(void)
{
        return read_file("/etc/shadow");
}

static int read_library(void)
{
        return read_file("/lib64/ld-linux-x86-64.so.2");
}

static int write_home(void)
{
        return opened(open(in_directory("HOME", ".profile"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int write_tmp(void)
{
        return opened(open(in_directory("INSIDE_TMP", "new"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static int remove_home(void)
{
        return unlink(in_directory("HOME", "precious"));
}

static int truncate_home(void)
{
        return truncate(in_directory("HOME", ".bashrc"), 1);
}

static int move_out(void)
{
        char from[512];

        (void)snprintf(from, sizeof(from), "%s", in_directory("INSIDE_VAULT", "inside"));
        (void)opened(open(from, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        return rename(from, in_directory("HOME", "moved"));
}

static int make_link(void)
{
        (void)unlink(in_directory("INSIDE_VAULT", "link"));
        return symlink("/etc", in_directory("INSIDE_VAULT", "link"));
}

static int make_fifo(void)
{
        (void)unlink(in_directory("INSIDE_VAULT", "fifo"));
        return mknod(in_directory("INSIDE_VAULT", "fifo"), S_IFIFO | 0600, 0);
}

static int write_proc(void)
{
        return opened(open("/proc/self/comm", O_WRONLY | O_CLOEXEC));
}

static int memory_of_other(void)
{
        return opened(open(of_other("mem"), O_RDONLY | O_CLOEXEC));
}

static int environment_of_other(void)
{
        return read_file(of_other("environ"));
}

static int executable_of_other(void)
{
        char path[512];

        return readlink(of_other("exe"), path, sizeof(path)) > 0 ? 0 : -1;
}

static int by_handle(void)
{
        return opened((int)syscall(SYS_name_to_handle_at, AT_FDCWD, "/", NULL, NULL, 0)) == 0 || errno != ENOSYS ? 0
                                                                                                                 : -1;
}

const Try tries_of_files[] = {
        TRY(read_home),           TRY(list_home),     TRY(list_root),       TRY(read_configuration),
        TRY(read_shadow),         TRY(read_library),  TRY(write_home),      TRY(write_tmp),
        TRY(remove_home),         TRY(truncate_home), TRY(move_out),        TRY(make_link),
        TRY(make_fifo),           TRY(write_proc),    TRY(memory_of_other), TRY(environment_of_other),
        TRY(executable_of_other), TRY(by_handle),     {NULL, NULL}};
