/* `orderd dead-letter …`: what its verbs share. */
#ifndef ORDERD_COMMANDS_DEAD_LETTER_H
#define ORDERD_COMMANDS_DEAD_LETTER_H

#include "commands/interrupt.h"
#include "commands/progress.h"
#include "commands/site.h"
#include "letters/redrive.h"

enum dead_letter_verb { VERB_LIST, VERB_SHOW, VERB_REDRIVE, VERB_DISCARD, VERB_REOPEN, VERBS };

enum { DEAD_LETTER_MAX = 3, DEAD_LETTER_MAX_MAX = 1000, DEAD_LETTER_BECAUSE_MAX = LETTERS_NOTE_MAX };

/* What was asked for. Texts are the command line's. */
struct dead_letter_request {
    enum dead_letter_verb verb;
    const char *file;
    struct selection selection;
    int state;                           /* enum letters_state, -1: any */
    int64_t max;
    const char *value_file, *edit, *because;
    bool all, selecting, json, raw, dry, anyway, help;
};

const char *dead_letter_verb_name(enum dead_letter_verb verb);
extern const char dead_letter_usage[];
/* Fills the request. Exit code, 0 for success. */
int dead_letter_parse(int argc, char **argv, struct dead_letter_request *request) MUST_CHECK;

/* Kafka asked, and Redis visited or, where something is to be written, connected. */
struct dead_letter {
    const struct dead_letter_request *request;
    struct site *site;
    struct interrupt *interrupt;
    struct kafka_in *in;
    struct book book;
    struct box box;
    struct batch batch;
    struct buffer out;                   /* of what is printed next */
    char who[LETTERS_WHO_SIZE];
    char transaction[256];               /* the name under which redrives shut each other out */
    struct progress progress;            /* of a source partition that is looked through */
    bool looking;
    int64_t looked;
    struct start_topic topics[KAFKA_TOPICS_MAX];     /* the source topics; without partitions: it does not exist */
    size_t topics_count;
};

/* Each verb; exit codes. */
int dead_letter_list(struct dead_letter *work);
int dead_letter_show(struct dead_letter *work);
int dead_letter_settle(struct dead_letter *work);      /* redrive, discard, reopen */

/* The next batch, with its records: false, with the exit code, at the end or when it cannot be read. */
bool dead_letter_next(struct dead_letter *work, int *code);
/* Says an error of Kafka or Redis, and what to do; its exit code. */
int dead_letter_failed(int r, const char *what, const char *why);
/* Writes what was put into `out`, and empties it: 0, or an exit code. */
int dead_letter_print(struct dead_letter *work);
/* The members of a letter that every JSON object of these commands has. */
void dead_letter_put_members(struct dead_letter *work, const struct batch_item *item);

#endif
