/* The group's word, as a story gives it. */
#ifndef ORDERD_TESTS_FAKE_GROUP_H
#define ORDERD_TESTS_FAKE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

/* The node is given the partition, or it is taken from it (`lost`: somebody else has it already). It learns so at its next poll. */
void group_gives(const char *node, const char *topic, int32_t partition);
void group_takes(const char *node, const char *topic, int32_t partition, bool lost);

#endif
