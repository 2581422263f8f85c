/*
 * quantile_tree.c
 *		Tests of quantiles by a tree of noisy weights, without a server.
 *
 * The distribution of two quantiles at once is compared with the exact one, by
 * enumeration of the noises of a tree of one level; and in a tree of two levels with
 * draws from a tree whose nodes are all drawn beforehand. The critical value of a
 * chi-square statistic is that of sampling.h, which is exceeded with a probability
 * below 1e-9; mutants of the tree exceed it.
 */
#include "core/compat.h"

#include <math.h>

/* the sources under test */
#include "noise.h"
#include "dp/gaussian.c"
#include "dp/quantile.c"
#include "dp/quantile_precision.c"
#include "dp/quantile_tree.c"
#include "dp/sum_noise.c"
#include "dp/threshold.c"
#include "dp/zcdp.c"

#include "server.h"

void *
palloc(Size size)
{
	return malloc(Max(size, 1));
}

void *
palloc_extended(Size size, int flags)
{
	return malloc(Max(size, 1));
}

#define ONE EHDS_QUANTILE_ONE
#define PERSON (INT64CONST(1) << EHDS_MEASURE_WEIGHT_BITS)
#define DRAWS 40000
#define CELLS 1024

static EhdsBits bits;

static EhdsSumNoise
laplace(int64 num, int64 den)
{
	EhdsSumNoise noise = {0};

	noise.scale_num = num;
	noise.scale_den = den;
	return noise;
}

/* -----------------------------------------------------------------------
 * Chi-square
 * ----------------------------------------------------------------------- */

/* cells below 40 expected are one */
static double
statistic_of(const double *expected, const int *counts, const int *others, int *cells)
{
	double rest_expected = 0;
	double rest = 0;
	double rest_others = 0;
	double sum = 0;

	*cells = 0;
	for (int i = 0; i <= CELLS; i++)
	{
		/* a sample to compare with instead of what is expected */
		double e = i == CELLS ? rest_expected : others ? (counts[i] + others[i]) / 2.0 : expected[i] * DRAWS;
		double n = i == CELLS ? rest : counts[i];
		double m = i == CELLS ? rest_others : others ? others[i] : 0;

		if (i < CELLS && e < 40)
		{
			rest_expected += e;
			rest += n;
			rest_others += m;
			continue;
		}
		if (e < 5)
			continue;
		sum += others ? (n - m) * (n - m) / (2 * e) : (n - e) * (n - e) / e;
		(*cells)++;
	}
	return sum;
}

static void
compare(const double *expected, const int *counts, const int *others, bool same, const char *name)
{
	int cells;
	double statistic = statistic_of(expected, counts, others, &cells);
	double x = log(1e9);
	double critical = (cells - 1) + 2 * sqrt((cells - 1) * x) + 2 * x;
	char text[200];

	snprintf(text, sizeof(text), "%s: chi-square %.1f of %d cells, critical %.1f", name, statistic, cells,
			 critical);
	ok(cells > 5 && (same ? statistic < critical : statistic > critical), text);
}

/* -----------------------------------------------------------------------
 * One level: exact
 * ----------------------------------------------------------------------- */

static const int64 small_weights[4] = {3, 0, 5, 2};
static const int64 two_fractions[2] = {300000000, 800000000};

/* two quantiles of four noisy weights, by definition: the bisection of child_of, written out */
static int
by_definition(const int64 *noisy)
{
	int64 below[4] = {0, noisy[0], noisy[0] + noisy[1], noisy[0] + noisy[1] + noisy[2]};
	int64 total = below[3] + noisy[3];
	int cell = 0;

	for (int i = 0; i < 2; i++)
	{
		int64 rank = Max(total, 0) * (two_fractions[i] / 100000000);
		int quantile = below[2] * 10 <= rank ? (below[3] * 10 <= rank ? 3 : 2)
											 : (below[1] * 10 <= rank ? 1 : 0);

		cell = cell * 4 + quantile;
	}
	return cell;
}

