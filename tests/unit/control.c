/* The control socket: requests, errands, and clients of every manner. */
#include "check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/control.h"

enum { ANSWER_MAX = 65536, ROUNDS = 400 };

/* A desk of one guest, a pipeline that is only starting, and a status of one word. */
static struct {
    char folder[32], path[64];
    struct clock *clock;
    struct log log;
    struct errands *errands;
    struct control *control;
    bool serves;                  /* the pipeline's thread looks at its errands */
} desk;

static void say_status(void *context, const struct request *request, struct buffer *out)
{
    (void)context;
    if (request->width > 300)     /* what no socket takes at once */
        for (int i = 0; i < 1 << 20; i++)
            buffer_put_text(out, "########");
    buffer_put_text(out, request->json ? "{\"v\":1,\"code\":0,\"state\":\"running\"}\n" : "{\"v\":1,\"code\":0,\"text\":\"running\"}\n");
}

static int open_control(struct error_text *error)
{
    struct control_options options = {desk.path, desk.errands, say_status, NULL, desk.clock, &desk.log};

    return control_new(&desk.control, &options, error);
}

static void desk_begin(void)
{
    struct error_text error;

    snprintf(desk.folder, sizeof desk.folder, "/tmp/orderd-XXXXXX");
    ASSERT(mkdtemp(desk.folder));
    snprintf(desk.path, sizeof desk.path, "%s/control.sock", desk.folder);
    desk.log = (struct log){.level = LOG_LEVEL_ERROR, .fd = STDERR_FILENO};
    desk.serves = true;
    ASSERT(clock_new(&desk.clock) == 0 && errands_new(&desk.errands) == 0 && open_control(&error) == 0);
}

static void desk_end(void)
{
    desk.control = control_free(desk.control);
    desk.errands = errands_free(desk.errands);
    desk.clock = clock_free(desk.clock);
    unlink(desk.path);
    rmdir(desk.folder);
}

static void round_of_the_desk(void)
{
    struct desk_guest guest = control_guest(desk.control);
    struct pollfd fds[DESK_POLLS_MAX];
    int timeout_ms = 2;
    size_t count = guest.polls(guest.context, fds, DESK_POLLS_MAX, &timeout_ms);

    (void)poll(fds, count, timeout_ms < 2 ? timeout_ms : 2);
    guest.serve(guest.context, fds, count);
    if (desk.serves)
        (void)errands_serve(desk.errands, NULL, &desk.log);
}

static int connect_client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, desk.path, strlen(desk.path) + 1);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What comes until the line's end, "" when the other side goes away or nothing comes. */
static const char *answer_to(int fd)
{
    static char text[ANSWER_MAX];
    size_t size = 0;

    for (int i = 0; i < ROUNDS && size + 1 < sizeof text; i++) {
        ssize_t got = recv(fd, text + size, sizeof text - 1 - size, MSG_DONTWAIT);

        if (got == 0)
            break;
        size += got > 0 ? (size_t)got : 0;
        text[size] = '\0';
        if (memchr(text, '\n', size))
            break;
        round_of_the_desk();
    }
    text[size] = '\0';
    return text;
}

