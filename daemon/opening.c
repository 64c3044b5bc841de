/*
 * Getting a root key
 *
 * An opening goes through its ways in the order of what they cost a person: slots that open by themselves, key files,
 * then a question with three tries. Every step ends in the loop: one source walks over the openings and does what is
 * due, so no callback runs inside a call. Openings that only want a scope unlocked share one question; whoever is
 * first asks, and the others take over when that one goes away unanswered.
 *
 * Secrets are tried one at a time, and after a few wrong ones in a row each further try waits longer: guessing over
 * the bus costs more than a KDF run.
 */
#include "daemon/opening.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/batch.h"
#include "daemon/helper-link.h"
#include "daemon/job.h"
#include "daemon/log.h"
#include "daemon/secret-notify.h"

#define TRIES_MAX       3
#define WRONG_FREE      5U  /* wrong secrets in a row before delays begin */
#define DELAY_MAX       30U /* seconds */
#define OPENINGS_MAX    1024U
#define LABEL_SHOWN_MAX 80U
#define USED_USEC       (UINT64_C(500) * 1000)

typedef enum State {
        STATE_START,
        STATE_KEYS,      /* next: a key file, or the person */
        STATE_WORKING,   /* a job, the helper or a question is under way */
        STATE_FOLLOWING, /* someone else asks for the same */
        STATE_TURN,      /* has a secret, waits for its turn to try it */
        STATE_ENDED,
} State;

typedef enum Way {
        WAY_NONE,
        WAY_KEY,
        WAY_SECRET,
        WAY_PERSON,
} Way;

struct Opening {
        CallerResource observer; /* first member */
        Openings *openings;
        OpeningDone done;
        void *userdata;

        uint32_t collection;
        bool has_slot, interactive, unlock;
        uint8_t slot[SLOT_ID_SIZE];
        char *purpose, *message;
        Secret *secret; /* given, or typed */

        State state;
        Way way;
        int tries;
        SlotList keys; /* key files yet to be tried */
        Slot *key;     /* the one that is being read */
        Job *job;
        HelperCall *reading;
        Ask *ask;

        int result;
        Root *root;
        Opening *next;
};

struct Openings {
        Daemon *daemon;
        Opening *list;
        unsigned n;
        sd_event_source *pump, *turn, *used;

        Opening *trying;
        unsigned wrong;      /* in a row */
        uint64_t not_before; /* CLOCK_MONOTONIC, microseconds */

        bool used_pending;
        uint8_t used_slot[SLOT_ID_SIZE];
        uint64_t used_at;

        Secret *credential_key, *credential_password;
        unsigned n_automatic;
};

/* What a job works on; slots are copies, so it touches no vault. */
typedef struct Try {
        Opening *opening;
        SlotList slots;
        Secret *secret;
        Root *root;
        int result;
} Try;

static void set_pump(Openings *openings)
{
        (void)sd_event_source_set_enabled(openings->pump, SD_EVENT_ONESHOT);
}

