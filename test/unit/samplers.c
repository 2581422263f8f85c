/*
 * samplers.c
 *		Tests of the noise samplers and of the release mechanism, without a server.
 *
 * The sources under test are compiled into this program; it needs the server's
 * headers, -Isrc, -lcrypto and -lm, and prints TAP. How a distribution is tested,
 * and how often that fails falsely, is in sampling.h. gaussian.c has the discrete
 * Gaussian.
 *
 * Scripts are for samplers that read few bits: samplers_scripts.c and
 * samplers_rounds.c compile this file with other constants, and run those.
 */
#include "core/compat.h"

#include <math.h>
#include <time.h>

/* the sources under test */
#include "noise.h"

#include "dp/release.c"
#include "dp/threshold.c"

#include "sampling.h"

/* -----------------------------------------------------------------------
 * What is sampled
 * ----------------------------------------------------------------------- */

static int64
draw_bernoulli(EhdsBits *bits, const Case *c)
{
	return ehds_bernoulli_exp_product(bits, c->num, c->den, 1, 1);
}

static int64
draw_unit(EhdsBits *bits, const Case *c)
{
	return ehds_bernoulli_exp_unit(bits, c->num, c->den);
}

static double
cdf_bernoulli(const Case *c, double x)
{
	return x < 0 ? 0 : x < 1 ? -expm1(-(double) c->num / c->den) : 1;
}

static int64
draw_below(EhdsBits *bits, const Case *c)
{
	return (int64) ehds_bits_below(bits, c->num);
}

static double
cdf_below(const Case *c, double x)
{
	return x < 0 ? 0 : Min((x + 1) / c->num, 1);
}

static int64
draw_geometric(EhdsBits *bits, const Case *c)
{
	return (int64) ehds_geometric_e(bits);
}

static double
cdf_geometric(const Case *c, double x)
{
	return x < 0 ? 0 : -expm1(-(x + 1));
}

static int64
draw_laplace(EhdsBits *bits, const Case *c)
{
	return ehds_discrete_laplace_from(bits, c->num, c->den);
}

static double
cdf_laplace(const Case *c, double x)
{
	double e = (double) c->den / c->num;

	return x < 0 ? exp(x * e) / (1 + exp(-e)) : 1 - exp(-(x + 1) * e) / (1 + exp(-e));
}

static int64
draw_truncated(EhdsBits *bits, const Case *c)
{
	return ehds_truncated_laplace_from(bits, c->num, c->den, c->tau);
}

static double
cdf_truncated(const Case *c, double x)
{
	double below = cdf_laplace(c, -(double) c->tau - 1);

	if (x < -(double) c->tau)
		return 0;
	if (x >= c->tau)
		return 1;
	return (cdf_laplace(c, x) - below) / (1 - 2 * below);
}

static int64
draw_residue(EhdsBits *bits, const Case *c)
{
	return ehds_discrete_laplace_from(bits, c->num, c->den) & 15;
}

/* The noise is so wide that its residues are uniform up to 1/scale. */
static double
cdf_residue(const Case *c, double x)
{
	return x < 0 ? 0 : Min((x + 1) / 16, 1);
}

/* epsilon is such that the scale is num / den */
static int64
draw_release(EhdsBits *bits, const Case *c)
{
	int groups = Max(c->groups, 1);
	bool released;
	int64 value = ehds_dp_release_from(bits, c->n, 1000000000 / c->num * c->den * (c->tau > 0 ? groups : 1),
									   groups, c->tau, c->k, c->tau > 0, &released);

	return released ? value : HIDDEN;
}

static double
cdf_release(const Case *c, double x)
{
	double m = c->n < c->k ? 0 : c->n - c->k + 1;
	double hidden;

	if (c->tau == 0)
		return cdf_laplace(c, x - c->n);
	hidden = cdf_truncated(c, c->tau - m);
	if (x >= HIDDEN)
		return 1;
	return Max(0, cdf_truncated(c, x - c->k + 1 - m) - hidden);
}

/* -----------------------------------------------------------------------
 * Mutants
 * ----------------------------------------------------------------------- */

