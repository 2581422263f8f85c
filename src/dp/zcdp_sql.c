/*
 * zcdp_sql.c
 *		The SQL face of the accounting in zCDP, for whoever plans a budget.
 */
#include "dp/zcdp.h"

#include "dp/dp.h"
#include "noise/gaussian.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(ehds_zcdp_rho_sql);
PG_FUNCTION_INFO_V1(ehds_zcdp_delta_sql);
PG_FUNCTION_INFO_V1(ehds_zcdp_epsilon_sql);
PG_FUNCTION_INFO_V1(ehds_zcdp_rho_pure_sql);
PG_FUNCTION_INFO_V1(ehds_zcdp_rho_exponential_sql);
PG_FUNCTION_INFO_V1(ehds_zcdp_rho_gaussian_sql);
PG_FUNCTION_INFO_V1(ehds_dp_noise_sigma_sql);

#define EPSILON_PLACES 9
#define RHO_PLACES 12
#define DELTA_PLACES 18
#define SIGMA_PLACES 9

/* units / 10^places without trailing zeros */
static Datum
from_units(int64 units, int places)
{
	return DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(int64_div_fast_to_numeric(units, places)));
}

static int64
getarg_rho(FunctionCallInfo fcinfo, int n)
{
	int64 pico = ehds_dp_units(PG_GETARG_NUMERIC(n), RHO_PLACES);

	ehds_zcdp_check_rho(pico);
	return pico;
}

/* zcdp_rho(epsilon numeric, delta numeric) */
Datum
ehds_zcdp_rho_sql(PG_FUNCTION_ARGS)
{
	int64 rho = ehds_zcdp_rho(ehds_dp_epsilon_nano(PG_GETARG_NUMERIC(0)),
							  ehds_dp_delta_atto(PG_GETARG_NUMERIC(1)));

	return from_units(rho, RHO_PLACES);
}

/* zcdp_delta(rho numeric, epsilon numeric) */
Datum
ehds_zcdp_delta_sql(PG_FUNCTION_ARGS)
{
	int64 delta = ehds_zcdp_delta(getarg_rho(fcinfo, 0), ehds_dp_epsilon_nano(PG_GETARG_NUMERIC(1)));

	return from_units(delta, DELTA_PLACES);
}

/* zcdp_epsilon(rho numeric, delta numeric) */
Datum
ehds_zcdp_epsilon_sql(PG_FUNCTION_ARGS)
{
	int64 epsilon = ehds_zcdp_epsilon(getarg_rho(fcinfo, 0), ehds_dp_delta_atto(PG_GETARG_NUMERIC(1)));

	if (epsilon == 0)
		PG_RETURN_NULL();
	return from_units(epsilon, EPSILON_PLACES);
}

/* zcdp_rho_pure(epsilon numeric) */
Datum
ehds_zcdp_rho_pure_sql(PG_FUNCTION_ARGS)
{
	return from_units(ehds_zcdp_rho_pure(ehds_dp_epsilon_nano(PG_GETARG_NUMERIC(0))), RHO_PLACES);
}

/* zcdp_rho_exponential(epsilon numeric) */
Datum
ehds_zcdp_rho_exponential_sql(PG_FUNCTION_ARGS)
{
	return from_units(ehds_zcdp_rho_exponential(ehds_dp_epsilon_nano(PG_GETARG_NUMERIC(0))), RHO_PLACES);
}

/* zcdp_rho_gaussian(sigma numeric, max_groups integer, sensitivity bigint) */
Datum
ehds_zcdp_rho_gaussian_sql(PG_FUNCTION_ARGS)
{
	int64 digits = ehds_dp_units(PG_GETARG_NUMERIC(0), SIGMA_PLACES);
	int64 den = 1000000000;

	while (digits > 0 && den > 1 && digits % 10 == 0)
	{
		digits /= 10;
		den /= 10;
	}
	if (digits < 1 || digits > EHDS_SIGMA_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sigma must be above 0 and at most 2^31, with at most 9 decimals and 9 digits")));
	return from_units(ehds_zcdp_rho_gaussian(digits * digits, den * den, PG_GETARG_INT32(1),
											 PG_GETARG_INT64(2)),
					  RHO_PLACES);
}

/* dp_noise_sigma(rho numeric, max_groups integer, sensitivity bigint) */
Datum
ehds_dp_noise_sigma_sql(PG_FUNCTION_ARGS)
{
	uint64 digits;
	int places;

	ehds_zcdp_sigma(getarg_rho(fcinfo, 0), PG_GETARG_INT32(1), PG_GETARG_INT64(2), &digits, &places);
	return from_units(digits, places);
}
