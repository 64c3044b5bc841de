/*
 * Client: what the files of libkeyfob share, and what our own programs use beyond the public header
 *
 * Results are those of keyfob.h: 0, a positive enum keyfob_error, a negative errno.
 */
#pragma once

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "common/secret.h"
#include "keyfob/bus.h"
#include "keyfob/keyfob.h"

#define CLIENT_AGENT_PATH       "/org/keyfob/agent"
#define CLIENT_SECRET_MAX       ((size_t)4 * 1024 * 1024)
#define CLIENT_START_TIMEOUT_MS 10000
#define CLIENT_LABEL_MAX        ((size_t)4096)

struct keyfob {
        sd_bus *bus;
        char *destination; /* unique name of the daemon on the bus; NULL on its own socket */
        char *socket;      /* path of the own socket; NULL on the bus */
        char *message;     /* of the last failure */

        keyfob_prompt prompt;
        void *prompt_data;
        sd_bus_slot *agent_slot;
        bool agent_registered;

        keyfob_key_report progress;
        void *progress_data;
        sd_bus_slot *progress_slot;
};

DEFINE_CLEANUP(keyfob *, keyfob_close)
DEFINE_CLEANUP(keyfob_value *, keyfob_value_free)
DEFINE_CLEANUP(keyfob_items *, keyfob_items_free)
DEFINE_CLEANUP(keyfob_status *, keyfob_status_free)
DEFINE_CLEANUP(keyfob_passkeys *, keyfob_passkeys_free)
DEFINE_CLEANUP(keyfob_policy *, keyfob_policy_free)
DEFINE_CLEANUP(keyfob_authenticator *, keyfob_authenticator_free)
DEFINE_CLEANUP(keyfob_keys *, keyfob_keys_free)
DEFINE_CLEANUP(keyfob_key_state *, keyfob_key_state_free)
DEFINE_CLEANUP(keyfob_fingers *, keyfob_fingers_free)
DEFINE_CLEANUP(keyfob_ssh_agent *, keyfob_ssh_agent_free)
DEFINE_CLEANUP(keyfob_ssh_keys *, keyfob_ssh_keys_free)

/* ---- connect.c ---- */

/* Told about each place that was tried: result as of keyfob_connect(). */
typedef void (*ClientTried)(void *userdata, const char *place, int result);
int client_connect(unsigned flags, ClientTried tried, void *userdata, keyfob **ret);

/* ---- start.c ---- */

/* Finds keyfobd: beside our own executable, else where it was installed. New string; -ENOENT. */
int client_find_daemon(char **ret);

/* Starts keyfobd, detached, with one more argument (NULL: none), and waits until it listens. KEYFOB_E_UNREACHABLE when
 * it did not come up in time. */
int client_start_daemon(const char *argument);

/* ---- call.c ---- */

typedef enum ClientCall {
        CLIENT_QUICK = 0,        /* answered without a person: the usual time limit */
        CLIENT_PATIENT = 1 << 0, /* may wait for a person or for a long computation: no time limit */
        CLIENT_ASKS = 1 << 1,    /* may cause questions: the handle's prompt is registered first, and served */
        CLIENT_LISTENS = 1 << 2, /* waits for a security key, and is told how that gets on: no time limit */
} ClientCall;

int client_message_new(keyfob *k, const char *interface, const char *method, sd_bus_message **ret);
/* Both directions are wiped. */
int client_sensitive_message(keyfob *k, const char *interface, const char *method, sd_bus_message **ret);
/* The same for org.keyfob.Store1. With `sensitive`, both directions are wiped. */
int client_store_message(keyfob *k, const char *method, bool sensitive, sd_bus_message **ret);
int client_call(keyfob *k, sd_bus_message *call, ClientCall how, sd_bus_message **ret);

/* Entries of an a{sv} that is being appended; a NULL or zero value adds nothing. */
int client_append_string(sd_bus_message *m, const char *key, const char *value);
int client_append_bytes(sd_bus_message *m, const char *key, const void *data, size_t size); /* NULL data: nothing */
int client_append_u32(sd_bus_message *m, const char *key, uint32_t value);
int client_append_u64(sd_bus_message *m, const char *key, uint64_t value);
int client_append_bool(sd_bus_message *m, const char *key, bool value);
int client_append_choice(sd_bus_message *m, const char *key, int choice); /* 0 or 1; negative: nothing */
int client_append_strings(sd_bus_message *m, const char *key, const char *const *strings, size_t n); /* NULL: nothing */
int client_append_attributes(sd_bus_message *m, const keyfob_attribute *attributes, size_t n);

/* ---- dictionary.c ---- */

/* What to take from an a{sv}. Strings and bytes belong to the message; a bool is an int, as sd-bus has it. */
typedef struct ClientField {
        const char *key;
        const char *type; /* of one basic value, "ay" or "as" */
        void *place;      /* of "as": the array of pointers */
        size_t *size;     /* of "ay"; of "as": how many there is room for, then how many there are */
} ClientField;

/* Reads the dictionary that is next. 1, 0 when there is none, or a negative errno. */
int client_read_dictionary(sd_bus_message *m, const ClientField *fields, size_t n);

