/* Commands that are about the server and the connection. */
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "fake/redis_server_inside.h"

static void ok(struct redis_client *client, const struct bytes *args, size_t count)
{
    (void)args;
    (void)count;
    resp_status(&client->outbox, "OK");
}

static void ping(struct redis_client *client, const struct bytes *args, size_t count)
{
    if (count > 2)
        resp_error(&client->outbox, "ERR wrong number of arguments for 'ping' command");
    else if (count == 2)
        resp_bulk(&client->outbox, args[1]);
    else
        resp_status(&client->outbox, "PONG");
}

static void echo(struct redis_client *client, const struct bytes *args, size_t count)
{
    (void)count;
    resp_bulk(&client->outbox, args[1]);
}

static void selectdb(struct redis_client *client, const struct bytes *args, size_t count)
{
    int64_t database;

    (void)count;
    if (!number_parse(args[1], &database)) {
        resp_error(&client->outbox, "ERR value is not an integer or out of range");
    } else if (database < 0 || database >= DATABASES) {
        resp_error(&client->outbox, "ERR DB index is out of range");
    } else {
        client->database = (int)database;
        resp_status(&client->outbox, "OK");
    }
}

static void server_time(struct redis_client *client, const struct bytes *args, size_t count)
{
    char text[NUMBER_TEXT_MAX];
    int64_t now = server_clock(client->server);

    (void)args;
    (void)count;
    resp_array(&client->outbox, 2);
    resp_bulk(&client->outbox, (struct bytes){text, number_format(text, now / 1000)});
    resp_bulk(&client->outbox, (struct bytes){text, number_format(text, now % 1000 * 1000)});
}

static const char *role_of(const struct redis_server *server)
{
    return server->trouble.conditions & (CONDITION_READONLY | CONDITION_MASTERDOWN) ? "slave" : "master";
}

static void info(struct redis_client *client, const struct bytes *args, size_t count)
{
    const struct redis_server *server = client->server;
    bool all = count == 1;
    char text[512];
    int size = 0;

    if (all || is_word(args[1], "server"))
        size += snprintf(text, sizeof text, "# Server\r\nredis_version:%d.%d.%d\r\nrun_id:%s\r\n", server->data.major, server->data.minor,
                         server->data.major == 7 && server->data.minor == 0 ? 15 : 2, server->run_id);
    if (all || is_word(args[1], "replication"))
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "%s# Replication\r\nrole:%s\r\nconnected_slaves:%zu\r\nmaster_replid:%s\r\nmaster_repl_offset:%lld\r\n", size ? "\r\n" : "",
                         role_of(server), server->replicas_count, server->replid, (long long)server->position);
    resp_bulk(&client->outbox, (struct bytes){text, (size_t)size});
}

static void role(struct redis_client *client, const struct bytes *args, size_t count)
{
    const struct redis_server *server = client->server;
    bool master = role_of(server)[0] == 'm';

    (void)args;
    (void)count;
    resp_array(&client->outbox, master ? 3 : 5);
    resp_bulk(&client->outbox, bytes_of(role_of(server)));
    if (!master) {
        resp_bulk(&client->outbox, bytes_of("elsewhere"));
        resp_int(&client->outbox, 6379);
        resp_bulk(&client->outbox, bytes_of(server->trouble.conditions & CONDITION_MASTERDOWN ? "connect" : "connected"));
    }
    resp_int(&client->outbox, server->position);
    if (master)
        resp_array(&client->outbox, 0);
}

