#include "audit/look.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "audit/survey.h"
#include "base/number.h"
#include "base/text.h"

enum { CHUNK = 64, TRIES = 3, SHOWN = 40 };

static void fault(struct look *look, const char *topic, int32_t partition, enum finding_kind kind, const char *format, ...) PRINTF_LIKE(5, 6);

static void fault(struct look *look, const char *topic, int32_t partition, enum finding_kind kind, const char *format, ...)
{
    struct look_fault *fault;
    va_list arguments;

    if (look->faults_count == LOOK_FAULTS_MAX)
        return;
    fault = &look->faults[look->faults_count++];
    *fault = (struct look_fault){.partition = partition, .kind = kind};
    snprintf(fault->topic, sizeof fault->topic, "%s", topic);
    va_start(arguments, format);
    vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    text_clean(fault->text);
}

static int shown(const struct reply *reply)
{
    return reply->text.size < SHOWN ? (int)reply->text.size : SHOWN;
}

/* The field that is no number, or two that do not go together. */
static void fault_of_mark(struct look *look, const char *topic, int32_t partition, const struct reply *fields)
{
    static const struct {
        size_t at;
        const char *name;
    } numbers[] = {{0, "next"}, {1, "done"}, {2, "seen_from"}, {3, "time"}, {6, "fp_offset"}};
    int64_t values[sizeof numbers / sizeof *numbers];

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        const struct reply *field = fields->count == MARK_FIELDS_COUNT ? fields->elements[numbers[i].at] : NULL;

        if (!field || field->type != REPLY_STRING || !number_parse(field->text, &values[i])) {
            fault(look, topic, partition, FINDING_MARK, "its %s is %s%.*s%s, an integer would be right", numbers[i].name, field && field->type == REPLY_STRING ? "\"" : "",
                  field && field->type == REPLY_STRING ? shown(field) : 7, field && field->type == REPLY_STRING ? field->text.data : "missing",
                  field && field->type == REPLY_STRING ? "\"" : "");
            return;
        }
    }
    if (values[0] < values[1])
        fault(look, topic, partition, FINDING_MARK, "its next is %lld and its done %lld, which cannot be above it", (long long)values[0], (long long)values[1]);
    else if (values[2] > values[0])
        fault(look, topic, partition, FINDING_MARK, "its seen_from is %lld, above next %lld", (long long)values[2], (long long)values[0]);
    else
        fault(look, topic, partition, FINDING_MARK, "it is not as orderd writes it: epoch, fp or a number below 0");
}

static bool read_element(const struct reply *reply, struct survey_element *out)
{
    return reply->type == REPLY_STRING && survey_element_read(reply->text, out);
}

/* The list's ends against the mark: every turn that moves the one writes the other. */
static void compare_ends(struct look *look, const char *topic, int32_t partition, const struct mark *mark, const struct reply *first, const struct reply *last)
{
    struct survey_element head, tail;

    if (first->type == REPLY_NIL) {
        if (mark->seen_from != mark->next)
            fault(look, topic, partition, FINDING_SEEN, "its seen list is empty, and must hold %s", number_offsets(mark->seen_from, mark->next - 1).text);
    } else if (!read_element(first, &head) || !read_element(last, &tail)) {
        fault(look, topic, partition, FINDING_SEEN, "its seen list is no list, or an element of it cannot be read");
    } else if (tail.to != mark->next) {
        fault(look, topic, partition, FINDING_MARK, "its next is %lld, and the seen list, written with it, ends at offset %lld: %lld would be right, or the list was cut", (long long)mark->next,
              (long long)tail.to, (long long)tail.to);
    } else if (head.from != mark->seen_from) {
        fault(look, topic, partition, FINDING_SEEN, "its seen list begins at offset %lld, and the mark's seen_from is %lld", (long long)head.from, (long long)mark->seen_from);
    }
}

int look_at_mark(struct look *look, const char *topic, int32_t partition)
{
    struct commands *c = look->redis->commands;
    char mark_key[PARTITION_KEY_MAX], seen_key[PARTITION_KEY_MAX];
    const struct reply *array;
    struct reply **replies;
    struct mark mark;
    int r;

    partition_key(mark_key, look->shard, "mark", topic, partition);
    partition_key(seen_key, look->shard, "seen", topic, partition);
    asker_begin(look->redis);
    command_texts(c, "MULTI", NULL);
    command_texts(c, "HMGET", mark_key, MARK_FIELDS, NULL);
    command_texts(c, "LINDEX", seen_key, "0", NULL);
    command_texts(c, "LINDEX", seen_key, "-1", NULL);
    command_texts(c, "EXEC", NULL);
    r = asker_ask(look->redis, &replies);
    if (r)
        return r;
    array = replies[4];
    if (array->type != REPLY_ARRAY || array->count != 3)
        return -EAGAIN;
    r = mark_read(&mark, array->elements[0]);
    if (r == -ENOENT)
        fault(look, topic, partition, FINDING_MARK, "there is none");
    else if (r)
        fault_of_mark(look, topic, partition, array->elements[0]);
    else
        compare_ends(look, topic, partition, &mark, array->elements[1], array->elements[2]);
    return 0;
}

/* From the front; an element that is gone by now was trimmed. True: a hole was found. */
static int read_list(struct look *look, const char *key, int64_t *ended, int64_t *begins, bool *hole)
{
    struct survey_element element;
    struct reply **replies;
    size_t got = CHUNK;
    int64_t index = 0;

    *hole = false;
    *ended = -1;
    while (got == CHUNK && !*hole) {
        int r;

        asker_begin(look->redis);
        command_begin(look->redis->commands, 4);
        command_text(look->redis->commands, "LRANGE");
        command_text(look->redis->commands, key);
        command_int(look->redis->commands, index);
        command_int(look->redis->commands, index + CHUNK - 1);
        r = asker_ask(look->redis, &replies);
        if (r)
            return r;
        if (replies[0]->type != REPLY_ARRAY)
            return -EAGAIN;
        got = replies[0]->count;
        index += (int64_t)got;
        for (size_t i = 0; i < got && !*hole; i++) {
            *hole = !read_element(replies[0]->elements[i], &element) || (*ended >= 0 && element.from != *ended);
            *begins = *hole ? element.from : -1;
            *ended = *hole ? *ended : element.to;
        }
    }
    return 0;
}

int look_at_list(struct look *look, const char *topic, int32_t partition)
{
    char key[PARTITION_KEY_MAX];
    int64_t ended, begins = -1;
    bool hole = true;
    int r = 0;

    partition_key(key, look->shard, "seen", topic, partition);
    for (int i = 0; !r && hole && i < TRIES; i++)
        r = read_list(look, key, &ended, &begins, &hole);
    if (!r && hole)
        fault(look, topic, partition, FINDING_SEEN, "the element of its seen list behind offset %lld cannot be read, or does not begin there", (long long)ended);
    return r;
}
