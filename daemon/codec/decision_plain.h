/* The short way of codec/decision.c: an outcome laid out as codec/outcome.c does it, read in one pass without the JSON library. */
#ifndef ORDERD_CODEC_DECISION_PLAIN_H
#define ORDERD_CODEC_DECISION_PLAIN_H

#include "codec/decision.h"

/* False says nothing about the value but that the library must read it; `out` is then undefined. True: the library would have read the same. */
bool decision_plain(struct decision *out, struct bytes value);
/* Whether it can be the name of a topic. */
bool decision_is_topic(struct bytes topic);

#endif
