/*
 * dp.h
 *		Differentially private release of counts of persons.
 *
 * Units: epsilon in nano (1e-9), delta in atto (1e-18), so that every parameter
 * is an integer. One subject counts at most once in a group and in at most
 * max_groups groups; whoever calls has bounded that (collect.h, or bounding.c by
 * sorting).
 *
 * threshold.c: thresholds and precision, functions of parameters only.
 * release.c: the mechanism.
 */
#ifndef EHDS_DP_H
#define EHDS_DP_H

#include "core/compat.h"

#include "noise/bits.h"
#include "utils/numeric.h"

/* Ranges; values outside raise 22023. */
#define EHDS_EPSILON_MIN_NANO INT64CONST(1)
#define EHDS_EPSILON_MAX_NANO INT64CONST(1000000000000) /* epsilon 1000 */
#define EHDS_DELTA_MIN_ATTO INT64CONST(1)
#define EHDS_DELTA_MAX_ATTO INT64CONST(999999999999999999) /* below 1 */
#define EHDS_MAX_GROUPS_MAX 1000000

/* Counts of persons that can be released: 0 .. 2^61. */
#define EHDS_COUNT_MAX (INT64CONST(1) << 61)

extern void ehds_dp_check_epsilon(int64 epsilon_nano);
extern void ehds_dp_check_delta(int64 delta_atto);
extern void ehds_dp_check_max_groups(int max_groups);

/* value * 10^places, or -1 unless that is an integer in 0 .. 2^63 - 1. */
extern int64 ehds_dp_units(Numeric value, int places);

/* A user's epsilon or delta in units; exact, or 22023. */
extern int64 ehds_dp_epsilon_nano(Numeric epsilon);
extern int64 ehds_dp_delta_atto(Numeric delta);

/*
 * The least bound of the truncated noise, and at the same time the threshold,
 * with which groups whose keys come from the data can be released under
 * (epsilon, delta) if each subject is in at most max_groups of them.
 */
extern int64 ehds_dp_threshold(int64 epsilon_nano, int64 delta_atto, int max_groups);

/*
 * The half-width w with which the noise lies in -w..w with a probability of at
 * least 95 %. It says nothing of clamping, and it is the probability before
 * the selection of groups: a small group is shown only if its noise was high.
 * keyed and tau as in ehds_dp_release; max_groups and tau do not matter if not
 * keyed.
 */
extern int64 ehds_dp_interval95(int64 epsilon_nano, int max_groups, bool keyed, int64 tau);

/*
 * The scale num/den, as samplers take it, of discrete Laplace noise under which a
 * sum of whole numbers is epsilon-differentially private if a subject adds at most
 * sensitivity, in absolute value, to each of at most max_groups sums.  It may be
 * larger than asked by less than 2^-60 of it, never smaller.  22023 if the noise
 * would be too wide.
 */
extern void ehds_dp_scale(int64 sensitivity, int max_groups, int64 epsilon_nano, int64 *num, int64 *den);

/* The half-width w with which such noise lies in -w..w with a probability of at least 1 - miss. */
extern int64 ehds_dp_interval_of_scale(int64 num, int64 den, double miss);

/*
 * One release of the count n >= 0 of one group.
 *
 * keyed: the group's key came from the data. The count is lowered by k - 1 and
 * noised; it is released, raised again, if it then exceeds tau, which must be
 * that of ehds_dp_threshold. (epsilon, delta)-DP over all groups together.
 * not keyed: the one group of a query without GROUP BY. Always released, at the
 * whole epsilon; pure epsilon-DP. max_groups, tau and k do not matter.
 *
 * Each call is one draw. A value is returned only if *released.
 */
extern int64 ehds_dp_release(int64 n, int64 epsilon_nano, int max_groups, int64 tau, int k, bool keyed,
							 bool *released);
extern int64 ehds_dp_release_from(EhdsBits *bits, int64 n, int64 epsilon_nano, int max_groups, int64 tau,
								  int k, bool keyed, bool *released);

#endif /* EHDS_DP_H */
