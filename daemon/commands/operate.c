/* `orderd status`, `pause`, `resume`, `rate`, `skip`, `log-level`, `dump`: what an operator says to a running daemon, over its control socket. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include "base/number.h"
#include "commands/client.h"
#include "commands/command.h"
#include "commands/complain.h"
#include "commands/screen.h"
#include "commands/socket.h"

enum { WAIT_S = 10, WAIT_MAX_S = 86400, AGAIN_MS = 250, WATCH_S = 2, WATCH_MAX_S = 3600 };

struct words {
    struct socket_hint hint;
    struct request request;
    int64_t wait_s, watch_s;          /* watch_s 0: once */
    bool help;
};

/* Where the daemon is, the same for all. */
#define WHERE \
    "    --socket PATH         the daemon's control socket; /run/orderd/control.sock unless given\n" \
    "    --instance NAME       the daemon of the unit orderd@NAME\n" \
    "    -c, --config FILE     the daemon with this configuration\n" \
    "    -h, --help            this text\n" \
    "\n"

static const char *const usages[] = {
    [REQUEST_STATUS] =
        "orderd status: how a running daemon is\n"
        "\n"
        "    orderd status [--json | --watch [SECONDS]]\n"
        "\n"
        "Its state in a sentence, rates and latencies of the last ten seconds, partitions, hot keys, last\n"
        "errors. No colours where NO_COLOR is set, or when it is no terminal.\n"
        "\n"
        "    --watch [SECONDS]     again and again, every two seconds unless given; q ends it\n"
        "    --json                for programs: one object, whose members orderd(8) names\n" WHERE
        "Exit codes: 0 all is well, also paused on purpose; 1 something does not go on; 64 usage; 69 no\n"
        "daemon answers there; 75 not now, try again; 77 rights are missing.\n",
    [REQUEST_PAUSE] =
        "orderd pause: have no events decided, until they are resumed\n"
        "\n"
        "    orderd pause [TOPIC[:P]] [--reason TEXT]\n"
        "\n"
        "Of all partitions, a topic's, or one. It is kept in Redis, so that it holds for whichever instance\n"
        "owns them, and after a restart. What was decided is delivered and committed.\n"
        "\n"
        "    --reason TEXT         is shown with them, up to 160 bytes\n" WHERE
        "Exit codes: 0 paused; 64 usage; 66 no such partition; 69 no daemon answers there; 74 Redis refuses\n"
        "to keep it; 75 not now, try again; 77 rights are missing.\n",
    [REQUEST_RESUME] =
        "orderd resume: let paused partitions go on\n"
        "\n"
        "    orderd resume [TOPIC[:P]]\n"
        "\n"
        "All partitions, a topic's, or one; all ends quiet (SIGTSTP) of that instance too.\n"
        "\n" WHERE
        "Exit codes: 0 resumed; 64 usage; 66 no such partition; 69 no daemon answers there; 74 Redis refuses;\n"
        "75 not now, try again; 77 rights are missing.\n",
    [REQUEST_RATE] =
        "orderd rate: the most events that one instance decides in a second\n"
        "\n"
        "    orderd rate N|off\n"
        "\n"
        "1 to 1000000, until the configuration is read again (rate.events_per_s).\n"
        "\n" WHERE
        "Exit codes: 0 set; 64 usage; 69 no daemon answers there; 75 not now, try again; 77 rights are\n"
        "missing.\n",
    [REQUEST_SKIP] =
        "orderd skip: have one event decided malformed, reason skipped, and sent to the dead letters\n"
        "\n"
        "    orderd skip TOPIC:P:OFFSET --reason TEXT [--wait SECONDS]\n"
        "    orderd skip TOPIC:P:OFFSET --forget\n"
        "\n"
        "The instance must own the partition. Waits until it is decided; what is not decided by then will be,\n"
        "unless the daemon ends before.\n"
        "\n"
        "    --reason TEXT         stands in the outcome and the dead letter, up to 160 bytes; required\n"
        "    --wait SECONDS        how long; 10 unless given\n"
        "    --forget              take it back, while it is not decided\n" WHERE
        "Exit codes: 0 decided so; 64 usage; 65 decided already; 66 not owned there; 69 no daemon answers\n"
        "there; 75 not now, try again; 77 rights are missing.\n",
    [REQUEST_LOG_LEVEL] =
        "orderd log-level: how much a running daemon logs\n"
        "\n"
        "    orderd log-level LEVEL\n"
        "\n"
        "error, warning, notice, info or debug, until the configuration is read again (log.level).\n"
        "\n" WHERE
        "Exit codes: 0 set; 64 usage; 69 no daemon answers there; 75 not now, try again; 77 rights are\n"
        "missing.\n",
    [REQUEST_DUMP] =
        "orderd dump: write to the daemon's log what is in flight\n"
        "\n"
        "    orderd dump\n"
        "\n"
        "Partitions with their first events, the turn, the producer.\n"
        "\n" WHERE
        "Exit codes: 0 done; 64 usage; 69 no daemon answers there; 75 not now, try again; 77 rights are\n"
        "missing.\n",
};

