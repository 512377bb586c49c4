/* Fibers: the several programs of a simulated world, of which one works at a time, and the virtual time that passes when all of them wait.
 *
 * Which one goes first of those that may is drawn from the world's seed, so that a seed is one history. */
#ifndef ORDERD_TESTS_SIM_FIBER_H
#define ORDERD_TESTS_SIM_FIBER_H

#include "fake/world.h"

enum { FIBERS_MAX = 16 };

/* The world must be there; nothing runs yet. */
void fibers_begin(void);
/* A program of that node (which may be NULL). It ends when `run` returns. */
void fiber_spawn(struct node *node, void (*run)(void *context), void *context);
/* The fiber at work waits; others work meanwhile. */
void fiber_sleep(int64_t ms);
/* The node's fiber waits no longer. */
void fiber_wake(struct node *node);
/* Lets fibers work until `finished` says so, which is asked whenever one has stopped working, or none is left. */
void fibers_run(bool (*finished)(void));
/* True once fibers_run has ended: whoever still works should come to an end without further effect. */
bool fibers_are_over(void);
/* Lets every fiber run to its end, the nodes being dead. */
void fibers_end(void);

#endif
