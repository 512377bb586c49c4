/* What the files of the fake server share. */
#ifndef ORDERD_TESTS_FAKE_REDIS_SERVER_INSIDE_H
#define ORDERD_TESTS_FAKE_REDIS_SERVER_INSIDE_H

#include "fake/keyspace_inside.h"
#include "fake/redis_server.h"

enum { ARGS_MAX = 4096, CLIENT_MEMORY = 64 << 20 };

/* Bytes of the inbox up to `end` arrive together. */
struct arrival {
    size_t end;
    int64_t at;
    uint64_t order;
};

struct mark {
    size_t end;
    int64_t at;
};

struct watch {
    struct key *key;
    uint64_t version;
    int database;
};

/* A command: one on data, or one that has `serve`. */
struct found {
    const struct command *command;
    void (*serve)(struct redis_client *client, const struct bytes *args, size_t count);
};

/* A command between MULTI and EXEC. */
struct queued {
    struct found found;
    size_t at, size;             /* in the queue */
    size_t args_at, args_count;  /* of the spans */
};

struct span {
    size_t at, size;
};

struct redis_client {
    struct redis_server *server;
    void *context;
    int64_t id;
    int database;
    bool hung_up, closed;        /* by the caller; by the server */
    bool running;                /* a command of it; it cannot be freed now */
    struct buffer inbox;
    size_t taken;                /* of the inbox */
    struct arrival *arrivals;
    size_t arrivals_head, arrivals_count, arrivals_room;
    struct buffer outbox;
    struct mark *marks;          /* ends of the replies in the outbox */
    size_t marks_head, marks_count, marks_room;
    size_t given;                /* of the outbox */
    bool multi, refused, executing;
    struct buffer queue;
    struct queued *queued;
    size_t queued_count, queued_room;
    struct span *spans;          /* of the queued commands' arguments in the queue */
    size_t spans_count, spans_room;
    unsigned queue_any, queue_all;   /* flags of the queued commands */
    struct watch *watches;
    size_t watches_count, watches_room;
    bool postponed;              /* its command waits for the end of a pause */
    bool waits;                  /* WAIT: */
    int64_t wait_replicas, wait_until, offset;
    bool wait_file;              /* WAITAOF */
};

/* A transaction that replicas are told, and when. */
struct stamp {
    int64_t position, at;
};

/* A command that is not about data; arguments fit its arity. */
struct server_command {
    struct command command;
    void (*serve)(struct redis_client *client, const struct bytes *args, size_t count);
};

/* Ends with one without a name. */
extern const struct server_command server_commands[];

/* Makes room for one more in an array that grows. */
void *room_for(void *array, size_t count, size_t *room, size_t size);
/* Runs one command of the client that has arrived whole; `raw` are its bytes. */
void server_run(struct redis_client *client, const struct bytes *args, size_t count, struct bytes raw);
/* Finds every command by its name. */
void server_index(struct redis_server *server);
void client_unwatch(struct redis_client *client);
bool server_denies(const struct redis_server *server, struct bytes command);
int64_t server_clock(const struct redis_server *server);
int64_t server_acks(struct redis_server *server, int64_t offset);
/* A WAIT whose time is over or whose replicas are there is answered. */
void server_answer_waiting(struct redis_server *server);
int64_t server_next_ack(const struct redis_server *server);
/* A transaction, or a command on its own, changed something. */
void server_wrote(struct redis_server *server);
void redis_journal_note(struct redis_server *server, int database, struct bytes raw);
void redis_journal_free(struct redis_server *server);

void serve_multi(struct redis_client *client, const struct bytes *args, size_t count);
void serve_exec(struct redis_client *client, const struct bytes *args, size_t count);
void serve_discard(struct redis_client *client, const struct bytes *args, size_t count);
void serve_watch(struct redis_client *client, const struct bytes *args, size_t count);
void serve_unwatch(struct redis_client *client, const struct bytes *args, size_t count);

#endif
