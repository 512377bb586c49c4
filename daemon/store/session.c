#include "store/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "store/exec.h"
#include "store/login.h"
#include "store/selftest.h"
#include "store/server.h"

enum { COMMANDS_LIMIT = 1 << 16, MEMORY = 1 << 22, RUN_ID_SIZE = 64, GATE_SLICE_MS = 500, SAY_AGAIN_MS = 30000 };

struct session {
    struct session_options options;
    struct login login;
    struct redis_link *link;
    struct commands commands;        /* of the handshake */
    struct arena *arena;
    int64_t client_id;               /* of the present or the last connection; 0: none yet */
    char run_id[RUN_ID_SIZE], replid[RUN_ID_SIZE], version[32];
    char tested[RUN_ID_SIZE];        /* the server on which the self-test passed */
    bool has_waitaof, evict_said;
    struct error_text promise;
    int backoff_ms;
    int64_t up_at, connect_at;       /* since when it is up, monotonic, 0: it is not; before when it is not to be tried again */
    bool ended_early;                /* the last one */
    struct error_text said;          /* of failed attempts, what is_news was true of last; "": nothing since it was up */
    int64_t said_at;
    bool is_news;                    /* the last failed attempt */
};

int session_new(struct session **out, const struct session_options *options)
{
    struct session *session = calloc(1, sizeof *session);

    if (!session || login_init(&session->login, options->user, options->password) || arena_new(&session->arena, MEMORY)) {
        if (session)
            login_deinit(&session->login);
        free(session);
        return -ENOMEM;
    }
    session->options = *options;
    session->options.password = NULL;
    session->login.log = options->log;
    session->login.address = options->address;
    session->backoff_ms = options->backoff_min_ms;
    commands_init(&session->commands, COMMANDS_LIMIT);
    *out = session;
    return 0;
}

struct session *session_free(struct session *session)
{
    if (session) {
        redis_link_close(session->link);
        login_deinit(&session->login);
        commands_deinit(&session->commands);
        arena_free(session->arena);
        free(session);
    }
    return NULL;
}

bool session_is_up(const struct session *session)
{
    return session->link != NULL;
}

int64_t session_up_since(const struct session *session)
{
    return session->up_at;
}

void session_run(const struct session *session, char out[SESSION_RUN_SIZE])
{
    snprintf(out, SESSION_RUN_SIZE, "%s/%s", session->run_id, session->replid);
}

static void back_off(struct session *session)
{
    int now = session->backoff_ms;

    session->backoff_ms = now * 2 < session->options.backoff_max_ms ? now * 2 : session->options.backoff_max_ms;
    session->connect_at = clock_monotonic_ms(session->options.clock) + clock_random_between(session->options.clock, now / 2, now);
}

/* Once may be chance; but where each new connection ends as soon as it is used, every take-over on one would publish the whole outbox again. */
static void ended(struct session *session)
{
    bool early = clock_monotonic_ms(session->options.clock) - session->up_at < session->options.backoff_max_ms;

    if (!early)
        session->backoff_ms = session->options.backoff_min_ms;
    else if (session->ended_early)
        back_off(session);
    session->ended_early = early;
    session->up_at = 0;
}

void session_drop(struct session *session, const char *why)
{
    if (!session->link)
        return;
    session->link = redis_link_close(session->link);
    log_warning(session->options.log, "redis connection dropped address=%s why=\"%s\"", session->options.address, why);
    if (session->up_at)
        ended(session);
}

bool session_notice(struct session *session)
{
    if (session->link && redis_link_has_ended(session->link))
        session_drop(session, "the server has closed it");
    return session_is_up(session);
}

int64_t session_connect_at(const struct session *session)
{
    return session->connect_at;
}

int session_send(struct session *session, const struct commands *commands)
{
    struct error_text error;
    int r;

    if (!session->link)
        return -ENOTCONN;
    r = redis_link_send(session->link, buffer_bytes(&commands->bytes), &error);
    clock_pulse(session->options.clock);
    if (r)
        session_drop(session, error.text);
    return r;
}

int session_receive(struct session *session, struct arena *arena, struct reply **out)
{
    struct error_text error;
    int r;

    if (!session->link)
        return -ENOTCONN;
    r = redis_link_receive(session->link, arena, out, &error);
    clock_pulse(session->options.clock);
    if (r)
        session_drop(session, error.text);
    return r;
}

int session_ask(struct session *session, const struct commands *commands, struct arena *arena, struct reply ***replies)
{
    struct reply **all = arena_take(arena, (commands->count + 1) * sizeof *all);
    int r = all ? session_send(session, commands) : -ENOMEM;

    for (size_t i = 0; !r && i < commands->count; i++)
        r = session_receive(session, arena, &all[i]);
    if (!r)
        *replies = all;
    return r;
}

/* Asks what was put into session->commands. */
static int ask(struct session *session, struct reply ***replies, struct error_text *error)
{
    int r = commands_error(&session->commands);

    arena_reset(session->arena);
    if (!r)
        r = session_ask(session, &session->commands, session->arena, replies);
    commands_reset(&session->commands);
    return r ? error_set(error, r, "connection lost in the handshake") : 0;
}

