/* `orderd init`: makes what is missing, and resolves what a daemon refused (PROTOCOL.md 5). Says every range that it touches. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "commands/command.h"
#include "commands/complain.h"
#include "commands/reapply.h"
#include "commands/site.h"
#include "commands/where.h"
#include "ledger/compare.h"
#include "ledger/resolve.h"

static const char usage[] =
    "orderd init: make a registry, or resolve what the daemon refused\n"
    "\n"
    "    orderd init -c FILE [--from WHERE]... [--dry-run]\n"
    "    orderd init -c FILE RESOLUTION [--dry-run]\n"
    "\n"
    "Without a RESOLUTION it makes the registry of a first start, or says what is refused; what is\n"
    "refused names the RESOLUTION that fits. Each is one transaction that raises the era; daemons that\n"
    "run take over again by themselves.\n"
    "\n"
    "    -c, --config FILE     the configuration\n"
    "    --from WHERE          where partitions begin instead of their logs' starts: before a first\n"
    "                          start, and with --adopt and --add-topic\n"
    "    --create-topics       create missing topics, and add missing partitions to the outcomes\n"
    "    --adopt               a new registry over a market that exists\n"
    "    --reapply             Redis came back older: apply what was published once more, then go on\n"
    "    --accept-rollback     Redis came back older: go on at its marks, and decide again\n"
    "    --accept-loss TOPIC:P\n"
    "                          outbox or seen list has holes, or a transaction was applied in part\n"
    "    --accept-gap TOPIC:P  events were deleted before they were decided\n"
    "    --accept-repartition  a topic has more partitions than registered\n"
    "    --add-topic TOPIC     a topic joined kafka.topics\n"
    "    --drop-topic TOPIC    a topic left kafka.topics\n"
    "    --dedupe              the file's dedupe settings rule from here on\n"
    "    --quarantine TOPIC:P:OFFSET\n"
    "                          an event crashes the daemon: decide it malformed\n"
    "    --dry-run             say what would be done, and do nothing\n"
    "    -h, --help            this text\n"
    "\n"
    WHERE_HELP
    "For example:\n"
    "\n"
    "    orderd init -c /etc/orderd/orderd.conf --create-topics\n"
    "    orderd init -c /etc/orderd/orderd.conf --from end --dry-run\n"
    "\n"
    "Exit codes: 0 done; 64 usage; 69 Redis or Kafka is away; 75 --reapply stopped before its end, run it\n"
    "again; 77 rights are missing; 78 the configuration is wrong, or refused.\n";

enum action {
    ACTION_START, ACTION_MAKE, ACTION_CREATE_TOPICS, ACTION_ADOPT, ACTION_ROLLBACK, ACTION_LOSS, ACTION_GAP, ACTION_REPARTITION, ACTION_ADD,
    ACTION_DROP, ACTION_DEDUPE, ACTION_QUARANTINE, ACTION_REAPPLY
};

struct request {
    enum action action;
    const char *file, *topic;
    struct resolve_place place;
    struct resolve_froms froms;
    bool dry, help;
};

enum { OPTION_DRY = 1000, OPTION_FROM, OPTION_ACTION };

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"dry-run", no_argument, NULL, OPTION_DRY},
    {"from", required_argument, NULL, OPTION_FROM},
    {"create-topics", no_argument, NULL, OPTION_ACTION + ACTION_CREATE_TOPICS},
    {"adopt", no_argument, NULL, OPTION_ACTION + ACTION_ADOPT},
    {"reapply", no_argument, NULL, OPTION_ACTION + ACTION_REAPPLY},
    {"accept-rollback", no_argument, NULL, OPTION_ACTION + ACTION_ROLLBACK},
    {"accept-loss", required_argument, NULL, OPTION_ACTION + ACTION_LOSS},
    {"accept-gap", required_argument, NULL, OPTION_ACTION + ACTION_GAP},
    {"accept-repartition", no_argument, NULL, OPTION_ACTION + ACTION_REPARTITION},
    {"add-topic", required_argument, NULL, OPTION_ACTION + ACTION_ADD},
    {"drop-topic", required_argument, NULL, OPTION_ACTION + ACTION_DROP},
    {"dedupe", no_argument, NULL, OPTION_ACTION + ACTION_DEDUPE},
    {"quarantine", required_argument, NULL, OPTION_ACTION + ACTION_QUARANTINE},
    {NULL, 0, NULL, 0},
};

static int take_action(struct request *request, enum action action, const char *argument)
{
    bool place = action == ACTION_LOSS || action == ACTION_GAP || action == ACTION_QUARANTINE;

    if (request->action != ACTION_START)
        return complain_usage("init", "one resolution at a time", NULL);
    request->action = action;
    request->topic = argument;
    if (place && !where_place(argument, action == ACTION_QUARANTINE, &request->place))
        return complain_usage("init", action == ACTION_QUARANTINE ? "TOPIC:P:OFFSET would be right, not" : "TOPIC:P would be right, not", argument);
    return 0;
}

static int parse(int argc, char **argv, struct request *request)
{
    int option, code = 0;

    while (!code && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h')
            request->help = true;
        else if (option == 'c')
            request->file = optarg;
        else if (option == OPTION_DRY)
            request->dry = true;
        else if (option == OPTION_FROM)
            code = where_add(optarg, &request->froms) ? 0 : complain_usage("init", "--from: " WHERE_FORMS " would be right, not", optarg);
        else if (option >= OPTION_ACTION)
            code = take_action(request, (enum action)(option - OPTION_ACTION), optarg);
        else
            code = complain_usage("init", "an option is not known or lacks its value", NULL);
    }
    if (code || request->help)
        return code;
    if (optind < argc)
        return complain_usage("init", "an argument is too many:", argv[optind]);
    if (!request->file)
        return complain_usage("init", "-c FILE is missing", NULL);
    if (request->froms.count && request->action == ACTION_START)
        request->action = ACTION_MAKE;
    if (request->froms.count && request->action != ACTION_MAKE && request->action != ACTION_ADOPT && request->action != ACTION_ADD)
        return complain_usage("init", "--from goes with --adopt, --add-topic, or alone", NULL);
    return 0;
}

static void say(void *context, const char *line)
{
    (void)context;
    puts(line);
}

static int resolve(struct resolve *r, const struct request *request)
{
    switch (request->action) {
    case ACTION_MAKE:
        return resolve_make(r, &request->froms);
    case ACTION_ADOPT:
        return resolve_adopt(r, &request->froms);
    case ACTION_ROLLBACK:
        return resolve_rollback(r);
    case ACTION_LOSS:
        return resolve_loss(r, &request->place);
    case ACTION_GAP:
        return resolve_gap(r, &request->place);
    case ACTION_REPARTITION:
        return resolve_repartition(r);
    case ACTION_ADD:
        return resolve_add_topic(r, request->topic, &request->froms);
    case ACTION_DROP:
        return resolve_drop_topic(r, request->topic);
    case ACTION_DEDUPE:
        return resolve_dedupe(r);
    case ACTION_QUARANTINE:
        return resolve_quarantine(r, &request->place);
    case ACTION_START:
    case ACTION_CREATE_TOPICS:
    case ACTION_REAPPLY:
        break;
    }
    return -EINVAL;
}

/* The halt of each market, which a daemon finds when it takes partitions over. */
static int look_for_halt(struct site *site, const struct start *start, struct refusal *refusal)
{
    int32_t markets = start_markets(start->topics, start->topics_count, start->sharded);
    int r = 0;

    for (int32_t n = 0; !r && n < markets; n++) {
        struct registry registry;
        struct reply **replies;
        struct shard shard;

        shard_init(&shard, start->prefix, start_market(start->sharded, n));
        asker_begin(&site->redis);
        command_texts(site->redis.commands, "HMGET", shard.meta_key, REGISTRY_FIELDS, NULL);
        r = asker_ask(&site->redis, &replies);
        if (!r && registry_read(&registry, replies[0]) == 0 && registry.halt[0])
            compare_halt(refusal, registry.halt);
    }
    return r;
}

