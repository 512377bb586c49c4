/* A whole daemon whose Redis answers some questions wrongly: whatever it says, nothing of ours breaks.
 *
 * The world is that of the stories. Input: a line of numbers (durability, deadline, shards, bound of a turn, whether another program
 * writes), then lines "N REPLY": the Nth reply behind the first handshake is this one instead (fuzz/tree.h); "N !" breaks the connection. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/honest.h"
#include "fuzz/tree.h"
#include "story/story.h"

enum { LIES_MAX = 16, REPLIES_MAX = 4000 };

static struct liar {
    struct bytes lies[LIES_MAX];
    uint64_t at[LIES_MAX];
    size_t count;
    uint64_t replies;      /* so far; 0: still in the first handshake */
} liar;

int redis_link_send(struct redis_link *link, struct bytes bytes, struct error_text *error)
{

    static const char first[] = "orderd:meta\r\n$6\r\nschema";   /* the registry is read */

    if (!liar.replies && memmem(bytes.data, bytes.size, first, sizeof first - 1))
        liar.replies = 1;
    return honest_send(link, bytes, error);
}

int redis_link_receive(struct redis_link *link, struct arena *arena, struct reply **out, struct error_text *error)
{
    int r = honest_receive(link, arena, out, error);
    uint64_t at = liar.replies;

    liar.replies += at > 0;
    for (size_t i = 0; !r && at && i < liar.count; i++) {
        struct bytes lie = liar.lies[i];

        if (liar.at[i] != at)
            continue;
        if (lie.size && *lie.data == '!')
            return error_set(error, -ECONNRESET, "the connection is broken");
        *out = tree_some(&lie, arena);
        return *out ? 0 : -ENOBUFS;
    }
    return r;
}

static void lies_read(struct bytes left)
{
    while (left.size && liar.count < LIES_MAX) {
        struct bytes line = input_take(&left, '\n');

        liar.at[liar.count] = 1 + input_number(&line, REPLIES_MAX);
        while (line.size && *line.data == ' ')
            line.data++, line.size--;
        liar.lies[liar.count++] = line;
    }
}

static void market(bool sharded)
{
    redis(sharded ? "HSET {0}users:b funds 100" : "HSET users:b funds 100");
    redis(sharded ? "SADD {0}inventory:s lamp cup" : "SADD inventory:s lamp cup");
    redis(sharded ? "SET {0}stock:k 5" : "SET stock:k 5");
}

static void events(char suffix)
{
    static const char *const shapes[] = {
        "{\"id\":\"1~\",\"type\":\"list\",\"seller\":\"s\",\"item\":\"lamp\",\"price\":60}",
        "{\"id\":\"2~\",\"type\":\"purchase\",\"buyer\":\"b\",\"seller\":\"s\",\"item\":\"lamp\",\"price\":60}",
        "{\"id\":\"3~\",\"type\":\"reserve\",\"sku\":\"k\",\"quantity\":2,\"buyer\":\"b\"}",
        "{\"id\":\"4\",\"type\":\"deposit\",\"user\":\"b\",\"amount\":7}",
        "no event~",
    };

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        char text[256], *mark;

        snprintf(text, sizeof text, "%s", shapes[i]);
        mark = strchr(text, '~');      /* the fourth event is the same each time */
        if (mark)
            *mark = suffix;
        produce(0, text);
    }
}

static void tell(const struct story_settings *settings, bool foreign)
{
    struct daemon *a;

    story_begin(settings);
    market(settings->sharded);
    events('a');
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 200);
    events('b');
    daemon_run(a, 100);
    if (foreign)
        redis("SET stock:k 1");
    daemon_run(a, 3500);      /* past the look at registry and marks that an owner at rest takes */
    group_takes("A", "orders", 0, false);
    daemon_run(a, 100);
    group_gives("A", "orders", 0);
    events('c');
    daemon_run(a, 300);
    daemon_stop(a);
    story_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = input_of(data, size), line = input_take(&left, '\n');
    struct story_settings settings = {.durability = (enum durability_kind)input_number(&line, DURABILITY_REPLICAS), .replicas = 1};

    settings.deadline_ms = (int64_t)input_number(&line, 1000);
    settings.sharded = input_number(&line, 1);
    settings.turn_events = (size_t)input_number(&line, 4);
    liar = (struct liar){.count = 0};
    lies_read(left);
    tell(&settings, input_number(&line, 1));
    return 0;
}