enum
{
	FAITHFUL,
	HALVED,
	OFF_BY_ONE,
	TWO_ZEROS,
	NO_REJECTION,
	THIRD_OF_SCALE,
	CLAMPED,
	MODULO,
	WRONG_PARITY,
	STEP_FORGOTTEN,
	TIE_COUNTED,
	CHUNK_ONLY
};

static int64
draw_mutant(EhdsBits *bits, const Case *c)
{
	uint64 num = c->num;
	int64 x;

	if (c->mutation == THIRD_OF_SCALE)
		num /= 3;
	for (;;)
	{
		uint64 u = ehds_bits_below(bits, num);
		uint64 v = 0;
		bool negative;

		if (c->mutation != NO_REJECTION && !ehds_bernoulli_exp_unit(bits, u, num))
			continue;
		while (ehds_bernoulli_exp_unit(bits, 1, 1))
			v++;
		x = (int64) ((u + num * v) / c->den);
		if (c->mutation == OFF_BY_ONE)
			x++;
		if (c->mutation == HALVED)
			x /= 2;
		negative = ehds_bits_take(bits, 1) == 1;
		if (negative && x == 0 && c->mutation != TWO_ZEROS)
			continue;
		if (c->mutation == CLAMPED)
			x = Min(x, c->tau);
		return negative ? -x : x;
	}
}

static int64
draw_modulo(EhdsBits *bits, const Case *c)
{
	return (int64) (ehds_bits_take(bits, 8) % c->num);
}

/* u is cut after a few digits, and compared with the powers as they are or cut as well */
static int64
draw_geometric_mutant(EhdsBits *bits, const Case *c)
{
	uint64 u = ehds_bits_take(bits, 6);
	int64 v = 0;

	for (int j = 1; j <= 32; j++)
	{
		uint64 digits = ehds_exp_digits(j, 0, 6);

		v += c->mutation == TIE_COUNTED ? u <= digits : u < digits;
	}
	return v;
}

static int64
draw_bernoulli_mutant(EhdsBits *bits, const Case *c)
{
	uint64 k = 1;

	while (ehds_bits_below(bits, c->den) < c->num &&
		   (c->mutation == STEP_FORGOTTEN ? k < 3 : ehds_bits_below(bits, k) == 0))
		k++;
	return (k & 1) == (c->mutation == WRONG_PARITY ? 0 : 1);
}

/* -----------------------------------------------------------------------
 * Parameters
 * ----------------------------------------------------------------------- */

/* ln P(X = t) of truncated noise */
static long double
ln_tail(long double e, long double t)
{
	return -e * t + logl(-expm1l(-e)) - logl(1 + expl(-e) - 2 * expl(-e * (t + 1)));
}

static void
thresholds(void)
{
	int64 epsilons[] = {1,
						1000,
						1000000,
						10000000,
						100000000,
						333333333,
						1000000000,
						INT64CONST(2718281828),
						INT64CONST(10000000000),
						INT64CONST(1000000000000)};
	int64 deltas[] = {1,
					  1000,
					  INT64CONST(10000000000),
					  INT64CONST(1000000000000),
					  INT64CONST(1000000000000000),
					  INT64CONST(500000000000000000),
					  INT64CONST(999999999999999999)};
	int groups[] = {1, 2, 3, 5, 17, 1000, 1000000};
	int unsafe = 0;
	int loose = 0;
	int all = 0;

	for (int i = 0; i < lengthof(epsilons); i++)
		for (int j = 0; j < lengthof(deltas); j++)
			for (int l = 0; l < lengthof(groups); l++)
			{
				int64 tau = ehds_dp_threshold(epsilons[i], deltas[j], groups[l]);
				long double e = epsilons[i] / (1e9L * groups[l]);
				long double ln_d = logl(deltas[j] / (1e18L * groups[l]));

				all++;
				if (tau < 1 || ln_tail(e, tau) > ln_d)
				{
					unsafe++;
					snprintf(note, sizeof(note), "epsilon_nano %lld delta_atto %lld groups %d",
							 (long long) epsilons[i], (long long) deltas[j], groups[l]);
				}
				/* beyond 10^9 the margin is more than one */
				if (tau > 1 && tau < 1000000000 && ln_tail(e, tau - 1) <= ln_d)
					loose++;
			}
	ok(unsafe == 0, "the threshold keeps the tail within delta over all ranges");
	ok(loose == 0, "one less would not");
	ok(all == 490, "490 combinations were tried");

	ok(ehds_dp_threshold(1000000000, INT64CONST(1000000000000), 1) == 14, "threshold 14 for (1, 1e-6)");
	ok(ehds_dp_threshold(1000000000, INT64CONST(1000000000000), 3) == 40,
	   "threshold 40 for (1, 1e-6), 3 groups");
}

