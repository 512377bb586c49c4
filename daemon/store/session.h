/* The connection to Redis with all that must be true of it: a full handshake each time, never a transparent reconnect.
 *
 * Between WATCH and EXEC a reconnect would lose the WATCH and nobody would notice (redis.md 3), so any error drops the
 * connection for good, and whoever used it starts again from take-over. */
#ifndef ORDERD_STORE_SESSION_H
#define ORDERD_STORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/log.h"
#include "seam/clock.h"
#include "seam/redis_link.h"
#include "store/command.h"

enum durability_kind { DURABILITY_NONE, DURABILITY_REPLICAS, DURABILITY_AOF };

struct session_options {
    const char *address, *user;               /* user "": none; they stay the caller's */
    const char *password;                     /* "": none; copied */
    int database;
    const char *prefix;                       /* before every key, for the self-test */
    int connect_timeout_ms, command_timeout_ms;
    int backoff_min_ms, backoff_max_ms;
    enum durability_kind durability;
    int replicas;                             /* DURABILITY_REPLICAS: how many */
    struct clock *clock;
    const struct log *log;
};

struct session;

/* Connects nothing yet. Errors: -ENOMEM. */
int session_new(struct session **out, const struct session_options *options) MUST_CHECK;
struct session *session_free(struct session *session);

/* The password of every connection from now on; the former one stays as a second try until this one was taken once. Copied. Errors: -ENOMEM. */
int session_set_password(struct session *session, const char *password) MUST_CHECK;
/* Whether a changed password was not taken yet. */
bool session_has_former(const struct session *session);
/* AUTH on the connection that is there, where nothing may ride; says what came of it. A connection whose AUTH was refused goes on as it was: 0; or a
 * lost connection. */
int session_authenticate(struct session *session) MUST_CHECK;

/* One attempt: connect, AUTH, SELECT, name, role, what the server promises, CLIENT KILL of our own former connection, self-test.
 * Errors: -EACCES (password or rights: nothing to wait for), -ENOTSUP (the server cannot give the configured durability),
 * anything else: try again at session_connect_at. The sentence is in `error`. */
int session_connect(struct session *session, struct error_text *error) MUST_CHECK;
/* Whether the attempt that failed last is worth a warning: it failed otherwise than the one before, or 30 s have passed since one was. */
bool session_failure_is_news(const struct session *session);
/* One attempt of somebody who only looks: connect, AUTH, SELECT and nothing else, so that any server is good enough and nothing is written.
 * Errors: -EACCES (password), anything else: it is away. The sentence is in `error`. */
int session_visit(struct session *session, struct error_text *error) MUST_CHECK;
bool session_is_up(const struct session *session);
/* Since when, monotonic ms; 0: it is not. */
int64_t session_up_since(const struct session *session);
/* Which server with which history this is, a word: another one after a restart or a failover. Of the last session_connect. */
enum { SESSION_RUN_SIZE = 128 };
void session_run(const struct session *session, char out[SESSION_RUN_SIZE]);
/* Closes the connection for good. `why` goes to the log when it was up. */
void session_drop(struct session *session, const char *why);
/* Drops the connection when the server has closed it, which is seen without asking; only while no reply is due. Whether it is up. */
bool session_notice(struct session *session);
/* When the next attempt may be made, monotonic ms: after a failure, and after connections that end as soon as they are there, later and later
 * up to the maximum, with jitter; one that lasted longer than the maximum begins anew. */
int64_t session_connect_at(const struct session *session);

/* Both drop the connection on any error. */
int session_send(struct session *session, const struct commands *commands) MUST_CHECK;
int session_receive(struct session *session, struct arena *arena, struct reply **out) MUST_CHECK;
/* Sends, and receives as many replies as there are commands into `replies` (taken from the arena). */
int session_ask(struct session *session, const struct commands *commands, struct arena *arena, struct reply ***replies) MUST_CHECK;

/* Reads run_id and master_replid again: 0, or -ESTALE when they changed (dropped then; DESIGN 4.1), or a lost connection. */
int session_probe(struct session *session) MUST_CHECK;

/* The durability gate (DESIGN 4.6). Appends its question, if it has one: 0 or 1 commands. */
size_t session_gate_append(const struct session *session, struct commands *commands);
/* Whether the answer confirms it. */
bool session_gate_confirms(const struct session *session, const struct reply *reply);
/* Asks until confirmed or `timeout_ms` is over: 0, -EAGAIN, or a lost connection. Apart from the write that it asks about, so the answer counts only
 * if the same server with the same history has given it (redis.md 7: WAIT compares offsets, whatever they count). */
int session_gate_wait(struct session *session, struct arena *arena, int64_t timeout_ms) MUST_CHECK;
/* What the server guarantees, as a sentence; valid until the next connect. */
const char *session_promise(const struct session *session);

#endif
