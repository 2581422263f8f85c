/*
 * bernoulli.c
 *		Exact Bernoulli trials whose probability is an exponential.
 *
 * exp(-g) for 0 <= g <= 1 is the alternating series 1 - g + g^2/2! - ... .  Toss
 * coins of probability g/1, g/2, g/3, ... until one fails: the k-th is reached
 * with probability g^(k-1)/(k-1)!, so the index of the first failure is odd with
 * probability exp(-g).  No exponential is ever computed.
 */
#include "noise/bernoulli.h"

#include "miscadmin.h"

/* exp(-num/den) for num <= den */
static bool
bernoulli_exp_unit(EhdsBits *bits, uint64 num, uint64 den)
{
	uint64 k = 1;

	Assert(num <= den);
	if (num == 0)
		return true;

	/*
	 * A coin of probability num / (den * k) is tossed as two, num / den and
	 * 1 / k: the product could overflow.
	 */
	while (ehds_bits_below(bits, k) == 0 && ehds_bits_below(bits, den) < num)
		k++;
	return (k & 1) == 1;
}

bool
ehds_bernoulli_exp(EhdsBits *bits, uint64 num, uint64 den)
{
	uint64 whole;

	Assert(den >= 1);
	if (num < den)
		return bernoulli_exp_unit(bits, num, den);

	/* exp(-g) = exp(-1)^whole * exp(-rest) */
	for (whole = num / den; whole > 0; whole--)
	{
		CHECK_FOR_INTERRUPTS();
		if (!bernoulli_exp_unit(bits, 1, 1))
			return false;
	}
	return bernoulli_exp_unit(bits, num % den, den);
}

/* exp(-(num1/den1) (num2/den2)) for num1 <= den1, num2 <= den2 */
static bool
bernoulli_exp_unit_product(EhdsBits *bits, uint64 num1, uint64 den1, uint64 num2, uint64 den2)
{
	uint64 k = 1;

	if (num1 == 0 || num2 == 0)
		return true;
	while (ehds_bits_below(bits, k) == 0 && ehds_bits_below(bits, den1) < num1 &&
		   ehds_bits_below(bits, den2) < num2)
		k++;
	return (k & 1) == 1;
}

/* Quotient and remainder; a 128-bit division is slow, and seldom needed. */
static inline void
split(uint128 num, uint64 den, uint128 *whole, uint64 *rest)
{
	*whole = 0;
	if (num >= den)
	{
		*whole = num / den;
		num -= *whole * den;
	}
	*rest = (uint64) num;
}

bool
ehds_bernoulli_exp_product(EhdsBits *bits, uint128 num1, uint64 den1, uint128 num2, uint64 den2)
{
	uint128 whole1, whole2;
	uint64 rest1, rest2;

	Assert(den1 >= 1 && den2 >= 1);
	if (num1 == 0 || num2 == 0)
		return true;
	split(num1, den1, &whole1, &rest1);
	split(num2, den2, &whole2, &rest2);

	/*
	 * With w + r for whole and rest, (w1 + r1) (w2 + r2) is w1 (w2 + r2) + w2 r1 +
	 * r1 r2, and exp(-) of the sum is a trial for each. The first failure ends
	 * it, so large numbers do not make it long.
	 */
	for (uint128 i = 0; i < whole1; i++)
	{
		for (uint128 j = 0; j < whole2; j++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!bernoulli_exp_unit(bits, 1, 1))
				return false;
		}
		CHECK_FOR_INTERRUPTS();
		if (!bernoulli_exp_unit(bits, rest2, den2))
			return false;
	}
	for (uint128 j = 0; j < whole2; j++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!bernoulli_exp_unit(bits, rest1, den1))
			return false;
	}
	return bernoulli_exp_unit_product(bits, rest1, den1, rest2, den2);
}
