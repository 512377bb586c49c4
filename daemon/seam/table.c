/* One write transaction is open all the time, so that reads see what was put before; it is committed, without waiting for the disk, when it has grown to
 * a bound, because LMDB holds its changed pages in memory until then. They are written with write(2): in a writable map (MDB_WRITEMAP) a full disk would
 * be a SIGBUS instead of -ENOSPC.
 *
 * The file is read by a map. Its pages count as resident though they can be dropped at any time; with each transaction it is mapped anew, which drops
 * them from our account (the kernel's cache keeps them), so that the process stays as large as it says: each call brings in 64 KiB at most, since the
 * kernel maps what it has around a page too. */
#include "seam/table.h"

#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What one transaction may last: calls, and bytes of values put or walked over. */
enum { CALLS_MAX = 4096, BYTES_MAX = 16 << 20 };

/* The map is larger than the file by what a batch may add at most: each put changes a path from the root to a leaf, and may split all of it. */
#define MAP_START ((size_t)1 << 30)
#define MAP_ROOM ((size_t)384 << 20)

struct table {
    MDB_env *env;
    MDB_txn *txn;        /* NULL after an error: nothing can be done with it any more */
    MDB_dbi dbi;
    size_t map_size, page_size, calls, bytes;
    int error;
};

static int fold_error(int r)
{
    return r == 0 ? 0 : r == MDB_NOTFOUND ? -ENOENT : r > 0 ? -r : r == MDB_MAP_FULL ? -ENOSPC : -EIO;
}

static int begin(struct table *table)
{
    int r = mdb_txn_begin(table->env, NULL, 0, &table->txn);

    if (r == 0)
        r = mdb_dbi_open(table->txn, NULL, 0, &table->dbi);
    return fold_error(r);
}

/* Only between two transactions. */
static int map_anew(struct table *table)
{
    MDB_envinfo info;
    int r = mdb_env_info(table->env, &info);

    while (r == 0 && (info.me_last_pgno + 1) * table->page_size + MAP_ROOM > table->map_size)
        table->map_size *= 2;
    return fold_error(r ? r : mdb_env_set_mapsize(table->env, table->map_size));
}

/* Commits and goes on; an error stays. */
static int turn_over(struct table *table)
{
    int r = fold_error(mdb_txn_commit(table->txn));

    table->txn = NULL;
    table->calls = table->bytes = 0;
    r = r ? r : map_anew(table);
    table->error = r ? r : begin(table);
    return table->error;
}

static int open_at(struct table *table, const char *path)
{
    MDB_stat stat;
    int r = mdb_env_set_mapsize(table->env, table->map_size);

    if (r == 0)
        r = mdb_env_open(table->env, path, MDB_NOSUBDIR | MDB_NOSYNC | MDB_NOLOCK | MDB_NORDAHEAD, 0600);
    if (r == 0)
        r = mdb_env_stat(table->env, &stat);
    if (r)
        return fold_error(r);
    table->page_size = stat.ms_psize;
    return begin(table);
}

/* A name that nobody else has, for the moment that it takes to open it. */
static int open_in(struct table *table, const char *folder)
{
    char path[4096];
    int size = snprintf(path, sizeof path, "%s/orderd-table-XXXXXX", folder), fd, r;

    if (size < 0 || (size_t)size >= sizeof path)
        return -ENAMETOOLONG;
    fd = mkstemp(path);
    if (fd < 0)
        return -errno;
    close(fd);
    r = open_at(table, path);
    unlink(path);
    return r;
}

int table_new(struct table **out, const char *folder, struct error_text *error)
{
    struct table *table = calloc(1, sizeof *table);
    int r;

    if (!table)
        return -ENOMEM;
    table->map_size = MAP_START;
    r = fold_error(mdb_env_create(&table->env));
    if (r == 0)
        r = open_in(table, folder);
    if (r) {
        table_free(table);
        return error_set(error, r, "no table can be made in the folder %s: %s", folder, strerror(-r));
    }
    *out = table;
    return 0;
}

struct table *table_free(struct table *table)
{
    if (table) {
        if (table->txn)
            mdb_txn_abort(table->txn);
        if (table->env)
            mdb_env_close(table->env);
        free(table);
    }
    return NULL;
}

