/* What chance alone would not meet: the server in trouble, between queue and EXEC too, a time to live that runs out, a connection that is
 * killed. Each makes its condition real, lets commands meet it, and ends it. */
#ifndef ORDERD_TESTS_DIFFER_SCENES_H
#define ORDERD_TESTS_DIFFER_SCENES_H

#include "differ/both.h"

/* Before the first scene. */
void scenes_prepare(struct both *both);
/* A scene by chance, or the one of that name. */
void scenes_play(struct both *both, const char *name);

/* Random commands on random connections. */
void differ_some(struct both *both, int runs);

#endif
