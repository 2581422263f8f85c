/*
 * int_set.h
 *		A set of 64-bit integers for which adding is an append.
 */
#ifndef EHDS_INT_SET_H
#define EHDS_INT_SET_H

#include "core/compat.h"

/* members that need no memory of their own: most groups of a wide GROUP BY are tiny */
#define INT_SET_INLINE 4

/*
 * items = run | side | rest.  The run and the side are each sorted and distinct,
 * and have no member in common; the rest is as it came.
 */
typedef struct IntSet
{
	int64 *items;
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
extern void ehds_int_set_make_room(IntSet *set, IntScratch *scratch);

/* Make the whole set one run. */
extern void ehds_int_set_compact(IntSet *set, IntScratch *scratch);

/* The number of distinct members; cheap also when asked after each addition. */
extern uint32 ehds_int_set_count(IntSet *set, IntScratch *scratch);

/* Add a member. */
static inline void
ehds_int_set_add(IntSet *set, IntScratch *scratch, int64 value)
{
	/* rows of one person tend to be neighbours */
	if (set->n_items > 0 && set->items[set->n_items - 1] == value)
		return;
	if (unlikely(set->n_items == set->capacity))
		ehds_int_set_make_room(set, scratch);
	set->items[set->n_items++] = value;
}

#endif /* EHDS_INT_SET_H */
