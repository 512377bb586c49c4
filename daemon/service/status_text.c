/* Status for people: what stands in the way first, then what goes on, then where. Everything flows into the terminal's width; the table of
 * partitions drops columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/pen.h"
#include "service/status.h"

enum { PARTITIONS_SHOWN = 24, KEYS_SHOWN = 5, NARROW = 60, TABLE_LEAST = 32, TABLE_NARROW = 40, TABLE_WIDE = 78, ERRORS_SHOWN = 5 };

static enum pen_style style_of(const struct status_view *view)
{
    enum health_level level = health_level(&view->health);

    if (level != HEALTH_OK)
        return level == HEALTH_FAILED ? PEN_BAD : PEN_WARN;
    return strcmp(view->state, "running") == 0 || strcmp(view->state, "standby") == 0 ? PEN_GOOD : PEN_WARN;
}

static void put_head(struct pen *pen, const struct status_view *view)
{
    char number[PEN_NUMBER_SIZE];

    pen_label(pen, view->state);
    pen_words(pen, style_of(view), view->sentence);
    pen_line(pen);
    pen_label(pen, "");
    if (view->started_ms)
        pen_item(pen, PEN_DIM, "up %s", pen_duration(number, (double)(view->sight->now - view->started_ms)));
    pen_item(pen, PEN_DIM, "pid %d", (int)getpid());
    pen_item(pen, PEN_DIM, "orderd %s", view->version);
    pen_item(pen, PEN_DIM, "librdkafka %s", view->librdkafka);
    pen_item(pen, PEN_DIM, "group %s", view->sight->options->group);
    if (view->sight->picture->era)
        pen_item(pen, PEN_DIM, "era %lld", (long long)view->sight->picture->era);
    pen_line(pen);
}

/* What the sentence does not say already. */
static void put_reasons(struct pen *pen, const struct status_view *view)
{
    for (size_t i = 0; i < view->health.count; i++) {
        const struct health_check *check = &view->health.checks[i];

        if (!check->reason[0] || strcmp(check->reason, view->sentence) == 0 || strcmp(check->name, "group") == 0)
            continue;
        pen_label(pen, check->name);
        pen_words(pen, check->level == HEALTH_OK ? PEN_PLAIN : check->level == HEALTH_FAILED ? PEN_BAD : PEN_WARN, check->reason);
        pen_line(pen);
    }
}

static double per_second(const struct tally *recent, uint64_t count)
{
    return recent->at ? 1000.0 * (double)count / (double)recent->at : -1;
}

static void put_events(struct pen *pen, const struct status_view *view)
{
    const struct tally *recent = &view->recent, *ever = &view->ever;
    uint64_t all = 0, total = 0;
    char number[PEN_NUMBER_SIZE];

    for (int i = 0; i < STATUS_COUNT; i++) {
        all += recent->statuses[i];
        total += ever->statuses[i];
    }
    pen_label(pen, "events/s");
    pen_item(pen, PEN_BOLD, "%s", pen_rate(number, per_second(recent, all)));
    for (int i = 0; i < STATUS_COUNT; i++)
        pen_item(pen, recent->statuses[i] ? PEN_PLAIN : PEN_DIM, "%s %s", status_name((enum status)i), pen_rate(number, per_second(recent, recent->statuses[i])));
    pen_line(pen);
    pen_label(pen, "events");
    pen_item(pen, PEN_BOLD, "%s", pen_count(number, (int64_t)total));
    for (int i = 0; i < STATUS_COUNT; i++)
        pen_item(pen, ever->statuses[i] ? PEN_PLAIN : PEN_DIM, "%s %s", status_name((enum status)i), pen_count(number, (int64_t)ever->statuses[i]));
    pen_line(pen);
}

static void put_quantiles(struct pen *pen, const struct histogram *histogram, double scale)
{
    static const double shares[] = {0.5, 0.95, 0.99};

    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        char number[PEN_NUMBER_SIZE];
        bool beyond;
        double value = histogram_quantile(histogram, shares[i], &beyond);

        if (value >= 0)
            pen_item(pen, PEN_PLAIN, "p%.0f %s%s", 100 * shares[i], beyond ? "> " : "", pen_duration(number, value * scale));
    }
}

