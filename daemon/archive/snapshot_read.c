#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "archive/snapshot_digest.h"
#include "archive/snapshot_ledger.h"
#include "base/base64.h"
#include "seam/json.h"

enum { CHUNK = 1 << 20, SCRATCH = 3 };

struct outcomes_from {
    int32_t partition;
    int64_t from;
};

struct snapshot {
    FILE *file;
    char *path;
    struct snapshot_header header;
    struct snapshot_market *markets;
    size_t count, at;                    /* how many were read; of which the next value is */
    char *chunk;                         /* what was read of the file and not yet taken */
    size_t chunk_at, chunk_end;
    struct buffer line, scratch[SCRATCH];
    struct json json;                    /* of the line that was read last */
    bool parsed, checked;                /* json is to be released; the whole file was read once */
    struct snapshot_digest digest;
    char text[SNAPSHOT_DIGEST_SIZE];
    int64_t lines, values, size;
    struct outcomes_from *froms;         /* of the market that is being read */
    size_t froms_count;
};

static int bad(const struct snapshot *s, struct error_text *error, const char *what)
{
    return error_set(error, -EBADMSG, "%s:%lld: %s", s->path, (long long)s->lines, what);
}

/* More of the file into the chunk; its end is an error, since the last line is known by what it says. */
static int fill(struct snapshot *s, struct error_text *error)
{
    s->chunk_at = 0;
    s->chunk_end = fread(s->chunk, 1, CHUNK, s->file);
    if (s->chunk_end)
        return 0;
    if (ferror(s->file))
        return error_set(error, errno ? -errno : -EIO, "%s: %s", s->path, strerror(errno));
    return bad(s, error, "the file ends before its last line: it is cut, or not finished");
}

/* The next line with its end; lives until the next one. */
static int read_line(struct snapshot *s, struct bytes *out, struct error_text *error)
{
    buffer_reset(&s->line);
    for (;;) {
        int r = s->chunk_at == s->chunk_end ? fill(s, error) : 0;
        const char *at = s->chunk + s->chunk_at, *feed;
        size_t size;

        if (r)
            return r;
        feed = memchr(at, '\n', s->chunk_end - s->chunk_at);
        size = feed ? (size_t)(feed + 1 - at) : s->chunk_end - s->chunk_at;
        s->chunk_at += size;
        if (feed && !s->line.size) {
            *out = (struct bytes){at, size};
            break;
        }
        buffer_put(&s->line, at, size);
        if (buffer_error(&s->line))
            return buffer_error(&s->line) == -ENOBUFS ? bad(s, error, "a line is too long for a snapshot") : -ENOMEM;
        if (feed) {
            *out = buffer_bytes(&s->line);
            break;
        }
    }
    s->lines++;
    return 0;
}

static void release(struct snapshot *s)
{
    if (s->parsed)
        json_release(&s->json);
    s->parsed = false;
}

static int parse_line(struct snapshot *s, struct bytes line, struct error_text *error)
{
    struct error_text why = {""};

    release(s);
    line.size--;
    if (json_object_parse(&s->json, line, &why) != JSON_OK)
        return bad(s, error, s->lines == 1 ? "this is no snapshot of orderd" : why.text);
    s->parsed = true;
    return 0;
}

static bool get_int(const struct snapshot *s, const char *name, int64_t *out)
{
    struct json_member member;

    if (!json_member_get(&s->json, name, &member) || member.type != JSON_TYPE_INTEGER)
        return false;
    *out = member.integer;
    return true;
}

/* The member of that name, or what the one with 64 behind it stands for. */
static bool get_bytes(struct snapshot *s, const char *name, struct buffer *scratch, struct bytes *out)
{
    struct json_member member;
    char encoded[16];
    size_t size = strlen(name);

    if (json_member_get(&s->json, name, &member)) {
        *out = member.text.data ? member.text : (struct bytes){"", 0};
        return member.type == JSON_TYPE_STRING;
    }
    ASSERT(size + sizeof "64" <= sizeof encoded);
    memcpy(encoded, name, size);
    memcpy(encoded + size, "64", sizeof "64");
    buffer_reset(scratch);
    if (!json_member_get(&s->json, encoded, &member) || member.type != JSON_TYPE_STRING || !base64_take(scratch, member.text))
        return false;
    *out = buffer_bytes(scratch);
    return true;
}

