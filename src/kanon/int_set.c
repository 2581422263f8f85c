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
 * Where the members are dense, at least one of 64 consecutive integers, a bit for
 * each integer takes no more memory than they do, and adding is setting a bit.
 * Keys of a warehouse that were given by a sequence are like that.  So a
 * compaction makes such a run into a window, and widens the window as long as
 * the whole stays as dense; what is far away from it stays an item.
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
#define FEW 48
/* the side is merged into the run when it is longer than this */
#define SIDE_MAX 1024
/* a smaller set gets no window: its sorting is cheap, and groups are many */
#define WINDOW_MIN 1024
/* the rest is inserted one by one if it is not longer than this */
#define REST_ONE_BY_ONE 64

void
ehds_int_set_init(IntSet *set)
{
	set->items = set->tiny;
	set->window = NULL;
	set->n_run = set->n_side = set->n_items = 0;
	set->capacity = INT_SET_INLINE;
}

/* Forget all members and give their memory back. */
void
ehds_int_set_clear(IntSet *set)
{
	if (set->items != set->tiny)
		pfree(set->items);
	if (set->window != NULL)
		pfree(set->window);
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

/*
 * Merge the sorted b into the sorted items[0 .. n_a - 1], behind which there is
 * room for n_b more; returns how many members there are.  From the end, so that
 * items are merged where they are; without branches, since which side is larger
 * can't be foreseen.  Members of both sides leave a gap, which is closed.
 */
static uint32
merge_sorted(int64 *items, uint32 n_a, const int64 *b, uint32 n_b)
{
	int64 i = (int64) n_a - 1;
	int64 j = (int64) n_b - 1;
	int64 w = (int64) n_a + n_b - 1;
	int64 gap;

	while (i >= 0 && j >= 0)
	{
		int64 x = items[i];
		int64 y = b[j];

		items[w--] = (x > y) ? x : y;
		i -= (x >= y);
		j -= (y >= x);
	}
	w -= j + 1;
	memcpy(items + w + 1, b, (Size) (j + 1) * sizeof(int64));

	gap = w - i;
	if (gap > 0)
		memmove(items + i + 1, items + w + 1, (Size) ((int64) n_a + n_b - 1 - w) * sizeof(int64));
	return (uint32) ((int64) n_a + n_b - gap);
}

static inline uint32
in_window(const IntSet *set)
{
	return set->window == NULL ? 0 : set->window->members;
}

/*
 * Make the run part of the window, if all members together are dense.  The window
 * grows by up to half of itself more than is needed, so that keys that come in
 * ascending order do not copy it each time.
 */
static void
widen_window(IntSet *set, IntScratch *scratch)
{
	IntWindow *old = set->window;
	IntWindow *window;
	int64 low = set->items[0];
	int64 high = set->items[set->n_run - 1];
	uint64 n = (uint64) set->n_run + in_window(set);
	uint64 n_words;
	uint64 spare;

	if (n < WINDOW_MIN)
		return;
	if (old != NULL)
	{
		low = Min(low, old->base);
		high = Max(high, old->base + (int64) (old->n - 1));
	}
	if ((uint64) high - (uint64) low >= n * 64)
		return;
	low -= (low & 63);
	n_words = ((uint64) high - (uint64) low) / 64 + 1;

	/* never more than 8 bytes a member; and where the integers end, no more at all */
	spare = (n > n_words) ? Min(n_words / 2, n - n_words) : 0;
	if (low < PG_INT64_MIN + (int64) (spare * 64) || low > PG_INT64_MAX - (int64) ((n_words + spare) * 64))
		spare = 0;
	if (low > PG_INT64_MAX - (int64) (n_words * 64))
		return;
	if (old != NULL && low < old->base)
		low -= (int64) (spare * 64);
	n_words += spare;

	window = MemoryContextAllocHuge(scratch->context, offsetof(IntWindow, bits) + n_words * sizeof(uint64));
	window->base = low;
	window->n = n_words * 64;
	window->members = (uint32) n;
	memset(window->bits, 0, n_words * sizeof(uint64));
	if (old != NULL)
	{
		memcpy(window->bits + ((uint64) old->base - (uint64) low) / 64, old->bits, old->n / 8);
		pfree(old);
	}
	for (uint32 i = 0; i < set->n_run; i++)
	{
		uint64 at = (uint64) set->items[i] - (uint64) low;

		window->bits[at / 64] |= UINT64CONST(1) << (at % 64);
	}
	set->window = window;

	/* the items begin anew with what will be outside */
	if (set->items != set->tiny)
		pfree(set->items);
	set->items = set->tiny;
	set->capacity = INT_SET_INLINE;
	set->n_run = set->n_items = 0;
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
		int64 *copy = scratch_buffer(scratch, n_rest);

		memcpy(copy, rest, n_rest * sizeof(int64));
		n_rest = merge_sorted(run, n_run, copy, n_rest) - n_run;
	}
	set->n_run = set->n_items = n_run + n_rest;
	set->n_side = 0;
	widen_window(set, scratch);
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

/* Have room for so many more items, so that they are not compacted on the way. */
void
ehds_int_set_reserve(IntSet *set, IntScratch *scratch, uint64 more)
{
	grow(set, scratch, (uint64) set->n_items + more);
}

/* The array is full: compact it, and grow it if that left little room. */
void
ehds_int_set_add_full(IntSet *set, IntScratch *scratch, int64 value)
{
	uint64 n;
	uint64 room;

	ehds_int_set_compact(set, scratch);
	/* half of what is there must come before the next time, of the window a part */
	n = set->n_run;
	room = n / 2 + 1 + in_window(set) / 16;
	if (set->capacity - n < room)
		grow(set, scratch, n + room + 3);
	/* there is room now, or the value has come to lie in the window */
	ehds_int_set_add(set, scratch, value);
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
		return in_window(set) + settled;
	if (set->n_items - settled > REST_ONE_BY_ONE || set->n_side > SIDE_MAX)
	{
		ehds_int_set_compact(set, scratch);
		return in_window(set) + set->n_run;
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
	return in_window(set) + set->n_items;
}

void
ehds_int_set_walk(IntSetWalk *walk, const IntSet *set)
{
	walk->set = set;
	walk->item = 0;
	walk->word = 0;
	walk->left = 0;
}

bool
ehds_int_set_next(IntSetWalk *walk, int64 *member)
{
	const IntSet *set = walk->set;
	const IntWindow *window = set->window;

	/* the items below the window, the window, the items above it */
	if (window != NULL && (walk->item == set->n_run || set->items[walk->item] > window->base))
	{
		while (walk->left == 0 && walk->word < window->n / 64)
			walk->left = window->bits[walk->word++];
		if (walk->left != 0)
		{
			*member = window->base + (int64) ((walk->word - 1) * 64) + pg_rightmost_one_pos64(walk->left);
			walk->left &= walk->left - 1;
			return true;
		}
	}
	if (walk->item == set->n_run)
		return false;
	*member = set->items[walk->item++];
	return true;
}
