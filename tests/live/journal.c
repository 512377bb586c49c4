/* Plays a journal of real brokers and prints it, for tests/live/test_journal.py.
 *
 * journal BROKERS OUTCOMES INCARNATION TOPIC PARTITIONS KBYTES [--from WHERE | --to WHERE]... : a line "PARTITION:OFFSET WHAT" for each event, what
 * being both, source or outcome; then "memory KB", its highest. Exits with 65 and a sentence when ranges are refused, with 1 when reading fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "commands/where.h"
#include "history/ranges.h"

enum { ARGUMENTS = 7, QUESTION_MS = 10000, WAITS_MAX = 300 };

/* Of this program alone; getrusage() would count what it was forked from. */
static long highest_memory(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kbytes = -1;

    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kbytes = strtol(line + 6, NULL, 10);
    if (file)
        fclose(file);
    return kbytes;
}

static int play(struct journal *journal, const struct journal_range *ranges, struct error_text *error)
{
    struct journal_event event;
    int r = 1, waits = 0;

    while (r == 1 || (r == -EAGAIN && waits < WAITS_MAX)) {
        r = journal_next(journal, 100, &event, error);
        waits = r == 1 ? 0 : waits + 1;
        if (r != 1)
            continue;
        printf("%d:%lld %s\n", ranges[event.range].partition, (long long)event.offset,
               event.sourced && event.recorded ? "both" : event.sourced ? "source" : "outcome");
        journal_event_free(&event);
    }
    printf("memory %ld\n", highest_memory());
    return r;
}

static int open_and_play(char **argv, const struct ranges_options *options, const struct journal_range *ranges, size_t count, struct error_text *error)
{
    struct journal_options wanted = {.kafka = options->kafka, .outcomes = options->outcomes, .incarnation = options->incarnation, .sources = true,
                                     .ranges = ranges, .ranges_count = count, .kbytes = strtoul(argv[6], NULL, 10)};
    struct journal *journal;
    int r = journal_new(&journal, &wanted, error);

    if (!r)
        r = play(journal, ranges, error);
    journal_free(journal);
    return r;
}

int main(int argc, char **argv)
{
    struct kafka_property soon = {"fetch.wait.max.ms", "20"};
    struct resolve_froms from = {.count = 0}, to = {.count = 0};
    struct error_text error = {""};
    struct journal_range *ranges = NULL;
    struct ranges_options options = {.from = &from, .to = &to, .timeout_ms = QUESTION_MS, .number = SHARD_NONE};
    struct start_topic topic;
    struct clock *clock;
    size_t count;
    int r;

    if (argc < ARGUMENTS || clock_new(&clock))
        return EX_USAGE;
    for (int i = ARGUMENTS; i + 1 < argc; i += 2)
        if (!where_add(argv[i + 1], strcmp(argv[i], "--from") == 0 ? &from : &to))
            return EX_USAGE;
    topic = (struct start_topic){argv[4], atoi(argv[5])};
    options.topics = &topic;
    options.topics_count = 1;
    options.outcomes = argv[2];
    options.incarnation = argv[3];
    options.kafka = (struct kafka_in_options){.brokers = argv[1], .group = "journal", .topics = (const char *const *)&argv[4], .topics_count = 1,
                                              .properties = {&soon, 1}, .clock = clock};
    r = kafka_in_new(&options.in, &options.kafka, &error);
    if (!r)
        r = ranges_make(&ranges, &count, &options, &error);
    if (!r)
        r = open_and_play(argv, &options, ranges, count, &error);
    if (r)
        fprintf(stderr, "%s\n", error.text);
    free(ranges);
    kafka_in_free(options.in);
    clock_free(clock);
    return r == -EPROTO ? EX_DATAERR : r ? 1 : 0;
}
