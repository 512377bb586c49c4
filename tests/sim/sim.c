/* The simulator: one seed is one history of several daemons, their Redis, their Kafka and all that goes wrong with them (tests/sim/history.h).
 *
 *     sim --histories 100000 --jobs 2       many seeds; says which failed, and what was reached
 *     sim --seed 17                         one, with its trace
 *     sim --seed 17 --shrink                the same with as few events and mishaps as still fail
 *     sim --seed 17 --mishaps 3,9 --events 1,5      what the line above says at its end
 */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "sim/trial.h"

enum { MINUTE = 60, KEEP_MEMORY = 1 << 28, TRACE_LIMIT = 64 << 20 };

struct request {
    struct trials trials;
    int64_t seed;                     /* one history; -1: many */
    const char *events, *mishaps;     /* what is kept of it, by number; NULL: all */
    bool shrink, report, quiet, help;
};

static const char usage[] =
    "sim: many histories, or one\n"
    "    --histories N   how many (default 1000)       --first SEED   from this seed on (default 1)\n"
    "    --jobs N        processes side by side        --minutes N    no longer than this\n"
    "    --findings N    stop behind so many           --report       what was reached, and what never\n"
    "    --seed SEED     one history, with its trace   --quiet        without it\n"
    "    --shrink        leave out of it what can be   --events, --mishaps LIST   keep only these\n"
    "    --beside        orderd's own audit looks at every history, not at one in ten\n";

static bool take_number(const char *text, int64_t *out)
{
    return number_parse(bytes_of(text), out) && *out >= 0;
}

static int parse(int argc, char **argv, struct request *request)
{
    static const struct option options[] = {
        {"histories", required_argument, NULL, 'n'}, {"first", required_argument, NULL, 'f'}, {"jobs", required_argument, NULL, 'j'},
        {"minutes", required_argument, NULL, 'm'}, {"findings", required_argument, NULL, 'g'}, {"seed", required_argument, NULL, 's'},
        {"events", required_argument, NULL, 'e'}, {"mishaps", required_argument, NULL, 'p'}, {"shrink", no_argument, NULL, 'k'},
        {"report", no_argument, NULL, 'r'}, {"quiet", no_argument, NULL, 'q'}, {"beside", no_argument, NULL, 'b'},
        {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    bool right = true;

    while (right && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int64_t number = 0;

        right = option != '?' && (!optarg || option == 'e' || option == 'p' || take_number(optarg, &number));
        request->trials.count = option == 'n' ? (uint64_t)number : request->trials.count;
        request->trials.first = option == 'f' ? (uint64_t)number : request->trials.first;
        request->trials.jobs = option == 'j' ? (int)number : request->trials.jobs;
        request->trials.seconds = option == 'm' ? number * MINUTE : request->trials.seconds;
        request->trials.findings_wanted = option == 'g' ? (size_t)number : request->trials.findings_wanted;
        request->seed = option == 's' ? number : request->seed;
        request->events = option == 'e' ? optarg : request->events;
        request->mishaps = option == 'p' ? optarg : request->mishaps;
        request->shrink |= option == 'k';
        request->report |= option == 'r';
        request->quiet |= option == 'q';
        request->trials.beside |= option == 'b';
        request->help |= option == 'h';
    }
    return right && optind == argc && request->trials.jobs >= 1 && request->trials.jobs <= JOBS_MAX ? 0 : -EINVAL;
}

/* Whether the number stands in "3,9,12"; in "none" stands none. */
static bool listed(const char *list, size_t number)
{
    if (list && strcmp(list, "none") == 0)
        return false;
    for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
        if (strtoull(at, NULL, 10) == number)
            return true;
    return list == NULL;
}

static void keep_listed(struct plan *plan, const struct request *request)
{
    for (size_t i = 0; i < plan->events_count; i++)
        plan->events[i].off = !listed(request->events, i);
    for (size_t i = 0; i < plan->mishaps_count; i++)
        plan->mishaps[i].off = !listed(request->mishaps, i);
}

/* One number more of a list that has some. */
static void say_number(bool *some, size_t number)
{
    printf("%s%zu", *some ? "," : "", number);
    *some = true;
}

static void say_command(const struct plan *plan)
{
    bool mishaps = false, events = false;

    printf("again: sim --seed %llu --mishaps ", (unsigned long long)plan->seed);
    for (size_t i = 0; i < plan->mishaps_count; i++)
        if (!plan->mishaps[i].off)
            say_number(&mishaps, i);
    printf("%s --events ", mishaps ? "" : "none");
    for (size_t i = 0; i < plan->events_count; i++)
        if (!plan->events[i].off)
            say_number(&events, i);
    puts(events ? "" : "none");
}

static int run_one(const struct request *request)
{
    struct finding finding;
    struct buffer trace, text;
    struct plan plan;

    plan_draw(&plan, (uint64_t)request->seed);
    plan.beside |= request->trials.beside;
    keep_listed(&plan, request);
    buffer_init(&trace, TRACE_LIMIT);
    buffer_init(&text, TRACE_LIMIT);
    trial_run(&plan, &finding, NULL);
    if (finding.kind[0] && request->shrink)
        printf("made smaller in %u trials\n", shrink(&plan, &finding));
    trial_run(&plan, &finding, request->quiet ? NULL : &trace);
    fputs(buffer_text(&trace), stdout);
    plan_say(&plan, &text);
    puts(buffer_text(&text));
    if (request->shrink)
        say_command(&plan);
    if (finding.kind[0])
        printf("%s: %s\n", finding.kind, finding.text);
    buffer_deinit(&trace);
    buffer_deinit(&text);
    plan_free(&plan);
    printf("%d passed, %d failed\n", !finding.kind[0], !!finding.kind[0]);
    return finding.kind[0] ? 1 : 0;
}

static int run_many(const struct request *request)
{
    static struct trials_result result;
    const char *beside = request->trials.beside ? " --beside" : "";
    bool strange;

    trials_run(&request->trials, &result);
    if (request->report)
        coverage_print(&result.coverage, stdout);
    strange = result.coverage.strange[0] != '\0';
    if (strange)
        printf("an instance said what has no row in sim/coverage.h: %s\n", result.coverage.strange);
    for (size_t i = 0; i < result.findings_count && i < FINDINGS_MAX; i++)
        printf("seed %llu: %s: %s\n    its trace: sim --seed %llu%s    made small: sim --seed %llu%s --shrink\n",
               (unsigned long long)result.findings[i].seed, result.findings[i].finding.kind, result.findings[i].finding.text,
               (unsigned long long)result.findings[i].seed, beside, (unsigned long long)result.findings[i].seed, beside);
    printf("%llu histories, %zu of them failed\n", (unsigned long long)result.coverage.histories, result.findings_count);
    printf("%d passed, %d failed\n", (result.findings_count == 0) + !strange, (result.findings_count != 0) + strange);
    return result.findings_count || strange ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct request request = {.trials = {.first = 1, .count = 1000, .jobs = 1, .findings_wanted = 10}, .seed = -1};

    if (parse(argc, argv, &request)) {
        fputs(usage, stderr);
        return 64;
    }
    if (request.help)
        return fputs(usage, stdout) < 0;
    /* Memory goes from one history to the next without a detour over the kernel. */
    mallopt(M_MMAP_THRESHOLD, KEEP_MEMORY);
    mallopt(M_TRIM_THRESHOLD, KEEP_MEMORY);
    return request.seed >= 0 ? run_one(&request) : run_many(&request);
}
