/* The operator: reads the log, and when an instance refuses to go on, runs after a while exactly the command that it named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "ledger/resolve.h"
#include "sim/fiber.h"
#include "sim/history.h"

enum { LOOK_MS = 100, SLOW_MS = 400 };

static void say(void *context, const char *line)
{
    witness_hears(history->witness, line);
    trace(context, "says", "%s", line);
}

void operator_hears(void *name, const char *line)
{
    const char *command = strstr(line, "orderd init -c orderd.conf ");

    coverage_line(history->coverage, line);
    trace(world_node(name), "logs", "%s", line);
    if (command && strcmp(name, "op") != 0) {
        command += strlen("orderd init -c orderd.conf ");
        snprintf(history->wanted, sizeof history->wanted, "%.*s", (int)strcspn(command, "\"\n"), command);
    }
}

/* "orders:3" */
static struct resolve_place place_of(const char *text)
{
    struct resolve_place place = {.partition = 0};
    const char *colon = strrchr(text, ':');

    ASSERT(colon);
    snprintf(place.topic, sizeof place.topic, "%.*s", (int)(colon - text), text);
    place.partition = (int32_t)strtol(colon + 1, NULL, 10);
    return place;
}

static int carry_out(struct resolve *resolve, const char *command)
{
    static const struct resolve_froms nowhere = {.count = 0};
    const char *argument = strchr(command, ' ');
    struct resolve_place place = {.partition = 0};

    if (argument)
        place = place_of(argument + 1);
    if (strcmp(command, "--accept-rollback") == 0)
        return resolve_rollback(resolve);
    if (strcmp(command, "--adopt") == 0)
        return resolve_adopt(resolve, &nowhere);
    if (strncmp(command, "--accept-loss ", strlen("--accept-loss ")) == 0)
        return resolve_loss(resolve, &place);
    if (strncmp(command, "--accept-gap ", strlen("--accept-gap ")) == 0)
        return resolve_gap(resolve, &place);
    witness_fault(history->witness, "operator", "an instance named a command that nothing here should lead to: %s", command);
    return -EPROTO;
}

static void resolve(struct node *node, const char *command)
{
    struct ends ends;
    struct resolve work = {.say = say, .context = node};
    int r;

    node->dead = false;
    node->afterlife = 0;
    ends_open(&ends, node->name, &history->plan->settings);
    trace(node, "runs", "orderd init %s", command);
    if (ends_connect(&ends)) {
        work.start = ends_start(&ends);
        r = carry_out(&work, command);
        if (r && r != -EPROTO && !history->wanted[0])
            snprintf(history->wanted, sizeof history->wanted, "%s", command);      /* "try again" */
        if (r)
            coverage_note(history->coverage, COVERED_resolution_failed);
        else
            coverage_resolved(history->coverage, command);
        trace(node, "ends", "%s", r ? strerror(-r) : "done");
    }
    ends_close(&ends);
}

void operator_run(void *unused)
{
    char command[sizeof history->wanted];

    (void)unused;
    while (!fibers_are_over()) {
        fiber_sleep(LOOK_MS + world_draw(SLOW_MS));
        if (!history->wanted[0] || fibers_are_over())
            continue;
        memcpy(command, history->wanted, sizeof command);
        history->wanted[0] = '\0';
        resolve(world_node("op"), command);
    }
}