/* What a start would do, and nothing more. */
static int start(struct site *site, const struct start *start)
{
    struct refusal refusal = {0};
    int r = start_run(start, &refusal);

    if (!r && !refusal.set)
        r = look_for_halt(site, start, &refusal);
    if (refusal.set)
        return site_refuse(site, &refusal);
    if (r == START_WOULD_MAKE) {
        puts("there is no trace of orderd: the registry would be made, and every partition would begin at the start of its log");
        return 0;
    }
    if (!r)
        puts("the registry is there and fits the configuration; offsets are compared when partitions are taken over");
    return r;
}

static int with_kafka(struct site *site, const struct request *request)
{
    struct kafka_in_options consumer = site_consumer(site);
    struct error_text error = {""};
    struct kafka_in *in;
    struct resolve work = {.dry = request->dry, .say = say, .refuse = site_hear_refusal, .context = site};
    int r = kafka_in_new(&in, &consumer, &error);

    if (r)
        return complain("init", EX_CONFIG, "no consumer: %s", error.text);
    work.start = site_start(site, in);
    work.start.dry = request->dry;
    if (request->action == ACTION_REAPPLY)
        r = reapply_by_hand(site, in, request->dry);
    else
        r = request->action == ACTION_START ? start(site, &work.start) : resolve(&work, request);
    kafka_in_free(in);
    if (r < 0 && r != -EPROTO)
        complain("init", EX_UNAVAILABLE, "it is not done, or not to its end, try again: %s", strerror(-r));
    if (!r && request->dry)
        puts("(a dry run: nothing was changed)");
    return r == -EPROTO ? EX_CONFIG : r < 0 ? EX_UNAVAILABLE : r;
}

static int create_topics(struct site *site, const struct request *request)
{
    struct error_text error = {""};
    int r = topics_create(site->config, &site->log, request->dry, say, NULL, &error);

    return r ? complain("init", r == -EACCES ? EX_NOPERM : EX_UNAVAILABLE, "topics cannot be created: %s", error.text) : 0;
}

static int work(struct site *site, void *context)
{
    const struct request *request = context;
    int code;

    if (request->action == ACTION_CREATE_TOPICS)
        return create_topics(site, request);
    if (request->action == ACTION_REAPPLY)
        reapply_by_hand_prepare();
    code = site_ask_kafka(site);
    if (!code)
        code = site_connect(site);
    if (!code)
        code = site_open_reader(site);
    return code ? code : with_kafka(site, request);
}

int command_init(int argc, char **argv)
{
    struct request request = {.action = ACTION_START};
    int code = parse(argc, argv, &request);

    if (code)
        return code;
    if (request.help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    return site_command(request.file, "init", work, &request);
}
