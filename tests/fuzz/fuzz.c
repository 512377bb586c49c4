#include "fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void must_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: not true: %s\n", file, line, expression);
    abort();
}

static void check_line(void *context, const char *line)
{
    (void)context;
    for (const char *at = line; *at; at++)
        MUST((unsigned char)*at >= 0x20 || (*at == '\n' && !at[1]));
}

const struct log *fuzz_log(void)
{
    static const struct log log = {.level = LOG_LEVEL_DEBUG, .sink = check_line};

    return &log;
}

struct bytes input_of(const uint8_t *data, size_t size)
{
    return (struct bytes){size ? (const char *)data : "", size};
}

struct bytes input_take(struct bytes *left, char stop)
{
    const char *end = left->size ? memchr(left->data, stop, left->size) : NULL;
    struct bytes taken = {left->size ? left->data : NULL, end ? (size_t)(end - left->data) : left->size};

    left->data += taken.size + (end != NULL);
    left->size -= taken.size + (end != NULL);
    return taken;
}

uint64_t input_number(struct bytes *left, uint64_t most)
{
    struct bytes word;
    uint64_t number = 0;

    while (left->size && (*left->data == ' ' || *left->data == '\n'))
        left->data++, left->size--;
    word = *left;
    for (; left->size && *left->data >= '0' && *left->data <= '9'; left->data++, left->size--)
        number = number > most ? number : 10 * number + (uint64_t)(*left->data - '0');
    if (left->size && left->size == word.size)
        left->data++, left->size--;      /* no digit: something is taken all the same */
    return number > most ? most : number;
}

struct bytes pieces_copy(struct pieces *pieces, struct bytes bytes)
{
    char *copy;

    if (!bytes.data)
        return bytes;
    MUST(pieces->count < sizeof pieces->items / sizeof *pieces->items);
    copy = malloc(bytes.size ? bytes.size : 1);
    MUST(copy);
    memcpy(copy, bytes.data, bytes.size);
    pieces->items[pieces->count++] = copy;
    return (struct bytes){copy, bytes.size};
}

void pieces_free(struct pieces *pieces)
{
    for (size_t i = 0; i < pieces->count; i++)
        free(pieces->items[i]);
    pieces->count = 0;
}

static void mail_header(struct mail *mail, struct bytes line)
{
    struct bytes name = input_take(&line, ':');
    bool valued = line.data != name.data + name.size;

    if (line.size && *line.data == ' ')
        line.data++, line.size--;
    mail->headers[mail->count].name = pieces_copy(&mail->pieces, name);
    mail->headers[mail->count].value = pieces_copy(&mail->pieces, valued ? line : (struct bytes){NULL, 0});
    mail->count++;
}

void mail_read(struct mail *mail, struct bytes text)
{
    *mail = (struct mail){.count = 0};
    while (text.size && mail->count < sizeof mail->headers / sizeof *mail->headers) {
        struct bytes line = input_take(&text, '\n');

        if (!line.size) {
            mail->value = pieces_copy(&mail->pieces, text);
            return;
        }
        mail_header(mail, line);
    }
}

void mail_free(struct mail *mail)
{
    pieces_free(&mail->pieces);
}
