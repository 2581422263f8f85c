/*
 * int_set.c
 *		Tests of the set of integers, without a server, against a sorted array.
 *
 * Each scenario adds keys of one shape in one order and, at random points or after
 * each addition, asks for the count, compacts, and walks the members; the
 * invariants that the set's header states are looked at on the way.  Chance comes
 * from a fixed seed, which may be given as an argument.
 */
#include "core/compat.h"

#include <stdio.h>

#include "kanon/int_set.c"

/* port.h gives these to libpgport, which is not linked */
#undef printf
#undef snprintf

/* -----------------------------------------------------------------------
 * What the source needs of a server.
 * ----------------------------------------------------------------------- */

volatile sig_atomic_t InterruptPending = false;

void
ProcessInterrupts(void)
{
}

static uint64 allocated = 0;

/* sizes in front, so that what a set holds is known */
static void *
get_memory(size_t size)
{
	uint64 *chunk = malloc(size + 16);

	chunk[0] = size;
	allocated += size;
	return chunk + 2;
}

void *
MemoryContextAllocHuge(MemoryContext context, Size size)
{
	return get_memory(size);
}

void
pfree(void *pointer)
{
	uint64 *chunk = (uint64 *) pointer - 2;

	allocated -= chunk[0];
	free(chunk);
}

void *
repalloc_huge(void *pointer, Size size)
{
	uint64 old = ((uint64 *) pointer - 2)[0];
	void *chunk = get_memory(size);

	memcpy(chunk, pointer, Min(old, size));
	pfree(pointer);
	return chunk;
}

bool
errstart(int elevel, const char *domain)
{
	printf("Bail out! an error was raised\n");
	exit(1);
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	abort();
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errmsg(const char *fmt, ...)
{
	return 0;
}

/* -----------------------------------------------------------------------
 * The reference and the scenarios.
 * ----------------------------------------------------------------------- */

static uint64 chance = 1;

static uint64
draw(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return chance * UINT64CONST(0x2545F4914F6CDD1D);
}

static int n_tests = 0;
static int n_failed = 0;

static void
report(bool good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++n_tests, what);
	n_failed += !good;
}

/* Keys of a shape; i is the number of the person. */
static int64
key_of(int shape, uint64 i)
{
	switch (shape)
	{
		case 0: /* dense */
			return (int64) i;
		case 1: /* at the lower end */
			return (int64) ((uint64) PG_INT64_MIN + i);
		case 2: /* at the upper end */
			return PG_INT64_MAX - (int64) i;
		case 3: /* at both */
			return (i & 1) ? PG_INT64_MAX - (int64) (i / 2) : (int64) ((uint64) PG_INT64_MIN + i / 2);
		case 4: /* around zero */
			return (i & 1) ? -(int64) i : (int64) i;
		case 5: /* just dense enough for a window */
			return (int64) (i * 63);
		case 6: /* just too sparse */
			return (int64) (i * 65);
		case 7: /* a dense part and outliers on both sides */
			return (i % 101 == 0) ? (int64) (i * UINT64CONST(0x9E3779B97F4A7C15)) : (int64) i - 5000;
		case 8: /* random */
			return (int64) (i * UINT64CONST(0x9E3779B97F4A7C15) ^ (i << 29));
		case 9: /* two dense parts, so far apart that only many members join them */
			return (i % 2) ? (int64) i : (int64) i + 300000;
		default: /* in differing bytes only */
			return (int64) ((i & 255) << 56 | (i >> 8) << 8);
	}
}

#define SHAPES 11

/* order of the numbers: ascending, descending, random, from the middle out, in blocks downwards, with repeats */
static uint64
number_of(int order, uint64 at, uint64 n)
{
	switch (order)
	{
		case 0:
			return at;
		case 1:
			return n - 1 - at;
		case 2:
			return draw() % n;
		case 3:
			return (at & 1) ? n / 2 - 1 - at / 2 : n / 2 + at / 2;
		case 4:
			return (n - 1 - at) / 500 * 500 + at % 500;
		default:
			return at / 3;
	}
}

#define ORDERS 6

