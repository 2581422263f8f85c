/*
 * dp_quantile.c
 *		Private quantiles: fractions, mechanism, value and precision.
 *
 * Several fractions in an array have one share of the budget. Up to three are drawn
 * by the exponential mechanism, each with its part; more by a tree of noisy weights,
 * unless the other usually errs less, which depends on how many there are, on the
 * number of values in the range and on the accounting. Under ehds.error_target the one
 * is taken that promises the smaller error, since it costs less. No data are looked at.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_aggregate.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "dp/quantile.h"
#include "dp/quantile_tree.h"
#include "gate/dp_figure.h"

/* ------------------------------------------------------------------ fractions */

static int64
in_nano(double fraction)
{
	return (int64) (fraction * EHDS_QUANTILE_ONE + 0.5);
}

static int
compare_fractions(const void *a, const void *b)
{
	int64 x = *(const int64 *) a;
	int64 y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* The numbers of a constant array of fractions. */
static double *
constant_fractions(Border *b, Aggref *agg, Node *node, int *n)
{
	Const *c;
	ArrayType *array;
	double *fractions;
	bool fits;

	node = eval_const_expressions(NULL, copyObject(node));
	c = (Const *) node;
	fits = IsA(node, Const) && !c->constisnull && c->consttype == FLOAT8ARRAYOID;
	array = fits ? DatumGetArrayTypeP(c->constvalue) : NULL;
	fits = fits && ARR_NDIM(array) == 1 && !array_contains_nulls(array) &&
		   ARR_DIMS(array)[0] <= EHDS_QUANTILES_MAX;
	*n = fits ? ARR_DIMS(array)[0] : 0;
	fractions = fits ? (double *) ARR_DATA_PTR(array) : NULL;
	for (int i = 0; i < *n; i++)
		fits = fits && fractions[i] >= 0 && fractions[i] <= 1;
	if (!fits)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the fractions of %s must be a constant array of 1 to %d numbers between 0 and 1, without NULLs",
						   get_func_name(agg->aggfnoid), EHDS_QUANTILES_MAX),
					errhint("Write them like ARRAY[0.25, 0.5, 0.75]."));
	return fractions;
}

/* figure->elements and figure->fractions, of fractions in the order of the result. */
static void
set_fractions(DpFigure *figure, const int64 *fractions, int n)
{
	int64 *sorted = palloc(n * sizeof(int64));
	int distinct = 0;

	memcpy(sorted, fractions, n * sizeof(int64));
	qsort(sorted, n, sizeof(int64), compare_fractions);
	for (int i = 0; i < n; i++)
		if (i == 0 || sorted[i] != sorted[i - 1])
			sorted[distinct++] = sorted[i];
	figure->fractions = sorted;
	figure->n_fractions = distinct;
	figure->n_elements = n;
	figure->elements = palloc(n * sizeof(int));
	for (int i = 0; i < n; i++)
	{
		const int64 *found = bsearch(&fractions[i], sorted, distinct, sizeof(int64), compare_fractions);

		figure->elements[i] = (int) (found - sorted);
	}
}

/* dp_median(...), dp_quantile(subject, value, fraction or fractions, ...), percentile_cont and percentile_disc of either. */
void
ehds_dp_fractions(Border *b, Aggref *agg, DpFigure *figure)
{
	bool native = agg->aggkind == AGGKIND_ORDERED_SET;
	Node *given = NULL;
	double *fractions;
	int64 *nano;
	int n;
	bool ascending = true;

	if (native)
		given = linitial(agg->aggdirectargs);
	else if (strcmp(get_func_name(agg->aggfnoid), "dp_median") != 0)
		given = ehds_argument(agg, 2);
	if (given == NULL || !type_is_array(exprType(given)))
	{
		double fraction = 0.5;
		int64 one;

		if (native)
			fraction = ehds_native_fraction(b, agg);
		else if (given != NULL)
			fraction = ehds_constant_fraction(b, agg, given);
		one = in_nano(fraction);
		set_fractions(figure, &one, 1);
		return;
	}
	figure->is_array = true;
	fractions = constant_fractions(b, agg, given, &n);
	if (native && !ehds_ordering_direction(linitial_node(SortGroupClause, agg->aggorder)->sortop, &ascending))
		ehds_refuse_aggregate(b, agg);
	nano = palloc(n * sizeof(int64));
	for (int i = 0; i < n; i++)
		nano[i] = in_nano(ascending ? fractions[i] : 1 - fractions[i]);
	set_fractions(figure, nano, n);
}

bool
ehds_dp_same_fractions(const DpFigure *one, const DpFigure *other)
{
	return one->is_array == other->is_array && one->n_fractions == other->n_fractions &&
		   one->n_elements == other->n_elements &&
		   (one->n_elements == 0 ||
			(memcmp(one->fractions, other->fractions, one->n_fractions * sizeof(int64)) == 0 &&
			 memcmp(one->elements, other->elements, one->n_elements * sizeof(int)) == 0));
}

/* ------------------------------------------------------------------ mechanism */

static uint32
width_of(const DpFigure *figure)
{
	return (uint32) (figure->measure.high - figure->measure.low + 1);
}

static double
exponential_half_width(const DpFigure *figure, int max_groups, const EhdsDpShare *share)
{
	int64 num;
	int64 den;

	ehds_dp_quantile_scale(share, figure->n_fractions, max_groups, &num, &den);
	return ehds_quantiles_half_width(width_of(figure), figure->fractions, figure->n_fractions, num, den);
}

