#include <stdio.h>
#include <string.h>

#include "codec/members.h"
#include "codec/text.h"
#include "commands/offsets.h"
#include "ledger/moves.h"

enum { CELL_SIZE = 2 * OFFSETS_NAME_MAX + 64, COLUMNS = 11 };

static const struct {
    const char *name;
    bool left;                           /* text; numbers stand right */
} columns[COLUMNS] = {{"PARTITION", true}, {"LOG START", false}, {"DONE", false},      {"NEXT", false},       {"LOG END", false}, {"LAG", false},
                      {"UNDELIVERED", false}, {"COMMITTED", false}, {"BY", true}, {"OUTCOMES END", false}, {"OWNER", true}};

static void number(char out[CELL_SIZE], int64_t value)
{
    if (value < 0)
        snprintf(out, CELL_SIZE, "-");
    else
        snprintf(out, CELL_SIZE, "%lld", (long long)value);
}

static void say_commit(char out[CELL_SIZE], const struct offsets_row *row)
{
    static const char *const whose[] = {[COMMIT_CURRENT] = "", [COMMIT_FORMER] = "former ", [COMMIT_UNKNOWN] = "unknown "};

    if (row->commit == COMMIT_NONE)
        snprintf(out, CELL_SIZE, "-");
    else if (row->commit == COMMIT_NOT_OURS)
        snprintf(out, CELL_SIZE, "another program");
    else
        snprintf(out, CELL_SIZE, "%sera %lld", whose[row->commit], (long long)row->note.era);
}

static void say_owner(char out[CELL_SIZE], const struct offsets_row *row)
{
    if (row->member[0])
        snprintf(out, CELL_SIZE, "%s@%s", row->client, row->host);
    else
        snprintf(out, CELL_SIZE, "-");
    text_clean(out);
}

static void cell(char out[CELL_SIZE], const struct offsets_row *row, int column)
{
    const int64_t numbers[COLUMNS] = {-1, row->start, row->done, row->next, row->end, offsets_lag(row), offsets_undelivered(row), row->committed,
                                      -1, row->outcomes_end, -1};

    if (column == 0)
        snprintf(out, CELL_SIZE, "%s:%d%s%s", row->topic, row->partition, row->torn ? " (torn)" : "", row->paused ? " (paused)" : "");
    else if (column == 8)
        say_commit(out, row);
    else if (column == 10)
        say_owner(out, row);
    else
        number(out, numbers[column]);
}

static void measure(const struct offsets *offsets, int widths[COLUMNS])
{
    char text[CELL_SIZE];

    for (int column = 0; column < COLUMNS; column++) {
        widths[column] = (int)strlen(columns[column].name);
        for (size_t i = 0; i < offsets->rows_count; i++) {
            cell(text, &offsets->rows[i], column);
            widths[column] = (int)strlen(text) > widths[column] ? (int)strlen(text) : widths[column];
        }
    }
}

static void print_cell(FILE *out, int column, int width, const char *text)
{
    if (column == COLUMNS - 1)
        fprintf(out, "%s\n", text);
    else
        fprintf(out, columns[column].left ? "%-*s  " : "%*s  ", width, text);
}

static void print_table(const struct offsets *offsets, FILE *out)
{
    int widths[COLUMNS];
    char text[CELL_SIZE];

    measure(offsets, widths);
    for (int column = 0; column < COLUMNS; column++)
        print_cell(out, column, widths[column], columns[column].name);
    for (size_t i = 0; i < offsets->rows_count; i++)
        for (int column = 0; column < COLUMNS; column++) {
            cell(text, &offsets->rows[i], column);
            print_cell(out, column, widths[column], text);
        }
}

static void print_registry(const struct offsets_registry *r, FILE *out)
{
    if (r->read == -ENOENT)
        fprintf(out, "registry %s: there is none yet\n", r->key);
    else if (r->read)
        fprintf(out, "registry %s: it cannot be read; see orderd check --connect\n", r->key);
    else
        fprintf(out, "registry %s: incarnation %s, era %lld\n", r->key, r->registry->incarnation, (long long)r->registry->era);
    if (!r->read && r->registry->halt[0])
        fprintf(out, "  halted: %s\n", r->registry->halt);
}

static void print_moves(const struct offsets_registry *r, FILE *out)
{
    struct bytes rest = buffer_bytes(&r->moved);
    char time[TEXT_TIME_SIZE];
    struct move move;

    while (moves_next(&rest, &move)) {
        text_time(time, move.at);
        fprintf(out, "moved %s: %.*s:%d from %lld to %lld: %.*s\n", time, (int)move.topic.size, move.topic.data, move.partition, (long long)move.from,
                (long long)move.to, (int)move.reason.size, move.reason.data);
    }
}

