/* Network: links of which flows take several, under max-min fairness.

   As simulator/engine/events/links.py: new rates once all changes of an instant have happened, of
   what is connected with what has changed. Links are filled in the order of their levels, by a heap
   (Bertsekas and Gallager, Data Networks, 2nd ed., 1992, section 6.5.2). */

#ifndef NWORKERS_NETWORK_H
#define NWORKERS_NETWORK_H

#include "links.h"

/* Rates this share of a link apart are equal. */
#define ROUNDING_OF_LINK 1e-14

/* Networks in the order in which they began to change in this instant. */
typedef struct {
    Network **at;
    size_t count, room;
} Changes;

static void change(Network *of, Changes *changes) {
    if (of->changing) return;
    of->changing = 1;
    ONE_MORE(of->clock->memory, changes->at, changes->count, changes->room);
    changes->at[changes->count++] = of;
}

static void submit_flow(Network *of, Changes *changes, uint32_t route, double work, double cap,
                        double weight, Done done) {
    double most = of->routes[route].most;
    uint32_t job = new_job(&of->jobs, cap < most ? cap : most, weight, work * LOST, done);
    if (job >= of->flow_room) {
        of->flow_room = of->jobs.room;
        of->flows = resized(of->clock->memory, of->flows, of->flow_room, sizeof *of->flows);
    }
    of->flows[job].route = route;
    of->flows[job].begun = of->begun++;
    /* It moves from when this instant's changes are settled. */
    enter_class(of, job, work);
    add_flow(of, job);
    change(of, changes);
}

static inline double level_of(const Link *link) {
    if (!link->sharing)
        return link->left >= -ROUNDING * link->capacity ? INFINITY : 0.0;
    return link->left > 0.0 ? link->left / link->crossing : 0.0;
}

/* One more of an open class is at its level instead of at its cap, or one fewer. */
static void shift(Network *of, const Class *class, double weight, double cap, int up) {
    for (int32_t hop = 0; hop < class->hops; hop++) {
        uint32_t k = (uint32_t)class->links[hop];
        Link *link = &of->links[k];
        double before = level_of(link);
        link->sharing += up ? 1 : (size_t)-1;
        link->crossing += up ? weight : -weight;
        link->left += up ? cap : -cap;
        /* Those that fall come up sooner than they would. */
        double level = level_of(link);
        if (level < before) push(of->clock->memory, &of->levels, level, k, k);
    }
}

/* Move flows of the link's open classes so that none is at a cap above the link's level, and none
   at the level with a cap below it; whether any was. That never lowers the lowest of all levels, so
   that within one filling none goes back from its cap to the level. */
static int balance_link(Network *of, const Link *link) {
    int moved = 0;
    for (size_t k = 0; k < link->class_count; k++) {
        Class *class = &of->classes[link->classes[k]];
        if (!class->is_open) continue;
        const Place *first;
        while (class->pool.capped && (first = first_of(&of->jobs, &class->pool.capped_caps))) {
            uint32_t place = first->job;
            const Job *job = &of->jobs.at[place];
            if (job->cap <= level_of(link) * job->weight * (1.0 + ROUNDING) +
                                ROUNDING_OF_LINK * link->capacity)
                break;
            shift(of, class, job->weight, job->cap, 1);
            cap_to_level(&class->pool, &of->jobs, place, class->most);
            moved = 1;
        }
        while (class->pool.sharing && (first = first_of(&of->jobs, &class->pool.caps))) {
            uint32_t place = first->job;
            const Job *job = &of->jobs.at[place];
            if (job->cap > level_of(link) * job->weight) break;
            shift(of, class, job->weight, job->cap, 0);
            level_to_cap(&class->pool, &of->jobs, place);
            moved = 1;
        }
    }
    return moved;
}

/* All open classes of a link that is full have its level. */
static void fill_classes(Network *of, const Link *full) {
    double level = level_of(full);
    for (size_t k = 0; k < full->class_count; k++) {
        Class *class = &of->classes[full->classes[k]];
        if (!class->is_open) continue;
        class->is_open = 0;
        class->level = class->pool.level = level;
        for (int32_t hop = 0; hop < class->hops; hop++) {
            Link *link = &of->links[class->links[hop]];
            if (link != full) link->left -= level * class->pool.weight;
            link->crossing -= class->pool.weight;
            link->sharing -= class->pool.sharing;
            link->highest = level;
            link->open--;
        }
    }
}

static void connect(Network *of, uint32_t k) {
    Link *link = &of->links[k];
    ONE_MORE(of->clock->memory, of->connected, of->connected_count, of->connected_room);
    of->connected[of->connected_count++] = k;
    link->left = capacity_of(of, k);
    link->crossing = link->highest = 0.0;
    link->open = link->class_count;
    link->sharing = 0;
}

