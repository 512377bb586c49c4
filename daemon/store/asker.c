#include "store/asker.h"

void asker_begin(struct asker *asker)
{
    arena_reset(asker->arena);
    commands_reset(asker->commands);
}

int asker_ask(struct asker *asker, struct reply ***replies)
{
    int r = commands_error(asker->commands);

    if (!r)
        r = session_ask(asker->session, asker->commands, asker->arena, replies);
    commands_reset(asker->commands);
    return r;
}

int asker_exec(struct asker *asker, size_t queued, struct exec_result *result)
{
    int r = commands_error(asker->commands);

    if (!r)
        r = session_send(asker->session, asker->commands);
    commands_reset(asker->commands);
    if (!r)
        exec_receive(asker->session, queued, asker->arena, result);
    return r;
}
