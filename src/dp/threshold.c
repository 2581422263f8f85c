/*
 * threshold.c
 *		Thresholds and precision of private counts.
 *
 * Everything here is a function of declared parameters. No number that depends
 * on data passes through, so floating point is allowed; results are rounded to
 * the safe side by far more than its error.
 */
#include "dp/dp.h"

#include <math.h>

#include "noise/laplace.h"
#include "noise/rational.h"

#define NANO 1e9
#define ATTO_PER_ONE ((int128) INT64CONST(1000000000000000000))

void
ehds_dp_check_epsilon(int64 epsilon_nano)
{
	if (epsilon_nano < EHDS_EPSILON_MIN_NANO || epsilon_nano > EHDS_EPSILON_MAX_NANO)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("epsilon must be between 0.000000001 and 1000")));
}

void
ehds_dp_check_delta(int64 delta_atto)
{
	if (delta_atto < EHDS_DELTA_MIN_ATTO || delta_atto > EHDS_DELTA_MAX_ATTO)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("delta must be above 0 and below 1"),
						errhint("A usual delta is 1e-8, or less than one tenth of 1 / population.")));
}

void
ehds_dp_check_max_groups(int max_groups)
{
	if (max_groups < 1 || max_groups > EHDS_MAX_GROUPS_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_groups must be between 1 and %d", EHDS_MAX_GROUPS_MAX)));
}

/*
 * Desfontaines, Voss, Gipson, Mandayam 2022, "Differentially private partition
 * selection": with e = epsilon / max_groups and d = delta / max_groups,
 *
 *		tau = ceil((1/e) ln((exp(e) + 2d - 1) / ((exp(e) + 1) d)))
 *
 * is the least tau at which truncated discrete Laplace noise takes the value tau
 * with a probability of at most d.  The fraction is 1 + tanh(e/2) (1 - d) / d;
 * in that form nothing cancels or overflows anywhere in the ranges, and the
 * relative error stays near 1e-15.  A larger tau only lowers the probability, so
 * 1e-12 is added before rounding up.
 */
int64
ehds_dp_threshold(int64 epsilon_nano, int64 delta_atto, int max_groups)
{
	double e, odds;

	ehds_dp_check_epsilon(epsilon_nano);
	ehds_dp_check_delta(delta_atto);
	ehds_dp_check_max_groups(max_groups);
	e = epsilon_nano / (NANO * max_groups);

	/* (1 - d) / d; subtracted as integers, because 1 - d may be 1e-18 */
	odds = (double) (ATTO_PER_ONE * max_groups - delta_atto) / delta_atto;
	return (int64) ceil(log1p(tanh(e / 2) * odds) / e * (1 + 1e-12));
}

/*
 * With q = exp(-e), P(|X| > w) is 2 q^(w+1) / (1 + q), and truncated at tau
 * (2 q^(w+1) - 2 q^(tau+1)) / (1 + q - 2 q^(tau+1)).  Set to 0.05 and solved for
 * q^(w+1), which is written as 1 + rest to keep the digits of a small e.
 */
int64
ehds_dp_interval95(int64 epsilon_nano, int max_groups, bool keyed, int64 tau)
{
	double e, rest, w;

	ehds_dp_check_epsilon(epsilon_nano);
	if (keyed)
		ehds_dp_check_max_groups(max_groups);
	e = epsilon_nano / (keyed ? NANO * max_groups : NANO);
	rest = 0.025 * expm1(-e) + 0.95 * (keyed ? expm1(-e * ((double) tau + 1)) : -1);
	w = ceil(-log1p(rest) / e * (1 + 1e-12)) - 1;
	if (keyed && w > tau)
		w = tau;
	return (int64) Max(w, 0);
}

#define SCALE_PART_MAX ((uint128) 1 << 61)

/* As a fraction sensitivity max_groups 10^9 / epsilon_nano, whose parts are made to fit. */
void
ehds_dp_scale(int64 sensitivity, int max_groups, int64 epsilon_nano, int64 *num, int64 *den)
{
	uint128 n;
	uint64 d = (uint64) epsilon_nano;

	ehds_dp_check_epsilon(epsilon_nano);
	ehds_dp_check_max_groups(max_groups);
	if (sensitivity < 1)
		elog(ERROR, "sensitivity is out of range");
	/* below 2^63 2^20 2^30 */
	n = (uint128) sensitivity * (uint32) max_groups * UINT64CONST(1000000000);
	for (uint128 a = n, b = d;;)
	{
		uint128 r = a % b;

		if (r == 0)
		{
			n /= b;
			d /= (uint64) b;
			break;
		}
		a = b;
		b = r;
	}
	/* up in the numerator, down in the denominator: never less noise */
	while (n > SCALE_PART_MAX && d > 1)
	{
		n = (n + 1) / 2;
		d /= 2;
	}
	if (n > SCALE_PART_MAX || n / d >= EHDS_SCALE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the noise of a private aggregate would be too wide to compute with"),
				 errhint("Use a larger epsilon, fewer rows and groups a person, or a range of fewer steps.")));
	*num = (int64) n;
	*den = (int64) d;
}

/* P(|X| > w) = 2 q^(w+1) / (1 + q) with q = exp(-den/num) */
int64
ehds_dp_interval_of_scale(int64 num, int64 den, double miss)
{
	double e = (double) den / (double) num;
	double w = ceil(-log(miss * (1 + exp(-e)) / 2) / e * (1 + 1e-12)) - 1;

	return (int64) Max(w, 0);
}
