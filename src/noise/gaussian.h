/*
 * gaussian.h
 *		Exact discrete Gaussian noise with a rational variance.
 *
 * The variance parameter sigma^2 is num/den: P(x) is proportional to
 * exp(-x^2 * den / (2 * num)). The variance of the noise itself is slightly less.
 * Ranges: 1 <= num, den <= EHDS_VARIANCE_MAX; others raise 22023. So sigma lies in
 * 2^-31 .. 2^31; wider noise is drawn on a coarser grid.
 */
#ifndef EHDS_GAUSSIAN_H
#define EHDS_GAUSSIAN_H

#include "noise/bits.h"

#define EHDS_VARIANCE_MAX (UINT64CONST(1) << 62)
#define EHDS_SIGMA_MAX (UINT64CONST(1) << 31)

/* One draw from the server's secure randomness. */
extern int64 ehds_discrete_gaussian(uint64 variance_num, uint64 variance_den);

/* The same from a given source. */
extern int64 ehds_discrete_gaussian_from(EhdsBits *bits, uint64 variance_num, uint64 variance_den);

#endif /* EHDS_GAUSSIAN_H */
