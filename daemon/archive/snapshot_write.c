#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/snapshot_digest.h"
#include "archive/snapshot_file.h"
#include "base/base64.h"
#include "codec/text.h"

struct snapshot_writer {
    FILE *file;
    char *path, *partial;                /* partial NULL: standard output, or nothing to remove */
    struct buffer line;
    struct snapshot_digest digest;
    char text[SNAPSHOT_DIGEST_SIZE];
    int64_t lines, values;
    int error;
};

/* Whether a JSON string can hold it: UTF-8 without a zero byte. */
static bool is_text(struct bytes bytes)
{
    const char *at = bytes.data, *end = at + bytes.size;

    while (at < end) {
        uint32_t point = 0;
        size_t size = text_utf8(at, end, &point);

        if (size == 0 || point == 0)
            return false;
        at += size;
    }
    return true;
}

static void put_name(struct buffer *line, const char *name, const char *suffix)
{
    buffer_put_char(line, line->size ? ',' : '{');
    buffer_put_char(line, '"');
    buffer_put_text(line, name);
    buffer_put_text(line, suffix);
    buffer_put_text(line, "\":");
}

static void put_base64(struct buffer *line, const char *name, struct bytes bytes)
{
    put_name(line, name, "64");
    buffer_put_char(line, '"');
    base64_put(line, bytes);
    buffer_put_char(line, '"');
}

static void put_bytes(struct buffer *line, const char *name, struct bytes bytes)
{
    if (!is_text(bytes)) {
        put_base64(line, name, bytes);
        return;
    }
    put_name(line, name, "");
    text_put_json(line, bytes);
}

static void put_text(struct buffer *line, const char *name, const char *text)
{
    put_bytes(line, name, bytes_of(text));
}

static void put_int(struct buffer *line, const char *name, int64_t value)
{
    put_name(line, name, "");
    buffer_put_int(line, value);
}

static void end_line(struct snapshot_writer *w)
{
    buffer_put_text(&w->line, "}\n");
    if (!w->error)
        w->error = buffer_error(&w->line);
    if (!w->error && fwrite(w->line.data, 1, w->line.size, w->file) != w->line.size)
        w->error = errno ? -errno : -EIO;
    snapshot_digest_add(&w->digest, buffer_bytes(&w->line));
    buffer_reset(&w->line);
    w->lines++;
}

static void put_header(struct snapshot_writer *w, const struct snapshot_header *header)
{
    put_int(&w->line, "orderd_snapshot", SNAPSHOT_FORMAT);
    put_text(&w->line, "taken_at", header->taken_at);
    put_text(&w->line, "orderd", header->orderd);
    put_text(&w->line, "cluster", header->cluster);
    put_text(&w->line, "group", header->group);
    put_text(&w->line, "topics", header->topics);
    put_text(&w->line, "outcomes", header->outcomes);
    put_text(&w->line, "shard", header->shard);
    put_text(&w->line, "prefix", header->prefix);
    put_int(&w->line, "markets", header->markets);
    end_line(w);
}

