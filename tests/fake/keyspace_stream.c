/* Streams, without consumer groups. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "codec/sequence.h"
#include "fake/keyspace_inside.h"

#define ERROR_ID "ERR Invalid stream ID specified as stream command argument"

static struct stream_entry *entries_of(const struct key *key)
{
    return (struct stream_entry *)key->elements + key->head;
}

static struct stream_id id_of(const struct stream_entry *entry)
{
    return (struct stream_id){entry->ms, entry->seq};
}

static bool digits_parse(struct bytes text, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '0' || text.data[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(text.data[i] - '0'), value))
            return false;
    return text.size > 0;
}

/* "5-1", or "5" with the second half that was given. */
static bool id_parse(struct bytes text, uint64_t missing, struct stream_id *id)
{
    const char *dash = memchr(text.data, '-', text.size);
    size_t size = dash ? (size_t)(dash - text.data) : text.size;

    id->seq = missing;
    return digits_parse((struct bytes){text.data, size}, &id->ms) &&
           (!dash || digits_parse((struct bytes){dash + 1, text.size - size - 1}, &id->seq));
}

static void reply_id(struct buffer *out, struct stream_id id)
{
    char text[STREAM_ID_TEXT_SIZE];

    stream_id_text(text, id);
    resp_bulk(out, bytes_of(text));
}

/* What stands for the id in XADD. */
struct wish {
    bool any, any_seq;      /* "*", "5-*" */
    struct stream_id id;
};

static bool wish_parse(struct call *c, size_t at, struct wish *wish)
{
    struct bytes text = c->args[at];

    *wish = (struct wish){.any = bytes_equal_text(text, "*")};
    if (wish->any)
        return true;
    wish->any_seq = text.size > 2 && memcmp(text.data + text.size - 2, "-*", 2) == 0;
    if (id_parse((struct bytes){text.data, text.size - (wish->any_seq ? 2 : 0)}, 0, &wish->id))
        return true;
    resp_error(c->out, ERROR_ID);
    return false;
}

/* The id that the entry gets; the clock may be behind the last one. */
static bool id_choose(const struct call *c, const struct wish *wish, struct stream_id *id)
{
    struct stream_id last = {c->key->last_ms, c->key->last_seq};

    *id = wish->any ? (struct stream_id){(uint64_t)c->now_ms, 0} : wish->id;
    if ((wish->any && stream_id_compare(*id, last) <= 0) || (wish->any_seq && id->ms == last.ms))
        *id = last.seq == UINT64_MAX ? (struct stream_id){last.ms + (uint64_t)wish->any, 0} : (struct stream_id){last.ms, last.seq + 1};
    return stream_id_compare(*id, last) > 0;
}

static void append(struct call *c, struct stream_id id, size_t fields_at)
{
    struct stream_entry *entry = key_elements_room(c->key, sizeof *entry, false);
    struct buffer fields;

    buffer_init(&fields, 64 << 20);
    resp_array(&fields, c->count - fields_at);
    for (size_t i = fields_at; i < c->count; i++)
        resp_bulk(&fields, c->args[i]);
    *entry = (struct stream_entry){id.ms, id.seq, {fields.data, fields.size, fields.capacity}};
    c->key->type = KEY_STREAM;
    c->key->last_ms = id.ms;
    c->key->last_seq = id.seq;
}

/* Keeps the last `most`. */
static int64_t trim(struct key *key, int64_t most)
{
    int64_t gone = 0;

    for (; (int64_t)(key->end - key->head) > most; gone++)
        free(((struct stream_entry *)key->elements)[key->head++].fields.data);
    return gone;
}

struct add_options {
    bool only_old;
    int64_t most;        /* -1: no bound */
    size_t at;           /* of the id */
};

