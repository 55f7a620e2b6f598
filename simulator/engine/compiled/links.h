/* Links: those of a network, the flows over each, and which of them may bind.

   A link is quiet while no levels that its flows can have would fill it. Flows over the same of the
   other links, the live ones, are a class, which has one level. */

#ifndef NWORKERS_LINKS_H
#define NWORKERS_LINKS_H

#include "pool.h"

/* Bytes of this share of a flow are lost to rounding. */
#define LOST 1e-12
/* Out, up, down, in, and both directions at either end. */
#define MOST_HOPS 8
/* So many links may be live for nothing: to quieten them would cost more. */
#define FEW_LINKS 16
#define NO_CLASS UINT32_MAX

/* Links that flows take from one place to another, and the least of their capacities. */
typedef struct {
    const int32_t *links;
    int32_t hops;
    double most;
} Route;

/* Its class and route, when it began among all, and its place among those of each link. */
typedef struct {
    uint32_t class, route;
    uint64_t begun;
    uint32_t places[MOST_HOPS];
} Flow;

/* A class by its number and by which one it was that has had the number. */
typedef struct {
    uint32_t class;
    uint64_t life;
} Watcher;

typedef struct {
    int32_t links[MOST_HOPS];
    int32_t hops;
    /* The least capacity of its links: no cap above it binds. */
    double most;
    /* Its place among the classes that there are, and among those of each of its links. */
    uint32_t place, places[MOST_HOPS], next_alike;
    uint64_t life;
    int is_open, is_planned;
    /* Infinite where no link is full. */
    double level;
    /* When its first flow ends, and when it may be taken as ended. */
    double due_s, early_s;
    Pool pool;
    /* Quiet links of its flows, by the level at which to look at them. */
    Heap quiet;
} Class;

typedef struct {
    double capacity;
    /* Of all its flows, by number: their weights and caps together. */
    double weight, asked;
    uint32_t *flows;
    size_t count, room;
    int is_live, is_changed;
    /* Of a live one: the numbers of its classes. */
    uint32_t *classes;
    size_t class_count, class_room;
    /* While it is filled: what is left; of open classes, weights and flows at the level. */
    double left, crossing, highest;
    size_t open, sharing;
    /* Of a quiet one: classes that look at it from this level on. */
    double watched_from;
    Watcher *watchers;
    size_t watcher_count, watcher_room;
} Link;

typedef struct {
    Clock *clock;
    uint32_t number;
    Link *links;
    size_t link_count, live_count;
    /* [link, flows]: what so many get of it together; NULL if sharing costs nothing. */
    double *kept;
    Route *routes;
    size_t route_count, route_room;
    Class *classes;
    size_t class_count, class_room;
    uint32_t *vacant, *there;
    size_t vacant_count, vacant_room, count, room;
    uint64_t lives;
    /* Classes by a hash of their links, each the first of those alike. */
    uint32_t *alike;
    size_t alike_count;
    Jobs jobs;
    Flow *flows;
    size_t flow_room;
    uint64_t begun;
    /* Links whose flows have changed, and what they are connected with. */
    uint32_t *changed, *connected;
    size_t changed_count, changed_room, connected_count, connected_room;
    Heap levels;
    int changing;
    Alarm alarm;
    Ended ended;
    Heap telling;
} Network;

static void open_network(Network *of, Clock *clock, uint32_t number, size_t links,
                         const double *capacities, const double *losses) {
    Memory *memory = clock->memory;
    int loses = 0;
    memset(of, 0, sizeof *of);
    of->clock = clock;
    of->number = number;
    of->jobs.memory = memory;
    of->link_count = links;
    of->live_count = links <= FEW_LINKS ? links : 0;
    of->links = zeros(memory, links, sizeof *of->links);
    for (size_t k = 0; k < links; k++) {
        of->links[k].capacity = capacities[k];
        of->links[k].is_live = links <= FEW_LINKS;
        of->links[k].watched_from = INFINITY;
        loses |= losses[k] != 0.0;
    }
    if (loses) {
        of->kept = zeros(memory, links * (MOST_LOSING + 1), sizeof(double));
        for (size_t k = 0; k < links; k++)
            fill_kept_shares(&of->kept[k * (MOST_LOSING + 1)], losses[k]);
    }
    for (of->alike_count = 64; of->alike_count < links; of->alike_count *= 2)
        continue;
    of->alike = zeros(memory, of->alike_count, sizeof *of->alike);
    memset(of->alike, 0xff, of->alike_count * sizeof *of->alike);
    of->alarm.due_s = INFINITY;
}

/* The number of the route over these links. */
static uint32_t open_route(Network *of, const int32_t *links, int32_t hops) {
    ONE_MORE(of->clock->memory, of->routes, of->route_count, of->route_room);
    Route made = {links, hops, INFINITY};
    for (int32_t hop = 0; hop < hops; hop++)
        if (of->links[links[hop]].capacity < made.most) made.most = of->links[links[hop]].capacity;
    of->routes[of->route_count] = made;
    return (uint32_t)of->route_count++;
}

