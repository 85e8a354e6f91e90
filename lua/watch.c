#include "lua/watch.h"

#ifdef __linux__

#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <lua.h>

/* SIGEV_THREAD_ID's member has no name of its own in glibc before 2.39. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define SIGNAL (SIGRTMIN + 5)

typedef struct watch watch;
struct watch {
    sigjmp_buf back;
    watch *outer;
    void (*tick)(void *data, int ticks);
    void *data;
    int ticks;
};

static _Thread_local watch *volatile current;
static _Thread_local volatile unsigned ticks_of_thread;
static _Thread_local enum { UNKNOWN, RUNNING, NONE } timer_state;
static _Thread_local timer_t timer;

/* The Lua library's code; empty: it is not told apart from ours. */
static uintptr_t code_start, code_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_thread_end;
static bool is_installed;

static uintptr_t interrupted_at(const void *context)
{
    const ucontext_t *u = context;
#if defined(__x86_64__)
    return (uintptr_t)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (uintptr_t)u->uc_mcontext.pc;
#else
    (void)u;
    return 0;
#endif
}

static bool may_leave_from(uintptr_t at)
{
    return rip_watch_leaves() && at >= code_start && at < code_end;
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    watch *w = current;
    ticks_of_thread++;
    if (!w) return;
    w->ticks++;
    if (w->ticks >= RIP_WATCH_TICKS && may_leave_from(interrupted_at(context))) siglongjmp(w->back, 1);
    w->tick(w->data, w->ticks);
}

static int find_code(struct dl_phdr_info *object, size_t size, void *data)
{
    (void)size;
    uintptr_t known = (uintptr_t)&lua_newstate, ours = (uintptr_t)&on_signal;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = object->dlpi_addr + part->p_vaddr, end = start + part->p_memsz;
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || known < start || known >= end) continue;
        if (ours >= start && ours < end) return 1;
        code_start = start;
        code_end = end;
        return 1;
    }
    (void)data;
    return 0;
}

static void delete_timer(void *value)
{
    timer_delete(*(timer_t *)value);
}

static void install(void)
{
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    dl_iterate_phdr(find_code, NULL);
    is_installed = pthread_key_create(&at_thread_end, delete_timer) == 0 && sigaction(SIGNAL, &action, NULL) == 0;
}

static void start_timer(void)
{
    pthread_once(&once, install);
    timer_state = NONE;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL};
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    if (!is_installed || timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) return;
    const struct timespec each = {.tv_nsec = RIP_WATCH_TICK_MS * 1000000L};
    const struct itimerspec when = {each, each};
    if (pthread_setspecific(at_thread_end, &timer) == 0 && timer_settime(timer, 0, &when, NULL) == 0)
        timer_state = RUNNING;
    else
        timer_delete(timer);
}

bool rip_watch(void (*work)(void *data), void (*tick)(void *data, int ticks), void *data)
{
    if (timer_state == UNKNOWN) start_timer();
    watch w;
    w.outer = current;
    w.tick = tick;
    w.data = data;
    w.ticks = 0;
    bool left = sigsetjmp(w.back, 0) != 0; /* the handler blocks nothing */
    if (!left) {
        current = &w;
        work(data);
    }
    current = current->outer;
    return !left;
}

bool rip_watch_leaves(void)
{
#if RIP_ADDRESS_SANITIZER || RIP_THREAD_SANITIZER
    return false;
#else
    return timer_state == RUNNING && code_end > 0;
#endif
}

unsigned rip_watch_ticks(void)
{
    return ticks_of_thread;
}

#else

bool rip_watch(void (*work)(void *data), void (*tick)(void *data, int ticks), void *data)
{
    (void)tick;
    work(data);
    return true;
}

bool rip_watch_leaves(void)
{
    return false;
}

unsigned rip_watch_ticks(void)
{
    return 0;
}

#endif
