/*
 * zcdp.c
 *		Tests of the accounting in zCDP, without a server. Nothing here is random.
 *
 * The values below were computed with 50 digits by other means: the formula for
 * delta minimised over ln(alpha - 1), its inverse by bisection.
 */
#include "core/compat.h"

#include <math.h>

/* the sources under test */
#include "dp/threshold.c"
#include "dp/zcdp.c"

#include "server.h"

static const int64 epsilons[] = {1,
								 1000,
								 1000000,
								 100000000,
								 500000000,
								 1000000000,
								 INT64CONST(3000000000),
								 INT64CONST(20000000000),
								 INT64CONST(1000000000000)};
static const int64 deltas[] = {1,
							   1000,
							   INT64CONST(10000000000),
							   INT64CONST(1000000000000),
							   INT64CONST(10000000000000000),
							   INT64CONST(500000000000000000),
							   INT64CONST(999999999999999999)};
static const int64 rhos[] = {1,
							 1000000,
							 1000000000,
							 INT64CONST(10000000000),
							 INT64CONST(185000000000),
							 INT64CONST(1000000000000),
							 INT64CONST(50000000000000),
							 INT64CONST(669000000000000),
							 INT64CONST(500000000000000000)};

/* The formula as it is published, at one alpha = 1 + b */
static long double
ln_delta_at(long double b, long double rho, long double epsilon)
{
	return b * ((1 + b) * rho - epsilon) - logl(b) + (1 + b) * (logl(b) - log1pl(b));
}

/* Its minimum, by golden section over ln b */
static long double
ln_delta_least(long double rho, long double epsilon)
{
	long double low = -690;
	long double high = 36;
	long double golden = (sqrtl(5) - 1) / 2;

	for (int i = 0; i < 160; i++)
	{
		long double left = high - golden * (high - low);
		long double right = low + golden * (high - low);

		if (ln_delta_at(expl(left), rho, epsilon) < ln_delta_at(expl(right), rho, epsilon))
			high = right;
		else
			low = left;
	}
	return ln_delta_at(expl(low), rho, epsilon);
}

/* What the Gaussian mechanism really needs (Balle, Wang 2018): any valid delta is at least this. */
static double
gaussian_delta(double rho, double epsilon)
{
	double mu = sqrt(2 * rho);

	return erfc(-(mu / 2 - epsilon / mu) / sqrt(2)) / 2 -
		   exp(epsilon) * erfc((mu / 2 + epsilon / mu) / sqrt(2)) / 2;
}

static void
values(void)
{
	struct
	{
		int64 rho;
		int64 epsilon;
		double delta;
	} d[] = {
		{INT64CONST(185000000000), INT64CONST(3000000000), 9.950692729172221988966107e-7},
		{INT64CONST(1000000000000), 1000000000, 0.4934937312337076472790565},
		{INT64CONST(500000000000), INT64CONST(3000000000), 0.005143184063862149291181124},
		{INT64CONST(10000000000), 1000000000, 1.664113977387994536967674e-13},
		{INT64CONST(100000000000000), INT64CONST(200000000000), 5.329473101084855547777389e-12},
		{INT64CONST(2000000000000), 100000000, 0.8820798560693630322209768},
		{1, 1, 8.571574619625494245753743e-7},
		{1000000, 10000000, 1.016918072347652912556119e-15},
		{INT64CONST(50000000000), 500000000, 0.02303169773673761597463184},
	};
	struct
	{
		int64 epsilon;
		int64 delta;
		double rho;
	} r[] = {
		{INT64CONST(3000000000), INT64CONST(1000000000000), 0.1850698406534014840300323},
		{1000000000, INT64CONST(1000000000000), 0.02435597035953837289424325},
		{INT64CONST(3000000000), INT64CONST(10000000000), 0.1365646894590556820270418},
		{100000000, INT64CONST(10000000000), 0.0002088163809427118523136396},
		{500000000, INT64CONST(10000000000000), 0.008505530591181911271782792},
		{INT64CONST(10000000000), 100000000, 0.9938913988995404806984328},
		{INT64CONST(1000000000000), 1, 669.3799261730878681403218},
		{1000000000, INT64CONST(500000000000000000), 1.016364342037874875890177},
		{10000000, INT64CONST(1000000000000), 0.000004358973683142572289675404},
		{INT64CONST(2000000000), 1, 0.02645427001780309355094762},
	};
	char name[100];

	for (int i = 0; i < lengthof(d); i++)
	{
		double exact = d[i].delta * 1e18;
		double found = (double) ehds_zcdp_delta(d[i].rho, d[i].epsilon);

		snprintf(note, sizeof(note), "%.15g instead of %.15g", found, exact);
		snprintf(name, sizeof(name), "delta(%g, %g) = %g, rounded up", d[i].rho / 1e12, d[i].epsilon / 1e9,
				 d[i].delta);
		/* where its unit does not hide it, the margin over floating point's error shows */
		ok(found >= exact * (exact > 1e9 ? 1 + 1e-13 : 1) && found <= exact * (1 + 1e-9) + 1, name);
	}
	for (int i = 0; i < lengthof(r); i++)
	{
		double exact = r[i].rho * 1e12;
		double found = (double) ehds_zcdp_rho(r[i].epsilon, r[i].delta);

		snprintf(note, sizeof(note), "%.15g instead of %.15g", found, exact);
		snprintf(name, sizeof(name), "rho(%g, %g) = %g, rounded down", r[i].epsilon / 1e9, r[i].delta / 1e18,
				 r[i].rho);
		ok(found <= exact && found >= exact * (1 - 1e-9) - 1, name);
	}
	ok(ehds_zcdp_rho(INT64CONST(3000000000), INT64CONST(1000000000000)) / INT64CONST(1000000000) == 185,
	   "(3, 1e-6) allows rho 0.185");
	ok(ehds_zcdp_rho(1, 1) == 0, "(1e-9, 1e-18) allows nothing");
	ok(ehds_zcdp_delta(EHDS_RHO_MAX_PICO, EHDS_EPSILON_MAX_NANO) == DELTA_ONE_ATTO,
	   "the largest rho promises nothing");
	ok(ehds_zcdp_delta(1, EHDS_EPSILON_MAX_NANO) == 1, "no delta is 0");
}

