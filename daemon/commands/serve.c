#include "commands/serve.h"

#include <sysexits.h>

#include "commands/socket.h"

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

static int make_control(struct serve *serve, struct site *site, const char *path)
{
    struct status_options status = {serve->sights, site->clock, &site->log, ORDERD_VERSION, kafka_library_version_text()};
    struct control_options options = {.path = path, .status = status_answer, .clock = site->clock, .log = &site->log};
    struct error_text error = {""};
    int r;

    if (status_new(&serve->status, &status) || errands_new(&serve->errands))
        return EX_OSERR;
    options.context = serve->status;
    options.errands = serve->errands;
    r = control_new(&serve->control, &options, &error);
    if (r) {
        log_error(&site->log, "no control socket error=\"%s\"", error.text);
        return exit_code(r);
    }
    log_info(&site->log, "commands are taken socket=\"%s\"", path);
    return 0;
}

static int open_control(struct serve *serve, struct site *site)
{
    char path[SOCKET_PATH_MAX];

    if (socket_of_daemon(site->config, path))
        return make_control(serve, site, path);
    if (site->config->control.socket[0])
        log_info(&site->log, "no control socket: control.socket is relative and no RUNTIME_DIRECTORY is given, as systemd does");
    return 0;
}

int serve_open(struct serve *serve, struct site *site, struct board *board)
{
    struct desk_guest guests[DESK_GUESTS_MAX];
    size_t count = 0;
    int r = open_sights(serve, site, board);

    if (!r)
        r = open_web(serve, site);
    if (!r)
        r = open_control(serve, site);
    if (r)
        return r;
    if (serve->web)
        guests[count++] = web_guest(serve->web);
    if (serve->control) {
        guests[count++] = status_guest(serve->status);
        guests[count++] = control_guest(serve->control);
    }
    if (!count)
        return 0;
    guests[count++] = sights_guest(serve->sights);
    if (desk_new(&serve->desk, guests, count)) {
        log_error(&site->log, "no thread for metrics, health and control");
        return EX_OSERR;
    }
    return 0;
}

void serve_errands(struct serve *serve, struct pipeline *pipeline, struct board *board, struct log *log)
{
    if (serve->errands && errands_serve(serve->errands, pipeline, log))
        board_hurry(board);
}

void serve_no_errands(struct serve *serve)
{
    if (serve->errands)
        errands_end(serve->errands);
}

void serve_close(struct serve *serve)
{
    serve->desk = desk_free(serve->desk);
    serve->control = control_free(serve->control);
    serve->status = status_free(serve->status);
    serve->errands = errands_free(serve->errands);
    serve->web = web_free(serve->web);
    serve->sights = sights_free(serve->sights);
}