static void
intervals(void)
{
	struct
	{
		int64 epsilon_nano;
		int groups;
		int64 tau;
	} t[] = {{1000000000, 1, 0},  {100000000, 1, 0},   {10000000, 1, 0},    {INT64CONST(5000000000), 1, 0},
			 {1000000000, 3, 40}, {1000000000, 1, 14}, {100000000, 5, 771}, {1000000, 1, 50},
			 {1000000000, 1, 2}};

	for (int i = 0; i < lengthof(t); i++)
	{
		int64 w = ehds_dp_interval95(t[i].epsilon_nano, t[i].groups, t[i].tau > 0, t[i].tau);
		Case c = {.num = UINT64CONST(1000000000) * t[i].groups, .den = t[i].epsilon_nano, .tau = t[i].tau};
		double (*cdf)(const Case *, double) = t[i].tau > 0 ? cdf_truncated : cdf_laplace;
		double in = cdf(&c, w) - cdf(&c, -w - 1.0);
		double less = w == 0 ? 0 : cdf(&c, w - 1.0) - cdf(&c, -(double) w);
		char name[100];

		snprintf(note, sizeof(note), "w %lld: %g, one less %g", (long long) w, in, less);
		snprintf(name, sizeof(name), "95 %% half-width %lld for epsilon %g, %d groups, tau %lld",
				 (long long) w, t[i].epsilon_nano / 1e9, t[i].groups, (long long) t[i].tau);
		ok(in >= 0.95 - 1e-9 && less < 0.95, name);
	}
}

static void
ranges(void)
{
	bool released = false;

	RAISES(ehds_discrete_laplace(0, 1), "a scale of 0 is refused");
	RAISES(ehds_discrete_laplace(1, 0), "a scale without denominator is refused");
	RAISES(ehds_discrete_laplace((UINT64CONST(1) << 52) + 1, 1), "a scale above 2^52 is refused");
	RAISES(ehds_discrete_laplace((UINT64CONST(1) << 62) + 1, UINT64CONST(1) << 62),
		   "a numerator above 2^62 is refused");
	RAISES(ehds_truncated_laplace(1, 1, -1), "a negative bound is refused");
	RAISES(ehds_dp_threshold(0, 1, 1), "epsilon 0 is refused");
	RAISES(ehds_dp_threshold(-1, 1, 1), "a negative epsilon is refused");
	RAISES(ehds_dp_threshold(EHDS_EPSILON_MAX_NANO + 1, 1, 1), "epsilon above 1000 is refused");
	RAISES(ehds_dp_threshold(1, 0, 1), "delta 0 is refused");
	RAISES(ehds_dp_threshold(1, INT64CONST(1000000000000000000), 1), "delta 1 is refused");
	RAISES(ehds_dp_threshold(1, 1, 0), "max_groups 0 is refused");
	RAISES(ehds_dp_threshold(1, 1, 1000001), "max_groups above 1000000 is refused");
	RAISES(ehds_dp_release(-1, 1, 1, 1, 1, true, &released), "a negative count is refused");
	RAISES(ehds_dp_release(INT64CONST(2305843009213693953), 1, 1, 1, 1, true, &released),
		   "a count above 2^61 is refused");
	RAISES(ehds_dp_release(1, 1, 1, 0, 1, true, &released), "a keyed release without threshold is refused");
	RAISES(ehds_dp_release(1, 1, 1, 1, 0, true, &released), "a keyed release with k = 0 is refused");

	/* both ends of the ranges, where an overflow would show */
	ok(ehds_dp_threshold(1, 1, 1000000) > INT64CONST(10000000000000000), "the largest threshold fits");
	ehds_dp_release(EHDS_COUNT_MAX, 1, 1000000, ehds_dp_threshold(1, 1, 1000000), PG_INT32_MAX, true,
					&released);
	ok(released, "the largest count with the widest noise is released");
	ok(ehds_dp_release(EHDS_COUNT_MAX, EHDS_EPSILON_MAX_NANO, 1, 1, 1, true, &released) == EHDS_COUNT_MAX,
	   "the largest count with the narrowest noise is exact");
	{
		bool zero = true;

		/* each is something else than 0 with a probability of 2 exp(-1000) */
		for (int i = 0; i < 10000; i++)
			zero = zero && ehds_discrete_laplace(1000000000, EHDS_EPSILON_MAX_NANO) == 0;
		ok(zero, "noise of scale 1/1000 is 0");
	}
	ok(ehds_truncated_laplace(UINT64CONST(1) << 52, 1, 0) == 0, "noise truncated at 0 is 0");
}