static void
everywhere(void)
{
	int unsafe = 0;
	int loose = 0;
	int impossible = 0;
	int unordered = 0;
	int inverse = 0;

	for (int i = 0; i < lengthof(rhos); i++)
		for (int j = 0; j < lengthof(epsilons); j++)
		{
			int64 delta = ehds_zcdp_delta(rhos[i], epsilons[j]);
			long double least = 1e18L * expl(ln_delta_least(rhos[i] / 1e12L, epsilons[j] / 1e9L));
			double needed = 1e18 * gaussian_delta(rhos[i] / 1e12, epsilons[j] / 1e9);

			snprintf(note, sizeof(note), "rho %g, epsilon %g: %lld, least %Lg, needed %g", rhos[i] / 1e12,
					 epsilons[j] / 1e9, (long long) delta, least, needed);
			/* the rival's own error stays below 1e-14 of what it adds up, at most 1e3 where delta counts */
			unsafe += delta < Min(least * (1 - 1e-13L), 1e18L);
			loose += delta > least * (1 + 1e-8L) + 1;
			impossible += delta < needed * (1 - 1e-9);
			unordered += i > 0 && delta < ehds_zcdp_delta(rhos[i - 1], epsilons[j]);
			unordered += j > 0 && delta > ehds_zcdp_delta(rhos[i], epsilons[j - 1]);
		}
	ok(unsafe == 0, "delta is nowhere below the infimum");
	ok(loose == 0, "nor much above it");
	ok(impossible == 0, "nor below what Gaussian noise needs");
	ok(unordered == 0, "delta rises with rho and falls with epsilon");

	unordered = 0;
	for (int i = 0; i < lengthof(epsilons); i++)
		for (int j = 0; j < lengthof(deltas); j++)
		{
			int64 rho = ehds_zcdp_rho(epsilons[i], deltas[j]);

			snprintf(note, sizeof(note), "epsilon_nano %lld delta_atto %lld rho_pico %lld",
					 (long long) epsilons[i], (long long) deltas[j], (long long) rho);
			inverse += rho > 0 && ehds_zcdp_delta(rho, epsilons[i]) > deltas[j];
			inverse += rho < EHDS_RHO_MAX_PICO && ehds_zcdp_delta(rho + 1, epsilons[i]) <= deltas[j];
			unordered += i > 0 && rho < ehds_zcdp_rho(epsilons[i - 1], deltas[j]);
			unordered += j > 0 && rho < ehds_zcdp_rho(epsilons[i], deltas[j - 1]);
		}
	ok(inverse == 0, "rho keeps delta, and one unit more would not");
	ok(unordered == 0, "rho rises with epsilon and with delta");
}

