/* How the table of a snapshot that is being taken keeps its values. A key is the class, the key's text, a zero byte and the member; what is too long for
 * the table ends in a hash of the whole, and sorts by its beginning. */
#include "archive/take.h"
#include "base/hash.h"

enum { KEY_TEXT_MAX = 400 };

static void put_big_endian(struct buffer *out, uint64_t value, int bytes)
{
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
        buffer_put_char(out, (char)(value >> shift & 0xff));
}

static struct bytes make_key(struct take *take, enum take_class class, struct bytes key, struct bytes member, int64_t index)
{
    static const struct hash_key unkeyed = {0, 0};
    struct buffer *out = &take->key;

    buffer_reset(out);
    buffer_put_char(out, (char)class);
    buffer_put_bytes(out, key);
    buffer_put_char(out, '\0');
    if (member.data)
        buffer_put_bytes(out, member);
    else
        put_big_endian(out, (uint64_t)index, 8);
    if (!buffer_error(out) && out->size > KEY_TEXT_MAX) {
        struct hash128 whole = hash128(unkeyed, buffer_bytes(out));

        out->size = KEY_TEXT_MAX;
        buffer_put(out, &whole, sizeof whole);
    }
    return buffer_bytes(out);
}

static struct bytes make_numbered(struct take *take, enum take_class class, uint32_t first, uint64_t second)
{
    buffer_reset(&take->key);
    buffer_put_char(&take->key, (char)class);
    put_big_endian(&take->key, first, 4);
    put_big_endian(&take->key, second, 8);
    return buffer_bytes(&take->key);
}

static struct bytes make_entry_key(struct take *take, struct stream_id id)
{
    buffer_reset(&take->key);
    buffer_put_char(&take->key, TAKE_ENTRY);
    put_big_endian(&take->key, id.ms, 8);
    put_big_endian(&take->key, id.seq, 8);
    return buffer_bytes(&take->key);
}

static int put_record(struct take *take, struct bytes key)
{
    int r = buffer_error(&take->key);

    if (!r)
        r = buffer_error(&take->record);
    return r ? r : table_put(take->table, key, buffer_bytes(&take->record));
}

static void put_head(struct buffer *out, const struct take_value *value)
{
    buffer_reset(out);
    buffer_put_varint(out, value->shown.type);
    buffer_put_varint(out, value->gone);
    buffer_put_varint(out, value->chunk);
    buffer_put_varint(out, value->id.ms);
    buffer_put_varint(out, value->id.seq);
    buffer_put_varint(out, value->place);
    buffer_put_sized(out, value->shown.key);
    buffer_put_sized(out, value->shown.member);
    buffer_put_sized(out, value->shown.value);
}

static void read_entry(struct reader *reader, struct outbox_stored *out)
{
    out->id = (struct stream_id){reader_varint(reader), 0};
    out->id.seq = reader_varint(reader);
    out->sequence.ms = reader_varint(reader);
    out->sequence.seq = reader_varint(reader);
    out->at = reader_sized(reader);
    out->from = (int64_t)reader_varint(reader);
    out->to = (int64_t)reader_varint(reader);
    out->era = (int64_t)reader_varint(reader);
    out->lost = reader_varint(reader);
    out->records = reader_sized(reader);
}

int take_value_read(struct take_value *out, struct bytes record)
{
    struct reader reader = reader_of(record);

    *out = (struct take_value){.shown = {.type = (enum snapshot_type)reader_varint(&reader)}};
    out->gone = reader_varint(&reader);
    out->chunk = (uint32_t)reader_varint(&reader);
    out->id.ms = reader_varint(&reader);
    out->id.seq = reader_varint(&reader);
    out->place = (uint32_t)reader_varint(&reader);
    out->shown.key = reader_sized(&reader);
    out->shown.member = reader_sized(&reader);
    out->shown.value = reader_sized(&reader);
    if (out->shown.type == SNAPSHOT_ENTRY)
        read_entry(&reader, &out->shown.entry);
    return reader_end(&reader);
}

int take_value_put(struct take *take, enum take_class class, const struct snapshot_value *value, int64_t index)
{
    struct take_value kept = {.shown = *value, .chunk = take->chunk};

    put_head(&take->record, &kept);
    take->read++;
    return put_record(take, make_key(take, class, value->key, value->member, index));
}

int take_entry_put(struct take *take, const struct outbox_stored *entry)
{
    struct take_value kept = {.shown = {.type = SNAPSHOT_ENTRY}};
    struct buffer *out = &take->record;

    put_head(out, &kept);
    buffer_put_varint(out, entry->id.ms);
    buffer_put_varint(out, entry->id.seq);
    buffer_put_varint(out, entry->sequence.ms);
    buffer_put_varint(out, entry->sequence.seq);
    buffer_put_sized(out, entry->at);
    buffer_put_varint(out, (uint64_t)entry->from);
    buffer_put_varint(out, (uint64_t)entry->to);
    buffer_put_varint(out, (uint64_t)entry->era);
    buffer_put_varint(out, entry->lost);
    buffer_put_sized(out, entry->records);
    return put_record(take, make_entry_key(take, entry->id));
}

int take_entry_remove(struct take *take, struct stream_id id)
{
    return table_delete(take->table, make_entry_key(take, id));
}

