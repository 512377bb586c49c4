/* From the file's text to a checked configuration. The only file that includes libconfig. */
#include <errno.h>
#include <libconfig.h>
#include <stdlib.h>
#include <string.h>

#include "config/table.h"

enum { FILE_MAX = 1 << 20, LIST_MAX = 256, NAME_SIZE = 64 };

static char *file_read(const char *file, struct config_problems *problems)
{
    FILE *in = fopen(file, "re");
    char *text = malloc(FILE_MAX + 1);
    size_t size = in && text ? fread(text, 1, FILE_MAX + 1, in) : 0;
    bool bad = !in || !text || ferror(in);

    if (bad)
        problem_add(problems, 0, false, "the file cannot be read: %s", strerror(errno));
    else if (size > FILE_MAX || memchr(text, 0, size))
        problem_add(problems, 0, false, size > FILE_MAX ? "the file is larger than 1 MiB" : "the file holds a zero byte, it is no text");
    else if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        memcpy(text, "   ", 3);      /* a byte order mark, as some editors write it */
    if (in)
        fclose(in);
    if (bad || size > FILE_MAX || memchr(text, 0, size)) {
        free(text);
        return NULL;
    }
    text[size] = '\0';
    return text;
}

static int line_in(void *context, const char *name)
{
    const config_setting_t *found = config_lookup(context, name);

    return found ? (int)config_setting_source_line(found) : 0;
}

/* How many letters must be put in, taken out or changed to make one name of the other; names are short. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_SIZE], a_size = strlen(a), b_size = strlen(b);

    if (a_size >= NAME_SIZE || b_size >= NAME_SIZE)
        return NAME_SIZE;
    for (size_t k = 0; k <= b_size; k++)
        row[k] = k;
    for (size_t i = 1; i <= a_size; i++) {
        size_t corner = row[0];

        row[0] = i;
        for (size_t k = 1; k <= b_size; k++) {
            size_t change = corner + (a[i - 1] != b[k - 1]), other = (row[k] < row[k - 1] ? row[k] : row[k - 1]) + 1;

            corner = row[k];
            row[k] = change < other ? change : other;
        }
    }
    return row[b_size];
}

/* The setting that was probably meant: nearly the same name, or the same in another group; NULL: none. */
static const char *meant(const char *name)
{
    const char *dot = strrchr(name, '.'), *best = NULL;
    size_t least = 3;

    for (size_t i = 0; table_at(i); i++) {
        const char *candidate = table_at(i)->name, *its = strrchr(candidate, '.');
        size_t far = distance(name, candidate);

        if (strcmp(dot ? dot + 1 : name, its ? its + 1 : candidate) == 0 && far > 2)
            far = 2;
        if (far < least) {
            least = far;
            best = candidate;
        }
    }
    return best;
}

static void unknown_group(const char *name, int line, struct config_problems *problems)
{
    for (size_t i = 0; table_at(i); i++) {
        const char *dot = strchr(table_at(i)->name, '.');
        char group[NAME_SIZE];

        snprintf(group, sizeof group, "%.*s", dot ? (int)(dot - table_at(i)->name) : 0, table_at(i)->name);
        if (distance(name, group) <= 2) {
            problem_add(problems, line, false, "%s is no group of settings; is %s meant?", name, group);
            return;
        }
    }
    problem_add(problems, line, false, "%s is no group of settings; --print-config shows all of them", name);
}

static void unknown(const char *name, int line, struct config_problems *problems)
{
    const char *instead = meant(name);

    if (instead)
        problem_add(problems, line, false, "%s is no setting; is %s meant?", name, instead);
    else
        problem_add(problems, line, false, "%s is no setting; --print-config shows all of them", name);
}

