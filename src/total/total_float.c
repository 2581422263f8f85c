/*
 * total_float.c
 *		Arithmetic of float4 and float8 that gives NULL where the built-ins raise:
 *		overflow, underflow, division by zero, logarithms and roots out of domain.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/fmgrprotos.h"

#include "total/total.h"

#define FLOAT_OP(name, type, result, left, right, op, raises) \
	EHDS_TOTAL(name)                                          \
	{                                                         \
		type a = (type) PG_GETARG_##left(0);                  \
		type b = (type) PG_GETARG_##right(1);                 \
		type r = a op b;                                      \
                                                              \
		if (raises)                                           \
			PG_RETURN_NULL();                                 \
		PG_RETURN_##result(r);                                \
	}                                                         \
	extern int ehds_no_semicolon

#define OVERFLOWS (isinf(r) && !isinf(a) && !isinf(b))

#define FLOAT_OPS(prefix, type, result, left, right)                                                \
	FLOAT_OP(prefix##pl, type, result, left, right, +, OVERFLOWS);                                  \
	FLOAT_OP(prefix##mi, type, result, left, right, -, OVERFLOWS);                                  \
	FLOAT_OP(prefix##mul, type, result, left, right, *, OVERFLOWS || (r == 0 && a != 0 && b != 0)); \
	FLOAT_OP(prefix##div, type, result, left, right, /,                                             \
			 (b == 0 && !isnan(a)) || (isinf(r) && !isinf(a)) || (r == 0 && a != 0 && !isinf(b)))

FLOAT_OPS(float4, float4, FLOAT4, FLOAT4, FLOAT4);
FLOAT_OPS(float8, float8, FLOAT8, FLOAT8, FLOAT8);
FLOAT_OPS(float48, float8, FLOAT8, FLOAT4, FLOAT8);
FLOAT_OPS(float84, float8, FLOAT8, FLOAT8, FLOAT4);

EHDS_TOTAL(dtof)
{
	float8 value = PG_GETARG_FLOAT8(0);
	float4 r = (float4) value;

	if ((isinf(r) && !isinf(value)) || (r == 0 && value != 0))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT4(r);
}

EHDS_TOTAL(dsqrt)
{
	if (PG_GETARG_FLOAT8(0) < 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(dsqrt);
}

EHDS_TOTAL(dlog1)
{
	if (PG_GETARG_FLOAT8(0) <= 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(dlog1);
}

EHDS_TOTAL(dlog10)
{
	if (PG_GETARG_FLOAT8(0) <= 0)
		PG_RETURN_NULL();
	EHDS_NATIVE(dlog10);
}

/* The C library tells of results that the built-ins call out of range by errno, too. */
EHDS_TOTAL(dexp)
{
	float8 value = PG_GETARG_FLOAT8(0);
	float8 r;

	if (!isnan(value) && !isinf(value))
	{
		errno = 0;
		r = exp(value);
		if (errno == ERANGE || isinf(r) || r == 0)
			PG_RETURN_NULL();
	}
	EHDS_NATIVE(dexp);
}

EHDS_TOTAL(dpow)
{
	float8 base = PG_GETARG_FLOAT8(0);
	float8 exponent = PG_GETARG_FLOAT8(1);
	float8 r;

	if ((base == 0 && exponent < 0) || (base < 0 && !isnan(exponent) && floor(exponent) != exponent))
		PG_RETURN_NULL();
	if (!isnan(base) && !isinf(base) && !isnan(exponent) && !isinf(exponent))
	{
		errno = 0;
		r = pow(base, exponent);
		if (errno != 0 || isnan(r) || isinf(r) || (r == 0 && base != 0))
			PG_RETURN_NULL();
	}
	EHDS_NATIVE(dpow);
}

EHDS_TOTAL(width_bucket_float8)
{
	float8 operand = PG_GETARG_FLOAT8(0);
	float8 low = PG_GETARG_FLOAT8(1);
	float8 high = PG_GETARG_FLOAT8(2);
	int32 count = PG_GETARG_INT32(3);

	if (count <= 0 || isnan(operand) || isnan(low) || isnan(high) || isinf(low) || isinf(high) || low == high)
		PG_RETURN_NULL();
	/* the bucket above the last one is number count + 1 */
	if (count == PG_INT32_MAX && (low < high ? operand >= high : operand <= high))
		PG_RETURN_NULL();
	EHDS_NATIVE(width_bucket_float8);
}
