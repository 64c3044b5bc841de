/*
 * Change signals of the Secret Service, one function per kind of change
 *
 * Whoever changes a vault (the Secret Service's own methods, Store1, unlocking) calls the one that fits, after the change
 * and inside the same batch. Signals are emitted on real paths, with values: also of Collections, and of Items while there are few.
 */
#pragma once

#include "daemon/daemon.h"

void secret_notify_item_created(Daemon *daemon, ItemRef item);
void secret_notify_item_changed(Daemon *daemon, ItemRef item);
void secret_notify_item_deleted(Daemon *daemon, ItemRef item);
void secret_notify_collection_created(Daemon *daemon, CollectionRef collection);
void secret_notify_collection_changed(Daemon *daemon, CollectionRef collection); /* label, lock state, alias */
void secret_notify_collection_deleted(Daemon *daemon, CollectionRef collection, const char *name);
/* The collection and each of its items changed Locked; also Store1's LockChanged. */
void secret_notify_lock_changed(Daemon *daemon, CollectionRef collection);
