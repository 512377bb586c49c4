/* The duplicate window against a naive oracle: the rule of DESIGN 4.8 written down as it reads, over random logs, with turns that are
 * taken back, lists that are trimmed and merged, and owners that load them again. */
#include "check.h"

#include <stdlib.h>

#include "ledger/seen.h"

enum { RECORDS_MAX = 1 << 15, ELEMENTS_MAX = 1 << 13, TURN_MAX = 12 };

struct remembered {
    int id;
    int64_t offset, time;
    uint64_t digest;
    enum status status;
};

/* The oracle: every record ever decided, and no cleverness. */
struct oracle {
    struct remembered records[RECORDS_MAX];
    size_t count, confirmed;
    size_t ids;
    int64_t window_ms;
};

static const struct remembered *oracle_find(const struct oracle *o, int id, int64_t now)
{
    for (size_t i = o->count; i-- > 0 && o->count - i <= o->ids;) {
        const struct remembered *r = &o->records[i];

        if (r->id == id && (r->time == SEEN_TIME_NONE || now == SEEN_TIME_NONE || now - r->time < o->window_ms))
            return r;
    }
    return NULL;
}

/* The list as Redis holds it. */
struct list {
    struct bytes elements[ELEMENTS_MAX];
    size_t first, end;
    int64_t from, next;      /* the mark's seen_from and next */
};

struct world {
    struct oracle oracle;
    struct list list;
    struct seen *seen;
    struct buffer element;
    int64_t time, offset;
    uint64_t random;
    int ids;                 /* how many different ids the producer uses */
    unsigned pace;           /* T advances by less than this between two events */
};

static unsigned below(struct world *w, unsigned bound)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(w->random >> 33) % bound;
}

static struct bytes id_text(int id, char text[16])
{
    return (struct bytes){text, (size_t)snprintf(text, 16, "id-%d", id)};
}

/* Half of the ids come with a source, which makes them other ids. */
static struct bytes source_text(int id)
{
    return id % 2 ? bytes_of("/shop") : (struct bytes){NULL, 0};
}

static bool same(const struct seen_record *found, const struct remembered *wanted)
{
    if (!found || !wanted)
        return !found && !wanted;
    return found->offset == wanted->offset && found->status == wanted->status && found->digest == wanted->digest;
}

/* One event: both say whether it is a duplicate, and of which; a new one is remembered by both. */
static bool decide(struct world *w)
{
    int id = (int)below(w, (unsigned)w->ids);
    char text[16];
    struct hash128 key = seen_key(w->seen, source_text(id), id_text(id, text));
    const struct remembered *wanted;
    bool agreed;

    w->time += below(w, w->pace);
    wanted = oracle_find(&w->oracle, id, w->time);
    agreed = same(seen_find(w->seen, key, w->time), wanted);
    if (!wanted && below(w, 8)) {      /* one in eight is malformed, and so not remembered */
        struct remembered r = {id, w->offset, w->time, below(w, 1000), below(w, 2) ? STATUS_APPLIED : STATUS_REJECTED};
        struct seen_record record = {.key = key, .offset = r.offset, .time = r.time, .digest = r.digest, .status = r.status};

        ASSERT(w->oracle.count < RECORDS_MAX);
        w->oracle.records[w->oracle.count++] = r;
        seen_element_add(&w->element, source_text(id), id_text(id, text), &record);
        agreed &= seen_add(w->seen, &record) == 0;
    }
    w->offset += 1 + below(w, 2);      /* offsets have gaps */
    return agreed;
}

/* What EXEC would do to the list. */
static void list_apply(struct world *w, const struct seen_change *change, int64_t to)
{
    struct buffer whole;

    buffer_init(&whole, 1 << 20);
    seen_element_begin(&whole, change->element_from, to);
    if (!change->merge)
        buffer_put_bytes(&whole, buffer_bytes(&w->element));
    for (size_t i = 0; i < change->drop; i++)
        free((char *)(uintptr_t)w->list.elements[w->list.first++].data);
    if (change->merge)
        free((char *)(uintptr_t)w->list.elements[--w->list.end].data);
    ASSERT(w->list.end < ELEMENTS_MAX);
    w->list.elements[w->list.end++] = (struct bytes){whole.data, whole.size};
    w->list.from = change->from;
    w->list.next = to;
}

