/*
 * timing.c
 *		The time of a draw does not tell how large the noise is, without a server.
 *
 * Draws are put in two classes, those near 0 and those far from it, which come mixed:
 * what else goes on on the machine strikes both alike, and chance decides which draw
 * is of which class.
 *
 * 1. Work: how many random bits a draw reads has the same distribution in both classes.
 * The clock has no part in this. Chi-square as in sampling.h: false with a probability
 * below 1e-9 for each case.
 *
 * 2. Time: the means of the classes differ by at most BOUND of the time of a draw, and 6
 * standard errors, which chance exceeds once in 10^9 times. The time that the clock
 * itself takes is taken off; times above the 99th percentile count as that percentile.
 *
 * Samplers that stop at the first failure, or branch on what they drew, show that
 * either would be seen.
 *
 * LDFLAGS: -O2 -fno-sanitize=all
 */
#include "core/compat.h"

#include <math.h>
#include <time.h>

#include "noise.h"
#include "server.h"

#define DRAWS 400000
#define BOUND 0.02 /* of the time of a draw; doc/guarantees.md states it */

typedef struct Case
{
	const char *name;
	int64 (*draw)(EhdsBits *bits, const struct Case *c);
	uint64 num;
	uint64 den;
	int64 tau;
	double near; /* |x| below this against |x| above far */
	double far;
} Case;

static int64
draw_laplace(EhdsBits *bits, const Case *c)
{
	return ehds_discrete_laplace_from(bits, c->num, c->den);
}

static int64
draw_truncated(EhdsBits *bits, const Case *c)
{
	return ehds_truncated_laplace_from(bits, c->num, c->den, c->tau);
}

static int64
draw_gaussian(EhdsBits *bits, const Case *c)
{
	return ehds_discrete_gaussian_from(bits, c->num, c->den);
}

/* coins until one fails */
static bool
hasty_exp(EhdsBits *bits, uint64 num, uint64 den)
{
	uint64 k = 1;

	while (ehds_bits_below(bits, k) == 0 && ehds_bits_below(bits, den) < num)
		k++;
	return (k & 1) == 1;
}

static int64
draw_hasty(EhdsBits *bits, const Case *c)
{
	for (;;)
	{
		int64 y = (int64) ehds_bits_below(bits, c->num);
		bool negative;

		if (!hasty_exp(bits, (uint64) y, c->num))
			continue;
		while (hasty_exp(bits, 1, 1))
			y += (int64) c->num;
		negative = ehds_bits_take(bits, 1) == 1;
		if (!negative || y != 0)
			return negative ? -y : y;
	}
}

/* The digits of u are read as far as it takes, here one by one */
static int64
draw_lazy(EhdsBits *bits, const Case *c)
{
	int64 y = ehds_discrete_laplace_from(bits, c->num, c->den);

	for (int64 more = (y < 0 ? -y : y) / (int64) c->num; more > 0; more--)
		(void) ehds_bits_take(bits, 1);
	return y;
}

/* -1: in neither class */
static int
class_of(const Case *c, int64 x)
{
	double size = fabs((double) x);

	return size < c->near ? 0 : size > c->far ? 1 : -1;
}

/* -----------------------------------------------------------------------
 * 1. Work
 * ----------------------------------------------------------------------- */

#define READ_MAX 100000
#define LEAST 500 /* expected draws in a cell */

static int words_read;

static int
fill_counted(EhdsBits *bits, uint64 *word)
{
	words_read++;
	*word = ehds_random_uint64();
	return 64;
}

static void
count_work(const Case *c, bool expected)
{
	static double count[2][READ_MAX + 1];
	double n[2] = {0};
	double sum[2] = {0};
	double cell[2] = {0};
	double rarer, left;
	double statistic = 0;
	double critical;
	double x = log(1e9);
	int freedom = -1;
	char name[200];

	memset(count, 0, sizeof(count));
	for (int i = 0; i < DRAWS; i++)
	{
		EhdsBits bits = {0, 0, fill_counted, NULL};
		int read, class;

		words_read = 0;
		class = class_of(c, c->draw(&bits, c));
		if (class < 0)
			continue;
		read = words_read * 64 - bits.left;
		count[class][Min(read, READ_MAX)]++;
		sum[class] += read;
		n[class]++;
	}

	/* neighbouring numbers are one cell until it holds enough of the rarer class; the last takes the rest */
	rarer = Min(n[0], n[1]) / (n[0] + n[1]);
	left = n[0] + n[1];
	for (int read = 0; read <= READ_MAX; read++)
	{
		cell[0] += count[0][read];
		cell[1] += count[1][read];
		if (read < READ_MAX &&
			((cell[0] + cell[1]) * rarer < LEAST || (left - cell[0] - cell[1]) * rarer < LEAST))
			continue;
		left -= cell[0] + cell[1];
		count[0][++freedom] = cell[0];
		count[1][freedom] = cell[1];
		cell[0] = cell[1] = 0;
	}
	for (int i = 0; i <= freedom; i++)
		for (int class = 0; class < 2; class ++)
		{
			double e = (count[0][i] + count[1][i]) * n[class] / (n[0] + n[1]);

			statistic += (count[class][i] - e) * (count[class][i] - e) / e;
		}
	critical = freedom + 2 * sqrt(freedom * x) + 2 * x;
	snprintf(note, sizeof(note), "chi-square %.1f, critical %.1f, %d cells", statistic, critical, freedom + 1);
	snprintf(name, sizeof(name), "%s: near draws read %.2f bits, far ones %.2f, %s", c->name, sum[0] / n[0],
			 sum[1] / n[1], expected ? "alike" : "which is seen");
	ok(freedom >= 1 && (statistic < critical) == expected, name);
}

