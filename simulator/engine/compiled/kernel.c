/* Kernel: the columns of numbers of runs in, and what their workers did out.

   The stable interface of Python 3.11: one build serves all later ones. */

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "training.h"

/* What columns.py writes, alike in all runs. A `first` has one number more than its owners, and the
   last is the end. */
#define COLUMNS(X)                                                                                \
    X(int32_t, plan_first) X(int32_t, gate) X(int32_t, input) X(int32_t, needs)                   \
    X(int32_t, then_first) X(int32_t, then) X(int32_t, ps_first) X(int32_t, ps)                   \
    X(int32_t, part_first) X(int32_t, part_operation) X(int32_t, part_cause)                      \
    X(int32_t, demand_first) X(int32_t, demand_resource) X(int32_t, demand_own)                   \
    X(int32_t, resource_of) X(int32_t, demand_score)                                              \
    X(int32_t, demand_cause) X(double, demand_size_bytes) X(double, demand_deviation)             \
    X(int32_t, sharing) X(int32_t, network) X(double, loss)                                       \
    X(int32_t, hop_first) X(int32_t, hops)                                                        \
    X(int32_t, link_first) X(double, link_loss)                                                   \
    X(int32_t, plan_of) X(int32_t, host) X(int32_t, place)                                        \
    X(int32_t, shared_gate) X(int32_t, host_row) X(int32_t, host_gates)                           \
    X(int32_t, gate_parties) X(int32_t, gate_spare) X(int32_t, gate_staleness)                    \
    X(int32_t, gate_round)                                                                        \
    X(int32_t, factor_varying) X(double, factor_correlation)                                      \
    X(int32_t, factor_first) X(double, factor_values)                                             \
    X(int32_t, transfers) X(double, worker_scores)                                                \
    X(double, deviates) X(double, probabilities)                                                  \
    X(int32_t, counts)

/* What it writes for each run, one after the other. */
#define EACH(X)                                                                                   \
    X(double, part_wall_s) X(double, demand_rate) X(double, capacity) X(double, link_capacity)    \
    X(double, starts_s) X(double, factor_scale) X(uint64_t, factor_key)                           \
    X(uint64_t, keys) X(double, numbers)

/* What each run writes. */
#define RESULTS(X)                                                                                \
    X(double, ends_s) X(double, rounds_s) X(double, spent_s) X(double, lasted_s)                  \
    X(int64_t, lasted_steps)

enum {
    RUNS, HOSTS, WARMUP, LAST, BY_ROUND, RECORDING, SCORES_DRAWN, STARTS_OVER, PS, ROUND_KEY,
    COUNTS
};
enum { SCORES, STRAGGLER, WORKER_FAILURE, PS_FAILURE, KEYS };
enum {
    INPUT_S,
    SLOW_PER_S, SLOW_LASTS_S, SLOW_FACTOR,
    DOWN_PER_S, DOWN_LASTS_S,
    PS_DOWN_PER_S, PS_DOWN_LASTS_S,
    NUMBERS
};

#define FIELD(type, name) type *name; size_t name##_count;
typedef struct {
    COLUMNS(FIELD)
    EACH(FIELD)
    RESULTS(FIELD)
    Points normal, probability;
} Columns;
#undef FIELD

#define COUNT(type, name) +1
enum { BUFFERS = 0 COLUMNS(COUNT) EACH(COUNT) RESULTS(COUNT) };
#undef COUNT

/* The buffers that are held while a run lasts. */
typedef struct {
    Py_buffer held[BUFFERS];
    int count;
} Held;

static void release_all(Held *held) {
    while (held->count) PyBuffer_Release(&held->held[--held->count]);
}

/* The memory of one column; NULL with an exception if there is none of this kind. */
static void *column(PyObject *columns, Held *held, const char *name, size_t size, int writable,
                    size_t *count) {
    PyObject *found = PyDict_GetItemString(columns, name);
    Py_buffer *view = &held->held[held->count];
    if (!found) {
        PyErr_Format(PyExc_KeyError, "%s", name);
        return NULL;
    }
    if (PyObject_GetBuffer(found, view, PyBUF_C_CONTIGUOUS | (writable ? PyBUF_WRITABLE : 0)))
        return NULL;
    held->count++;
    if ((size_t)view->itemsize != size) {
        PyErr_Format(PyExc_TypeError, "%s: %zd bytes a number, not %zu", name, view->itemsize,
                     size);
        return NULL;
    }
    *count = (size_t)view->len / size;
    return view->buf;
}

