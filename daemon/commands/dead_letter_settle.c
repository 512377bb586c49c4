/* `orderd dead-letter redrive | discard | reopen`: what changes something, batch by batch, each letter's end said. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/number.h"
#include "codec/members.h"
#include "commands/complain.h"
#include "commands/dead_letter.h"
#include "commands/folder.h"
#include "commands/shown.h"
#include "letters/trim.h"

enum { VALUE_MAX = 100 << 20, PATH_SIZE = 4096, LOOK_SHOWN_MIN = 100000 };

/* --- the value put in place of a letter's own */

static int take_file(int fd, struct batch_item *item)
{
    struct stat status;
    ssize_t got = 0;
    size_t size;

    if (fstat(fd, &status))
        return -errno;
    if (!S_ISREG(status.st_mode))
        return -EINVAL;
    if (status.st_size > VALUE_MAX)
        return -EFBIG;
    free(item->edited);
    item->edited = malloc((size_t)status.st_size + 1);
    if (!item->edited)
        return -ENOMEM;
    for (size = 0; size < (size_t)status.st_size && (got = pread(fd, item->edited + size, (size_t)status.st_size - size, (off_t)size)) > 0;)
        size += (size_t)got;
    if (got < 0)
        return -errno;
    item->value = (struct bytes){item->edited, size};
    return 0;
}

static int take_value(struct dead_letter *work, struct batch_item *item)
{
    const char *file = work->request->value_file;
    int fd = open(file, O_RDONLY | O_CLOEXEC), r = fd < 0 ? -errno : take_file(fd, item);

    if (fd >= 0)
        close(fd);
    return r ? complain("dead-letter", EX_NOINPUT, "%s cannot be read: %s", file, r == -EINVAL ? "it is no file" : strerror(-r)) : 0;
}

/* The shell has the command's words, and the path as its argument. */
static int run_editor(const char *command, const char *path)
{
    char script[PATH_SIZE];
    int status;
    pid_t child;

    if (snprintf(script, sizeof script, "%s \"$1\"", command) >= (int)sizeof script)
        return -E2BIG;
    child = fork();
    if (child < 0)
        return -errno;
    if (child == 0) {
        interrupt_let_go();
        execl("/bin/sh", "sh", "-c", script, "sh", path, (char *)NULL);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECANCELED;
}

static int write_all(int fd, struct bytes value)
{
    ssize_t wrote;

    for (size_t at = 0; at < value.size; at += (size_t)wrote)
        if ((wrote = write(fd, value.data + at, value.size - at)) < 0)
            return -errno;
    return 0;
}

/* Editors put a new file in the old one's place, so it is opened again. */
static int edit_in(const char *path, int fd, const char *command, struct batch_item *item)
{
    int r = write_all(fd, item->value);

    close(fd);
    if (!r)
        r = run_editor(command, path);
    fd = r ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!r && fd < 0)
        r = -errno;
    if (!r)
        r = take_file(fd, item);
    if (fd >= 0)
        close(fd);
    return r;
}

static int edit(struct dead_letter *work, struct batch_item *item)
{
    char path[PATH_SIZE];
    int fd, r;

    if (snprintf(path, sizeof path, "%s/orderd-letter-XXXXXX", folder_temporary()) >= (int)sizeof path)
        return EX_CANTCREAT;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return complain("dead-letter", EX_CANTCREAT, "%s cannot be made: %s", path, strerror(errno));
    r = edit_in(path, fd, work->request->edit, item);
    unlink(path);
    return r ? complain("dead-letter", EX_TEMPFAIL, "%d:%lld was not edited: %s", item->box.partition, (long long)item->box.offset,
                        r == -ECANCELED ? "the command did not end with 0" : strerror(-r)) : 0;
}

/* Only what may still be sent is worth an editor. */
static int edit_all(struct dead_letter *work)
{
    const struct dead_letter_request *request = work->request;
    int code = 0;

    for (size_t i = 0; !code && i < work->batch.count; i++) {
        struct batch_item *item = &work->batch.items[i];

        if (item->box.kind != BOX_LETTER || item->record.state == LETTERS_REDRIVEN || item->record.state == LETTERS_DISCARDED)
            continue;
        if (request->value_file)
            code = take_value(work, item);
        else if (request->edit)
            code = edit(work, item);
    }
    return code;
}

/* --- what became of each letter */

struct count {
    int64_t done, before, refused, missing;
};

static const char *words_of(const struct dead_letter_request *request, enum batch_result result)
{
    static const char *const done[VERBS] = {[VERB_REDRIVE] = "sent back", [VERB_DISCARD] = "discarded", [VERB_REOPEN] = "open again"};
    static const char *const due[VERBS] = {[VERB_REDRIVE] = "would be sent back", [VERB_DISCARD] = "would be discarded", [VERB_REOPEN] = "would be open again"};

    switch (result) {
    case BATCH_DONE:
        return done[request->verb];
    case BATCH_DUE:
        return due[request->verb];
    case BATCH_BEFORE:
        return "left";
    case BATCH_REFUSED:
        return "refused";
    case BATCH_FAILED:
        break;
    }
    return "failed";
}

