/* Network: links of which flows take several, under max-min fairness.

   As simulator/engine/events/links.py: all rates anew at every change, once all changes of an
   instant have happened. Links are filled in the order of their levels, by a heap, so that each
   flow is held once (Bertsekas and Gallager, Data Networks, 2nd ed., 1992, section 6.5.2). */

#ifndef NWORKERS_NETWORK_H
#define NWORKERS_NETWORK_H

#include "fair_share.h"

/* Bytes of this share of a flow are lost to rounding. */
#define LOST 1e-12
/* Out, up, down, in, and both directions at either end. */
#define MOST_HOPS 8

typedef struct {
    const int32_t *links;
    int32_t hops;
    /* Its place among the flows there are, and among those of each of its links. */
    uint32_t place, places[MOST_HOPS];
    uint64_t number;
    double cap, weight, left, least, rate;
    Done done;
} Flow;

typedef struct {
    double capacity, left, crossing;
    uint32_t open;
    /* Slots of its flows. */
    uint32_t *flows;
    size_t count, room;
} Link;

typedef struct {
    Clock *clock;
    uint32_t number;
    Link *links;
    size_t link_count;
    /* [link, flows]: what so many get of it together; NULL if sharing costs nothing. */
    double *kept;
    Flow *flows;
    size_t slots, slot_room;
    uint32_t *vacant, *there;
    size_t vacant_count, vacant_room, count, room;
    uint64_t begun;
    /* Those that their caps may bind. */
    size_t capped;
    Heap levels, caps;
    double updated_s;
    int changing;
    Alarm alarm;
    Flow *ended;
    size_t ended_room;
} Network;

/* Networks in the order in which they began to change in this instant. */
typedef struct {
    Network **at;
    size_t count, room;
} Changes;

static void open_network(Network *of, Clock *clock, uint32_t number, size_t links,
                         const double *capacities, const double *losses) {
    Memory *memory = clock->memory;
    int loses = 0;
    memset(of, 0, sizeof *of);
    of->clock = clock;
    of->number = number;
    of->link_count = links;
    of->links = zeros(memory, links, sizeof *of->links);
    for (size_t k = 0; k < links; k++) {
        of->links[k].capacity = capacities[k];
        loses |= losses[k] != 0.0;
    }
    if (loses) {
        of->kept = zeros(memory, links * (MOST_LOSING + 1), sizeof(double));
        for (size_t k = 0; k < links; k++)
            fill_kept_shares(&of->kept[k * (MOST_LOSING + 1)], losses[k]);
    }
    of->alarm.due_s = INFINITY;
}

static void advance_network(Network *of) {
    double passed_s = of->clock->now_s - of->updated_s;
    of->updated_s = of->clock->now_s;
    if (!(passed_s > 0.0)) return;
    for (size_t k = 0; k < of->count; k++) {
        Flow *flow = &of->flows[of->there[k]];
        flow->left -= flow->rate * passed_s;
    }
}

static void change(Network *of, Changes *changes) {
    if (of->changing) return;
    of->changing = 1;
    ONE_MORE(of->clock->memory, changes->at, changes->count, changes->room);
    changes->at[changes->count++] = of;
}

/* Whether its cap is below what its links carry, so that it may bind. */
static int may_be_capped(const Network *of, const Flow *flow) {
    for (int32_t hop = 0; hop < flow->hops; hop++)
        if (flow->cap >= of->links[flow->links[hop]].capacity) return 0;
    return 1;
}

static void submit_flow(Network *of, Changes *changes, const int32_t *links, int32_t hops,
                        double work, double cap, double weight, Done done) {
    Memory *memory = of->clock->memory;
    uint32_t slot;
    advance_network(of);
    if (of->vacant_count) {
        slot = of->vacant[--of->vacant_count];
    } else {
        ONE_MORE(memory, of->flows, of->slots, of->slot_room);
        slot = (uint32_t)of->slots++;
    }
    ONE_MORE(memory, of->there, of->count, of->room);
    of->there[of->count] = slot;
    /* It moves from when this instant's changes are settled. */
    Flow *flow = &of->flows[slot];
    Flow made = {links, hops, (uint32_t)of->count++, {0}, of->begun++, cap, weight, work,
                 work * LOST, 0.0, done};
    *flow = made;
    for (int32_t hop = 0; hop < hops; hop++) {
        Link *link = &of->links[links[hop]];
        ONE_MORE(memory, link->flows, link->count, link->room);
        flow->places[hop] = (uint32_t)link->count;
        link->flows[link->count++] = slot;
    }
    of->capped += (size_t)may_be_capped(of, flow);
    change(of, changes);
}

