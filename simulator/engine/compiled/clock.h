/* Clock: the events that are ahead, in the order of time, then in that of being scheduled.

   simpy has the same order, so that the two engines meet ties alike. */

#ifndef NWORKERS_CLOCK_H
#define NWORKERS_CLOCK_H

#include "memory.h"

typedef enum { BEGIN, ENDED, SERVED, RANG, NETWORK_RANG, RETURNED, AGAIN, FINISHED } Kind;

/* What an activity's end is told to: `life` is that of the worker when it began. */
typedef struct {
    uint32_t worker, life;
    uint16_t activity, demand;
} Done;

/* `order` has the number of the event in its upper 36 bits, then activity, demand and kind. `who`
   is a worker, or what rang; then `life` is the alarm's number. */
typedef struct {
    double time_s;
    uint64_t order;
    uint32_t who, life;
} Event;

#define MOST_EVENTS (UINT64_C(1) << 36)

typedef struct {
    Memory *memory;
    double now_s;
    uint64_t scheduled;
    Event *ahead;
    size_t count, room;
} Clock;

static inline Kind kind_of(const Event *event) { return (Kind)(event->order & 15); }

static inline Done done_of(const Event *event) {
    Done done = {event->who, event->life, (uint16_t)(event->order >> 12),
                 (uint16_t)(event->order >> 4 & 255)};
    return done;
}

static inline int sooner(const Event *a, const Event *b) {
    return a->time_s < b->time_s || (a->time_s == b->time_s && a->order < b->order);
}

/* A heap of four children a node, which a line of the cache or two hold. */
static void schedule(Clock *clock, double delay_s, Kind kind, Done done) {
    if (clock->scheduled == MOST_EVENTS) give_up(clock->memory, TOO_LONG);
    ONE_MORE(clock->memory, clock->ahead, clock->count, clock->room);
    /* Below zero, which rounding may bring, is now. */
    Event made = {clock->now_s + (delay_s > 0.0 ? delay_s : 0.0),
                  clock->scheduled++ << 28 | (uint64_t)done.activity << 12 |
                      (uint64_t)done.demand << 4 | (uint64_t)kind,
                  done.worker, done.life};
    Event *ahead = clock->ahead;
    size_t at = clock->count++;
    while (at && sooner(&made, &ahead[(at - 1) / 4])) {
        ahead[at] = ahead[(at - 1) / 4];
        at = (at - 1) / 4;
    }
    ahead[at] = made;
}

static Event next_event(Clock *clock) {
    Event *ahead = clock->ahead, first = ahead[0], last = ahead[--clock->count];
    size_t count = clock->count, at = 0;
    for (size_t child = 1; child < count; child = 4 * at + 1) {
        size_t least = child, end = child + 4 < count ? child + 4 : count;
        for (size_t other = child + 1; other < end; other++)
            if (sooner(&ahead[other], &ahead[least])) least = other;
        if (!sooner(&ahead[least], &last)) break;
        ahead[at] = ahead[least];
        at = least;
    }
    ahead[at] = last;
    clock->now_s = first.time_s;
    return first;
}

/* Rings when due. Only the earliest time that was asked for counts, and it is asked for anew. One
   that was overtaken by an earlier one passes unheard: its number is not the alarm's any more. */
typedef struct {
    double due_s;
    uint32_t number;
} Alarm;

static inline void ring_by(Clock *clock, Alarm *alarm, double due_s, Kind kind, uint32_t who) {
    if (due_s >= alarm->due_s) return;
    if (alarm->due_s < INFINITY) alarm->number++;
    alarm->due_s = due_s;
    Done done = {who, alarm->number, 0, 0};
    schedule(clock, due_s - clock->now_s, kind, done);
}

/* Whether this is the ring that the alarm was set to. */
static inline int rings(Alarm *alarm, const Event *event) {
    if (event->life != alarm->number) return 0;
    alarm->due_s = INFINITY;
    return 1;
}

#endif
