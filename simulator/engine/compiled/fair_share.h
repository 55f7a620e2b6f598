/* Fair share: one resource under max-min fairness, in O(log n) an event.

   The method, and the order of its steps, are those of simulator/engine/events/fair_share.py. */

#ifndef NWORKERS_FAIR_SHARE_H
#define NWORKERS_FAIR_SHARE_H

#include "pool.h"

typedef struct {
    Clock *clock;
    uint32_t number;
    double capacity, room, slack;
    int loses, settling;
    double kept[MOST_LOSING + 1];
    Jobs jobs;
    Pool pool;
    Alarm alarm;
    Ended ended;
} FairShare;

static void open_fair_share(FairShare *of, Clock *clock, uint32_t number, double capacity,
                            double loss) {
    memset(of, 0, sizeof *of);
    of->clock = clock;
    of->number = number;
    of->capacity = of->room = of->pool.level = capacity;
    of->slack = capacity * ROUNDING;
    of->loses = loss != 0.0;
    fill_kept_shares(of->kept, loss);
    of->jobs.memory = clock->memory;
    of->alarm.due_s = INFINITY;
}

/* Move jobs until all whose cap is below the level, and no others, are at their caps. */
static void balance(FairShare *of) {
    Pool *pool = &of->pool;
    for (;;) {
        if (pool->sharing) {
            double room = of->room - pool->capped_rate;
            pool->level = (room > 0.0 ? room : 0.0) / pool->weight;
            const Place *first = first_of(&of->jobs, &pool->caps);
            if (first && of->jobs.at[first->job].cap <=
                             pool->level * of->jobs.at[first->job].weight) {
                level_to_cap(pool, &of->jobs, first->job);
                continue;
            }
        }
        const Place *first = pool->capped ? first_of(&of->jobs, &pool->capped_caps) : NULL;
        if (!first) return;
        const Job *job = &of->jobs.at[first->job];
        if (pool->sharing ? job->cap <= pool->level * job->weight + of->slack
                          : pool->capped_rate <= of->room + of->slack)
            return;
        cap_to_level(pool, &of->jobs, first->job, of->capacity);
    }
}

/* Wake when the first job ends, if nothing changes before. */
static void plan_share(FairShare *of) {
    Pool *pool = &of->pool;
    double early_s;
    if (of->loses) {
        size_t jobs = pool->sharing + pool->capped;
        of->room = of->capacity * of->kept[jobs < MOST_LOSING ? jobs : MOST_LOSING];
    }
    if (pool->caps.count || pool->capped)
        balance(of);
    else if (pool->sharing)
        pool->level = of->room / pool->weight;
    ring_by(of->clock, &of->alarm, first_end_s(pool, &of->jobs, &early_s), RANG, of->number);
}

/* Begin a job of `work` > 0 that alone runs at `rate`. */
static void submit_share(FairShare *of, double work, double rate, double weight, Done done) {
    advance_pool(&of->pool, of->clock->now_s);
    uint32_t job = new_job(&of->jobs, rate, weight, 0.0, done);
    if (of->pool.sharing || rate >= of->capacity)
        let_share(&of->pool, &of->jobs, job, work, of->capacity);
    else
        hold(&of->pool, &of->jobs, job, work);
    if (!of->settling) plan_share(of);
}

static void tell_ended(FairShare *of, void *training) {
    for (size_t k = 0; k < of->ended.count; k++) {
        Done done = of->jobs.at[of->ended.at[k]].done;
        free_job(&of->jobs, of->ended.at[k]);
        served(training, done);
    }
    of->ended.count = 0;
}

/* End all that is done; what is submitted meanwhile is planned for once, at the end. */
static void settle_share(FairShare *of, void *training) {
    Pool *pool = &of->pool;
    double now_s = of->clock->now_s, tick_s = CLOCK_RESOLUTION * now_s;
    advance_pool(pool, now_s);
    of->settling = 1;
    if (pool->sharing) {
        take_ended(pool, &of->jobs, 0, pool->virtual + tick_s * pool->level, &of->ended);
        tell_ended(of, training);
    }
    if (pool->capped) {
        take_ended(pool, &of->jobs, 1, now_s + tick_s, &of->ended);
        tell_ended(of, training);
    }
    of->settling = 0;
    if (pool->sharing || pool->capped) plan_share(of);
}

#endif
