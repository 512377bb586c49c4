/* The market of DESIGN 2.1, kept naively: keys of the four families with what they hold, changed by decisions of the replay and by
 * other programs' commands, and compared with Redis at the end. */
#ifndef ORDERD_TESTS_SIM_AUDIT_MARKET_H
#define ORDERD_TESTS_SIM_AUDIT_MARKET_H

#include "base/arena.h"
#include "sim/audit_event.h"
#include "sim/audit_table.h"
#include "sim/auditor.h"

enum audit_family { AUDIT_USERS, AUDIT_STOCK, AUDIT_INVENTORY, AUDIT_LISTINGS };

__extension__ typedef __int128 audit_sum;

/* One thing that a key holds: a field, a member, or (member absent) the string itself. */
struct audit_cell {
    struct audit_hashed hashed;
    struct audit_own_key *key;
    struct audit_cell *next;
    struct bytes member;
    bool present, integer;     /* integer: what Redis and a rule take as one */
    int64_t value;
    double score;              /* of a sorted set's member */
    bool seen;
};

struct audit_own_key {
    struct audit_hashed hashed;
    int32_t shard;
    enum audit_family family;
    struct bytes owner;
    enum audit_type type;      /* AUDIT_NONE: not there */
    struct audit_cell *cells;
    size_t held;
    bool seen;
};

struct audit_market {
    struct arena *arena;       /* the caller's */
    const char *prefix;
    bool sharded;
    struct audit_table keys, cells;
    audit_sum money;           /* of all funds that are integers */
    uint64_t items;            /* sum of the hashes of all items held or listed */
};

void audit_market_deinit(struct audit_market *market);
/* As Redis holds it in these keys; what was there is forgotten, unless `shard` is not negative: then only what that one held. */
void audit_market_load(struct audit_market *market, struct audit_keys keys, int32_t shard);
/* Another program's command. False when it is none that is known here. */
bool audit_market_foreign(struct audit_market *market, const struct bytes *args, size_t count);
/* Whether Redis holds the same; `money` and `items` become what it holds. */
void audit_market_compare(struct audit_market *market, struct audit_keys keys, struct audit_report *report, audit_sum *money, uint64_t *items);

/* For the rules and for other programs' commands. */
struct audit_own_key *audit_market_key(struct audit_market *market, int32_t shard, enum audit_family family, struct bytes owner);
/* NULL when it was never there. */
struct audit_cell *audit_market_find(struct audit_market *market, struct audit_own_key *key, struct bytes member);
void audit_market_put(struct audit_market *market, struct audit_own_key *key, struct bytes member, int64_t value);
void audit_market_drop(struct audit_market *market, struct audit_cell *cell);
/* A string's only cell has no member (data NULL). */
void audit_market_put_text(struct audit_market *market, struct audit_own_key *key, enum audit_type type, struct bytes member, struct bytes text);
void audit_market_put_score(struct audit_market *market, struct audit_own_key *key, struct bytes member, double score);
void audit_market_wipe(struct audit_market *market, struct audit_own_key *key);
/* The key of that whole name; NULL when it is none of a market. */
struct audit_own_key *audit_market_named(struct audit_market *market, struct bytes name);
bool audit_score_of(struct bytes text, double *score);
/* Nothing there, or the type that its family has. */
bool audit_key_fits(const struct audit_own_key *key);

/* What the rules of DESIGN 2.2 say to one event. */
enum { AUDIT_INVALID_MAX = 4, AUDIT_FACTS_MAX = 256, AUDIT_KEY_TEXT_MAX = 80 };
struct audit_decision {
    const char *status, *reason;     /* reason NULL: none */
    char facts[AUDIT_FACTS_MAX];     /* the members, without braces */
    size_t facts_size;
    char invalid[AUDIT_INVALID_MAX][AUDIT_KEY_TEXT_MAX];   /* state_invalid: whichever of these keys */
    size_t invalid_count;
};
/* Decides, and changes the market where the event is applied. */
void audit_decide(struct audit_decision *out, struct audit_market *market, int32_t shard, const struct audit_event *event);

void audit_found(struct audit_report *report, enum audit_violation_kind kind, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
