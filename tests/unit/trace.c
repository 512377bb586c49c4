/* W3C Trace Context: what is continued, with what, and what is not. */
#include "check.h"

#include "codec/event.h"
#include "codec/trace.h"

#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"

static const unsigned char span[TRACE_SPAN_SIZE] = {0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 0x00, 0x11};

static void continues(struct checks *c, const char *parent, const char *child)
{
    char out[TRACE_PARENT_SIZE + 1] = "";

    CHECK(c, trace_continue(out, bytes_of(parent), span) == (child[0] != '\0'));
    CHECK_TEXT(c, out, child);
    CHECK(c, child[0] ? bytes_equal_text(trace_id(bytes_of(parent)), ID) : !trace_id(bytes_of(parent)).data);
}

static void a_trace_keeps_its_id_and_gets_our_span(struct checks *c)
{
    continues(c, "00-" ID "-" SPAN "-01", "00-" ID "-aabbccddeeff0011-01");
    continues(c, "00-" ID "-" SPAN "-00", "00-" ID "-aabbccddeeff0011-00");
}

static void of_the_flags_those_with_a_meaning_go_on(struct checks *c)
{
    continues(c, "00-" ID "-" SPAN "-03", "00-" ID "-aabbccddeeff0011-03");
    continues(c, "00-" ID "-" SPAN "-ff", "00-" ID "-aabbccddeeff0011-03");
    continues(c, "00-" ID "-" SPAN "-fc", "00-" ID "-aabbccddeeff0011-00");
}

static void a_later_version_is_continued_as_ours(struct checks *c)
{
    continues(c, "01-" ID "-" SPAN "-01", "00-" ID "-aabbccddeeff0011-01");
    continues(c, "cc-" ID "-" SPAN "-01-what.the.future.brings", "00-" ID "-aabbccddeeff0011-01");
    continues(c, "cc-" ID "-" SPAN "-01.what.the.future.brings", "");
}

static void what_is_no_trace_is_not_continued(struct checks *c)
{
    static const char *const bad[] = {"", "00", "00-" ID "-" SPAN, "00-" ID "-" SPAN "-0", "00-" ID "-" SPAN "-01-", "00-" ID "-" SPAN "-0x",
                                      "ff-" ID "-" SPAN "-01", "FF-" ID "-" SPAN "-01", "0g-" ID "-" SPAN "-01", "00_" ID "-" SPAN "-01",
                                      "00-" ID "_" SPAN "-01", "00-" ID "-" SPAN "_01", "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
                                      "00-" ID "-00F067AA0BA902B7-01", "00-00000000000000000000000000000000-" SPAN "-01",
                                      "00-" ID "-0000000000000000-01", " 00-" ID "-" SPAN "-01"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        continues(c, bad[i], "");
    CHECK(c, !trace_id((struct bytes){NULL, 0}).data);
}

static void a_state_that_fits_goes_on_as_it_came(struct checks *c)
{
    char out[TRACE_STATE_MAX];

    CHECK(c, bytes_equal_text(trace_state(out, bytes_of("a=b, c=d ,")), "a=b, c=d ,"));
}

static void what_is_no_state_is_dropped(struct checks *c)
{
    char out[TRACE_STATE_MAX], many[33 * 2 + 1] = "";

    for (size_t i = 0; i < 33; i++)
        memcpy(many + 2 * i, i ? ",a" : " a", 2);
    CHECK(c, !trace_state(out, bytes_of(many)).data);
    many[32 * 2] = '\0';
    CHECK(c, trace_state(out, bytes_of(many)).data);
    CHECK(c, !trace_state(out, bytes_of("")).data && !trace_state(out, (struct bytes){NULL, 0}).data);
    CHECK(c, !trace_state(out, bytes_of("a=\x01")).data && !trace_state(out, bytes_of("a=\xc3\xa9")).data);
}

static void a_long_state_loses_its_long_members_and_then_its_last(struct checks *c)
{
    char out[TRACE_STATE_MAX], state[1200] = "", *at = state;
    struct bytes kept;

    at += snprintf(at, 600, "a=%0200d", 1);
    for (int i = 0; i < 6; i++)
        at += snprintf(at, 200, ",k%d=%0100d", i, 2);
    kept = trace_state(out, bytes_of(state));
    CHECK_INT(c, kept.size, 4 * 103 + 3);
    CHECK(c, kept.size && memcmp(kept.data, "k0=", 3) == 0 && memcmp(kept.data + 3 * 104, "k3=", 3) == 0);
}

static void a_header_that_is_given_twice_is_no_trace(struct checks *c)
{
    struct kafka_header headers[] = {{bytes_of("traceparent"), bytes_of("00-" ID "-" SPAN "-01")}, {bytes_of("tracestate"), bytes_of("a=b")},
                                     {bytes_of("traceparent"), bytes_of("00-" ID "-" SPAN "-01")}, {bytes_of("tracestate"), bytes_of("c=d")}};
    struct decoded decoded;

    event_decode(&decoded, bytes_of("{}"), headers, 2);
    CHECK(c, bytes_equal(decoded.traceparent, headers[0].value) && bytes_equal(decoded.tracestate, headers[1].value));
    event_decode(&decoded, bytes_of("{}"), headers, 4);
    CHECK(c, !decoded.traceparent.data && !decoded.tracestate.data);
}

TESTS({"a trace keeps its id and gets our span", a_trace_keeps_its_id_and_gets_our_span},
      {"of the flags those with a meaning go on", of_the_flags_those_with_a_meaning_go_on},
      {"a later version is continued as ours", a_later_version_is_continued_as_ours},
      {"what is no trace is not continued", what_is_no_trace_is_not_continued},
      {"a state that fits goes on as it came", a_state_that_fits_goes_on_as_it_came},
      {"what is no state is dropped", what_is_no_state_is_dropped},
      {"a long state loses its long members and then its last", a_long_state_loses_its_long_members_and_then_its_last},
      {"a header that is given twice is no trace", a_header_that_is_given_twice_is_no_trace})
