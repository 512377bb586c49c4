/* What a command says to the person who called it when it does not do what was asked: one sentence on stderr behind "orderd COMMAND: ". */
#ifndef ORDERD_COMMANDS_COMPLAIN_H
#define ORDERD_COMMANDS_COMPLAIN_H

#include "base/error.h"

/* The sentence; for EX_CONFIG with "refused: " before it. Returns the exit code, as it is. */
int complain(const char *command, int code, const char *format, ...) PRINTF_LIKE(3, 4);
/* What is wrong in the words of a command line, behind it the word itself (NULL: none), and where the help is. Returns EX_USAGE. */
int complain_usage(const char *command, const char *what, const char *value);

#endif
