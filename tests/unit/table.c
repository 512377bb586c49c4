/* A table in a file: what was put is there until it is deleted, in order, across many batches, and nothing of it stays in the folder. */
#include "seam/table.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

enum { KEYS = 21000 };

/* A folder of its own, and a table in it. */
struct place {
    char folder[64];
    struct table *table;
};

static struct place place_new(struct checks *c)
{
    struct place place = {.folder = "/tmp/orderd-unit-table-XXXXXX"};
    struct error_text error = {""};

    CHECK(c, mkdtemp(place.folder) != NULL);
    CHECK_INT(c, table_new(&place.table, place.folder, &error), 0);
    CHECK_TEXT(c, error.text, "");
    return place;
}

static void place_free(struct place *place)
{
    table_free(place->table);
    rmdir(place->folder);
}

static struct bytes key_of(char text[16], int number)
{
    snprintf(text, 16, "key-%08d", number);
    return bytes_of(text);
}

static void what_was_put_is_there_until_it_is_deleted(struct checks *c)
{
    struct place place = place_new(c);
    struct bytes value;

    CHECK_INT(c, table_get(place.table, bytes_of("a"), &value), -ENOENT);
    CHECK_INT(c, table_put(place.table, bytes_of("a"), bytes_of("1")), 0);
    CHECK_INT(c, table_get(place.table, bytes_of("a"), &value), 0);
    CHECK(c, bytes_equal_text(value, "1"));
    CHECK_INT(c, table_put(place.table, bytes_of("a"), bytes_of("")), 0);
    CHECK_INT(c, table_get(place.table, bytes_of("a"), &value), 0);
    CHECK(c, value.data && value.size == 0);
    CHECK_INT(c, table_count(place.table), 1);
    CHECK_INT(c, table_delete(place.table, bytes_of("a")), 0);
    CHECK_INT(c, table_delete(place.table, bytes_of("a")), -ENOENT);
    CHECK_INT(c, table_get(place.table, bytes_of("a"), &value), -ENOENT);
    CHECK_INT(c, table_count(place.table), 0);
    place_free(&place);
}

struct walk {
    int next, step, stop;
    bool good;
};

static int walk_key(void *context, struct bytes key, struct bytes value)
{
    struct walk *walk = context;
    char text[16];

    walk->good = walk->good && bytes_equal(key, key_of(text, walk->next)) && bytes_equal(key, value);
    walk->next += walk->step;
    return walk->next == walk->stop ? 7 : 0;
}

/* Put in an order of their own, every third deleted again: many transactions, and pages that are used again. */
static void many_keys_come_in_order(struct checks *c)
{
    struct place place = place_new(c);
    struct walk walk = {.next = 1, .step = 3, .good = true}, cut = {.next = 1, .step = 3, .stop = 31, .good = true};
    int failed = 0;
    char text[16];

    for (int i = 0; i < KEYS; i++) {
        struct bytes key = key_of(text, (int)((i * 7919LL) % KEYS));

        failed += table_put(place.table, key, key) != 0;
    }
    for (int i = 0; i < KEYS; i++)
        if (i % 3 != 1)
            failed += table_delete(place.table, key_of(text, i)) != 0;
    CHECK_INT(c, failed, 0);
    CHECK_INT(c, table_count(place.table), KEYS / 3);
    CHECK_INT(c, table_each(place.table, walk_key, &walk), 0);
    CHECK(c, walk.good && walk.next == 1 + KEYS / 3 * 3);
    CHECK_INT(c, table_each(place.table, walk_key, &cut), 7);
    CHECK(c, cut.good && cut.next == 31);
    place_free(&place);
}

static int count_large(void *context, struct bytes key, struct bytes value)
{
    char text[16];
    int *count = context;

    return value.size == 5 << 20 && bytes_equal(key, key_of(text, (*count)++)) ? 0 : -EBADMSG;
}

/* Far more of them than one transaction holds. */
static void large_values_fit_too(struct checks *c)
{
    struct place place = place_new(c);
    char *large = malloc(5 << 20), text[16];
    struct bytes value;
    int failed = 0, count = 0;

    memset(large, 'x', 5 << 20);
    for (int i = 0; i < 12; i++)
        failed += table_put(place.table, key_of(text, i), (struct bytes){large, 5 << 20}) != 0;
    for (int i = 0; i < 12; i++)
        failed += table_get(place.table, key_of(text, i), &value) != 0 || value.size != 5 << 20 || value.data[5 << 19] != 'x';
    CHECK_INT(c, failed, 0);
    CHECK_INT(c, table_each(place.table, count_large, &count), 0);
    CHECK_INT(c, count, 12);
    free(large);
    place_free(&place);
}

static void its_file_has_no_name(struct checks *c)
{
    struct place place = place_new(c);
    DIR *folder = opendir(place.folder);
    int names = 0;

    CHECK_INT(c, table_put(place.table, bytes_of("a"), bytes_of("1")), 0);
    while (readdir(folder))
        names++;
    CHECK_INT(c, names, 2);       /* "." and ".." */
    closedir(folder);
    place_free(&place);
}

static void a_folder_that_is_not_there_is_named(struct checks *c)
{
    struct error_text error = {""};
    struct table *table = NULL;

    CHECK_INT(c, table_new(&table, "/nonexistent/folder", &error), -ENOENT);
    CHECK_TEXT(c, error.text, "no table can be made in the folder /nonexistent/folder: No such file or directory");
    CHECK(c, table == NULL);
}

/* The process may write no file beyond a megabyte: as a full disk does, this refuses the write, and must not end the process. */
static void a_file_that_cannot_grow_is_an_error_that_stays(struct checks *c)
{
    struct place place = place_new(c);
    struct rlimit before, small;
    struct bytes value;
    char text[16];
    int r = 0;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){1 << 20, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
    for (int i = 0; i < 10 * KEYS && r == 0; i++)
        r = table_put(place.table, key_of(text, i), bytes_of("some value of a usual size, so that a megabyte is soon full"));
    setrlimit(RLIMIT_FSIZE, &before);
    CHECK(c, r < 0 && r != -ENOENT);
    CHECK_INT(c, table_put(place.table, bytes_of("a"), bytes_of("1")), r);
    CHECK_INT(c, table_get(place.table, bytes_of("a"), &value), r);
    place_free(&place);
}

TESTS({"what was put is there until it is deleted", what_was_put_is_there_until_it_is_deleted},
      {"many keys come in order", many_keys_come_in_order},
      {"large values fit too", large_values_fit_too},
      {"its file has no name", its_file_has_no_name},
      {"a folder that is not there is named", a_folder_that_is_not_there_is_named},
      {"a file that cannot grow is an error that stays", a_file_that_cannot_grow_is_an_error_that_stays})