/* Refuses every name that the table does not know. */
static void refuse_unknown(const config_setting_t *group, const char *path, struct config_problems *problems)
{
    for (int i = 0; i < config_setting_length(group); i++) {
        const config_setting_t *setting = config_setting_get_elem(group, (unsigned)i);
        char name[128];

        snprintf(name, sizeof name, "%s%s%s", path, path[0] ? "." : "", config_setting_name(setting));
        if (!path[0] && table_has_group(name)) {
            if (config_setting_is_group(setting))
                refuse_unknown(setting, name, problems);
            else
                problem_add(problems, (int)config_setting_source_line(setting), false, "%s is a group, %s: { … };", name, name);
        } else if (!table_find(name)) {
            (config_setting_is_group(setting) ? unknown_group : unknown)(name, (int)config_setting_source_line(setting), problems);
        }
    }
}

/* A number on this line that was found wrong in the text: what libconfig made of it is not to be believed. */
static struct config_problem *number_problem(struct config_problems *problems, int line)
{
    for (size_t i = 0; i < problems->count; i++)
        if (problems->items[i].line == line && problems->items[i].number[0])
            return &problems->items[i];
    return NULL;
}

static void take_number(struct config *config, const struct setting *s, const config_setting_t *found, struct config_problems *problems)
{
    int line = (int)config_setting_source_line(found);
    int type = config_setting_type(found);
    long long value = type == CONFIG_TYPE_INT64 ? config_setting_get_int64(found) : config_setting_get_int(found);
    struct config_problem *known = number_problem(problems, line);

    if (known) {
        snprintf(known->text, sizeof known->text, "%s = %s cannot be; digits alone, %lld to %lld%s%s, are right", s->name, known->number,
                 (long long)s->min, (long long)s->max, s->unit[0] ? " " : "", s->unit);
        known->number[0] = '\0';
    } else if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64) {
        problem_add(problems, line, false, "%s must be a number, from %lld to %lld%s%s", s->name, (long long)s->min, (long long)s->max,
                    s->unit[0] ? " " : "", s->unit);
    } else if (value < s->min || value > s->max) {
        problem_add(problems, line, false, "%s = %lld is out of range; %lld to %lld%s%s are right", s->name, value, (long long)s->min,
                    (long long)s->max, s->unit[0] ? " " : "", s->unit);
    } else {
        *table_number(config, s) = value;
    }
}

static char *copy_or_empty(const char *text)
{
    char *copy = strdup(text ? text : "");

    ASSERT(copy);
    return copy;
}

static void take_text(struct config *config, const struct setting *s, const config_setting_t *found, struct config_problems *problems)
{
    const char *text = config_setting_get_string(found);

    if (!text) {
        problem_add(problems, (int)config_setting_source_line(found), false, "%s must be a text in quotes", s->name);
        return;
    }
    free(*table_text(config, s));
    *table_text(config, s) = copy_or_empty(text);
}

static void take_list(struct config *config, const struct setting *s, const config_setting_t *found, struct config_problems *problems)
{
    struct config_texts *list = table_list(config, s);
    int count = config_setting_length(found), line = (int)config_setting_source_line(found);

    if (!config_setting_is_array(found) && !config_setting_is_list(found)) {
        problem_add(problems, line, false, "%s must be a list of texts: [ \"…\", \"…\" ]", s->name);
        return;
    }
    if (count > LIST_MAX) {
        problem_add(problems, line, false, "%s has %d elements; at most %d are right", s->name, count, LIST_MAX);
        return;
    }
    list->items = calloc((size_t)count + 1, sizeof *list->items);
    ASSERT(list->items);
    for (int i = 0; i < count; i++) {
        const char *text = config_setting_get_string_elem(found, i);

        if (text)
            list->items[list->count++] = copy_or_empty(text);
        else
            problem_add(problems, line, false, "%s: element %d is no text in quotes", s->name, i + 1);
    }
}