static void put_text(struct dead_letter *work, const struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    struct buffer *out = &work->out;
    bool sent = work->request->verb == VERB_REDRIVE && (item->result == BATCH_DONE || item->result == BATCH_DUE);

    buffer_put_format(out, "%d:%lld", item->box.partition, (long long)item->box.offset);
    if (item->box.kind == BOX_LETTER)
        buffer_put_format(out, " (%s:%d:%lld, %s)", letter->topic, letter->partition, (long long)letter->offset, letter->reason);
    buffer_put_format(out, " %s", words_of(work->request, item->result));
    if (sent)
        buffer_put_format(out, " to %s:%d", letter->topic, letter->partition);
    if (sent && item->result == BATCH_DONE)
        buffer_put_format(out, ":%lld", (long long)item->at);
    if (item->why[0]) {
        buffer_put_text(out, ": ");
        shown_put(out, bytes_of(item->why));
    }
    buffer_put_char(out, '\n');
}

static void put_json(struct dead_letter *work, const struct batch_item *item)
{
    static const char *const results[] = {
        [BATCH_DUE] = "due", [BATCH_DONE] = "done", [BATCH_BEFORE] = "before", [BATCH_REFUSED] = "refused", [BATCH_FAILED] = "failed"};

    buffer_put_char(&work->out, '{');
    dead_letter_put_members(work, item);
    members_text(&work->out, "verb", dead_letter_verb_name(work->request->verb));
    members_text(&work->out, "result", results[item->result]);
    members_text(&work->out, "message", item->why);
    buffer_put_text(&work->out, "}\n");
}

/* Of a selection only what is open is meant. */
static bool is_meant(const struct dead_letter_request *request, const struct batch_item *item)
{
    return request->selection.places_count || (item->result != BATCH_BEFORE && (request->verb != VERB_REDRIVE || item->record.state != LETTERS_DISCARDED) &&
                                               (request->verb == VERB_REDRIVE || item->result != BATCH_REFUSED));
}

static int say(struct dead_letter *work, struct count *count)
{
    const struct dead_letter_request *request = work->request;

    for (size_t i = 0; i < work->batch.count; i++) {
        const struct batch_item *item = &work->batch.items[i];

        if (!is_meant(request, item)) {
            count->before++;
            continue;
        }
        count->done += item->result == BATCH_DONE || item->result == BATCH_DUE;
        count->before += item->result == BATCH_BEFORE;
        count->missing += item->box.kind == BOX_MISSING;
        count->refused += item->result == BATCH_REFUSED || item->result == BATCH_FAILED;
        (request->json ? put_json : put_text)(work, item);
    }
    return dead_letter_print(work);
}

/* --- the ways */

/* Most readings are short: only a long one has a line. */
static bool show_looking(void *context, const char *topic, int32_t partition, int64_t done, int64_t of)
{
    struct dead_letter *work = context;
    int64_t now = clock_monotonic_ms(work->site->clock);

    (void)topic;
    (void)partition;
    if (of >= LOOK_SHOWN_MIN && (!work->looking || done < work->looked)) {
        progress_begin(&work->progress, "looking for what was sent back before", "offsets", of, now);
        work->looking = true;
    }
    work->looked = done;
    if (of >= LOOK_SHOWN_MIN)
        progress_show(&work->progress, done, now);
    if (work->looking && done >= of) {
        progress_end(&work->progress);
        work->looking = false;
    }
    return !interrupt_seen(work->interrupt);
}

static int open_redrive(struct dead_letter *work, struct redrive **redrive, struct kafka_reader **reader)
{
    const struct config *c = work->site->config;
    const struct dead_letter_request *request = work->request;
    struct kafka_in_options consumer = site_consumer(work->site);
    struct error_text error = {""};
    struct redrive_options options = {
        .book = work->book, .clock = work->site->clock, .in = work->in, .brokers = c->kafka.brokers, .properties = {c->producer.items, c->producer.count},
        .log = &work->site->log, .letters = c->kafka.dead_letters, .transaction = work->transaction, .topics = work->topics,
        .topics_count = work->topics_count, .who = work->who, .max = request->max, .anyway = request->anyway, .dry = request->dry,
        .looking = show_looking, .context = work, .timeout_ms = work->box.options.timeout_ms,
    };
    int r = request->dry ? 0 : kafka_reader_new(reader, &consumer, &error);

    options.reader = *reader;
    snprintf(work->transaction, sizeof work->transaction, "%.200s-dead-letters", c->kafka.group);
    if (!r)
        r = redrive_new(redrive, &options, &error);
    return r ? dead_letter_failed(r, r == -EACCES ? "kafka does not let this user send in transactions under the name of the group and -dead-letters"
                                                        : "nothing was sent, kafka gives no transaction", error.text) : 0;
}

