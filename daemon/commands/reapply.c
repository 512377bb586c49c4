#include "commands/reapply.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "commands/complain.h"
#include "commands/progress.h"
#include "turn/reapply.h"

/* GIVE_UP_MS: so long Redis or Kafka may be away. */
enum { STEP_MS = 200, PAUSE_MS = 20, GIVE_UP_MS = 30000, EVENTS = 500, KEYS = 128, BYTES = 4194304 };

static sigset_t stopping(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

void reapply_by_hand_prepare(void)
{
    sigset_t set = stopping();

    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* They are blocked, so they wait until somebody looks. */
static bool is_stopped(void)
{
    sigset_t set;

    return sigpending(&set) == 0 && (sigismember(&set, SIGINT) == 1 || sigismember(&set, SIGTERM) == 1);
}

static void say(void *context, const char *line)
{
    progress_end(context);
    puts(line);
    fflush(stdout);
}

static void show(struct progress *bar, const struct reapply *reapply, int64_t now)
{
    struct reapply_progress at = reapply_progress(reapply);

    if (at.phase == REAPPLY_APPLYING && bar->of != at.of)
        progress_begin(bar, "applying again", "decisions", at.of, now);
    if (at.phase == REAPPLY_APPLYING)
        progress_show(bar, at.events, now);
}

/* An end that is away is waited for, not for ever. */
static int bear(struct site *site, int error, int64_t *since)
{
    int64_t now = clock_monotonic_ms(site->clock);
    int code;

    if (error >= 0) {
        *since = now;
        return 0;
    }
    if (now - *since > GIVE_UP_MS)
        return complain(site->log.command, EX_UNAVAILABLE, "it is not done, run the command again, which goes on where it stands: %s", strerror(-error));
    clock_sleep_ms(site->clock, STEP_MS);
    code = session_is_up(site->redis.session) ? 0 : site_connect(site);
    return code == EX_UNAVAILABLE ? 0 : code;
}

/* One market; `ours`: there was something to be done. Exit code. */
static int work(struct site *site, struct reapply *reapply, struct progress *bar, bool *ours)
{
    int64_t since = clock_monotonic_ms(site->clock);
    struct refusal refusal = {0};
    int r = 0, code = 0;

    while (!code && r != 1 && !is_stopped()) {
        r = reapply_step(reapply, STEP_MS, &refusal);
        show(bar, reapply, clock_monotonic_ms(site->clock));
        if (r == -EPROTO || r == -EACCES)
            break;
        code = bear(site, r, &since);
        if (!r && reapply_rests(reapply))
            clock_sleep_ms(site->clock, PAUSE_MS);
    }
    progress_end(bar);
    *ours |= reapply_progress(reapply).ours;
    if (code || r == 1)
        return code;
    if (r == -EPROTO || r == -EACCES)
        return refusal.set ? site_refuse(site, &refusal) : r == -EACCES ? EX_NOPERM : EX_CONFIG;
    return complain(site->log.command, EX_TEMPFAIL, "stopped before its end; the market stays halted, and the same command goes on where it stands");
}

static int one_market(struct site *site, struct reapply_options *options, bool *ours)
{
    struct progress bar = {0};
    struct reapply *reapply;
    int code;

    options->context = &bar;
    progress_begin(&bar, "applying again", "decisions", -1, clock_monotonic_ms(site->clock));
    if (reapply_new(&reapply, options))
        return EX_OSERR;
    code = work(site, reapply, &bar, ours);
    reapply_free(reapply);
    return code;
}

int reapply_run(struct site *site, struct kafka_in *in, enum playback_mode mode, const char *unhalt, int64_t settle_ms, bool dry, bool *ours)
{
    struct reapply_options options = {.start = site_start(site, in), .kafka = site_consumer(site), .limits = &site->topics.limits,
                                      .bounds = {EVENTS, KEYS, BYTES}, .shard = SHARD_NONE, .mode = mode, .settle_ms = settle_ms,
                                      .unhalt = unhalt, .dry = dry, .say = say};
    int32_t markets = start_markets(options.start.topics, options.start.topics_count, options.start.sharded);
    int code = 0;

    for (int32_t n = 0; !code && n < markets; n++) {
        options.shard = start_market(options.start.sharded, n);
        code = one_market(site, &options, ours);
    }
    return code;
}

int reapply_by_hand(struct site *site, struct kafka_in *in, bool dry)
{
    bool ours = false;
    int code = reapply_run(site, in, PLAYBACK_CHANGE, "rollback", REAPPLY_SETTLE_MS, dry, &ours);

    if (code || ours)
        return code;
    return complain(site->log.command, EX_CONFIG, "no rollback halts this market; a daemon that finds one says so");
}