static void mark_changed(Network *of, uint32_t k) {
    if (of->links[k].is_changed) return;
    of->links[k].is_changed = 1;
    ONE_MORE(of->clock->memory, of->changed, of->changed_count, of->changed_room);
    of->changed[of->changed_count++] = k;
}

static uint32_t *alike_of(const Network *of, const int32_t *links, int32_t hops) {
    uint64_t hash = (uint64_t)hops;
    for (int32_t hop = 0; hop < hops; hop++)
        hash = (hash ^ (uint64_t)links[hop]) * UINT64_C(0x9e3779b97f4a7c15) >> 7;
    return &of->alike[hash & (of->alike_count - 1)];
}

/* A class of flows over these links. */
static uint32_t open_class(Network *of, const int32_t *links, int32_t hops, uint32_t *alike) {
    Memory *memory = of->clock->memory;
    uint32_t number;
    Class made = {.hops = hops, .most = INFINITY, .level = INFINITY, .due_s = INFINITY,
                  .early_s = INFINITY};
    if (of->vacant_count) {
        number = of->vacant[--of->vacant_count];
        /* With the memory that it has. */
        made.pool = of->classes[number].pool;
        made.quiet = of->classes[number].quiet;
    } else {
        ONE_MORE(memory, of->classes, of->class_count, of->class_room);
        number = (uint32_t)of->class_count++;
    }
    made.life = ++of->lives;
    made.next_alike = *alike;
    *alike = number;
    made.pool.level = 0.0;
    made.place = (uint32_t)of->count;
    ONE_MORE(memory, of->there, of->count, of->room);
    of->there[of->count++] = number;
    for (int32_t hop = 0; hop < hops; hop++) {
        Link *link = &of->links[links[hop]];
        made.links[hop] = links[hop];
        if (link->capacity < made.most) made.most = link->capacity;
        ONE_MORE(memory, link->classes, link->class_count, link->class_room);
        made.places[hop] = (uint32_t)link->class_count;
        link->classes[link->class_count++] = number;
    }
    of->classes[number] = made;
    advance_pool(&of->classes[number].pool, of->clock->now_s);
    return number;
}

/* The class of flows over the live ones of these links. */
static uint32_t class_of(Network *of, const Route *route) {
    int32_t links[MOST_HOPS], hops = 0;
    for (int32_t hop = 0; hop < route->hops; hop++)
        if (of->links[route->links[hop]].is_live) links[hops++] = route->links[hop];
    uint32_t *alike = alike_of(of, links, hops), number = *alike;
    for (; number != NO_CLASS; number = of->classes[number].next_alike)
        if (of->classes[number].hops == hops &&
            !memcmp(of->classes[number].links, links, (size_t)hops * sizeof *links))
            return number;
    return open_class(of, links, hops, alike);
}

/* A class without flows goes. */
static void close_class(Network *of, uint32_t number) {
    Class *class = &of->classes[number];
    uint32_t last = of->there[--of->count];
    of->there[class->place] = last;
    of->classes[last].place = class->place;
    for (int32_t hop = 0; hop < class->hops; hop++) {
        Link *link = &of->links[class->links[hop]];
        uint32_t moved = link->classes[--link->class_count], place = class->places[hop];
        link->classes[place] = moved;
        Class *other = &of->classes[moved];
        int32_t its = 0;
        while (other->links[its] != class->links[hop]) its++;
        other->places[its] = place;
    }
    uint32_t *at = alike_of(of, class->links, class->hops);
    while (*at != number) at = &of->classes[*at].next_alike;
    *at = class->next_alike;
    class->life = 0;
    class->quiet.count = 0;
    ONE_MORE(of->clock->memory, of->vacant, of->vacant_count, of->vacant_room);
    of->vacant[of->vacant_count++] = number;
}

static inline int has_flows(const Class *class) {
    return class->pool.sharing || class->pool.capped;
}

/* What so many flows as it has get of a link together. */
static double capacity_of(const Network *of, size_t k) {
    const Link *link = &of->links[k];
    if (!of->kept) return link->capacity;
    size_t flows = link->count < MOST_LOSING ? link->count : MOST_LOSING;
    return link->capacity * of->kept[k * (MOST_LOSING + 1) + flows];
}

/* The least level of its flows at which the link can be full. */
static double full_from(const Network *of, size_t k) {
    const Link *link = &of->links[k];
    double capacity = capacity_of(of, k);
    return link->asked <= capacity * (1.0 + ROUNDING) ? INFINITY : capacity / link->weight;
}

/* Have the class look at a quiet link in time. */
static void watch(Network *of, uint32_t number, uint32_t k) {
    Memory *memory = of->clock->memory;
    Link *link = &of->links[k];
    Class *class = &of->classes[number];
    if (link->watched_from == INFINITY) return;
    size_t at = 0;
    while (at < link->watcher_count && link->watchers[at].class != number) at++;
    if (at < link->watcher_count && link->watchers[at].life == class->life) return;
    if (at == link->watcher_count) {
        ONE_MORE(memory, link->watchers, link->watcher_count, link->watcher_room);
        link->watcher_count++;
    }
    Watcher made = {number, class->life};
    link->watchers[at] = made;
    push(memory, &class->quiet, link->watched_from, 0, k);
}

