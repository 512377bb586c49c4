#include "store/scan.h"

#include <stdio.h>
#include <string.h>

void scan_begin(struct scan *scan, const char *prefix, const char *rest)
{
    size_t size = 0;

    ASSERT(2 * strlen(prefix) + strlen(rest) < sizeof scan->pattern);
    for (const char *at = prefix; *at; at++) {
        if (strchr("*?[]\\^-", *at))
            scan->pattern[size++] = '\\';
        scan->pattern[size++] = *at;
    }
    snprintf(scan->pattern + size, sizeof scan->pattern - size, "%s", rest);
    snprintf(scan->cursor, sizeof scan->cursor, "0");
}

void scan_put(const struct scan *scan, struct commands *commands, int count)
{
    command_begin(commands, 6);
    command_text(commands, "SCAN");
    command_text(commands, scan->cursor);
    command_text(commands, "MATCH");
    command_text(commands, scan->pattern);
    command_text(commands, "COUNT");
    command_int(commands, count);
}

int scan_take(struct scan *scan, const struct reply *reply, const struct reply **keys)
{
    if (reply->type != REPLY_ARRAY || reply->count != 2 || reply->elements[0]->type != REPLY_STRING || reply->elements[0]->text.size >= sizeof scan->cursor ||
        reply->elements[1]->type != REPLY_ARRAY)
        return -EPROTO;
    snprintf(scan->cursor, sizeof scan->cursor, "%.*s", (int)reply->elements[0]->text.size, reply->elements[0]->text.data);
    *keys = reply->elements[1];
    return 0;
}

bool scan_is_over(const struct scan *scan)
{
    return strcmp(scan->cursor, "0") == 0;
}
