/* Stories of what is measured: counted once, whatever was tried in between, and as old as it is. */
#include "story/story.h"
#include "turn/operator.h"
#include "turn/picture.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"

static const char *const nothing[] = {NULL};

static const struct picture *look(struct daemon *daemon, struct picture *picture)
{
    picture_deinit(picture);
    picture_init(picture);
    ASSERT(pipeline_look(daemon_pipeline(daemon), picture) == 0);
    return picture;
}

/* What the first partition's oldest event, or its next one, has been waiting for. */
static int64_t unfinished_ms(struct daemon *daemon, struct picture *picture)
{
    const struct picture_partition *first = look(daemon, picture)->partitions;

    return first->unfinished_timestamp ? picture->realtime_ms - first->unfinished_timestamp : -1;
}

static int64_t waiting_ms(struct daemon *daemon, struct picture *picture)
{
    const struct picture_partition *first = look(daemon, picture)->partitions;

    return picture_lag_ms(first, picture->realtime_ms);
}

static void an_event_counts_once_whatever_was_tried(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);
    const struct meters *m;
    struct picture p;

    picture_init(&p);
    produce(0, DEPOSIT("d1", "5"));
    produce(0, "{");
    world_plan(world->execs + 1, FAULT_CONFLICT);
    world_plan(world->execs + 2, FAULT_LOST_BEFORE);
    daemon_run(a, 1000);
    m = &look(a, &p)->meters;
    CHECK_INT(c, (int64_t)m->decided[EVENT_DEPOSIT][STATUS_APPLIED], 1);
    CHECK_INT(c, (int64_t)m->decided[METERS_TYPE_UNKNOWN][STATUS_MALFORMED], 1);
    CHECK_INT(c, (int64_t)m->reasons[REASON_NOT_JSON], 1);
    CHECK_INT(c, (int64_t)m->dead_letters[REASON_NOT_JSON], 1);
    CHECK_INT(c, (int64_t)m->conflicts, 1);
    CHECK_INT(c, (int64_t)m->unknown, 1);
    CHECK_INT(c, (int64_t)m->retries, 2);
    CHECK_INT(c, (int64_t)m->turn_events.sum, 2);
    CHECK_INT(c, (int64_t)m->end_to_end_ms.count, 2);
    CHECK_INT(c, (int64_t)m->reconnects, 1);
    CHECK(c, m->takeovers >= 2 && m->commits >= 1);
    picture_deinit(&p);
    daemon_stop(a);
    story_end();
}

static void an_outcome_that_is_not_delivered_grows_older_also_without_redis(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);
    struct picture p;

    picture_init(&p);
    CHECK_INT(c, unfinished_ms(a, &p), -1);
    world->deliveries_held = true;
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 400);
    CHECK_INT(c, unfinished_ms(a, &p) / 100, 4);
    world->redis_away = true;
    daemon_run(a, 5000);
    CHECK(c, !look(a, &p)->redis_up);
    CHECK_INT(c, unfinished_ms(a, &p) / 100, 54);
    world->redis_away = world->deliveries_held = false;
    daemon_run(a, 5000);
    CHECK_INT(c, unfinished_ms(a, &p), -1);
    expect_outcomes(c, "0 applied");
    picture_deinit(&p);
    daemon_stop(a);
    story_end();
}

/* Its event was read, and let go with the pause. */
static void the_lag_of_a_paused_partition_grows_older(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);
    struct operator_place place = {"orders", 0};
    struct operator_answer answer;
    struct picture p;

    picture_init(&p);
    operator_pause(daemon_pipeline(a), &place, "ann", &answer);
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 3000);
    CHECK_INT(c, (int64_t)picture_state(look(a, &p)->partitions), PICTURE_PAUSED);
    operator_resume(daemon_pipeline(a), &place, &answer);
    world->redis_away = true;
    daemon_run(a, 1000);
    CHECK_INT(c, waiting_ms(a, &p) / 100, 40);
    CHECK_INT(c, look(a, &p)->partitions[0].lag, 1);
    CHECK_INT(c, (int64_t)picture_state(p.partitions), PICTURE_UNTAKEN);
    world->redis_away = false;
    daemon_run(a, 5000);
    CHECK_INT(c, waiting_ms(a, &p), 0);
    picture_deinit(&p);
    daemon_stop(a);
    story_end();
}

TESTS({"an event counts once, whatever was tried", an_event_counts_once_whatever_was_tried},
      {"an outcome that is not delivered grows older, also without Redis", an_outcome_that_is_not_delivered_grows_older_also_without_redis},
      {"the lag of a paused partition grows older", the_lag_of_a_paused_partition_grows_older})