/* Have all classes that have flows over a quiet link look at it from this level on. */
static void watch_from(Network *of, uint32_t k, double level) {
    Link *link = &of->links[k];
    link->watched_from = level;
    link->watcher_count = 0;
    for (size_t at = 0; at < link->count; at++) watch(of, of->flows[link->flows[at]].class, k);
}

/* Put a flow into the class that it has for now. */
static void enter_class(Network *of, uint32_t job, double left) {
    Flow *flow = &of->flows[job];
    const Route *route = &of->routes[flow->route];
    flow->class = class_of(of, route);
    Class *class = &of->classes[flow->class];
    class->is_planned = 0;
    advance_pool(&class->pool, of->clock->now_s);
    if (of->jobs.at[job].at_cap || !class->hops)
        hold(&class->pool, &of->jobs, job, left);
    else
        let_share(&class->pool, &of->jobs, job, left, class->most);
    if (of->live_count == of->link_count) return;
    for (int32_t hop = 0; hop < route->hops; hop++)
        if (!of->links[route->links[hop]].is_live)
            watch(of, flow->class, (uint32_t)route->links[hop]);
}

/* Take all flows of a link to the classes that they have since it has become live, or quiet. */
static void reclass(Network *of, uint32_t k) {
    for (size_t at = 0; at < of->links[k].count; at++) {
        uint32_t job = of->links[k].flows[at], before = of->flows[job].class;
        double level = of->classes[before].level, pool_level = of->classes[before].pool.level;
        of->classes[before].is_planned = 0;
        advance_pool(&of->classes[before].pool, of->clock->now_s);
        enter_class(of, job, withdraw(&of->classes[before].pool, &of->jobs, job));
        /* Until it is filled anew, which for a quiet link it need not be. */
        of->classes[of->flows[job].class].level = level;
        of->classes[of->flows[job].class].pool.level = pool_level;
        if (!has_flows(&of->classes[before])) close_class(of, before);
    }
}

static void make_live(Network *of, uint32_t k) {
    Link *link = &of->links[k];
    link->is_live = 1;
    link->watched_from = INFINITY;
    of->live_count++;
    mark_changed(of, k);
    reclass(of, k);
}

static void make_quiet(Network *of, uint32_t k) {
    of->links[k].is_live = 0;
    of->live_count--;
    reclass(of, k);
    watch_from(of, k, full_from(of, k) / 2.0);
}

static void add_flow(Network *of, uint32_t job) {
    Memory *memory = of->clock->memory;
    Flow *flow = &of->flows[job];
    const Route *route = &of->routes[flow->route];
    for (int32_t hop = 0; hop < route->hops; hop++) {
        uint32_t k = (uint32_t)route->links[hop];
        Link *link = &of->links[k];
        ONE_MORE(memory, link->flows, link->count, link->room);
        flow->places[hop] = (uint32_t)link->count;
        link->flows[link->count++] = job;
        link->weight += of->jobs.at[job].weight;
        link->asked += of->jobs.at[job].cap;
        if (link->is_live) {
            mark_changed(of, k);
        } else {
            double from = full_from(of, k);
            /* Half of it, so that it is not to do again for the next few. */
            if (from < link->watched_from) watch_from(of, k, from / 2.0);
        }
    }
}

static void remove_flow(Network *of, uint32_t job) {
    const Flow *flow = &of->flows[job];
    const Route *route = &of->routes[flow->route];
    for (int32_t hop = 0; hop < route->hops; hop++) {
        uint32_t k = (uint32_t)route->links[hop], place = flow->places[hop];
        Link *link = &of->links[k];
        uint32_t moved = link->flows[--link->count];
        link->flows[place] = moved;
        const int32_t *others = of->routes[of->flows[moved].route].links;
        int32_t its = 0;
        while ((uint32_t)others[its] != k) its++;
        of->flows[moved].places[its] = place;
        link->weight = link->count ? link->weight - of->jobs.at[job].weight : 0.0;
        link->asked = link->count ? link->asked - of->jobs.at[job].cap : 0.0;
        if (link->is_live) mark_changed(of, k);
    }
}

/* Make quiet links live that may be full at the level of this class; whether there were any. */
static int wake_links(Network *of, uint32_t number) {
    int woken = 0;
    uint64_t life = of->classes[number].life;
    while (of->classes[number].life == life && of->classes[number].quiet.count &&
           of->classes[number].quiet.at[0].key <= of->classes[number].level) {
        Place first = pop(&of->classes[number].quiet);
        const Link *link = &of->links[first.job];
        if (link->is_live || link->watched_from != first.key) continue;
        double highest = 0.0, from = full_from(of, first.job);
        for (size_t at = 0; at < link->count; at++) {
            double level = of->classes[of->flows[link->flows[at]].class].level;
            if (level > highest) highest = level;
        }
        /* Far from full, it is not looked at before things have changed a lot. */
        if (from == INFINITY || highest <= from / 4.0) {
            watch_from(of, first.job, from / 2.0);
        } else {
            make_live(of, first.job);
            woken = 1;
        }
    }
    return woken;
}

#endif
