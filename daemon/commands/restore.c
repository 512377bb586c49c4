/* `orderd restore`: a market whose Redis was lost, brought back from a snapshot or from the log alone, up to the last decision that was published. */
#include "archive/restore.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "commands/command.h"
#include "commands/complain.h"
#include "commands/interrupt.h"
#include "commands/progress.h"
#include "commands/reapply.h"
#include "commands/site.h"
#include "seam/kafka_look.h"

static const char usage[] =
    "orderd restore: a market brought back into an empty Redis, up to the last published decision\n"
    "\n"
    "    orderd restore -c FILE [--dry-run] SNAPSHOT\n"
    "    orderd restore -c FILE [--dry-run] --from-log\n"
    "\n"
    "Writes what the snapshot holds, then applies what was decided since, as the outcome topic tells it:\n"
    "nothing is decided anew and nothing is published twice with other words. A daemon that is started\n"
    "then goes on by itself. Until all is done the market is halted, so that no daemon works half of it;\n"
    "after any failure, and after Ctrl-C, the same command goes on where it was. Stop the daemons before;\n"
    "producers may go on.\n"
    "\n"
    "SNAPSHOT is a file of orderd snapshot, the newest is best. Kafka must still hold what came after it:\n"
    "events and outcomes. Refused before anything is touched: a namespace that is not empty (unless it\n"
    "holds this restore half done), a group with members, a snapshot of another cluster, group, shard or\n"
    "outcome topic, or other partitions, and a log that lacks what is needed. The Redis user needs +scan\n"
    "besides what the daemon's needs, and +set where another program put a text where stock should be.\n"
    "\n"
    "    -c, --config FILE     the configuration\n"
    "    --from-log            without a snapshot, if Kafka still holds every event and every outcome\n"
    "                          since the first one, of one incarnation\n"
    "    --dry-run             say what would be done, and do nothing\n"
    "    -h, --help            this text\n"
    "\n"
    "For example:\n"
    "\n"
    "    orderd restore -c /etc/orderd/orderd.conf --dry-run /var/backups/orderd.snapshot\n"
    "    orderd restore -c /etc/orderd/orderd.conf /var/backups/orderd.snapshot\n"
    "\n"
    "Exit codes: 0 done; 64 usage; 65 the snapshot or an outcome is damaged; 66 the snapshot cannot be\n"
    "read; 69 Redis or Kafka is away; 75 stopped before its end, run it again; 77 rights are missing; 78\n"
    "the configuration is wrong, or refused.\n";

struct words {
    const char *file, *snapshot;
    bool from_log, dry, help;
};

struct job {
    struct site *site;
    struct interrupt interrupt;
    struct progress progress;
    bool shown;
};

static int parse(int argc, char **argv, struct words *words)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {"dry-run", no_argument, NULL, 'd'},
                                            {"from-log", no_argument, NULL, 'l'},     {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'c')
            words->file = optarg;
        else if (option == 'h')
            words->help = true;
        else if (option == 'd')
            words->dry = true;
        else if (option == 'l')
            words->from_log = true;
        else
            return complain_usage("restore", "an option is not known or lacks its value", NULL);
    }
    if (words->help)
        return 0;
    if (optind < argc)
        words->snapshot = argv[optind++];
    if (optind < argc)
        return complain_usage("restore", "an argument is too many:", argv[optind]);
    if (!words->file)
        return complain_usage("restore", "-c FILE is missing", NULL);
    if (!words->snapshot == !words->from_log)
        return complain_usage("restore", "a SNAPSHOT would be right, or --from-log, one of them", NULL);
    return 0;
}

static void say(void *context, const char *line)
{
    struct job *job = context;

    if (job->shown)
        progress_end(&job->progress);
    puts(line);
    fflush(stdout);
}

static bool stopped(void *context)
{
    struct job *job = context;

    return interrupt_seen(&job->interrupt);
}

static void show_progress(void *context, int64_t done, int64_t of)
{
    struct job *job = context;
    int64_t now = clock_monotonic_ms(job->site->clock);

    if (!job->shown)
        progress_begin(&job->progress, "writing", "values", of, now);
    job->shown = true;
    progress_show(&job->progress, done, now);
}

