/* The Redis server: who answers, whether it may be written, what it keeps, and whether it has room. */
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/number.h"
#include "commands/check.h"
#include "store/exec.h"
#include "store/server.h"

enum { VALUE_SIZE = 160, MEMORY_WARN_PERCENT = 80, SECTIONS = 4, SETTINGS = 6 };

/* What INFO and CONFIG GET say. */
struct facts {
    struct reply **info;                 /* by section, below */
    struct reply **config;
    struct server_keeps keeps;
    const char *policy;
    char version[VALUE_SIZE];
};

static const char *const sections[SECTIONS] = {"server", "replication", "memory", "persistence"};
static const char *const settings[SETTINGS] = {"maxmemory-policy", "appendonly", "appendfsync", "no-appendfsync-on-rewrite", "save",
                                               "min-replicas-to-write"};

/* One line of INFO, whatever section holds it; "" when it is not told. */
static const char *told(const struct facts *facts, const char *name, char out[VALUE_SIZE])
{
    out[0] = '\0';
    for (size_t i = 0; i < SECTIONS; i++)
        if (server_info(facts->info[i]->text, name, out, VALUE_SIZE))
            break;
    return out;
}

static int64_t told_number(const struct facts *facts, const char *name)
{
    char text[VALUE_SIZE];
    int64_t value;

    return number_parse(bytes_of(told(facts, name, text)), &value) ? value : 0;
}

static bool connect_redis(struct check *check)
{
    const struct config *c = check->site.config;
    struct error_text error = {""};
    int r = session_visit(check->site.redis.session, &error);

    if (r == -EACCES)
        check_fail(check, CAUSE_RIGHTS, "%s: user \"%s\" is not let in: %s -> correct redis.user and redis.password_file, or the server's user", c->redis.address,
                   c->redis.user[0] ? c->redis.user : "default", error.text);
    else if (r)
        check_fail(check, CAUSE_AWAY, "%s: %s -> start Redis there, or correct redis.address", c->redis.address, error.text);
    return r == 0;
}

static bool ask_facts(struct check *check, struct facts *facts)
{
    struct asker *redis = &check->site.redis;
    struct reply **replies;

    asker_begin(redis);
    for (size_t i = 0; i < SECTIONS; i++)
        command_texts(redis->commands, "INFO", sections[i], NULL);
    for (size_t i = 0; i < SETTINGS; i++)
        command_texts(redis->commands, "CONFIG", "GET", settings[i], NULL);
    if (asker_ask(redis, &replies)) {
        check_fail(check, CAUSE_AWAY, "%s: it lets us in and then does not answer in time -> look at what it is busy with", check->site.config->redis.address);
        return false;
    }
    facts->info = replies;
    facts->config = replies + SECTIONS;
    for (size_t i = 0; i < SECTIONS; i++)
        if (replies[i]->type != REPLY_STRING) {
            check_fail(check, store_trouble_of(replies[i]->text) == TROUBLE_STOP ? CAUSE_RIGHTS : CAUSE_AWAY, "INFO %s: %.*s%s", sections[i],
                       (int)replies[i]->text.size, replies[i]->text.data,
                       store_trouble_of(replies[i]->text) == TROUBLE_STOP ? " -> give the user +info" : "");
            return false;
        }
    told(facts, "redis_version", facts->version);
    facts->policy = server_config(facts->config[0], settings[0]);
    facts->keeps = (struct server_keeps){
        .told = facts->config[0]->type == REPLY_ARRAY, .has_waitaof = server_version_at_least(facts->version, 7, 2),
        .appendonly = server_config(facts->config[1], settings[1]), .appendfsync = server_config(facts->config[2], settings[2]),
        .no_appendfsync_on_rewrite = server_config(facts->config[3], settings[3]), .save = server_config(facts->config[4], settings[4]),
    };
    return true;
}