int take_seen_put(struct take *take, size_t partition, struct bytes key, int64_t from, struct bytes element)
{
    struct take_value kept = {.shown = {.type = SNAPSHOT_LIST, .key = key, .value = element}};

    put_head(&take->record, &kept);
    return put_record(take, make_numbered(take, TAKE_SEEN, (uint32_t)partition, (uint64_t)from));
}

int take_seen_remove(struct take *take, size_t partition, int64_t from)
{
    int r = table_delete(take->table, make_numbered(take, TAKE_SEEN, (uint32_t)partition, (uint64_t)from));

    return r == -ENOENT ? 0 : r;
}

int take_marks_put(struct take *take)
{
    take->chunk++;
    buffer_reset(&take->record);
    for (size_t i = 0; i < take->count; i++)
        buffer_put(&take->record, &take->partitions[i].next, sizeof take->partitions[i].next);
    return put_record(take, make_numbered(take, TAKE_CHUNK, take->chunk, 0));
}

/* The mark of a partition that a chunk was read with. */
static int mark_of_chunk(struct take *take, uint32_t chunk, size_t partition, int64_t *next)
{
    struct bytes marks;
    int r = table_get(take->table, make_numbered(take, TAKE_CHUNK, chunk, 0), &marks);

    if (r)
        return r;
    ASSERT(marks.size == take->count * sizeof *next);
    memcpy(next, marks.data + partition * sizeof *next, sizeof *next);
    return 0;
}

static struct bytes put_name(struct take *take, const char *before, const struct name *name, const struct name *behind)
{
    size_t at = take->text.size;

    buffer_put_text(&take->text, before);
    buffer_put(&take->text, name->text, name->size);
    if (behind) {
        buffer_put_char(&take->text, '.');
        buffer_put(&take->text, behind->text, behind->size);
    }
    return (struct bytes){take->text.data ? take->text.data + at : NULL, take->text.size - at};
}

static struct bytes put_number(struct take *take, int64_t value)
{
    size_t at = take->text.size;

    buffer_put_int(&take->text, value);
    return (struct bytes){take->text.data ? take->text.data + at : NULL, take->text.size - at};
}

/* As Redis would show what the decision left. Its texts lie in take->text. */
static void show(struct take *take, const struct observation *of, struct snapshot_value *out)
{
    static const struct bytes funds = {"funds", 5}, market = {"market:", 7};

    buffer_reset(&take->text);
    (void)buffer_room(&take->text, 8 * NAME_MAX_SIZE);   /* so that it does not move below */
    *out = (struct snapshot_value){.type = SNAPSHOT_STRING};
    switch (of->kind) {
    case VIEW_FUNDS:
        *out = (struct snapshot_value){.type = SNAPSHOT_HASH, .key = put_name(take, "users:", of->owner, NULL), .member = funds};
        break;
    case VIEW_STOCK:
        out->key = put_name(take, "stock:", of->owner, NULL);
        break;
    case VIEW_INVENTORY:
        *out = (struct snapshot_value){.type = SNAPSHOT_SET, .key = put_name(take, "inventory:", of->owner, NULL)};
        out->member = put_name(take, "", of->item, NULL);
        break;
    case VIEW_MARKET:
        *out = (struct snapshot_value){.type = SNAPSHOT_ZSET, .key = market, .member = put_name(take, "", of->item, of->seller)};
        break;
    }
    if (of->kind != VIEW_INVENTORY)
        out->value = put_number(take, of->after == VIEW_PRESENT ? of->after_value : 0);
}

static bool later(const struct decision_identity *identity, const struct take_value *than)
{
    int order = stream_id_compare(identity->id, than->id);

    return order > 0 || (order == 0 && identity->place > than->place);
}

/* Whether what is held shows this decision already, or a later one. */
static int is_shown(struct take *take, size_t partition, const struct decision_identity *identity, const struct take_value *held, bool *shown)
{
    int64_t next = 0;
    int r = held->chunk ? mark_of_chunk(take, held->chunk, partition, &next) : 0;

    *shown = held->chunk ? identity->offset < next : !later(identity, held);
    return r;
}

/* What was there and is not, or is 0, needs no key of its own where there is none: a user without funds and one with 0 are the same. */
static bool says_nothing(const struct observation *of, bool held)
{
    bool number = of->kind == VIEW_FUNDS || of->kind == VIEW_STOCK;

    return number && !of->changed && !held && (of->after == VIEW_MISSING || of->after_value == 0);
}

int take_value_observe(struct take *take, size_t partition, const struct decision_identity *identity, const struct observation *of)
{
    struct take_value kept = {.gone = of->after == VIEW_MISSING && of->kind != VIEW_FUNDS, .id = identity->id, .place = identity->place}, held;
    bool shown = false;
    struct bytes record;
    int r;

    show(take, of, &kept.shown);
    r = buffer_error(&take->text);
    if (!r)
        r = table_get(take->table, make_key(take, TAKE_MARKET, kept.shown.key, kept.shown.member, 0), &record);
    if (r == -ENOENT)
        r = says_nothing(of, false) ? 1 : 0;
    else if (!r && !(r = take_value_read(&held, record)))
        r = is_shown(take, partition, identity, &held, &shown);
    if (r || shown)
        return r < 0 ? r : 0;
    put_head(&take->record, &kept);
    return put_record(take, make_key(take, TAKE_MARKET, kept.shown.key, kept.shown.member, 0));
}
