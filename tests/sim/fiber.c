/* A fiber is entered once by its context; from then on a jump to where it left saves two system calls a switch. The checked jump takes another
 * stack for a mistake. */
#undef _FORTIFY_SOURCE
#include "sim/fiber.h"

#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__SANITIZE_ADDRESS__)
#define FIBER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#endif
#ifdef FIBER_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

enum { STACK_SIZE = 1 << 20, GUARD_SIZE = 1 << 12 };

struct fiber {
    ucontext_t context;              /* its begin */
    jmp_buf left;                    /* where it left */
    bool entered;
    char *stack;                     /* kept from one history to the next */
    struct node *node;
    void (*run)(void *);
    void *argument;
    int64_t wake_at;
    bool alive;
    void *fake_stack;                /* the sanitizer's */
};

static struct {
    struct fiber fibers[FIBERS_MAX];
    size_t count;
    struct fiber *at_work;           /* NULL: the scheduler */
    jmp_buf scheduler;
    bool over;
    const void *scheduler_stack;
    size_t scheduler_size;
} all;

/* The sanitizer must know on which stack we are. */
static void leave(void **fake_stack, const void *stack, size_t size)
{
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(fake_stack, stack, size);
#else
    (void)fake_stack, (void)stack, (void)size;
#endif
}

static void arrive(void *fake_stack, const void **stack, size_t *size)
{
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(fake_stack, stack, size);
#else
    (void)fake_stack, (void)stack, (void)size;
#endif
}

void fibers_begin(void)
{
    all.count = 0;
    all.at_work = NULL;
    all.over = false;
}

static void begin(void)
{
    struct fiber *fiber = all.at_work;

    arrive(NULL, &all.scheduler_stack, &all.scheduler_size);
    fiber->run(fiber->argument);
    fiber->alive = false;
    leave(NULL, all.scheduler_stack, all.scheduler_size);
    _longjmp(all.scheduler, 1);
}

void fiber_spawn(struct node *node, void (*run)(void *context), void *context)
{
    struct fiber *fiber = &all.fibers[all.count++];

    ASSERT(all.count <= FIBERS_MAX);
    if (!fiber->stack) {
        fiber->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ASSERT(fiber->stack != MAP_FAILED && mprotect(fiber->stack, GUARD_SIZE, PROT_NONE) == 0);
    }
    fiber->node = node;
    fiber->run = run;
    fiber->argument = context;
    fiber->wake_at = world->now;
    fiber->alive = true;
    fiber->entered = false;
    getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = fiber->stack;
    fiber->context.uc_stack.ss_size = STACK_SIZE;
    fiber->context.uc_link = NULL;
    makecontext(&fiber->context, begin, 0);
}

static void resume(struct fiber *fiber)
{
    void *fake_stack = NULL;

    all.at_work = fiber;
    world->at_work = fiber->node;
    leave(&fake_stack, fiber->stack, STACK_SIZE);
    if (_setjmp(all.scheduler) == 0) {
        if (fiber->entered)
            _longjmp(fiber->left, 1);
        fiber->entered = true;
        setcontext(&fiber->context);
    }
    arrive(fake_stack, NULL, NULL);
    all.at_work = NULL;
}

void fiber_sleep(int64_t ms)
{
    struct fiber *fiber = all.at_work;

    ASSERT(fiber);
    if (all.over)
        return;
    fiber->wake_at = world->now + ms;
    leave(&fiber->fake_stack, all.scheduler_stack, all.scheduler_size);
    if (_setjmp(fiber->left) == 0)
        _longjmp(all.scheduler, 1);
    arrive(fiber->fake_stack, &all.scheduler_stack, &all.scheduler_size);
}

void fiber_wake(struct node *node)
{
    for (size_t i = 0; i < all.count; i++)
        if (all.fibers[i].node == node && all.fibers[i].wake_at > world->now)
            all.fibers[i].wake_at = world->now;
}

/* One of those that may work now, each as likely as the others. NULL: none; then `next` is when one may. */
static struct fiber *drawn(int64_t *next)
{
    struct fiber *chosen = NULL;
    uint32_t ready = 0;

    *next = INT64_MAX;
    for (size_t i = 0; i < all.count; i++) {
        struct fiber *fiber = &all.fibers[i];

        if (!fiber->alive)
            continue;
        if (fiber->wake_at < *next)
            *next = fiber->wake_at;
        if (fiber->wake_at <= world->now && (ready++ == 0 || world_draw(ready) == 0))
            chosen = fiber;
    }
    return chosen;
}

void fibers_run(bool (*finished)(void))
{
    int64_t next;

    while (!finished()) {
        struct fiber *fiber = drawn(&next);

        if (fiber)
            resume(fiber);
        else if (next == INT64_MAX)
            return;
        else
            world->now = next;
    }
}

bool fibers_are_over(void)
{
    return all.over;
}

void fibers_end(void)
{
    all.over = true;
    for (size_t i = 0; i < all.count; i++)
        while (all.fibers[i].alive)
            resume(&all.fibers[i]);
}
