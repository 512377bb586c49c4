/* Forgeries of dead letters, of the market, of what came from outside, and of the end. */
#include "sim/forge.h"

#include <stdio.h>
#include <stdlib.h>

static void set_field(struct told *told, const char *key, const char *field, const char *value)
{
    told_field(told_key(told, key), field)->value = bytes_of(value);
}

static void add_field(struct told *told, const char *key, const char *field, const char *value)
{
    struct audit_key *found = told_key(told, key);
    struct audit_pair *pairs = (struct audit_pair *)(uintptr_t)found->pairs;

    pairs[found->count++] = (struct audit_pair){bytes_of(field), bytes_of(value)};
}

/* The other user's funds, so many less. */
static void take_funds(struct told *told, const char *key, char text[32], int64_t less)
{
    struct audit_pair *funds = told_field(told_key(told, key), "funds");

    snprintf(text, 32, "%lld", atoll(funds->value.data) - (long long)less);
    funds->value = bytes_of(text);
}

void a_dead_letter_is_missing(struct told *told)
{
    told_remove(&told->letters[0], 1);
}

void a_dead_letter_lacks_a_byte(struct told *told)
{
    size_t index = 0;

    while (!told->letters[0].messages[index].value.size)
        index++;
    told_message(&told->letters[0], index)->value.size--;
}

void a_dead_letter_has_another_key(struct told *told)
{
    told_message(&told->letters[0], 1)->key = bytes_of("other");
}

void a_dead_letter_lacks_a_header(struct told *told)
{
    drop_header(told_message(&told->letters[0], 1), "dlq.message");
}

void a_dead_letter_changes_a_header(struct told *told)
{
    struct audit_message *letter = told_message(&told->letters[0], 1);

    ((struct audit_header *)(uintptr_t)&letter->headers[0])->value = bytes_of("other");
}

void a_dead_letter_has_another_reason(struct told *told)
{
    set_header(told_message(&told->letters[0], 1), "dlq.reason", "quarantined");
}

void two_dead_letters_differ(struct told *told)
{
    told_append(told, &told->letters[0], told_message(&told->letters[0], 1));
    set_header(told_message(&told->letters[0], told->letters[0].count - 1), "dlq.message", "other");
}

static struct audit_message *a_letter_again(struct told *told)
{
    told_append(told, &told->letters[0], told_message(&told->letters[0], 1));
    return told_message(&told->letters[0], told->letters[0].count - 1);
}

void a_good_event_has_a_dead_letter(struct told *told)
{
    struct bytes id = told_header(saying(told, "\"status\":\"applied\""), "ce_id")->value;
    struct audit_message *letter = a_letter_again(told);

    set_header(letter, "dlq.original.partition", "0");
    set_header(letter, "dlq.original.offset", strrchr(id.data, '/') + 1);
}

static size_t skipped_letter(const struct told *told)
{
    size_t index = 0;

    while (!bytes_equal_text(told_header(told_message(&told->letters[0], index), "dlq.reason")->value, "skipped"))
        ASSERT(++index < told->letters[0].count);
    return index;
}

void a_skipped_event_has_no_dead_letter(struct told *told)
{
    told_remove(&told->letters[0], skipped_letter(told));
}

void a_skipped_letter_lacks_a_byte(struct told *told)
{
    told_message(&told->letters[0], skipped_letter(told))->value.size--;
}

void a_skipped_letter_has_another_reason(struct told *told)
{
    set_header(told_message(&told->letters[0], skipped_letter(told)), "dlq.reason", "quarantined");
}

/* It is a deposit, and whoever skips it must not take the money. */
void a_skipped_event_takes_effect(struct told *told)
{
    static char text[32];
    struct bytes event = told_message(&told->letters[0], skipped_letter(told))->value;

    ASSERT(memmem(event.data, event.size, "\"deposit\",\"user\":\"u2\",\"amount\":3,", strlen("\"deposit\",\"user\":\"u2\",\"amount\":3,")));
    take_funds(told, "users:u2", text, -3);
}

void a_dead_letter_of_nothing(struct told *told)
{
    set_header(a_letter_again(told), "dlq.original.offset", "99999");
}

