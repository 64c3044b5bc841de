/*
 * A prompt from the inside: its object (secret-prompt.c) and what it does (secret-prompt-act.c)
 */
#pragma once

#include "daemon/ask.h"
#include "daemon/opening.h"
#include "daemon/secret-internal.h"

typedef enum PromptKind {
        PROMPT_UNLOCK,
        PROMPT_CREATE,
        PROMPT_DELETE,
} PromptKind;

struct SecretPrompt {
        CallerResource resource; /* first: gone() gets it */
        Secrets *secrets;
        SecretPrompt *previous, *next;
        PromptKind kind;
        char path[64];

        char **objects; /* PROMPT_UNLOCK: as the client gave them; PROMPT_DELETE: one */
        size_t n_objects;
        size_t size;         /* of the objects, in memory */
        char *label, *alias; /* PROMPT_CREATE */

        bool started;
        sd_bus_message *call; /* Prompt(), not answered yet */
        sd_event_source *timer;
        char *message;
        Opening *opening;
        Ask *ask;
        int64_t scope; /* PROMPT_UNLOCK: the one being opened; -1: none yet */
};

/* Begins what the prompt is for. It ends by prompt_end(), now or later. */
void prompt_act(SecretPrompt *prompt);

/* Answers Prompt() if it is still waiting, says Completed, and the prompt is no more. `result` as for opening_error();
 * `created` is the path of the new collection. */
void prompt_end(SecretPrompt *prompt, int result, const char *created);

/* Whether the collection of a path (its item's, its alias's) is there and open. */
bool prompt_object_is_open(const SecretPrompt *prompt, size_t i);
