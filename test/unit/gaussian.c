/*
 * gaussian.c
 *		Tests of the discrete Gaussian and of Bernoulli(exp(-xy)), without a server.
 *
 * sampling.h has the methods and the rate of false alarms. gaussian_scripts.c compiles
 * this file with other constants, and runs the scripts.
 */
#include "core/compat.h"

#include <math.h>
#include <time.h>

/* the sources under test */
#include "noise.h"

#include "sampling.h"

#define TWO(n) (UINT64CONST(1) << (n))
#define ZEROS "00000000000000000000000000000000000000000000000000000000000000" /* 62 */

/* -----------------------------------------------------------------------
 * What is sampled: num/den is the variance; of a trial, num/den * n/tau the exponent
 * ----------------------------------------------------------------------- */

static int64
draw_gaussian(EhdsBits *bits, const Case *c)
{
	return ehds_discrete_gaussian_from(bits, c->num, c->den);
}

/*
 * P(X <= x). Up to sigma 30 the terms are added up; above, the sum is an integral
 * to the middle of a step less its first correction (Euler, Maclaurin), whose
 * error is of the order of sigma^-4.
 */
static double
cdf_gaussian(const Case *c, double x)
{
	static double sum[2001];
	static double of_num = 0;
	static double of_den = 0;
	double variance = (double) c->num / c->den;
	double sigma = sqrt(variance);

	if (sigma > 30)
	{
		double z = (x + 0.5) / sigma;

		return erfc(-z / sqrt(2)) / 2 + z * exp(-z * z / 2) / (24 * sqrt(2 * M_PI) * variance);
	}
	if (of_num != c->num || of_den != c->den)
	{
		double total = 0;

		for (int i = 0; i <= 2000; i++)
			sum[i] = total += exp(-(i - 1000.0) * (i - 1000.0) / (2 * variance));
		for (int i = 0; i <= 2000; i++)
			sum[i] /= total;
		of_num = c->num;
		of_den = c->den;
	}
	return x < -1000 ? 0 : x > 1000 ? 1 : sum[(int) floor(x) + 1000];
}

/* One proposal for a reduced variance */
static int64
draw_proposal(EhdsBits *bits, const Case *c)
{
	uint64 t = ehds_root(c->num / c->den) + 1;
	int64 y;

	return propose(bits, c->num, c->den * t, t, &y) ? y : HIDDEN;
}

static double
cdf_proposal(const Case *c, double x)
{
	double variance = (double) c->num / c->den;
	double t = floor(sqrt(variance)) + 1;
	double sum = 0;

	if (x >= HIDDEN)
		return 1;
	for (double y = -200; y <= x && y <= 200; y++)
	{
		double z = fabs(y) - variance / t;

		sum += tanh(1 / (2 * t)) * exp(-fabs(y) / t - z * z / (2 * variance));
	}
	return sum;
}

static int64
draw_residue(EhdsBits *bits, const Case *c)
{
	return draw_gaussian(bits, c) & 15;
}

/* The noise is so wide that its residues are uniform far beyond what can be seen. */
static double
cdf_residue(const Case *c, double x)
{
	return x < 0 ? 0 : Min((x + 1) / 16, 1);
}

static int64
draw_product(EhdsBits *bits, const Case *c)
{
	return ehds_bernoulli_exp_product(bits, c->num, c->den, c->n, c->tau);
}

static double
cdf_product(const Case *c, double x)
{
	double exponent = (double) c->num / c->den * ((double) c->n / c->tau);

	return x < 0 ? 0 : x < 1 ? -expm1(-exponent) : 1;
}

/* -----------------------------------------------------------------------
 * Mutants
 * ----------------------------------------------------------------------- */

enum
{
	FAITHFUL,
	HALVED,
	ALL_KEPT,
	UNSHIFTED,
	TWICE_THE_EXPONENT,
	VARIANCE_FOR_SIGMA,
	WHOLE_FORGOTTEN,
	ROUNDED
};

static int64
draw_mutant(EhdsBits *bits, const Case *c)
{
	uint64 num = c->num;
	uint64 den = c->den;
	uint64 t, step;

	if (c->mutation == VARIANCE_FOR_SIGMA)
	{
		num *= num;
		den *= den;
	}
	t = ehds_root(num / den) + 1;
	step = den * t;
	for (;;)
	{
		int64 y = ehds_discrete_laplace_from(bits, t, 1);
		uint128 a = (uint128) (y < 0 ? -y : y) * step;
		uint64 den1 = (c->mutation == TWICE_THE_EXPONENT ? 1 : 2) * num;

		if (c->mutation != UNSHIFTED)
			a = a > num ? a - num : num - a;
		if (c->mutation == HALVED)
			y /= 2;
		if (c->mutation == ALL_KEPT)
			return y;
		if (ehds_bernoulli_exp_product(bits, c->mutation == WHOLE_FORGOTTEN ? a % den1 : a, den1, a, step * t))
			return y;
	}
}

