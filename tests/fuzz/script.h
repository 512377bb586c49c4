/* A server that says what the input says (fuzz/tree.h), whatever it was asked; `!` is silence, the end of the text a lost connection. */
#ifndef ORDERD_TESTS_FUZZ_SCRIPT_H
#define ORDERD_TESTS_FUZZ_SCRIPT_H

#include "fuzz/fuzz.h"
#include "store/session.h"

/* What the next receives get. The text must outlive them. */
void script_begin(struct bytes text);
/* What was not received yet. */
struct bytes script_left(void);
/* Answers of an honest server to a whole handshake without password and gate. */
extern const char script_handshake[];
/* A session that passed this handshake; the script is at its end then. */
struct session *script_session(struct clock *clock);

#endif
