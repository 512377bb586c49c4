/* A connection to the fake server: commands are run as they are sent, and their replies wait to be received. WATCH compares versions;
 * EXEC is where the script's faults happen, and where the trace says what was done. */
#include "seam/redis_link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "fake/resp.h"
#include "fake/world.h"

enum { ARGS_MAX = 2048, WATCHES_MAX = 2048, MEMORY = 64 << 20 };

struct watch {
    struct key *key;
    uint64_t version;
};

struct redis_link {
    struct node *node;
    int64_t id;
    struct buffer replies;       /* not received yet, from `received` on */
    size_t received;
    bool broken;
    bool multi, refused;         /* between MULTI and EXEC; a command was refused there */
    struct buffer queue;         /* the commands between the two */
    size_t queued;
    struct watch watches[WATCHES_MAX];
    size_t watches_count;
};

int redis_link_open(struct redis_link **out, const struct redis_link_options *options, struct error_text *error)
{
    struct redis_link *link;

    if (!world_arrow(world_node(options->address), ARROW_CONNECT) || world->redis_away)
        return error_set(error, -ECONNREFUSED, "nobody listens");
    link = calloc(1, sizeof *link);
    ASSERT(link);
    link->node = world_node(options->address);
    link->node->link = link;
    link->id = ++world->clients;
    buffer_init(&link->replies, MEMORY);
    buffer_init(&link->queue, MEMORY);
    *out = link;
    return 0;
}

static void link_free(struct redis_link *link)
{
    buffer_deinit(&link->replies);
    buffer_deinit(&link->queue);
    free(link);
}

struct redis_link *redis_link_close(struct redis_link *link)
{
    if (link && link->node->link == link)
        link->node->link = NULL;
    if (link && link != world->late)      /* what is late is still on its way */
        link_free(link);
    return NULL;
}

static bool is_selftest(const struct redis_link *link)
{
    return link->queue.data && memmem(link->queue.data, link->queue.size, "selftest", 8);
}

