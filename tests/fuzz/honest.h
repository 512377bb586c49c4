/* The fake server's seam (fake/redis_link.c) under other names, so that a target can stand before it. */
#ifndef ORDERD_TESTS_FUZZ_HONEST_H
#define ORDERD_TESTS_FUZZ_HONEST_H

#include "seam/redis_link.h"

/* As redis_link_send and redis_link_receive. */
int honest_send(struct redis_link *link, struct bytes bytes, struct error_text *error) MUST_CHECK;
int honest_receive(struct redis_link *link, struct arena *arena, struct reply **out, struct error_text *error) MUST_CHECK;

#endif
