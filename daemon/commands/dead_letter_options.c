/* The command line of `orderd dead-letter`. */
#include <getopt.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "commands/complain.h"
#include "commands/dead_letter.h"
#include "commands/where.h"
#include "rules/outcome.h"

const char dead_letter_usage[] =
    "orderd dead-letter: look at dead letters, send them back, or leave them for good\n"
    "\n"
    "    orderd dead-letter list -c FILE [WHICH]\n"
    "    orderd dead-letter show -c FILE P:OFFSET...\n"
    "    orderd dead-letter redrive -c FILE P:OFFSET...|WHICH|--all\n"
    "    orderd dead-letter discard -c FILE P:OFFSET...|WHICH|--all --because TEXT\n"
    "    orderd dead-letter reopen -c FILE P:OFFSET...|WHICH|--all\n"
    "\n"
    "    list                  a line each: place, source, time, reason, size, how often sent back, state\n"
    "    show                  all of it, readable, what the daemon reads in it today, and what was done\n"
    "    redrive               send it back to its source, at most once\n"
    "    discard               it is dealt with; the record stays in the topic\n"
    "    reopen                take a discard back\n"
    "\n"
    "P:OFFSET is a place in the dead-letter topic, as list shows it. WHICH is one or more of\n"
    "\n"
    "    --reason R            not_json, wrong_type, skipped ...; may be repeated\n"
    "    --since TIME          dead letters of that time on, like 2026-11-22T05:42:07Z\n"
    "    --until TIME          those before that time\n"
    "    --source WHERE        of a source: TOPIC, TOPIC:P, TOPIC:P:OFFSET or TOPIC:P:OFFSET-OFFSET\n"
    "    --state STATE         list: open, sending (a redrive that did not end), redriven or discarded\n"
    "    --all                 all that are open; reopen: all that are discarded\n"
    "\n"
    "and these go with them:\n"
    "\n"
    "    -c, --config FILE     the configuration\n"
    "    --value FILE          redrive one: with the bytes of FILE for its value; key and headers stay\n"
    "    --edit COMMAND        redrive: each value as COMMAND, an editor, leaves it in the file that it\n"
    "                          is given\n"
    "    --max N               redrive: not what was sent back N times already, 1 to 1000; 3 unless given\n"
    "    --anyway              redrive: also what would be malformed again\n"
    "    --because TEXT        discard: why, up to 200 bytes\n"
    "    --raw                 show one: its value as it is, byte for byte\n"
    "    --dry-run             say what would be done, and do nothing\n"
    "    --json                for programs: an object a line, described by\n"
    "                          /usr/share/orderd/schemas/reports/dead-letter.json\n"
    "    -h, --help            this text\n"
    "\n"
    "What is sent back has three headers before its own: dlq.redrive.of (the dead letter),\n"
    "dlq.redrive.source (the message that it was) and dlq.redrive.count. It is a new event at the end of\n"
    "its partition, and is decided like any other; a malformed event's id was never remembered, so it may\n"
    "keep it. What was done stands in Redis, and what was sent also in the source topic, where it is\n"
    "found again.\n"
    "\n"
    "For example:\n"
    "\n"
    "    orderd dead-letter list -c /etc/orderd/orderd.conf --source orders:0 --state open\n"
    "    orderd dead-letter redrive -c /etc/orderd/orderd.conf 0:5 --edit vi --dry-run\n"
    "\n"
    "Exit codes: 0 done, also when it had been done before; 64 usage; 65 at least one was refused; 66 no\n"
    "such letter or file; 69 Redis or Kafka is away; 73 no file can be made for an editor; 74 writing\n"
    "failed; 75 stopped before its end, run it again; 77 rights are missing; 78 the configuration is\n"
    "wrong, or refused.\n";

static const char *const verbs[VERBS] = {"list", "show", "redrive", "discard", "reopen"};

const char *dead_letter_verb_name(enum dead_letter_verb verb)
{
    return verbs[verb];
}

/* "orders:3:17-20" up to its "-20": the end of a range. */
static bool take_range_end(char *text, int64_t *to)
{
    char *dash = strrchr(text, '-'), *colon = strrchr(text, ':');

    if (!dash || !colon || dash < colon || !number_parse(bytes_of(dash + 1), to) || *to < 0)
        return false;
    *dash = '\0';
    return true;
}

static bool take_source(const char *argument, struct selection *selection)
{
    char text[KAFKA_TOPIC_MAX + 64];
    struct resolve_place place;
    int64_t to = -1;
    bool range;

    if (snprintf(text, sizeof text, "%s", argument) >= (int)sizeof text || !text[0])
        return false;
    range = take_range_end(text, &to);
    if (where_place(text, true, &place)) {
        selection->from = place.offset;
        selection->to = range ? to : place.offset;
    } else if (range || (strchr(text, ':') && !where_place(text, false, &place))) {
        return false;
    } else if (!strchr(text, ':')) {
        place.partition = -1;
        if (strlen(text) > KAFKA_TOPIC_MAX)
            return false;
        snprintf(place.topic, sizeof place.topic, "%.*s", KAFKA_TOPIC_MAX, text);
    }
    selection->source_partition = place.partition;
    memcpy(selection->source, place.topic, sizeof selection->source);
    return selection->from <= selection->to;
}

