/*
 * shares.c
 *		One release that is made of several, of one charge.
 *
 * Noise of part i has the variance 2 (L_i D / e_i)^2 for Laplace, L_i D^2 / (2 rho_i)
 * for Gauss, L_i being the groups of a person and D what he adds to one. Under a given
 * sum of the e_i the sum of w_i (L_i / e_i)^2 is least for e_i proportional to
 * (w_i L_i^2)^(1/3), and under one of the rho_i that of w_i L_i / rho_i for rho_i
 * proportional to (w_i L_i)^(1/2) (Lagrange). Proportions may be rounded as they like;
 * what counts is that nothing is spent twice.
 */
#include "dp/mechanism.h"

#include <math.h>

#include "dp/dp.h"
#include "dp/zcdp.h"

/* The largest epsilon whose epsilon^2 / 2 is within rho. */
static int64
epsilon_within(int64 rho_pico)
{
	int64 epsilon = (int64) sqrt(2e6 * (double) rho_pico) + 1;

	epsilon = Min(epsilon, EHDS_EPSILON_MAX_NANO);
	while (epsilon > 0 && ehds_zcdp_rho_pure(epsilon) > rho_pico)
		epsilon--;
	return epsilon;
}

/* whole in parts like the proportions; what rounding leaves goes to the greatest */
static void
split_units(int64 whole, int n, const double *proportions, int64 *parts)
{
	double sum = 0;
	int64 left = whole;
	int greatest = 0;

	for (int i = 0; i < n; i++)
	{
		sum += proportions[i];
		if (proportions[i] > proportions[greatest])
			greatest = i;
	}
	for (int i = 0; i < n; i++)
	{
		parts[i] = sum > 0 ? (int64) ((double) whole * (proportions[i] / sum)) : 0;
		parts[i] = Max(Min(parts[i], left), 0);
		left -= parts[i];
	}
	if (sum > 0)
		parts[greatest] += left;
}

void
ehds_dp_split(const EhdsDpShare *whole, int n, const int *max_groups, const double *weights,
			  const bool *selects, EhdsDpShare *parts)
{
	double *proportions = palloc(sizeof(double) * n);
	int64 *units = palloc(sizeof(int64) * n);

	for (int i = 0; i < n; i++)
		proportions[i] = whole->zcdp ? sqrt(weights[i] * max_groups[i])
									 : cbrt(weights[i] * max_groups[i] * max_groups[i]);
	split_units(whole->zcdp ? whole->rho_pico : whole->epsilon_nano, n, proportions, units);
	for (int i = 0; i < n; i++)
	{
		parts[i].zcdp = whole->zcdp;
		parts[i].rho_pico = whole->zcdp ? units[i] : 0;
		if (whole->zcdp && units[i] < EHDS_RHO_MIN_PICO)
			ehds_zcdp_check_rho(units[i]);
		parts[i].epsilon_nano = whole->zcdp ? epsilon_within(units[i]) : units[i];
		ehds_dp_check_epsilon(parts[i].epsilon_nano);
		if (!selects[i])
			proportions[i] = 0;
	}
	split_units(whole->delta_atto, n, proportions, units);
	for (int i = 0; i < n; i++)
		parts[i].delta_atto = units[i];
	pfree(units);
	pfree(proportions);
}
