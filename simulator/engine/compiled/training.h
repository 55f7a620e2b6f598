/* Training: all workers of a run, each of which takes its step over and over, activity by activity.

   What happens, and in which order, is that of simulator/engine/events/worker.py and training.py. */

#ifndef NWORKERS_TRAINING_H
#define NWORKERS_TRAINING_H

#include "chance.h"
#include "fair_share.h"
#include "gates.h"
#include "network.h"

/* Numbers of the causes, as simulator/engine/seen.py has them in order. */
enum { CAUSES = 15, COMPUTE = 4, INPUT = 1, BARRIER_WAIT = 12, OUTAGE = 14, NOBODY = 255 };

/* Lists of several owners, one after the other: those of owner k are first[k] … first[k + 1] - 1. */
typedef struct {
    const int32_t *first, *at;
} Lists;

/* Activities of all plans, one plan after the other; those that follow one have places within its
   plan. Parts, demands and ps are lists of activities. */
typedef struct {
    size_t plans, activities;
    const int32_t *first;
    const int32_t *gate, *input, *needs;
    Lists then, ps;
    const int32_t *part_first, *part_operation, *part_cause;
    const double *part_wall_s;
    /* A demand's resource is the first of `resource_of`, or that of the worker's place in them. */
    const int32_t *demand_first, *demand_resource, *demand_own, *resource_of;
    const int32_t *demand_score, *demand_cause;
    const double *demand_rate, *demand_size_bytes, *demand_deviation;
    /* The one activity that each begins after, where there is one alone; -1 for the first ones. */
    int32_t *before;
} Plans;

typedef enum { QUEUE, SHARE, ROUTE } Sharing;

/* A queue is free again at `free_s`; a share is one of `shares`; flows of a route go over links
   of one of `networks`. */
typedef struct {
    Sharing sharing;
    double capacity, free_s;
    FairShare *share;
    Network *network;
    uint32_t route;
} Resource;

/* What an activity of a worker did last, and what it has done in the steps on account. */
typedef struct {
    double started_s, ended_s, alone_s, lasted_s;
    uint16_t left, jobs_left;
    int16_t after;
    uint8_t blame;
} Doing;

typedef struct {
    double began_s, batch_s;
    uint64_t round;
    /* `place` is that of its host among those of its plan. */
    uint32_t plan, host, place, steps, begun, life;
    /* Dead in the middle of a step that it will begin anew. */
    uint8_t away;
    uint8_t done_accounting;
    uint16_t open;
} Worker;

/* What one activity of one step did, for the spans: its parts' times alone follow in `alone_s`. */
typedef struct {
    int32_t worker, step, activity, blame;
    int32_t critical;
    double started_s, ended_s, alone_s;
} Record;

typedef struct {
    Memory memory;
    Clock clock;
    Chance chance;
    Plans plans;
    uint32_t workers;
    size_t most_activities, columns;
    Worker *worker;
    Doing *doing;
    double *varied, *spent_s;
    Resource *resources;
    Changes changes;
    Gate *gates;
    /* By gate key: a gate of all, or -1 and then a row of `host_gates`, [row, host]. */
    const int32_t *shared_gate, *host_row, *host_gates;
    size_t hosts;
    int32_t round_key;
    double input_s, *pipeline_free_s;
    uint32_t warmup, last;
    int by_round;
    uint32_t running;
    /* [worker, step + 1] and [round + 1]. */
    double *ends_s, *rounds_s;
    uint64_t rounds;
    Renewal *slow, *down, *ps_down;
    double slow_factor;
    int starts_over;
    int recording;
    uint16_t *open;
    Record *records;
    size_t record_count, record_room;
    double *parts_s;
    size_t part_count, part_room;
    uint64_t *critical;
    /* Released workers, those of a gate that opens within another's opening above it. */
    Waiting *released;
    size_t released_count, released_room;
} Training;

static inline Doing *doings_of(Training *of, uint32_t worker) {
    return of->doing + (size_t)worker * of->most_activities;
}

static inline double *varied_of(Training *of, uint32_t worker) {
    return of->varied + (size_t)worker * of->columns;
}