static void put_work(struct pen *pen, const struct status_view *view)
{
    const struct tally *recent = &view->recent;
    const struct picture *picture = view->sight->picture;
    double share = recent->execs ? 100.0 * (double)recent->conflicts / (double)recent->execs : 0, events;
    char number[PEN_NUMBER_SIZE], other[PEN_NUMBER_SIZE];
    bool beyond;

    pen_label(pen, "end to end");
    put_quantiles(pen, &recent->end_to_end_ms, 1);
    if (!recent->end_to_end_ms.count)
        pen_item(pen, PEN_DIM, "nothing was delivered in these seconds");
    pen_line(pen);
    pen_label(pen, "transactions");
    put_quantiles(pen, &recent->exec_us, 0.001);
    pen_item(pen, PEN_PLAIN, "%s/s", pen_rate(number, per_second(recent, recent->execs)));
    pen_item(pen, share >= 20 ? PEN_WARN : PEN_PLAIN, "%.1f %% in conflict", share);
    pen_line(pen);
    pen_label(pen, "turns");
    events = histogram_quantile(&recent->turn_events, 0.5, &beyond);
    if (events >= 0)
        pen_item(pen, PEN_PLAIN, "p50 %.0f events", events < 1 ? 1 : events);
    pen_item(pen, PEN_PLAIN, "at most %s now", pen_count(number, (int64_t)picture->events_limit));
    pen_item(pen, PEN_PLAIN, "%s events/s decided again", pen_rate(number, per_second(recent, recent->retries)));
    pen_line(pen);
    pen_label(pen, "on their way");
    pen_item(pen, PEN_PLAIN, "%s of %s read ahead", pen_count(number, (int64_t)picture->held), pen_count(other, (int64_t)picture->held_max));
    pen_item(pen, PEN_PLAIN, "%s records with the producer", pen_count(number, (int64_t)picture->in_flight));
    pen_line(pen);
}

/* An operator's wishes that health does not name. */
static void put_wishes(struct pen *pen, const struct picture *picture)
{
    if (!picture->skips)
        return;
    pen_label(pen, "skip");
    pen_item(pen, PEN_WARN, "%zu event%s waited for", picture->skips, picture->skips == 1 ? " is" : "s are");
    pen_line(pen);
}

static void put_keys(struct pen *pen, const char *label, const struct hot_key *keys, size_t count, bool conflicts)
{
    if (!count)
        return;
    pen_label(pen, label);
    for (size_t i = 0; i < count && i < KEYS_SHOWN; i++) {
        char key[HOT_KEY_TEXT_MAX], number[PEN_NUMBER_SIZE];

        hot_key_text(key, &keys[i]);
        pen_item(pen, PEN_PLAIN, "%s %s/s", key, pen_rate(number, conflicts ? keys[i].conflicts : keys[i].writes));
    }
    pen_line(pen);
}

/* Those that do not go on come first, then those with most to do. */
static int by_trouble(const void *a, const void *b)
{
    const struct picture_partition *x = *(const struct picture_partition *const *)a, *y = *(const struct picture_partition *const *)b;
    int names = strcmp(x->topic, y->topic);

    if (picture_state(x) != picture_state(y))
        return picture_state(x) < picture_state(y) ? -1 : 1;
    if (x->lag != y->lag)
        return x->lag > y->lag ? -1 : 1;
    return names ? names : (x->number > y->number) - (x->number < y->number);
}

static int by_name(const void *a, const void *b)
{
    const struct picture_partition *x = *(const struct picture_partition *const *)a, *y = *(const struct picture_partition *const *)b;
    int names = strcmp(x->topic, y->topic);

    return names ? names : (x->number > y->number) - (x->number < y->number);
}

struct columns {
    int name, state;
    bool outbox, wide;
};

static void put_table_head(struct pen *pen, const struct columns *columns)
{
    pen_cell(pen, PEN_BOLD, columns->name, false, "partition");
    pen_cell(pen, PEN_BOLD, columns->state, false, "state");
    pen_cell(pen, PEN_BOLD, 9, true, "lag");
    pen_cell(pen, PEN_BOLD, 10, true, "behind");
    if (columns->outbox)
        pen_cell(pen, PEN_BOLD, 6, true, "outbox");
    if (columns->wide) {
        pen_cell(pen, PEN_BOLD, 11, true, "next");
        pen_cell(pen, PEN_BOLD, 11, true, "committed");
        pen_cell(pen, PEN_BOLD, 10, true, "unfinished");
    }
    pen_line(pen);
}

static enum pen_style style_of_partition(const struct picture_partition *p)
{
    switch (picture_state(p)) {
    case PICTURE_STOPPED:
        return PEN_BAD;
    case PICTURE_OWNED:
        return PEN_GOOD;
    default:
        return PEN_WARN;
    }
}

/* "orders:3"; a long topic is cut, its number never is. */
static void put_place(char *out, size_t size, const struct picture_partition *p, int width)
{
    int number = snprintf(NULL, 0, ":%d", p->number), room = width - number;

    if ((int)strlen(p->topic) <= room || room < 2)
        snprintf(out, size, "%s:%d", p->topic, p->number);
    else
        snprintf(out, size, "%.*s~:%d", room - 1, p->topic, p->number);
}

