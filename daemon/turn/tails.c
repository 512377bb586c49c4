#include "turn/tails.h"

void tails_join(const struct tail *tails, const struct lane *lanes, struct turn *turn)
{
    for (size_t i = 0; i < turn->runs_count; i++) {
        struct run *run = &turn->runs[i];
        const struct tail *tail = &tails[run->lane - lanes];

        run->joins = tail->open && run->entry && run->entry->records.size == 0;
        if (!run->joins)
            continue;
        run->joined = tail->id;
        run->entry->from = tail->from;
    }
}

void tails_note(struct tail *tails, const struct lane *lanes, const struct turn *turn)
{
    for (size_t i = 0; i < turn->runs_count; i++) {
        const struct outbox_entry *entry = turn->runs[i].entry;

        if (entry)
            tails[turn->runs[i].lane - lanes] = (struct tail){entry->records.size == 0, entry->id, entry->from};
    }
}
