/*
 * exp_digits.c
 *		The binary digits of exp(-1), exp(-2), ..., as many as are asked for.
 *
 * With f(i) = 1 - j/(i+1) + j^2/((i+1)(i+2)) - ..., f(i-1) is 1 - f(i) j/i, and f(0)
 * is exp(-j). f(i) = i * integral of (1-t)^(i-1) exp(-jt) over 0..1 for i >= 1, so all
 * of them lie between 0 and 1. They are computed downwards in fixed point.
 *
 * How far f(0) may be off, in units of the last place: an error in f(i) is one in
 * f(0) times j^i/i!. Rounding is below one unit in each step, which adds up to
 * exp(j) < 2^47 for j <= 32. Starting at f(terms) = 0 is off by less than 1, so by
 * j^terms/terms! <= (j e/terms)^terms <= 2^-terms, less than a unit, if terms is at
 * least 2 j e and not below the number of digits. So the digits are right if the last
 * 64 of them, which are not given out, are neither near 0 nor near 2^64. If they are,
 * more are computed; no exp(-j) is a fraction, so that ends.
 */
#include "noise/exp_digits.h"

#include "miscadmin.h"

#define GUARD_WORDS 2 /* of 32 digits */
#define GUARD_ERROR (UINT64CONST(1) << 48)

/* f = 1 - f * j / i; the first of the words is the whole part */
static void
step(uint32 *f, int words, int j, int i)
{
	uint64 carry = 0;
	uint64 borrow = 0;

	for (int w = words - 1; w >= 0; w--)
	{
		carry += (uint64) f[w] * j;
		f[w] = (uint32) carry;
		carry >>= 32;
	}
	Assert(carry == 0);
	for (int w = 0; w < words; w++)
	{
		carry = (carry << 32) | f[w];
		f[w] = (uint32) (carry / i);
		carry %= i;
	}
	for (int w = words - 1; w >= 0; w--)
	{
		uint64 less = (uint64) f[w] + borrow;
		uint64 from = w == 0 ? 1 : 0;

		f[w] = (uint32) (from - less);
		borrow = less > from ? 1 : 0;
	}
	Assert(borrow == 0);
}

/* exp(-j) in that many words, not further off than GUARD_ERROR in the last place */
static uint32 *
fixed_point(int j, int words)
{
	uint32 *f = palloc0(words * sizeof(uint32));

	for (int i = 32 * words + 128; i >= 1; i--)
	{
		CHECK_FOR_INTERRUPTS();
		step(f, words, j, i);
	}
	return f;
}

uint64
ehds_exp_digits(int j, int at, int n)
{
	Assert(j >= 1 && j <= EHDS_EXP_DIGITS_MAX && at >= 0 && n >= 1 && n <= 64);

	/* four words behind the point at least, or exp(-32) would be lost in the error */
	for (int words = 1 + Max((at + n + 31) / 32 + GUARD_WORDS, 4);; words++)
	{
		uint32 *f = fixed_point(j, words);
		uint64 guard = (uint64) f[words - 2] << 32 | f[words - 1];
		uint64 digits = 0;

		for (int d = at; d < at + n; d++)
			digits = (digits << 1) | ((f[1 + d / 32] >> (31 - d % 32)) & 1);
		pfree(f);
		if (guard > GUARD_ERROR && guard < ~GUARD_ERROR)
			return digits;
	}
}
