/*
 * bernoulli.c
 *		Exact trials whose probability is an exponential, in a time that does not tell.
 *
 * exp(-g) for 0 <= g <= 1 is the alternating series 1 - g + g^2/2! - ... .  Toss
 * coins of probability g/1, g/2, g/3, ... until one fails: the k-th is reached
 * with probability g^(k-1)/(k-1)!, so the index of the first failure is odd with
 * probability exp(-g).  No exponential is ever computed.
 *
 * Noise that somebody watches being drawn must not show by the time it takes how
 * large it is. So the first EHDS_ROUNDS coins are all tossed, whatever they show,
 * and looked at without a branch; only where all of them succeed, at most once in
 * EHDS_ROUNDS! trials, does it take longer.
 *
 * A uniform number that is not below its bound is drawn again. Each attempt is
 * independent of the others and ends with the same probability, so how many there
 * were is independent of the number that was kept, and of what a coin showed: the
 * time varies, but not with the result.
 *
 * Tests of all bit streams set EHDS_ROUNDS to 1 or 3, or the streams would be too many.
 */
#include "noise/bernoulli.h"

#include "miscadmin.h"
#include "noise/geometric.h"

#ifndef EHDS_ROUNDS
#define EHDS_ROUNDS 12
#endif

/* EHDS_ROUNDS! / k! */
static const uint64 share[] = {
#if EHDS_ROUNDS == 12
	479001600, 479001600, 239500800, 79833600, 19958400, 3991680, 665280,
	95040,     11880,     1320,      132,      12,       1
#elif EHDS_ROUNDS == 3
	6, 6, 3, 1
#elif EHDS_ROUNDS == 1
	1, 1
#else
#error "no factorials for this number of rounds"
#endif
};

StaticAssertDecl(lengthof(share) == EHDS_ROUNDS + 1, "one for each round");

/* Uniform on 0..n-1, as ehds_bits_below */
static uint128
wide_below(EhdsBits *bits, uint128 n)
{
	int width = pg_leftmost_one_pos64((uint64) ((n - 1) >> 64) | 1) + 1; /* of the upper half */
	uint128 u;

	do
	{
		CHECK_FOR_INTERRUPTS();
		u = (uint128) ehds_bits_take(bits, width) << 64;
		u |= ehds_bits_take(bits, 64);
	} while (EHDS_TOLD(u >= n));
	return u;
}

/* 1 with probability num/den. Which way it goes depends on the denominator, which is no secret. */
static inline uint64
is_below(EhdsBits *bits, uint128 num, uint128 den)
{
	if (den > PG_UINT64_MAX)
		return (uint64) (wide_below(bits, den) < num);
	return (uint64) (ehds_bits_below(bits, (uint64) den) < (uint64) num);
}

/* exp(-num/den) for num <= den. The k-th coin is tossed as two, 1/k and num/den. */
static inline bool
exp_unit(EhdsBits *bits, uint128 num, uint128 den)
{
	/* below share[k] with probability 1/k!: so all of the coins 1/1 .. 1/k succeed */
	uint64 u = ehds_bits_below(bits, share[0]);
	uint64 alive = 1;
	uint64 successes = 0;

	Assert(den >= 1 && num <= den);
	for (int k = 1; k <= EHDS_ROUNDS; k++)
	{
		alive &= (uint64) (u < share[k]);
		alive &= is_below(bits, num, den);
		successes += alive;
	}
	if (unlikely(EHDS_TOLD(alive != 0)))
	{
		successes = EHDS_ROUNDS;
		while (EHDS_TOLD(ehds_bits_below(bits, successes + 1) == 0 && is_below(bits, num, den)))
			successes++;
	}
	return (successes & 1) == 0;
}

bool
ehds_bernoulli_exp_unit(EhdsBits *bits, uint64 num, uint64 den)
{
	return exp_unit(bits, num, den);
}

/* Quotient and remainder, by the same division whether or not num is below den */
static inline void
split(uint128 num, uint64 den, uint64 *whole, uint64 *rest)
{
	uint128 quotient = num / den;

	*whole = quotient > PG_UINT64_MAX ? PG_UINT64_MAX : (uint64) quotient;
	*rest = (uint64) (num - quotient * den);
}

bool
ehds_bernoulli_exp_product(EhdsBits *bits, uint128 num1, uint64 den1, uint128 num2, uint64 den2)
{
	uint64 whole1, whole2, whole3, whole4;
	uint64 rest1, rest2, rest3, rest4;
	uint128 whole, rest, den;

	Assert(den1 >= 1 && den2 >= 1);
	split(num1, den1, &whole1, &rest1);
	split(num2, den2, &whole2, &rest2);
	/* a quotient that was cut still makes an exponent of 2^64 - 1 at least */
	Assert(whole1 < PG_UINT64_MAX || whole2 >= 1 || num2 == 0);
	Assert(whole2 < PG_UINT64_MAX || whole1 >= 1 || num1 == 0);

	/*
	 * With w + r for whole and rest, (w1 + r1) (w2 + r2) is w1 w2 + w1 r2 + w2 r1 +
	 * r1 r2, and exp(-) of a sum is a trial for each term. Those in the middle have
	 * whole parts of their own.
	 */
	split((uint128) whole1 * rest2, den2, &whole3, &rest3);
	split((uint128) whole2 * rest1, den1, &whole4, &rest4);
	whole = (uint128) whole1 * whole2;
	if (whole > PG_UINT64_MAX)
		whole = PG_UINT64_MAX;
	whole += (uint128) whole3 + whole4;
	/* what is left of the three, each below 1, as one fraction */
	den = (uint128) den1 * den2;
	rest = (uint128) rest3 * den1;
	for (int i = 0; i < 2; i++)
	{
		uint128 more = i == 0 ? (uint128) rest4 * den2 : (uint128) rest1 * rest2;
		uint64 carried = 1 - ehds_is_less(rest, den - more);

		rest = rest + more - den * carried;
		whole += carried;
	}
	/* both, always: to leave one out would show in the time */
	return ((int) (ehds_geometric_e(bits) >= whole) & (int) exp_unit(bits, rest, den)) != 0;
}
