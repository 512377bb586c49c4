/* What a replay that goes on reads back of the run before it: the file of its outcomes, of which only whole lines of its own stay, and its counts.
 * Input: the counts in a line; a line of the highest offset that has left the outbox of each partition; the file. */
#include "replay/emit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "commands/replay.h"
#include "fuzz/fuzz.h"

#define INCARNATION "01234567-89ab-4cde-8f01-23456789abcd"

static void counts_read(struct bytes line)
{
    static struct replay_report report;
    static struct replay_counts counts;
    static struct verify_counts verified;
    char *text = malloc(line.size + 1), again[2048];
    int64_t position = 0;

    if (!text)
        abort();
    memcpy(text, line.data ? line.data : "", line.size);
    text[line.size] = '\0';
    if (replay_counts_parse(text, &counts, &verified, &position)) {
        report.counts = counts;
        report.verified = &verified;
        replay_counts_text(&report, position, again, sizeof again);
        MUST(strcmp(again, text) == 0);
    }
    free(text);
}

static void write_whole(const char *path, struct bytes text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    MUST(fd >= 0 && write(fd, text.data ? text.data : "", text.size) == (ssize_t)text.size);
    close(fd);
}

/* What stays is the beginning of what was there, in whole lines, each of this market. */
static void file_is_right(const char *path, struct bytes before)
{
    static const char source[] = "\"ce_source\":\"/orderd/" INCARNATION "\"";
    char *now = malloc(before.size + 1), *line = now;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, now, before.size + 1);

    MUST(size >= 0 && (size_t)size <= before.size && (size == 0 || (memcmp(now, before.data, (size_t)size) == 0 && now[size - 1] == '\n')));
    while (line < now + size) {
        char *end = memchr(line, '\n', (size_t)(now + size - line));

        MUST(end && memmem(line, (size_t)(end - line), source, sizeof source - 1));
        line = end + 1;
    }
    close(fd);
    free(now);
}

static void is_untouched(const char *path, struct bytes before)
{
    struct stat status;

    MUST(stat(path, &status) == 0 && (size_t)status.st_size == before.size);
}

static void file_reads(const char *path, struct bytes text, struct partition *const *partitions)
{
    struct emit_options options = {.path = path, .partitions = partitions, .partitions_count = 2};
    struct error_text error = {""};
    struct emit *emit = NULL;
    int r;

    write_whole(path, text);
    r = emit_new(&emit, &options, &error);
    if (r) {
        MUST(r == -EBADMSG && error.text[0] && !strchr(error.text, '\n'));
        is_untouched(path, text);
    } else {
        MUST(emit_records(emit) == 0);
        file_is_right(path, text);
    }
    emit_free(emit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct shard shard;
    struct bytes left = input_of(data, size), line;
    struct partition *partitions[2] = {NULL, NULL};
    char path[200];

    snprintf(shard.registry.incarnation, sizeof shard.registry.incarnation, "%s", INCARNATION);
    MUST(partition_new(&partitions[0], "orders", 0, &shard) == 0 && partition_new(&partitions[1], "my.orders", 1, &shard) == 0);
    counts_read(input_take(&left, '\n'));
    line = input_take(&left, '\n');
    for (int i = 0; i < 2; i++) {
        partitions[i]->mark.fingerprint_offset = (int64_t)input_number(&line, 1000) - 1;
        partitions[i]->mark.done = (int64_t)input_number(&line, 1000);
    }
    snprintf(path, sizeof path, "%s/emit-%d.jsonl", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    file_reads(path, left, partitions);
    unlink(path);
    partition_free(partitions[0], NULL);
    partition_free(partitions[1], NULL);
    return 0;
}
