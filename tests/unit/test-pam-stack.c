/* Stacks of services: read as libpam reads them, whatever stands there. */
#include "pam/stack.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "tests/unit/test.h"

typedef struct Places {
        char root[32], first[48], second[48];
        const char *list[3];
} Places;

static void places_open(Places *places)
{
        (void)strcpy(places->root, "/tmp/kf-stack-XXXXXX");
        CHECK(mkdtemp(places->root));
        (void)snprintf(places->first, sizeof(places->first), "%s/etc", places->root);
        (void)snprintf(places->second, sizeof(places->second), "%s/usr", places->root);
        CHECK_EQ(mkdir(places->first, 0700), 0);
        CHECK_EQ(mkdir(places->second, 0700), 0);
        places->list[0] = places->first;
        places->list[1] = places->second;
        places->list[2] = NULL;
}

static void places_close(Places *places)
{
        char command[64];

        (void)snprintf(command, sizeof(command), "rm -rf %s", places->root);
        CHECK_EQ(system(command), 0);
}

static void write_file(const char *place, const char *name, const char *text)
{
        char path[96];
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/%s", place, name);
        file = fopen(path, "we");
        CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

/* "type control module arguments", a line each. */
static void shows(const Stack *stack, const char *expected)
{
        static const char *const types[] = {"auth", "account", "password", "session"};
        char text[4096];
        size_t n = 0;

        text[0] = 0;
        for (size_t i = 0; i < stack->n_lines; i++) {
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", types[stack->lines[i].type]);
                for (size_t k = 0; k < stack->lines[i].n + 2; k++)
                        n += (size_t)snprintf(text + n, sizeof(text) - n, "|%s", stack->lines[i].words[k]);
                CHECK(!stack->lines[i].words[stack->lines[i].n + 2]);
                n += (size_t)snprintf(text + n, sizeof(text) - n, "\n");
        }
        if (strcmp(text, expected) != 0) {
                fprintf(stderr, "got:\n%s", text);
                exit(1);
        }
}

static void reads(const char *text, const char *expected)
{
        Stack stack = STACK_NULL;
        Places places;

        places_open(&places);
        write_file(places.first, "login", text);
        CHECK_EQ(stack_read(places.list, "login", &stack), 0);
        shows(&stack, expected);
        stack_done(&stack);
        places_close(&places);
}

TEST(lines)
{
        reads("auth required pam_unix.so\n", "auth|required|pam_unix.so\n");
        reads("AUTH\trequired \t pam_unix.so  a  b=c \r\n-session optional /lib/security/pam_systemd.so",
              "auth|required|pam_unix.so|a|b=c\nsession|optional|/lib/security/pam_systemd.so\n");
        reads("account [success=1 default=ignore] pam_x.so [cue_prompt=Touch it, please] [a\\]b] c\n",
              "account|success=1 default=ignore|pam_x.so|cue_prompt=Touch it, please|a]b|c\n");
        reads("# auth required pam_x.so\n\n  \nauth required pam_a.so a # b\npassword required pam_b.so a#b\n",
              "auth|required|pam_a.so|a\npassword|required|pam_b.so|a\n");
        reads("auth required \\\n  pam_a.so\\\n b\nauth required pam_b.so # \\\nauth required pam_c.so\n",
              "auth|required|pam_a.so|b\nauth|required|pam_b.so\nauth|required|pam_c.so\n");
        reads("auth\nauth required\nnothing required pam_x.so\nauth [ pam_x.so\n\\\n", "");
}

TEST(of_a_module)
{
        StackLine line = {.type = STACK_AUTH, .words = (char *[]){(char[]){"required"}, (char[]){"/usr/lib/security/pam_u2f.so"}, NULL}};

        CHECK(stack_line_calls(&line, "pam_u2f"));
        CHECK(!stack_line_calls(&line, "pam_u2") && !stack_line_calls(&line, "u2f"));
        line.words[1] = (char[]){"pam_u2f"};
        CHECK(stack_line_calls(&line, "pam_u2f"));
        line.words[1] = (char[]){"pam_u2f.so.1"};
        CHECK(!stack_line_calls(&line, "pam_u2f"));
}

TEST(what_is_included)
{
        Stack stack = STACK_NULL;
        Places places;

        places_open(&places);
        write_file(places.first, "login", "auth include common\n@include common\nsession substack common\naccount required pam_z.so\n");
        write_file(places.second, "common", "auth required pam_a.so x\nsession required pam_s.so\n");
        CHECK_EQ(stack_read(places.list, "login", &stack), 0);
        shows(&stack, "auth|required|pam_a.so|x\nauth|required|pam_a.so|x\nsession|required|pam_s.so\nsession|required|pam_s.so\n"
                      "account|required|pam_z.so\n");
        CHECK_EQ(stack.n_included, 3);
        CHECK(strcmp(stack.included[0], "common") == 0 && !stack.missing && !stack.too_large);
        stack_done(&stack);

        /* What one type includes has this type only, however it goes on. */
        write_file(places.first, "common", "@include more\n");
        write_file(places.first, "more", "auth required pam_m.so\nsession required pam_n.so\n");
        write_file(places.first, "login", "session include common\n");
        CHECK_EQ(stack_read(places.list, "login", &stack), 0);
        shows(&stack, "session|required|pam_n.so\n");
        stack_done(&stack);
        places_close(&places);
}

TEST(what_is_not_there)
{
        Stack stack = STACK_NULL;
        Places places;
        char path[96];

        places_open(&places);
        CHECK_EQ(stack_read(places.list, "login", &stack), -ENOENT);
        write_file(places.first, "login", "auth required pam_a.so\n@include gone\nauth include /none/gone\nauth required pam_b.so\n");
        CHECK_EQ(stack_read(places.list, "login", &stack), 0);
        shows(&stack, "auth|required|pam_a.so\nauth|required|pam_b.so\n");
        CHECK(strcmp(stack.missing, "gone") == 0);
        stack_done(&stack);

        /* No file, or no text. */
        (void)snprintf(path, sizeof(path), "%s/folder", places.first);
        CHECK_EQ(mkdir(path, 0700), 0);
        CHECK_EQ(stack_read(places.list, "folder", &stack), -EINVAL);
        (void)snprintf(path, sizeof(path), "%s/pipe", places.first);
        CHECK_EQ(mkfifo(path, 0600), 0);
        CHECK_EQ(stack_read(places.list, "pipe", &stack), -EINVAL);
        (void)snprintf(path, sizeof(path), "%s/link", places.first);
        CHECK_EQ(symlink("login", path), 0);
        CHECK_EQ(stack_read(places.list, "link", &stack), 0);
        stack_done(&stack);
        places_close(&places);
}

TEST(bounded)
{
        char text[STACK_FILE_MAX + 64];
        Stack stack = STACK_NULL;
        Places places;
        size_t n = 0;

        places_open(&places);
        write_file(places.first, "login", "auth required pam_a.so\n@include login\n@include login\n");
        CHECK_EQ(stack_read(places.list, "login", &stack), 0);
        CHECK(stack.too_large && stack.n_files == STACK_FILES_MAX);
        stack_done(&stack);

        while (n < STACK_FILE_MAX - 64)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "auth required pam_a.so\n");
        write_file(places.first, "long", text);
        CHECK_EQ(stack_read(places.list, "long", &stack), 0);
        CHECK(stack.too_large && stack.n_lines == STACK_LINES_MAX);
        stack_done(&stack);

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        write_file(places.first, "large", text);
        CHECK_EQ(stack_read(places.list, "large", &stack), 0);
        CHECK(stack.too_large && stack.n_lines == 0);
        stack_done(&stack);
        places_close(&places);
}

TEST_MAIN
