#include "store/login.h"

#include <stdlib.h>
#include <string.h>

#include "store/exec.h"
#include "store/session.h"

static void forget(char **secret)
{
    if (*secret)
        explicit_bzero(*secret, strlen(*secret));
    free(*secret);
    *secret = NULL;
}

int login_init(struct login *login, const char *user, const char *password)
{
    *login = (struct login){.user = user, .password = strdup(password)};
    return login->password ? 0 : -ENOMEM;
}

void login_deinit(struct login *login)
{
    forget(&login->password);
    forget(&login->former);
}

int login_change(struct login *login, const char *password)
{
    char *copy = strdup(password);

    if (!copy)
        return -ENOMEM;
    if (login->former)                   /* the one before was never taken */
        forget(&login->password);
    else
        login->former = login->password;
    login->password = copy;
    return 0;
}

static int auth(const struct login *login, const char *password, struct session *session, struct commands *commands, struct arena *arena,
                struct error_text *error)
{
    struct reply **replies;
    struct bytes text;
    int r;

    if (!password[0])
        return 0;
    if (login->user[0])
        command_texts(commands, "AUTH", login->user, password, NULL);
    else
        command_texts(commands, "AUTH", password, NULL);
    r = commands_error(commands);
    arena_reset(arena);
    if (!r)
        r = session_ask(session, commands, arena, &replies);
    explicit_bzero(commands->bytes.data, commands->bytes.capacity);
    commands_reset(commands);
    if (r)
        return error_set(error, r, "connection lost in the handshake");
    if (replies[0]->type != REPLY_ERROR)
        return 0;
    text = replies[0]->text;
    return error_set(error, store_trouble_of(text) == TROUBLE_STOP ? -EACCES : -EAGAIN, "AUTH: %.*s", (int)(text.size < 300 ? text.size : 300), text.data);
}

static void taken(struct login *login)
{
    log_notice(login->log, "redis takes the changed password address=%s", login->address);
    forget(&login->former);
}

int login_begin(struct login *login, struct session *session, struct commands *commands, struct arena *arena, struct error_text *error)
{
    int r = auth(login, login->password, session, commands, arena, error);

    if (!login->former)
        return r;
    if (!r)
        taken(login);
    if (r != -EACCES)
        return r;
    log_warning(login->log, "redis does not take the changed password, the former one is tried address=%s error=\"%s\"", login->address, error->text);
    return auth(login, login->former, session, commands, arena, error);
}

int login_again(struct login *login, struct session *session, struct commands *commands, struct arena *arena)
{
    struct error_text error = {""};
    int r = auth(login, login->password, session, commands, arena, &error);

    if (r && !session_is_up(session))
        return r;
    if (r)
        log_error(login->log, "redis does not take the changed password, the connection goes on as it was, further ones try both address=%s error=\"%s\"",
                  login->address, error.text);
    else
        taken(login);
    return 0;
}
