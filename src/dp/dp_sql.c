/*
 * dp_sql.c
 *		The SQL face of private counts.
 *
 * The C functions behind SQL are named ..._sql here, because the names without
 * it belong to the functions of dp.h that other rooms call.
 */
#include "dp/dp.h"

#include "core/approval.h"
#include "core/errors.h"
#include "dp/mechanism.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ehds_dp_count_refuse);
PG_FUNCTION_INFO_V1(ehds_dp_word_refuse);
PG_FUNCTION_INFO_V1(ehds_dp_release_sql);
PG_FUNCTION_INFO_V1(ehds_dp_noise_sql);
PG_FUNCTION_INFO_V1(ehds_dp_noise_gaussian_sql);
PG_FUNCTION_INFO_V1(ehds_dp_distinct_sql);
PG_FUNCTION_INFO_V1(ehds_dp_threshold_sql);
PG_FUNCTION_INFO_V1(ehds_dp_noise_scale_sql);
PG_FUNCTION_INFO_V1(ehds_dp_interval_sql);

int64
ehds_dp_units(Numeric value, int places)
{
	Datum unit = DirectFunctionCall2(numeric_power, NumericGetDatum(int64_to_numeric(10)),
									 NumericGetDatum(int64_to_numeric(places)));
	Datum scaled;

	if (numeric_is_nan(value) || numeric_is_inf(value))
		return -1;
	scaled = DirectFunctionCall2(numeric_mul, NumericGetDatum(value), unit);
	if (DatumGetInt32(
			DirectFunctionCall2(numeric_cmp, scaled, NumericGetDatum(int64_to_numeric(PG_INT64_MAX)))) > 0 ||
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, scaled, NumericGetDatum(int64_to_numeric(0)))) < 0 ||
		DatumGetInt32(DirectFunctionCall1(numeric_min_scale, scaled)) > 0)
		return -1;
	return DatumGetInt64(DirectFunctionCall1(numeric_int8, scaled));
}

int64
ehds_dp_epsilon_nano(Numeric epsilon)
{
	int64 nano = ehds_dp_units(epsilon, 9);

	if (nano < EHDS_EPSILON_MIN_NANO || nano > EHDS_EPSILON_MAX_NANO)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("epsilon must be between 0.000000001 and 1000, with at most 9 decimals")));
	return nano;
}

int64
ehds_dp_delta_atto(Numeric delta)
{
	int64 atto = ehds_dp_units(delta, 18);

	if (atto < EHDS_DELTA_MIN_ATTO || atto > EHDS_DELTA_MAX_ATTO)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("delta must be above 0 and below 1, with at most 18 decimals"),
						errhint("A usual delta is 1e-8, or less than one tenth of 1 / population.")));
	return atto;
}

/*
 * Transition and final function of every dp_count. The final function raises as
 * well, for an input without rows would call no transition.
 */
Datum
ehds_dp_count_refuse(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_EHDS_REFUSED),
			 errmsg("dp_count runs only in a query under a permit with a privacy budget"),
			 errhint("Query the views of such a permit directly; ehds.my_permits lists your permits.")));
	PG_RETURN_NULL();
}

/* The same of the other private aggregates. */
Datum
ehds_dp_word_refuse(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_EHDS_REFUSED),
			 errmsg(
				 "differentially private aggregates run only in a query under a permit with a privacy budget"),
			 errhint("Query the views of such a permit directly; ehds.my_permits lists your permits.")));
	PG_RETURN_NULL();
}

static void
require_charge(FunctionCallInfo fcinfo, int approval)
{
	if (!ehds_getarg_execution(fcinfo, approval)->charged)
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
						errmsg("no privacy budget was charged for this release")));
	for (int i = 0; i < approval; i++)
	{
		if (PG_ARGISNULL(i))
			elog(ERROR, "argument of a release is null");
	}
}

static int
compare_hashes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(uint64));
}

