#include "commands/snapshot_show.h"

#include <stdio.h>
#include <sysexits.h>

#include "archive/snapshot_file.h"
#include "base/number.h"
#include "codec/members.h"
#include "commands/complain.h"
#include "commands/progress.h"

enum { JSON_LIMIT = 64 << 20 };

static void put_mark(struct buffer *out, const struct snapshot_mark *mark)
{
    members_element(out);
    members_text(out, "topic", mark->topic);
    members_int(out, "partition", mark->partition);
    members_int(out, "next", mark->mark.next);
    members_int(out, "done", mark->mark.done);
    members_int(out, "seen_from", mark->mark.seen_from);
    members_flag(out, "torn", mark->mark.torn);
    members_int(out, "outcomes_from", mark->outcomes_from);
    buffer_put_char(out, '}');
}

static void put_market(struct buffer *out, const struct snapshot_market *market)
{
    members_element(out);
    members_int_or_null(out, "number", market->number);
    members_text(out, "incarnation", market->registry.incarnation);
    members_int(out, "era", market->registry.era);
    members_text_or_null(out, "halt", market->registry.halt);
    members_int(out, "values", market->values);
    members_open(out, "marks", '[');
    for (size_t i = 0; i < market->marks_count; i++)
        put_mark(out, &market->marks[i]);
    buffer_put_text(out, "]}");
}

static int print_json(const struct snapshot *snapshot, const char *path)
{
    const struct snapshot_header *header = snapshot_header(snapshot);
    struct buffer out;
    int r;

    buffer_init(&out, JSON_LIMIT);
    buffer_put_char(&out, '{');
    members_text(&out, "snapshot", path);
    members_text(&out, "digest", snapshot_digest(snapshot));
    members_text(&out, "taken_at", header->taken_at);
    members_text(&out, "orderd", header->orderd);
    members_int(&out, "values", snapshot_values(snapshot));
    members_int(&out, "bytes", snapshot_size(snapshot));
    members_text(&out, "cluster", header->cluster);
    members_text(&out, "group", header->group);
    members_text(&out, "topics", header->topics);
    members_text(&out, "outcomes", header->outcomes);
    members_text(&out, "shard", header->shard);
    members_text(&out, "prefix", header->prefix);
    members_open(&out, "markets", '[');
    for (size_t i = 0; i < snapshot_markets(snapshot); i++)
        put_market(&out, snapshot_market(snapshot, i));
    buffer_put_text(&out, "]}\n");
    r = buffer_error(&out);
    if (!r && fwrite(out.data, 1, out.size, stdout) != out.size)
        r = -EIO;
    buffer_deinit(&out);
    return r ? EX_IOERR : 0;
}

static void print_market(const struct snapshot_market *market)
{
    char values[PROGRESS_NUMBER_SIZE];

    if (market->number == SHARD_NONE)
        printf("market     ");
    else
        printf("market %-4d", market->number);
    printf("incarnation %s, era %lld, %s %s\n", market->registry.incarnation, (long long)market->registry.era, progress_number(values, market->values),
           number_words(market->values, "value", "values"));
    if (market->registry.halt[0])
        printf("           it stood still: %s\n", market->registry.halt);
    for (size_t i = 0; i < market->marks_count; i++) {
        const struct snapshot_mark *mark = &market->marks[i];

        int64_t waiting = mark->mark.next - mark->mark.done;

        printf("  %s:%d  next %lld, %lld %s on their way%s\n", mark->topic, mark->partition, (long long)mark->mark.next, (long long)waiting,
               number_words(waiting, "outcome", "outcomes"), mark->mark.torn ? ", torn" : "");
    }
}

static int print_text(const struct snapshot *snapshot, const char *path)
{
    const struct snapshot_header *header = snapshot_header(snapshot);
    char values[PROGRESS_NUMBER_SIZE], bytes[PROGRESS_NUMBER_SIZE];

    printf("%s: whole, %s %s in %s bytes\n", path, progress_number(values, snapshot_values(snapshot)),
           number_words(snapshot_values(snapshot), "value", "values"), progress_number(bytes, snapshot_size(snapshot)));
    printf("digest     %s\n", snapshot_digest(snapshot));
    printf("taken      %s by orderd %s\n", header->taken_at, header->orderd);
    printf("from       cluster %s, group %s, prefix \"%s\", shard \"%s\"\n", header->cluster, header->group, header->prefix, header->shard);
    printf("topics     %s; outcomes %s\n", header->topics, header->outcomes);
    for (size_t i = 0; i < snapshot_markets(snapshot); i++)
        print_market(snapshot_market(snapshot, i));
    return fflush(stdout) ? EX_IOERR : 0;
}

int snapshot_show(const char *path, bool json)
{
    struct error_text error = {""};
    struct snapshot *snapshot;
    int r = snapshot_open(&snapshot, path, &error), code;

    if (r)
        return complain("snapshot", r == -EBADMSG || r == -ENOTSUP ? EX_DATAERR : EX_NOINPUT, "%s", error.text);
    code = json ? print_json(snapshot, path) : print_text(snapshot, path);
    snapshot_free(snapshot);
    return code;
}