static inline int32_t place_of(const Training *of, uint32_t worker, int32_t k) {
    return of->plans.first[of->worker[worker].plan] + k;
}

static void start(Training *of, uint32_t worker, int32_t k);
static void end_activity(Training *of, uint32_t worker, int32_t k);
static void record(Training *of, uint32_t worker, int finished);

static inline Done done_by(const Training *of, uint32_t worker, int32_t k, int32_t demand) {
    Done done = {worker, of->worker[worker].life, (uint16_t)k, (uint16_t)demand};
    return done;
}

static void begin_step(Training *of, uint32_t worker) {
    int32_t first = place_of(of, worker, 0), next = of->plans.first[of->worker[worker].plan + 1];
    Doing *doing = doings_of(of, worker);
    for (int32_t k = 0; k < next - first; k++) doing[k].left = (uint16_t)of->plans.needs[first + k];
    for (int32_t k = 0; k < next - first; k++)
        if (!of->plans.needs[first + k]) start(of, worker, k);
}

static double take_batch(Training *of, uint32_t host) {
    double *free_s = &of->pipeline_free_s[host];
    *free_s = (of->clock.now_s > *free_s ? of->clock.now_s : *free_s) + of->input_s;
    return *free_s;
}

static void first_step(Training *of, uint32_t worker) {
    Worker *who = &of->worker[worker];
    if (of->input_s > 0.0) who->batch_s = take_batch(of, who->host);
    who->began_s = of->clock.now_s;
    begin_step(of, worker);
}

/* Put the activity off until this worker, or the ps that it goes to, is back. */
static int waits_for_the_dead(Training *of, uint32_t worker, int32_t k, int32_t place) {
    Worker *who = &of->worker[worker];
    double now_s = of->clock.now_s;
    if (who->away) return 1;
    if (of->down) {
        double back_s = until_s(&of->down[worker], now_s);
        if (back_s > now_s) {
            Kind then = AGAIN;
            if (of->starts_over) {
                who->away = 1;
                who->life++;
                if (of->recording) record(of, worker, 0);
                then = RETURNED;
            }
            schedule(&of->clock, back_s - now_s, then, done_by(of, worker, k, 0));
            return 1;
        }
    }
    double back_s = -INFINITY;
    if (of->ps_down) {
        const Lists *ps = &of->plans.ps;
        for (int32_t at = ps->first[place]; at < ps->first[place + 1]; at++) {
            double of_ps_s = until_s(&of->ps_down[ps->at[at]], now_s);
            if (of_ps_s > back_s) back_s = of_ps_s;
        }
    }
    if (back_s <= now_s) return 0;
    schedule(&of->clock, back_s - now_s, AGAIN, done_by(of, worker, k, 0));
    return 1;
}

static void submit(Training *of, uint32_t worker, int32_t k, int32_t demand, double wall_s) {
    const Plans *plans = &of->plans;
    int32_t at = plans->demand_first[place_of(of, worker, k)] + demand;
    int32_t own = plans->demand_own[at] ? (int32_t)of->worker[worker].place : 0;
    Resource *resource = &of->resources[plans->resource_of[plans->demand_resource[at] + own]];
    double rate = plans->demand_rate[at], work = rate * wall_s, weight = 1.0;
    Done done = done_by(of, worker, k, demand);
    if (plans->demand_size_bytes[at] > 0.0) {
        work = plans->demand_size_bytes[at];
        /* No less than the whole link needs. */
        rate = rate < work / wall_s ? rate : work / wall_s;
        if (plans->demand_deviation[at] != 0.0)
            weight = exp(plans->demand_deviation[at] *
                         varied_of(of, worker)[plans->demand_score[at]]);
    }
    if (resource->sharing == QUEUE) {
        double now_s = of->clock.now_s, capacity = resource->capacity;
        double begins_s = now_s > resource->free_s ? now_s : resource->free_s;
        resource->free_s = begins_s + work / capacity;
        /* One that is slower by itself ends later, without keeping the next one waiting. */
        double slower_s = work / (rate < capacity ? rate : capacity) - work / capacity;
        schedule(&of->clock, resource->free_s + slower_s - now_s, SERVED, done);
    } else if (work <= 0.0) {
        served(of, done);
    } else if (resource->sharing == SHARE) {
        submit_share(resource->share, work, rate, weight, done);
    } else {
        submit_flow(resource->network, &of->changes, resource->route, work, rate, weight, done);
    }
}