static bool turn(struct world *w)
{
    int64_t from = w->offset, time = w->time;
    struct seen_change change;
    unsigned events = below(w, TURN_MAX);
    bool agreed = true;

    buffer_reset(&w->element);
    if (!events)
        w->offset++;                   /* the log's end moved over control records */
    for (unsigned i = 0; i < events; i++)
        agreed &= decide(w);
    change = seen_plan(w->seen, from, w->time);
    if (below(w, 4) == 0) {            /* EXEC answered nil: the same events come again */
        seen_rollback(w->seen);
        w->oracle.count = w->oracle.confirmed;
        w->offset = from;
        w->time = time;
        return agreed;
    }
    agreed &= !change.merge || w->element.size == 0;
    list_apply(w, &change, w->offset);
    agreed &= seen_confirm(w->seen, &change, w->offset) == 0;
    w->oracle.confirmed = w->oracle.count;
    return agreed && seen_elements(w->seen) == w->list.end - w->list.first;
}

/* Another owner, another hash key, the same list. */
static bool reload(struct world *w)
{
    struct hash_key key = {w->random, ~w->random};
    int64_t expected = w->list.from;
    bool good;

    seen_free(w->seen);
    good = seen_new(&w->seen, key, w->oracle.ids, w->oracle.window_ms) == 0;
    for (size_t i = w->list.first; good && i < w->list.end; i++)
        good = seen_load(w->seen, w->list.elements[i], expected, &expected) == 0;
    return good && expected == w->list.next && seen_elements(w->seen) == w->list.end - w->list.first;
}

static bool history(uint64_t seed, size_t ids, int64_t window_ms, int producer_ids, unsigned pace, int turns)
{
    struct world *w = calloc(1, sizeof *w);
    bool good;

    w->random = seed * 2 + 1;
    w->time = SEEN_TIME_NONE;
    w->oracle.ids = ids;
    w->oracle.window_ms = window_ms;
    w->ids = producer_ids;
    w->pace = pace;
    buffer_init(&w->element, 1 << 20);
    good = seen_new(&w->seen, (struct hash_key){seed, 1}, ids, window_ms) == 0;
    for (int i = 0; good && i < turns; i++)
        good = turn(w) && (below(w, 10) || reload(w));
    seen_free(w->seen);
    buffer_deinit(&w->element);
    for (size_t i = w->list.first; i < w->list.end; i++)
        free((char *)(uintptr_t)w->list.elements[i].data);
    free(w);
    return good;
}

static void short_windows_agree_with_the_oracle(struct checks *c)
{
    for (uint64_t seed = 1; seed <= 300; seed++) {
        bool agreed = history(seed, 1 + seed % 40, 1 + (int64_t)(seed * 7 % 500), 1 + (int)(seed % 60), 1 + (unsigned)(seed % 90), 200);

        if (!agreed)
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        CHECK(c, agreed);
    }
}

static void windows_larger_than_the_first_table_agree_too(struct checks *c)
{
    for (uint64_t seed = 1; seed <= 3; seed++)
        CHECK(c, history(seed, 3000, 1000000, 6000, 20, 2500));
}

static void time_that_is_not_known_ends_no_window(struct checks *c)
{
    struct seen *seen = NULL;
    struct hash128 key;
    struct seen_record record = {.offset = 1, .time = SEEN_TIME_NONE, .status = STATUS_APPLIED};

    CHECK_INT(c, seen_new(&seen, (struct hash_key){1, 2}, 10, 1000), 0);
    key = record.key = seen_key(seen, (struct bytes){NULL, 0}, bytes_of("a"));
    CHECK_INT(c, seen_add(seen, &record), 0);
    CHECK(c, seen_find(seen, key, SEEN_TIME_NONE) && seen_find(seen, key, 1795326127590));
    seen_free(seen);
}

/* T(o) - T(record) < window: at the window's length it is over. */
static void the_window_ends_at_its_length(struct checks *c)
{
    struct seen *seen = NULL;
    struct seen_record record = {.offset = 1, .time = 5000, .status = STATUS_APPLIED};

    CHECK_INT(c, seen_new(&seen, (struct hash_key){1, 2}, 10, 1000), 0);
    record.key = seen_key(seen, bytes_of("s"), bytes_of("a"));
    CHECK_INT(c, seen_add(seen, &record), 0);
    CHECK(c, seen_find(seen, record.key, 5999) && !seen_find(seen, record.key, 6000));
    seen_free(seen);
}

