/* What the server has written so far: who else has it, and the way back to an older state.
 *
 * The journal keeps the commands that changed something, each with the server's clock at the time. The model draws nothing at random, so
 * running them again from where the journal began gives the same state. */
#include <stdio.h>
#include <stdlib.h>

#include "fake/redis_server_inside.h"

enum { JOURNAL_MEMORY = 1 << 30 };

/* A command that changed something. */
struct change {
    int64_t position;          /* of its transaction */
    int64_t clock;
    int database;
    size_t at, size;           /* in the journal's bytes */
};

struct journal {
    struct keyspace base;
    int64_t from;              /* the position of the base */
    struct buffer bytes;
    struct change *changes;
    size_t count, room;
};

int64_t server_clock(const struct redis_server *server)
{
    return server->now + server->skew_ms;
}

void redis_journal_note(struct redis_server *server, int database, struct bytes raw)
{
    struct journal *journal = server->journal;

    if (!journal)
        return;
    journal->changes = room_for(journal->changes, journal->count, &journal->room, sizeof *journal->changes);
    journal->changes[journal->count++] = (struct change){server->position + 1, server_clock(server), database, journal->bytes.size, raw.size};
    buffer_put_bytes(&journal->bytes, raw);
}

void redis_journal_free(struct redis_server *server)
{
    if (!server->journal)
        return;
    keyspace_deinit(&server->journal->base);
    buffer_deinit(&server->journal->bytes);
    free(server->journal->changes);
    free(server->journal);
    server->journal = NULL;
}

void redis_server_keep_journal(struct redis_server *server)
{
    struct journal *journal = calloc(1, sizeof *journal);

    ASSERT(journal);
    redis_journal_free(server);
    keyspace_copy(&journal->base, &server->data);
    journal->from = server->position;
    buffer_init(&journal->bytes, JOURNAL_MEMORY);
    server->journal = journal;
}

int64_t redis_server_position(const struct redis_server *server)
{
    return server->position;
}

void server_wrote(struct redis_server *server)
{
    server->position++;
    if (!server->replicas_count)
        return;
    server->stamps = room_for(server->stamps, server->stamps_count, &server->stamps_room, sizeof *server->stamps);
    server->stamps[server->stamps_count++] = (struct stamp){server->position, server->now};
}

int64_t redis_server_replica_position(struct redis_server *server, size_t i)
{
    struct redis_replica *replica = &server->replicas[i];

    if (replica->lag_ms == 0) {
        replica->position = server->position;
        replica->seen = server->stamps_count;
    }
    for (; replica->lag_ms > 0 && replica->seen < server->stamps_count; replica->seen++) {
        const struct stamp *stamp = &server->stamps[replica->seen];

        if (stamp->at + replica->lag_ms > server->now)
            break;
        replica->position = stamp->position;
    }
    return replica->position;
}

int64_t server_acks(struct redis_server *server, int64_t offset)
{
    int64_t count = 0;

    for (size_t i = 0; i < server->replicas_count; i++)
        count += redis_server_replica_position(server, i) >= offset;
    return count;
}

int64_t server_next_ack(const struct redis_server *server)
{
    int64_t next = INT64_MAX;

    for (size_t i = 0; i < server->replicas_count; i++) {
        const struct redis_replica *replica = &server->replicas[i];

        if (replica->lag_ms > 0 && replica->seen < server->stamps_count && server->stamps[replica->seen].at + replica->lag_ms < next)
            next = server->stamps[replica->seen].at + replica->lag_ms;
    }
    return next;
}

static void answer(struct redis_client *client, int64_t acks)
{
    client->waits = false;
    if (client->wait_file) {
        resp_array(&client->outbox, 2);
        resp_int(&client->outbox, 1);
        resp_int(&client->outbox, 0);
    } else {
        resp_int(&client->outbox, acks);
    }
    client->marks = room_for(client->marks, client->marks_count, &client->marks_room, sizeof *client->marks);
    client->marks[client->marks_count++] = (struct mark){client->outbox.size, client->server->now};
}

void server_answer_waiting(struct redis_server *server)
{
    for (size_t i = 0; i < server->clients_count; i++) {
        struct redis_client *client = server->clients[i];
        int64_t acks = client->waits ? server_acks(server, client->offset) : 0;

        if (client->waits && (acks >= client->wait_replicas || server->now >= client->wait_until))
            answer(client, acks);
    }
}

/* All up to that position once more, on a server of its own, which the caller ends. Returns how many changes that were. */
static size_t run_again(const struct redis_server *server, int64_t position, struct redis_server *mute)
{
    const struct journal *journal = server->journal;
    struct redis_client *client;
    size_t count = 0;

    *mute = (struct redis_server){.data = {.major = server->data.major, .minor = server->data.minor}};
    redis_server_init(mute, server->data.major, server->data.minor);
    keyspace_copy(&mute->data, &journal->base);
    client = redis_server_connect(mute, NULL);
    for (; count < journal->count && journal->changes[count].position <= position; count++) {
        const struct change *change = &journal->changes[count];

        mute->skew_ms = change->clock;      /* which may go back; the server's own time stands still */
        client->database = change->database;
        redis_client_write(client, (struct bytes){journal->bytes.data + change->at, change->size}, 0);
        redis_server_serve(mute, 0);
        redis_client_take(client);
    }
    return count;
}

void redis_server_look_back(const struct redis_server *server, int64_t position, struct keyspace *out)
{
    struct redis_server mute;

    ASSERT(server->journal && position >= server->journal->from && position <= server->position);
    (void)run_again(server, position, &mute);
    keyspace_copy(out, &mute.data);
    redis_server_deinit(&mute);
}

static void replay(struct redis_server *server, int64_t position)
{
    struct journal *journal = server->journal;
    struct redis_server mute;
    size_t count = run_again(server, position, &mute);

    journal->bytes.size = count < journal->count ? journal->changes[count].at : journal->bytes.size;
    journal->count = count;
    keyspace_flush(&server->data);
    keyspace_copy(&server->data, &mute.data);
    redis_server_deinit(&mute);
}

/* Whoever waits is told that the server has become another one, and is closed. */
static void unblock_waiting(struct redis_server *server)
{
    for (size_t i = server->clients_count; i-- > 0;) {
        struct redis_client *client = server->clients[i];

        if (!client->waits)
            continue;
        resp_error(&client->outbox, "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)");
        client->marks = room_for(client->marks, client->marks_count, &client->marks_room, sizeof *client->marks);
        client->marks[client->marks_count++] = (struct mark){client->outbox.size, server->now};
        redis_server_close(server, client);
    }
}

void redis_server_resync(struct redis_server *server, int64_t position)
{
    ASSERT(server->journal && position >= server->journal->from && position <= server->position);
    unblock_waiting(server);
    replay(server, position);
    server->position = position;
    server->stamps_count = 0;
    for (size_t i = 0; i < server->replicas_count; i++)
        server->replicas[i] = (struct redis_replica){server->replicas[i].lag_ms, position, 0};
    snprintf(server->replid, sizeof server->replid, "replid-%llu", (unsigned long long)server->next_order++);
}

void redis_server_restore(struct redis_server *server, int64_t position)
{
    redis_server_resync(server, position);
    snprintf(server->run_id, sizeof server->run_id, "run-%llu", (unsigned long long)server->next_order++);
}

void redis_server_reload(struct redis_server *server)
{
    for (size_t i = 0; i < DATABASES; i++)
        TABLE_EACH (&server->data.databases[i], entry) {
            struct key *key = (struct key *)entry;

            key->version += key->type != KEY_NONE;
        }
}
