#include "store/server.h"

#include <stdio.h>
#include <string.h>

bool server_info(struct bytes info, const char *name, char *out, size_t size)
{
    size_t name_size = strlen(name);
    const char *at = info.data, *end = info.data + info.size;

    while (at < end) {
        const char *stop = memchr(at, '\r', (size_t)(end - at));

        stop = stop ? stop : end;
        if ((size_t)(stop - at) > name_size && memcmp(at, name, name_size) == 0 && at[name_size] == ':') {
            snprintf(out, size, "%.*s", (int)(stop - at - (ptrdiff_t)name_size - 1), at + name_size + 1);
            return true;
        }
        at = stop + 2 <= end ? stop + 2 : end;
    }
    return false;
}

const char *server_config(const struct reply *reply, const char *name)
{
    if (reply->type == REPLY_ARRAY)
        for (size_t i = 0; i + 1 < reply->count; i += 2)
            if (bytes_equal_text(reply->elements[i]->text, name) && reply->elements[i + 1]->type == REPLY_STRING)
                return reply->elements[i + 1]->text.data;
    return "";
}

bool server_version_at_least(const char *version, int major, int minor)
{
    int have_major = 0, have_minor = 0;

    return sscanf(version, "%d.%d", &have_major, &have_minor) == 2 &&
           (have_major > major || (have_major == major && have_minor >= minor));
}

bool server_keeps_aof(const struct server_keeps *keeps)
{
    if (keeps->has_waitaof && (!keeps->told || strcmp(keeps->appendonly, "yes") == 0))
        return true;
    return strcmp(keeps->appendonly, "yes") == 0 && strcmp(keeps->appendfsync, "always") == 0 && strcmp(keeps->no_appendfsync_on_rewrite, "no") == 0;
}
