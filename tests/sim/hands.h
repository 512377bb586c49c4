/* An operator's hands in the running instances (turn/operator.h): what is wished for, carried out between two steps of the instance that is meant. */
#ifndef ORDERD_TESTS_SIM_HANDS_H
#define ORDERD_TESTS_SIM_HANDS_H

#include "sim/history.h"

void hands_reset(void);
/* Whether anybody has reached into this history. */
bool hands_are_there(void);
/* An instance of the program has begun; what waits for it is carried out now, in its own fiber. */
void hands_life_begins(struct program *program);
void hands_serve(struct program *program, struct instance *instance);
/* Whether something is paused, or an instance quiet. */
bool hands_hold(void);
/* Lets all go on, of every instance; to be called until nothing is held. */
void hands_let_go(void);

#endif
