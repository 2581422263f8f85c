/*
 * quantile.h
 *		Private quantiles by the exponential mechanism.
 */
#ifndef EHDS_DP_QUANTILE_H
#define EHDS_DP_QUANTILE_H

#include "core/compat.h"

#include "noise/bits.h"

#define EHDS_QUANTILE_ONE INT64CONST(1000000000) /* fractions are in 1e-9 */

/* Weight of a value, which is a number of steps above the lowest. */
typedef struct WeightedValue
{
	uint32 value;
	int64 weight;
} WeightedValue;

/*
 * How far a value is from being the quantile, in whole units: with N the total
 * weight, B that of smaller and A that of larger values, and f the fraction,
 *
 *		floor(max(0, f N - (N - A), B - f N) / max(f, 1 - f)).
 *
 * A subject whose weight is at most 1 changes it by at most 1, for every value.
 * total, smaller and larger are in units of 2^-EHDS_MEASURE_WEIGHT_BITS.
 */
extern int64 ehds_quantile_distance(int64 total, int64 smaller, int64 larger, int64 fraction);

/*
 * A value of 0..width - 1, each with a probability proportional to
 * exp(-distance den / num). values: in any order, repeated or not.
 */
extern uint32 ehds_quantile_from(EhdsBits *bits, WeightedValue *values, uint32 n, uint32 width,
								 int64 fraction, uint64 num, uint64 den);

/* Put values in ascending order. All are below width. */
extern void ehds_sort_values(WeightedValue *values, uint32 n, uint32 width);

#endif /* EHDS_DP_QUANTILE_H */