static void
exact(int64 num, int64 den, bool same, const char *name)
{
	static double expected[CELLS];
	static int counts[CELLS];
	double q = exp(-1);
	EhdsSumNoise noise = laplace(num, den);
	int64 noisy[4];
	int far = 20;

	memset(expected, 0, sizeof(expected));
	memset(counts, 0, sizeof(counts));
	for (int64 i = 0, all = 41 * 41 * 41 * 41; i < all; i++)
	{
		double p = 1;
		int64 rest = i;

		for (int j = 0; j < 4; j++, rest /= 41)
		{
			int64 x = rest % 41 - far;

			noisy[j] = small_weights[j] + x;
			p *= pow(q, llabs(x)) * (1 - q) / (1 + q);
		}
		expected[by_definition(noisy)] += p;
	}
	for (int i = 0; i < DRAWS; i++)
	{
		WeightedValue values[4] = {{2, 4}, {3, 2}, {0, 3}, {2, 1}}; /* in any order, one twice */
		uint32 quantiles[2];

		ehds_quantile_tree_from(&bits, values, 4, 4, two_fractions, 2, &noise, quantiles);
		counts[quantiles[0] * 4 + quantiles[1]]++;
	}
	compare(expected, counts, NULL, same, name);
}

/* -----------------------------------------------------------------------
 * Two levels: a tree that is drawn beforehand
 * ----------------------------------------------------------------------- */

#define WIDE 20 /* two levels of five children */

static void
whole_tree(const int64 *weights, const EhdsSumNoise *noise, bool again, int *quantiles)
{
	double below[WIDE + 1];
	int64 top[4];
	int64 leaves[WIDE];

	for (int f = 0; f < 2; f++)
	{
		double total = 0;
		double rank;

		for (int i = 0; i < WIDE && (f == 0 || again); i++)
		{
			if (i % 5 == 0)
				top[i / 5] = ehds_dp_draw_sum_noise_from(&bits, noise) + weights[i] + weights[i + 1] +
							 weights[i + 2] + weights[i + 3] + weights[i + 4];
			leaves[i] = weights[i] + ehds_dp_draw_sum_noise_from(&bits, noise);
		}
		for (int i = 0; i < 4; i++)
		{
			double sum = 0;

			for (int j = 0; j < 5; j++)
				sum += leaves[5 * i + j];
			below[5 * i] = total;
			for (int j = 0; j < 4; j++)
				below[5 * i + j + 1] = below[5 * i + j] + leaves[5 * i + j] + (top[i] - sum) / 5;
			total += top[i];
		}
		rank = Max(total, 0) * (f == 0 ? 0.3 : 0.8);
		quantiles[f] = below[10] <= rank ? (below[15] <= rank ? 15 : 10) : (below[5] <= rank ? 5 : 0);
		/* of five: is it 0, 1 or 2, 3, 4? */
		for (int low = 0, high = 4, first = quantiles[f]; low < high;)
		{
			int middle = low + (high - low + 1) / 2;

			/* differences below 1e-9 do not occur: weights are whole, fractions are tenths and fifths */
			if (below[first + middle] <= rank + 1e-7)
				low = middle;
			else
				high = middle - 1;
			quantiles[f] = first + low;
		}
	}
}

static void
beforehand(int64 num, bool again, bool same, const char *name)
{
	static int counts[CELLS];
	static int others[CELLS];
	EhdsSumNoise noise = laplace(2, 1);
	EhdsSumNoise theirs = laplace(num, 1);
	int64 weights[WIDE] = {0};

	memset(counts, 0, sizeof(counts));
	memset(others, 0, sizeof(others));
	weights[3] = 6;
	weights[8] = weights[9] = weights[11] = 4;
	weights[19] = 3;
	for (int i = 0; i < DRAWS; i++)
	{
		WeightedValue values[5] = {{3, 6}, {19, 3}, {8, 4}, {9, 4}, {11, 4}};
		uint32 quantiles[2];
		int whole[2];

		ehds_quantile_tree_from(&bits, values, 5, WIDE, two_fractions, 2, &noise, quantiles);
		counts[quantiles[0] * WIDE + quantiles[1]]++;
		whole_tree(weights, &theirs, again, whole);
		others[whole[0] * WIDE + whole[1]]++;
	}
	compare(NULL, counts, others, same, name);
}

/* -----------------------------------------------------------------------
 * Order, bounds, nobody
 * ----------------------------------------------------------------------- */

static uint32 quantiles[EHDS_QUANTILES_MAX];
static int64 fractions[EHDS_QUANTILES_MAX];

static void
equal_parts(int n)
{
	for (int i = 0; i < n; i++)
		fractions[i] = ONE * (i + 1) / (n + 1);
}