/* Root may use any socket; whether the service's user may, only that user finds out. */
static void check_socket(struct check *check)
{
    const char *address = check->site.config->redis.address;
    struct stat status;
    struct group *group;

    if (address[0] != '/' || geteuid() != 0 || stat(address, &status) || (status.st_mode & S_IWOTH))
        return;
    group = getgrgid(status.st_gid);
    check_about(check, "redis socket");
    check_pass_over(check, "root may use it, and asks here; the service's user must be in its group, %s -> SupplementaryGroups=, as redis-socket.conf has it",
                    group ? group->gr_name : "which has no name");
}

static void check_server(struct check *check, const struct facts *facts)
{
    char mode[VALUE_SIZE];

    told(facts, "redis_mode", mode);
    if (!server_version_at_least(facts->version, 6, 2))
        check_fail(check, CAUSE_MISTAKE, "%s: version %s lacks commands that orderd needs -> use 6.2 or later", check->site.config->redis.address, facts->version);
    else if (strcmp(mode, "standalone") != 0 && mode[0])
        check_fail(check, CAUSE_MISTAKE, "%s: version %s in %s mode -> name a single server: orderd knows no Sentinel or Cluster", check->site.config->redis.address,
                   facts->version, mode);
    else
        check_ok(check, "%s: version %s answers, database %lld", check->site.config->redis.address, facts->version, (long long)check->site.config->redis.database);
}

static void check_role(struct check *check, const struct facts *facts)
{
    char role[VALUE_SIZE], host[VALUE_SIZE], port[VALUE_SIZE];

    check_about(check, "redis role");
    told(facts, "role", role);
    if (strcmp(role, "master") == 0)
        check_ok(check, "master");
    else
        check_fail(check, CAUSE_MISTAKE, "it is a replica of %s:%s and takes no writes -> name the master in redis.address, or promote this server by REPLICAOF NO ONE",
                   told(facts, "master_host", host), told(facts, "master_port", port));
}

static void check_policy(struct check *check, const struct facts *facts)
{
    bool limited = told_number(facts, "maxmemory") > 0;

    check_about(check, "redis maxmemory-policy");
    if (!facts->keeps.told)
        check_pass_over(check, "CONFIG GET is not allowed -> give the user +config|get, and set maxmemory-policy noeviction");
    else if (strcmp(facts->policy, "noeviction") == 0)
        check_ok(check, "noeviction");
    else if (limited && strncmp(facts->policy, "allkeys", 7) == 0)
        check_fail(check, CAUSE_MISTAKE, "%s: keys of the market will be deleted when memory is full -> CONFIG SET maxmemory-policy noeviction, and in redis.conf", facts->policy);
    else
        check_warn(check, "%s: %s -> CONFIG SET maxmemory-policy noeviction, and in redis.conf", facts->policy,
                   limited ? "keys that have been given a time to live may be deleted when memory is full" : "without a maxmemory it does nothing yet");
}

static void check_memory(struct check *check, const struct facts *facts)
{
    int64_t used = told_number(facts, "used_memory"), most = told_number(facts, "maxmemory");
    double mb = 1024 * 1024;

    check_about(check, "redis memory");
    if (most == 0)
        check_ok(check, "%.1f MB used, no maxmemory", (double)used / mb);
    else if (used >= most)
        check_fail(check, CAUSE_MISTAKE, "%.1f MB used of %.1f MB: writes are refused, events wait -> raise maxmemory, or make room", (double)used / mb, (double)most / mb);
    else if (used >= most / 100 * MEMORY_WARN_PERCENT)
        check_warn(check, "%.1f MB used of %.1f MB; when it is full, events wait -> raise maxmemory, or make room", (double)used / mb, (double)most / mb);
    else
        check_ok(check, "%.1f MB used of %.1f MB", (double)used / mb, (double)most / mb);
}

/* Replicas that are connected and have the whole state. */
static int online_replicas(const struct facts *facts)
{
    int64_t connected = told_number(facts, "connected_slaves");
    char name[VALUE_SIZE], state[VALUE_SIZE];
    int online = 0;

    for (int64_t i = 0; i < connected; i++) {
        snprintf(name, sizeof name, "slave%lld", (long long)i);
        online += strstr(told(facts, name, state), "state=online") != NULL;
    }
    return online;
}

