#include "differ/scenes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake/resp.h"

enum { SOME = 6, MOMENT_MS = 8, POLLS_MAX = 4000, POLL_NS = 1000000, BIG = 64 << 10, HUGE_ARGUMENT = 2 << 20, PADS = 100, PAD = 1100, LOADING_OF = 8 };

static void sleep_ms(int64_t ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int any_link(struct both *both)
{
    return (int)dice_roll(&both->dice, LINKS);
}

/* Out of any transaction, in database 0. */
static int idle_link(struct both *both)
{
    int link = any_link(both);

    if (both->links[link].multi)
        both_do(both, link, "DISCARD");
    both_do(both, link, "UNWATCH");
    both_do(both, link, "SELECT 0");
    return link;
}

/* --- conditions, each with what makes it real and what ends it */

struct condition {
    const char *name, *begin, *end, *begin_too, *end_too;
    unsigned bit;
    const char *denied;
};

static const struct condition conditions[] = {
    {"oom", "CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0", NULL, NULL, CONDITION_OOM, NULL},
    {"misconf", "CONFIG SET stop-writes-on-bgsave-error yes", "CONFIG SET stop-writes-on-bgsave-error no", NULL, NULL, CONDITION_MISCONF, NULL},
    {"noreplicas", "CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0", NULL, NULL, CONDITION_NOREPLICAS, NULL},
    {"readonly", "REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE", NULL, NULL, CONDITION_READONLY, NULL},
    {"masterdown", "CONFIG SET replica-serve-stale-data no", "REPLICAOF NO ONE", "REPLICAOF 127.0.0.1 1", "CONFIG SET replica-serve-stale-data yes",
     CONDITION_READONLY | CONDITION_MASTERDOWN, NULL},
    {"no hset", "ACL SETUSER default -hset", "ACL SETUSER default +hset", NULL, NULL, 0, "HSET"},
    {"no exec", "ACL SETUSER default -exec", "ACL SETUSER default +exec", NULL, NULL, 0, "EXEC"},
    {"no multi", "ACL SETUSER default -multi", "ACL SETUSER default +multi", NULL, NULL, 0, "MULTI"},
    {"no watch", "ACL SETUSER default -watch", "ACL SETUSER default +watch", NULL, NULL, 0, "WATCH"},
};

static void set_condition(struct both *both, const struct condition *c, bool on)
{
    both_control(both, on ? c->begin : c->end);
    if (c->begin_too)
        both_control(both, on ? c->begin_too : c->end_too);
    both->model.trouble = (struct redis_trouble){.conditions = on ? c->bit : 0, .denied = {on ? c->denied : NULL}};
}

static void transaction(struct both *both, int link)
{
    static const char *const shapes[] = {"HSET %h a 1", "HDEL %h a", "SADD %s %f", "GET %t", "PING", "INCRBY %t 1", "XDEL %x 5-1", "TYPE %k", "UNWATCH"};

    both_do(both, link, "MULTI");
    for (uint32_t i = dice_roll(&both->dice, 4); i-- > 0;)
        both_do(both, link, shapes[dice_roll(&both->dice, sizeof shapes / sizeof *shapes)]);
}

/* It is there when the commands are queued, or it comes between queue and EXEC, or it goes there. */
static void condition(struct both *both, const struct condition *c)
{
    int link = idle_link(both);
    uint32_t when = dice_roll(&both->dice, 3);

    both_do(both, link, "WATCH %k");
    if (when != 1)
        set_condition(both, c, true);
    if (when == 0)
        differ_some(both, SOME);
    if (!both->links[link].multi)
        transaction(both, link);
    set_condition(both, c, when == 1);
    both_do(both, link, "EXEC");
    both_do(both, link, "HSET h1 a 1");
    if (when == 1)
        differ_some(both, SOME);
    set_condition(both, c, false);
}

/* A snapshot that cannot be written, since its folder is gone: since then the server may refuse writes. */
static void break_saving(struct both *both)
{
    char folder[] = "/tmp/differ-XXXXXX", command[64];
    struct bytes info;
    int polls = 0;

    ASSERT(mkdtemp(folder));
    snprintf(command, sizeof command, "CONFIG SET dir %s", folder);
    both_control(both, command);
    ASSERT(rmdir(folder) == 0);
    both_control(both, "BGSAVE");
    do {
        sleep_ms(1);
        info = real_ask(&both->control, "INFO persistence");
    } while (!memmem(info.data, info.size, "rdb_last_bgsave_status:err", 26) && ++polls < POLLS_MAX);
    ASSERT(polls < POLLS_MAX);
}

void scenes_prepare(struct both *both)
{
    both_control(both, "CONFIG SET stop-writes-on-bgsave-error no");
    both_control(both, "CONFIG SET save 3600,1000000");
    both_control(both, "CONFIG SET hz 500");      /* how often it looks whether a snapshot is done */
    both_control(both, "CONFIG SET loading-process-events-interval-bytes 1024");
    both_control(both, "ACL SETUSER worker on >secret ~* +@all");
    break_saving(both);
}

/* --- times to live */

/* A key's time runs out between WATCH and EXEC, and nobody looks at it. On a machine that is too busy it may have run out before WATCH, as
 * nobody can tell: then there is no EXEC. */
static void runs_out(struct both *both)
{
    int link = idle_link(both);
    int64_t when = both_clock() + MOMENT_MS;
    struct words words[5];
    char shape[64];

    snprintf(shape, sizeof shape, "PEXPIREAT t1 %lld", (long long)when);
    words_make(&words[0], &both->dice, "SET t1 1", COMPARE_EXACT);
    words_make(&words[1], &both->dice, shape, COMPARE_EXACT);
    words_make(&words[2], &both->dice, "WATCH t1", COMPARE_EXACT);
    words_make(&words[3], &both->dice, "MULTI", COMPARE_EXACT);
    words_make(&words[4], &both->dice, "INCR n1", COMPARE_EXACT);
    both_run(both, link, words, 5);
    if (both_clock() >= when) {
        both_do(both, link, "DISCARD");
        return;
    }
    while (both_clock() <= when + 1)
        sleep_ms(1);
    both_do(both, link, "EXEC");
}

/* Over before WATCH: its end is no change any more, but a new life is. Such keys do not outlive the scene: where one is swapped between
 * databases under the eyes of two connections, Redis forgets to tell the second of a write. */
static void was_over(struct both *both)
{
    static const char *const between[] = {"GET t1", "SET t1 2", "PERSIST t1", "SWAPDB 0 1", "FLUSHALL", "DEL t1", "TYPE t1", "RENAME t1 t2", "SET t2 1 PXAT 1"};
    int link = idle_link(both), other = (link + 1) % LINKS;

    if (both->links[other].multi)
        both_do(both, other, "DISCARD");
    both_do(both, other, "SELECT 0");
    both_do(both, other, "SET t1 1 PXAT 1");
    both_do(both, link, "WATCH t1");
    for (uint32_t i = dice_roll(&both->dice, 3); i-- > 0;)
        both_do(both, other, between[dice_roll(&both->dice, sizeof between / sizeof *between)]);
    both_do(both, link, "MULTI");
    both_do(both, link, "INCR n1");
    both_do(both, link, "EXEC");
    for (int database = 1; database >= 0; database--) {
        both_do(both, OBSERVER, database ? "SELECT 1" : "SELECT 0");
        both_do(both, OBSERVER, "DEL t1 t2");
    }
}

/* --- connections */

/* Killed by another: what it had queued and watched is gone with it. */
static void killed(struct both *both)
{
    int link = idle_link(both), other = (link + 1) % LINKS;
    char command[64];
    struct words words;
    struct bytes id;

    if (both->links[other].multi)
        both_do(both, other, "DISCARD");
    id = real_ask(&both->links[other].real, "CLIENT ID");
    snprintf(command, sizeof command, "CLIENT KILL ID %d", atoi(id.data + 1));
    if (dice_roll(&both->dice, 2)) {
        both_do(both, other, "MULTI");
        both_do(both, other, "SET t1 killed");
    }
    both_control(both, command);
    snprintf(command, sizeof command, "CLIENT KILL ID %lld", (long long)redis_client_id(both->links[other].client));
    words_make(&words, &both->dice, command, COMPARE_EXACT);
    redis_server_serve(&both->model, both_clock());
    redis_server_close(&both->model, both->links[other].client);
    both_closed(both, other);
    /* One that is gone, and itself. */
    both_do(both, link, "CLIENT KILL ID 999999999");
    both_do(both, link, "CLIENT KILL ID 0");
    both_do(both, link, "CLIENT KILL ID x");
}

static void user_deleted(struct both *both)
{
    int link = idle_link(both);
    struct bytes reply = real_ask(&both->links[link].real, "AUTH worker secret");

    ASSERT(reply_is(reply, "+OK"));
    transaction(both, link);
    both_control(both, "ACL DELUSER worker");
    redis_server_close(&both->model, both->links[link].client);
    both_closed(both, link);
    both_control(both, "ACL SETUSER worker on >secret ~* +@all");
}

static void put_big(struct both *both, int link, const char *key, size_t size)
{
    char *value = malloc(size);
    struct buffer out;

    ASSERT(value);
    memset(value, 'v', size);
    buffer_init(&out, 2 * size + 100);
    resp_array(&out, 3);
    resp_bulk(&out, bytes_of("SET"));
    resp_bulk(&out, bytes_of(key));
    resp_bulk(&out, (struct bytes){value, size});
    real_write(&both->links[link].real, buffer_bytes(&out));
    redis_client_write(both->links[link].client, buffer_bytes(&out), both_clock());
    redis_server_serve(&both->model, both_clock());
    buffer_deinit(&out);
    free(value);
}

/* The transaction is applied, and its reply never comes. */
static void reply_too_large(struct both *both)
{
    int link = idle_link(both);

    put_big(both, link, "big", BIG);
    both_read(both, link, "SET big");
    both_do(both, link, "MULTI");
    both_do(both, link, "INCR n1");
    both_do(both, link, "GET big");
    both_control(both, "CONFIG SET client-output-buffer-limit normal,1000,0,0");
    both->model.trouble.output_limit = BIG / 2;
    both_ask(both, link, "EXEC");
    both_closed(both, link);
    both_control(both, "CONFIG SET client-output-buffer-limit normal,0,0,0");
    both->model.trouble.output_limit = 0;
    both_do(both, OBSERVER, "GET n1");
    both_do(both, OBSERVER, "DEL big");
}

static void command_too_large(struct both *both)
{
    int link = idle_link(both);

    transaction(both, link);
    both_control(both, "CONFIG SET client-query-buffer-limit 1mb");
    both->model.trouble.query_limit = 1 << 20;
    put_big(both, link, "big", HUGE_ARGUMENT);
    both_closed(both, link);
    both_control(both, "CONFIG SET client-query-buffer-limit 1gb");
    both->model.trouble.query_limit = 0;
    both_do(both, OBSERVER, "EXISTS big");
}

/* --- waiting */

static void paused(struct both *both)
{
    int link = idle_link(both), other = (link + 1) % LINKS;
    bool queues = dice_roll(&both->dice, 2);

    if (both->links[other].multi)
        both_do(both, other, "DISCARD");
    both_do(both, other, "SELECT 0");
    if (queues)
        both_do(both, other, "MULTI");
    both_do(both, link, "WATCH t1");
    both_do(both, link, "MULTI");
    both_do(both, link, "SET t2 paused");
    both_control(both, "CLIENT PAUSE 1000000 WRITE");
    both->model.pause_until = INT64_MAX;
    both_ask(both, link, "EXEC");
    both_ask(both, other, "SET t1 1");
    both_silent(both, link);
    both_silent(both, other);
    both_do(both, OBSERVER, "GET t2");
    both_control(both, "CLIENT UNPAUSE");
    both->model.pause_until = 0;
    both_read(both, link, "EXEC");
    both_read(both, other, "SET t1 1");
}

static void busy(struct both *both)
{
    struct real_link script;
    struct words words;
    struct buffer out;
    int polls = 0, link = idle_link(both);

    both_do(both, link, "WATCH %k");
    transaction(both, link);
    real_connect(&both->real, &script);
    both_control(both, "CONFIG SET lua-time-limit 1");
    words_make(&words, &both->dice, "EVAL while(true)do--[[]]end 0", COMPARE_EXACT);
    buffer_init(&out, 1000);
    resp_array(&out, words.count);
    for (size_t i = 0; i < words.count; i++)
        resp_bulk(&out, words.args[i]);
    real_write(&script, buffer_bytes(&out));
    buffer_deinit(&out);
    while (!reply_is(real_ask(&both->control, "PING"), "-BUSY") && ++polls < POLLS_MAX)
        sleep_ms(1);
    both->model.trouble.conditions = CONDITION_BUSY;
    both_do(both, link, "EXEC");
    differ_some(both, SOME);
    both_control(both, "SCRIPT KILL");
    for (polls = 0; reply_is(real_ask(&both->control, "PING"), "-BUSY") && polls < POLLS_MAX; polls++)
        sleep_ms(1);
    both->model.trouble.conditions = 0;
    real_close(&script);
}

/* The server reads its data anew, slowly enough to be asked meanwhile: a pause for each key. */
static void loading(struct both *both)
{
    char folder[] = "/tmp/differ-XXXXXX", command[64], key[16];
    int link = idle_link(both), polls = 0;

    for (int i = 0; i < PADS; i++) {
        snprintf(key, sizeof key, "pad%d", i);
        put_big(both, link, key, PAD);
        both_read(both, link, "SET pad");
    }
    ASSERT(mkdtemp(folder));
    snprintf(command, sizeof command, "CONFIG SET dir %s", folder);
    both_control(both, command);
    both_do(both, link, "WATCH %k");
    transaction(both, link);
    both_control(both, "CONFIG SET key-load-delay 5000");
    real_write(&both->control, bytes_of("DEBUG RELOAD\r\n"));
    redis_server_reload(&both->model);
    while (!reply_is(real_ask(&both->links[OBSERVER].real, "GET pad0"), "-LOADING") && ++polls < POLLS_MAX)
        ;
    both->model.trouble.conditions = CONDITION_LOADING;
    both_do(both, link, "EXEC");
    both_do(both, link, "GET t1");
    differ_some(both, 2);
    both->model.trouble.conditions = 0;
    real_ask(&both->links[OBSERVER].real, "CONFIG SET key-load-delay 0");
    ASSERT(reply_is(real_read(&both->control), "+OK"));
    for (int i = 0; i < PADS; i++) {
        snprintf(command, sizeof command, "DEL pad%d", i);
        both_do(both, OBSERVER, command);
    }
    snprintf(command, sizeof command, "%s/dump.rdb", folder);
    unlink(command);
    rmdir(folder);
    break_saving(both);
}

/* Read anew in one go. */
static void reloaded(struct both *both)
{
    char folder[] = "/tmp/differ-XXXXXX", command[64];
    int link = idle_link(both);

    ASSERT(mkdtemp(folder));
    snprintf(command, sizeof command, "CONFIG SET dir %s", folder);
    both_control(both, command);
    both_do(both, link, "WATCH %k");
    both_control(both, "DEBUG RELOAD");
    redis_server_reload(&both->model);
    both_do(both, link, "MULTI");
    both_do(both, link, "INCR n1");
    both_do(both, link, "EXEC");
    snprintf(command, sizeof command, "%s/dump.rdb", folder);
    unlink(command);
    rmdir(folder);
    break_saving(both);
}

static void seldom_loading(struct both *both)
{
    if (dice_roll(&both->dice, LOADING_OF) == 0)
        loading(both);
    else
        reloaded(both);
}

/* --- which */

static const struct scene {
    const char *name;
    void (*play)(struct both *both);
    uint32_t often;
} scenes[] = {
    {"runs out", runs_out, 2}, {"was over", was_over, 6}, {"killed", killed, 2}, {"user deleted", user_deleted, 1}, {"reply too large", reply_too_large, 1},
    {"command too large", command_too_large, 1}, {"paused", paused, 2}, {"busy", busy, 1}, {"reloaded", reloaded, 1},
    {"loading or reloaded", seldom_loading, 1}, {"loading", loading, 0},
};

void scenes_play(struct both *both, const char *name)
{
    size_t of_conditions = sizeof conditions / sizeof *conditions;
    uint32_t at = dice_roll(&both->dice, (uint32_t)(3 * of_conditions) + 18);

    for (size_t i = 0; i < of_conditions; i++)
        if (name ? strcmp(name, conditions[i].name) == 0 : at / 3 == i)
            condition(both, &conditions[i]);
    at -= 3 * (uint32_t)of_conditions;
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; at -= scenes[i++].often)
        if (name ? strcmp(name, scenes[i].name) == 0 : at < scenes[i].often) {
            scenes[i].play(both);
            return;
        }
}
