/* A terminal that is drawn anew again and again, and given back as it was. */
#ifndef ORDERD_COMMANDS_SCREEN_H
#define ORDERD_COMMANDS_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <termios.h>

#include "base/bytes.h"

struct screen {
    bool terminal;            /* else pages are written one behind the other */
    int signals;
    struct termios before;
    bool altered;
};

/* Whether standard output shows colours; its columns and rows, or what a page of paper has. */
bool screen_has_colours(void);
void screen_size(int *columns, int *rows);

/* Errors: negative errno. */
int screen_open(struct screen *screen) MUST_CHECK;
/* Gives the terminal back. */
void screen_close(struct screen *screen);
/* Draws a page, cut to the rows that there are, with a last line below. False: nobody reads it any more. */
bool screen_draw(struct screen *screen, struct bytes page, const char *last) MUST_CHECK;
/* Waits until the time is over or the size has changed: true; false: q, Ctrl-C, or a signal to end. */
bool screen_wait(struct screen *screen, int64_t ms) MUST_CHECK;

#endif
