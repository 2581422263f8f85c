/*
 * release.c
 *		The mechanism: one noisy count, or nothing.
 *
 * Why this is private.  Let m be the count after the pre-threshold; a subject
 * changes it by at most 1, because max(n - k + 1, 0) does.  (Leaving out groups
 * with n < k and noising n itself would let one subject move the released value
 * from nothing to k + noise.)  Truncated noise makes m + X (e, d)-DP, d being its
 * probability at tau.  What is shown is a function of m + X alone, and a group
 * with m = 0, which can't exceed tau, looks like one that is not there: so it
 * does not matter that absent groups are never drawn for.  max_groups groups of a
 * subject compose to (epsilon, delta).
 *
 * Only integers lie between the count and the noise, and their ranges make
 * every sum fit: n <= 2^61, |X| <= 2^62, k < 2^31.
 */
#include "dp/dp.h"

#include "noise/laplace.h"

#define NANO_PER_ONE UINT64CONST(1000000000)

int64
ehds_dp_release_from(EhdsBits *bits, int64 n, int64 epsilon_nano, int max_groups, int64 tau, int k,
					 bool keyed, bool *released)
{
	int64 m;

	ehds_dp_check_epsilon(epsilon_nano);
	if (n < 0 || n > EHDS_COUNT_MAX)
		elog(ERROR, "count to be released is out of range");

	if (!keyed)
	{
		*released = true;
		return n + ehds_discrete_laplace_from(bits, NANO_PER_ONE, epsilon_nano);
	}

	ehds_dp_check_max_groups(max_groups);
	if (k < 1 || tau < 1)
		elog(ERROR, "threshold of a release is out of range");
	m = Max(n - k + 1, 0);
	m += ehds_truncated_laplace_from(bits, NANO_PER_ONE * max_groups, epsilon_nano, tau);
	*released = m > tau;
	return *released ? m + k - 1 : 0;
}

int64
ehds_dp_release(int64 n, int64 epsilon_nano, int max_groups, int64 tau, int k, bool keyed, bool *released)
{
	EhdsBits bits;
	int64 value;

	ehds_bits_secure(&bits);
	value = ehds_dp_release_from(&bits, n, epsilon_nano, max_groups, tau, k, keyed, released);
	ehds_bits_end(&bits);
	return value;
}
