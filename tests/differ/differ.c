/* differ [--commands N] [--seed S] [--server PROGRAM] [--scene NAME]: random commands on three connections of the model and of a
 * real redis-server; exits 1 at the first difference. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "differ/scenes.h"

enum { SCENE_OF = 60, DATA_OF = 1000 };

static void draw_outside(struct both *both, struct words *words)
{
    uint32_t roll = dice_roll(&both->dice, 100);

    if (roll < 14)
        words_draw_watch(words, &both->dice);
    else if (roll < 26)
        words_make(words, &both->dice, "MULTI", COMPARE_EXACT);
    else if (roll < 28)
        words_make(words, &both->dice, "UNWATCH", COMPARE_EXACT);
    else if (roll < 30)
        words_make(words, &both->dice, roll % 2 ? "EXEC" : "DISCARD", COMPARE_EXACT);
    else if (roll < 31)
        words_draw_wrong(words, &both->dice);
    else
        words_draw(words, &both->dice);
}

static void draw_inside(struct both *both, struct words *words)
{
    uint32_t roll = dice_roll(&both->dice, 100);

    if (roll < 32)
        words_make(words, &both->dice, "EXEC", COMPARE_EXACT);
    else if (roll < 34)
        words_make(words, &both->dice, "DISCARD", COMPARE_EXACT);
    else if (roll < 36)
        words_make(words, &both->dice, "MULTI", COMPARE_EXACT);
    else if (roll < 38)
        words_draw_watch(words, &both->dice);
    else if (roll < 40)
        words_make(words, &both->dice, "UNWATCH", COMPARE_EXACT);
    else if (roll < 41)
        words_draw_wrong(words, &both->dice);
    else if (roll < 42)
        words_make(words, &both->dice, "WAIT 1 1", COMPARE_EXACT);
    else
        words_draw(words, &both->dice);
}

/* How the connection will stand behind the command, as far as is known before it is answered. */
static bool inside_after(bool inside, const struct words *words)
{
    if (words->count == 1 && bytes_equal_text(words->args[0], "MULTI"))
        return true;
    return inside && !bytes_equal_text(words->args[0], "EXEC") && !bytes_equal_text(words->args[0], "DISCARD");
}

static bool asks_clock(const struct words *words)
{
    bool asks = false;

    for (size_t i = 1; i < words->count && bytes_equal_text(words->args[0], "XADD"); i++)
        asks |= bytes_equal_text(words->args[i], "*");
    return asks;
}

/* The model has one clock for a transaction, the real server looks at its own for each id. */
static void draw_clocked(struct both *both, struct both_link *link, struct words *words)
{
    do
        draw_inside(both, words);
    while (link->clocked && asks_clock(words));
    link->clocked |= asks_clock(words);
}

void differ_some(struct both *both, int runs)
{
    static const size_t sizes[] = {1, 1, 2, 3, 5, RUN_MAX};

    for (; runs > 0 && !both->differs; runs--) {
        int link = (int)dice_roll(&both->dice, LINKS);
        size_t count = sizes[dice_roll(&both->dice, sizeof sizes / sizeof *sizes)];
        bool inside = both->links[link].multi;
        struct words words[RUN_MAX];

        for (size_t i = 0; i < count; i++) {
            inside ? draw_clocked(both, &both->links[link], &words[i]) : draw_outside(both, &words[i]);
            both->links[link].clocked &= inside;
            inside = inside_after(inside, &words[i]);
        }
        both_run(both, link, words, count);
    }
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool differ(const char *program, uint64_t seed, uint64_t commands, const char *scene)
{
    struct both *both = malloc(sizeof *both);
    double begun = seconds();
    bool differs;

    ASSERT(both);
    both_begin(both, program, seed);
    scenes_prepare(both);
    for (uint64_t run = 1; both->commands < commands && !both->differs; run++) {
        differ_some(both, 1);
        if (run % SCENE_OF == 0 && !both->differs)
            scenes_play(both, scene);
        if (run % DATA_OF == 0 && !both->differs)
            both_compare_data(both);
    }
    printf("redis %d.%d, seed %llu: %llu commands in %.1f s, %s\n", both->real.major, both->real.minor, (unsigned long long)seed,
           (unsigned long long)both->commands, seconds() - begun, both->differs ? "then a difference" : "no difference");
    differs = both->differs;
    both_end(both);
    free(both);
    return differs;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"commands", required_argument, NULL, 'c'}, {"seed", required_argument, NULL, 's'},
                                            {"server", required_argument, NULL, 'p'}, {"scene", required_argument, NULL, 'n'}, {NULL, 0, NULL, 0}};
    const char *program = "redis-server", *scene = NULL;
    uint64_t commands = 1000000, seed = (uint64_t)time(NULL);
    bool differs;

    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (option) {
        case 'c':
            commands = strtoull(optarg, NULL, 10);
            break;
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            program = optarg;
            break;
        case 'n':
            scene = optarg;
            break;
        default:
            return 2;
        }
    differs = differ(program, seed, commands, scene);
    printf("%d passed, %d failed\n", !differs, differs);
    return differs;
}
