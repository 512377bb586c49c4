/* The digest of a snapshot's lines: each line's hash, joined to that of all before. Shared by writer and reader, and by nobody else. */
#ifndef ORDERD_ARCHIVE_SNAPSHOT_DIGEST_H
#define ORDERD_ARCHIVE_SNAPSHOT_DIGEST_H

#include <endian.h>

#include "base/hash.h"

/* Begins as zeros. */
struct snapshot_digest {
    struct hash128 sum;
};

static inline void snapshot_digest_add(struct snapshot_digest *digest, struct bytes line)
{
    static const struct hash_key unkeyed = {0, 0};
    struct hash128 of_line = hash128(unkeyed, line);
    uint64_t parts[4] = {htole64(digest->sum.low), htole64(digest->sum.high), htole64(of_line.low), htole64(of_line.high)};

    digest->sum = hash128(unkeyed, (struct bytes){(const char *)parts, sizeof parts});
}

static inline void snapshot_digest_text(const struct snapshot_digest *digest, char out[33])
{
    hash128_text(digest->sum, out);
}

#endif
