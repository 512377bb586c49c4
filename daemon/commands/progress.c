#include "commands/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { DRAW_MS = 100, SAY_MS = 10000, SAMPLE_MS = 500, BAR = 24, HOUR_S = 3600, MINUTE_S = 60 };

const char *progress_number(char out[PROGRESS_NUMBER_SIZE], int64_t value)
{
    char digits[24];
    int size = snprintf(digits, sizeof digits, "%" PRIu64, value < 0 ? (uint64_t)0 - (uint64_t)value : (uint64_t)value), at = 0;

    if (value < 0)
        out[at++] = '-';
    for (int i = 0; i < size; i++) {
        if (i && (size - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

void progress_begin(struct progress *p, const char *what, const char *unit, int64_t of, int64_t now)
{
    *p = (struct progress){.what = what, .unit = unit, .of = of, .terminal = isatty(STDERR_FILENO), .said_at = now};
}

static void put_left(char *out, size_t size, int64_t seconds)
{
    if (seconds >= HOUR_S)
        snprintf(out, size, ", %" PRId64 ":%02d:%02d left", seconds / HOUR_S, (int)(seconds % HOUR_S / MINUTE_S), (int)(seconds % MINUTE_S));
    else
        snprintf(out, size, ", %d:%02d left", (int)(seconds / MINUTE_S), (int)(seconds % MINUTE_S));
}

void progress_text(char out[PROGRESS_TEXT_MAX], const struct progress *p, int64_t done, double per_s)
{
    char number[PROGRESS_NUMBER_SIZE], of[PROGRESS_NUMBER_SIZE + 8] = "", percent[16] = "", rate[PROGRESS_NUMBER_SIZE + 8] = "", left[32] = "";

    if (p->of >= 0)
        snprintf(of, sizeof of, " of %s", progress_number(number, p->of));
    if (p->of > 0)
        snprintf(percent, sizeof percent, ", %d %%", (int)(100.0 * (double)done / (double)p->of));
    if (per_s >= 0)
        snprintf(rate, sizeof rate, ", %s/s", progress_number(number, (int64_t)(per_s + 0.5)));
    if (per_s > 0 && p->of > done)
        put_left(left, sizeof left, (int64_t)((double)(p->of - done) / per_s + 0.5));
    snprintf(out, PROGRESS_TEXT_MAX, "%s %s%s %s%s%s%s", p->what, progress_number(number, done), of, p->unit, percent, rate, left);
}

static void sample(struct progress *p, int64_t done, int64_t now)
{
    unsigned last = (p->sample_first + p->samples_count - 1) % PROGRESS_SAMPLES;

    if (p->samples_count && now - p->samples[last].at < SAMPLE_MS)
        return;
    if (p->samples_count == PROGRESS_SAMPLES)
        p->sample_first = (p->sample_first + 1) % PROGRESS_SAMPLES;
    else
        p->samples_count++;
    last = (p->sample_first + p->samples_count - 1) % PROGRESS_SAMPLES;
    p->samples[last].at = now;
    p->samples[last].done = done;
}

static double rate(const struct progress *p, int64_t done, int64_t now)
{
    int64_t since = now - p->samples[p->sample_first].at;

    return since < SAMPLE_MS ? -1 : 1000.0 * (double)(done - p->samples[p->sample_first].done) / (double)since;
}

static void draw(const struct progress *p, const char *text, int64_t done)
{
    char bar[BAR + 1];
    int full = p->of > 0 ? (int)((double)BAR * (double)done / (double)p->of) : 0;

    full = full > BAR ? BAR : full;
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(BAR - full));
    bar[BAR] = '\0';
    fprintf(stderr, "\r\033[K%s%s%s%s", p->of > 0 ? "[" : "", p->of > 0 ? bar : "", p->of > 0 ? "] " : "", text);
    fflush(stderr);
}

void progress_show(struct progress *p, int64_t done, int64_t now)
{
    char text[PROGRESS_TEXT_MAX];

    sample(p, done, now);
    if (now - p->said_at < (p->terminal ? DRAW_MS : SAY_MS))
        return;
    p->said_at = now;
    progress_text(text, p, done, rate(p, done, now));
    p->shown = true;
    if (p->terminal)
        draw(p, text, done);
    else
        fprintf(stderr, "%s\n", text);
}

void progress_end(struct progress *p)
{
    if (p->shown && p->terminal)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
