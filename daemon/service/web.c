#include "service/web.h"

#include <stdlib.h>
#include <string.h>

#include "seam/http.h"
#include "service/health.h"
#include "service/metrics.h"

struct web {
    struct web_options options;
    struct http *http;
};

static void answer_metrics(struct web *web, const struct http_request *request, struct http_reply *reply)
{
    (void)request;
    reply->status = 200;
    reply->type = EXPOSITION_TYPE;
    metrics_put(&reply->body, sights_look(web->options.sights));
}

static void answer_health(const struct health *health, const struct http_request *request, struct http_reply *reply)
{
    bool verbose = http_request_has(request, "verbose");

    reply->status = health_level(health) == HEALTH_FAILED ? 503 : 200;
    reply->type = verbose ? "text/plain; charset=utf-8" : "application/json";
    if (verbose)
        health_put_text(&reply->body, health);
    else
        health_put_json(&reply->body, health);
}

static void answer_livez(struct web *web, const struct http_request *request, struct http_reply *reply)
{
    struct health health;

    health_live(&health, sights_look(web->options.sights));
    answer_health(&health, request, reply);
}

static void answer_readyz(struct web *web, const struct http_request *request, struct http_reply *reply)
{
    struct health health;

    health_ready(&health, sights_look(web->options.sights));
    answer_health(&health, request, reply);
}

static const struct {
    const char *path;
    void (*answer)(struct web *web, const struct http_request *request, struct http_reply *reply);
} pages[] = {
    {"/metrics", answer_metrics},
    {"/livez", answer_livez},
    {"/readyz", answer_readyz},
};

static void answer(void *context, const struct http_request *request, struct http_reply *reply)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(request->path, pages[i].path) == 0) {
            pages[i].answer(context, request, reply);
            return;
        }
    reply->status = 404;
    reply->type = "text/plain; charset=utf-8";
    buffer_put_text(&reply->body, "there is nothing here, but at\n");
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        buffer_put_format(&reply->body, "%s\n", pages[i].path);
}

int web_new(struct web **out, const struct web_options *options, struct error_text *error)
{
    struct web *web = calloc(1, sizeof *web);
    struct http_options http = {options->address, answer, web, options->clock, options->log};
    int r;

    if (!web)
        return error_set(error, -ENOMEM, "out of memory");
    web->options = *options;
    r = http_new(&web->http, &http, error);
    if (r) {
        free(web);
        return r;
    }
    *out = web;
    return 0;
}

struct web *web_free(struct web *web)
{
    if (web)
        http_free(web->http);
    free(web);
    return NULL;
}

static size_t polls(void *context, struct pollfd *fds, size_t max, int *timeout_ms)
{
    struct web *web = context;
    int timeout = http_timeout_ms(web->http);

    if (timeout >= 0 && timeout < *timeout_ms)
        *timeout_ms = timeout;
    if (!max)
        return 0;
    fds[0] = (struct pollfd){.fd = http_fd(web->http), .events = POLLIN};
    return 1;
}

static void serve(void *context, const struct pollfd *fds, size_t count)
{
    struct web *web = context;

    (void)fds, (void)count;
    http_serve(web->http);
}

struct desk_guest web_guest(struct web *web)
{
    return (struct desk_guest){web, polls, serve};
}