static void config(struct redis_client *client, const struct bytes *args, size_t count)
{
    static const char *const values[][2] = {{"maxmemory-policy", "noeviction"}, {"appendonly", "no"}, {"appendfsync", "everysec"},
                                            {"no-appendfsync-on-rewrite", "no"}, {"save", ""}};

    if (!is_word(args[1], "GET") || count != 3) {
        resp_error(&client->outbox, "ERR unknown subcommand. Try CONFIG HELP.");
        return;
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (is_word(args[2], values[i][0])) {
            resp_array(&client->outbox, 2);
            resp_bulk(&client->outbox, args[2]);
            resp_bulk(&client->outbox, bytes_of(client->server->config[i] ? client->server->config[i] : values[i][1]));
            return;
        }
    resp_array(&client->outbox, 0);
}

/* Nobody kills himself by his id. */
static void client_kill(struct redis_client *client, const struct bytes *args)
{
    struct redis_server *server = client->server;
    struct redis_client *other;
    int64_t id;

    if (!is_word(args[2], "ID") || !number_parse(args[3], &id) || id < 1) {
        resp_error(&client->outbox, is_word(args[2], "ID") ? "ERR client-id should be greater than 0" : "ERR syntax error");
        return;
    }
    other = server->kill_misses ? NULL : redis_server_client(server, id);
    if (other && other != client)
        redis_server_close(server, other);
    resp_int(&client->outbox, other && other != client);
}

static void client(struct redis_client *client, const struct bytes *args, size_t count)
{
    if (is_word(args[1], "ID") && count == 2)
        resp_int(&client->outbox, client->id);
    else if (is_word(args[1], "KILL") && count == 4)
        client_kill(client, args);
    else if ((is_word(args[1], "SETNAME") || is_word(args[1], "NO-EVICT")) && count == 3)
        resp_status(&client->outbox, "OK");
    else
        resp_error(&client->outbox, "ERR unknown subcommand or wrong number of arguments. Try CLIENT HELP.");
}

static void acl(struct redis_client *client, const struct bytes *args, size_t count)
{
    if (is_word(args[1], "WHOAMI"))
        resp_bulk(&client->outbox, bytes_of("default"));
    else if (is_word(args[1], "DRYRUN") && count > 3 && server_denies(client->server, args[3]))
        resp_bulk(&client->outbox, bytes_of("User has no permissions to run this command"));
    else
        resp_status(&client->outbox, "OK");
}

/* Blocks until enough replicas have what this connection wrote. */
static void wait_for(struct redis_client *client, int64_t replicas, int64_t ms)
{
    client->waits = true;
    client->wait_replicas = replicas;
    client->wait_until = ms ? client->server->now + ms : INT64_MAX;
}

static void wait_replicas(struct redis_client *client, const struct bytes *args, size_t count)
{
    struct redis_server *server = client->server;
    int64_t wanted, ms;

    (void)count;
    if (server->trouble.conditions & (CONDITION_READONLY | CONDITION_MASTERDOWN)) {
        resp_error(&client->outbox, "ERR WAIT cannot be used with replica instances.");
    } else if (!number_parse(args[1], &wanted)) {
        resp_error(&client->outbox, "ERR value is not an integer or out of range");
    } else if (!number_parse(args[2], &ms)) {
        resp_error(&client->outbox, "ERR timeout is not an integer or out of range");
    } else if (ms < 0) {
        resp_error(&client->outbox, "ERR timeout is negative");
    } else if (client->executing || server_acks(server, client->offset) >= wanted) {
        resp_int(&client->outbox, server_acks(server, client->offset));
    } else {
        client->wait_file = false;
        wait_for(client, wanted, ms);
    }
}

static bool keeps_file(const struct redis_server *server)
{
    return server->config[1] && strcmp(server->config[1], "yes") == 0;
}

/* A file is written as soon as the command is run. */
static void wait_file(struct redis_client *client, const struct bytes *args, size_t count)
{
    const struct redis_server *server = client->server;
    int64_t local, replicas, ms;

    (void)count;
    if (server->data.major == 7 && server->data.minor < 2) {
        resp_error(&client->outbox, "ERR unknown command 'WAITAOF'");
    } else if (!number_parse(args[1], &local) || !number_parse(args[2], &replicas) || !number_parse(args[3], &ms)) {
        resp_error(&client->outbox, "ERR value is not an integer or out of range");
    } else if (local < 0 || local > 1) {
        resp_error(&client->outbox, "ERR value is out of range, must be between 0 and 1");
    } else if (local && !keeps_file(server)) {
        resp_error(&client->outbox, "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.");
    } else if (client->executing || !replicas) {
        resp_array(&client->outbox, 2);
        resp_int(&client->outbox, keeps_file(server));
        resp_int(&client->outbox, 0);
    } else {
        client->wait_file = true;
        wait_for(client, INT64_MAX, ms);
    }
}

enum { ALWAYS = COMMAND_STALE | COMMAND_LOADING };

const struct server_command server_commands[] = {
    {{"MULTI", 1, ALWAYS | COMMAND_NOW | COMMAND_BUSY, KEY_NONE, NULL}, serve_multi},
    {{"EXEC", 1, ALWAYS | COMMAND_NOW, KEY_NONE, NULL}, serve_exec},
    {{"DISCARD", 1, ALWAYS | COMMAND_NOW | COMMAND_BUSY, KEY_NONE, NULL}, serve_discard},
    {{"WATCH", -2, ALWAYS | COMMAND_NOW | COMMAND_BUSY, KEY_NONE, NULL}, serve_watch},
    {{"UNWATCH", 1, ALWAYS | COMMAND_BUSY, KEY_NONE, NULL}, serve_unwatch},
    {{"PING", -1, 0, KEY_NONE, NULL}, ping},
    {{"ECHO", 2, ALWAYS, KEY_NONE, NULL}, echo},
    {{"SELECT", 2, ALWAYS, KEY_NONE, NULL}, selectdb},
    {{"AUTH", -2, ALWAYS | COMMAND_BUSY, KEY_NONE, NULL}, ok},
    {{"TIME", 1, ALWAYS, KEY_NONE, NULL}, server_time},
    {{"INFO", -1, ALWAYS, KEY_NONE, NULL}, info},
    {{"ROLE", 1, ALWAYS, KEY_NONE, NULL}, role},
    {{"CONFIG", -2, ALWAYS, KEY_NONE, NULL}, config},
    {{"CLIENT", -2, ALWAYS, KEY_NONE, NULL}, client},
    {{"ACL", -2, ALWAYS, KEY_NONE, NULL}, acl},
    {{"WAIT", 3, 0, KEY_NONE, NULL}, wait_replicas},
    {{"WAITAOF", 4, 0, KEY_NONE, NULL}, wait_file},
    {{NULL, 0, 0, KEY_NONE, NULL}, NULL},
};
