/* What serves people beside the pipeline, opened from the configuration: the desk with its guests. */
#ifndef ORDERD_COMMANDS_SERVE_H
#define ORDERD_COMMANDS_SERVE_H

#include "commands/site.h"
#include "service/board.h"
#include "service/control.h"
#include "service/desk.h"
#include "service/sight.h"
#include "service/status.h"
#include "service/web.h"

struct serve {
    struct sights *sights;
    struct web *web;        /* NULL: http.address is "" */
    struct control *control; /* NULL: control.socket is "", or relative without a folder */
    struct status_desk *status;
    struct errands *errands;
    struct desk *desk;      /* NULL: it would have no guest */
};

/* Exit code, 0 for success; what is wrong was logged. */
int serve_open(struct serve *serve, struct site *site, struct board *board) MUST_CHECK;
/* The pipeline's thread: does what operators ask; what that changes is seen at once. `pipeline` NULL: there is none yet. */
void serve_errands(struct serve *serve, struct pipeline *pipeline, struct board *board, struct log *log);
/* The same: the daemon ends, nothing more is done. */
void serve_no_errands(struct serve *serve);
/* Before anything that its guests look at is freed. */
void serve_close(struct serve *serve);

#endif
