/*
 * org.keyfob.Ssh1 by file
 */
#pragma once

#include "daemon/ctap-internal.h"
#include "daemon/ssh-internal.h"
#include "daemon/store1-internal.h"

/* What a call wants; its Waiting has it. */
struct SshWish {
        char *key;   /* what names it */
        uint32_t id; /* the one that is meant, when it was found */

        /* a new key */
        char *type, *device, *application, *user;
        uint32_t bits;
        bool resident, verify_required, no_touch_required;
        Secret *pin;

        /* a new key, or a change */
        char *comment;
        bool sets_confirm, sets_verify, sets_programs, sets_hosts;
        SshPolicy policy; /* what of it is set */

        /* at work */
        SshKeyKind kind;
        bool verifies; /* the owner is verified for it, on Keyfob's own security key */
        SshDraft *draft;
        int result;
        CtapOwn *own;
        KeyTalk *talk;
};

/* An SshResult or negative errno as a D-Bus error; a negative errno, or 0 for 0. */
int ssh1_error(Daemon *daemon, sd_bus_error *error, int result);

/* Takes a call over: reads its dictionary, in which only the names in `allowed` (NULL ends) may be, beside "interactive"; `key` (or
 * NULL) is what names the key that is meant. */
int ssh1_begin(Daemon *daemon, sd_bus_message *m, const char *key, const char *const *allowed, sd_bus_error *error,
               Waiting **ret);
/* waiting_unlock(), where there is a vault. */
int ssh1_unlock(Waiting *waiting, const char *message, WaitingNext next, sd_bus_error *error);
/* ssh1-wish.c. 0, or a negative errno with `error` set. */
int ssh1_read_wish(sd_bus_message *m, const char *const *allowed, Options *options, SshWish *wish, sd_bus_error *error);

/* Finds the key that wish->key names, and sets wish->id. `ret` may be NULL. */
int ssh1_find(Waiting *waiting, SshKeyInfo *ret, sd_bus_error *error);
/* The public line of a key, a new string or NULL. */
char *ssh1_line(const SshKeyInfo *info);

/* ssh1-list.c */
int ssh1_get_info(sd_bus_message *m, void *userdata, sd_bus_error *error);
int ssh1_list_keys(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* What a hint says of its key, in an agent that has nothing else; freeing that ends `ret`. 0, an SshResult, or a negative errno. */
int ssh1_read_hint(const void *hint, size_t size, SshAgent **ret_agent, SshKeyInfo *ret);

/* ssh1-change.c */
int ssh1_keep_key(sd_bus_message *m, void *userdata, sd_bus_error *error);
int ssh1_remove_key(sd_bus_message *m, void *userdata, sd_bus_error *error);
int ssh1_undelete_key(sd_bus_message *m, void *userdata, sd_bus_error *error);
int ssh1_set_policy(sd_bus_message *m, void *userdata, sd_bus_error *error);

/* ssh1-add.c */
int ssh1_add_key(sd_bus_message *m, void *userdata, sd_bus_error *error);
/* ssh1-add-sk.c: a step. Has a security key make one, then stores it and answers. */
int ssh1_add_sk(Waiting *waiting, sd_bus_error *error);
/* A step: answers with the line of the key wish->id. */
int ssh1_finish_added(Waiting *waiting, sd_bus_error *error);
