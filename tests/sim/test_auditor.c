/* Honest histories pass, also those in which an operator accepted that something was lost. */
#include "check.h"

#include "sim/told.h"

static void expect_honest(struct checks *c, const struct told *told)
{
    struct audit *audit;
    struct audit_report report;

    CHECK_INT(c, audit_new(&audit), 0);
    audit_run(audit, &told->world, &report);
    CHECK_INT(c, report.count, 0);
    for (size_t i = 0; i < report.kept; i++)
        fprintf(stderr, "%s: %s\n", audit_violation_name(report.items[i].kind), report.items[i].text);
    audit_free(audit);
}

static void what_the_daemon_made_is_honest(struct checks *c)
{
    for (unsigned seed = 1; seed <= 20; seed++) {
        struct told told;

        told_begin(&told, seed, 300);
        expect_honest(c, &told);
        told_end(&told);
    }
}

TESTS({"what the daemon made is honest", what_the_daemon_made_is_honest})
