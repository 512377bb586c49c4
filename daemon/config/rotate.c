/* Secrets that changed while the daemon runs: the setting, a file's name, is the same, and the file holds another one. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"

static struct kafka_property *property_of(const struct config_properties *properties, const char *name, size_t size)
{
    for (size_t i = properties->count; i > 0; i--)
        if (strlen(properties->items[i - 1].name) == size && memcmp(properties->items[i - 1].name, name, size) == 0)
            return &properties->items[i - 1];
    return NULL;
}

const char *config_consumer_property(const struct config *config, const char *name)
{
    const struct kafka_property *property = property_of(&config->consumer, name, strlen(name));

    return property ? property->value : NULL;
}

static bool is_rotated(const struct config *config, const char *name, size_t size)
{
    const char *mechanism = config_consumer_property(config, "sasl.mechanism"), *mechanisms = config_consumer_property(config, "sasl.mechanisms");

    if (!mechanism)
        mechanism = mechanisms ? mechanisms : "";
    if (strcasecmp(mechanism, "PLAIN") != 0 && strncasecmp(mechanism, "SCRAM-", strlen("SCRAM-")) != 0)
        return false;
    return (size == strlen("sasl.password") && memcmp(name, "sasl.password", size) == 0) ||
           (size == strlen("sasl.username") && memcmp(name, "sasl.username", size) == 0);
}

/* Exchanges the values, so that the former one is wiped with its configuration. */
static void exchange(struct kafka_property *a, struct kafka_property *b)
{
    const char *value = a->value;

    a->value = b->value;
    b->value = value;
}

static bool rotate_property(struct config *config, struct config *from, const char *text, void (*other)(void *context, const char *name), void *context)
{
    size_t size = strcspn(text, "=");
    struct kafka_property *old = property_of(&config->consumer, text, size), *fresh = property_of(&from->consumer, text, size);
    struct kafka_property *old_out = property_of(&config->producer, text, size), *fresh_out = property_of(&from->producer, text, size);

    if (!old || !fresh || !old_out || !fresh_out || strcmp(old->value, fresh->value) == 0)
        return false;
    if (!is_rotated(config, text, size)) {
        other(context, "kafka.secrets");
        return false;
    }
    exchange(old, fresh);
    exchange(old_out, fresh_out);
    return true;
}

struct config_rotated config_rotate(struct config *config, struct config *from, void (*other)(void *context, const char *name), void *context)
{
    struct config_rotated rotated = {.redis = strcmp(config->password, from->password) != 0};

    if (rotated.redis) {
        char *password = config->password;

        config->password = from->password;
        from->password = password;
    }
    for (size_t i = 0; i < config->kafka.secrets.count; i++)
        rotated.kafka |= rotate_property(config, from, config->kafka.secrets.items[i], other, context);
    return rotated;
}
