/* Every setting, one row each: name, where its value lies, default, range and unit. Inside of config/ only. */
#ifndef ORDERD_CONFIG_TABLE_H
#define ORDERD_CONFIG_TABLE_H

#include "config/config.h"

enum setting_type { SETTING_NUMBER, SETTING_TEXT, SETTING_LIST };

struct setting {
    const char *name;             /* "redis.database" */
    enum setting_type type;
    size_t offset;                /* in struct config */
    int64_t number;               /* default, with its range */
    int64_t min, max;
    const char *text;             /* default of a text or what stands for it; NULL: required */
    const char *unit;             /* "" without one */
    bool reload;                  /* SIGHUP takes it over */
};

const struct setting *table_at(size_t index);      /* NULL behind the last */
const struct setting *table_find(const char *name);
bool table_has_group(const char *name);            /* "redis" */

/* Where the setting's value lies; each asserts the setting's type. */
int64_t *table_number(const struct config *config, const struct setting *setting);
char **table_text(const struct config *config, const struct setting *setting);
struct config_texts *table_list(const struct config *config, const struct setting *setting);

/* Notes a problem; what does not fit any more is only counted. */
void problem_add(struct config_problems *problems, int line, bool warning, const char *format, ...) PRINTF_LIKE(4, 5);

/* text.c: what libconfig would wrap or follow without a word: numbers outside int, @include. False: better not parse it. */
bool text_check(const char *text, struct config_problems *problems);
/* check.c: what single values and several together must be. `line_of` tells a setting's line. */
typedef int (*line_of)(void *context, const char *name);
void check_values(struct config *config, struct config_problems *problems, line_of line, void *context);
/* secrets.c: reads the password and the secrets, and puts the properties of each client together. */
void secrets_read(struct config *config, struct config_problems *problems, line_of line, void *context);

#endif
