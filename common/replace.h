/* Files that are replaced as a whole. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Puts the data in the place of a file, or makes it, with this mode whatever the umask is. A link is replaced, not followed.
 * 0: it is there and durable; a negative errno: nothing has changed, unless only the directory could not be synced. */
int replace_file(const char *path, mode_t mode, const void *data, size_t size);

/* Writes a new file's content durably, by its descriptor, for who gives it its name himself. 0, or a negative errno. */
int replace_fill(int fd, mode_t mode, const void *data, size_t size);
