/* The configuration: what is right loads and prints to the same again; what is wrong is named with its line, all of it at once. */
#include "check.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "config/table.h"

#define KAFKA "kafka: { brokers = \"127.0.0.1:9092\"; topics = [ \"orders\" ]; outcomes = \"out\"; dead_letters = \"dead\"; };\n"
#define KAFKA_WITH(more) "kafka: { brokers = \"b:1\"; topics = [ \"orders\" ]; outcomes = \"out\"; dead_letters = \"dead\";\n" more " };\n"

static char directory[] = "/tmp/orderd-config-XXXXXX";

static const char *path(const char *name)
{
    static char text[64];

    snprintf(text, sizeof text, "%s/%s", directory, name);
    return text;
}

static const char *file_with(const char *name, const char *text, mode_t mode)
{
    FILE *out = fopen(path(name), "w");

    ASSERT(out && fputs(text, out) >= 0 && fclose(out) == 0 && chmod(path(name), mode) == 0);
    return path(name);
}

/* What is printed of the problems, with FILE for the file's name; NULL and a configuration when there is none. */
static struct config *load(const char *text, char *said, size_t size)
{
    struct config_problems problems;
    struct config *config = NULL;
    FILE *out = fmemopen(said, size, "w");
    int r;

    ASSERT(out);
    said[0] = '\0';
    r = config_load(&config, file_with("orderd.conf", text, 0600), &problems);

    ASSERT((r == 0) == (config != NULL));
    config_problems_print(&problems, "FILE", out);
    fclose(out);
    return config;
}

struct row {
    const char *text, *said;      /* said: a part of what is printed; "" : nothing at all */
};

static void run_rows(struct checks *c, const struct row *rows, size_t count)
{
    char said[32768];

    for (size_t i = 0; i < count; i++) {
        struct config *config = load(rows[i].text, said, sizeof said);

        CHECK_INT(c, config != NULL, rows[i].said[0] == '\0');
        if (rows[i].said[0] ? !strstr(said, rows[i].said) : said[0] != '\0') {
            fprintf(stderr, "text %s\n", rows[i].text);
            CHECK_TEXT(c, said, rows[i].said);
        }
        config_free(config);
    }
}

#define ROWS(...)                                     \
    static const struct row rows[] = {__VA_ARGS__};   \
    run_rows(c, rows, sizeof rows / sizeof *rows)

static void a_minimal_file_is_enough(struct checks *c)
{
    char said[32768];
    struct config *config = load(KAFKA, said, sizeof said);

    CHECK(c, config != NULL);
    if (!config)
        return;
    CHECK_TEXT(c, said, "");
    CHECK_TEXT(c, config->kafka.group, "orderd");
    CHECK_TEXT(c, config->kafka.topics.items[0], "orders");
    CHECK_TEXT(c, config->redis.address, "/run/redis/redis-server.sock");
    CHECK_INT(c, config->turn.events, 500);
    CHECK_INT(c, config->turn.keys, 128);
    CHECK_INT(c, config->dedupe.window_s, 3600);
    CHECK_INT(c, config->dedupe.ids, 100000);
    CHECK_INT(c, config->deadline_ms[EVENT_PURCHASE], 10000);
    CHECK_INT(c, config->deadline_ms[EVENT_DEPOSIT], 0);
    config_free(config);
}

static void what_is_missing_is_said(struct checks *c)
{
    ROWS({"", "kafka.brokers is missing"}, {"", "kafka.topics is missing"}, {"", "kafka.outcomes is missing"}, {"", "kafka.dead_letters is missing"},
         {"kafka: { brokers = \"b:1\"; topics = [ ]; outcomes = \"o\"; dead_letters = \"d\"; };", "names 0 topics"});
}

static void unknown_names_are_refused_with_their_line(struct checks *c)
{
    ROWS({KAFKA "turn: { event = 5; };\n", "FILE:2: turn.event is no setting"}, {KAFKA "\n\nfoo = 1;\n", "FILE:4: foo is no setting"},
         {KAFKA "foo: { bar = 1; };\n", "FILE:2: foo is no group"},
         {KAFKA "Turn: { events = 5; };\n", "Turn is no group of settings; is turn meant?"},
         {KAFKA "turn = 5;\n", "FILE:2: turn is a group"}, {KAFKA "shard: { x = 1; };\n", "shard must be a text"},
         {KAFKA "turn: { events: { x = 1; }; };\n", "turn.events must be a number"},
         {KAFKA "redis: { topics = [ \"x\" ]; };\n", "redis.topics is no setting"});
}

