/* Arguments, then a command; nothing else. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "commands/command.h"

static const char usage[] =
    "orderd: order events from Kafka, applied to a market in Redis exactly once, outcomes to Kafka\n"
    "\n"
    "    orderd -c FILE                     run, until SIGTERM or SIGINT\n"
    "    orderd --check-config -c FILE      name every problem of the file, with its line\n"
    "    orderd --print-config -c FILE      print the values in effect, defaults included\n"
    "    orderd --version                   this release, and librdkafka's\n"
    "    orderd --help                      this text; each command has a --help of its own\n"
    "\n"
    "Before it runs:\n"
    "\n"
    "    orderd init -c FILE …              make what is missing, resolve what was refused\n"
    "    orderd check -c FILE --connect     look whether Redis, Kafka and the market are as needed\n"
    "    orderd check-events [FILE]         name what is wrong with events, a line each\n"
    "\n"
    "While it runs:\n"
    "\n"
    "    orderd status                      how it is\n"
    "    orderd pause [TOPIC[:P]]           have no events decided, until they are resumed\n"
    "    orderd resume [TOPIC[:P]]          let paused partitions go on\n"
    "    orderd rate N|off                  the most events that it decides in a second\n"
    "    orderd skip TOPIC:P:OFFSET …       have one event decided malformed and sent to the dead letters\n"
    "    orderd log-level LEVEL             how much it logs\n"
    "    orderd dump                        write to its log what is in flight\n"
    "\n"
    "What Kafka and Redis hold:\n"
    "\n"
    "    orderd offsets -c FILE …           where each partition stands; --move moves a mark\n"
    "    orderd dead-letter VERB -c FILE …  look at dead letters, send them back, leave them for good\n"
    "    orderd audit -c FILE …             prove that nothing was lost, doubled or made up\n"
    "    orderd replay -c FILE …            events of the past once more, into a namespace of their own\n"
    "    orderd snapshot -c FILE OUT        the market with its marks in a file, while it is worked\n"
    "    orderd restore -c FILE SNAPSHOT    bring a lost Redis back, from a snapshot or from the log\n"
    "\n"
    "SIGHUP: read the file again. SIGTSTP: go quiet; SIGCONT: go on. SIGTTIN: log what is in flight.\n"
    "Manuals: orderd(8), orderd.conf(5).\n"
    "\n"
    "Exit codes: 0 stopped, or done; 64 usage; 69 an address to serve cannot be had; 70 a defect; 71 the\n"
    "system lacks something; 77 rights are missing; 78 the configuration is wrong, or refused.\n";

static int wrong_usage(const char *what)
{
    fprintf(stderr, "orderd: %s; see orderd --help\n", what);
    return EX_USAGE;
}

/* What has a first word of its own; everything else is the daemon. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"init", command_init},
    {"check", command_check},
    {"check-events", command_check_events},
    {"status", command_operate},
    {"pause", command_operate},
    {"resume", command_operate},
    {"rate", command_operate},
    {"skip", command_operate},
    {"log-level", command_operate},
    {"dump", command_operate},
    {"offsets", command_offsets},
    {"dead-letter", command_dead_letter},
    {"audit", command_audit},
    {"replay", command_replay},
    {"snapshot", command_snapshot},
    {"restore", command_restore},
};

enum action { ACTION_RUN, ACTION_CHECK, ACTION_PRINT };

static int act(enum action action, const char *file)
{
    struct config_problems problems;
    struct config *config;
    int r = config_load(&config, file, &problems);

    config_problems_print(&problems, file, stderr);
    if (r)
        return EX_CONFIG;
    if (action == ACTION_RUN)
        return command_run(config);
    if (action == ACTION_CHECK)
        printf("%s: ok\n", file);
    else
        config_print(config, stdout);
    config_free(config);
    return 0;
}

/* Who redirects to a full disk is to hear of it, whatever came of the command. */
static int finish(int code)
{
    int r = fflush(stdout) ? errno : ferror(stdout) ? EIO : 0;

    if (!r)
        return code;
    fprintf(stderr, "orderd: standard output cannot be written: %s\n", strerror(r));
    return code ? code : EX_IOERR;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"check-config", no_argument, NULL, 'k'},
                                            {"print-config", no_argument, NULL, 'p'}, {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0}};
    enum action action = ACTION_RUN;
    const char *file = NULL;
    int option;

    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return finish(commands[i].run(argc - 1, argv + 1));
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h')
            return fputs(usage, stdout) < 0 ? EX_IOERR : 0;
        if (option == 'v')
            return printf("orderd %s, librdkafka %s\n", ORDERD_VERSION, kafka_library_version_text()) < 0 ? EX_IOERR : 0;
        if (option == 'c')
            file = optarg;
        else if (option == 'k' || option == 'p')
            action = option == 'k' ? ACTION_CHECK : ACTION_PRINT;
        else
            return wrong_usage("an option is not known");
    }
    if (optind < argc)
        return file || action != ACTION_RUN ? wrong_usage("an argument is too many") : wrong_usage("there is no such command");
    if (!file)
        return wrong_usage("-c FILE is missing");
    return finish(act(action, file));
}