static double
tree_half_width(const DpFigure *figure, int max_groups, const EhdsDpShare *share)
{
	EhdsSumNoise noise;

	if (!ehds_tree_noise_fits(share, max_groups, width_of(figure)))
		return INFINITY;
	noise = ehds_tree_noise(share, max_groups, width_of(figure));
	return ehds_quantile_tree_half_width(width_of(figure), figure->fractions, figure->n_fractions, &noise);
}

static bool
is_by_tree(const DpFigure *figure, int max_groups, const EhdsDpShare *share)
{
	EhdsSumNoise noise;
	int64 num;
	int64 den;

	if (figure->n_fractions <= EHDS_QUANTILES_EXPONENTIAL ||
		!ehds_tree_noise_fits(share, max_groups, width_of(figure)))
		return false;
	if (ehds_setting_error_target_nano > 0)
		return tree_half_width(figure, max_groups, share) < exponential_half_width(figure, max_groups, share);
	ehds_dp_quantile_scale(share, figure->n_fractions, max_groups, &num, &den);
	noise = ehds_tree_noise(share, max_groups, width_of(figure));
	return ehds_quantile_tree_usual(width_of(figure), &noise) <
		   ehds_quantiles_usual(figure->fractions, figure->n_fractions, num, den);
}

double
ehds_dp_quantile_half_width(const DpFigure *figure, int max_groups, const EhdsDpShare *share)
{
	return is_by_tree(figure, max_groups, share) ? tree_half_width(figure, max_groups, share)
												 : exponential_half_width(figure, max_groups, share);
}

static char *
fractions_sql(const DpFigure *figure)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < figure->n_fractions; i++)
		appendStringInfo(&buf, "%s%lld", i > 0 ? "," : "", (long long) figure->fractions[i]);
	return psprintf("'{%s}'::pg_catalog.int8[]", buf.data);
}

char *
ehds_dp_quantile_noised(const DpFigure *figure, const char *statistic, int max_groups,
						const EhdsDpShare *share)
{
	EhdsSumNoise noise;
	int64 num;
	int64 den;

	statistic = psprintf("pg_catalog.string_agg(%s, ''::pg_catalog.bytea), %u", statistic, width_of(figure));
	if (is_by_tree(figure, max_groups, share))
	{
		noise = ehds_tree_noise(share, max_groups, width_of(figure));
		if (noise.gaussian)
			return psprintf("ehds.dp_release_quantile_tree_gaussian(%s, %s, '%llu'::pg_catalog.int8, %d, "
							"NULL::ehds.approval)",
							statistic, fractions_sql(figure), (unsigned long long) noise.sigma_digits,
							noise.sigma_places);
		num = noise.scale_num;
		den = noise.scale_den;
		return psprintf("ehds.dp_release_quantile_tree(%s, %s, '%lld'::pg_catalog.int8, "
						"'%lld'::pg_catalog.int8, NULL::ehds.approval)",
						statistic, fractions_sql(figure), (long long) num, (long long) den);
	}
	ehds_dp_quantile_scale(share, figure->n_fractions, max_groups, &num, &den);
	if (figure->is_array)
		return psprintf("ehds.dp_release_quantiles(%s, %s, '%lld'::pg_catalog.int8, "
						"'%lld'::pg_catalog.int8, NULL::ehds.approval)",
						statistic, fractions_sql(figure), (long long) num, (long long) den);
	return psprintf("ehds.dp_release_quantile(%s, '%lld'::pg_catalog.int8, '%lld'::pg_catalog.int8, "
					"'%lld'::pg_catalog.int8, NULL::ehds.approval)",
					statistic, (long long) figure->fractions[0], (long long) num, (long long) den);
}

/* ------------------------------------------------------------------ value */

/* (low + steps) step */
static char *
value_of(const DpFigure *figure, Oid type, const char *steps, const char *step)
{
	return ehds_dp_as_type(type,
						   psprintf("(('%lld'::pg_catalog.numeric OPERATOR(pg_catalog.+) %s) OPERATOR(pg_catalog.*) %s)",
									(long long) figure->measure.low, steps, step));
}

char *
ehds_dp_quantile_value(const DpFigure *figure, const char *column, const char *step)
{
	StringInfoData buf;
	Oid type;

	if (!figure->is_array)
		return value_of(figure, figure->type, psprintf("%s1", column), step);
	type = get_element_type(figure->type);
	initStringInfo(&buf);
	for (int i = 0; i < figure->n_elements; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "",
						 value_of(figure, type, psprintf("(%s1)[%d]", column, figure->elements[i] + 1), step));
	return psprintf("ARRAY[%s]::%s", buf.data, ehds_type_name(figure->type));
}

/* ------------------------------------------------------------------ precision */

void
ehds_dp_tell_quantile(EhdsNoise *told, const DpFigure *figure, int max_groups, const EhdsDpShare *share)
{
	told->half_width = ehds_dp_quantile_half_width(figure, max_groups, share);
	if (is_by_tree(figure, max_groups, share))
	{
		EhdsSumNoise noise = ehds_tree_noise(share, max_groups, width_of(figure));

		told->mechanism = psprintf("tree of weights with %s noise, in ranks of persons",
								   noise.gaussian ? "discrete Gaussian" : "discrete Laplace");
		told->scale = ehds_tree_scale(&noise);
	}
	else
	{
		int64 num;
		int64 den;

		ehds_dp_quantile_scale(share, figure->n_fractions, max_groups, &num, &den);
		told->mechanism = "exponential, in ranks of persons";
		told->scale = ehds_quantiles_side(figure->fractions, figure->n_fractions) * num / den;
	}
}
