/*
 * ptable.c
 *		Tests of the perturbation tables of the cell-key method, without a server.
 *
 * For a grid of parameters, each row of each table: probabilities sum up to one
 * and have mean 0, exactly, in integers; the support is what it must be; the
 * variance is the one asked for, or the nearest possible one where that is out of
 * reach; and the logarithm of the probabilities is a parabola in the noise, which
 * with the constraints is the condition of greatest entropy (necessary and
 * sufficient, since entropy is concave and the constraints are linear).  Nothing
 * here is left to chance.
 */
#include "core/compat.h"

#include <math.h>
#include <stdio.h>

/* the source under test */
#include "cellkey/ptable.c"

static int tests = 0;
static int failures = 0;

static void
check(bool ok, const char *what)
{
	printf("%s %d - %s\n", ok ? "ok" : "not ok", ++tests, what);
	failures += !ok;
}

static const char *
sprint(char *buffer, const char *what, int max, int milli, int js)
{
	snprintf(buffer, 200, "max %d, variance %g, no 1..%d: %s", max, milli / 1000.0, js, what);
	return buffer;
}

/* Does log p fit a parabola?  Points with fewer than 2^18 units are too coarse. */
static bool
is_parabola(const EhdsPtable *t, const uint64 *mass)
{
	double v[EHDS_PTABLE_WIDTH];
	double y[EHDS_PTABLE_WIDTH];
	int n = 0;
	int b;
	int c;

	for (int i = 0; i <= 2 * t->max; i++)
		if (mass[i] >= (UINT64CONST(1) << 18))
		{
			v[n] = i - t->max;
			y[n++] = log((double) mass[i]);
		}
	if (n < 4)
		return true;
	/* through the first, a middle and the last point */
	b = n / 2;
	c = n - 1;
	for (int i = 0; i < n; i++)
	{
		double fit = y[0] * (v[i] - v[b]) * (v[i] - v[c]) / ((v[0] - v[b]) * (v[0] - v[c])) +
					 y[b] * (v[i] - v[0]) * (v[i] - v[c]) / ((v[b] - v[0]) * (v[b] - v[c])) +
					 y[c] * (v[i] - v[0]) * (v[i] - v[b]) / ((v[c] - v[0]) * (v[c] - v[b]));

		if (fabs(fit - y[i]) > 2e-4)
			return false;
	}
	return true;
}

static void
check_table(int max, int milli, int js)
{
	EhdsPtable t;
	bool sums = true;
	bool means = true;
	bool support = true;
	bool variances = true;
	bool entropy = true;
	bool reachable = true;
	char buffer[200];

	ehds_ptable_make(&t, max, milli, js);
	for (int n = 0; n < t.rows; n++)
	{
		uint64 sum = 0;
		int64 mean = 0;
		double variance = 0;
		double least = 0;
		double greatest;
		int lowest = (n > max || n - max > js) ? -max : -n;
		int next = (n > 0 && n <= js) ? js + 1 - n : 0;

		/* above the forbidden ones, but not by more than max: the lowest is js + 1, or 0 */
		if (n > max && n - max <= js)
			lowest = js + 1 - n;
		for (int i = 0; i <= 2 * max; i++)
		{
			int v = i - max;
			bool allowed = n == 0 ? v == 0 : n + v == 0 || n + v > js;

			sum += t.mass[n][i];
			mean += (int64) t.mass[n][i] * v;
			variance += (double) t.mass[n][i] * v * v / 4294967296.0;
			support = support && (allowed || t.mass[n][i] == 0);
		}
		sums = sums && sum == EHDS_PTABLE_ONE;
		means = means && mean == 0;
		if (n == 0)
			continue;
		least = (double) n * next;
		greatest = -(double) lowest * max;
		if (milli / 1000.0 > least && milli / 1000.0 < greatest)
		{
			variances = variances && fabs(variance - milli / 1000.0) < 1e-5;
			entropy = entropy && is_parabola(&t, t.mass[n]);
		}
		else
		{
			variances = variances && fabs(variance - (milli / 1000.0 <= least ? least : greatest)) < 1e-5;
			reachable = false;
		}
	}
	check(sums && means, sprint(buffer, "sums of 1 and means of 0, exactly", max, milli, js));
	check(support, sprint(buffer, "0 stays 0, nothing below 0, no small counts", max, milli, js));
	check(variances,
		  sprint(buffer, reachable ? "the variance asked for" : "the variance asked for or the nearest", max,
				 milli, js));
	check(entropy, sprint(buffer, "greatest entropy", max, milli, js));
}

