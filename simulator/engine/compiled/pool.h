/* Pool: jobs that each get their weight's share of one level, but no more than their own caps.

   Those at the level end in the order of their virtual ends: work that one of weight 1 at the
   level has got since the pool was last without any. Those at their caps end at a time known when
   they came to it. A job that changes sides costs O(log n). */

#ifndef NWORKERS_POOL_H
#define NWORKERS_POOL_H

#include "clock.h"

/* Work within this share of the clock's reading is done: the clock cannot tell it from nothing. */
#define CLOCK_RESOLUTION 1e-14
/* Rates this share of a capacity apart are equal: so much may rounding move a level. */
#define ROUNDING 1e-12
/* Jobs of which the loss by sharing was measured; more lose as much. */
#define MOST_LOSING 8

/* What so many jobs together get of a capacity that they share. */
static void fill_kept_shares(double *kept, double loss) {
    kept[0] = 1.0;
    for (int jobs = 1; jobs <= MOST_LOSING; jobs++) kept[jobs] = pow(jobs, -loss);
}

typedef struct {
    /* Work below `least` is none. */
    double cap, weight, least, end;
    /* Which move was its last; a heap's entries from earlier ones are void. */
    uint32_t move;
    Done done;
    int at_cap;
} Job;

/* The jobs of one or several pools, by number. */
typedef struct {
    Memory *memory;
    Job *at;
    size_t count, room;
    uint32_t *vacant;
    size_t vacant_count, vacant_room;
    uint32_t moves;
} Jobs;

typedef struct {
    double key;
    uint32_t move, job;
} Place;

typedef struct {
    Place *at;
    size_t count, room;
} Heap;

static inline int lower(const Place *a, const Place *b) {
    return a->key < b->key || (a->key == b->key && a->move < b->move);
}

