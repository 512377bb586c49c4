/* The registry's record of moved marks: whatever stands there, what is read can be written and is read again as the same. */
#include "ledger/moves.h"

#include "fuzz/fuzz.h"

static void are_the_same(const struct move *a, const struct move *b)
{
    MUST(bytes_equal(a->topic, b->topic) && bytes_equal(a->reason, b->reason) && a->partition == b->partition && a->from == b->from && a->to == b->to &&
         a->at == b->at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes moved = input_of(data, size), rest = moved, again;
    struct move move, other;
    struct buffer out;

    buffer_init(&out, 1 << 20);
    for (int i = 0; i < 4 && moves_next(&rest, &move); i++) {
        MUST(move.topic.size && move.partition >= 0 && move.from >= 0 && move.to >= 0 && move.at >= 0);
        buffer_reset(&out);
        moves_put(&out, moved, &move);
        again = buffer_bytes(&out);
        MUST(moves_count(again) >= 1 && moves_count(again) <= MOVES_MAX);
        while (moves_next(&again, &other))
            if (!again.size)
                are_the_same(&move, &other);
    }
    buffer_deinit(&out);
    return 0;
}
