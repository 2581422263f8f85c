/*
 * zcdp.c
 *		Accounting in zero-concentrated differential privacy.
 *
 * Costs and noise are computed in integers, exactly, and rounded once. The
 * conversion to (epsilon, delta) needs logarithms: it is computed in floating
 * point, which is allowed because no number that depends on data passes through,
 * and its result is raised by far more than its error.
 */
#include "dp/zcdp.h"

#include <math.h>

#include "dp/dp.h"
#include "noise/gaussian.h"
#include "noise/rational.h"

#define DELTA_ONE_ATTO INT64CONST(1000000000000000000)

void
ehds_zcdp_check_rho(int64 rho_pico)
{
	if (rho_pico < EHDS_RHO_MIN_PICO || rho_pico > EHDS_RHO_MAX_PICO)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("rho must be between 0.000000000001 and 500000, with at most 12 decimals")));
}

static void
check_sensitivity(int64 sensitivity)
{
	if (sensitivity < 1 || sensitivity > EHDS_SENSITIVITY_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("sensitivity must be between 1 and %lld", (long long) EHDS_SENSITIVITY_MAX)));
}

/* ceil(a b / c); false if it does not fit */
static bool
mul_div_up(uint128 a, uint64 b, uint64 c, uint128 *result)
{
	uint128 whole = a / c;
	uint128 part = (a % c) * b; /* both below 2^64 */

	if (whole > ~(uint128) 0 / b)
		return false;
	whole *= b;
	part = part / c + (part % c != 0);
	*result = whole + part;
	return *result >= whole;
}

/* epsilon^2 / divisor; the square of nanos is in 1e-18, a million to a pico */
static int64
rho_of_square(int64 epsilon_nano, int divisor)
{
	int128 units = (int128) divisor * 1000000;

	ehds_dp_check_epsilon(epsilon_nano);
	return (int64) (((int128) epsilon_nano * epsilon_nano + units - 1) / units);
}

int64
ehds_zcdp_rho_pure(int64 epsilon_nano)
{
	return rho_of_square(epsilon_nano, 2);
}

int64
ehds_zcdp_rho_exponential(int64 epsilon_nano)
{
	return rho_of_square(epsilon_nano, 8);
}

/* max_groups * sensitivity^2 / 2 in pico: at most 2^20 * 2^62 * 2^39 */
static uint128
half_square(int max_groups, int64 sensitivity)
{
	ehds_dp_check_max_groups(max_groups);
	check_sensitivity(sensitivity);
	return (uint128) max_groups * sensitivity * sensitivity * UINT64CONST(500000000000);
}

int64
ehds_zcdp_rho_gaussian(uint64 num, uint64 den, int max_groups, int64 sensitivity)
{
	uint128 rho;
	uint128 square = half_square(max_groups, sensitivity);

	if (num < 1 || den < 1 || num > EHDS_VARIANCE_MAX || den > EHDS_VARIANCE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("variance of the noise out of range")));
	if (!mul_div_up(square, den, num, &rho) || rho > (uint128) EHDS_RHO_MAX_PICO)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("noise this small costs more than rho 500000"), errhint("Use a larger sigma.")));
	return (int64) rho;
}

/* As many decimals as nine digits allow; without decimals sigma may have ten. */
void
ehds_zcdp_sigma(int64 rho_pico, int max_groups, int64 sensitivity, uint64 *digits, int *places)
{
	uint128 square = half_square(max_groups, sensitivity);
	uint64 shift = DELTA_ONE_ATTO; /* 10^(2 places) */

	ehds_zcdp_check_rho(rho_pico);
	for (*places = 9; *places >= 0; (*places)--, shift /= 100)
	{
		uint64 most = *places > 0 ? 999999999 : EHDS_SIGMA_MAX;
		uint128 variance;

		/* the square of an integer is at least a number if it is at least its ceiling */
		if (!mul_div_up(square, shift, rho_pico, &variance) || variance > (uint128) most * most)
			continue;
		*digits = ehds_root((uint64) variance);
		if (*digits * *digits < variance)
			(*digits)++;
		while (*places > 0 && *digits % 10 == 0)
		{
			*digits /= 10;
			(*places)--;
		}
		return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("noise of sigma above 2^31 is not supported"),
			 errhint("Count in a coarser unit, which lowers the sensitivity.")));
}

/*
 * Canonne, Kamath, Steinke 2020, section 2.3: rho-zCDP is (epsilon, delta)-DP for
 * each alpha > 1 with
 *
 *		delta = exp((alpha - 1) (alpha rho - epsilon)) / (alpha - 1) * (1 - 1 / alpha)^alpha.
 *
 * With b = alpha - 1 its logarithm is
 *
 *		b ((1 + b) rho - epsilon + ln(b / (1 + b))) - ln(1 + b),
 *
 * which has the derivative (1 + 2b) rho - epsilon + ln(b / (1 + b)) and is convex, so
 * the best b is where that is 0. It is sought by bisection of ln b: near 0, alpha
 * itself would have no digits left. Each b gives a bound that holds, thus only the
 * last line has to be rounded.
 */
int64
ehds_zcdp_delta(int64 rho_pico, int64 epsilon_nano)
{
	double rho, epsilon, b, grow, shrink, one, ln_delta, delta;
	double low = -700; /* b = 1e-304, where delta is 1 */
	double high = 40;  /* beyond epsilon / (2 rho), which is 5e14 at most */

	ehds_zcdp_check_rho(rho_pico);
	ehds_dp_check_epsilon(epsilon_nano);
	rho = rho_pico / 1e12;
	epsilon = epsilon_nano / 1e9;

	for (int i = 0; i < 100; i++)
	{
		double middle = (low + high) / 2;

		b = exp(middle);
		if ((1 + 2 * b) * rho - epsilon + middle - log1p(b) < 0)
			low = middle;
		else
			high = middle;
	}
	b = exp(low);
	grow = b * (1 + b) * rho;
	shrink = b * (epsilon + log1p(1 / b));
	one = log1p(b);
	ln_delta = grow - shrink - one;

	/* each term is right to about 1e-15 of itself */
	ln_delta += 1e-12 * (grow + shrink + one + 1e-3);
	delta = ceil(exp(ln_delta) * (double) DELTA_ONE_ATTO * (1 + 1e-14));
	if (delta >= (double) DELTA_ONE_ATTO)
		return DELTA_ONE_ATTO;
	return Max((int64) delta, 1);
}

int64
ehds_zcdp_rho(int64 epsilon_nano, int64 delta_atto)
{
	int64 low = 0; /* allowed */
	int64 high = EHDS_RHO_MAX_PICO + 1;

	ehds_dp_check_epsilon(epsilon_nano);
	ehds_dp_check_delta(delta_atto);
	while (high - low > 1)
	{
		int64 middle = low + (high - low) / 2;

		if (ehds_zcdp_delta(middle, epsilon_nano) <= delta_atto)
			low = middle;
		else
			high = middle;
	}
	return low;
}

int64
ehds_zcdp_epsilon(int64 rho_pico, int64 delta_atto)
{
	int64 low = 0; /* too low */
	int64 high = EHDS_EPSILON_MAX_NANO;

	ehds_dp_check_delta(delta_atto);
	if (ehds_zcdp_delta(rho_pico, high) > delta_atto)
		return 0;
	while (high - low > 1)
	{
		int64 middle = low + (high - low) / 2;

		if (ehds_zcdp_delta(rho_pico, middle) <= delta_atto)
			high = middle;
		else
			low = middle;
	}
	return high;
}