static void wrong_types_are_refused(struct checks *c)
{
    ROWS({KAFKA "turn: { events = \"5\"; };\n", "FILE:2: turn.events must be a number"},
         {KAFKA "turn: { events = 5.0; };\n", "turn.events = 5.0 cannot be; digits alone, 1 to 1000 events, are right"},
         {KAFKA "turn: { events = true; };\n", "turn.events must be a number"},
         {KAFKA "turn: { events = [ 5 ]; };\n", "turn.events must be a number"},
         {KAFKA "redis: { address = 5; };\n", "redis.address must be a text"},
         {KAFKA "redis: { prefix = [ \"a\" ]; };\n", "redis.prefix must be a text"},
         {KAFKA_WITH("client = \"a=b\";"), "kafka.client must be a list"}, {KAFKA_WITH("client = [ 5 ];"), "element 1 is no text"});
}

static void numbers_stay_in_their_ranges(struct checks *c)
{
    ROWS({KAFKA "turn: { keys = 8; };", ""}, {KAFKA "turn: { keys = 300; };", ""},
         {KAFKA "turn: { keys = 7; };", "turn.keys = 7 is out of range; 8 to 300"},
         {KAFKA "turn: { keys = 301; };", "out of range"}, {KAFKA "turn: { keys = -8; };", "out of range"},
         {KAFKA "redis: { database = -1; };", "out of range"},
         {KAFKA "deadline_ms: { purchase = 86400001; };", "out of range"}, {KAFKA "turn: { keys = 0x10; };", ""});
}

/* libconfig 1.5 takes each of these for some other number without a word. */
static void numbers_that_would_wrap_are_refused(struct checks *c)
{
    ROWS({KAFKA "turn: { keys = 4294967424; };\n", "FILE:2: turn.keys = 4294967424 cannot be; digits alone, 8 to 300 keys, are right"},
         {KAFKA "turn: { keys = 99999999999999999999; };\n", "keys = 99999999999999999999"},
         {KAFKA "turn: { keys = -4294967168; };\n", "keys = -4294967168 cannot be"},
         {KAFKA "turn: { keys = 2147483648; };\n", "keys = 2147483648 cannot be"},
         {KAFKA "turn: { keys = 0x100000080; };\n", "keys = 0x100000080 cannot be"},
         {KAFKA "turn: { keys = 0xFFFFFFFFFFFFFFFF; };\n", "keys = 0xFFFFFFFFFFFFFFFF cannot be"},
         {KAFKA "turn: { keys = 4294967424L; };\n", "FILE:2"}, {KAFKA "turn: { keys = 128L; };\n", "keys = 128L cannot be"},
         {KAFKA "turn: { keys = 1e2; };\n", "keys = 1e2 cannot be"},
         {KAFKA "turn: { keys = 111111111111111111111111111111111111111111111111111111111111111111111111111111111111; };\n",
         "keys = 11111111111111111111"},
         {KAFKA "turn: { keys = 128; }; # 4294967424\n// 4294967424\n/* 4294967424\n */ redis: { prefix = \"4294967424\"; };\n", ""});
}

static void includes_are_refused(struct checks *c)
{
    ROWS({KAFKA "@include \"other.conf\"\n", "FILE:2: @include is not allowed"});
}

static void syntax_errors_have_their_line(struct checks *c)
{
    ROWS({KAFKA "turn: {\n events 5;\n };\n", "FILE:3: syntax error"}, {KAFKA "turn: { events = 5;\n", "syntax error"},
         {KAFKA "redis: { prefix = \"a; };\n", "FILE:"},
         {KAFKA "shard = \"none\";\nshard = \"partition\";\n", "FILE:3: this setting or group was given before; once is right"});
}

static void every_problem_is_named_at_once(struct checks *c)
{
    char said[32768];
    struct config *config = load("kafka: { brokers = 5; topics = [ \"a\", \"a\" ]; outcomes = \"a\"; dead_letters = \"d d\"; };\nturn: { keys = 7;\n evnts = 1; };\n"
                                 "shard = \"half\";\nlog: { level = \"loud\"; };\nredis: { durability = \"fsync\"; prefix = \"{\"; address = \"nowhere\"; };\n", said, sizeof said);
    static const char *const all[] = {"kafka.brokers must be a text", "names \"a\" twice", "kafka.outcomes is the source topic",
                                      "\"d d\" is no topic name",
                                      "FILE:2: turn.keys = 7", "FILE:3: turn.evnts", "FILE:4: shard", "FILE:5: log.level", "redis.durability",
                                      "redis.prefix", "redis.address"};

    CHECK(c, !config);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strstr(said, all[i]))
            CHECK_TEXT(c, said, all[i]);
    CHECK(c, true);
    config_free(config);
}