static double
cdf_other_proposal(const Case *c, double x)
{
	Case other = {.num = 1, .den = 2};

	return cdf_proposal(&other, x);
}

/* Box and Muller 1958: right where sigma is large, wrong in every cell where it is small */
static int64
draw_rounded(EhdsBits *bits, const Case *c)
{
	double u = (ehds_bits_take(bits, 53) + 1) * 0x1p-53;
	double v = ehds_bits_take(bits, 53) * 0x1p-53;

	return (int64) floor(sqrt((double) c->num / c->den) * sqrt(-2 * log(u)) * cos(2 * M_PI * v) + 0.5);
}

static int64
draw_product_mutant(EhdsBits *bits, const Case *c)
{
	return ehds_bernoulli_exp_product(bits, c->num % c->den, c->den, c->n % c->tau, c->tau);
}

/* -----------------------------------------------------------------------
 * Ranges, extremes, speed
 * ----------------------------------------------------------------------- */

static void
ranges(void)
{
	RAISES(ehds_discrete_gaussian(0, 1), "a variance of 0 is refused");
	RAISES(ehds_discrete_gaussian(1, 0), "a variance without denominator is refused");
	RAISES(ehds_discrete_gaussian(TWO(62) + 1, 1), "a variance above 2^62 is refused");
	RAISES(ehds_discrete_gaussian(1, TWO(62) + 1), "a denominator above 2^62 is refused");
}

static void
extremes(void)
{
	bool zero = true;
	bool inside = true;

	/* each is something else than 0 with a probability below 3 exp(-500000) */
	for (int i = 0; i < 10000; i++)
		zero = zero && ehds_discrete_gaussian(1, 1000000) == 0 && ehds_discrete_gaussian(1, TWO(62)) == 0;
	ok(zero, "noise of sigma 1/1000 and of sigma 2^-31 is 0");

	/* twenty sigma are exceeded with a probability below 1e-88 */
	for (int i = 0; i < 10000; i++)
	{
		int64 x = ehds_discrete_gaussian(TWO(62), 1);

		inside = inside && x < 20 * (int64) TWO(31) && x > -20 * (int64) TWO(31);
	}
	ok(inside, "the widest noise stays within twenty sigma");

	inside = true;
	for (uint64 r = 0; r < TWO(31); r = r * 3 / 2 + 1)
		inside = inside && ehds_root(r * r) == r && ehds_root(r * r + 2 * r) == r;
	ok(inside && ehds_root(TWO(62)) == TWO(31) && ehds_root(TWO(62) - 1) == TWO(31) - 1,
	   "square roots are rounded down");
}

static void
speed(const char *name, uint64 num, uint64 den)
{
	struct timespec from, to;
	int draws = 100000;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < draws; i++)
		ehds_discrete_gaussian(num, den);
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	printf("# %s: %.0f draws a second, with sanitizers\n", name, draws / seconds);
}

