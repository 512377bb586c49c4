#include "sim/trial.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HISTORY_SECONDS = 60, TRACE_MAX = 64 << 20 };

/* What a job leaves for its parent, in memory that both see. */
struct job {
    struct coverage coverage;
    struct trial_finding findings[FINDINGS_MAX];
    size_t findings_count;
    uint64_t next;                    /* the seed at hand, or the next */
    bool ended;
};

static void *shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ASSERT(memory != MAP_FAILED);
    return memory;
}

static int64_t seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void keep(struct job *job, uint64_t seed, const struct finding *finding)
{
    if (job->findings_count < FINDINGS_MAX)
        job->findings[job->findings_count] = (struct trial_finding){seed, *finding};
    job->findings_count++;
}

/* In the child: seed after seed. */
static void work(struct job *job, const struct trials *trials, int64_t until)
{
    struct finding finding;
    struct plan plan;

    for (; job->next < trials->first + trials->count; job->next += (uint64_t)trials->jobs) {
        if ((until && seconds_now() >= until) || job->findings_count >= trials->findings_wanted)
            break;
        alarm(HISTORY_SECONDS);
        plan_draw(&plan, job->next);
        plan.beside |= trials->beside;
        history_run(&plan, &job->coverage, &finding, NULL);
        plan_free(&plan);
        if (finding.kind[0])
            keep(job, job->next, &finding);
    }
    job->ended = true;
}

static pid_t start(struct job *job, const struct trials *trials, int64_t until)
{
    pid_t pid;

    fflush(NULL);
    pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        work(job, trials, until);
        _exit(0);
    }
    return pid;
}

static void say_end(struct finding *finding, int status)
{
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

    snprintf(finding->kind, sizeof finding->kind, "%s", signal == SIGALRM ? "hangs" : "crashes");
    if (signal == SIGALRM)
        snprintf(finding->text, sizeof finding->text, "the history did not end within %d seconds", HISTORY_SECONDS);
    else
        snprintf(finding->text, sizeof finding->text, "the process ended with %s %d", signal ? "signal" : "exit code",
                 signal ? signal : WEXITSTATUS(status));
}

/* A history that ended its process is a finding; the next one begins in another. */
static pid_t go_on(struct job *job, const struct trials *trials, int64_t until, int status)
{
    struct finding finding = {"", ""};

    say_end(&finding, status);
    keep(job, job->next, &finding);
    job->next += (uint64_t)trials->jobs;
    return start(job, trials, until);
}

void trials_run(const struct trials *trials, struct trials_result *result)
{
    size_t size = (size_t)trials->jobs * sizeof(struct job);
    struct job *jobs = shared(size);
    int64_t until = trials->seconds ? seconds_now() + trials->seconds : 0;
    pid_t pids[JOBS_MAX];

    ASSERT(trials->jobs >= 1 && trials->jobs <= JOBS_MAX);
    for (int i = 0; i < trials->jobs; i++) {
        jobs[i].next = trials->first + (uint64_t)i;
        pids[i] = start(&jobs[i], trials, until);
    }
    for (int status, running = trials->jobs; running;) {
        pid_t pid = waitpid(-1, &status, 0);
        int i = 0;

        while (pids[i] != pid)
            ASSERT(++i < trials->jobs);
        if (jobs[i].ended)
            running--;
        else
            pids[i] = go_on(&jobs[i], trials, until, status);
    }
    memset(result, 0, sizeof *result);
    for (int i = 0; i < trials->jobs; i++) {
        coverage_add(&result->coverage, &jobs[i].coverage);
        for (size_t k = 0; k < jobs[i].findings_count; k++, result->findings_count++)
            if (k < FINDINGS_MAX && result->findings_count < FINDINGS_MAX)
                result->findings[result->findings_count] = jobs[i].findings[k];
    }
    munmap(jobs, size);
}

/* What a single history leaves for its parent. */
static struct left {
    struct finding finding;
    bool ended;
    size_t size;
    char trace[];
} *left;

/* The trace up to where the history broke off. */
static void broken_off(int number)
{
    if (world && world->trace.size <= TRACE_MAX) {
        memcpy(left->trace, world->trace.data, world->trace.size);
        left->size = world->trace.size;
    }
    signal(number, SIG_DFL);
    raise(number);
}

static void run_traced(struct plan *plan, struct coverage *coverage)
{
    struct buffer text;

    signal(SIGABRT, broken_off);
    signal(SIGSEGV, broken_off);
    signal(SIGALRM, broken_off);
    buffer_init(&text, TRACE_MAX);
    history_run(plan, coverage, &left->finding, &text);
    memcpy(left->trace, text.data, text.size);
    left->size = text.size;
}

void trial_run(struct plan *plan, struct finding *finding, struct buffer *trace)
{
    struct coverage *coverage = calloc(1, sizeof *coverage);
    size_t size = sizeof *left + (trace ? TRACE_MAX : 0);
    int status;
    pid_t pid;

    ASSERT(coverage);
    left = shared(size);
    fflush(NULL);
    pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        alarm(HISTORY_SECONDS);
        if (trace)
            run_traced(plan, coverage);
        else
            history_run(plan, coverage, &left->finding, NULL);
        left->ended = true;
        _exit(0);
    }
    ASSERT(waitpid(pid, &status, 0) == pid);
    if (!left->ended)
        say_end(&left->finding, status);
    *finding = left->finding;
    if (trace)
        buffer_put(trace, left->trace, left->size);
    munmap(left, size);
    free(coverage);
}
