/*
 * ptable.c
 *		The perturbation table of the cell-key method.
 *
 * Greatest entropy under a given mean and variance means p(v) ~ exp(a v + b v^2)
 * on the support (Giessing 2016).  For given b the mean grows with a; with a
 * chosen so that the mean is 0, the variance grows with b.  So both are found by
 * Newton steps that are kept inside a bracket.
 *
 * Where the smallest possible variance is not below the one that is wanted (small
 * counts, whose neighbours are forbidden), the two points next to 0 share the
 * mass; where the greatest possible is not above it, the outermost two do.
 *
 * The noise must be the same on each machine and after each upgrade.  So there is
 * nothing here but +, -, * and / of IEEE doubles (the Makefile forbids to fuse
 * them), and the result is rounded to integers, which are then repaired until
 * their sum and their mean are exact.
 */
#include "cellkey/ptable.h"

#include <limits.h>

/* b beyond which a distribution is its own limit: exp(-100) of the mass is elsewhere */
#define B_LIMIT 128.0
/* how far rounding is repaired at the heaviest points, in units */
#define REPAIR 48

/* A row while it is computed. */
typedef struct Row
{
	int n; /* points of the support */
	int v[EHDS_PTABLE_WIDTH];
	double p[EHDS_PTABLE_WIDTH];
	double mean;
	double variance;
	double slope; /* of the variance by b along mean 0 */
} Row;

/* exp(x) for x <= 0, by basic operations only */
static double
exponential(double x)
{
	double small = x / 1024;
	double sum = 1;

	if (x < -700)
		return 0;
	for (int i = 18; i >= 1; i--)
		sum = 1 + sum * small / i;
	for (int i = 0; i < 10; i++)
		sum *= sum;
	return sum;
}

static void
distribute(Row *row, double a, double b)
{
	double top = 0;
	double total = 0;
	double m2 = 0;
	double m3 = 0;
	double m4 = 0;

	for (int i = 0; i < row->n; i++)
	{
		double e = a * row->v[i] + b * row->v[i] * row->v[i];

		row->p[i] = e;
		if (i == 0 || e > top)
			top = e;
	}
	for (int i = 0; i < row->n; i++)
	{
		row->p[i] = exponential(row->p[i] - top);
		total += row->p[i];
	}
	row->mean = 0;
	for (int i = 0; i < row->n; i++)
	{
		row->p[i] /= total;
		row->mean += row->p[i] * row->v[i];
	}
	for (int i = 0; i < row->n; i++)
	{
		double d = row->v[i] - row->mean;

		m2 += row->p[i] * d * d;
		m3 += row->p[i] * d * d * d;
		m4 += row->p[i] * d * d * d * d;
	}
	row->variance = m2;
	row->slope = (m2 > 0) ? m4 - m2 * m2 - m3 * m3 / m2 : 0;
}

/* Find a so that the mean is 0, from a guess. */
static double
center(Row *row, double a, double b)
{
	/* |v| <= EHDS_PTABLE_MAX: no a outside is needed */
	double low = -4 * EHDS_PTABLE_MAX * B_LIMIT;
	double high = -low;

	for (int i = 0; i < 200; i++)
	{
		double next;

		distribute(row, a, b);
		if (row->mean > -1e-15 && row->mean < 1e-15)
			break;
		if (row->mean > 0)
			high = a;
		else
			low = a;
		next = (row->variance > 1e-9) ? a - row->mean / row->variance : (low + high) / 2;
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (next == a)
			break;
		a = next;
	}
	return a;
}

/* All mass on two points around 0, with mean 0. */
static void
two_points(Row *row, int low, int high)
{
	for (int i = 0; i < row->n; i++)
		row->p[i] = (row->v[i] == low)    ? (double) high / (high - low)
					: (row->v[i] == high) ? (double) -low / (high - low)
										  : 0;
}

static void
solve(Row *row, double variance)
{
	double low = -B_LIMIT;
	double high = B_LIMIT;
	double a = 0;
	double b = 0;

	for (int i = 0; i < 200; i++)
	{
		double off;
		double next;

		a = center(row, a, b);
		off = row->variance - variance;
		if (off > -1e-13 && off < 1e-13)
			break;
		if (off > 0)
			high = b;
		else
			low = b;
		next = (row->slope > 1e-9) ? b - off / row->slope : (low + high) / 2;
		if (!(next > low && next < high))
			next = (low + high) / 2;
		if (next == b)
			break;
		b = next;
	}
}

