/* A sorted table of keys and values in a file, for what may be larger than memory. The only file that includes LMDB.
 *
 * Temporary by nature: it is made anew, nothing of it survives a crash, and its file is unlinked as soon as it is open. An error of a change other than
 * -ENOENT is final: every call after it gives it again. Not thread-safe. */
#ifndef ORDERD_SEAM_TABLE_H
#define ORDERD_SEAM_TABLE_H

#include "base/bytes.h"
#include "base/error.h"

enum { TABLE_KEY_MAX = 500 };

struct table;

/* In the folder, which must exist. Errors: -ENOENT, -EACCES, -ENOSPC, -ENOMEM, -EIO with a sentence. */
int table_new(struct table **out, const char *folder, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct table *table_free(struct table *table);
/* Keys have 1 to TABLE_KEY_MAX bytes. -ENOENT: no such key. The value lives until the next call, at no special alignment. */
int table_get(struct table *table, struct bytes key, struct bytes *value) MUST_CHECK;
/* Instead of what the key had. Errors: -ENOSPC, -EIO, -ENOMEM. */
int table_put(struct table *table, struct bytes key, struct bytes value) MUST_CHECK;
/* -ENOENT: there was none. */
int table_delete(struct table *table, struct bytes key) MUST_CHECK;
/* Every entry in the order of the keys' bytes, until `each` returns other than 0, which is returned then. No other calls meanwhile. */
int table_each(struct table *table, int (*each)(void *context, struct bytes key, struct bytes value), void *context) MUST_CHECK;
/* The final error, if there was one. Takes NULL. */
int table_error(const struct table *table);
size_t table_count(const struct table *table);

#endif
