/* `orderd check-events`: a linter for producers. Every line is read by the daemon's own decoder, so what it calls good is good. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/number.h"
#include "codec/event.h"
#include "codec/text.h"
#include "commands/command.h"
#include "commands/complain.h"
#include "commands/lines.h"
#include "commands/shown.h"
#include "ledger/seen.h"
#include "seam/json.h"

static const char usage[] =
    "orderd check-events: hold events against what the daemon would read\n"
    "\n"
    "    orderd check-events [--json | --quiet] [--max-bytes N] [FILE]\n"
    "\n"
    "A line of FILE is the value of one message; without FILE, or for -, standard input is read. Says\n"
    "FILE:LINE: REASON: what is wrong and what would be right, for every line that the daemon would\n"
    "decide malformed; and warns of an id that one of the last 100000 events had, since of one\n"
    "partition's events the daemon would decide the second duplicate.\n"
    "\n"
    "A line with a member \"specversion\" is read as a CloudEvent in structured mode, whose message needs\n"
    "the header content-type: application/cloudevents+json. In binary mode id and type stand in headers,\n"
    "which are not in a file: such values lack them.\n"
    "\n"
    "    --max-bytes N         the longest line that is read, 1 to 1000000000; 1000000 unless given, as\n"
    "                          producers have it\n"
    "    --quiet               say nothing, the exit code says it\n"
    "    --json                for programs: what is found, an object a line\n"
    "    -h, --help            this text\n"
    "\n"
    "Exit codes: 0 every line is good; 64 usage; 65 a line is not; 66 FILE cannot be read; 74 reading or\n"
    "writing failed.\n";

enum { IDS_MAX = 100000, BYTES_DEFAULT = 1000000, FINDING_MAX = 16384 };

struct request {
    const char *file;
    size_t bytes;
    bool json, quiet, help;
};

struct linter {
    const struct request *request;
    struct seen *seen;
    struct buffer finding;
    int64_t good, bad, warned;
};

/* What of a line is said: of a bad one the decoder's reason, of a good one that its id is another line's. */
struct finding {
    int64_t line;
    bool warning;
    const char *reason, *detail;
};

static void put_text(struct buffer *out, const char *file, const struct finding *finding)
{
    buffer_put_format(out, "%s:%lld: %s%s: ", file, (long long)finding->line, finding->warning ? "warning: " : "", finding->reason);
    shown_put(out, bytes_of(finding->detail));
}

static void put_json(struct buffer *out, const char *file, const struct finding *finding)
{
    buffer_put_text(out, "{\"file\":");
    text_put_json(out, bytes_of(file));
    buffer_put_format(out, ",\"line\":%lld,\"level\":\"%s\",\"reason\":\"%s\",\"detail\":", (long long)finding->line,
                      finding->warning ? "warning" : "error", finding->reason);
    text_put_json(out, bytes_of(finding->detail));
    buffer_put_char(out, '}');
}

static int say(struct linter *linter, const struct finding *finding)
{
    const struct request *request = linter->request;
    struct buffer *out = &linter->finding;

    *(finding->warning ? &linter->warned : &linter->bad) += 1;
    if (request->quiet)
        return 0;
    buffer_reset(out);
    if (request->json)
        put_json(out, request->file, finding);
    else
        put_text(out, request->file, finding);
    return puts(buffer_text(out)) < 0 ? -EIO : buffer_error(out);
}

/* The message's header that says so is not in a file, and a plain event has no reason to have this member. */
static bool is_structured(struct bytes value)
{
    struct json_member member;
    struct error_text error;
    struct json json;
    bool found;

    if (!memmem(value.data, value.size, "\"specversion\"", 13) || json_object_parse(&json, value, &error))
        return false;
    found = json_member_get(&json, "specversion", &member);
    json_release(&json);
    return found;
}

static void decode(struct decoded *out, struct bytes value)
{
    static const struct kafka_header structured = {{"content-type", 12}, {"application/cloudevents+json", 28}};

    event_decode(out, value, &structured, is_structured(value) ? 1 : 0);
    if (out->reason == REASON_NOT_JSON && strspn(value.data, " \t\r") >= value.size)
        event_condemn(out, REASON_NOT_JSON, "the line is empty, it must be a JSON object");
}

