/* The parts of an audit, each by itself: the file of slots, the duplicate window against a naive one, which of two sequences is wrong, what facts must
 * be, and which of several findings speaks for an event. The whole is tested against real topics (tests/live/test_audit_command.py). */
#include "check.h"

#include <stdlib.h>

#include "audit/bearing.h"
#include "audit/chain.h"
#include "audit/order.h"
#include "audit/spill.h"
#include "audit/window.h"

static uint64_t dice = 1;

static unsigned below(unsigned bound)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(dice >> 33) % bound;
}

/* --- the file */

static void slots_are_what_was_written(struct checks *c)
{
    enum { LANES = 3, SLOTS = 5000, STEPS = 200000 };
    static uint64_t model[LANES][SLOTS];
    const uint64_t sizes[LANES] = {SLOTS, SLOTS, SLOTS};
    struct error_text error;
    struct spill *spill;
    bool same = true;

    CHECK_INT(c, spill_new(&spill, "/tmp", sizes, LANES, &error), 0);
    for (int i = 0; i < STEPS; i++) {
        unsigned lane = below(LANES), number = below(20) ? (unsigned)(i / 50 + (int)below(100)) % SLOTS : below(SLOTS);
        struct spill_slot *slot;

        CHECK_INT(c, spill_at(spill, lane, number, &slot), 0);
        same &= slot->digest == model[lane][number] && slot->place == 3 * model[lane][number];
        slot->digest = model[lane][number] = (uint64_t)i + 1;
        slot->place = 3 * slot->digest;
    }
    CHECK(c, same);
    CHECK(c, spill_bytes(spill) > 0);
    spill_free(spill);
}

static void a_folder_that_is_not_there_is_named(struct checks *c)
{
    const uint64_t size = 1;
    struct error_text error;
    struct spill *spill;

    CHECK(c, spill_new(&spill, "/nowhere", &size, 1, &error) < 0);
    CHECK(c, strstr(error.text, "/nowhere") != NULL);
}

/* --- the window */

struct remembered {
    int id;
    int64_t offset, time;
};

static void the_window_is_the_rule(struct checks *c)
{
    enum { EVENTS = 20000, IDS = 3000, WINDOW_MS = 5000 };
    static struct remembered all[EVENTS];
    struct window *window;
    int64_t time = WINDOW_TIME_NONE;
    size_t count = 0;
    int wrong = 0, duplicates = 0;

    CHECK_INT(c, window_new(&window, (struct hash_key){1, 2}, IDS, WINDOW_MS), 0);
    for (int64_t offset = 0; offset < EVENTS; offset++) {
        struct window_record record = {.offset = offset, .status = STATUS_APPLIED};
        const struct remembered *first = NULL;
        const struct window_record *found;
        int id = (int)below(4000);
        char text[16];

        time = window_advance(time, below(50) ? (int64_t)(offset * 2 + below(100)) : -1);
        snprintf(text, sizeof text, "%d", id);
        record.key = window_key(window, (struct bytes){NULL, 0}, bytes_of(text));
        record.time = time;
        for (size_t i = count; i-- > 0 && count - i <= IDS && !first;)
            if (all[i].id == id)
                first = &all[i];
        if (first && first->time != WINDOW_TIME_NONE && time - first->time >= WINDOW_MS)
            first = NULL;
        found = window_find(window, record.key, time);
        wrong += !first != !found || (first && first->offset != found->offset);
        duplicates += first != NULL;
        if (first)
            continue;
        all[count++] = (struct remembered){id, offset, time};
        CHECK_INT(c, window_add(window, &record), 0);
    }
    CHECK_INT(c, wrong, 0);
    CHECK(c, duplicates > 1000 && count > IDS);
    CHECK_INT(c, window_end(window) - window_first(window), IDS);
    window_free(window);
}

static void time_moves_by_a_minute_at_most(struct checks *c)
{
    CHECK_INT(c, window_advance(WINDOW_TIME_NONE, 5), 5);
    CHECK_INT(c, window_advance(5, -1), 5);
    CHECK_INT(c, window_advance(5, 4), 5);
    CHECK_INT(c, window_advance(5, 60005), 60005);
    CHECK_INT(c, window_advance(5, 60006), 60005);
}

