#include "commands/serve.h"

#include <sysexits.h>

enum { MARGIN_MS = 10000 };

/* An address that is taken may become free, and one of a network that is not up may come; a name that does not exist will not. */
static int exit_code(int r)
{
    return r == -EINVAL ? EX_CONFIG : r == -EACCES ? EX_NOPERM : r == -ENOMEM ? EX_OSERR : EX_UNAVAILABLE;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The pipeline pulses after every wait. It hangs when the longest one that the configuration allows is over twice, and a little more. */
static int open_sights(struct serve *serve, struct site *site, struct board *board)
{
    const struct config *c = site->config;
    int64_t wait_ms = most(SITE_QUESTION_MS, most(c->redis.connect_timeout_ms, c->redis.command_timeout_ms));
    struct sight_options options = {board, site->clock, c->redis.address, c->kafka.brokers, c->kafka.group, 2 * wait_ms + MARGIN_MS};

    return sights_new(&serve->sights, &options) ? EX_OSERR : 0;
}

static int open_web(struct serve *serve, struct site *site)
{
    struct web_options options = {site->config->http.address, serve->sights, site->clock, &site->log};
    struct error_text error = {""};
    int r;

    if (!options.address[0])
        return 0;
    r = web_new(&serve->web, &options, &error);
    if (r)
        log_error(&site->log, "cannot serve http.address error=\"%s\"", error.text);
    else
        log_notice(&site->log, "metrics and health are served address=%s", options.address);
    return r ? exit_code(r) : 0;
}

int serve_open(struct serve *serve, struct site *site, struct board *board)
{
    struct desk_guest guests[DESK_GUESTS_MAX];
    size_t count = 0;
    int r = open_sights(serve, site, board);

    if (!r)
        r = open_web(serve, site);
    if (r)
        return r;
    if (serve->web)
        guests[count++] = web_guest(serve->web);
    if (!count)
        return 0;
    guests[count++] = sights_guest(serve->sights);
    if (desk_new(&serve->desk, guests, count)) {
        log_error(&site->log, "no thread for metrics, health and control");
        return EX_OSERR;
    }
    return 0;
}

void serve_close(struct serve *serve)
{
    serve->desk = desk_free(serve->desk);
    serve->web = web_free(serve->web);
    serve->sights = sights_free(serve->sights);
}
