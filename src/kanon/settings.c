/*
 * settings.c
 *		Settings of the k-anonymity statistics.
 *
 * Each protective value comes as a pair: one that everybody may set and a limit
 * that only a superuser (or who was granted SET on it) may set.  What is in force
 * is the stricter of the two, taken when it is used: a check hook can't compare
 * them, since the order in which a configuration file sets them is not known.
 */
#include "core/compat.h"

#include "utils/guc.h"

#include "core/approval.h"
#include "kanon/kanon.h"
#include "kanon/settings.h"

static int k_setting = 11;
static int k_floor = 5;
static int dominance_n = 1;
static int dominance_n_floor = 1;
static int dominance_share = 85;
static int dominance_share_limit = 85;
static int p_percent = 0;
static int p_percent_floor = 0;

bool ehds_show_zero = false;

int
ehds_k_effective(int requested)
{
	int k = (requested == 0) ? k_setting : requested;

	if (k < k_floor)
	{
		if (requested == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("ehds.k is %d, but k must be at least %d", k, k_floor),
					 errhint("Set ehds.k to %d or more; the floor is the setting ehds.k_floor.", k_floor)));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be at least %d", k_floor),
				 errhint(
					 "Ask for a larger k, or leave it out to use ehds.k; the floor is the setting ehds.k_floor.")));
	}
	if (k > EHDS_K_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must be at most %d", EHDS_K_MAX)));
	return k;
}

EhdsDominance
ehds_dominance_effective(void)
{
	EhdsDominance d;

	/*
	 * Under a permit the limits rule alone: by tightening step by step one would
	 * find the share of the largest contributor.
	 */
	if (ehds_execution_any())
	{
		d.n = dominance_n_floor;
		d.share = dominance_share_limit;
		d.p = p_percent_floor;
		return d;
	}
	d.n = Max(dominance_n, dominance_n_floor);
	d.share = Min(dominance_share, dominance_share_limit);
	d.p = Max(p_percent, p_percent_floor);
	return d;
}

/* One integer setting without hooks. */
static void
define_int(const char *name, const char *what, const char *more, int *variable, int least, int most,
		   GucContext context)
{
	DefineCustomIntVariable(name, what, more, variable, *variable, least, most, context, 0, NULL, NULL, NULL);
}

void
ehds_kanon_init(void)
{
	/*
	 * The threshold of the k_* aggregates that are called without one.  11 is
	 * what health data agencies use; raise it for sensitive fields.
	 */
	define_int("ehds.k", "Least number of distinct persons in a shown cell.",
			   "Used by the k_* aggregates that are called without a k of their own.", &k_setting, 2,
			   EHDS_K_MAX, PGC_USERSET);

	/* The least k that anybody may ask for; an analyst can't lower it. */
	define_int("ehds.k_floor", "Least k that may be asked for.",
			   "An explicit k or an ehds.k below it is an error.", &k_floor, 2, EHDS_K_MAX, PGC_SUSET);

	/*
	 * The (n, share) dominance rule of k_sum: a sum is refused if its n largest
	 * contributors hold more than the share.  More contributors and a smaller
	 * share are stricter; a share of 100 turns the rule off, where the limit
	 * allows it.
	 */
	define_int("ehds.dominance_n", "Number of largest contributors that the dominance rule looks at.",
			   "The larger of this and ehds.dominance_n_floor is in force.", &dominance_n, 1,
			   EHDS_DOMINANCE_N_MAX, PGC_USERSET);
	define_int("ehds.dominance_n_floor", "Least ehds.dominance_n that is in force.", NULL, &dominance_n_floor,
			   1, EHDS_DOMINANCE_N_MAX, PGC_SUSET);
	define_int("ehds.dominance_share", "Percentage of a sum above which its largest contributors dominate it.",
			   "The smaller of this and ehds.dominance_share_limit is in force; 100 turns the rule off.",
			   &dominance_share, 1, 100, PGC_USERSET);
	define_int("ehds.dominance_share_limit", "Largest ehds.dominance_share that is in force.", NULL,
			   &dominance_share_limit, 1, 100, PGC_SUSET);

	/*
	 * The p % rule of k_sum: a sum is refused if its second largest contributor
	 * could estimate the largest to within p percent.
	 */
	define_int("ehds.p_percent",
			   "Percentage within which nobody may be able to estimate the largest contributor of a sum.",
			   "The larger of this and ehds.p_percent_floor is in force; 0 turns the rule off.", &p_percent,
			   0, 100, PGC_USERSET);
	define_int("ehds.p_percent_floor", "Least ehds.p_percent that is in force.", NULL, &p_percent_floor, 0,
			   100, PGC_SUSET);

	/*
	 * A true zero tells that nobody is there, which some rules forbid.  Whoever
	 * can switch it tells 0 from 1 to k - 1, so that it is not the analyst's.
	 */
	DefineCustomBoolVariable("ehds.show_zero", "Shows the count of a cell without any person as 0.",
							 "If off, such a cell is NULL like one with too few persons.", &ehds_show_zero,
							 false, PGC_SUSET, 0, NULL, NULL, NULL);
}