/*
 * What bits.h and random.c promise of the buffer: no byte of it is used twice, is
 * left behind after use, or is used by a child of the process that filled it.
 */
static void
buffer(void)
{
	uint8 before[POOL_SIZE];
	uint8 got[8];
	size_t at;
	size_t same = 0;
	bool clean = true;

	/* the draws before this one leave the position to chance: near the end of the
	 * buffer the next draw would fill it anew, which is right and not what is asked here */
	pool_left = 0;
	ehds_random_uint64();
	at = POOL_SIZE - pool_left;
	memcpy(before, pool, POOL_SIZE);
	ehds_random_bytes(got, sizeof(got));
	ok(memcmp(got, before + at, sizeof(got)) == 0, "bytes come from the buffer");
	ehds_random_bytes(got, sizeof(got));
	ok(memcmp(got, before + at + sizeof(got), sizeof(got)) == 0, "and the next ones follow them");
	for (size_t i = 0; i < POOL_SIZE - pool_left; i++)
		clean = clean && pool[i] == 0;
	ok(clean, "what was taken from it is overwritten");

	/* a child has the same buffer under another process id */
	memcpy(before, pool, POOL_SIZE);
	at = POOL_SIZE - pool_left;
	MyProcPid++;
	ehds_random_bytes(got, sizeof(got));
	for (size_t i = sizeof(got); i < POOL_SIZE; i++)
		same += i >= at && pool[i] == before[i];
	/* one byte in 256 is the same by chance, a fourth of them with a probability below 1e-300 */
	ok(pool_pid == MyProcPid && memcmp(got, before + at, sizeof(got)) != 0 && same < POOL_SIZE / 4,
	   "a child draws bytes of its own");
	MyProcPid--;
	ehds_random_bytes(got, sizeof(got));
	ok(pool_pid == MyProcPid && memcmp(got, before + at, sizeof(got)) != 0, "and so does its parent");
}

static void
speed(const char *name, uint64 num, uint64 den, int64 tau)
{
	struct timespec from, to;
	int draws = 300000;
	double seconds;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < draws; i++)
	{
		if (tau > 0)
			ehds_truncated_laplace(num, den, tau);
		else
			ehds_discrete_laplace(num, den);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	seconds = to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) / 1e9;
	printf("# %s: %.0f draws a second\n", name, draws / seconds);
}

