/* Gates: where workers wait for each other. As simulator/engine/events/gates.py. */

#ifndef NWORKERS_GATES_H
#define NWORKERS_GATES_H

#include "clock.h"

/* Who waits; for a bound, how many steps he has done comes first. */
typedef struct {
    uint64_t done;
    uint32_t worker;
    uint16_t activity;
} Waiting;

typedef struct {
    /* A bound if its staleness is not negative, else a barrier. */
    int64_t staleness;
    uint32_t needed;
    int counts_rounds;
    uint64_t round;
    /* In a bound a heap. */
    Waiting *waiting;
    size_t count, room;
    /* In a bound: steps that each worker has done, how many have done so many, and the fewest. */
    uint32_t *steps;
    uint32_t *behind;
    size_t behind_room;
    uint64_t slowest;
} Gate;

static void open_gate(Gate *of, Memory *memory, uint32_t parties, uint32_t spare,
                      int64_t staleness, int counts_rounds, uint32_t workers) {
    memset(of, 0, sizeof *of);
    of->staleness = staleness;
    of->needed = parties - spare;
    of->counts_rounds = counts_rounds;
    if (staleness < 0) return;
    of->steps = zeros(memory, workers, sizeof *of->steps);
    of->behind_room = 64;
    of->behind = zeros(memory, of->behind_room, sizeof *of->behind);
    of->behind[0] = parties;
}

static void wait_at(Gate *of, Memory *memory, Waiting who) {
    ONE_MORE(memory, of->waiting, of->count, of->room);
    of->waiting[of->count++] = who;
}

static inline int before(const Waiting *a, const Waiting *b) {
    return a->done < b->done || (a->done == b->done && a->worker < b->worker);
}

static void swap(Waiting *a, Waiting *b) {
    Waiting kept = *a;
    *a = *b;
    *b = kept;
}

/* Another step of the worker has ended. */
static void arrive_at_bound(Gate *of, Memory *memory, uint32_t worker, uint16_t activity) {
    uint64_t done = ++of->steps[worker];
    while (done >= of->behind_room) {
        of->behind = resized(memory, of->behind, 2 * of->behind_room, sizeof *of->behind);
        memset(of->behind + of->behind_room, 0, of->behind_room * sizeof *of->behind);
        of->behind_room *= 2;
    }
    of->behind[done - 1]--;
    of->behind[done]++;
    Waiting who = {done, worker, activity};
    wait_at(of, memory, who);
    for (size_t at = of->count - 1; at && before(&of->waiting[at], &of->waiting[(at - 1) / 2]);
         at = (at - 1) / 2)
        swap(&of->waiting[at], &of->waiting[(at - 1) / 2]);
    while (!of->behind[of->slowest]) of->slowest++;
}

/* Let the next one through a bound, if one may go on. */
static int let_through(Gate *of, Waiting *who) {
    if (!of->count || of->waiting[0].done > of->slowest + (uint64_t)of->staleness) return 0;
    *who = of->waiting[0];
    of->waiting[0] = of->waiting[--of->count];
    for (size_t at = 0, child = 1; child < of->count; child = 2 * at + 1) {
        if (child + 1 < of->count && before(&of->waiting[child + 1], &of->waiting[child])) child++;
        if (!before(&of->waiting[child], &of->waiting[at])) break;
        swap(&of->waiting[child], &of->waiting[at]);
        at = child;
    }
    return 1;
}

#endif
