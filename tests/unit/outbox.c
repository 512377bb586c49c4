/* The outbox in memory: entries are handed over in order, finished by reports, and leave as a prefix; a sink of the test's own counts. */
#include "check.h"

#include "unit/reply.h"

#include "ledger/outbox.h"

/* Takes `room` records, then says that the queue is full. */
struct sink {
    size_t room, taken;
    struct outbox_entry *entries[64];
    char sequences[64][SEQUENCE_TEXT_SIZE];
    int error;
};

int sink_send(struct sink *sink, struct record *record, struct bytes sequence, void *opaque)
{
    (void)record;
    if (sink->error)
        return sink->error;
    if (!sink->room)
        return -EAGAIN;
    sink->room--;
    snprintf(sink->sequences[sink->taken], SEQUENCE_TEXT_SIZE, "%.*s", (int)sequence.size, sequence.data ? sequence.data : "");
    sink->entries[sink->taken++] = opaque;
    return 0;
}

struct box {
    struct outbox outbox;
    struct outbox_pool pool;
    struct sink sink;
    int64_t handed;
    uint64_t seq;
};

/* An entry over [from, to) with so many records. */
static struct outbox_entry *append(struct box *box, int64_t from, int64_t to, int records)
{
    struct outbox_entry *entry = outbox_entry_new(&box->pool);

    entry->from = from;
    entry->to = to;
    entry->era = 1;
    entry->id = entry->sequence = (struct stream_id){100, ++box->seq};
    for (int i = 0; i < records; i++) {
        record_begin(&entry->records, RECORD_OUTCOME, 0, bytes_of("k"), 0);
        record_end(&entry->records, bytes_of("v"));
    }
    outbox_append(&box->outbox, entry);
    return entry;
}

static int publish(struct box *box)
{
    return outbox_publish(&box->outbox, &box->sink, &box->handed);
}

static void box_end(struct box *box)
{
    outbox_reset(&box->outbox, &box->pool, 0);
    outbox_pool_deinit(&box->pool);
}

static void the_frontier_follows_the_longest_finished_prefix(struct checks *c)
{
    struct box box = {.sink = {.room = 10}};

    outbox_reset(&box.outbox, &box.pool, 5);
    append(&box, 5, 7, 2);
    append(&box, 7, 8, 1);
    append(&box, 8, 9, 1);
    CHECK_INT(c, publish(&box), 0);
    CHECK_INT(c, box.handed, 9);
    CHECK_INT(c, box.outbox.frontier, 5);
    outbox_delivered(&box.pool, box.sink.entries[2], -1);      /* the second entry's before the first is whole */
    CHECK_INT(c, box.outbox.frontier, 5);
    outbox_delivered(&box.pool, box.sink.entries[0], -1);
    CHECK_INT(c, box.outbox.frontier, 5);
    outbox_delivered(&box.pool, box.sink.entries[1], -1);
    CHECK_INT(c, box.outbox.frontier, 8);
    CHECK_INT(c, box.outbox.finished, 2);
    outbox_removed(&box.outbox, &box.pool, 2);
    CHECK_INT(c, box.outbox.entries, 1);
    outbox_delivered(&box.pool, box.sink.entries[3], -1);
    CHECK_INT(c, box.outbox.frontier, 9);
    box_end(&box);
}

static void a_full_queue_is_resumed_at_the_record_where_it_stopped(struct checks *c)
{
    struct box box = {.sink = {.room = 2}};

    append(&box, 0, 3, 3);
    append(&box, 3, 4, 1);
    CHECK_INT(c, publish(&box), -EAGAIN);
    CHECK_INT(c, box.handed, 0);
    box.sink.room = 10;
    CHECK_INT(c, publish(&box), 0);
    CHECK_INT(c, box.handed, 4);
    CHECK_INT(c, box.sink.taken, 4);
    CHECK_TEXT(c, box.sink.sequences[0], "0000000001-00000000000000000100-00000000000000000001-000000");
    CHECK_TEXT(c, box.sink.sequences[2], "0000000001-00000000000000000100-00000000000000000001-000002");
    CHECK_TEXT(c, box.sink.sequences[3], "0000000001-00000000000000000100-00000000000000000002-000000");
    for (size_t i = 0; i < 4; i++)
        outbox_delivered(&box.pool, box.sink.entries[i], -1);
    CHECK_INT(c, box.outbox.frontier, 4);
    box_end(&box);
}

static void an_entry_without_records_is_finished_when_it_is_reached(struct checks *c)
{
    struct box box = {.sink = {.room = 10}};

    append(&box, 0, 3, 0);
    CHECK_INT(c, box.outbox.frontier, 0);
    CHECK_INT(c, publish(&box), 0);
    CHECK_INT(c, box.outbox.frontier, 3);
    append(&box, 3, 4, 1);
    append(&box, 4, 9, 0);
    CHECK_INT(c, publish(&box), 0);
    CHECK_INT(c, box.outbox.frontier, 3);
    outbox_delivered(&box.pool, box.sink.entries[0], -1);
    CHECK_INT(c, box.outbox.frontier, 9);
    box_end(&box);
}

static void a_lost_entry_has_no_sequence(struct checks *c)
{
    struct box box = {.sink = {.room = 10}};

    append(&box, 0, 1, 1)->lost = true;
    CHECK_INT(c, publish(&box), 0);
    CHECK_TEXT(c, box.sink.sequences[0], "");
    outbox_delivered(&box.pool, box.sink.entries[0], -1);
    box_end(&box);
}

