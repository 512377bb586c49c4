#!/usr/bin/python3
"""Whether the differential test sees a wrong model: each mutation is put into a copy of one source of the model, and must be found.

mutations.py --objects "OBJECT;…" [--cc CC] [--flags "FLAG …"] [--server PROGRAM] [ROW …]. The rows are those of the
experiments on Redis (what touches a WATCHed key; what fails when). Ends with "N passed, N failed".
"""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
INCLUDES = [f"-I{TESTS}", f"-I{os.path.join(os.path.dirname(TESTS), 'daemon')}"]
COMMANDS, SEED, WORKERS = 400000, 1, 2
RUN, SERVER, GENERIC, STRING, HASH, SET, ZSET, LIST, STREAM, KEYSPACE, WHOLE, COMMANDS_C, HISTORY = (
    "redis_server_run.c", "redis_server.c", "keyspace_generic.c", "keyspace_string.c", "keyspace_hash.c", "keyspace_set.c", "keyspace_zset.c",
    "keyspace_list.c", "keyspace_stream.c", "keyspace.c", "keyspace_whole.c", "redis_server_commands.c", "redis_server_history.c")

# (row, what is wrong, file, text that stands there once, text in its stead)
MUTATIONS = [
    # What touches
    ("missing key created", "WATCH of a missing key guards nothing", RUN,
     "        client->watches = room_for(client->watches, client->watches_count, &client->watches_room, sizeof *client->watches);",
     "        if (key->type == KEY_NONE)\n            continue;\n"
     "        client->watches = room_for(client->watches, client->watches_count, &client->watches_room, sizeof *client->watches);"),
    ("created and deleted again", "DEL brings the version back", GENERIC,
     "        key_clear(key);\n        key_touch(c, key);\n        gone++;", "        key_clear(key);\n        key->version--;\n        c->dirty++;\n        gone++;"),
    ("SET to the same value", "it does not touch", STRING,
     "    text_set(&key->string, value);\n    key_touch(c, key);",
     "    if (!key->string.data || !bytes_equal(text_bytes(&key->string), value))\n        key_touch(c, key);\n    text_set(&key->string, value);"),
    ("RENAME", "the old name is not touched", GENERIC, "        key_touch(c, from);\n", ""),
    ("RENAME", "the new name is not touched", GENERIC, "        key_touch(c, to);\n", ""),
    ("RENAME of a key to itself", "it touches", GENERIC, "    over ? resp_status(c->out, \"OK\") : resp_int(c->out, 0);",
     "    key_touch(c, from);\n    over ? resp_status(c->out, \"OK\") : resp_int(c->out, 0);"),
    ("HSET of the same value", "it does not touch", HASH,
     "        *added += put(c, c->args[i], c->args[i + 1]);\n    key_touch(c, c->key);",
     "    {\n        if (!bytes_equal(value_of(c->key, c->args[i]), c->args[i + 1]))\n            key_touch(c, c->key);\n"
     "        *added += put(c, c->args[i], c->args[i + 1]);\n    }"),
    ("ZADD of the same score", "it touches", ZSET, "    if (added.made || added.moved)\n        key_touch", "    if (c->key->type != KEY_NONE)\n        key_touch"),
    ("SADD of an existing member", "it touches", SET, "    if (added) {", "    if (c->count) {"),
    ("PERSIST that changes nothing", "it touches", GENERIC, "    if (had) {", "    if (key->type != KEY_NONE) {"),
    ("EXPIRE", "it does not touch", GENERIC, "        key->expires = when;\n    key_touch(c, key);", "        key->expires = when;\n    c->dirty++;"),
    ("LTRIM that keeps all", "it does not touch", LIST, "    key_clear_if_empty(c->key);\n    key_touch(c, c->key);\n}\n\nenum",
     "    key_clear_if_empty(c->key);\n    if (key_count(c->key) != (size_t)count)\n        key_touch(c, c->key);\n}\n\nenum"),
    ("XDEL of nothing", "it touches", STREAM, "    if (gone)\n        key_touch(c, c->key);\n    resp_int(c->out, gone);\n}\n\n/* One end",
     "    key_touch(c, c->key);\n    resp_int(c->out, gone);\n}\n\n/* One end"),
    ("FLUSHALL, key existed", "it does not touch", WHOLE, "        if (key->type != KEY_NONE)\n            key->version++;\n", ""),
    ("FLUSHALL, key did not exist", "it touches", WHOLE, "        if (key->type != KEY_NONE)\n            key->version++;\n", "        key->version++;\n"),
    ("SWAPDB", "it does not touch", GENERIC, "            key->version++;\n            other->version++;\n", ""),
    ("SWAPDB, key in one of the two", "it does not touch", GENERIC,
     "            key->version++;\n            other->version++;\n",
     "            key->version += other->type != KEY_NONE && key->type != KEY_NONE;\n            other->version += other->type != KEY_NONE && key->type != KEY_NONE;\n"),
    ("SWAPDB, key in none of the two", "it touches", GENERIC, "        if (key->type != KEY_NONE || other->type != KEY_NONE) {", "        if (between) {"),
    ("DEBUG RELOAD, key existed", "it does not touch", HISTORY, "key->version += key->type != KEY_NONE;", "(void)key;"),
    ("DEBUG RELOAD, key did not exist", "it touches", HISTORY, "key->version += key->type != KEY_NONE;", "key->version++;"),
    ("TTL runs out before EXEC", "EXEC does not look", RUN, "        if (watch->key->expires)\n", "        if (false)\n"),
    ("already expired at WATCH", "its deletion touches", RUN, "database_key(database, args[i], server_clock(client->server));\n\n        client->watches",
     "database_key(database, args[i], 0);\n\n        client->watches"),
    ("own write on the same connection", "it does not touch", RUN,
     "        server_wrote(client->server);\n        client->offset = client->server->position;\n    }\n    if (!found.serve",
     "        server_wrote(client->server);\n        for (size_t i = 0; i < client->watches_count; i++)\n"
     "            client->watches[i].version = client->watches[i].key->version;\n    }\n    if (!found.serve"),
    ("same name in another database", "it is the same key", RUN, "&client->server->data.databases[client->database];", "&client->server->data.databases[0];"),
    ("WATCH on a dirty connection", "it begins anew", RUN, "    for (size_t i = 1; i < count; i++) {\n        struct key *key = database_key",
     "    for (size_t i = 0; i < client->watches_count; i++)\n        client->watches[i].version = client->watches[i].key->version;\n"
     "    for (size_t i = 1; i < count; i++) {\n        struct key *key = database_key"),
    ("EXEC and DISCARD unwatch", "they do not", RUN, "    client->queue_all = UINT32_MAX;\n    client_unwatch(client);\n", "    client->queue_all = UINT32_MAX;\n"),
    ("UNWATCH", "it keeps the watches", RUN, "    (void)count;\n    client_unwatch(client);\n", "    (void)count;\n"),
    ("WATCH inside MULTI", "it aborts the transaction", RUN, "        resp_error(&client->outbox, \"ERR WATCH inside",
     "        client->refused = true;\n        resp_error(&client->outbox, \"ERR WATCH inside"),
    ("nested MULTI", "it aborts the transaction", RUN, "        resp_error(&client->outbox, \"ERR MULTI calls",
     "        client->refused = true;\n        resp_error(&client->outbox, \"ERR MULTI calls"),
    ("error at queueing", "it does not abort", RUN, "    client->refused = client->multi;\n", ""),
    ("EXEC's nil", "an empty array", RUN, "        resp_nil_array(&client->outbox);", "        resp_array(&client->outbox, 0);"),
    # What fails when
    ("OOM, queued HDEL", "as before or since Redis 8", RUN, "    return client->multi && client->server->data.major < 8;", "    return client->multi && client->server->data.major >= 8;"),
    ("OOM, a write", "it is taken", RUN, "(flags & COMMAND_DENYOOM || (queues_all", "(false || (queues_all"),
    ("OOM, at EXEC", "it runs", RUN, "client->queue_any & (COMMAND_WRITE | COMMAND_DENYOOM)", "client->queue_any & COMMAND_WRITE"),
    ("OOM, at EXEC without a deny-oom command", "it aborts", RUN, "        may &= client->queue_all;", "        may &= client->queue_all;\n        flags |= COMMAND_DENYOOM;"),
    ("MISCONF, PING", "it is answered", RUN, "(flags & COMMAND_WRITE || is_word(bytes_of(found.command->name), \"PING\"))", "flags & COMMAND_WRITE"),
    ("MISCONF, a write", "it is taken", RUN, "(flags & COMMAND_WRITE || is_word", "(is_word"),
    ("MISCONF, NOREPLICAS, READONLY at EXEC", "it runs", RUN, "client->queue_any & (COMMAND_WRITE | COMMAND_DENYOOM)", "client->queue_any & COMMAND_DENYOOM"),
    ("NOREPLICAS", "writes are taken", RUN, "(is & CONDITION_NOREPLICAS) && flags & COMMAND_WRITE", "(is & CONDITION_NOREPLICAS) && false"),
    ("READONLY", "writes that need no memory are taken", RUN, "(is & CONDITION_READONLY) && flags & COMMAND_WRITE", "(is & CONDITION_READONLY) && flags & COMMAND_DENYOOM"),
    ("READONLY before MASTERDOWN", "the other way round", RUN, "    if ((is & CONDITION_READONLY) &&", "    if ((is & CONDITION_READONLY) && !(is & CONDITION_MASTERDOWN) &&"),
    ("MASTERDOWN, reads", "they are answered", RUN, "!(may & COMMAND_STALE)", "flags & COMMAND_WRITE && !(may & COMMAND_STALE)"),
    ("MASTERDOWN, WATCH", "it is refused", COMMANDS_C, "{\"WATCH\", -2, ALWAYS |", "{\"WATCH\", -2, COMMAND_LOADING |"),
    ("MASTERDOWN, at EXEC with a read", "it runs", RUN, "        may &= client->queue_all;\n", ""),
    ("LOADING", "reads are answered", RUN, "!(may & COMMAND_LOADING)", "flags & COMMAND_WRITE && !(may & COMMAND_LOADING)"),
    ("LOADING, WATCH", "it is refused", COMMANDS_C, "{\"WATCH\", -2, ALWAYS |", "{\"WATCH\", -2, COMMAND_STALE |"),
    ("LOADING, at EXEC", "it runs", RUN, "        may &= client->queue_all;\n", "        may &= client->queue_all | COMMAND_LOADING;\n"),
    ("BUSY", "reads are answered", RUN, "(is & CONDITION_BUSY) && !(flags & COMMAND_BUSY)", "(is & CONDITION_BUSY) && flags & COMMAND_WRITE"),
    ("BUSY, at EXEC", "it runs", COMMANDS_C, "{\"EXEC\", 1, ALWAYS | COMMAND_NOW,", "{\"EXEC\", 1, ALWAYS | COMMAND_NOW | COMMAND_BUSY,"),
    ("CLIENT PAUSE WRITE, at EXEC", "it runs at once", RUN, "found.command->flags | (is_exec(found) ? client->queue_any : 0)", "found.command->flags"),
    ("CLIENT PAUSE WRITE, a write", "it runs at once", RUN, "client->server->now < client->server->pause_until && flags", "false && flags"),
    ("NOPERM at queueing", "the command is taken", RUN, "    if (server_denies(server, bytes_of(found.command->name)))",
     "    if (!client->multi && server_denies(server, bytes_of(found.command->name)))"),
    ("NOPERM between queue and EXEC", "rights are not asked again", RUN, "    if (server_denies(server, args[0]) || (", "    if (("),
    ("ACL without EXEC", "the state stays", RUN, "discarded because of: %s\\r\\n\", reason);\n    leave_multi(client);", "discarded because of: %s\\r\\n\", reason);"),
    ("ACL DELUSER, CLIENT KILL", "the connection stays", SERVER, "    (void)server;\n    client->closed = true;", "    (void)server;"),
    ("WRONGTYPE", "a set's commands take a hash", KEYSPACE, "call->key->type == type)", "call->key->type == type || (type == KEY_SET && call->key->type == KEY_HASH))"),
    ("HINCRBY overflow", "it wraps round", HASH, "__builtin_add_overflow(value, by, &value)", "__builtin_add_overflow(value, by, &value) && !value"),
    ("INCRBY overflow", "it wraps round", STRING, "    if (__builtin_add_overflow(value, by, &value)) {", "    if (__builtin_add_overflow(value, by, &value) && !value) {"),
    ("hash value is not an integer", "zeros before it are taken", HASH, "    if (before.data && !number_parse(before, &value)) {",
     "    while (before.data && before.size > 1 && before.data[0] == '0')\n        before = (struct bytes){before.data + 1, before.size - 1};\n"
     "    if (before.data && !number_parse(before, &value)) {"),
    ("value is not an integer", "an empty one is 0", STRING, "    if (c->key->type == KEY_STRING && !number_parse",
     "    if (c->key->type == KEY_STRING && c->key->string.size && !number_parse"),
    ("ZADD nan", "it is taken", ZSET, " && !isnan(*score)", ""),
    ("ZINCRBY to NaN", "it is taken", ZSET, "    if (isnan(score))\n        return false;\n", ""),
    ("bad option of SET", "it is ignored", STRING, "            resp_error(c->out, ERROR_SYNTAX);\n            return false;", "            continue;"),
    ("an error inside EXEC undoes nothing", "what stands behind it is not run", RUN,
     "    for (size_t i = 0; i < client->queued_count; i++)\n        torn |= !run_queued(client, i, &changed);",
     "    for (size_t i = 0; i < client->queued_count; i++) {\n        size_t at = client->outbox.size;\n\n        if (torn)\n"
     "            resp_error(&client->outbox, \"ERR given up\");\n        else\n            run_queued(client, i, &changed);\n"
     "        torn |= client->outbox.data[at] == '-';\n    }"),
    ("client-query-buffer-limit", "nobody is closed", SERVER, "    if (server->trouble.query_limit && ", "    if (false && "),
    ("client-output-buffer-limit", "nobody is closed", SERVER, "    if (limit && client->outbox.size - before > limit) {", "    if (false) {"),
    ("client-output-buffer-limit", "EXEC is not applied", RUN, "    bool changed = false, torn = false;\n",
     "    bool changed = false, torn = false;\n\n    if (client->server->trouble.output_limit)\n        client->queued_count = 0;\n"),
    # Connections and time
    ("WAIT inside MULTI", "it blocks", COMMANDS_C, "    } else if (client->executing || server_acks(server, client->offset) >= wanted) {",
     "    } else if (server_acks(server, client->offset) >= wanted) {"),
    ("CLIENT KILL of itself", "it is done", COMMANDS_C, "resp_int(&client->outbox, other && other != client);", "resp_int(&client->outbox, 1);"),
    ("XADD * with a clock behind", "the clock rules", STREAM, "    if ((wish->any && stream_id_compare(*id, last) <= 0) || (", "    if (("),
    ("SET clears the time to live", "it keeps it", STRING, "    key->expires = 0;\n    text_set", "    text_set"),
    ("INCRBY keeps the time to live", "it clears it", STRING, "    c->key->type = KEY_STRING;\n    text_set", "    c->key->type = KEY_STRING;\n    c->key->expires = 0;\n    text_set"),
    ("scores are doubles", "they are rounded to integers", ZSET, "    item->score = score == 0 ? 0 : score;", "    item->score = floor(score);"),
]


