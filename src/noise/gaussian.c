/*
 * gaussian.c
 *		Exact discrete Gaussian noise with a rational variance.
 *
 * Canonne, Kamath, Steinke 2020, "The Discrete Gaussian for Differential
 * Privacy", Algorithm 3: y is drawn from discrete Laplace noise of scale t and
 * kept with probability exp(-(|y| - sigma^2/t)^2 / (2 sigma^2)). In the product of
 * the two the terms with |y| cancel and exp(-y^2 / (2 sigma^2)) stays, whatever t
 * is; t = floor(sigma) + 1 keeps about three draws of four. Only integers occur.
 *
 * Proposals are independent of each other, so how many were not kept does not depend
 * on the one that is, and a proposal takes the same time whatever its y: the time of a
 * draw does not tell its size.
 */
#include "noise/gaussian.h"

#include "miscadmin.h"
#include "noise/bernoulli.h"
#include "noise/laplace.h"
#include "noise/rational.h"

static void
check_variance(uint64 num, uint64 den)
{
	if (num < 1 || den < 1 || num > EHDS_VARIANCE_MAX || den > EHDS_VARIANCE_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("variance of the noise out of range")));
}

/*
 * Draw one y from Laplace noise of scale t: false if it is not kept. step is
 * den * t. With a = | |y| den t - num | the exponent is a^2 / (2 num den t^2),
 * which is passed as two factors, or it would not fit in 128 bits. Neither is 2^64 or
 * more while the other is less than 1: that takes den > num 2^65 or num > den 2^63.
 * |y| is at most 2^62, and Laplace noise gets there with a probability below
 * exp(-2^30), so its bound does not show in the result.
 */
static bool
propose(EhdsBits *bits, uint64 num, uint64 step, uint64 t, int64 *y)
{
	uint128 a;

	*y = ehds_discrete_laplace_from(bits, t, 1);
	a = (uint128) (*y < 0 ? -*y : *y) * step;
	a = ehds_turn(a - num, ehds_is_less(a, num));
	return ehds_bernoulli_exp_product(bits, a, 2 * num, a, step * t);
}

int64
ehds_discrete_gaussian_from(EhdsBits *bits, uint64 num, uint64 den)
{
	uint64 t;
	int64 y;

	check_variance(num, den);
	ehds_reduce(&num, &den);
	t = ehds_root(num / den) + 1;

	/*
	 * den * t^2 fits: it is den where sigma < 1, 4 where sigma = 1, and less than
	 * 4 num above, because t < 2 sigma then.
	 */
	do
	{
		CHECK_FOR_INTERRUPTS();
	} while (EHDS_TOLD(!propose(bits, num, den * t, t, &y)));
	return y;
}

int64
ehds_discrete_gaussian(uint64 num, uint64 den)
{
	EhdsBits bits;
	int64 x;

	ehds_bits_secure(&bits);
	x = ehds_discrete_gaussian_from(&bits, num, den);
	ehds_bits_end(&bits);
	return x;
}
