/* `orderd offsets`: marks, commits and logs side by side; and a mark moved by an operator's word (PROTOCOL.md 5). */
#include "commands/offsets.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "commands/command.h"
#include "commands/complain.h"
#include "commands/where.h"
#include "ledger/moves.h"

enum { JSON_LIMIT = 64 << 20 };

static const char usage[] =
    "orderd offsets: where each partition stands in Redis and in Kafka, side by side; and to move a mark\n"
    "\n"
    "    orderd offsets -c FILE [--json]\n"
    "    orderd offsets -c FILE --move TOPIC:P --to WHERE --because TEXT [--dry-run]\n"
    "\n"
    "The columns:\n"
    "\n"
    "    NEXT, DONE            the mark, in Redis: the offset to be decided next; below DONE every\n"
    "                          outcome is delivered\n"
    "    LOG START, LOG END    of the partition, in Kafka\n"
    "    LAG, UNDELIVERED      log end - next; next - done\n"
    "    COMMITTED, BY         the group's offset in Kafka, and the era of this market in which it was\n"
    "                          committed (former: before a resolution that began another incarnation;\n"
    "                          unknown: by an incarnation that the registry does not know)\n"
    "    OUTCOMES END          of the outcome partition of that number\n"
    "    OWNER                 the member of the group that has it\n"
    "\n"
    "A mark that is moved forward passes over the offsets between: no effect, no outcome. Moved backward,\n"
    "they are decided a second time, against the market as it is then, under a new ce_source; the other\n"
    "partitions go on where they stand. It is refused while a member of the group has the partition,\n"
    "while outcomes wait to be delivered, and outside the log.\n"
    "\n"
    "    -c, --config FILE     the configuration\n"
    "    --move TOPIC:P        move the mark of this partition, whatever the committed offset\n"
    "    --to WHERE            to an offset, start, end, or a time like 2026-11-22T05:42:07Z (the first\n"
    "                          event at or after it)\n"
    "    --because TEXT        why, up to 200 bytes: kept in the registry with the move, of which the\n"
    "                          last 32 are shown\n"
    "    --dry-run             say what would be done, and do nothing\n"
    "    --json                for programs: one object, described by\n"
    "                          /usr/share/orderd/schemas/reports/offsets.json\n"
    "    -h, --help            this text\n"
    "\n"
    "Exit codes: 0 done; 64 usage; 69 Redis or Kafka is away; 77 rights are missing; 78 the configuration\n"
    "is wrong, or refused.\n";

struct words {
    const char *file;
    struct resolve_move move;
    bool moves, to, json, dry, help;
};

static bool parse_to(const char *text, struct resolve_from *to)
{
    if (strcmp(text, "start") == 0 || strcmp(text, "end") == 0)
        to->kind = text[0] == 's' ? FROM_START : FROM_END;
    else if (where_time(text, &to->value))
        to->kind = FROM_TIME;
    else if (number_parse(bytes_of(text), &to->value) && to->value >= 0)
        to->kind = FROM_OFFSET;
    else
        return false;
    return true;
}

static int take_option(struct words *words, int option, const char *value)
{
    switch (option) {
    case 'c':
        words->file = value;
        return 0;
    case 'h':
        return words->help = true, 0;
    case 'j':
        return words->json = true, 0;
    case 'd':
        return words->dry = true, 0;
    case 'm':
        words->moves = true;
        return where_place(value, false, &words->move.place) ? 0 : complain_usage("offsets", "--move: TOPIC:P would be right, not", value);
    case 't':
        words->to = true;
        return parse_to(value, &words->move.to) ? 0 : complain_usage("offsets", "--to: an offset, start, end or a time like 2026-11-22T05:42:07Z would be right, not", value);
    case 'b':
        words->move.because = value;
        return move_reason_is_good(value) ? 0 : complain_usage("offsets", "--because: a sentence of at most 200 bytes in one line would be right, not", value);
    default:
        return complain_usage("offsets", "an option is not known or lacks its value", NULL);
    }
}

static int check(const struct words *words)
{
    if (!words->file)
        return complain_usage("offsets", "-c FILE is missing", NULL);
    if (words->moves && !words->to)
        return complain_usage("offsets", "--to is missing", NULL);
    if (words->moves && !words->move.because)
        return complain_usage("offsets", "--because is missing: why the mark is moved is kept in the registry", NULL);
    if (!words->moves && (words->to || words->move.because || words->dry))
        return complain_usage("offsets", "--to, --because and --dry-run go with --move", NULL);
    if (words->moves && words->json)
        return complain_usage("offsets", "--json does not go with --move", NULL);
    return 0;
}

static int parse(int argc, char **argv, struct words *words)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'},     {"json", no_argument, NULL, 'j'},
                                            {"dry-run", no_argument, NULL, 'd'},      {"move", required_argument, NULL, 'm'}, {"to", required_argument, NULL, 't'},
                                            {"because", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
    int option, code = 0;

    while (!code && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        code = take_option(words, option, optarg);
    if (code || words->help)
        return code;
    return optind < argc ? complain_usage("offsets", "an argument is too many:", argv[optind]) : check(words);
}

static void say(void *context, const char *line)
{
    (void)context;
    puts(line);
}

static int code_of(int r)
{
    return r == -EPROTO ? EX_CONFIG : r == -EACCES ? EX_NOPERM : r < 0 ? EX_UNAVAILABLE : 0;
}

static int move(struct offsets *offsets, struct words *words)
{
    struct site *site = offsets->site;
    struct resolve work = {.dry = words->dry, .say = say, .refuse = site_hear_refusal, .context = site};
    int r = site_open_reader(site);

    if (r)
        return r;
    work.start = site_start(site, offsets->in);
    words->move.owner = offsets_owner;
    words->move.context = offsets;
    r = resolve_move(&work, &words->move);
    if (r < 0 && r != -EPROTO)
        complain("offsets", code_of(r), "the mark is not moved, or it is not known whether it is: look, then try again: %s", strerror(-r));
    if (!r && words->dry)
        puts("(a dry run: nothing was changed)");
    return code_of(r);
}

static int print_json(const struct offsets *offsets)
{
    struct buffer out;
    int r;

    buffer_init(&out, JSON_LIMIT);
    offsets_put_json(&out, offsets);
    r = buffer_error(&out);
    if (!r && fwrite(out.data, 1, out.size, stdout) != out.size)
        r = -EIO;
    buffer_deinit(&out);
    return r ? EX_IOERR : 0;
}

static int show(struct offsets *offsets, const struct words *words)
{
    int r = offsets_look(offsets);

    if (r)
        return complain("offsets", code_of(r), "%s does not answer: %s", offsets->away, strerror(-r));
    if (words->json)
        return print_json(offsets);
    offsets_print(offsets, stdout);
    return 0;
}

static int work(struct site *site, void *context)
{
    struct words *words = context;
    struct offsets offsets = {.in = NULL};
    int code = site_ask_kafka(site);

    if (!code)
        code = site_connect(site);
    if (code)
        return code;
    code = offsets_open(&offsets, site);
    if (!code)
        code = words->moves ? move(&offsets, words) : show(&offsets, words);
    offsets_close(&offsets);
    return fflush(stdout) && !code ? EX_IOERR : code;
}

int command_offsets(int argc, char **argv)
{
    struct words words = {.file = NULL};
    int code = parse(argc, argv, &words);

    if (code)
        return code;
    if (words.help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    return site_command(words.file, "offsets", work, &words);
}