/* Coins are tossed as they are needed, digits drawn one by one. */
static void
scripts(void)
{
	/* 1 */
	{
		Case below5 = {"uniform below 5", draw_below, .num = 5};
		Case below1 = {"uniform below 1", draw_below, .num = 1};
		Case below8 = {"uniform below 8", draw_below, .num = 8};
		Case unit1 = {"Bernoulli(exp(-1)) by coins", draw_unit, .num = 1, .den = 1};
		Case unit0 = {"Bernoulli(exp(-0)) by coins", draw_unit, .num = 0, .den = 7};
		Case unit23 = {"Bernoulli(exp(-2/3)) by coins", draw_unit, .num = 2, .den = 3};
		Case geo = {"geometric", draw_geometric, cdf_geometric, .num = 1};
		Case exp1 = {"Bernoulli(exp(-1))", draw_bernoulli, .num = 1, .den = 1};
		Case exp52 = {"Bernoulli(exp(-5/2))", draw_bernoulli, .num = 5, .den = 2};
		Case lap1 = {"Laplace of scale 1", draw_laplace, .num = 1, .den = 1};
		Case lap22 = {"Laplace of scale 2/2", draw_laplace, .num = 2, .den = 2};
		Case lap3 = {"Laplace of scale 3", draw_laplace, .num = 3, .den = 1};
		Case lap12 = {"Laplace of scale 1/2", draw_laplace, .num = 1, .den = 2};
		Case cut1 = {"Laplace of scale 1, cut at 1", draw_truncated, .num = 2, .den = 2, .tau = 1};
		Case cut12 = {"Laplace of scale 1/2, cut at 1", draw_truncated, .num = 1, .den = 2, .tau = 1};

		scripted(&below1, "", 0);
		scripted(&below8, "110", 6);
		scripted(&below5, "100", 4);
		scripted(&below5, "101 111 110 011", 3); /* three rejections */
		/* coins 1/1 (no bit), 1/2, 1/3, 1/4: index of the first failure */
		scripted(&unit1, "1", 0);
		scripted(&unit1, "0 01", 1);
		scripted(&unit1, "0 11 10", 1); /* 3 of 0..2 drawn again */
		scripted(&unit1, "0 00 01", 0);
		scripted(&unit0, "000", 1);
		scripted(&unit0, "110", 1);
		/* 2/3, then 1/2 and 2/3 */
		scripted(&unit23, "10", 1);
		scripted(&unit23, "11 01 1", 0);
		scripted(&unit23, "01 0 10", 0);
		scripted(&unit23, "01 0 00 01", 1);
		/* .0101111, .00100010, .00001100, .00000100, .00000001 are exp(-1) to exp(-5) */
		scripted(&geo, "1", 0);
		scripted(&geo, "011", 0);
		scripted(&geo, "0101110", 1);
		scripted(&geo, "0100", 1);
		scripted(&geo, "0011", 1);
		scripted(&geo, "0010000", 2);
		scripted(&geo, "0001", 2);
		scripted(&geo, "000010", 3);
		scripted(&geo, "0000001", 4);
		/* .(46 zeros)11 is exp(-32): beyond it the next draw is added */
		scripted(&geo, "00000000 00000000 00000000 00000000 00000000 000001", 31);
		scripted(&geo, "00000000 00000000 00000000 00000000 00000000 0000000 1", 32);
		scripted(&geo, "00000000 00000000 00000000 00000000 00000000 0000000 0001", 34);
		/* v is at least 1, 2; then coins for 1/2 in any case */
		scripted(&exp1, "011", 0);
		scripted(&exp1, "0100", 1);
		scripted(&exp1, "0001", 1);
		scripted(&exp52, "1 1", 0);
		scripted(&exp52, "1 0 1", 0);
		scripted(&exp52, "0100 1", 0);
		scripted(&exp52, "0001 1", 1);
		scripted(&exp52, "0001 0 1", 0);
		/* v, sign */
		scripted(&lap1, "1 0", 0);
		scripted(&lap1, "1 1 1 0", 0); /* minus 0 is drawn again */
		scripted(&lap1, "0100 1", -1);
		scripted(&lap22, "0001 0", 2);
		/* u, its coin, v, sign */
		scripted(&lap3, "10 10 1 1", -2);
		scripted(&lap3, "01 00 1 10 10 0011 0", 5); /* u = 1 is not kept */
		scripted(&lap12, "000010 1", -1);           /* v = 3, halved */
		/* scale 1 = tau: uniform, kept with exp(-|x|) */
		scripted(&cut1, "00 001", -1);
		scripted(&cut1, "11 00 1 01", 0);
		/* scale < tau: Laplace again until it is inside */
		scripted(&cut12, "0000001 0 0001 0", 1);
	}

	/* 2 */
	{
		Case exact[] = {
			{"uniform below 7", draw_below, cdf_below, .num = 7},
			{"Bernoulli(exp(-1)) by coins", draw_unit, cdf_bernoulli, .num = 1, .den = 1},
			{"Bernoulli(exp(-2/3)) by coins", draw_unit, cdf_bernoulli, .num = 2, .den = 3},
			{"Bernoulli(exp(-0)) by coins", draw_unit, cdf_bernoulli, .num = 0, .den = 3},
			{"geometric", draw_geometric, cdf_geometric, .num = 1},
			{"Bernoulli(exp(-1))", draw_bernoulli, cdf_bernoulli, .num = 1, .den = 1},
			{"Bernoulli(exp(-1/3))", draw_bernoulli, cdf_bernoulli, .num = 1, .den = 3},
			{"Bernoulli(exp(-7/4))", draw_bernoulli, cdf_bernoulli, .num = 7, .den = 4},
			{"Laplace of scale 1", draw_laplace, cdf_laplace, .num = 1, .den = 1},
			{"Laplace of scale 1/3", draw_laplace, cdf_laplace, .num = 1, .den = 3},
			{"Laplace of scale 2", draw_laplace, cdf_laplace, .num = 2, .den = 1},
			{"Laplace of scale 2/3", draw_laplace, cdf_laplace, .num = 2, .den = 3},
			{"Laplace of scale 1, cut at 3", draw_truncated, cdf_truncated, .num = 1, .den = 1, .tau = 3},
			{"Laplace of scale 4, cut at 3", draw_truncated, cdf_truncated, .num = 4, .den = 1, .tau = 3},
			{"release without key of 5", draw_release, cdf_release, .num = 1, .den = 1, .n = 5},
			{"release of 0", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3, .n = 0, .k = 1},
			{"release of 1", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3, .n = 1, .k = 1},
			{"release of 4", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3, .n = 4, .k = 1},
			{"release of 9", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3, .n = 9, .k = 1},
			{"release of 10, k = 11", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3, .n = 10,
			 .k = 11},
			{"release of 11, k = 11", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3, .n = 11,
			 .k = 11},
			{"release of 14, k = 11", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3, .n = 14,
			 .k = 11},
			{"release of 4 in 3 groups at epsilon 3", draw_release, cdf_release, .num = 1, .den = 1, .tau = 3,
			 .n = 4, .k = 1, .groups = 3},
			{"release of 5 without key, whatever the groups", draw_release, cdf_release, .num = 1, .den = 1,
			 .n = 5, .groups = 3},
		};
		Case mutants[] = {
			{"a faithful copy", draw_mutant, cdf_laplace, .num = 2, .den = 1, .mutation = FAITHFUL},
			{"noise halved", draw_mutant, cdf_laplace, .num = 2, .den = 1, .mutation = HALVED},
			{"geometric off by one", draw_mutant, cdf_laplace, .num = 2, .den = 1, .mutation = OFF_BY_ONE},
			{"zero counted twice", draw_mutant, cdf_laplace, .num = 2, .den = 1, .mutation = TWO_ZEROS},
			{"uniform part kept always", draw_mutant, cdf_laplace, .num = 2, .den = 1,
			 .mutation = NO_REJECTION},
			{"geometric of six digits", draw_geometric_mutant, cdf_geometric, .mutation = CHUNK_ONLY},
			{"geometric of six digits, ties counted", draw_geometric_mutant, cdf_geometric,
			 .mutation = TIE_COUNTED},
			{"wrong parity", draw_bernoulli_mutant, cdf_bernoulli, .num = 1, .den = 3,
			 .mutation = WRONG_PARITY},
		};

		for (int i = 0; i < lengthof(exact); i++)
			all_scripts(&exact[i], true);
		for (int i = 0; i < lengthof(mutants); i++)
			all_scripts(&mutants[i], mutants[i].mutation == FAITHFUL);
	}
}