static void more_problems_than_fit_are_counted(struct checks *c)
{
    char *text = calloc(1, 100000), said[65536];
    int n = sprintf(text, KAFKA);

    for (int i = 0; i < 200; i++)
        n += snprintf(text + n, 100000 - (size_t)n, "unknown%d = 1;\n", i);
    CHECK(c, !load(text, said, sizeof said));
    CHECK(c, strstr(said, "FILE: and 136 more\n") != NULL);
    free(text);
}

static void properties_that_the_promise_rests_on_are_refused(struct checks *c)
{
    static const char *const names[] = {"bootstrap.servers", "group.id", "auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store",
                                        "isolation.level",
                                        "enable.idempotence", "enable.gapless.guarantee", "acks", "message.timeout.ms", "transactional.id",
                                        "partitioner"};
    static const char *const lists[] = {"client", "consumer", "producer"};
    char text[1024], said[32768], wanted[128];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t k = 0; k < 3; k++) {
            snprintf(text, sizeof text, KAFKA_WITH("%s = [ \"%s=1\" ];"), lists[k], names[i]);
            snprintf(wanted, sizeof wanted, "FILE:2: kafka.%s: %s may not be set: ", lists[k], names[i]);
            CHECK(c, !load(text, said, sizeof said));
            if (!strstr(said, wanted))
                CHECK_TEXT(c, said, wanted);
        }
}

static void other_properties_are_librdkafkas_to_judge(struct checks *c)
{
    ROWS({KAFKA_WITH("consumer = [ \"session.timeout.ms=30000\" ];"), ""},
         {KAFKA_WITH("consumer = [ \"session.timeout.ms=many\" ];"), "session.timeout.ms"},
         {KAFKA_WITH("consumer = [ \"no.such=1\" ];"), "no.such"}, {KAFKA_WITH("consumer = [ \"session.timeout.ms\" ];"), "is no \"name=value\""},
         {KAFKA_WITH("consumer = [ \"=5\" ];"), "is no \"name=value\""}, {KAFKA_WITH("client = [ \"sasl.password=hunter2\" ];"), "is a secret"},
         {KAFKA_WITH("consumer = [ \"session.timeout.ms=9000\" ];"), "drain.revoke_ms = 10000 is not below session.timeout.ms = 9000"});
}

static void values_are_held_against_each_other(struct checks *c)
{
    ROWS({KAFKA "redis: { backoff_min_ms = 3000; };\n", "is above redis.backoff_max_ms"},
         {KAFKA "conflict: { backoff_min_ms = 60; };\n", "is above conflict.backoff_max_ms"},
         {KAFKA "redis: { user = \"u\"; };\n", "needs a redis.password_file"},
         {KAFKA "redis: { durability = \"replicas:0\"; };\n", "redis.durability"},
         {KAFKA "redis: { durability = \"replicas:2\"; };\n", ""}, {KAFKA "redis: { durability = \"replicas:2x\"; };\n", "redis.durability"},
         {KAFKA "redis: { durability = \"aof\"; address = \"localhost:6379\"; };\n", ""},
         {KAFKA "redis: { address = \"localhost:99999\"; };\n", "redis.address"},
         {KAFKA "redis: { address = \"localhost:6379x\"; };\n", "redis.address"}, {KAFKA "redis: { address = \":6379\"; };\n", "redis.address"});
}

static void what_cannot_be_read_is_said(struct checks *c)
{
    struct config_problems problems;
    struct config *config = NULL;

    CHECK_INT(c, config_load(&config, path("none.conf"), &problems), -EINVAL);
    CHECK(c, strstr(problems.items[0].text, "No such file") != NULL);
    CHECK_INT(c, config_load(&config, directory, &problems), -EINVAL);
    CHECK_INT(c, problems.items[0].line, 0);
}

static char *printed(const struct config *config)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    config_print(config, out);
    fclose(out);
    return text;
}

