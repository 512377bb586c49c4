/* The snapshot's file: what was written is read, whatever bytes it holds; what was cut or altered is not. */
#include "archive/snapshot_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

enum { PATH_SIZE = 64, FILE_MAX = 8192 };

#define TEXT(literal) {(literal), sizeof(literal) - 1}

static const struct snapshot_header header = {"2026-11-26T14:30:00.125Z", "0.1.0", "cluster-1", "orderd", "orders=1", "orders.outcomes", "none", "p:", 1};

#define HASH(key, field, value) {SNAPSHOT_HASH, TEXT(key), TEXT(field), TEXT(value), {.from = 0}}

static const struct snapshot_value ledger[] = {
    HASH("orderd:meta", "schema", "1"), HASH("orderd:meta", "cluster", "cluster-1"), HASH("orderd:meta", "group", "orderd"),
    HASH("orderd:meta", "topics", "orders=1"), HASH("orderd:meta", "shard", "none"), HASH("orderd:meta", "window_s", "60"),
    HASH("orderd:meta", "ids", "10"), HASH("orderd:meta", "incarnation", "i-1"), HASH("orderd:meta", "era", "3"),
    HASH("orderd:meta", "a later release's", "x"),
    HASH("orderd:mark:orders:0", "next", "9"), HASH("orderd:mark:orders:0", "done", "4"), HASH("orderd:mark:orders:0", "seen_from", "0"),
    HASH("orderd:mark:orders:0", "time", "-1"), HASH("orderd:mark:orders:0", "epoch", "e-1"), HASH("orderd:mark:orders:0", "fp", ""),
    HASH("orderd:mark:orders:0", "fp_offset", "-1")};

static const struct snapshot_value values[] = {
    {SNAPSHOT_ENTRY, TEXT("orderd:outbox"), {NULL, 0}, {NULL, 0}, {{17, 2}, {17, 2}, TEXT("orders:0"), 4, 9, 3, false, TEXT("\0\1\2\377")}},
    {SNAPSHOT_ENTRY, TEXT("orderd:outbox"), {NULL, 0}, {NULL, 0}, {{18, 0}, {16, 1}, TEXT("orders:0"), 9, 9, 3, true, TEXT("")}},
    {SNAPSHOT_LIST, TEXT("orderd:seen:orders:0"), {NULL, 0}, TEXT("\1\0\11"), {.from = 0}},
    HASH("users:27", "funds", "125"),
    HASH("users:27", "a\0b", "\xff"),
    HASH("users:27", "Z\xc3\xbcrich", "\"quoted\" \\ \n"),
    {SNAPSHOT_SET, TEXT("inventory:27"), TEXT("ItemM"), {NULL, 0}, {.from = 0}},
    {SNAPSHOT_ZSET, TEXT("market:"), TEXT("ItemM.17"), TEXT("97"), {.from = 0}},
    {SNAPSHOT_STRING, TEXT("stock:S1"), {NULL, 0}, TEXT(""), {.from = 0}}};

enum { LEDGER = sizeof ledger / sizeof *ledger, VALUES = sizeof values / sizeof *values };

static void path_of(char path[PATH_SIZE], const char *folder)
{
    snprintf(path, PATH_SIZE, "%s/s", folder);
}

/* Into a fresh folder. */
static void write_all(struct checks *c, char path[PATH_SIZE])
{
    char folder[] = "/tmp/orderd-snapshot-XXXXXX";
    struct snapshot_writer *w = NULL;
    struct error_text error = {""};

    CHECK(c, mkdtemp(folder) != NULL);
    path_of(path, folder);
    CHECK_INT(c, snapshot_writer_new(&w, path, &header, &error), 0);
    snapshot_write_market(w, SHARD_NONE, (struct stream_id){18, 0});
    snapshot_write_outcomes_from(w, 0, 1234);
    for (size_t i = 0; i < LEDGER; i++)
        snapshot_write(w, &ledger[i]);
    for (size_t i = 0; i < VALUES; i++)
        snapshot_write(w, &values[i]);
    CHECK_INT(c, snapshot_writer_error(w), 0);
    CHECK_INT(c, snapshot_writer_finish(w, &error), 0);
    CHECK_INT(c, snapshot_writer_values(w), LEDGER + VALUES);
    snapshot_writer_free(w);
}

static void remove_all(char path[PATH_SIZE])
{
    unlink(path);
    *strrchr(path, '/') = '\0';
    rmdir(path);
}

