/*
 * sum_noise.c
 *		Which noise a sum gets, and a quantile.
 *
 * In zCDP it is discrete Gaussian; where its sigma would be beyond what the sampler
 * takes, discrete Laplace of an epsilon whose epsilon^2 / 2 is the same rho, since
 * a pure epsilon-DP release is (epsilon^2 / 2)-zCDP (Bun, Steinke 2016).
 */
#include "dp/mechanism.h"

#include <math.h>

#include "dp/dp.h"
#include "dp/zcdp.h"
#include "noise/gaussian.h"
#include "noise/laplace.h"

static bool
is_gaussian(const EhdsDpShare *share, int parts, int max_groups, int64 sensitivity)
{
	int64 rho = share->rho_pico / parts;

	return share->zcdp && rho >= EHDS_RHO_MIN_PICO && sensitivity <= EHDS_SENSITIVITY_MAX &&
		   sensitivity * sqrt(max_groups * 1e12 / (2.0 * rho)) < EHDS_SIGMA_MAX / 2;
}

/* of each part, for Laplace noise */
static int64
epsilon_of_part(const EhdsDpShare *share, int parts)
{
	/* parts of them cost epsilon^2 / 2 */
	if (share->zcdp)
		return (int64) (share->epsilon_nano / sqrt(parts) * (1 - 1e-12));
	return share->epsilon_nano / parts;
}

EhdsSumNoise
ehds_dp_sum_noise(const EhdsDpShare *share, int parts, int max_groups, int64 sensitivity)
{
	EhdsSumNoise noise = {0};

	if (is_gaussian(share, parts, max_groups, sensitivity))
	{
		noise.gaussian = true;
		ehds_zcdp_sigma(share->rho_pico / parts, max_groups, sensitivity, &noise.sigma_digits,
						&noise.sigma_places);
	}
	else
		ehds_dp_scale(sensitivity, max_groups, epsilon_of_part(share, parts), &noise.scale_num,
					  &noise.scale_den);
	return noise;
}

bool
ehds_dp_sum_noise_fits(const EhdsDpShare *share, int parts, int max_groups, int64 sensitivity)
{
	int64 epsilon_nano = epsilon_of_part(share, parts);

	if (is_gaussian(share, parts, max_groups, sensitivity))
		return true;
	return epsilon_nano >= EHDS_EPSILON_MIN_NANO &&
		   (double) sensitivity * max_groups * 1e9 / epsilon_nano < EHDS_SCALE_MAX * (1 - 1e-9);
}

int64
ehds_dp_sum_interval(const EhdsSumNoise *noise, double miss)
{
	if (noise->gaussian)
		return ehds_gaussian_interval(noise->sigma_digits, noise->sigma_places, miss);
	return ehds_dp_interval_of_scale(noise->scale_num, noise->scale_den, miss);
}

int64
ehds_dp_draw_sum_noise_from(EhdsBits *bits, const EhdsSumNoise *noise)
{
	uint64 den = 1;

	if (!noise->gaussian)
		return ehds_discrete_laplace_from(bits, (uint64) noise->scale_num, (uint64) noise->scale_den);
	if (noise->sigma_digits < 1 || noise->sigma_digits > EHDS_SIGMA_MAX || noise->sigma_places < 0 ||
		noise->sigma_places > 9)
		elog(ERROR, "sigma of a release is out of range");
	for (int i = 0; i < 2 * noise->sigma_places; i++)
		den *= 10;
	return ehds_discrete_gaussian_from(bits, noise->sigma_digits * noise->sigma_digits, den);
}

int64
ehds_dp_draw_sum_noise(const EhdsSumNoise *noise)
{
	EhdsBits bits;
	int64 x;

	ehds_bits_secure(&bits);
	x = ehds_dp_draw_sum_noise_from(&bits, noise);
	ehds_bits_end(&bits);
	return x;
}

void
ehds_dp_quantile_scale(const EhdsDpShare *share, int parts, int max_groups, int64 *num, int64 *den)
{
	int64 epsilon_nano = share->epsilon_nano;
	int64 draws = (int64) parts * max_groups;

	if (share->zcdp)
	{
		/* rho = epsilon^2 / 2 allows n times (2 epsilon / sqrt(n))^2 / 8 */
		epsilon_nano = (int64) (2 * epsilon_nano / sqrt(draws) * (1 - 1e-12));
		draws = 1;
	}
	if (epsilon_nano < 1)
		ehds_dp_check_epsilon(epsilon_nano);
	*num = 2 * INT64CONST(1000000000) * draws;
	*den = epsilon_nano;
}