/* Every setting at another value than its default, then printed, loaded and printed again. */
static void what_is_printed_loads_again_to_the_same(struct checks *c)
{
    char said[32768], *once, *twice;
    struct config *config = load(KAFKA_WITH("group = \"g \\\" \\\\ q\"; client = [ \"client.id=a b\" ]; consumer = [ ]; producer = [ \"linger.ms=7\" ];")
                                 "redis: { address = \"h:1\"; prefix = \"p:\"; durability = \"replicas:3\"; database = 4; };\nshard = \"partition\";\n"
                                 "deadline_ms: { list = 1; grant = 2; };\nturn: { events = 9; keys = 99; };\nlog: { level = \"debug\"; };\n", said,
                                 sizeof said);

    CHECK_TEXT(c, said, "");
    if (!config)
        return;
    once = printed(config);
    config_free(config);
    config = load(once, said, sizeof said);
    CHECK_TEXT(c, said, "");
    twice = config ? printed(config) : strdup("");
    CHECK_TEXT(c, twice, once);
    CHECK(c, strstr(once, "group = \"g \\\" \\\\ q\";") && strstr(once, "events = 9;") && strstr(once, "client = [ \"client.id=a b\" ];"));
    for (size_t i = 0; table_at(i); i++) {
        const char *dot = strchr(table_at(i)->name, '.');

        CHECK(c, strstr(once, dot ? dot + 1 : table_at(i)->name) != NULL);
    }
    free(once);
    free(twice);
    config_free(config);
}

static void secrets_come_from_files_and_are_not_printed(struct checks *c)
{
    char text[1024], said[32768], password[64], *print;
    struct config *config;

    snprintf(password, sizeof password, "%s", file_with("password", "hunter2\nmore\n", 0600));
    snprintf(text, sizeof text, KAFKA_WITH("secrets = [ \"sasl.password=%s\" ];") "redis: { password_file = \"%s\"; };\n", password, password);
    config = load(text, said, sizeof said);
    CHECK_TEXT(c, said, "");
    if (!config)
        return;
    CHECK_TEXT(c, config->password, "hunter2");
    CHECK_TEXT(c, config->producer.items[config->producer.count - 1].value, "hunter2");
    CHECK_TEXT(c, config->consumer.items[config->consumer.count - 1].name, "sasl.password");
    print = printed(config);
    CHECK(c, !strstr(print, "hunter2") && strstr(print, password));
    free(print);
    config_free(config);
}