static int settle_batch(struct dead_letter *work, struct redrive *redrive)
{
    const struct dead_letter_request *request = work->request;
    struct discard_options options = {.book = work->book, .letters = work->site->config->kafka.dead_letters, .who = work->who, .because = request->because,
                                      .now = clock_realtime_ms(work->site->clock), .dry = request->dry};
    struct error_text error = {""};
    int code = request->verb == VERB_REDRIVE ? edit_all(work) : 0, r;

    if (code)
        return code;
    if (request->verb == VERB_REDRIVE)
        r = redrive_batch(redrive, &work->batch, &error);
    else
        r = (request->verb == VERB_DISCARD ? batch_discard : batch_reopen)(&work->batch, &options, &error);
    if (r == -ESTALE)
        return dead_letter_failed(r, "somebody else deals with dead letters at the same time; run it again when that has ended", error.text);
    return r ? dead_letter_failed(r, "it did not come to its end; run it again, which finds out what was done", error.text) : 0;
}

/* --- the record's bound */

static bool is_stopped(void *context)
{
    struct dead_letter *work = context;

    return interrupt_seen(work->interrupt);
}

static int32_t markets(const struct dead_letter *work)
{
    return start_markets(work->topics, work->topics_count, work->book.sharded);
}

static void trim_one(struct dead_letter *work, int32_t market)
{
    const struct trim_options options = {
        .book = work->book, .in = work->in, .reader = work->site->reader, .clock = work->site->clock, .letters = work->site->config->kafka.dead_letters,
        .letters_partitions = work->box.options.partitions, .topics = work->topics, .topics_count = work->topics_count,
        .stopped = is_stopped, .context = work, .timeout_ms = work->box.options.timeout_ms,
    };
    struct error_text error = {""};
    int64_t kept, removed;
    int r = trim_count(&work->book, market, &kept, &error);

    if (!r && kept < LETTERS_TRIM_FROM)
        return;
    if (!r)
        r = trim_market(&options, market, &removed, &error);
    if (!r && removed)
        fprintf(stderr, "%lld %s taken out of redis\n", (long long)removed,
                number_words(removed, "record of a letter that is long deleted was", "records of letters that are long deleted were"));
    if (r && r != -EINTR)
        (void)complain("dead-letter", 0, "the record of letters that are long deleted stays as it is: %s%s", error.text,
                       r == -EACCES ? "; give the user +hlen +hscan" : "");
}

/* Before the first letter is read: the reader is the box's from then on. */
static void trim_all(struct dead_letter *work)
{
    for (int32_t i = 0; i < markets(work) && !interrupt_seen(work->interrupt); i++)
        trim_one(work, start_market(work->book.sharded, i));
}

/* Whether there is room for the records of another batch. Who cannot count goes on. */
static int check_room(struct dead_letter *work)
{
    char key[SHARD_KEY_MAX];
    struct error_text error;
    int64_t kept;

    for (int32_t i = 0; i < markets(work); i++) {
        if (trim_count(&work->book, start_market(work->book.sharded, i), &kept, &error) || kept + 2 * BATCH_MAX <= LETTERS_KEPT_MAX)
            continue;
        letters_key(key, work->book.prefix, start_market(work->book.sharded, i));
        return complain("dead-letter", EX_CONFIG, "%s holds %lld records, and %d are kept at most; a record goes by itself once retention has deleted the message from its "
                        "source topic and its dead letter, so a shorter retention of %s would be right",
                        key, (long long)kept, LETTERS_KEPT_MAX, work->site->config->kafka.dead_letters);
    }
    return 0;
}

static int settle_all(struct dead_letter *work, struct redrive *redrive)
{
    const struct dead_letter_request *request = work->request;
    bool more = !request->dry && request->verb != VERB_REOPEN;
    struct count count = {0};
    int code = 0;

    if (more)
        trim_all(work);
    while (!code && dead_letter_next(work, &code)) {
        code = more ? check_room(work) : 0;
        if (!code)
            code = settle_batch(work, redrive);
        if (!code)
            code = say(work, &count);
        if (!code && interrupt_seen(work->interrupt))
            code = complain("dead-letter", EX_TEMPFAIL, "stopped; the same command goes on");
    }
    if (!request->json && (!code || code == EX_TEMPFAIL))
        fprintf(stderr, "%lld %s, %lld left as they were, %lld refused%s\n", (long long)count.done, words_of(request, request->dry ? BATCH_DUE : BATCH_DONE),
                (long long)count.before, (long long)count.refused, request->dry ? " (a dry run: nothing was changed)" : "");
    return code ? code : count.missing ? EX_NOINPUT : count.refused ? EX_DATAERR : 0;
}

int dead_letter_settle(struct dead_letter *work)
{
    struct redrive *redrive = NULL;
    struct kafka_reader *reader = NULL;
    int code = work->request->verb == VERB_REDRIVE ? open_redrive(work, &redrive, &reader) : 0;

    if (!code)
        code = settle_all(work, redrive);
    if (work->looking)
        progress_end(&work->progress);
    redrive_free(redrive);
    kafka_reader_free(reader);
    return code;
}
