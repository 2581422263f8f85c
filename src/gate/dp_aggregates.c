/*
 * dp_aggregates.c
 *		Which private figure an aggregate of the analyst's is.
 *
 * Everything but the value and the FILTER is a constant that is known, and
 * checked, before any row is read: an error that a row raised would tell of it.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "core/errors.h"
#include "dp/value_set.h"
#include "gate/allowed.h"
#include "gate/dp_figure.h"
#include "gate/level.h"

static const struct
{
	const char *ours;
	const char *native[2];
	DpKind kind;
	MeasureKind measure;
} known[] = {
	{"dp_count", {NULL}, DP_PERSONS, MEASURE_ROWS},
	{"dp_rows", {"count"}, DP_ROWS, MEASURE_ROWS},
	{"dp_sum", {"sum"}, DP_SUM, MEASURE_SUM},
	{"dp_avg", {"avg"}, DP_AVG, MEASURE_MEAN},
	{"dp_variance", {"variance", "var_samp"}, DP_VARIANCE, MEASURE_SPREAD},
	{"dp_stddev", {"stddev", "stddev_samp"}, DP_STDDEV, MEASURE_SPREAD},
	{"dp_quantile", {"percentile_cont"}, DP_QUANTILE, MEASURE_VALUES},
	{"dp_count_distinct", {NULL}, DP_DISTINCT, MEASURE_DISTINCT},
	{"dp_histogram", {NULL}, DP_HISTOGRAM, MEASURE_BINS},
	{"dp_median", {NULL}, DP_QUANTILE, MEASURE_VALUES},
};

/* Its position in that list, -1 if it has none. */
static int
find_known(Border *b, Aggref *agg, bool native)
{
	char *name = get_func_name(agg->aggfnoid);

	if (native && agg->aggkind == AGGKIND_ORDERED_SET &&
		(strcmp(name, "percentile_cont") == 0 || strcmp(name, "percentile_disc") == 0) &&
		get_func_namespace(agg->aggfnoid) == PG_CATALOG_NAMESPACE)
		return DP_QUANTILE;
	if (agg->aggkind != AGGKIND_NORMAL || agg->aggorder != NIL || agg->aggvariadic ||
		get_func_namespace(agg->aggfnoid) != (native ? PG_CATALOG_NAMESPACE : ehds_namespace()))
		return -1;
	if (agg->aggdistinct != NIL)
	{
		if (!native || strcmp(name, "count") != 0)
			return -1;
		return ehds_usable_subject(b, ehds_argument(agg, 0)) != NULL ? DP_PERSONS : DP_DISTINCT;
	}
	for (int i = 0; i < lengthof(known); i++)
	{
		if (!native && strcmp(name, known[i].ours) == 0)
			return i;
		for (int n = 0; native && n < lengthof(known[i].native); n++)
			if (known[i].native[n] != NULL && strcmp(name, known[i].native[n]) == 0)
				return i;
	}
	return -1;
}

/*
 * A bound of timestamptz that is written as a date or timestamp is one in the
 * session's time zone, which makes the cast no IMMUTABLE one.
 */
static Node *
folded_date(Node *node)
{
	Oid cast = IsA(node, FuncExpr) ? ehds_native_version(((FuncExpr *) node)->funcid) : InvalidOid;
	Const *c;

	if (cast != F_TIMESTAMPTZ_DATE && cast != F_TIMESTAMPTZ_TIMESTAMP)
		return node;
	c = linitial(((FuncExpr *) node)->args);
	if (!IsA(c, Const) || c->constisnull)
		return node;
	return (Node *) makeConst(TIMESTAMPTZOID, -1, InvalidOid, sizeof(TimestampTz),
							  OidFunctionCall1(cast, c->constvalue), false, FLOAT8PASSBYVAL);
}

