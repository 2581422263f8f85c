/*
 * zcdp.h
 *		Accounting in zero-concentrated differential privacy (Bun, Steinke 2016).
 *
 * Functions of parameters only. Units: rho in pico (1e-12), epsilon in nano, delta
 * in atto, as in dp.h; every result is rounded to the side on which a person is
 * safer: costs and deltas up, budgets down, noise up. Values out of range raise
 * 22023.
 */
#ifndef EHDS_ZCDP_H
#define EHDS_ZCDP_H

#include "core/compat.h"

/* rho 500000 is that of epsilon 1000; eighteen times as much fits in an int64 */
#define EHDS_RHO_MIN_PICO INT64CONST(1)
#define EHDS_RHO_MAX_PICO INT64CONST(500000000000000000)

/* Largest change of an integer value by one subject in one group: 1 .. 2^31. */
#define EHDS_SENSITIVITY_MAX (INT64CONST(1) << 31)

extern void ehds_zcdp_check_rho(int64 rho_pico);

/* What a release costs, rounded up: one that is pure epsilon-DP, epsilon^2 / 2; */
extern int64 ehds_zcdp_rho_pure(int64 epsilon_nano);
/* the exponential mechanism, epsilon^2 / 8 (Cesar, Rogers 2021); */
extern int64 ehds_zcdp_rho_exponential(int64 epsilon_nano);
/*
 * discrete Gaussian noise in max_groups groups of a subject, max_groups *
 * sensitivity^2 / (2 sigma^2), the variance parameter sigma^2 as in
 * noise/gaussian.h (Canonne, Kamath, Steinke 2020).
 */
extern int64 ehds_zcdp_rho_gaussian(uint64 variance_num, uint64 variance_den, int max_groups,
									int64 sensitivity);

/*
 * The least sigma that costs at most rho, rounded up to nine digits of which at
 * most nine are decimals: digits / 10^places. digits^2 / 10^(2 places) is a
 * variance that noise/gaussian.h takes.
 */
extern void ehds_zcdp_sigma(int64 rho_pico, int max_groups, int64 sensitivity, uint64 *digits, int *places);

/*
 * The least delta for which rho-zCDP is known to be (epsilon, delta)-DP, rounded
 * up: 1 .. 10^18, where 10^18 is 1 and means nothing is promised.
 */
extern int64 ehds_zcdp_delta(int64 rho_pico, int64 epsilon_nano);

/* The largest rho that is (epsilon, delta)-DP, rounded down; 0 if no unit is. */
extern int64 ehds_zcdp_rho(int64 epsilon_nano, int64 delta_atto);

/* The least epsilon for which rho-zCDP is known to be (epsilon, delta)-DP, rounded up; 0 if it is above 1000. */
extern int64 ehds_zcdp_epsilon(int64 rho_pico, int64 delta_atto);

#endif /* EHDS_ZCDP_H */
