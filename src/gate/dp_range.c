/*
 * dp_range.c
 *		The range of values that a private figure is computed with, as whole steps.
 *
 * The range comes from the query or from the label of the column, never from
 * data. The step is the label's; 1 for whole numbers; else the largest power of
 * ten that makes ten thousand steps or more (a million for sums and averages). Of
 * dates it is a day; of timestamps a second, or the least of a minute, an hour and a
 * day that makes few enough.
 * A step that makes too many is doubled: the noise is much wider than it.
 */
#include "core/compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/timestamp.h"

#include "catalog/label_text.h"
#include "catalog/labels.h"
#include "core/errors.h"
#include "gate/allowed.h"
#include "gate/dp_figure.h"

/* most steps on either side of zero that a power of ten makes */
#define FINE_STEPS 1e7
#define FINE_STEPS_SPREAD 5e4

static Numeric
binary(PGFunction function, Numeric a, Numeric b)
{
	return DatumGetNumeric(DirectFunctionCall2(function, NumericGetDatum(a), NumericGetDatum(b)));
}

static int
compare(Numeric a, Numeric b)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)));
}

static Numeric
absolute(Numeric a)
{
	return DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(a)));
}

static double
as_double(Numeric a)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(a)));
}

static Numeric
number(const char *text, size_t length)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(pnstrdup(text, length)),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static void
refuse_range(const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("the range of a private aggregate cannot be computed with"), errhint("%s", hint)));
}

/* A step as a fraction of whole numbers. */
static void
fraction_of(Numeric step, Measure *m)
{
	int scale = DatumGetInt32(DirectFunctionCall1(numeric_min_scale, NumericGetDatum(step)));
	Numeric den;
	int64 a;
	int64 b;

	if (scale > 18)
		refuse_range("A step has at most 18 decimals.");
	m->den = 1;
	for (int i = 0; i < scale; i++)
		m->den *= 10;
	den = int64_to_numeric(m->den);
	step = binary(numeric_mul, step, den);
	if (compare(step, int64_to_numeric(PG_INT64_MAX / 2)) > 0)
		refuse_range("The step is too large.");
	m->num = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(step)));
	for (a = m->num, b = m->den; b != 0;)
	{
		int64 r = a % b;

		a = b;
		b = r;
	}
	m->num /= a;
	m->den /= a;
}

/* The power of ten for a range whose largest extent is this. */
static void
power_of_ten(double extent, double most, Measure *m)
{
	m->num = m->den = 1;
	while (extent * m->den / m->num > most && m->num < INT64CONST(1000000000000000000))
		m->num *= 10;
	while (m->num == 1 && extent * m->den * 10 <= most && m->den < INT64CONST(1000000000000000000))
		m->den *= 10;
}

/* bound / step, to the nearest whole number; false if that is more than a range may have. */
static bool
steps_of(Numeric bound, const Measure *m, int64 *steps)
{
	Numeric x = binary(numeric_mul, bound, int64_to_numeric(m->den));

	x = binary(numeric_div, x, int64_to_numeric(m->num));
	if (compare(absolute(x), int64_to_numeric(EHDS_MEASURE_STEPS_MAX)) >= 0)
		return false;
	*steps = DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(x)));
	return true;
}

Numeric
ehds_dp_bound(Datum bound, Oid type)
{
	int64 stored;
	const char *infinite = NULL;

	switch (type)
	{
		case INT2OID:
			return int64_to_numeric(DatumGetInt16(bound));
		case INT4OID:
			return int64_to_numeric(DatumGetInt32(bound));
		case INT8OID:
			return int64_to_numeric(DatumGetInt64(bound));
		case FLOAT4OID:
			return DatumGetNumeric(DirectFunctionCall1(float4_numeric, bound));
		case FLOAT8OID:
			return DatumGetNumeric(DirectFunctionCall1(float8_numeric, bound));
		case NUMERICOID:
			return DatumGetNumeric(bound);
		case DATEOID:
			stored = DatumGetDateADT(bound);
			if (DATE_NOT_FINITE(stored))
				infinite = DATE_IS_NOBEGIN(stored) ? "-Infinity" : "Infinity";
			break;
		default:
			Assert(type == TIMESTAMPOID || type == TIMESTAMPTZOID);
			stored = DatumGetTimestamp(bound);
			if (TIMESTAMP_NOT_FINITE(stored))
				infinite = TIMESTAMP_IS_NOBEGIN(stored) ? "-Infinity" : "Infinity";
	}
	return infinite != NULL ? number(infinite, strlen(infinite)) : int64_to_numeric(stored);
}

void
ehds_dp_require_bounds(Border *b, Aggref *agg, Numeric low, Numeric high)
{
	if (numeric_is_nan(low) || numeric_is_nan(high) || numeric_is_inf(low) || numeric_is_inf(high) ||
		compare(low, high) >= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the lower bound of %s must be below the upper one, and both finite",
							   get_func_name(agg->aggfnoid)),
						ehds_errposition(b->gate->query_string, agg->location)));
}

