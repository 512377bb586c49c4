/* A history that breaks a property, one line a step, with what changed. */
#include "model.h"

#include <stdio.h>
#include <string.h>

const char *property_name(enum property property)
{
    static const char *const names[PROPERTIES] = {
        "nothing", "effect-once", "effects-ordered", "current", "one-outcome", "first-copies", "written-first",
        "commit-last", "not-anew", "halted", "no-false-refusal", "live"};

    return names[property];
}

static const char *decision_name(u8 decision)
{
    static const char *const names[] = {"lost", "applied", "rejected", "expired"};

    return names[decision];
}

static void print_redis(const struct state *s)
{
    const struct redis *r = &s->redis;

    printf(" redis: epoch=%u next=%u done=%u era=%u", r->epoch, r->next, r->done, r->era);
    if (r->incarnation)
        printf(" incarnation=%u", r->incarnation);
    if (r->torn)
        printf(" torn");
    if (r->halt)
        printf(" halted");
    for (u8 at = 0; at < r->next; at++)
        printf(" %u:%s%s", at, decision_name(r->decision[at]), r->outbox & 1u << at ? "*" : "");
    printf(".");
}

static void print_instance(const struct instance *me, char name)
{
    static const char *const states[] = {"down", "idle", "untaken", "claimed", "gathered", "owned", "stopped"};
    static const char *const turns[] = {"", " turn=event", " turn=expiring", " turn=flush", " turn=claim"};

    printf(" %c: %s%s", name, states[me->state], me->up || me->state == DOWN || me->state == IDLE ? "" : ", unconnected");
    if (me->state >= CLAIMED && me->state <= OWNED)
        printf(" epoch=%u next=%u done=%u", me->epoch, me->next, me->done);
    if (me->state == OWNED)
        printf(" handed=%u frontier=%u%s", me->published, me->frontier, me->gate ? " gate closed" : "");
    printf("%s%s", turns[me->turn.kind], me->turn.mark_dirty ? " (mark touched)" : me->turn.keys_dirty ? " (market touched)" : "");
    if (me->producer_count)
        printf(" in flight=%u", me->producer_count);
    printf(".");
}

static void print_kafka(const struct kafka *kafka)
{
    printf(" kafka: owner=%c committed=%u out:", "AB"[kafka->owner], kafka->committed);
    for (size_t i = 0; i < kafka->log_count; i++)
        printf(" %u/%u:%s", record_by(kafka->log[i]), record_offset(kafka->log[i]), decision_name(record_decision(kafka->log[i])));
    printf("\n");
}

static void print_step(const struct world *w, size_t number, size_t step, size_t instance)
{
    printf("%3zu  %c %s%s%s%s\n     ", number, steps[step].once ? ' ' : "AB"[instance], steps[step].name, steps[step].section[0] ? " (PROTOCOL " : "",
           steps[step].section, steps[step].section[0] ? ")" : "");
    print_redis(&w->s);
    print_instance(&w->s.instances[0], 'A');
    print_instance(&w->s.instances[1], 'B');
    print_kafka(&w->s.kafka);
}

static void print_end(struct world *w, enum property broken)
{
    if (broken != LIVE) {
        printf("broken: %s\n", property_name(broken));
        return;
    }
    for (size_t i = 0; i < 100 && steps_settle(w); i++)
        ;
    printf("broken: live; without further faults it ends, or goes round, at\n     ");
    print_redis(&w->s);
    print_instance(&w->s.instances[0], 'A');
    print_instance(&w->s.instances[1], 'B');
    print_kafka(&w->s.kafka);
}

void trace_print(const struct scope *scope, enum mechanism without, const struct verdict *verdict)
{
    struct world w;

    world_start(&w, scope, without);
    printf("A and B are instances. * is an entry in the outbox; 1/0:applied is the outcome of incarnation 1 and offset 0.\n");
    for (size_t i = 0; i < verdict->trace_length; i++) {
        size_t step = verdict->trace[i] / INSTANCES, instance = verdict->trace[i] % INSTANCES;

        if (!steps_take(&w, step, instance))
            printf("the trace cannot be followed\n");
        print_step(&w, i + 1, step, instance);
    }
    print_end(&w, verdict->broken);
}
