/* A ring of batches. A batch is handed over when it is full or when nothing comes just now, so the lock is taken once for many events. A batch holds a
 * bounded number of bytes, but for its last event. */
#include "history/ahead.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { BATCHES = 8, BATCH_EVENTS = 256, BATCH_BYTES = 1 << 20, SLICE_MS = 100 };

struct batch {
    struct journal_event events[BATCH_EVENTS];
    size_t count;
    int result;                    /* what comes behind them: 1: more */
    struct error_text error;       /* of it */
    struct journal_counts counts;
};

struct ahead {
    struct ahead_source source;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t filled, emptied;        /* batches so far; guarded, as what follows */
    bool stop;
    size_t at;                     /* in the batch that is being emptied; the taker's alone */
    struct journal_counts counts;
    struct batch ring[BATCHES];
};

static void fill(const struct ahead *ahead, struct batch *batch)
{
    size_t bytes = 0;

    batch->count = 0;
    batch->result = 1;
    while (batch->result == 1 && batch->count < BATCH_EVENTS && bytes < BATCH_BYTES) {
        struct journal_event *event = &batch->events[batch->count];

        batch->result = ahead->source.next(ahead->source.context, SLICE_MS, event, &batch->error);
        if (batch->result != 1)
            break;
        batch->count++;
        if (event->sourced)
            bytes += event->source.key.size + event->source.value.size;
        if (event->recorded)
            bytes += event->outcome.key.size + event->outcome.value.size;
    }
    batch->counts = ahead->source.counts(ahead->source.context);
}

/* NULL: nobody wants one any more. */
static struct batch *wait_for_room(struct ahead *ahead)
{
    struct batch *batch;

    pthread_mutex_lock(&ahead->mutex);
    while (!ahead->stop && ahead->filled - ahead->emptied == BATCHES)
        pthread_cond_wait(&ahead->changed, &ahead->mutex);
    batch = ahead->stop ? NULL : &ahead->ring[ahead->filled % BATCHES];
    pthread_mutex_unlock(&ahead->mutex);
    return batch;
}

static void hand_over(struct ahead *ahead)
{
    pthread_mutex_lock(&ahead->mutex);
    ahead->filled++;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
}

/* Up to the journal's end, or an error that ends it. */
static void *read_on(void *context)
{
    struct ahead *ahead = context;
    struct batch *batch;
    int result = 1;

    while ((result == 1 || result == -EAGAIN) && (batch = wait_for_room(ahead))) {
        fill(ahead, batch);
        result = batch->result;
        hand_over(ahead);
    }
    return NULL;
}

/* Signals are for the thread that waits for them. */
static int start(struct ahead *ahead)
{
    sigset_t all, before;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    r = -pthread_create(&ahead->thread, NULL, read_on, ahead);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int ahead_new(struct ahead **out, const struct ahead_source *source)
{
    struct ahead *ahead = calloc(1, sizeof *ahead);
    pthread_condattr_t monotonic;
    int r;

    if (!ahead)
        return -ENOMEM;
    ahead->source = *source;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&ahead->mutex, NULL);
    pthread_cond_init(&ahead->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    r = start(ahead);
    if (r) {
        pthread_cond_destroy(&ahead->changed);
        pthread_mutex_destroy(&ahead->mutex);
        free(ahead);
        return r;
    }
    *out = ahead;
    return 0;
}

static void drop(struct batch *batch, size_t from)
{
    for (size_t i = from; i < batch->count; i++)
        journal_event_free(&batch->events[i]);
}

struct ahead *ahead_free(struct ahead *ahead)
{
    if (!ahead)
        return NULL;
    pthread_mutex_lock(&ahead->mutex);
    ahead->stop = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
    pthread_join(ahead->thread, NULL);
    for (; ahead->emptied != ahead->filled; ahead->emptied++, ahead->at = 0)
        drop(&ahead->ring[ahead->emptied % BATCHES], ahead->at);
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->mutex);
    free(ahead);
    return NULL;
}

static struct timespec in(int ms)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += ms / 1000;
    time.tv_nsec += ms % 1000 * 1000000L;
    if (time.tv_nsec >= 1000000000L) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000L;
    }
    return time;
}

/* The batch that is being emptied, or the next; NULL: none came. */
static struct batch *current(struct ahead *ahead, int timeout_ms)
{
    bool there;

    if (ahead->at)
        return &ahead->ring[ahead->emptied % BATCHES];
    pthread_mutex_lock(&ahead->mutex);
    if (ahead->filled == ahead->emptied && timeout_ms > 0) {
        const struct timespec end = in(timeout_ms);

        while (ahead->filled == ahead->emptied && pthread_cond_timedwait(&ahead->changed, &ahead->mutex, &end) == 0)
            ;
    }
    there = ahead->filled != ahead->emptied;
    pthread_mutex_unlock(&ahead->mutex);
    return there ? &ahead->ring[ahead->emptied % BATCHES] : NULL;
}

static void give_back(struct ahead *ahead)
{
    ahead->at = 0;
    pthread_mutex_lock(&ahead->mutex);
    ahead->emptied++;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->mutex);
}

int ahead_next(struct ahead *ahead, int timeout_ms, struct journal_event *out, struct error_text *error)
{
    for (;;) {
        struct batch *batch = current(ahead, timeout_ms);

        *out = (struct journal_event){0};
        if (!batch)
            return error_set(error, -EAGAIN, "nothing came");
        ahead->counts = batch->counts;
        if (ahead->at < batch->count) {
            *out = batch->events[ahead->at++];
            return 1;
        }
        if (batch->result != 1) {
            int result = batch->result;

            *error = batch->error;
            if (result == -EAGAIN)
                give_back(ahead);
            return result;
        }
        give_back(ahead);
    }
}

struct journal_counts ahead_counts(const struct ahead *ahead)
{
    return ahead->counts;
}