/* Three coins are tossed at once, digits drawn by fours: the same, with loops that turn. */
static void
rounds(void)
{
	Case exact[] = {
		{"geometric", draw_geometric, cdf_geometric, .num = 1},
		{"Bernoulli(exp(-1)) by coins", draw_unit, cdf_bernoulli, .num = 1, .den = 1},
		{"Bernoulli(exp(-1/2)) by coins", draw_unit, cdf_bernoulli, .num = 1, .den = 2},
		{"Bernoulli(exp(-3/4)) by coins", draw_unit, cdf_bernoulli, .num = 3, .den = 4},
		{"Bernoulli(exp(-2/3)) by coins", draw_unit, cdf_bernoulli, .num = 2, .den = 3},
		{"Bernoulli(exp(-0)) by coins", draw_unit, cdf_bernoulli, .num = 0, .den = 3},
		{"Bernoulli(exp(-5/2))", draw_bernoulli, cdf_bernoulli, .num = 5, .den = 2},
		{"Laplace of scale 1", draw_laplace, cdf_laplace, .num = 1, .den = 1},
		{"Laplace of scale 2/3", draw_laplace, cdf_laplace, .num = 2, .den = 3, .depth = 22, .open = 0.5},
		{"Laplace of scale 4, cut at 3", draw_truncated, cdf_truncated, .num = 4, .den = 1, .tau = 3,
		 .depth = 22, .open = 0.4},
	};
	Case unit = {"Bernoulli(exp(-1/2)) by coins", draw_unit, .num = 1, .den = 2};
	Case geo = {"geometric", draw_geometric, cdf_geometric, .num = 1};

	/* one of 0..5 for the thirds and halves, three coins of 1/2 whatever they show */
	scripted(&unit, "000 1 0 1", 1);
	scripted(&unit, "000 0 1 0", 0);
	scripted(&unit, "000 0 0 1", 1);
	scripted(&unit, "001 0 0 0", 1);
	scripted(&unit, "010 0 0 0", 1);
	scripted(&unit, "011 0 0 0", 0);
	scripted(&unit, "111 101 0 0 0", 0);
	scripted(&unit, "000 0 0 0 01", 0);   /* all three succeed: 1/4 */
	scripted(&unit, "000 0 0 0 00 1", 0); /* 1/4 and its coin, 1/5 */
	scripted(&unit, "000 0 0 0 00 0 001", 1);
	scripted(&geo, "0110", 0);
	scripted(&geo, "0100", 1);
	scripted(&geo, "0101 1111", 0); /* .01011110 is exp(-1) */
	scripted(&geo, "0101 1110 0000", 1);
	for (int i = 0; i < lengthof(exact); i++)
		all_scripts(&exact[i], true);
}

