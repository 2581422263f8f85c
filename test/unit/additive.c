/*
 * additive.c
 *		Tests of tables that are made to add up: against a dense solution of the
 *		least squares problem, and that they add up exactly.
 */
#include "core/compat.h"

#include <math.h>

/* the sources under test */
#include "additive/complete.c"
#include "additive/grid.c"
#include "additive/tree.c"

#include "server.h"

void *
palloc(Size size)
{
	return malloc(size);
}
void *
palloc0(Size size)
{
	return calloc(1, size);
}
void *
palloc_extended(Size size, int flags)
{
	return calloc(1, size);
}
void
pfree(void *p)
{
	free(p);
}

#define CELLS 600
#define UNKNOWNS 130
#define KEYS 4

static uint64 state = 42;

/* 0 .. n - 1; the same in each run */
static int
some(int n)
{
	state = state * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (int) ((state >> 33) % n);
}

static EhdsAdditiveCell cells[CELLS];
static int ids[CELLS][KEYS];
static int ncells;
/* of the unknown finest cells: their keys' values, and which lie in which cell */
static int finest[UNKNOWNS][KEYS];
static int nfinest;

static bool
holds(const EhdsAdditiveCell *cell, const int *values)
{
	for (int j = 0; j < KEYS; j++)
		if (((cell->keys >> j) & 1) && cell->ids[j] != values[j])
			return false;
	return true;
}

/* Cells of a set, from the finest ones. */
static void
add_set(uint32 keys, double variance)
{
	int first = ncells;

	for (int f = 0; f < nfinest; f++)
	{
		int i = first;

		while (i < ncells && !holds(&cells[i], finest[f]))
			i++;
		if (i < ncells)
			continue;
		memset(&cells[i], 0, sizeof(cells[i]));
		cells[i].keys = keys;
		cells[i].variance = variance;
		cells[i].value = some(2000000000) - 1000000000;
		cells[i].ids = ids[i];
		for (int j = 0; j < KEYS; j++)
			ids[i][j] = (keys >> j) & 1 ? finest[f][j] : -1;
		ncells++;
	}
}

/* sizes[j] values of key j, all combinations */
static void
all_combinations(const int *sizes)
{
	nfinest = 0;
	ncells = 0;
	for (int i = 0; i < sizes[0] * sizes[1] * sizes[2] * sizes[3]; i++)
	{
		int rest = i;

		for (int j = 0; j < KEYS; j++)
		{
			finest[nfinest][j] = rest % sizes[j];
			rest /= sizes[j];
		}
		nfinest++;
	}
}

/* The least squares estimate, by elimination of the normal equations. */
static void
dense(double *estimates)
{
	static double a[UNKNOWNS][UNKNOWNS + 1];
	double x[UNKNOWNS] = {0};
	int pivots[UNKNOWNS];
	int rank = 0;

	memset(a, 0, sizeof(a));
	for (int i = 0; i < ncells; i++)
		for (int f = 0; f < nfinest; f++)
		{
			if (!holds(&cells[i], finest[f]))
				continue;
			a[f][nfinest] += cells[i].value / cells[i].variance;
			for (int g = 0; g < nfinest; g++)
				if (holds(&cells[i], finest[g]))
					a[f][g] += 1 / cells[i].variance;
		}
	for (int column = 0; column < nfinest; column++)
	{
		int best = rank;

		for (int row = rank; row < nfinest; row++)
			if (fabs(a[row][column]) > fabs(a[best][column]))
				best = row;
		if (best >= nfinest || fabs(a[best][column]) < 1e-9)
			continue;
		for (int k = 0; k <= nfinest; k++)
		{
			double held = a[rank][k];

			a[rank][k] = a[best][k];
			a[best][k] = held;
		}
		for (int row = 0; row < nfinest; row++)
		{
			double times = a[row][column] / a[rank][column];

			for (int k = column; k <= nfinest && row != rank && times != 0; k++)
				a[row][k] -= times * a[rank][k];
		}
		pivots[rank++] = column;
	}
	for (int row = 0; row < rank; row++)
		x[pivots[row]] = a[row][nfinest] / a[row][pivots[row]];
	for (int i = 0; i < ncells; i++)
	{
		estimates[i] = 0;
		for (int f = 0; f < nfinest; f++)
			if (holds(&cells[i], finest[f]))
				estimates[i] += x[f];
	}
}

