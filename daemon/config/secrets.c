/* Secrets come from files, never from the configuration, the command line or the environment. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/table.h"

enum { SECRET_MAX = 4096, PATH_SIZE = 4096 };

/* A relative file is looked up in $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=). */
static bool path_of(char out[PATH_SIZE], const char *file)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    int size;

    if (file[0] == '/')
        size = snprintf(out, PATH_SIZE, "%s", file);
    else if (directory)
        size = snprintf(out, PATH_SIZE, "%s/%s", directory, file);
    else
        return false;
    return size > 0 && size < PATH_SIZE;
}

static ssize_t read_all(int fd, char *out, size_t size)
{
    size_t got = 0;
    ssize_t n = 1;

    while (got < size && n > 0) {
        n = read(fd, out + got, size - got);
        if (n < 0)
            return -1;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

/* A secret that was written where its file's name belongs is not repeated: only what is surely a path is shown. */
static const char *shown(const char *file)
{
    return file[0] == '/' ? file : "the file named there";
}

/* The file's first line, as a new string; NULL with a problem noted. */
static char *secret_read(const char *setting, const char *file, struct config_problems *problems, int line)
{
    char path[PATH_SIZE], text[SECRET_MAX + 2];
    struct stat status;
    char *copy = NULL;
    ssize_t size;
    int fd;

    if (!path_of(path, file)) {
        problem_add(problems, line, false, "%s: %s is relative, and there is no $CREDENTIALS_DIRECTORY to look it up in: systemd sets it for the service; by hand put "
                    "CREDENTIALS_DIRECTORY=FOLDER before the command, or give a path from / on",
                    setting, shown(file));
        return NULL;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? -1 : read_all(fd, text, SECRET_MAX + 1);
    if (size < 0) {
        problem_add(problems, line, false, "%s: %.200s cannot be read: %s", setting, shown(file), strerror(errno));
    } else {
        text[size] = '\0';
        text[strcspn(text, "\r\n")] = '\0';
        if (size > SECRET_MAX || !text[0])
            problem_add(problems, line, false, "%s: %.200s holds %s", setting, shown(file), text[0] ? "more than 4096 bytes" : "no secret in its first line");
        else
            copy = strdup(text);
        if (fstat(fd, &status) == 0 && (status.st_mode & S_IROTH))
            problem_add(problems, line, true, "%s: %.200s can be read by everybody; chmod 600 is right", setting, shown(file));
    }
    if (fd >= 0)
        close(fd);
    explicit_bzero(text, sizeof text);
    return copy;
}

static void property_add(struct config_properties *to, const char *text, size_t name_size, const char *value)
{
    char *name = strndup(text, name_size), *copy = strdup(value);

    if (!name || !copy) {
        free(name);
        free(copy);
        return;
    }
    to->items[to->count++] = (struct kafka_property){name, copy};
}

static void properties_add(struct config_properties *to, const struct config_texts *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *equals = strchr(list->items[i], '=');

        if (equals)
            property_add(to, list->items[i], (size_t)(equals - list->items[i]), equals + 1);
    }
}

void secrets_read(struct config *config, struct config_problems *problems, line_of line, void *context)
{
    size_t most = config->kafka.client.count + config->kafka.consumer.count + config->kafka.producer.count + config->kafka.secrets.count + 1;

    config->consumer.items = calloc(most, sizeof *config->consumer.items);
    config->producer.items = calloc(most, sizeof *config->producer.items);
    if (!config->consumer.items || !config->producer.items) {
        problem_add(problems, 0, false, "out of memory");
        return;
    }
    properties_add(&config->consumer, &config->kafka.client);
    properties_add(&config->consumer, &config->kafka.consumer);
    properties_add(&config->producer, &config->kafka.client);
    properties_add(&config->producer, &config->kafka.producer);
    for (size_t i = 0; i < config->kafka.secrets.count; i++) {
        const char *text = config->kafka.secrets.items[i], *equals = strchr(text, '=');
        char *value = equals ? secret_read("kafka.secrets", equals + 1, problems, line(context, "kafka.secrets")) : NULL;

        if (value) {
            property_add(&config->consumer, text, (size_t)(equals - text), value);
            property_add(&config->producer, text, (size_t)(equals - text), value);
            explicit_bzero(value, strlen(value));
            free(value);
        }
    }
    config->password = config->redis.password_file[0]
                           ? secret_read("redis.password_file", config->redis.password_file, problems, line(context, "redis.password_file"))
                           : strdup("");
}