static int refused(const struct reply *reply, const char *what, struct error_text *error)
{
    int code = store_trouble_of(reply->text) == TROUBLE_STOP ? -EACCES : -EAGAIN;

    return error_set(error, code, "%s: %.*s", what, (int)(reply->text.size < 300 ? reply->text.size : 300), reply->text.data);
}

static int authenticate(struct session *session, struct error_text *error)
{
    struct reply **replies;
    int r = login_begin(&session->login, session, &session->commands, session->arena, error);

    if (r)
        return r;
    command_begin(&session->commands, 2);
    command_text(&session->commands, "SELECT");
    command_int(&session->commands, session->options.database);
    r = ask(session, &replies, error);
    if (!r && replies[0]->type == REPLY_ERROR)
        r = refused(replies[0], "SELECT", error);
    return r;
}

int session_set_password(struct session *session, const char *password)
{
    return login_change(&session->login, password);
}

bool session_has_former(const struct session *session)
{
    return session->login.former != NULL;
}

int session_authenticate(struct session *session)
{
    return session->link ? login_again(&session->login, session, &session->commands, session->arena) : -ENOTCONN;
}

/* Who answers: the server's run, its history, its role. */
static int identify(struct session *session, char *run_id, char *replid, struct error_text *error)
{
    struct reply **replies;
    char role[16] = "";
    int r;

    command_texts(&session->commands, "INFO", "server", NULL);
    command_texts(&session->commands, "INFO", "replication", NULL);
    r = ask(session, &replies, error);
    if (r)
        return r;
    for (size_t i = 0; i < 2; i++)
        if (replies[i]->type != REPLY_STRING)
            return refused(replies[i], "INFO", error);
    if (!server_info(replies[0]->text, "run_id", run_id, RUN_ID_SIZE))
        return error_set(error, -EACCES, "INFO server tells no run_id");
    server_info(replies[0]->text, "redis_version", session->version, sizeof session->version);
    server_info(replies[1]->text, "master_replid", replid, RUN_ID_SIZE);
    if (server_info(replies[1]->text, "role", role, sizeof role) && strcmp(role, "master") != 0)
        return error_set(error, -EAGAIN, "the server is a %s, not a master", role);
    return 0;
}