void dead_letters_lie_elsewhere(struct told *told)
{
    static struct audit_log two[2];

    two[0] = two[1] = told->letters[0];
    two[0].count = 0;
    told->world.letters = two;
    told->world.letters_count = 2;
}

void an_effect_is_doubled(struct told *told)
{
    static char text[32];

    take_funds(told, "users:u1", text, -5);
}

void money_is_made(struct told *told)
{
    static char text[32];

    take_funds(told, "users:u2", text, -1);
}

void money_changes_its_owner(struct told *told)
{
    static char one[32], other[32];

    take_funds(told, "users:u1", one, 1);
    take_funds(told, "users:u2", other, -1);
}

void an_item_is_lost(struct told *told)
{
    told_key(told, "inventory:u2")->count--;
}

void an_item_is_there_twice(struct told *told)
{
    add_field(told, "inventory:u2", "i9", "");
}

void a_listing_has_another_price(struct told *told)
{
    struct audit_key *market = told_key(told, "market:");

    ASSERT(market->count);
    ((struct audit_pair *)(uintptr_t)market->pairs)->value = bytes_of("77");
}

void the_market_is_gone(struct told *told)
{
    told_key(told, "market:")->type = AUDIT_NONE;
}

void the_market_has_another_type(struct told *told)
{
    told_key(told, "market:")->type = AUDIT_HASH;
}

static struct audit_pair *stock(struct told *told)
{
    return (struct audit_pair *)(uintptr_t)told_key(told, "stock:s1")->pairs;
}

void more_is_reserved_than_there_was(struct told *told)
{
    stock(told)->value = bytes_of("-1");
}

void the_stock_is_no_number(struct told *told)
{
    stock(told)->value = bytes_of("01");
}

void a_foreign_write_comes_late(struct told *told)
{
    told->happenings[0].place = told->happenings[5].place;
}

void foreign_writes_are_forgotten(struct told *told)
{
    told->world.happenings_count = 0;
}

void a_foreign_command_is_unknown(struct told *told)
{
    *(struct bytes *)(uintptr_t)told->happenings[0].args = bytes_of("COPY");
}

void a_commit_is_above_the_end(struct told *told)
{
    told->sources[0].committed = told->sources[0].end + 1;
}

void a_commit_is_above_what_was_delivered(struct told *told)
{
    told->outcomes[0].count -= 2;
}

void a_commit_is_behind(struct told *told)
{
    told->sources[0].committed--;
}

void nothing_was_committed(struct told *told)
{
    told->sources[1].committed = -1001;
}

void an_entry_is_left(struct told *told)
{
    add_field(told, "orderd:outbox", "1-0", "x");
}

void a_mark_is_behind(struct told *told)
{
    set_field(told, "orderd:mark:orders:0", "next", "3");
}

void a_mark_is_not_done(struct told *told)
{
    set_field(told, "orderd:mark:orders:0", "done", "3");
}

void a_mark_is_missing(struct told *told)
{
    told_key(told, "orderd:mark:orders:1")->type = AUDIT_NONE;
}

void a_mark_is_torn(struct told *told)
{
    add_field(told, "orderd:mark:orders:0", "torn", "1");
}

void a_market_is_halted(struct told *told)
{
    add_field(told, "orderd:meta", "halt", "rollback orders:0");
}

void a_seen_list_has_a_hole(struct told *told)
{
    struct audit_key *list = told_key(told, "orderd:seen:orders:0");
    struct audit_pair *pairs = (struct audit_pair *)(uintptr_t)list->pairs;

    memmove(pairs + 1, pairs + 2, (list->count - 2) * sizeof *pairs);
    list->count--;
}

void a_seen_list_ends_early(struct told *told)
{
    told_key(told, "orderd:seen:orders:0")->count--;
}

void a_registry_is_another_one(struct told *told)
{
    set_field(told, "orderd:meta", "incarnation", "00000000-0000-4000-8000-000000000000");
}

void an_outcome_is_of_a_later_era(struct told *told)
{
    told_replace(told, &told_header(outcome(told, told->outcomes[0].count - 1), "ce_sequence")->value, "0000000001-", "0000000007-");
}
