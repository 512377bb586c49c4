/* The configuration file: any text is a configuration with every value in its range, or refused with sentences that name the place. */
#include "config/config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/table.h"
#include "fuzz/fuzz.h"

/* libconfig forgets the text that it was reading when a syntax error ends it (tests/cli/leaks.txt). */
const char *__lsan_default_suppressions(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:libconfig";
}

/* An anonymous file, and the path to read it by. */
static int file_of(struct bytes text, char path[64])
{
    int fd = memfd_create("orderd.conf", MFD_CLOEXEC);

    MUST(fd >= 0 && write(fd, text.data, text.size) == (ssize_t)text.size);
    snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

static void values_are_in_range(const struct config *config)
{
    for (size_t i = 0; table_at(i); i++) {
        const struct setting *s = table_at(i);

        if (s->type == SETTING_NUMBER)
            MUST(*table_number(config, s) >= s->min && *table_number(config, s) <= s->max);
        else if (s->type == SETTING_TEXT)
            MUST(*table_text(config, s) && (s->text || **table_text(config, s)));
        else
            MUST(s->text || table_list(config, s)->count > 0);
    }
    MUST(config->password && config->drain.revoke_ms < 86400000);
    MUST(config->redis.backoff_min_ms <= config->redis.backoff_max_ms && config->turn.events <= config->prefetch.events);
}

/* "FILE:LINE: …", or without a line a sentence that names a setting or the file itself. */
static void problems_name_their_place(const struct config_problems *problems, bool refused)
{
    size_t errors = 0;

    MUST(problems->count <= CONFIG_PROBLEMS_MAX && (problems->errors > 0) == refused);
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *p = &problems->items[i];
        bool named = p->line > 0 || strncmp(p->text, "the file ", 9) == 0;

        for (size_t k = 0; !named && table_at(k); k++)
            named = strncmp(p->text, table_at(k)->name, strlen(table_at(k)->name)) == 0;
        MUST(p->text[0] && named);
        MUST(i == 0 || problems->items[i - 1].line <= p->line);
        errors += !p->warning;
    }
    MUST(errors <= problems->errors && (errors == problems->errors || problems->count == CONFIG_PROBLEMS_MAX));
}

static char *printed(const struct config *config)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    MUST(out);
    config_print(config, out);
    fclose(out);
    return text;
}

/* What is printed loads again, and prints the same. */
static void print_loads_again(const struct config *config)
{
    static struct config_problems problems;
    struct config *again;
    char path[64], *first = printed(config), *second;
    int fd = file_of(bytes_of(first), path);

    MUST(config_load(&again, path, &problems) == 0);
    second = printed(again);
    MUST(strcmp(first, second) == 0);
    config_free(again);
    close(fd);
    free(first);
    free(second);
}

static void problems_are_printed_a_line_each(const struct config_problems *problems)
{
    char *text = NULL;
    size_t size, lines = 0;
    FILE *out = open_memstream(&text, &size);

    MUST(out);
    config_problems_print(problems, "orderd.conf", out);
    fclose(out);
    for (const char *at = text; *at; at++)
        lines += *at == '\n';
    MUST(lines == problems->count + (problems->errors > CONFIG_PROBLEMS_MAX));
    free(text);
}

static void not_reloaded(void *context, const char *name)
{
    (void)context;
    MUST(!table_find(name)->reload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config_problems problems;
    struct config *config = NULL;
    char path[64];
    int fd = file_of(input_of(data, size), path), r = config_load(&config, path, &problems);

    problems_name_their_place(&problems, r != 0);
    problems_are_printed_a_line_each(&problems);
    if (r == 0) {
        values_are_in_range(config);
        print_loads_again(config);
        config_adopt(config, config, not_reloaded, NULL);
        config_free(config);
    }
    close(fd);
    return 0;
}
