/*
 * int_set.c
 *		A set of 64-bit integers for which adding is an append.
 *
 * A hash set pays a cache miss a row as soon as it outgrows the cache, also for
 * members that it has already.  Here a row only appends to an array; when the
 * array is full, its unsorted end is sorted by radix and merged into the sorted
 * run, and the array grows unless duplicates left a third of it free.  So each
 * row is sorted once, each compaction is paid for by at least half as many
 * appends as there are members, and the memory stays at 12 bytes a member in the
 * long run.
 *
 * A window function asks for the count after each row.  For it there is the
 * side: a short sorted stretch into which single members are inserted, so that
 * the run need not be merged each time.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "kanon/int_set.h"

#define ST_SORT sort_few
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* up to this many, comparisons beat radix passes */
#define FEW 200
/* the side is merged into the run when it is longer than this */
#define SIDE_MAX 1024
/* the rest is inserted one by one if it is not longer than this */
#define REST_ONE_BY_ONE 64

void
ehds_int_set_init(IntSet *set)
{
	set->items = set->tiny;
	set->n_run = set->n_side = set->n_items = 0;
	set->capacity = INT_SET_INLINE;
}

/* Forget all members and give their memory back. */
void
ehds_int_set_clear(IntSet *set)
{
	if (set->items != set->tiny)
		pfree(set->items);
	ehds_int_set_init(set);
}

/* The shared buffer, with room for n items. */
static int64 *
scratch_buffer(IntScratch *scratch, Size n)
{
	if (scratch->size < n)
	{
		if (scratch->buffer != NULL)
			pfree(scratch->buffer);
		scratch->buffer = NULL;
		scratch->size = 0;
		n = Max(n, 128);
		scratch->buffer = MemoryContextAllocHuge(scratch->context, n * sizeof(int64));
		scratch->size = n;
	}
	return scratch->buffer;
}

/* Sort by the digits in which the items differ, the lowest first. */
static void
sort_radix(int64 *items, uint32 n, IntScratch *scratch)
{
	int width = (n < 4096) ? 8 : 11;
	uint32 mask = (1U << width) - 1;
	uint32 start[1 << 11];
	int64 *from = items;
	int64 *to = scratch_buffer(scratch, n);
	uint64 any = 0;
	uint64 all = ~UINT64CONST(0);
	uint64 differ;
	int shift = 0;

	for (uint32 i = 0; i < n; i++)
	{
		any |= (uint64) items[i];
		all &= (uint64) items[i];
	}
	differ = any ^ all;

	while (shift < 64 && (differ >> shift) != 0)
	{
		uint32 sum = 0;
		int64 *swap;

		shift += pg_rightmost_one_pos64(differ >> shift);

		/* with the sign bit flipped, the order of uint64 is that of int64 */
#define DIGIT(x) ((uint32) ((((uint64) (x)) ^ (UINT64CONST(1) << 63)) >> shift) & mask)
		memset(start, 0, sizeof(uint32) << width);
		for (uint32 i = 0; i < n; i++)
			start[DIGIT(from[i])]++;
		for (uint32 d = 0; d <= mask; d++)
		{
			uint32 here = start[d];

			start[d] = sum;
			sum += here;
		}
		for (uint32 i = 0; i < n; i++)
			to[start[DIGIT(from[i])]++] = from[i];
#undef DIGIT

		swap = from;
		from = to;
		to = swap;
		shift += width;
	}
	if (from != items)
		memcpy(items, from, n * sizeof(int64));
}

/* Sort and remove duplicates; returns how many are left. */
static uint32
sort_unique(int64 *items, uint32 n, IntScratch *scratch)
{
	uint32 kept = 1;
	bool ascending = true;

	if (n == 0)
		return 0;
	for (uint32 i = 1; i < n; i++)
		if (items[i - 1] > items[i])
		{
			ascending = false;
			break;
		}
	if (!ascending)
	{
		if (n <= FEW)
			sort_few(items, n);
		else
			sort_radix(items, n, scratch);
	}
	for (uint32 i = 1; i < n; i++)
	{
		items[kept] = items[i];
		kept += (items[i] != items[kept - 1]);
	}
	return kept;
}

