/*
 * dp_target.c
 *		What a release may spend: ehds.epsilon, or what ehds.error_target costs.
 *
 * The target is an absolute half width, the same number for each figure in its own
 * unit. Each figure gets the least epsilon at which it keeps the target, which
 * follows from bounds and settings. The error of an average is that of its sum
 * divided by a number of rows, which is data: it has no target.
 */
#include "core/compat.h"

#include "core/errors.h"
#include "dp/dp.h"
#include "gate/dp_figure.h"

#define NANO INT64CONST(1000000000)

/* (w + rounding) num / den <= target? */
static bool
is_within(int64 w, double rounding, int64 num, int64 den, int64 target_nano)
{
	int128 width = (int128) w + (int64) rounding;

	/* what is too large for 128 bits is beyond every target */
	if (__builtin_mul_overflow(width, (int128) num, &width) ||
		__builtin_mul_overflow(width, (int128) NANO, &width))
		return false;
	return width <= (int128) target_nano * den;
}

/*
 * At this epsilon, could the figure be released, and would it keep the target? figure
 * NULL: the count that selects groups where it is no figure; it has no interval to keep.
 */
static bool
is_precise(const DpSet *set, const DpFigure *figure, int64 epsilon_nano)
{
	const Border *b = set->border;
	int64 target = ehds_setting_error_target_nano;
	EhdsDpShare share = ehds_dp_share(&b->gate->budget, epsilon_nano);
	bool selects = set->selects && (figure == NULL || ehds_dp_is_selecting(figure));
	double rounding;
	int64 w;

	if (selects && share.delta_atto <= 0)
		return false;
	/* wider noise than can be drawn is not precise either */
	if (share.zcdp && share.rho_pico < set->max_groups)
		return false;
	if (figure == NULL)
		return true;
	if (figure->kind == DP_QUANTILE)
		return ehds_dp_quantile_half_width(figure, set->max_groups, &share) <= target / 1e9;
	if (set->domain == NULL && ehds_dp_is_selecting(figure))
		w = ehds_dp_count_mechanism(&share, set->max_groups, b->keys != NIL).interval95;
	else if (!ehds_dp_half_width(figure, set->max_groups, &share, &w))
		return false;
	rounding = ehds_dp_is_additive(figure) ? b->gate->rounding : 0;
	if (figure->kind == DP_SUM)
		return is_within(w, rounding, figure->measure.num, figure->measure.den, target);
	return is_within(w, rounding, 1, 1, target);
}

static void
require_absolute(const DpFigure *figure)
{
	if (figure->kind == DP_AVG || figure->kind == DP_VARIANCE || figure->kind == DP_STDDEV)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("ehds.error_target is not for averages, variances and standard deviations"),
				 errdetail("Their error depends on the number of rows, which is personal data."),
				 errhint("Write ehds.dp_sum(...) / ehds.dp_rows(...), a target for each of the two, or RESET "
						 "ehds.error_target and SET ehds.epsilon.")));
}

static int64
least_epsilon(const DpSet *set, const DpFigure *figure)
{
	int64 low = 0; /* not precise */
	int64 high = EHDS_EPSILON_MAX_NANO;

	if (!is_precise(set, figure, high))
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_BUDGET),
				 errmsg("no epsilon up to 1000 reaches the ehds.error_target of %.9g",
						ehds_setting_error_target_nano / 1e9),
				 errhint("SET ehds.error_target to more, or ehds.max_groups or ehds.max_rows to less.")));
	while (high - low > 1)
	{
		int64 middle = low + (high - low) / 2;

		if (is_precise(set, figure, middle))
			high = middle;
		else
			low = middle;
	}
	return high;
}

void
ehds_dp_spend_equally(DpSet *set, const EhdsDpShare *share)
{
	int n = list_length(set->border->figures);

	set->shares = palloc(sizeof(EhdsDpShare) * Max(n, 1));
	for (int i = 0; i < n; i++)
		set->shares[i] = *share;
	set->selection = *share;
}

void
ehds_dp_spend(DpSet *set)
{
	const Border *b = set->border;
	const EhdsDpBudget *budget = &b->gate->budget;
	EhdsDpShare share;
	int64 most = 0;
	ListCell *lc;

	if (ehds_setting_error_target_nano == 0)
	{
		share = ehds_count_share(b->gate, set->selects);
		ehds_dp_spend_equally(set, &share);
		return;
	}
	set->shares = palloc(sizeof(EhdsDpShare) * Max(list_length(b->figures), 1));
	foreach(lc, b->figures)
	{
		const DpFigure *figure = lfirst(lc);
		int64 epsilon;

		require_absolute(figure);
		epsilon = least_epsilon(set, figure);
		set->shares[foreach_current_index(lc)] = ehds_dp_share(budget, epsilon);
		most = Max(most, epsilon);
	}
	/* the target says nothing of it: not coarser than the finest figure */
	if (set->selects)
		set->selection = ehds_dp_share(budget, Max(most, least_epsilon(set, NULL)));
}