/* A check of the checks: a table with equal mean and variance, but less entropy. */
static void
check_mutant(void)
{
	EhdsPtable t;
	uint64 *mass;
	int64 d = 1 << 24;

	ehds_ptable_make(&t, 5, 2000, 2);
	mass = t.mass[t.rows - 1];
	/* fourth differences change neither sum nor mean, nor variance */
	mass[5 - 2] += d;
	mass[5 - 1] -= 4 * d;
	mass[5] += 6 * d;
	mass[5 + 1] -= 4 * d;
	mass[5 + 2] += d;
	check(!is_parabola(&t, mass), "a distribution of less entropy is noticed");
}

/* Each number of a regular grid is looked up: masses come back. */
static void
check_lookup(void)
{
	EhdsPtable t;
	bool ok = true;

	ehds_ptable_make(&t, 5, 2000, 2);
	for (int n = 0; n < t.rows + 3; n++)
	{
		const uint64 *mass = t.mass[Min(n, t.rows - 1)];
		uint64 below = 0;

		for (int v = -5; v <= 5; v++)
		{
			if (mass[v + 5] == 0)
				continue;
			ok = ok && ehds_ptable_noise(&t, n, (uint32) below) == v;
			below += mass[v + 5];
			ok = ok && ehds_ptable_noise(&t, n, (uint32) (below - 1)) == v;
		}
	}
	check(ok, "the first and the last number of each noise give it");
}

/* Noise is for ever: these integers may never change. */
static void
check_pinned(void)
{
	EhdsPtable t;
	uint64 digest = 0;

	ehds_ptable_make(&t, 5, 2000, 2);
	printf("# n = 1000:");
	for (int i = 0; i <= 10; i++)
		printf(" %llu", (unsigned long long) t.mass[t.rows - 1][i]);
	printf("\n");
	for (int max = 1; max <= EHDS_PTABLE_MAX; max++)
		for (int js = 0; js < max; js += 2)
		{
			ehds_ptable_make(&t, max, Max(EHDS_PTABLE_VARIANCE_MAX(max) / 5, 100), js);
			for (int n = 0; n < t.rows; n++)
				for (int i = 0; i <= 2 * max; i++)
					digest = digest * UINT64CONST(6364136223846793005) + t.mass[n][i] + 1;
		}
	printf("# digest of all tables: %llu\n", (unsigned long long) digest);
	check(digest == UINT64CONST(3722260507311484759), "tables are the same on each machine");
}

/* Wherever a table is possible, its rounding can be repaired, and nothing is below 0. */
static void
check_all(void)
{
	EhdsPtable t;
	bool ok = true;
	int tables = 0;

	for (int max = 1; max <= EHDS_PTABLE_MAX; max++)
		for (int js = 0; js < max; js++)
			for (int part = 0; part <= 4; part++, tables++)
			{
				int most = EHDS_PTABLE_VARIANCE_MAX(max);

				ok = ok && ehds_ptable_make(&t, max, Max(EHDS_PTABLE_VARIANCE_MIN, most * part / 4), js);
				for (int n = 0; ok && n < t.rows; n++)
				{
					uint64 sum = 0;
					int64 mean = 0;

					for (int i = 0; i <= 2 * max; i++)
					{
						ok = ok && t.mass[n][i] <= EHDS_PTABLE_ONE;
						sum += t.mass[n][i];
						mean += (int64) t.mass[n][i] * (i - max);
					}
					ok = ok && sum == EHDS_PTABLE_ONE && mean == 0;
				}
			}
	printf("# %d tables\n", tables);
	check(ok, "every possible table can be made");
}

#define COUNT(array) (sizeof(array) / sizeof(array[0]))

int
main(void)
{
	static const int grid[][3] = {{1, 500, 0},   {1, 100, 0},     {2, 1000, 0},    {2, 1000, 1},
								  {3, 2000, 2},  {5, 2000, 2},    {5, 2000, 0},    {5, 1000, 2},
								  {5, 500, 4},   {5, 9999, 2},    {5, 10000, 0},   {8, 3000, 2},
								  {10, 5000, 3}, {10, 4321, 9},   {12, 100, 0},    {15, 9000, 2},
								  {20, 2000, 2}, {20, 50000, 10}, {20, 140000, 0}, {20, 100, 19}};
	static const int impossible[][3] = {{0, 1000, 0},  {21, 1000, 0}, {5, 99, 2},   {5, 10001, 2},
										{5, 2000, -1}, {5, 2000, 5},  {-1, 2000, 0}};
	bool ok = true;

	for (int i = 0; i < COUNT(grid); i++)
	{
		ok = ok && ehds_ptable_possible(grid[i][0], grid[i][1], grid[i][2]);
		check_table(grid[i][0], grid[i][1], grid[i][2]);
	}
	check(ok, "these parameters are possible");
	ok = true;
	for (int i = 0; i < COUNT(impossible); i++)
		ok = ok && !ehds_ptable_possible(impossible[i][0], impossible[i][1], impossible[i][2]);
	check(ok, "others are not");
	check_mutant();
	check_lookup();
	check_all();
	check_pinned();
	printf("1..%d\n", tests);
	return failures != 0;
}
