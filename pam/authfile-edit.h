/* Authfiles, changed: nothing but the credential that is meant, and the file as a whole or not at all. */
#pragma once

#include "common/bytes.h"

/* The text with `credential` (":id,key,algorithm,options") behind the user's others, or in a new line. Appended. 0, -ENOMEM. */
int authfile_add(const char *text, size_t size, const char *user, const char *credential, ByteWriter *ret);

/* The text without the i-th credential of the user's line, counted from 0. With the last of them go all lines of the user's: an older one,
 * which did not count, must not come to count. 0, AUTHFILE_NOBODY (there are fewer), -ENOMEM. */
int authfile_remove(const char *text, size_t size, const char *user, size_t i, ByteWriter *ret);

/* Puts the data in the place of a file, or makes it, for its owner alone; an old one's mode stays. 0, or a negative errno. */
int authfile_write(const char *path, const ByteWriter *data);

/* Waits until nobody else changes what is in the directory of `path`, where its file system can say so. Ends with the descriptor; or a
 * negative errno. */
int authfile_lock(const char *path);
