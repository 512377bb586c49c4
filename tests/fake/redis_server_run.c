/* What becomes of one command: refused, queued between MULTI and EXEC, or run. The order of the questions is Redis's own. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake/redis_server_inside.h"

enum { INDEX_SIZE = 256, NAME_SHOWN = 128 };

static uint32_t name_hash(struct bytes name)
{
    uint32_t hash = (uint32_t)name.size;

    for (size_t i = 0; i < name.size; i++)
        hash = hash * 31 + ((unsigned char)name.data[i] & 0xdfu);
    return hash ^ hash >> 8;
}

static void index_put(struct redis_server *server, struct found found)
{
    uint32_t at = name_hash(bytes_of(found.command->name));

    while (server->index[at % INDEX_SIZE].command)
        at++;
    server->index[at % INDEX_SIZE] = found;
}

void server_index(struct redis_server *server)
{
    const struct command *const *tables;
    size_t count;

    server->index = calloc(INDEX_SIZE, sizeof *server->index);
    ASSERT(server->index);
    for (const struct server_command *s = server_commands; s->command.name; s++)
        index_put(server, (struct found){&s->command, s->serve});
    tables = keyspace_tables(&count);
    for (size_t t = 0; t < count; t++)
        for (const struct command *command = tables[t]; command->name; command++)
            index_put(server, (struct found){command, NULL});
}

static struct found find(const struct redis_server *server, struct bytes name)
{
    for (uint32_t at = name_hash(name);; at++) {
        struct found found = server->index[at % INDEX_SIZE];

        if (!found.command || is_word(name, found.command->name))
            return found;
    }
}

bool server_denies(const struct redis_server *server, struct bytes command)
{
    for (size_t i = 0; i < DENIED_MAX && server->trouble.denied[i]; i++)
        if (is_word(command, server->trouble.denied[i]))
            return true;
    return false;
}

static bool is_exec(struct found found)
{
    return found.serve == serve_exec;
}

/* Before 8, what is queued when memory is full is refused, whatever it is: it would need memory. */
static bool queues_all(const struct redis_client *client)
{
    return client->multi && client->server->data.major < 8;
}

/* Why the server does not take the command, or NULL. EXEC is judged by what it holds. */
static const char *refusal(const struct redis_client *client, struct found found)
{
    const struct redis_server *server = client->server;
    unsigned is = server->trouble.conditions, flags = found.command->flags, may = flags;

    if (is_exec(found)) {
        flags |= client->queue_any & (COMMAND_WRITE | COMMAND_DENYOOM);
        may &= client->queue_all;
    }
    if (server_denies(server, bytes_of(found.command->name)))
        return "NOPERM this user has no permissions to run this command";
    if ((is & CONDITION_OOM) && (flags & COMMAND_DENYOOM || (queues_all(client) && !is_exec(found) && found.serve != serve_discard)))
        return "OOM command not allowed when used memory > 'maxmemory'.";
    if ((is & CONDITION_MISCONF) && (flags & COMMAND_WRITE || is_word(bytes_of(found.command->name), "PING")))
        return "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.";
    if ((is & CONDITION_NOREPLICAS) && flags & COMMAND_WRITE)
        return "NOREPLICAS Not enough good replicas to write.";
    if ((is & CONDITION_READONLY) && flags & COMMAND_WRITE)
        return "READONLY You can't write against a read only replica.";
    if ((is & CONDITION_MASTERDOWN) && !(may & COMMAND_STALE))
        return "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.";
    if ((is & CONDITION_LOADING) && !(may & COMMAND_LOADING))
        return "LOADING Redis is loading the dataset in memory";
    if ((is & CONDITION_BUSY) && !(flags & COMMAND_BUSY))
        return "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.";
    return NULL;
}

void client_unwatch(struct redis_client *client)
{
    client->watches_count = 0;
}

static void leave_multi(struct redis_client *client)
{
    client->multi = client->refused = false;
    client->queue_any = 0;
    client->queue_all = UINT32_MAX;
    client_unwatch(client);
}

static void tell_executed(struct redis_client *client, enum exec_answer answer)
{
    const struct redis_hooks *hooks = &client->server->hooks;

    if (hooks->executed)
        hooks->executed(hooks->context, client, answer);
}