static int wrong(const struct words *words, const char *what, const char *value)
{
    return complain_usage(request_verb_name(words->request.verb), what, value);
}

/* A number of what is meant, in its range. */
static bool take_number(const char *text, int64_t low, int64_t high, int64_t *out)
{
    return number_parse(bytes_of(text), out) && *out >= low && *out <= high;
}

/* "orders", "orders:3", "orders:3:17": as many parts as the verb takes. Names of topics hold no colon. */
static bool take_place(struct request *request, const char *text, bool offset)
{
    char copy[sizeof request->topic + 64], *rest = copy, *topic, *number, *last;
    int64_t partition;

    if (strlen(text) >= sizeof copy)
        return false;
    memcpy(copy, text, strlen(text) + 1);
    topic = strsep(&rest, ":");
    number = rest ? strsep(&rest, ":") : NULL;
    last = rest;
    if (!topic[0] || strlen(topic) >= sizeof request->topic || (last != NULL) != offset)
        return false;
    memcpy(request->topic, topic, strlen(topic) + 1);
    if (number && !take_number(number, 0, INT32_MAX, &partition))
        return false;
    request->partition = number ? (int32_t)partition : -1;
    return !offset || take_number(last, 0, INT64_MAX - 1, &request->offset);
}

static int take_text(struct words *words, const char *text)
{
    if (!text[0] || strlen(text) > REQUEST_TEXT_MAX)
        return wrong(words, "a text has 1 to 160 bytes", NULL);
    memcpy(words->request.text, text, strlen(text) + 1);
    return 0;
}

static int take_argument(struct words *words, const char *text)
{
    struct request *r = &words->request;

    switch (r->verb) {
    case REQUEST_PAUSE:
    case REQUEST_RESUME:
        return take_place(r, text, false) ? 0 : wrong(words, "TOPIC or TOPIC:P is meant, not", text);
    case REQUEST_SKIP:
        return take_place(r, text, true) ? 0 : wrong(words, "TOPIC:P:OFFSET is meant, not", text);
    case REQUEST_RATE:
        return strcmp(text, "off") == 0 || take_number(text, 1, 1000000, &r->number) ? 0 : wrong(words, "a number of events from 1 to 1000000, or off, is meant, not", text);
    case REQUEST_LOG_LEVEL:
        return take_text(words, text);
    case REQUEST_STATUS:
        return words->watch_s && take_number(text, 1, WATCH_MAX_S, &words->watch_s) ? 0 : wrong(words, "an argument is too many:", text);
    case REQUEST_DUMP:
    case REQUEST_VERB_COUNT:
        break;
    }
    return wrong(words, "an argument is too many:", text);
}

static int take_option(struct words *words, int option, const char *value)
{
    const enum request_verb verb = words->request.verb;

    if (option == 'c')
        words->hint.file = value;
    else if (option == 's')
        words->hint.path = value;
    else if (option == 'i')
        words->hint.instance = value;
    else if (option == 'h')
        words->help = true;
    else if (option == 'j' && verb == REQUEST_STATUS)
        words->request.json = true;
    else if (option == 'w' && verb == REQUEST_STATUS)
        words->watch_s = WATCH_S;
    else if (option == 'r' && (verb == REQUEST_PAUSE || verb == REQUEST_SKIP))
        return take_text(words, value);
    else if (option == 'f' && verb == REQUEST_SKIP)
        words->request.number = REQUEST_SKIP_NOT;
    else if (option == 't' && verb == REQUEST_SKIP)
        return take_number(value, 0, WAIT_MAX_S, &words->wait_s) ? 0 : wrong(words, "--wait takes a number of seconds, not", value);
    else
        return wrong(words, "an option is not known", NULL);
    if (option == 'w' && value && !take_number(value, 1, WATCH_MAX_S, &words->watch_s))
        return wrong(words, "--watch takes a number of seconds, not", value);
    return 0;
}

static int check(const struct words *words, bool argument)
{
    const struct request *r = &words->request;
    bool needed = r->verb == REQUEST_RATE || r->verb == REQUEST_SKIP || r->verb == REQUEST_LOG_LEVEL;

    if (words->help)
        return 0;
    if (needed && !argument)
        return wrong(words, r->verb == REQUEST_RATE ? "N or off is missing" : r->verb == REQUEST_SKIP ? "TOPIC:P:OFFSET is missing" : "LEVEL is missing", NULL);
    if (r->verb == REQUEST_SKIP && !r->text[0] && r->number != REQUEST_SKIP_NOT)
        return wrong(words, "--reason is missing", NULL);
    if (r->json && words->watch_s)
        return wrong(words, "--json and --watch do not go together", NULL);
    return (words->hint.file != NULL) + (words->hint.path != NULL) + (words->hint.instance != NULL) > 1 ? wrong(words, "only one of -c, --socket and --instance can be meant", NULL) : 0;
}

