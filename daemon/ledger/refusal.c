#include "ledger/refusal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void refusal_say(struct refusal *refusal, const char *format, ...)
{
    va_list arguments;

    if (refusal->set)
        return;
    refusal->set = true;
    va_start(arguments, format);
    vsnprintf(refusal->found, sizeof refusal->found, format, arguments);
    va_end(arguments);
}

void refusal_resolve(struct refusal *refusal, const char *format, ...)
{
    va_list arguments;

    if (refusal->resolve[0])
        return;
    va_start(arguments, format);
    vsnprintf(refusal->resolve, sizeof refusal->resolve, format, arguments);
    va_end(arguments);
}

void refusal_log(const struct refusal *refusal, const struct log *log, const char *file, const char *topic, int32_t partition)
{
    const char *found = refusal->found, *resolve = refusal->resolve;

    if (topic && resolve[0])
        log_error(log, "refused: %s topic=%s partition=%d resolve=\"orderd init -c %s %s\"", found, topic, partition, file, resolve);
    else if (topic)
        log_error(log, "refused: %s topic=%s partition=%d", found, topic, partition);
    else if (resolve[0])
        log_error(log, "refused: %s resolve=\"orderd init -c %s %s\"", found, file, resolve);
    else
        log_error(log, "refused: %s", found);
}
