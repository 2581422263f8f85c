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
#include "utils/plancache.h"

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

static int suppressed = EHDS_SUPPRESSED_OMIT;
static int suppressed_floor = EHDS_SUPPRESSED_OMIT;
static int round_to = 1;
static int round_to_floor = 1;
static bool refuse_unanimity = false;
static bool refuse_unanimity_floor = false;

bool ehds_show_zero = false;

static const struct config_enum_entry suppressed_options[] = {{"omit", EHDS_SUPPRESSED_OMIT, false},
															  {"other", EHDS_SUPPRESSED_OTHER, false},
															  {"null", EHDS_SUPPRESSED_NULL, false},
															  {"negative", EHDS_SUPPRESSED_NEGATIVE, false},
															  {NULL, 0, false}};

int
ehds_k_least(void)
{
	return k_floor;
}

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

EhdsSuppressed
ehds_suppressed_effective(void)
{
	return (EhdsSuppressed) Max(suppressed, suppressed_floor);
}

/* The multiple of base that is nearest to n >= 0; of two the larger. */
static int64
round_nearest(int64 n, int base)
{
	int64 rest = n % base;

	return n - rest + (rest * 2 >= base ? base : 0);
}

/*
 * The user's base works on what the floor's has left: rounded to 5 and, in
 * another query, to 10, a number would else be narrower than 5.
 */
int64
ehds_round_count(int64 n)
{
	return round_nearest(round_nearest(n, round_to_floor), round_to);
}

bool
ehds_refuses_unanimity(void)
{
	return refuse_unanimity || refuse_unanimity_floor;
}

/* What stands for a suppressed cell is written into the plans of a permit's queries. */
static void
forget_plans(int newval, void *extra)
{
	ResetPlanCache();
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

	/*
	 * What is shown in place of a cell with too few persons.  Whatever is not
	 * omit or other shows that there is somebody: where keys are rare that is a
	 * disclosure of its own, so that omit is the floor unless the DBA lowers it.
	 */
	DefineCustomEnumVariable("ehds.suppressed", "What stands for a cell with fewer than k persons.",
							 "omit, other, null or negative (-k), from the strictest to the least strict; "
							 "the stricter of this and ehds.suppressed_floor is in force.",
							 &suppressed, EHDS_SUPPRESSED_OMIT, suppressed_options, PGC_USERSET, 0, NULL,
							 forget_plans, NULL);
	DefineCustomEnumVariable("ehds.suppressed_floor", "Least strict ehds.suppressed that is in force.", NULL,
							 &suppressed_floor, EHDS_SUPPRESSED_OMIT, suppressed_options, PGC_SUSET, 0, NULL,
							 forget_plans, NULL);

	/* Counts are rounded to a multiple of the floor, and that to a multiple of the user's base. */
	define_int("ehds.round_to", "Base to which counts are rounded.",
			   "Works on counts that are already rounded to ehds.round_to_floor; 1 does not round.",
			   &round_to, 1, 1000, PGC_USERSET);
	define_int("ehds.round_to_floor", "Base to which counts are always rounded.", NULL, &round_to_floor, 1,
			   1000, PGC_SUSET);

	/* An average of a cell whose persons all have the same value is everybody's value. */
	DefineCustomBoolVariable("ehds.refuse_unanimity",
							 "Refuses figures on values that are the same for all persons in a cell.",
							 "In force if this or ehds.refuse_unanimity_floor is on.", &refuse_unanimity,
							 false, PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("ehds.refuse_unanimity_floor", "Refuses such figures for everybody.", NULL,
							 &refuse_unanimity_floor, false, PGC_SUSET, 0, NULL, NULL, NULL);
}
