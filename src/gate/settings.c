/*
 * settings.c
 *		The settings with which an analyst steers a query under a permit.
 *
 * They decide what is planted into a plan, so a change makes cached plans stale.
 */
#include "core/compat.h"

#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/numeric.h"
#include "utils/plancache.h"

#include "gate/gate.h"

#define NANO INT64CONST(1000000000)

/* largest values of settings */
#define EPSILON_MOST 1000000
#define TARGET_MOST INT64CONST(9000000000)

char *ehds_setting_permit = NULL;
char *ehds_setting_purpose = NULL;
int64 ehds_setting_epsilon_nano = 0;
int64 ehds_setting_error_target_nano = 0;
int ehds_setting_max_groups = 0;
bool ehds_setting_fresh = false;
int ehds_setting_max_rows = 1;

static char *setting_epsilon = NULL;
static char *setting_error_target = NULL;

/* Weights of grouping sets, as ehds.set_weights has them. */
#define WEIGHTS_MAX 64
#define WEIGHT_MAX 1000000
typedef struct Weights
{
	int n;
	uint32 groupings[WEIGHTS_MAX];
	int64 weights[WEIGHTS_MAX];
} Weights;

static char *setting_weights = NULL;
static Weights *weights = NULL;

static void
forget_plans_string(const char *newval, void *extra)
{
	ResetPlanCache();
}

static void
forget_plans_int(int newval, void *extra)
{
	ResetPlanCache();
}

/*
 * Decimal text to units of 1e-9, exactly: an epsilon is a promise, so it is
 * never rounded through a floating-point number. False if it is not a decimal
 * number with at most nine places, or above most.
 */
static bool
parse_nano(const char *text, int64 most, int64 *nano)
{
	int64 whole = 0;
	int64 fraction = 0;
	int places = 0;
	const char *p = text;

	if (*p == '\0')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
	{
		whole = whole * 10 + (*p - '0');
		if (whole > most)
			return false;
	}
	if (*p == '.')
	{
		for (p++; *p >= '0' && *p <= '9'; p++)
		{
			if (++places > 9)
				return false;
			fraction = fraction * 10 + (*p - '0');
		}
	}
	if (*p != '\0' || p == text)
		return false;
	while (places++ < 9)
		fraction *= 10;
	*nano = whole * NANO + fraction;
	return whole < most || fraction == 0;
}

static bool
check_epsilon(char **newval, void **extra, GucSource source)
{
	int64 nano = 0;
	int64 *stored;

	if (**newval != '\0' && (!parse_nano(*newval, EPSILON_MOST, &nano) || nano <= 0))
	{
		GUC_check_errdetail(
			"An epsilon is a decimal number above 0 with at most nine decimal places, or empty for the permit's default.");
		return false;
	}
	stored = ehds_guc_malloc(sizeof(int64));
	if (stored == NULL)
		return false;
	*stored = nano;
	*extra = stored;
	return true;
}

/*
 * In the unit of the figures. How many per cent that is depends on the data, so a
 * relative target would have to look at them.
 */
static bool
check_error_target(char **newval, void **extra, GucSource source)
{
	int64 nano = 0;
	int64 *stored;

	if (**newval != '\0' && (!parse_nano(*newval, TARGET_MOST, &nano) || nano <= 0))
	{
		GUC_check_errdetail("%s",
							strchr(*newval, '%') != NULL
								? "A relative target would depend on the data."
								: "A target is a decimal number above 0, at most 9000000000, with at most nine decimal places.");
		GUC_check_errhint(
			"Write by how much a figure may be off in its own unit, for a count of persons for instance '20'.");
		return false;
	}
	stored = ehds_guc_malloc(sizeof(int64));
	if (stored == NULL)
		return false;
	*stored = nano;
	*extra = stored;
	return true;
}

static void
assign_error_target(const char *newval, void *extra)
{
	ehds_setting_error_target_nano = extra ? *(int64 *) extra : 0;
	ResetPlanCache();
}

static void
assign_epsilon(const char *newval, void *extra)
{
	ehds_setting_epsilon_nano = extra ? *(int64 *) extra : 0;
	ResetPlanCache();
}

/* A whole number from least to most; false if there is none. */
static bool
parse_whole(const char **p, int64 least, int64 most, int64 *number)
{
	const char *start = *p;

	for (*number = 0; **p >= '0' && **p <= '9'; (*p)++)
	{
		*number = *number * 10 + (**p - '0');
		if (*number > most)
			return false;
	}
	return *p > start && *number >= least;
}

