/* What main can be asked to do; each command is a table of contents over the layers below and returns an exit code (sysexits.h). */
#ifndef ORDERD_COMMANDS_COMMAND_H
#define ORDERD_COMMANDS_COMMAND_H

#include "config/config.h"

/* Runs the daemon until SIGTERM or SIGINT, or until it must stop. Takes the configuration over. */
int command_run(struct config *config);
/* `orderd init …`: argv[0] is "init". */
int command_init(int argc, char **argv);
/* `orderd audit …`: argv[0] is "audit". */
int command_audit(int argc, char **argv);
/* `orderd check …`: argv[0] is "check". */
int command_check(int argc, char **argv);
/* `orderd offsets …`: argv[0] is "offsets". */
int command_offsets(int argc, char **argv);
/* `orderd restore …`: argv[0] is "restore". */
int command_restore(int argc, char **argv);
/* `orderd snapshot …`: argv[0] is "snapshot". */
int command_snapshot(int argc, char **argv);
/* `orderd status …` and all others of service/request.h: argv[0] is the verb. */
int command_operate(int argc, char **argv);
/* `orderd replay …`: argv[0] is "replay". */
int command_replay(int argc, char **argv);
/* `orderd check-events …`: argv[0] is "check-events". */
int command_check_events(int argc, char **argv);
/* `orderd dead-letter …`: argv[0] is "dead-letter". */
int command_dead_letter(int argc, char **argv);

#endif
