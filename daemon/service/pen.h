/* Writing for a terminal of some width: words that flow, items that stay whole, columns, and colours where they are wanted. ASCII but for foreign text. */
#ifndef ORDERD_SERVICE_PEN_H
#define ORDERD_SERVICE_PEN_H

#include <stdbool.h>

#include "base/bytes.h"

enum pen_style { PEN_PLAIN, PEN_BOLD, PEN_DIM, PEN_GOOD, PEN_WARN, PEN_BAD };

struct pen {
    struct buffer *out;
    int width;
    bool colour;
    int column;            /* where the next character goes */
    int indent;            /* where a line that was wrapped goes on */
};

void pen_line(struct pen *pen);
/* Text in a style, as it is. */
void pen_put(struct pen *pen, enum pen_style style, const char *text);
/* Begins a line with a label and lets what follows be indented behind it. */
void pen_label(struct pen *pen, const char *label);
/* An item that is not broken, two spaces behind the one before, on the next line if there is no room. */
void pen_item(struct pen *pen, enum pen_style style, const char *format, ...) PRINTF_LIKE(3, 4);
/* Words, broken at spaces where the line ends. */
void pen_words(struct pen *pen, enum pen_style style, const char *text);
/* One line at most, cut with "..." where it would be longer. */
void pen_cut(struct pen *pen, enum pen_style style, const char *text);
/* A cell of a table: `width` columns, text to the left, numbers (`right`) to the right, two spaces behind the one before; cut where it is longer. */
void pen_cell(struct pen *pen, enum pen_style style, int width, bool right, const char *text);

/* Numbers for people. */
enum { PEN_NUMBER_SIZE = 32 };
/* "12,345,678"; "?" when negative: not known. */
const char *pen_count(char out[PEN_NUMBER_SIZE], int64_t value);
/* "3.4", "10,932": a rate. */
const char *pen_rate(char out[PEN_NUMBER_SIZE], double value);
/* "0.8 ms", "850 ms", "1.2 s", "12 min", "3 h 04 min", "2 d 3 h"; "?" when negative. */
const char *pen_duration(char out[PEN_NUMBER_SIZE], double ms);

#endif
