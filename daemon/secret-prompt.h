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
        PROMPT_CHANGE,
} PromptKind;

typedef struct PromptChange PromptChange;

struct SecretPrompt {
        CallerResource resource; /* first: gone() gets it */
        Secrets *secrets;
        SecretPrompt *previous, *next;
        PromptKind kind;
        char path[64];

        char **objects; /* PROMPT_UNLOCK: as the client gave them; PROMPT_DELETE, PROMPT_CHANGE: one */
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
        PromptChange *change;
};

/* Begins what the prompt is for. It ends by prompt_end(), now or later. */
void prompt_act(SecretPrompt *prompt);

/* "The program … wants to make the collection …", into prompt->message. 0, or -ENOMEM. `label` may be NULL. */
int prompt_set_message(SecretPrompt *prompt, const char *wish, const char *label);

/* PROMPT_CHANGE (secret-prompt-change.c): begins it as prompt_act() does. 0, or why not. */
int prompt_change_start(SecretPrompt *prompt);
PromptChange *prompt_change_free(PromptChange *change);

/* Answers Prompt() if it is still waiting, says Completed, and the prompt is no more. `result` as for opening_error();
 * `created` is the path of the new collection. */
void prompt_end(SecretPrompt *prompt, int result, const char *created);

/* What a prompt ends with whose question was not answered by a yes. */
int prompt_refusal(AskOutcome outcome);

/* Whether the collection of a path (its item's, its alias's) is there and open. */
bool prompt_object_is_open(const SecretPrompt *prompt, size_t i);
