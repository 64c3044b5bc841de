/*
 * A call of the PAM module, with everything around it
 *
 * A scratch directory with an authfile, a real PAM handle without a stack, a person who answers what the test says, and keys in
 * memory. The user is who runs the test.
 */
#pragma once

#include <security/pam_appl.h>
#include <security/pam_modules.h>

#include "tests/unit/pam-key.h"

#define WORLD_RP  "pam://test"
#define WORLD_PIN "24681357"

/* Whether what only libpam does is to fail now: NULL, or a test's. */
extern bool (*world_fails)(const char *name);

/* What the person does when asked: a text, or one of these. */
#define ANSWER_NOTHING ((const char *)1) /* a response without text */
#define ANSWER_NO_ROOM ((const char *)2) /* no response at all, and success */
#define ANSWER_FAILURE ((const char *)3) /* the conversation fails */

typedef struct World {
        char dir[32], authfile[64];
        char credential[4096]; /* of key 0, without options */
        const char *user;
        const char *answers[12];
        unsigned n_answered;
        char said[8192]; /* "I text", "E text", "? question", a line each */
        const char *rhost;
        bool session;       /* a session begins after each authentication */
        int session_result;
        /* What the program does between the two, with that handle: NULL, or a test's. */
        void (*between)(pam_handle_t *pamh, int n, const char **arguments);
} World;

/* With key 0 plugged in, and a credential of it. */
World *world_new(void (*adjust)(Fixture *fixture));
World *world_free(World *world);
static inline void world_freep(World **world)
{
        if (*world)
                world_free(*world);
}

/* Writes "user:" and this to the authfile. */
void world_line(World *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
void world_write(World *world, const char *text);
/* One line with key 0's credential and these options. */
void world_credential(World *world, const char *options);

/* pam_sm_authenticate()'s answer, with these options (NULL at the end) behind authfile= and origin=. */
int world_authenticate(World *world, ...) __attribute__((sentinel));
/* pam_sm_chauthtok()'s. */
int world_change(World *world, ...) __attribute__((sentinel));
bool world_said(const World *world, const char *text);

/* Whether a process waits for a lock that somebody else has. */
bool world_waits_for_lock(pid_t pid);