static void
chances(void)
{
	bool right = true;

	for (int k = 1; k <= EHDS_ROUNDS; k++)
		right = right && share[k - 1] == share[k] * k;
	ok(right && share[EHDS_ROUNDS] == 1,
	   "the coins that are tossed at once have probabilities 1/1, 1/2, 1/3, ...");

	/* 3 */
	{
		Case exact[] = {
			{"uniform below 3", draw_below, cdf_below, .num = 3},
			{"uniform below 200", draw_below, cdf_below, .num = 200},
			{"uniform below 2^62 + 1", draw_below, cdf_below, .num = (UINT64CONST(1) << 62) + 1},
			{"Bernoulli(exp(-1/100))", draw_bernoulli, cdf_bernoulli, .num = 1, .den = 100},
			{"Bernoulli(exp(-1/3))", draw_bernoulli, cdf_bernoulli, .num = 1, .den = 3},
			{"Bernoulli(exp(-0.9...))", draw_bernoulli, cdf_bernoulli, .num = INT64CONST(999999999999999),
			 .den = INT64CONST(1000000000000000)},
			{"geometric", draw_geometric, cdf_geometric, .num = 1},
			{"Bernoulli(exp(-1)) by coins", draw_unit, cdf_bernoulli, .num = 1, .den = 1},
			{"Bernoulli(exp(-1))", draw_bernoulli, cdf_bernoulli, .num = 1, .den = 1},
			{"Bernoulli(exp(-9/4))", draw_bernoulli, cdf_bernoulli, .num = 9, .den = 4},
			{"Bernoulli(exp(-5))", draw_bernoulli, cdf_bernoulli, .num = 5, .den = 1},
			{"Laplace of scale 1/5", draw_laplace, cdf_laplace, .num = 1, .den = 5},
			{"Laplace of scale 2/3", draw_laplace, cdf_laplace, .num = 2, .den = 3},
			{"Laplace of scale 1", draw_laplace, cdf_laplace, .num = 1, .den = 1},
			{"Laplace of scale 10/3", draw_laplace, cdf_laplace, .num = 10, .den = 3},
			{"Laplace of scale 1e9/123456789", draw_laplace, cdf_laplace, .num = 1000000000, .den = 123456789},
			{"Laplace of scale 1000", draw_laplace, cdf_laplace, .num = 1000, .den = 1},
			{"Laplace of scale 1e9", draw_laplace, cdf_laplace, .num = INT64CONST(1000000000000000000),
			 .den = 1000000000},
			{"Laplace of scale 1e15", draw_laplace, cdf_laplace, .num = INT64CONST(1000000000000000), .den = 1},
			{"Laplace of scale 1e15/7", draw_laplace, cdf_laplace, .num = INT64CONST(1000000000000000),
			 .den = 7},
			{"Laplace of scale 1e6 modulo 16", draw_residue, cdf_residue, .num = 1000000, .den = 1},
			{"Laplace of scale 1e15/7 modulo 16", draw_residue, cdf_residue,
			 .num = INT64CONST(1000000000000000), .den = 7},
			{"Laplace of scale 1, cut at 14", draw_truncated, cdf_truncated, .num = 1, .den = 1, .tau = 14},
			{"Laplace of scale 3, cut at 4", draw_truncated, cdf_truncated, .num = 3, .den = 1, .tau = 4},
			{"Laplace of scale 50, cut at 771", draw_truncated, cdf_truncated, .num = 50, .den = 1, .tau = 771},
			{"Laplace of scale 100, cut at 100", draw_truncated, cdf_truncated, .num = 100, .den = 1,
			 .tau = 100},
			{"Laplace of scale 100/3, cut at 5", draw_truncated, cdf_truncated, .num = 100, .den = 3, .tau = 5},
			{"a faithful copy", draw_mutant, cdf_laplace, .num = 10, .den = 3},
		};
		Case mutants[] = {
			{"uniform below 200 with modulo bias", draw_modulo, cdf_below, .num = 200, .mutation = MODULO},
			{"Bernoulli(exp(-1/3)) of wrong parity", draw_bernoulli_mutant, cdf_bernoulli, .num = 1, .den = 3,
			 .mutation = WRONG_PARITY},
			{"Bernoulli(exp(-1/3)) without the factorial", draw_bernoulli_mutant, cdf_bernoulli, .num = 1,
			 .den = 3, .mutation = STEP_FORGOTTEN},
			{"noise halved", draw_mutant, cdf_laplace, .num = 1000, .den = 1, .mutation = HALVED},
			{"a third of the scale", draw_mutant, cdf_laplace, .num = 1000, .den = 1,
			 .mutation = THIRD_OF_SCALE},
			{"geometric off by one", draw_mutant, cdf_laplace, .num = 10, .den = 3, .mutation = OFF_BY_ONE},
			{"zero counted twice", draw_mutant, cdf_laplace, .num = 10, .den = 3, .mutation = TWO_ZEROS},
			{"uniform part kept always", draw_mutant, cdf_laplace, .num = 10, .den = 3,
			 .mutation = NO_REJECTION},
			{"cut by clamping", draw_mutant, cdf_truncated, .num = 3, .den = 1, .tau = 4, .mutation = CLAMPED},
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
	else if (EHDS_ROUNDS == 3)
		rounds();
	else
	{
		chances();
		thresholds();
		intervals();
		ranges();
		buffer();

		speed("scale 1000", 1000, 1, 0);
		speed("scale 10 (epsilon 0.1)", 1000000000, 100000000, 0);
		speed("scale 50 cut at 771 (epsilon 0.1, delta 1e-8, 5 groups)", 50, 1, 771);
		speed("scale 1e15", INT64CONST(1000000000000000), 1, 0);
	}

	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}
