#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "commands/replay.h"
#include "commands/where.h"
#include "turn/rate.h"

enum { DIFFERENCES_SHOWN = 20, DATABASES_MAX = 1 << 20 };

static const char usage[] =
    "orderd replay: events of the past once more, through the same rules, into a namespace of their own\n"
    "\n"
    "    orderd replay -c FILE --into-prefix P [--from WHERE]... [--to WHERE]...\n"
    "                  [--outcomes TOPIC | --outcomes-file FILE] [--json]\n"
    "    orderd replay -c FILE --into-prefix P --verify [--differences FILE] [--json]\n"
    "\n"
    "The live group, its offsets, its topics and its market stay untouched; the live daemons may run. The\n"
    "namespace must be another one, and empty; or it holds this same replay, stopped or killed, which\n"
    "then goes on where it was. After Ctrl-C the same command goes on. So it does when it was killed; but\n"
    "what the killed run had decided was not compared then, so that --verify ends with 75, and into an\n"
    "empty namespace it compares all.\n"
    "\n"
    "    -c, --config FILE     the live configuration\n"
    "    --into-prefix P, --into-database N, --into-address A\n"
    "                          what of the namespace is not the live market's; one of them at least\n"
    "    --from WHERE          from here on, else from the start\n"
    "    --to WHERE            up to here, else to the end, which is fixed when the replay begins\n"
    "    --state SNAPSHOT      begin at the marks, and with the market, of a file of orderd snapshot\n"
    "    --outcomes TOPIC      where outcomes go: to this topic, which must exist and be empty\n"
    "    --outcomes-file FILE  or to this file, a JSON object a line; else nowhere\n"
    "    --verify              hold every decision against the recorded one; what differs is shown. A\n"
    "                          value that another program had written in between is taken from the\n"
    "                          record, and named\n"
    "    --differences FILE    with --verify: all differences go to this file, a JSON object a line\n"
    "    --max-differences N   show so many in full; 20 unless given. All are counted\n"
    "    --without-recorded    do not follow the recorded order over all partitions, nor take expired\n"
    "                          events as recorded. Each partition keeps its own order; what was decided\n"
    "                          by the order between partitions may come out otherwise\n"
    "    --incarnation UUID    follow this one's outcomes, else the live registry's, or those of the last\n"
    "                          outcome\n"
    "    --rate N              so many events in a second at most, 1 to 1000000; else as fast as it goes\n"
    "    --json                for programs: the report as one object, described by\n"
    "                          /usr/share/orderd/schemas/reports/replay.json\n"
    "    -h, --help            this text\n"
    "\n"
    WHERE_HELP
    "For example:\n"
    "\n"
    "    orderd replay -c /etc/orderd/orderd.conf --into-prefix try: --verify\n"
    "    orderd replay -c /etc/orderd/orderd.conf --into-prefix yesterday: --from 2026-11-25T00:00:00Z\n"
    "\n"
    "Exit codes: 0 done, and nothing differs; 64 usage; 65 decisions differ, or a snapshot or a record is\n"
    "damaged; 66 a file cannot be read; 69 Redis or Kafka is away; 74 a file cannot be written; 75\n"
    "stopped before its end, or not all was compared; 77 rights are missing; 78 the configuration is\n"
    "wrong, or refused.\n";

enum option_code {
    OPTION_PREFIX = 1000, OPTION_DATABASE, OPTION_ADDRESS, OPTION_FROM, OPTION_TO, OPTION_OUTCOMES, OPTION_OUTCOMES_FILE, OPTION_WITHOUT, OPTION_RATE,
    OPTION_VERIFY, OPTION_STATE, OPTION_DIFFERENCES, OPTION_MAX, OPTION_INCARNATION, OPTION_JSON
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"into-prefix", required_argument, NULL, OPTION_PREFIX},
    {"into-database", required_argument, NULL, OPTION_DATABASE},
    {"into-address", required_argument, NULL, OPTION_ADDRESS},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"outcomes", required_argument, NULL, OPTION_OUTCOMES},
    {"outcomes-file", required_argument, NULL, OPTION_OUTCOMES_FILE},
    {"without-recorded", no_argument, NULL, OPTION_WITHOUT},
    {"rate", required_argument, NULL, OPTION_RATE},
    {"verify", no_argument, NULL, OPTION_VERIFY},
    {"state", required_argument, NULL, OPTION_STATE},
    {"differences", required_argument, NULL, OPTION_DIFFERENCES},
    {"max-differences", required_argument, NULL, OPTION_MAX},
    {"incarnation", required_argument, NULL, OPTION_INCARNATION},
    {"json", no_argument, NULL, OPTION_JSON},
    {NULL, 0, NULL, 0},
};

