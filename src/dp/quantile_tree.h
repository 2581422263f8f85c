/*
 * quantile_tree.h
 *		Many private quantiles at once, by a tree of noisy weights.
 *
 * quantile_tree.c: the release.
 * quantile_precision.c: how precise it is, and when it is more precise than the
 * exponential mechanism; functions of declared parameters.
 *
 * The root stands for all values 0..width - 1, each node below it for an equal part
 * of its parent's, the nodes of the last level for one value each. Each node of
 * each level but the root has a noisy weight; the weight of a subject is at most 1,
 * so one level has sensitivity 1.
 */
#ifndef EHDS_DP_QUANTILE_TREE_H
#define EHDS_DP_QUANTILE_TREE_H

#include "core/compat.h"

#include "dp/mechanism.h"
#include "dp/quantile.h"

#define EHDS_QUANTILES_MAX 1000
/* so many by the exponential mechanism in any case */
#define EHDS_QUANTILES_EXPONENTIAL 3

/* Levels below the root, and children of a node: for 65,537 values 4 of 17. */
#define EHDS_TREE_FAN_OUT 17

typedef struct EhdsTreeShape
{
	int levels;
	int fan_out;
} EhdsTreeShape;

extern EhdsTreeShape ehds_tree_shape(uint32 width);

/* The noise of a node, if max_groups trees together cost the share. */
extern EhdsSumNoise ehds_tree_noise(const EhdsDpShare *share, int max_groups, uint32 width);
/* False: that would raise, because it would be too wide. */
extern bool ehds_tree_noise_fits(const EhdsDpShare *share, int max_groups, uint32 width);

/*
 * One value of 0..width - 1 for each fraction; these ascend, and the values never
 * descend. values as of ehds_quantile_from.
 */
extern void ehds_quantile_tree_from(EhdsBits *bits, WeightedValue *values, uint32 n, uint32 width,
									const int64 *fractions, int n_fractions, const EhdsSumNoise *noise,
									uint32 *quantiles);

/* ----------------------------------------------------------- quantile_precision.c */

/* The largest of max(f, 1 - f), by which distances are divided. */
extern double ehds_quantiles_side(const int64 *fractions, int n);
/* Scale or sigma of a node's noise, in persons. */
extern double ehds_tree_scale(const EhdsSumNoise *noise);

/*
 * With 95 % all of the quantiles are at most so many persons by rank from what they
 * should be, whatever the data: num / den is the scale of the exponential mechanism
 * for each of them, noise that of a node.
 */
extern double ehds_quantiles_half_width(uint32 width, const int64 *fractions, int n, int64 num, int64 den);
extern double ehds_quantile_tree_half_width(uint32 width, const int64 *fractions, int n,
											const EhdsSumNoise *noise);

/*
 * What 95 % of quantiles keep where values are dense and each part of the range has
 * some: it is what measurements find, and no promise.
 */
extern double ehds_quantiles_usual(const int64 *fractions, int n, int64 num, int64 den);
extern double ehds_quantile_tree_usual(uint32 width, const EhdsSumNoise *noise);

#endif /* EHDS_DP_QUANTILE_TREE_H */
