/* `orderd dead-letter`: what became malformed, looked at, sent back to its source, or left for good (PROTOCOL.md 11). */
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "codec/members.h"
#include "commands/command.h"
#include "commands/complain.h"
#include "commands/dead_letter.h"
#include "seam/kafka_look.h"

enum { SILENCE_MS = 30000, OUT_LIMIT = 64 << 20 };

int dead_letter_failed(int r, const char *what, const char *why)
{
    int code = r == -EACCES ? EX_NOPERM : r == -ESTALE || r == -EBUSY || r == -EINTR ? EX_TEMPFAIL : r == -EINVAL ? EX_CONFIG : r == -ENOMEM ? EX_OSERR : EX_UNAVAILABLE;

    return complain("dead-letter", code, "%s: %s", what, why[0] ? why : strerror(-r));
}

int dead_letter_print(struct dead_letter *work)
{
    struct bytes out = buffer_bytes(&work->out);
    int r = buffer_error(&work->out);

    if (!r && out.size && fwrite(out.data, 1, out.size, stdout) != out.size)
        r = -EIO;
    buffer_reset(&work->out);
    if (!r && fflush(stdout))
        r = -errno;
    return r ? EX_IOERR : 0;
}

/* Who it is that does something, as a word. */
static void put_who(char out[LETTERS_WHO_SIZE])
{
    const char *sudo = getenv("SUDO_USER");
    const struct passwd *user = getpwuid(geteuid());

    if (sudo && sudo[0])
        snprintf(out, LETTERS_WHO_SIZE, "%s", sudo);
    else if (user)
        snprintf(out, LETTERS_WHO_SIZE, "%s", user->pw_name);
    else
        snprintf(out, LETTERS_WHO_SIZE, "uid-%u", (unsigned)geteuid());
    for (char *c = out; *c; c++)
        if (*c <= ' ' || *c >= 0x7f)
            *c = '?';
}

static void put_place(struct buffer *out, const char *name, const char *topic, int32_t partition, int64_t offset)
{
    members_open(out, name, '{');
    members_text(out, "topic", topic);
    members_int(out, "partition", partition);
    members_int_or_null(out, "offset", offset);
    buffer_put_char(out, '}');
}

void dead_letter_put_members(struct dead_letter *work, const struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    struct buffer *out = &work->out;
    char place[48];

    snprintf(place, sizeof place, "%d:%lld", item->box.partition, (long long)item->box.offset);
    members_text(out, "place", place);
    if (item->box.kind != BOX_LETTER)
        return;
    put_place(out, "source", letter->topic, letter->partition, letter->offset);
    members_time(out, "time", item->box.message.timestamp);
    members_text(out, "reason", letter->reason);
    members_bytes(out, "detail", letter->detail);
    members_int(out, "redrives", letter->redrives);
    members_flag(out, "truncated", letter->cut_headers || letter->cut_key || letter->cut_value);
    members_text(out, "state", letters_state_name(item->record.state));
    if (item->record.state == LETTERS_REDRIVEN)
        put_place(out, "to", letter->topic, letter->partition, item->record.at);
    if (item->record.state == LETTERS_OPEN || item->record.state == LETTERS_UNREADABLE)
        return;
    members_time(out, "changed_at", item->record.time);
    members_text(out, "by", item->record.who);
    if (item->record.state == LETTERS_DISCARDED)
        members_text(out, "because", item->record.note);
}

bool dead_letter_next(struct dead_letter *work, int *code)
{
    struct error_text error = {""};
    int r = batch_fill(&work->batch, &work->box);

    *code = 0;
    if (r) {
        *code = dead_letter_failed(r, "the dead letters cannot be read", "");
        return false;
    }
    r = work->batch.count ? batch_read(&work->batch, &work->book, &error) : 0;
    if (r)
        *code = dead_letter_failed(r, "the record of dead letters cannot be read", error.text);
    return !r && work->batch.count > 0;
}

static int kafka_failed(int r, const char *brokers)
{
    struct error_text error;

    error_set(&error, r, "kafka does not answer at %s", brokers);
    return dead_letter_failed(r, error.text, "");
}

