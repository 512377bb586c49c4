/* The five classes of EXEC's reply (DESIGN 4.3), and what an error reply asks for. */
#ifndef ORDERD_STORE_EXEC_H
#define ORDERD_STORE_EXEC_H

#include "store/session.h"

enum exec_class {
    EXEC_APPLIED,    /* an array without errors */
    EXEC_CONFLICT,   /* nil: somebody changed a watched key */
    EXEC_REFUSED,    /* an error: nothing was applied */
    EXEC_TORN,       /* an array with an error inside: a part is applied */
    EXEC_UNKNOWN     /* no reply: it may still be executed */
};

/* What to do about an error reply. */
enum store_trouble {
    TROUBLE_WAIT,    /* the server is not ready: LOADING, BUSY, MISCONF, OOM, NOREPLICAS, MASTERDOWN, CLUSTERDOWN, TRYAGAIN */
    TROUBLE_SERVER,  /* the wrong server: READONLY, MOVED, ASK */
    TROUBLE_STOP     /* rights or a command that it does not know: an operator must look */
};

enum store_trouble store_trouble_of(struct bytes error);

/* Looks for an error among replies to WATCH and reads, but WRONGTYPE, which tells something about a key: 0; -EAGAIN when the server is not ready or
 * the wrong one, -EACCES when an operator must look, with what it said. Without it "LOADING" would be taken for what a key holds. */
int store_replies_check(struct reply *const *replies, size_t count, struct error_text *error) MUST_CHECK;

struct exec_result {
    enum exec_class class;
    enum store_trouble trouble;    /* EXEC_REFUSED */
    struct reply *array;           /* EXEC_APPLIED, EXEC_TORN */
    struct error_text error;       /* EXEC_REFUSED, EXEC_TORN: the first error */
};

/* Receives the replies to MULTI, `queued` commands and EXEC. Never fails: a lost connection is EXEC_UNKNOWN. A MULTI that is
 * not OK means that the commands ran one by one: EXEC_TORN, and the connection is dropped (redis.md 3). */
void exec_receive(struct session *session, size_t queued, struct arena *arena, struct exec_result *result);

#endif
