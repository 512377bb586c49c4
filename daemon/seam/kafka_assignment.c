#include "seam/kafka_assignment.h"

/* `size` bytes, the most significant first. */
static bool take(struct bytes *rest, size_t size, uint32_t *out)
{
    *out = 0;
    if (rest->size < size)
        return false;
    for (size_t i = 0; i < size; i++)
        *out = *out << 8 | (unsigned char)rest->data[i];
    *rest = (struct bytes){rest->data + size, rest->size - size};
    return true;
}

static bool take_topic(struct bytes *rest, struct bytes *topic)
{
    uint32_t size;

    if (!take(rest, 2, &size) || size > INT16_MAX || rest->size < size)
        return false;
    *topic = (struct bytes){rest->data, size};
    *rest = (struct bytes){rest->data + size, rest->size - size};
    return true;
}

int kafka_assignment_read(struct bytes assignment, void (*each)(void *context, struct bytes topic, int32_t partition), void *context)
{
    uint32_t version, topics, partitions, partition;
    struct bytes topic;

    if (!assignment.size)
        return 0;
    if (!take(&assignment, 2, &version) || version > INT16_MAX || !take(&assignment, 4, &topics) || topics > INT32_MAX)
        return -EBADMSG;
    while (topics--) {
        if (!take_topic(&assignment, &topic) || !take(&assignment, 4, &partitions) || partitions > INT32_MAX)
            return -EBADMSG;
        while (partitions--) {
            if (!take(&assignment, 4, &partition) || partition > INT32_MAX)
                return -EBADMSG;
            each(context, topic, (int32_t)partition);
        }
    }
    return 0;      /* what else stands there is the assignor's own */
}