static Gate *gate_of(Training *of, uint32_t worker, int32_t key) {
    int32_t gate = of->shared_gate[key];
    if (gate < 0) gate = of->host_gates[of->host_row[key] * of->hosts + of->worker[worker].host];
    return &of->gates[gate];
}

static void arrive(Training *of, uint32_t worker, int32_t k, int32_t key) {
    Memory *memory = &of->memory;
    Gate *gate = gate_of(of, worker, key);
    if (gate->staleness >= 0) {
        Waiting who;
        arrive_at_bound(gate, memory, worker, (uint16_t)k);
        while (let_through(gate, &who)) end_activity(of, who.worker, who.activity);
        return;
    }
    if (gate->counts_rounds && of->worker[worker].round < gate->round) {
        end_activity(of, worker, k);
        return;
    }
    Waiting who = {0, worker, (uint16_t)k};
    wait_at(gate, memory, who);
    if (gate->count != gate->needed) return;
    size_t from = of->released_count;
    for (size_t at = 0; at < gate->count; at++) {
        ONE_MORE(memory, of->released, of->released_count, of->released_room);
        of->released[of->released_count++] = gate->waiting[at];
    }
    gate->count = 0;
    gate->round++;
    size_t until = of->released_count;
    if (gate->counts_rounds) {
        if (of->rounds < of->last) of->rounds_s[of->rounds + 1] = of->clock.now_s;
        of->rounds++;
        if (of->by_round && of->rounds == of->last)
            schedule(&of->clock, 0.0, FINISHED, done_by(of, worker, 0, 0));
    }
    for (size_t at = from; at < until; at++)
        end_activity(of, of->released[at].worker, of->released[at].activity);
    of->released_count = from;
}

/* Seconds that the parts of an activity take alone; of one cause, or of all if that is -1. */
static double measured_s(Training *of, uint32_t worker, int32_t k, int cause) {
    const Plans *plans = &of->plans;
    const double *varied = varied_of(of, worker);
    int32_t place = place_of(of, worker, k);
    double sum_s = 0.0;
    for (int32_t at = plans->part_first[place]; at < plans->part_first[place + 1]; at++)
        if (cause < 0 || plans->part_cause[at] == cause)
            sum_s += plans->part_wall_s[at] * varied[plans->part_operation[at]];
    return sum_s;
}

static void start(Training *of, uint32_t worker, int32_t k) {
    const Plans *plans = &of->plans;
    int32_t place = place_of(of, worker, k);
    Doing *doing = &doings_of(of, worker)[k];
    double now_s = doing->started_s = of->clock.now_s;
    if ((of->down || of->ps_down) && waits_for_the_dead(of, worker, k, place)) return;
    if (plans->gate[place] >= 0) {
        arrive(of, worker, k, plans->gate[place]);
        return;
    }
    if (plans->input[place]) {
        schedule(&of->clock, of->worker[worker].batch_s - now_s, ENDED, done_by(of, worker, k, 0));
        return;
    }
    double alone_s = measured_s(of, worker, k, -1);
    if (of->slow && until_s(&of->slow[worker], now_s) > 0.0)
        alone_s += (of->slow_factor - 1.0) * measured_s(of, worker, k, COMPUTE);
    doing->alone_s = alone_s;
    int32_t demands = plans->demand_first[place + 1] - plans->demand_first[place];
    if (demands) {
        doing->jobs_left = (uint16_t)demands;
        for (int32_t demand = 0; demand < demands; demand++)
            submit(of, worker, k, demand, alone_s);
    } else if (plans->part_first[place + 1] > plans->part_first[place]) {
        schedule(&of->clock, alone_s, ENDED, done_by(of, worker, k, 0));
    } else {
        end_activity(of, worker, k);
    }
}