/* The links that have changed and all that classes connect with them; their classes are open. */
static void open_connected(Network *of) {
    of->connected_count = 0;
    for (size_t at = 0; at < of->changed_count; at++)
        if (of->links[of->changed[at]].is_live) connect(of, of->changed[at]);
        else of->links[of->changed[at]].is_changed = 0;
    of->changed_count = 0;
    for (size_t at = 0; at < of->connected_count; at++) {
        for (size_t k = 0; k < of->links[of->connected[at]].class_count; k++) {
            Class *class = &of->classes[of->links[of->connected[at]].classes[k]];
            if (class->is_open) continue;
            class->is_open = 1;
            class->is_planned = 0;
            advance_pool(&class->pool, of->clock->now_s);
            class->level = INFINITY;
            class->pool.level = 0.0;
            for (int32_t hop = 0; hop < class->hops; hop++) {
                Link *link = &of->links[class->links[hop]];
                if (!link->is_changed) {
                    link->is_changed = 1;
                    connect(of, (uint32_t)class->links[hop]);
                }
                link->left -= class->pool.capped_rate;
                link->crossing += class->pool.weight;
                link->sharing += class->pool.sharing;
            }
        }
    }
}

/* The level of each class: links are full one after the other, the one of the lowest level first. */
static void fill(Network *of) {
    Memory *memory = of->clock->memory;
    open_connected(of);
    of->levels.count = 0;
    for (size_t at = 0; at < of->connected_count; at++) {
        uint32_t k = of->connected[at];
        of->links[k].is_changed = 0;
        if (of->links[k].open) push(memory, &of->levels, level_of(&of->links[k]), k, k);
    }
    while (of->levels.count) {
        Place first = pop(&of->levels);
        Link *link = &of->links[first.job];
        if (!link->open) continue;
        double level = level_of(link);
        if (level == INFINITY) continue;
        /* Levels rise while others' flows are held: is it still the lowest? */
        if ((level > first.key && of->levels.count && level > of->levels.at[0].key) ||
            balance_link(of, link))
            push(memory, &of->levels, level_of(link), first.move, first.job);
        else
            fill_classes(of, link);
    }
    for (size_t at = 0; at < of->connected_count; at++) {
        Link *link = &of->links[of->connected[at]];
        if (!link->open) continue;
        /* What is open still is below all levels. */
        link->highest = INFINITY;
        for (size_t k = 0; k < link->class_count; k++) of->classes[link->classes[k]].is_open = 0;
    }
}

/* Links that are far from full need not be live, unless they are few. */
static void quieten_links(Network *of) {
    for (size_t at = 0; at < of->connected_count && of->live_count > FEW_LINKS; at++) {
        uint32_t k = of->connected[at];
        const Link *link = &of->links[k];
        double capacity = capacity_of(of, k);
        if (link->is_live && (link->asked <= capacity / 2.0 ||
                              link->highest * link->weight <= capacity / 8.0))
            make_quiet(of, k);
    }
}

/* What an instant's changes amount to, once all of them have happened. */
static void rate_flows(Network *of) {
    of->changing = 0;
    for (int woken = 1; woken;) {
        woken = 0;
        fill(of);
        for (size_t k = 0; k < of->count; k++) woken |= wake_links(of, of->there[k]);
    }
    quieten_links(of);
    double soonest_s = INFINITY;
    for (size_t k = 0; k < of->count; k++) {
        Class *class = &of->classes[of->there[k]];
        if (!class->is_planned) {
            class->is_planned = 1;
            class->due_s = first_end_s(&class->pool, &of->jobs, &class->early_s);
        }
        if (class->due_s < soonest_s) soonest_s = class->due_s;
    }
    ring_by(of->clock, &of->alarm, soonest_s, NETWORK_RANG, of->number);
}

/* End all flows that are through, in the order in which they began. */
static void settle_network(Network *of, Changes *changes, void *training) {
    Memory *memory = of->clock->memory;
    double now_s = of->clock->now_s, tick_s = CLOCK_RESOLUTION * now_s;
    for (size_t k = 0; k < of->count; k++) {
        Class *class = &of->classes[of->there[k]];
        if (class->early_s > now_s + tick_s) continue;
        Pool *pool = &class->pool;
        class->is_planned = 0;
        advance_pool(pool, now_s);
        take_ended(pool, &of->jobs, 0, pool->virtual + tick_s * pool->level, &of->ended);
        take_ended(pool, &of->jobs, 1, now_s + tick_s, &of->ended);
    }
    while (of->ended.count) {
        uint32_t job = of->ended.at[--of->ended.count];
        remove_flow(of, job);
        push(memory, &of->telling, (double)of->flows[job].begun, 0, job);
    }
    for (size_t k = of->count; k--;)
        if (!has_flows(&of->classes[of->there[k]])) close_class(of, of->there[k]);
    while (of->telling.count) {
        uint32_t job = pop(&of->telling).job;
        Done done = of->jobs.at[job].done;
        free_job(&of->jobs, job);
        served(training, done);
    }
    change(of, changes);
}

#endif
