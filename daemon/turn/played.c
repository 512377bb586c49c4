#include "turn/played.h"

#include <string.h>

#include "seam/json.h"

enum view_state playback_look(const struct view *view, const struct observation *of, int64_t *value)
{
    enum view_state state = VIEW_MISSING;

    *value = 0;
    switch (of->kind) {
    case VIEW_FUNDS:
        state = view_funds(view, of->owner, value);
        break;
    case VIEW_STOCK:
        state = view_stock(view, of->owner, value);
        break;
    case VIEW_INVENTORY:
        state = view_holding(view, of->owner, of->item);
        break;
    case VIEW_MARKET:
        state = view_listing(view, of->item, of->seller, value);
        break;
    }
    return state;
}

static void set_number(struct view *view, const struct observation *of, enum view_state is, enum view_state state, int64_t value)
{
    if (state == VIEW_MISSING && is == VIEW_MISSING)
        return;
    if (of->kind == VIEW_FUNDS)
        view_put_funds(view, of->owner, state == VIEW_PRESENT ? value : 0);
    else
        view_put_stock(view, of->owner, state == VIEW_PRESENT ? value : 0);
}

static void set_member(struct view *view, const struct observation *of, enum view_state is, enum view_state state, int64_t value)
{
    bool market = of->kind == VIEW_MARKET;

    if (state == VIEW_PRESENT && market)
        view_put_listing(view, of->item, of->seller, value);
    else if (state == VIEW_PRESENT)
        view_put_holding(view, of->owner, of->item);
    else if (is == VIEW_PRESENT && market)
        view_remove_listing(view, of->item, of->seller);
    else if (is == VIEW_PRESENT)
        view_remove_holding(view, of->owner, of->item);
}

int playback_set(struct view *view, const struct observation *of, enum view_state state, int64_t value)
{
    int64_t found;
    enum view_state is = playback_look(view, of, &found);

    if (is == VIEW_INVALID)
        return -EPROTO;
    if (of->kind == VIEW_FUNDS || of->kind == VIEW_STOCK)
        set_number(view, of, is, state, value);
    else
        set_member(view, of, is, state, value);
    return 0;
}

/* A user without funds and one with 0 are the same to the rules. */
static bool as_recorded(const struct observation *of, enum view_state state, int64_t value)
{
    if (of->kind == VIEW_INVENTORY)
        return state == of->before;
    if (of->kind == VIEW_FUNDS)
        return (state == VIEW_PRESENT ? value : 0) == (of->before == VIEW_PRESENT ? of->before_value : 0);
    return state == of->before && (state == VIEW_MISSING || value == of->before_value);
}

/* A number by as much as it was changed, whatever it is by now; a member comes or goes. */
static int change(struct played *played, const struct observation *of, int64_t now, struct view *view)
{
    int64_t before = of->before == VIEW_PRESENT ? of->before_value : 0, by, after;

    if (!of->changed)
        return 0;
    if (of->kind == VIEW_INVENTORY || of->kind == VIEW_MARKET)
        return playback_set(view, of, of->after, of->after_value);
    if (__builtin_sub_overflow(of->after_value, before, &by) || __builtin_add_overflow(now, by, &after))
        return error_set(&played->problem, -EPROTO, "a number would leave its range: %lld, which the record changed from %lld to %lld", (long long)now,
                         (long long)before, (long long)of->after_value);
    return playback_set(view, of, VIEW_PRESENT, after);
}

static int play_one(struct played *played, int at, enum playback_mode mode, struct view *view)
{
    const struct observation *of = &played->observations[at];
    struct playback_difference *found = &played->found[at];

    *found = (struct playback_difference){.recorded = of};
    found->state = playback_look(view, of, &found->value);
    if (found->state == VIEW_INVALID)
        return error_set(&played->problem, -EPROTO, "a key of the market that it changed holds the wrong type, or no integer");
    if (!as_recorded(of, found->state, found->value))
        played->differs |= 1u << at;
    else if (!of->changed)
        return 0;      /* a user who is not there is not made for having 0 */
    return mode == PLAYBACK_FOLLOW ? playback_set(view, of, of->after, of->after_value) : change(played, of, found->state == VIEW_PRESENT ? found->value : 0, view);
}

