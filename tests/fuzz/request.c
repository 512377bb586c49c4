/* Requests of the control socket: any line is refused with a sentence, or read as a request that is written and read again the same. */
#include "service/request.h"

#include "fuzz/fuzz.h"

static void clean(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    MUST(length < size);
    for (size_t i = 0; i < length; i++)
        MUST((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

static void same(const struct request *a, const struct request *b)
{
    MUST(a->verb == b->verb && a->partition == b->partition && a->offset == b->offset && a->number == b->number);
    MUST(a->json == b->json && a->width == b->width && a->colour == b->colour);
    MUST(strcmp(a->topic, b->topic) == 0 && strcmp(a->text, b->text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error_text error = {""};
    struct request request, again;
    struct buffer line;
    int r = request_parse(&request, input_of(data, size), &error);

    MUST(r == 0 || (r == -EINVAL && error.text[0]));
    if (r)
        return 0;
    MUST((unsigned)request.verb < REQUEST_VERB_COUNT && request.partition >= -1 && request.offset >= -1 && request.number >= 0);
    MUST(request.partition < 0 || request.topic[0]);
    clean(request.topic, sizeof request.topic);
    clean(request.text, sizeof request.text);
    buffer_init(&line, 1 << 16);
    request_put(&line, &request);
    MUST(buffer_error(&line) == 0 && request_parse(&again, buffer_bytes(&line), &error) == 0);
    same(&request, &again);
    buffer_deinit(&line);
    return 0;
}
