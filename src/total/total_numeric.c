/*
 * total_numeric.c
 *		Arithmetic and casts of numeric that give NULL where the built-ins raise,
 *		and for numbers of more than about 2,000 digits.
 */
#include "core/compat.h"

#include "access/detoast.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "total/total.h"

/* Argument n is not too long to be worked on. */
static bool
is_small(FunctionCallInfo fcinfo, int n)
{
	return toast_raw_datum_size(PG_GETARG_DATUM(n)) <= EHDS_TOTAL_NUMERIC_MAX;
}

static int
compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

static bool
is_finite(Numeric value)
{
	return !numeric_is_nan(value) && !numeric_is_inf(value);
}

static Numeric
numeric_of(int64 value)
{
	return int64_to_numeric(value);
}

/* 10 to the power of n, |n| up to some thousands */
static Numeric
power_of_ten(int n)
{
	char *text = psprintf("1e%d", n);

	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/* What is between 10 to this power and to its negative has a tenth power within the type. */
#define MOST_POWER 1600

#define NUMERIC_OP(name)                                                                    \
	EHDS_TOTAL(numeric_##name)                                                              \
	{                                                                                       \
		bool error = false;                                                                 \
		Numeric r;                                                                          \
                                                                                            \
		if (!is_small(fcinfo, 0) || !is_small(fcinfo, 1))                                   \
			PG_RETURN_NULL();                                                               \
		r = numeric_##name##_opt_error(PG_GETARG_NUMERIC(0), PG_GETARG_NUMERIC(1), &error); \
		if (error)                                                                          \
			PG_RETURN_NULL();                                                               \
		PG_RETURN_NUMERIC(r);                                                               \
	}                                                                                       \
	extern int ehds_no_semicolon

NUMERIC_OP(add);
NUMERIC_OP(sub);
NUMERIC_OP(mul);
NUMERIC_OP(div);
NUMERIC_OP(mod);

/*
 * Small numbers can't leave the range of the type by these: they have fewer than
 * 2,100 digits, of the 131,072 of the type.
 */
#define NUMERIC_OF_SMALL(name)    \
	EHDS_TOTAL(name)              \
	{                             \
		if (!is_small(fcinfo, 0)) \
			PG_RETURN_NULL();     \
		EHDS_NATIVE(name);        \
	}                             \
	extern int ehds_no_semicolon

static Numeric
size_of(Numeric value)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(value)));
}

EHDS_TOTAL(numeric_round)
{
	Numeric value;

	if (!is_small(fcinfo, 0))
		PG_RETURN_NULL();
	value = PG_GETARG_NUMERIC(0);
	/* 9.5e131071, to as many places before the point, has a digit too many */
	if (PG_GETARG_INT32(1) < -MOST_POWER && is_finite(value) &&
		compare(size_of(value), power_of_ten(131071)) >= 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric_round);
}

NUMERIC_OF_SMALL(numeric_trunc);
NUMERIC_OF_SMALL(numeric_ceil);
NUMERIC_OF_SMALL(numeric_floor);

EHDS_TOTAL(numeric_sqrt)
{
	if (!is_small(fcinfo, 0) || compare(PG_GETARG_NUMERIC(0), numeric_of(0)) < 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric_sqrt);
}

EHDS_TOTAL(numeric_ln)
{
	if (!is_small(fcinfo, 0) || compare(PG_GETARG_NUMERIC(0), numeric_of(0)) <= 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric_ln);
}

EHDS_TOTAL(numeric_log)
{
	Numeric base;
	Numeric value;

	if (!is_small(fcinfo, 0) || !is_small(fcinfo, 1))
		PG_RETURN_NULL();
	base = PG_GETARG_NUMERIC(0);
	value = PG_GETARG_NUMERIC(1);
	if (!numeric_is_nan(base) && !numeric_is_nan(value) &&
		(compare(base, numeric_of(0)) <= 0 || compare(value, numeric_of(0)) <= 0 ||
		 (compare(base, numeric_of(1)) == 0 && !numeric_is_inf(value))))
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric_log);
}

/* To integers: half a unit outside the range rounds away from it. */
static bool
rounds_into(FunctionCallInfo fcinfo, const char *below_least, const char *above_greatest)
{
	Numeric value;
	Numeric least;
	Numeric greatest;

	if (!is_small(fcinfo, 0))
		return false;
	value = PG_GETARG_NUMERIC(0);
	least = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(below_least),
												ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	greatest = DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(above_greatest),
												   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	return is_finite(value) && compare(value, least) > 0 && compare(value, greatest) < 0;
}