/* The point of greatest mass from low to high, or 0 if there is none with mass. */
static int
heaviest(const uint64 *mass, int max, int low, int high)
{
	int found = 0;
	uint64 most = 0;

	for (int v = low; v <= high; v++)
		if (mass[v + max] > most)
		{
			most = mass[v + max];
			found = v;
		}
	return found;
}

#define MAGNITUDE(x) ((x) < 0 ? -(x) : (x))

/*
 * Round to integers that sum up to one, with mean 0; false if that fails.  The
 * rounding errors are repaired at two neighbouring points, low and low + 1, which
 * solve any remainder.  Where they have too little mass, the heaviest points on
 * both sides give some: as little as leaves all of them at 0 or more.
 */
static bool
quantise(const Row *row, int low, int max, uint64 *mass)
{
	int64 sum = (int64) EHDS_PTABLE_ONE;
	int64 moment = 0;
	int64 best[4] = {0};
	int64 best_cost = -1;
	int left;
	int right;

	for (int i = 0; i < row->n; i++)
	{
		int64 q = (int64) (row->p[i] * (double) EHDS_PTABLE_ONE + 0.5);

		mass[row->v[i] + max] = (uint64) q;
		sum -= q;
		moment -= q * row->v[i];
	}
	left = heaviest(mass, max, -max, Min(low, 0) - 1);
	right = heaviest(mass, max, low + 2, max);
	for (int64 x = (left != 0 ? -REPAIR : 0); x <= (left != 0 ? REPAIR : 0); x++)
		for (int64 y = (right != 0 ? -REPAIR : 0); y <= (right != 0 ? REPAIR : 0); y++)
		{
			int64 rest = sum - x - y;
			int64 upper = moment - x * left - y * right - rest * low;
			int64 lower = rest - upper;
			int64 cost = MAGNITUDE(x) + MAGNITUDE(y) + MAGNITUDE(upper) + MAGNITUDE(lower);

			if ((best_cost < 0 || cost < best_cost) && (int64) mass[low + max] + lower >= 0 &&
				(int64) mass[low + 1 + max] + upper >= 0 && (int64) mass[left + max] + x >= 0 &&
				(int64) mass[right + max] + y >= 0)
			{
				best[0] = x;
				best[1] = y;
				best[2] = lower;
				best[3] = upper;
				best_cost = cost;
			}
		}
	if (best_cost < 0)
		return false;
	/* without a left or a right, 0 is added at 0 */
	mass[left + max] += best[0];
	mass[right + max] += best[1];
	mass[low + max] += best[2];
	mass[low + 1 + max] += best[3];
	return true;
}

static bool
make_row(EhdsPtable *table, int n, uint64 *mass)
{
	Row row = {0};
	double variance = table->variance_milli / 1000.0;
	int below = INT_MIN; /* the points next to 0, which may itself be one */
	int above = INT_MAX;
	bool zero = false;

	for (int v = -table->max; v <= table->max; v++)
	{
		if (n + v < 0 || (n + v > 0 && n + v <= table->no_small))
			continue;
		row.v[row.n++] = v;
		if (v < 0)
			below = v;
		else if (v > 0)
			above = Min(above, v);
		else
			zero = true;
	}
	if (!zero && variance <= -below * above)
		two_points(&row, below, above);
	else if (variance >= -row.v[0] * row.v[row.n - 1])
		two_points(&row, row.v[0], row.v[row.n - 1]);
	else
		solve(&row, variance);
	return quantise(&row, zero ? 0 : above, table->max, mass);
}

bool
ehds_ptable_possible(int max, int variance_milli, int no_small)
{
	return max >= 1 && max <= EHDS_PTABLE_MAX && no_small >= 0 && no_small < max &&
		   variance_milli >= EHDS_PTABLE_VARIANCE_MIN && variance_milli <= EHDS_PTABLE_VARIANCE_MAX(max);
}

bool
ehds_ptable_make(EhdsPtable *table, int max, int variance_milli, int no_small)
{
	table->max = max;
	table->variance_milli = variance_milli;
	table->no_small = no_small;
	/* from there on nothing is forbidden */
	table->rows = max + no_small + 2;
	memset(table->mass, 0, sizeof(table->mass));
	table->mass[0][max] = EHDS_PTABLE_ONE;
	for (int n = 1; n < table->rows; n++)
		if (!make_row(table, n, table->mass[n]))
			return false;
	return true;
}

int
ehds_ptable_noise(const EhdsPtable *table, uint32 n, uint32 uniform)
{
	const uint64 *mass = table->mass[Min(n, (uint32) table->rows - 1)];
	uint64 below = 0;

	for (int i = 0; i < 2 * table->max; i++)
	{
		below += mass[i];
		if (uniform < below)
			return i - table->max;
	}
	return table->max;
}