/* Money is in it: for its owner alone, unless he makes it readable. */
static int open_partial(struct snapshot_writer *w, const char *path, struct error_text *error)
{
    int fd;

    w->path = strdup(path);
    if (!w->path || asprintf(&w->partial, "%s.partial", path) < 0) {
        w->partial = NULL;
        return -ENOMEM;
    }
    fd = open(w->partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    w->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (w->file)
        return 0;
    fd = -errno;
    error_set(error, fd, "%s: %s", w->partial, strerror(errno));
    free(w->partial);
    w->partial = NULL;
    return fd;
}

int snapshot_writer_new(struct snapshot_writer **out, const char *path, const struct snapshot_header *header, struct error_text *error)
{
    struct snapshot_writer *w = calloc(1, sizeof *w);
    int r = w ? 0 : -ENOMEM;

    if (r)
        return r;
    buffer_init(&w->line, SNAPSHOT_LINE_MAX);
    if (strcmp(path, "-") == 0)
        w->file = stdout;
    else
        r = open_partial(w, path, error);
    if (r) {
        snapshot_writer_free(w);
        return r;
    }
    put_header(w, header);
    *out = w;
    return 0;
}

struct snapshot_writer *snapshot_writer_free(struct snapshot_writer *w)
{
    if (!w)
        return NULL;
    if (w->file && w->file != stdout)
        fclose(w->file);
    if (w->partial)
        unlink(w->partial);
    buffer_deinit(&w->line);
    free(w->partial);
    free(w->path);
    free(w);
    return NULL;
}

void snapshot_write_market(struct snapshot_writer *w, int32_t number, struct stream_id last)
{
    char id[STREAM_ID_TEXT_SIZE];

    put_name(&w->line, "market", "");
    if (number == SHARD_NONE)
        buffer_put_text(&w->line, "null");
    else
        buffer_put_int(&w->line, number);
    stream_id_text(id, last);
    put_text(&w->line, "last", id);
    end_line(w);
}

void snapshot_write_outcomes_from(struct snapshot_writer *w, int32_t partition, int64_t from)
{
    put_int(&w->line, "outcome_partition", partition);
    put_int(&w->line, "from", from);
    end_line(w);
}

static void put_entry(struct buffer *line, const struct outbox_stored *entry)
{
    char id[STREAM_ID_TEXT_SIZE];

    stream_id_text(id, entry->id);
    put_text(line, "entry", id);
    put_bytes(line, "at", entry->at);
    put_int(line, "from", entry->from);
    put_int(line, "to", entry->to);
    put_int(line, "era", entry->era);
    if (entry->lost)
        put_int(line, "lost", 1);
    if (stream_id_compare(entry->sequence, entry->id) != 0) {
        stream_id_text(id, entry->sequence);
        put_text(line, "as", id);
    }
    put_base64(line, "records", entry->records);
}

void snapshot_write(struct snapshot_writer *w, const struct snapshot_value *value)
{
    static const char *const types[] = {[SNAPSHOT_HASH] = "hash", [SNAPSHOT_SET] = "set", [SNAPSHOT_ZSET] = "zset", [SNAPSHOT_STRING] = "string",
                                        [SNAPSHOT_LIST] = "list"};

    if (value->type == SNAPSHOT_ENTRY) {
        put_entry(&w->line, &value->entry);
    } else {
        put_bytes(&w->line, types[value->type], value->key);
        if (value->member.data)
            put_bytes(&w->line, value->type == SNAPSHOT_HASH ? "field" : "member", value->member);
        if (value->value.data)
            put_bytes(&w->line, value->type == SNAPSHOT_ZSET ? "score" : "value", value->value);
    }
    w->values++;
    end_line(w);
}

int snapshot_writer_error(const struct snapshot_writer *w)
{
    return w->error;
}

/* So that the name is on the disk as well. */
static int sync_folder(const char *path)
{
    char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    int fd, r = 0;

    if (!copy)
        return -ENOMEM;
    if (slash)
        slash[slash == copy] = '\0';
    fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd))
        r = -errno;
    if (fd >= 0)
        close(fd);
    free(copy);
    return r == -EINVAL || r == -EACCES ? 0 : r;     /* a folder that cannot be opened or synced: the file is */
}

static int settle(struct snapshot_writer *w)
{
    int r;

    if (w->file == stdout)
        return 0;
    r = fsync(fileno(w->file)) ? -errno : 0;
    if (fclose(w->file) && !r)
        r = -errno;
    w->file = NULL;
    if (!r && rename(w->partial, w->path))
        r = -errno;
    if (r)
        return r;
    free(w->partial);
    w->partial = NULL;
    return sync_folder(w->path);
}

int snapshot_writer_finish(struct snapshot_writer *w, struct error_text *error)
{
    int r;

    snapshot_digest_text(&w->digest, w->text);
    put_int(&w->line, "end", w->lines);
    put_text(&w->line, "digest", w->text);
    end_line(w);
    r = w->error;
    if (!r && fflush(w->file))
        r = -errno;
    if (!r)
        r = settle(w);
    w->error = r;
    return r ? error_set(error, r, "%s: %s", w->path ? w->path : "standard output", strerror(-r)) : 0;
}

const char *snapshot_writer_digest(const struct snapshot_writer *w)
{
    return w->text;
}

int64_t snapshot_writer_values(const struct snapshot_writer *w)
{
    return w->values;
}
