/*
 * Replay driver: runs a fuzz target over its corpus, as an ordinary test
 *
 * Arguments are files and directories of files. With libFuzzer this file is left out.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "fuzz/fuzz.h"

static int run_file(const char *path)
{
        _cleanup_free_ uint8_t *data = NULL;
        struct stat st;
        FILE *file;
        size_t n;

        file = fopen(path, "re");
        if (!file || fstat(fileno(file), &st) < 0) {
                perror(path);
                return 1;
        }
        /* Exactly as large as the input, so that a sanitizer sees one byte too many. */
        data = malloc(st.st_size > 0 ? (size_t)st.st_size : 1);
        if (!data)
                return 1;
        n = fread(data, 1, (size_t)st.st_size, file);
        (void)fclose(file);
        if (n != (size_t)st.st_size)
                return 1;
        (void)LLVMFuzzerTestOneInput(data, n);
        return 0;
}

static int run(const char *path, unsigned *count)
{
        struct dirent *entry;
        struct stat st;
        DIR *dir;
        int r = 0;

        if (stat(path, &st) < 0) {
                perror(path);
                return 1;
        }
        if (!S_ISDIR(st.st_mode)) {
                ++*count;
                return run_file(path);
        }
        dir = opendir(path);
        if (!dir)
                return 1;
        while (r == 0 && (entry = readdir(dir))) {
                _cleanup_free_ char *below = NULL;

                if (entry->d_name[0] == '.')
                        continue;
                if (asprintf(&below, "%s/%s", path, entry->d_name) < 0)
                        r = 1;
                else
                        r = run(below, count);
        }
        (void)closedir(dir);
        return r;
}

int main(int argc, char *argv[])
{
        unsigned count = 0;

        for (int i = 1; i < argc; i++)
                if (run(argv[i], &count) != 0)
                        return 1;
        printf("%u inputs\n", count);
        return count > 0 ? 0 : 1;
}
