#include "letters/book.h"

#include <stdio.h>
#include <string.h>

enum { WRITE_TRIES = 20 };

static void name(const struct book *book, struct book_entry *out, int32_t partition)
{
    struct shard shard;

    shard_init(&shard, book->prefix, book->sharded ? partition : SHARD_NONE);
    memcpy(out->meta, shard.meta_key, sizeof out->meta);
    letters_key(out->key, book->prefix, shard.number);
    out->there = out->registry = false;
    out->raw[0] = '\0';
    out->change = BOOK_KEEP;
}

void book_entry_of_letter(const struct book *book, struct book_entry *out, const struct letter *letter)
{
    name(book, out, letter->partition);
    letter_id(letter, out->field);
}

void book_entry_of_looked(const struct book *book, struct book_entry *out, const char *topic, int32_t partition)
{
    name(book, out, partition);
    letters_looked_field(out->field, topic, partition);
}

bool book_entry_of_id(const struct book *book, struct book_entry *out, int32_t partition, struct bytes id)
{
    if (id.size >= sizeof out->field)
        return false;
    name(book, out, partition);
    memcpy(out->field, id.data, id.size);
    out->field[id.size] = '\0';
    return true;
}

static void take(struct book_entry *entry, const struct reply *meta, const struct reply *value)
{
    size_t size = value->type == REPLY_STRING ? value->text.size : 0;

    entry->registry = meta->type == REPLY_STRING;
    entry->there = value->type != REPLY_NIL;
    if (size >= sizeof entry->raw)
        size = sizeof entry->raw - 1;
    if (size)
        memcpy(entry->raw, value->text.data, size);
    entry->raw[size] = '\0';
}

int book_read(const struct book *book, struct book_entry *const *entries, size_t count, struct error_text *error)
{
    struct reply **replies;
    int r;

    asker_begin(book->redis);
    for (size_t i = 0; i < count; i++) {
        command_texts(book->redis->commands, "HGET", entries[i]->meta, "incarnation", NULL);
        command_texts(book->redis->commands, "HGET", entries[i]->key, entries[i]->field, NULL);
    }
    if (!count)
        return 0;
    r = asker_ask(book->redis, &replies);
    if (r)
        return error_set(error, r, "the connection to redis was lost: %s", strerror(-r));
    r = store_replies_check(replies, 2 * count, error);
    for (size_t i = 0; !r && i < count; i++)
        take(entries[i], replies[2 * i], replies[2 * i + 1]);
    return r;
}

/* Whether the field is still as it was read. */
static bool unchanged(const struct book_entry *entry, const struct reply *value)
{
    if (value->type == REPLY_NIL)
        return !entry->there;
    return entry->there && value->type == REPLY_STRING && bytes_equal_text(value->text, entry->raw);
}

/* WATCHes and reads again: 0, -ESTALE, or as book_read. */
static int watch(const struct book *book, struct book_entry *const *entries, size_t count, struct error_text *error)
{
    struct reply **replies;
    int r;

    asker_begin(book->redis);
    for (size_t i = 0; i < count; i++)
        command_texts(book->redis->commands, "WATCH", entries[i]->key, NULL);
    for (size_t i = 0; i < count; i++)
        command_texts(book->redis->commands, "HGET", entries[i]->key, entries[i]->field, NULL);
    r = asker_ask(book->redis, &replies);
    if (r)
        return error_set(error, r, "the connection to redis was lost: %s", strerror(-r));
    r = store_replies_check(replies, 2 * count, error);
    for (size_t i = 0; !r && i < count; i++)
        if (!unchanged(entries[i], replies[count + i]))
            r = error_set(error, -ESTALE, "%s was changed by somebody else meanwhile", entries[i]->field);
    return r;
}

static void put_change(struct commands *commands, const struct book_entry *entry)
{
    if (entry->change == BOOK_PUT)
        command_texts(commands, "HSET", entry->key, entry->field, entry->value, NULL);
    else if (entry->change == BOOK_REMOVE)
        command_texts(commands, "HDEL", entry->key, entry->field, NULL);
}

static int execute(const struct book *book, struct book_entry *const *entries, size_t count, struct error_text *error)
{
    struct exec_result result;
    size_t queued;
    int r;

    asker_begin(book->redis);
    command_texts(book->redis->commands, "MULTI", NULL);
    for (size_t i = 0; i < count; i++)
        put_change(book->redis->commands, entries[i]);
    queued = book->redis->commands->count - 1;
    command_texts(book->redis->commands, "EXEC", NULL);
    r = asker_exec(book->redis, queued, &result);
    if (r)
        return error_set(error, r, "the connection to redis was lost: %s", strerror(-r));
    if (result.class == EXEC_CONFLICT)
        return -EAGAIN;
    if (result.class == EXEC_UNKNOWN)
        return error_set(error, -ECONNRESET, "the connection to redis was lost");
    return result.class == EXEC_APPLIED ? 0 : error_set(error, -EIO, "redis: %s", result.error.text);
}

static void unwatch(const struct book *book)
{
    struct reply **replies;

    asker_begin(book->redis);
    command_texts(book->redis->commands, "UNWATCH", NULL);
    if (session_is_up(book->redis->session) && asker_ask(book->redis, &replies))
        session_drop(book->redis->session, "UNWATCH was not answered");
}

/* Others write other fields of the same key, so a conflict alone means nothing. */
int book_write(const struct book *book, struct book_entry *const *entries, size_t count, struct error_text *error)
{
    int r = -EAGAIN;

    if (!count)
        return 0;
    for (int i = 0; r == -EAGAIN && i < WRITE_TRIES; i++) {
        r = watch(book, entries, count, error);
        if (r == -ESTALE)
            unwatch(book);
        if (r)
            return r;
        r = execute(book, entries, count, error);
    }
    if (r == -EAGAIN)
        return error_set(error, -ESTALE, "%s is changed by others all the time", entries[0]->key);
    for (size_t i = 0; !r && i < count; i++) {
        if (entries[i]->change != BOOK_KEEP)
            entries[i]->there = entries[i]->change == BOOK_PUT;
        if (entries[i]->change == BOOK_PUT)
            memcpy(entries[i]->raw, entries[i]->value, sizeof entries[i]->raw);
        entries[i]->change = BOOK_KEEP;
    }
    return r;
}

void book_record(const struct book_entry *entry, struct letters_record *out)
{
    letters_read(out, entry->there ? bytes_of(entry->raw) : (struct bytes){NULL, 0});
}

void book_put(struct book_entry *entry, const struct letters_record *record)
{
    entry->change = BOOK_PUT;
    letters_format(entry->value, record);
}
