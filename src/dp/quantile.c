/*
 * quantile.c
 *		Private quantiles by the exponential mechanism (McSherry, Talwar 2007; Smith 2011).
 *
 * The values between two that occur have one distance, so there are few runs of
 * equal distance; runs of one distance make a class. A class is drawn by an exact
 * geometric number, accepted in proportion to how many values it has, and the value
 * is uniform inside: the product is proportional to exp(-distance den / num), and
 * only integers occur. The remainder of a geometric number by m is geometric below m;
 * without that, nearly every draw would lie beyond all classes if epsilon is small.
 */
#include "dp/quantile.h"

#include "miscadmin.h"

#include "dp/measure.h"
#include "noise/laplace.h"

typedef struct Run
{
	int64 distance;
	uint32 first;
	uint32 length;
} Run;

int64
ehds_quantile_distance(int64 total, int64 smaller, int64 larger, int64 fraction)
{
	int128 rank = (int128) total * fraction;
	int128 distance = Max(rank - (int128) (total - larger) * EHDS_QUANTILE_ONE, 0);

	distance = Max(distance, (int128) smaller * EHDS_QUANTILE_ONE - rank);
	return (int64) (distance /
					((int128) Max(fraction, EHDS_QUANTILE_ONE - fraction) << EHDS_MEASURE_WEIGHT_BITS));
}

static int
compare_values(const void *a, const void *b)
{
	uint32 x = ((const WeightedValue *) a)->value;
	uint32 y = ((const WeightedValue *) b)->value;

	return (x > y) - (x < y);
}

void
ehds_sort_values(WeightedValue *values, uint32 n, uint32 width)
{
	qsort(values, n, sizeof(WeightedValue), compare_values);
	if (n > 0 && values[n - 1].value >= width)
		elog(ERROR, "a value is beyond the range of a quantile");
}

static int
compare_runs(const void *a, const void *b)
{
	int64 x = ((const Run *) a)->distance;
	int64 y = ((const Run *) b)->distance;

	return (x > y) - (x < y);
}

/* All values as runs. There is room for 2 n + 1. */
static uint32
make_runs(WeightedValue *values, uint32 n, uint32 width, int64 fraction, Run *runs)
{
	int64 total = 0;
	int64 smaller = 0;
	uint32 next = 0; /* value without a run */
	uint32 n_runs = 0;

	ehds_sort_values(values, n, width);
	for (uint32 i = 0; i < n; i++)
		total += values[i].weight;
	for (uint32 i = 0; i < n;)
	{
		uint32 value = values[i].value;
		int64 weight = 0;

		for (; i < n && values[i].value == value; i++)
			weight += values[i].weight;
		if (value > next)
		{
			runs[n_runs].distance = ehds_quantile_distance(total, smaller, total - smaller, fraction);
			runs[n_runs].first = next;
			runs[n_runs++].length = value - next;
		}
		runs[n_runs].distance = ehds_quantile_distance(total, smaller, total - smaller - weight, fraction);
		runs[n_runs].first = value;
		runs[n_runs++].length = 1;
		smaller += weight;
		next = value + 1;
	}
	if (next < width)
	{
		runs[n_runs].distance = ehds_quantile_distance(total, smaller, 0, fraction);
		runs[n_runs].first = next;
		runs[n_runs++].length = width - next;
	}
	qsort(runs, n_runs, sizeof(Run), compare_runs);
	return n_runs;
}

/* The first run whose distance is at least this. */
static uint32
find_class(const Run *runs, uint32 n, int64 distance)
{
	uint32 low = 0;
	uint32 high = n;

	while (low < high)
	{
		uint32 middle = low + (high - low) / 2;

		if (runs[middle].distance < distance)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint32
ehds_quantile_from(EhdsBits *bits, WeightedValue *values, uint32 n, uint32 width, int64 fraction, uint64 num,
				   uint64 den)
{
	Run *runs = palloc_extended((2 * (Size) n + 1) * sizeof(Run), MCXT_ALLOC_HUGE);
	uint32 n_runs = make_runs(values, n, width, fraction, runs);
	int64 furthest = runs[n_runs - 1].distance;
	uint32 largest = 0;
	uint32 result;

	for (uint32 i = 0; i < n_runs;)
	{
		int64 distance = runs[i].distance;
		uint32 length = 0;

		for (; i < n_runs && runs[i].distance == distance; i++)
			length += runs[i].length;
		largest = Max(largest, length);
	}
	for (;;)
	{
		int64 distance = ehds_geometric_from(bits, num, den) % (furthest + 1);
		uint32 place = (uint32) ehds_bits_below(bits, largest);
		uint32 i;

		CHECK_FOR_INTERRUPTS();
		for (i = find_class(runs, n_runs, distance);
			 i < n_runs && runs[i].distance == distance && place >= runs[i].length; i++)
			place -= runs[i].length;
		if (i < n_runs && runs[i].distance == distance)
		{
			result = runs[i].first + place;
			break;
		}
	}
	pfree(runs);
	return result;
}