/* --- the order */

struct step {
    uint64_t id;
    uint32_t place;
    bool lettered;
};

/* The index of the one that is called wrong; -1: none, -2: several. */
static int wrong_one(const struct step *steps, int count)
{
    struct order order = {.count = 0};
    struct order_step wrong;
    struct error_text why;
    int found = -1;

    for (int i = 0; i <= count; i++) {
        struct order_step step = {.sequenced = true, .joined = true, .offset = i};
        bool said;

        if (i < count) {
            step.at = (struct blank_point){1, {steps[i].id, 0}, steps[i].place};
            step.lettered = steps[i].lettered;
        }
        said = i < count ? order_next(&order, &step, &wrong, &why) : order_end(&order, &wrong, &why);
        if (said)
            found = found == -1 ? (int)wrong.offset : -2;
    }
    return found;
}

#define WRONG_ONE(...) wrong_one((const struct step[]){__VA_ARGS__}, sizeof((const struct step[]){__VA_ARGS__}) / sizeof(struct step))

static void the_sequence_that_does_not_fit_is_named(struct checks *c)
{
    CHECK_INT(c, WRONG_ONE({5, 0, 0}, {5, 1, 0}, {6, 0, 0}, {9, 0, 0}, {9, 1, 0}), -1);
    CHECK_INT(c, WRONG_ONE({5, 0, 1}, {5, 2, 0}, {6, 0, 0}), -1);                                  /* a dead letter between */
    CHECK_INT(c, WRONG_ONE({5, 0, 0}, {5, 1, 0}, {5, 7, 0}, {5, 3, 0}, {5, 4, 0}), 2);              /* another place */
    CHECK_INT(c, WRONG_ONE({5, 0, 0}, {5, 1, 0}, {8, 2, 0}, {5, 3, 0}, {6, 0, 0}), 2);              /* too high */
    CHECK_INT(c, WRONG_ONE({5, 0, 0}, {5, 1, 0}, {2, 2, 0}, {5, 3, 0}, {6, 0, 0}), 2);              /* too low */
    CHECK_INT(c, WRONG_ONE({5, 0, 0}, {9, 0, 0}, {6, 1, 0}, {6, 2, 0}, {7, 0, 0}), 1);              /* a turn's first */
    CHECK_INT(c, WRONG_ONE({5, 0, 0}, {6, 0, 0}, {6, 1, 0}, {4, 2, 0}), 3);                         /* the last of all */
    CHECK_INT(c, WRONG_ONE({5, 0, 0}, {5, 0, 0}, {5, 2, 0}, {5, 3, 0}), 1);                         /* given twice */
}

/* --- facts */

static struct decision purchase(int64_t price, int64_t paid, int64_t buyer, int64_t seller)
{
    struct decision d = {.status = STATUS_APPLIED, .event = {.kind = EVENT_PURCHASE, .price = price, .buyer = {1, "b"}, .seller = {1, "s"}, .item = {1, "i"}}};

    d.facts_text = bytes_of("{}");
    facts_number(&d.facts, "price", paid);
    facts_number_change(&d.facts, "buyer_funds", buyer, buyer - paid);
    facts_number_change(&d.facts, "seller_funds", seller, seller + paid);
    return d;
}

static void facts_bear_a_decision_out(struct checks *c)
{
    struct decision good = purchase(7, 7, 9, 0), dear = purchase(7, 8, 9, 0), poor = purchase(7, 7, 6, 0), made = good, bare = {.status = STATUS_EXPIRED, .reason = REASON_DEADLINE};
    struct error_text why;

    made.facts.items[2].after++;
    CHECK(c, bearing_check(&good, &why));
    CHECK(c, !bearing_check(&dear, &why));
    CHECK(c, !bearing_check(&poor, &why));
    CHECK(c, !bearing_check(&made, &why));
    CHECK(c, strstr(why.text, "do not bear it out") != NULL);
    good.reason = REASON_NOT_LISTED;
    CHECK(c, !bearing_check(&good, &why));
    good.status = STATUS_REJECTED;
    CHECK(c, !bearing_check(&good, &why));
    CHECK(c, bearing_check(&bare, &why));
    bare.reason = REASON_NOT_HELD;
    CHECK(c, !bearing_check(&bare, &why));
}