/* -----------------------------------------------------------------------
 * 2. Time
 * ----------------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *) a;
	float y = *(const float *) b;

	return (x > y) - (x < y);
}

static float
since(const struct timespec *from)
{
	struct timespec to;

	clock_gettime(CLOCK_MONOTONIC, &to);
	return (to.tv_sec - from->tv_sec) * 1e9f + (to.tv_nsec - from->tv_nsec);
}

static void
time_draws(const Case *c, bool expected)
{
	static float times[DRAWS];
	static float sorted[DRAWS];
	static int8 class[DRAWS];
	double sum[2] = {0};
	double squares[2] = {0};
	double n[2] = {0};
	double all = 0;
	double cap, difference, error;
	char name[200];
	struct timespec from;

	for (int i = 0; i < DRAWS / 100; i++)
	{
		clock_gettime(CLOCK_MONOTONIC, &from);
		sorted[i] = since(&from);
	}
	qsort(sorted, DRAWS / 100, sizeof(float), by_value);
	all = -sorted[DRAWS / 200];

	for (int i = 0; i < DRAWS; i++)
	{
		EhdsBits bits;
		int64 x;

		clock_gettime(CLOCK_MONOTONIC, &from);
		ehds_bits_secure(&bits);
		x = c->draw(&bits, c);
		ehds_bits_end(&bits);
		times[i] = since(&from);
		class[i] = class_of(c, x);
	}
	memcpy(sorted, times, sizeof(sorted));
	qsort(sorted, DRAWS, sizeof(float), by_value);
	cap = sorted[DRAWS / 100 * 99];
	for (int i = 0; i < DRAWS; i++)
	{
		double t = Min(times[i], cap);

		all += t / DRAWS;
		if (class[i] < 0)
			continue;
		n[class[i]]++;
		sum[class[i]] += t;
		squares[class[i]] += t * t;
	}
	for (int i = 0; i < 2; i++)
	{
		sum[i] /= n[i];
		squares[i] = (squares[i] / n[i] - sum[i] * sum[i]) / n[i];
	}
	difference = fabs(sum[1] - sum[0]);
	error = sqrt(squares[0] + squares[1]);
	snprintf(note, sizeof(note), "near %.1f ns, far %.1f ns, standard error %.2f ns, of %.1f ns", sum[0],
			 sum[1], error, all);
	snprintf(name, sizeof(name),
			 "%s: near and far draws differ by %.2f %% of their time, standard error %.2f %%", c->name,
			 100 * difference / all, 100 * error / all);
	if (expected)
		ok(n[0] > 1000 && n[1] > 1000 && difference < BOUND * all + 6 * error, name);
	else
		ok(difference > BOUND * all + 6 * error, name);
}

int
main(void)
{
	Case even[] = {
		{"Laplace of scale 1000", draw_laplace, .num = 1000, .den = 1, .near = 700, .far = 2000},
		{"Laplace of scale 1000, far out", draw_laplace, .num = 1000, .den = 1, .near = 700, .far = 4000},
		{"Laplace of scale 1000, within a scale", draw_laplace, .num = 1000, .den = 1, .near = 100, .far = 850},
		{"Laplace of scale 1e9/123456789", draw_laplace, .num = 1000000000, .den = 123456789, .near = 5,
		 .far = 16},
		{"Laplace of scale 1", draw_laplace, .num = 1, .den = 1, .near = 1, .far = 2},
		{"Laplace of scale 2^31", draw_laplace, .num = UINT64CONST(1) << 31, .den = 1, .near = 1e9, .far = 5e9},
		{"Laplace of scale 50, cut at 771", draw_truncated, .num = 50, .den = 1, .tau = 771, .near = 35,
		 .far = 100},
		{"Laplace of scale 100, cut at 100", draw_truncated, .num = 100, .den = 1, .tau = 100, .near = 30,
		 .far = 70},
		{"Gaussian of sigma 1", draw_gaussian, .num = 1, .den = 1, .near = 1, .far = 1.5},
		{"Gaussian of sigma 1000", draw_gaussian, .num = 1000000, .den = 1, .near = 600, .far = 1600},
		{"Gaussian of sigma 1000, far out", draw_gaussian, .num = 1000000, .den = 1, .near = 600, .far = 2500},
		{"Gaussian of variance 1e9/7", draw_gaussian, .num = 1000000000, .den = 7, .near = 7000, .far = 20000},
		{"Gaussian of sigma 2^31", draw_gaussian, .num = UINT64CONST(1) << 62, .den = 1, .near = 1.2e9,
		 .far = 3.5e9},
	};
	Case hasty[] = {
		{"Laplace of scale 1000 that stops at the first failure", draw_hasty, .num = 1000, .den = 1,
		 .near = 700, .far = 2000},
		{"the same, within a scale", draw_hasty, .num = 1000, .den = 1, .near = 100, .far = 850},
	};
	Case lazy = {"Laplace of scale 1000 that reads one bit more for each 1000",
				 draw_lazy,
				 .num = 1000,
				 .den = 1,
				 .near = 700,
				 .far = 2000};

	for (int i = 0; i < lengthof(even); i++)
		count_work(&even[i], true);
	for (int i = 0; i < lengthof(hasty); i++)
		count_work(&hasty[i], false);
	count_work(&lazy, false);

	for (int i = 0; i < lengthof(even); i++)
		time_draws(&even[i], true);
	for (int i = 0; i < lengthof(hasty); i++)
		time_draws(&hasty[i], false);

	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}