static int take_words(struct words *words, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"socket", required_argument, NULL, 's'}, {"instance", required_argument, NULL, 'i'},
                                            {"json", no_argument, NULL, 'j'},         {"watch", optional_argument, NULL, 'w'},  {"reason", required_argument, NULL, 'r'},
                                            {"wait", required_argument, NULL, 't'},   {"forget", no_argument, NULL, 'f'},        {"help", no_argument, NULL, 'h'},   {NULL, 0, NULL, 0}};
    int option, r = 0;

    while (!r && (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1)
        r = take_option(words, option, optarg);
    if (!r && optind < argc)
        r = take_argument(words, argv[optind]);
    if (!r && optind + 1 < argc)
        r = wrong(words, "an argument is too many:", argv[optind + 1]);
    return r ? r : check(words, optind < argc);
}

static int finish(const struct words *words, struct client_answer *answer)
{
    bool asked_json = words->request.json && answer->reached;
    FILE *out = answer->reached && (answer->code == 0 || words->request.verb == REQUEST_STATUS) ? stdout : stderr;
    const char *text = asked_json ? buffer_text(&answer->line) : buffer_text(&answer->text);
    size_t size = strlen(text);

    if (out == stderr)
        fprintf(out, "orderd: ");
    fprintf(out, "%s%s", text, size && text[size - 1] == '\n' ? "" : "\n");
    return fflush(out) ? EX_IOERR : answer->code;
}

static void fit_to_terminal(struct request *request)
{
    int rows;

    request->colour = screen_has_colours();
    screen_size(&request->width, &rows);
}

/* A daemon that is not there is waited for: it may be just starting again. */
static int watch(struct words *words, const char *path, struct client_answer *answer)
{
    struct screen screen;
    bool goes_on = true;
    char last[96];

    if (screen_open(&screen))
        return EX_OSERR;
    while (goes_on) {
        time_t now = time(NULL);
        struct tm local;
        char clock[16] = "";

        fit_to_terminal(&words->request);
        client_ask(path, &words->request, answer);
        if (!answer->reached)
            buffer_put_text(&answer->text, "\n");
        if (localtime_r(&now, &local))
            strftime(clock, sizeof clock, "%H:%M:%S", &local);
        snprintf(last, sizeof last, "%s  every %lld s  q ends", clock, (long long)words->watch_s);
        goes_on = screen_draw(&screen, buffer_bytes(&answer->text), last) && screen_wait(&screen, 1000 * words->watch_s);
    }
    screen_close(&screen);
    return 0;
}

static void wait_a_moment(void)
{
    struct timespec moment = {.tv_nsec = AGAIN_MS * 1000000L};

    nanosleep(&moment, NULL);
}

/* The daemon answers at once how far it is; a skip is asked after until it is decided. */
static void ask(struct words *words, const char *path, struct client_answer *answer)
{
    int64_t left_ms = 1000 * words->wait_s;

    client_ask(path, &words->request, answer);
    while (words->request.verb == REQUEST_SKIP && words->request.number != REQUEST_SKIP_NOT && answer->reached && answer->code == EX_TEMPFAIL && left_ms > 0) {
        wait_a_moment();
        left_ms -= AGAIN_MS;
        words->request.number = REQUEST_SKIP_AGAIN;
        client_ask(path, &words->request, answer);
    }
}

int command_operate(int argc, char **argv)
{
    struct words words = {.request = {.partition = -1, .offset = -1}, .wait_s = WAIT_S};
    struct client_answer answer;
    char path[SOCKET_PATH_MAX];
    int code;

    while (strcmp(request_verb_name(words.request.verb), argv[0]) != 0)
        words.request.verb++;
    code = take_words(&words, argc, argv);
    if (!code && words.help)
        return fputs(usages[words.request.verb], stdout) < 0 ? EX_IOERR : 0;
    if (!code)
        code = socket_find(&words.hint, path);
    if (code)
        return code;
    client_answer_init(&answer);
    if (words.request.verb == REQUEST_STATUS)
        fit_to_terminal(&words.request);
    if (words.watch_s) {
        code = watch(&words, path, &answer);
    } else {
        ask(&words, path, &answer);
        code = finish(&words, &answer);
    }
    client_answer_deinit(&answer);
    return code;
}