static void abort_exec(struct redis_client *client, const char *reason)
{
    buffer_put_format(&client->outbox, "-EXECABORT Transaction discarded because of: %s\r\n", reason);
    leave_multi(client);
    tell_executed(client, EXEC_ANSWER_REFUSED);
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static void refuse(struct redis_client *client, struct found found, const char *reason)
{
    if (found.command && is_exec(found)) {
        abort_exec(client, starts_with(reason, "ERR ") ? reason + 4 : reason);
        return;
    }
    client->refused = client->multi;
    resp_error(&client->outbox, reason);
}

/* A transaction that cannot succeed any more does not take up what is queued: EXEC then answers nil whatever has come over the server. */
static void note_flags(struct redis_client *client, unsigned flags)
{
    bool lost = client->refused;

    for (size_t i = 0; i < client->watches_count && !lost; i++)
        lost = client->watches[i].key->version != client->watches[i].version;
    if (lost)
        return;
    client->queue_any |= flags;
    client->queue_all &= flags;
}

static void enqueue(struct redis_client *client, struct found found, const struct bytes *args, size_t count, struct bytes raw)
{
    size_t at = client->queue.size;

    client->queued = room_for(client->queued, client->queued_count, &client->queued_room, sizeof *client->queued);
    client->queued[client->queued_count++] = (struct queued){found, at, raw.size, client->spans_count, count};
    buffer_put_bytes(&client->queue, raw);
    for (size_t i = 0; i < count; i++) {
        client->spans = room_for(client->spans, client->spans_count, &client->spans_room, sizeof *client->spans);
        client->spans[client->spans_count++] = (struct span){at + (size_t)(args[i].data - raw.data), args[i].size};
    }
    if (client->queued_count == 1 || (client->queue_any | found.command->flags) != client->queue_any ||
        (client->queue_all & found.command->flags) != client->queue_all)
        note_flags(client, found.command->flags);
    resp_status(&client->outbox, "QUEUED");
}

/* True when it changed something. */
static bool run_data(struct redis_client *client, const struct command *command, const struct bytes *args, size_t count, struct bytes raw)
{
    struct call call = {.keyspace = &client->server->data, .args = args, .count = count, .now_ms = server_clock(client->server),
                        .out = &client->outbox, .database = client->database};

    keyspace_run(&call, command);
    if (call.dirty)
        redis_journal_note(client->server, client->database, raw);
    return call.dirty != 0;
}

static void run(struct redis_client *client, struct found found, const struct bytes *args, size_t count, struct bytes raw)
{
    if (found.serve) {
        found.serve(client, args, count);
    } else if (run_data(client, found.command, args, count, raw)) {
        server_wrote(client->server);
        client->offset = client->server->position;
    }
    if (!found.serve && client->server->hooks.ran)
        client->server->hooks.ran(client->server->hooks.context, client, args, count);
    /* Until 7.2 whatever is run takes note of how far the server is. */
    if (client->server->data.major == 7 && client->server->data.minor < 2)
        client->offset = client->server->position;
}

/* Writes wait while the server is paused, an EXEC that holds one too. */
static bool must_wait(const struct redis_client *client, struct found found)
{
    unsigned flags = found.command->flags | (is_exec(found) ? client->queue_any : 0);

    return client->server->now < client->server->pause_until && flags & COMMAND_WRITE;
}

static void unknown(struct redis_client *client, struct bytes name)
{
    char text[256];

    snprintf(text, sizeof text, "ERR unknown command '%.*s'", (int)(name.size < NAME_SHOWN ? name.size : NAME_SHOWN), name.data);
    refuse(client, (struct found){NULL, NULL}, text);
}

static void wrong_count(struct redis_client *client, struct found found)
{
    char text[128], name[32];
    size_t i;

    for (i = 0; found.command->name[i]; i++)
        name[i] = (char)tolower((unsigned char)found.command->name[i]);
    name[i] = '\0';
    snprintf(text, sizeof text, "ERR wrong number of arguments for '%s' command", name);
    refuse(client, found, text);
}

void server_run(struct redis_client *client, const struct bytes *args, size_t count, struct bytes raw)
{
    struct found found = find(client->server, args[0]);
    const char *reason;

    if (!found.command) {
        unknown(client, args[0]);
    } else if (found.command->arity > 0 ? count != (size_t)found.command->arity : count < (size_t)-found.command->arity) {
        wrong_count(client, found);
    } else {
        if (is_exec(found) && client->multi && client->server->at_exec_waits) {
            client->server->trouble = client->server->at_exec;
            client->server->at_exec_waits = false;
        }
        reason = refusal(client, found);
        if (reason)
            refuse(client, found, reason);
        else if (must_wait(client, found))
            client->postponed = true;
        else if (client->multi && !(found.command->flags & COMMAND_NOW))
            enqueue(client, found, args, count, raw);
        else
            run(client, found, args, count, raw);
    }
}

void serve_multi(struct redis_client *client, const struct bytes *args, size_t count)
{
    (void)args;
    (void)count;
    if (client->multi) {
        resp_error(&client->outbox, "ERR MULTI calls can not be nested");
        return;
    }
    client->multi = true;
    client->queue_any = 0;
    client->queue_all = UINT32_MAX;
    client->queued_count = client->spans_count = 0;
    buffer_reset(&client->queue);
    resp_status(&client->outbox, "OK");
}

void serve_discard(struct redis_client *client, const struct bytes *args, size_t count)
{
    (void)args;
    (void)count;
    if (!client->multi) {
        resp_error(&client->outbox, "ERR DISCARD without MULTI");
        return;
    }
    leave_multi(client);
    resp_status(&client->outbox, "OK");
}

void serve_watch(struct redis_client *client, const struct bytes *args, size_t count)
{
    const struct redis_hooks *hooks = &client->server->hooks;
    struct table *database = &client->server->data.databases[client->database];

    if (client->multi) {
        resp_error(&client->outbox, "ERR WATCH inside MULTI is not allowed");
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct key *key = database_key(database, args[i], server_clock(client->server));

        client->watches = room_for(client->watches, client->watches_count, &client->watches_room, sizeof *client->watches);
        client->watches[client->watches_count++] = (struct watch){key, key->version, client->database};
    }
    if (hooks->watched)
        hooks->watched(hooks->context, client, args + 1, count - 1);
    resp_status(&client->outbox, "OK");
}

void serve_unwatch(struct redis_client *client, const struct bytes *args, size_t count)
{
    (void)args;
    (void)count;
    client_unwatch(client);
    resp_status(&client->outbox, "OK");
}

bool redis_client_watches(const struct redis_client *client, size_t i, struct bytes *key)
{
    if (i >= client->watches_count)
        return false;
    *key = entry_bytes(&client->watches[i].key->entry);
    return true;
}

/* A key whose time is over since is touched by looking at it. */
static bool watched_changed(const struct redis_client *client)
{
    struct redis_server *server = client->server;
    bool changed = false;

    for (size_t i = 0; i < client->watches_count && !changed; i++) {
        const struct watch *watch = &client->watches[i];

        if (watch->key->expires)
            database_key(&server->data.databases[watch->database], entry_bytes(&watch->key->entry), server_clock(server));
        changed = watch->key->version != watch->version;
    }
    return changed;
}

size_t redis_client_queued(const struct redis_client *client, size_t i, struct bytes *args, size_t max)
{
    const struct queued *queued = &client->queued[i];

    if (i >= client->queued_count)
        return 0;
    for (size_t a = 0; a < queued->args_count && a < max; a++) {
        struct span span = client->spans[queued->args_at + a];

        args[a] = (struct bytes){client->queue.data + span.at, span.size};
    }
    return queued->args_count;
}

size_t redis_client_queued_size(const struct redis_client *client, size_t i)
{
    return i < client->queued_count ? client->queued[i].args_count : 0;
}

/* Rights are asked again for each command of the queue: one that is not there any more leaves the others applied. */
static bool run_queued(struct redis_client *client, size_t i, bool *changed)
{
    struct redis_server *server = client->server;
    const struct queued *queued = &client->queued[i];
    struct bytes *args = server->args;
    size_t count = redis_client_queued(client, i, args, ARGS_MAX);

    if (server_denies(server, args[0]) || (server->trouble.torn && i + 1 == client->queued_count)) {
        resp_error(&client->outbox, "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call.");
        return false;
    }
    if (queued->found.serve)
        queued->found.serve(client, args, count);
    else if (run_data(client, queued->found.command, args, count, (struct bytes){client->queue.data + queued->at, queued->size}))
        *changed = true;
    return true;
}

static void run_queue(struct redis_client *client)
{
    bool changed = false, torn = false;

    client->executing = true;
    leave_multi(client);
    resp_array(&client->outbox, client->queued_count);
    for (size_t i = 0; i < client->queued_count; i++)
        torn |= !run_queued(client, i, &changed);
    client->executing = false;
    if (changed) {
        server_wrote(client->server);
        client->offset = client->server->position;
    }
    tell_executed(client, torn ? EXEC_ANSWER_TORN : EXEC_ANSWER_APPLIED);
}

void serve_exec(struct redis_client *client, const struct bytes *args, size_t count)
{
    (void)args;
    (void)count;
    if (!client->multi) {
        resp_error(&client->outbox, "ERR EXEC without MULTI");
    } else if (client->refused) {
        leave_multi(client);
        resp_error(&client->outbox, "EXECABORT Transaction discarded because of previous errors.");
        tell_executed(client, EXEC_ANSWER_REFUSED);
    } else if (client->server->trouble.exec_reply) {
        leave_multi(client);
        resp_error(&client->outbox, client->server->trouble.exec_reply);
        tell_executed(client, EXEC_ANSWER_REFUSED);
    } else if (watched_changed(client)) {
        leave_multi(client);
        resp_nil_array(&client->outbox);
        tell_executed(client, EXEC_ANSWER_NIL);
    } else {
        run_queue(client);
    }
}

void redis_client_disturb(struct redis_client *client, const char *but)
{
    size_t size = strlen(but);

    for (size_t i = 0; i < client->watches_count; i++) {
        struct entry *entry = &client->watches[i].key->entry;

        if (entry->size < size || memcmp(entry->name, but, size) != 0)
            client->watches[i].key->version++;
    }
}
