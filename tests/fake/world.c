#include "fake/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { TRACE_LIMIT = 1 << 24 };

struct world *world;

void world_begin(struct world *made)
{
    memset(made, 0, sizeof *made);
    made->random = 1;
    made->kafka.appended = kafka_wake;
    redis_server_init(&made->redis, 7, 0);
    buffer_init(&made->trace, TRACE_LIMIT);
    world = made;
    world_listen();
}

void world_end(void)
{
    redis_server_deinit(&world->redis);
    kafka_brokers_deinit();
    kafka_log_deinit(&world->kafka);
    buffer_deinit(&world->trace);
    world = NULL;
}

struct node *world_node(const char *name)
{
    struct node *node = world->nodes;

    for (; node < world->nodes + world->nodes_count; node++)
        if (strcmp(node->name, name) == 0)
            return node;
    ASSERT(world->nodes_count < NODES_MAX && strlen(name) < sizeof node->name);
    world->nodes_count++;
    *node = (struct node){.dead = false};
    strcpy(node->name, name);
    return node;
}

void world_plan(unsigned exec, enum fault fault)
{
    ASSERT(world->faults_count < FAULTS_MAX);
    world->faults[world->faults_count].exec = exec;
    world->faults[world->faults_count++].fault = fault;
}

enum fault world_fault(unsigned exec)
{
    for (size_t i = 0; i < world->faults_count; i++)
        if (world->faults[i].exec == exec)
            return world->faults[i].fault;
    return FAULT_NONE;
}

bool world_arrow(struct node *node, enum arrow arrow)
{
    if (!node->dead && ++world->arrows == world->crash_at) {
        trace(node, "crash", " ");
        node->dead = true;
    }
    if (!node->dead && world->passes)
        world->passes(node, arrow);
    return !node->dead;
}

void world_wait(struct node *node, int64_t ms)
{
    if (ms <= 0)
        return;
    if (node->dead)
        node->afterlife += ms;
    else if (world->wait)
        world->wait(node, ms);
    else
        world->now += ms;
}

uint32_t world_draw(uint32_t bound)
{
    ASSERT(bound);
    world->random = world->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(world->random >> 33) % bound;
}

void trace(const struct node *node, const char *verb, const char *format, ...)
{
    char head[64], text[1024];
    va_list arguments;
    struct buffer *out = &world->trace;
    int size;

    if (world->silent)
        return;
    size = snprintf(head, sizeof head, "[%5lld] %s %-7s ", (long long)world->now, node->name, verb);
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (out->size - world->line > (size_t)size && memcmp(out->data + world->line, head, (size_t)size) == 0) {
        out->size--;      /* its line end */
        buffer_put_text(out, ", ");
    } else {
        world->line = out->size;
        buffer_put_text(out, head);
    }
    buffer_put_text(out, text);
    buffer_put_char(out, '\n');
}
