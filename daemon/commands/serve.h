/* What serves people beside the pipeline, opened from the configuration: the desk with its guests. */
#ifndef ORDERD_COMMANDS_SERVE_H
#define ORDERD_COMMANDS_SERVE_H

#include "commands/site.h"
#include "service/board.h"
#include "service/desk.h"
#include "service/sight.h"
#include "service/web.h"

struct serve {
    struct sights *sights;
    struct web *web;        /* NULL: http.address is "" */
    struct desk *desk;      /* NULL: it would have no guest */
};

/* Exit code, 0 for success; what is wrong was logged. */
int serve_open(struct serve *serve, struct site *site, struct board *board) MUST_CHECK;
/* Before anything that its guests look at is freed. */
void serve_close(struct serve *serve);

#endif
