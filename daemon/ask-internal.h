/*
 * What the files of asking share: a question, and the ways in which it can be asked
 *
 * ask.c keeps the line of questions and knows no prompter; each way (ask-agent.c, ask-desktop.c, ask-notification.c,
 * ask-pinentry.c, ask-plasma.c) knows one, and keeps what it needs of a question in fields of its own.
 */
#pragma once

#include <time.h>

#include "daemon/ask.h"
#include "daemon/helper-link.h"

#define ASK_SECONDS 600 /* a person thinks */

typedef struct AskAgent AskAgent;
typedef struct AskDesktop AskDesktop;
typedef struct AskNotice AskNotice;
typedef struct AskPlasma AskPlasma;

/* A prompter. */
typedef struct AskWay {
        /* Gives it the question. 1: it has it now; 0: it is busy, and calls asker_pump() when it is free; -ENOENT: it
         * isn't there, or can't ask such a thing; another negative errno: it should have been able to. */
        int (*ask)(Ask *ask);
        /* The question is no longer there; `cancel`: nobody has answered, so it is to be taken from the screen. */
        void (*end)(Ask *ask, bool cancel);
} AskWay;

extern const AskWay ask_by_own_agent, ask_by_session_agent, ask_by_desktop, ask_by_notification, ask_by_pinentry;
/* Of the same prompter: where the desktop is Plasma, and where it is not known which one it is. */
extern const AskWay ask_by_plasma, ask_by_plasma_perhaps;

struct Ask {
        Asker *asker;
        AskKind kind;
        char *purpose, *title, *message, *error;
        int retries;
        char **choices; /* n_choices, and NULL */
        size_t n_choices;
        AskAbout about; /* ours */
        AskDone done;
        void *userdata;

        uint32_t id;
        unsigned stage;    /* whose turn it is in the line */
        bool failed;       /* someone was there, but could not ask */
        bool shown;        /* ASK_SHOW: someone has seen to it, and needs nothing more */
        const AskWay *way; /* who has the question now, or NULL */

        /* ask-agent.c */
        AskAgent *own;   /* the asking connection's, when it was asked */
        AskAgent *agent; /* the one that has it */
        time_t since;
        sd_bus_slot *call;

        AskDesktop *desktop;
        AskNotice *notice;
        AskPlasma *plasma;
        HelperCall *pinentry;

        Ask *next;
};

struct Asker {
        Daemon *daemon;
        Ask *asks; /* in order */
        unsigned n_asks;
        uint32_t last_id;
        sd_event_source *pump;

        AskAgent *agents; /* newest first */
        Ask *at_desktop, *at_notification, *at_pinentry, *at_plasma; /* the one question that each answers at a time */
        time_t winked;
};

/* ---- ask.c: for the ways ---- */

/* Questions are handed out anew, from the loop. */
void asker_pump(Asker *asker);
/* The person has answered. The question is dead afterwards. */
void ask_finish(Ask *ask, const AskAnswer *answer);
/* This way can't go on with it: the next in line is asked. */
void ask_pass_on(Ask *ask, bool failed);
/* It needs nothing more of this way than to be forgotten: of ASK_SHOW. */
void ask_seen_to(Ask *ask);
time_t ask_now(void);
/* Whether its answer is a secret. */
static inline bool ask_wants_secret(const Ask *ask)
{
        return ask->kind == ASK_SECRET || ask->kind == ASK_NEW_SECRET;
}

/* ---- ask-agent.c ---- */

/* The agent that this connection registered, or NULL. */
AskAgent *asker_find_agent(const Asker *asker, const Caller *caller);
void asker_free_agents(Asker *asker);