static void secret_files_that_do_not_do_are_said(struct checks *c)
{
    char empty[64], text[1024], said[32768];

    unsetenv("CREDENTIALS_DIRECTORY");
    snprintf(empty, sizeof empty, "%s", file_with("empty", "\nhunter2\n", 0600));
    snprintf(text, sizeof text, KAFKA "redis: { password_file = \"%s\"; };\n", empty);
    CHECK(c, !load(text, said, sizeof said));
    CHECK(c, strstr(said, "FILE:2: redis.password_file") && strstr(said, "no secret in its first line"));
    CHECK(c, !load(KAFKA "redis: { password_file = \"/nowhere/at-all\"; };\n", said, sizeof said));
    CHECK(c, strstr(said, "No such file") != NULL);
    CHECK(c, !load(KAFKA "redis: { password_file = \"relative\"; };\n", said, sizeof said));
    CHECK(c, strstr(said, "CREDENTIALS_DIRECTORY") != NULL);
    file_with("relative", "hunter2", 0600);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    config_free(load(KAFKA "redis: { password_file = \"relative\"; };\n", said, sizeof said));
    CHECK_TEXT(c, said, "");
    file_with("relative", "hunter2", 0644);
    config_free(load(KAFKA "redis: { password_file = \"relative\"; };\n", said, sizeof said));
    CHECK(c, strstr(said, "warning: ") && strstr(said, "can be read by everybody"));
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void note(void *context, const char *name)
{
    strcat(strcat(context, name), " ");
}

static void a_reload_takes_what_can_be_taken_and_names_the_rest(struct checks *c)
{
    char said[32768], others[256] = "";
    struct config *old = load(KAFKA "turn: { events = 5; };\n", said, sizeof said);
    struct config *fresh = load(KAFKA "turn: { events = 6; };\ndeadline_ms: { list = 7; };\nlog: { level = \"debug\"; };\nredis: { prefix = \"x\"; };\nshard = \"partition\";\n",
                                said, sizeof said);

    CHECK(c, old && fresh);
    if (old && fresh) {
        config_adopt(old, fresh, note, others);
        CHECK_INT(c, old->turn.events, 6);
        CHECK_INT(c, old->deadline_ms[EVENT_LIST], 7);
        CHECK_TEXT(c, old->log.level, "debug");
        CHECK_TEXT(c, old->redis.prefix, "");
        CHECK_TEXT(c, old->shard, "none");
        CHECK_TEXT(c, others, "redis.prefix shard ");
    }
    config_free(old);
    config_free(fresh);
}

static struct config *with_secrets(const char *mechanism, const char *redis, const char *kafka, const char *key)
{
    char text[2048], files[3][64], said[32768];

    snprintf(files[0], sizeof files[0], "%s", file_with("password", redis, 0600));
    snprintf(files[1], sizeof files[1], "%s", file_with("kafka", kafka, 0600));
    snprintf(files[2], sizeof files[2], "%s", file_with("key", key, 0600));
    snprintf(text, sizeof text, KAFKA_WITH("client = [ \"sasl.mechanism=%s\", \"sasl.username=u\" ]; secrets = [ \"sasl.password=%s\", \"ssl.key.password=%s\" ];")
             "redis: { password_file = \"%s\"; };\n", mechanism, files[1], files[2], files[0]);
    return load(text, said, sizeof said);
}

/* Which secrets a reload takes over, and which are named; the configuration then holds the fresh ones of these alone. */
static void rotates(struct checks *c, const char *mechanism, const char *redis, const char *kafka, const char *key, bool redis_rotates, bool kafka_rotates,
                    const char *named)
{
    struct config *old = with_secrets(mechanism, "r1", "k1", "t1"), *fresh = with_secrets(mechanism, redis, kafka, key);
    char others[1024] = "";
    struct config_rotated rotated;

    CHECK(c, old && fresh);
    if (!old || !fresh)
        return;
    config_adopt(old, fresh, note, others);
    rotated = config_rotate(old, fresh, note, others);
    config_free(fresh);
    CHECK(c, rotated.redis == redis_rotates && rotated.kafka == kafka_rotates);
    CHECK_TEXT(c, others, named);
    CHECK_TEXT(c, old->password, redis);
    CHECK_TEXT(c, config_consumer_property(old, "sasl.password"), kafka_rotates ? kafka : "k1");
    CHECK_TEXT(c, old->producer.items[old->producer.count - 2].value, kafka_rotates ? kafka : "k1");
    CHECK_TEXT(c, config_consumer_property(old, "ssl.key.password"), "t1");
    CHECK_TEXT(c, config_consumer_property(old, "sasl.username"), "u");
    CHECK(c, !config_consumer_property(old, "sasl"));
    config_free(old);
}

static void secrets_that_changed_are_taken_over(struct checks *c)
{
    rotates(c, "PLAIN", "r1", "k1", "t1", false, false, "");
    rotates(c, "PLAIN", "r2", "k1", "t1", true, false, "");
    rotates(c, "SCRAM-SHA-512", "r1", "k2", "t1", false, true, "");
    rotates(c, "PLAIN", "r2", "k2", "t2", true, true, "kafka.secrets ");
    rotates(c, "OAUTHBEARER", "r1", "k2", "t1", false, false, "kafka.secrets ");
}

/* Last: the files go. */
static void nothing_is_left_behind(struct checks *c)
{
    static const char *const files[] = {"orderd.conf", "password", "empty", "relative", "kafka", "key"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(path(files[i]));
    CHECK_INT(c, rmdir(directory), 0);
}

static void the_directory_is_made(struct checks *c)
{
    CHECK(c, mkdtemp(directory) != NULL);
}

TESTS({"the directory is made", the_directory_is_made}, {"a minimal file is enough", a_minimal_file_is_enough},
      {"what is missing is said", what_is_missing_is_said},
      {"unknown names are refused with their line", unknown_names_are_refused_with_their_line}, {"wrong types are refused", wrong_types_are_refused},
      {"numbers stay in their ranges", numbers_stay_in_their_ranges}, {"numbers that would wrap are refused", numbers_that_would_wrap_are_refused},
      {"includes are refused", includes_are_refused}, {"syntax errors have their line", syntax_errors_have_their_line},
      {"every problem is named at once", every_problem_is_named_at_once}, {"more problems than fit are counted", more_problems_than_fit_are_counted},
      {"properties that the promise rests on are refused", properties_that_the_promise_rests_on_are_refused},
      {"other properties are librdkafka's to judge", other_properties_are_librdkafkas_to_judge},
      {"values are held against each other", values_are_held_against_each_other}, {"what cannot be read is said", what_cannot_be_read_is_said},
      {"what is printed loads again to the same", what_is_printed_loads_again_to_the_same},
      {"secrets come from files and are not printed", secrets_come_from_files_and_are_not_printed},
      {"secrets that changed are taken over", secrets_that_changed_are_taken_over},
      {"secret files that do not do are said", secret_files_that_do_not_do_are_said},
      {"a reload takes what can be taken and names the rest", a_reload_takes_what_can_be_taken_and_names_the_rest},
      {"nothing is left behind", nothing_is_left_behind})
