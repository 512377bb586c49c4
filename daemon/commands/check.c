/* `orderd check`: whether the configuration, and with --connect Redis, Kafka and the market, are as the daemon needs them. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/number.h"
#include "commands/check.h"
#include "commands/command.h"
#include "commands/complain.h"

enum { WITHIN_MAX_S = 3600 };

static const char usage[] =
    "orderd check: look whether everything is as the daemon needs it\n"
    "\n"
    "    orderd check -c FILE [--connect] [--strict] [--within S] [--json]\n"
    "\n"
    "Says in a line each: ok, warning, failure, or not checked and why; what was looked at, what was\n"
    "found, and after -> what to do. Nothing is written to Redis or Kafka, no topic is created and the\n"
    "group is not joined, so it may be run beside the daemon at any time. (A producer id is asked for, as\n"
    "every producer does, and not used.)\n"
    "\n"
    "    -c, --config FILE     the configuration\n"
    "    --connect             ask Redis and Kafka too, and look at the market; else only the file\n"
    "    --strict              warnings count as failures\n"
    "    --within S            stop asking after so many seconds, 1 to 3600; 60 unless given. What is\n"
    "                          left is not checked\n"
    "    --json                for programs: an object a line, the last one the summary\n"
    "    -h, --help            this text\n"
    "\n"
    "Exit codes: 0 no failure; 64 usage; 69 Redis or Kafka is away; 77 rights are missing; 78 something\n"
    "must be changed. Of several the highest.\n";

struct request {
    const char *file;
    int64_t within_s;
    bool connect, json, strict, help;
};

enum { OPTION_CONNECT = 1000, OPTION_STRICT, OPTION_WITHIN, OPTION_JSON };

static int parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},         {"help", no_argument, NULL, 'h'},
        {"connect", no_argument, NULL, OPTION_CONNECT},   {"strict", no_argument, NULL, OPTION_STRICT},
        {"within", required_argument, NULL, OPTION_WITHIN}, {"json", no_argument, NULL, OPTION_JSON},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h')
            request->help = true;
        else if (option == 'c')
            request->file = optarg;
        else if (option == OPTION_CONNECT)
            request->connect = true;
        else if (option == OPTION_STRICT)
            request->strict = true;
        else if (option == OPTION_JSON)
            request->json = true;
        else if (option != OPTION_WITHIN)
            return complain_usage("check", "an option is not known or lacks its value", NULL);
        else if (!number_parse(bytes_of(optarg), &request->within_s) || request->within_s < 1 || request->within_s > WITHIN_MAX_S)
            return complain_usage("check", "--within: 1 to 3600 seconds would be right", NULL);
    }
    if (request->help)
        return 0;
    if (optind < argc)
        return complain_usage("check", "an argument is too many", NULL);
    return request->file ? 0 : complain_usage("check", "-c FILE is missing", NULL);
}

/* The file's problems, each with its line; false when it cannot be used. */
static bool check_file(struct check *check, const struct config_problems *problems, const char *file)
{
    check_about(check, "settings");
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *p = &problems->items[i];
        char place[24] = "";

        if (p->line)
            snprintf(place, sizeof place, ":%d", p->line);
        if (p->warning)
            check_warn(check, "%s%s: %s", file, place, p->text);
        else
            check_fail(check, CAUSE_MISTAKE, "%s%s: %s", file, place, p->text);
    }
    if (problems->errors > check->count[CHECK_FAILURE])
        check_fail(check, CAUSE_MISTAKE, "%s: and %zu more", file, problems->errors - check->count[CHECK_FAILURE]);
    if (!problems->count)
        check_ok(check, "%s: every setting is right, and every secret that it names can be read", file);
    return problems->errors == 0;
}

/* What librdkafka and the connection log is said in a line of the report, or is none of its business. */
static void swallow(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static int look_at_all(struct check *check, struct config *config, int64_t within_s)
{
    int64_t *const timeouts[] = {&config->redis.connect_timeout_ms, &config->redis.command_timeout_ms};
    int code;

    for (size_t i = 0; i < 2; i++)
        if (*timeouts[i] > CHECK_QUESTION_MS)
            *timeouts[i] = CHECK_QUESTION_MS;
    code = site_open(&check->site, config);
    if (!code) {
        check->site.log.level = LOG_LEVEL_ERROR;
        check->site.log.sink = swallow;
        check->until = clock_monotonic_ms(check->site.clock) + within_s * 1000;
        check_redis(check);
        check_acl(check);
        check_kafka(check);
        check_rights(check);
        check_market(check);
    }
    kafka_in_free(check->in);
    kafka_look_free(check->look);
    site_close(&check->site);
    return code;
}

static int work(struct check *check, const struct request *request)
{
    struct config_problems problems;
    struct config *config = NULL;
    int r = config_load(&config, request->file, &problems), code = 0;
    bool usable = check_file(check, &problems, request->file) && !r;

    if (!request->connect || !usable) {
        check_about(check, "redis, kafka, market");
        check_pass_over(check, "%s", usable ? "nobody is asked without --connect" : "the file must be right first");
    } else {
        code = look_at_all(check, config, request->within_s);
    }
    config_free(config);
    return code ? code : check_close(check);
}

int command_check(int argc, char **argv)
{
    struct request request = {.within_s = CHECK_WITHIN_S};
    struct check check = {.out = stdout};
    int code = parse(argc, argv, &request);

    if (code)
        return code;
    if (request.help)
        return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
    check.json = request.json;
    check.strict = request.strict;
    check.colour = !request.json && isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    return work(&check, &request);
}