/* A job has ended; nothing comes of it if the worker has died meanwhile. */
static void served(void *training, Done done) {
    Training *of = training;
    if (done.life != of->worker[done.worker].life) return;
    Doing *doing = &doings_of(of, done.worker)[done.activity];
    if (--doing->jobs_left) return;
    int32_t place = place_of(of, done.worker, done.activity);
    doing->blame = (uint8_t)of->plans.demand_cause[of->plans.demand_first[place] + done.demand];
    end_activity(of, done.worker, done.activity);
}

/* Add the step's critical path to the causes; what tasks that are down took is the rest. */
static void account(Training *of, uint32_t worker, int32_t last) {
    const Plans *plans = &of->plans;
    const double *varied = varied_of(of, worker);
    const Doing *doing = doings_of(of, worker);
    double unheeded_s[CAUSES];
    double *spent_s = of->worker[worker].done_accounting
                          ? unheeded_s
                          : of->spent_s + (size_t)worker * CAUSES;
    double begun_s = of->clock.now_s;
    int faulty = of->down || of->ps_down;
    for (int32_t k = last; k >= 0;) {
        int32_t place = place_of(of, worker, k);
        int32_t from = plans->part_first[place], until = plans->part_first[place + 1];
        begun_s = doing[k].started_s;
        if (of->recording) of->critical[k / 64] |= UINT64_C(1) << k % 64;
        if (until > from) {
            for (int32_t at = from; at < until; at++)
                spent_s[plans->part_cause[at]] +=
                    plans->part_wall_s[at] * varied[plans->part_operation[at]];
            if (doing[k].blame != NOBODY) {
                /* Rounding may make an uncontended job a little too fast. */
                double over_s = doing[k].ended_s - begun_s - doing[k].alone_s;
                if (over_s > 0.0) spent_s[doing[k].blame] += over_s;
            }
            if (of->slow)
                spent_s[COMPUTE] += doing[k].alone_s - measured_s(of, worker, k, -1);
        } else if (plans->gate[place] >= 0) {
            spent_s[BARRIER_WAIT] += doing[k].ended_s - begun_s;
        } else if (plans->input[place]) {
            spent_s[INPUT] += doing[k].ended_s - begun_s;
        }
        k = doing[k].after;
        if (faulty && k >= 0) spent_s[OUTAGE] += begun_s - doing[k].ended_s;
    }
    spent_s[OUTAGE] += begun_s - of->worker[worker].began_s;
}

/* Keep what the step's activities did, in the order of their ends. */
static void record(Training *of, uint32_t worker, int finished) {
    const Plans *plans = &of->plans;
    Worker *who = &of->worker[worker];
    for (uint16_t at = 0; at < who->open; at++) {
        int32_t k = of->open[(size_t)worker * of->most_activities + at];
        int32_t place = place_of(of, worker, k);
        const Doing *doing = &doings_of(of, worker)[k];
        Record made = {(int32_t)worker, (int32_t)who->steps, k,
                       doing->blame == NOBODY ? -1 : doing->blame,
                       finished && (of->critical[k / 64] >> k % 64 & 1),
                       doing->started_s, doing->ended_s, doing->alone_s};
        ONE_MORE(&of->memory, of->records, of->record_count, of->record_room);
        of->records[of->record_count++] = made;
        for (int32_t p = plans->part_first[place]; p < plans->part_first[place + 1]; p++) {
            ONE_MORE(&of->memory, of->parts_s, of->part_count, of->part_room);
            of->parts_s[of->part_count++] =
                plans->part_wall_s[p] * varied_of(of, worker)[plans->part_operation[p]];
        }
    }
    who->open = 0;
    memset(of->critical, 0, (of->most_activities / 64 + 1) * sizeof *of->critical);
}

/* Account anew from here. */
static void forget(Training *of, uint32_t worker) {
    Doing *doing = doings_of(of, worker);
    for (size_t k = 0; k < of->most_activities; k++) doing[k].lasted_s = 0.0;
    memset(of->spent_s + (size_t)worker * CAUSES, 0, CAUSES * sizeof(double));
    of->worker[worker].begun = of->worker[worker].steps;
}

