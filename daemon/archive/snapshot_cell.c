/* From what stands in a snapshot to what the rules mean by it, as turn/load.c reads it from Redis. */
#include "archive/snapshot_file.h"
#include "base/number.h"

static bool take_kind(struct bytes key, struct snapshot_cell *out)
{
    static const struct {
        const char *prefix;
        enum view_key_kind kind;
    } kinds[] = {{"users:", VIEW_FUNDS}, {"stock:", VIEW_STOCK}, {"inventory:", VIEW_INVENTORY}};

    out->kind = VIEW_MARKET;
    if (bytes_equal_text(key, "market:"))
        return true;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t size = strlen(kinds[i].prefix);

        if (key.size < size || memcmp(key.data, kinds[i].prefix, size) != 0)
            continue;
        out->kind = kinds[i].kind;
        return name_parse((struct bytes){key.data + size, key.size - size}, &out->owner);
    }
    return false;
}

static void take_number(struct bytes text, struct snapshot_cell *out)
{
    out->state = number_parse(text, &out->value) ? VIEW_PRESENT : VIEW_INVALID;
}

/* "ITEM.SELLER", neither of which holds a dot. */
static bool take_listing(const struct snapshot_value *value, struct snapshot_cell *out)
{
    const char *dot = memchr(value->member.data, '.', value->member.size);
    size_t size = dot ? (size_t)(dot - value->member.data) : 0;

    if (!dot || !name_parse((struct bytes){value->member.data, size}, &out->item) ||
        !name_parse((struct bytes){dot + 1, value->member.size - size - 1}, &out->seller))
        return false;
    out->state = number_parse_score(value->value, &out->value) ? VIEW_PRESENT : VIEW_INVALID;
    return true;
}

bool snapshot_cell_of(const struct snapshot_value *value, struct snapshot_cell *out)
{
    static const enum snapshot_type types[] = {[VIEW_FUNDS] = SNAPSHOT_HASH, [VIEW_STOCK] = SNAPSHOT_STRING, [VIEW_INVENTORY] = SNAPSHOT_SET,
                                               [VIEW_MARKET] = SNAPSHOT_ZSET};

    *out = (struct snapshot_cell){.state = VIEW_INVALID};
    if (!take_kind(value->key, out))
        return false;
    if (value->type != types[out->kind])
        return true;
    switch (out->kind) {
    case VIEW_FUNDS:
        take_number(value->value, out);
        return bytes_equal_text(value->member, "funds");
    case VIEW_STOCK:
        take_number(value->value, out);
        return true;
    case VIEW_INVENTORY:
        out->state = VIEW_PRESENT;
        out->value = 1;
        return name_parse(value->member, &out->item);
    case VIEW_MARKET:
        return take_listing(value, out);
    }
    return false;
}
