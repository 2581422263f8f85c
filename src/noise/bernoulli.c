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

	/* exp(-g) = exp(-1)^whole * exp(-rest) */
	for (whole = num / den; whole > 0; whole--)
	{
		CHECK_FOR_INTERRUPTS();
		if (!bernoulli_exp_unit(bits, 1, 1))
			return false;
	}
	return bernoulli_exp_unit(bits, num % den, den);
}