static void push(Memory *memory, Heap *heap, double key, uint32_t move, uint32_t job) {
    ONE_MORE(memory, heap->at, heap->count, heap->room);
    Place made = {key, move, job};
    size_t at = heap->count++;
    while (at && lower(&made, &heap->at[(at - 1) / 4])) {
        heap->at[at] = heap->at[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    heap->at[at] = made;
}

static Place pop(Heap *heap) {
    Place *places = heap->at, first = places[0], last = places[--heap->count];
    size_t count = heap->count, at = 0;
    for (size_t child = 1; child < count; child = 4 * at + 1) {
        size_t least = child, end = child + 4 < count ? child + 4 : count;
        for (size_t other = child + 1; other < end; other++)
            if (lower(&places[other], &places[least])) least = other;
        if (!lower(&places[least], &last)) break;
        places[at] = places[least];
        at = least;
    }
    places[at] = last;
    return first;
}

static uint32_t new_job(Jobs *of, double cap, double weight, double least, Done done) {
    uint32_t place;
    if (of->vacant_count) {
        place = of->vacant[--of->vacant_count];
    } else {
        ONE_MORE(of->memory, of->at, of->count, of->room);
        place = (uint32_t)of->count++;
    }
    Job made = {cap, weight, least, 0.0, 0, done, 0};
    of->at[place] = made;
    return place;
}

static void free_job(Jobs *of, uint32_t place) {
    ONE_MORE(of->memory, of->vacant, of->vacant_count, of->vacant_room);
    of->vacant[of->vacant_count++] = place;
}

static uint32_t next_move(Jobs *of) {
    if (++of->moves == 0) give_up(of->memory, TOO_LONG);
    return of->moves;
}

typedef struct {
    double level, virtual, updated_s;
    /* Those that share what is left of those at their caps, and their weights' sum. */
    size_t sharing, capped;
    double weight, capped_rate;
    Heap ends, caps, capped_ends, capped_caps;
} Pool;

static void advance_pool(Pool *of, double now_s) {
    of->virtual = of->sharing ? of->virtual + (now_s - of->updated_s) * of->level : 0.0;
    of->updated_s = now_s;
}

/* What was left of those that are gone, void entries and rounding, goes when nobody is there. */
static void leave(Pool *of, double weight) {
    of->weight -= weight;
    if (--of->sharing) return;
    of->weight = 0.0;
    of->ends.count = of->caps.count = 0;
}

static void release(Pool *of, double cap) {
    of->capped_rate -= cap;
    if (--of->capped) return;
    of->capped_rate = 0.0;
    of->capped_ends.count = of->capped_caps.count = 0;
}

/* Let the job have the level for the work that is left; its cap may bind if it is below `most`. */
static void let_share(Pool *of, Jobs *jobs, uint32_t place, double left, double most) {
    Job *job = &jobs->at[place];
    job->move = next_move(jobs);
    job->end = of->virtual + left / job->weight;
    job->at_cap = 0;
    of->sharing++;
    of->weight += job->weight;
    push(jobs->memory, &of->ends, job->end - job->least / job->weight, job->move, place);
    if (job->cap < most)
        push(jobs->memory, &of->caps, job->cap / job->weight, job->move, place);
}

/* Hold the job at its cap for the work that is left. */
static void hold(Pool *of, Jobs *jobs, uint32_t place, double left) {
    Job *job = &jobs->at[place];
    job->move = next_move(jobs);
    job->end = of->updated_s + left / job->cap;
    job->at_cap = 1;
    of->capped++;
    of->capped_rate += job->cap;
    push(jobs->memory, &of->capped_ends, job->end - job->least / job->cap, job->move, place);
    push(jobs->memory, &of->capped_caps, -job->cap / job->weight, job->move, place);
}

/* Take a job away; what is left of its work. */
static double withdraw(Pool *of, const Jobs *jobs, uint32_t place) {
    const Job *job = &jobs->at[place];
    double ahead = job->end - (job->at_cap ? of->updated_s : of->virtual);
    if (job->at_cap)
        release(of, job->cap);
    else
        leave(of, job->weight);
    return (ahead > 0.0 ? ahead : 0.0) * (job->at_cap ? job->cap : job->weight);
}

static void level_to_cap(Pool *of, Jobs *jobs, uint32_t place) {
    hold(of, jobs, place, withdraw(of, jobs, place));
}

static void cap_to_level(Pool *of, Jobs *jobs, uint32_t place, double most) {
    let_share(of, jobs, place, withdraw(of, jobs, place), most);
}

/* The first job that has not moved since it came into the heap; NULL if there is none. */
static const Place *first_of(const Jobs *jobs, Heap *heap) {
    while (heap->count) {
        if (jobs->at[heap->at[0].job].move == heap->at[0].move) return &heap->at[0];
        pop(heap);
    }
    return NULL;
}

/* When the first job ends, if nothing changes before, and when `take_ended` takes it. */
static double first_end_s(Pool *of, const Jobs *jobs, double *early_s) {
    double ends_s = *early_s = INFINITY;
    if (of->sharing) {
        const Place *first = first_of(jobs, &of->ends);
        ends_s = of->updated_s + (jobs->at[first->job].end - of->virtual) / of->level;
        *early_s = of->updated_s + (first->key - of->virtual) / of->level;
    }
    if (of->capped) {
        const Place *first = first_of(jobs, &of->capped_ends);
        if (jobs->at[first->job].end < ends_s) ends_s = jobs->at[first->job].end;
        if (first->key < *early_s) *early_s = first->key;
    }
    return ends_s;
}

static void served(void *training, Done done);

/* Jobs that have ended, of which nobody was told yet. */
typedef struct {
    uint32_t *at;
    size_t count, room;
} Ended;

/* Take away the jobs at the level, or at their caps, that have reached their ends. */
static void take_ended(Pool *of, Jobs *jobs, int at_cap, double reached, Ended *into) {
    Heap *heap = at_cap ? &of->capped_ends : &of->ends;
    while (heap->count && heap->at[0].key <= reached) {
        Place first = pop(heap);
        Job *job = &jobs->at[first.job];
        if (job->move != first.move) continue;
        job->move = 0;
        ONE_MORE(jobs->memory, into->at, into->count, into->room);
        into->at[into->count++] = first.job;
        if (at_cap)
            release(of, job->cap);
        else
            leave(of, job->weight);
    }
}

#endif