/* Does each two sets' common margin agree? */
static bool
adds_up(void)
{
	for (int i = 0; i < ncells; i++)
		for (int k = 0; k < ncells; k++)
		{
			uint32 common = cells[i].keys & cells[k].keys;
			int64 difference = 0;

			for (int c = 0; c < ncells; c++)
			{
				bool same = true;

				for (int j = 0; j < KEYS; j++)
					if (((common >> j) & 1) && cells[c].ids[j] != cells[i].ids[j])
						same = false;
				if (same && cells[c].keys == cells[i].keys)
					difference += cells[c].result;
				if (same && cells[c].keys == cells[k].keys)
					difference -= cells[c].result;
			}
			if (cells[i].keys != cells[k].keys && difference != 0)
				return false;
		}
	return true;
}

/* The results differ from the estimate by at most what rounding may add. */
static bool
is_least_squares(bool tree)
{
	static double estimates[CELLS];

	dense(estimates);
	for (int i = 0; i < ncells; i++)
	{
		double allowed = tree ? 1 : pow(2, pg_popcount32(cells[i].keys) - 1);

		if (fabs(cells[i].result - estimates[i]) > allowed + 0.01)
		{
			snprintf(note, sizeof(note), "cell %d of set %u: %lld for %.3f", i, cells[i].keys,
					 (long long) cells[i].result, estimates[i]);
			return false;
		}
	}
	return true;
}

static void
try_tree(void)
{
	for (int n = 0; n < 200; n++)
	{
		/* places in regions in countries; a fourth key that no set has */
		nfinest = 0;
		ncells = 0;
		for (int a = 0; a <= some(3); a++)
			for (int b = 0; b <= some(4); b++)
				for (int c = 0; c <= some(5) && nfinest < UNKNOWNS; c++)
				{
					finest[nfinest][0] = 10 * a + b;
					finest[nfinest][1] = a;
					finest[nfinest][2] = 100 * a + 10 * b + c;
					finest[nfinest++][3] = 0;
				}
		add_set(7, 1 + some(50));
		if (n % 4 != 1)
			add_set(3, 1 + some(50));
		if (n % 4 != 2)
			add_set(2, 1 + some(50));
		if (n % 4 != 3)
			add_set(0, 1 + some(50));
		if (!ehds_additive_tree(cells, ncells, 3) || !adds_up() || !is_least_squares(true))
		{
			ok(false, "a tree");
			return;
		}
	}
	ok(true, "200 trees: least squares, and they add up");
}

static void
try_complete(void)
{
	for (int n = 0; n < 300; n++)
	{
		int sizes[KEYS] = {1 + some(4), 1 + some(4), 1 + some(3), 1 + some(2)};

		all_combinations(sizes);
		for (uint32 keys = 0; keys < 16; keys++)
			if (some(n % 3 + 1) == 0)
				add_set(keys, 1 + some(50));
		if (ncells == 0)
			continue;
		if (!ehds_additive_complete(cells, ncells, KEYS) || !adds_up() || !is_least_squares(false))
		{
			ok(false, "tables of all combinations");
			return;
		}
	}
	ok(true, "300 sets of tables of all combinations: least squares, and they add up");
}