/* "3:17" */
static bool take_place(const char *text, struct selection *selection)
{
    struct box_place *place = &selection->places[selection->places_count];
    const char *colon = strchr(text, ':');
    int64_t partition;

    if (selection->places_count == BOX_PLACES_MAX || !colon || !number_parse((struct bytes){text, (size_t)(colon - text)}, &partition) || partition < 0 ||
        partition > INT32_MAX || !number_parse(bytes_of(colon + 1), &place->offset) || place->offset < 0)
        return false;
    place->partition = (int32_t)partition;
    selection->places_count++;
    return true;
}

static int take_reason(const char *text, struct selection *selection)
{
    enum reason reason = REASON_NO_VALUE;

    while (reason < REASON_COUNT && strcmp(reason_name(reason), text) != 0)
        reason++;
    if (reason == REASON_COUNT)
        return complain_usage("dead-letter", "--reason: that is no reason of a malformed event:", text);
    if (selection->reasons_count == BOX_REASONS_MAX)
        return complain_usage("dead-letter", "--reason: too many", NULL);
    selection->reasons[selection->reasons_count++] = reason_name(reason);
    return 0;
}

static int take_state(const char *text, int *state)
{
    for (*state = LETTERS_OPEN; *state <= LETTERS_DISCARDED; (*state)++)
        if (strcmp(text, letters_state_name((enum letters_state)*state)) == 0)
            return 0;
    return complain_usage("dead-letter", "--state: open, sending, redriven or discarded would be right, not", text);
}

enum {
    OPTION_REASON = 1000, OPTION_SINCE, OPTION_UNTIL, OPTION_SOURCE, OPTION_STATE, OPTION_ALL, OPTION_VALUE, OPTION_EDIT, OPTION_MAX, OPTION_ANYWAY,
    OPTION_BECAUSE, OPTION_DRY, OPTION_RAW, OPTION_JSON
};

static const struct option options[] = {
    {"config", required_argument, NULL, 'c'},
    {"help", no_argument, NULL, 'h'},
    {"reason", required_argument, NULL, OPTION_REASON},
    {"since", required_argument, NULL, OPTION_SINCE},
    {"until", required_argument, NULL, OPTION_UNTIL},
    {"source", required_argument, NULL, OPTION_SOURCE},
    {"state", required_argument, NULL, OPTION_STATE},
    {"all", no_argument, NULL, OPTION_ALL},
    {"value", required_argument, NULL, OPTION_VALUE},
    {"edit", required_argument, NULL, OPTION_EDIT},
    {"max", required_argument, NULL, OPTION_MAX},
    {"anyway", no_argument, NULL, OPTION_ANYWAY},
    {"because", required_argument, NULL, OPTION_BECAUSE},
    {"dry-run", no_argument, NULL, OPTION_DRY},
    {"raw", no_argument, NULL, OPTION_RAW},
    {"json", no_argument, NULL, OPTION_JSON},
    {NULL, 0, NULL, 0},
};

/* Which verbs an option goes with. */
enum { OF_LIST = 1 << VERB_LIST, OF_SHOW = 1 << VERB_SHOW, OF_REDRIVE = 1 << VERB_REDRIVE, OF_DISCARD = 1 << VERB_DISCARD, OF_REOPEN = 1 << VERB_REOPEN };
enum { OF_WRITING = OF_REDRIVE | OF_DISCARD | OF_REOPEN, OF_SELECTING = OF_LIST | OF_WRITING };

static unsigned verbs_of(int option)
{
    switch (option) {
    case OPTION_REASON: case OPTION_SINCE: case OPTION_UNTIL: case OPTION_SOURCE:
        return OF_SELECTING;
    case OPTION_STATE:
        return OF_LIST;
    case OPTION_VALUE: case OPTION_EDIT: case OPTION_MAX: case OPTION_ANYWAY:
        return OF_REDRIVE;
    case OPTION_BECAUSE:
        return OF_DISCARD;
    case OPTION_ALL: case OPTION_DRY:
        return OF_WRITING;
    case OPTION_RAW:
        return OF_SHOW;
    default:
        return OF_SELECTING | OF_SHOW;
    }
}

