/* The operator: reads the log, and when an instance refuses to go on, runs after a while exactly the command that it named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/init.h"
#include "sim/fiber.h"
#include "sim/history.h"
#include "sim/keys.h"

enum { LOOK_MS = 100, SLOW_MS = 400, A_MOMENT_MS = 50 };

/* Of a rollback this operator has it decided again, which is the harder one of both: that what was published is applied again is a mishap of its own. */
void operator_wants(const char *command, size_t size)
{
    static const char reapply[] = "--reapply", accept[] = "--accept-rollback";
    size_t used = strlen(history->wanted);
    char line[256];

    if (size == sizeof reapply - 1 && strncmp(command, reapply, size) == 0) {
        command = accept;
        size = sizeof accept - 1;
    }
    snprintf(line, sizeof line, "%.*s\n", (int)size, command);
    if (!strstr(history->wanted, line) && used + strlen(line) < sizeof history->wanted)
        snprintf(history->wanted + used, sizeof history->wanted - used, "%s", line);
}

/* A resolution that refuses may name another one: "…; --accept-loss orders:0 comes first", "…; --adopt would be right". Before there is a market it is
 * too early for that. */
static void take_advice(const char *line)
{
    const char *command = history->first_position ? strstr(line, "; --") : NULL, *end = NULL;

    if (command)
        end = strstr(command, " comes first") ? strstr(command, " comes first") : strstr(command, " would be right");
    if (end)
        operator_wants(command + 2, (size_t)(end - command - 2));
}

static void say(void *context, const char *line)
{
    witness_hears(history->witness, line);
    take_advice(line);
    trace(context, "says", "%s", line);
}

static bool came(enum mishap_kind kind)
{
    for (size_t i = 0; i < history->plan->mishaps_count; i++)
        if (history->plan->mishaps[i].kind == kind && history->plan->mishaps[i].came)
            return true;
    return false;
}

/* Whether anything has happened that such a refusal can be about. */
static bool has_a_reason(const char *command)
{
    static const struct {
        const char *command;
        enum mishap_kind kinds[8];
        size_t count;
    } reasons[] = {
        {"--reapply", {MISHAP_redis_older, MISHAP_redis_failover, MISHAP_all_lost, MISHAP_redis_forgets, MISHAP_keys_deleted, MISHAP_offsets_reset, MISHAP_outcomes_deleted}, 7},
        {"--accept-rollback", {MISHAP_redis_older, MISHAP_redis_failover, MISHAP_all_lost, MISHAP_redis_forgets, MISHAP_keys_deleted, MISHAP_offsets_reset, MISHAP_outcomes_deleted}, 7},
        {"--accept-loss", {MISHAP_redis_torn, MISHAP_keys_deleted}, 2},
        {"--accept-gap", {MISHAP_retention, MISHAP_keys_deleted, MISHAP_offsets_reset}, 3},
        {"--adopt", {MISHAP_redis_older, MISHAP_redis_failover, MISHAP_all_lost, MISHAP_redis_forgets, MISHAP_keys_deleted, MISHAP_offsets_reset, MISHAP_retention, MISHAP_redis_torn}, 8},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (strncmp(command, reasons[i].command, strlen(reasons[i].command)) != 0)
            continue;
        for (size_t k = 0; k < reasons[i].count; k++)
            if (came(reasons[i].kinds[k]))
                return true;
        return false;
    }
    return true;
}

/* It has seen what there is. A question to Kafka, or a Redis that hangs, may come between its look and what it says. */
static bool has_looked(const struct node *node)
{
    const struct program *program = history_program(node);

    return world->now - history->registry_at > A_MOMENT_MS && (!program || program->looked > history->changed);
}

void operator_hears(void *name, const char *line)
{
    const char *command = strstr(line, "orderd init -c orderd.conf ");

    coverage_line(history->coverage, line);
    /* A torn transaction whose reply was lost cannot be told from a whole one. */
    if (history->torn == world_node(name) && (strstr(line, "was applied in part") || strstr(line, "connection dropped") || strstr(line, "redis refuses")))
        history->torn = NULL;
    trace(world_node(name), "logs", "%s", line);
    if (command && strstr(line, "is missing") && keys_are_whole(history->plan) && has_looked(world_node(name)))
        witness_fault(history->witness, "FALSE_REFUSAL", "%s says what is not so: %s", (const char *)name, line);
    if (command && strcmp(name, "op") != 0) {
        command += strlen("orderd init -c orderd.conf ");
        if (!has_a_reason(command))
            witness_fault(history->witness, "FALSE_REFUSAL", "%s refuses what nothing has happened to: %s", (const char *)name, line);
        operator_wants(command, strcspn(command, "\"\n"));
    }
}

static bool is_move(const char *command)
{
    return strncmp(command, "--move", strlen("--move")) == 0;
}

/* The group has not let go of the partition yet, perhaps. */
static bool waits(const char *command)
{
    return is_move(command) && world->now < history->away_until;
}

static void resolve(struct node *node, const char *command)
{
    struct init init = {node->name, &history->settings, say, node};
    long long offset;
    char topic[64];
    int partition, r;

    trace(node, "runs", "orderd init %s", command);
    if (sscanf(command, "--quarantine %63[^:]:%d:%lld", topic, &partition, &offset) == 3)
        witness_quarantined(history->witness, topic, partition, offset);
    history->resolving = true;
    witness_operator_begins(history->witness);
    r = init_run(&init, command);
    history->resolving = false;
    trace(node, "ends", "%s", r ? strerror(-r) : "done");
    if (!r)
        witness_operator_ends(history->witness);
    if (r == -EINVAL)
        witness_fault(history->witness, "operator", "an instance named a command that nothing here should lead to: %s", command);
    if (r && (r != -EPROTO || waits(command)))
        operator_wants(command, strlen(command));      /* "try again" */
    else if (is_move(command))
        history->away_until = 0;
    if (r)
        coverage_note(history->coverage, COVERED_resolution_failed);
    else
        coverage_resolved(history->coverage, command);
}

void operator_run(void *unused)
{
    char command[sizeof history->wanted];
    size_t size;

    (void)unused;
    while (!fibers_are_over()) {
        fiber_sleep(LOOK_MS + world_draw(SLOW_MS));
        if (!history->wanted[0] || fibers_are_over())
            continue;
        size = strcspn(history->wanted, "\n");
        snprintf(command, sizeof command, "%.*s", (int)size, history->wanted);
        memmove(history->wanted, history->wanted + size + 1, sizeof history->wanted - size - 1);
        resolve(world_node("op"), command);
    }
}