/* places in regions in countries, by sex and age group, or whatever of it */
static void
try_grid(void)
{
	int tried = 0;

	for (int n = 0; n < 300; n++)
	{
		int others = 1 + some(4);
		uint32 forms[] = {0, 2, 3, 7, 8, 10, 11, 15, 4, 12, 1, 9, 6, 14};

		nfinest = 0;
		ncells = 0;
		for (int a = 0; a < 1 + n % 3; a++)
			for (int b = 0; b <= (a * 7 + n) % 3; b++)
				for (int c = 0; c <= (a + b * 5 + n) % 4; c++)
					for (int d = 0; d < others && nfinest < UNKNOWNS; d++)
					{
						finest[nfinest][0] = 3 * a + b;
						finest[nfinest][1] = a;
						finest[nfinest][2] = (17 * (12 * a + 4 * b + c)) % 41;
						finest[nfinest++][3] = d;
					}
		if (nfinest >= UNKNOWNS)
			continue;
		add_set(15, 1 + some(50));
		for (int i = 0; i < lengthof(forms); i++)
			if (forms[i] != 15 && some(2) == 0)
				add_set(forms[i], 1 + some(50));
		tried++;
		if (!ehds_additive_grid(cells, ncells, KEYS) || !adds_up() || !is_least_squares(false))
		{
			ok(false, "a grid");
			return;
		}
	}
	snprintf(note, sizeof(note), "%d tried", tried);
	ok(tried > 100, "grids of places in regions by another key: least squares, and they add up");

	/* tables of all combinations are grids as well */
	for (int n = 0; n < 100; n++)
	{
		int sizes[KEYS] = {1 + some(4), 1 + some(4), 1 + some(3), 1 + some(2)};

		all_combinations(sizes);
		add_set(15, 1 + some(50));
		for (uint32 keys = 0; keys < 15; keys++)
			if (some(3) == 0)
				add_set(keys, 1 + some(50));
		if (!ehds_additive_grid(cells, ncells, KEYS) || !adds_up() || !is_least_squares(false))
		{
			ok(false, "a table of all combinations as a grid");
			return;
		}
	}
	ok(true, "and tables of all combinations");
}

static void
try_other_shapes(void)
{
	int sizes[KEYS] = {3, 2, 1, 1};

	all_combinations(sizes);
	add_set(1, 1);
	add_set(2, 1);
	ok(!ehds_additive_tree(cells, ncells, KEYS), "two sets side by side are no tree");

	all_combinations(sizes);
	add_set(3, 1);
	add_set(1, 1);
	cells[0] = cells[--ncells];
	ok(!ehds_additive_complete(cells, ncells, KEYS), "a combination is missing");
	ok(!ehds_additive_grid(cells, ncells, KEYS), "or of a grid");

	all_combinations(sizes);
	add_set(3, 1);
	cells[ncells] = cells[0];
	ncells++;
	ok(!ehds_additive_complete(cells, ncells, KEYS), "a combination is there twice");
	ok(!ehds_additive_tree(cells, ncells, KEYS), "and a leaf");

	all_combinations(sizes);
	add_set(1, 1);
	add_set(3, 1);
	cells[0].ids[0] = 77;
	ok(!ehds_additive_tree(cells, ncells, KEYS), "a whole has no parts");

	all_combinations(sizes);
	add_set(0, 1);
	add_set(1, 1);
	for (int i = 0; i < ncells; i++)
		cells[i].value = PG_INT64_MAX - i;
	ok(!ehds_additive_tree(cells, ncells, KEYS), "sums that do not fit");
	ok(!ehds_additive_complete(cells, ncells, KEYS), "nor here");
	ok(!ehds_additive_grid(cells, ncells, KEYS), "nor on a grid");
	ok(!ehds_additive_tree(cells, 0, KEYS) && !ehds_additive_complete(cells, 0, KEYS), "no cell at all");

	/* large, and exact: two halves that were counted exactly stay as they are */
	all_combinations(sizes);
	add_set(0, 1);
	add_set(1, 1);
	for (int i = 0; i < ncells; i++)
		cells[i].value = i == 0 ? 3 * (INT64CONST(1) << 59) + 3 : (INT64CONST(1) << 59) + 1;
	ok(ehds_additive_tree(cells, ncells, KEYS) && cells[0].result == cells[0].value &&
		   cells[1].result == cells[1].value,
	   "sums beyond what a double holds");
}

int
main(void)
{
	try_tree();
	try_complete();
	try_grid();
	try_other_shapes();
	printf("1..%d\n", tests);
	return failures > 0;
}