/* What this server makes of a write that it confirmed; refuses `aof` where it would mean nothing. */
static int read_promise(struct session *session, struct error_text *error)
{
    static const char *const names[] = {"maxmemory-policy", "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "save"};
    struct server_keeps keeps;
    struct reply **replies;
    const char *policy;
    int r;

    for (size_t i = 0; i < 5; i++)
        command_texts(&session->commands, "CONFIG", "GET", names[i], NULL);
    r = ask(session, &replies, error);
    if (r)
        return r;
    session->has_waitaof = server_version_at_least(session->version, 7, 2);
    policy = server_config(replies[0], names[0]);
    keeps = (struct server_keeps){
        .told = replies[0]->type == REPLY_ARRAY, .has_waitaof = session->has_waitaof,
        .appendonly = server_config(replies[1], names[1]), .appendfsync = server_config(replies[2], names[2]),
        .no_appendfsync_on_rewrite = server_config(replies[3], names[3]), .save = server_config(replies[4], names[4]),
    };
    if (keeps.told && strcmp(policy, "noeviction") != 0 && !session->evict_said) {
        session->evict_said = true;
        log_warning(session->options.log, "redis may evict keys of the market: its maxmemory-policy should be noeviction policy=%s", policy);
    }
    if (!keeps.told)
        error_set(&session->promise, 0, "redis %s; CONFIG GET is refused, so what it keeps is not known", session->version);
    else if (strcmp(keeps.appendonly, "yes") == 0)
        error_set(&session->promise, 0, "redis %s keeps an append-only file, appendfsync %s", session->version, keeps.appendfsync);
    else
        error_set(&session->promise, 0, "redis %s keeps %s: what came after the last one is lost in a crash", session->version,
                  keeps.save[0] ? "snapshots only" : "nothing on disk");
    if (session->options.durability != DURABILITY_AOF || server_keeps_aof(&keeps))
        return 0;
    return error_set(error, -ENOTSUP, "durability = \"aof\": this server (redis %s) needs appendonly yes, appendfsync always and "
                     "no-appendfsync-on-rewrite no; it has appendonly %s, appendfsync %s, no-appendfsync-on-rewrite %s",
                     session->version, keeps.appendonly, keeps.appendfsync, keeps.no_appendfsync_on_rewrite);
}

/* Names the connection and ends our own former one, whose EXEC might still be on its way (PROTOCOL.md 2). */
static int introduce(struct session *session, bool same_server, struct error_text *error)
{
    struct reply **replies;
    int64_t former = session->client_id;
    int r;

    command_texts(&session->commands, "CLIENT", "ID", NULL);
    command_texts(&session->commands, "CLIENT", "SETNAME", "orderd", NULL);
    command_texts(&session->commands, "CLIENT", "NO-EVICT", "ON", NULL);
    if (former && same_server) {
        command_begin(&session->commands, 4);
        command_text(&session->commands, "CLIENT");
        command_text(&session->commands, "KILL");
        command_text(&session->commands, "ID");
        command_int(&session->commands, former);
    }
    r = ask(session, &replies, error);
    if (r)
        return r;
    if (replies[0]->type == REPLY_INTEGER)
        session->client_id = replies[0]->integer;
    else
        return refused(replies[0], "CLIENT ID", error);
    return 0;
}

static int handshake(struct session *session, struct error_text *error)
{
    char run_id[RUN_ID_SIZE] = "", replid[RUN_ID_SIZE] = "";
    int r = authenticate(session, error);

    if (!r)
        r = identify(session, run_id, replid, error);
    if (!r)
        r = introduce(session, strcmp(run_id, session->run_id) == 0, error);
    if (!r)
        r = read_promise(session, error);
    if (r)
        return r;
    memcpy(session->run_id, run_id, sizeof run_id);
    memcpy(session->replid, replid, sizeof replid);
    if (strcmp(session->tested, run_id) != 0) {
        r = selftest_run(session, session->options.prefix, session->options.clock, error);
        if (!r)
            memcpy(session->tested, run_id, sizeof run_id);
    }
    return r;
}

static int open_link(struct session *session, int (*greet)(struct session *, struct error_text *), struct error_text *error)
{
    struct redis_link_options options = {session->options.address, session->options.connect_timeout_ms,
                                         session->options.command_timeout_ms};
    int r = redis_link_open(&session->link, &options, error);

    clock_pulse(session->options.clock);
    if (r)
        return r;
    commands_reset(&session->commands);
    r = greet(session, error);
    if (r)
        session->link = redis_link_close(session->link);
    return r;
}

int session_visit(struct session *session, struct error_text *error)
{
    ASSERT(!session->link);
    return open_link(session, authenticate, error);
}

/* An outage is many attempts, and one piece of news. */
static void weigh(struct session *session, const struct error_text *error)
{
    int64_t now = clock_monotonic_ms(session->options.clock);

    session->is_news = strcmp(session->said.text, error->text) != 0 || now - session->said_at >= SAY_AGAIN_MS;
    if (!session->is_news)
        return;
    session->said = *error;
    session->said_at = now;
}

bool session_failure_is_news(const struct session *session)
{
    return session->is_news;
}

int session_connect(struct session *session, struct error_text *error)
{
    int r;

    ASSERT(!session->link);
    r = open_link(session, handshake, error);
    if (r) {
        back_off(session);
        weigh(session, error);
        return r;
    }
    session->up_at = clock_monotonic_ms(session->options.clock);
    session->said.text[0] = '\0';
    return 0;
}

int session_probe(struct session *session)
{
    char run_id[RUN_ID_SIZE] = "", replid[RUN_ID_SIZE] = "";
    struct error_text error = {""};
    int r = identify(session, run_id, replid, &error);

    if (!r && session->options.durability == DURABILITY_AOF)
        r = read_promise(session, &error);
    if (!r && (strcmp(run_id, session->run_id) != 0 || strcmp(replid, session->replid) != 0))
        r = error_set(&error, -ESTALE, "another server or another history answers on this connection");
    if (r)
        session_drop(session, error.text);
    return r;
}

size_t session_gate_append(const struct session *session, struct commands *commands)
{
    const struct session_options *o = &session->options;

    if (o->durability == DURABILITY_REPLICAS) {
        command_begin(commands, 3);
        command_text(commands, "WAIT");
        command_int(commands, o->replicas);
        command_int(commands, GATE_SLICE_MS);
        return 1;
    }
    if (o->durability == DURABILITY_AOF && session->has_waitaof) {
        command_begin(commands, 4);
        command_text(commands, "WAITAOF");
        command_int(commands, 1);
        command_int(commands, 0);
        command_int(commands, GATE_SLICE_MS);
        return 1;
    }
    return 0;
}

bool session_gate_confirms(const struct session *session, const struct reply *reply)
{
    if (session->options.durability == DURABILITY_REPLICAS)
        return reply->type == REPLY_INTEGER && reply->integer >= session->options.replicas;
    return reply->type == REPLY_ARRAY && reply->count == 2 && reply->elements[0]->integer >= 1;
}

int session_gate_wait(struct session *session, struct arena *arena, int64_t timeout_ms)
{
    int64_t until = clock_monotonic_ms(session->options.clock) + timeout_ms;
    struct reply **replies;
    int r;

    do {
        if (!session_gate_append(session, &session->commands))
            return 0;
        r = commands_error(&session->commands);
        if (!r)
            r = session_ask(session, &session->commands, arena, &replies);
        commands_reset(&session->commands);
        if (r)
            return r;
        if (session_gate_confirms(session, replies[0]))
            return session_probe(session);
        if (replies[0]->type == REPLY_ERROR)      /* which comes at once: asked again in a while, not over and over */
            return -EAGAIN;
    } while (clock_monotonic_ms(session->options.clock) < until);
    return -EAGAIN;
}

const char *session_promise(const struct session *session)
{
    return session->promise.text;
}