void
ehds_int_set_compact(IntSet *set, IntScratch *scratch)
{
	int64 *run = set->items;
	int64 *rest = run + set->n_run;
	uint32 n_run = set->n_run;
	uint32 n_rest;

	if (set->n_items == n_run)
		return;
	CHECK_FOR_INTERRUPTS();

	n_rest = sort_unique(rest, set->n_items - n_run, scratch);
	if (n_run > 0 && rest[0] <= run[n_run - 1])
	{
		int64 *fresh = scratch_buffer(scratch, n_rest);
		uint32 n_fresh = 0;
		uint32 i = 0;
		int64 w;

		for (uint32 j = 0; j < n_rest; j++)
		{
			int64 value = rest[j];

			while (i < n_run && run[i] < value)
				i++;
			fresh[n_fresh] = value;
			n_fresh += (i == n_run || run[i] != value);
		}

		/* from the end, so that the run can be merged where it is */
		w = (int64) n_run + n_fresh - 1;
		for (int64 a = (int64) n_run - 1, b = (int64) n_fresh - 1; b >= 0; w--)
		{
			if (a >= 0 && run[a] > fresh[b])
				run[w] = run[a--];
			else
				run[w] = fresh[b--];
		}
		n_rest = n_fresh;
	}
	set->n_run = set->n_items = n_run + n_rest;
	set->n_side = 0;
}

/* Have room for n items in all. */
static void
grow(IntSet *set, IntScratch *scratch, uint64 n)
{
	if (n <= set->capacity)
		return;
	/* small chunks are rounded up to a power of two anyway */
	if (n <= 1024)
		n = pg_nextpower2_32((uint32) n);
	if (n > PG_UINT32_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many persons in one group of a k aggregate")));
	if (set->items == set->tiny)
	{
		int64 *items = MemoryContextAllocHuge(scratch->context, n * sizeof(int64));

		memcpy(items, set->tiny, set->n_items * sizeof(int64));
		set->items = items;
	}
	else
		set->items = repalloc_huge(set->items, n * sizeof(int64));
	set->capacity = (uint32) n;
}

/* Have room for so many more items, which the caller appends itself. */
void
ehds_int_set_reserve(IntSet *set, IntScratch *scratch, uint64 more)
{
	grow(set, scratch, (uint64) set->n_items + more);
}

/* The array is full: compact it, and grow it if that left little room. */
void
ehds_int_set_make_room(IntSet *set, IntScratch *scratch)
{
	uint64 n;

	ehds_int_set_compact(set, scratch);
	n = set->n_run;
	if (set->capacity - n < n / 2 + 1)
		grow(set, scratch, n + n / 2 + 4);
}

/* Where value is, or would be inserted. */
static uint32
lower_bound(const int64 *items, uint32 n, int64 value)
{
	uint32 low = 0;

	while (n > 0)
	{
		uint32 half = n / 2;

		if (items[low + half] < value)
		{
			low += half + 1;
			n -= half + 1;
		}
		else
			n = half;
	}
	return low;
}

uint32
ehds_int_set_count(IntSet *set, IntScratch *scratch)
{
	uint32 settled = set->n_run + set->n_side;

	if (set->n_items == settled)
		return settled;
	if (set->n_items - settled > REST_ONE_BY_ONE || set->n_side > SIDE_MAX)
	{
		ehds_int_set_compact(set, scratch);
		return set->n_run;
	}

	for (uint32 i = settled; i < set->n_items; i++)
	{
		int64 value = set->items[i];
		int64 *side = set->items + set->n_run;
		uint32 at = lower_bound(set->items, set->n_run, value);

		if (at < set->n_run && set->items[at] == value)
			continue;
		at = lower_bound(side, set->n_side, value);
		if (at < set->n_side && side[at] == value)
			continue;
		memmove(side + at + 1, side + at, (set->n_side - at) * sizeof(int64));
		side[at] = value;
		set->n_side++;
	}
	set->n_items = set->n_run + set->n_side;
	return set->n_items;
}
