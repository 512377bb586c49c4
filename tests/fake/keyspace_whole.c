/* What is done with a keyspace as a whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/sequence.h"
#include "fake/keyspace_inside.h"

static const struct command *const tables[] = {keyspace_generic, keyspace_strings, keyspace_hashes, keyspace_sets,
                                               keyspace_zsets,   keyspace_lists,   keyspace_streams};

const struct command *const *keyspace_tables(size_t *count)
{
    *count = sizeof tables / sizeof *tables;
    return tables;
}

static const struct command *find(struct bytes name)
{
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct command *command = tables[i]; command->name; command++)
            if (is_word(name, command->name))
                return command;
    return NULL;
}

void keyspace_do(struct keyspace *keyspace, const char *command)
{
    char copy[512], *rest = copy, *word;
    struct bytes args[32];
    struct buffer out;
    struct call call = {.keyspace = keyspace, .args = args, .out = &out};

    snprintf(copy, sizeof copy, "%s", command);
    while ((word = strsep(&rest, " ")))
        args[call.count++] = bytes_of(word);
    buffer_init(&out, 1 << 20);
    keyspace_run(&call, find(args[0]));
    ASSERT(out.data[0] != '-');
    buffer_deinit(&out);
}

static int by_name(const void *a, const void *b)
{
    const struct entry *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

static const struct entry **sorted(const struct table *table)
{
    const struct entry **entries = malloc((table->count + 1) * sizeof(struct entry *));
    size_t count = 0;

    ASSERT(entries);
    TABLE_EACH (table, entry)
        entries[count++] = entry;
    qsort(entries, count, sizeof *entries, by_name);
    return entries;
}

static void put_item(struct buffer *out, const struct key *key, const struct key_member *item)
{
    buffer_put_bytes(out, entry_bytes(&item->entry));
    if (key->type == KEY_HASH)
        buffer_put_format(out, "=%s", item->value.data);
    else if (key->type == KEY_ZSET)
        buffer_put_format(out, "=%.17g", item->score);
}

static void put_key(struct buffer *out, const struct key *key)
{
    buffer_put_format(out, "%s%s", out->size ? " " : "", key->entry.name);
    if (key->type == KEY_STRING) {
        buffer_put_format(out, "=%s", key->string.data);
    } else if (key->type == KEY_LIST || key->type == KEY_STREAM) {
        buffer_put_format(out, "[%zu]", key_count(key));
    } else {
        const struct entry **items = sorted(&key->items);

        for (size_t i = 0; i < key->items.count; i++) {
            buffer_put_char(out, i ? ' ' : '{');
            put_item(out, key, (const struct key_member *)items[i]);
        }
        buffer_put_char(out, '}');
        free(items);
    }
}

void keyspace_text(const struct keyspace *keyspace, struct buffer *out)
{
    const struct entry **keys = sorted(&keyspace->databases[0]);

    for (size_t i = 0; i < keyspace->databases[0].count; i++) {
        const struct key *key = (const struct key *)keys[i];

        if (key->type != KEY_NONE && !strstr(key->entry.name, "orderd:"))
            put_key(out, key);
    }
    free(keys);
}

static void each_element(const struct key *key, void (*each)(void *context, struct bytes name, struct bytes value), void *context)
{
    char id[STREAM_ID_TEXT_SIZE];

    for (size_t i = key->head; i < key->end; i++)
        if (key->type == KEY_LIST) {
            each(context, (struct bytes){"", 0}, text_bytes((const struct text *)key->elements + i));
        } else {
            const struct stream_entry *entry = (const struct stream_entry *)key->elements + i;

            stream_id_text(id, (struct stream_id){entry->ms, entry->seq});
            each(context, bytes_of(id), text_bytes(&entry->fields));
        }
}

void key_each(const struct key *key, void (*each)(void *context, struct bytes name, struct bytes value), void *context)
{
    char score[64];

    if (key->type == KEY_STRING)
        each(context, (struct bytes){"", 0}, text_bytes(&key->string));
    TABLE_EACH (&key->items, entry) {
        const struct key_member *member = (const struct key_member *)entry;

        snprintf(score, sizeof score, "%.17g", member->score);
        each(context, entry_bytes(entry), key->type == KEY_HASH ? text_bytes(&member->value) : bytes_of(key->type == KEY_ZSET ? score : ""));
    }
    each_element(key, each, context);
}

void keyspace_flush_database(struct table *database)
{
    TABLE_EACH (database, entry) {
        struct key *key = (struct key *)entry;

        if (key->type != KEY_NONE)
            key->version++;
        key_clear(key);
    }
}

void keyspace_flush(struct keyspace *keyspace)
{
    for (size_t i = 0; i < DATABASES; i++)
        keyspace_flush_database(&keyspace->databases[i]);
}

static void copy_elements(struct key *to, const struct key *from)
{
    for (size_t i = from->head; i < from->end; i++)
        if (from->type == KEY_LIST) {
            struct text *element = key_elements_room(to, sizeof *element, false);

            *element = (struct text){NULL, 0, 0};
            text_set(element, text_bytes((const struct text *)from->elements + i));
        } else {
            const struct stream_entry *entry = (const struct stream_entry *)from->elements + i;
            struct stream_entry *copy = key_elements_room(to, sizeof *copy, false);

            *copy = (struct stream_entry){entry->ms, entry->seq, {NULL, 0, 0}};
            text_set(&copy->fields, text_bytes(&entry->fields));
        }
}

static void copy_key(struct key *to, const struct key *from)
{
    bool made;

    to->type = from->type;
    to->expires = from->expires;
    to->last_ms = from->last_ms;
    to->last_seq = from->last_seq;
    if (from->type == KEY_STRING)
        text_set(&to->string, text_bytes(&from->string));
    TABLE_EACH (&from->items, entry) {
        struct key_member *item = key_item_put(to, entry_bytes(entry), &made);

        item->score = ((const struct key_member *)entry)->score;
        if (from->type == KEY_HASH)
            text_set(&item->value, text_bytes(&((const struct key_member *)entry)->value));
    }
    copy_elements(to, from);
}

void keyspace_copy(struct keyspace *to, const struct keyspace *from)
{
    to->major = from->major;
    to->minor = from->minor;
    for (size_t i = 0; i < DATABASES; i++)
        TABLE_EACH (&from->databases[i], entry)
            if (((const struct key *)entry)->type != KEY_NONE)
                copy_key(database_key(&to->databases[i], entry_bytes(entry), 0), (const struct key *)entry);
}
