/* Commands as bytes, and the five classes of EXEC's reply; the link to Redis is this file's own and answers from a script. */
#include "check.h"

#include "unit/reply.h"

#include "store/exec.h"
#include "store/login.h"
#include "store/session.h"

struct redis_link {
    char unused;
};

/* What the link answers: one text a reply, "lost" ends the connection; while a session connects, it answers by command name. */
static struct script {
    const char *const *replies;
    size_t owed;             /* replies to the handshake's commands */
    char names[64][16];
    size_t at;
    bool handshake, multi;
    struct redis_link link;
    struct bytes sent;
} script;

int redis_link_open(struct redis_link **out, const struct redis_link_options *options, struct error_text *error)
{
    (void)options;
    (void)error;
    script.owed = script.at = 0;
    *out = &script.link;
    return 0;
}

struct redis_link *redis_link_close(struct redis_link *link)
{
    (void)link;
    return NULL;
}

/* The name of each command in the bytes: the second line after its "*N". */
int redis_link_send(struct redis_link *link, struct bytes bytes, struct error_text *error)
{
    const char *at = bytes.data, *end = bytes.data + bytes.size;

    (void)link;
    (void)error;
    script.sent = bytes;
    for (; script.handshake && at < end; at = memchr(at, '\n', (size_t)(end - at)), at = at ? at + 1 : end)
        script.owed += sscanf(at, "*%*d\r\n$%*d\r\n%15[A-Z]", script.names[script.owed]) == 1;
    return 0;
}

static const char *handshake_reply(const char *name)
{
    static const char info[] = "'redis_version:7.0.15\r\nrun_id:run\r\nrole:master\r\nmaster_replid:rep\r\n'";

    if (strcmp(name, "MULTI") == 0)
        return script.multi = true, "+OK";
    if (strcmp(name, "EXEC") == 0)
        return script.multi = false, "[]";
    if (script.multi)
        return "+QUEUED";
    return strcmp(name, "INFO") == 0 ? info : strcmp(name, "CLIENT") == 0 ? ":7" : strcmp(name, "CONFIG") == 0 ? "[]" : "+OK";
}

bool redis_link_has_ended(const struct redis_link *link)
{
    (void)link;
    return false;
}

int redis_link_receive(struct redis_link *link, struct arena *arena, struct reply **out, struct error_text *error)
{
    const char *text;

    (void)link;
    if (script.handshake) {
        text = handshake_reply(script.names[script.at++]);
        if (script.at == script.owed)
            script.at = script.owed = 0;
    } else {
        text = *script.replies ? *script.replies++ : "lost";
    }
    if (strcmp(text, "lost") == 0)
        return error_set(error, -ECONNRESET, "the script ends the connection");
    *out = reply_next(arena, &text);
    return 0;
}

