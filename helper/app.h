/* App: which app a process belongs to, for those that run in a sandbox of Flatpak's or as a snap. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define APP_NAME_MAX 256U

/*
 * Writes the app's name into `ret`: "flatpak:org.example.Editor", "snap:editor". "" for a process that is in no sandbox
 * we know. `process` is from process_open(). Returns false, with "" in `ret`, when it can't be told.
 */
bool app_name(int process, char ret[static APP_NAME_MAX]);

/* Whether the file systems in /proc/PID/mountinfo that hold the root and the file of Flatpak's are such that reading from them
 * can't be held up by a program. Takes the text apart. */
bool app_mounts_are_plain(char *mountinfo);

/* The name in the text of a .flatpak-info, which is a key file of GLib's; of a runtime without an app, the runtime's.
 * -ENODATA when it has none that is fit to be one. */
int app_parse_flatpak(const char *text, char *ret, size_t size);

/* The name in a label of AppArmor, "snap.editor.editor (enforce)". -ENODATA when it is no snap's. */
int app_parse_snap(const char *label, char *ret, size_t size);

/* The name in a unit of systemd's, "app-flatpak-org.example.Editor-123.scope" or "snap.editor.editor-….scope".
 * -ENODATA when it has none. */
int app_parse_unit(const char *unit, char *ret, size_t size);