static void
in_order(uint32 width, int n_values, int64 scale, const char *name)
{
	WeightedValue *values = malloc(Max(n_values, 1) * sizeof(WeightedValue));
	bool ordered = true;
	bool in_range = true;
	uint32 least = width;
	uint32 most = 0;
	EhdsSumNoise noise = laplace(scale, 1);

	equal_parts(200);
	for (int run = 0; run < 200; run++)
	{
		for (int i = 0; i < n_values; i++)
		{
			values[i].value = (uint32) ehds_bits_below(&bits, width);
			values[i].weight = PERSON / (1 + i % 3);
		}
		ehds_quantile_tree_from(&bits, values, n_values, width, fractions, 200, &noise, quantiles);
		for (int i = 0; i < 200; i++)
		{
			ordered = ordered && (i == 0 || quantiles[i - 1] <= quantiles[i]);
			in_range = in_range && quantiles[i] < width;
			least = Min(least, quantiles[i]);
			most = Max(most, quantiles[i]);
		}
	}
	snprintf(note, sizeof(note), "from %u to %u", least, most);
	ok(ordered && in_range && least < width / 4 && most >= width - width / 4, name);
	free(values);
}

/* all persons at one value, with little noise */
static void
at_one(uint32 width, uint32 value)
{
	EhdsSumNoise noise = laplace(PERSON, 1);
	bool all = true;
	char name[100];

	fractions[0] = ONE / 10;
	fractions[1] = ONE / 2;
	fractions[2] = ONE * 9 / 10;
	for (int run = 0; run < 100; run++)
	{
		WeightedValue values[2] = {{value, 100000 * PERSON}, {value, 7 * PERSON}};

		ehds_quantile_tree_from(&bits, values, 2, width, fractions, 3, &noise, quantiles);
		for (int i = 0; i < 3; i++)
			all = all && quantiles[i] == value;
	}
	snprintf(name, sizeof(name), "all persons at value %u of %u", value, width);
	ok(all, name);
}

/* -----------------------------------------------------------------------
 * Precision
 * ----------------------------------------------------------------------- */

static int64
weight_of(const WeightedValue *values, int n, uint32 below)
{
	int64 sum = 0;

	for (int i = 0; i < n; i++)
		if (values[i].value < below)
			sum += values[i].weight;
	return sum;
}

/* How many persons by rank the worst of n quantiles is off. */
static double
worst_of(const WeightedValue *values, int n_values, int n)
{
	int64 total = weight_of(values, n_values, PG_UINT32_MAX);
	double worst = 0;

	for (int i = 0; i < n; i++)
	{
		double rank = (double) total / ONE * fractions[i];

		worst = Max(worst, weight_of(values, n_values, quantiles[i]) - rank);
		worst = Max(worst, rank - weight_of(values, n_values, quantiles[i] + 1));
	}
	return worst / PERSON;
}

#define RUNS 600

static int
compare_doubles(const void *a, const void *b)
{
	double x = *(const double *) a;
	double y = *(const double *) b;

	return (x > y) - (x < y);
}

/* heaps: 0: evenly, else all at the low end, at the high end, or in heaps that many */
static void
covers(uint32 width, int n, int heaps, const EhdsSumNoise *noise)
{
	static double errors[RUNS];
	WeightedValue values[400];
	double told;
	int beyond = 0;
	int allowed = (int) (0.05 * RUNS + 5.5 * sqrt(0.05 * 0.95 * RUNS));
	char name[200];

	equal_parts(n);
	if (n == 1)
		fractions[0] = ONE * 95 / 100;
	told = ehds_quantile_tree_half_width(width, fractions, n, noise);
	for (int i = 0; i < 400; i++)
	{
		values[i].value = heaps == 0   ? (uint32) ((uint64) i * width / 400)
						  : heaps == 1 ? (uint32) i
						  : heaps == 2 ? width - 1 - i
									   : (uint32) (i % heaps * (width / heaps));
		values[i].weight = 5 * PERSON;
	}
	for (int run = 0; run < RUNS; run++)
	{
		ehds_quantile_tree_from(&bits, values, 400, width, fractions, n, noise, quantiles);
		errors[run] = worst_of(values, 400, n);
		beyond += errors[run] > told;
	}
	qsort(errors, RUNS, sizeof(double), compare_doubles);
	snprintf(name, sizeof(name), "%d of %u, data %d, %s: %.0f told, %.0f with 95 %%, beyond it %d of %d", n,
			 width, heaps, noise->gaussian ? "Gauss" : "Laplace", told, errors[RUNS * 95 / 100], beyond, RUNS);
	/* where all are at one end of a wide range, it is a bound that is less than three times too wide */
	ok(beyond <= allowed && (heaps == 0 || heaps > 2 || told < 3 * errors[RUNS * 95 / 100]), name);
}

