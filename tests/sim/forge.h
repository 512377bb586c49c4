/* Forgeries of an honest history, and the violation that the auditor must name for each. */
#ifndef ORDERD_TESTS_SIM_FORGE_H
#define ORDERD_TESTS_SIM_FORGE_H

#include "sim/told.h"

#define FORGERIES_OF_RECORDS(X) \
    X(an_outcome_is_missing, OUTCOME_MISSING) X(two_outcomes_change_places, OUTCOME_ORDER) \
    X(a_copy_has_another_value, COPY_DIFFERS) X(a_copy_has_another_key, COPY_DIFFERS) X(a_copy_has_another_header, COPY_DIFFERS) \
    X(a_copy_lies_elsewhere, COPY_DIFFERS) X(an_outcome_lies_elsewhere, OUTCOME_PARTITION) \
    X(an_outcome_has_another_key, OUTCOME_KEY) X(an_outcome_has_no_key, OUTCOME_KEY) \
    X(an_outcome_names_no_event, OUTCOME_UNREADABLE) X(an_outcome_names_another_topic, OUTCOME_UNREADABLE) \
    X(an_event_is_decided_twice, DECIDED_TWICE) X(a_sequence_is_no_number, SEQUENCE_FORM) \
    X(a_sequence_is_given_twice, SEQUENCE_TWICE) X(sequences_fall, SEQUENCE_ORDER) X(a_sequence_is_too_early, SEQUENCE_ORDER) \
    X(a_status_is_wrong, STATUS) X(a_duplicate_is_decided_anew, STATUS) X(the_window_is_too_short, STATUS) \
    X(the_window_holds_too_little, STATUS) X(a_reason_is_wrong, REASON) X(a_reused_id_is_called_the_same, REASON) \
    X(a_malformed_reason_is_wrong, REASON) X(nothing_says_why_it_is_malformed, DETAIL) X(a_fact_is_wrong, FACTS) \
    X(a_fact_is_missing, FACTS) X(another_key_is_called_invalid, FACTS) X(a_duplicate_names_another_first, FIRST) \
    X(an_event_is_not_carried, EVENT) X(an_unknown_field_is_not_carried, EVENT) X(an_id_is_wrong, EVENT) X(a_value_is_cut, VALUE) \
    X(a_value_is_null, VALUE) X(a_value_has_white_space, VALUE) X(a_timestamp_is_wrong, VALUE) X(a_time_has_no_milliseconds, TIME) \
    X(two_times_of_decision, TIME) X(no_attempt_was_made, ATTEMPTS) X(a_header_is_missing, HEADERS) \
    X(a_header_is_one_too_many, HEADERS) X(a_subject_is_wrong, HEADERS) X(an_incarnation_is_none, HEADERS) \
    X(a_trace_is_broken_off, TRACE) X(a_trace_keeps_its_span, TRACE) X(a_tracestate_is_dropped, HEADERS) \
    X(an_event_is_skipped_unasked, STATUS) X(a_malformed_event_is_called_skipped, REASON) \
    X(an_event_without_a_deadline_expires, EXPIRED) X(an_event_expires_without_a_conflict, EXPIRED)

#define FORGERIES_OF_STATE(X) \
    X(a_dead_letter_is_missing, LETTER_MISSING) X(a_dead_letter_lacks_a_byte, LETTER) X(a_dead_letter_has_another_key, LETTER) \
    X(a_dead_letter_lacks_a_header, LETTER) X(a_dead_letter_changes_a_header, LETTER) X(a_dead_letter_has_another_reason, LETTER) \
    X(two_dead_letters_differ, LETTER_COPY) X(a_good_event_has_a_dead_letter, LETTER_STRANGER) \
    X(a_skipped_event_has_no_dead_letter, LETTER_MISSING) X(a_skipped_letter_lacks_a_byte, LETTER) \
    X(a_skipped_letter_has_another_reason, LETTER_MISSING) X(a_skipped_event_takes_effect, MARKET) X(a_dead_letter_of_nothing, LETTER_STRANGER) X(dead_letters_lie_elsewhere, LETTER_PARTITION) X(an_effect_is_doubled, MARKET) \
    X(money_is_made, MONEY) X(money_changes_its_owner, MARKET) X(an_item_is_lost, ITEMS) X(an_item_is_there_twice, ITEMS) \
    X(a_listing_has_another_price, MARKET) X(the_market_is_gone, MARKET) X(the_market_has_another_type, MARKET) \
    X(more_is_reserved_than_there_was, STOCK_NEGATIVE) X(the_stock_is_no_number, MARKET) X(a_foreign_write_comes_late, FACTS) \
    X(foreign_writes_are_forgotten, MARKET) X(a_foreign_command_is_unknown, WORLD_UNREADABLE) \
    X(a_commit_is_above_the_end, COMMIT_TOO_FAR) X(a_commit_is_above_what_was_delivered, COMMIT_TOO_FAR) \
    X(a_commit_is_behind, COMMIT_BEHIND) X(nothing_was_committed, COMMIT_BEHIND) X(an_entry_is_left, OUTBOX) \
    X(a_mark_is_behind, MARK) X(a_mark_is_not_done, MARK) X(a_mark_is_missing, MARK) X(a_mark_is_torn, TORN) \
    X(a_market_is_halted, HALTED) X(a_seen_list_has_a_hole, SEEN) X(a_seen_list_ends_early, SEEN) \
    X(a_registry_is_another_one, REGISTRY) X(an_outcome_is_of_a_later_era, REGISTRY)

#define FORGE_PROTOTYPE(forgery, kind) void forgery(struct told *told);
FORGERIES_OF_RECORDS(FORGE_PROTOTYPE)
FORGERIES_OF_STATE(FORGE_PROTOTYPE)
#undef FORGE_PROTOTYPE

/* Partition 0's outcome of that place in its log. */
struct audit_message *outcome(struct told *told, size_t index);
/* The first outcome of either partition whose value holds the text. */
struct audit_message *saying(struct told *told, const char *text);
/* The header must be there. */
void set_header(struct audit_message *message, const char *name, const char *value);
void drop_header(struct audit_message *message, const char *name);

#endif
