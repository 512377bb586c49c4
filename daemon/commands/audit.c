/* `orderd audit`: whether the log keeps the promise, and Redis is what the log says. */
#include "commands/audit.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/number.h"
#include "codec/members.h"
#include "commands/command.h"
#include "commands/complain.h"
#include "commands/folder.h"
#include "commands/where.h"
#include "seam/kafka_look.h"

enum { JSON_LIMIT = 1 << 30 };

static const char usage[] =
    "orderd audit: prove from the log that nothing was lost, doubled or made up; and that Redis is so\n"
    "\n"
    "    orderd audit -c FILE [--redis] [--from WHERE]... [--to WHERE]... [--state SNAPSHOT]\n"
    "                 [--incarnation UUID] [--work DIR] [--strict] [--max-findings N] [--json]\n"
    "\n"
    "Reads the source topics, the outcome topic and the dead letters beside the live group, and changes\n"
    "nothing. Looked at: that every event has an outcome, in its place, in order, with copies that are\n"
    "the same bytes; that each outcome is of its event; duplicates and dead letters; that every value\n"
    "which a decision rested on follows from the decision before it on the same key.\n"
    "\n"
    "    -c, --config FILE     the live configuration\n"
    "    --redis               hold Redis against the log too: marks, outbox, seen lists, balances,\n"
    "                          inventories, listings, stock. Daemons may go on: a snapshot is taken\n"
    "    --from WHERE          from here on, else from the start\n"
    "    --to WHERE            up to here, else to the end\n"
    "    --state SNAPSHOT      begin at the marks, and with the market, of a file of orderd snapshot\n"
    "    --incarnation UUID    audit this one's outcomes, else the live registry's, or those of the last\n"
    "                          outcome\n"
    "    --work DIR            the folder for temporary files, 32 bytes an event and some 100 bytes for\n"
    "                          each key beyond memory; the variable TMPDIR, or /var/tmp unless given\n"
    "    --strict              values that another program has written are findings too. They are shown\n"
    "                          in any case, with key and amount, but are legal\n"
    "    --max-findings N      show so many of each kind, 1 to 10000; 20 unless given. All are counted\n"
    "    --json                for programs: the report as one object, described by\n"
    "                          /usr/share/orderd/schemas/reports/audit.json\n"
    "    -h, --help            this text\n"
    "\n"
    WHERE_HELP
    "For example:\n"
    "\n"
    "    orderd audit -c /etc/orderd/orderd.conf --redis\n"
    "    orderd audit -c /etc/orderd/orderd.conf --from 2026-11-25T00:00:00Z --json\n"
    "\n"
    "Exit codes: 0 clean; 64 usage; 65 findings, or a damaged snapshot; 66 the snapshot cannot be read;\n"
    "69 Redis or Kafka is away; 73 a file cannot be made in DIR; 74 it cannot be written; 75 stopped\n"
    "before its end, run it again; 77 rights are missing; 78 the configuration is wrong, or refused.\n";

static bool parse_count(const char *text, size_t *out)
{
    int64_t value;

    if (!number_parse(bytes_of(text), &value) || value < 1 || value > AUDIT_SHOWN_MAX)
        return false;
    *out = (size_t)value;
    return true;
}

static int take_option(struct audit_words *words, int option, const char *value)
{
    switch (option) {
    case 'c':
        return words->file = value, 0;
    case 'h':
        return words->help = true, 0;
    case 'j':
        return words->json = true, 0;
    case 'r':
        return words->redis = true, 0;
    case 's':
        return words->strict = true, 0;
    case 'S':
        return words->state = value, 0;
    case 'i':
        words->incarnation = value;
        return strlen(value) < CLOCK_UUID_SIZE ? 0 : complain_usage("audit", "--incarnation: what follows /orderd/ in ce_source would be right, not", value);
    case 'w':
        return words->work = value, 0;
    case 'f':
        return where_add(value, &words->from) ? 0 : complain_usage("audit", "--from: " WHERE_FORMS " would be right, not", value);
    case 't':
        return where_add(value, &words->to) ? 0 : complain_usage("audit", "--to: " WHERE_FORMS " would be right, not", value);
    case 'n':
        return parse_count(value, &words->shown) ? 0 : complain_usage("audit", "--max-findings: a number from 1 to 10000 would be right, not", value);
    default:
        return complain_usage("audit", "an option is not known or lacks its value", NULL);
    }
}

