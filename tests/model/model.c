/* model [--scope NAME [--trace]] [--ablation NAME [--trace]] [--list]: all scopes and all ablations, or one of them.
 *
 * One test each; closes with "N passed, N failed". */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally {
    int passed, failed;
};

static void count(struct tally *tally, bool good)
{
    tally->passed += good;
    tally->failed += !good;
}

/* Whether the whole scope keeps every property. */
static bool scope_holds(const struct scope *scope, bool trace)
{
    struct verdict verdict;

    checker_run(&verdict, scope, INTACT, HOLDS);
    printf("%s  scope %-15s %8zu states %9zu steps, depth %2zu, %6.2f s: %s%s\n", verdict.broken == HOLDS ? "ok    " : "FAILED", scope->name,
           verdict.states, verdict.transitions, verdict.depth, verdict.seconds, verdict.broken == HOLDS ? "holds, " : "breaks ",
           verdict.broken == HOLDS ? scope->about : property_name(verdict.broken));
    if (verdict.broken != HOLDS || trace)
        trace_print(scope, INTACT, &verdict);
    free(verdict.trace);
    return verdict.broken == HOLDS;
}

/* Whether the protocol without the mechanism breaks what its row says, or nothing where it says so. */
static bool ablation_breaks(const struct ablation *row, bool trace)
{
    const struct scope *scope = scope_named(row->scope);
    struct verdict verdict;
    bool good;

    checker_run(&verdict, scope, row->without, row->breaks);
    good = verdict.broken == row->breaks;
    printf("%s  without %-23s in %-14s %8zu states %6.2f s: ", good ? "ok    " : "FAILED", row->name, row->scope, verdict.states, verdict.seconds);
    if (verdict.broken == HOLDS)
        printf("breaks nothing%s: %s (PROTOCOL %s)\n", row->breaks == HOLDS ? ", defence in depth" : "", row->about, row->section);
    else
        printf("breaks %s after %zu steps: %s (PROTOCOL %s)\n", property_name(verdict.broken), verdict.trace_length, row->about, row->section);
    if (trace)
        trace_print(scope, row->without, &verdict);
    free(verdict.trace);
    return good;
}

/* The checker itself: a planted violation is found by the shortest way, and the same states are counted twice. */
static bool checker_finds_what_was_planted(void)
{
    const struct scope *scope = scope_named("beneath");
    struct verdict planted, once, again;
    bool good;

    checker_run(&planted, scope, DELIVERED_BEFORE_COMMIT, COMMIT_LAST);
    checker_run(&once, scope, INTACT, HOLDS);
    checker_run(&again, scope, INTACT, HOLDS);
    /* assigned, connected, claimed, gathered, compared, loaded, executed, published, committed */
    good = planted.broken == COMMIT_LAST && planted.trace_length == 9 && once.states > 1000 && once.states == again.states;
    printf("%s  the checker finds what was planted, by a way of %zu steps\n", good ? "ok    " : "FAILED", planted.trace_length);
    free(planted.trace);
    free(once.trace);
    free(again.trace);
    return good;
}

static bool every_mechanism_has_a_row(void)
{
    bool good = ablations_count == MECHANISMS - 1;

    for (int mechanism = INTACT + 1; mechanism < MECHANISMS; mechanism++) {
        size_t rows = 0;

        for (size_t i = 0; i < ablations_count; i++)
            rows += (int)ablations[i].without == mechanism;
        good &= rows == 1;
    }
    printf("%s  every mechanism of the model has its row\n", good ? "ok    " : "FAILED");
    return good;
}

static int run_all(void)
{
    struct tally tally = {0};

    count(&tally, checker_finds_what_was_planted());
    count(&tally, every_mechanism_has_a_row());
    for (size_t i = 0; i < scopes_count; i++) {
        count(&tally, scope_holds(&scopes[i], false));
        fflush(stdout);
    }
    for (size_t i = 0; i < ablations_count; i++) {
        count(&tally, ablation_breaks(&ablations[i], false));
        fflush(stdout);
    }
    printf("%d passed, %d failed\n", tally.passed, tally.failed);
    return tally.failed != 0;
}

static int list(void)
{
    for (size_t i = 0; i < scopes_count; i++)
        printf("--scope %-25s %s\n", scopes[i].name, scopes[i].about);
    for (size_t i = 0; i < ablations_count; i++)
        printf("--ablation %-22s %s\n", ablations[i].name, ablations[i].about);
    return 0;
}

int main(int argc, char **argv)
{
    bool trace = argc == 4 && strcmp(argv[3], "--trace") == 0;

    if (argc == 1)
        return run_all();
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return list();
    if ((argc == 3 || trace) && strcmp(argv[1], "--scope") == 0 && scope_named(argv[2]))
        return !scope_holds(scope_named(argv[2]), trace);
    if ((argc == 3 || trace) && strcmp(argv[1], "--ablation") == 0)
        for (size_t i = 0; i < ablations_count; i++)
            if (strcmp(ablations[i].name, argv[2]) == 0)
                return !ablation_breaks(&ablations[i], trace);
    bool help = argc == 2 && strcmp(argv[1], "--help") == 0;

    fprintf(help ? stdout : stderr, "model_protocol: every scope and every ablation\n"
                                    "    --list                        what there is\n"
                                    "    --scope NAME [--trace]        this one\n"
                                    "    --ablation NAME [--trace]     what goes wrong without a mechanism\n");
    return help ? 0 : 64;
}
