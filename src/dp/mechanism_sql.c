/*
 * mechanism_sql.c
 *		The SQL face of counts with discrete Gaussian noise.
 */
#include "dp/mechanism.h"

#include "core/approval.h"
#include "core/errors.h"
#include "dp/dp.h"
#include "noise/gaussian.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(ehds_dp_release_gaussian_sql);
PG_FUNCTION_INFO_V1(ehds_dp_threshold_gaussian_sql);
PG_FUNCTION_INFO_V1(ehds_dp_interval_gaussian_sql);

/*
 * dp_release_gaussian(n bigint, sigma_digits bigint, sigma_places integer, tau bigint,
 * k integer, keyed boolean, approval ehds.approval)
 */
Datum
ehds_dp_release_gaussian_sql(PG_FUNCTION_ARGS)
{
	EhdsExecution *ex = ehds_getarg_execution(fcinfo, 6);
	int64 value;
	bool released;

	if (!ex->charged)
		ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
						errmsg("no privacy budget was charged for this release")));
	for (int i = 0; i < 6; i++)
	{
		if (PG_ARGISNULL(i))
			elog(ERROR, "argument of a release is null");
	}
	value = ehds_gaussian_release(PG_GETARG_INT64(0), PG_GETARG_INT64(1), PG_GETARG_INT32(2),
								  PG_GETARG_INT64(3), PG_GETARG_INT32(4), PG_GETARG_BOOL(5), &released);
	if (!released)
		PG_RETURN_NULL();
	PG_RETURN_INT64(value);
}

/* A sigma of at most nine decimals, as digits without trailing zeros. */
static uint64
getarg_sigma(FunctionCallInfo fcinfo, int n, int *places)
{
	int64 digits = ehds_dp_units(PG_GETARG_NUMERIC(n), 9);

	*places = 9;
	while (digits > 0 && *places > 0 && digits % 10 == 0)
	{
		digits /= 10;
		(*places)--;
	}
	if (digits < 1 || digits > EHDS_SIGMA_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("sigma must be above 0 and at most 2^31, with at most 9 decimals and 9 digits")));
	return digits;
}

/* dp_threshold_gaussian(sigma numeric, delta numeric, max_groups integer) */
Datum
ehds_dp_threshold_gaussian_sql(PG_FUNCTION_ARGS)
{
	int places;
	uint64 digits = getarg_sigma(fcinfo, 0, &places);

	PG_RETURN_INT64(ehds_gaussian_threshold(digits, places, ehds_dp_delta_atto(PG_GETARG_NUMERIC(1)),
											PG_GETARG_INT32(2)));
}

/* dp_interval_gaussian(sigma numeric) */
Datum
ehds_dp_interval_gaussian_sql(PG_FUNCTION_ARGS)
{
	int places;
	uint64 digits = getarg_sigma(fcinfo, 0, &places);

	PG_RETURN_INT64(ehds_gaussian_interval95(digits, places));
}
