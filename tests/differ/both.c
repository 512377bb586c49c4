#include "differ/both.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake/resp.h"

enum { HISTORY_SHOWN = 60, MEMORY = 1 << 26, SHOWN = 300 };

int64_t both_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void open_link(struct both *both, int link)
{
    struct both_link *l = &both->links[link];

    real_connect(&both->real, &l->real);
    l->client = redis_server_connect(&both->model, NULL);
    l->multi = false;
    l->queue_count = 0;
}

void both_begin(struct both *both, const char *program, uint64_t seed)
{
    memset(both, 0, sizeof *both);
    both->seed = both->dice.state = seed;
    both->told = calloc(TOLD_MAX, sizeof *both->told);
    ASSERT(both->told);
    real_start(&both->real, program);
    real_connect(&both->real, &both->control);
    redis_server_init(&both->model, both->real.major, both->real.minor);
    for (int i = 0; i <= LINKS; i++)
        open_link(both, i);
    both_control(both, "DEBUG SET-ACTIVE-EXPIRE 0");
}

void both_end(struct both *both)
{
    for (int i = 0; i <= LINKS; i++)
        real_close(&both->links[i].real);
    real_close(&both->control);
    redis_server_deinit(&both->model);
    real_stop(&both->real);
    free(both->told);
}

static void print_escaped(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size && i < SHOWN; i++)
        if (bytes.data[i] == '\r')
            printf("\\r");
        else if (bytes.data[i] == '\n')
            printf("\\n");
        else
            putchar(bytes.data[i]);
    putchar('\n');
}

/* Whether a command told of has to do with the one that differs: the same connection or one of its keys. EXEC concerns all. */
static bool concerns(const struct told *told, int link, const char *text)
{
    char key[8];

    for (size_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, " %s", words_keys[i]);
        if (strstr(text, key) && strstr(told->text, key))
            return true;
    }
    return strcmp(text, "EXEC") == 0 || told->link == link || strstr(told->text, "FLUSH") || strstr(told->text, "SWAPDB") || told->link < 0;
}

static void print_history(const struct both *both, int link, const char *text)
{
    uint64_t from = both->told_count > TOLD_MAX ? both->told_count - TOLD_MAX : 0, at = both->told_count;
    int shown = 0;

    while (at > from && shown < HISTORY_SHOWN)
        shown += concerns(&both->told[--at % TOLD_MAX], link, text);
    for (; at < both->told_count; at++) {
        const struct told *told = &both->told[at % TOLD_MAX];

        if (concerns(told, link, text))
            printf("  %d> %s\n", told->link, told->text);
    }
}

static void tell(struct both *both, int link, const struct words *words)
{
    struct told *told = &both->told[both->told_count++ % TOLD_MAX];
    size_t used = 0;

    told->link = link;
    told->text[0] = '\0';
    for (size_t i = 0; i < words->count && used < sizeof told->text - 1; i++)
        used += (size_t)snprintf(told->text + used, sizeof told->text - used, "%s%.*s", i ? " " : "", (int)words->args[i].size, words->args[i].data);
}

void both_control(struct both *both, const char *command)
{
    struct bytes reply = real_ask(&both->control, command);
    struct words words;

    words_make(&words, &both->dice, command, COMPARE_ANY);
    tell(both, -1, &words);
    if (!reply.data || reply.data[0] == '-') {
        fprintf(stderr, "the server refused %s: %.*s\n", command, (int)reply.size, reply.data ? reply.data : "closed");
        abort();
    }
}