static void
costs(void)
{
	int wrong = 0;
	int all = 0;
	int groups[] = {1, 3, 5, 1000, 1000000};
	int64 sensitivities[] = {1, 7, 1000, 1000000, EHDS_SENSITIVITY_MAX};
	uint128 quotient;

	ok(ehds_zcdp_rho_pure(1000000000) == INT64CONST(500000000000), "epsilon 1 costs 1/2");
	ok(ehds_zcdp_rho_pure(1) == 1, "no release is free");
	ok(ehds_zcdp_rho_pure(3000) == 5, "4.5 units are 5");
	ok(ehds_zcdp_rho_pure(EHDS_EPSILON_MAX_NANO) == EHDS_RHO_MAX_PICO, "epsilon 1000 costs 500000");
	ok(ehds_zcdp_rho_exponential(1000000000) == INT64CONST(125000000000), "of the exponential mechanism 1/8");
	ok(ehds_zcdp_rho_exponential(3000) == 2, "1.125 units are 2");
	ok(ehds_zcdp_rho_gaussian(1, 1, 1, 1) == INT64CONST(500000000000), "sigma 1 costs 1/2");
	ok(ehds_zcdp_rho_gaussian(9, 1, 5, 7) == INT64CONST(13611111111112), "5 * 49 / 18, rounded up");
	ok(ehds_zcdp_rho_gaussian(9, 4, 1, 1) == INT64CONST(222222222223), "4 / 18, rounded up");

	ok(mul_div_up(7, 3, 2, &quotient) && quotient == 11, "7 * 3 / 2 is 11, rounded up");
	ok(mul_div_up((uint128) 1 << 121, UINT64CONST(1) << 62, UINT64CONST(1) << 60, &quotient) &&
		   quotient == (uint128) 1 << 123,
	   "a product beyond 128 bits whose quotient fits");
	ok(!mul_div_up((uint128) 1 << 121, UINT64CONST(1) << 62, 1, &quotient), "a quotient that does not fit");

	for (int i = 0; i < lengthof(rhos); i++)
		for (int j = 0; j < lengthof(groups); j++)
			for (int k = 0; k < lengthof(sensitivities); k++)
			{
				double sigma = sensitivities[k] * sqrt(groups[j] / (2 * (rhos[i] / 1e12)));
				double found;
				uint64 digits;
				uint64 den = 1;
				int places;

				if (sigma > 2147483000)
					continue;
				ehds_zcdp_sigma(rhos[i], groups[j], sensitivities[k], &digits, &places);
				found = digits / pow(10, places);
				for (int p = 0; p < places; p++)
					den *= 100;
				snprintf(note, sizeof(note), "rho %g, %d groups, sensitivity %lld: %.12g instead of %.12g",
						 rhos[i] / 1e12, groups[j], (long long) sensitivities[k], found, sigma);
				all++;
				wrong += found < sigma * (1 - 1e-14) || found > sigma * (1 + 1.1e-8) + 1e-9;
				wrong += ehds_zcdp_rho_gaussian(digits * digits, den, groups[j], sensitivities[k]) > rhos[i];
				wrong += digits > 1 && rhos[i] < EHDS_RHO_MAX_PICO &&
						 ehds_zcdp_rho_gaussian((digits - 1) * (digits - 1), den, groups[j],
												sensitivities[k]) <= rhos[i];
			}
	ok(wrong == 0 && all > 100, "sigma costs no more than rho, and one digit less would");
}

static void
ranges(void)
{
	uint64 digits;
	int places;

	RAISES(ehds_zcdp_delta(0, 1), "rho 0 is refused");
	RAISES(ehds_zcdp_delta(-1, 1), "a negative rho is refused");
	RAISES(ehds_zcdp_delta(EHDS_RHO_MAX_PICO + 1, 1), "rho above 500000 is refused");
	RAISES(ehds_zcdp_delta(1, 0), "epsilon 0 is refused");
	RAISES(ehds_zcdp_delta(1, EHDS_EPSILON_MAX_NANO + 1), "epsilon above 1000 is refused");
	RAISES(ehds_zcdp_rho(0, 1), "epsilon 0 has no rho");
	RAISES(ehds_zcdp_rho(1, 0), "delta 0 has no rho");
	RAISES(ehds_zcdp_rho(1, DELTA_ONE_ATTO), "delta 1 has no rho");
	RAISES(ehds_zcdp_rho_pure(0), "epsilon 0 has no cost");
	RAISES(ehds_zcdp_rho_exponential(-1), "a negative epsilon has no cost");
	RAISES(ehds_zcdp_rho_gaussian(0, 1, 1, 1), "a variance of 0 is refused");
	RAISES(ehds_zcdp_rho_gaussian(1, 0, 1, 1), "a variance without denominator is refused");
	RAISES(ehds_zcdp_rho_gaussian(EHDS_VARIANCE_MAX + 1, 1, 1, 1), "a variance above 2^62 is refused");
	RAISES(ehds_zcdp_rho_gaussian(1, 1000001, 1, 1), "a cost above 500000 is refused");
	RAISES(ehds_zcdp_rho_gaussian(1, EHDS_VARIANCE_MAX, 1000000, EHDS_SENSITIVITY_MAX),
		   "a cost far above it, too");
	RAISES(ehds_zcdp_rho_gaussian(1, 1, 0, 1), "0 groups are refused");
	RAISES(ehds_zcdp_rho_gaussian(1, 1, 1, 0), "sensitivity 0 is refused");
	RAISES(ehds_zcdp_rho_gaussian(1, 1, 1, EHDS_SENSITIVITY_MAX + 1), "sensitivity above 2^31 is refused");
	RAISES(ehds_zcdp_sigma(0, 1, 1, &digits, &places), "noise for rho 0 is refused");
	RAISES(ehds_zcdp_sigma(1, 1, 3038, &digits, &places), "sigma above 2^31 is refused");
	RAISES(ehds_zcdp_sigma(1, 1000000, EHDS_SENSITIVITY_MAX, &digits, &places), "and far above it");
	ok(ehds_zcdp_rho_gaussian(1, 1000000, 1, 1) == EHDS_RHO_MAX_PICO, "sigma 1/1000 costs 500000");
}

int
main(void)
{
	values();
	everywhere();
	costs();
	ranges();

	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}