/* From how many fractions in equal distances on is the tree better? */
static int
first_by_tree(bool zcdp, uint32 width, bool promised)
{
	EhdsDpShare share = {0};
	EhdsSumNoise noise;

	share.zcdp = zcdp;
	share.epsilon_nano = 1000000000;
	share.rho_pico = zcdp ? INT64CONST(500000000000) : 0;
	noise = ehds_tree_noise(&share, 1, width);
	for (int n = EHDS_QUANTILES_EXPONENTIAL + 1; n < EHDS_QUANTILES_MAX; n++)
	{
		int64 num;
		int64 den;

		equal_parts(n);
		ehds_dp_quantile_scale(&share, n, 1, &num, &den);
		if (promised ? ehds_quantile_tree_half_width(width, fractions, n, &noise) <
						   ehds_quantiles_half_width(width, fractions, n, num, den)
					 : ehds_quantile_tree_usual(width, &noise) < ehds_quantiles_usual(fractions, n, num, den))
			return n;
	}
	return EHDS_QUANTILES_MAX;
}

/* -----------------------------------------------------------------------
 * Beside the exponential mechanism: rank error that 95 % of quantiles keep
 * ----------------------------------------------------------------------- */

#define PERSONS 2000
#define SAMPLE 1000
#define SAMPLE_EXPONENTIAL 200 /* they take longer */

static uint64 data_state = 42;

/* nearly; the same data in each run */
static double
normal(void)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
	{
		data_state = data_state * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
		sum += ldexp((double) (data_state >> 32), -32);
	}
	return sum;
}

/* by rank, of fraction f; values ascend, before[i] is the number of those below value i */
static double
rank_error(const int *before, uint32 quantile, double fraction)
{
	double rank = fraction * PERSONS;

	return Max(Max(before[quantile] - rank, rank - before[quantile + 1]), 0);
}

static double
error_of(bool by_tree, bool zcdp, const WeightedValue *data, const int *before, uint32 width, int n)
{
	static double errors[SAMPLE + EHDS_QUANTILES_MAX];
	static WeightedValue values[PERSONS];
	EhdsDpShare share = {0};
	EhdsSumNoise noise;
	int64 num;
	int64 den;
	int n_errors = 0;

	share.zcdp = zcdp;
	share.epsilon_nano = 1000000000;
	share.rho_pico = zcdp ? INT64CONST(500000000000) : 0;
	noise = ehds_tree_noise(&share, 1, width);
	ehds_dp_quantile_scale(&share, n, 1, &num, &den);
	while (n_errors < (by_tree ? SAMPLE : SAMPLE_EXPONENTIAL))
	{
		memcpy(values, data, sizeof(values));
		if (by_tree)
			ehds_quantile_tree_from(&bits, values, PERSONS, width, fractions, n, &noise, quantiles);
		for (int i = 0; i < n; i++)
		{
			if (!by_tree)
				quantiles[i] = ehds_quantile_from(&bits, values, PERSONS, width, fractions[i], num, den);
			errors[n_errors++] = rank_error(before, quantiles[i], (double) fractions[i] / ONE);
		}
	}
	qsort(errors, n_errors, sizeof(double), compare_doubles);
	return errors[(int) (n_errors * 0.95)];
}

/* Is what the gate takes about as good as the better one? Where values are dense; heaps are told of only. */
static void
beside(const char *name, uint32 width, double center, double spread, bool log_normal, int heap)
{
	static WeightedValue data[PERSONS];
	static const int many[] = {4, 9, 19, 99};
	int *before = calloc(width + 1, sizeof(int));

	for (int i = 0; i < PERSONS; i++)
	{
		double x = center + spread * normal();

		if (log_normal)
			x = exp(x);
		x = floor(x / heap) * heap;
		data[i].value = (uint32) Min(Max(x, 0), width - 1);
		data[i].weight = PERSON;
		before[data[i].value + 1]++;
	}
	for (uint32 i = 0; i < width; i++)
		before[i + 1] += before[i];
	for (int zcdp = 0; zcdp < 2; zcdp++)
		for (int i = 0; i < lengthof(many); i++)
		{
			double exponential;
			double tree;
			bool chosen;
			char text[200];

			chosen = many[i] >= first_by_tree(zcdp, width, false);
			equal_parts(many[i]);
			exponential = error_of(false, zcdp, data, before, width, many[i]);
			tree = error_of(true, zcdp, data, before, width, many[i]);
			snprintf(text, sizeof(text), "%s, %s, %d fractions: exponential %.0f, tree %.0f, taken: %s", name,
					 zcdp ? "zCDP" : "pure", many[i], exponential, tree, chosen ? "tree" : "exponential");
			if (heap > 1 || width < 1000)
				printf("# %s\n", text);
			else
				ok(chosen ? tree <= 2 * exponential + 6 : exponential <= 2 * tree + 6, text);
		}
	free(before);
}

