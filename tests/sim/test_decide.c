/* The daemon's rules and the auditor's agree on random markets and events: what tests/fuzz/decide.c does with libFuzzer, here with plain
 * random bytes in every build. What differs aborts, and says how. */
#include "check.h"

#include "fuzz/fuzz.h"

enum { ROUNDS = 100000, INPUT_MAX = 160 };

static uint64_t next(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void rules_agree(struct checks *c)
{
    uint64_t state = 1;

    for (int round = 0; round < ROUNDS; round++) {
        uint8_t input[INPUT_MAX];
        size_t size = next(&state) % INPUT_MAX;

        for (size_t i = 0; i < size; i++)
            input[i] = (uint8_t)next(&state);
        LLVMFuzzerTestOneInput(input, size);
    }
    CHECK(c, state != 1);
}

TESTS({"the daemon's rules and the auditor's agree", rules_agree})
