/*
 * mechanism.c
 *		Tests of the choice of a mechanism and of releases with discrete Gaussian
 *		noise, without a server.
 *
 * A frequency that should be p is accepted within 5.5 standard errors, which
 * raises a false alarm about four times in 10^8.
 */
#include "core/compat.h"

#include <math.h>

/* the sources under test */
#include "noise.h"
#include "dp/gaussian.c"
#include "dp/mechanism.c"
#include "dp/threshold.c"
#include "dp/zcdp.c"

#include "server.h"

#define DRAWS 200000

static EhdsBits bits;

/* Is a count of n shown as often as P(X >= least)? */
static void
try_release(int64 n, int64 least, int k, double sigma_p, const char *name)
{
	int shown = 0;
	int64 lowest = PG_INT64_MAX;

	for (int i = 0; i < DRAWS; i++)
	{
		bool released;
		int64 value = ehds_gaussian_release_from(&bits, n, 2, 0, 3, k, true, &released);

		if (!released)
			continue;
		shown++;
		lowest = Min(lowest, value);
	}
	snprintf(note, sizeof(note), "%d of %d shown, the lowest is %lld", shown, DRAWS, (long long) lowest);
	ok(fabs(shown - DRAWS * sigma_p) <= 5.5 * sqrt(DRAWS * sigma_p * (1 - sigma_p)) &&
		   (shown == 0 || lowest >= 3 + k),
	   name);
}

/* P(X >= x) at sigma 2, by definition */
static double
tail(int x)
{
	double above = 0;
	double total = 0;

	for (int i = -100; i <= 100; i++)
	{
		double w = exp(-i * i / 8.0);

		total += w;
		if (i >= x)
			above += w;
	}
	return above / total;
}

int
main(void)
{
	EhdsDpBudget pure = {false, INT64CONST(3000000000), 0, INT64CONST(10000000000)};
	EhdsDpBudget zcdp = {true, 0, INT64CONST(131335881602), INT64CONST(5000000000)};
	EhdsDpShare share;
	EhdsMechanism m;
	bool released;

	ehds_bits_secure(&bits);

	/* shares */
	share = ehds_dp_share(&pure, 500000000);
	ok(!share.zcdp && share.epsilon_nano == 500000000 && share.rho_pico == 0 &&
		   share.delta_atto == INT64CONST(1666666666),
	   "a sixth of epsilon has a sixth of delta, rounded down");
	share = ehds_dp_share(&zcdp, 100000000);
	ok(share.zcdp && share.rho_pico == INT64CONST(5000000000) && share.delta_atto == 190351636,
	   "epsilon 0.1 is rho 0.005, with that share of delta, rounded down");
	share = ehds_dp_share(&zcdp, 300);
	ok(share.rho_pico == 1, "a part of a unit of rho counts as a whole one");
	zcdp.rho_pico = 1;
	share = ehds_dp_share(&zcdp, EHDS_EPSILON_MAX_NANO);
	zcdp.rho_pico = INT64CONST(131335881602);
	ok(share.delta_atto == EHDS_DELTA_MAX_ATTO, "a share beyond everything does not wrap around");
	RAISES(ehds_dp_share(&pure, 0), "a share of nothing is refused");

	/* what is released costs at most the share, and is not much wider than needed */
	for (int groups = 1; groups <= 1000; groups *= 10)
	{
		uint64 den = 1;
		int64 cost;
		char name[100];

		share = ehds_dp_share(&zcdp, 700000000);
		m = ehds_dp_count_mechanism(&share, groups, true);
		for (int i = 0; i < 2 * m.sigma_places; i++)
			den *= 10;
		cost = ehds_zcdp_rho_gaussian(m.sigma_digits * m.sigma_digits, den, groups, 1);
		snprintf(name, sizeof(name), "in zCDP, noise for %d groups costs what was asked", groups);
		snprintf(note, sizeof(note), "%lld of %lld", (long long) cost, (long long) share.rho_pico);
		ok(m.gaussian && m.keyed && cost <= share.rho_pico && cost > share.rho_pico - share.rho_pico / 100000,
		   name);
		ok(m.tau == ehds_gaussian_threshold(m.sigma_digits, m.sigma_places, share.delta_atto, groups),
		   "... with the threshold of its groups");
	}
	m = ehds_dp_count_mechanism(&share, 1000, false);
	ok(m.max_groups == 1 && m.tau == 0 && fabs(ehds_mechanism_scale(&m) - 1 / 0.7) < 1e-6,
	   "without a key there is one group");
	share = ehds_dp_share(&pure, 500000000);
	m = ehds_dp_count_mechanism(&share, 4, true);
	ok(!m.gaussian && m.epsilon_nano == 500000000 && m.tau == ehds_dp_threshold(500000000, 1666666666, 4) &&
		   ehds_mechanism_scale(&m) == 8,
	   "in pure accounting noise is Laplace");

	/* releases at sigma 2 and threshold 3 */
	try_release(0, 0, 1, 0, "a group of nobody is never shown, whatever the noise");
	try_release(10, 0, 11, 0, "nor one below the pre-threshold");
	try_release(1, 3, 1, tail(3), "a group of one person is shown if the noise is at least tau");
	try_release(11, 3, 11, tail(3), "with a pre-threshold the first person that counts is the k-th");
	try_release(4, 0, 1, tail(0), "a larger group more often");
	ok(ehds_gaussian_release_from(&bits, 1000000, 1, 9, 1, 1, true, &released) == 1000000 && released,
	   "without noise, so to say, the count itself is shown");
	ok(ehds_gaussian_release_from(&bits, 1000000, 1, 9, 1, 11, true, &released) == 1000000 && released,
	   "raised again by what the pre-threshold took");
	(void) ehds_gaussian_release_from(&bits, 0, 2, 0, 0, 1, false, &released);
	ok(released, "without a key everything is shown");
	RAISES(ehds_gaussian_release(-1, 2, 0, 1, 1, true, &released), "a negative count is refused");
	RAISES(ehds_gaussian_release(1, 2, 0, 0, 1, true, &released),
		   "a keyed release without threshold is refused");
	RAISES(ehds_gaussian_release(1, 2, 0, 1, 0, true, &released), "a keyed release with k = 0 is refused");
	RAISES(ehds_gaussian_release(1, 2, 10, 1, 1, true, &released), "a sigma of ten decimals is refused");
	RAISES(ehds_gaussian_release(1, 0, 0, 1, 1, true, &released), "no noise is refused");

	ehds_bits_end(&bits);
	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}