static void differ(struct both *both, int link, const struct words *words, struct bytes real, struct bytes model)
{
    char text[WORDS_TEXT_MAX] = "";
    size_t used = 0;

    if (both->differs)
        return;
    both->differs = true;
    for (size_t i = 0; i < words->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", i ? " " : "", (int)words->args[i].size, words->args[i].data);
    printf("differs at command %llu with --seed %llu, connection %d: %s\n", (unsigned long long)both->commands, (unsigned long long)both->seed, link,
           text);
    print_history(both, link, text);
    printf("%s\nreal:  ", text);
    print_escaped(real.data ? real : bytes_of("(none)"));
    printf("model: ");
    print_escaped(model.data ? model : bytes_of("(none)"));
}

static void encode(struct buffer *out, const struct words *words)
{
    resp_array(out, words->count);
    for (size_t i = 0; i < words->count; i++)
        resp_bulk(out, words->args[i]);
}

/* The model's clock is the real one's where a reply shows it, so that ids of streams are the same. */
static struct bytes model_run(struct both *both, int link, const struct words *words, struct bytes real, int64_t from, int64_t to)
{
    struct both_link *l = &both->links[link];
    int64_t now = real.data ? reply_clock(real, from, to) : 0, at;
    struct bytes reply = {NULL, 0};
    struct buffer out;

    now = now ? now : from;
    buffer_init(&out, MEMORY);
    encode(&out, words);
    redis_client_write(l->client, buffer_bytes(&out), now);
    buffer_deinit(&out);
    redis_server_serve(&both->model, now);
    if (real.data && !redis_client_replies(l->client) && redis_server_next(&both->model) < INT64_MAX)
        redis_server_serve(&both->model, redis_server_next(&both->model));      /* WAIT */
    redis_client_reply(l->client, &reply, &at);
    return reply;
}

/* Keeps what the connection's state says about later replies. */
static void note(struct both_link *l, const struct words *words, struct bytes real)
{
    if (reply_is(real, "+QUEUED")) {
        if (l->queue_count < QUEUE_MAX)
            l->queue[l->queue_count++] = words->how;
    } else if (words->count == 1 && bytes_equal_text(words->args[0], "MULTI") && reply_is(real, "+OK")) {
        l->multi = true;
        l->queue_count = 0;
    } else if (bytes_equal_text(words->args[0], "EXEC") || bytes_equal_text(words->args[0], "DISCARD")) {
        l->multi = false;
        l->queue_count = 0;
    }
}

static void compare(struct both *both, int link, const struct words *words, struct bytes real, struct bytes model)
{
    struct both_link *l = &both->links[link];
    bool exec = bytes_equal_text(words->args[0], "EXEC"), same;

    both->commands++;
    if (!real.data || !model.data)
        same = !real.data && !model.data;
    else
        same = exec ? reply_same_each(real, model, l->queue, l->queue_count) : reply_same(real, model, words->how);
    if (!same)
        differ(both, link, words, real, model);
    if (model.data)
        redis_client_take(l->client);
    if (real.data)
        note(l, words, real);
}

void both_run(struct both *both, int link, const struct words *words, size_t count)
{
    struct both_link *l = &both->links[link];
    int64_t from = both_clock();
    struct buffer out;

    buffer_init(&out, MEMORY);
    for (size_t i = 0; i < count; i++) {
        tell(both, link, &words[i]);
        encode(&out, &words[i]);
    }
    real_write(&l->real, buffer_bytes(&out));
    buffer_deinit(&out);
    for (size_t i = 0; i < count && !both->differs; i++) {
        struct bytes real = real_read(&l->real);

        compare(both, link, &words[i], real, model_run(both, link, &words[i], real, from, both_clock()));
    }
}

void both_do(struct both *both, int link, const char *shape)
{
    struct words words;

    words_make(&words, &both->dice, shape, COMPARE_EXACT);
    both_run(both, link, &words, 1);
}

void both_ask(struct both *both, int link, const char *shape)
{
    struct words words;
    struct buffer out;

    words_make(&words, &both->dice, shape, COMPARE_EXACT);
    tell(both, link, &words);
    buffer_init(&out, MEMORY);
    encode(&out, &words);
    real_write(&both->links[link].real, buffer_bytes(&out));
    buffer_deinit(&out);
    model_run(both, link, &words, (struct bytes){NULL, 0}, both_clock(), 0);
}

/* The server has read everything sent before this question, and answered what it wants to answer. */
static void settle(struct both *both)
{
    both_do(both, OBSERVER, "ECHO settled");
}

void both_read(struct both *both, int link, const char *shape)
{
    struct words words;
    struct bytes model = {NULL, 0}, real;
    int64_t at;

    words_make(&words, &both->dice, shape, COMPARE_EXACT);
    real = real_read(&both->links[link].real);
    redis_server_serve(&both->model, both_clock());
    redis_client_reply(both->links[link].client, &model, &at);
    compare(both, link, &words, real, model);
}

void both_silent(struct both *both, int link)
{
    struct words words;
    struct bytes model = {NULL, 0}, real;
    int64_t at;

    words_make(&words, &both->dice, "(nothing is answered)", COMPARE_EXACT);
    settle(both);
    real = real_peek(&both->links[link].real);
    redis_client_reply(both->links[link].client, &model, &at);
    if (real.data || model.data)
        differ(both, link, &words, real, model);
}

void both_closed(struct both *both, int link)
{
    struct both_link *l = &both->links[link];
    struct words words;
    struct bytes real;

    words_make(&words, &both->dice, "(closed)", COMPARE_EXACT);
    tell(both, link, &words);
    real = real_read(&l->real);
    if (real.data || redis_client_is_open(l->client))
        differ(both, link, &words, real.data ? real : bytes_of("closed"), bytes_of(redis_client_is_open(l->client) ? "open" : "closed"));
    real_close(&l->real);
    redis_client_hangup(l->client);
    open_link(both, link);
}

static enum key_type type_of(const struct both *both, int database, const char *key)
{
    const struct entry *entry = table_find(&both->model.data.databases[database], bytes_of(key), table_hash(bytes_of(key)));

    return entry ? ((const struct key *)entry)->type : KEY_NONE;
}

static void compare_key(struct both *both, int database, const char *key)
{
    static const struct { const char *command, *rest; enum compare how; } reads[] = {
        [KEY_STRING] = {"GET", "", COMPARE_EXACT},     [KEY_HASH] = {"HGETALL", "", COMPARE_PAIRS},
        [KEY_SET] = {"SMEMBERS", "", COMPARE_SET},     [KEY_ZSET] = {"ZRANGE", " 0 -1 WITHSCORES", COMPARE_EXACT},
        [KEY_LIST] = {"LRANGE", " 0 -1", COMPARE_EXACT}, [KEY_STREAM] = {"XRANGE", " - +", COMPARE_EXACT}};
    struct words words[2];
    enum key_type type;
    char shape[64];

    snprintf(shape, sizeof shape, "TYPE %s", key);
    both_do(both, OBSERVER, shape);
    type = type_of(both, database, key);
    snprintf(shape, sizeof shape, "PTTL %s", key);
    words_make(&words[0], &both->dice, shape, COMPARE_TIME);
    if (type != KEY_NONE) {
        snprintf(shape, sizeof shape, "%s %s%s", reads[type].command, key, reads[type].rest);
        words_make(&words[1], &both->dice, shape, reads[type].how);
    }
    both_run(both, OBSERVER, words, type != KEY_NONE ? 2 : 1);
}

void both_compare_data(struct both *both)
{
    for (int database = 0; database < 2; database++) {
        both_do(both, OBSERVER, database ? "SELECT 1" : "SELECT 0");
        for (size_t k = 0; k < KEYS && !both->differs; k++)
            compare_key(both, database, words_keys[k]);
        both_do(both, OBSERVER, "DBSIZE");
    }
}
