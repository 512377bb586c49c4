/* CloudEvents over Kafka: headers in any number and order, binary and structured mode, and what is neither. */
#include "codec/cloudevent.h"

#include <strings.h>

#include "fuzz/accepted.h"
#include "fuzz/fuzz.h"

static size_t given(const struct mail *mail, const char *name, struct bytes *value)
{
    size_t times = 0;

    for (size_t i = 0; i < mail->count; i++)
        if (bytes_equal_text(mail->headers[i].name, name)) {
            *value = mail->headers[i].value;
            times++;
        }
    return times;
}

static bool structured(const struct mail *mail)
{
    struct bytes last = {NULL, 0};

    for (size_t i = 0; i < mail->count; i++)
        if (mail->headers[i].name.size == 12 && strncasecmp(mail->headers[i].name.data, "content-type", 12) == 0)
            last = mail->headers[i].value;
    return last.size >= 23 && strncasecmp(last.data, "application/cloudevents", 23) == 0;
}

/* DESIGN 2.2: ce_type is the kind, ce_id the id, each given once; without them an event needs no envelope and has no source. */
static void binary_is_right(const struct decoded *decoded, const struct mail *mail)
{
    struct bytes version = {NULL, 0}, id = {NULL, 0}, type = {NULL, 0}, source = {NULL, 0};
    bool enveloped = given(mail, "ce_specversion", &version) | (given(mail, "ce_id", &id) && given(mail, "ce_type", &type));

    if (!enveloped) {
        MUST(decoded->source_size == 0);
        return;
    }
    MUST(given(mail, "ce_specversion", &version) == 1 && bytes_equal_text(version, "1.0"));
    MUST(given(mail, "ce_id", &id) == 1 && bytes_equal(id, (struct bytes){decoded->id, decoded->id_size}));
    MUST(given(mail, "ce_type", &type) == 1 && type.size >= 4);
    MUST(given(mail, "ce_source", &source) == 1 && bytes_equal(source, (struct bytes){decoded->source, decoded->source_size}));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct decoded decoded, again;
    struct mail mail;

    mail_read(&mail, input_of(data, size));
    event_decode(&decoded, mail.value, mail.headers, mail.count);
    event_decode(&again, mail.value, mail.headers, mail.count);
    MUST(memcmp(&decoded, &again, sizeof decoded) == 0);
    if (decoded.reason) {
        MUST(decoded.detail[0]);
    } else {
        accepted_fulfils(&decoded);
        if (structured(&mail))
            MUST(decoded.source_size > 0 && decoded.fields.size < mail.value.size);
        else
            binary_is_right(&decoded, &mail);
    }
    mail_free(&mail);
    return 0;
}
