/* What `orderd init` and `orderd offsets` change: every resolution of PROTOCOL.md 5, each one EXEC over a registry and its marks that raises the era.
 *
 * Says what it does, line by line, before it returns; with `dry` it says and does not. */
#ifndef ORDERD_LEDGER_RESOLVE_H
#define ORDERD_LEDGER_RESOLVE_H

#include "ledger/start.h"

struct resolve {
    struct start start;                               /* the configuration's ends and names */
    bool dry;
    void (*say)(void *context, const char *line);
    void (*refuse)(void *context, const char *line);  /* hears why nothing is done; NULL: say() does */
    void *context;
};

enum resolve_from_kind { FROM_FOUND, FROM_START, FROM_END, FROM_TIME, FROM_OFFSET };

/* Where marks shall stand. FROM_FOUND: where the market was, as far as anything shows it. */
struct resolve_from {
    enum resolve_from_kind kind;
    int64_t value;                                    /* FROM_TIME: ms since 1970; FROM_OFFSET: for `topic` and `partition` */
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
};

enum { RESOLVE_FROM_MAX = 64 };
/* In order; the last that fits a partition rules. */
struct resolve_froms {
    struct resolve_from items[RESOLVE_FROM_MAX];
    size_t count;
};

struct resolve_place {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    int64_t offset;                                   /* --quarantine only */
};

/* Where the mark of one partition shall be moved to, by whose word. */
enum { RESOLVE_OWNER_MAX = 320 };
struct resolve_move {
    struct resolve_place place;
    struct resolve_from to;                           /* not FROM_FOUND; topic and partition are not used */
    const char *because;                              /* kept in the registry; ledger/moves.h says what is taken */
    /* Who has the partition by the group's word, "": nobody. Asked each time before the move is written. Errors are handed up. */
    int (*owner)(void *context, const struct resolve_place *place, char who[RESOLVE_OWNER_MAX]);
    void *context;
};

/* Each: 0; -EPROTO when the resolution does not fit what is there (said); or a failure of Redis or Kafka. */
int resolve_make(struct resolve *resolve, const struct resolve_froms *froms) MUST_CHECK;       /* init --from, before a first start */
int resolve_adopt(struct resolve *resolve, const struct resolve_froms *froms) MUST_CHECK;      /* --adopt */
int resolve_rollback(struct resolve *resolve) MUST_CHECK;                                      /* --accept-rollback */
int resolve_loss(struct resolve *resolve, const struct resolve_place *place) MUST_CHECK;       /* --accept-loss */
int resolve_gap(struct resolve *resolve, const struct resolve_place *place) MUST_CHECK;        /* --accept-gap */
int resolve_repartition(struct resolve *resolve) MUST_CHECK;                                   /* --accept-repartition */
int resolve_add_topic(struct resolve *resolve, const char *topic, const struct resolve_froms *froms) MUST_CHECK;
int resolve_drop_topic(struct resolve *resolve, const char *topic) MUST_CHECK;
int resolve_dedupe(struct resolve *resolve) MUST_CHECK;                                        /* --dedupe */
int resolve_quarantine(struct resolve *resolve, const struct resolve_place *place) MUST_CHECK; /* --quarantine */
/* orderd offsets --move: passes offsets over, or has them decided again under a new incarnation. */
int resolve_move(struct resolve *resolve, const struct resolve_move *move) MUST_CHECK;

#endif
