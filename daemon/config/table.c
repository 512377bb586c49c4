#include "config/table.h"

#include <stdarg.h>
#include <string.h>

#define NUMBER(name, member, value, low, high, unit, reload) \
    {name, SETTING_NUMBER, offsetof(struct config, member), value, low, high, "", unit, reload}
#define TEXT(name, member, value, reload) {name, SETTING_TEXT, offsetof(struct config, member), 0, 0, 0, value, "", reload}
#define LIST(name, member, value) {name, SETTING_LIST, offsetof(struct config, member), 0, 0, 0, value, "", false}

static const struct setting settings[] = {
    TEXT("kafka.brokers", kafka.brokers, NULL, false),
    TEXT("kafka.group", kafka.group, "orderd", false),
    LIST("kafka.topics", kafka.topics, NULL),
    TEXT("kafka.outcomes", kafka.outcomes, NULL, false),
    TEXT("kafka.dead_letters", kafka.dead_letters, NULL, false),
    LIST("kafka.client", kafka.client, ""),
    LIST("kafka.consumer", kafka.consumer, ""),
    LIST("kafka.producer", kafka.producer, ""),
    LIST("kafka.secrets", kafka.secrets, ""),
    TEXT("redis.address", redis.address, "/run/redis/redis-server.sock", false),
    TEXT("redis.user", redis.user, "", false),
    TEXT("redis.password_file", redis.password_file, "", true),
    NUMBER("redis.database", redis.database, 0, 0, 16383, "", false),
    TEXT("redis.prefix", redis.prefix, "", false),
    TEXT("redis.durability", redis.durability, "none", false),
    NUMBER("redis.connect_timeout_ms", redis.connect_timeout_ms, 1000, 50, 60000, "ms", false),
    NUMBER("redis.command_timeout_ms", redis.command_timeout_ms, 5000, 1000, 60000, "ms", false),
    NUMBER("redis.backoff_min_ms", redis.backoff_min_ms, 50, 1, 10000, "ms", false),
    NUMBER("redis.backoff_max_ms", redis.backoff_max_ms, 2000, 10, 60000, "ms", false),
    TEXT("shard", shard, "none", false),
    TEXT("on_rollback", on_rollback, "halt", true),
#define DEADLINE(constant, kind, value) NUMBER("deadline_ms." #kind, deadline_ms[EVENT_##constant], value, 0, 86400000, "ms", true),
    EVENT_KINDS(DEADLINE)
#undef DEADLINE
    NUMBER("turn.events", turn.events, 500, 1, 1000, "events", true),
    NUMBER("turn.keys", turn.keys, 128, 8, 300, "keys", true),
    NUMBER("turn.bytes", turn.bytes, 4194304, 65536, 67108864, "bytes", true),
    NUMBER("outbox.entries", outbox.entries, 1000, 1, 100000, "entries", true),
    NUMBER("outbox.bytes", outbox.bytes, 67108864, 1048576, 1073741824, "bytes", true),
    NUMBER("outbox.idle_ms", outbox.idle_ms, 50, 1, 10000, "ms", true),
    NUMBER("prefetch.events", prefetch.events, 5000, 1000, 1000000, "events", true),
    NUMBER("prefetch.bytes", prefetch.bytes, 67108864, 1048576, 1073741824, "bytes", true),
    NUMBER("queue.messages", queue.messages, 100000, 100, 10000000, "messages", false),
    NUMBER("queue.kbytes", queue.kbytes, 131072, 1024, 2097151, "kbytes", false),
    NUMBER("commit.interval_ms", commit.interval_ms, 200, 10, 60000, "ms", true),
    NUMBER("conflict.backoff_min_ms", conflict.backoff_min_ms, 1, 0, 1000, "ms", true),
    NUMBER("conflict.backoff_max_ms", conflict.backoff_max_ms, 50, 1, 10000, "ms", true),
    NUMBER("drain.stop_ms", drain.stop_ms, 20000, 1000, 600000, "ms", true),
    NUMBER("drain.revoke_ms", drain.revoke_ms, 10000, 500, 300000, "ms", true),
    NUMBER("dedupe.window_s", dedupe.window_s, 3600, 1, 2592000, "s", false),
    NUMBER("dedupe.ids", dedupe.ids, 100000, 1, 10000000, "ids", false),
    NUMBER("rate.events_per_s", rate.events_per_s, 0, 0, 1000000, "events/s", true),
    TEXT("http.address", http.address, "", false),
    TEXT("control.socket", control.socket, "control.sock", false),
    TEXT("log.level", log.level, "info", true),
    TEXT("log.format", log.format, "text", true),
};

const struct setting *table_at(size_t index)
{
    return index < sizeof settings / sizeof *settings ? &settings[index] : NULL;
}

const struct setting *table_find(const char *name)
{
    for (size_t i = 0; table_at(i); i++)
        if (strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

bool table_has_group(const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; table_at(i); i++)
        if (strncmp(settings[i].name, name, size) == 0 && settings[i].name[size] == '.')
            return true;
    return false;
}

/* The value behind a row. The cast through void keeps const at the caller: a printer has a const configuration. */
static void *place(const struct config *config, const struct setting *setting)
{
    return (void *)((uintptr_t)config + setting->offset);
}

int64_t *table_number(const struct config *config, const struct setting *setting)
{
    ASSERT(setting->type == SETTING_NUMBER);
    return place(config, setting);
}

char **table_text(const struct config *config, const struct setting *setting)
{
    ASSERT(setting->type == SETTING_TEXT);
    return place(config, setting);
}

struct config_texts *table_list(const struct config *config, const struct setting *setting)
{
    ASSERT(setting->type == SETTING_LIST);
    return place(config, setting);
}

void problem_add(struct config_problems *problems, int line, bool warning, const char *format, ...)
{
    struct config_problem *problem = &problems->items[problems->count];
    va_list arguments;

    problems->errors += !warning;
    if (problems->count == CONFIG_PROBLEMS_MAX)
        return;
    problems->count++;
    problem->line = line;
    problem->warning = warning;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
}
