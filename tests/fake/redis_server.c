#include "fake/redis_server.h"

#include <stdio.h>
#include <stdlib.h>

#include "fake/redis_server_inside.h"

void *room_for(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? 2 * *room : 16;
    array = realloc(array, *room * size);
    ASSERT(array);
    return array;
}

void redis_server_init(struct redis_server *server, int major, int minor)
{
    memset(server, 0, sizeof *server);
    server->data.major = major;
    server->data.minor = minor;
    strcpy(server->run_id, "run-1");
    strcpy(server->replid, "replid-1");
    server->args = malloc(ARGS_MAX * sizeof *server->args);
    ASSERT(server->args);
    server_index(server);
}

static void client_free(struct redis_client *client)
{
    buffer_deinit(&client->inbox);
    buffer_deinit(&client->outbox);
    buffer_deinit(&client->queue);
    free(client->arrivals);
    free(client->marks);
    free(client->queued);
    free(client->spans);
    free(client->watches);
    free(client);
}

void redis_server_deinit(struct redis_server *server)
{
    for (size_t i = 0; i < server->clients_count; i++)
        client_free(server->clients[i]);
    free(server->clients);
    free(server->args);
    free(server->index);
    free(server->stamps);
    redis_journal_free(server);
    keyspace_deinit(&server->data);
}

struct redis_client *redis_server_connect(struct redis_server *server, void *context)
{
    struct redis_client *client = calloc(1, sizeof *client);

    ASSERT(client);
    client->server = server;
    client->context = context;
    client->id = ++server->next_id;
    buffer_init(&client->inbox, CLIENT_MEMORY);
    buffer_init(&client->outbox, CLIENT_MEMORY);
    buffer_init(&client->queue, CLIENT_MEMORY);
    server->clients = room_for(server->clients, server->clients_count, &server->clients_room, sizeof(struct redis_client *));
    return server->clients[server->clients_count++] = client;
}

/* Nobody holds it any more. */
static void client_forget(struct redis_client *client)
{
    struct redis_server *server = client->server;

    for (size_t i = 0; i < server->clients_count; i++)
        if (server->clients[i] == client) {
            server->clients[i] = server->clients[--server->clients_count];
            break;
        }
    client_free(client);
}

static bool on_its_way(const struct redis_client *client)
{
    return client->arrivals_head < client->arrivals_count;
}

void redis_client_write(struct redis_client *client, struct bytes bytes, int64_t at)
{
    if (client->closed || !bytes.size)
        return;
    if (!on_its_way(client))
        client->arrivals_head = client->arrivals_count = 0;
    else if (client->arrivals[client->arrivals_count - 1].at > at)
        at = client->arrivals[client->arrivals_count - 1].at;
    if (client->taken == client->inbox.size) {
        buffer_reset(&client->inbox);
        client->taken = 0;
    }
    buffer_put_bytes(&client->inbox, bytes);
    client->arrivals = room_for(client->arrivals, client->arrivals_count, &client->arrivals_room, sizeof *client->arrivals);
    client->arrivals[client->arrivals_count++] = (struct arrival){client->inbox.size, at, client->server->next_order++};
}

void redis_client_arrive(struct redis_client *client, int64_t at)
{
    for (size_t i = client->arrivals_head; i < client->arrivals_count; i++)
        client->arrivals[i].at = at;
}

bool redis_client_reply(const struct redis_client *client, struct bytes *reply, int64_t *at)
{
    const struct mark *mark = &client->marks[client->marks_head];

    if (client->marks_head == client->marks_count)
        return false;
    *reply = (struct bytes){client->outbox.data + client->given, mark->end - client->given};
    *at = mark->at;
    return true;
}

void redis_client_take(struct redis_client *client)
{
    client->given = client->marks[client->marks_head++].end;
    if (client->marks_head < client->marks_count)
        return;
    client->marks_head = client->marks_count = 0;
    client->given = 0;
    buffer_reset(&client->outbox);
}

size_t redis_client_replies(const struct redis_client *client)
{
    return client->marks_count - client->marks_head;
}

bool redis_client_is_open(const struct redis_client *client)
{
    return !client->closed;
}

int64_t redis_client_id(const struct redis_client *client)
{
    return client->id;
}

struct redis_client *redis_server_client(const struct redis_server *server, int64_t id)
{
    for (size_t i = 0; i < server->clients_count; i++)
        if (server->clients[i]->id == id && !server->clients[i]->closed)
            return server->clients[i];
    return NULL;
}

struct redis_server *redis_client_server(const struct redis_client *client)
{
    return client->server;
}

void *redis_client_context(const struct redis_client *client)
{
    return client->context;
}

void redis_client_set_context(struct redis_client *client, void *context)
{
    client->context = context;
}

void redis_client_hangup(struct redis_client *client)
{
    client->hung_up = true;
    /* One that is blocked is found closed at once, and with it goes what it had sent. */
    if (!client->running && (!on_its_way(client) || client->closed || client->waits || client->postponed))
        client_forget(client);
}

