#include "service/board.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct board {
    pthread_mutex_t mutex;
    struct picture up;          /* guarded */
    bool any;                   /* guarded */
    struct picture mine;        /* the pipeline's */
    bool taken;                 /* `mine` waits to be put up */
    int64_t due_at;             /* monotonic ms */
    atomic_int phase;
    atomic_bool redis_seen, reload_refused;
};

int board_new(struct board **out)
{
    struct board *board = calloc(1, sizeof *board);

    if (!board)
        return -ENOMEM;
    pthread_mutex_init(&board->mutex, NULL);
    picture_init(&board->up);
    picture_init(&board->mine);
    *out = board;
    return 0;
}

struct board *board_free(struct board *board)
{
    if (board) {
        picture_deinit(&board->up);
        picture_deinit(&board->mine);
        pthread_mutex_destroy(&board->mutex);
        free(board);
    }
    return NULL;
}

void board_update(struct board *board, struct pipeline *pipeline, int64_t now)
{
    struct picture swap;

    if (now >= board->due_at) {
        board->due_at = now + BOARD_INTERVAL_MS;
        board->taken = pipeline_look(pipeline, &board->mine) == 0;
    }
    if (!board->taken || pthread_mutex_trylock(&board->mutex) != 0)
        return;
    swap = board->up;
    board->up = board->mine;
    board->mine = swap;
    board->any = true;
    board->taken = false;
    pthread_mutex_unlock(&board->mutex);
}

/* What is up is written by this thread alone. */
const struct picture *board_latest(const struct board *board)
{
    return board->taken ? &board->mine : board->any ? &board->up : NULL;
}

void board_hurry(struct board *board)
{
    board->due_at = 0;
}

bool board_read(struct board *board, struct picture *out)
{
    bool read;

    pthread_mutex_lock(&board->mutex);
    read = board->any && picture_copy(out, &board->up) == 0;
    pthread_mutex_unlock(&board->mutex);
    return read;
}

void board_enter(struct board *board, enum board_phase phase)
{
    board->phase = (int)phase;
}

enum board_phase board_phase(const struct board *board)
{
    return (enum board_phase)board->phase;
}

void board_see_redis(struct board *board, bool up)
{
    board->redis_seen = up;
}

bool board_redis_seen(const struct board *board)
{
    return board->redis_seen;
}

void board_reloaded(struct board *board, bool taken)
{
    board->reload_refused = !taken;
}

bool board_reload_refused(const struct board *board)
{
    return board->reload_refused;
}
