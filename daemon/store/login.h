/* Who a connection says it is: user and password, and the former password while Redis has not taken the changed one.
 *
 * An operator changes a password in two places, one after the other, so for a while Redis may take the one, the other or both. */
#ifndef ORDERD_STORE_LOGIN_H
#define ORDERD_STORE_LOGIN_H

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "store/command.h"

struct session;

struct login {
    const char *user, *address;      /* the caller's; address: for the log */
    const struct log *log;
    char *password, *former;         /* owned and wiped; former NULL: none */
};

/* Copies the password, "": none. Errors: -ENOMEM. */
int login_init(struct login *login, const char *user, const char *password) MUST_CHECK;
void login_deinit(struct login *login);
/* The password from now on. Errors: -ENOMEM. */
int login_change(struct login *login, const char *password) MUST_CHECK;

/* AUTH on a new connection, by `commands`, which are empty: with the password, then with the former one. 0; -EACCES or -EAGAIN: refused; or the
 * connection is lost, which the session tells. */
int login_begin(struct login *login, struct session *session, struct commands *commands, struct arena *arena, struct error_text *error) MUST_CHECK;
/* AUTH with the changed password on a connection that works: when Redis refuses it, the connection goes on as it was, and that is said. 0, or the
 * connection is lost. */
int login_again(struct login *login, struct session *session, struct commands *commands, struct arena *arena) MUST_CHECK;

#endif
