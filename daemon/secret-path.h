/*
 * Object paths of the Secret Service, to and fro
 *
 *   /org/freedesktop/secrets/collection/NAME[/NUMBER]     /org/freedesktop/secrets/aliases/ALIAS[/NUMBER]
 *
 * NUMBER is ITEM_ID_NUMBER() in decimal. NAME `session` is the in-memory collection. Alias names are escaped as sd-bus does
 * for path elements (sd_bus_path_encode).
 */
#pragma once

#include "daemon/daemon.h"

#define SECRETS_PATH_MAX 512

/* "/org/freedesktop/secrets/collection/NAME"; returns ret. */
const char *secret_collection_path(Daemon *daemon, CollectionRef collection, char ret[SECRETS_PATH_MAX]);
const char *secret_item_path(Daemon *daemon, ItemRef item, char ret[SECRETS_PATH_MAX]);

/* Parses; real and alias paths. false when it is not such a path or the collection does not exist. Whether an item exists is
 * not checked. A collection path is not an item path, and the other way round. */
bool secret_path_collection(Daemon *daemon, const char *path, CollectionRef *ret);
bool secret_path_item(Daemon *daemon, const char *path, ItemRef *ret);

/* By name or alias ("default", "session", "login" when it exists …). */
bool secret_collection_named(Daemon *daemon, const char *name, CollectionRef *ret);

/* Collection of an item, for notifications. */
static inline CollectionRef item_collection(ItemRef item)
{
        return (CollectionRef){.vault = item.vault, .no = ITEM_ID_COLLECTION(item.id)};
}
