/*
 * dp_target.c
 *		What a release may spend: ehds.epsilon, or what ehds.error_target costs.
 *
 * The target is an absolute half width, the same number for each figure in its own
 * unit, and the least epsilon at which all of them keep it is the epsilon of each.
 * It follows from bounds and settings. The error of an average is that of its sum
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

/* At this epsilon, would the figures of the set keep the target, and could they be released? */
static bool
is_precise(const DpSet *set, int64 epsilon_nano)
{
	const Border *b = set->border;
	int64 target = ehds_setting_error_target_nano;
	EhdsDpShare share = ehds_dp_share(&b->gate->budget, epsilon_nano);
	bool keyed = b->keys != NIL;
	ListCell *lc;

	if (set->selects && share.delta_atto <= 0)
		return false;
	/* wider noise than can be drawn is not precise either */
	if (share.zcdp && share.rho_pico < set->max_groups)
		return false;
	foreach(lc, b->figures)
	{
		const DpFigure *figure = lfirst(lc);
		double rounding = ehds_dp_is_additive(figure) ? b->gate->rounding : 0;
		bool of_steps = figure->kind == DP_SUM;
		int64 w;

		if (set->domain == NULL && ehds_dp_is_selecting(figure))
			w = ehds_dp_count_mechanism(&share, set->max_groups, keyed).interval95;
		else if (figure->kind == DP_QUANTILE)
		{
			double half_width = ehds_dp_quantile_half_width(figure, set->max_groups, &share);

			if (half_width < 0 || half_width > target / 1e9)
				return false;
			continue;
		}
		else if (!ehds_dp_half_width(figure, set->max_groups, &share, &w))
			return false;
		if (!is_within(w, rounding, of_steps ? figure->measure.num : 1, of_steps ? figure->measure.den : 1,
					   target))
			return false;
	}
	return true;
}

static void
require_absolute(const Border *b)
{
	ListCell *lc;

	foreach(lc, b->figures)
	{
		const DpFigure *figure = lfirst(lc);

		if (figure->kind == DP_AVG || figure->kind == DP_VARIANCE || figure->kind == DP_STDDEV)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("ehds.error_target is not for averages, variances and standard deviations"),
					 errdetail("Their error depends on the number of rows, which is personal data."),
					 errhint(
						 "Ask for the sum and the number of rows and divide, or RESET ehds.error_target and SET ehds.epsilon.")));
	}
}

EhdsDpShare
ehds_dp_share_of_set(const DpSet *set)
{
	int64 low = 0; /* not precise */
	int64 high = EHDS_EPSILON_MAX_NANO;

	if (ehds_setting_error_target_nano > 0)
	{
		require_absolute(set->border);
		if (!is_precise(set, high))
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_BUDGET),
					 errmsg("no epsilon up to 1000 reaches the ehds.error_target of %.9g",
							ehds_setting_error_target_nano / 1e9),
					 errhint("SET ehds.error_target to more, or ehds.max_groups or ehds.max_rows to less.")));
		while (high - low > 1)
		{
			int64 middle = low + (high - low) / 2;

			if (is_precise(set, middle))
				high = middle;
			else
				low = middle;
		}
		set->border->gate->epsilon_nano = high;
	}
	return ehds_count_share(set->border->gate, set->selects);
}