static MDB_val val_of(struct bytes bytes)
{
    return (MDB_val){bytes.size, (void *)(uintptr_t)bytes.data};
}

static struct bytes bytes_of_val(const MDB_val *val)
{
    return (struct bytes){val->mv_data ? val->mv_data : "", val->mv_size};
}

/* Before each call: the error that stays, or the time to turn over. */
static int ready(struct table *table, struct bytes key, size_t bytes)
{
    ASSERT(key.size >= 1 && key.size <= TABLE_KEY_MAX);
    if (table->error)
        return table->error;
    if (table->calls >= CALLS_MAX || (table->bytes && table->bytes + bytes > BYTES_MAX))
        turn_over(table);
    table->calls++;
    table->bytes += bytes;
    return table->error;
}

int table_get(struct table *table, struct bytes key, struct bytes *value)
{
    MDB_val name = val_of(key), found;
    int r = ready(table, key, 0);

    if (r == 0)
        r = fold_error(mdb_get(table->txn, table->dbi, &name, &found));
    if (r == 0)
        *value = bytes_of_val(&found);
    return r;
}

/* After a change that failed the transaction is of no use. */
static int changed(struct table *table, int r)
{
    if (r && r != -ENOENT)
        table->error = r;
    return r;
}

int table_put(struct table *table, struct bytes key, struct bytes value)
{
    MDB_val name = val_of(key), put = val_of(value);
    int r = ready(table, key, value.size);

    return r ? r : changed(table, fold_error(mdb_put(table->txn, table->dbi, &name, &put, 0)));
}

int table_delete(struct table *table, struct bytes key)
{
    MDB_val name = val_of(key);
    int r = ready(table, key, 0);

    return r ? r : changed(table, fold_error(mdb_del(table->txn, table->dbi, &name, NULL)));
}

/* A walk over a table: where it stands outlives the transactions. */
struct walk {
    char last[TABLE_KEY_MAX];
    size_t last_size;      /* 0: before the first */
    int (*each)(void *context, struct bytes key, struct bytes value);
    void *context;
    int result;
};

/* The cursor on what comes after the last. */
static int walk_begin(const struct walk *walk, MDB_cursor *cursor, MDB_val *key, MDB_val *value)
{
    *key = (MDB_val){walk->last_size, (void *)(uintptr_t)walk->last};
    if (walk->last_size == 0)
        return mdb_cursor_get(cursor, key, value, MDB_FIRST);
    return mdb_cursor_get(cursor, key, value, MDB_SET) ? EINVAL : mdb_cursor_get(cursor, key, value, MDB_NEXT);
}

/* As far as one transaction goes. MDB_NOTFOUND: to the end. */
static int walk_on(struct table *table, struct walk *walk)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    int r = mdb_cursor_open(table->txn, table->dbi, &cursor);

    if (r)
        return r;
    for (r = walk_begin(walk, cursor, &key, &value); r == 0 && walk->result == 0; r = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        walk->result = walk->each(walk->context, bytes_of_val(&key), bytes_of_val(&value));
        table->bytes += key.mv_size + value.mv_size;
        if (table->bytes > BYTES_MAX)
            break;
    }
    if (r == 0) {
        memcpy(walk->last, key.mv_data, key.mv_size);
        walk->last_size = key.mv_size;
    }
    mdb_cursor_close(cursor);
    return r;
}

int table_each(struct table *table, int (*each)(void *context, struct bytes key, struct bytes value), void *context)
{
    struct walk walk = {.each = each, .context = context};
    int r = 0;

    while (r == 0 && walk.result == 0) {
        if (table->error || turn_over(table))
            return table->error;
        r = walk_on(table, &walk);
    }
    return walk.result ? walk.result : r == MDB_NOTFOUND ? 0 : fold_error(r);
}

int table_error(const struct table *table)
{
    return table ? table->error : 0;
}

size_t table_count(const struct table *table)
{
    MDB_stat stat = {.ms_entries = 0};

    if (!table->error)
        mdb_stat(table->txn, table->dbi, &stat);
    return stat.ms_entries;
}
