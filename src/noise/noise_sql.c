/*
 * noise_sql.c
 *		The SQL face of the samplers, for tests by superusers.
 */
#include "noise/laplace.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

PG_FUNCTION_INFO_V1(ehds_discrete_laplace_sql);

/* discrete_laplace(scale numeric) */
Datum
ehds_discrete_laplace_sql(PG_FUNCTION_ARGS)
{
	Numeric scale = PG_GETARG_NUMERIC(0);
	Datum num = NumericGetDatum(scale);
	uint64 den = 1;
	int32 places = 0;

	if (!numeric_is_nan(scale) && !numeric_is_inf(scale))
		places = DatumGetInt32(DirectFunctionCall1(numeric_min_scale, num));
	if (numeric_is_nan(scale) || numeric_is_inf(scale) || places > 18)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("noise scale out of range")));

	/* a numeric is a rational: all its digits over a power of ten */
	for (int i = 0; i < places; i++)
		den *= 10;
	num = DirectFunctionCall2(numeric_mul, num, NumericGetDatum(int64_to_numeric(den)));
	if (DatumGetInt32(DirectFunctionCall2(numeric_cmp, num, NumericGetDatum(int64_to_numeric(1)))) < 0 ||
		DatumGetInt32(
			DirectFunctionCall2(numeric_cmp, num, NumericGetDatum(int64_to_numeric(EHDS_NOISE_MAX)))) > 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("noise scale out of range")));
	PG_RETURN_INT64(ehds_discrete_laplace(DatumGetInt64(DirectFunctionCall1(numeric_int8, num)), den));
}
