/* The daemon's connection to the fake server. In a story everything arrives at once, command by command, and EXEC is where the script's
 * faults happen; in the simulator each write has its passage. The trace says what was watched and executed. */
#include "seam/redis_link.h"

#include <stdlib.h>
#include <string.h>

#include "fake/redis_trace.h"
#include "fake/resp.h"
#include "fake/world.h"

enum { ARGS_MAX = 4096, EXEC_TAIL = 100 };

static const char torn_or_full[] = "OOM command not allowed when used memory > 'maxmemory'.";

struct redis_link {
    struct node *node;
    struct redis_client *client;   /* NULL: the connection is broken */
    int timeout_ms;
    int64_t back_ms;
    bool silent, cut;              /* nothing comes back any more; nothing gets there any more */
    size_t taken, exec_reply;      /* replies so far, and which of them, counted from one, is EXEC's */
};

static void executed(void *context, struct redis_client *client, enum exec_answer answer)
{
    struct node *node = redis_client_context(client);
    struct redis_link *link = node ? node->link : NULL;
    bool late = !link || link->client != client;

    (void)context;
    if (world->executed)
        world->executed(node, client, answer, late);
    if (!late)
        link->exec_reply = link->taken + redis_client_replies(client) + 1;
    world->exec_answer = redis_trace_answer(answer);
    if (node && !redis_trace_is_selftest(client))
        redis_trace_exec(node, client, world->exec_note ? world->exec_note : world->exec_answer, late);
}

static void watched(void *context, struct redis_client *client, const struct bytes *keys, size_t count)
{
    (void)context;
    if (redis_client_context(client))
        redis_trace_watch(redis_client_context(client), keys, count);
}

void world_listen(void)
{
    world->redis.hooks.watched = watched;
    world->redis.hooks.executed = executed;
}

int redis_link_open(struct redis_link **out, const struct redis_link_options *options, struct error_text *error)
{
    struct node *node = world_node(options->address);
    struct redis_link *link;

    if (!world_arrow(node, ARROW_CONNECT) || world->redis_away)
        return error_set(error, -ECONNREFUSED, "nobody listens");
    link = calloc(1, sizeof *link);
    ASSERT(link);
    link->node = node;
    link->node->link = link;
    link->timeout_ms = options->command_timeout_ms;
    link->client = redis_server_connect(&world->redis, node);
    *out = link;
    return 0;
}

static void break_link(struct redis_link *link)
{
    if (link->client)
        redis_client_hangup(link->client);
    link->client = NULL;
}

struct redis_link *redis_link_close(struct redis_link *link)
{
    if (!link)
        return NULL;
    break_link(link);
    if (link->node->link == link)
        link->node->link = NULL;
    free(link);
    return NULL;
}

static void serve(void)
{
    redis_server_serve(&world->redis, world->now);
}

/* One whole command arrives and is run. */
static void arrive(struct redis_link *link, struct bytes command)
{
    redis_client_write(link->client, command, world->now);
    serve();
}

static void lose(struct redis_link *link, struct bytes exec, bool late)
{
    trace(link->node, "exec", "-> lost on its way");
    if (late && !world->late) {      /* one at a time; another one is lost */
        redis_client_write(link->client, exec, INT64_MAX);
        redis_client_set_context(link->client, NULL);
        world->late = redis_client_id(link->client);
    }
    break_link(link);
}

static void story_exec(struct redis_link *link, struct bytes exec)
{
    struct redis_trouble *trouble = &world->redis.trouble;
    enum fault fault;

    if (redis_trace_is_selftest(link->client)) {
        arrive(link, exec);
        return;
    }
    world->execs++;
    if (world->before_exec)
        world->before_exec(world->execs);
    world->now++;
    fault = world_fault(world->execs);
    if (!world_arrow(link->node, ARROW_EXEC)) {
        break_link(link);
        return;
    }
    if (fault == FAULT_LOST_BEFORE || fault == FAULT_LATE) {
        lose(link, exec, fault == FAULT_LATE);
        return;
    }
    if (fault == FAULT_CONFLICT)
        redis_client_disturb(link->client, "orderd:");
    trouble->exec_reply = fault == FAULT_REFUSED ? torn_or_full : NULL;
    trouble->torn = fault == FAULT_TORN;
    world->exec_note = fault == FAULT_LOST_AFTER ? "applied, reply lost" : NULL;
    arrive(link, exec);
    trouble->exec_reply = world->exec_note = NULL;
    trouble->torn = false;
    if (fault == FAULT_LOST_AFTER || !world_arrow(link->node, ARROW_EXECUTED))
        break_link(link);
}

