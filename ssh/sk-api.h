/*
 * What OpenSSH asks of a library for security keys (SecurityKeyProvider)
 *
 * OpenSSH 8.9 and later, until it counts its version up. Whatever a response points to is malloc()ed, and OpenSSH frees
 * it. Names and layouts are OpenSSH's; all else is ours.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SK_API_VERSION 0x000a0000U

enum sk_flag {
        SK_USER_PRESENCE = 0x01,
        SK_USER_VERIFICATION = 0x04,
        SK_FORCE = 0x10,    /* overwrite a resident key of the same application and user */
        SK_RESIDENT = 0x20, /* the key is kept by the security key, and can be asked for */
};

enum sk_algorithm {
        SK_ECDSA = 0, /* on P-256 */
        SK_ED25519 = 1,
};

/* What a function returns: 0, or one of these. */
enum sk_error {
        SK_ERROR_GENERAL = -1,
        SK_ERROR_UNSUPPORTED = -2,
        SK_ERROR_PIN_REQUIRED = -3, /* ssh asks for it and calls again */
        SK_ERROR_NO_DEVICE = -4,
        SK_ERROR_EXISTS = -5, /* ssh-keygen asks whether to overwrite, and calls again with SK_FORCE */
};

struct sk_enroll_response {
        uint8_t flags; /* that the new key has */
        uint8_t *public_key; /* ECDSA: 4 ‖ x ‖ y; Ed25519: 32 bytes */
        size_t public_key_len;
        uint8_t *key_handle;
        size_t key_handle_len;
        uint8_t *signature; /* attestation */
        size_t signature_len;
        uint8_t *attestation_cert;
        size_t attestation_cert_len;
        uint8_t *authdata; /* as CBOR: a string of bytes */
        size_t authdata_len;
};

struct sk_sign_response {
        uint8_t flags;
        uint32_t counter;
        uint8_t *sig_r; /* of Ed25519 the whole signature */
        size_t sig_r_len;
        uint8_t *sig_s;
        size_t sig_s_len;
};

struct sk_resident_key {
        uint32_t alg;
        size_t slot;
        char *application;
        struct sk_enroll_response key; /* public key and handle only */
        uint8_t flags;
        uint8_t *user_id;
        size_t user_id_len;
};

struct sk_option {
        char *name;
        char *value;
        uint8_t required;
};

/* Options are a list that ends with NULL; the list itself may be NULL. So may a PIN. */
uint32_t sk_api_version(void);
int sk_enroll(uint32_t alg, const uint8_t *challenge, size_t challenge_len, const char *application, uint8_t flags,
              const char *pin, struct sk_option **options, struct sk_enroll_response **enroll_response);
int sk_sign(uint32_t alg, const uint8_t *data, size_t data_len, const char *application, const uint8_t *key_handle,
            size_t key_handle_len, uint8_t flags, const char *pin, struct sk_option **options,
            struct sk_sign_response **sign_response);
int sk_load_resident_keys(const char *pin, struct sk_option **options, struct sk_resident_key ***rks, size_t *nrks);
