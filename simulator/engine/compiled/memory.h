/* Memory: blocks of one run, given back together; and how a run ends early. */

#ifndef NWORKERS_MEMORY_H
#define NWORKERS_MEMORY_H

#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
    FINE,
    NO_MEMORY,
    /* All have come to wait for something that nobody will do. */
    STUCK,
    /* More events than there are numbers for. */
    TOO_LONG,
    CANCELLED
} Outcome;

typedef struct Block {
    struct Block *before, *after;
} Block;

/* `Block` first, then what was asked for. */
typedef struct {
    Block *blocks;
    jmp_buf out;
} Memory;

_Noreturn static void give_up(Memory *memory, Outcome why) {
    longjmp(memory->out, (int)why);
}

static void *resized(Memory *memory, void *old, size_t count, size_t size) {
    Block *block = old ? (Block *)old - 1 : NULL;
    Block *before = block ? block->before : NULL, *after = block ? block->after : memory->blocks;
    if (size && count > (SIZE_MAX - sizeof(Block)) / size) give_up(memory, NO_MEMORY);
    block = realloc(block, sizeof(Block) + count * size);
    if (!block) give_up(memory, NO_MEMORY);
    block->before = before;
    block->after = after;
    if (after) after->before = block;
    if (before)
        before->after = block;
    else
        memory->blocks = block;
    return block + 1;
}

static void *zeros(Memory *memory, size_t count, size_t size) {
    void *made = resized(memory, NULL, count ? count : 1, size);
    memset(made, 0, (count ? count : 1) * size);
    return made;
}

static void give_back(Memory *memory) {
    while (memory->blocks) {
        Block *next = memory->blocks->after;
        free(memory->blocks);
        memory->blocks = next;
    }
}

/* Have room for one more element; `room` is how many fit. */
#define ONE_MORE(memory, array, count, room)                                              \
    do {                                                                                  \
        if ((count) == (room)) {                                                          \
            (room) = (room) ? 2 * (room) : 8;                                             \
            (array) = resized(memory, array, room, sizeof *(array));                      \
        }                                                                                 \
    } while (0)

#endif
