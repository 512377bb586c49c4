#include "commands/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <sysexits.h>

int complain(const char *command, int code, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "orderd %s: %s", command, code == EX_CONFIG ? "refused: " : "");
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

int complain_usage(const char *command, const char *what, const char *value)
{
    return complain(command, EX_USAGE, "%s%s%s; see orderd %s --help", what, value ? " " : "", value ? value : "", command);
}
