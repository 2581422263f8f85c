/*
 * dp_bins.c
 *		The bins of a private histogram.
 *
 * A histogram is computed of the number of the bin of each value, which
 * width_bucket gives from constant thresholds: it compares, so that no value is
 * rounded, and it can't raise. The thresholds come from the query or from the
 * label of the column, never from data; how many bins there are is public.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "dp/value_set.h"
#include "gate/dp_figure.h"
#include "gate/level.h"

static void
invalid(Border *b, Aggref *agg, const char *what)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", what),
					ehds_errposition(b->gate->query_string, agg->location)));
}

static bool
is_nan(Datum value, Oid type)
{
	switch (type)
	{
		case FLOAT4OID:
			return isnan(DatumGetFloat4(value));
		case FLOAT8OID:
			return isnan(DatumGetFloat8(value));
		case NUMERICOID:
			return numeric_is_nan(DatumGetNumeric(value));
		default:
			return false;
	}
}

/* The analyst's thresholds, of values of this type. */
static Const *
given_thresholds(Border *b, Aggref *agg, Oid type, int *n)
{
	Oid array_type = get_array_type(type);
	ArrayType *array = DatumGetArrayTypeP(ehds_dp_constant(b, agg, 2, array_type, "the array of thresholds"));
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_CMP_PROC_FINFO);
	Datum *thresholds;

	if (ARR_NDIM(array) != 1 || array_contains_nulls(array))
		invalid(b, agg, "the thresholds of a histogram must be an array of one dimension without NULLs");
	deconstruct_array(array, type, entry->typlen, entry->typbyval, entry->typalign, &thresholds, NULL, n);
	if (*n >= EHDS_BINS_MAX)
		invalid(b, agg, psprintf("a histogram has at most %d bins, one more than thresholds", EHDS_BINS_MAX));
	for (int i = 0; i < *n; i++)
		if (is_nan(thresholds[i], type) ||
			(i > 0 &&
			 DatumGetInt32(FunctionCall2(&entry->cmp_proc_finfo, thresholds[i - 1], thresholds[i])) >= 0))
			invalid(b, agg, "the thresholds of a histogram must increase");
	return makeConst(array_type, -1, InvalidOid, -1, PointerGetDatum(array), false, false);
}

static Numeric
binary(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a), NumericGetDatum(b)));
}

static int
compare(Numeric a, int64 b)
{
	return DatumGetInt32(
		DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(int64_to_numeric(b))));
}

/* A threshold as the type of the values; a whole number is at or above it if it is so of the next whole one. */
static Datum
threshold_of(Border *b, Aggref *agg, Numeric x, Oid type)
{
	int64 whole;

	if (type == NUMERICOID)
		return NumericGetDatum(x);
	if (type == FLOAT8OID)
		return DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(x));
	x = DatumGetNumeric(DirectFunctionCall1(numeric_ceil, NumericGetDatum(x)));
	if (compare(x, PG_INT64_MAX) > 0 || compare(x, PG_INT64_MIN) < 0)
		invalid(b, agg, "the bounds of a histogram are beyond the range of its values");
	whole = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(x)));
	return type == DATEOID ? DateADTGetDatum((DateADT) whole) : Int64GetDatum(whole);
}

/* Thresholds between bins of equal width. */
static Const *
equal_thresholds(Border *b, Aggref *agg, Numeric low, Numeric high, int bins, Oid type)
{
	Datum *thresholds = palloc(bins * sizeof(Datum));
	Numeric width;
	int16 length;
	bool by_value;
	char align;

	ehds_dp_require_bounds(b, agg, low, high);
	width = binary(numeric_sub, high, low);
	for (int i = 1; i < bins; i++)
	{
		Numeric part = binary(numeric_div, binary(numeric_mul, width, int64_to_numeric(i)),
							  int64_to_numeric(bins));

		thresholds[i - 1] = threshold_of(b, agg, binary(numeric_add, low, part), type);
	}
	get_typlenbyvalalign(type, &length, &by_value, &align);
	return makeConst(get_array_type(type), -1, InvalidOid, -1,
					 PointerGetDatum(construct_array(thresholds, bins - 1, type, length, by_value, align)),
					 false, false);
}

/* The number of the bin, from 0 on; NULL for NULL and NaN. */
static Node *
bin_of(Node *value, Const *thresholds)
{
	Oid type = exprType(value);
	char *name = ehds_type_name(type);
	FuncExpr *bin = (FuncExpr *) ehds_parse_expression(
		psprintf("SELECT pg_catalog.width_bucket(NULL::%1$s, NULL::%1$s[])", name));

	if (type == FLOAT4OID || type == FLOAT8OID || type == NUMERICOID)
	{
		NullIfExpr *number = (NullIfExpr *) ehds_parse_expression(
			psprintf("SELECT NULLIF(NULL::%1$s, 'NaN'::%1$s)", name));

		linitial(number->args) = value;
		value = (Node *) number;
	}
	bin->args = list_make2(value, thresholds);
	return (Node *) bin;
}

/*
 * dp_histogram(subject, value, thresholds [, most]), (subject, value, bins [, most]) or
 * (subject, value, low, high, bins [, most])
 */
void
ehds_dp_bins(Border *b, Aggref *agg, DpFigure *figure)
{
	int n_args = list_length(agg->args);
	bool given = type_is_array(exprType(ehds_argument(agg, 2)));
	bool explicit = n_args >= 5;
	int most = n_args == 4 || n_args == 6 ? n_args - 1 : -1;
	Measure *m = &figure->measure;
	Node *value = copyObject(ehds_argument(agg, 1));
	Const *thresholds;
	int bins;

	figure->value = ehds_dp_measurable(b, agg, value);
	ehds_require_harmless_in(b->level, value);
	if (given)
	{
		/* the array is of the type before values are made larger */
		figure->value = value;
		thresholds = given_thresholds(b, agg, exprType(value), &bins);
		bins++;
	}
	else
	{
		Numeric low;
		Numeric high;

		bins = DatumGetInt32(ehds_dp_constant(b, agg, explicit ? 4 : 2, INT4OID, "the number of bins"));
		if (bins < 2 || bins > EHDS_BINS_MAX)
			invalid(b, agg, psprintf("a histogram has 2 to %d bins", EHDS_BINS_MAX));
		if (explicit)
		{
			Oid type = exprType(value);

			low = ehds_dp_bound(ehds_dp_constant(b, agg, 2, type, "the lower bound"), type);
			high = ehds_dp_bound(ehds_dp_constant(b, agg, 3, type, "the upper bound"), type);
		}
		else
			ehds_dp_require_range(b, agg, figure, &low, &high, NULL);
		if (exprType(figure->value) == INT4OID)
			figure->value = (Node *) makeFuncExpr(F_INT8_INT4, INT8OID, list_make1(figure->value), InvalidOid,
												  InvalidOid, COERCE_IMPLICIT_CAST);
		thresholds = equal_thresholds(b, agg, low, high, bins, exprType(figure->value));
	}
	figure->value = bin_of(figure->value, thresholds);
	m->max_rows = ehds_dp_max_rows(b, agg, most);
	if (most < 0)
		m->max_rows = Min(m->max_rows, EHDS_VALUE_SET_MAX);
	m->low = 0;
	m->high = bins - 1;
	m->num = m->den = 1;
	ehds_measure_check(m);
	/* nobody has values in more bins than there are */
	m->max_rows = Min(m->max_rows, bins);
}
