/* Fair share: one resource under max-min fairness, in O(log n) an event.

   The method, and the order of its steps, are those of simulator/engine/events/fair_share.py. */

#ifndef NWORKERS_FAIR_SHARE_H
#define NWORKERS_FAIR_SHARE_H

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
    double cap, weight, end;
    /* Which move was its last; a heap's entries from earlier ones are void. */
    uint32_t move;
    Done done;
} Job;

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

typedef struct {
    Clock *clock;
    uint32_t number;
    double capacity, room, slack, level, virtual, updated_s;
    int loses, settling;
    double kept[MOST_LOSING + 1];
    /* Those that share what is left of those at their caps, and their weights' sum. */
    size_t sharing, capped;
    double weight, capped_rate;
    uint32_t moves;
    /* Jobs that no cap can bind never move. */
    Heap unbound, ends, caps, capped_ends, capped_caps;
    Alarm alarm;
    Job *jobs;
    size_t job_count, job_room;
    uint32_t *vacant;
    size_t vacant_count, vacant_room;
    Done *ended;
    size_t ended_count, ended_room;
} FairShare;

static void open_fair_share(FairShare *of, Clock *clock, uint32_t number, double capacity,
                            double loss) {
    memset(of, 0, sizeof *of);
    of->clock = clock;
    of->number = number;
    of->capacity = of->room = of->level = capacity;
    of->slack = capacity * ROUNDING;
    of->loses = loss != 0.0;
    fill_kept_shares(of->kept, loss);
    of->alarm.due_s = INFINITY;
}

static uint32_t new_job(FairShare *of, double cap, double weight, Done done) {
    uint32_t place;
    if (of->vacant_count) {
        place = of->vacant[--of->vacant_count];
    } else {
        ONE_MORE(of->clock->memory, of->jobs, of->job_count, of->job_room);
        place = (uint32_t)of->job_count++;
    }
    Job made = {cap, weight, 0.0, 0, done};
    of->jobs[place] = made;
    return place;
}

static uint32_t next_move(FairShare *of) {
    if (++of->moves == 0) give_up(of->clock->memory, TOO_LONG);
    return of->moves;
}

static void advance_share(FairShare *of) {
    double now_s = of->clock->now_s;
    of->virtual = of->sharing ? of->virtual + (now_s - of->updated_s) * of->level : 0.0;
    of->updated_s = now_s;
}

static void join(FairShare *of, double weight) {
    of->sharing++;
    of->weight += weight;
}

static void leave(FairShare *of, double weight) {
    of->sharing--;
    /* From nothing anew: what rounding left over would go to nobody. */
    of->weight = of->sharing ? of->weight - weight : 0.0;
}

/* Let the job have the level for the work that is left. */
static void let_share(FairShare *of, uint32_t place, double left) {
    Memory *memory = of->clock->memory;
    Job *job = &of->jobs[place];
    job->move = next_move(of);
    job->end = of->virtual + left / job->weight;
    join(of, job->weight);
    push(memory, &of->ends, job->end, job->move, place);
    push(memory, &of->caps, job->cap / job->weight, job->move, place);
}

/* Hold the job at its cap for the work that is left. */
static void hold(FairShare *of, uint32_t place, double left) {
    Memory *memory = of->clock->memory;
    Job *job = &of->jobs[place];
    job->move = next_move(of);
    job->end = of->updated_s + left / job->cap;
    of->capped++;
    of->capped_rate += job->cap;
    push(memory, &of->capped_ends, job->end, job->move, place);
    push(memory, &of->capped_caps, -job->cap / job->weight, job->move, place);
}

static void release(FairShare *of, const Job *job) {
    of->capped--;
    of->capped_rate = of->capped ? of->capped_rate - job->cap : 0.0;
}

/* The first job that has not moved since it came into the heap; -1 if there is none. */
static int64_t first_of(const FairShare *of, Heap *heap) {
    while (heap->count) {
        if (of->jobs[heap->at[0].job].move == heap->at[0].move) return heap->at[0].job;
        pop(heap);
    }
    return -1;
}

