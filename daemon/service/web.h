/* What is answered over HTTP: /metrics, /livez, /readyz. A guest of the desk. */
#ifndef ORDERD_SERVICE_WEB_H
#define ORDERD_SERVICE_WEB_H

#include "base/log.h"
#include "seam/clock.h"
#include "service/desk.h"
#include "service/sight.h"

struct web;

struct web_options {
    const char *address;       /* http.address */
    struct sights *sights;     /* of the same desk */
    struct clock *clock;
    const struct log *log;
};

/* Listens. Errors: as http_new. */
int web_new(struct web **out, const struct web_options *options, struct error_text *error) MUST_CHECK;
/* Its desk must be gone before. Takes NULL, returns NULL. */
struct web *web_free(struct web *web);
struct desk_guest web_guest(struct web *web);

#endif
