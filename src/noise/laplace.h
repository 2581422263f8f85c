/*
 * laplace.h
 *		Exact discrete Laplace noise with a rational scale.
 *
 * The scale is num/den: P(x) is proportional to exp(-|x| * den / num).
 * Ranges: 1 <= num, den <= 2^62 and num/den <= EHDS_SCALE_MAX; others raise 22023.
 */
#ifndef EHDS_LAPLACE_H
#define EHDS_LAPLACE_H

#include "noise/bits.h"

/* Largest scale. It leaves ten bits between the scale and the largest value. */
#define EHDS_SCALE_MAX (UINT64CONST(1) << 52)

/*
 * No value is larger than this; a draw beyond it is set to it. Its probability
 * is below exp(-1024) = 10^-444, far under any delta that can be charged.
 */
#define EHDS_NOISE_MAX (INT64CONST(1) << 62)

/* One draw from the server's secure randomness. */
extern int64 ehds_discrete_laplace(uint64 scale_num, uint64 scale_den);

/* The same, conditioned on -tau..tau; tau >= 0. */
extern int64 ehds_truncated_laplace(uint64 scale_num, uint64 scale_den, int64 tau);

/* 0, 1, ...: P(x) is proportional to exp(-x * den / num), exactly. */
extern int64 ehds_geometric_from(EhdsBits *bits, uint64 scale_num, uint64 scale_den);

/* The first two from a given source. */
extern int64 ehds_discrete_laplace_from(EhdsBits *bits, uint64 scale_num, uint64 scale_den);
extern int64 ehds_truncated_laplace_from(EhdsBits *bits, uint64 scale_num, uint64 scale_den, int64 tau);

#endif /* EHDS_LAPLACE_H */