EHDS_TOTAL(numeric_int2)
{
	if (!rounds_into(fcinfo, "-32768.5", "32767.5"))
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric_int2);
}

EHDS_TOTAL(numeric_int4)
{
	bool error = false;
	int32 r;

	if (!is_small(fcinfo, 0))
		PG_RETURN_NULL();
	r = numeric_int4_opt_error(PG_GETARG_NUMERIC(0), &error);
	if (error)
		PG_RETURN_NULL();
	PG_RETURN_INT32(r);
}

EHDS_TOTAL(numeric_int8)
{
	if (!rounds_into(fcinfo, "-9223372036854775808.5", "9223372036854775807.5"))
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric_int8);
}

EHDS_TOTAL(numeric_float8)
{
	Numeric value;
	float8 r;

	if (!is_small(fcinfo, 0))
		PG_RETURN_NULL();
	value = PG_GETARG_NUMERIC(0);
	if (!is_finite(value))
		EHDS_NATIVE(numeric_float8);
	r = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value)));
	if (isinf(r) || (r == 0 && compare(value, numeric_of(0)) != 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(r);
}

EHDS_TOTAL(numeric_float4)
{
	Numeric value;
	float4 r;

	if (!is_small(fcinfo, 0))
		PG_RETURN_NULL();
	value = PG_GETARG_NUMERIC(0);
	if (!is_finite(value))
		EHDS_NATIVE(numeric_float4);
	r = strtof(DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value))), NULL);
	if (isinf(r) || (r == 0 && compare(value, numeric_of(0)) != 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT4(r);
}

/* numeric(p, s): the number, rounded to s places, has at most p - s digits before the point. */
EHDS_TOTAL(numeric)
{
	int32 typmod = PG_GETARG_INT32(1);
	int precision;
	int scale;
	Numeric value;
	Numeric rounded;

	if (!is_small(fcinfo, 0))
		PG_RETURN_NULL();
	value = PG_GETARG_NUMERIC(0);
	if (typmod < (int32) VARHDRSZ || numeric_is_nan(value))
		EHDS_NATIVE(numeric);
	if (numeric_is_inf(value))
		PG_RETURN_NULL();
	precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	/* eleven bits, with a sign */
	scale = (((typmod - VARHDRSZ) & 0x7ff) ^ 1024) - 1024;
	rounded = DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(value), Int32GetDatum(scale)));
	rounded = DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(rounded)));
	if (compare(rounded, power_of_ten(precision - scale)) >= 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric);
}

/*
 * Small whole powers only: others take time that grows with the number, and tell
 * by it.
 */
EHDS_TOTAL(numeric_power)
{
	Numeric base;
	Numeric exponent;
	bool error = false;
	int32 n;

	if (!is_small(fcinfo, 0) || !is_small(fcinfo, 1))
		PG_RETURN_NULL();
	base = PG_GETARG_NUMERIC(0);
	exponent = PG_GETARG_NUMERIC(1);
	n = numeric_int4_opt_error(exponent, &error);
	if (error || n < -10 || n > 10 || compare(exponent, numeric_of(n)) != 0 ||
		(n < 0 && compare(base, numeric_of(0)) == 0))
		PG_RETURN_NULL();
	/* few digits may stand far from the point */
	if (is_finite(base) && compare(base, numeric_of(0)) != 0 &&
		(compare(size_of(base), power_of_ten(MOST_POWER)) > 0 ||
		 compare(size_of(base), power_of_ten(-MOST_POWER)) < 0))
		PG_RETURN_NULL();
	EHDS_NATIVE(numeric_power);
}

EHDS_TOTAL(width_bucket_numeric)
{
	Numeric low;
	Numeric high;
	int32 count = PG_GETARG_INT32(3);

	if (!is_small(fcinfo, 0) || !is_small(fcinfo, 1) || !is_small(fcinfo, 2))
		PG_RETURN_NULL();
	low = PG_GETARG_NUMERIC(1);
	high = PG_GETARG_NUMERIC(2);
	/* the bucket above the last one is number count + 1, and so may be the one below by rounding */
	if (count <= 0 || count == PG_INT32_MAX || numeric_is_nan(PG_GETARG_NUMERIC(0)) || !is_finite(low) ||
		!is_finite(high) || compare(low, high) == 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(width_bucket_numeric);
}