static uint64_t monotonic_usec(void)
{
        struct timespec ts;

        (void)clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static bool scope_is_open(const Daemon *daemon, uint32_t no)
{
        const VaultCollection *collection;

        if (!daemon->vault)
                return false;
        if (no == 0)
                return vault_is_unlocked(daemon->vault);
        collection = vault_collection_get(daemon->vault, no);
        return collection && !collection->locked;
}

/* ---- life of an opening ---- */

static void stop_work(Opening *opening)
{
        opening->job = job_cancel(opening->job);
        opening->reading = helper_call_cancel(opening->reading);
        opening->ask = ask_cancel(opening->ask);
        if (opening->openings->trying == opening)
                opening->openings->trying = NULL;
        set_pump(opening->openings);
}

static Opening *opening_free(Opening *opening)
{
        if (!opening)
                return NULL;
        stop_work(opening);
        for (Opening **p = &opening->openings->list; *p; p = &(*p)->next) {
                if (*p == opening) {
                        *p = opening->next;
                        opening->openings->n--;
                        break;
                }
        }
        caller_detach(&opening->observer);
        slot_list_done(&opening->keys);
        slot_free(opening->key);
        secret_free(opening->secret);
        root_free(opening->root);
        free(opening->purpose);
        free(opening->message);
        free(opening);
        return NULL;
}
DEFINE_CLEANUP(Opening *, opening_free)

/* Decides the outcome; the loop tells it. */
static void end(Opening *opening, int result, Root *root)
{
        if (opening->state == STATE_ENDED) {
                root_free(root);
                return;
        }
        stop_work(opening);
        opening->state = STATE_ENDED;
        opening->result = result;
        opening->root = root;
}

static void on_caller_gone(CallerResource *resource)
{
        end((Opening *)resource, OPENING_CANCELLED, NULL);
}

static bool shares_question(const Opening *a, const Opening *b)
{
        return a != b && a->unlock && b->unlock && a->collection == b->collection && !a->has_slot && !b->has_slot;
}

/* Those that wait for the answer to the same question get the same answer. */
static void end_with_followers(Opening *opening, int result)
{
        for (Opening *other = opening->openings->list; other; other = other->next)
                if (other->state == STATE_FOLLOWING && shares_question(opening, other))
                        end(other, result, NULL);
        end(opening, result, NULL);
}

/* ---- trying ---- */

static void try_run(void *data)
{
        Try *try = data;

        try->result = VAULT_E_UNSUPPORTED;
        for (size_t i = 0; i < try->slots.n; i++) {
                int r = slot_open(try->slots.slots[i], try->secret, &try->root);

                if (r <= 0) {
                        try->result = r;
                        return;
                }
                /* That a secret does not fit one slot says nothing about the others; that it fits none is the answer.
                 */
                if (try->result != VAULT_E_WRONG_SECRET && try->result != VAULT_E_DAMAGED)
                        try->result = r;
                else if (r == VAULT_E_DAMAGED)
                        try->result = r;
        }
}

static void try_free(void *data)
{
        Try *try = data;

        slot_list_done(&try->slots);
        secret_free(try->secret);
        root_free(try->root);
        free(try);
}

static void count_wrong(Openings *openings)
{
        unsigned over, seconds = 1;

        openings->wrong++;
        if (openings->wrong < WRONG_FREE)
                return;
        for (over = openings->wrong - WRONG_FREE; over > 0 && seconds < DELAY_MAX; over--)
                seconds *= 2;
        if (seconds > DELAY_MAX)
                seconds = DELAY_MAX;
        openings->not_before = monotonic_usec() + (uint64_t)seconds * 1000000;
        if (openings->wrong == WRONG_FREE)
                log_line(LOG_WARNING, "%u wrong secrets in a row: further tries are slowed down", openings->wrong);
}

static void ask_person(Opening *opening);

static void try_done(void *data)
{
        Try *try = data;
        Opening *opening = try->opening;
        Openings *openings = opening->openings;

        opening->job = NULL;
        if (openings->trying == opening) {
                openings->trying = NULL;
                if (try->result == 0)
                        openings->wrong = 0;
                else if (try->result == VAULT_E_WRONG_SECRET)
                        count_wrong(openings);
                set_pump(openings);
        }
        if (try->result == 0) {
                end(opening, 0, TAKE_PTR(try->root));
                return;
        }

        switch (opening->way) {
        case WAY_NONE:
        case WAY_KEY:
                log_line(LOG_NOTICE, "a slot that opens by itself did not: %s",
                         try->result == VAULT_E_WRONG_SECRET ? "the key file has another key"
                                                             : vault_strerror(try->result));
                opening->state = STATE_KEYS;
                set_pump(openings);
                break;
        case WAY_SECRET:
                end(opening, try->result, NULL);
                break;
        case WAY_PERSON:
                if (try->result != VAULT_E_WRONG_SECRET || ++opening->tries >= TRIES_MAX)
                        end_with_followers(opening, try->result);
                else
                        ask_person(opening);
                break;
        }
}

/* Takes the list and the secret over. */
static void start_try(Opening *opening, SlotList *slots, Secret *secret)
{
        Try *try = calloc(1, sizeof(*try));
        int r;

        if (!try) {
                secret_free(secret);
                slot_list_done(slots);
                end(opening, -ENOMEM, NULL);
                return;
        }
        *try = (Try){.opening = opening, .slots = *slots, .secret = secret};
        *slots = (SlotList){0};
        opening->state = STATE_WORKING;
        r = job_start(opening->openings->daemon, try_run, try_done, try_free, try, &opening->job);
        if (r < 0) {
                try_free(try);
                end(opening, r, NULL);
        }
}

static bool in_scope(const Opening *opening, const Slot *slot)
{
        return slot_collection(slot) == opening->collection &&
               (!opening->has_slot || memcmp(slot_id(slot), opening->slot, SLOT_ID_SIZE) == 0);
}

#define KIND(kind) (1U << (kind))
#define ANY_KIND   UINT32_MAX

/* Slots of the scope and of these kinds; key files first, which cost nothing to try. */
static int load_slots(Opening *opening, uint32_t kinds, SlotList *ret)
{
        SlotList list = {0};
        size_t n = 0;
        int r;

        r = vault_slots(opening->openings->daemon->vault, &list);
        if (r != 0)
                return r;
        for (size_t i = 0; i < list.n; i++) {
                Slot *slot = list.slots[i];

                if (!in_scope(opening, slot) || !(KIND(slot_kind(slot)) & kinds)) {
                        slot_free(slot);
                        continue;
                }
                list.slots[n++] = slot;
                if (slot_kind(slot) == SLOT_CREDENTIAL) {
                        list.slots[n - 1] = list.slots[0];
                        list.slots[0] = slot;
                }
        }
        list.n = n;
        *ret = list;
        return 0;
}

/* One secret at a time, in the order in which they came, not before the delay is over. */
static void give_turn(Openings *openings)
{
        uint64_t now = monotonic_usec();
        Opening *opening = openings->list;
        SlotList slots = {0};
        uint32_t kinds;
        int r;

        if (openings->trying)
                return;
        while (opening && opening->state != STATE_TURN)
                opening = opening->next;
        if (!opening)
                return;
        if (now < openings->not_before) {
                (void)sd_event_source_set_time_relative(openings->turn, openings->not_before - now);
                (void)sd_event_source_set_enabled(openings->turn, SD_EVENT_ONESHOT);
                return;
        }

        kinds = opening->way == WAY_PERSON ? KIND(SLOT_PASSWORD) : ~(uint32_t)KIND(SLOT_NONE);
        r = opening->openings->daemon->vault ? load_slots(opening, kinds, &slots) : VAULT_E_NO_VAULT;
        if (r == 0 && slots.n == 0)
                r = OPENING_NO_SLOT;
        if (r != 0) {
                slot_list_done(&slots);
                end(opening, r, NULL);
                return;
        }
        openings->trying = opening;
        start_try(opening, &slots, TAKE_PTR(opening->secret));
}

static int on_turn(sd_event_source *source, uint64_t usec, void *userdata)
{
        set_pump(userdata);
        return 0;
}

/* ---- the person ---- */

static void on_answer(void *userdata, AskOutcome outcome, Secret *secret)
{
        Opening *opening = userdata;

        opening->ask = NULL;
        switch (outcome) {
        case ASK_ALLOWED:
                secret_free(opening->secret);
                opening->secret = secret;
                opening->way = WAY_PERSON;
                opening->state = STATE_TURN;
                set_pump(opening->openings);
                break;
        case ASK_DENIED:
                end_with_followers(opening, OPENING_CANCELLED);
                break;
        case ASK_NO_PROMPTER:
        case ASK_FAILED:
                end(opening, OPENING_NO_PROMPTER, NULL);
                break;
        }
}

/* A label as a dialog may show it: one line, not endless. */
static void show_label(const char *label, char ret[LABEL_SHOWN_MAX + 4])
{
        size_t n = strlen(label);

        if (n > LABEL_SHOWN_MAX) {
                n = LABEL_SHOWN_MAX;
                while (n > 0 && ((unsigned char)label[n] & 0xc0) == 0x80)
                        n--;
        }
        for (size_t i = 0; i < n; i++)
                ret[i] = (unsigned char)label[i] < ' ' || label[i] == 0x7f ? ' ' : label[i];
        (void)strcpy(ret + n, label[n] ? "…" : "");
}

static void ask_person(Opening *opening)
{
        Daemon *daemon = opening->openings->daemon;
        const VaultCollection *collection = NULL;
        char text[LABEL_SHOWN_MAX + 64], label[LABEL_SHOWN_MAX + 4];
        int r;

        if (daemon->vault && opening->collection != 0)
                collection = vault_collection_get(daemon->vault, opening->collection);
        if (collection) {
                show_label(collection->label, label);
                (void)snprintf(text, sizeof(text), "Enter the password of the collection “%s”.", label);
        } else {
                (void)snprintf(text, sizeof(text), "Enter the password of your Keyfob vault.");
        }

        opening->state = STATE_WORKING;
        opening->way = WAY_PERSON;
        r = ask_start(daemon,
                      &(AskRequest){
                              .kind = ASK_SECRET,
                              .purpose = opening->purpose,
                              .title = opening->unlock ? "Unlock Keyfob" : "Keyfob",
                              .message = opening->message ? opening->message : text,
                              .error = opening->tries > 0 ? "That password is wrong." : NULL,
                              .retries = TRIES_MAX - opening->tries,
                              .caller = opening->observer.caller,
                      },
                      on_answer, opening, &opening->ask);
        if (r < 0)
                end(opening, r, NULL);
}

static void turn_to_person(Opening *opening)
{
        SlotList slots = {0};
        int r;

        r = opening->openings->daemon->vault ? load_slots(opening, KIND(SLOT_PASSWORD), &slots) : VAULT_E_NO_VAULT;
        if (r == 0 && slots.n == 0)
                r = OPENING_NO_SLOT;
        slot_list_done(&slots);
        if (r == 0 && !opening->interactive)
                r = VAULT_E_LOCKED;
        if (r != 0) {
                end(opening, r, NULL);
                return;
        }

        for (Opening *other = opening->openings->list; other; other = other->next) {
                if (shares_question(opening, other) && other->way == WAY_PERSON &&
                    (other->state == STATE_WORKING || other->state == STATE_TURN || other->state == STATE_ENDED)) {
                        opening->state = STATE_FOLLOWING;
                        return;
                }
        }
        ask_person(opening);
}

/* ---- key files ---- */

static void on_key(void *userdata, HelperResult result, ByteReader *fields)
{
        Opening *opening = userdata;
        SlotList slots = {0};
        Secret *secret = NULL;
        const uint8_t *bytes;
        size_t size = 0;

        opening->reading = NULL;
        bytes = result == HELPER_OK ? byte_reader_blob(fields, HELPER_KEY_MAX, &size) : NULL;
        if (result != HELPER_OK || fields->failed || secret_new_from(&secret, bytes, size) < 0 ||
            !(slots.slots = calloc(1, sizeof(Slot *)))) {
                secret_free(secret);
                opening->key = slot_free(opening->key);
                opening->state = STATE_KEYS;
                set_pump(opening->openings);
                return;
        }
        slots.slots[0] = TAKE_PTR(opening->key);
        slots.n = 1;
        opening->way = WAY_KEY;
        start_try(opening, &slots, secret);
}

static void next_key(Opening *opening)
{
        while (opening->keys.n > 0) {
                ByteWriter fields = BYTE_WRITER_NULL;
                const char *path;
                int r;

                slot_free(opening->key);
                opening->key = opening->keys.slots[--opening->keys.n];
                path = slot_path(opening->key);
                if (!path)
                        continue;
                byte_writer_string(&fields, path);
                r = helper_call(opening->openings->daemon, HELPER_READ_KEY, &fields, on_key, opening,
                                &opening->reading);
                byte_writer_done(&fields);
                if (r < 0)
                        continue;
                opening->state = STATE_WORKING;
                return;
        }
        turn_to_person(opening);
}

static void begin(Opening *opening)
{
        Daemon *daemon = opening->openings->daemon;
        SlotList none = {0};
        int r;

        if (!daemon->vault) {
                end(opening, daemon->vault_state != 0 ? daemon->vault_state : VAULT_E_NO_VAULT, NULL);
                return;
        }
        if (opening->unlock && scope_is_open(daemon, opening->collection)) {
                end(opening, 0, NULL);
                return;
        }
        if (opening->secret) {
                opening->way = WAY_SECRET;
                opening->state = STATE_TURN;
                return;
        }

        r = load_slots(opening, KIND(SLOT_CREDENTIAL), &opening->keys);
        if (r == 0)
                r = load_slots(opening, KIND(SLOT_NONE), &none);
        if (r != 0) {
                end(opening, r, NULL);
        } else if (none.n > 0) {
                opening->way = WAY_NONE;
                start_try(opening, &none, NULL);
        } else {
                slot_list_done(&none);
                next_key(opening);
        }
}

/* ---- the walk ---- */

static bool tell_ended(Openings *openings)
{
        for (Opening *opening = openings->list; opening; opening = opening->next) {
                OpeningDone done = opening->done;
                void *userdata = opening->userdata;
                int result = opening->result;
                Root *root;

                if (opening->state != STATE_ENDED)
                        continue;
                root = TAKE_PTR(opening->root);
                opening_free(opening);
                done(userdata, result, root);
                return true;
        }
        return false;
}

static int on_pump(sd_event_source *source, void *userdata)
{
        Openings *openings = userdata;

        while (tell_ended(openings))
                ;
        for (Opening *opening = openings->list; opening; opening = opening->next) {
                switch (opening->state) {
                case STATE_START:
                        begin(opening);
                        break;
                case STATE_KEYS:
                        next_key(opening);
                        break;
                case STATE_FOLLOWING:
                        if (scope_is_open(openings->daemon, opening->collection))
                                end(opening, 0, NULL);
                        else
                                turn_to_person(opening);
                        break;
                case STATE_WORKING:
                case STATE_TURN:
                case STATE_ENDED:
                        break;
                }
        }
        give_turn(openings);
        return 0;
}

int opening_start(Daemon *daemon, const OpeningRequest *request, OpeningDone done, void *userdata, Opening **ret)
{
        Openings *openings = daemon->openings;
        _cleanup_(opening_freep) Opening *opening = NULL;
        Opening **last;
        int r = 0;

        if (openings->n >= OPENINGS_MAX)
                return -ENOBUFS;
        opening = calloc(1, sizeof(*opening));
        if (!opening)
                return -ENOMEM;
        opening->openings = openings;
        opening->done = done;
        opening->userdata = userdata;
        opening->collection = request->collection;
        opening->interactive = request->interactive;
        opening->unlock = request->unlock;
        if (request->slot) {
                opening->has_slot = true;
                memcpy(opening->slot, request->slot, SLOT_ID_SIZE);
        }
        opening->purpose = strdup(request->purpose ? request->purpose : "unlock");
        if (!opening->purpose)
                return -ENOMEM;
        if (request->message) {
                opening->message = strdup(request->message);
                if (!opening->message)
                        return -ENOMEM;
        }
        if (request->secret)
                r = secret_new_from(&opening->secret, request->secret->data, request->secret->size);
        if (r >= 0 && request->caller)
                r = caller_attach(request->caller, &opening->observer, CALLER_OBSERVER, on_caller_gone);
        if (r < 0)
                return r;

        for (last = &openings->list; *last;)
                last = &(*last)->next;
        *last = opening;
        openings->n++;
        set_pump(openings);
        *ret = TAKE_PTR(opening);
        return 0;
}

Opening *opening_cancel(Opening *opening)
{
        return opening_free(opening);
}

/* ---- using a root ---- */

/* Written a moment later: unlocking must work, and answer, where nothing can be written. */
static int on_used(sd_event_source *source, uint64_t usec, void *userdata)
{
        Openings *openings = userdata;
        Vault *vault = openings->daemon->vault;

        if (!openings->used_pending || !vault)
                return 0;
        openings->used_pending = false;
        if (batch_begin(openings->daemon) == 0)
                (void)vault_slot_used(vault, openings->used_slot, openings->used_at);
        return 0;
}

static void note_use(Openings *openings, const Root *root)
{
        openings->used_pending = true;
        openings->used_at = (uint64_t)time(NULL);
        memcpy(openings->used_slot, root_slot_id(root), SLOT_ID_SIZE);
        (void)sd_event_source_set_time_relative(openings->used, USED_USEC);
        (void)sd_event_source_set_enabled(openings->used, SD_EVENT_ONESHOT);
}

int opening_unlock(Daemon *daemon, const Root *root)
{
        _cleanup_free_ uint32_t *locked = NULL;
        const VaultCollection *collection = NULL;
        Vault *vault = daemon->vault;
        bool was_unlocked;
        size_t n = 0;
        int r;

        if (!vault)
                return VAULT_E_NO_VAULT;
        locked = calloc(VAULT_COLLECTIONS_MAX, sizeof(*locked));
        if (!locked)
                return -ENOMEM;
        while ((collection = vault_collection_next(vault, collection)) && n < VAULT_COLLECTIONS_MAX)
                if (collection->locked)
                        locked[n++] = collection->no;
        was_unlocked = vault_is_unlocked(vault);

        r = vault_unlock(vault, root, root_collection(root));
        if (r != 0)
                return r;

        for (size_t i = 0; i < n; i++) {
                collection = vault_collection_get(vault, locked[i]);
                if (!collection || collection->locked)
                        continue;
                if (collection->tampered)
                        log_line(LOG_WARNING, "collection %s was changed behind keyfobd's back: run keyfob check",
                                 collection->name);
                secret_notify_lock_changed(daemon, (CollectionRef){.vault = vault, .no = locked[i]});
        }
        if (!was_unlocked && vault_is_unlocked(vault))
                (void)batch_signal(daemon, KEYFOB_PATH, KEYFOB_STORE_INTERFACE, "LockChanged", "ob", "/", 0);
        note_use(daemon->openings, root);

        for (Opening *opening = daemon->openings->list; opening; opening = opening->next)
                if (opening->unlock && scope_is_open(daemon, opening->collection))
                        end(opening, 0, NULL);
        return 0;
}

/* ---- by itself ---- */

static void on_automatic(void *userdata, int result, Root *root)
{
        Openings *openings = userdata;
        int r;

        openings->n_automatic--;
        if (root) {
                r = opening_unlock(openings->daemon, root);
                if (r != 0)
                        log_line(LOG_WARNING, "the vault could not be unlocked: %s", vault_strerror(r));
                root_free(root);
        }
}

static void start_automatic(Openings *openings, uint32_t collection, const Secret *secret, OpeningDone done)
{
        Opening *opening;

        if (opening_start(
                    openings->daemon,
                    &(OpeningRequest){.collection = collection, .secret = secret, .unlock = true, .purpose = "unlock"},
                    done, openings, &opening) >= 0)
                openings->n_automatic++;
}

/* The vault itself: what opens without anything, then the key and the password the service manager handed in. */
static void on_automatic_vault(void *userdata, int result, Root *root)
{
        Openings *openings = userdata;
        _cleanup_(secret_freep) Secret *secret = NULL;

        on_automatic(openings, result, root);
        if (!openings->credential_key && !openings->credential_password)
                return;
        if (scope_is_open(openings->daemon, 0)) {
                openings->credential_key = secret_free(openings->credential_key);
                openings->credential_password = secret_free(openings->credential_password);
                return;
        }
        secret = openings->credential_key ? TAKE_PTR(openings->credential_key)
                                          : TAKE_PTR(openings->credential_password);
        start_automatic(openings, 0, secret, on_automatic_vault);
}

void opening_automatic(Daemon *daemon)
{
        Openings *openings = daemon->openings;
        const VaultCollection *collection = NULL;

        if (!daemon->vault || openings->n_automatic > 0)
                return;
        start_automatic(openings, 0, NULL, on_automatic_vault);
        while ((collection = vault_collection_next(daemon->vault, collection)))
                if (collection->own_slots)
                        start_automatic(openings, collection->no, NULL, on_automatic);
}

bool opening_automatic_pending(const Daemon *daemon)
{
        return daemon->openings->n_automatic > 0;
}

static Secret *read_credential(const char *name)
{
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        _cleanup_free_ char *path = NULL;
        _cleanup_close_ int fd = -1;
        Secret *secret = NULL;
        int r;

        if (!directory || directory[0] != '/')
                return NULL;
        if (asprintf(&path, "%s/%s", directory, name) < 0) {
                path = NULL;
                return NULL;
        }
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
        if (fd < 0)
                return NULL;
        r = secret_read(fd, SLOT_SECRET_MAX, &secret);
        if (r < 0)
                log_line(LOG_WARNING, "the credential %s could not be read: %s", name, strerror(-r));
        return secret;
}

int openings_new(Daemon *daemon, Openings **ret)
{
        _cleanup_(openings_freep) Openings *openings = calloc(1, sizeof(*openings));
        sd_event *event = daemon->event;
        int r;

        if (!openings)
                return -ENOMEM;
        openings->daemon = daemon;
        r = sd_event_add_defer(event, &openings->pump, on_pump, openings);
        if (r >= 0)
                r = sd_event_source_set_enabled(openings->pump, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &openings->turn, CLOCK_MONOTONIC, 0, 1000, on_turn, openings);
        if (r >= 0)
                r = sd_event_add_time_relative(event, &openings->used, CLOCK_MONOTONIC, 0, 0, on_used, openings);
        if (r < 0)
                return r;

        openings->credential_key = read_credential("keyfob.key");
        openings->credential_password = read_credential("keyfob.password");
        if (openings->credential_password)
                secret_chomp(openings->credential_password);
        *ret = TAKE_PTR(openings);
        return 0;
}

Openings *openings_free(Openings *openings)
{
        if (!openings)
                return NULL;
        while (openings->list)
                opening_free(openings->list);
        sd_event_source_disable_unref(openings->pump);
        sd_event_source_disable_unref(openings->turn);
        sd_event_source_disable_unref(openings->used);
        secret_free(openings->credential_key);
        secret_free(openings->credential_password);
        free(openings);
        return NULL;
}