static void remove_flow(Network *of, uint32_t slot) {
    Flow *flow = &of->flows[slot];
    uint32_t last = of->there[--of->count];
    of->there[flow->place] = last;
    of->flows[last].place = flow->place;
    for (int32_t hop = 0; hop < flow->hops; hop++) {
        Link *link = &of->links[flow->links[hop]];
        uint32_t moved = link->flows[--link->count], place = flow->places[hop];
        link->flows[place] = moved;
        Flow *other = &of->flows[moved];
        int32_t its = 0;
        while (other->links[its] != flow->links[hop]) its++;
        other->places[its] = place;
    }
    of->capped -= (size_t)may_be_capped(of, flow);
    ONE_MORE(of->clock->memory, of->vacant, of->vacant_count, of->vacant_room);
    of->vacant[of->vacant_count++] = slot;
}

static void hold_flow(Network *of, Flow *flow, double rate) {
    flow->rate = rate;
    for (int32_t hop = 0; hop < flow->hops; hop++) {
        Link *link = &of->links[flow->links[hop]];
        link->left -= rate;
        link->crossing -= flow->weight;
        link->open--;
    }
}

static inline double level_of(const Link *link) {
    double level = link->left / link->crossing;
    return level > 0.0 ? level : 0.0;
}

/* Hold those whose caps are below the level of all links. */
static void hold_capped(Network *of, double level) {
    while (of->caps.count && of->caps.at[0].key <= level) {
        Flow *flow = &of->flows[pop(&of->caps).job];
        if (flow->rate < 0.0) hold_flow(of, flow, flow->cap);
    }
}

/* The rate of each flow: links are full one after the other, the one of the lowest level first. */
static void fill(Network *of) {
    Memory *memory = of->clock->memory;
    of->levels.count = of->caps.count = 0;
    for (size_t k = 0; k < of->link_count; k++) {
        Link *link = &of->links[k];
        size_t flows = link->count < MOST_LOSING ? link->count : MOST_LOSING;
        link->left = link->capacity * (of->kept ? of->kept[k * (MOST_LOSING + 1) + flows] : 1.0);
        link->crossing = 0.0;
        link->open = (uint32_t)link->count;
    }
    for (size_t k = 0; k < of->count; k++) {
        Flow *flow = &of->flows[of->there[k]];
        flow->rate = -1.0;
        for (int32_t hop = 0; hop < flow->hops; hop++)
            of->links[flow->links[hop]].crossing += flow->weight;
        if (of->capped && may_be_capped(of, flow))
            push(memory, &of->caps, flow->cap / flow->weight, (uint32_t)k, of->there[k]);
    }
    for (size_t k = 0; k < of->link_count; k++)
        if (of->links[k].open)
            push(memory, &of->levels, level_of(&of->links[k]), (uint32_t)k, (uint32_t)k);
    while (of->levels.count) {
        Place first = pop(&of->levels);
        Link *link = &of->links[first.job];
        if (!link->open) continue;
        double level = level_of(link);
        /* Levels rise while others' flows are held: is it still the lowest? */
        if (level > first.key && of->levels.count && level > of->levels.at[0].key) {
            push(memory, &of->levels, level, first.move, first.job);
            continue;
        }
        hold_capped(of, level * (1.0 + ROUNDING));
        if (!link->open) continue;
        level = level_of(link);
        if (of->levels.count && level > of->levels.at[0].key * (1.0 + ROUNDING)) {
            push(memory, &of->levels, level, first.move, first.job);
            continue;
        }
        for (size_t k = 0; k < link->count; k++) {
            Flow *flow = &of->flows[link->flows[k]];
            if (flow->rate < 0.0) hold_flow(of, flow, level * flow->weight);
        }
    }
}

/* What an instant's changes amount to, once all of them have happened. */
static void rate_flows(Network *of) {
    of->changing = 0;
    if (!of->count) return;
    fill(of);
    double soonest_s = INFINITY;
    for (size_t k = 0; k < of->count; k++) {
        const Flow *flow = &of->flows[of->there[k]];
        double lasts_s = flow->left / flow->rate;
        if (lasts_s < soonest_s) soonest_s = lasts_s;
    }
    ring_by(of->clock, &of->alarm, of->clock->now_s + soonest_s, NETWORK_RANG, of->number);
}

/* End all flows that are through, in the order in which they began. */
static void settle_network(Network *of, Changes *changes, void *training) {
    advance_network(of);
    double tick_s = CLOCK_RESOLUTION * of->updated_s;
    size_t ended = 0;
    for (size_t k = 0; k < of->count;) {
        uint32_t slot = of->there[k];
        Flow flow = of->flows[slot];
        if (flow.left > flow.least + flow.rate * tick_s) {
            k++;
            continue;
        }
        remove_flow(of, slot);
        ONE_MORE(of->clock->memory, of->ended, ended, of->ended_room);
        size_t at = ended++;
        for (; at && of->ended[at - 1].number > flow.number; at--) of->ended[at] = of->ended[at - 1];
        of->ended[at] = flow;
    }
    for (size_t k = 0; k < ended; k++) served(training, of->ended[k].done);
    change(of, changes);
}

#endif
