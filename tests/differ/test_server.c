/* The fake server's own ways, which the real one cannot be asked for: what is under way, what is late, replicas and older states. */
#include "check.h"
#include "fake/redis_ask.h"
#include "fake/resp.h"

static struct redis_server server;

static void begin(int major, int minor)
{
    redis_server_init(&server, major, minor);
}

static void send_at(struct redis_client *client, const char *inline_commands, int64_t at)
{
    char copy[256], *rest = copy, *line, *word;
    struct buffer out;

    buffer_init(&out, 1 << 16);
    snprintf(copy, sizeof copy, "%s", inline_commands);
    while ((line = strsep(&rest, "|"))) {
        struct bytes args[16];
        size_t count = 0;

        while ((word = strsep(&line, " ")))
            args[count++] = bytes_of(word);
        resp_array(&out, count);
        for (size_t i = 0; i < count; i++)
            resp_bulk(&out, args[i]);
    }
    redis_client_write(client, buffer_bytes(&out), at);
    buffer_deinit(&out);
}

/* All replies that are there, one behind the other. */
static const char *replies(struct redis_client *client)
{
    static char text[1024];
    struct bytes reply;
    size_t used = 0;
    int64_t at;

    for (text[0] = '\0'; redis_client_reply(client, &reply, &at); redis_client_take(client))
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s", (int)reply.size, reply.data);
    return text;
}

static void says(struct checks *c, struct redis_client *client, const char *command, const char *expected)
{
    struct bytes reply = redis_ask_text(client, server.now, command);
    char text[512];

    snprintf(text, sizeof text, "%.*s", (int)reply.size, reply.data ? reply.data : "");
    CHECK_TEXT(c, text, expected);
}

static void a_transaction_runs_after_its_connection_was_closed(struct checks *c)
{
    struct redis_client *late, *other;

    begin(7, 0);
    late = redis_server_connect(&server, NULL);
    other = redis_server_connect(&server, NULL);
    send_at(late, "WATCH k|MULTI|SET k late|EXEC", 100);
    redis_client_hangup(late);
    says(c, other, "GET k", "$-1\r\n");
    CHECK_INT(c, redis_server_next(&server), 100);
    redis_server_serve(&server, 100);
    says(c, other, "GET k", "$4\r\nlate\r\n");
    redis_server_deinit(&server);
}

static void a_kill_ends_what_is_under_way(struct checks *c)
{
    struct redis_client *late, *other;
    char kill[64];

    begin(7, 0);
    late = redis_server_connect(&server, NULL);
    other = redis_server_connect(&server, NULL);
    snprintf(kill, sizeof kill, "CLIENT KILL ID %lld", (long long)redis_client_id(late));
    send_at(late, "MULTI|SET k late|EXEC", 100);
    redis_client_hangup(late);
    says(c, other, kill, ":1\r\n");
    redis_server_serve(&server, 100);
    says(c, other, "GET k", "$-1\r\n");
    says(c, other, kill, ":0\r\n");
    redis_server_deinit(&server);
}

static void a_command_cut_in_two_runs_when_its_end_comes(struct checks *c)
{
    static const char whole[] = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n";
    struct redis_client *client, *other;

    begin(7, 0);
    client = redis_server_connect(&server, NULL);
    other = redis_server_connect(&server, NULL);
    for (size_t cut = 1; cut < sizeof whole - 1; cut++) {
        redis_client_write(client, (struct bytes){whole, cut}, 10);
        redis_server_serve(&server, 10);
        CHECK_TEXT(c, replies(client), "");
        redis_client_write(client, (struct bytes){whole + cut, sizeof whole - 1 - cut}, 10);
        redis_server_serve(&server, 10);
        CHECK_TEXT(c, replies(client), "+OK\r\n");
        says(c, other, "DEL k", ":1\r\n");
    }
    redis_server_deinit(&server);
}

static void a_command_whose_end_never_comes_never_runs(struct checks *c)
{
    static const char most[] = "*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n*1\r\n$4\r\nEXEC";
    struct redis_client *client, *other;

    begin(7, 0);
    client = redis_server_connect(&server, NULL);
    other = redis_server_connect(&server, NULL);
    redis_client_write(client, bytes_of(most), 10);
    redis_client_hangup(client);
    redis_server_serve(&server, 1000);
    says(c, other, "EXISTS k", ":0\r\n");
    CHECK_INT(c, server.clients_count, 1);
    redis_server_deinit(&server);
}

