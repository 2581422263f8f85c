/*
 * int_set.h
 *		A set of 64-bit integers for which adding is an append.
 */
#ifndef EHDS_INT_SET_H
#define EHDS_INT_SET_H

#include "core/compat.h"

/* members that need no memory of their own: most groups of a wide GROUP BY are tiny */
#define INT_SET_INLINE 4

/* A stretch of the integers with a bit for each that is a member. */
typedef struct IntWindow
{
	int64 base;     /* the first integer, a multiple of 64 */
	uint64 n;       /* integers */
	uint32 members; /* bits that are set */
	uint64 bits[FLEXIBLE_ARRAY_MEMBER];
} IntWindow;

/*
 * The members are those in the window, if there is one, and the items, which are
 * outside of it: items = run | side | rest.  The run and the side are each sorted
 * and distinct, and have no member in common; the rest is as it came.
 */
typedef struct IntSet
{
	int64 *items;
	IntWindow *window;
	uint32 n_run;
	uint32 n_side;
	uint32 n_items; /* run, side and rest */
	uint32 capacity;
	int64 tiny[INT_SET_INLINE];
} IntSet;

/* Memory that the sets of one aggregate context share. */
typedef struct IntScratch
{
	MemoryContext context;
	int64 *buffer;
	Size size; /* in items */
} IntScratch;

extern void ehds_int_set_init(IntSet *set);
extern void ehds_int_set_clear(IntSet *set);
extern void ehds_int_set_reserve(IntSet *set, IntScratch *scratch, uint64 more);

/* Add a member when the items are full. */
extern void ehds_int_set_add_full(IntSet *set, IntScratch *scratch, int64 value);

/* Make the items one run, and part of the window if they are dense enough. */
extern void ehds_int_set_compact(IntSet *set, IntScratch *scratch);

/* The number of distinct members; cheap also when asked after each addition. */
extern uint32 ehds_int_set_count(IntSet *set, IntScratch *scratch);

/* The members of a compacted set in ascending order, one a call. */
typedef struct IntSetWalk
{
	const IntSet *set;
	uint32 item;
	uint64 word; /* of the window, the next to look at */
	uint64 left; /* bits of the word before it that are still to come */
} IntSetWalk;

extern void ehds_int_set_walk(IntSetWalk *walk, const IntSet *set);
extern bool ehds_int_set_next(IntSetWalk *walk, int64 *member);

static inline bool
ehds_int_set_in_window(const IntSet *set, int64 value)
{
	return set->window != NULL && (uint64) value - (uint64) set->window->base < set->window->n;
}

/* Ask the processor for what adding a member of the window will need. */
static inline void
ehds_int_set_prefetch(const IntSet *set, int64 value)
{
	__builtin_prefetch(&set->window->bits[((uint64) value - (uint64) set->window->base) / 64], 1);
}

/* Add a member. */
static inline void
ehds_int_set_add(IntSet *set, IntScratch *scratch, int64 value)
{
	if (ehds_int_set_in_window(set, value))
	{
		IntWindow *window = set->window;
		uint64 at = (uint64) value - (uint64) window->base;
		uint64 *word = &window->bits[at / 64];
		uint64 bit = UINT64CONST(1) << (at % 64);

		window->members += (*word & bit) == 0;
		*word |= bit;
		return;
	}
	/* rows of one person tend to be neighbours */
	if (set->n_items > 0 && set->items[set->n_items - 1] == value)
		return;
	if (unlikely(set->n_items == set->capacity))
		ehds_int_set_add_full(set, scratch, value);
	else
		set->items[set->n_items++] = value;
}

#endif /* EHDS_INT_SET_H */