static bool get_text(struct snapshot *s, const char *name, char *out, size_t size)
{
    struct bytes text;

    if (!get_bytes(s, name, &s->scratch[0], &text) || text.size >= size || memchr(text.data, 0, text.size))
        return false;
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return true;
}

static bool get_id(struct snapshot *s, const char *name, struct stream_id *out)
{
    struct bytes text;

    return get_bytes(s, name, &s->scratch[0], &text) && stream_id_parse(text, out);
}

static int take_header(struct snapshot *s, struct error_text *error)
{
    struct snapshot_header *h = &s->header;
    int64_t format;

    if (!get_int(s, "orderd_snapshot", &format) || format < 1)
        return bad(s, error, "this is no snapshot of orderd");
    if (format != SNAPSHOT_FORMAT)
        return error_set(error, -ENOTSUP, "%s: format %lld is of a later orderd, this one reads format %d", s->path, (long long)format, SNAPSHOT_FORMAT);
    if (!get_text(s, "taken_at", h->taken_at, sizeof h->taken_at) || !get_text(s, "orderd", h->orderd, sizeof h->orderd) ||
        !get_text(s, "cluster", h->cluster, sizeof h->cluster) || !get_text(s, "group", h->group, sizeof h->group) ||
        !get_text(s, "topics", h->topics, sizeof h->topics) || !get_text(s, "outcomes", h->outcomes, sizeof h->outcomes) ||
        !get_text(s, "shard", h->shard, sizeof h->shard) || !get_text(s, "prefix", h->prefix, sizeof h->prefix) ||
        !get_int(s, "markets", &h->markets) || h->markets < 1 || h->markets > INT32_MAX)
        return bad(s, error, "the header is not as orderd writes it");
    return 0;
}

static bool take_entry(struct snapshot *s, struct outbox_stored *entry)
{
    int64_t lost = 0;

    *entry = (struct outbox_stored){.from = -1};
    if (!get_id(s, "entry", &entry->id) || !get_bytes(s, "at", &s->scratch[1], &entry->at) || !get_int(s, "from", &entry->from) ||
        !get_int(s, "to", &entry->to) || !get_int(s, "era", &entry->era) || !get_bytes(s, "records", &s->scratch[2], &entry->records))
        return false;
    entry->lost = get_int(s, "lost", &lost) && lost;
    entry->sequence = entry->id;
    if (!get_id(s, "as", &entry->sequence))
        entry->sequence = entry->id;
    return true;
}

/* 1: a value; 0: it is a line of another sort; or -EBADMSG. */
static int take_value(struct snapshot *s, struct snapshot_value *out, struct error_text *error)
{
    static const struct {
        enum snapshot_type type;
        const char *name, *member, *value;
    } forms[] = {{SNAPSHOT_SET, "set", "member", NULL},           {SNAPSHOT_HASH, "hash", "field", "value"}, {SNAPSHOT_ZSET, "zset", "member", "score"},
                 {SNAPSHOT_STRING, "string", NULL, "value"},      {SNAPSHOT_LIST, "list", NULL, "value"}};

    *out = (struct snapshot_value){.type = SNAPSHOT_ENTRY, .key = {"orderd:outbox", sizeof "orderd:outbox" - 1}};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (!get_bytes(s, forms[i].name, &s->scratch[0], &out->key))
            continue;
        out->type = forms[i].type;
        if ((forms[i].member && !get_bytes(s, forms[i].member, &s->scratch[1], &out->member)) ||
            (forms[i].value && !get_bytes(s, forms[i].value, &s->scratch[2], &out->value)))
            return bad(s, error, "a member is missing or of a wrong type");
        return 1;
    }
    return take_entry(s, &out->entry);
}

