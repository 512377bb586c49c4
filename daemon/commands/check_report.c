#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

#include "codec/text.h"
#include "commands/check.h"

enum { LINE_SIZE = 2048, ABOUT_WIDTH = 32, JSON_LIMIT = 1 << 16 };

static const struct {
    const char *name, *json, *colour;
} kinds[CHECK_KINDS] = {
    [CHECK_OK] = {"ok", "ok", "32"},
    [CHECK_WARNING] = {"warning", "warning", "33"},
    [CHECK_FAILURE] = {"failure", "failure", "1;31"},
    [CHECK_NOT_CHECKED] = {"not checked", "not_checked", "36"},
};

void check_about(struct check *check, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(check->about, sizeof check->about, format, arguments);
    va_end(arguments);
}

static void say_text(struct check *check, enum check_kind kind, const char *line)
{
    const char *before = "", *after = "";
    char colour[16];

    if (check->colour) {
        snprintf(colour, sizeof colour, "\033[%sm", kinds[kind].colour);
        before = colour;
        after = "\033[0m";
    }
    fprintf(check->out, "%s%-11s%s  %-*s  %s\n", before, kinds[kind].name, after, ABOUT_WIDTH, check->about, line);
}

static void put_member(struct buffer *out, const char *name, struct bytes value)
{
    buffer_put_text(out, ",\"");
    buffer_put_text(out, name);
    buffer_put_text(out, "\":");
    text_put_json(out, value);
}

static void say_json(struct check *check, enum check_kind kind, const char *line)
{
    const char *arrow = strstr(line, " -> ");
    struct buffer out;

    buffer_init(&out, JSON_LIMIT);
    buffer_put_text(&out, "{\"kind\":");
    text_put_json(&out, bytes_of(kinds[kind].json));
    put_member(&out, "about", bytes_of(check->about));
    put_member(&out, "found", arrow ? (struct bytes){line, (size_t)(arrow - line)} : bytes_of(line));
    if (arrow)
        put_member(&out, "do", bytes_of(arrow + 4));
    buffer_put_text(&out, "}\n");
    fputs(buffer_text(&out), check->out);
    buffer_deinit(&out);
}

static void PRINTF_LIKE(3, 0) say(struct check *check, enum check_kind kind, const char *format, va_list arguments)
{
    char line[LINE_SIZE];

    vsnprintf(line, sizeof line, format, arguments);
    text_clean(line);      /* a line is a line, whatever a server said */
    text_clean(check->about);
    check->count[kind]++;
    if (check->json)
        say_json(check, kind, line);
    else
        say_text(check, kind, line);
    fflush(check->out);      /* the next question may take its time */
}

void check_ok(struct check *check, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(check, CHECK_OK, format, arguments);
    va_end(arguments);
}

void check_warn(struct check *check, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(check, CHECK_WARNING, format, arguments);
    va_end(arguments);
}

void check_fail(struct check *check, enum check_cause cause, const char *format, ...)
{
    va_list arguments;

    check->causes[cause]++;
    va_start(arguments, format);
    say(check, CHECK_FAILURE, format, arguments);
    va_end(arguments);
}

void check_pass_over(struct check *check, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(check, CHECK_NOT_CHECKED, format, arguments);
    va_end(arguments);
}

bool check_refused(struct check *check, const struct refusal *refusal)
{
    if (refusal->set && refusal->resolve[0])
        check_fail(check, CAUSE_MISTAKE, "%s -> orderd init -c %s %s", refusal->found, check->site.config->file, refusal->resolve);
    else if (refusal->set)
        check_fail(check, CAUSE_MISTAKE, "%s", refusal->found);
    return refusal->set;
}

static int exit_code(const struct check *check)
{
    if (check->causes[CAUSE_MISTAKE])
        return EX_CONFIG;
    if (check->causes[CAUSE_RIGHTS])
        return EX_NOPERM;
    if (check->causes[CAUSE_AWAY])
        return EX_UNAVAILABLE;
    return check->strict && check->count[CHECK_WARNING] ? EX_CONFIG : 0;
}

int check_close(struct check *check)
{
    const size_t *n = check->count;
    int code = exit_code(check);

    if (check->json)
        fprintf(check->out, "{\"kind\":\"summary\",\"ok\":%zu,\"warning\":%zu,\"failure\":%zu,\"not_checked\":%zu,\"exit\":%d}\n", n[CHECK_OK],
                n[CHECK_WARNING], n[CHECK_FAILURE], n[CHECK_NOT_CHECKED], code);
    else
        fprintf(check->out, "%zu ok, %zu warning%s, %zu failure%s, %zu not checked\n", n[CHECK_OK], n[CHECK_WARNING], check_plural((int64_t)n[CHECK_WARNING]),
                n[CHECK_FAILURE], check_plural((int64_t)n[CHECK_FAILURE]), n[CHECK_NOT_CHECKED]);
    return fflush(check->out) == 0 ? code : EX_IOERR;
}

const char *check_plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

int check_left_ms(const struct check *check, int most)
{
    int64_t left = check->until - clock_monotonic_ms(check->site.clock);

    return left <= 0 ? 0 : left < most ? (int)left : most;
}
