/*
 * noise_sql.c
 *		The SQL face of the samplers, for tests by superusers.
 */
#include "noise/gaussian.h"
#include "noise/laplace.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(ehds_discrete_laplace_sql);
PG_FUNCTION_INFO_V1(ehds_discrete_gaussian_sql);

/*
 * A numeric is a rational: all its digits over a power of ten. False if it has
 * more than max_places decimals, or if the digits are not in 1..max_num.
 */
static bool
to_fraction(Numeric value, int max_places, uint64 max_num, uint64 *num, uint64 *den)
{
	Datum digits = NumericGetDatum(value);
	int32 places;

	if (numeric_is_nan(value) || numeric_is_inf(value))
		return false;
	places = DatumGetInt32(DirectFunctionCall1(numeric_min_scale, digits));
	if (places > max_places)
		return false;
	*den = 1;
	for (int i = 0; i < places; i++)
		*den *= 10;
	digits = DirectFunctionCall2(numeric_mul, digits, NumericGetDatum(int64_to_numeric(*den)));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, digits, NumericGetDatum(int64_to_numeric(1)))) < 0 ||
		DatumGetInt32(DirectFunctionCall2(numeric_cmp, digits, NumericGetDatum(int64_to_numeric(max_num)))) > 0)
		return false;
	*num = DatumGetInt64(DirectFunctionCall1(numeric_int8, digits));
	return true;
}

/* discrete_laplace(scale numeric) */
Datum
ehds_discrete_laplace_sql(PG_FUNCTION_ARGS)
{
	uint64 num, den;

	if (!to_fraction(PG_GETARG_NUMERIC(0), 18, EHDS_NOISE_MAX, &num, &den))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("noise scale out of range")));
	PG_RETURN_INT64(ehds_discrete_laplace(num, den));
}

/* discrete_gaussian(sigma numeric) */
Datum
ehds_discrete_gaussian_sql(PG_FUNCTION_ARGS)
{
	uint64 num, den;

	if (!to_fraction(PG_GETARG_NUMERIC(0), 9, EHDS_SIGMA_MAX, &num, &den))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("sigma of the noise out of range")));
	PG_RETURN_INT64(ehds_discrete_gaussian(num * num, den * den));
}