static bool
fits(Numeric low, Numeric high, Measure *m, int64 width)
{
	return steps_of(low, m, &m->low) && steps_of(high, m, &m->high) && m->high - m->low <= width;
}

/* Low, high and step of a measure; step NULL: none is declared. */
void
ehds_dp_grid(Border *b, Aggref *agg, Numeric low, Numeric high, Numeric step, Oid type, Measure *m)
{
	int64 width = m->kind >= MEASURE_SPREAD ? EHDS_MEASURE_SPREAD_WIDTH_MAX
				  : m->kind == MEASURE_MEAN ? EHDS_MEASURE_MEAN_WIDTH_MAX
											: 2 * EHDS_MEASURE_STEPS_MAX;

	ehds_dp_require_bounds(b, agg, low, high);
	if (step != NULL)
		fraction_of(step, m);
	else if (type == TIMESTAMPOID || type == TIMESTAMPTZOID)
	{
		static const int seconds[] = {1, SECS_PER_MINUTE, SECS_PER_HOUR, SECS_PER_DAY};

		m->den = 1;
		for (int i = 0; i < lengthof(seconds); i++)
		{
			m->num = seconds[i] * USECS_PER_SEC;
			if (fits(low, high, m, width))
				break;
		}
	}
	else if (type == INT2OID || type == INT4OID || type == INT8OID || type == DATEOID)
		m->num = m->den = 1;
	else
	{
		Numeric extent = binary(numeric_sub, high, low);

		if (compare(absolute(low), extent) > 0)
			extent = absolute(low);
		if (compare(absolute(high), extent) > 0)
			extent = absolute(high);
		power_of_ten(as_double(extent), m->kind >= MEASURE_SPREAD ? FINE_STEPS_SPREAD : FINE_STEPS, m);
	}
	while (!fits(low, high, m, width))
	{
		if (m->den % 2 == 0)
			m->den /= 2;
		else if (m->num < PG_INT64_MAX / 2)
			m->num *= 2;
		else
			refuse_range("The range is too wide.");
	}
	if (m->low >= m->high)
		refuse_range("The range is narrower than one step.");
	ehds_measure_check(m);
}

/* Casts between numbers, after which the value is the same or nearly. */
static Node *
strip_number_casts(Node *node)
{
	for (;;)
	{
		node = ehds_strip_casts(node);
		if (node != NULL && IsA(node, FuncExpr) && list_length(((FuncExpr *) node)->args) == 1)
			switch (ehds_native_version(((FuncExpr *) node)->funcid))
			{
				case F_FLOAT8_FLOAT4:
				case F_FLOAT8_NUMERIC:
				case F_FLOAT8_INT2:
				case F_FLOAT8_INT4:
				case F_FLOAT8_INT8:
				case F_NUMERIC_INT2:
				case F_NUMERIC_INT4:
				case F_NUMERIC_INT8:
				case F_NUMERIC_FLOAT4:
				case F_NUMERIC_FLOAT8:
					node = linitial(((FuncExpr *) node)->args);
					continue;
				default:
					break;
			}
		return node;
	}
}

/* The dates of a range; for timestamps midnight, for those with a time zone that of UTC. */
static bool
dates_of(const char *label, Oid type, Numeric *low, Numeric *high)
{
	DateADT first;
	DateADT last;
	int64 unit = type == DATEOID ? 1 : USECS_PER_DAY;

	if (!ehds_label_dates(label, &first, &last))
		return false;
	*low = int64_to_numeric(first * unit);
	*high = int64_to_numeric(last * unit);
	return true;
}

/*
 * "range a..b" or "range a..b step s", which the label provider has checked.  The
 * two points are found before the numbers are read, since 0..5 begins with "0.".
 */
bool
ehds_dp_declared_range(Border *b, Node *value, Numeric *low, Numeric *high, Numeric *step)
{
	Oid relid = InvalidOid;
	AttrNumber attno = ehds_table_column(b->query, strip_number_casts(value), &relid);
	const char *label;
	const char *points;
	const char *end;

	if (attno == 0)
		return false;
	label = ehds_column_label(relid, attno).range;
	if (label == NULL || (points = strstr(label, "..")) == NULL)
		return false;
	ehds_repeat_with(b->gate, label);
	if (ehds_is_date_type(exprType(value)))
		return dates_of(label, exprType(value), low, high);
	*low = number(label + 6, points - (label + 6));
	end = strstr(points, " step ");
	*high = number(points + 2, end ? end - (points + 2) : strlen(points + 2));
	if (step != NULL)
		*step = end ? number(end + 6, strlen(end + 6)) : NULL;
	return true;
}
