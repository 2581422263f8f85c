/*
 * rational.h
 *		Integer arithmetic of the samplers' parameters, which are positive fractions.
 */
#ifndef EHDS_RATIONAL_H
#define EHDS_RATIONAL_H

#include "core/compat.h"

#include "port/pg_bitutils.h"

#ifndef HAVE_INT128
#error "pg_ehds needs a compiler with 128-bit integers"
#endif

/* Reduce num/den to lowest terms, which shortens the numbers that are drawn; den >= 1. */
static inline void
ehds_reduce(uint64 *num, uint64 *den)
{
	uint64 a = *num;
	uint64 b = *den;

	while (b != 0)
	{
		uint64 r = a % b;

		a = b;
		b = r;
	}
	*num /= a;
	*den /= a;
}

/* floor(sqrt(n)), bit by bit */
static inline uint64
ehds_root(uint64 n)
{
	uint64 result = 0;

	if (n == 0)
		return 0;
	for (uint64 bit = UINT64CONST(1) << (pg_leftmost_one_pos64(n) & ~1); bit != 0; bit >>= 2)
	{
		if (n >= result + bit)
		{
			n -= result + bit;
			result = (result >> 1) + bit;
		}
		else
			result >>= 1;
	}
	return result;
}

#endif /* EHDS_RATIONAL_H */
