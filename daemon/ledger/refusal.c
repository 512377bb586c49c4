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
    static const char start[] = "orderd init -c FILE ";

    if (refusal->command[0])
        return;
    memcpy(refusal->command, start, sizeof start);
    va_start(arguments, format);
    vsnprintf(refusal->command + sizeof start - 1, sizeof refusal->command - sizeof start + 1, format, arguments);
    va_end(arguments);
}

void refusal_log(const struct refusal *refusal, const struct log *log, const char *at)
{
    log_error(log, "refused: %s%s%s resolve=\"%s\"", refusal->found, at[0] ? " at=" : "", at,
              refusal->command[0] ? refusal->command : "a new prefix");
}
