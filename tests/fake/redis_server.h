/* A model of a Redis server at the byte level: connections with what is on its way to and from them, WATCH and MULTI/EXEC, the conditions
 * under which Redis refuses, replicas that lag, and going back to an older state. Knows no node and no world: time is what it is told.
 *
 * Nothing is run but by redis_server_serve(). What a client wrote is run once it has arrived, in the order of arrival over all
 * clients, one command at a time. tests/differ holds the model against the real server. */
#ifndef ORDERD_TESTS_FAKE_REDIS_SERVER_H
#define ORDERD_TESTS_FAKE_REDIS_SERVER_H

#include "fake/keyspace.h"

enum { REPLICAS_MAX = 4, DENIED_MAX = 4, RUN_ID_SIZE = 41 };

/* Why Redis refuses; a set of them. */
enum redis_condition {
    CONDITION_OOM = 1, CONDITION_MISCONF = 2, CONDITION_NOREPLICAS = 4, CONDITION_READONLY = 8, CONDITION_MASTERDOWN = 16,
    CONDITION_LOADING = 32, CONDITION_BUSY = 64
};

/* What is wrong with the server. */
struct redis_trouble {
    unsigned conditions;
    const char *denied[DENIED_MAX];  /* commands that the user may not run, "EXEC" among others */
    const char *exec_reply;          /* the error in EXEC's stead, "MOVED 1 a:1" */
    bool torn;                       /* the last command of a transaction is refused when EXEC runs it */
    size_t query_limit;              /* a client with more unread bytes than this is closed; 0: no limit */
    size_t output_limit;             /* a client with a larger reply is closed, though the command was run; 0: no limit */
};

/* What became of an EXEC. */
enum exec_answer { EXEC_ANSWER_APPLIED, EXEC_ANSWER_NIL, EXEC_ANSWER_REFUSED, EXEC_ANSWER_TORN };

struct redis_client;

/* What the server tells; each may be NULL. */
struct redis_hooks {
    void *context;
    /* Before each command. Others may be let go first: the server may be served from here. */
    void (*before)(void *context, struct redis_client *client);
    void (*watched)(void *context, struct redis_client *client, const struct bytes *keys, size_t count);
    /* A command on data was run, outside of a transaction. */
    void (*ran)(void *context, struct redis_client *client, const struct bytes *args, size_t count);
    /* Its queue can still be read with redis_client_queued(). */
    void (*executed)(void *context, struct redis_client *client, enum exec_answer answer);
};

struct redis_replica {
    int64_t lag_ms;                  /* -1: it receives nothing */
    int64_t position;                /* it has the transactions up to here */
    size_t seen;                     /* of the server's stamps */
};

struct redis_server {
    struct keyspace data;
    char run_id[RUN_ID_SIZE], replid[RUN_ID_SIZE];
    bool frozen;                     /* nothing is run and nobody is answered */
    int64_t skew_ms;                 /* of its clock */
    struct redis_trouble trouble;
    struct redis_trouble at_exec;    /* becomes the trouble when the next EXEC comes, behind what was queued; then it is none again */
    bool at_exec_waits;
    bool kill_misses;                /* CLIENT KILL finds nobody */
    int64_t pause_until;             /* writes wait so long, as after CLIENT PAUSE … WRITE */
    const char *config[5];           /* in the order of CONFIG_NAMES; NULL: as Debian's default */
    struct redis_replica replicas[REPLICAS_MAX];
    size_t replicas_count;
    struct redis_hooks hooks;
    /* The rest is the server's own. */
    int64_t now, position;
    int64_t next_id;
    uint64_t next_order;
    struct redis_client **clients;
    size_t clients_count, clients_room;
    struct bytes *args;
    struct found *index;             /* every command by its name */
    struct stamp *stamps;
    size_t stamps_count, stamps_room;
    struct journal *journal;
};

/* Of that version of Redis (7, 0). */
void redis_server_init(struct redis_server *server, int major, int minor);
/* Its clients end with it. */
void redis_server_deinit(struct redis_server *server);

/* `context` is the caller's, for the hooks. The client lives until redis_client_hangup(). */
struct redis_client *redis_server_connect(struct redis_server *server, void *context);
/* Bytes on their way: they arrive at `at`, or when those before them have arrived. INT64_MAX: never, unless redis_client_arrive() says so. */
void redis_client_write(struct redis_client *client, struct bytes bytes, int64_t at);
/* What was written so far arrives at `at`. */
void redis_client_arrive(struct redis_client *client, int64_t at);
/* The next reply that was not taken yet, whole, and when it was given; false when there is none. Valid until the server is served again. */
bool redis_client_reply(const struct redis_client *client, struct bytes *reply, int64_t *at);
void redis_client_take(struct redis_client *client);
/* How many replies there are to take. */
size_t redis_client_replies(const struct redis_client *client);
/* False once the server has closed the connection. Replies that it gave before can still be taken. */
bool redis_client_is_open(const struct redis_client *client);
/* The caller closes and must not use it again. What it wrote still arrives and is run. */
void redis_client_hangup(struct redis_client *client);
struct redis_server *redis_client_server(const struct redis_client *client);
int64_t redis_client_id(const struct redis_client *client);
/* The one of that id, also one that the caller has closed while something of it is on its way; NULL when there is none. */
struct redis_client *redis_server_client(const struct redis_server *server, int64_t id);
void *redis_client_context(const struct redis_client *client);
void redis_client_set_context(struct redis_client *client, void *context);
/* Command `i` of those between MULTI and EXEC: its first `max` arguments; returns the number of all, 0 behind the last one. */
size_t redis_client_queued(const struct redis_client *client, size_t i, struct bytes *args, size_t max);
size_t redis_client_queued_size(const struct redis_client *client, size_t i);
/* Key `i` of those that it watches; false behind the last one. */
bool redis_client_watches(const struct redis_client *client, size_t i, struct bytes *key);
/* Somebody else writes to what it watches, among the keys that do not begin with `but`. */
void redis_client_disturb(struct redis_client *client, const char *but);

/* Runs what has arrived by `now`, whatever becomes of it. */
void redis_server_serve(struct redis_server *server, int64_t now);
/* When there will be something to do, as far as is known: after redis_server_serve() later than then. INT64_MAX: never. */
int64_t redis_server_next(const struct redis_server *server);
/* Ends a connection from the server's side, as ACL DELUSER or a limit: what was on its way is lost. */
void redis_server_close(struct redis_server *server, struct redis_client *client);
void redis_server_close_all(struct redis_server *server);

/* From now on every change is kept, which costs. Position 0 is what is there now. */
void redis_server_keep_journal(struct redis_server *server);
/* How many transactions have changed something since the beginning. */
int64_t redis_server_position(const struct redis_server *server);
/* Up to where the replica has them, at the server's time. */
int64_t redis_server_replica_position(struct redis_server *server, size_t replica);
/* What was there at that position of the journal, into an empty keyspace. */
void redis_server_look_back(const struct redis_server *server, int64_t position, struct keyspace *out);
/* Another process under another run_id answers, with what was there at that position of the journal. Whoever watches a key that was there gets nil.
 * Connections stay (a proxy keeps them) unless they are closed too. */
void redis_server_restore(struct redis_server *server, int64_t position);
/* The same process takes over another's history (REPLICAOF): as restored, but the run_id stays and the replid is another. */
void redis_server_resync(struct redis_server *server, int64_t position);
/* The same data is read anew (DEBUG RELOAD): whoever watches a key that is there gets nil. */
void redis_server_reload(struct redis_server *server);

#endif