/* The market's last line was the one before: what the marks have from other lines. */
static void end_market(struct snapshot *s)
{
    struct snapshot_market *market = &s->markets[s->count - 1];

    for (size_t i = 0; i < market->marks_count; i++)
        for (size_t n = 0; n < s->froms_count; n++)
            if (s->froms[n].partition == market->marks[i].partition)
                market->marks[i].outcomes_from = s->froms[n].from;
    s->froms_count = 0;
}

static int begin_market(struct snapshot *s, struct snapshot_ledger *ledger, struct error_text *error)
{
    struct snapshot_market market = {.number = SHARD_NONE}, *markets;
    struct json_member number;
    int r;

    if (s->count) {
        r = snapshot_ledger_end(ledger, error);
        if (r)
            return r;
        end_market(s);
    }
    if (!json_member_get(&s->json, "market", &number) || !get_id(s, "last", &market.last) || s->count == (size_t)s->header.markets)
        return bad(s, error, "this line is of no sort that a snapshot has");
    if (number.type == JSON_TYPE_INTEGER && number.integer >= 0 && number.integer <= INT32_MAX)
        market.number = (int32_t)number.integer;
    markets = reallocarray(s->markets, s->count + 1, sizeof *markets);
    if (!markets)
        return -ENOMEM;
    s->markets = markets;
    s->markets[s->count] = market;
    snapshot_ledger_begin(ledger, &s->markets[s->count++]);
    return 0;
}

static int take_from(struct snapshot *s, int64_t partition, struct error_text *error)
{
    struct outcomes_from *froms = reallocarray(s->froms, s->froms_count + 1, sizeof *froms), from = {.partition = (int32_t)partition};

    if (!froms)
        return -ENOMEM;
    s->froms = froms;
    if (partition < 0 || partition > INT32_MAX || !get_int(s, "from", &from.from))
        return bad(s, error, "an offset is missing");
    s->froms[s->froms_count++] = from;
    return 0;
}

/* A line of the first reading, between the header and the end. */
static int take_line(struct snapshot *s, struct snapshot_ledger *ledger, struct error_text *error)
{
    struct snapshot_value value;
    int64_t partition;
    int r = take_value(s, &value, error);

    if (r < 0)
        return r;
    if (r == 0 && get_int(s, "outcome_partition", &partition))
        return take_from(s, partition, error);
    if (r == 0)
        return begin_market(s, ledger, error);
    if (!s->count)
        return bad(s, error, "a value stands before any market");
    s->values++;
    s->markets[s->count - 1].values++;
    return snapshot_ledger_take(ledger, &value, error);
}

/* The line that ends it: how many there were, and their digest. */
static int check_end(struct snapshot *s, int64_t lines, struct error_text *error)
{
    char told[SNAPSHOT_DIGEST_SIZE], found[SNAPSHOT_DIGEST_SIZE];

    snapshot_digest_text(&s->digest, found);
    if (lines != s->lines - 1 || !get_text(s, "digest", told, sizeof told) || strcmp(told, found) != 0)
        return bad(s, error, "digest or number of lines is not that of the lines before: the file was altered");
    if (s->checked && strcmp(s->text, found) != 0)
        return bad(s, error, "the file was exchanged while it was read");
    memcpy(s->text, found, sizeof found);
    if (s->chunk_at < s->chunk_end || fgetc(s->file) != EOF)
        return bad(s, error, "something stands behind the last line");
    return 0;
}

/* 1: a line between header and end, parsed; 0: the end, which is as it should be. */
static int next_line(struct snapshot *s, struct error_text *error)
{
    struct bytes line = {NULL, 0};
    int64_t lines;
    int r = read_line(s, &line, error);

    if (!r)
        r = parse_line(s, line, error);
    if (r)
        return r;
    if (s->lines > 1 && get_int(s, "end", &lines))
        return check_end(s, lines, error);
    snapshot_digest_add(&s->digest, line);
    return 1;
}

static int read_all(struct snapshot *s, struct snapshot_ledger *ledger, struct error_text *error)
{
    int r = snapshot_rewind(s);

    if (!r)
        r = next_line(s, error);
    if (r == 1)
        r = take_header(s, error);
    while (!r && (r = next_line(s, error)) == 1)
        r = take_line(s, ledger, error);
    if (!r && s->count != (size_t)s->header.markets)
        r = bad(s, error, "a market is missing");
    if (!r)
        r = snapshot_ledger_end(ledger, error);
    if (!r)
        end_market(s);
    s->checked = r == 0;
    return r;
}