static void commands_run_in_the_order_of_their_arrival(struct checks *c)
{
    struct redis_client *a, *b;

    begin(7, 0);
    a = redis_server_connect(&server, NULL);
    b = redis_server_connect(&server, NULL);
    send_at(a, "APPEND k 3", 30);
    send_at(b, "APPEND k 1|APPEND k 2", 20);
    send_at(a, "APPEND k 4", 25);      /* behind the one before all the same */
    send_at(b, "APPEND k 5", 31);
    redis_server_serve(&server, 19);
    CHECK_TEXT(c, replies(b), "");
    redis_server_serve(&server, 40);
    says(c, a, "GET k", "$5\r\n12345\r\n");
    redis_server_deinit(&server);
}

static void a_frozen_server_answers_when_it_wakes(struct checks *c)
{
    struct redis_client *client;

    begin(7, 0);
    client = redis_server_connect(&server, NULL);
    server.frozen = true;
    send_at(client, "SET k v", 10);
    redis_server_serve(&server, 500);
    CHECK_TEXT(c, replies(client), "");
    CHECK(c, redis_server_next(&server) == INT64_MAX);
    server.frozen = false;
    redis_server_serve(&server, 600);
    CHECK_TEXT(c, replies(client), "+OK\r\n");
    redis_server_deinit(&server);
}

/* Between two commands another client is let go first. */
static void disturb(void *context, struct redis_client *client)
{
    struct redis_client *other = context;

    if (client == other || !other || server.position)
        return;
    server.hooks.context = NULL;
    redis_ask_text(other, server.now, "SET k theirs");
}

static void others_may_go_first_between_two_commands(struct checks *c)
{
    struct redis_client *client, *other;

    begin(7, 0);
    client = redis_server_connect(&server, NULL);
    other = redis_server_connect(&server, NULL);
    says(c, client, "WATCH k", "+OK\r\n");
    send_at(client, "MULTI|SET k mine|EXEC", 0);
    server.hooks.context = other;
    server.hooks.before = disturb;
    redis_server_serve(&server, 0);
    CHECK_TEXT(c, replies(client), "+OK\r\n+QUEUED\r\n*-1\r\n");
    redis_server_deinit(&server);
}

static void trouble_comes_between_queue_and_exec(struct checks *c)
{
    struct redis_client *client;

    begin(7, 0);
    client = redis_server_connect(&server, NULL);
    server.at_exec = (struct redis_trouble){.denied = {"HSET"}};
    server.at_exec_waits = true;
    send_at(client, "MULTI|HSET h a 1|SET k v|EXEC", 0);
    redis_server_serve(&server, 0);
    CHECK(c, strstr(replies(client), "*2\r\n-NOPERM ") != NULL);
    server.trouble = (struct redis_trouble){.exec_reply = "MOVED 1 elsewhere:1"};
    says(c, client, "WATCH k", "+OK\r\n");
    send_at(client, "MULTI|SET k w|EXEC|GET k", 0);
    redis_server_serve(&server, 0);
    CHECK_TEXT(c, replies(client), "+OK\r\n+QUEUED\r\n-MOVED 1 elsewhere:1\r\n$1\r\nv\r\n");
    redis_server_deinit(&server);
}

static void loading_refuses_reads_and_exec(struct checks *c)
{
    struct redis_client *client;

    begin(7, 0);
    client = redis_server_connect(&server, NULL);
    server.trouble.conditions = CONDITION_LOADING;
    says(c, client, "WATCH k", "+OK\r\n");
    says(c, client, "GET k", "-LOADING Redis is loading the dataset in memory\r\n");
    send_at(client, "MULTI|SET k v|EXEC", 0);
    redis_server_serve(&server, 0);
    CHECK(c, strstr(replies(client), "-EXECABORT") != NULL);
    redis_server_deinit(&server);
}

static void wait_confirms_when_the_replica_has_it(struct checks *c)
{
    struct redis_client *client;

    begin(7, 0);
    server.replicas_count = 1;
    server.replicas[0].lag_ms = 30;
    client = redis_server_connect(&server, NULL);
    send_at(client, "SET k v|WAIT 1 500", 10);
    redis_server_serve(&server, 10);
    CHECK_TEXT(c, replies(client), "+OK\r\n");
    CHECK_INT(c, redis_server_next(&server), 40);
    redis_server_serve(&server, 40);
    CHECK_TEXT(c, replies(client), ":1\r\n");
    server.replicas[0].lag_ms = -1;
    send_at(client, "SET k w|WAIT 1 500", 50);
    redis_server_serve(&server, 50);
    redis_server_serve(&server, 549);
    CHECK_TEXT(c, replies(client), "+OK\r\n");
    redis_server_serve(&server, 550);
    CHECK_TEXT(c, replies(client), ":0\r\n");
    redis_server_deinit(&server);
}