static void story_command(struct redis_link *link, const struct bytes *args, struct bytes command)
{
    if (bytes_equal_text(args[0], "EXEC")) {
        story_exec(link, command);
        return;
    }
    if (bytes_equal_text(args[0], "WAIT"))
        trace(link->node, "wait", "%zu", world->redis.replicas_count);
    arrive(link, command);
}

static void story_send(struct redis_link *link, struct bytes bytes)
{
    const char *at = bytes.data, *end = bytes.data + bytes.size, *start = at;
    struct bytes *args = malloc(ARGS_MAX * sizeof *args);

    ASSERT(args);
    while (link->client && resp_command(args, ARGS_MAX, &at, end)) {
        story_command(link, args, (struct bytes){start, (size_t)(at - start)});
        start = at;
    }
    free(args);
}

/* A question for durability may follow it. */
static bool has_exec_at_end(struct bytes bytes)
{
    static const char exec[] = "$4\r\nEXEC\r\n";
    size_t tail = bytes.size < EXEC_TAIL ? bytes.size : EXEC_TAIL;

    return memmem(bytes.data + bytes.size - tail, tail, exec, sizeof exec - 1) != NULL;
}

static void pass(struct redis_link *link, struct bytes bytes)
{
    bool has_exec = has_exec_at_end(bytes);
    struct passage passage = world->passage(link->node, has_exec);

    link->back_ms = passage.back_ms;
    link->silent |= passage.silent;
    if (passage.cut && passage.cut_at < bytes.size)
        bytes.size = passage.cut_at;
    if (!link->cut)
        redis_client_write(link->client, bytes, world->now + passage.there_ms);
    link->cut |= passage.cut;
    if (has_exec)
        world->execs++;
    /* A silent one is held open, so that the node waits; what it sends meanwhile gets nowhere. */
    if ((has_exec && !world_arrow(link->node, ARROW_EXEC)) || passage.reset || (passage.cut && !passage.silent))
        break_link(link);
}

int redis_link_send(struct redis_link *link, struct bytes bytes, struct error_text *error)
{
    if (!world_arrow(link->node, ARROW_SEND) || !link->client || world->redis_away)
        return error_set(error, -ECONNRESET, "the connection is broken");
    if (world->passage)
        pass(link, bytes);
    else
        story_send(link, bytes);
    return 0;
}

bool redis_link_has_ended(const struct redis_link *link)
{
    return !link->client || (!link->silent && !redis_client_is_open(link->client));
}

/* Waits until the next reply is there. */
static int await(struct redis_link *link, struct bytes *reply)
{
    int64_t deadline = world->now + link->timeout_ms, at;

    for (;;) {
        int64_t next;

        serve();
        if (!link->silent && redis_client_reply(link->client, reply, &at)) {
            if (at + link->back_ms <= world->now)
                return 0;
            next = at + link->back_ms;
        } else if (!link->silent && !redis_client_is_open(link->client)) {
            return -ECONNRESET;
        } else {
            next = redis_server_next(&world->redis);
        }
        if (world->now >= deadline)
            return -ETIMEDOUT;
        next = next < deadline ? next : deadline;
        world_wait(link->node, next > world->now ? next - world->now : 1);
        if (link->node->dead || !link->client)
            return -ECONNRESET;
    }
}

int redis_link_receive(struct redis_link *link, struct arena *arena, struct reply **out, struct error_text *error)
{
    struct bytes reply;
    const char *at;
    int r;

    if (!world_arrow(link->node, ARROW_RECEIVE) || !link->client)
        return error_set(error, -ECONNRESET, "the connection is broken");
    r = await(link, &reply);
    if (r) {
        break_link(link);
        return error_set(error, r, r == -ETIMEDOUT ? "no answer in time" : "the connection is broken");
    }
    at = reply.data;
    *out = resp_read(arena, &at);
    redis_client_take(link->client);
    link->taken++;
    if (world->passage && link->taken == link->exec_reply && !world_arrow(link->node, ARROW_EXECUTED)) {
        break_link(link);
        return error_set(error, -ECONNRESET, "the connection is broken");
    }
    return *out ? 0 : error_set(error, -ENOBUFS, "a reply is larger than the memory for it");
}

const char *world_late(void)
{
    struct redis_client *client = redis_server_client(&world->redis, world->late);

    world->late = 0;
    if (!client)
        return "killed";
    redis_client_arrive(client, world->now);
    serve();
    return world->exec_answer;
}
