#include "service/errand.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum place_state { PLACE_FREE, PLACE_ASKED, PLACE_BEGUN, PLACE_LEFT, PLACE_ANSWERED };
enum { COMMAND_MAX = 64 + KAFKA_TOPIC_MAX };

struct place {
    enum place_state state;
    struct errand errand;
    struct operator_answer answer;
};

struct errands {
    pthread_mutex_t mutex;
    atomic_bool asked;                     /* some place may be ASKED */
    bool ended;                            /* guarded, as what follows */
    struct place places[ERRANDS_MAX];
};

int errands_new(struct errands **out)
{
    struct errands *errands = calloc(1, sizeof *errands);

    if (!errands)
        return -ENOMEM;
    pthread_mutex_init(&errands->mutex, NULL);
    *out = errands;
    return 0;
}

struct errands *errands_free(struct errands *errands)
{
    if (errands) {
        pthread_mutex_destroy(&errands->mutex);
        free(errands);
    }
    return NULL;
}

static int ask(struct errands *errands, const struct errand *errand, size_t *place)
{
    if (errands->ended)
        return -ESHUTDOWN;
    for (size_t i = 0; i < ERRANDS_MAX; i++)
        if (errands->places[i].state == PLACE_FREE) {
            errands->places[i].errand = *errand;
            errands->places[i].state = PLACE_ASKED;
            errands->asked = true;
            *place = i;
            return 0;
        }
    return -EBUSY;
}

int errands_ask(struct errands *errands, const struct errand *errand, size_t *place)
{
    int r;

    pthread_mutex_lock(&errands->mutex);
    r = ask(errands, errand, place);
    pthread_mutex_unlock(&errands->mutex);
    return r;
}

bool errands_answered(struct errands *errands, size_t place, struct operator_answer *answer)
{
    bool answered;

    pthread_mutex_lock(&errands->mutex);
    answered = errands->places[place].state == PLACE_ANSWERED;
    if (answered) {
        *answer = errands->places[place].answer;
        errands->places[place].state = PLACE_FREE;
    }
    pthread_mutex_unlock(&errands->mutex);
    return answered;
}

bool errands_withdraw(struct errands *errands, size_t place)
{
    enum place_state *state = &errands->places[place].state;
    bool withdrawn;

    pthread_mutex_lock(&errands->mutex);
    withdrawn = *state == PLACE_ASKED;
    *state = *state == PLACE_BEGUN ? PLACE_LEFT : PLACE_FREE;
    pthread_mutex_unlock(&errands->mutex);
    return withdrawn;
}

static void set_level(const struct errand *errand, struct log *log, struct operator_answer *answer)
{
    enum log_level level;

    answer->error = log_level_parse(errand->request.text, &level) ? 0 : -EINVAL;
    if (answer->error) {
        snprintf(answer->text, sizeof answer->text, "a level is one of error, warning, notice, info, debug, not: %.40s", errand->request.text);
        return;
    }
    log_set(log, level, log->format);
    snprintf(answer->text, sizeof answer->text, "the log's level is %s until the configuration is read again", log_level_name(level));
}

static void pause_or_resume(const struct errand *errand, struct pipeline *pipeline, struct operator_answer *answer)
{
    const struct request *r = &errand->request;
    struct operator_place place = {r->topic[0] ? r->topic : NULL, r->partition};
    char note[PAUSE_NOTE_MAX + 1];

    snprintf(note, sizeof note, "uid %ld%s%s", errand->uid, r->text[0] ? ": " : "", r->text);
    if (r->verb == REQUEST_PAUSE)
        operator_pause(pipeline, &place, note, answer);
    else
        operator_resume(pipeline, &place, answer);
}

static void skip(const struct errand *errand, struct pipeline *pipeline, struct operator_answer *answer)
{
    const struct request *r = &errand->request;
    struct operator_place place = {r->topic, r->partition};

    if (r->number == REQUEST_SKIP_NOT)
        operator_skip_not(pipeline, &place, r->offset, answer);
    else
        operator_skip(pipeline, &place, r->offset, r->text, answer);
}

