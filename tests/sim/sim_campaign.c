// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many schedules on several cores. Workers are forked and take ranges of seeds, in order, from a
 * counter that they share; what they found lies beside it. The seed that is reported is the lowest
 * that broke a promise, whatever the number of workers.
 */
#include "sim.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RANGE      64 /* seeds taken at a time */
#define PROGRESS_S 5

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
#define ENDS (sizeof(ends) / sizeof(ends[0]))

struct worker {
    _Atomic uint64_t seed; /* under way, or the first that it leaves; NEVER: nothing left to do */
    _Atomic uint64_t run, broken, events, totals[SIM_COUNTERS];
};

struct shared {
    _Atomic uint64_t next;   /* seed that nobody has taken yet */
    _Atomic uint64_t lowest; /* that broke a promise; NEVER: none */
    _Atomic bool stop;
    struct worker worker[SIM_JOBS];
};

struct campaign {
    const struct sim_campaign *asked;
    struct shared *shared;
    struct timespec begun;
    sigset_t signals, before;
    pid_t worker[SIM_JOBS]; /* 0: it ended */
    int alive, signal;      /* that interrupted it */
    bool died;
};

static double seconds_since(const struct timespec *then)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - then->tv_sec) + (double)(now.tv_nsec - then->tv_nsec) / 1e9;
}

static void note_broken(struct shared *shared, uint64_t seed)
{
    uint64_t lowest = shared->lowest;

    while (seed < lowest && !atomic_compare_exchange_weak(&shared->lowest, &lowest, seed))
        ;
}

static void run_one(const struct sim_campaign *asked, struct shared *shared, struct worker *own,
                    uint64_t seed)
{
    static struct sim sim;

    own->seed = seed;
    sim_run(&sim, seed, &asked->options, NULL, 0);
    own->run++;
    own->events += sim.events;
    for (int i = 0; i < SIM_COUNTERS; i++)
        own->totals[i] += sim.counters[i];
    if (!sim.broken)
        return;
    own->broken++;
    note_broken(shared, seed);
    if (asked->keep_going) {
        printf("seed %llu: %s, %s\n", (unsigned long long)seed, sim.broken, sim.detail);
        fflush(stdout);
    }
}

/* Is there any use in running this seed? */
static bool is_wanted(const struct sim_campaign *asked, const struct shared *shared, uint64_t seed)
{
    return seed <= asked->to && !shared->stop && (asked->keep_going || seed < shared->lowest);
}

static void work(const struct sim_campaign *asked, struct shared *shared, struct worker *own)
{
    for (;;) {
        uint64_t seed = atomic_fetch_add(&shared->next, RANGE), end = seed + RANGE;
        while (seed < end && is_wanted(asked, shared, seed))
            run_one(asked, shared, own, seed++);
        own->seed = seed;
        if (seed < end)
            return;
    }
}

/* A worker never outlives the campaign, and leaves signals from the terminal to it. */
static void start_worker(struct campaign *campaign, int number)
{
    struct worker *own = &campaign->shared->worker[number];
    pid_t parent = getpid(), pid;

    own->seed = campaign->asked->from;
    pid = fork();
    if (pid < 0) {
        perror("sim: fork");
        campaign->shared->stop = campaign->died = true;
        return;
    }
    if (pid > 0) {
        campaign->worker[number] = pid;
        campaign->alive++;
        return;
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    for (size_t i = 0; i < ENDS; i++)
        signal(ends[i], SIG_IGN);
    sigprocmask(SIG_SETMASK, &campaign->before, NULL);
    work(campaign->asked, campaign->shared, own);
    _exit(0);
}

static uint64_t count_run(const struct shared *shared)
{
    uint64_t run = 0;

    for (int i = 0; i < SIM_JOBS; i++)
        run += shared->worker[i].run;
    return run;
}

static void progress(const struct campaign *campaign)
{
    const struct sim_campaign *asked = campaign->asked;
    uint64_t run = count_run(campaign->shared), all = asked->to - asked->from + 1;
    double took = seconds_since(&campaign->begun), speed = (double)run / took;

    fprintf(stderr, "%llu of %llu schedules on %d nodes, %.0f schedules/s, %.0f s left\n",
            (unsigned long long)run, (unsigned long long)all, asked->options.nodes, speed,
            run ? (double)(all - run) / speed : 0.0);
}

static void note_death(struct campaign *campaign, int number, int status)
{
    unsigned long long seed = campaign->shared->worker[number].seed;

    campaign->worker[number] = 0;
    campaign->alive--;
    if (status == 0)
        return;
    campaign->shared->stop = campaign->died = true;
    fprintf(stderr, "sim: seed %llu ended its worker with %s %d: see it with --schedule %llu\n",
            seed, WIFSIGNALED(status) ? "signal" : "code",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), seed);
}

