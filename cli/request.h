/*
 * Request: a call of org.keyfob.Store1 with options, built up without looking at each step
 *
 * The first step that fails marks it; later ones do nothing; request_call() reports it.
 */
#pragma once

#include "cli/cli.h"

struct json_object;

typedef struct Request {
        keyfob *k;
        sd_bus_message *message;
        int result; /* of keyfob.h */
        bool options;
        const char *nobody; /* what to say when there is nobody to ask; NULL: what the daemon says */
        const char *exists; /* and when it exists already */
} Request;

/* The connection must outlive it. */
void request_init(Request *request, keyfob *k, const char *method);
void request_done(Request *request);

/* Arguments before the options. */
void request_append(Request *request, const char *types, ...);

/* From here on options; opens the dictionary when first used. */
void request_string(Request *request, const char *key, const char *value);
void request_secret(Request *request, const char *key, const Secret *value); /* NULL: nothing */
void request_bytes(Request *request, const char *key, const void *data, size_t size); /* NULL: nothing */
void request_secrets(Request *request, const char *key, Secret *const *values, size_t n);
void request_u32(Request *request, const char *key, uint32_t value); /* 0: nothing */
void request_u64(Request *request, const char *key, uint64_t value); /* 0: nothing */
void request_bool(Request *request, const char *key, bool value);    /* false: nothing */

/* A method that ends with a dictionary of options needs this when none was given. */
void request_end_options(Request *request);

/* Sends it. ret may be NULL. 0, or the exit code after saying why. */
int request_call(Request *request, ClientCall how, sd_bus_message **ret);

/* Sends it and gives the answer as JSON: one value as it is, several as an array. 0, or the exit code. */
int request_call_json(Request *request, ClientCall how, struct json_object **ret);
