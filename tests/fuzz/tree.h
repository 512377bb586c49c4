/* Replies of Redis from any text, so that what reads them is reached without a protocol in between.
 *
 *     'text'   +STATUS   -ERROR   :12   _   [ 'a' :1 [ ] ]
 *
 * `_` is nil. What is none of it is passed over, and what ends too early ends there, so every text is some list of replies. */
#ifndef ORDERD_TESTS_FUZZ_TREE_H
#define ORDERD_TESTS_FUZZ_TREE_H

#include "base/arena.h"
#include "seam/redis_link.h"

/* The next reply, in the arena; NULL when the text or the arena is at its end. */
struct reply *tree_next(struct bytes *left, struct arena *arena);
/* The same, but a nil when there is none. */
struct reply *tree_some(struct bytes *left, struct arena *arena);

#endif