static int take_choice(int option, struct dead_letter_request *request)
{
    struct selection *selection = &request->selection;

    request->selecting |= option != OPTION_STATE;
    switch (option) {
    case OPTION_REASON:
        return take_reason(optarg, selection);
    case OPTION_SINCE:
        return where_time(optarg, &selection->since) ? 0 : complain_usage("dead-letter", "--since: a time like 2026-11-22T05:42:07Z would be right, not", optarg);
    case OPTION_UNTIL:
        return where_time(optarg, &selection->until) ? 0 : complain_usage("dead-letter", "--until: a time like 2026-11-22T05:42:07Z would be right, not", optarg);
    case OPTION_SOURCE:
        return take_source(optarg, selection) ? 0 : complain_usage("dead-letter", "--source: TOPIC, TOPIC:P, TOPIC:P:OFFSET or TOPIC:P:OFFSET-OFFSET would be right, not", optarg);
    default:
        return take_state(optarg, &request->state);
    }
}

static int take_way(int option, struct dead_letter_request *request)
{
    switch (option) {
    case OPTION_VALUE:
        request->value_file = optarg;
        return 0;
    case OPTION_EDIT:
        request->edit = optarg;
        return 0;
    case OPTION_MAX:
        return number_parse(bytes_of(optarg), &request->max) && request->max >= 1 && request->max <= DEAD_LETTER_MAX_MAX
                   ? 0 : complain_usage("dead-letter", "--max: 1 to 1000 would be right, not", optarg);
    default:
        request->because = optarg;
        return optarg[0] && strlen(optarg) <= DEAD_LETTER_BECAUSE_MAX && !strpbrk(optarg, "\r\n") ? 0 : complain_usage("dead-letter", "--because: 1 to 200 bytes in one line would be right", NULL);
    }
}

static int take_option(int option, struct dead_letter_request *request)
{
    if (option == 'c')
        request->file = optarg;
    else if (option == 'h')
        request->help = true;
    else if (option == OPTION_ALL)
        request->all = true;
    else if (option == OPTION_ANYWAY)
        request->anyway = true;
    else if (option == OPTION_DRY)
        request->dry = true;
    else if (option == OPTION_RAW)
        request->raw = true;
    else if (option == OPTION_JSON)
        request->json = true;
    else if (option >= OPTION_REASON && option <= OPTION_STATE)
        return take_choice(option, request);
    else
        return take_way(option, request);
    return 0;
}

/* What goes together. */
static int check(const struct dead_letter_request *request)
{
    size_t places = request->selection.places_count;
    bool writing = request->verb != VERB_LIST && request->verb != VERB_SHOW;

    if (!request->file)
        return complain_usage("dead-letter", "-c FILE is missing", NULL);
    if (places && request->verb == VERB_LIST)
        return complain_usage("dead-letter", "list takes no places; show does", NULL);
    if (!places && request->verb == VERB_SHOW)
        return complain_usage("dead-letter", "show: which? P:OFFSET would be right, as list shows it", NULL);
    if (places && (request->selecting || request->all))
        return complain_usage("dead-letter", "places, or a selection: not both", NULL);
    if (writing && !places && !request->selecting && !request->all)
        return complain_usage("dead-letter", "which? P:OFFSET, a selection like --reason, or --all would be right", NULL);
    if (request->raw && (places != 1 || request->json))
        return complain_usage("dead-letter", "--raw: one place, and no --json, would be right", NULL);
    if (request->value_file && (places != 1 || request->edit))
        return complain_usage("dead-letter", "--value: one place, and no --edit, would be right", NULL);
    if (request->verb == VERB_DISCARD && !request->because)
        return complain_usage("dead-letter", "discard: --because TEXT is missing", NULL);
    return 0;
}

static int take_verb(const char *text, enum dead_letter_verb *verb)
{
    for (*verb = VERB_LIST; *verb < VERBS; (*verb)++)
        if (strcmp(verbs[*verb], text) == 0)
            return 0;
    return complain_usage("dead-letter", "list, show, redrive, discard or reopen would be right, not", text);
}

int dead_letter_parse(int argc, char **argv, struct dead_letter_request *request)
{
    bool named = argc > 1 && argv[1][0] != '-';
    int option, code = named ? take_verb(argv[1], &request->verb) : 0, index = 0;

    request->state = -1;
    request->max = DEAD_LETTER_MAX;
    request->selection = (struct selection){.since = -1, .until = -1, .source_partition = -1, .from = -1, .to = -1};
    while (!code && (option = getopt_long(argc - named, argv + named, "c:h", options, &index)) != -1) {
        if (option == '?')
            code = complain_usage("dead-letter", "an option is not known or lacks its value", NULL);
        else if (named && !(verbs_of(option) & 1u << request->verb))
            code = complain_usage("dead-letter", "that option does not go with this verb: --", options[index].name);
        else
            code = take_option(option, request);
    }
    if (code || request->help)
        return code;
    if (!named)
        return complain_usage("dead-letter", "list, show, redrive, discard or reopen would be right", NULL);
    for (int i = optind; !code && i < argc - 1; i++)
        code = take_place(argv[1 + i], &request->selection) ? 0 : complain_usage("dead-letter", "a place is P:OFFSET, as list shows it (at most 1000), not", argv[1 + i]);
    return code ? code : check(request);
}