static void step_ended(Training *of, uint32_t worker) {
    Worker *who = &of->worker[worker];
    if (who->steps > of->last) return;
    of->ends_s[(size_t)worker * (of->last + 1) + who->steps] = of->clock.now_s;
    if (who->steps == of->warmup) forget(of, worker);
    if (who->steps == of->last) {
        who->done_accounting = 1;
        if (!--of->running && !of->by_round)
            schedule(&of->clock, 0.0, FINISHED, done_by(of, worker, 0, 0));
    }
}

/* The step is over: account for it, and begin the next. */
static void finish(Training *of, uint32_t worker, int32_t k) {
    Worker *who = &of->worker[worker];
    if (!who->done_accounting || of->recording) account(of, worker, k);
    if (of->recording) record(of, worker, 1);
    who->steps++;
    step_ended(of, worker);
    vary(&of->chance, worker, who->steps, varied_of(of, worker));
    who->began_s = of->clock.now_s;
    begin_step(of, worker);
}

static void end_activity(Training *of, uint32_t worker, int32_t k) {
    const Plans *plans = &of->plans;
    Worker *who = &of->worker[worker];
    int32_t place = place_of(of, worker, k), first = place - k;
    Doing *doings = doings_of(of, worker), *doing = &doings[k];
    doing->ended_s = of->clock.now_s;
    if (!who->done_accounting) doing->lasted_s += doing->ended_s - doing->started_s;
    if (of->recording)
        of->open[(size_t)worker * of->most_activities + who->open++] = (uint16_t)k;
    if (plans->input[place])
        who->batch_s = take_batch(of, who->host);
    else if (of->round_key >= 0 && plans->gate[place] == of->round_key)
        who->round = gate_of(of, worker, of->round_key)->round;
    int32_t from = plans->then.first[place], until = plans->then.first[place + 1];
    if (from == until) {
        finish(of, worker, k);
        return;
    }
    for (int32_t at = from; at < until; at++) {
        int32_t following = plans->then.at[at];
        if (plans->needs[first + following] > 1) {
            if (--doings[following].left) continue;
            doings[following].after = (int16_t)k;
        }
        start(of, worker, following);
    }
}

/* Begin the step that a death has interrupted anew, in the round that is under way. */
static void returned(Training *of, uint32_t worker) {
    Worker *who = &of->worker[worker];
    who->away = 0;
    if (of->round_key >= 0) {
        const Gate *gate = gate_of(of, worker, of->round_key);
        if (gate->staleness < 0) who->round = gate->round;
    }
    begin_step(of, worker);
}

/* Let one event happen; whether it is the last. */
static int happen(Training *of, const Event *event) {
    Done done = done_of(event);
    int alive = kind_of(event) == RANG || kind_of(event) == NETWORK_RANG ||
                event->life == of->worker[event->who].life;
    switch (kind_of(event)) {
    case BEGIN: first_step(of, event->who); break;
    case ENDED: if (alive) end_activity(of, done.worker, done.activity); break;
    case SERVED: served(of, done); break;
    case RANG: {
        FairShare *share = of->resources[event->who].share;
        if (rings(&share->alarm, event)) settle_share(share, of);
        break;
    }
    case NETWORK_RANG: {
        Network *network = of->resources[event->who].network;
        if (rings(&network->alarm, event)) settle_network(network, &of->changes, of);
        break;
    }
    case RETURNED: returned(of, event->who); break;
    case AGAIN: if (alive) start(of, done.worker, done.activity); break;
    case FINISHED: return 1;
    }
    return 0;
}

/* Let everything happen that does in up to so many events; whether that is all. */
static int happen_on(Training *of, uint64_t most_events) {
    Clock *clock = &of->clock;
    while (most_events--) {
        while (of->changes.count && (!clock->count || clock->ahead[0].time_s > clock->now_s)) {
            /* Rates change nothing but alarms, so that no network changes meanwhile. */
            for (size_t k = 0; k < of->changes.count; k++) rate_flows(of->changes.at[k]);
            of->changes.count = 0;
        }
        if (!clock->count) give_up(&of->memory, STUCK);
        Event event = next_event(clock);
        if (happen(of, &event)) return 1;
    }
    return 0;
}

#endif
