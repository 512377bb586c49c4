/* Random commands on few keys, so that connections meet. */
#ifndef ORDERD_TESTS_DIFFER_WORDS_H
#define ORDERD_TESTS_DIFFER_WORDS_H

#include "differ/reply.h"

enum { WORDS_MAX = 16, WORDS_TEXT_MAX = 512, KEYS = 14 };

extern const char *const words_keys[KEYS];

struct words {
    struct bytes args[WORDS_MAX];
    size_t count;
    enum compare how;
    char text[WORDS_TEXT_MAX];    /* what the arguments are made of */
    size_t used;
};

struct dice {
    uint64_t state;
};

uint32_t dice_roll(struct dice *dice, uint32_t sides);
/* From words with spaces; "%k" and its like are drawn. */
void words_make(struct words *words, struct dice *dice, const char *shape, enum compare how);
/* A command on data. */
void words_draw(struct words *words, struct dice *dice);
/* WATCH of some keys. */
void words_draw_watch(struct words *words, struct dice *dice);
/* What is no command, or has too few arguments. */
void words_draw_wrong(struct words *words, struct dice *dice);

#endif