static void take(struct config *config, const struct setting *s, const config_t *parsed, struct config_problems *problems)
{
    const config_setting_t *found = config_lookup(parsed, s->name);

    if (!found) {
        if (!s->text)
            problem_add(problems, line_in((void *)(uintptr_t)parsed, "kafka"), false, "%s is missing, and has no default", s->name);
        return;
    }
    if (s->type == SETTING_NUMBER)
        take_number(config, s, found, problems);
    else if (s->type == SETTING_TEXT)
        take_text(config, s, found, problems);
    else
        take_list(config, s, found, problems);
}

static struct config *config_default(const char *file)
{
    struct config *config = calloc(1, sizeof *config);

    ASSERT(config);
    config->file = copy_or_empty(file);
    for (size_t i = 0; table_at(i); i++) {
        if (table_at(i)->type == SETTING_NUMBER)
            *table_number(config, table_at(i)) = table_at(i)->number;
        else if (table_at(i)->type == SETTING_TEXT)
            *table_text(config, table_at(i)) = copy_or_empty(table_at(i)->text);
    }
    return config;
}

static void take_all(struct config *config, config_t *parsed, struct config_problems *problems)
{
    refuse_unknown(config_root_setting(parsed), "", problems);
    for (size_t i = 0; table_at(i); i++)
        take(config, table_at(i), parsed, problems);
    check_values(config, problems, line_in, parsed);
    secrets_read(config, problems, line_in, parsed);
}

/* As a reader goes through the file; those of one line in the order of their finding. */
static void sort_by_line(struct config_problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        struct config_problem moved = problems->items[i];
        size_t k = i;

        for (; k > 0 && problems->items[k - 1].line > moved.line; k--)
            problems->items[k] = problems->items[k - 1];
        problems->items[k] = moved;
    }
}

/* libconfig's word for it, with what would be right. */
static const char *syntax_hint(const char *text)
{
    if (strcmp(text, "syntax error") == 0)
        return "syntax error here or just before: NAME = VALUE; or GROUP: { … }; are right, texts in \"quotes\", lists in [ ]";
    if (strcmp(text, "duplicate setting name") == 0)
        return "this setting or group was given before; once is right";
    if (strncmp(text, "mismatched element type", 23) == 0)
        return "the elements of this list differ in type; texts in \"quotes\" alone are right";
    return text;
}

int config_load(struct config **out, const char *file, struct config_problems *problems)
{
    struct config *config = config_default(file);
    char *text;
    config_t parsed;

    memset(problems, 0, sizeof *problems);
    config_init(&parsed);
    text = file_read(file, problems);
    if (text && text_check(text, problems)) {
        if (config_read_string(&parsed, text))
            take_all(config, &parsed, problems);
        else if (!number_problem(problems, config_error_line(&parsed)))      /* 1.7 takes some numbers for an error of syntax */
            problem_add(problems, config_error_line(&parsed), false, "%s", syntax_hint(config_error_text(&parsed)));
    }
    free(text);
    config_destroy(&parsed);
    sort_by_line(problems);
    if (problems->errors) {
        config_free(config);
        return -EINVAL;
    }
    *out = config;
    return 0;
}

static void properties_free(struct config_properties *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        explicit_bzero((void *)(uintptr_t)properties->items[i].value, strlen(properties->items[i].value));
        free((void *)(uintptr_t)properties->items[i].name);
        free((void *)(uintptr_t)properties->items[i].value);
    }
    free(properties->items);
}

struct config *config_free(struct config *config)
{
    if (!config)
        return NULL;
    for (size_t i = 0; table_at(i); i++) {
        if (table_at(i)->type == SETTING_TEXT)
            free(*table_text(config, table_at(i)));
        if (table_at(i)->type == SETTING_LIST) {
            struct config_texts *list = table_list(config, table_at(i));

            for (size_t k = 0; k < list->count; k++)
                free(list->items[k]);
            free(list->items);
        }
    }
    if (config->password)
        explicit_bzero(config->password, strlen(config->password));
    free(config->password);
    properties_free(&config->consumer);
    properties_free(&config->producer);
    free(config->file);
    free(config);
    return NULL;
}
