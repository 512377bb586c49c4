"""--check-config on broken files: each problem is named with its line, what is wrong and what would be right."""
import pytest

from conftest import REQUIRED

FIRST = REQUIRED.count("\n") + 1      # the line of what stands behind REQUIRED


# What is put behind the required settings; the line counted from there; what is wrong; what would be right.
BROKEN = {
    "a brace is missing": ("turn: { events = 5;\n", 1, "syntax error", "GROUP: { … };"),
    "an operator twice": ("turn: { events == 5; };\n", 0, "syntax error", "NAME = VALUE;"),
    "a quote is missing": ('shard = "none;\n', 1, "syntax error", '"quotes"'),
    "a name in quotes": ('turn: { "events" = 5; };\n', 0, "syntax error", "NAME = VALUE;"),
    "a setting twice": ("turn: { events = 5;\n events = 6; };\n", 1, "given before", "once"),
    "a group twice": ("turn: { events = 5; };\nturn: { keys = 9; };\n", 1, "given before", "once"),
    "a list of texts and numbers": ('kafka2 = [ "a", 5 ];\n', 0, "differ in type", '"quotes"'),
    "a setting misspelt": ('shrad = "none";\n', 0, "shrad is no setting", "is shard meant?"),
    "a setting misspelt in its group": ("redis: { databse = 1; };\n", 0, "redis.databse is no setting", "is redis.database meant?"),
    "a setting in another's group": ("redis: { keys = 10; };\n", 0, "redis.keys is no setting", "is turn.keys meant?"),
    "a setting that nothing resembles": ("redis: { foobar = 1; };\n", 0, "redis.foobar is no setting", "--print-config"),
    "an unknown group": ("metrics: { port = 1; };\n", 0, "metrics is no group", "--print-config"),
    "a group misspelt": ("trun: { events = 1; };\n", 0, "trun is no group", "is turn meant?"),
    "a group given as a value": ("turn = 5;\n", 0, "turn is a group", "turn: { … };"),
    "a value given as a group": ("shard: { a = 1; };\n", 0, "shard must be a text", "in quotes"),
    "a text for a number": ('turn: { events = "5"; };\n', 0, "turn.events must be a number", "from 1 to 1000 events"),
    "a boolean for a number": ("redis: { database = true; };\n", 0, "redis.database must be a number", "from 0 to 16383"),
    "a number for a text": ("redis: { prefix = 5; };\n", 0, "redis.prefix must be a text", "in quotes"),
    "a fraction": ("turn: { events = 1.5; };\n", 0, "turn.events = 1.5", "digits alone, 1 to 1000 events"),
    "an exponent": ("turn: { events = 5e2; };\n", 0, "turn.events = 5e2", "digits alone, 1 to 1000 events"),
    "too small": ("turn: { events = 0; };\n", 0, "turn.events = 0 is out of range", "1 to 1000 events"),
    "too large": ("turn: { keys = 301; };\n", 0, "turn.keys = 301 is out of range", "8 to 300 keys"),
    "negative": ("dedupe: { ids = -1; };\n", 0, "dedupe.ids = -1 is out of range", "1 to 10000000 ids"),
    "2^31 would wrap to -2^31": ("dedupe: { ids = 2147483648; };\n", 0, "dedupe.ids = 2147483648", "1 to 10000000 ids"),
    "2^32 + 5 would wrap to 5": ("turn:\n{\n    events = 4294967301;\n};\n", 2, "turn.events = 4294967301", "1 to 1000 events"),
    "hexadecimal would wrap to -1": ("drain: { stop_ms = 0x1FFFFFFFF; };\n", 0, "drain.stop_ms = 0x1FFFFFFFF", "1000 to 600000 ms"),
    "beyond 2^64": ("turn: { events = 99999999999999999999L; };\n", 0, "turn.events = 99999999999999999999", "1 to 1000 events"),
    "braces in the prefix": ('redis: { prefix = "shop{1}:"; };\n', 0, 'redis.prefix = "shop{1}:"', "without space and braces"),
    "an address without a port": ('redis: { address = "localhost"; };\n', 0, 'redis.address = "localhost"', '"host:port"'),
    "a port that is none": ('redis: { address = "localhost:65536"; };\n', 0, 'redis.address = "localhost:65536"', '"host:port"'),
    "a port with a tail": ('redis: { address = "localhost:6379/0"; };\n', 0, 'redis.address = "localhost:6379/0"', '"host:port"'),
    "no replicas": ('redis: { durability = "replicas:0"; };\n', 0, 'redis.durability = "replicas:0"', '"replicas:1" to "replicas:16"'),
    "replicas and more": ('redis: { durability = "replicas:2x"; };\n', 0, 'redis.durability = "replicas:2x"', '"none", "aof"'),
    "a user without a password": ('redis: { user = "orderd"; };\n', 0, 'redis.user = "orderd"', "needs a redis.password_file"),
    "a password file that is not there": ('redis: { password_file = "/nonexistent/pw"; };\n', 0, "/nonexistent/pw cannot be read", "redis.password_file"),
    "a folder for a password file": ('redis: { password_file = "/"; };\n', 0, "/ cannot be read: Is a directory", "redis.password_file"),
    "a relative password file": ('redis: { password_file = "pw"; };\n', 0, "is relative", "give a path from / on"),
    "a rollback that is ignored": ('on_rollback = "ignore";\n', 0, 'on_rollback = "ignore"', '"halt" or "reapply"'),
    "a third kind of shard": ('shard = "users";\n', 0, 'shard = "users"', '"none" or "partition"'),
    "a level that is none": ('log: { level = "loud"; };\n', 0, 'log.level = "loud"', '"error", "warning", "notice", "info" or "debug"'),
    "revoking takes a session": ("drain: { revoke_ms = 45000; };\n", 0, "drain.revoke_ms = 45000", "not below session.timeout.ms = 45000"),
    "a deadline beyond the poll interval": ("deadline_ms: { list = 300000; };\n", 0, "deadline_ms.list = 300000", "not below max.poll.interval.ms"),
    "backoff upside down": ("redis: { backoff_min_ms = 3000; };\n", 0, "redis.backoff_min_ms = 3000", "above redis.backoff_max_ms = 2000"),
    "conflict backoff upside down": ("conflict: { backoff_min_ms = 60; };\n", 0, "conflict.backoff_min_ms = 60", "above conflict.backoff_max_ms"),
    "an included file": ('@include "more.conf"\n', 0, "@include is not allowed", "one file"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named_with_its_line_and_what_would_be_right(check, name):
    text, line, wrong, right = BROKEN[name]
    code, complaints = check(REQUIRED + text)
    assert code == 78
    assert len(complaints) == 1, complaints
    assert complaints[0][0] == FIRST + line, complaints
    assert wrong in complaints[0][1] and right in complaints[0][1], complaints


def test_a_number_below_any_integer_is_named_also_where_libconfig_ends_there(check):
    code, complaints = check(REQUIRED + "turn: { events = -9999999999999999999; };\n")
    assert code == 78
    assert len(complaints) == 1 and complaints[0][0] == FIRST, complaints
    assert "events = -9999999999999999999" in complaints[0][1]


# One changed line of the required settings.
KAFKA = {
    "brokers empty": ("brokers", '""', "kafka.brokers is empty", '"host:port"'),
    "topics as a text": ("topics", '"orders"', "kafka.topics must be a list", '[ "…", "…" ]'),
    "no topics": ("topics", "[ ]", "names 0 topics", "1 to 64"),
    "a topic twice": ("topics", '[ "orders", "orders" ]', 'names "orders" twice', "kafka.topics"),
    "a topic of numbers": ("topics", "[ 7 ]", "element 1", "text in quotes"),
    "a topic's name with a space": ("topics", '[ "my orders" ]', '"my orders" is no topic name', "a-z A-Z 0-9 . _ -"),
    "a topic's name of 250 bytes": ("outcomes", '"' + "o" * 250 + '"', "is no topic name", "1 to 249"),
    "outcomes empty": ("outcomes", '""', "is no topic name", "1 to 249"),
    "outcomes among the sources": ("outcomes", '"orders"', 'the source topic "orders"', "outcomes would be read as events"),
    "dead letters among the sources": ("dead_letters", '"orders"', 'the source topic "orders"', "dead letters would be read as events"),
    "dead letters among the outcomes": ("dead_letters", '"orders.outcomes"', "the same topic", "two are needed"),
}


@pytest.mark.parametrize("name", KAFKA)
def test_kafkas_settings_are_checked_against_each_other(check, name):
    setting, value, wrong, right = KAFKA[name]
    lines = REQUIRED.splitlines()
    number = next(i for i, line in enumerate(lines) if line.strip().startswith(setting))
    lines[number] = f"    {setting} = {value};"
    code, complaints = check("\n".join(lines) + "\n")
    assert code == 78
    assert [line for line, _ in complaints] == [number + 1], complaints
    assert wrong in complaints[0][1] and right in complaints[0][1], complaints


def with_property(group, text):
    return REQUIRED.replace("};", f'    {group} = [ "{text}" ];\n}};')


@pytest.mark.parametrize("group", ["client", "consumer", "producer"])
@pytest.mark.parametrize("name", [
    "bootstrap.servers", "metadata.broker.list", "group.id", "auto.offset.reset", "enable.auto.commit", "enable.auto.offset.store",
    "enable.partition.eof", "isolation.level", "enable.idempotence", "enable.gapless.guarantee", "acks", "request.required.acks",
    "message.timeout.ms", "delivery.timeout.ms", "transactional.id", "partitioner", "queue.buffering.max.messages",
    "queue.buffering.max.kbytes", "message.max.bytes", "statistics.interval.ms",
])
def test_a_property_that_the_promise_rests_on_is_refused_with_the_reason(check, group, name):
    code, complaints = check(with_property(group, f"{name}=1"))
    assert code == 78
    assert len(complaints) == 1 and complaints[0][0] == 7, complaints
    start, reason = complaints[0][1].split(f"{name} may not be set: ")
    assert start == f"kafka.{group}: " and len(reason) > 10


@pytest.mark.parametrize("text, wrong", [
    ("no.such.property=1", 'No such configuration property: "no.such.property"'),
    ("session.timeout.ms=soon", "Invalid value"),
    ("security.protocol=ssh", "Invalid value"),
    ("session.timeout.ms", 'is no "name=value"'),
    ("=5", 'is no "name=value"'),
])
def test_a_property_that_librdkafka_would_not_take_is_named(check, text, wrong):
    code, complaints = check(with_property("consumer", text))
    assert code == 78
    assert len(complaints) == 1 and complaints[0][0] == 7, complaints
    assert wrong in complaints[0][1]


def test_a_session_too_short_for_the_drain_is_named_where_the_session_is_given(check):
    code, complaints = check(with_property("consumer", "session.timeout.ms=6000"))
    assert code == 78
    assert len(complaints) == 1 and complaints[0][0] == 7
    assert "drain.revoke_ms = 10000 is not below session.timeout.ms = 6000" in complaints[0][1]


@pytest.mark.parametrize("group", ["client", "consumer", "producer"])
@pytest.mark.parametrize("name", ["sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
                                  "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"])
def test_a_secret_in_the_open_is_refused_and_not_repeated(check, group, name):
    code, complaints = check(with_property(group, f"{name}=hunter2"))
    assert code == 78
    assert len(complaints) == 1 and complaints[0][0] == 7
    assert f'"{name}=FILE" into kafka.secrets' in complaints[0][1]
    assert "hunter2" not in complaints[0][1]


@pytest.mark.parametrize("text", ["sasl.password=hunter2", "sasl.password:hunter2", "sasl.password hunter2"])
def test_a_secret_given_in_place_of_its_file_is_not_repeated(check, text):
    code, complaints = check(with_property("secrets", text))
    assert code == 78
    assert len(complaints) == 1 and complaints[0][0] == 7
    assert "hunter2" not in complaints[0][1]


def test_an_empty_password_file_is_refused(check, write):
    password = write("password", "\nsecond line\n")
    code, complaints = check(REQUIRED + f'redis: {{ password_file = "{password}"; }};\n')
    assert code == 78
    assert complaints == [(FIRST, f"redis.password_file: {password} holds no secret in its first line")]


def test_a_password_file_that_everybody_can_read_is_a_warning_only(check, write):
    password = write("password", "hunter2\n", mode=0o644)
    code, complaints = check(REQUIRED + f'redis: {{ password_file = "{password}"; }};\n')
    assert code == 0
    assert complaints == [(FIRST, f"warning: redis.password_file: {password} can be read by everybody; chmod 600 is right")]


def test_a_relative_password_file_is_looked_up_among_the_credentials(check, write, tmp_path):
    write("redis-password", "hunter2\n")
    assert check(REQUIRED + 'redis: { password_file = "redis-password"; };\n', CREDENTIALS_DIRECTORY=str(tmp_path)) == (0, [])


def test_all_problems_are_named_at_once(check):
    code, complaints = check("""
kafka:
{
    brokers      = "127.0.0.1:9092";
    topics       = [ "orders", "orders" ];
    outcomes     = "orders";
    consumer     = [ "enable.auto.commit=true", "sasl.password=hunter2" ];
};
redis: { prefix = "{x}"; database = 99999; };
turn: { events = 4294967296;
        keys = "many"; };
shard = "users";
colour = "blue";
""")
    assert code == 78
    assert [line for line, _ in complaints] == [2, 5, 6, 7, 7, 9, 9, 10, 11, 12, 13]
    for wrong in ("dead_letters is missing", "twice", "outcomes would be read", "enable.auto.commit may not", "sasl.password is a secret",
                  'redis.prefix = "{x}"', "redis.database = 99999", "turn.events = 4294967296", "turn.keys must be", 'shard = "users"',
                  "colour is no setting"):
        assert sum(wrong in text for _, text in complaints) == 1, (wrong, complaints)


def test_more_problems_than_are_kept_are_counted(check):
    code, complaints = check(REQUIRED + "".join(f"unknown{i} = {i};\n" for i in range(100)))
    assert code == 78
    assert len(complaints) == 65
    assert complaints[-1][1] == "and 36 more"


def test_a_problem_stays_on_its_line_whatever_a_value_holds(check):
    code, complaints = check(REQUIRED + 'redis: { user = "two\nlines"; };\n')
    assert code == 78
    assert complaints == [(FIRST, 'redis.user = "two?lines" needs a redis.password_file')]


def test_an_empty_file_lacks_the_four_settings_that_have_no_default(check):
    code, complaints = check("")
    assert code == 78
    assert [text for _, text in complaints] == [f"kafka.{name} is missing, and has no default"
                                                for name in ("brokers", "topics", "outcomes", "dead_letters")]


@pytest.mark.parametrize("place, wrong", [("", "Is a directory"), ("absent.conf", "No such file or directory")])
def test_a_file_that_cannot_be_read_is_named(orderd, tmp_path, place, wrong):
    ended = orderd("--check-config", "-c", tmp_path / place)
    assert (ended.code, ended.out) == (78, "")
    assert ended.err == f"{tmp_path / place}: the file cannot be read: {wrong}\n"


def test_a_file_that_is_no_text_is_refused(check):
    code, complaints = check(b"kafka\0: { };")
    assert code == 78
    assert "zero byte" in complaints[0][1]


def test_numbers_in_texts_and_comments_are_left_alone(check):
    assert check(REQUIRED + """
# 99999999999
// 99999999999
/* 99999999999
   1.5 @include */
redis: { prefix = "99999999999@include1.5\\"4294967296"; };
""") == (0, [])


@pytest.mark.parametrize("text", [
    REQUIRED.replace("\n", "\r\n"),
    "\ufeff" + REQUIRED,
    REQUIRED + "turn: { events = 0x64; };\n",
    REQUIRED.replace("[ ", "( ").replace(" ]", " )"),
    REQUIRED.replace("kafka:", "kafka =").replace(";\n", "\n"),
], ids=["line ends of Windows", "a byte order mark", "hexadecimal", "a list in parentheses", "without semicolons"])
def test_what_libconfig_lets_one_write_otherwise_is_right(check, text):
    assert check(text) == (0, [])


@pytest.mark.parametrize("setting, low, high", [
    ("turn.events", 1, 1000), ("turn.keys", 8, 300), ("redis.database", 0, 16383), ("commit.interval_ms", 10, 60000),
    ("dedupe.window_s", 1, 2592000), ("deadline_ms.purchase", 0, 299999), ("outbox.bytes", 1048576, 1073741824),
])
def test_both_ends_of_a_range_are_right(check, setting, low, high):
    group, name = setting.split(".")
    for value in (low, high):
        assert check(REQUIRED + f"{group}: {{ {name} = {value}; }};\n") == (0, [])
