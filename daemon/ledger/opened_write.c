/* What resolutions write: commands queued behind MULTI, and the lines that tell of them. */
#include <stdio.h>
#include <string.h>

#include "ledger/moves.h"
#include "ledger/opened.h"
#include "ledger/seen.h"

void opened_put_field(struct opened *opened, const char *key, const char *field, int64_t value)
{
    command_begin(&opened->writes, 4);
    command_text(&opened->writes, "HSET");
    command_text(&opened->writes, key);
    command_text(&opened->writes, field);
    command_int(&opened->writes, value);
}

void opened_raise_era(struct opened *opened)
{
    opened_put_field(opened, opened->shard.meta_key, "era", opened->era + 1);
    opened_say(opened, "era %lld begins", (long long)opened->era + 1);
}

void opened_put_mark(struct resolve *resolve, struct opened *opened, const struct partition *partition, int64_t next)
{
    char epoch[CLOCK_UUID_SIZE], at[24];

    clock_uuid(resolve->start.clock, epoch);
    snprintf(at, sizeof at, "%lld", (long long)next);
    command_texts(&opened->writes, "DEL", partition->mark_key, partition->seen_key, NULL);
    command_texts(&opened->writes, "HSET", partition->mark_key, "next", at, "done", at, "seen_from", at, "time", "-1", "epoch", epoch, "fp", "",
                  "fp_offset", "-1", NULL);
}

void opened_put_lost(struct opened *opened, const struct partition *partition, int64_t from, int64_t to)
{
    char begin[24], finish[24], era[24];

    snprintf(begin, sizeof begin, "%lld", (long long)from);
    snprintf(finish, sizeof finish, "%lld", (long long)to);
    snprintf(era, sizeof era, "%lld", (long long)opened->era + 1);
    command_texts(&opened->writes, "XADD", opened->shard.outbox_key, "*", "at", partition->at, "from", begin, "to", finish, "era", era, "lost", "1",
                  "records", "", NULL);
}

void opened_put_outbox(struct opened *opened)
{
    if (opened->outbox)
        return;
    command_texts(&opened->writes, "DEL", opened->shard.outbox_key, NULL);
    command_texts(&opened->writes, "XADD", opened->shard.outbox_key, "0-1", "made", "1", NULL);
    command_texts(&opened->writes, "XDEL", opened->shard.outbox_key, "0-1", NULL);
    opened->outbox = true;
}

int opened_put_seen_gap(struct opened *opened, const struct partition *partition, int64_t to)
{
    struct buffer element;
    int r;

    buffer_init(&element, 64);
    seen_element_begin(&element, partition->mark.next, to);
    r = buffer_error(&element);
    command_begin(&opened->writes, 3);
    command_text(&opened->writes, "RPUSH");
    command_text(&opened->writes, partition->seen_key);
    command_bytes(&opened->writes, buffer_bytes(&element));
    buffer_deinit(&element);
    return r;
}

void opened_renew_epochs(struct resolve *resolve, struct opened *opened)
{
    char epoch[CLOCK_UUID_SIZE];

    for (size_t i = 0; i < opened->count; i++)
        if (opened->items[i].mark == 0) {
            clock_uuid(resolve->start.clock, epoch);
            command_texts(&opened->writes, "HSET", opened->partitions[i]->mark_key, "epoch", epoch, NULL);
        }
}

void opened_put_incarnation(struct resolve *resolve, struct opened *opened, struct registry *fresh)
{
    char text[SHARD_FORMER_MAX * CLOCK_UUID_SIZE + 1];
    size_t used = 0;

    registry_add_former(fresh, fresh->incarnation);
    clock_uuid(resolve->start.clock, fresh->incarnation);
    for (size_t i = 0; i < fresh->former_count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", fresh->former[i]);
    text[used] = '\0';
    command_texts(&opened->writes, "HSET", opened->shard.meta_key, "incarnation", fresh->incarnation, "former", text, NULL);
    opened_say(opened, "incarnation %s begins: what is decided a second time has another ce_source; from here on the log alone does not bring the market back (orderd restore --from-log), so take a "
               "snapshot soon (orderd snapshot)", fresh->incarnation);
}

int opened_read_field(struct resolve *resolve, const struct opened *opened, const char *field, struct bytes *out)
{
    struct asker *redis = resolve->start.redis;
    struct error_text error;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "HGET", opened->shard.meta_key, field, NULL);
    r = asker_ask(redis, &replies);
    if (!r)
        r = store_replies_check(replies, 1, &error);
    *out = !r && replies[0]->type == REPLY_STRING ? replies[0]->text : (struct bytes){NULL, 0};
    return r;
}

int opened_put_move(struct resolve *resolve, struct opened *opened, const struct partition *partition, int64_t from, int64_t to,
                    const char *reason)
{
    struct move move = {bytes_of(partition->topic), bytes_of(reason), partition->number, from, to, clock_realtime_ms(resolve->start.clock)};
    struct buffer line;
    struct bytes moved;
    int r = opened_read_field(resolve, opened, "moved", &moved);

    if (r)
        return r;
    buffer_init(&line, MOVES_TEXT_MAX);
    moves_put(&line, moved, &move);
    r = buffer_error(&line);
    if (!r) {
        command_begin(&opened->writes, 4);
        command_text(&opened->writes, "HSET");
        command_text(&opened->writes, opened->shard.meta_key);
        command_text(&opened->writes, "moved");
        command_bytes(&opened->writes, buffer_bytes(&line));
    }
    buffer_deinit(&line);
    return r;
}