/* --- the chain */

struct table {
    struct fold *fold;
    struct findings *findings;
    struct chain *chain;
    int64_t offset;
    uint64_t entry;                    /* of the outbox, for all that follows; 0: one an event */
};

static void open_table(struct checks *c, struct table *t)
{
    static const struct audit_range range = {.topic = "orders", .at = "orders:0"};
    struct error_text error;
    struct chain_options options = {.ranges = &range, .whole = true, .kept = 8};

    *t = (struct table){.offset = 0};
    CHECK_INT(c, fold_new(&t->fold, NULL, 1 << 20, &error), 0);
    CHECK_INT(c, findings_new(&t->findings, 8), 0);
    options.fold = t->fold;
    options.findings = t->findings;
    CHECK_INT(c, chain_new(&t->chain, &options), 0);
}

static void close_table(struct table *t)
{
    chain_free(t->chain);
    findings_free(t->findings);
    fold_free(t->fold);
}

static struct event deposit_of(int64_t amount)
{
    return (struct event){.kind = EVENT_DEPOSIT, .amount = amount, .user = {1, "u"}};
}

static void deposit(struct checks *c, struct table *t, int64_t before, int64_t amount)
{
    struct decision d = {.status = STATUS_APPLIED, .event = deposit_of(amount)};
    struct chain_place place = {.offset = t->offset++, .era = 1, .id = {t->entry ? t->entry : (uint64_t)t->offset, 0}};
    struct error_text error;

    facts_number_change(&d.facts, "funds", before, before + amount);
    CHECK_INT(c, chain_take(t->chain, &place, &d, &error), 0);
}

static void what_another_program_wrote_is_told_with_its_amount(struct checks *c)
{
    const struct finding *found;
    struct table t;

    open_table(c, &t);
    deposit(c, &t, 0, 5);
    deposit(c, &t, 25, 1);
    deposit(c, &t, 26, 1);
    chain_finish(t.chain);
    CHECK_INT(c, findings_of_weight(t.findings, FINDING_WRONG), 0);
    CHECK_INT(c, findings_of_kind(t.findings, FINDING_FOREIGN_WRITE), 1);
    found = findings_at(t.findings, FINDING_FOREIGN_WRITE, 0);
    CHECK_TEXT(c, found->key, "users:u funds");
    CHECK_INT(c, found->offset, 1);
    CHECK_INT(c, found->was, 5);
    CHECK_INT(c, found->became, 25);
    CHECK_INT(c, (int64_t)chain_account(t.chain, CHAIN_MONEY)->foreign, 20);
    CHECK_INT(c, (int64_t)chain_account(t.chain, CHAIN_MONEY)->decided, 7);
    close_table(&t);
}

static void a_record_that_nobody_follows_was_altered_or_a_write_was_taken_back(struct checks *c)
{
    struct table t;

    open_table(c, &t);
    deposit(c, &t, 0, 5);
    deposit(c, &t, 25, 1);
    deposit(c, &t, 6, 1);
    chain_finish(t.chain);
    CHECK_INT(c, findings_of_kind(t.findings, FINDING_FACTS_BREAK), 1);
    CHECK_INT(c, findings_at(t.findings, FINDING_FACTS_BREAK, 0)->offset, 1);
    CHECK_TEXT(c, findings_at(t.findings, FINDING_FACTS_BREAK, 0)->text, "of users:u funds it says 25, where 5 was left before it, and what comes after goes on from "
               "that: the record was altered, or another program wrote there and took it back before anybody looked");
    CHECK_INT(c, findings_of_weight(t.findings, FINDING_FOREIGN), 0);
    CHECK_INT(c, (int64_t)chain_account(t.chain, CHAIN_MONEY)->foreign, 0);
    close_table(&t);
}

/* Offsets 1 and 2 are there and back, 3 is another write. */
static void write_there_and_back(struct checks *c, struct table *t)
{
    deposit(c, t, 0, 50);
    deposit(c, t, 18, 21);
    deposit(c, t, 71, 1);
    deposit(c, t, 82, 1);
}