void offsets_print(const struct offsets *offsets, FILE *out)
{
    fprintf(out, "group %s: %s, %zu member%s\n", offsets->site->config->kafka.group, offsets->group.state, offsets->group.members,
            offsets->group.members == 1 ? "" : "s");
    for (size_t i = 0; i < offsets->registries_count; i++)
        print_registry(&offsets->registries[i], out);
    print_table(offsets, out);
    for (size_t i = 0; i < offsets->registries_count; i++)
        print_moves(&offsets->registries[i], out);
}

/* --- JSON */

static void put_moves(struct buffer *out, const struct offsets_registry *r)
{
    struct bytes rest = buffer_bytes(&r->moved);
    struct move move;

    members_open(out, "moved", '[');
    while (moves_next(&rest, &move)) {
        members_element(out);
        members_bytes(out, "topic", move.topic);
        members_int(out, "partition", move.partition);
        members_int(out, "from", move.from);
        members_int(out, "to", move.to);
        members_time(out, "time", move.at);
        members_bytes(out, "because", move.reason);
        buffer_put_char(out, '}');
    }
    buffer_put_char(out, ']');
}

static void put_registry(struct buffer *out, const struct offsets_registry *r)
{
    members_element(out);
    members_text(out, "key", r->key);
    members_int_or_null(out, "shard", r->shard);
    members_text(out, "state", r->read == -ENOENT ? "missing" : r->read ? "unreadable" : r->registry->halt[0] ? "halted" : "good");
    members_text_or_null(out, "incarnation", r->read ? "" : r->registry->incarnation);
    members_int_or_null(out, "era", r->read ? -1 : r->registry->era);
    members_text_or_null(out, "halt", r->read ? "" : r->registry->halt);
    put_moves(out, r);
    buffer_put_char(out, '}');
}

static void put_note(struct buffer *out, const struct offsets_row *row)
{
    static const char *const whose[] = {[COMMIT_CURRENT] = "current", [COMMIT_FORMER] = "former", [COMMIT_UNKNOWN] = "unknown"};

    if (row->commit == COMMIT_NONE || row->commit == COMMIT_NOT_OURS) {
        members_text_or_null(out, "committed_by", row->commit == COMMIT_NONE ? "" : "another program");
        members_text_or_null(out, "note", "");
        return;
    }
    members_text(out, "committed_by", whose[row->commit]);
    members_open(out, "note", '{');
    members_text(out, "incarnation", row->note.incarnation);
    members_int(out, "era", row->note.era);
    members_int(out, "handed", row->note.handed);
    members_int(out, "reached", row->note.reached);
    buffer_put_char(out, '}');
}

static void put_owner(struct buffer *out, const struct offsets_row *row)
{
    if (!row->member[0]) {
        members_text_or_null(out, "owner", "");
        return;
    }
    members_open(out, "owner", '{');
    members_text(out, "member", row->member);
    members_text(out, "client", row->client);
    members_text(out, "host", row->host);
    buffer_put_char(out, '}');
}

static void put_row(struct buffer *out, const struct offsets_row *row)
{
    members_element(out);
    members_text(out, "topic", row->topic);
    members_int(out, "partition", row->partition);
    members_int_or_null(out, "log_start", row->start);
    members_int_or_null(out, "done", row->done);
    members_int_or_null(out, "next", row->next);
    members_int_or_null(out, "log_end", row->end);
    members_int_or_null(out, "lag", offsets_lag(row));
    members_int_or_null(out, "undelivered", offsets_undelivered(row));
    members_int_or_null(out, "committed", row->committed);
    put_note(out, row);
    members_int_or_null(out, "outcomes_end", row->outcomes_end);
    members_flag(out, "torn", row->torn);
    members_flag(out, "paused", row->paused);
    put_owner(out, row);
    buffer_put_char(out, '}');
}

void offsets_put_json(struct buffer *out, const struct offsets *offsets)
{
    buffer_put_char(out, '{');
    members_time(out, "time", clock_realtime_ms(offsets->site->clock));
    members_open(out, "group", '{');
    members_text(out, "name", offsets->site->config->kafka.group);
    members_text(out, "state", offsets->group.state);
    members_int(out, "members", (int64_t)offsets->group.members);
    buffer_put_char(out, '}');
    members_open(out, "registries", '[');
    for (size_t i = 0; i < offsets->registries_count; i++)
        put_registry(out, &offsets->registries[i]);
    buffer_put_char(out, ']');
    members_open(out, "partitions", '[');
    for (size_t i = 0; i < offsets->rows_count; i++)
        put_row(out, &offsets->rows[i]);
    buffer_put_text(out, "]}\n");
}
