/* Marks and registries as Redis gives them back, the keys of a market, and the note in a commit. */
#include "check.h"

#include "unit/reply.h"

#include "ledger/evidence.h"
#include "ledger/mark.h"
#include "ledger/partition.h"
#include "ledger/shard.h"

struct row {
    const char *reply;
    int result;
};

static void marks_are_read_whole_or_refused(struct checks *c)
{
    static const struct row rows[] = {
        {"['5' '3' '0' '-1' 'e' '' '-1' nil]", 0}, {"['5' '5' '5' '1795326127590' 'e' 'f' '4' nil]", 0},
        {"[nil nil nil nil nil nil nil nil]", -ENOENT}, {"[nil '3' '0' '-1' 'e' '' '-1' nil]", -EBADMSG},
        {"['5' nil '0' '-1' 'e' '' '-1' nil]", -EBADMSG},
        {"['5' '3' nil '-1' 'e' '' '-1' nil]", -EBADMSG}, {"['5' '3' '0' nil 'e' '' '-1' nil]", -EBADMSG},
        {"['5' '3' '0' '-1' nil '' '-1' nil]", -EBADMSG},
        {"['5' '3' '0' '-1' 'e' nil '-1' nil]", -EBADMSG}, {"['5' '3' '0' '-1' 'e' '' nil nil]", -EBADMSG},
        {"['05' '3' '0' '-1' 'e' '' '-1' nil]", -EBADMSG},
        {"['5x' '3' '0' '-1' 'e' '' '-1' nil]", -EBADMSG}, {"['2' '3' '0' '-1' 'e' '' '-1' nil]", -EBADMSG},
        {"['5' '-3' '-3' '-1' 'e' '' '-1' nil]", -EBADMSG},
        {"['5' '3' '-1' '-1' 'e' '' '-1' nil]", -EBADMSG}, {"['5' '3' '0' '-2' 'e' '' '-1' nil]", -EBADMSG},
        {"['5' '3' '0' '-1' 'e' '' '-2' nil]", -EBADMSG}, {"['5' '3' '6' '-1' 'e' '' '-1' nil]", -EBADMSG}, {"['5' '3' '0' '-1' '1234567890123456789012345678901234567' '' '-1' nil]", -EBADMSG},
        {"['5' '3']", -EIO}, {"-WRONGTYPE_no_hash", -EIO}, {"nil", -EIO}};
    struct arena *arena = NULL;
    struct mark mark;

    CHECK_INT(c, arena_new(&arena, 1 << 20), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int r = mark_read(&mark, reply_of(arena, rows[i].reply));

        if (r != rows[i].result)
            fprintf(stderr, "reply %s\n", rows[i].reply);
        CHECK_INT(c, r, rows[i].result);
    }
    CHECK_INT(c, mark_read(&mark, reply_of(arena, "['5' '3' '1' '77' 'ep' 'fp' '4' '1']")), 0);
    CHECK(c, mark.next == 5 && mark.done == 3 && mark.seen_from == 1 && mark.time == 77 && mark.fingerprint_offset == 4 && mark.torn);
    CHECK_TEXT(c, mark.epoch, "ep");
    CHECK_TEXT(c, mark.fingerprint, "fp");
    arena_free(arena);
}

