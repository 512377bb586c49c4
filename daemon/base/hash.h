/* SipHash-2-4: keyed for tables that foreign ids fill, unkeyed (key of zeros) for digests that are stored. */
#ifndef ORDERD_BASE_HASH_H
#define ORDERD_BASE_HASH_H

#include <stdint.h>

#include "base/bytes.h"

struct hash_key {
    uint64_t k0, k1;
};

struct hash128 {
    uint64_t low, high;
};

uint64_t hash64(struct hash_key key, struct bytes bytes);
struct hash128 hash128(struct hash_key key, struct bytes bytes);
/* 32 hexadecimal digits and an end. */
void hash128_text(struct hash128 hash, char out[33]);

#endif