static void who_writes_a_key_may_take_it_back(struct checks *c)
{
    struct table t;

    open_table(c, &t);
    write_there_and_back(c, &t);
    chain_finish(t.chain);
    CHECK_INT(c, findings_of_weight(t.findings, FINDING_WRONG), 0);
    CHECK_INT(c, findings_of_kind(t.findings, FINDING_FOREIGN_WRITE), 3);
    for (int64_t i = 0; i < 3; i++) {
        static const int64_t amounts[] = {-32, 32, 10};
        const struct finding *found = findings_at(t.findings, FINDING_FOREIGN_WRITE, (size_t)i);

        CHECK_INT(c, found->offset, i + 1);
        CHECK_INT(c, found->became - found->was, amounts[i]);
    }
    CHECK_INT(c, (int64_t)chain_account(t.chain, CHAIN_MONEY)->foreign, 10);
    CHECK_INT(c, chain_account(t.chain, CHAIN_MONEY)->foreign_writes, 3);
    close_table(&t);
}

static void nobody_writes_within_a_transaction(struct checks *c)
{
    struct table t;

    open_table(c, &t);
    t.entry = 7;
    write_there_and_back(c, &t);
    chain_finish(t.chain);
    CHECK_INT(c, findings_of_kind(t.findings, FINDING_FACTS_BREAK), 1);
    CHECK_INT(c, findings_at(t.findings, FINDING_FACTS_BREAK, 0)->offset, 1);
    CHECK_TEXT(c, findings_at(t.findings, FINDING_FACTS_BREAK, 0)->text, "of users:u funds it says 18, where 50 was left before it, and what comes after goes on from "
               "that: the record was altered");
    CHECK_INT(c, chain_account(t.chain, CHAIN_MONEY)->foreign_writes, 1);
    close_table(&t);
}

static int compare_funds(struct table *t, int64_t funds)
{
    static const struct name user = {1, "u"};
    const struct observation found = {.kind = VIEW_FUNDS, .owner = &user, .before = VIEW_PRESENT, .before_value = funds, .after = VIEW_PRESENT, .after_value = funds};
    struct fold_value held;

    return chain_compare(t->chain, &found, &held);
}

static void redis_tells_an_altered_record_too(struct checks *c)
{
    struct table t;

    open_table(c, &t);
    deposit(c, &t, 0, 5);
    deposit(c, &t, 25, 1);
    CHECK_INT(c, compare_funds(&t, 6), CHAIN_EQUAL);
    chain_finish(t.chain);
    CHECK_INT(c, findings_of_kind(t.findings, FINDING_FACTS_BREAK), 1);
    CHECK_INT(c, findings_of_weight(t.findings, FINDING_FOREIGN), 0);
    close_table(&t);
}

static void who_writes_a_key_may_take_it_back_behind_the_log(struct checks *c)
{
    struct table t;

    open_table(c, &t);
    deposit(c, &t, 0, 5);
    deposit(c, &t, 25, 1);
    deposit(c, &t, 26, 1);
    deposit(c, &t, 37, 1);
    CHECK_INT(c, compare_funds(&t, 28), CHAIN_DIFFERS);
    chain_finish(t.chain);
    CHECK_INT(c, findings_of_weight(t.findings, FINDING_WRONG), 0);
    CHECK_INT(c, findings_of_kind(t.findings, FINDING_FOREIGN_WRITE), 2);
    close_table(&t);
}

static void what_is_missing_explains_what_its_keys_did(struct checks *c)
{
    const struct event lost = deposit_of(20);
    struct chain_place after = {.era = 1, .id = {1, 0}}, next = {.era = 1, .id = {9, 0}};
    struct table t;

    open_table(c, &t);
    deposit(c, &t, 0, 5);
    deposit(c, &t, 25, 1);             /* of another partition, and before anybody knows that one is missing */
    chain_miss(t.chain, &after, 0, &lost);
    chain_reached(t.chain, &next);
    deposit(c, &t, 26, 1);
    chain_finish(t.chain);
    CHECK_INT(c, findings_of_weight(t.findings, FINDING_FOREIGN), 0);
    CHECK_INT(c, (int64_t)chain_account(t.chain, CHAIN_MONEY)->unknown, 20);
    close_table(&t);
}

