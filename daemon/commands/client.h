/* The other end of the control socket: one question to a running daemon, and its answer. */
#ifndef ORDERD_COMMANDS_CLIENT_H
#define ORDERD_COMMANDS_CLIENT_H

#include "service/request.h"

struct client_answer {
    int code;              /* of the daemon, or of not having reached it */
    bool reached;
    struct buffer line;    /* as it came, without its end */
    struct buffer text;    /* the answer's text; or what stands in the way, for a person */
};

void client_answer_init(struct client_answer *answer);
void client_answer_deinit(struct client_answer *answer);
/* Connects, asks and waits for the answer, some seconds at most. */
void client_ask(const char *path, const struct request *request, struct client_answer *answer);

#endif
