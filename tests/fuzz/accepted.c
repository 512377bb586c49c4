#include "fuzz/accepted.h"

#include <string.h>

#include "fuzz/fuzz.h"

static bool is_name(const struct name *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

    for (size_t i = 0; i < name->size; i++)
        if (!name->text[i] || !strchr(letters, name->text[i]))
            return false;
    return name->size >= 1 && name->size <= 64;
}

static bool is_number(int64_t number)
{
    return number >= 1 && number <= (INT64_C(1) << 53) - 1;
}

/* The table's column "fields". */
static bool has_fields(const struct event *e)
{
    switch (e->kind) {
    case EVENT_LIST:
        return is_name(&e->seller) && is_name(&e->item) && is_number(e->price);
    case EVENT_UNLIST:
        return is_name(&e->seller) && is_name(&e->item);
    case EVENT_PURCHASE:
        return is_name(&e->buyer) && is_name(&e->seller) && is_name(&e->item) && is_number(e->price);
    case EVENT_RESERVE:
        return is_name(&e->sku) && is_number(e->quantity) && is_name(&e->buyer);
    case EVENT_RESTOCK:
        return is_name(&e->sku) && is_number(e->quantity);
    case EVENT_DEPOSIT:
        return is_name(&e->user) && is_number(e->amount);
    case EVENT_GRANT:
        return is_name(&e->user) && is_name(&e->item);
    case EVENT_KIND_COUNT:
        break;
    }
    return false;
}

/* RFC 3629: how many bytes the sequence has, by its first two; 0: none begins so. */
static size_t sequence_size(const unsigned char *at, size_t left)
{
    unsigned char second = left > 1 ? at[1] : 0;

    if (at[0] < 0x80)
        return 1;
    if (at[0] >= 0xc2 && at[0] <= 0xdf)
        return 2;
    if (at[0] >= 0xe0 && at[0] <= 0xef)
        return (at[0] == 0xe0 && second < 0xa0) || (at[0] == 0xed && second > 0x9f) ? 0 : 3;
    if (at[0] >= 0xf0 && at[0] <= 0xf4)
        return (at[0] == 0xf0 && second < 0x90) || (at[0] == 0xf4 && second > 0x8f) ? 0 : 4;
    return 0;
}

bool accepted_text(const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + size;

    while (at < end) {
        size_t length = sequence_size(at, (size_t)(end - at));

        if (!length || length > (size_t)(end - at) || at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
            return false;
        for (size_t i = 1; i < length; i++)
            if (at[i] < 0x80 || at[i] > 0xbf)
                return false;
        at += length;
    }
    return true;
}

void accepted_fulfils(const struct decoded *d)
{
    MUST(d->id_size >= 1 && d->id_size <= 128 && accepted_text(d->id, d->id_size));
    MUST(has_fields(&d->event));
    MUST(d->event.deadline_ms == 0 || is_number(d->event.deadline_ms));
    MUST(d->fields.data && d->fields.size >= 2 && d->detail[0] == '\0');
}

bool accepted_same(const struct decoded *a, const struct decoded *b)
{
    return memcmp(&a->event, &b->event, sizeof a->event) == 0 && a->digest == b->digest && a->id_size == b->id_size &&
           memcmp(a->id, b->id, a->id_size) == 0 && a->source_size == b->source_size && memcmp(a->source, b->source, a->source_size) == 0;
}