/* Move jobs until all whose cap is below the level, and no others, are at their caps. */
static void balance(FairShare *of) {
    for (;;) {
        int64_t place;
        if (of->sharing) {
            double room = of->room - of->capped_rate;
            of->level = (room > 0.0 ? room : 0.0) / of->weight;
            place = first_of(of, &of->caps);
            if (place >= 0 && of->jobs[place].cap <= of->level * of->jobs[place].weight) {
                const Job *job = &of->jobs[place];
                double left = job->end - of->virtual;
                left = (left > 0.0 ? left : 0.0) * job->weight;
                leave(of, job->weight);
                hold(of, (uint32_t)place, left);
                continue;
            }
        }
        place = of->capped ? first_of(of, &of->capped_caps) : -1;
        if (place < 0) return;
        const Job *job = &of->jobs[place];
        if (of->sharing ? job->cap <= of->level * job->weight + of->slack
                        : of->capped_rate <= of->room + of->slack)
            return;
        double left = job->end - of->updated_s;
        left = (left > 0.0 ? left : 0.0) * job->cap;
        release(of, job);
        let_share(of, (uint32_t)place, left);
    }
}

/* Wake when the first job ends, if nothing changes before. */
static void plan_share(FairShare *of) {
    if (of->loses) {
        size_t jobs = of->sharing + of->capped;
        of->room = of->capacity * of->kept[jobs < MOST_LOSING ? jobs : MOST_LOSING];
    }
    if (of->caps.count || of->capped)
        balance(of);
    else if (of->sharing)
        of->level = of->room / of->weight;
    if (of->sharing) {
        double end = of->unbound.count ? of->unbound.at[0].key : INFINITY;
        int64_t first = of->ends.count ? first_of(of, &of->ends) : -1;
        if (first >= 0 && of->jobs[first].end < end) end = of->jobs[first].end;
        ring_by(of->clock, &of->alarm, of->updated_s + (end - of->virtual) / of->level, RANG,
                of->number);
    }
    if (of->capped)
        ring_by(of->clock, &of->alarm, of->jobs[first_of(of, &of->capped_ends)].end, RANG,
                of->number);
}

/* Begin a job of `work` > 0 that alone runs at `rate`. */
static void submit_share(FairShare *of, double work, double rate, double weight, Done done) {
    advance_share(of);
    uint32_t job = new_job(of, rate, weight, done);
    if (rate >= of->capacity) {
        uint32_t move = next_move(of);
        join(of, weight);
        push(of->clock->memory, &of->unbound, of->virtual + work / weight, move, job);
    } else if (of->sharing) {
        let_share(of, job, work);
    } else {
        hold(of, job, work);
    }
    if (!of->settling) plan_share(of);
}

static void served(void *training, Done done);

static void end_job(FairShare *of, uint32_t place) {
    Memory *memory = of->clock->memory;
    ONE_MORE(memory, of->ended, of->ended_count, of->ended_room);
    of->ended[of->ended_count++] = of->jobs[place].done;
    of->jobs[place].move = 0;
    ONE_MORE(memory, of->vacant, of->vacant_count, of->vacant_room);
    of->vacant[of->vacant_count++] = place;
}

/* Take away the jobs that have reached their ends. */
static void take_ended(FairShare *of, Heap *heap, double reached) {
    while (heap->count && heap->at[0].key <= reached) {
        Place first = pop(heap);
        Job *job = &of->jobs[first.job];
        if (heap != &of->unbound && job->move != first.move) continue;
        if (heap == &of->capped_ends)
            release(of, job);
        else
            leave(of, job->weight);
        end_job(of, first.job);
    }
}

static void tell_ended(FairShare *of, void *training) {
    for (size_t k = 0; k < of->ended_count; k++) served(training, of->ended[k]);
    of->ended_count = 0;
}

/* End all that is done; what is submitted meanwhile is planned for once, at the end. */
static void settle_share(FairShare *of, void *training) {
    advance_share(of);
    double now_s = of->updated_s, tick_s = CLOCK_RESOLUTION * now_s;
    of->settling = 1;
    if (of->sharing) {
        double reached = of->virtual + tick_s * of->level;
        take_ended(of, &of->unbound, reached);
        take_ended(of, &of->ends, reached);
        tell_ended(of, training);
    }
    if (of->capped) {
        take_ended(of, &of->capped_ends, now_s + tick_s);
        tell_ended(of, training);
    }
    of->settling = 0;
    if (of->sharing || of->capped) plan_share(of);
}

#endif
