/* Each forgery of an honest history is caught, under its name. */
#include "check.h"

#include "sim/forge.h"

enum { SEED = 3, EVENTS = 400 };

static void is_caught(struct checks *c, void (*forge)(struct told *), enum audit_violation_kind kind)
{
    struct told told;
    struct audit *audit;
    struct audit_report report;

    CHECK_INT(c, auditor_new(&audit), 0);
    told_begin(&told, SEED, EVENTS, false);
    forge(&told);
    audit_run(audit, &told.world, &report);
    CHECK(c, report.of_kind[kind] > 0);
    for (size_t i = 0; i < report.kept && !report.of_kind[kind]; i++)
        fprintf(stderr, "%s: %s\n", audit_violation_name(report.items[i].kind), report.items[i].text);
    told_end(&told);
    auditor_free(audit);
}

#define CASE(forgery, kind)                                  \
    static void is_caught_##forgery(struct checks *c)        \
    {                                                        \
        is_caught(c, forgery, AUDIT_##kind);                 \
    }
FORGERIES_OF_RECORDS(CASE)
FORGERIES_OF_STATE(CASE)
#undef CASE

static void every_kind_of_violation_is_forged(struct checks *c)
{
#define KIND(forgery, kind) AUDIT_##kind,
    static const enum audit_violation_kind forged[] = {FORGERIES_OF_RECORDS(KIND) FORGERIES_OF_STATE(KIND)};
#undef KIND

    for (unsigned kind = 0; kind < AUDIT_VIOLATION_KINDS; kind++) {
        size_t i = 0;

        while (i < sizeof forged / sizeof *forged && forged[i] != kind)
            i++;
        if (i == sizeof forged / sizeof *forged)
            fprintf(stderr, "nobody forges: %s\n", audit_violation_sentence((enum audit_violation_kind)kind));
        CHECK(c, i < sizeof forged / sizeof *forged);
    }
}

#define ROW(forgery, kind) {#forgery, is_caught_##forgery},
TESTS(FORGERIES_OF_RECORDS(ROW) FORGERIES_OF_STATE(ROW) {"every kind of violation is forged", every_kind_of_violation_is_forged})
