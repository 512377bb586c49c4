/* What a transaction changes of marks and outbox, read out of its commands: what an operator's resolution did is so known at its EXEC, whether
 * or not anybody hears of it later. */
#ifndef ORDERD_TESTS_SIM_CHANGES_H
#define ORDERD_TESTS_SIM_CHANGES_H

#include "fake/world.h"

enum { CHANGES_TOPIC_SIZE = 64 };

enum change_kind {
    CHANGE_ENTRY,        /* an outbox entry over [from, to) */
    CHANGE_LOST,         /* the same, marked lost */
    CHANGE_MARK,         /* the mark was made anew at `to` */
    CHANGE_NEXT,         /* the mark goes on at `to` */
    CHANGE_SEEN_FROM,    /* the seen list was begun anew at `to` */
    CHANGE_WHOLE         /* the mark is not torn, or no more */
};

struct change {
    enum change_kind kind;
    char topic[CHANGES_TOPIC_SIZE];
    int32_t partition;
    int64_t from, to;
};

/* Change `*at` of a transaction that was executed, or the next one behind it; false behind the last. Goes on with the `*at` that it leaves. */
bool changes_next(const struct redis_client *client, size_t *at, struct change *out);

#endif
