#include "store/exec.h"

#include <string.h>

static bool begins_with_one(struct bytes text, const char *const *starts)
{
    for (; *starts; starts++)
        if (bytes_begin(text, *starts))
            return true;
    return false;
}

enum store_trouble store_trouble_of(struct bytes error)
{
    static const char *const wait[] = {"LOADING", "BUSY", "MISCONF", "OOM", "NOREPLICAS", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", NULL};
    static const char *const server[] = {"READONLY", "MOVED", "ASK", "UNBLOCKED", NULL};
    static const char because[] = "EXECABORT Transaction discarded because of: ";

    if (bytes_begin(error, because)) {
        error.data += sizeof because - 1;
        error.size -= sizeof because - 1;
    }
    if (begins_with_one(error, wait))
        return TROUBLE_WAIT;
    return begins_with_one(error, server) ? TROUBLE_SERVER : TROUBLE_STOP;
}

int store_replies_check(struct reply *const *replies, size_t count, struct error_text *error)
{
    for (size_t i = 0; i < count; i++) {
        struct bytes text = replies[i]->text;

        if (replies[i]->type == REPLY_ERROR && !bytes_begin(text, "WRONGTYPE"))
            return error_set(error, store_trouble_of(text) == TROUBLE_STOP ? -EACCES : -EAGAIN, "%.*s", (int)(text.size < 300 ? text.size : 300),
                             text.data);
    }
    return 0;
}

static void note_error(struct exec_result *result, const struct reply *reply)
{
    if (!result->error.text[0]) {
        error_set(&result->error, 0, "%.*s", (int)(reply->text.size < 300 ? reply->text.size : 300), reply->text.data);
        result->trouble = store_trouble_of(reply->text);
    }
}

static void judge_array(struct exec_result *result, struct reply *reply)
{
    result->class = EXEC_APPLIED;
    result->array = reply;
    for (size_t i = 0; i < reply->count; i++)
        if (reply->elements[i]->type == REPLY_ERROR) {
            note_error(result, reply->elements[i]);
            result->class = EXEC_TORN;
        }
}

static void judge(struct exec_result *result, struct reply *reply)
{
    if (reply->type == REPLY_ARRAY) {
        judge_array(result, reply);
    } else if (reply->type == REPLY_NIL) {
        result->class = EXEC_CONFLICT;
    } else {
        /* The reason stands in the first command that was refused at queueing, else in EXEC's own text. */
        if (reply->type == REPLY_ERROR)
            note_error(result, reply);
        result->class = EXEC_REFUSED;
    }
}

void exec_receive(struct session *session, size_t queued, struct arena *arena, struct exec_result *result)
{
    struct reply *reply;

    *result = (struct exec_result){.class = EXEC_UNKNOWN};
    if (session_receive(session, arena, &reply))
        return;
    if (reply->type != REPLY_STATUS || !bytes_equal_text(reply->text, "OK")) {
        if (reply->type == REPLY_ERROR)
            note_error(result, reply);
        result->class = EXEC_TORN;
        session_drop(session, "MULTI was refused, so its commands ran one by one");
        return;
    }
    for (size_t i = 0; i < queued; i++) {
        if (session_receive(session, arena, &reply))
            return;
        if (reply->type == REPLY_ERROR)
            note_error(result, reply);
    }
    if (session_receive(session, arena, &reply))
        return;
    judge(result, reply);
}
