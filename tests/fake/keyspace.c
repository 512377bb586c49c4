#include "fake/keyspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "fake/keyspace_inside.h"

void text_set(struct text *text, struct bytes bytes)
{
    if (text->room <= bytes.size) {
        text->room = bytes.size + bytes.size / 4 + 16;
        text->data = realloc(text->data, text->room);
        ASSERT(text->data);
    }
    if (bytes.size)
        memmove(text->data, bytes.data, bytes.size);
    text->data[bytes.size] = '\0';
    text->size = bytes.size;
}

struct bytes text_bytes(const struct text *text)
{
    return (struct bytes){text->data, text->size};
}

struct bytes entry_bytes(const struct entry *entry)
{
    return (struct bytes){entry->name, entry->size};
}

/* A thing of `size` bytes with its name behind, at `name`. */
static void *named(size_t size, size_t name_at, struct bytes name, uint32_t hash)
{
    char *thing = calloc(1, size + name.size + 1);

    ASSERT(thing);
    memcpy(thing + name_at, name.data, name.size);
    *(struct entry *)(void *)thing = (struct entry){thing + name_at, (uint32_t)name.size, hash};
    return thing;
}

static void key_expire(struct key *key, int64_t now_ms)
{
    if (key->expires && key->expires < now_ms) {
        key_clear(key);
        key->version++;
    }
}

struct key *database_key(struct table *database, struct bytes name, int64_t now_ms)
{
    uint32_t hash = table_hash(name);
    struct key *key = (struct key *)table_find(database, name, hash);

    if (!key) {
        key = named(sizeof *key, offsetof(struct key, name), name, hash);
        table_add(database, &key->entry);
    }
    key_expire(key, now_ms);
    return key;
}

struct key *key_of(struct call *call, struct bytes name)
{
    return database_key(&call->keyspace->databases[call->database], name, call->now_ms);
}

struct key *keyspace_key(struct keyspace *keyspace, struct bytes name)
{
    return database_key(&keyspace->databases[0], name, 0);
}

void key_touch(struct call *call, struct key *key)
{
    key->version++;
    call->dirty++;
}

struct key_member *key_item(const struct key *key, struct bytes name)
{
    return key->items.count ? (struct key_member *)table_find(&key->items, name, table_hash(name)) : NULL;
}

struct key_member *key_item_put(struct key *key, struct bytes name, bool *made)
{
    uint32_t hash = table_hash(name);
    struct key_member *item = (struct key_member *)table_find(&key->items, name, hash);

    *made = !item;
    if (!item) {
        item = named(sizeof *item, offsetof(struct key_member, name), name, hash);
        table_add(&key->items, &item->entry);
    }
    return item;
}

static void item_free(struct key_member *item)
{
    free(item->value.data);
    free(item);
}

void key_item_take(struct key *key, struct key_member *item)
{
    table_take(&key->items, &item->entry);
    item_free(item);
}

void *key_elements_room(struct key *key, size_t size, bool front)
{
    size_t count = key->end - key->head;

    if (front ? key->head == 0 : key->end == key->room) {
        size_t room = 2 * count + 8, head = front ? room - count - 2 : 0;
        char *elements = malloc(room * size);

        ASSERT(elements);
        if (count)
            memcpy(elements + head * size, (char *)key->elements + key->head * size, count * size);
        free(key->elements);
        key->elements = elements;
        key->head = head;
        key->end = head + count;
        key->room = room;
    }
    return (char *)key->elements + (front ? --key->head : key->end++) * size;
}

static void elements_free(struct key *key)
{
    for (size_t i = key->head; i < key->end; i++)
        free(key->type == KEY_LIST ? ((struct text *)key->elements)[i].data : ((struct stream_entry *)key->elements)[i].fields.data);
    free(key->elements);
}

void key_clear(struct key *key)
{
    TABLE_EACH (&key->items, entry)
        item_free((struct key_member *)entry);
    table_deinit(&key->items);
    elements_free(key);
    free(key->string.data);
    key_move(key, &(struct key){.type = KEY_NONE});
}

void key_move(struct key *to, struct key *from)
{
    struct entry entry = to->entry;
    uint64_t version = to->version;

    memcpy(to, from, offsetof(struct key, name));
    to->entry = entry;
    to->version = version;
    entry = from->entry;
    version = from->version;
    memset(from, 0, offsetof(struct key, name));
    from->entry = entry;
    from->version = version;
}

size_t key_count(const struct key *key)
{
    if (key->type == KEY_STRING)
        return 1;
    return key->type == KEY_LIST || key->type == KEY_STREAM ? key->end - key->head : key->items.count;
}

void key_clear_if_empty(struct key *key)
{
    if (key->type != KEY_STREAM && !key_count(key))
        key_clear(key);
}

void key_forget(struct call *call)
{
    int64_t gone = 0;

    for (size_t i = 2; i < call->count; i++) {
        struct key_member *item = key_item(call->key, call->args[i]);

        if (item) {
            key_item_take(call->key, item);
            gone++;
        }
    }
    if (gone) {
        key_touch(call, call->key);
        key_clear_if_empty(call->key);
    }
    resp_int(call->out, gone);
}

void key_length(struct call *call)
{
    resp_int(call->out, (int64_t)key_count(call->key));
}

bool call_integer(struct call *call, size_t at, int64_t *value)
{
    if (number_parse(call->args[at], value))
        return true;
    resp_error(call->out, ERROR_INTEGER);
    return false;
}

bool is_word(struct bytes bytes, const char *word)
{
    return bytes.size == strlen(word) && strncasecmp(bytes.data, word, bytes.size) == 0;
}

bool call_range(int64_t *from, int64_t *to, size_t count)
{
    int64_t end = (int64_t)count;

    *from = *from < -end ? 0 : *from < 0 ? *from + end : *from;
    *to = *to < -end ? -1 : *to < 0 ? *to + end : *to >= end ? end - 1 : *to;
    return *from <= *to;
}

bool call_key(struct call *call, enum key_type type)
{
    call->key = key_of(call, call->args[1]);
    if (call->key->type == KEY_NONE || call->key->type == type)
        return true;
    resp_error(call->out, ERROR_TYPE);
    return false;
}

void keyspace_run(struct call *call, const struct command *command)
{
    if (command->type == KEY_NONE || call_key(call, command->type))
        command->run(call);
}

void keyspace_deinit(struct keyspace *keyspace)
{
    for (size_t i = 0; i < DATABASES; i++) {
        TABLE_EACH (&keyspace->databases[i], entry) {
            key_clear((struct key *)entry);
            free(entry);
        }
        table_deinit(&keyspace->databases[i]);
    }
}
