/*
 * mechanism.c
 *		Which noise a released value gets, and what it costs.
 *
 * A release is given a share of the permit's budget. In pure accounting it is
 * epsilon, of which each of a subject's max_groups groups gets one part. In zCDP it
 * is rho, of which each group gets one part as well; noise then grows with the
 * square root of max_groups only. The part of delta for selections is, group by
 * group, the probability that a single person makes a group appear: outside of
 * that event the release is rho-zCDP, and events add up (delta-approximate zCDP;
 * Bun, Steinke 2016, section 8; for budgets spent adaptively Whitehouse, Ramdas,
 * Rogers, Wu 2023).
 */
#include "dp/mechanism.h"

#include <math.h>

#include "dp/dp.h"
#include "dp/zcdp.h"

/* floor(delta * part / whole), at most a delta */
static int64
delta_part(int64 delta_atto, int64 part, int64 whole)
{
	int128 share = (int128) delta_atto * part / Max(whole, 1);

	return share > EHDS_DELTA_MAX_ATTO ? EHDS_DELTA_MAX_ATTO : (int64) share;
}

EhdsDpShare
ehds_dp_share(const EhdsDpBudget *budget, int64 epsilon_nano)
{
	EhdsDpShare share = {0};

	ehds_dp_check_epsilon(epsilon_nano);
	share.zcdp = budget->zcdp;
	share.epsilon_nano = epsilon_nano;
	if (budget->zcdp)
	{
		share.rho_pico = ehds_zcdp_rho_pure(epsilon_nano);
		share.delta_atto = delta_part(budget->delta_atto, share.rho_pico, budget->rho_pico);
	}
	else
		share.delta_atto = delta_part(budget->delta_atto, epsilon_nano, budget->epsilon_nano);
	return share;
}

EhdsMechanism
ehds_dp_count_mechanism(const EhdsDpShare *share, int max_groups, bool keyed)
{
	EhdsMechanism m = {0};

	m.gaussian = share->zcdp;
	m.keyed = keyed;
	m.max_groups = keyed ? max_groups : 1;
	if (m.gaussian)
	{
		ehds_zcdp_sigma(share->rho_pico, m.max_groups, 1, &m.sigma_digits, &m.sigma_places);
		if (keyed)
			m.tau = ehds_gaussian_threshold(m.sigma_digits, m.sigma_places, share->delta_atto, m.max_groups);
		m.interval95 = ehds_gaussian_interval95(m.sigma_digits, m.sigma_places);
	}
	else
	{
		m.epsilon_nano = share->epsilon_nano;
		if (keyed)
			m.tau = ehds_dp_threshold(m.epsilon_nano, share->delta_atto, m.max_groups);
		m.interval95 = ehds_dp_interval95(m.epsilon_nano, m.max_groups, keyed, m.tau);
	}
	return m;
}

double
ehds_mechanism_scale(const EhdsMechanism *m)
{
	if (m->gaussian)
		return m->sigma_digits / pow(10, m->sigma_places);
	return m->max_groups * 1e9 / m->epsilon_nano;
}
