/* The latest picture of the pipeline, handed from its thread to the one that serves people, without either waiting for the other.
 *
 * The pipeline fills a picture of its own now and then and puts it up; should somebody be reading at that moment, it keeps it
 * and tries again at the next step. Readers copy what is up. */
#ifndef ORDERD_SERVICE_BOARD_H
#define ORDERD_SERVICE_BOARD_H

#include "turn/picture.h"

enum { BOARD_INTERVAL_MS = 250 };

/* What the daemon is at; until BOARD_RUNNING there is no picture. */
enum board_phase {
    BOARD_REDIS,      /* waits for Redis */
    BOARD_KAFKA,      /* asks Kafka about its topics */
    BOARD_REGISTRY,   /* compares what Redis and Kafka hold */
    BOARD_RUNNING,
    BOARD_STOPPING
};

struct board;

/* Errors: -ENOMEM. */
int board_new(struct board **out) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct board *board_free(struct board *board);

/* The pipeline's thread: takes a picture when one is due and puts it up. Never waits. `now`: monotonic ms. */
void board_update(struct board *board, struct pipeline *pipeline, int64_t now);
/* The same: something was changed that is to be seen at once, with the next update. */
void board_hurry(struct board *board);
/* The pipeline's thread: what begins now. */
void board_enter(struct board *board, enum board_phase phase);
/* The same: whether Redis is there, while no picture says it. */
void board_see_redis(struct board *board, bool up);
/* The same: whether the changed file was taken over. */
void board_reloaded(struct board *board, bool taken);
/* The pipeline's thread: the latest one, until the next update; NULL: none yet. */
const struct picture *board_latest(const struct board *board);
/* Any other thread: the latest picture, into memory of the reader's. False: none is up yet, or memory is out. */
bool board_read(struct board *board, struct picture *out) MUST_CHECK;
/* Any thread. */
enum board_phase board_phase(const struct board *board);
bool board_redis_seen(const struct board *board);
bool board_reload_refused(const struct board *board);

#endif