static void same(struct checks *c, const struct snapshot_value *found, const struct snapshot_value *expected)
{
    CHECK_INT(c, found->type, expected->type);
    CHECK(c, bytes_equal(found->key, expected->key));
    CHECK(c, bytes_equal(found->member, expected->member));
    CHECK(c, bytes_equal(found->value, expected->value));
    CHECK(c, bytes_equal(found->entry.at, expected->entry.at) && bytes_equal(found->entry.records, expected->entry.records));
    CHECK(c, stream_id_compare(found->entry.id, expected->entry.id) == 0 && stream_id_compare(found->entry.sequence, expected->entry.sequence) == 0);
    CHECK(c, found->entry.from == expected->entry.from && found->entry.to == expected->entry.to && found->entry.lost == expected->entry.lost);
}

static void what_was_written_is_read(struct checks *c)
{
    const struct snapshot_market *market;
    struct error_text error = {""};
    struct snapshot_value value;
    struct snapshot *s = NULL;
    char path[PATH_SIZE];
    size_t index = 0;

    write_all(c, path);
    CHECK_INT(c, snapshot_open(&s, path, &error), 0);
    CHECK_TEXT(c, error.text, "");
    CHECK_TEXT(c, snapshot_header(s)->cluster, "cluster-1");
    CHECK_TEXT(c, snapshot_header(s)->prefix, "p:");
    CHECK_INT(c, snapshot_markets(s), 1);
    market = snapshot_market(s, 0);
    CHECK_INT(c, market->number, SHARD_NONE);
    CHECK_INT(c, market->registry.era, 3);
    CHECK_TEXT(c, market->registry.incarnation, "i-1");
    CHECK_INT(c, market->marks_count, 1);
    CHECK_INT(c, market->marks[0].mark.next, 9);
    CHECK_INT(c, snapshot_mark_of(s, "orders", 0)->outcomes_from, 1234);
    CHECK(c, snapshot_mark_of(s, "orders", 1) == NULL);
    for (int round = 0; round < 2; round++) {
        CHECK_INT(c, snapshot_rewind(s), 0);
        for (size_t i = 0; i < LEDGER + VALUES; i++) {
            CHECK_INT(c, snapshot_next(s, &index, &value, &error), 1);
            CHECK_INT(c, index, 0);
            same(c, &value, i < LEDGER ? &ledger[i] : &values[i - LEDGER]);
        }
        CHECK_INT(c, snapshot_next(s, &index, &value, &error), 0);
    }
    snapshot_free(s);
    remove_all(path);
}

static void only_its_owner_may_read_it(struct checks *c)
{
    struct stat stat_of;
    char path[PATH_SIZE];

    write_all(c, path);
    CHECK(c, stat(path, &stat_of) == 0);
    CHECK_INT(c, stat_of.st_mode & 0777, 0600);
    remove_all(path);
}

static size_t load(const char *path, char *bytes)
{
    FILE *file = fopen(path, "r");
    size_t size = fread(bytes, 1, FILE_MAX, file);

    fclose(file);
    return size;
}

static void store(const char *path, const char *bytes, size_t size)
{
    FILE *file = fopen(path, "w");

    fwrite(bytes, 1, size, file);
    fclose(file);
}

/* -1: it opened. */
static int refused(const char *path, struct error_text *error)
{
    struct snapshot *s = NULL;
    int r = snapshot_open(&s, path, error);

    snapshot_free(s);
    return r ? r : -1;
}

static void a_cut_one_is_refused_wherever_it_is_cut(struct checks *c)
{
    char path[PATH_SIZE], bytes[FILE_MAX];
    struct error_text error = {""};
    size_t size;

    write_all(c, path);
    size = load(path, bytes);
    CHECK(c, size > 1000 && size < FILE_MAX);
    for (size_t cut = 0; cut < size; cut++) {
        store(path, bytes, cut);
        CHECK_INT(c, refused(path, &error), -EBADMSG);
    }
    remove_all(path);
}

static void one_altered_byte_is_refused_wherever_it_is(struct checks *c)
{
    char path[PATH_SIZE], bytes[FILE_MAX];
    struct error_text error = {""};
    size_t size;

    write_all(c, path);
    size = load(path, bytes);
    for (size_t i = 0; i < size; i++) {
        int r;

        bytes[i] ^= 1;
        store(path, bytes, size);
        r = refused(path, &error);
        CHECK(c, r == -EBADMSG || r == -ENOTSUP);
        bytes[i] ^= 1;
    }
    remove_all(path);
}

