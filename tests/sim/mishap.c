#include "sim/mishap.h"

static const struct row {
    const char *name;
    enum arrow arrow;
    int weight;
    int64_t longest_ms;
    const char *sentence;
} rows[MISHAP_COUNT] = {
#define X(name, arrow, weight, longest, sentence) {#name, arrow, weight, longest, sentence},
    MISHAPS(X)
#undef X
};

const char *mishap_name(enum mishap_kind kind)
{
    return rows[kind].name;
}

const char *mishap_sentence(enum mishap_kind kind)
{
    return rows[kind].sentence;
}

enum arrow mishap_arrow(enum mishap_kind kind)
{
    return rows[kind].arrow;
}

int mishap_weight(enum mishap_kind kind)
{
    return rows[kind].weight;
}

int64_t mishap_longest_ms(enum mishap_kind kind)
{
    return rows[kind].longest_ms;
}
