#include "commands/screen.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { COLUMNS = 100, ROWS = 50, PAGE_MAX = 4 << 20 };

bool screen_has_colours(void)
{
    const char *none = getenv("NO_COLOR"), *terminal = getenv("TERM");

    return isatty(STDOUT_FILENO) && !(none && none[0]) && terminal && strcmp(terminal, "dumb") != 0;
}

void screen_size(int *columns, int *rows)
{
    struct winsize size = {0};

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
        size = (struct winsize){.ws_col = COLUMNS, .ws_row = ROWS};
    *columns = size.ws_col;
    *rows = size.ws_row;
}

static bool put(const char *text, size_t size)
{
    while (size) {
        ssize_t written = write(STDOUT_FILENO, text, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        size -= (size_t)written;
    }
    return true;
}

static bool put_text(const char *text)
{
    return put(text, strlen(text));
}

/* Another screen without a cursor; keys come one by one and are not shown. */
static void alter(struct screen *screen)
{
    struct termios raw;

    if (!screen->terminal || !isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &screen->before)) {
        screen->altered = screen->terminal && put_text("\033[?1049h\033[?25l");
        return;
    }
    raw = screen->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    screen->altered = put_text("\033[?1049h\033[?25l");
}

static void give_back(struct screen *screen)
{
    if (!screen->altered)
        return;
    (void)put_text("\033[?25h\033[?1049l");
    if (isatty(STDIN_FILENO))
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &screen->before);
    screen->altered = false;
}

int screen_open(struct screen *screen)
{
    static const int wanted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
    sigset_t set;

    *screen = (struct screen){.terminal = isatty(STDOUT_FILENO)};
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        sigaddset(&set, wanted[i]);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -errno;
    screen->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (screen->signals < 0)
        return -errno;
    alter(screen);
    return 0;
}

void screen_close(struct screen *screen)
{
    give_back(screen);
    close(screen->signals);
}

bool screen_draw(struct screen *screen, struct bytes page, const char *last)
{
    const char *at = page.data, *end = page.data + page.size;
    struct buffer out;
    int columns, rows;
    bool drawn;

    if (!screen->terminal)
        return put(page.data, page.size) && put_text("\n");
    screen_size(&columns, &rows);
    buffer_init(&out, PAGE_MAX);
    buffer_put_text(&out, "\033[H");
    for (int row = 1; at < end && row < rows; row++) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        size_t size = line ? (size_t)(line - at) : (size_t)(end - at);

        buffer_put(&out, at, size);
        buffer_put_text(&out, "\033[K\n");
        at += size + 1;
    }
    buffer_put_format(&out, "\033[J\033[%d;1H\033[2m%.*s\033[0m\033[K", rows, columns - 1, last);
    drawn = buffer_error(&out) == 0 && put(out.data, out.size);
    buffer_deinit(&out);
    return drawn;
}

/* Ctrl-Z: the shell gets its terminal as it was, and gives it back when we go on. */
static void stop(struct screen *screen)
{
    give_back(screen);
    (void)raise(SIGSTOP);
    alter(screen);
}

/* 1: draw anew, 0: nothing that matters, -1: end. */
static int serve_signals(struct screen *screen)
{
    struct signalfd_siginfo info;
    int found = 0;

    while (read(screen->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTSTP)
            stop(screen);
        else if (info.ssi_signo != SIGWINCH)
            return -1;
        found = 1;
    }
    return found;
}

static bool is_quit(void)
{
    char key = '\0';

    return read(STDIN_FILENO, &key, 1) == 1 && (key == 'q' || key == 'Q');
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool screen_wait(struct screen *screen, int64_t ms)
{
    int64_t until = now_ms() + ms, left;
    bool keys = screen->altered && isatty(STDIN_FILENO);

    while ((left = until - now_ms()) > 0) {
        struct pollfd fds[] = {{.fd = screen->signals, .events = POLLIN}, {.fd = keys ? STDIN_FILENO : -1, .events = POLLIN}};
        int signal;

        if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
            return false;
        if ((fds[1].revents & POLLIN) && is_quit())
            return false;
        if (fds[1].revents & (POLLHUP | POLLERR))
            keys = false;
        signal = serve_signals(screen);
        if (signal)
            return signal > 0;
    }
    return true;
}