static bool tell(int fd, const char *text)
{
    return fd >= 0 && send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static const char *ask(const char *line)
{
    int fd = connect_client();
    const char *answer;

    ASSERT(tell(fd, line));
    answer = answer_to(fd);
    close(fd);
    return answer;
}

static const char *fault_of(const char *line)
{
    static struct error_text error;
    struct request request;

    error.text[0] = '\0';
    return request_parse(&request, bytes_of(line), &error) ? error.text : "";
}

static void a_request_is_read_as_it_was_written(struct checks *c)
{
    struct request request = {.verb = REQUEST_SKIP, .topic = "orders", .partition = 3, .offset = 17, .text = "a \"b\" \\ c", .width = 80}, read;
    struct error_text error = {""};
    struct buffer line;

    buffer_init(&line, 4096);
    request_put(&line, &request);
    CHECK_INT(c, request_parse(&read, buffer_bytes(&line), &error), 0);
    CHECK(c, read.verb == REQUEST_SKIP && read.partition == 3 && read.offset == 17 && read.width == 80);
    CHECK_TEXT(c, read.topic, "orders");
    CHECK_TEXT(c, read.text, "a \"b\" \\ c");
    buffer_deinit(&line);
}

static void what_is_wrong_with_a_request_is_said(struct checks *c)
{
    CHECK_TEXT(c, fault_of("{\"v\":2,\"do\":\"dump\"}"), "v is the version that is spoken here: 1");
    CHECK_TEXT(c, fault_of("{\"v\":1}"), "do is missing: a verb, as a text");
    CHECK_TEXT(c, fault_of("{\"v\":1,\"do\":\"explode\"}"), "do is a verb that is not known here");
    CHECK_TEXT(c, fault_of("{\"v\":1,\"do\":\"pause\",\"partition\":3}"), "partition is given without its topic");
    CHECK_TEXT(c, fault_of("{\"v\":1,\"do\":\"pause\",\"topic\":\"o\",\"partition\":-3}"), "partition is an integer from 0 to 2147483647");
    CHECK_TEXT(c, fault_of("{\"v\":1,\"do\":\"skip\",\"topic\":\"o\",\"text\":\"x\"}"), "skip is about one event: topic, partition and offset");
    CHECK_TEXT(c, fault_of("{\"v\":1,\"do\":\"skip\",\"topic\":\"o\",\"partition\":1,\"offset\":1}"), "text is missing: why it is skipped");
    CHECK_TEXT(c, fault_of("{\"v\":1,\"do\":\"pause\",\"text\":\"a\\nb\"}"), "text is a text of at most 160 bytes without control characters");
    CHECK(c, strncmp(fault_of("pause"), "a request is one JSON object a line: ", 37) == 0);
    CHECK_TEXT(c, fault_of("{\"v\":1,\"do\":\"dump\",\"more\":[1,{\"a\":2}]}"), "");
}

static void the_socket_is_the_users_alone_and_goes_with_the_daemon(struct checks *c)
{
    struct stat file;
    mode_t mask = umask(0);

    desk_begin();
    umask(mask);
    CHECK(c, stat(desk.path, &file) == 0 && S_ISSOCK(file.st_mode));
    CHECK_INT(c, file.st_mode & 0777, 0600);
    desk.control = control_free(desk.control);
    CHECK(c, stat(desk.path, &file) != 0);
    desk_end();
}

static void a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not(struct checks *c)
{
    struct error_text error = {""};
    struct control *first;
    int fd;

    desk_begin();
    first = desk.control;
    CHECK_INT(c, open_control(&error), -EADDRINUSE);
    CHECK(c, strstr(error.text, "another daemon answers there") != NULL);
    desk.control = control_free(first);
    fd = control_listen(desk.path, &error);
    close(fd);                    /* as after kill -9 */
    CHECK_INT(c, open_control(&error), 0);
    CHECK(c, strstr(ask("{\"v\":1,\"do\":\"status\"}\n"), "running") != NULL);
    desk_end();
}

static void a_file_that_is_no_socket_is_left_alone(struct checks *c)
{
    struct error_text error = {""};

    desk_begin();
    desk.control = control_free(desk.control);
    close(open(desk.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    CHECK_INT(c, open_control(&error), -EADDRINUSE);
    CHECK(c, strstr(error.text, "is no socket") != NULL);
    snprintf(desk.path, sizeof desk.path, "%s/no/such/folder", desk.folder);
    CHECK_INT(c, open_control(&error), -ENOENT);
    snprintf(desk.path, sizeof desk.path, "%s/control.sock", desk.folder);
    desk_end();
}

static void each_client_is_answered(struct checks *c)
{
    desk_begin();
    CHECK_TEXT(c, ask("{\"v\":1,\"do\":\"status\",\"json\":1}\n"), "{\"v\":1,\"code\":0,\"state\":\"running\"}\n");
    CHECK_TEXT(c, ask("{\"v\":1,\"do\":\"log-level\",\"text\":\"info\"}\n"),
               "{\"v\":1,\"code\":0,\"text\":\"the log's level is info until the configuration is read again\"}\n");
    CHECK_INT(c, desk.log.level, LOG_LEVEL_INFO);
    desk.log.level = LOG_LEVEL_ERROR;
    CHECK_TEXT(c, ask("{\"v\":1,\"do\":\"pause\"}\n"),
               "{\"v\":1,\"code\":75,\"text\":\"the daemon is only starting, it takes no events yet: try again when it runs\"}\n");
    CHECK(c, strstr(ask("GET / HTTP/1.1\r\n\r\n"), "\"code\":64,\"text\":\"a request is one JSON object a line") != NULL);
    desk_end();
}

/* As `printf … | nc -U` does. */
static void a_client_that_says_nothing_more_still_gets_its_answer(struct checks *c)
{
    static const char line[] = "{\"v\":1,\"do\":\"log-level\",\"text\":\"error\"}\n";
    int fd;

    desk_begin();
    fd = connect_client();
    CHECK(c, tell(fd, line) && shutdown(fd, SHUT_WR) == 0);
    CHECK(c, strstr(answer_to(fd), "\"code\":0") != NULL);
    close(fd);
    desk_end();
}

static void many_requests_of_one_client_are_answered_in_order(struct checks *c)
{
    int fd;

    desk_begin();
    fd = connect_client();
    CHECK(c, tell(fd, "{\"v\":1,\"do\":\"log-level\",\"text\":\"x\"}\n{\"v\":1,\"do\":\"status\"}\n"));
    for (int i = 0; i < 20; i++)
        round_of_the_desk();
    CHECK_TEXT(c, answer_to(fd), "{\"v\":1,\"code\":64,\"text\":\"a level is one of error, warning, notice, info, debug, not: x\"}\n{\"v\":1,\"code\":0,\"text\":\"running\"}\n");
    close(fd);
    desk_end();
}

static void a_line_without_an_end_is_answered_and_let_go(struct checks *c)
{
    char rubbish[5000];
    int fd;

    desk_begin();
    fd = connect_client();
    memset(rubbish, 'x', sizeof rubbish);
    CHECK(c, send(fd, rubbish, sizeof rubbish, MSG_NOSIGNAL) > 0);
    CHECK(c, strstr(answer_to(fd), "a request has fewer than 4096 bytes") != NULL);
    CHECK_TEXT(c, answer_to(fd), "");
    close(fd);
    CHECK(c, strstr(ask("{\"v\":1,\"do\":\"status\"}\n"), "running") != NULL);
    desk_end();
}

/* Its command was not begun, so nothing is done; the places are free again for others. */
static void clients_that_die_in_the_middle_are_not_felt(struct checks *c)
{
    desk_begin();
    desk.serves = false;
    for (int i = 0; i < 5 * ERRANDS_MAX; i++) {
        int fd = connect_client();

        CHECK(c, tell(fd, "{\"v\":1,\"do\":\"log-level\",\"text\":\"debug\"}\n{\"v\":1"));
        for (int k = 0; k < 4; k++)
            round_of_the_desk();
        close(fd);
        round_of_the_desk();
    }
    desk.serves = true;
    round_of_the_desk();
    CHECK_INT(c, desk.log.level, LOG_LEVEL_ERROR);
    CHECK(c, strstr(ask("{\"v\":1,\"do\":\"status\"}\n"), "running") != NULL);
    desk_end();
}

static void two_hundred_clients_at_once_are_answered_or_let_go(struct checks *c)
{
    enum { MANY = 200 };
    int fds[MANY], served = 0, told = 0;

    desk_begin();
    for (int i = 0; i < MANY; i++) {
        fds[i] = connect_client();
        if (fds[i] < 0)                          /* the backlog is full: the desk has not come round */
            round_of_the_desk(), fds[i] = connect_client();
        if (fds[i] >= 0)
            (void)tell(fds[i], "{\"v\":1,\"do\":\"status\"}\n");
    }
    for (int i = 0; i < 60; i++)
        round_of_the_desk();
    for (int i = 0; i < MANY; i++) {
        const char *answer = fds[i] < 0 ? "" : answer_to(fds[i]);

        served += strstr(answer, "running") != NULL;
        told += strstr(answer, "too many clients") != NULL;
        if (fds[i] >= 0)
            close(fds[i]);
    }
    CHECK(c, served >= CONTROL_CLIENTS_MAX);
    CHECK(c, served + told > CONTROL_CLIENTS_MAX);
    for (int i = 0; i < 20; i++)
        round_of_the_desk();
    CHECK(c, strstr(ask("{\"v\":1,\"do\":\"status\"}\n"), "running") != NULL);
    desk_end();
}

static void a_client_that_never_reads_holds_up_nobody(struct checks *c)
{
    int fds[CONTROL_CLIENTS_MAX - 1];

    desk_begin();
    for (int i = 0; i < CONTROL_CLIENTS_MAX - 1; i++) {
        fds[i] = connect_client();
        CHECK(c, tell(fds[i], "{\"v\":1,\"do\":\"status\",\"width\":999}\n"));
    }
    for (int i = 0; i < 20; i++)
        round_of_the_desk();
    CHECK(c, strstr(ask("{\"v\":1,\"do\":\"status\"}\n"), "running") != NULL);
    for (int i = 0; i < CONTROL_CLIENTS_MAX - 1; i++)
        close(fds[i]);
    desk_end();
}

/* The desk would turn for nothing: whoever waits stays in the backlog, and is admitted a little later. */
static void without_a_descriptor_the_desk_does_not_spin(struct checks *c)
{
    struct rlimit before, none;
    struct pollfd fds[DESK_POLLS_MAX];
    struct desk_guest guest;
    int timeout_ms = 2, fd;

    desk_begin();
    guest = control_guest(desk.control);
    fd = connect_client();
    ASSERT(getrlimit(RLIMIT_NOFILE, &before) == 0);
    none = before;
    none.rlim_cur = 0;
    ASSERT(setrlimit(RLIMIT_NOFILE, &none) == 0);
    CHECK_INT(c, guest.polls(guest.context, fds, DESK_POLLS_MAX, &timeout_ms), 1);
    fds[0].revents = POLLIN;      /* poll itself takes no more descriptors than the limit */
    guest.serve(guest.context, fds, 1);
    ASSERT(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK_INT(c, guest.polls(guest.context, fds, DESK_POLLS_MAX, &timeout_ms), 1);
    CHECK_INT(c, fds[0].events, 0);
    close(fd);
    desk_end();
}

static void errands_have_an_end(struct checks *c)
{
    struct errand errand = {.request = {.verb = REQUEST_DUMP}};
    struct operator_answer answer;
    size_t places[ERRANDS_MAX], place;
    struct errands *errands;

    CHECK_INT(c, errands_new(&errands), 0);
    for (int i = 0; i < ERRANDS_MAX; i++)
        CHECK_INT(c, errands_ask(errands, &errand, &places[i]), 0);
    CHECK_INT(c, errands_ask(errands, &errand, &place), -EBUSY);
    CHECK(c, !errands_answered(errands, places[0], &answer));
    CHECK(c, errands_withdraw(errands, places[0]));
    CHECK_INT(c, errands_ask(errands, &errand, &place), 0);
    errands_end(errands);
    CHECK(c, errands_answered(errands, place, &answer) && answer.error == -ESHUTDOWN);
    CHECK_INT(c, errands_ask(errands, &errand, &place), -ESHUTDOWN);
    errands_free(errands);
}

TESTS({"a request is read as it was written", a_request_is_read_as_it_was_written},
      {"what is wrong with a request is said", what_is_wrong_with_a_request_is_said},
      {"the socket is the user's alone, and goes with the daemon", the_socket_is_the_users_alone_and_goes_with_the_daemon},
      {"a dead daemon's socket is replaced, and a living one's is not", a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not},
      {"a file that is no socket is left alone", a_file_that_is_no_socket_is_left_alone},
      {"each client is answered", each_client_is_answered},
      {"a client that says nothing more still gets its answer", a_client_that_says_nothing_more_still_gets_its_answer},
      {"many requests of one client are answered in order", many_requests_of_one_client_are_answered_in_order},
      {"a line without an end is answered and let go", a_line_without_an_end_is_answered_and_let_go},
      {"clients that die in the middle are not felt", clients_that_die_in_the_middle_are_not_felt},
      {"two hundred clients at once are answered or let go", two_hundred_clients_at_once_are_answered_or_let_go},
      {"a client that never reads holds up nobody", a_client_that_never_reads_holds_up_nobody},
      {"without a descriptor the desk does not spin", without_a_descriptor_the_desk_does_not_spin},
      {"errands have an end", errands_have_an_end})