static int read_columns(PyObject *given, Held *held, Columns *of) {
#define READ(type, name, writable)                                                                \
    if (!(of->name = column(given, held, #name, sizeof(type), writable, &of->name##_count)))      \
        return 0;
#define READ_COLUMN(type, name) READ(type, name, 0)
#define READ_RESULT(type, name) READ(type, name, 1)
    COLUMNS(READ_COLUMN)
    EACH(READ_COLUMN)
    RESULTS(READ_RESULT)
#undef READ_COLUMN
#undef READ_RESULT
#undef READ
    size_t activities = of->gate_count, workers = of->plan_of_count;
    int told = of->counts_count == COUNTS && of->counts[RUNS] > 0;
    size_t last = told ? (size_t)of->counts[LAST] : 0, runs = told ? (size_t)of->counts[RUNS] : 1;
    int fit = told;
#define DIVIDE(type, name) fit = fit && of->name##_count % runs == 0; of->name##_count /= runs;
    EACH(DIVIDE)
    RESULTS(DIVIDE)
#undef DIVIDE
    fit = fit && of->keys_count == KEYS &&
              of->numbers_count == NUMBERS && of->needs_count == activities &&
              of->input_count == activities && of->then_first_count == activities + 1 &&
              of->part_first_count == activities + 1 && of->ps_first_count == activities + 1 &&
              of->demand_first_count == activities + 1 && of->host_count == workers &&
              of->place_count == workers && of->starts_s_count == workers &&
              of->ends_s_count == workers * (last + 1) &&
              of->capacity_count == of->sharing_count &&
              of->factor_scale_count == of->factor_varying_count &&
              of->factor_key_count == of->factor_varying_count &&
              of->rounds_s_count == last + 1 && of->spent_s_count == workers * CAUSES &&
              of->lasted_s_count == activities &&
              of->lasted_steps_count + 1 == of->plan_first_count;
    if (!fit) PyErr_SetString(PyExc_ValueError, "columns that do not fit each other");
    if (fit) {
        lay_out_points(&of->normal, of->probabilities, of->deviates, of->deviates_count);
        lay_out_points(&of->probability, of->deviates, of->probabilities, of->deviates_count);
    }
    return fit;
}

/* Go on to the columns of the next run. */
static void pass_on(Columns *of) {
#define PASS(type, name) of->name += of->name##_count;
    EACH(PASS)
    RESULTS(PASS)
#undef PASS
}

static void set_up_plans(Training *of, const Columns *from) {
    Plans *plans = &of->plans;
    Plans made = {
        from->plan_first_count - 1, from->gate_count, from->plan_first, from->gate, from->input,
        from->needs, {from->then_first, from->then}, {from->ps_first, from->ps}, from->part_first,
        from->part_operation, from->part_cause, from->part_wall_s, from->demand_first,
        from->demand_resource, from->demand_own, from->resource_of, from->demand_score, from->demand_cause, from->demand_rate,
        from->demand_size_bytes, from->demand_deviation, NULL,
    };
    made.before = zeros(&of->memory, made.activities, sizeof *made.before);
    for (size_t k = 0; k < made.activities; k++) made.before[k] = -1;
    for (size_t plan = 0; plan < made.plans; plan++) {
        int32_t first = made.first[plan], next = made.first[plan + 1];
        if ((size_t)(next - first) > of->most_activities)
            of->most_activities = (size_t)(next - first);
        for (int32_t k = first; k < next; k++)
            for (int32_t at = made.then.first[k]; at < made.then.first[k + 1]; at++)
                made.before[first + made.then.at[at]] = k - first;
    }
    *plans = made;
}

static void set_up_chance(Training *of, const Columns *from) {
    Chance *chance = &of->chance;
    chance->factors = from->factor_varying_count;
    chance->transfers = from->transfers_count;
    chance->transfer = from->transfers;
    chance->scores_drawn = from->counts[SCORES_DRAWN];
    chance->score_key = from->keys[SCORES];
    chance->worker_score = from->worker_scores_count ? from->worker_scores : NULL;
    chance->normal = &from->normal;
    chance->probability = &from->probability;
    chance->factor = zeros(&of->memory, chance->factors, sizeof *chance->factor);
    int lasts = 0;
    for (size_t k = 0; k < chance->factors; k++) {
        double correlation = from->factor_correlation[k];
        size_t first = (size_t)from->factor_first[k], next = (size_t)from->factor_first[k + 1];
        Factor factor = {(Varying)from->factor_varying[k], from->factor_scale[k], correlation,
                         sqrt(1.0 - correlation * correlation), from->factor_key[k],
                         from->factor_values + first, next - first};
        if (factor.varying == STATED) factor.count /= of->workers;
        chance->factor[k] = factor;
        lasts |= correlation > 0.0;
    }
    if (lasts)
        chance->lasting = zeros(&of->memory, (size_t)of->workers * chance->factors,
                                sizeof *chance->lasting);
}

static void set_up_resources(Training *of, const Columns *from) {
    Memory *memory = &of->memory;
    size_t count = from->sharing_count, networks = from->link_first_count - 1;
    of->resources = zeros(memory, count, sizeof *of->resources);
    Network *network = zeros(memory, networks, sizeof *network);
    for (size_t k = 0; k < count; k++) {
        Resource *made = &of->resources[k];
        made->sharing = (Sharing)from->sharing[k];
        made->capacity = from->capacity[k];
        if (made->sharing == SHARE) {
            made->share = zeros(memory, 1, sizeof *made->share);
            open_fair_share(made->share, &of->clock, (uint32_t)k, from->capacity[k],
                            from->loss[k]);
        } else if (made->sharing == ROUTE) {
            int32_t number = from->network[k], first = from->link_first[number];
            made->network = &network[number];
            if (!made->network->clock)
                open_network(made->network, &of->clock, (uint32_t)k,
                             (size_t)(from->link_first[number + 1] - first),
                             from->link_capacity + first, from->link_loss + first);
            made->route = open_route(made->network, from->hops + from->hop_first[k],
                                     from->hop_first[k + 1] - from->hop_first[k]);
        }
    }
}

static void set_up_gates(Training *of, const Columns *from) {
    of->shared_gate = from->shared_gate;
    of->host_row = from->host_row;
    of->host_gates = from->host_gates;
    of->round_key = from->counts[ROUND_KEY];
    of->gates = zeros(&of->memory, from->gate_parties_count, sizeof *of->gates);
    for (size_t k = 0; k < from->gate_parties_count; k++)
        open_gate(&of->gates[k], &of->memory, (uint32_t)from->gate_parties[k],
                  (uint32_t)from->gate_spare[k], from->gate_staleness[k], from->gate_round[k],
                  of->workers);
}

static Renewal *renewals(Training *of, size_t count, uint64_t key, const double *numbers) {
    if (!(numbers[0] > 0.0)) return NULL;
    Renewal *made = zeros(&of->memory, count, sizeof *made);
    for (size_t k = 0; k < count; k++)
        made[k] = renewal(split(key, k), numbers[0], numbers[1]);
    return made;
}

static void set_up_faults(Training *of, const Columns *from) {
    const double *numbers = from->numbers;
    of->slow = renewals(of, of->workers, from->keys[STRAGGLER], numbers + SLOW_PER_S);
    of->slow_factor = numbers[SLOW_FACTOR];
    of->down = renewals(of, of->workers, from->keys[WORKER_FAILURE], numbers + DOWN_PER_S);
    of->ps_down = renewals(of, (size_t)from->counts[PS], from->keys[PS_FAILURE],
                           numbers + PS_DOWN_PER_S);
    of->starts_over = from->counts[STARTS_OVER];
}

static void set_up_workers(Training *of, const Columns *from) {
    Memory *memory = &of->memory;
    of->worker = zeros(memory, of->workers, sizeof *of->worker);
    of->doing = zeros(memory, (size_t)of->workers * of->most_activities, sizeof *of->doing);
    of->columns = of->chance.factors + of->chance.transfers;
    of->varied = zeros(memory, (size_t)of->workers * of->columns, sizeof *of->varied);
    of->pipeline_free_s = zeros(memory, (size_t)from->counts[HOSTS], sizeof(double));
    if (of->recording) {
        of->open = zeros(memory, (size_t)of->workers * of->most_activities, sizeof *of->open);
        of->critical = zeros(memory, of->most_activities / 64 + 1, sizeof *of->critical);
    }
    for (uint32_t worker = 0; worker < of->workers; worker++) {
        uint32_t plan = (uint32_t)from->plan_of[worker];
        Doing *doing = doings_of(of, worker);
        of->worker[worker].plan = plan;
        of->worker[worker].host = (uint32_t)from->host[worker];
        of->worker[worker].place = (uint32_t)from->place[worker];
        int32_t first = of->plans.first[plan], next = of->plans.first[plan + 1];
        for (int32_t k = first; k < next; k++) {
            int32_t demand = of->plans.demand_first[k];
            int demands = of->plans.demand_first[k + 1] > demand;
            doing[k - first].after = (int16_t)of->plans.before[k];
            doing[k - first].blame = demands ? (uint8_t)of->plans.demand_cause[demand] : NOBODY;
        }
        vary(&of->chance, worker, 0, varied_of(of, worker));
        of->ends_s[(size_t)worker * (of->last + 1)] = from->starts_s[worker];
        schedule(&of->clock, from->starts_s[worker], BEGIN, done_by(of, worker, 0, 0));
    }
}

static void set_up(Training *of, const Columns *from) {
    of->clock.memory = &of->memory;
    of->workers = of->running = (uint32_t)from->plan_of_count;
    of->hosts = (size_t)from->counts[HOSTS];
    of->warmup = (uint32_t)from->counts[WARMUP];
    of->last = (uint32_t)from->counts[LAST];
    of->by_round = from->counts[BY_ROUND];
    of->recording = from->counts[RECORDING];
    of->input_s = from->numbers[INPUT_S];
    of->ends_s = from->ends_s;
    of->rounds_s = from->rounds_s;
    of->spent_s = from->spent_s;
    set_up_plans(of, from);
    set_up_chance(of, from);
    set_up_resources(of, from);
    set_up_gates(of, from);
    set_up_faults(of, from);
    set_up_workers(of, from);
}

/* Seconds of every activity, and steps of every plan, that are on account. */
static void sum_up(Training *of, const Columns *into) {
    for (uint32_t worker = 0; worker < of->workers; worker++) {
        const Worker *who = &of->worker[worker];
        int32_t first = of->plans.first[who->plan], next = of->plans.first[who->plan + 1];
        for (int32_t k = first; k < next; k++)
            into->lasted_s[k] += doings_of(of, worker)[k - first].lasted_s;
        into->lasted_steps[who->plan] += (who->done_accounting ? of->last : who->steps) - who->begun;
    }
}

typedef enum { SET_UP, GO_ON, SUM_UP } Task;

/* Events between two looks at whether to end: some milliseconds. */
#define AT_ONCE (1 << 15)

/* One task of a run, and how it came out; `finished` if nothing is left to happen. */
static Outcome perform(Task task, Training *of, const Columns *columns, int *finished) {
    int why = setjmp(of->memory.out);
    if (why) return (Outcome)why;
    if (task == SET_UP) set_up(of, columns);
    if (task == GO_ON) *finished = happen_on(of, AT_ONCE);
    if (task == SUM_UP) sum_up(of, columns);
    return FINE;
}

static Outcome train(Training *of, const Columns *columns, const volatile char *cancelled) {
    int finished = 0;
    Outcome came_out;
    PyThreadState *thread = PyEval_SaveThread();
    came_out = perform(SET_UP, of, columns, &finished);
    while (came_out == FINE && !finished) {
        came_out = perform(GO_ON, of, columns, &finished);
        if (*cancelled) came_out = CANCELLED;
        PyEval_RestoreThread(thread);
        if (PyErr_CheckSignals()) came_out = CANCELLED;
        thread = PyEval_SaveThread();
    }
    if (came_out == FINE) came_out = perform(SUM_UP, of, columns, &finished);
    PyEval_RestoreThread(thread);
    return came_out;
}

/* One run after the other; the last is left as it ended. */
static Outcome train_all(Training *of, Columns *columns, const volatile char *cancelled) {
    Outcome came_out = FINE;
    for (int32_t left = columns->counts[RUNS]; left && came_out == FINE; left--) {
        give_back(&of->memory);
        memset(of, 0, sizeof *of);
        came_out = train(of, columns, cancelled);
        pass_on(columns);
    }
    return came_out;
}

static PyObject *told(const Training *of, Outcome came_out) {
    switch (came_out) {
    case FINE:
        return Py_BuildValue("y#y#", (const char *)of->records,
                             (Py_ssize_t)(of->record_count * sizeof *of->records),
                             (const char *)of->parts_s,
                             (Py_ssize_t)(of->part_count * sizeof *of->parts_s));
    case NO_MEMORY: return PyErr_NoMemory();
    case STUCK:
        PyErr_SetString(PyExc_RuntimeError, "all workers wait for something that nobody will do");
        return NULL;
    case TOO_LONG:
        PyErr_SetString(PyExc_OverflowError, "more events than there are numbers for");
        return NULL;
    case CANCELLED:
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_InterruptedError, "cancelled");
        return NULL;
    }
    return NULL;
}

static PyObject *run(PyObject *module, PyObject *args) {
    PyObject *given, *made = NULL;
    Py_buffer cancelled;
    Held held = {.count = 0};
    Columns columns;
    Training training;
    (void)module;
    if (!PyArg_ParseTuple(args, "O!y*", &PyDict_Type, &given, &cancelled)) return NULL;
    if (cancelled.len < 1) {
        PyErr_SetString(PyExc_ValueError, "a flag of no bytes");
    } else if (read_columns(given, &held, &columns)) {
        memset(&training, 0, sizeof training);
        made = told(&training, train_all(&training, &columns, cancelled.buf));
        give_back(&training.memory);
    }
    release_all(&held);
    PyBuffer_Release(&cancelled);
    return made;
}

PyDoc_STRVAR(run_doc, "run(columns, cancelled)\n--\n\n"
                      "Have all workers of all runs take their steps; the bytes of the last one's "
                      "records, and of the times of their parts.\n\n"
                      "``cancelled`` is a byte that ends the runs once it is not zero.");

static PyMethodDef methods[] = {
    {"run", run, METH_VARARGS, run_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "kernel", "The compiled engine's loop.", 0, methods,
    NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_kernel(void) { return PyModule_Create(&definition); }
