/* Chance: random numbers by key, factors of operations, scores of transfers, good and bad times.

   The same numbers as simulator/step/variates.py draws. */

#ifndef NWORKERS_CHANCE_H
#define NWORKERS_CHANCE_H

#include <math.h>

#include "memory.h"

/* SplitMix64: Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014. */
static inline uint64_t split(uint64_t state, uint64_t word) {
    uint64_t mixed = state + (word + 1) * UINT64_C(0x9E3779B97F4A7C15);
    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

/* Between 0 and 1, both excluded. */
static inline double uniform(uint64_t state) {
    return ((double)(state >> 12) + 0.5) * 0x1p-52;
}

#define GUIDES 1024

/* Points of a function in ascending order, with straight lines between them. `guide` has, of each
   even part of their range, the last point before it: half of the time went into looking for it. */
typedef struct {
    const double *x, *y;
    size_t count;
    double parts_per_x;
    uint32_t guide[GUIDES + 1];
} Points;

static inline size_t part_of(const Points *points, double x) {
    size_t part = (size_t)((x - points->x[0]) * points->parts_per_x);
    return part < GUIDES ? part : GUIDES - 1;
}

static void lay_out_points(Points *points, const double *x, const double *y, size_t count) {
    points->x = x;
    points->y = y;
    points->count = count;
    points->parts_per_x = count > 1 ? GUIDES / (x[count - 1] - x[0]) : 0.0;
    uint32_t last = 0;
    for (size_t part = 0; part <= GUIDES; part++) {
        while (last + 1 < count && part_of(points, x[last + 1]) < part) last++;
        points->guide[part] = last;
    }
}

static inline double between(const Points *points, double x) {
    const double *at = points->x;
    size_t last = points->count - 1;
    if (x <= at[0]) return points->y[0];
    if (x >= at[last]) return points->y[last];
    size_t part = part_of(points, x);
    size_t low = points->guide[part], high = points->guide[part + 1] + 1;
    if (high > last) high = last;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (at[middle] <= x)
            low = middle;
        else
            high = middle;
    }
    double slope = (points->y[low + 1] - points->y[low]) / (at[low + 1] - at[low]);
    return slope * (x - at[low]) + points->y[low];
}

typedef enum { CONSTANT, DRAWN, STATED } Varying;

/* A column of a step's variates: a factor `scale` times a bin drawn by `key`, or one that is stated
   for [worker, step % period]; or a constant. Slow phases last where `correlation` is not zero. */
typedef struct {
    Varying varying;
    double scale, correlation, fresh;
    uint64_t key;
    const double *values;
    size_t count;
} Factor;

typedef struct {
    size_t factors, transfers;
    Factor *factor;
    const int32_t *transfer;
    /* Scores by key, or one of each worker, or none. */
    int scores_drawn;
    uint64_t score_key;
    const double *worker_score;
    const Points *normal, *probability;
    /* [worker, factor]: the last step's deviate of what lasts. */
    double *lasting;
} Chance;

static double factor_of(Chance *chance, size_t column, uint32_t worker, uint64_t step) {
    const Factor *factor = &chance->factor[column];
    if (factor->varying == CONSTANT) return factor->scale;
    if (factor->varying == STATED)
        return factor->values[worker * factor->count + step % factor->count];
    double place = uniform(split(split(factor->key, worker), step));
    if (factor->correlation > 0.0) {
        double *last = &chance->lasting[worker * chance->factors + column];
        double deviate = between(chance->normal, place);
        if (step) deviate = deviate * factor->fresh + factor->correlation * *last;
        *last = deviate;
        place = between(chance->probability, deviate);
        place = place < 0.0 ? 0.0 : place < 1.0 ? place : nextafter(1.0, 0.0);
    }
    return factor->scale * factor->values[(size_t)(place * (double)factor->count)];
}

/* The variates of a worker's step, whose steps are asked for one after the other. */
static void vary(Chance *chance, uint32_t worker, uint64_t step, double *varied) {
    for (size_t k = 0; k < chance->factors; k++) varied[k] = factor_of(chance, k, worker, step);
    if (!chance->transfers) return;
    uint64_t state = split(split(chance->score_key, worker), step);
    for (size_t k = 0; k < chance->transfers; k++) {
        double score = 0.0;
        if (chance->scores_drawn)
            score = between(chance->normal, uniform(split(state, (uint64_t)chance->transfer[k])));
        else if (chance->worker_score)
            score = chance->worker_score[worker];
        varied[chance->factors + k] = score;
    }
}

/* Good times and bad ones by turns, both of exponential length; begins with a good one. */
typedef struct {
    uint64_t key, turn;
    double good_s, bad_s, begins_s, ends_s;
} Renewal;

static void renew(Renewal *times) {
    uint64_t state = split(times->key, times->turn++);
    times->begins_s = times->ends_s + -log(uniform(split(state, 0))) * times->good_s;
    times->ends_s = times->begins_s + -log(uniform(split(state, 1))) * times->bad_s;
}

static Renewal renewal(uint64_t key, double per_s, double lasts_s) {
    Renewal made = {key, 0, 1.0 / per_s, lasts_s, 0.0, 0.0};
    renew(&made);
    return made;
}

/* When the bad time that holds now ends, and minus infinity in a good time. Times are asked for in
   ascending order. */
static double until_s(Renewal *times, double now_s) {
    while (times->ends_s <= now_s) renew(times);
    return times->begins_s <= now_s ? times->ends_s : -INFINITY;
}

#endif
