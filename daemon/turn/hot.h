/* Which keys of the market are written, and fought over, most: a bounded table of candidates, window by window.
 *
 * A key lies in one of a few places that its hash names; a stranger takes the place of the least written one there, so what is
 * written often stays. Of a conflict Redis tells no key: what the turn had read is kept, and what its next reading shows
 * changed was it; where nothing is, it was another member of the market. */
#ifndef ORDERD_TURN_HOT_H
#define ORDERD_TURN_HOT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "rules/view.h"

enum { HOT_SETS = 64, HOT_WAYS = 8, HOT_WINDOW_MS = 10000, HOT_TOP_MAX = 10 };

struct hot;

/* A key with what it had in the last full window, per second. */
struct hot_key {
    enum view_key_kind kind;
    struct name owner;          /* size 0: the market */
    int32_t shard;              /* partition number with shard = "partition", else -1 */
    double writes, conflicts;   /* EXECs that wrote it; conflicts that it caused */
    double writes_share, conflicts_share;   /* the same as a part of all, 0 to 1 */
};

/* The key as Redis knows it, without the market's prefix: "stock:7001", "market:", "{3}users:17". */
enum { HOT_KEY_TEXT_MAX = 96 };
void hot_key_text(char out[HOT_KEY_TEXT_MAX], const struct hot_key *key);

/* `cells_max`: the most values that a turn holds. Errors: -ENOMEM. */
int hot_new(struct hot **out, size_t cells_max) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct hot *hot_free(struct hot *hot);

/* A turn's changes were applied. `now`: monotonic ms; so below. */
void hot_wrote(struct hot *hot, const struct view *view, int32_t shard, int64_t now);
/* The turn's EXEC met a conflict: what it had read is remembered. */
void hot_conflicted(struct hot *hot, const struct view *view, int32_t shard);
/* A turn was loaded: what changed against what is remembered is blamed, and all is forgotten. */
void hot_loaded(struct hot *hot, const struct view *view, int32_t shard, int64_t now);

/* Up to HOT_TOP_MAX keys with the most writes, or conflicts, the highest first; none with zero. Returns how many. */
size_t hot_top(struct hot *hot, bool by_conflicts, struct hot_key top[HOT_TOP_MAX], int64_t now);

#endif
