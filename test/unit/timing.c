/*
 * timing.c
 *		The time of a draw does not tell how large the noise is, without a server.
 *
 * Draws are timed one by one and put in two classes, those near 0 and those far from
 * it, which come mixed: what else goes on on the machine strikes both alike. Times
 * above the 99th percentile count as that percentile. The means of the two classes
 * must not differ by more than BOUND of a draw's time (and 6 standard errors, which
 * chance exceeds once in 10^9 times). The sampler that stops at the first failure
 * shows that a difference would be seen.
 *
 * LDFLAGS: -O2 -fno-sanitize=all
 */
#include "core/compat.h"

#include <math.h>
#include <time.h>

/* the sources under test */
#include "core/random.c"
#include "noise/bernoulli.c"
#include "noise/bits.c"
#include "noise/gaussian.c"
#include "noise/geometric.c"
#include "noise/laplace.c"

#include "server.h"

#define DRAWS 400000
#define BOUND 0.02

typedef struct Case
{
	const char *name;
	int64 (*draw)(const struct Case *c);
	uint64 num;
	uint64 den;
	int64 tau;
	double near; /* |x| below this against |x| above far */
	double far;
} Case;

static int64
draw_laplace(const Case *c)
{
	return ehds_discrete_laplace(c->num, c->den);
}

static int64
draw_truncated(const Case *c)
{
	return ehds_truncated_laplace(c->num, c->den, c->tau);
}

static int64
draw_gaussian(const Case *c)
{
	return ehds_discrete_gaussian(c->num, c->den);
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
draw_hasty(const Case *c)
{
	EhdsBits bits;
	int64 y;
	bool negative;

	ehds_bits_secure(&bits);
	do
	{
		uint64 u = ehds_bits_below(&bits, c->num);

		if (!hasty_exp(&bits, u, c->num))
		{
			y = 0;
			negative = true;
			continue;
		}
		y = (int64) u;
		while (hasty_exp(&bits, 1, 1))
			y += (int64) c->num;
		negative = ehds_bits_take(&bits, 1) == 1;
	} while (negative && y == 0);
	ehds_bits_end(&bits);
	return negative ? -y : y;
}

static int
by_value(const void *a, const void *b)
{
	float x = *(const float *) a;
	float y = *(const float *) b;

	return (x > y) - (x < y);
}

static void
time_draws(const Case *c, bool expected)
{
	static float times[DRAWS];
	static float sorted[DRAWS];
	static double size[DRAWS];
	double sum[2] = {0};
	double squares[2] = {0};
	double n[2] = {0};
	double all = 0;
	double cap, difference, error, share;
	char name[200];

	for (int i = 0; i < DRAWS; i++)
	{
		struct timespec from, to;
		int64 x;

		clock_gettime(CLOCK_MONOTONIC, &from);
		x = c->draw(c);
		clock_gettime(CLOCK_MONOTONIC, &to);
		times[i] = (to.tv_sec - from.tv_sec) * 1e9f + (to.tv_nsec - from.tv_nsec);
		size[i] = fabs((double) x);
	}
	memcpy(sorted, times, sizeof(sorted));
	qsort(sorted, DRAWS, sizeof(float), by_value);
	cap = sorted[DRAWS / 100 * 99];
	for (int i = 0; i < DRAWS; i++)
	{
		double t = Min(times[i], cap);
		int class = size[i] < c->near ? 0 : size[i] > c->far ? 1 : -1;

		all += t / DRAWS;
		if (class < 0)
			continue;
		n[class]++;
		sum[class] += t;
		squares[class] += t * t;
	}
	for (int i = 0; i < 2; i++)
	{
		sum[i] /= n[i];
		squares[i] = (squares[i] / n[i] - sum[i] * sum[i]) / n[i];
	}
	difference = fabs(sum[1] - sum[0]);
	error = sqrt(squares[0] + squares[1]);
	share = difference / all;
	snprintf(note, sizeof(note), "near %.1f ns, far %.1f ns, standard error %.2f ns, of %.1f ns", sum[0],
			 sum[1], error, all);
	snprintf(name, sizeof(name), "%s: near and far draws differ by %.2f %% of their time (%.0f and %.0f draws)",
			 c->name, 100 * share, n[0], n[1]);
	if (expected)
		ok(n[0] > 1000 && n[1] > 1000 && difference < BOUND * all + 6 * error, name);
	else
		ok(difference > 2 * (BOUND * all + 6 * error), name);
}

int
main(void)
{
	Case even[] = {
		{"Laplace of scale 1000", draw_laplace, .num = 1000, .den = 1, .near = 700, .far = 2000},
		{"Laplace of scale 1000, far out", draw_laplace, .num = 1000, .den = 1, .near = 700, .far = 4000},
		{"Laplace of scale 1000, within a scale", draw_laplace, .num = 1000, .den = 1, .near = 100,
		 .far = 850},
		{"Laplace of scale 1e9/123456789", draw_laplace, .num = 1000000000, .den = 123456789, .near = 5,
		 .far = 16},
		{"Laplace of scale 1", draw_laplace, .num = 1, .den = 1, .near = 1, .far = 2},
		{"Laplace of scale 2^31", draw_laplace, .num = UINT64CONST(1) << 31, .den = 1, .near = 1e9,
		 .far = 5e9},
		{"Laplace of scale 50, cut at 771", draw_truncated, .num = 50, .den = 1, .tau = 771, .near = 35,
		 .far = 100},
		{"Laplace of scale 100, cut at 100", draw_truncated, .num = 100, .den = 1, .tau = 100, .near = 30,
		 .far = 70},
		{"Gaussian of sigma 1", draw_gaussian, .num = 1, .den = 1, .near = 1, .far = 1.5},
		{"Gaussian of sigma 1000", draw_gaussian, .num = 1000000, .den = 1, .near = 600, .far = 1600},
		{"Gaussian of sigma 1000, far out", draw_gaussian, .num = 1000000, .den = 1, .near = 600,
		 .far = 2500},
		{"Gaussian of variance 1e9/7", draw_gaussian, .num = 1000000000, .den = 7, .near = 7000,
		 .far = 20000},
		{"Gaussian of sigma 2^31", draw_gaussian, .num = UINT64CONST(1) << 62, .den = 1, .near = 1.2e9,
		 .far = 3.5e9},
	};
	Case hasty = {"Laplace of scale 1000 that stops at the first failure", draw_hasty, .num = 1000,
				  .den = 1, .near = 700, .far = 2000};
	Case hasty_within = {"the same, within a scale", draw_hasty, .num = 1000, .den = 1, .near = 100,
						 .far = 850};

	for (int i = 0; i < lengthof(even); i++)
		time_draws(&even[i], true);
	time_draws(&hasty, false);
	time_draws(&hasty_within, false);

	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}