static bool
parse_weights(const char *p, Weights *parsed)
{
	parsed->n = 0;
	while (*p != '\0')
	{
		int64 grouping;
		int64 weight;

		if (parsed->n > 0 && *p++ != ',')
			return false;
		p += strspn(p, " ");
		if (!parse_whole(&p, 0, PG_INT32_MAX, &grouping) || *p++ != ':')
			return false;
		p += strspn(p, " ");
		if (parsed->n >= WEIGHTS_MAX || !parse_whole(&p, 1, WEIGHT_MAX, &weight))
			return false;
		for (int i = 0; i < parsed->n; i++)
			if (parsed->groupings[i] == (uint32) grouping)
				return false;
		parsed->groupings[parsed->n] = (uint32) grouping;
		parsed->weights[parsed->n++] = weight;
		p += strspn(p, " ");
	}
	return true;
}

static bool
check_weights(char **newval, void **extra, GucSource source)
{
	Weights parsed;

	if (!parse_weights(*newval, &parsed))
	{
		GUC_check_errdetail("Weights are written as what GROUPING() of all keys is in a set and a whole number from 1 to %d: '0:1, 1:4'.",
							WEIGHT_MAX);
		return false;
	}
	*extra = ehds_guc_malloc(sizeof(Weights));
	if (*extra == NULL)
		return false;
	*(Weights *) *extra = parsed;
	return true;
}

static void
assign_weights(const char *newval, void *extra)
{
	weights = extra;
	ResetPlanCache();
}

bool
ehds_sets_are_weighted(void)
{
	return weights != NULL && weights->n > 0;
}

double
ehds_weight_of_set(uint32 grouping)
{
	for (int i = 0; weights != NULL && i < weights->n; i++)
		if (weights->groupings[i] == grouping)
			return (double) weights->weights[i];
	return 1;
}

void
ehds_gate_settings_init(void)
{
	/*
	 * Optional: the permit in force is the one whose views the query reads. If
	 * it is set, only that permit may be read.
	 */
	DefineCustomStringVariable("ehds.permit",
							   "Permit under which this session works; if set, views of no other permit are read.",
							   NULL, &ehds_setting_permit, "", PGC_USERSET, 0, NULL, forget_plans_string,
							   NULL);
	/* Optional: what the session is for; a permit of another purpose is refused. */
	DefineCustomStringVariable("ehds.purpose",
							   "Purpose of this session; if set, only permits of this purpose are in force.",
							   NULL, &ehds_setting_purpose, "", PGC_USERSET, 0, NULL, forget_plans_string,
							   NULL);
	/* The epsilon of one release; empty means the permit's epsilon_default. */
	DefineCustomStringVariable("ehds.epsilon",
							   "Privacy budget (epsilon) that one differentially private release spends; empty: the permit's default.",
							   NULL, &setting_epsilon, "", PGC_USERSET, 0, check_epsilon, assign_epsilon,
							   NULL);
	/* A dashboard that asks the same each morning pays once, unless it wants new noise. */
	DefineCustomBoolVariable("ehds.fresh",
							 "Draw and charge a release even if one of the same query is recorded.", NULL,
							 &ehds_setting_fresh, false, PGC_USERSET, 0, NULL, NULL, NULL);
	/* In place of an epsilon: the 95 % interval of each figure's noise is at most so wide, either way. */
	DefineCustomStringVariable("ehds.error_target",
							   "By how much the noise of a private count, sum or quantile may be off, with 95 % probability; its epsilon is computed. Empty: ehds.epsilon counts.",
							   NULL, &setting_error_target, "", PGC_USERSET, 0, check_error_target,
							   assign_error_target, NULL);
	/* More groups a person: less is left out, more noise in each. */
	DefineCustomIntVariable("ehds.max_groups",
							"Number of groups of a result in which one person may count; 0: the permit's.",
							NULL, &ehds_setting_max_groups, 0, 0, 10000, PGC_USERSET, 0, NULL,
							forget_plans_int, NULL);
	/* Which tables of a release with grouping sets are to be the more precise ones. */
	DefineCustomStringVariable("ehds.set_weights",
							   "Weights of grouping sets by which a differentially private release shares its epsilon among them, as GROUPING() value:weight, separated by commas; 1 for those that are not named.",
							   NULL, &setting_weights, "", PGC_USERSET, 0, check_weights, assign_weights,
							   NULL);
	/* More rows a person: less is left out, more noise in each group. */
	DefineCustomIntVariable("ehds.max_rows",
							"Number of rows of one person that count in a group of a differentially private sum or number of rows.",
							NULL, &ehds_setting_max_rows, 1, 1, 10000, PGC_USERSET, 0, NULL, forget_plans_int,
							NULL);
}
