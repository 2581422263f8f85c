/*
 * total_integer.c
 *		Arithmetic and casts of integers that give NULL where the built-ins raise.
 *
 * The result is computed in 128 bits; if its type holds it, the built-in is called.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/fmgrprotos.h"

#include "total/total.h"

#define INTEGER_OP(name, left, right, result, op, forbidden) \
	EHDS_TOTAL(name)                                         \
	{                                                        \
		int128 a = PG_GETARG_##left(0);                      \
		int128 b = PG_GETARG_##right(1);                     \
		int128 r;                                            \
                                                             \
		if (forbidden)                                       \
			PG_RETURN_NULL();                                \
		r = a op b;                                          \
		if (r < PG_##result##_MIN || r > PG_##result##_MAX)  \
			PG_RETURN_NULL();                                \
		EHDS_NATIVE(name);                                   \
	}                                                        \
	extern int ehds_no_semicolon

#define INTEGER_OPS(prefix, left, right, result)            \
	INTEGER_OP(prefix##pl, left, right, result, +, false);  \
	INTEGER_OP(prefix##mi, left, right, result, -, false);  \
	INTEGER_OP(prefix##mul, left, right, result, *, false); \
	INTEGER_OP(prefix##div, left, right, result, /, b == 0)

INTEGER_OPS(int2, INT16, INT16, INT16);
INTEGER_OPS(int24, INT16, INT32, INT32);
INTEGER_OPS(int42, INT32, INT16, INT32);
INTEGER_OPS(int4, INT32, INT32, INT32);
INTEGER_OPS(int28, INT16, INT64, INT64);
INTEGER_OPS(int82, INT64, INT16, INT64);
INTEGER_OPS(int48, INT32, INT64, INT64);
INTEGER_OPS(int84, INT64, INT32, INT64);
INTEGER_OPS(int8, INT64, INT64, INT64);
INTEGER_OP(int2mod, INT16, INT16, INT16, %, b == 0);
INTEGER_OP(int4mod, INT32, INT32, INT32, %, b == 0);
INTEGER_OP(int8mod, INT64, INT64, INT64, %, b == 0);

/* name(value) is the built-in where value >= least and value <= greatest */
#define FROM_INTEGER(name, type, least, greatest)  \
	EHDS_TOTAL(name)                               \
	{                                              \
		int64 value = PG_GETARG_##type(0);         \
                                                   \
		if (value < (least) || value > (greatest)) \
			PG_RETURN_NULL();                      \
		EHDS_NATIVE(name);                         \
	}                                              \
	extern int ehds_no_semicolon

FROM_INTEGER(int2um, INT16, PG_INT16_MIN + 1, PG_INT16_MAX);
FROM_INTEGER(int4um, INT32, PG_INT32_MIN + 1, PG_INT32_MAX);
FROM_INTEGER(int8um, INT64, PG_INT64_MIN + 1, PG_INT64_MAX);
FROM_INTEGER(int2abs, INT16, PG_INT16_MIN + 1, PG_INT16_MAX);
FROM_INTEGER(int4abs, INT32, PG_INT32_MIN + 1, PG_INT32_MAX);
FROM_INTEGER(int8abs, INT64, PG_INT64_MIN + 1, PG_INT64_MAX);
FROM_INTEGER(i4toi2, INT32, PG_INT16_MIN, PG_INT16_MAX);
FROM_INTEGER(int82, INT64, PG_INT16_MIN, PG_INT16_MAX);
FROM_INTEGER(int84, INT64, PG_INT32_MIN, PG_INT32_MAX);

/* ... where the value, rounded to an integer, fits */
#define FROM_FLOAT(name, ctype, getter, fits) \
	EHDS_TOTAL(name)                          \
	{                                         \
		ctype value = rint(getter(0));        \
                                              \
		if (isnan(value) || !fits(value))     \
			PG_RETURN_NULL();                 \
		EHDS_NATIVE(name);                    \
	}                                         \
	extern int ehds_no_semicolon

FROM_FLOAT(dtoi2, float8, PG_GETARG_FLOAT8, FLOAT8_FITS_IN_INT16);
FROM_FLOAT(dtoi4, float8, PG_GETARG_FLOAT8, FLOAT8_FITS_IN_INT32);
FROM_FLOAT(dtoi8, float8, PG_GETARG_FLOAT8, FLOAT8_FITS_IN_INT64);
FROM_FLOAT(ftoi2, float4, PG_GETARG_FLOAT4, FLOAT4_FITS_IN_INT16);
FROM_FLOAT(ftoi4, float4, PG_GETARG_FLOAT4, FLOAT4_FITS_IN_INT32);
FROM_FLOAT(ftoi8, float4, PG_GETARG_FLOAT4, FLOAT4_FITS_IN_INT64);