/* A struct of `size` bytes, all zero, whose texts are those of a reply: it holds the reply, and is freed with
 * client_info_free(), which takes NULL and returns NULL. NULL: no memory. */
void *client_info_new(sd_bus_message *reply, size_t size);
void *client_info_free(void *info);

/* Reads an array of that type with read(), which answers as client_read_dictionary(), into a new array; what is in *array is to
 * be freed on failure, too. 0 or negative errno. */
int client_read_list(sd_bus_message *m, const char *type, int (*read)(sd_bus_message *m, void *element), size_t size,
                     void **array, size_t *n);
/* A list is of client_info_new() and has an array. NULL allowed; returns NULL. */
void *client_list_free(void *list, const void *array);

/* ---- authenticator-fingers.c: `auth` is a secret of a slot of the vault, NULL: the person is asked ---- */

int client_fingers_list(keyfob *k, keyfob_fingers **ret);
int client_finger_enroll(keyfob *k, const char *name, const Secret *auth);
int client_finger_rename(keyfob *k, const keyfob_finger *finger, const char *name);
int client_finger_delete(keyfob *k, const keyfob_finger *finger, const Secret *auth);

/* ---- authenticator.c ---- */

/* A call of org.keyfob.Authenticator1. Both directions are wiped. */
int client_authenticator_message(keyfob *k, const char *method, sd_bus_message **ret);

/*
 * Secrets in a message. A body that grows when a secret is in it may be moved, and the copy that stays behind is not wiped. So
 * room is made for all of them first; then they are filled in, from the last, whose room is told, to the first. They
 * are byte arrays with nothing between them.
 */
typedef struct ClientPiece {
        const void *data;
        size_t size;
} ClientPiece;
void client_fill_pieces(uint8_t *room, const ClientPiece *pieces, size_t n);
/* An entry of an a{sv} with room for bytes. */
int client_append_room(sd_bus_message *m, const char *key, size_t size, uint8_t **room);

/* ---- transact.c ---- */

/* From now on the daemon asks the person for the PIN. KEYFOB_E_UNSUPPORTED by one that can't. */
int client_ask_for_pin(keyfob *k);
/* One CTAP2 request; waits for the person. What *ret points to is the message's. */
int client_transact(keyfob *k, const void *request, size_t size, sd_bus_message **ret_reply, const uint8_t **ret,
                    size_t *ret_size);

/* ---- key.c ---- */

/* A call of org.keyfob.Keys1 for a key (NULL: the only one). Both directions are wiped. */
int client_key_message(keyfob *k, const char *method, const char *key, sd_bus_message **ret);
/* The aa{sv} of fingers in a reply. */
int client_read_fingers(keyfob *k, sd_bus_message *reply, keyfob_fingers **ret);
/* Options that end a message, with a PIN (NULL: none), and the call. */
int client_key_call(keyfob *k, sd_bus_message *call, const void *pin, size_t size, sd_bus_message **ret);
/* A call for one thing on a key, by its id. */
int client_key_id_message(keyfob *k, const char *method, const char *key, const void *id, size_t id_size,
                          sd_bus_message **ret);
bool client_is_bytes(const void *data, size_t size);

/* ---- passkey.c ---- */

int client_read_passkeys(keyfob *k, sd_bus_message *reply, keyfob_passkeys **ret);
/* New names of an account as an a{sv}; NULL keeps one. */
int client_append_names(sd_bus_message *m, const char *user_name, const char *user_display_name);

/* ---- item.c ---- */

/* Bytes that belong to no item, copied into locked memory. */
int client_value_new(const void *data, size_t size, keyfob_value **ret);

/* The label that python keyring gives a password, cut to what a label may have. New string or NULL. */
char *client_password_label(const char *service, const char *user);

/* ---- lock.c ---- */

/* The object path of a collection by its name or alias (a path is passed through). New string. KEYFOB_E_NOT_FOUND. */
int client_collection_path(keyfob *k, const char *name, char **ret);

/* ---- agent.c ---- */

/* Registers the handle's prompt with the daemon unless it is. */
int client_agent_register(keyfob *k);
void client_agent_drop(keyfob *k);

#define CLIENT_CHOICES_MAX 64U

typedef struct ClientQuestion {
        keyfob_question question; /* its choices are: */
        const char *choices[CLIENT_CHOICES_MAX + 1];
} ClientQuestion;

/* Reads the request of an Ask call; strings belong to the message. -EINVAL when it is no question. */
int client_question_read(sd_bus_message *m, ClientQuestion *ret);

/* Whether a message comes from the daemon this handle is connected to. */
bool client_from_daemon(const keyfob *k, sd_bus_message *m);

/* ---- error.c ---- */

/* Keeps the message on the handle (NULL: none) and passes the result on. */
int client_fail(keyfob *k, int result, const char *message);
/* From a D-Bus error. */
int client_fail_error(keyfob *k, const sd_bus_error *error, int r);
/* From an errno of sd-bus: a lost connection is KEYFOB_E_UNREACHABLE. */
int client_fail_errno(keyfob *k, int r);
/* From an errno of appending arguments to a message: D-Bus takes UTF-8 only. */
int client_fail_append(keyfob *k, int r);
/* The enum keyfob_error (or -ENOMEM) of a D-Bus error name. */
int client_error_from_name(const char *name);
