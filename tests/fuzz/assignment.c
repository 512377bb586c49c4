/* What a group's member was given, as a broker tells it: read within its bytes, and no more partitions than it has room for. */
#include "seam/kafka_assignment.h"

#include "fuzz/fuzz.h"

struct told {
    struct bytes whole;
    size_t count;
};

static void look(void *context, struct bytes topic, int32_t partition)
{
    struct told *told = context;

    MUST(partition >= 0 && topic.data >= told->whole.data && topic.data + topic.size <= told->whole.data + told->whole.size);
    told->count++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pieces pieces = {.count = 0};
    struct told told = {pieces_copy(&pieces, input_of(data, size)), 0};
    int r = kafka_assignment_read(told.whole, look, &told);

    MUST((r == 0 || r == -EBADMSG) && 4 * told.count <= size);
    pieces_free(&pieces);
    return 0;
}
