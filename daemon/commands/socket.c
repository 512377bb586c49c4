#include "commands/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char run[] = "/run/orderd", name_default[] = "control.sock";

/* systemd's: several folders with colons between, if the unit names several. */
static bool in_runtime_folder(const char *name, char out[SOCKET_PATH_MAX])
{
    const char *folder = getenv("RUNTIME_DIRECTORY");

    if (!folder || !folder[0])
        return false;
    snprintf(out, SOCKET_PATH_MAX, "%.*s/%s", (int)strcspn(folder, ":"), folder, name);
    return true;
}

bool socket_of_daemon(const struct config *config, char out[SOCKET_PATH_MAX])
{
    const char *name = config->control.socket;

    if (name[0] == '/')
        snprintf(out, SOCKET_PATH_MAX, "%s", name);
    return name[0] == '/' || (name[0] && in_runtime_folder(name, out));
}

/* /etc/orderd/NAME.conf is the file of the unit orderd@NAME, whose folder is /run/orderd-NAME. */
static void in_folder_of(const char *file, const char *name, char out[SOCKET_PATH_MAX])
{
    const char *base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    size_t size = strcspn(base, ".");

    if (strcmp(base + size, ".conf") != 0 || strncmp(base, "orderd.", size + 1) == 0)
        snprintf(out, SOCKET_PATH_MAX, "%s/%s", run, name);
    else
        snprintf(out, SOCKET_PATH_MAX, "%s-%.*s/%s", run, (int)size, base, name);
}

static int from_file(const char *file, char out[SOCKET_PATH_MAX])
{
    struct config_problems problems;
    struct config *config;
    int r = config_load(&config, file, &problems);

    if (r) {
        config_problems_print(&problems, file, stderr);
        return EX_CONFIG;
    }
    if (!config->control.socket[0])
        fprintf(stderr, "orderd: %s: control.socket is \"\": that daemon has no socket\n", file);
    else if (!socket_of_daemon(config, out))
        in_folder_of(file, config->control.socket, out);
    r = config->control.socket[0] ? 0 : EX_CONFIG;
    config_free(config);
    return r;
}

int socket_find(const struct socket_hint *hint, char out[SOCKET_PATH_MAX])
{
    if (hint->file)
        return from_file(hint->file, out);
    if (hint->path)
        snprintf(out, SOCKET_PATH_MAX, "%s", hint->path);
    else if (hint->instance)
        snprintf(out, SOCKET_PATH_MAX, "%s-%s/%s", run, hint->instance, name_default);
    else
        snprintf(out, SOCKET_PATH_MAX, "%s/%s", run, name_default);
    return 0;
}
