/* A fast keyed digest of 64 bits, to tell whether two records are the same bytes. Inside of audit/.
 *
 * Multiply and fold, as wyhash does it. The key is random in each audit, so nobody can make two records for it that differ and look the same. */
#ifndef ORDERD_AUDIT_DIGEST_H
#define ORDERD_AUDIT_DIGEST_H

#include <stdint.h>
#include <string.h>

#include "audit/record.h"

__extension__ typedef unsigned __int128 digest_wide;

static inline uint64_t digest_fold(uint64_t a, uint64_t b)
{
    digest_wide product = (digest_wide)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t digest_word(const char *at, size_t size)
{
    uint64_t word = 0;

    memcpy(&word, at, size < 8 ? size : 8);
    return word;
}

/* Absent is another thing than empty. */
static inline uint64_t digest_bytes(uint64_t digest, struct bytes bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.size;

    digest = digest_fold(digest ^ 0x9e3779b97f4a7c15u, (uint64_t)left + (bytes.data ? 0x517cc1b727220a95u : 0x2545f4914f6cdd1du));
    for (; left >= 16; at += 16, left -= 16)
        digest = digest_fold(digest_word(at, 8) ^ 0xa0761d6478bd642fu, digest_word(at + 8, 8) ^ digest);
    if (left)
        digest = digest_fold(digest_word(at, left) ^ 0xe7037ed1a0b428dbu, (left > 8 ? digest_word(at + 8, left - 8) : 0) ^ digest);
    return digest;
}

/* Key, headers in their order, and value. Never 0. */
static inline uint64_t digest_record(uint64_t key, struct bytes record_key, const struct kafka_header *headers, size_t count, struct bytes value)
{
    uint64_t digest = digest_bytes(key, record_key);

    for (size_t i = 0; i < count; i++)
        digest = digest_bytes(digest_bytes(digest, headers[i].name), headers[i].value);
    digest = digest_bytes(digest_fold(digest, 0x8ebc6af09c88c6e3u ^ count), value);
    return digest ? digest : 1;
}

#endif
