/*
 * quantile_precision.c
 *		How precise private quantiles are: functions of declared parameters only.
 *
 * Exponential mechanism.  A value at distance t or more has a probability of at most
 * width exp(-t den / num), since one at distance 0 exists; n of them are all right if
 * none is wrong, and putting them in order moves none further away than the worst was.
 *
 * Tree.  Say a quantile of rank r is more than W too high: it is at least x, the first
 * value with more than r + W below it.  On the way from the root to the value before x
 * some bisection then went to the right of an edge it should not have passed, whose
 * estimated weight below is at most r, the true one above r + W.  That way and its edges
 * depend on data, not on noise: so it is enough that none of them is estimated wrongly by
 * more than W, which is levels * log2(fan_out) events, and as many for too low; one more
 * is that the noisy total is negative and is taken for 0.
 *
 * What an estimate is off by is a sum of noises of nodes with factors of at most 1 whose
 * squares add up to A.  The total has weight s = max(f, 1 - f) for the rank f N of a total
 * that is a sum of K children: at an edge of the first level A is at most K s^2.  Inside a
 * node an edge at part u of it is off by u times what its right end is, 1 - u times its
 * left end, and a sum of its own noises with A = u (1 - u) fan_out: each further level
 * adds fan_out / 4 at most.
 *
 * Discrete noise is no wider than continuous by its moment generating function: Gaussian
 * (Canonne, Kamath, Steinke 2020), Laplace since (cosh x - 1) / x^2 grows.  With Chernoff
 * P(sum >= W) <= exp(-W^2 / (2 A sigma^2)), and for Laplace noise of scale b the least of
 * exp(-u W / b) (1 - u^2)^-A over u, since ln(1 - u^2 y) is concave in y.
 */
#include "dp/quantile_tree.h"

#include <math.h>

#include "dp/measure.h"

#define MISS 0.05
#define WEIGHT ((double) (INT64CONST(1) << EHDS_MEASURE_WEIGHT_BITS))

static double
side_of(int64 fraction)
{
	return (double) Max(fraction, EHDS_QUANTILE_ONE - fraction) / EHDS_QUANTILE_ONE;
}

double
ehds_tree_scale(const EhdsSumNoise *noise)
{
	if (noise->gaussian)
		return noise->sigma_digits / pow(10, noise->sigma_places) / WEIGHT;
	return (double) noise->scale_num / noise->scale_den / WEIGHT;
}

double
ehds_quantiles_side(const int64 *fractions, int n)
{
	double side = 0;

	for (int i = 0; i < n; i++)
		side = Max(side, side_of(fractions[i]));
	return side;
}

double
ehds_quantiles_half_width(uint32 width, const int64 *fractions, int n, int64 num, int64 den)
{
	return ehds_quantiles_side(fractions, n) * (ceil(log((double) width * n / MISS) * num / den) + 1);
}

/* P(a sum of noises with these squares of factors is w or more), at most; w in scales */
static double
tail(bool gaussian, double squares, double w)
{
	double u;

	if (gaussian)
		return exp(-w * w / (2 * squares));
	u = w / (squares + sqrt(squares * squares + w * w));
	return exp(-u * w - squares * log1p(-u * u));
}

/* P(one of the quantiles is further away than w scales), at most */
static double
miss_of(EhdsTreeShape shape, const int64 *fractions, int n, bool gaussian, double w)
{
	double ways = 2 * ceil(log2(shape.fan_out));
	double sum = 0;

	for (int i = 0; i < n; i++)
	{
		double side = side_of(fractions[i]);
		double squares = shape.fan_out * side * side;

		sum += tail(gaussian, squares, w);
		for (int level = 0; level < shape.levels; level++, squares += shape.fan_out / 4.0)
			sum += ways * tail(gaussian, squares, w);
	}
	return sum;
}

double
ehds_quantile_tree_half_width(uint32 width, const int64 *fractions, int n, const EhdsSumNoise *noise)
{
	EhdsTreeShape shape = ehds_tree_shape(width);
	double low = 0;
	double high = 1;

	while (miss_of(shape, fractions, n, noise->gaussian, high) > MISS)
		high *= 2;
	for (int i = 0; i < 50; i++)
	{
		double middle = (low + high) / 2;

		if (miss_of(shape, fractions, n, noise->gaussian, middle) > MISS)
			low = middle;
		else
			high = middle;
	}
	/* estimates are rounded */
	return high * ehds_tree_scale(noise) + shape.levels / WEIGHT;
}

/* Distances are geometric. */
double
ehds_quantiles_usual(const int64 *fractions, int n, int64 num, int64 den)
{
	double sides = 0;

	for (int i = 0; i < n; i++)
		sides += side_of(fractions[i]);
	return sides / n * log(1 / MISS) * num / den;
}

/*
 * u (1 - u) is 1/6 on average, and u^2 1/3 of what is known of a node, whose own noise has
 * variance 1; 1.96: as if it were normal.
 */
double
ehds_quantile_tree_usual(uint32 width, const EhdsSumNoise *noise)
{
	EhdsTreeShape shape = ehds_tree_shape(width);
	double variance = shape.levels * (shape.fan_out / 6.0 + 1.0 / 3) * (noise->gaussian ? 1 : 2);

	return 1.96 * sqrt(variance) * ehds_tree_scale(noise);
}
