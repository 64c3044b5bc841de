/*
 * Prompt exchange: "sx-aes-1", by which the desktop's prompter hands over what was typed
 *
 * Messages are texts: a section [sx-aes-1] with public=, and with secret= and iv= where there is one, in base64. The
 * prompter begins. What protects it, and against whom, is said in exchange.h.
 */
#pragma once

#include "crypto/exchange.h"

#define PROMPT_EXCHANGE_MAX ((size_t)16 * 1024) /* bytes of a message that is read */

/* Answers the prompter's first message: our own, and the key. 0, -EBADMSG, -ENOMEM. */
int prompt_exchange_answer(const char *theirs, char **ret_ours, ExchangeKey **ret);

/* Takes the secret out of a later message. 0, -ENOENT when it has none, -EBADMSG, -ENOMEM. */
int prompt_exchange_open(const ExchangeKey *key, const char *message, Secret **ret);