static void what_is_none_says_so(struct checks *c)
{
    struct error_text error = {""};
    char path[PATH_SIZE];

    write_all(c, path);
    store(path, "{\"id\":\"d1\"}\n", 12);
    CHECK_INT(c, refused(path, &error), -EBADMSG);
    CHECK(c, strstr(error.text, ":1: this is no snapshot of orderd") != NULL);
    store(path, "{\"orderd_snapshot\":2}\n", 22);
    CHECK_INT(c, refused(path, &error), -ENOTSUP);
    remove_all(path);
    CHECK_INT(c, refused("/tmp", &error), -EINVAL);
    CHECK_INT(c, refused("/nonexistent/s", &error), -ENOENT);
}

static void what_is_not_finished_leaves_nothing(struct checks *c)
{
    char folder[] = "/tmp/orderd-snapshot-XXXXXX", path[PATH_SIZE];
    struct snapshot_writer *w = NULL;
    struct error_text error = {""};

    CHECK(c, mkdtemp(folder) != NULL);
    path_of(path, folder);
    CHECK_INT(c, snapshot_writer_new(&w, path, &header, &error), 0);
    snapshot_writer_free(w);
    CHECK_INT(c, rmdir(folder), 0);
    CHECK_INT(c, snapshot_writer_new(&w, path, &header, &error), -ENOENT);
}

static void cell(struct checks *c, struct snapshot_value value, const char *expected)
{
    static const char *const states[] = {"missing", "present", "invalid"}, *const kinds[] = {"funds", "stock", "inventory", "market"};
    struct snapshot_cell found;
    char text[400] = "none";

    if (snapshot_cell_of(&value, &found))
        snprintf(text, sizeof text, "%s %.*s %.*s %.*s %s %lld", kinds[found.kind], found.owner.size, found.owner.text, found.item.size, found.item.text,
                 found.seller.size, found.seller.text, states[found.state], (long long)found.value);
    CHECK_TEXT(c, text, expected);
}

static void values_are_what_the_rules_would_read(struct checks *c)
{
    cell(c, (struct snapshot_value)HASH("users:27", "funds", "125"), "funds 27   present 125");
    cell(c, (struct snapshot_value)HASH("users:27", "funds", "017"), "funds 27   invalid 0");
    cell(c, (struct snapshot_value)HASH("users:27", "name", "Mara"), "none");
    cell(c, (struct snapshot_value)HASH("users:2.7", "funds", "1"), "none");
    cell(c, (struct snapshot_value)HASH("stock:S1", "a", "1"), "stock S1   invalid 0");
    cell(c, (struct snapshot_value)HASH("orderd:meta", "era", "1"), "none");
    cell(c, (struct snapshot_value){.type = SNAPSHOT_STRING, .key = TEXT("stock:S1"), .value = TEXT("3")}, "stock S1   present 3");
    cell(c, (struct snapshot_value){.type = SNAPSHOT_SET, .key = TEXT("inventory:27"), .member = TEXT("I")}, "inventory 27 I  present 1");
    cell(c, (struct snapshot_value){.type = SNAPSHOT_ZSET, .key = TEXT("market:"), .member = TEXT("I.17"), .value = TEXT("97")}, "market  I 17 present 97");
    cell(c, (struct snapshot_value){.type = SNAPSHOT_ZSET, .key = TEXT("market:"), .member = TEXT("I.17"), .value = TEXT("9.5")}, "market  I 17 invalid 0");
    cell(c, (struct snapshot_value){.type = SNAPSHOT_ZSET, .key = TEXT("market:"), .member = TEXT("I17"), .value = TEXT("9")}, "none");
}

TESTS({"what was written is read", what_was_written_is_read},
      {"only its owner may read it", only_its_owner_may_read_it},
      {"a cut one is refused, wherever it is cut", a_cut_one_is_refused_wherever_it_is_cut},
      {"one altered byte is refused, wherever it is", one_altered_byte_is_refused_wherever_it_is},
      {"what is none says so", what_is_none_says_so},
      {"what is not finished leaves nothing", what_is_not_finished_leaves_nothing},
      {"values are what the rules would read", values_are_what_the_rules_would_read})
