/* What may go wrong, and how often. Each scope is visited whole. */
#include "model.h"

#include <string.h>

const struct scope scopes[] = {
    {"zombies", "owners that do not know it yet, lost replies, EXECs that run late",
     .offsets = 2, .budget = {.duel = 1, .conflict = 1, .lost = 1, .late = 1, .rebalance = 2, .all = 2}},
    {"reconnects", "lost connections and what was still on them, one offset",
     .offsets = 1, .budget = {.duel = 1, .conflict = 1, .lost = 1, .late = 1, .rebalance = 1, .all = 3}},
    {"crashes", "kill -9 at every step, EXECs that run late",
     .offsets = 2, .budget = {.duel = 1, .late = 1, .crash = 1, .rebalance = 1, .all = 2}},
    {"deadlines", "events that are in conflict past their deadline",
     .offsets = 2, .budget = {.duel = 1, .conflict = 1, .deadline = 1, .lost = 1, .rebalance = 1, .all = 1}},
    {"deliveries", "producers that fail, flushes, records of before",
     .offsets = 2, .budget = {.duel = 1, .failed = 2, .lost = 1, .rebalance = 1, .crash = 1, .all = 2}},
    {"rollback", "redis comes back older, without a gate",
     .offsets = 2, .durable = true, .budget = {.duel = 1, .rebalance = 1, .rollback = 1, .all = 2}},
    {"rollback-one", "the same of one offset, and decisions that differ",
     .offsets = 1, .durable = true, .budget = {.duel = 1, .conflict = 1, .rebalance = 1, .rollback = 1, .all = 2}},
    {"rollback-crash", "redis comes back older after a crash, without a gate",
     .offsets = 2, .durable = true, .budget = {.conflict = 1, .lost = 1, .crash = 1, .rollback = 1, .all = 3}},
    {"rollback-twice", "redis comes back older, and again from before the resolution",
     .offsets = 1, .durable = true, .budget = {.duel = 1, .conflict = 1, .rollback = 2, .all = 2}},
    {"beneath", "redis goes back beneath a connection, before one owner",
     .offsets = 2, .durable = true, .beneath = true, .budget = {.duel = 1, .conflict = 1, .rollback = 1, .all = 1}},
    {"gate", "redis comes back older, behind a durability gate",
     .offsets = 1, .gate = true, .durable = true, .beneath = true, .budget = {.duel = 1, .conflict = 1, .rebalance = 1, .rollback = 1, .all = 2}},
    {"gate-crash", "redis comes back older after a crash, behind a durability gate",
     .offsets = 2, .gate = true, .durable = true, .beneath = true, .budget = {.duel = 1, .conflict = 1, .crash = 1, .rollback = 1, .all = 2}},
    {"torn", "a transaction is applied in part",
     .offsets = 2, .budget = {.duel = 1, .torn = 1, .lost = 1, .rebalance = 1, .late = 1, .all = 2}},
};
const size_t scopes_count = sizeof scopes / sizeof *scopes;

const struct scope *scope_named(const char *name)
{
    for (size_t i = 0; i < scopes_count; i++)
        if (strcmp(scopes[i].name, name) == 0)
            return &scopes[i];
    return NULL;
}