/* Partition counts: the dead-letter topic's, and those of the sources. */
static int ask_topics(struct dead_letter *work, struct kafka_look *look, struct box_options *box)
{
    const struct config *c = work->site->config;
    struct kafka_topic topic;
    int r = kafka_look_topic(look, c->kafka.dead_letters, &topic, SITE_QUESTION_MS);

    if (r == -ENOENT)
        return complain("dead-letter", EX_CONFIG, "the dead-letter topic %s does not exist; orderd init --create-topics makes it", c->kafka.dead_letters);
    box->partitions = topic.partitions;
    for (size_t i = 0; !r && i < c->kafka.topics.count; i++) {
        r = kafka_look_topic(look, c->kafka.topics.items[i], &topic, SITE_QUESTION_MS);
        work->topics[i] = (struct start_topic){c->kafka.topics.items[i], r ? 0 : topic.partitions};
        work->topics_count = i + 1;
        if (r == -ENOENT)
            r = 0;
    }
    return r ? kafka_failed(r, c->kafka.brokers) : 0;
}

static int open_kafka(struct dead_letter *work)
{
    struct kafka_in_options options = site_consumer(work->site);
    struct box_options box = {.clock = work->site->clock, .topic = work->site->config->kafka.dead_letters, .selection = &work->request->selection,
                              .timeout_ms = SILENCE_MS};
    struct error_text error = {""};
    struct kafka_look *look = NULL;
    int code, r = kafka_look_new(&look, &options, &error);

    if (!r)
        r = kafka_in_new(&work->in, &options, &error);
    code = r ? dead_letter_failed(r, "no consumer", error.text) : ask_topics(work, look, &box);
    kafka_look_free(look);
    if (!code)
        code = site_open_reader(work->site);
    box.in = work->in;
    box.reader = work->site->reader;
    r = code ? 0 : box_open(&work->box, &box);
    return r ? dead_letter_failed(r, "kafka does not tell where the dead letters end", "") : code;
}

static int redis_failed(int r, const char *address, const char *why)
{
    struct error_text error;

    error_set(&error, r, "redis does not answer at %s", address);
    return dead_letter_failed(r, error.text, why);
}

/* Who only reads needs no more than a server that answers. */
static int open_redis(struct dead_letter *work)
{
    const struct config *c = work->site->config;
    bool writing = work->request->verb != VERB_LIST && work->request->verb != VERB_SHOW && !work->request->dry;
    struct error_text error = {""};
    int r;

    work->book = (struct book){.redis = &work->site->redis, .prefix = c->redis.prefix, .sharded = strcmp(c->shard, "partition") == 0};
    if (writing)
        return site_connect(work->site);
    r = session_visit(work->site->redis.session, &error);
    return r ? redis_failed(r, c->redis.address, error.text) : 0;
}

static int run(struct dead_letter *work)
{
    static int (*const verbs[VERBS])(struct dead_letter *) = {
        [VERB_LIST] = dead_letter_list,      [VERB_SHOW] = dead_letter_show,      [VERB_REDRIVE] = dead_letter_settle,
        [VERB_DISCARD] = dead_letter_settle, [VERB_REOPEN] = dead_letter_settle,
    };
    int code = open_redis(work);

    if (!code)
        code = open_kafka(work);
    if (!code && batch_new(&work->batch))
        code = EX_OSERR;
    if (!code)
        code = verbs[work->request->verb](work);
    if (work->batch.items)
        batch_free(&work->batch);      /* messages first, then who they came from */
    box_close(&work->box);
    kafka_in_free(work->in);
    return code;
}

static int work(struct site *site, void *context)
{
    struct interrupt interrupt;
    struct dead_letter work = {.request = context, .site = site, .interrupt = &interrupt};
    int code = interrupt_open(&interrupt) ? EX_OSERR : 0;

    buffer_init(&work.out, OUT_LIMIT);
    put_who(work.who);
    if (!code)
        code = run(&work);
    buffer_deinit(&work.out);
    interrupt_close(&interrupt);
    return code;
}

int command_dead_letter(int argc, char **argv)
{
    struct dead_letter_request request = {.verb = VERB_LIST};
    int code = dead_letter_parse(argc, argv, &request);

    if (code)
        return code;
    if (request.help)
        return fputs(dead_letter_usage, stdout) < 0 ? EX_IOERR : 0;
    return site_command(request.file, "dead-letter", work, &request);
}
