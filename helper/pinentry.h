/* Pinentry: one question, asked through the program of that name. Blocks; runs in a child (task.h). */
#pragma once

#include "common/secret.h"
#include "helper/request.h"
#include "helper/surface.h"

/* The absolute path of `pinentry`, or NULL when it isn't installed (or Keyfob was built without libassuan). */
char *pinentry_find(void);

/*
 * Asks. Without `graphical` only the terminal is used. A HelperResult; with HELPER_OK *ret_secret is set unless the
 * question is a confirmation; with HELPER_FAILED *reterr_why is (a new string, NULL when out of memory).
 */
HelperResult pinentry_ask(const char *program, const Request *request, const Surface *surface, bool graphical,
                          Secret **ret_secret, char **reterr_why);
