#include "sim/coverage.h"

#include <string.h>

enum covered_group { SENTENCE, LIFE, NAMED, DONE, HAND };

static const struct row {
    const char *name;
    enum covered_group group;
    const char *text;
    size_t size;
} rows[COVERED_COUNT] = {
#define X(name, group, text) {#name, group, text, sizeof text - 1},
    COVERED(X)
#undef X
};

void coverage_note(struct coverage *coverage, enum covered point)
{
    coverage->points[point]++;
}

/* The row of this group that the text begins with. */
static bool note_beginning(struct coverage *coverage, enum covered_group group, const char *text)
{
    for (int i = 0; i < COVERED_COUNT; i++)
        if (rows[i].group == group && strncmp(text, rows[i].text, rows[i].size) == 0) {
            coverage->points[i]++;
            return true;
        }
    return false;
}

void coverage_line(struct coverage *coverage, const char *line)
{
    const char *sentence = line[0] == '<' ? line + 3 : line, *resolution = strstr(line, "--");

    if (!note_beginning(coverage, SENTENCE, sentence) && !coverage->strange[0])
        snprintf(coverage->strange, sizeof coverage->strange, "%s", sentence);
    if (strncmp(sentence, "refused:", strlen("refused:")) == 0 && resolution)
        note_beginning(coverage, NAMED, resolution);
}

void coverage_resolved(struct coverage *coverage, const char *resolution)
{
    note_beginning(coverage, DONE, resolution);
}

void coverage_history(struct coverage *coverage, const struct plan *plan)
{
    bool came[MISHAP_COUNT] = {false};

    coverage->histories++;
    coverage->events += plan->events_count;
    coverage->virtual_ms += (uint64_t)world->now;
    for (size_t i = 0; i < plan->mishaps_count; i++)
        came[plan->mishaps[i].kind] |= plan->mishaps[i].came;
    for (int i = 0; i < MISHAP_COUNT; i++) {
        coverage->came[i] += came[i];
        for (int k = 0; came[i] && k < i; k++)
            coverage->pairs[i][k] += came[k];
    }
}

void coverage_add(struct coverage *sum, const struct coverage *other)
{
    sum->histories += other->histories;
    sum->events += other->events;
    sum->virtual_ms += other->virtual_ms;
    for (int i = 0; i < COVERED_COUNT; i++)
        sum->points[i] += other->points[i];
    for (int i = 0; i < MISHAP_COUNT; i++) {
        sum->came[i] += other->came[i];
        for (int k = 0; k < i; k++)
            sum->pairs[i][k] += other->pairs[i][k];
    }
    if (!sum->strange[0])
        memcpy(sum->strange, other->strange, sizeof sum->strange);
}

static void print_points(const struct coverage *coverage, FILE *out)
{
    static const char *const groups[] = {"said by an instance", "lives", "named by a refusal", "resolved by the operator", "answered to an operator"};

    for (enum covered_group group = SENTENCE; group <= HAND; group++) {
        fprintf(out, "\n%s:\n", groups[group]);
        for (int i = 0; i < COVERED_COUNT; i++)
            if (rows[i].group == group && coverage->points[i])
                fprintf(out, "%12llu  %s\n", (unsigned long long)coverage->points[i], rows[i].text);
            else if (rows[i].group == group)
                fprintf(out, "       never  %s\n", rows[i].text);
    }
}

static void print_mishaps(const struct coverage *coverage, FILE *out)
{
    size_t pairs = 0, never = 0;

    fprintf(out, "\nmishaps, by the histories in which they came:\n");
    for (int i = 0; i < MISHAP_COUNT; i++)
        if (coverage->came[i])
            fprintf(out, "%12llu  %-18s %s\n", (unsigned long long)coverage->came[i], mishap_name((enum mishap_kind)i), mishap_sentence((enum mishap_kind)i));
        else
            fprintf(out, "       never  %-18s %s\n", mishap_name((enum mishap_kind)i), mishap_sentence((enum mishap_kind)i));
    for (int i = 0; i < MISHAP_COUNT; i++)
        for (int k = 0; k < i; k++) {
            pairs++;
            if (!coverage->pairs[i][k] && ++never <= 20)
                fprintf(out, "       never  %s with %s\n", mishap_name((enum mishap_kind)i), mishap_name((enum mishap_kind)k));
        }
    fprintf(out, "%zu of %zu pairs of mishaps came in one history\n", pairs - never, pairs);
}

void coverage_print(const struct coverage *coverage, FILE *out)
{
    print_points(coverage, out);
    print_mishaps(coverage, out);
    fprintf(out, "\n%llu histories of %.0f events in the mean, %.1f virtual hours\n", (unsigned long long)coverage->histories,
            coverage->histories ? (double)coverage->events / (double)coverage->histories : 0, (double)coverage->virtual_ms / 3600000);
}
