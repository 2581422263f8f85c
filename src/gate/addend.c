/*
 * addend.c
 *		Values of which any number may be added, squared too, without an error.
 *
 * Inside an aggregate within a person an overflow would be an error that only this
 * person's rows raise. No measurement is as large as what is left out here.
 */
#include "core/compat.h"

#include <math.h>

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#define LARGEST_FLOAT4 1e20
#define LARGEST_FLOAT8 1e100
#define LARGEST_NUMERIC "1e1000"
#define MOST_DECIMALS 1000

PG_FUNCTION_INFO_V1(ehds_addend_float4);
PG_FUNCTION_INFO_V1(ehds_addend_float8);
PG_FUNCTION_INFO_V1(ehds_addend_numeric);

/* addend(value real) */
Datum
ehds_addend_float4(PG_FUNCTION_ARGS)
{
	float4 x = PG_GETARG_FLOAT4(0);

	if (!isinf(x) && fabsf(x) > (float4) LARGEST_FLOAT4)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT4(x);
}

/* addend(value double precision) */
Datum
ehds_addend_float8(PG_FUNCTION_ARGS)
{
	float8 x = PG_GETARG_FLOAT8(0);

	if (!isinf(x) && fabs(x) > LARGEST_FLOAT8)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(x);
}

/* addend(value numeric) */
Datum
ehds_addend_numeric(PG_FUNCTION_ARGS)
{
	Datum x = PG_GETARG_DATUM(0);
	Numeric n = DatumGetNumeric(x);

	if (numeric_is_nan(n) || numeric_is_inf(n))
		PG_RETURN_DATUM(x);
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		fcinfo->flinfo->fn_extra = DatumGetPointer(
			DirectFunctionCall3(numeric_in, CStringGetDatum(LARGEST_NUMERIC), ObjectIdGetDatum(InvalidOid),
								Int32GetDatum(-1)));
		MemoryContextSwitchTo(old);
	}
	if (DatumGetInt32(DirectFunctionCall1(numeric_scale, x)) > MOST_DECIMALS ||
		DatumGetBool(DirectFunctionCall2(numeric_gt, DirectFunctionCall1(numeric_abs, x),
										 PointerGetDatum(fcinfo->flinfo->fn_extra))))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(x);
}