static int take_number(const char *name, const char *text, int64_t least, int64_t most, int64_t *out)
{
    return number_parse(bytes_of(text), out) && *out >= least && *out <= most ? 0 : complain_usage("replay", name, text);
}

static int take_where(const char *name, const char *text, struct resolve_froms *froms, char *words, size_t size)
{
    size_t used = strlen(words);

    if (!where_add(text, froms) || (size_t)snprintf(words + used, size - used, "%s%s", used ? "," : "", text) >= size - used)
        return complain_usage("replay", name, text);
    return 0;
}

static int take_value(struct replay_request *request, int option, const char *value)
{
    switch (option) {
    case OPTION_DATABASE:
        return take_number("--into-database: a number would be right, not", value, 0, DATABASES_MAX, &request->database);
    case OPTION_RATE:
        return take_number("--rate: 1 to 1000000 would be right, not", value, 1, RATE_MAX, &request->rate);
    case OPTION_MAX:
        return take_number("--max-differences: a number would be right, not", value, 0, INT32_MAX, &request->max_differences);
    case OPTION_FROM:
        return take_where("--from: " WHERE_FORMS " would be right, not", value, &request->from, request->words_from, sizeof request->words_from);
    case OPTION_TO:
        return take_where("--to: " WHERE_FORMS " would be right, not", value, &request->to, request->words_to, sizeof request->words_to);
    default:
        return complain_usage("replay", "an option is not known or lacks its value", NULL);
    }
}

static int take_option(struct replay_request *request, int option, const char *value)
{
    const struct {
        int option;
        const char **text;
        bool *flag;
    } plain[] = {
        {'c', &request->file, NULL}, {'h', NULL, &request->help}, {OPTION_PREFIX, &request->prefix, NULL}, {OPTION_ADDRESS, &request->address, NULL},
        {OPTION_OUTCOMES, &request->outcomes, NULL}, {OPTION_OUTCOMES_FILE, &request->outcomes_file, NULL}, {OPTION_WITHOUT, NULL, &request->without_recorded},
        {OPTION_VERIFY, NULL, &request->verify}, {OPTION_STATE, &request->state, NULL}, {OPTION_DIFFERENCES, &request->differences, NULL},
        {OPTION_INCARNATION, &request->incarnation, NULL}, {OPTION_JSON, NULL, &request->json},
    };

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (plain[i].option == option) {
            if (plain[i].text)
                *plain[i].text = value;
            else
                *plain[i].flag = true;
            return 0;
        }
    return take_value(request, option, value);
}

/* Hexadecimal in groups of 8-4-4-4-12, as clock_uuid makes it. */
static bool is_uuid(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    for (size_t i = 0; i < sizeof form; i++)
        if (form[i] == 'x' ? !strchr("0123456789abcdef", text[i]) || !text[i] : text[i] != form[i])
            return false;
    return true;
}

/* What cannot be asked for together. */
static int check(const struct replay_request *request)
{
    if (!request->file)
        return complain_usage("replay", "-c FILE is missing", NULL);
    if (!request->prefix && !request->address && request->database < 0)
        return complain_usage("replay", "--into-prefix, --into-database or --into-address is missing: a replay never goes into the live market", NULL);
    if (request->outcomes && request->outcomes_file)
        return complain_usage("replay", "--outcomes or --outcomes-file, not both", NULL);
    if (request->without_recorded && (request->verify || request->incarnation))
        return complain_usage("replay", "--without-recorded does not go with --verify or --incarnation", NULL);
    if (request->incarnation && !is_uuid(request->incarnation))
        return complain_usage("replay", "--incarnation: the UUID behind /orderd/ in an outcome's ce_source would be right, not", request->incarnation);
    if (request->differences && !request->verify)
        return complain_usage("replay", "--differences goes with --verify", NULL);
    if (request->state && request->from.count)
        return complain_usage("replay", "--state begins at the snapshot's marks, --from does not go with it", NULL);
    return 0;
}

int replay_parse(int argc, char **argv, struct replay_request *request)
{
    int option, code = 0;

    *request = (struct replay_request){.database = -1, .max_differences = DIFFERENCES_SHOWN};
    while (!code && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        code = take_option(request, option, optarg);
    if (code)
        return code;
    if (request->help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    return optind < argc ? complain_usage("replay", "an argument is too many:", argv[optind]) : check(request);
}