static void carry_out(const struct errand *errand, struct pipeline *pipeline, struct log *log, struct operator_answer *answer)
{
    *answer = (struct operator_answer){.error = 0};
    if (errand->request.verb == REQUEST_LOG_LEVEL) {
        set_level(errand, log, answer);
        return;
    }
    if (!pipeline) {
        answer->error = -EBUSY;
        snprintf(answer->text, sizeof answer->text, "the daemon is only starting, it takes no events yet: try again when it runs");
        return;
    }
    switch (errand->request.verb) {
    case REQUEST_PAUSE:
    case REQUEST_RESUME:
        pause_or_resume(errand, pipeline, answer);
        break;
    case REQUEST_RATE:
        operator_rate(pipeline, errand->request.number, answer);
        break;
    case REQUEST_SKIP:
        skip(errand, pipeline, answer);
        break;
    case REQUEST_DUMP:
        operator_dump(pipeline);
        snprintf(answer->text, sizeof answer->text, "what is in flight stands in the log");
        break;
    case REQUEST_STATUS:
    case REQUEST_LOG_LEVEL:
    case REQUEST_VERB_COUNT:
        break;
    }
}

static struct place *next_asked(struct errands *errands)
{
    struct place *place = NULL;

    pthread_mutex_lock(&errands->mutex);
    for (size_t i = 0; !place && i < ERRANDS_MAX; i++)
        if (errands->places[i].state == PLACE_ASKED)
            place = &errands->places[i];
    if (place)
        place->state = PLACE_BEGUN;
    else
        errands->asked = false;
    pthread_mutex_unlock(&errands->mutex);
    return place;
}

static void finish(struct errands *errands, struct place *place)
{
    pthread_mutex_lock(&errands->mutex);
    place->state = place->state == PLACE_LEFT ? PLACE_FREE : PLACE_ANSWERED;
    pthread_mutex_unlock(&errands->mutex);
}

/* The command as it was given, but for why. */
static void put_command(char out[COMMAND_MAX], const struct request *r)
{
    int used = snprintf(out, COMMAND_MAX, "%s%s%s", request_verb_name(r->verb), r->topic[0] ? " " : "", r->topic);

    if (r->topic[0] && r->partition >= 0)
        used += snprintf(out + used, COMMAND_MAX - (size_t)used, ":%d", r->partition);
    if (r->verb == REQUEST_SKIP)
        snprintf(out + used, COMMAND_MAX - (size_t)used, ":%lld%s", (long long)r->offset, r->number == REQUEST_SKIP_NOT ? " --forget" : "");
    else if (r->verb == REQUEST_RATE && r->number)
        snprintf(out + used, COMMAND_MAX - (size_t)used, " %lld", (long long)r->number);
    else if (r->verb == REQUEST_RATE)
        snprintf(out + used, COMMAND_MAX - (size_t)used, " off");
}

/* Every command is logged with who gave it; that a skip is asked after again is not. */
static void say(const struct log *log, const struct place *place)
{
    const struct request *r = &place->errand.request;
    char command[COMMAND_MAX];

    if (r->verb == REQUEST_SKIP && r->number == REQUEST_SKIP_AGAIN)
        return;
    put_command(command, r);
    log_notice(log, "an operator's command do=\"%s\" text=\"%s\" uid=%ld pid=%ld answer=\"%s\"", command, r->text, place->errand.uid, place->errand.pid,
               place->answer.text);
}

bool errands_serve(struct errands *errands, struct pipeline *pipeline, struct log *log)
{
    struct place *place;

    if (!atomic_load_explicit(&errands->asked, memory_order_acquire))
        return false;
    while ((place = next_asked(errands))) {
        carry_out(&place->errand, pipeline, log, &place->answer);
        say(log, place);
        finish(errands, place);
    }
    return true;
}

void errands_end(struct errands *errands)
{
    pthread_mutex_lock(&errands->mutex);
    errands->ended = true;
    for (size_t i = 0; i < ERRANDS_MAX; i++) {
        struct place *place = &errands->places[i];

        if (place->state != PLACE_ASKED)
            continue;
        place->answer = (struct operator_answer){.error = -ESHUTDOWN, .text = "the daemon ends"};
        place->state = PLACE_ANSWERED;
    }
    pthread_mutex_unlock(&errands->mutex);
}