/* Of a connection that wrote nothing, WAIT says nothing: until 7.2 a read was enough to make it mean something. */
static void wait_on_a_fresh_connection_returns_at_once(struct checks *c)
{
    for (int minor = 0; minor <= 2; minor += 2) {
        struct redis_client *writer, *fresh;

        begin(7, minor);
        server.replicas_count = 1;
        server.replicas[0].lag_ms = -1;
        writer = redis_server_connect(&server, NULL);
        fresh = redis_server_connect(&server, NULL);
        says(c, writer, "SET k v", "+OK\r\n");
        says(c, fresh, "WAIT 1 0", ":1\r\n");
        says(c, fresh, "GET k", "$1\r\nv\r\n");
        says(c, fresh, "WAIT 1 0", minor == 0 ? "" : ":1\r\n");
        redis_server_deinit(&server);
    }
}

static void an_older_state_comes_back(struct checks *c)
{
    struct redis_client *client, *watcher;
    int64_t position;

    begin(7, 0);
    redis_server_keep_journal(&server);
    client = redis_server_connect(&server, NULL);
    watcher = redis_server_connect(&server, NULL);
    send_at(client, "SET k 1|XADD x * a 1|MULTI|SET k 2|HSET h a 1|EXEC", 1000);
    redis_server_serve(&server, 1000);
    position = redis_server_position(&server);
    CHECK_INT(c, position, 3);
    send_at(client, "SET k 3|XADD x * a 2|DEL h", 2000);
    redis_server_serve(&server, 2000);
    says(c, watcher, "WATCH k", "+OK\r\n");
    redis_server_restore(&server, position);
    says(c, watcher, "GET k", "$1\r\n2\r\n");
    says(c, watcher, "HGET h a", "$1\r\n1\r\n");
    says(c, watcher, "XRANGE x - +", "*1\r\n*2\r\n$6\r\n1000-0\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n");
    send_at(watcher, "MULTI|SET k 9|EXEC", 2000);
    redis_server_serve(&server, 2000);
    CHECK(c, strstr(replies(watcher), "*-1\r\n") != NULL);
    CHECK(c, strcmp(server.run_id, "run-1") != 0 && strcmp(server.replid, "replid-1") != 0);
    redis_server_restore(&server, 1);
    says(c, watcher, "GET k", "$1\r\n1\r\n");
    redis_server_deinit(&server);
}

static void a_failover_loses_what_the_replica_has_not(struct checks *c)
{
    struct redis_client *client;

    begin(7, 0);
    redis_server_keep_journal(&server);
    server.replicas_count = 1;
    server.replicas[0].lag_ms = 50;
    client = redis_server_connect(&server, NULL);
    send_at(client, "SET a 1", 10);
    send_at(client, "SET b 1", 40);
    redis_server_serve(&server, 70);
    redis_server_restore(&server, redis_server_replica_position(&server, 0));
    redis_server_close_all(&server);
    CHECK(c, !redis_client_is_open(client));
    redis_client_hangup(client);
    client = redis_server_connect(&server, NULL);
    says(c, client, "EXISTS a", ":1\r\n");
    says(c, client, "EXISTS b", ":0\r\n");
    redis_server_deinit(&server);
}

TESTS({"a transaction runs after its connection was closed", a_transaction_runs_after_its_connection_was_closed},
      {"a kill ends what is under way", a_kill_ends_what_is_under_way},
      {"a command cut in two runs when its end comes", a_command_cut_in_two_runs_when_its_end_comes},
      {"a command whose end never comes never runs", a_command_whose_end_never_comes_never_runs},
      {"commands run in the order of their arrival", commands_run_in_the_order_of_their_arrival},
      {"a frozen server answers when it wakes", a_frozen_server_answers_when_it_wakes},
      {"others may go first between two commands", others_may_go_first_between_two_commands},
      {"trouble comes between queue and EXEC", trouble_comes_between_queue_and_exec},
      {"loading refuses reads and EXEC", loading_refuses_reads_and_exec},
      {"WAIT confirms when the replica has it", wait_confirms_when_the_replica_has_it},
      {"WAIT on a fresh connection returns at once", wait_on_a_fresh_connection_returns_at_once},
      {"an older state comes back", an_older_state_comes_back},
      {"a failover loses what the replica has not", a_failover_loses_what_the_replica_has_not})