/* Coins are tossed as they are needed, digits drawn one by one. */
static void
scripts(void)
{
	/* 1 */
	{
		Case half = {"Gaussian of variance 1/4", draw_gaussian, .num = 1, .den = 4};
		Case same = {"Gaussian of variance 2/8", draw_gaussian, .num = 2, .den = 8};
		Case one = {"Gaussian of variance 1", draw_gaussian, .num = 1, .den = 1};
		Case small = {"Bernoulli(exp(-1/2 3/4))", draw_product, .num = 1, .den = 2, .n = 3, .tau = 4};
		Case large = {"Bernoulli(exp(-3/2 5/4))", draw_product, .num = 3, .den = 2, .n = 5, .tau = 4};
		Case carried = {"Bernoulli(exp(-7/4 7/4))", draw_product, .num = 7, .den = 4, .n = 7, .tau = 4};
		Case wide =
			{"Bernoulli(exp(-1/2 1/3))", draw_product, .num = TWO(62), .den = TWO(63), .n = 1, .tau = 3};
		Case none = {"Bernoulli(exp(-0 5/4))", draw_product, .num = 0, .den = 2, .n = 5, .tau = 4};

		/* any v, then 3/8, 1/2 and 3/8, 1/3 */
		scripted(&small, "1 011", 1);
		scripted(&small, "1 010 1", 0);
		scripted(&small, "0011 010 1", 0);
		scripted(&small, "1 010 0 011", 0);
		scripted(&small, "1 000 0 001 01", 1);
		/* 15/8: v is 1, then 7/8 */
		scripted(&large, "1 111", 0);
		scripted(&large, "0011 111", 1);
		scripted(&large, "0011 000 1", 0);
		scripted(&large, "0011 000 0 111", 0);
		scripted(&large, "0011 110 0 000 01", 1);
		/* 49/16: v is 3, then 1/16 */
		scripted(&carried, "0001 0001", 0);
		scripted(&carried, "000010 0001", 1);
		scripted(&carried, "000010 0000 1", 0);
		scripted(&none, "1 101", 1);
		/* a coin of more than 64 bits: below 2^62 of 3 2^63 */
		scripted(&wide, "1 001" ZEROS, 1);
		scripted(&wide,
				 "1 11"
				 "0" ZEROS "000" ZEROS "1",
				 0);
		scripted(&wide, "1 000" ZEROS "0 010" ZEROS, 0);
		/* t = 1: v, sign, then exp(-1/8) for 0 and exp(-9/8) for 1 */
		scripted(&half, "1 0 1 111", 0);
		scripted(&half, "1 0 1 000 0 000 01", 0);
		scripted(&half, "1 0 1 000 1 1 0 1 111", 0); /* not kept, drawn again */
		scripted(&half, "0011 1 0011 111", -1);
		scripted(&half, "0011 1 1 111 1 0 1 111", 0); /* 1 not kept */
		scripted(&same, "0011 1 0011 111", -1);
		/* t = 2: u, its coin, v, sign, then exp(-1/8) for 0 and 1 */
		scripted(&one, "0 0 1 0 1 111", 0);
		scripted(&one, "1 1 1 1 1 111", -1);
		scripted(&one, "1 1 1 0 1 000 0 000 01", 1);
		/* for 2 it is exp(-9/8) */
		scripted(&one, "0 1 0011 0 0100 111", 2);
	}

	/* 2 */
	{
		Case exact[] = {
			{"Bernoulli(exp(-1/2 3/4))", draw_product, cdf_product, .num = 1, .den = 2, .n = 3, .tau = 4},
			{"Bernoulli(exp(-2/3 3/5))", draw_product, cdf_product, .num = 2, .den = 3, .n = 3, .tau = 5},
			{"Bernoulli(exp(-3/2 5/4))", draw_product, cdf_product, .num = 3, .den = 2, .n = 5, .tau = 4},
			{"Bernoulli(exp(-7/4 7/4))", draw_product, cdf_product, .num = 7, .den = 4, .n = 7, .tau = 4},
			{"Bernoulli(exp(-2 1))", draw_product, cdf_product, .num = 2, .den = 1, .n = 1, .tau = 1},
			{"Bernoulli(exp(-1/4 7/2))", draw_product, cdf_product, .num = 1, .den = 4, .n = 7, .tau = 2},
			{"a proposal for variance 1/4", draw_proposal, cdf_proposal, .num = 1, .den = 4},
			{"a proposal for variance 2/3", draw_proposal, cdf_proposal, .num = 2, .den = 3},
			{"a proposal for variance 1", draw_proposal, cdf_proposal, .num = 1, .den = 1},
			{"a proposal for variance 2", draw_proposal, cdf_proposal, .num = 2, .den = 1},
			{"a proposal for variance 5/2", draw_proposal, cdf_proposal, .num = 5, .den = 2, .depth = 22,
			 .open = 0.5},
			/* a proposal that is not kept leaves few bits to the next ones */
			{"Gaussian of variance 1/4", draw_gaussian, cdf_gaussian, .num = 1, .den = 4, .open = 0.5},
			{"Gaussian of variance 1", draw_gaussian, cdf_gaussian, .num = 1, .den = 1, .depth = 22,
			 .open = 0.5},
			{"a faithful copy", draw_mutant, cdf_gaussian, .num = 1, .den = 1, .depth = 22, .open = 0.5},
		};
		Case mutants[] = {
			{"noise halved", draw_mutant, cdf_gaussian, .num = 1, .den = 1, .mutation = HALVED},
			{"a proposal that is always kept", draw_mutant, cdf_gaussian, .num = 1, .den = 1,
			 .mutation = ALL_KEPT},
			{"a proposal for variance 1/4 as one for 1/2", draw_proposal, cdf_other_proposal, .num = 1,
			 .den = 4},
			{"Bernoulli(exp(-3/2 5/4)) without the wholes", draw_product_mutant, cdf_product, .num = 3,
			 .den = 2, .n = 5, .tau = 4},
		};

		for (int i = 0; i < lengthof(exact); i++)
			all_scripts(&exact[i], true);
		for (int i = 0; i < lengthof(mutants); i++)
			all_scripts(&mutants[i], false);
	}
}