static void ignore(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static const struct log quiet = {.level = LOG_LEVEL_ERROR, .sink = ignore};

static struct session *session_made(struct clock *clock)
{
    struct session_options options = {.address = "/fake", .user = "", .password = "", .prefix = "", .backoff_min_ms = 10, .backoff_max_ms = 100,
                                      .clock = clock, .log = &quiet};
    struct session *session = NULL;
    struct error_text error = {""};

    ASSERT(session_new(&session, &options) == 0);
    script.handshake = true;
    if (session_connect(session, &error)) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    script.handshake = false;
    return session;
}

struct row {
    const char *replies[8];
    enum exec_class class;
    enum store_trouble trouble;
    const char *error;
    bool up;                 /* the connection may still be used */
};

static void run_row(struct checks *c, const struct row *row)
{
    struct clock *clock = NULL;
    struct session *session;
    struct exec_result result;
    struct arena *arena = NULL;

    ASSERT(clock_new(&clock) == 0 && arena_new(&arena, 1 << 20) == 0);
    session = session_made(clock);
    script.replies = row->replies;
    exec_receive(session, 2, arena, &result);
    if (result.class != row->class)
        fprintf(stderr, "replies %s %s %s %s\n", row->replies[0], row->replies[1] ? row->replies[1] : "", row->replies[2] ? row->replies[2] : "",
                row->replies[3] ? row->replies[3] : "");
    CHECK_INT(c, result.class, row->class);
    CHECK_TEXT(c, result.error.text, row->error);
    CHECK_INT(c, session_is_up(session), row->up);
    if (row->class == EXEC_REFUSED)
        CHECK_INT(c, result.trouble, row->trouble);
    CHECK_INT(c, *script.replies == NULL, true);
    session_free(session);
    arena_free(arena);
    clock_free(clock);
}

static void exec_has_five_answers(struct checks *c)
{
    static const struct row rows[] = {
        {{"+OK", "+QUEUED", "+QUEUED", "[:1 :2]"}, EXEC_APPLIED, 0, "", true},
        {{"+OK", "+QUEUED", "+QUEUED", "nil"}, EXEC_CONFLICT, 0, "", true},
        {{"+OK", "+QUEUED", "+QUEUED", "[:1 -ERR_hash_value]"}, EXEC_TORN, 0, "ERR hash value", true},
        {{"+OK", "+QUEUED", "+QUEUED", "[-WRONGTYPE_x -ERR_y]"}, EXEC_TORN, 0, "WRONGTYPE x", true},
        {{"+OK", "-OOM_full", "+QUEUED", "-EXECABORT_Transaction_discarded"}, EXEC_REFUSED, TROUBLE_WAIT, "OOM full", true},
        {{"+OK", "-NOPERM_no", "+QUEUED", "-EXECABORT_Transaction_discarded"}, EXEC_REFUSED, TROUBLE_STOP, "NOPERM no", true},
        {{"+OK", "+QUEUED", "-READONLY_replica", "-EXECABORT_Transaction_discarded"}, EXEC_REFUSED, TROUBLE_SERVER, "READONLY replica", true},
        {{"+OK", "+QUEUED", "+QUEUED", "-EXECABORT_Transaction_discarded_because_of:_NOREPLICAS_few"}, EXEC_REFUSED, TROUBLE_WAIT,
         "EXECABORT Transaction discarded because of: NOREPLICAS few", true},
        {{"+OK", "+QUEUED", "+QUEUED", "-LOADING_data"}, EXEC_REFUSED, TROUBLE_WAIT, "LOADING data", true},
        {{"+OK", "+QUEUED", "+QUEUED", "-MISCONF_disk"}, EXEC_REFUSED, TROUBLE_WAIT, "MISCONF disk", true},
        {{"+OK", "+QUEUED", "+QUEUED", "lost"}, EXEC_UNKNOWN, 0, "", false},
        {{"+OK", "lost"}, EXEC_UNKNOWN, 0, "", false},
        {{"lost"}, EXEC_UNKNOWN, 0, "", false},
        {{"-NOPERM_multi"}, EXEC_TORN, 0, "NOPERM multi", false}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run_row(c, &rows[i]);
}

static void errors_are_sorted_by_what_helps(struct checks *c)
{
    static const struct { const char *text; enum store_trouble trouble; } rows[] = {
        {"LOADING Redis is loading", TROUBLE_WAIT}, {"BUSY a script", TROUBLE_WAIT}, {"MISCONF rdb", TROUBLE_WAIT},
        {"OOM command not allowed", TROUBLE_WAIT},
        {"NOREPLICAS Not enough", TROUBLE_WAIT}, {"MASTERDOWN Link", TROUBLE_WAIT}, {"CLUSTERDOWN x", TROUBLE_WAIT}, {"TRYAGAIN x", TROUBLE_WAIT},
        {"READONLY You", TROUBLE_SERVER}, {"MOVED 1 a:1", TROUBLE_SERVER}, {"ASK 1 a:1", TROUBLE_SERVER}, {"NOPERM this user", TROUBLE_STOP},
        {"NOAUTH Authentication required.", TROUBLE_STOP}, {"WRONGPASS x", TROUBLE_STOP}, {"ERR unknown command", TROUBLE_STOP},
        {"WRONGTYPE x", TROUBLE_STOP},
        {"EXECABORT Transaction discarded because of: OOM x", TROUBLE_WAIT}, {"EXECABORT Transaction discarded because of: NOPERM x", TROUBLE_STOP},
        {"", TROUBLE_STOP}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        CHECK_INT(c, store_trouble_of(bytes_of(rows[i].text)), rows[i].trouble);
}

static void commands_are_exact_bytes(struct checks *c)
{
    static const char expected[] = "*4\r\n$3\r\nSET\r\n$10\r\np:users:27\r\n$20\r\n-9223372036854775808\r\n$5\r\na\r\n\0b\r\n"
                                   "*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$0\r\n\r\n";
    struct commands commands;

    commands_init(&commands, 1000);
    command_begin(&commands, 4);
    command_text(&commands, "SET");
    command_joined(&commands, bytes_of("p:"), bytes_of("users:"), bytes_of("27"));
    command_int(&commands, INT64_MIN);
    command_bytes(&commands, (struct bytes){"a\r\n\0b", 5});
    command_texts(&commands, "PING", NULL);
    command_texts(&commands, "ECHO", "", NULL);
    CHECK_INT(c, commands_error(&commands), 0);
    CHECK_INT(c, commands.count, 3);
    CHECK(c, bytes_equal(buffer_bytes(&commands.bytes), (struct bytes){expected, sizeof expected - 1}));
    commands_reset(&commands);
    CHECK(c, commands.count == 0 && commands.bytes.size == 0);
    commands_deinit(&commands);
}

static void a_command_that_does_not_fit_is_said_once_at_the_end(struct checks *c)
{
    struct commands commands;

    commands_init(&commands, 40);
    command_texts(&commands, "SET", "key", "a value that is too long for it", NULL);
    command_texts(&commands, "PING", NULL);
    CHECK_INT(c, commands_error(&commands), -ENOBUFS);
    commands_reset(&commands);
    command_texts(&commands, "PING", NULL);
    CHECK_INT(c, commands_error(&commands), 0);
    commands_deinit(&commands);
}

/* What was sent last begins so. */
static bool was_sent(const char *text)
{
    return script.sent.size >= strlen(text) && memcmp(script.sent.data, text, strlen(text)) == 0;
}

static void a_changed_password_is_said_on_the_connection_that_works(struct checks *c)
{
    static const char *const replies[] = {"+OK", NULL};
    struct clock *clock = NULL;
    struct session *session;

    ASSERT(clock_new(&clock) == 0);
    session = session_made(clock);
    CHECK_INT(c, session_set_password(session, "new"), 0);
    CHECK(c, session_has_former(session));
    script.replies = replies;
    CHECK_INT(c, session_authenticate(session), 0);
    CHECK(c, session_is_up(session) && !session_has_former(session));
    session_free(session);
    clock_free(clock);
}

static void a_password_that_is_refused_leaves_the_connection_as_it_was(struct checks *c)
{
    static const char *const refused[] = {"-WRONGPASS invalid username-password pair or user is disabled.", NULL}, *const lost[] = {"lost", NULL};
    struct clock *clock = NULL;
    struct session *session;

    ASSERT(clock_new(&clock) == 0);
    session = session_made(clock);
    CHECK_INT(c, session_set_password(session, "new"), 0);
    script.replies = refused;
    CHECK_INT(c, session_authenticate(session), 0);
    CHECK(c, session_is_up(session) && session_has_former(session));
    script.replies = lost;
    CHECK(c, session_authenticate(session) != 0 && !session_is_up(session) && session_has_former(session));
    session_free(session);
    clock_free(clock);
}

static void until_the_changed_password_was_taken_both_are_tried(struct checks *c)
{
    static const char *const one[] = {"+OK", NULL}, *const other[] = {"-WRONGPASS no", "+OK", NULL}, *const none[] = {"-WRONGPASS no", "-WRONGPASS no", NULL};
    const struct { const char *const *replies; int r; bool former; } rows[] = {{one, 0, false}, {other, 0, true}, {none, -EACCES, true}};
    struct clock *clock = NULL;
    struct arena *arena = NULL;

    ASSERT(clock_new(&clock) == 0 && arena_new(&arena, 1 << 20) == 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct session *session = session_made(clock);
        struct login login = {.log = &quiet, .address = "/fake"};
        struct commands commands;
        struct error_text error;

        commands_init(&commands, 1 << 16);
        ASSERT(login_init(&login, "u", "old") == 0 && login_change(&login, "newer") == 0 && login_change(&login, "newest") == 0);
        login.log = &quiet;
        script.replies = rows[i].replies;
        CHECK_INT(c, login_begin(&login, session, &commands, arena, &error), rows[i].r);
        CHECK(c, (login.former != NULL) == rows[i].former);
        CHECK_TEXT(c, login.password, "newest");
        CHECK(c, !login.former || strcmp(login.former, "old") == 0);
        CHECK(c, !memmem(commands.bytes.data, commands.bytes.capacity, "newest", 6) && !was_sent("*3\r\n$4\r\nAUTH"));
        login_deinit(&login);
        commands_deinit(&commands);
        session_free(session);
    }
    arena_free(arena);
    clock_free(clock);
}

TESTS({"EXEC has five answers", exec_has_five_answers}, {"errors are sorted by what helps", errors_are_sorted_by_what_helps},
      {"commands are exact bytes", commands_are_exact_bytes},
      {"a command that does not fit is said once at the end", a_command_that_does_not_fit_is_said_once_at_the_end},
      {"a changed password is said on the connection that works", a_changed_password_is_said_on_the_connection_that_works},
      {"a password that is refused leaves the connection as it was", a_password_that_is_refused_leaves_the_connection_as_it_was},
      {"until the changed password was taken both are tried", until_the_changed_password_was_taken_both_are_tried})