static bool add_options(struct call *c, struct add_options *o)
{
    *o = (struct add_options){.most = -1, .at = 2};
    for (; o->at < c->count; o->at++) {
        if (is_word(c->args[o->at], "NOMKSTREAM")) {
            o->only_old = true;
        } else if (is_word(c->args[o->at], "MAXLEN") && o->at + 1 < c->count) {
            o->at += 1 + bytes_equal_text(c->args[o->at + 1], "=");
            if (o->at >= c->count || !call_integer(c, o->at, &o->most))
                return false;
            if (o->most < 0) {
                resp_error(c->out, "ERR The MAXLEN argument must be >= 0.");
                return false;
            }
        } else {
            return true;
        }
    }
    return true;
}

static const char *add_refused(const struct call *c, const struct wish *wish, struct stream_id *id)
{
    if (c->key->last_ms == UINT64_MAX && c->key->last_seq == UINT64_MAX)
        return "ERR The stream has exhausted the last possible ID, unable to add more items";
    if (!id_choose(c, wish, id))
        return "ERR The ID specified in XADD is equal or smaller than the target stream top item";
    return NULL;
}

static void xadd(struct call *c)
{
    struct add_options o;
    struct stream_id id;
    struct wish wish;
    const char *refused;

    if (!add_options(c, &o))
        return;
    if (o.at < c->count && !wish_parse(c, o.at, &wish))
        return;
    if (c->count - o.at < 3 || (c->count - o.at) % 2 == 0) {
        resp_error(c->out, "ERR wrong number of arguments for 'xadd' command");
        return;
    }
    if (!wish.any && !wish.any_seq && !wish.id.ms && !wish.id.seq) {
        resp_error(c->out, "ERR The ID specified in XADD must be greater than 0-0");
        return;
    }
    if (!call_key(c, KEY_STREAM))
        return;
    if (o.only_old && c->key->type == KEY_NONE) {
        resp_bulk(c->out, (struct bytes){NULL, 0});
        return;
    }
    refused = add_refused(c, &wish, &id);
    if (refused) {
        resp_error(c->out, refused);
        return;
    }
    append(c, id, o.at + 1);
    if (o.most >= 0)
        trim(c->key, o.most);
    key_touch(c, c->key);
    reply_id(c->out, id);
}

