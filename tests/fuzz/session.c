/* Everything that a session reads: handshake, self-test, probe, gate and EXEC, from a server that says anything.
 *
 * Input: a line of numbers (durability, replicas, whether there is a password, commands between MULTI and EXEC), then replies. */
#include "store/session.h"

#include <string.h>

#include "fuzz/script.h"
#include "fuzz/tree.h"
#include "store/exec.h"

enum { MEMORY = 1 << 20, QUEUED_MAX = 8 };

static struct arena *ours, *theirs;
static struct clock *time_of_all;

static bool is_ok(const struct reply *reply)
{
    return reply && reply->type == REPLY_STATUS && reply->text.size == 2 && memcmp(reply->text.data, "OK", 2) == 0;
}

/* DESIGN 4.3, as it reads: the text that is to come, one reply after the other. */
static enum exec_class expected(struct bytes text, size_t queued)
{
    struct reply *reply = NULL;

    arena_reset(theirs);
    for (size_t i = 0; i < queued + 2; i++) {
        while (text.size && memchr(" \n", *text.data, 2))
            text.data++, text.size--;
        reply = text.size && *text.data != '!' ? tree_next(&text, theirs) : NULL;
        if (!reply)
            return EXEC_UNKNOWN;
        if (i == 0 && !is_ok(reply))
            return EXEC_TORN;
    }
    if (reply->type == REPLY_NIL)
        return EXEC_CONFLICT;
    if (reply->type != REPLY_ARRAY)
        return EXEC_REFUSED;
    for (size_t i = 0; i < reply->count; i++)
        if (reply->elements[i]->type == REPLY_ERROR)
            return EXEC_TORN;
    return EXEC_APPLIED;
}

static void exec_has_five_classes(struct session *session, size_t queued)
{
    enum exec_class wanted = expected(script_left(), queued);
    struct exec_result result;

    arena_reset(ours);
    exec_receive(session, queued, ours, &result);
    MUST(result.class == wanted);
    MUST((result.array != NULL) == (result.class == EXEC_APPLIED || (result.class == EXEC_TORN && session_is_up(session))));
    MUST(result.class != EXEC_UNKNOWN || !session_is_up(session));
}

static void ask_all(struct session *session, size_t queued)
{
    int r = session_probe(session);

    MUST(r == 0 || !session_is_up(session));
    if (session_is_up(session)) {
        arena_reset(ours);
        r = session_gate_wait(session, ours, 0);
        MUST(r == 0 || r == -EAGAIN || !session_is_up(session));
    }
    while (session_is_up(session) && script_left().size)
        exec_has_five_classes(session, queued);
    session_drop(session, "the input is at its end");
}

static void connect_twice(const struct session_options *options, size_t queued)
{
    struct session *session;

    MUST(session_new(&session, options) == 0);
    for (int i = 0; i < 2; i++) {
        struct error_text error = {""};
        int64_t begun = clock_monotonic_ms(options->clock);
        int r = session_connect(session, &error);

        MUST((r == 0) == session_is_up(session));
        MUST(r == 0 ? session_promise(session)[0] : error.text[0]);
        if (r == 0)
            ask_all(session, queued);
        MUST(r == 0 || session_connect_at(session) >= begun);
    }
    session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = input_of(data, size), line = input_take(&left, '\n');
    struct session_options options = {.address = "script", .user = "someone", .password = "", .prefix = "p:", .log = fuzz_log(),
                                      .backoff_min_ms = 1, .backoff_max_ms = 2, .connect_timeout_ms = 1, .command_timeout_ms = 1};
    size_t queued;

    if (!ours)
        MUST(arena_new(&ours, MEMORY) == 0 && arena_new(&theirs, MEMORY) == 0 && clock_new(&time_of_all) == 0);
    options.clock = time_of_all;
    options.durability = (enum durability_kind)input_number(&line, DURABILITY_AOF);
    options.replicas = (int)input_number(&line, 16);
    if (input_number(&line, 1))
        options.password = "secret";
    queued = (size_t)input_number(&line, QUEUED_MAX);
    script_begin(left);
    connect_twice(&options, queued);
    return 0;
}
