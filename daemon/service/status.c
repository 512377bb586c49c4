#include "service/status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/host.h"

struct status_desk {
    struct status_options options;
    struct window window;
    struct status_view view;
    int64_t note_at;              /* monotonic ms */
};

/* The desk comes round with every client; a picture of many partitions is not copied for each. */
enum { NOTE_MS = 500 };

int status_new(struct status_desk **out, const struct status_options *options)
{
    struct status_desk *status = calloc(1, sizeof *status);

    if (!status)
        return -ENOMEM;
    status->options = *options;
    *out = status;
    return 0;
}

struct status_desk *status_free(struct status_desk *status)
{
    free(status);
    return NULL;
}

static void note(struct status_desk *status, const struct sight *sight)
{
    if (sight->phase >= BOARD_RUNNING)
        window_note(&status->window, &sight->picture->meters, sight->picture->monotonic_ms);
}

static size_t polls(void *context, struct pollfd *fds, size_t max, int *timeout_ms)
{
    (void)context, (void)fds, (void)max, (void)timeout_ms;
    return 0;
}

static void serve(void *context, const struct pollfd *fds, size_t count)
{
    struct status_desk *status = context;
    int64_t now = clock_monotonic_ms(status->options.clock);

    (void)fds, (void)count;
    if (now < status->note_at)
        return;
    status->note_at = now + NOTE_MS;
    note(status, sights_look(status->options.sights));
}

struct desk_guest status_guest(struct status_desk *status)
{
    return (struct desk_guest){status, polls, serve};
}

static bool all_paused(const struct picture *picture)
{
    size_t paused = 0;

    for (size_t i = 0; i < picture->partitions_count; i++)
        paused += picture_state(&picture->partitions[i]) == PICTURE_PAUSED;
    return paused && paused == picture->partitions_count;
}

/* Whether nothing else is the matter. */
static bool only_partitions(const struct health *health)
{
    for (size_t i = 0; i < health->count; i++)
        if (health->checks[i].level != HEALTH_OK && strcmp(health->checks[i].name, "partitions") != 0)
            return false;
    return true;
}

static const char *state_of(const struct status_view *view)
{
    const struct picture *picture = view->sight->picture;
    enum health_level level = health_level(&view->health);

    if (view->sight->phase == BOARD_STOPPING)
        return "stopping";
    if (view->sight->phase < BOARD_RUNNING)
        return "starting";
    if (level != HEALTH_OK && picture_count(picture, PARTITION_UNTAKEN) && only_partitions(&view->health))
        return "taking_over";
    if (level != HEALTH_OK)
        return level == HEALTH_FAILED ? "failed" : "degraded";
    if (picture->quiet)
        return "quiet";
    if (all_paused(picture))
        return "paused";
    return picture->partitions_count ? "running" : "standby";
}

/* Of a daemon that hangs, starts or stops the health's own words; else as the service manager is told. */
static void put_sentence(struct status_view *view)
{
    const struct sight_options *names = view->sight->options;
    struct host_options host = {names->clock, names->redis, names->brokers, names->group};

    for (size_t i = 0; i < view->health.count; i++) {
        const struct health_check *check = &view->health.checks[i];

        if ((strcmp(check->name, "pipeline") == 0 && check->level != HEALTH_OK) || (view->sight->phase != BOARD_RUNNING && check->reason[0])) {
            snprintf(view->sentence, sizeof view->sentence, "%s", check->reason);
            return;
        }
    }
    host_sentence(&host, view->sight->picture, view->sentence, sizeof view->sentence);
}

static void look(struct status_desk *status)
{
    const struct sight *sight = sights_look(status->options.sights);
    struct status_view *view = &status->view;

    *view = (struct status_view){.sight = sight, .version = status->options.version, .librdkafka = status->options.librdkafka, .started_ms = sight->started_ms};
    note(status, view->sight);
    health_ready(&view->health, view->sight);
    window_read(&status->window, &view->recent);
    tally_of(&view->ever, &view->sight->picture->meters, 0);
    view->errors_count = log_recent(status->options.log, view->errors, STATUS_ERRORS_MAX);
    view->state = state_of(view);
    put_sentence(view);
}

void status_answer(void *context, const struct request *request, struct buffer *out)
{
    struct status_desk *status = context;
    struct buffer text;
    int code;

    look(status);
    code = health_level(&status->view.health) == HEALTH_OK ? 0 : 1;
    if (request->json) {
        buffer_put_format(out, "{\"v\":%d,\"code\":%d,", REQUEST_VERSION, code);
        status_put_json(out, &status->view);
        buffer_put_text(out, "}\n");
        return;
    }
    buffer_init(&text, 1 << 20);
    status_put_text(&text, &status->view, request->width, request->colour);
    answer_put(out, code, buffer_bytes(&text));
    buffer_deinit(&text);
}