static void put_partition(struct pen *pen, const struct columns *columns, const struct picture_partition *p, int64_t now)
{
    char name[KAFKA_TOPIC_MAX + 16], number[PEN_NUMBER_SIZE];

    put_place(name, sizeof name, p, columns->name);
    pen_cell(pen, PEN_PLAIN, columns->name, false, name);
    pen_cell(pen, style_of_partition(p), columns->state, false, picture_state_name(picture_state(p)));
    pen_cell(pen, PEN_PLAIN, 9, true, pen_count(number, p->lag));
    pen_cell(pen, PEN_PLAIN, 10, true, p->lag ? pen_duration(number, (double)picture_lag_ms(p, now)) : "-");
    if (columns->outbox)
        pen_cell(pen, PEN_PLAIN, 6, true, pen_count(number, (int64_t)p->outbox_entries));
    if (columns->wide) {
        pen_cell(pen, PEN_PLAIN, 11, true, pen_count(number, p->next));
        pen_cell(pen, PEN_PLAIN, 11, true, pen_count(number, p->committed));
        pen_cell(pen, PEN_PLAIN, 10, true, p->unfinished_timestamp ? pen_duration(number, (double)(now - p->unfinished_timestamp)) : "-");
    }
    pen_line(pen);
    if (!p->refusal[0] && !p->pause.set)
        return;
    pen->indent = 4;
    pen_put(pen, PEN_PLAIN, "    ");
    pen_words(pen, p->refusal[0] ? PEN_BAD : PEN_DIM, p->refusal[0] ? p->refusal : p->pause.note);
    pen_line(pen);
}

static struct columns columns_for(const struct pen *pen, const struct picture_partition **shown, size_t count)
{
    struct columns columns = {.name = 9, .state = 7, .outbox = pen->width >= NARROW};
    int room;

    for (size_t i = 0; i < count; i++) {
        int size = snprintf(NULL, 0, "%s:%d", shown[i]->topic, shown[i]->number);

        columns.name = size > columns.name ? size : columns.name;
    }
    columns.wide = pen->width >= TABLE_WIDE + (columns.name < 24 ? columns.name : 24);
    room = pen->width - (columns.wide ? TABLE_WIDE : columns.outbox ? TABLE_NARROW : TABLE_LEAST);
    columns.name = columns.name > room ? room : columns.name;
    return columns;
}

static void put_partitions(struct pen *pen, const struct status_view *view)
{
    const struct picture *picture = view->sight->picture;
    const struct picture_partition **shown = calloc(picture->partitions_count + 1, sizeof *shown);
    size_t count = picture->partitions_count;
    struct columns columns;

    if (!shown || !count) {
        free(shown);
        return;
    }
    for (size_t i = 0; i < count; i++)
        shown[i] = &picture->partitions[i];
    qsort(shown, count, sizeof *shown, by_trouble);
    count = count > PARTITIONS_SHOWN ? PARTITIONS_SHOWN : count;
    qsort(shown, count, sizeof *shown, by_name);
    columns = columns_for(pen, shown, count);
    pen_line(pen);
    put_table_head(pen, &columns);
    for (size_t i = 0; i < count; i++)
        put_partition(pen, &columns, shown[i], view->sight->now);
    if (picture->partitions_count > count) {
        pen_item(pen, PEN_DIM, "and %zu more, which go on and have less to do", picture->partitions_count - count);
        pen_line(pen);
    }
    free(shown);
}

static void put_errors(struct pen *pen, const struct status_view *view)
{
    if (!view->errors_count)
        return;
    pen_line(pen);
    pen_put(pen, PEN_BOLD, "last errors and warnings");
    pen_line(pen);
    for (size_t i = 0; i < view->errors_count && i < ERRORS_SHOWN; i++) {
        const struct log_recent *error = &view->errors[i];
        char number[PEN_NUMBER_SIZE], ago[PEN_NUMBER_SIZE + 8];

        snprintf(ago, sizeof ago, "%s ago", pen_duration(number, (double)(view->sight->now - error->time)));
        pen_cell(pen, PEN_DIM, 14, true, ago);
        pen_put(pen, PEN_PLAIN, "  ");
        pen->indent = pen->column;
        pen_words(pen, error->level == LOG_LEVEL_ERROR ? PEN_BAD : PEN_WARN, error->text);
        pen_line(pen);
    }
}

void status_put_text(struct buffer *out, const struct status_view *view, int width, bool colour)
{
    const struct picture *picture = view->sight->picture;
    struct pen pen = {.out = out, .width = width, .colour = colour};

    put_head(&pen, view);
    put_reasons(&pen, view);
    if (view->sight->phase >= BOARD_RUNNING) {
        pen_line(&pen);
        put_events(&pen, view);
        put_work(&pen, view);
        put_wishes(&pen, picture);
        put_keys(&pen, "hot: writes", picture->hot_writes, picture->hot_writes_count, false);
        put_keys(&pen, "hot: fought", picture->hot_conflicts, picture->hot_conflicts_count, true);
        put_partitions(&pen, view);
    }
    put_errors(&pen, view);
}