static void check_replicas(struct check *check, const struct facts *facts)
{
    const char *durability = check->site.config->redis.durability;
    int wanted = strncmp(durability, "replicas:", 9) == 0 ? (int)strtol(durability + 9, NULL, 10) : 0, online = online_replicas(facts);
    int64_t least = 0;

    check_about(check, "redis replicas");
    if (!number_parse(bytes_of(server_config(facts->config[5], settings[5])), &least))
        least = 0;
    if (online < wanted)
        check_fail(check, CAUSE_MISTAKE, "%d in sync, durability = \"%s\" wants %d: no outcome would leave -> start replicas, or change redis.durability", online, durability, wanted);
    else if (online < least)
        check_fail(check, CAUSE_MISTAKE, "%d in sync, min-replicas-to-write is %lld: writes are refused -> start replicas, or lower it", online, (long long)least);
    else if (wanted && online == wanted)
        check_warn(check, "%d in sync, as many as durability = \"%s\" waits for: when one is away, no outcome leaves -> add a replica", online, durability);
    else
        check_ok(check, "%d in sync", online);
}

/* What the last attempts to write to disk came to: after a failure the server may refuse all writes. */
static bool disk_failed(struct check *check, const struct facts *facts)
{
    static const char *const states[] = {"rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status"};
    char text[VALUE_SIZE];

    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (strcmp(told(facts, states[i], text), "err") == 0) {
            check_fail(check, CAUSE_MISTAKE, "%s is err: Redis could not write to its disk, and may refuse writes -> look into its log, make room", states[i]);
            return true;
        }
    return false;
}

static void check_durability(struct check *check, const struct facts *facts)
{
    const char *durability = check->site.config->redis.durability;
    const struct server_keeps *keeps = &facts->keeps;
    bool aof = strcmp(keeps->appendonly, "yes") == 0;
    char kept[128];

    check_about(check, "redis persistence");
    if (disk_failed(check, facts))
        return;
    if (aof)
        snprintf(kept, sizeof kept, "append-only file, appendfsync %s%s", keeps->appendfsync, keeps->has_waitaof ? ", WAITAOF" : "");
    else if (keeps->save[0])
        snprintf(kept, sizeof kept, "snapshots only (save %s)", keeps->save);
    else
        snprintf(kept, sizeof kept, "nothing on disk");
    if (strcmp(durability, "aof") == 0 && !server_keeps_aof(keeps))
        check_fail(check, CAUSE_MISTAKE, "durability = \"aof\", but redis %s keeps %s -> appendonly yes%s", facts->version, keeps->told ? kept : "what it does not tell",
                   keeps->has_waitaof ? "" : ", appendfsync always and no-appendfsync-on-rewrite no (WAITAOF came with 7.2)");
    else if (!keeps->told)
        check_pass_over(check, "CONFIG GET is not allowed -> give the user +config|get");
    else if (strcmp(durability, "none") == 0 && !aof)
        check_warn(check, "%s: a crash loses %s; orderd finds that and halts -> appendonly yes, or accept it", kept,
                   keeps->save[0] ? "what came after the last one" : "the market");
    else
        check_ok(check, "%s; durability = \"%s\"", kept, durability);
}

void check_redis(struct check *check)
{
    struct facts facts;

    check_about(check, "redis");
    if (!connect_redis(check))
        return;
    if (!ask_facts(check, &facts))
        return;
    if (told_number(&facts, "loading")) {
        check_fail(check, CAUSE_AWAY, "%s: it is still loading its data -> wait, and check again", check->site.config->redis.address);
        return;
    }
    check_server(check, &facts);
    check_socket(check);
    check->redis_up = true;
    check_role(check, &facts);
    check_memory(check, &facts);
    check_policy(check, &facts);
    check_durability(check, &facts);
    check_replicas(check, &facts);
}