/* The daemon's own window, with lines for offsets. */
static int remember(struct linter *linter, const struct decoded *decoded, int64_t line)
{
    struct bytes source = {decoded->source, decoded->source_size}, id = {decoded->id, decoded->id_size};
    struct seen_record record = {.key = seen_key(linter->seen, source, id), .offset = line, .time = SEEN_TIME_NONE, .digest = decoded->digest};
    const struct seen_record *first = seen_find(linter->seen, record.key, SEEN_TIME_NONE);
    char detail[EVENT_ID_MAX + 64];
    struct seen_change change;
    int r;

    if (first) {
        bool again = first->digest == decoded->digest;

        snprintf(detail, sizeof detail, "id \"%.*s\" is that of line %lld, with %s content", (int)id.size, id.data, (long long)first->offset,
                 again ? "the same" : "other");
        return say(linter, &(struct finding){line, true, reason_name(again ? REASON_DELIVERED_AGAIN : REASON_ID_REUSED), detail});
    }
    r = seen_add(linter->seen, &record);
    if (r)
        return r;
    change = seen_plan(linter->seen, line, SEEN_TIME_NONE);
    return seen_confirm(linter->seen, &change, line + 1);
}

static int check_line(struct linter *linter, const struct line *line)
{
    struct decoded decoded;
    char detail[160];

    if (line->size > linter->request->bytes) {
        snprintf(detail, sizeof detail, "the line has %llu bytes, at most %zu are read; see --max-bytes", (unsigned long long)line->size,
                 linter->request->bytes);
        return say(linter, &(struct finding){line->number, false, "line_too_long", detail});
    }
    decode(&decoded, line->text);
    if (decoded.reason)
        return say(linter, &(struct finding){line->number, false, reason_name(decoded.reason), decoded.detail});
    linter->good++;
    return remember(linter, &decoded, line->number);
}

static int check_lines(struct linter *linter, int fd)
{
    struct lines *lines = NULL;
    struct line line;
    int r = lines_new(&lines, fd, linter->request->bytes);

    while (!r && !(r = lines_next(lines, &line)))
        r = check_line(linter, &line);
    lines_free(lines);
    return r == LINES_END ? 0 : r;
}

static int check_file(struct linter *linter)
{
    const struct request *request = linter->request;
    int fd = strcmp(request->file, "-") == 0 ? STDIN_FILENO : open(request->file, O_RDONLY | O_CLOEXEC), r;

    if (fd < 0)
        return complain("check-events", EX_NOINPUT, "%s cannot be read: %s", request->file, strerror(errno));
    r = check_lines(linter, fd);
    if (fd != STDIN_FILENO)
        close(fd);
    if (!r && fflush(stdout))
        r = -errno;
    if (r)
        return complain("check-events", r == -EISDIR ? EX_NOINPUT : r == -ENOMEM ? EX_OSERR : EX_IOERR, "%s was not checked to its end: %s", request->file, strerror(-r));
    if (!request->quiet)
        fprintf(stderr, "%s: %lld good, %lld bad, %lld warned of\n", request->file, (long long)linter->good, (long long)linter->bad,
                (long long)linter->warned);
    return linter->bad ? EX_DATAERR : 0;
}

static bool parse_bytes(const char *text, size_t *bytes)
{
    int64_t number;

    if (!number_parse(bytes_of(text), &number) || number < 1 || number > LINES_LIMIT_MAX)
        return false;
    *bytes = (size_t)number;
    return true;
}

static int parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {"quiet", no_argument, NULL, 'q'}, {"help", no_argument, NULL, 'h'},
                                            {"max-bytes", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'j')
            request->json = true;
        else if (option == 'q')
            request->quiet = true;
        else if (option == 'h')
            request->help = true;
        else if (option != 'm')
            return complain_usage("check-events", "an option is not known or lacks its value", NULL);
        else if (!parse_bytes(optarg, &request->bytes))
            return complain_usage("check-events", "--max-bytes: 1 to 1000000000 would be right, not", optarg);
    }
    if (argc - optind > 1)
        return complain_usage("check-events", "an argument is too many:", argv[optind + 1]);
    if (optind < argc)
        request->file = argv[optind];
    return 0;
}

int command_check_events(int argc, char **argv)
{
    struct request request = {.file = "-", .bytes = BYTES_DEFAULT};
    struct linter linter = {.request = &request};
    int code = parse(argc, argv, &request);

    if (code)
        return code;
    if (request.help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    if (seen_new(&linter.seen, (struct hash_key){0, 0}, IDS_MAX, INT64_MAX))
        return EX_OSERR;
    buffer_init(&linter.finding, FINDING_MAX);
    code = check_file(&linter);
    buffer_deinit(&linter.finding);
    seen_free(linter.seen);
    return code;
}
