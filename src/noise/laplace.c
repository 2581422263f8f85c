/*
 * laplace.c
 *		Exact discrete Laplace noise with a rational scale.
 *
 * Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential
 * Privacy", Algorithm 2. Only integers occur: a floating-point sampler has holes
 * and unequal gaps in its output that betray the value it was added to
 * (Mironov 2012, "On significance of the least significant bits").
 *
 * Neither does the time of a draw betray it (Jin, McMurtry, Rubinstein, Ohrimenko
 * 2022, "Are We There Yet? Timing and Floating-Point Attacks on Differential Privacy
 * Systems"). Attempts are independent of each other, so how many there were does not
 * depend on the result of the last; and an attempt takes the same time whatever it
 * gives.
 */
#include "noise/laplace.h"

#include "miscadmin.h"
#include "noise/bernoulli.h"
#include "noise/geometric.h"
#include "noise/rational.h"

static void
check_scale(uint64 num, uint64 den)
{
	if (num < 1 || den < 1 || num > (uint64) EHDS_NOISE_MAX || den > (uint64) EHDS_NOISE_MAX ||
		(uint128) num > (uint128) den * EHDS_SCALE_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("noise scale out of range")));
}

/*
 * The scale is reduced. x = u + num * v is geometric with ratio exp(-1/num), so
 * x / den (rounded down) is geometric with ratio exp(-den/num).
 */
static int64
one_sided(EhdsBits *bits, uint64 num, uint64 den)
{
	uint64 u;
	uint128 y;

	do
	{
		CHECK_FOR_INTERRUPTS();
		u = ehds_bits_below(bits, num);
	} while (EHDS_TOLD(!ehds_bernoulli_exp_unit(bits, u, num)));
	y = (uint128) num * ehds_geometric_e(bits) + u;
	if (den > 1)
		y /= den;
	return y > (uint128) EHDS_NOISE_MAX ? EHDS_NOISE_MAX : (int64) y;
}

/* A random sign makes it two-sided, and one of the two zeros is thrown away. */
static int64
two_sided(EhdsBits *bits, uint64 num, uint64 den)
{
	int64 y;
	int64 negative;

	do
	{
		y = one_sided(bits, num, den);
		negative = (int64) ehds_bits_take(bits, 1);
	} while (EHDS_TOLD((negative & (int64) (y == 0)) != 0));
	return y * (1 - 2 * negative);
}

int64
ehds_geometric_from(EhdsBits *bits, uint64 scale_num, uint64 scale_den)
{
	check_scale(scale_num, scale_den);
	ehds_reduce(&scale_num, &scale_den);
	return one_sided(bits, scale_num, scale_den);
}

int64
ehds_discrete_laplace_from(EhdsBits *bits, uint64 scale_num, uint64 scale_den)
{
	check_scale(scale_num, scale_den);
	ehds_reduce(&scale_num, &scale_den);
	return two_sided(bits, scale_num, scale_den);
}

int64
ehds_truncated_laplace_from(EhdsBits *bits, uint64 scale_num, uint64 scale_den, int64 tau)
{
	int64 x;

	check_scale(scale_num, scale_den);
	ehds_reduce(&scale_num, &scale_den);
	if (tau < 0 || tau > EHDS_NOISE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("bound of truncated noise out of range")));

	/*
	 * Both ways are exact. Where tau is at most the scale, Laplace draws would
	 * nearly always fall outside, whereas a uniform one is kept with
	 * probability exp(-|x|/scale) >= exp(-1).
	 */
	if ((uint128) tau * scale_den <= scale_num)
	{
		do
		{
			CHECK_FOR_INTERRUPTS();
			x = (int64) ehds_bits_below(bits, 2 * (uint64) tau + 1) - tau;
		} while (EHDS_TOLD(!ehds_bernoulli_exp_unit(bits, (uint64) (x < 0 ? -x : x) * scale_den, scale_num)));
	}
	else
	{
		do
		{
			CHECK_FOR_INTERRUPTS();
			x = two_sided(bits, scale_num, scale_den);
		} while (EHDS_TOLD(x < -tau || x > tau));
	}
	return x;
}

int64
ehds_discrete_laplace(uint64 scale_num, uint64 scale_den)
{
	EhdsBits bits;
	int64 x;

	ehds_bits_secure(&bits);
	x = ehds_discrete_laplace_from(&bits, scale_num, scale_den);
	ehds_bits_end(&bits);
	return x;
}

int64
ehds_truncated_laplace(uint64 scale_num, uint64 scale_den, int64 tau)
{
	EhdsBits bits;
	int64 x;

	ehds_bits_secure(&bits);
	x = ehds_truncated_laplace_from(&bits, scale_num, scale_den, tau);
	ehds_bits_end(&bits);
	return x;
}
