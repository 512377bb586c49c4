#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/table.h"

void config_problems_print(const struct config_problems *problems, const char *file, FILE *out)
{
    size_t unsaid = problems->errors > CONFIG_PROBLEMS_MAX ? problems->errors - CONFIG_PROBLEMS_MAX : 0;
    bool journal = log_is_journal(fileno(out));

    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];

        if (journal)
            fprintf(out, "<%d>", problem->warning ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR);
        if (problem->line)
            fprintf(out, "%s:%d: ", file, problem->line);
        else
            fprintf(out, "%s: ", file);
        fputs(problem->warning ? "warning: " : "", out);
        for (const char *at = problem->text; *at; at++)      /* one problem, one line, whatever a value holds */
            putc((unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at, out);
        putc('\n', out);
    }
    if (unsaid)
        fprintf(out, "%s%s: and %zu more\n", journal ? "<3>" : "", file, unsaid);
}

static void print_text(const char *text, FILE *out)
{
    putc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putc('\\', out);
        putc(*text, out);
    }
    putc('"', out);
}

static void print_value(const struct config *config, const struct setting *setting, FILE *out)
{
    if (setting->type == SETTING_NUMBER) {
        fprintf(out, "%lld", (long long)*table_number(config, setting));
    } else if (setting->type == SETTING_TEXT) {
        print_text(*table_text(config, setting), out);
    } else {
        const struct config_texts *list = table_list(config, setting);

        fputs("[ ", out);
        for (size_t i = 0; i < list->count; i++) {
            fputs(i ? ", " : "", out);
            print_text(list->items[i], out);
        }
        fputs(" ]", out);
    }
}

void config_print(const struct config *config, FILE *out)
{
    char group[32] = "";

    for (size_t i = 0; table_at(i); i++) {
        const struct setting *setting = table_at(i);
        const char *dot = strchr(setting->name, '.'), *name = dot ? dot + 1 : setting->name;
        size_t size = dot ? (size_t)(dot - setting->name) : 0;

        if (strlen(group) != size || memcmp(group, setting->name, size) != 0) {
            fputs(group[0] ? "};\n" : "", out);
            snprintf(group, sizeof group, "%.*s", (int)size, setting->name);
            if (size)
                fprintf(out, "%s:\n{\n", group);
        }
        fprintf(out, "%s%s = ", size ? "    " : "", name);
        print_value(config, setting, out);
        fputs(";\n", out);
    }
    fputs(group[0] ? "};\n" : "", out);
}

static bool same(const struct config *a, const struct config *b, const struct setting *setting)
{
    const struct config_texts *x, *y;

    if (setting->type == SETTING_NUMBER)
        return *table_number(a, setting) == *table_number(b, setting);
    if (setting->type == SETTING_TEXT)
        return strcmp(*table_text(a, setting), *table_text(b, setting)) == 0;
    x = table_list(a, setting);
    y = table_list(b, setting);
    if (x->count != y->count)
        return false;
    for (size_t i = 0; i < x->count; i++)
        if (strcmp(x->items[i], y->items[i]) != 0)
            return false;
    return true;
}

void config_adopt(struct config *config, const struct config *from, void (*other)(void *context, const char *name), void *context)
{
    for (size_t i = 0; table_at(i); i++) {
        const struct setting *setting = table_at(i);

        if (same(config, from, setting))
            continue;
        if (!setting->reload) {
            other(context, setting->name);
        } else if (setting->type == SETTING_NUMBER) {
            *table_number(config, setting) = *table_number(from, setting);
        } else {
            char *copy = strdup(*table_text(from, setting));

            if (copy) {
                free(*table_text(config, setting));
                *table_text(config, setting) = copy;
            }
        }
    }
}
