#include "fake/redis_trace.h"

#include <stdlib.h>
#include <string.h>

enum { ARGS_MAX = 4096, TEXT_MAX = 1 << 20, COMMAND_SHOWN = 64 };

static const char outbox[] = "orderd:outbox", mark[] = "orderd:mark:", selftest[] = "selftest";

const char *redis_trace_answer(enum exec_answer answer)
{
    static const char *const names[] = {"applied", "nil", "refused", "torn"};

    return names[answer];
}

static bool holds(struct bytes text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

bool redis_trace_is_selftest(const struct redis_client *client)
{
    struct bytes args[COMMAND_SHOWN];

    return redis_client_queued_size(client, 0) > 1 && redis_client_queued_size(client, 0) < COMMAND_SHOWN &&
           redis_client_queued(client, 0, args, COMMAND_SHOWN) && holds(args[1], selftest);
}

static bool starts(struct bytes text, const char *start)
{
    return text.size >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

/* Without a shard's "{3}". */
static struct bytes bare(struct bytes key)
{
    const char *end = key.size && key.data[0] == '{' ? memchr(key.data, '}', key.size) : NULL;

    return end ? (struct bytes){end + 1, key.size - (size_t)(end + 1 - key.data)} : key;
}

/* A mark's fields that tell the story; its time and fingerprint do not. A story knows its partitions, the simulator has many. */
static void put_mark(struct buffer *out, const struct bytes *args, size_t count)
{
    struct bytes key = bare(args[1]);

    if (world->passage && !(count == 4 && (bytes_equal_text(args[2], "epoch") || bytes_equal_text(args[2], "server"))))
        buffer_put_format(out, "%.*s ", (int)key.size - (int)strlen(mark), key.data + strlen(mark));
    for (size_t i = 2; i + 1 < count; i += 2)
        if (bytes_equal_text(args[i], "next") || bytes_equal_text(args[i], "done") || bytes_equal_text(args[i], "torn"))
            buffer_put_format(out, "%.*s=%.*s ", (int)args[i].size, args[i].data, (int)args[i + 1].size, args[i + 1].data);
        else if (bytes_equal_text(args[i], "epoch") || bytes_equal_text(args[i], "server"))
            buffer_put_format(out, "%.*s(%.*s) ", (int)args[i].size, args[i].data, (int)key.size - (int)strlen(mark), key.data + strlen(mark));
}

static void put_command(struct buffer *out, const struct bytes *args, size_t count)
{
    struct bytes key = count > 1 ? bare(args[1]) : (struct bytes){"", 0};

    if (starts(key, mark)) {
        put_mark(out, args, count);
    } else if (bytes_equal_text(args[0], "XADD") && count > 8) {
        buffer_put_format(out, "outbox+%.*s..%.*s ", (int)args[6].size, args[6].data, (int)args[8].size, args[8].data);
    } else if (bytes_equal_text(args[0], "XDEL")) {
        buffer_put_format(out, "outbox-%zu ", count - 2);
    } else if (starts(key, "orderd:seen:")) {
        buffer_put_text(out, bytes_equal_text(args[0], "RPUSH") ? "seen+ " : bytes_equal_text(args[0], "LSET") ? "seen= " : "seen- ");
    } else if (count > 2 && starts(key, "orderd:")) {
        buffer_put_text(out, bytes_equal_text(args[2], "halt") ? "halt " : bytes_equal_text(args[2], "schema") ? "registry " : "");
    } else {
        for (size_t i = 0; i < count; i++) {
            buffer_put_bytes(out, args[i]);
            buffer_put_char(out, ' ');
        }
    }
}

void redis_trace_exec(struct node *node, const struct redis_client *client, const char *answer, bool late)
{
    struct bytes *args;
    struct buffer text;
    size_t count;

    if (world->silent)
        return;
    args = malloc(ARGS_MAX * sizeof *args);
    ASSERT(args);
    buffer_init(&text, TEXT_MAX);
    for (size_t i = 0; (count = redis_client_queued(client, i, args, ARGS_MAX)); i++)
        put_command(&text, args, count);
    trace(node, "exec", "%s-> %s%s", buffer_text(&text), answer, late ? ", late" : "");
    buffer_deinit(&text);
    free(args);
}

void redis_trace_watch(struct node *node, const struct bytes *keys, size_t count)
{
    struct buffer text;

    if (world->silent || holds(keys[0], selftest))
        return;
    buffer_init(&text, TEXT_MAX);
    for (size_t i = 0; i < count; i++) {
        struct bytes key = bare(keys[i]);
        size_t skip = starts(key, mark) ? (size_t)(key.data - keys[i].data) + strlen(mark) : 0;

        if (starts(key, "orderd:meta") && count > 1)      /* every turn watches it; alone it says something */
            continue;
        if (text.size)
            buffer_put_char(&text, ' ');
        buffer_put(&text, keys[i].data + skip, keys[i].size - skip);
    }
    if (!strstr(buffer_text(&text), outbox))
        trace(node, "watch", "%s", text.data);
    buffer_deinit(&text);
}