static void
chances(void)
{
	/* 3 */
	{
		Case exact[] = {
			{"Bernoulli(exp(-1/3 2/7))", draw_product, cdf_product, .num = 1, .den = 3, .n = 2, .tau = 7},
			{"Bernoulli(exp(-7/3 9/7))", draw_product, cdf_product, .num = 7, .den = 3, .n = 9, .tau = 7},
			{"Bernoulli(exp(-5/2 1/3))", draw_product, cdf_product, .num = 5, .den = 2, .n = 1, .tau = 3},
			{"Bernoulli(exp(-0.7... 1.4...))", draw_product, cdf_product, .num = 707106781186547524,
			 .den = 1000000000000000000, .n = 1414213562373095048, .tau = 1000000000000000000},
			{"Gaussian of sigma 1/2", draw_gaussian, cdf_gaussian, .num = 1, .den = 4},
			{"Gaussian of variance 4/9", draw_gaussian, cdf_gaussian, .num = 4, .den = 9},
			{"Gaussian of sigma 1", draw_gaussian, cdf_gaussian, .num = 1, .den = 1},
			{"Gaussian of variance 2^62/(2^62 - 1)", draw_gaussian, cdf_gaussian, .num = TWO(62),
			 .den = TWO(62) - 1},
			{"Gaussian of variance (2^62 - 1)/2^62", draw_gaussian, cdf_gaussian, .num = TWO(62) - 1,
			 .den = TWO(62)},
			{"Gaussian of variance 2", draw_gaussian, cdf_gaussian, .num = 2, .den = 1},
			{"Gaussian of sigma 3.33", draw_gaussian, cdf_gaussian, .num = 333 * 333, .den = 10000},
			{"Gaussian of sigma 29", draw_gaussian, cdf_gaussian, .num = 29 * 29, .den = 1},
			{"Gaussian of sigma 31", draw_gaussian, cdf_gaussian, .num = 31 * 31, .den = 1},
			{"Gaussian of sigma 1e3", draw_gaussian, cdf_gaussian, .num = 1000000, .den = 1},
			{"Gaussian of variance near 1e9/7", draw_gaussian, cdf_gaussian, .num = 999999999999999989,
			 .den = 6999999999},
			{"Gaussian of sigma 1e9", draw_gaussian, cdf_gaussian, .num = 1000000000000000000, .den = 1},
			{"Gaussian of sigma 2^31", draw_gaussian, cdf_gaussian, .num = TWO(62), .den = 1},
			{"Gaussian of sigma 1e6 modulo 16", draw_residue, cdf_residue, .num = 1000000000000, .den = 1},
			{"Gaussian of sigma 1e9 modulo 16", draw_residue, cdf_residue, .num = 1000000000000000000,
			 .den = 1},
			{"a faithful copy", draw_mutant, cdf_gaussian, .num = 100, .den = 9},
		};
		Case mutants[] = {
			{"noise halved", draw_mutant, cdf_gaussian, .num = 1000000, .den = 1, .mutation = HALVED},
			{"a proposal that is always kept", draw_mutant, cdf_gaussian, .num = 1000000, .den = 1,
			 .mutation = ALL_KEPT},
			{"an acceptance without its shift", draw_mutant, cdf_gaussian, .num = 100, .den = 9,
			 .mutation = UNSHIFTED},
			{"twice the exponent", draw_mutant, cdf_gaussian, .num = 100, .den = 9,
			 .mutation = TWICE_THE_EXPONENT},
			{"variance for sigma", draw_mutant, cdf_gaussian, .num = 100, .den = 9,
			 .mutation = VARIANCE_FOR_SIGMA},
			{"an exponent without its whole part", draw_mutant, cdf_gaussian, .num = 1, .den = 4,
			 .mutation = WHOLE_FORGOTTEN},
			{"a rounded continuous Gaussian", draw_rounded, cdf_gaussian, .num = 4, .den = 9,
			 .mutation = ROUNDED},
		};

		for (int i = 0; i < lengthof(exact); i++)
			chi_square(&exact[i], true);
		for (int i = 0; i < lengthof(mutants); i++)
			chi_square(&mutants[i], false);
	}
}

int
main(void)
{
	if (EHDS_ROUNDS == 1)
		scripts();
	else
	{
		chances();
		ranges();
		extremes();

		speed("sigma 1000", 1000000, 1);
		speed("sigma 1e9", 1000000000000000000, 1);
	}

	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}