static void reap(struct campaign *campaign)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (int i = 0; i < campaign->asked->jobs; i++)
            if (campaign->worker[i] == pid)
                note_death(campaign, i, status);
}

/* What is ignored on purpose (nohup, a shell's background job) stays so. */
static void catch_signals(struct campaign *campaign)
{
    struct sigaction now;

    sigemptyset(&campaign->signals);
    sigaddset(&campaign->signals, SIGCHLD);
    for (size_t i = 0; i < ENDS; i++)
        if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&campaign->signals, ends[i]);
    sigprocmask(SIG_BLOCK, &campaign->signals, &campaign->before);
}

static void wait_for_workers(struct campaign *campaign)
{
    while (campaign->alive) {
        int signal = sigtimedwait(&campaign->signals, NULL, &(struct timespec){PROGRESS_S, 0});
        if (signal < 0 && errno == EAGAIN) {
            progress(campaign);
        } else if (signal > 0 && signal != SIGCHLD) {
            campaign->signal = signal;
            campaign->shared->stop = true;
        }
        reap(campaign);
    }
}

/* All seeds below it were run. */
static uint64_t first_left(const struct campaign *campaign)
{
    uint64_t first = campaign->shared->next;

    for (int i = 0; i < campaign->asked->jobs; i++)
        if (campaign->shared->worker[i].seed < first)
            first = campaign->shared->worker[i].seed;
    return first;
}

static void sum_up(const struct campaign *campaign)
{
    const struct sim_campaign *asked = campaign->asked;
    double took = seconds_since(&campaign->begun);
    uint64_t run = count_run(campaign->shared), broken = 0, events = 0, totals[SIM_COUNTERS] = {0};
    struct rusage used;

    for (int i = 0; i < asked->jobs; i++) {
        const struct worker *worker = &campaign->shared->worker[i];
        broken += worker->broken;
        events += worker->events;
        for (int j = 0; j < SIM_COUNTERS; j++)
            totals[j] += worker->totals[j];
    }
    getrusage(RUSAGE_CHILDREN, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    printf("%llu schedules on %d nodes, %llu broken, %.0f schedules/s (%.0f a second of CPU), "
           "%.0f events each; %llu promotions, %llu writes confirmed by WAIT, %llu of them lost to "
           "several failures\n",
           (unsigned long long)run, asked->options.nodes, (unsigned long long)broken,
           (double)run / took, (double)run / cpu, (double)events / (run ? (double)run : 1.0),
           (unsigned long long)totals[0], (unsigned long long)totals[1],
           (unsigned long long)totals[2]);
    if (campaign->signal)
        printf("interrupted: go on with --seeds %llu-%llu\n",
               (unsigned long long)first_left(campaign), (unsigned long long)asked->to);
}

/* The exit code: 0, 1 for a broken promise, 2 for a worker that died, or as a signal has it. */
int campaign_run(const struct sim_campaign *asked)
{
    static struct sim sim;
    struct campaign campaign = {.asked = asked};
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED) {
        perror("sim: mmap");
        return 2;
    }
    campaign.shared = shared;
    shared->next = asked->from;
    shared->lowest = NEVER;
    clock_gettime(CLOCK_MONOTONIC, &campaign.begun);
    catch_signals(&campaign);
    fflush(stdout);
    for (int i = 0; i < asked->jobs && !shared->stop; i++)
        start_worker(&campaign, i);
    wait_for_workers(&campaign);
    sigprocmask(SIG_SETMASK, &campaign.before, NULL);
    if (shared->lowest != NEVER && !asked->keep_going) {
        sim_run(&sim, shared->lowest, &asked->options, NULL, 0);
        report_broken(&sim, shared->lowest, &asked->options);
    }
    sum_up(&campaign);
    if (campaign.died)
        return 2;
    return shared->lowest != NEVER ? 1 : campaign.signal ? 128 + campaign.signal : 0;
}