static int open_file(struct snapshot *s, const char *path, struct error_text *error)
{
    struct stat stat;
    int r = 0;

    s->path = strdup(path);
    s->chunk = malloc(CHUNK);
    if (!s->path || !s->chunk)
        return -ENOMEM;
    s->file = fopen(path, "re");
    if (!s->file || fstat(fileno(s->file), &stat))
        r = -errno;
    else if (!S_ISREG(stat.st_mode))
        return error_set(error, -EINVAL, "%s: a file would be right, since it is read twice", path);
    s->size = r ? 0 : (int64_t)stat.st_size;
    return r ? error_set(error, r, "%s: %s", path, strerror(-r)) : 0;
}

int snapshot_open(struct snapshot **out, const char *path, struct error_text *error)
{
    struct snapshot *s = calloc(1, sizeof *s);
    struct snapshot_ledger ledger;
    int r;

    if (!s)
        return -ENOMEM;
    buffer_init(&s->line, SNAPSHOT_LINE_MAX);
    for (size_t i = 0; i < SCRATCH; i++)
        buffer_init(&s->scratch[i], SNAPSHOT_LINE_MAX);
    r = snapshot_ledger_init(&ledger);
    if (!r)
        r = open_file(s, path, error);
    if (!r)
        r = read_all(s, &ledger, error);
    snapshot_ledger_deinit(&ledger);
    if (r)
        snapshot_free(s);
    else
        *out = s;
    return r;
}

struct snapshot *snapshot_free(struct snapshot *s)
{
    if (!s)
        return NULL;
    release(s);
    if (s->file)
        fclose(s->file);
    for (size_t i = 0; i < s->count; i++)
        free(s->markets[i].marks);
    for (size_t i = 0; i < SCRATCH; i++)
        buffer_deinit(&s->scratch[i]);
    buffer_deinit(&s->line);
    free(s->markets);
    free(s->froms);
    free(s->chunk);
    free(s->path);
    free(s);
    return NULL;
}

int snapshot_rewind(struct snapshot *s)
{
    s->chunk_at = s->chunk_end = 0;
    s->lines = 0;
    s->at = SIZE_MAX;
    s->digest = (struct snapshot_digest){{0, 0}};
    return fseeko(s->file, 0, SEEK_SET) ? -errno : 0;
}

int snapshot_next(struct snapshot *s, size_t *market, struct snapshot_value *out, struct error_text *error)
{
    struct json_member member;
    int r;

    while ((r = next_line(s, error)) == 1) {
        r = s->lines == 1 ? 0 : take_value(s, out, error);
        if (!r && json_member_get(&s->json, "market", &member))
            s->at++;
        if (!r)
            continue;
        if (r == 1 && s->at >= s->count)
            return bad(s, error, "the file was exchanged while it was read");
        *market = s->at;
        return r;
    }
    return r;
}

const struct snapshot_header *snapshot_header(const struct snapshot *s)
{
    return &s->header;
}

size_t snapshot_markets(const struct snapshot *s)
{
    return s->count;
}

const struct snapshot_market *snapshot_market(const struct snapshot *s, size_t index)
{
    ASSERT(index < s->count);
    return &s->markets[index];
}

const struct snapshot_mark *snapshot_mark_of(const struct snapshot *s, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < s->count; i++)
        for (size_t n = 0; n < s->markets[i].marks_count; n++)
            if (s->markets[i].marks[n].partition == partition && strcmp(s->markets[i].marks[n].topic, topic) == 0)
                return &s->markets[i].marks[n];
    return NULL;
}

const char *snapshot_digest(const struct snapshot *s)
{
    return s->text;
}

int64_t snapshot_values(const struct snapshot *s)
{
    return s->values;
}

int64_t snapshot_size(const struct snapshot *s)
{
    return s->size;
}