static void source_and_id_are_one_key_and_do_not_run_together(struct checks *c)
{
    struct seen *seen = NULL;
    struct hash128 a, b;

    CHECK_INT(c, seen_new(&seen, (struct hash_key){1, 2}, 10, 1000), 0);
    a = seen_key(seen, bytes_of("ab"), bytes_of("c"));
    b = seen_key(seen, bytes_of("a"), bytes_of("bc"));
    CHECK(c, a.low != b.low && a.high != b.high);
    a = seen_key(seen, (struct bytes){NULL, 0}, bytes_of("c"));
    b = seen_key(seen, bytes_of(""), bytes_of("c"));
    CHECK(c, a.low == b.low && a.high == b.high);
    seen_free(seen);
}

static int load_one(const char *data, size_t size, int64_t expected)
{
    char *copy = malloc(size ? size : 1);
    struct seen *seen = NULL;
    int64_t to;
    int r = seen_new(&seen, (struct hash_key){1, 2}, 10, 1000);

    memcpy(copy, data, size);
    if (!r)
        r = seen_load(seen, (struct bytes){copy, size}, expected, &to);
    if (r && seen_records(seen))
        r = 1;      /* a refused element must leave nothing behind */
    seen_free(seen);
    free(copy);
    return r;
}

static void damaged_elements_are_refused(struct checks *c)
{
    struct seen_record record = {.offset = 5, .time = 1795326127590, .digest = UINT64_MAX, .status = STATUS_EXPIRED};
    struct seen_record outside = record;
    struct buffer element;

    buffer_init(&element, 1000);
    seen_element_begin(&element, 4, 7);
    seen_element_add(&element, bytes_of("/s"), bytes_of("id"), &record);
    CHECK_INT(c, load_one(element.data, element.size, 4), 0);
    CHECK_INT(c, load_one(element.data, element.size, 5), -ERANGE);
    for (size_t size = 0; size < element.size; size++)
        CHECK(c, size == 3 ? load_one(element.data, size, 4) == 0 : load_one(element.data, size, 4) == -EBADMSG);
    outside.offset = 7;
    seen_element_add(&element, bytes_of("/s"), bytes_of("id"), &outside);
    CHECK_INT(c, load_one(element.data, element.size, 4), -EBADMSG);
    buffer_reset(&element);
    seen_element_begin(&element, 7, 4);
    CHECK_INT(c, load_one(element.data, element.size, 7), -EBADMSG);
    buffer_deinit(&element);
}

/* A producer may give a message any timestamp, the last that there is among them. */
static void the_last_time_of_all_is_kept_too(struct checks *c)
{
    struct seen_record record = {.offset = 5, .time = INT64_MAX, .status = STATUS_APPLIED};
    struct seen *seen = NULL;
    struct buffer element;
    int64_t to;

    buffer_init(&element, 1000);
    seen_element_begin(&element, 4, 7);
    seen_element_add(&element, bytes_of("/s"), bytes_of("id"), &record);
    CHECK_INT(c, seen_new(&seen, (struct hash_key){1, 2}, 10, 1000), 0);
    CHECK_INT(c, seen_load(seen, buffer_bytes(&element), 4, &to), 0);
    CHECK(c, seen_find(seen, seen_key(seen, bytes_of("/s"), bytes_of("id")), INT64_MAX));
    seen_free(seen);
    buffer_deinit(&element);
}

static void empty_turns_make_no_new_element(struct checks *c)
{
    struct seen *seen = NULL;
    struct seen_change change;

    CHECK_INT(c, seen_new(&seen, (struct hash_key){1, 2}, 10, 1000), 0);
    for (int64_t offset = 10; offset < 40; offset++) {
        change = seen_plan(seen, offset, 5000);
        CHECK_INT(c, seen_confirm(seen, &change, offset + 1), 0);
        CHECK_INT(c, seen_elements(seen), 1);
    }
    seen_free(seen);
}

TESTS({"short windows agree with the oracle", short_windows_agree_with_the_oracle},
      {"windows larger than the first table agree too", windows_larger_than_the_first_table_agree_too},
      {"time that is not known ends no window", time_that_is_not_known_ends_no_window},
      {"the window ends at its length", the_window_ends_at_its_length},
      {"source and id are one key and do not run together", source_and_id_are_one_key_and_do_not_run_together},
      {"damaged elements are refused", damaged_elements_are_refused},
      {"the last time of all is kept too", the_last_time_of_all_is_kept_too}, {"empty turns make no new element", empty_turns_make_no_new_element})
