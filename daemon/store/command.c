#include "store/command.h"

#include <stdarg.h>
#include <string.h>

#include "base/number.h"

void commands_init(struct commands *commands, size_t limit)
{
    *commands = (struct commands){.count = 0};
    buffer_init(&commands->bytes, limit);
}

void commands_deinit(struct commands *commands)
{
    buffer_deinit(&commands->bytes);
}

void commands_reset(struct commands *commands)
{
    buffer_reset(&commands->bytes);
    commands->count = commands->due = 0;
}

int commands_error(const struct commands *commands)
{
    ASSERT(commands->due == 0);
    return buffer_error(&commands->bytes);
}

/* "*3\r\n", "$12\r\n" */
static void put_head(struct buffer *out, char type, size_t number)
{
    char *room = buffer_room(out, NUMBER_TEXT_MAX + 3), *at = room;

    if (!room)
        return;
    *at++ = type;
    at += number_format(at, (int64_t)number);
    *at++ = '\r';
    *at++ = '\n';
    buffer_used(out, (size_t)(at - room));
}

void command_begin(struct commands *commands, size_t count)
{
    ASSERT(commands->due == 0 && count > 0);
    commands->due = count;
    commands->count++;
    put_head(&commands->bytes, '*', count);
}

static char *argument_begin(struct commands *commands, size_t size)
{
    ASSERT(commands->due > 0);
    commands->due--;
    put_head(&commands->bytes, '$', size);
    return buffer_room(&commands->bytes, size + 2);
}

static char *append(char *at, struct bytes bytes)
{
    if (bytes.size)
        memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

void command_joined(struct commands *commands, struct bytes a, struct bytes b, struct bytes c)
{
    size_t size = a.size + b.size + c.size;
    char *at = argument_begin(commands, size);

    if (!at)
        return;
    at = append(append(append(at, a), b), c);
    at[0] = '\r';
    at[1] = '\n';
    buffer_used(&commands->bytes, size + 2);
}

void command_bytes(struct commands *commands, struct bytes bytes)
{
    static const struct bytes none = {"", 0};

    command_joined(commands, bytes, none, none);
}

void command_text(struct commands *commands, const char *text)
{
    command_bytes(commands, bytes_of(text));
}

void command_int(struct commands *commands, int64_t value)
{
    char digits[NUMBER_TEXT_MAX];

    command_bytes(commands, (struct bytes){digits, number_format(digits, value)});
}

void command_texts(struct commands *commands, ...)
{
    va_list texts, again;
    size_t count = 0;
    const char *text;

    va_start(texts, commands);
    va_copy(again, texts);
    while (va_arg(texts, const char *))
        count++;
    va_end(texts);
    command_begin(commands, count);
    while ((text = va_arg(again, const char *)))
        command_text(commands, text);
    va_end(again);
}
