/*
 * gaussian.c
 *		Counts of persons with discrete Gaussian noise, and their selection.
 *
 * Why a keyed release is private.  Let m be the count after the pre-threshold, as
 * in release.c; a subject changes it by at most 1.  A group is released if m > 0
 * and m + X > tau.  From m = 1 on, that is a function of m + X, which is
 * 1/(2 sigma^2)-zCDP (Canonne, Kamath, Steinke 2020).  Between m = 0, which is
 * never released (as a group that is not there), and m = 1 the results differ
 * only if X >= tau; that probability is the group's delta.  Each of a subject's
 * max_groups groups is in one of the two cases, so rho and delta add up over them.
 *
 * Thresholds and precision are functions of parameters only and are computed in
 * floating point, to the safe side by far more than its error.
 */
#include "dp/mechanism.h"

#include <math.h>

#include "dp/dp.h"
#include "noise/gaussian.h"

/* Up to this sigma the masses are summed; more would take longer than planning a query. */
#define SUMMED_SIGMA 1024
/* Masses beyond this many sigmas are below 1e-48 and no delta per group is below 1e-24. */
#define REACH 15
/* by how much a tail is raised: far more than the sum's error, far less than a unit of delta */
#define SAFE (1 + 1e-9)

static double
as_double(uint64 digits, int places)
{
	if (digits < 1 || digits > EHDS_SIGMA_MAX || places < 0 || places > 9)
		elog(ERROR, "sigma of a release is out of range");
	return digits / pow(10, places);
}

/* exp(-x^2 / (2 sigma^2)) */
static double
weight(double x, double sigma)
{
	double z = x / sigma;

	return exp(-z * z / 2);
}

/* The sum of all weights, never more than it is. */
static double
total_weight(double sigma)
{
	double sum = 1;

	/* Poisson summation: sqrt(2 pi) sigma (1 + 2 exp(-2 pi^2 sigma^2) + ...) */
	if (sigma >= 2)
		return sqrt(2 * M_PI) * sigma * (1 - 1e-12);
	for (int x = 1; x <= (int) ceil(REACH * sigma) + 1; x++)
		sum += 2 * weight(x, sigma);
	return sum * (1 - 1e-12);
}

/* The least x >= 1 with P(X >= x) <= p, or one more where sigma is large. */
static int64
upper_quantile(double sigma, double p)
{
	int64 reach = (int64) ceil(REACH * sigma) + 1;

	if (sigma <= SUMMED_SIGMA)
	{
		double total = total_weight(sigma);
		double tail = 0;

		/* from the small weights to the large ones, so that none is lost */
		for (int64 x = reach; x >= 1; x--)
		{
			tail += weight(x, sigma);
			if (tail / total * SAFE > p)
				return x + 1;
		}
		return 1;
	}

	/* P(X >= x) is at most P(N >= x - 1) of the continuous one (Canonne, Kamath, Steinke 2020) */
	{
		int64 low = 0; /* too low */
		int64 high = reach + 1;

		while (high - low > 1)
		{
			int64 middle = low + (high - low) / 2;

			if (erfc((middle - 1) / (sigma * M_SQRT2)) / 2 * SAFE <= p)
				high = middle;
			else
				low = middle;
		}
		return high;
	}
}

int64
ehds_gaussian_threshold(uint64 digits, int places, int64 delta_atto, int max_groups)
{
	ehds_dp_check_delta(delta_atto);
	ehds_dp_check_max_groups(max_groups);
	return upper_quantile(as_double(digits, places), delta_atto / (1e18 * max_groups));
}

/* P(|X| > w) is twice P(X >= w + 1). */
int64
ehds_gaussian_interval(uint64 digits, int places, double miss)
{
	return upper_quantile(as_double(digits, places), miss / 2) - 1;
}

int64
ehds_gaussian_interval95(uint64 digits, int places)
{
	return ehds_gaussian_interval(digits, places, 0.05);
}

int64
ehds_gaussian_release_from(EhdsBits *bits, int64 n, uint64 digits, int places, int64 tau, int k, bool keyed,
						   bool *released)
{
	uint64 den = 1;
	int64 m;
	int64 noise;

	(void) as_double(digits, places);
	if (n < 0 || n > EHDS_COUNT_MAX)
		elog(ERROR, "count to be released is out of range");
	for (int i = 0; i < 2 * places; i++)
		den *= 10;
	noise = ehds_discrete_gaussian_from(bits, digits * digits, den);

	if (!keyed)
	{
		*released = true;
		return n + noise;
	}
	if (k < 1 || tau < 1)
		elog(ERROR, "threshold of a release is out of range");
	m = Max(n - k + 1, 0);
	*released = m > 0 && m + noise > tau;
	return *released ? m + noise + k - 1 : 0;
}

int64
ehds_gaussian_release(int64 n, uint64 digits, int places, int64 tau, int k, bool keyed, bool *released)
{
	EhdsBits bits;
	int64 value;

	ehds_bits_secure(&bits);
	value = ehds_gaussian_release_from(&bits, n, digits, places, tau, k, keyed, released);
	ehds_bits_end(&bits);
	return value;
}