void redis_server_close(struct redis_server *server, struct redis_client *client)
{
    (void)server;
    client->closed = true;
    client->waits = client->postponed = client->multi = false;
    client->arrivals_head = client->arrivals_count = 0;
    client->taken = client->inbox.size;
    client_unwatch(client);
    if (client->hung_up && !client->running)
        client_forget(client);
}

void redis_server_close_all(struct redis_server *server)
{
    for (size_t i = server->clients_count; i-- > 0;)
        redis_server_close(server, server->clients[i]);
}

/* Whose turn it is: the one whose bytes have come first. */
static struct redis_client *next_client(const struct redis_server *server, int64_t now)
{
    const struct arrival *first = NULL;
    struct redis_client *found = NULL;

    for (size_t i = 0; i < server->clients_count; i++) {
        struct redis_client *client = server->clients[i];
        const struct arrival *arrival = &client->arrivals[client->arrivals_head];

        if (!on_its_way(client) || arrival->at > now || client->waits || client->running ||
            (client->postponed && now < server->pause_until))
            continue;
        if (!first || arrival->at < first->at || (arrival->at == first->at && arrival->order < first->order)) {
            first = arrival;
            found = client;
        }
    }
    return found;
}

/* Nothing whole ends within what has arrived: the next arrival may complete it. */
static void await_more(struct redis_client *client)
{
    client->arrivals_head++;
    if (client->hung_up && !on_its_way(client))
        client_forget(client);
}

static void put_mark(struct redis_client *client)
{
    size_t before = client->marks_count ? client->marks[client->marks_count - 1].end : 0;
    size_t limit = client->server->trouble.output_limit;

    if (client->outbox.size == before)
        return;
    if (limit && client->outbox.size - before > limit) {
        client->outbox.size = before;
        client->closed = true;
        return;
    }
    client->marks = room_for(client->marks, client->marks_count, &client->marks_room, sizeof *client->marks);
    client->marks[client->marks_count++] = (struct mark){client->outbox.size, client->server->now};
}

static void run_next(struct redis_client *client)
{
    struct redis_server *server = client->server;
    const struct arrival *arrival = &client->arrivals[client->arrivals_head];
    const char *start = client->inbox.data + client->taken, *at = start;
    size_t count = resp_command(server->args, ARGS_MAX, &at, client->inbox.data + arrival->end);

    if (server->trouble.query_limit && (size_t)((count ? at : client->inbox.data + arrival->end) - start) > server->trouble.query_limit) {
        redis_server_close(server, client);
        return;
    }
    if (!count) {
        await_more(client);
        return;
    }
    client->running = true;
    client->postponed = false;
    server_run(client, server->args, count, (struct bytes){start, (size_t)(at - start)});
    client->running = false;
    put_mark(client);
    if (client->closed) {
        redis_server_close(server, client);
    } else if (!client->postponed) {
        client->taken += (size_t)(at - start);
        client->arrivals_head += client->taken == client->arrivals[client->arrivals_head].end;
        if (client->hung_up && (!on_its_way(client) || client->waits))
            client_forget(client);
    } else if (client->hung_up) {
        client_forget(client);
    }
}

/* Lets others go before the client's next command. */
static void let_others_go(struct redis_client *client)
{
    struct redis_server *server = client->server;

    client->running = true;      /* it is not its turn until they are done */
    server->hooks.before(server->hooks.context, client);
    client->running = false;
    if (client->hung_up && (client->closed || !on_its_way(client)))
        client_forget(client);
}

/* A command is run when it arrives, however late the server is served; not before what was run already. */
static void move_clock(struct redis_server *server, const struct redis_client *client, int64_t now)
{
    int64_t at = client->postponed ? now : client->arrivals[client->arrivals_head].at;

    server->now = at > server->now ? at : server->now;
}

void redis_server_serve(struct redis_server *server, int64_t now)
{
    struct redis_client *client;

    while (!server->frozen) {
        server_answer_waiting(server);
        client = next_client(server, now);
        if (client && server->hooks.before) {
            let_others_go(client);
            client = server->frozen ? NULL : next_client(server, now);
        }
        if (!client)
            break;
        move_clock(server, client, now);
        run_next(client);
    }
    server->now = now > server->now ? now : server->now;
    if (!server->frozen)
        server_answer_waiting(server);
}

int64_t redis_server_next(const struct redis_server *server)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < server->clients_count && !server->frozen; i++) {
        const struct redis_client *client = server->clients[i];
        int64_t at = client->waits ? client->wait_until : !on_its_way(client) ? INT64_MAX : client->postponed ? server->pause_until
            : client->arrivals[client->arrivals_head].at;

        if (client->waits && server_next_ack(server) < at)
            at = server_next_ack(server);
        next = at < next ? at : next;
    }
    return next;
}
