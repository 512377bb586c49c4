/* The file's own text, before libconfig believes it: libconfig 1.5 wraps integers without an error, and follows @include. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "config/table.h"

struct cursor {
    const char *at;
    int line;
    const char *name;        /* the last word: a number's own name, most likely */
    int name_size;
};

static void step(struct cursor *c)
{
    if (*c->at == '\n')
        c->line++;
    if (*c->at)
        c->at++;
}

static void skip_line(struct cursor *c)
{
    while (*c->at && *c->at != '\n')
        step(c);
}

static void skip_block(struct cursor *c)
{
    while (*c->at && !(c->at[0] == '*' && c->at[1] == '/'))
        step(c);
    if (*c->at)
        c->at += 2;
}

static void skip_string(struct cursor *c)
{
    for (step(c); *c->at && *c->at != '"'; step(c))
        if (*c->at == '\\' && c->at[1])
            step(c);
    step(c);
}

/* Which setting it is, and so its range, is known only after parsing (load.c). */
static void number_wrong(const struct cursor *c, struct config_problems *problems, const char *word, bool cut, const char *what)
{
    size_t before = problems->count;

    problem_add(problems, c->line, false, "%.*s = %s%s %s", c->name_size, c->name, word, cut ? "…" : "", what);
    if (problems->count > before)
        snprintf(problems->items[before].number, sizeof problems->items->number, "%.20s%s", word, strlen(word) > 20 ? "…" : "");
}

/* A word that begins like a number: in range, and an integer. */
static void number(struct cursor *c, struct config_problems *problems)
{
    char word[64];
    size_t size = 0, letters = 0;
    char *end;
    long value;

    while (isalnum((unsigned char)c->at[size + letters]) || strchr("+-.", c->at[size + letters] ? c->at[size + letters] : ' ')) {
        if (size + 1 < sizeof word)
            word[size] = c->at[size], size++;
        else
            letters++;
    }
    word[size] = '\0';
    c->at += size + letters;
    errno = 0;
    value = strtol(word, &end, strncasecmp(word, "0x", 2) == 0 ? 16 : 10);
    if (*end && strspn(end, "lL") != strlen(end))
        number_wrong(c, problems, word, letters, "is no integer");
    else if (letters || errno || value > INT_MAX || value < INT_MIN)
        number_wrong(c, problems, word, letters, "is out of range, whatever it is for");
    else if (*end)
        number_wrong(c, problems, word, false, "has a suffix; digits alone are right");
}

static void word(struct cursor *c)
{
    c->name = c->at;
    while (isalnum((unsigned char)*c->at) || (*c->at && strchr("_-*", *c->at)))
        c->at++;
    c->name_size = (int)(c->at - c->name);
}

bool text_check(const char *text, struct config_problems *problems)
{
    struct cursor c = {text, 1, "", 0};
    bool includes = false;

    while (*c.at) {
        if (*c.at == '#' || strncmp(c.at, "//", 2) == 0) {
            skip_line(&c);
        } else if (strncmp(c.at, "/*", 2) == 0) {
            skip_block(&c);
        } else if (*c.at == '"') {
            skip_string(&c);
        } else if (isdigit((unsigned char)*c.at) || (strchr("+-.", *c.at) && isdigit((unsigned char)c.at[1]))) {
            number(&c, problems);
        } else if (isalpha((unsigned char)*c.at)) {
            word(&c);
        } else {
            if (strncmp(c.at, "@include", 8) == 0) {
                problem_add(problems, c.line, false, "@include is not allowed: the configuration is one file");
                includes = true;
            }
            step(&c);
        }
    }
    return !includes;
}
