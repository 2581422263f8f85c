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