static int check(const struct audit_words *words)
{
    if (!words->file)
        return complain_usage("audit", "-c FILE is missing", NULL);
    if (words->state && words->from.count)
        return complain_usage("audit", "--from does not go with --state: the audit begins at the snapshot's marks", NULL);
    if (words->redis && words->to.count)
        return complain_usage("audit", "--to does not go with --redis: the audit ends at the marks in Redis", NULL);
    if (words->redis && words->incarnation)
        return complain_usage("audit", "--incarnation does not go with --redis: the registry's is audited", NULL);
    return 0;
}

static int parse(int argc, char **argv, struct audit_words *words)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'},         {"json", no_argument, NULL, 'j'},
        {"redis", no_argument, NULL, 'r'},        {"strict", no_argument, NULL, 's'},       {"state", required_argument, NULL, 'S'},
        {"work", required_argument, NULL, 'w'},   {"from", required_argument, NULL, 'f'},   {"to", required_argument, NULL, 't'},
        {"incarnation", required_argument, NULL, 'i'}, {"max-findings", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
    int option, code = 0;

    while (!code && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        code = take_option(words, option, optarg);
    if (code || words->help)
        return code;
    return optind < argc ? complain_usage("audit", "an argument is too many:", argv[optind]) : check(words);
}

static bool stopped(void *context)
{
    struct audit_command *command = context;

    return interrupt_seen(&command->interrupt);
}

static int open_state(struct audit_command *command)
{
    struct error_text error;
    int r = snapshot_open(&command->state, command->words->state, &error);

    if (!r)
        return 0;
    return complain("audit", r == -ENOMEM ? EX_OSERR : r == -EBADMSG || r == -ENOTSUP ? EX_DATAERR : EX_NOINPUT, "%s", error.text);
}

/* Of another market than the configuration's nothing could be said. */
static int check_state(struct audit_command *command)
{
    const struct snapshot_header *header = snapshot_header(command->state);
    const struct site *site = command->site;

    if (strcmp(header->cluster, site->topics.cluster) != 0)
        return complain("audit", EX_CONFIG, "--state %s: it is of the Kafka cluster %s, and the brokers are of %s", command->words->state, header->cluster, site->topics.cluster);
    if (strcmp(header->shard, site->config->shard) != 0)
        return complain("audit", EX_CONFIG, "--state %s: it was taken with shard = \"%s\", the configuration says \"%s\"", command->words->state, header->shard, site->config->shard);
    if (strcmp(header->outcomes, site->config->kafka.outcomes) != 0)
        return complain("audit", EX_CONFIG, "--state %s: its outcomes are in %s, the configuration says %s", command->words->state, header->outcomes, site->config->kafka.outcomes);
    return 0;
}

/* What the registry knows is needed where it can be had; that Redis is away is no error unless Redis is to be looked at. */
static int connect_redis(struct audit_command *command)
{
    struct error_text error;
    int r;

    if (command->words->redis)
        return site_connect(command->site);
    r = session_connect(command->site->redis.session, &error);
    if (r && !command->words->json)
        complain("audit", 0, "redis is not asked: %s", error.text);
    return 0;
}

/* From which topics a message may leave in the middle of the log. */
static void ask_cleanup(struct audit_command *command)
{
    struct kafka_in_options options = site_consumer(command->site);
    struct kafka_look *look;
    struct error_text error;

    for (size_t i = 0; i < KAFKA_TOPICS_MAX; i++)
        command->compacted[i] = true;      /* who is not told, believes it */
    if (kafka_look_new(&look, &options, &error))
        return;
    for (size_t i = 0; i < command->site->topics.count; i++) {
        struct kafka_value value = {.name = "cleanup.policy"};

        if (!kafka_look_settings(look, command->site->topics.items[i].name, -1, &value, 1, SITE_QUESTION_MS) && value.text[0])
            command->compacted[i] = strstr(value.text, "compact") != NULL;
    }
    kafka_look_free(look);
}

/* The most that a source topic has; the outcome topic has at least as many. */
int32_t audit_partitions(const struct audit_command *command)
{
    const struct topics *topics = &command->site->topics;
    int32_t most = 0;

    for (size_t i = 0; i < topics->count; i++)
        most = topics->items[i].partitions > most ? topics->items[i].partitions : most;
    return most;
}

/* Where the outcome topic ends now: what lies below was applied before Redis is looked at. */
static int ask_early(struct audit_command *command)
{
    int32_t count = audit_partitions(command);
    struct kafka_bounds *bounds = calloc((size_t)count + 1, sizeof *bounds);
    int r = bounds ? 0 : -ENOMEM;

    command->outcomes_early = calloc((size_t)count + 1, sizeof *command->outcomes_early);
    command->outcomes_partitions = count;
    for (int32_t p = 0; !r && p < count; p++) {
        snprintf(bounds[p].topic, sizeof bounds[p].topic, "%s", command->site->config->kafka.outcomes);
        bounds[p].partition = p;
    }
    if (!r)
        r = command->outcomes_early ? kafka_in_bounds_of_many(command->in, bounds, (size_t)count, SITE_QUESTION_MS) : -ENOMEM;
    for (int32_t p = 0; !r && p < count; p++)
        command->outcomes_early[p] = bounds[p].end;
    free(bounds);
    return r ? complain("audit", EX_UNAVAILABLE, "kafka does not say where %s ends: %s", command->site->config->kafka.outcomes, strerror(-r)) : 0;
}

static void show_taking(void *context, const char *what, int64_t done)
{
    struct audit_command *command = context;

    (void)what;
    progress_show(&command->progress, done, clock_monotonic_ms(command->site->clock));
}

static int code_of_taking(int r, const struct snapshot_taken *taken)
{
    if (taken->in_file)
        return taken->made ? EX_IOERR : EX_CANTCREAT;
    return r == -EPROTO ? EX_CONFIG : r == -EBADMSG ? EX_DATAERR : r == -EACCES ? EX_NOPERM : r == -ECANCELED || r == -ESTALE ? EX_TEMPFAIL : EX_UNAVAILABLE;
}

/* Each partition of each registry. */
static int look_at_each(struct audit_command *command, int (*at)(struct look *look, const char *topic, int32_t partition))
{
    const struct topics *topics = &command->site->topics;
    bool sharded = strcmp(command->site->config->shard, "partition") == 0;
    struct shard shard;
    int r = 0;

    command->look.redis = &command->site->redis;
    command->look.shard = &shard;
    for (size_t i = 0; !r && i < topics->count; i++)
        for (int32_t p = 0; !r && p < topics->items[i].partitions; p++) {
            shard_init(&shard, command->site->config->redis.prefix, sharded ? p : SHARD_NONE);
            r = at(&command->look, topics->items[i].name, p);
        }
    command->look.shard = NULL;
    return r;
}

/* Redis as it is at its marks, in a file of the folder. */
static int take_snapshot(struct audit_command *command)
{
    struct snapshot_options options = {.start = site_start(command->site, command->in), .out = command->taken, .work = command->work, .release = ORDERD_VERSION,
                                       .stopped = stopped, .progress = show_taking, .context = command};
    struct snapshot_taken taken = {0};
    struct error_text error = {""};
    char uuid[CLOCK_UUID_SIZE];
    int r;

    clock_uuid(command->site->clock, uuid);
    snprintf(command->taken, sizeof command->taken, "%s/orderd-audit-%s", command->work, uuid);
    progress_begin(&command->progress, "reading Redis", "values", -1, clock_monotonic_ms(command->site->clock));
    r = snapshot_take(&options, &taken, &error);
    progress_end(&command->progress);
    if (r == -ESTALE || r == -EPROTO)      /* it may lie at a list that has a hole in its middle */
        (void)!look_at_each(command, look_at_list);
    if (command->look.faults_count)
        return 0;
    if (!r)
        r = snapshot_open(&command->now, command->taken, &error);
    if (!r)
        return 0;
    return complain("audit", code_of_taking(r, &taken), "redis cannot be looked at: %s", error.text);
}

static int take_now(struct audit_command *command)
{
    int code = ask_early(command), r;

    if (code)
        return code;
    r = look_at_each(command, look_at_mark);
    if (r)
        return complain("audit", r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, "redis cannot be looked at: %s", strerror(-r));
    return command->look.faults_count ? 0 : take_snapshot(command);
}

static int audit_one(struct audit_command *command, int32_t number)
{
    struct audit_market *market = calloc(1, sizeof *market);
    int code;

    if (!market)
        return EX_OSERR;
    market->command = command;
    market->number = number;
    code = audit_prepare(market);
    if (!code)
        code = audit_run(market);
    if (!code) {
        command->wrong += findings_of_weight(audit_findings(market->audit), FINDING_WRONG);
        command->decided += audit_copies(market->audit).firsts;
        command->foreign += findings_of_weight(audit_findings(market->audit), FINDING_FOREIGN);
        if (command->words->json)
            audit_put_json(market);
        else
            audit_print(market, stdout);
        command->told = true;
    }
    audit_market_deinit(market);
    free(market);
    return code;
}

static int audit_all(struct audit_command *command)
{
    int code = 0;

    if (strcmp(command->site->config->shard, "partition") != 0)
        return audit_one(command, SHARD_NONE);
    for (int32_t number = 0; !code && number < audit_partitions(command); number++)
        code = audit_one(command, number);
    return code;
}

static int tell_end(struct audit_command *command)
{
    bool found = command->wrong || audit_of_nothing(command) || (command->words->strict && command->foreign);
    bool written;

    if (command->words->json) {
        buffer_put(&command->json, "]}\n", 3);
        if (buffer_error(&command->json))
            return EX_OSERR;
        written = fwrite(command->json.data, 1, command->json.size, stdout) == command->json.size;
    } else {
        audit_print_end(command, stdout);
        written = true;
    }
    if (!written || fflush(stdout))
        return EX_IOERR;
    return found ? EX_DATAERR : 0;
}

/* The members of the whole come first, so that a reader may stop there: the markets are put before them when all is known. */
static int with_kafka(struct audit_command *command)
{
    struct buffer markets;
    int code = command->words->redis ? take_now(command) : 0;

    if (code)
        return code;
    code = audit_all(command);
    if (code)
        return code;
    markets = command->json;
    buffer_init(&command->json, JSON_LIMIT);
    buffer_put_char(&command->json, '{');
    members_flag(&command->json, "clean", !command->wrong && !audit_of_nothing(command));
    members_int(&command->json, "findings", (int64_t)command->wrong);
    members_int(&command->json, "foreign", (int64_t)command->foreign);
    members_open(&command->json, "markets", '[');
    buffer_put_bytes(&command->json, buffer_bytes(&markets));
    buffer_deinit(&markets);
    return tell_end(command);
}

static int with_folder(struct audit_command *command)
{
    struct kafka_in_options consumer = site_consumer(command->site);
    struct error_text error = {""};
    int code = site_ask_kafka(command->site);

    if (!code && command->state)
        code = check_state(command);
    if (!code)
        code = connect_redis(command);
    if (!code)
        code = site_open_reader(command->site);
    if (!code && kafka_in_new(&command->in, &consumer, &error))
        code = complain("audit", EX_CONFIG, "no consumer: %s", error.text);
    if (code)
        return code;
    ask_cleanup(command);
    return with_kafka(command);
}

static void choose_folder(struct audit_command *command)
{
    const char *folder = command->words->work;

    snprintf(command->work, sizeof command->work, "%s", folder ? folder : folder_temporary());
}

static int work(struct site *site, void *context)
{
    struct audit_command *command = context;
    int code = interrupt_open(&command->interrupt) ? EX_OSERR : 0;

    command->site = site;
    buffer_init(&command->json, JSON_LIMIT);
    if (!code && command->words->state)
        code = open_state(command);
    choose_folder(command);
    if (!code && access(command->work, W_OK | X_OK))
        code = complain("audit", EX_CANTCREAT, "%s: %s; --work DIR names another folder", command->work, strerror(errno));
    if (!code)
        code = with_folder(command);
    if (command->taken[0])
        unlink(command->taken);
    snapshot_free(command->now);
    snapshot_free(command->state);
    kafka_in_free(command->in);
    free(command->outcomes_early);
    buffer_deinit(&command->json);
    interrupt_close(&command->interrupt);
    return code;
}

int command_audit(int argc, char **argv)
{
    struct audit_words words = {.shown = AUDIT_SHOWN_DEFAULT};
    struct audit_command command = {.words = &words};
    int code = parse(argc, argv, &words);

    if (code)
        return code;
    if (words.help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    return site_command(words.file, "audit", work, &command);
}