/* dp_distinct(hashes bytea): how many there are of eight bytes each, equal ones counted once; NULL: none */
Datum
ehds_dp_distinct_sql(PG_FUNCTION_ARGS)
{
	bytea *hashes = PG_ARGISNULL(0) ? NULL : PG_GETARG_BYTEA_P_COPY(0);
	Size n = hashes ? VARSIZE_ANY_EXHDR(hashes) / sizeof(uint64) : 0;
	char *at = hashes ? VARDATA(hashes) : NULL;
	int64 distinct = 0;

	if (n > 0)
		qsort(at, n, sizeof(uint64), compare_hashes);
	for (Size i = 0; i < n; i++)
		if (i == 0 || memcmp(at + (i - 1) * sizeof(uint64), at + i * sizeof(uint64), sizeof(uint64)) != 0)
			distinct++;
	PG_RETURN_NUMERIC(int64_to_numeric(distinct));
}

/* dp_noise(statistic numeric, scale_num bigint, scale_den bigint, approval ehds.approval) */
Datum
ehds_dp_noise_sql(PG_FUNCTION_ARGS)
{
	EhdsSumNoise noise = {0};

	require_charge(fcinfo, 3);
	noise.scale_num = PG_GETARG_INT64(1);
	noise.scale_den = PG_GETARG_INT64(2);
	return DirectFunctionCall2(numeric_add, PG_GETARG_DATUM(0),
							   NumericGetDatum(int64_to_numeric(ehds_dp_draw_sum_noise(&noise))));
}

/* dp_noise_gaussian(statistic numeric, sigma_digits bigint, sigma_places integer, approval ehds.approval) */
Datum
ehds_dp_noise_gaussian_sql(PG_FUNCTION_ARGS)
{
	EhdsSumNoise noise = {0};

	require_charge(fcinfo, 3);
	noise.gaussian = true;
	noise.sigma_digits = (uint64) PG_GETARG_INT64(1);
	noise.sigma_places = PG_GETARG_INT32(2);
	return DirectFunctionCall2(numeric_add, PG_GETARG_DATUM(0),
							   NumericGetDatum(int64_to_numeric(ehds_dp_draw_sum_noise(&noise))));
}

/*
 * dp_release(n bigint, epsilon_nano bigint, max_groups integer, tau bigint,
 * k integer, keyed boolean, approval ehds.approval)
 */
Datum
ehds_dp_release_sql(PG_FUNCTION_ARGS)
{
	int64 value;
	bool released;

	require_charge(fcinfo, 6);
	value = ehds_dp_release(PG_GETARG_INT64(0), PG_GETARG_INT64(1), PG_GETARG_INT32(2), PG_GETARG_INT64(3),
							PG_GETARG_INT32(4), PG_GETARG_BOOL(5), &released);
	if (!released)
		PG_RETURN_NULL();
	PG_RETURN_INT64(value);
}

/* dp_threshold(epsilon numeric, delta numeric, max_groups integer) */
Datum
ehds_dp_threshold_sql(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(ehds_dp_threshold(ehds_dp_epsilon_nano(PG_GETARG_NUMERIC(0)),
									  ehds_dp_delta_atto(PG_GETARG_NUMERIC(1)), PG_GETARG_INT32(2)));
}

/* dp_noise_scale(epsilon numeric, max_groups integer) */
Datum
ehds_dp_noise_scale_sql(PG_FUNCTION_ARGS)
{
	int32 max_groups = PG_GETARG_INT32(1);

	ehds_dp_epsilon_nano(PG_GETARG_NUMERIC(0));
	ehds_dp_check_max_groups(max_groups);
	return DirectFunctionCall2(numeric_div, NumericGetDatum(int64_to_numeric(max_groups)), PG_GETARG_DATUM(0));
}

/* dp_interval(epsilon numeric [, delta numeric, max_groups integer]) */
Datum
ehds_dp_interval_sql(PG_FUNCTION_ARGS)
{
	int64 nano = ehds_dp_epsilon_nano(PG_GETARG_NUMERIC(0));
	int64 tau;

	if (PG_NARGS() == 1)
		PG_RETURN_INT64(ehds_dp_interval95(nano, 1, false, 0));
	tau = ehds_dp_threshold(nano, ehds_dp_delta_atto(PG_GETARG_NUMERIC(1)), PG_GETARG_INT32(2));
	PG_RETURN_INT64(ehds_dp_interval95(nano, PG_GETARG_INT32(2), true, tau));
}