/* How many entries lie below the id. */
static size_t below(const struct key *key, struct stream_id id)
{
    size_t low = 0, high = key_count(key);

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (stream_id_compare(id_of(&entries_of(key)[middle]), id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool entry_take(struct key *key, struct stream_id id)
{
    struct stream_entry *entries = entries_of(key);
    size_t at = below(key, id), count = key_count(key);

    if (at == count || stream_id_compare(id_of(&entries[at]), id) != 0)
        return false;
    free(entries[at].fields.data);
    if (at == 0) {
        key->head++;
    } else {
        memmove(&entries[at], &entries[at + 1], (count - at - 1) * sizeof *entries);
        key->end--;
    }
    return true;
}

static void xdel(struct call *c)
{
    struct stream_id id;
    int64_t gone = 0;

    if (c->key->type == KEY_NONE) {
        resp_int(c->out, 0);
        return;
    }
    for (size_t i = 2; i < c->count; i++)
        if (!id_parse(c->args[i], 0, &id)) {
            resp_error(c->out, ERROR_ID);
            return;
        }
    for (size_t i = 2; i < c->count; i++)
        gone += id_parse(c->args[i], 0, &id) && entry_take(c->key, id);
    if (gone)
        key_touch(c, c->key);
    resp_int(c->out, gone);
}

/* One end of a range: "-", "+", an id, or "(id". */
static bool end_parse(struct call *c, size_t at, bool low, struct stream_id *id)
{
    struct bytes text = c->args[at];
    bool out = text.size > 1 && text.data[0] == '(';

    if (text.size == 1 && (text.data[0] == '-' || text.data[0] == '+')) {
        *id = text.data[0] == '-' ? (struct stream_id){0, 0} : (struct stream_id){UINT64_MAX, UINT64_MAX};
        return true;
    }
    if (!id_parse((struct bytes){text.data + out, text.size - out}, low ? 0 : UINT64_MAX, id)) {
        resp_error(c->out, ERROR_ID);
        return false;
    }
    if (!out)
        return true;
    if (low ? id->ms == UINT64_MAX && id->seq == UINT64_MAX : !id->ms && !id->seq) {
        resp_error(c->out, low ? "ERR invalid start ID for the interval" : "ERR invalid end ID for the interval");
        return false;
    }
    if (low)
        *id = id->seq == UINT64_MAX ? (struct stream_id){id->ms + 1, 0} : (struct stream_id){id->ms, id->seq + 1};
    else
        *id = id->seq == 0 ? (struct stream_id){id->ms - 1, UINT64_MAX} : (struct stream_id){id->ms, id->seq - 1};
    return true;
}

static bool range_count(struct call *c, int64_t *most)
{
    *most = -1;
    for (size_t i = 4; i < c->count; i += 2) {
        if (!is_word(c->args[i], "COUNT") || i + 1 == c->count) {
            resp_error(c->out, ERROR_SYNTAX);
            return false;
        }
        if (!call_integer(c, i + 1, most))
            return false;
        *most = *most < 0 ? 0 : *most;
    }
    return true;
}

static void reply_entry(struct call *c, const struct stream_entry *entry)
{
    resp_array(c->out, 2);
    reply_id(c->out, id_of(entry));
    buffer_put_bytes(c->out, text_bytes(&entry->fields));
}

static void range(struct call *c, bool forward)
{
    size_t low_at = forward ? 2 : 3, from, to;
    struct stream_id low, high;
    int64_t most;

    if (!end_parse(c, low_at, true, &low) || !end_parse(c, 5 - low_at, false, &high) || !range_count(c, &most) || !call_key(c, KEY_STREAM))
        return;
    if (c->key->type == KEY_NONE || most == 0) {
        c->key->type == KEY_NONE ? resp_array(c->out, 0) : resp_nil_array(c->out);
        return;
    }
    from = below(c->key, low);
    to = below(c->key, high);
    if (to < key_count(c->key) && stream_id_compare(id_of(&entries_of(c->key)[to]), high) == 0)
        to++;
    to = to < from ? from : to;
    if (most > 0 && to - from > (size_t)most)
        forward ? (to = from + (size_t)most) : (from = to - (size_t)most);
    resp_array(c->out, to - from);
    for (size_t i = 0; i < to - from; i++)
        reply_entry(c, &entries_of(c->key)[forward ? from + i : to - 1 - i]);
}

static void xrange(struct call *c)
{
    range(c, true);
}

static void xrevrange(struct call *c)
{
    range(c, false);
}

static void xtrim(struct call *c)
{
    bool exactly = c->count == 5 && bytes_equal_text(c->args[3], "=");
    int64_t most, gone;

    if (!is_word(c->args[2], "MAXLEN") || (c->count != 4 && !exactly)) {
        resp_error(c->out, ERROR_SYNTAX);
        return;
    }
    if (!call_integer(c, c->count - 1, &most))
        return;
    if (most < 0) {
        resp_error(c->out, "ERR The MAXLEN argument must be >= 0.");
        return;
    }
    if (!call_key(c, KEY_STREAM))
        return;
    gone = c->key->type == KEY_NONE ? 0 : trim(c->key, most);
    if (gone)
        key_touch(c, c->key);
    resp_int(c->out, gone);
}

const struct command keyspace_streams[] = {
    {"XADD", -5, COMMAND_WRITE | COMMAND_DENYOOM, KEY_NONE, xadd},
    {"XDEL", -3, COMMAND_WRITE, KEY_STREAM, xdel},
    {"XLEN", 2, 0, KEY_STREAM, key_length},
    {"XRANGE", -4, 0, KEY_NONE, xrange},
    {"XREVRANGE", -4, 0, KEY_NONE, xrevrange},
    {"XTRIM", -4, COMMAND_WRITE, KEY_NONE, xtrim},
    {NULL, 0, 0, KEY_NONE, NULL},
};
