/* The latest picture of the pipeline, handed from its thread to the one that serves people, without either waiting for the other.
 *
 * The pipeline fills a picture of its own now and then and puts it up; should somebody be reading at that moment, it keeps it
 * and tries again at the next step. Readers copy what is up. */
#ifndef ORDERD_SERVICE_BOARD_H
#define ORDERD_SERVICE_BOARD_H

#include "turn/picture.h"

enum { BOARD_INTERVAL_MS = 250 };

struct board;

/* Errors: -ENOMEM. */
int board_new(struct board **out) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct board *board_free(struct board *board);

/* The pipeline's thread: takes a picture when one is due and puts it up. Never waits. `now`: monotonic ms. */
void board_update(struct board *board, struct pipeline *pipeline, int64_t now);
/* The pipeline's thread: the latest one, until the next update; NULL: none yet. */
const struct picture *board_latest(const struct board *board);
/* Any other thread: the latest picture, into memory of the reader's. False: none is up yet, or memory is out. */
bool board_read(struct board *board, struct picture *out) MUST_CHECK;

#endif