int
main(void)
{
	static const uint32 widths[] = {2, 3, 17, 18, 101, 289, 290, 1001, 4913, 50001, 65537};
	bool right = true;
	EhdsDpShare share = {0};
	EhdsSumNoise noise;

	ehds_bits_secure(&bits);
	for (int i = 0; i < lengthof(widths); i++)
	{
		EhdsTreeShape shape = ehds_tree_shape(widths[i]);

		right = right && pow(shape.fan_out, shape.levels) >= widths[i] &&
				pow(EHDS_TREE_FAN_OUT, shape.levels - 1) < widths[i] && shape.fan_out <= EHDS_TREE_FAN_OUT &&
				(shape.fan_out == 2 || pow(shape.fan_out - 1, shape.levels) < widths[i]);
	}
	ok(right, "the least number of levels, and the least fan-out with it");

	exact(1, 1, true, "two quantiles of one level");
	exact(1, 2, false, "mutant: half the noise");
	beforehand(2, false, true, "two levels, as if all nodes were drawn beforehand");
	beforehand(2, true, false, "mutant: another tree for the second fraction");
	beforehand(1, false, false, "mutant: half the noise");

	in_order(65537, 300, 50 * PERSON, "in order and in the range: 65,537 values");
	in_order(5, 300, 500 * PERSON, "in order and in the range: 5 values, much noise");
	in_order(400, 0, 50 * PERSON, "in order and in the range: of nobody");
	in_order(400, 0, 1, "in order and in the range: of nobody, little noise");
	at_one(65537, 0);
	at_one(65537, 65536);
	at_one(290, 144);
	at_one(2, 1);

	/* what a level costs: epsilon 1 in four levels is a scale of 4, rho 1/2 a sigma of 2 */
	share.epsilon_nano = 1000000000;
	noise = ehds_tree_noise(&share, 1, 65537);
	ok(!noise.gaussian && fabs(ehds_tree_scale(&noise) - 4) < 1e-9, "scale of four levels");
	noise = ehds_tree_noise(&share, 3, 65537);
	ok(fabs(ehds_tree_scale(&noise) - 12) < 1e-9, "scale of four levels, three groups");
	covers(50001, 1, 0, &noise);
	covers(50001, 9, 1, &noise);
	covers(50001, 9, 2, &noise);
	covers(50001, 99, 0, &noise);
	covers(101, 9, 0, &noise);
	covers(50001, 9, 7, &noise);
	share.zcdp = true;
	share.rho_pico = INT64CONST(500000000000);
	noise = ehds_tree_noise(&share, 1, 65537);
	ok(noise.gaussian && ehds_tree_scale(&noise) >= 2 && ehds_tree_scale(&noise) < 2.001,
	   "sigma of four levels");
	noise = ehds_tree_noise(&share, 9, 65537);
	ok(ehds_tree_scale(&noise) >= 6 && ehds_tree_scale(&noise) < 6.001, "sigma of four levels, nine groups");
	covers(50001, 1, 0, &noise);
	covers(50001, 9, 1, &noise);
	covers(50001, 9, 2, &noise);
	covers(50001, 99, 0, &noise);
	covers(101, 9, 0, &noise);
	covers(50001, 9, 7, &noise);

	beside("50,001 values, log-normal", 50001, 6, 1.2, true, 1);
	beside("50,001 values, normal", 50001, 25000, 6000, false, 1);
	beside("50,001 values, heaps of 500", 50001, 25000, 6000, false, 500);
	beside("1,001 values, log-normal", 1001, 4, 1, true, 1);
	beside("101 values, normal", 101, 50, 20, false, 1);
	for (int zcdp = 0; zcdp < 2; zcdp++)
		for (int promised = 0; promised < 2; promised++)
			printf("# %s, by what is %s: tree from %d fractions on of 101 values, %d of 1001, %d of 65537\n",
				   zcdp ? "zCDP" : "pure", promised ? "promised" : "usual", first_by_tree(zcdp, 101, promised),
				   first_by_tree(zcdp, 1001, promised), first_by_tree(zcdp, 65537, promised));
	ehds_bits_end(&bits);
	printf("1..%d\n", tests);
	return failures > 0;
}
