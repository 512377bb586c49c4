/* SipHash-2-4 as its authors published it (Aumasson and Bernstein, 2012), for 64 and 128 bits of output. */
#include "base/hash.h"

#include <endian.h>
#include <string.h>

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static struct sip sip_start(struct hash_key key)
{
    return (struct sip){key.k0 ^ 0x736f6d6570736575u, key.k1 ^ 0x646f72616e646f6du, key.k0 ^ 0x6c7967656e657261u,
                        key.k1 ^ 0x7465646279746573u};
}

static void sip_body(struct sip *s, struct bytes bytes)
{
    const char *at = bytes.data;
    size_t left = bytes.size;
    uint64_t word;

    for (; left >= 8; at += 8, left -= 8) {
        memcpy(&word, at, 8);
        sip_word(s, le64toh(word));
    }
    word = (uint64_t)bytes.size << 56;
    for (size_t i = 0; i < left; i++)
        word |= (uint64_t)(unsigned char)at[i] << (8 * i);
    sip_word(s, word);
}

static uint64_t sip_finish(struct sip *s)
{
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash64(struct hash_key key, struct bytes bytes)
{
    struct sip s = sip_start(key);

    sip_body(&s, bytes);
    s.v2 ^= 0xff;
    return sip_finish(&s);
}

struct hash128 hash128(struct hash_key key, struct bytes bytes)
{
    struct sip s = sip_start(key);
    struct hash128 out;

    s.v1 ^= 0xee;
    sip_body(&s, bytes);
    s.v2 ^= 0xee;
    out.low = sip_finish(&s);
    s.v1 ^= 0xdd;
    out.high = sip_finish(&s);
    return out;
}

void hash128_text(struct hash128 hash, char out[33])
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++) {
        out[i] = digits[hash.high >> (60 - 4 * i) & 15];
        out[16 + i] = digits[hash.low >> (60 - 4 * i) & 15];
    }
    out[32] = '\0';
}
