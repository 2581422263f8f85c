/*
 * mechanism.h
 *		Which noise a released value gets, and what it costs.
 *
 * mechanism.c: the choice, from what the permit's accounting gives to a release.
 * shares.c: one release that is made of several.
 * sum_noise.c: the same for sums and quantiles.
 * gaussian.c: thresholds, precision and release with discrete Gaussian noise.
 *
 * Functions of declared parameters, but for the release. Units as in dp.h and
 * zcdp.h; values out of range raise 22023.
 */
#ifndef EHDS_MECHANISM_H
#define EHDS_MECHANISM_H

#include "core/compat.h"

#include "noise/bits.h"

/* The budget of a permit, as far as a release needs it. */
typedef struct EhdsDpBudget
{
	bool zcdp;
	int64 epsilon_nano; /* pure */
	int64 rho_pico;     /* zCDP */
	int64 delta_atto;   /* for selections; all of it if pure */
} EhdsDpBudget;

/* What one release may spend. */
typedef struct EhdsDpShare
{
	bool zcdp;
	int64 epsilon_nano; /* in zCDP it stands for rho = epsilon^2 / 2 */
	int64 rho_pico;     /* zCDP */
	int64 delta_atto;   /* if groups are selected; 0: too small for that */
} EhdsDpShare;

/* How one value of each group is made public. */
typedef struct EhdsMechanism
{
	bool gaussian;
	bool keyed;          /* groups are selected; their keys came from the data */
	int max_groups;      /* of a subject; 1 if there is no key */
	int64 epsilon_nano;  /* Laplace: the scale is max_groups / epsilon */
	uint64 sigma_digits; /* Gaussian: sigma is digits / 10^places */
	int sigma_places;
	int64 tau;        /* keyed: threshold */
	int64 interval95; /* half width, see dp.h */
} EhdsMechanism;

/*
 * The share of a release at epsilon. delta is spent as epsilon (in zCDP: rho) is,
 * so that both last for the same number of releases.
 */
extern EhdsDpShare ehds_dp_share(const EhdsDpBudget *budget, int64 epsilon_nano);

/*
 * How a count of persons is released for a share: discrete Laplace noise of pure
 * epsilon-DP; in zCDP discrete Gaussian noise, which at equal rho is narrower for
 * every number of groups, and has the lower threshold where delta is small.
 */
extern EhdsMechanism ehds_dp_count_mechanism(const EhdsDpShare *share, int max_groups, bool keyed);

/* Scale of Laplace noise or sigma, for people. */
extern double ehds_mechanism_scale(const EhdsMechanism *m);

/* ----------------------------------------------------------------- shares.c */

/*
 * Split what a release may spend among n parts of it that are released side by
 * side, of which part i has max_groups[i] groups a person and weight weights[i]
 * (above 0): so that the sum of weight times variance of the noise, over the parts,
 * is as small as it can be. The parts together are the whole, exactly, and 22023
 * is raised if one would get nothing. delta goes to the parts that select groups,
 * as what they spend does.
 */
extern void ehds_dp_split(const EhdsDpShare *whole, int n, const int *max_groups, const double *weights,
						  const bool *selects, EhdsDpShare *parts);

/* ----------------------------------------------------------------- sum_noise.c */

/* Noise on a sum of whole numbers. */
typedef struct EhdsSumNoise
{
	bool gaussian;
	int64 scale_num; /* Laplace: the scale as a fraction */
	int64 scale_den;
	uint64 sigma_digits; /* Gaussian: sigma is digits / 10^places */
	int sigma_places;
} EhdsSumNoise;

/*
 * The noise of a sum to which a subject adds at most sensitivity, in absolute
 * value, in each of at most max_groups groups, if it is one of so many equal parts
 * of what the share allows.
 */
extern EhdsSumNoise ehds_dp_sum_noise(const EhdsDpShare *share, int parts, int max_groups, int64 sensitivity);

/* False: that would raise, because the noise would be too wide. */
extern bool ehds_dp_sum_noise_fits(const EhdsDpShare *share, int parts, int max_groups, int64 sensitivity);

/* The half-width w with which it lies in -w..w with a probability of at least 1 - miss. */
extern int64 ehds_dp_sum_interval(const EhdsSumNoise *noise, double miss);

/*
 * The exponential mechanism over distances that a subject changes by at most 1:
 * exp(-distance den / num) under which so many parts in each of max_groups groups
 * cost the share.  Pure: each is exp(-epsilon distance / 2) of its epsilon.  In zCDP
 * it costs epsilon^2 / 8 (Cesar, Rogers 2021).
 */
extern void ehds_dp_quantile_scale(const EhdsDpShare *share, int parts, int max_groups, int64 *num,
								   int64 *den);

/* One draw, from the server's secure randomness or a given source. */
extern int64 ehds_dp_draw_sum_noise(const EhdsSumNoise *noise);
extern int64 ehds_dp_draw_sum_noise_from(EhdsBits *bits, const EhdsSumNoise *noise);

/* ------------------------------------------------------------------ gaussian.c */

/*
 * The least tau with P(X >= tau) <= delta / max_groups: a group of one person is
 * released with at most that probability. For sigma above 1024 it may be one
 * more than the least.
 */
extern int64 ehds_gaussian_threshold(uint64 digits, int places, int64 delta_atto, int max_groups);

/* As ehds_dp_interval95 (dp.h). */
extern int64 ehds_gaussian_interval95(uint64 digits, int places);

/* The same with a probability of at least 1 - miss. */
extern int64 ehds_gaussian_interval(uint64 digits, int places, double miss);

/* As ehds_dp_release (dp.h), with discrete Gaussian noise. */
extern int64 ehds_gaussian_release(int64 n, uint64 digits, int places, int64 tau, int k, bool keyed,
								   bool *released);
extern int64 ehds_gaussian_release_from(EhdsBits *bits, int64 n, uint64 digits, int places, int64 tau, int k,
										bool keyed, bool *released);

#endif /* EHDS_MECHANISM_H */