static int
compare(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* Sorted and distinct, in place. */
static uint32
reference(int64 *keys, uint32 n)
{
	uint32 kept = 0;

	qsort(keys, n, sizeof(int64), compare);
	for (uint32 i = 0; i < n; i++)
		if (kept == 0 || keys[kept - 1] != keys[i])
			keys[kept++] = keys[i];
	return kept;
}

static bool
is_sound(const IntSet *set)
{
	const IntWindow *window = set->window;
	uint32 members = 0;

	if (set->n_run + set->n_side > set->n_items || set->n_items > set->capacity)
		return false;
	for (uint32 i = 1; i < set->n_run; i++)
		if (set->items[i - 1] >= set->items[i])
			return false;
	for (uint32 i = 1; i < set->n_side; i++)
		if (set->items[set->n_run + i - 1] >= set->items[set->n_run + i])
			return false;
	if (window == NULL)
		return true;
	if (window->base & 63 || window->n % 64 || window->base > PG_INT64_MAX - (int64) window->n + 1)
		return false;
	for (uint64 w = 0; w < window->n / 64; w++)
		members += (uint32) __builtin_popcountll(window->bits[w]);
	for (uint32 i = 0; i < set->n_items; i++)
		if ((uint64) set->items[i] - (uint64) window->base < window->n)
			return false;
	return members == window->members && window->n / 8 <= 8 * (uint64) members + 8;
}

static bool
walks_as(IntSet *set, IntScratch *scratch, const int64 *sorted, uint32 n)
{
	IntSetWalk walk;
	int64 member;
	uint32 i = 0;

	ehds_int_set_compact(set, scratch);
	if (!is_sound(set) || ehds_int_set_count(set, scratch) != n)
		return false;
	ehds_int_set_walk(&walk, set);
	while (ehds_int_set_next(&walk, &member))
		if (i == n || member != sorted[i++])
			return false;
	return i == n;
}

/* asks: 0 nothing is asked before the end, 1 the count after each addition, 2 anything at random */
static bool
scenario(int shape, int order, int asks, uint32 n, uint64 *bytes)
{
	IntSet set;
	IntScratch scratch = {0};
	int64 *keys = malloc(n * sizeof(int64));
	int64 *sorted = malloc(n * sizeof(int64));
	uint32 distinct = 0;
	bool good = true;

	ehds_int_set_init(&set);
	for (uint32 i = 0; good && i < n; i++)
	{
		keys[i] = key_of(shape, number_of(order, i, n));
		ehds_int_set_add(&set, &scratch, keys[i]);
		if (asks == 1)
		{
			uint32 before = distinct;

			distinct = ehds_int_set_count(&set, &scratch);
			good = distinct == before || distinct == before + 1;
		}
		if (asks == 2 && draw() % 700 == 0)
		{
			memcpy(sorted, keys, (i + 1) * sizeof(int64));
			distinct = reference(sorted, i + 1);
			if (draw() % 2)
				ehds_int_set_reserve(&set, &scratch, draw() % 3000);
			if (draw() % 2)
				good = ehds_int_set_count(&set, &scratch) == distinct && is_sound(&set);
			else
				good = walks_as(&set, &scratch, sorted, distinct);
		}
	}
	if (good)
	{
		memcpy(sorted, keys, n * sizeof(int64));
		distinct = reference(sorted, n);
		good = ehds_int_set_count(&set, &scratch) == distinct && walks_as(&set, &scratch, sorted, distinct);
		if (distinct > 5000 && asks == 0)
			*bytes = Max(*bytes, allocated * 10 / distinct);
	}
	ehds_int_set_clear(&set);
	good = good && ehds_int_set_count(&set, &scratch) == 0;
	if (scratch.buffer != NULL)
		pfree(scratch.buffer);
	good = good && allocated == 0;
	if (!good)
		printf("# shape %d, order %d, asks %d, n %u\n", shape, order, asks, n);
	free(keys);
	free(sorted);
	return good;
}

int
main(int argc, char **argv)
{
	const uint32 sizes[] = {1, 3, 4, 5, 17, 64, 130, 1023, 1024, 1025, 3000, 20000};
	uint64 bytes = 0;

	chance = (argc > 1) ? strtoull(argv[1], NULL, 10) : 20;
	printf("# seed %llu\n", (unsigned long long) chance);
	for (int shape = 0; shape < SHAPES; shape++)
	{
		char what[64];
		bool good = true;

		for (int order = 0; order < ORDERS; order++)
			for (int asks = 0; asks < 3; asks++)
				for (size_t i = 0; i < lengthof(sizes); i++)
					good = good && scenario(shape, order, asks, sizes[i], &bytes);
		snprintf(what, sizeof(what), "keys of shape %d in all orders", shape);
		report(good, what);
	}
	printf("# at most %.1f bytes a member, scratch of one set included\n", (double) bytes / 10);
	report(bytes <= 200, "memory of a set with its scratch stays under 20 bytes a member");
	printf("1..%d\n", n_tests);
	return n_failed != 0;
}
