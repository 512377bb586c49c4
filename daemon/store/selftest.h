/* Proves at connect that this user may run the whole shape of a turn, before any event depends on it.
 *
 * A right that is missing inside MULTI would refuse every turn; one that is missing only inside EXEC would tear it. */
#ifndef ORDERD_STORE_SELFTEST_H
#define ORDERD_STORE_SELFTEST_H

#include "store/session.h"

/* Runs every command of a turn once on keys "PREFIXorderd:selftest:…" that the same EXEC removes, and asks by ACL DRYRUN,
 * where that is allowed, whether the key patterns are granted. Errors: -EACCES with command and key in `error`; -EAGAIN
 * (the server is not ready); a lost connection. */
int selftest_run(struct session *session, const char *prefix, struct clock *clock, struct error_text *error) MUST_CHECK;

#endif
