/* Making a failing history small: parts of the plan are left out, the larger first, as long as the finding stays of the same kind. */
#include <string.h>

#include "sim/trial.h"

enum { TRIALS_MAX = 1500 };

struct shrinking {
    struct plan *plan;
    char kind[sizeof((struct finding *)NULL)->kind];
    struct finding *finding;
    unsigned trials;
};

/* A part of the plan, by its place: first the mishaps, then the events. */
static bool *part(struct plan *plan, size_t index)
{
    return index < plan->mishaps_count ? &plan->mishaps[index].off : &plan->events[index - plan->mishaps_count].off;
}

static bool still_fails(struct shrinking *s)
{
    struct finding finding;

    for (size_t i = 0; i < s->plan->mishaps_count; i++)
        s->plan->mishaps[i].came = s->plan->mishaps[i].passed = false;
    s->trials++;
    trial_run(s->plan, &finding, NULL);
    if (strcmp(finding.kind, s->kind) != 0)
        return false;
    *s->finding = finding;
    return true;
}

/* Leaves out what is still in of [from, from + size); puts it back when the history then passes. True: something went. */
static bool leave_out(struct shrinking *s, size_t from, size_t size)
{
    bool left[size];
    bool any = false;

    for (size_t i = 0; i < size; i++) {
        left[i] = !*part(s->plan, from + i);
        any |= left[i];
        *part(s->plan, from + i) = true;
    }
    if (!any || (s->trials < TRIALS_MAX && still_fails(s)))
        return any;
    for (size_t i = 0; i < size; i++)
        if (left[i])
            *part(s->plan, from + i) = false;
    return false;
}

static bool round_over(struct shrinking *s, size_t begin, size_t end)
{
    bool progress = false;

    for (size_t size = (end - begin + 1) / 2; size >= 1 && end > begin; size = size == 1 ? 0 : (size + 1) / 2)
        for (size_t from = begin; from < end; from += size)
            progress |= leave_out(s, from, from + size > end ? end - from : size);
    return progress;
}

unsigned shrink(struct plan *plan, struct finding *finding)
{
    struct shrinking s = {.plan = plan, .finding = finding};
    size_t all = plan->mishaps_count + plan->events_count;

    memcpy(s.kind, finding->kind, sizeof s.kind);
    while (s.trials < TRIALS_MAX) {
        bool mishaps = round_over(&s, 0, plan->mishaps_count), events = round_over(&s, plan->mishaps_count, all);

        if (!mishaps && !events)
            break;
    }
    return s.trials;
}
