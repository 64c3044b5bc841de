/*
 * Names on the bus, shared by the daemon and everyone who calls it
 *
 * SPDX-License-Identifier: BSD-2-Clause
 */
#pragma once

#define KEYFOB_BUS_NAME        "org.keyfob.Daemon"
#define KEYFOB_PATH            "/org/keyfob"
#define KEYFOB_STORE_INTERFACE "org.keyfob.Store1"
#define KEYFOB_AUTHENTICATOR_INTERFACE "org.keyfob.Authenticator1"
#define KEYFOB_KEYS_INTERFACE "org.keyfob.Keys1"
#define KEYFOB_SSH_INTERFACE  "org.keyfob.Ssh1"
#define KEYFOB_PROMPTER_INTERFACE "org.keyfob.Prompter1"
#define KEYFOB_AGENT_INTERFACE "org.keyfob.PromptAgent1"
#define KEYFOB_ERROR_PREFIX    "org.keyfob.Error."

/* Which model of security key Keyfob is (WebAuthn: the authenticator's AAGUID) */
#define KEYFOB_AAGUID "eede589b-b4c8-4788-b9f6-de70860a826e"

/* Errors of KEYFOB_ERROR_PREFIX */
#define KEYFOB_ERROR_NO_VAULT     KEYFOB_ERROR_PREFIX "NoVault"
#define KEYFOB_ERROR_EXISTS       KEYFOB_ERROR_PREFIX "Exists"
#define KEYFOB_ERROR_LOCKED       KEYFOB_ERROR_PREFIX "Locked"
#define KEYFOB_ERROR_NOT_FOUND    KEYFOB_ERROR_PREFIX "NotFound"
#define KEYFOB_ERROR_WRONG_SECRET KEYFOB_ERROR_PREFIX "WrongSecret"
#define KEYFOB_ERROR_NO_PROMPTER  KEYFOB_ERROR_PREFIX "NoPrompter"
#define KEYFOB_ERROR_CANCELLED    KEYFOB_ERROR_PREFIX "Cancelled"
#define KEYFOB_ERROR_DAMAGED      KEYFOB_ERROR_PREFIX "Damaged"
#define KEYFOB_ERROR_BUSY         KEYFOB_ERROR_PREFIX "Busy"
#define KEYFOB_ERROR_LIMITS       KEYFOB_ERROR_PREFIX "LimitsExceeded"
#define KEYFOB_ERROR_INVALID      KEYFOB_ERROR_PREFIX "InvalidArgument"
#define KEYFOB_ERROR_LAST_SLOT    KEYFOB_ERROR_PREFIX "LastSlot"
#define KEYFOB_ERROR_UNSUPPORTED  KEYFOB_ERROR_PREFIX "Unsupported"
#define KEYFOB_ERROR_UNSAFE       KEYFOB_ERROR_PREFIX "Unsafe"
#define KEYFOB_ERROR_NOT_ALLOWED  KEYFOB_ERROR_PREFIX "NotAllowed"
#define KEYFOB_ERROR_PIN_BLOCKED  KEYFOB_ERROR_PREFIX "PinBlocked"
#define KEYFOB_ERROR_PIN_SOFT_BLOCKED KEYFOB_ERROR_PREFIX "PinSoftBlocked"
#define KEYFOB_ERROR_IO           KEYFOB_ERROR_PREFIX "Io"

/* The Secret Service */
#define SECRETS_BUS_NAME   "org.freedesktop.secrets"
#define SECRETS_PATH       "/org/freedesktop/secrets"
#define SECRETS_SERVICE    "org.freedesktop.Secret.Service"
#define SECRETS_COLLECTION "org.freedesktop.Secret.Collection"
#define SECRETS_ITEM       "org.freedesktop.Secret.Item"
#define SECRETS_SESSION    "org.freedesktop.Secret.Session"
#define SECRETS_PROMPT     "org.freedesktop.Secret.Prompt"