int played_change(struct played *played, enum playback_mode mode, struct view *view)
{
    int r = played->problem.text[0] ? -EPROTO : 0;

    played->differs = 0;
    for (int i = 0; !r && i < played->observations_count; i++)
        r = play_one(played, i, mode, view);
    return r;
}

/* A text of the record, with its escapes taken off; `out` holds one byte more than `max`. */
static size_t text_of(char *out, size_t max, struct bytes value, const char *name)
{
    struct json_member member;
    struct error_text error;
    struct json json;
    size_t size = 0;

    if (json_object_parse(&json, value, &error) == JSON_OK) {
        if (json_member_get(&json, name, &member) && member.type == JSON_TYPE_STRING && member.text.size <= max) {
            size = member.text.size;
            memcpy(out, member.text.data, size);
        }
        json_release(&json);
    }
    out[size] = '\0';
    return size;
}

/* An operator's word: the reason and its detail. */
static void condemn(struct played *played, struct item *item)
{
    char detail[EVENT_DETAIL_MAX];

    text_of(detail, EVENT_DETAIL_MAX - 1, played->event.outcome.value, "detail");
    item_skip(item, detail);
    item->decoded.reason = played->decision.reason;
}

/* What the seen list remembers of it. The message knows more of an event than its outcome: the CloudEvent's source. */
static void take_event(struct played *played, struct item *item)
{
    const struct decision *d = &played->decision;
    char id[EVENT_ID_MAX + 1];

    if (d->status == STATUS_MALFORMED) {
        if (d->reason == REASON_QUARANTINED || d->reason == REASON_SKIPPED)
            condemn(played, item);
        item->decoded.reason = d->reason;
        return;
    }
    if (item->decoded.reason != REASON_NONE || item->decoded.id_size == 0) {
        memset(&item->decoded, 0, sizeof item->decoded);
        item->decoded.id_size = (uint8_t)text_of(id, EVENT_ID_MAX, played->event.outcome.value, "id");
        memcpy(item->decoded.id, id, item->decoded.id_size);
        item->decoded.fields = d->fields;
        item->decoded.digest = event_digest(&d->event);
    }
    item->decoded.event = d->event;
}

static void take(struct played *played, struct item *item, enum taken_how how)
{
    const struct decision *d = &played->decision;

    item->taken = &played->taken;
    played->taken = (struct taken){.status = d->status, .reason = d->reason, .first_offset = d->first_offset, .first_status = d->first_status, .facts = &d->facts};
    played->taken.how = how;
    if (how != TAKEN_WHOLLY)
        return;
    take_event(played, item);
    played->observations_count = observe(d, played->observations, &played->problem);
    if (played->observations_count < 0 && !played->problem.text[0])
        error_set(&played->problem, -EPROTO, "its facts are not those of such a decision");
}

static void prepare_decide(struct played *played, struct item *item, int64_t begin)
{
    const struct decision *d = &played->decision;

    if (!played->event.sourced)
        take(played, item, TAKEN_WHOLLY);
    else if (d->status == STATUS_EXPIRED || d->reason == REASON_STATE_INVALID || (d->status == STATUS_DUPLICATE && d->first_offset < begin))
        take(played, item, TAKEN_UNLESS_DUPLICATE);
    else if (d->reason == REASON_QUARANTINED || d->reason == REASON_SKIPPED)
        condemn(played, item);
}

void played_prepare(struct played *played, struct item *item, enum playback_mode mode, int64_t begin)
{
    item->taken = &played->taken;
    played->taken = (struct taken){.how = TAKEN_NOTHING};
    played->problem.text[0] = '\0';
    played->observations_count = 0;
    played->differs = 0;
    played->readable = played->event.recorded && decision_read(&played->decision, played->event.outcome.value, &played->problem) == 0;
    if (played->event.sourced)
        item_decode(item);
    else
        event_condemn(&item->decoded, REASON_NO_VALUE, "");
    if (!played->event.recorded && mode != PLAYBACK_DECIDE)
        error_set(&played->problem, -EPROTO, "it has no outcome");
    if (!played->readable) {
        played->taken.how = played->event.sourced ? TAKEN_NOTHING : TAKEN_WHOLLY;      /* nothing is known of it: a problem */
        return;
    }
    if (!played->event.sourced)
        item->message.timestamp = played->decision.timestamp;
    if (mode == PLAYBACK_DECIDE)
        prepare_decide(played, item, begin);
    else
        take(played, item, TAKEN_WHOLLY);
}