/* Reports of a former generation must not count for what was read back since. */
static void late_reports_of_forgotten_entries_change_nothing(struct checks *c)
{
    struct box box = {.sink = {.room = 10}};

    append(&box, 0, 1, 1);
    append(&box, 1, 2, 2);
    CHECK_INT(c, publish(&box), 0);
    outbox_reset(&box.outbox, &box.pool, 0);      /* taken over again */
    append(&box, 0, 1, 1);
    append(&box, 1, 2, 2);
    outbox_delivered(&box.pool, box.sink.entries[0], -1);
    outbox_abandoned(&box.pool, box.sink.entries[1]);
    outbox_abandoned(&box.pool, box.sink.entries[2]);
    CHECK_INT(c, box.outbox.frontier, 0);
    CHECK_INT(c, publish(&box), 0);
    CHECK_INT(c, box.sink.taken, 6);
    for (size_t i = 3; i < 6; i++)
        outbox_delivered(&box.pool, box.sink.entries[i], -1);
    CHECK_INT(c, box.outbox.frontier, 2);
    box_end(&box);
}

static void an_abandoned_record_never_finishes_its_entry(struct checks *c)
{
    struct box box = {.sink = {.room = 10}};

    append(&box, 0, 1, 2);
    CHECK_INT(c, publish(&box), 0);
    outbox_abandoned(&box.pool, box.sink.entries[0]);
    outbox_delivered(&box.pool, box.sink.entries[1], -1);
    CHECK_INT(c, box.outbox.frontier, 0);
    CHECK_INT(c, box.outbox.finished, 0);
    box_end(&box);
}

static void reports_say_how_far_the_outcome_partition_was_reached(struct checks *c)
{
    struct box box = {.sink = {.room = 10}};

    append(&box, 0, 3, 3);
    CHECK_INT(c, publish(&box), 0);
    CHECK_INT(c, box.outbox.reached, 0);
    outbox_delivered(&box.pool, box.sink.entries[0], 41);
    CHECK_INT(c, box.outbox.reached, 42);
    outbox_delivered(&box.pool, box.sink.entries[1], 17);
    outbox_delivered(&box.pool, box.sink.entries[2], -1);
    CHECK_INT(c, box.outbox.reached, 42);
    box_end(&box);
}

static void damaged_records_are_an_error_and_nothing_is_skipped(struct checks *c)
{
    struct box box = {.sink = {.room = 10}};

    buffer_put_char(&append(&box, 0, 1, 0)->records, 9);
    append(&box, 1, 2, 1);
    CHECK_INT(c, publish(&box), -EBADMSG);
    CHECK_INT(c, box.handed, 0);
    CHECK_INT(c, box.sink.taken, 0);
    box_end(&box);
}

static void stored_entries_are_read_whole_or_refused(struct checks *c)
{
    static const struct { const char *reply; int result; } rows[] = {
        {"['5-1' ['at' 'orders:0' 'from' '3' 'to' '4' 'era' '1' 'records' 'x']]", 0},
        {"['5-1' ['at' 'orders:0' 'from' '3' 'to' '4' 'era' '1' 'lost' '1' 'records' '']]", 0},
        {"['5-1' ['records' '' 'era' '1' 'to' '3' 'from' '3' 'at' 'orders:0' 'later' 'field']]", 0},
        {"['5-1' ['at' 'o:0' 'from' '3' 'to' '4' 'era' '1']]", -EBADMSG},
        {"['5-1' ['from' '3' 'to' '4' 'era' '1' 'records' 'x']]", -EBADMSG},
        {"['5-1' ['at' 'o:0' 'from' '4' 'to' '3' 'era' '1' 'records' 'x']]", -EBADMSG},
        {"['5-1' ['at' 'o:0' 'from' '3' 'to' '4' 'era' '0' 'records' 'x']]", -EBADMSG},
        {"['5-1' ['at' 'o:0' 'from' '03' 'to' '4' 'era' '1' 'records' 'x']]", -EBADMSG},
        {"['5' ['at' 'o:0' 'from' '3' 'to' '4' 'era' '1' 'records' 'x']]", -EBADMSG}, {"['5-1' nil]", -EBADMSG}, {"['5-1']", -EBADMSG},
        {"nil", -EBADMSG}};
    struct outbox_stored stored;
    struct arena *arena = NULL;

    CHECK_INT(c, arena_new(&arena, 1 << 20), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_INT(c, outbox_read(&stored, reply_of(arena, rows[i].reply)), rows[i].result);
    CHECK_INT(c, outbox_read(&stored, reply_of(arena, rows[1].reply)), 0);
    CHECK(c, stored.lost && stored.id.ms == 5 && stored.id.seq == 1 && stored.from == 3 && stored.to == 4 && bytes_equal_text(stored.at, "orders:0"));
    arena_free(arena);
}

TESTS({"the frontier follows the longest finished prefix", the_frontier_follows_the_longest_finished_prefix},
      {"a full queue is resumed at the record where it stopped", a_full_queue_is_resumed_at_the_record_where_it_stopped},
      {"an entry without records is finished when it is reached", an_entry_without_records_is_finished_when_it_is_reached},
      {"a lost entry has no sequence", a_lost_entry_has_no_sequence},
      {"late reports of forgotten entries change nothing", late_reports_of_forgotten_entries_change_nothing},
      {"an abandoned record never finishes its entry", an_abandoned_record_never_finishes_its_entry},
      {"reports say how far the outcome partition was reached", reports_say_how_far_the_outcome_partition_was_reached},
      {"damaged records are an error and nothing is skipped", damaged_records_are_an_error_and_nothing_is_skipped},
      {"stored entries are read whole or refused", stored_entries_are_read_whole_or_refused})