static int code_of(int r)
{
    return r == -EPROTO || r == -EEXIST ? EX_CONFIG : r == -EBADMSG || r == -ENOTSUP ? EX_DATAERR : r == -EACCES ? EX_NOPERM :
           r == -ECANCELED || r == -ESTALE ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

static int fail(int r, const struct error_text *error)
{
    return complain("restore", code_of(r), "the market is not restored; the same command goes on where it is: %s", error->text[0] ? error->text : strerror(-r));
}

/* Daemons that live would find it half written, and hold what they knew of the one before. */
static int check_group(struct job *job, struct refusal *refusal)
{
    struct kafka_in_options consumer = site_consumer(job->site);
    const char *group = job->site->config->kafka.group;
    struct error_text error = {""};
    struct kafka_group found;
    struct kafka_look *look;
    int r = kafka_look_new(&look, &consumer, &error);

    if (r)
        return fail(r, &error);
    r = kafka_look_group(look, group, &found, SITE_QUESTION_MS);
    kafka_look_free(look);
    if (r)
        return fail(error_set(&error, r, "kafka does not tell of group %s: %s", group, strerror(-r)), &error);
    if (found.members)
        refusal_say(refusal, "group %s has %zu %s; stop the daemons first, a killed one is a member until its session.timeout.ms is over", group, found.members,
                    number_words((int64_t)found.members, "member", "members"));
    return refusal->set ? site_refuse(job->site, refusal) : 0;
}

static int apply_published(struct job *job, struct restore *restore, struct kafka_in *in)
{
    enum playback_mode mode = restore->snapshot ? PLAYBACK_CHANGE : PLAYBACK_FOLLOW;
    struct error_text error = {""};
    bool ours = false;
    int code = reapply_run(job->site, in, mode, RESTORE_HALT, 0, false, &ours), r;

    if (code)
        return code;
    r = restore_finish(restore, &error);
    if (r)
        return fail(r, &error);
    puts("the market is restored; a daemon that is started goes on with it. Until one has looked, orderd offsets and orderd check count what was applied as "
         "outcomes on their way; they are published, and none is published again");
    return 0;
}

static int restore_market(struct job *job, struct restore *restore, struct kafka_in *in)
{
    struct error_text error = {""};
    struct refusal refusal = {0};
    int code = check_group(job, &refusal), r;

    if (code)
        return code;
    r = restore_check(restore, &refusal, &error);
    if (refusal.set)
        return site_refuse(job->site, &refusal);
    if (r)
        return fail(r, &error);
    if (restore->dry)
        return puts("(a dry run: nothing was changed)") < 0 ? EX_IOERR : 0;
    r = restore_write(restore, &error);
    if (job->shown)
        progress_end(&job->progress);
    job->shown = false;
    return r ? fail(r, &error) : apply_published(job, restore, in);
}

static int with_kafka(struct job *job, const struct words *words, struct snapshot *snapshot)
{
    struct restore restore = {.snapshot = snapshot, .dry = words->dry, .say = say, .stopped = stopped, .progress = show_progress, .context = job};
    struct kafka_in_options consumer = site_consumer(job->site);
    struct error_text error = {""};
    struct kafka_in *in;
    int code;

    if (kafka_in_new(&in, &consumer, &error))
        return complain("restore", EX_CONFIG, "no consumer: %s", error.text);
    restore.start = site_start(job->site, in);
    code = restore_market(job, &restore, in);
    restore_deinit(&restore);
    kafka_in_free(in);
    return code;
}

static int with_snapshot(struct job *job, const struct words *words, struct snapshot *snapshot)
{
    int code = site_ask_kafka(job->site);

    if (!code)
        code = site_connect(job->site);
    if (!code)
        code = site_open_reader(job->site);
    return code ? code : with_kafka(job, words, snapshot);
}

/* The snapshot is read whole before anything else is looked at. */
static int open_snapshot(const struct words *words, struct snapshot **snapshot)
{
    struct error_text error = {""};
    int r = words->snapshot ? snapshot_open(snapshot, words->snapshot, &error) : 0;

    return r ? complain("restore", r == -EBADMSG || r == -ENOTSUP ? EX_DATAERR : EX_NOINPUT, "%s", error.text) : 0;
}

/* The snapshot is looked at before anybody is asked. */
static int work(struct site *site, void *context)
{
    const struct words *words = context;
    struct job job = {.site = site};
    struct snapshot *snapshot = NULL;
    int code = interrupt_open(&job.interrupt) ? EX_OSERR : open_snapshot(words, &snapshot);

    if (!code)
        code = with_snapshot(&job, words, snapshot);
    snapshot_free(snapshot);
    interrupt_close(&job.interrupt);
    return code;
}

int command_restore(int argc, char **argv)
{
    struct words words = {.file = NULL};
    int code = parse(argc, argv, &words);

    if (code)
        return code;
    if (words.help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    return site_command(words.file, "restore", work, &words);
}