static void a_mark_is_ours_only_unchanged(struct checks *c)
{
    static const struct row rows[] = {{"['e' '5' '3' nil]", true}, {"['E' '5' '3' nil]", false}, {"['e' '6' '3' nil]", false},
                                      {"['e' '4' '3' nil]", false},
                                      {"['e' '5' '2' nil]", false}, {"['e' '5' '4' nil]", false}, {"['e' '5' '3' '1']", false},
                                      {"[nil '5' '3' nil]", false},
                                      {"['e' nil '3' nil]", false}, {"['e' '05' '3' nil]", false}, {"[nil nil nil nil]", false},
                                      {"['e' '5' '3']", false},
                                      {"-WRONGTYPE", false}, {"nil", false}};
    struct mark mark = {.next = 5, .done = 3, .epoch = "e"};
    struct arena *arena = NULL;

    CHECK_INT(c, arena_new(&arena, 1 << 20), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_INT(c, mark_is_ours(&mark, reply_of(arena, rows[i].reply)), rows[i].result);
    arena_free(arena);
}

static void fingerprints_tell_messages_apart(struct checks *c)
{
    static const struct { int64_t time; struct bytes key, value; } messages[] = {
        {1, {"k", 1}, {"v", 1}}, {2, {"k", 1}, {"v", 1}}, {1, {"l", 1}, {"v", 1}}, {1, {"k", 1}, {"w", 1}}, {1, {"kv", 2}, {"", 0}},
        {1, {"", 0}, {"kv", 2}},
        {1, {NULL, 0}, {"kv", 2}}, {1, {"kv", 2}, {NULL, 0}}};
    char fingerprints[8][MARK_FINGERPRINT_SIZE], again[MARK_FINGERPRINT_SIZE];

    for (size_t i = 0; i < 8; i++) {
        mark_fingerprint(fingerprints[i], messages[i].time, messages[i].key, messages[i].value);
        mark_fingerprint(again, messages[i].time, messages[i].key, messages[i].value);
        CHECK_TEXT(c, again, fingerprints[i]);
        for (size_t k = 0; k < i; k++)
            CHECK(c, strcmp(fingerprints[i], fingerprints[k]) != 0);
    }
}

#define REGISTRY(halt, quarantine) "['1' 'cluster' 'group' 'orders=3 refunds=2' 'none' '3600' '100' 'inc-2' 'inc-0 inc-1' '4' " halt " " quarantine " nil]"

static void registries_are_read_whole_or_refused(struct checks *c)
{
    static const struct row rows[] = {
        {REGISTRY("nil", "nil"), 0}, {REGISTRY("'why'", "nil"), 0}, {"[nil nil nil nil nil nil nil nil nil nil nil nil nil]", -ENOENT},
        {"['2' 'c' 'g' 't=1' 'none' '3600' '100' 'i' nil '1' nil nil nil]", -EBADMSG},
        {"['1' 'c' 'g' 't=1' 'none' '0' '100' 'i' nil '1' nil nil nil]", -EBADMSG},
        {"['1' 'c' 'g' 't=1' 'none' '3600' '0' 'i' nil '1' nil nil nil]", -EBADMSG},
        {"['1' 'c' 'g' 't=1' 'none' '3600' '100' '' nil '1' nil nil nil]", -EBADMSG},
        {"['1' 'c' 'g' 't=1' 'none' '3600' '100' nil nil '1' nil nil nil]", -EBADMSG},
        {"['1' 'c' 'g' 't=1' 'none' '3600' '100' 'i' nil '0' nil nil nil]", -EBADMSG},
        {"['1' 'c' 'g' 't=1' 'none' '3600' '100' 'i' nil nil nil nil nil]", -EBADMSG},
        {"[nil 'c' 'g' 't=1' 'none' '3600' '100' 'i' nil '1' nil nil nil]", -EBADMSG},
        {"['1' 'c' 'g' 't=1' 'none' '3600' '100' 'i' nil '4' nil nil '4']", 0},
        {"['1' 'c' 'g' 't=1' 'none' '3600' '100' 'i' nil '4' nil nil 'x']", -EBADMSG}};
    struct registry registry;
    struct arena *arena = NULL;

    CHECK_INT(c, arena_new(&arena, 1 << 20), 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int r = registry_read(&registry, reply_of(arena, rows[i].reply));

        if (r != rows[i].result)
            fprintf(stderr, "reply %s\n", rows[i].reply);
        CHECK_INT(c, r, rows[i].result);
    }
    arena_free(arena);
}

/* An error reply has no elements at all, and must not be taken for an array. */
static void a_registry_of_the_wrong_type_is_an_error(struct checks *c)
{
    struct registry registry;
    struct arena *arena = NULL;

    CHECK_INT(c, arena_new(&arena, 1 << 20), 0);
    CHECK_INT(c, registry_read(&registry, reply_of(arena, "-WRONGTYPE_no_hash")), -EIO);
    CHECK_INT(c, registry_read(&registry, reply_of(arena, "['1']")), -EIO);
    arena_free(arena);
}

static void a_registry_answers_what_it_holds(struct checks *c)
{
    struct registry registry;
    struct arena *arena = NULL;

    CHECK_INT(c, arena_new(&arena, 1 << 20), 0);
    CHECK_INT(c, registry_read(&registry, reply_of(arena, REGISTRY("nil", "'orders:0:17 orders:1:4'"))), 0);
    CHECK_INT(c, registry_partitions(&registry, "orders"), 3);
    CHECK_INT(c, registry_partitions(&registry, "refunds"), 2);
    CHECK_INT(c, registry_partitions(&registry, "order"), -1);
    CHECK_INT(c, registry_partitions(&registry, "orders2"), -1);
    snprintf(registry.topics, sizeof registry.topics, "a=-5 b=99999999999 c=3x d= e=7");
    CHECK(c, registry_partitions(&registry, "a") == -1 && registry_partitions(&registry, "b") == -1);
    CHECK(c, registry_partitions(&registry, "c") == -1 && registry_partitions(&registry, "d") == -1);
    CHECK_INT(c, registry_partitions(&registry, "e"), 7);
    CHECK(c, registry_is_former(&registry, bytes_of("inc-0")) && registry_is_former(&registry, bytes_of("inc-1")));
    CHECK(c, !registry_is_former(&registry, bytes_of("inc-2")) && !registry_is_former(&registry, bytes_of("inc")));
    CHECK(c, registry_quarantined(&registry, "orders", 0, 17) && registry_quarantined(&registry, "orders", 1, 4));
    CHECK(c, !registry_quarantined(&registry, "orders", 0, 1) && !registry_quarantined(&registry, "orders", 0, 170) &&
          !registry_quarantined(&registry, "rs", 0, 17));
    CHECK(c, registry_unchanged(&registry, reply_of(arena, "['4' nil]")));
    CHECK(c, !registry_unchanged(&registry, reply_of(arena, "['5' nil]")) && !registry_unchanged(&registry, reply_of(arena, "['3' nil]")));
    CHECK(c, !registry_unchanged(&registry, reply_of(arena, "['4' 'halted']")) && !registry_unchanged(&registry, reply_of(arena, "[nil nil]")));
    CHECK(c, !registry_unchanged(&registry, reply_of(arena, "-WRONGTYPE")));
    arena_free(arena);
}

static void keys_stand_behind_prefix_and_tag(struct checks *c)
{
    struct partition *partition = NULL;
    struct shard whole, third;
    struct outbox_pool pool = {NULL, 0};

    shard_init(&whole, "p:", SHARD_NONE);
    shard_init(&third, "p:", 3);
    CHECK_TEXT(c, whole.meta_key, "p:orderd:meta");
    CHECK_TEXT(c, whole.outbox_key, "p:orderd:outbox");
    CHECK_TEXT(c, third.meta_key, "p:{3}orderd:meta");
    CHECK_INT(c, partition_new(&partition, "orders", 3, &third), 0);
    CHECK_TEXT(c, partition->mark_key, "p:{3}orderd:mark:orders:3");
    CHECK_TEXT(c, partition->seen_key, "p:{3}orderd:seen:orders:3");
    CHECK_TEXT(c, partition->at, "orders:3");
    partition_free(partition, &pool);
}

static void commit_notes_come_back_and_others_are_not_ours(struct checks *c)
{
    static const char *const others[] = {"", "orderd1", "orderd2 i 1 1-1 5 6", "orderd1 i 0 1-1 5 6", "orderd1 i 1 1-1 -5 6", "orderd1 i 1 1-1 5",
                                         "orderd1 i 1 1-1 5 6 7",
                                         "orderd1 i 1 11 5 6", "orderd1 i 1 1-1 5 6 ", "orderd1  i 1 1-1 5 6", "orderd1 i +1 1-1 5 6",
                                         "orderd1 i 01 1-1 5 6", "orderd1 i,j 1 1-1 5 6", "orderd1 0d0a1111-2222-4333-8444-55556666777789 1-1 5 6",
                                         "{\"metadata\":1}"};
    struct commit_note note = {"0d0a1111-2222-4333-8444-555566667777", 3, {1795326127590, 7}, 120, 4500}, back;
    char text[KAFKA_METADATA_MAX + 1];

    commit_note_format(text, &note);
    CHECK(c, commit_note_parse(text, &back));
    CHECK_TEXT(c, back.incarnation, note.incarnation);
    CHECK(c, back.era == 3 && stream_id_compare(back.last, note.last) == 0 && back.handed == 120 && back.reached == 4500);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK(c, !commit_note_parse(others[i], &back));
}

TESTS({"marks are read whole or refused", marks_are_read_whole_or_refused}, {"a mark is ours only unchanged", a_mark_is_ours_only_unchanged},
      {"fingerprints tell messages apart", fingerprints_tell_messages_apart},
      {"registries are read whole or refused", registries_are_read_whole_or_refused},
      {"a registry of the wrong type is an error", a_registry_of_the_wrong_type_is_an_error},
      {"a registry answers what it holds", a_registry_answers_what_it_holds}, {"keys stand behind prefix and tag", keys_stand_behind_prefix_and_tag},
      {"commit notes come back and others are not ours", commit_notes_come_back_and_others_are_not_ours})