Datum
ehds_dp_constant(Border *b, Aggref *agg, int n, Oid type, const char *what)
{
	Node *node = folded_date(eval_const_expressions(NULL, copyObject(ehds_argument(agg, n))));

	if (!IsA(node, Const) || ((Const *) node)->constisnull || ((Const *) node)->consttype != type)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("%s of %s must be a constant that is not NULL", what, get_func_name(agg->aggfnoid)),
					errdetail("Anything else could be made to depend on personal data."));
	return ((Const *) node)->constvalue;
}

int
ehds_dp_max_rows(Border *b, Aggref *agg, int n)
{
	int rows = ehds_setting_max_rows;

	if (n >= 0)
		rows = DatumGetInt32(ehds_dp_constant(b, agg, n, INT4OID, "max_rows"));
	if (rows < 1 || rows > EHDS_MEASURE_ROWS_MAX)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_rows must be between 1 and %d", EHDS_MEASURE_ROWS_MAX)));
	return rows;
}

Node *
ehds_dp_measurable(Border *b, Aggref *agg, Node *value)
{
	Oid type = exprType(value);

	switch (type)
	{
		case INT4OID:
		case INT8OID:
		case FLOAT8OID:
		case NUMERICOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return value;
		case INT2OID:
			return ehds_as_type(value, INT4OID);
		case FLOAT4OID:
			return (Node *) makeFuncExpr(F_FLOAT8_FLOAT4, FLOAT8OID, list_make1(value), InvalidOid,
										 InvalidOid, COERCE_IMPLICIT_CAST);
		default:
			EHDS_REFUSE(b->gate->query_string, agg,
						errmsg("%s of type %s is not supported under a privacy budget",
							   get_func_name(agg->aggfnoid), format_type_be(type)),
						errhint(
							type == INTERVALOID
								? "Use seconds, with bounds: ehds.dp_avg(person_id, extract(epoch FROM end_time - start_time), 0, 86400)."
								: "Use a number, a date or a timestamp; days between dates are date - date."));
	}
	return NULL;
}

void
ehds_dp_require_range(Border *b, Aggref *agg, DpFigure *figure, Numeric *low, Numeric *high, Numeric *step)
{
	if (!ehds_dp_declared_range(b, figure->value, low, high, step))
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("%s needs a range of values under a privacy budget", get_func_name(agg->aggfnoid)),
					errdetail(
						figure->kind == DP_HISTOGRAM
							? "It must not come from the data, and the column has no label with a range."
							: "The noise must cover the largest value that anybody could have, and the column has no label with a range."),
					errhint("Write ehds.%s(person_id, column%s, low, high%s): values outside are taken for the nearest bound.",
							known[figure->kind].ours, figure->kind == DP_QUANTILE ? ", fraction" : "",
							figure->kind == DP_HISTOGRAM ? ", bins" : ""));
}

/* first: the position of the lower bound among the arguments, 0: there is none */
static void
read_range(Border *b, Aggref *agg, int first, DpFigure *figure, Oid type)
{
	Numeric low;
	Numeric high;
	Numeric step = NULL;

	if (first > 0)
	{
		Oid bound = ehds_is_date_type(type) ? type : NUMERICOID;

		low = ehds_dp_bound(ehds_dp_constant(b, agg, first, bound, "the lower bound"), bound);
		high = ehds_dp_bound(ehds_dp_constant(b, agg, first + 1, bound, "the upper bound"), bound);
	}
	else
		ehds_dp_require_range(b, agg, figure, &low, &high, &step);
	ehds_dp_grid(b, agg, low, high, step, type, &figure->measure);
}

static Node *
and_also(Node *one, Node *other)
{
	if (one == NULL || other == NULL)
		return one != NULL ? one : other;
	return (Node *) makeBoolExpr(AND_EXPR, list_make2(one, other), -1);
}

static Node *
is_not_null(Node *value)
{
	NullTest *test = makeNode(NullTest);

	test->arg = (Expr *) value;
	test->nulltesttype = IS_NOT_NULL;
	test->location = -1;
	return (Node *) test;
}

static bool
same_figure(const DpFigure *one, const DpFigure *other)
{
	return one->kind == other->kind && one->type == other->type && ehds_dp_same_fractions(one, other) &&
		   equal(one->value, other->value) && equal(one->condition, other->condition) &&
		   memcmp(&one->measure, &other->measure, sizeof(Measure)) == 0;
}