static bool starts(struct bytes text, const char *start)
{
    return text.size >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

/* A mark's fields that tell the story; its time and fingerprint do not. */
static void trace_mark(struct buffer *out, const struct bytes *args, size_t count)
{
    for (size_t i = 2; i + 1 < count; i += 2)
        if (bytes_equal_text(args[i], "next") || bytes_equal_text(args[i], "done") || bytes_equal_text(args[i], "torn"))
            buffer_put_format(out, "%.*s=%.*s ", (int)args[i].size, args[i].data, (int)args[i + 1].size, args[i + 1].data);
        else if (bytes_equal_text(args[i], "epoch"))
            buffer_put_format(out, "epoch(%.*s) ", (int)args[1].size - (int)strlen("orderd:mark:"), args[1].data + strlen("orderd:mark:"));
}

static void trace_command(struct buffer *out, const struct bytes *args, size_t count)
{
    if (count > 1 && starts(args[1], "orderd:mark:")) {
        trace_mark(out, args, count);
    } else if (bytes_equal_text(args[0], "XADD") && count > 8) {
        buffer_put_format(out, "outbox+%.*s..%.*s ", (int)args[6].size, args[6].data, (int)args[8].size, args[8].data);
    } else if (bytes_equal_text(args[0], "XDEL")) {
        buffer_put_format(out, "outbox-%zu ", count - 2);
    } else if (starts(args[1], "orderd:seen:")) {
        buffer_put_text(out, bytes_equal_text(args[0], "RPUSH") ? "seen+ " : bytes_equal_text(args[0], "LSET") ? "seen= " : "seen- ");
    } else if (starts(args[1], "orderd:")) {
        buffer_put_text(out, bytes_equal_text(args[2], "halt") ? "halt " : bytes_equal_text(args[2], "schema") ? "registry " : "");
    } else {
        for (size_t i = 0; i < count; i++)
            buffer_put_format(out, "%.*s ", (int)args[i].size, args[i].data);
    }
}

static void trace_exec(const struct redis_link *link, const char *answer)
{
    const char *at = link->queue.data;
    struct bytes args[ARGS_MAX];
    struct buffer text;

    buffer_init(&text, MEMORY);
    for (size_t i = 0; i < link->queued; i++)
        trace_command(&text, args, resp_command(args, ARGS_MAX, &at));
    trace(link->node, "exec", "%s-> %s", buffer_text(&text), answer);
    buffer_deinit(&text);
}

static bool watched_changed(const struct redis_link *link)
{
    for (size_t i = 0; i < link->watches_count; i++)
        if (link->watches[i].key->version != link->watches[i].version)
            return true;
    return false;
}

/* Runs what was queued; with `torn` the last command meets an error in its stead. */
static void run_queue(struct redis_link *link, bool torn)
{
    const char *at = link->queue.data;
    struct bytes args[ARGS_MAX];

    resp_array(&link->replies, link->queued);
    for (size_t i = 0; i < link->queued; i++) {
        size_t count = resp_command(args, ARGS_MAX, &at);

        if (torn && i + 1 == link->queued)
            resp_error(&link->replies, "NOPERM this user has no permissions");
        else
            keyspace_run(&world->redis, args, count, world->now + world->redis_skew, &link->replies);
    }
}

/* Another program writes to what the market's keys among the watched ones hold. */
static void touch_market(const struct redis_link *link)
{
    for (size_t i = 0; i < link->watches_count; i++)
        if (!starts(link->watches[i].key->name, "orderd:"))
            link->watches[i].key->version = ++world->redis.version;
}

/* "applied", "nil" or what else became of it. */
static const char *execute(struct redis_link *link, enum fault fault)
{
    if (fault == FAULT_CONFLICT)
        touch_market(link);
    if (link->refused || fault == FAULT_REFUSED) {
        resp_error(&link->replies,
            fault == FAULT_REFUSED ? "OOM command not allowed when used memory > 'maxmemory'." : "EXECABORT Transaction discarded");
        return "refused";
    }
    if (watched_changed(link)) {
        buffer_put_text(&link->replies, "*-1\r\n");
        return "nil";
    }
    run_queue(link, fault == FAULT_TORN);
    return fault == FAULT_TORN ? "torn" : "applied";
}

static void break_link(struct redis_link *link)
{
    buffer_reset(&link->replies);
    link->received = 0;
    link->broken = true;
}

static void exec(struct redis_link *link)
{
    bool quiet = is_selftest(link);
    enum fault fault;

    link->multi = false;
    if (!quiet) {
        world->execs++;
        if (world->before_exec)
            world->before_exec(world->execs);
        world->now++;
    }
    fault = quiet ? FAULT_NONE : world_fault(world->execs);
    if (!quiet && !world_arrow(link->node, ARROW_EXEC)) {
        break_link(link);
    } else if (fault == FAULT_LOST_BEFORE || fault == FAULT_LATE) {
        trace(link->node, "exec", "-> lost on its way");
        break_link(link);
        if (fault == FAULT_LATE && !world->late)      /* one at a time; another one is lost */
            world->late = link;
    } else {
        const char *answer = execute(link, fault);

        if (!quiet)
            trace_exec(link, fault == FAULT_LOST_AFTER ? "applied, reply lost" : answer);
        if (fault == FAULT_LOST_AFTER || (!quiet && !world_arrow(link->node, ARROW_EXECUTED)))
            break_link(link);
    }
    if (link != world->late)
        link->watches_count = 0;
}

const char *world_late(void)
{
    struct redis_link *link = world->late;
    const char *answer;

    if (!link)
        return "killed";
    answer = execute(link, FAULT_NONE);
    world->late = NULL;
    link_free(link);
    return answer;
}

static void watch(struct redis_link *link, const struct bytes *args, size_t count)
{
    struct buffer text;

    buffer_init(&text, MEMORY);
    for (size_t i = 1; i < count; i++) {
        struct key *key = keyspace_key(&world->redis, args[i]);

        ASSERT(link->watches_count < WATCHES_MAX);
        link->watches[link->watches_count++] = (struct watch){key, key->version};
        if (!starts(args[i], "orderd:meta") || count == 2)      /* every turn watches it; alone it says something */
            buffer_put_format(&text, "%s%s", text.size ? " " : "",
                              starts(args[i], "orderd:mark:") ? key->name.data + strlen("orderd:mark:") : key->name.data);
    }
    if (!strstr(buffer_text(&text), "selftest") && !strstr(text.data, "orderd:outbox"))
        trace(link->node, "watch", "%s", text.data);
    buffer_deinit(&text);
}

static void info(struct redis_link *link, struct bytes section)
{
    char text[256];

    if (bytes_equal_text(section, "server"))
        snprintf(text, sizeof text, "# Server\r\nredis_version:7.0.15\r\nrun_id:%s\r\n", world->run_id);
    else
        snprintf(text, sizeof text, "# Replication\r\nrole:master\r\nmaster_replid:%s\r\n", world->run_id);
    resp_bulk(&link->replies, bytes_of(text));
}

static void client(struct redis_link *link, const struct bytes *args, size_t count)
{
    int64_t id;

    if (bytes_equal_text(args[1], "ID")) {
        resp_int(&link->replies, link->id);
    } else if (bytes_equal_text(args[1], "KILL") && count == 4 && number_parse(args[3], &id)) {
        if (world->late && world->late->id == id && !world->kill_misses) {
            link_free(world->late);
            world->late = NULL;
        }
        resp_int(&link->replies, 1);
    } else {
        resp_status(&link->replies, "OK");
    }
}

static void config(struct redis_link *link, struct bytes name)
{
    static const char *const values[][2] = {{"maxmemory-policy", "noeviction"}, {"appendonly", "no"}, {"appendfsync", "everysec"},
                                            {"no-appendfsync-on-rewrite", "no"}, {"save", ""}};

    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (bytes_equal_text(name, values[i][0])) {
            resp_array(&link->replies, 2);
            resp_bulk(&link->replies, name);
            resp_bulk(&link->replies, bytes_of(values[i][1]));
        }
}

static void enqueue(struct redis_link *link, struct bytes raw)
{
    if (link->queued == 0)
        buffer_reset(&link->queue);
    buffer_put_bytes(&link->queue, raw);
    link->queued++;
    resp_status(&link->replies, "QUEUED");
}

static void command(struct redis_link *link, const struct bytes *args, size_t count, struct bytes raw)
{
    if (bytes_equal_text(args[0], "EXEC")) {
        exec(link);
    } else if (link->multi) {
        enqueue(link, raw);
    } else if (bytes_equal_text(args[0], "MULTI")) {
        link->multi = true;
        link->queued = 0;
        resp_status(&link->replies, "OK");
    } else if (bytes_equal_text(args[0], "WATCH")) {
        watch(link, args, count);
        resp_status(&link->replies, "OK");
    } else if (bytes_equal_text(args[0], "INFO")) {
        info(link, args[1]);
    } else if (bytes_equal_text(args[0], "CLIENT")) {
        client(link, args, count);
    } else if (bytes_equal_text(args[0], "CONFIG")) {
        config(link, args[2]);
    } else if (bytes_equal_text(args[0], "WAIT")) {
        resp_int(&link->replies, world->replicas);
        trace(link->node, "wait", "%d", world->replicas);
        world_wait(link->node, world->replicas ? 0 : 500);
    } else if (bytes_equal_text(args[0], "UNWATCH") || bytes_equal_text(args[0], "SELECT") || bytes_equal_text(args[0], "ACL")) {
        link->watches_count = bytes_equal_text(args[0], "UNWATCH") ? 0 : link->watches_count;
        resp_status(&link->replies, "OK");
    } else {
        keyspace_run(&world->redis, args, count, world->now + world->redis_skew, &link->replies);
    }
}

int redis_link_send(struct redis_link *link, struct bytes bytes, struct error_text *error)
{
    struct buffer copy;          /* with an end behind it, which number lines are read up to */
    const char *at, *end;
    struct bytes args[ARGS_MAX];

    if (link->broken || world->redis_away || !world_arrow(link->node, ARROW_SEND))
        return error_set(error, -ECONNRESET, "the connection is broken");
    buffer_init(&copy, MEMORY + 1);
    buffer_put_bytes(&copy, bytes);
    for (at = buffer_text(&copy), end = copy.data + copy.size; at < end && !link->broken;) {
        const char *start = at;
        size_t count = resp_command(args, ARGS_MAX, &at);

        command(link, args, count, (struct bytes){start, (size_t)(at - start)});
    }
    buffer_deinit(&copy);
    return 0;
}

int redis_link_receive(struct redis_link *link, struct arena *arena, struct reply **out, struct error_text *error)
{
    const char *at;

    if (!world_arrow(link->node, ARROW_RECEIVE) || link->broken)
        return error_set(error, -ECONNRESET, "the connection is broken");
    if (link->received == link->replies.size)
        return error_set(error, -ETIMEDOUT, "nothing was asked");
    buffer_text(&link->replies);
    at = link->replies.data + link->received;
    *out = resp_read(arena, &at);
    link->received = (size_t)(at - link->replies.data);
    if (link->received == link->replies.size) {
        buffer_reset(&link->replies);
        link->received = 0;
    }
    return *out ? 0 : error_set(error, -ENOBUFS, "a reply is larger than the memory for it");
}