/* --- findings */

static void say(struct findings *findings, enum finding_kind kind, int64_t offset)
{
    struct finding finding = {.kind = kind, .range = offset < 0 ? -1 : 0, .offset = offset};

    findings_say(findings, &finding, "it is so");
}

static void of_an_event_the_earliest_kind_speaks(struct checks *c)
{
    struct findings *findings;

    CHECK_INT(c, findings_new(&findings, 100), 0);
    for (int64_t offset = 1000; offset-- > 0;)
        say(findings, FINDING_FACTS, offset % 90);
    CHECK_INT(c, findings_of_kind(findings, FINDING_FACTS), 90);
    say(findings, FINDING_OUTCOME_MISSING, 7);
    say(findings, FINDING_KEY, 7);
    say(findings, FINDING_FOREIGN_WRITE, 7);
    say(findings, FINDING_MARK, -1);
    CHECK_INT(c, findings_of_kind(findings, FINDING_FACTS), 89);
    CHECK_INT(c, findings_of_kind(findings, FINDING_OUTCOME_MISSING), 1);
    CHECK_INT(c, findings_of_kind(findings, FINDING_KEY), 0);
    CHECK_INT(c, findings_of_weight(findings, FINDING_FOREIGN), 1);
    CHECK_INT(c, findings_of_weight(findings, FINDING_WRONG), 91);
    for (size_t i = 0; i < 89; i++)
        CHECK_INT(c, findings_at(findings, FINDING_FACTS, i)->offset, i < 7 ? (int64_t)i : (int64_t)i + 1);
    CHECK(c, !findings_at(findings, FINDING_FACTS, 89));
    say(findings, FINDING_OUTCOME_UNREADABLE, 8);      /* after they were sorted */
    CHECK_INT(c, findings_of_kind(findings, FINDING_FACTS), 88);
    CHECK(c, findings_has(findings, 0, 8) && !findings_has(findings, 0, 90));
    findings_free(findings);
}

static void all_are_counted_and_some_are_kept(struct checks *c)
{
    struct findings *findings;

    CHECK_INT(c, findings_new(&findings, 3), 0);
    for (int64_t offset = 0; offset < 10; offset++)
        say(findings, FINDING_OUTCOME_MISSING, offset);
    CHECK_INT(c, findings_of_kind(findings, FINDING_OUTCOME_MISSING), 10);
    CHECK(c, findings_at(findings, FINDING_OUTCOME_MISSING, 2) && !findings_at(findings, FINDING_OUTCOME_MISSING, 3));
    findings_free(findings);
}

int main(void)
{
    static const struct test tests[] = {
        {"slots are what was written", slots_are_what_was_written},
        {"a folder that is not there is named", a_folder_that_is_not_there_is_named},
        {"the window is the rule", the_window_is_the_rule},
        {"time moves by a minute at most", time_moves_by_a_minute_at_most},
        {"the sequence that does not fit is named", the_sequence_that_does_not_fit_is_named},
        {"facts bear a decision out", facts_bear_a_decision_out},
        {"what another program wrote is told with its amount", what_another_program_wrote_is_told_with_its_amount},
        {"a record that nobody follows was altered, or a write was taken back", a_record_that_nobody_follows_was_altered_or_a_write_was_taken_back},
        {"who writes a key may take it back", who_writes_a_key_may_take_it_back},
        {"nobody writes within a transaction", nobody_writes_within_a_transaction},
        {"redis tells an altered record too", redis_tells_an_altered_record_too},
        {"who writes a key may take it back behind the log", who_writes_a_key_may_take_it_back_behind_the_log},
        {"what is missing explains what its keys did", what_is_missing_explains_what_its_keys_did},
        {"of an event the earliest kind speaks", of_an_event_the_earliest_kind_speaks},
        {"all are counted and some are kept", all_are_counted_and_some_are_kept},
    };

    return tests_run(tests, sizeof tests / sizeof *tests);
}