static DpFigure *
make_figure(Border *b, Aggref *agg)
{
	bool native = get_func_namespace(agg->aggfnoid) != ehds_namespace();
	int which = find_known(b, agg, native);
	int n_args = list_length(agg->args);
	DpFigure *figure = palloc0(sizeof(DpFigure));
	Oid type;

	if (which < 0)
		ehds_refuse_aggregate(b, agg);
	figure->kind = known[which].kind;
	figure->type = exprType((Node *) agg);
	figure->measure.kind = known[which].measure;
	figure->measure.max_rows = 1;
	figure->condition = copyObject((Node *) agg->aggfilter);
	if (!native || figure->kind == DP_PERSONS)
		(void) ehds_required_subject(b, agg);

	if (figure->kind == DP_ROWS)
	{
		figure->measure.max_rows = ehds_dp_max_rows(b, agg, !native && n_args > 1 ? 1 : -1);
		if (native && !agg->aggstar && ehds_usable_subject(b, ehds_argument(agg, 0)) == NULL)
			figure->condition = and_also(figure->condition, is_not_null(copyObject(ehds_argument(agg, 0))));
	}
	else if (figure->kind == DP_DISTINCT)
	{
		bool of_setting = native || n_args < 3;

		figure->value = copyObject(ehds_argument(agg, native ? 0 : 1));
		figure->measure.max_rows = ehds_dp_max_rows(b, agg, of_setting ? -1 : 2);
		if (of_setting)
			figure->measure.max_rows = Min(figure->measure.max_rows, EHDS_VALUE_SET_MAX);
		ehds_measure_check(&figure->measure);
		ehds_require_key_type(b->level, figure->value);
		ehds_require_harmless_in(b->level, figure->value);
		/* equal values must have equal bytes */
		figure->value = (Node *) ehds_canonical_key((Expr *) figure->value);
	}
	else if (figure->kind == DP_HISTOGRAM)
		ehds_dp_bins(b, agg, figure);
	else if (figure->kind != DP_PERSONS)
	{
		/* arguments before the bounds: subject, value, fraction */
		int before = strcmp(known[which].ours, "dp_quantile") == 0 && !native ? 3 : 2;
		bool explicit = !native && n_args >= before + 2;
		int rows = native || n_args == before || n_args == before + 2 ? -1 : n_args - 1;

		figure->value = copyObject(ehds_argument(agg, native ? 0 : 1));
		if (figure->kind == DP_QUANTILE)
			ehds_dp_fractions(b, agg, figure);
		if (figure->kind == DP_QUANTILE && native)
			figure->value = ehds_value_before_cast(figure->value);
		type = exprType(figure->value);
		figure->value = ehds_dp_measurable(b, agg, figure->value);
		figure->measure.max_rows = ehds_dp_max_rows(b, agg, rows);
		/* of persons with more rows some values are taken for all */
		if (figure->kind == DP_QUANTILE && rows < 0)
			figure->measure.max_rows = Min(figure->measure.max_rows, EHDS_VALUE_SET_MAX);
		read_range(b, agg, explicit ? before : 0, figure, type);
		ehds_require_harmless_in(b->level, figure->value);
	}
	if (figure->condition != NULL)
		ehds_require_harmless_in(b->level, figure->condition);
	/* what is not in a declared domain takes no place of a person */
	if (figure->kind == DP_DISTINCT)
		figure->condition = and_also(figure->condition,
									 ehds_dp_declared_value(b, ehds_argument(agg, native ? 0 : 1)));
	return figure;
}

int
ehds_dp_figure(Border *b, Aggref *agg)
{
	DpFigure *figure = make_figure(b, agg);
	ListCell *lc;

	foreach(lc, b->figures)
		if (same_figure(lfirst(lc), figure))
			return foreach_current_index(lc);
	b->figures = lappend(b->figures, figure);
	return list_length(b->figures) - 1;
}
