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

/*
 * a < b as 0 or 1, and x with its sign turned if negative is 1, neither of them by a
 * branch. Compilers like to turn a comparison of 128 bits, and what is chosen by one,
 * into a branch; what the empty instruction gives back is unknown to them.
 */
static inline uint64
ehds_is_less(uint128 a, uint128 b)
{
	uint64 high = (uint64) ((uint64) (a >> 64) < (uint64) (b >> 64));
	uint64 same = (uint64) ((uint64) (a >> 64) == (uint64) (b >> 64));
	uint64 less = high | (same & (uint64) ((uint64) a < (uint64) b));

	__asm__("" : "+r"(less));
	return less;
}

static inline uint128
ehds_turn(uint128 x, uint64 negative)
{
	uint128 mask = -(uint128) negative;

	return (x ^ mask) - mask;
}

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