def mutate(mutation):
    _, _, name, old, new = mutation
    with open(os.path.join(TESTS, "fake", name), encoding="utf-8") as file:
        text = file.read()
    if text.count(old) != 1:
        raise ValueError(f"{name} has {text.count(old)} times: {old.strip().splitlines()[0]}")
    return text.replace(old, new)


def build(options, folder, mutation):
    """The executable with the mutated object in the true one's place."""
    name = mutation[2]
    source, mutated, program = (os.path.join(folder, part) for part in (name, name + ".o", "differ"))
    with open(source, "w", encoding="utf-8") as file:
        file.write(mutate(mutation))
    flags = [*INCLUDES, "-std=c11", "-D_GNU_SOURCE", "-O1", "-w", "-fno-strict-aliasing", *options.flags]
    subprocess.run([options.cc, *flags, "-c", source, "-o", mutated], check=True)
    others = [path for path in options.objects.split(";") if os.path.basename(path) != name + ".o"]
    subprocess.run([options.cc, *options.flags, mutated, *others, "-lm", "-o", program], check=True)
    return program


def found(options, mutation):
    """At which command it was found, or what went wrong."""
    with tempfile.TemporaryDirectory(prefix="differ-mutation-") as folder:
        try:
            program = build(options, folder, mutation)
        except (ValueError, subprocess.CalledProcessError) as error:
            return None, str(error)
        scene = ["--scene", "loading"] if mutation[0].startswith("LOADING") else []      # it costs time, so chance brings it seldom
        done = subprocess.run([program, "--commands", str(COMMANDS), "--seed", str(SEED), "--server", options.server, *scene], capture_output=True, text=True,
                              timeout=120, check=False)
        at = re.search(r"^differs at command (\d+)", done.stdout, flags=re.M)
        if done.returncode == 1 and at:
            return int(at.group(1)), ""
        return None, f"exit {done.returncode}: " + (done.stdout + done.stderr).strip()[-300:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--objects", required=True)
    parser.add_argument("--flags", type=str.split, default=[])
    parser.add_argument("--server", default="redis-server")
    parser.add_argument("names", nargs="*", help="rows to try, all without one")
    options = parser.parse_args()
    chosen = [mutation for mutation in MUTATIONS if not options.names or mutation[0] in options.names]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for mutation, (at, why) in zip(chosen, pool.map(lambda one: found(options, one), chosen)):
            failed += at is None
            print(f"{'found at command %7d' % at if at is not None else 'NOT FOUND             '}  {mutation[0]}: {mutation[1]}{'  ' + why if why else ''}", flush=True)
    print(f"{len(chosen) - failed} passed, {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
