/*
 * dp_figure.c
 *		Noise, value and precision of a private figure.
 *
 * Noise is added to whole numbers, exactly, by ehds.dp_noise; what follows reads
 * noised numbers only and is ordinary numeric arithmetic. A figure of several
 * statistics shares its budget equally among them.
 */
#include "core/compat.h"

#include <math.h>

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "dp/dp.h"
#include "gate/dp_figure.h"

#define WEIGHT (INT64CONST(1) << EHDS_MEASURE_WEIGHT_BITS)

Node *
ehds_dp_measured(const DpFigure *figure)
{
	Node *condition = copyObject(figure->condition);
	Node *value = copyObject(figure->value);

	if (value == NULL)
		return condition ? condition : makeBoolConst(true, false);
	if (condition == NULL)
		return value;
	return ehds_if_else(condition, value,
						(Node *) makeNullConst(exprType(value), exprTypmod(value), exprCollation(value)));
}

bool
ehds_dp_is_additive(const DpFigure *figure)
{
	switch (figure->kind)
	{
		case DP_PERSONS:
		case DP_ROWS:
			return true;
		case DP_SUM:
			/* a sum that is rounded to an integer type is not */
			return figure->type == NUMERICOID || figure->type == FLOAT8OID ||
				   (figure->type == INT8OID && figure->measure.den == 1);
		default:
			return false;
	}
}

/* Noise on statistic n; false: it would be too wide to compute with, and would raise. */
static bool
noise_if_fits(const DpFigure *figure, int n, int max_groups, const EhdsDpShare *share, bool raise,
			  EhdsSumNoise *noise)
{
	int parts = ehds_measure_n_statistics(&figure->measure);
	int64 sensitivity = ehds_measure_sensitivity(&figure->measure, n);

	/* of a histogram each bin has this noise: a person adds 1 to max_rows of them in each group */
	if (figure->kind == DP_HISTOGRAM)
	{
		parts = sensitivity = 1;
		max_groups *= figure->measure.max_rows;
	}
	if (!raise && !ehds_dp_sum_noise_fits(share, parts, max_groups, sensitivity))
		return false;
	*noise = ehds_dp_sum_noise(share, parts, max_groups, sensitivity);
	return true;
}

static EhdsSumNoise
noise_of(const DpFigure *figure, int n, int max_groups, const EhdsDpShare *share)
{
	EhdsSumNoise noise;

	(void) noise_if_fits(figure, n, max_groups, share, true, &noise);
	return noise;
}

bool
ehds_dp_half_width(const DpFigure *figure, int max_groups, const EhdsDpShare *share, int64 *w)
{
	EhdsSumNoise noise;

	Assert(ehds_measure_n_statistics(&figure->measure) == 1);
	if (!noise_if_fits(figure, 0, max_groups, share, false, &noise))
		return false;
	*w = ehds_dp_sum_interval(&noise, 0.05);
	return true;
}

/* The scale of a sum's noise, or its sigma, for people. */
static double
scale_of(const EhdsSumNoise *noise)
{
	if (noise->gaussian)
		return noise->sigma_digits / pow(10, noise->sigma_places);
	return (double) noise->scale_num / noise->scale_den;
}

double
ehds_dp_variance(const DpFigure *figure, int max_groups, const EhdsDpShare *share)
{
	EhdsSumNoise noise = noise_of(figure, 0, max_groups, share);
	double scale = scale_of(&noise);

	return noise.gaussian ? scale * scale : 2 * scale * scale;
}

char *
ehds_dp_noised(const DpFigure *figure, int n, const char *statistic, int max_groups, const EhdsDpShare *share)
{
	EhdsSumNoise noise;

	if (figure->kind == DP_QUANTILE)
		return ehds_dp_quantile_noised(figure, statistic, max_groups, share);
	noise = noise_of(figure, n, max_groups, share);
	if (figure->kind == DP_HISTOGRAM)
	{
		statistic = psprintf("pg_catalog.string_agg(%s, ''::pg_catalog.bytea), %lld", statistic,
							 (long long) figure->measure.high + 1);
		if (noise.gaussian)
			return psprintf("ehds.dp_release_histogram_gaussian(%s, '%llu'::pg_catalog.int8, %d, "
							"NULL::ehds.approval)",
							statistic, (unsigned long long) noise.sigma_digits, noise.sigma_places);
		return psprintf("ehds.dp_release_histogram(%s, '%lld'::pg_catalog.int8, '%lld'::pg_catalog.int8, "
						"NULL::ehds.approval)",
						statistic, (long long) noise.scale_num, (long long) noise.scale_den);
	}
	if (figure->kind == DP_DISTINCT)
		statistic = psprintf("ehds.dp_distinct(pg_catalog.string_agg(%s, ''::pg_catalog.bytea))", statistic);
	else
		statistic = psprintf("COALESCE(pg_catalog.sum(%s), 0)", statistic);
	if (noise.gaussian)
		return psprintf("ehds.dp_noise_gaussian(%s, '%llu'::pg_catalog.int8, %d, NULL::ehds.approval)",
						statistic, (unsigned long long) noise.sigma_digits, noise.sigma_places);
	return psprintf("ehds.dp_noise(%s, '%lld'::pg_catalog.int8, '%lld'::pg_catalog.int8, NULL::ehds.approval)",
					statistic, (long long) noise.scale_num, (long long) noise.scale_den);
}

/* a num / (den 2^shift) as SQL; numeric, to sixteen digits or more */
static char *
literal(int64 a, const Measure *m, int shift)
{
	Datum x = DirectFunctionCall2(numeric_mul, NumericGetDatum(int64_to_numeric(a)),
								  NumericGetDatum(int64_to_numeric(m->num)));

	x = DirectFunctionCall2(numeric_div, x, NumericGetDatum(int64_to_numeric(m->den)));
	x = DirectFunctionCall2(numeric_div, x, NumericGetDatum(int64_to_numeric(INT64CONST(1) << shift)));
	return psprintf("'%s'::pg_catalog.numeric",
					DatumGetCString(
						DirectFunctionCall1(numeric_out, DirectFunctionCall1(numeric_trim_scale, x))));
}

static char *
op(const char *a, const char *operator, const char * b)
{
	return psprintf("(%s OPERATOR(pg_catalog.%s) %s)", a, operator, b);
}

static char *
whole(int64 a)
{
	return psprintf("'%lld'::pg_catalog.numeric", (long long) a);
}

static char *
clamped(const char *x, const char *low, const char *high)
{
	return psprintf("LEAST(GREATEST(%s, %s), %s)", x, low, high);
}

static char *
mean_sql(const Measure *m, const char *column)
{
	char *n = psprintf("GREATEST(%s1, %s)", column, whole(WEIGHT));
	/* half steps in units of 2^-shift, times the units of rows */
	char *s = op(op(psprintf("%s2", column), "*", literal(WEIGHT, m, ehds_measure_shift(m, 1) + 1)), "/", n);

	return clamped(op(literal(m->low + m->high, m, 1), "+", s), literal(m->low, m, 0), literal(m->high, m, 0));
}

/* of a sample: (S2 - S^2 / N) / (N - 1), which is at most (high - low)^2 / 2 */
static char *
variance_sql(const Measure *m, const char *column)
{
	char *n = op(psprintf("GREATEST(%s1, %s)", column, whole(2 * WEIGHT)), "/", whole(WEIGHT));
	char *s = op(psprintf("%s2", column), "*", literal(1, m, ehds_measure_shift(m, 1) + 1));
	char *half = literal(1, m, 1);
	char *s2 = op(op(op(psprintf("%s3", column), "*", half), "*", half), "/",
				  whole(INT64CONST(1) << ehds_measure_shift(m, 2)));
	char *width = literal(m->high - m->low, m, 0);

	return clamped(op(op(s2, "-", op(op(s, "*", s), "/", n)), "/", op(n, "-", whole(1))), whole(0),
				   op(op(width, "*", width), "/", whole(2)));
}

/* The measure with a step in days, if values are dates or timestamps. */
static Measure
in_days(const DpFigure *figure)
{
	Measure m = figure->measure;

	/* of timestamps the step is a whole number of microseconds */
	if (figure->value != NULL && ehds_is_date_type(exprType(figure->value)) &&
		exprType(figure->value) != DATEOID)
		m.den *= USECS_PER_DAY;
	return m;
}

/* No number raises. */
char *
ehds_dp_as_type(Oid type, const char *x)
{
	const char *low = NULL;
	const char *high;

	switch (type)
	{
		case DATEOID:
			return psprintf("('2000-01-01'::pg_catalog.date OPERATOR(pg_catalog.+) (%s)::pg_catalog.int4)", x);
		case TIMESTAMPOID:
			return psprintf("ehds.dp_timestamp(%s)", x);
		case TIMESTAMPTZOID:
			return psprintf("ehds.dp_timestamptz(%s)", x);
		case INT2OID:
			low = "-32768";
			high = "32767";
			break;
		case INT4OID:
			low = "-2147483648";
			high = "2147483647";
			break;
		case INT8OID:
			low = "-9223372036854775808";
			high = "9223372036854775807";
			break;
		default:
			break;
	}
	if (low != NULL)
		x = clamped(psprintf("pg_catalog.round(%s)", x), psprintf("'%s'::pg_catalog.numeric", low),
					psprintf("'%s'::pg_catalog.numeric", high));
	return psprintf("(%s)::%s", x, ehds_type_name(type));
}

char *
ehds_dp_value(const DpFigure *figure, const char *column)
{
	const Measure *m = &figure->measure;
	Measure days = in_days(figure);
	char *x = NULL;

	switch (figure->kind)
	{
		case DP_PERSONS:
		case DP_ROWS:
		case DP_DISTINCT:
		case DP_HISTOGRAM:
			x = psprintf("%s1", column);
			break;
		case DP_SUM:
			x = op(psprintf("%s1", column), "*", literal(1, m, 0));
			break;
		case DP_AVG:
			x = mean_sql(m, column);
			break;
		case DP_VARIANCE:
			x = variance_sql(&days, column);
			break;
		case DP_QUANTILE:
			return ehds_dp_quantile_value(figure, column, literal(1, m, 0));
		case DP_STDDEV:
			x = psprintf("pg_catalog.sqrt(%s)", variance_sql(&days, column));
			break;
	}
	return ehds_dp_as_type(figure->type, x);
}

/* Three digits, rounded up: a bound stays one. */
static char *
rounded_up(double x)
{
	double unit;

	if (x <= 0)
		return "0";
	unit = pow(10, floor(log10(x)) - 2);
	return psprintf("%.10g", ceil(x / unit * (1 - 1e-12)) * unit);
}

void
ehds_dp_tell(EhdsGate *gate, const DpFigure *figure, char *column, int max_groups, const EhdsDpShare *share)
{
	const Measure days = in_days(figure);
	const Measure *m = &days;
	EhdsNoise *told = palloc0(sizeof(EhdsNoise));
	bool of_dates = figure->value != NULL && ehds_is_date_type(exprType(figure->value));
	int n = ehds_measure_n_statistics(m);
	double step = m->den > 0 ? (double) m->num / m->den : 1;
	double half_width = step * (double) (m->high - m->low) / 2;
	double w[EHDS_MEASURE_STATISTICS_MAX] = {0};
	double scale[EHDS_MEASURE_STATISTICS_MAX] = {0};
	bool gaussian = false;
	double rounding = ehds_dp_is_additive(figure) ? gate->rounding : 0;
	char *words;

	for (int i = 0; i < n && figure->kind != DP_QUANTILE; i++)
	{
		EhdsSumNoise noise = noise_of(figure, i, max_groups, share);
		double unit = (double) (INT64CONST(1) << ehds_measure_shift(m, i));

		w[i] = (double) ehds_dp_sum_interval(&noise, 0.05 / n) / unit;
		scale[i] = scale_of(&noise) / unit;
		gaussian = noise.gaussian;
	}
	told->column = column;
	told->mechanism = gaussian ? "discrete Gaussian" : "discrete Laplace";
	told->max_groups = max_groups;
	told->epsilon_nano = share->epsilon_nano;
	told->cost.epsilon_nano = share->zcdp ? 0 : share->epsilon_nano;
	told->cost.rho_pico = share->rho_pico;
	told->remark = psprintf("of a person at most %d row%s in each of at most %d group%s%s", m->max_rows,
							m->max_rows > 1 ? "s" : "", max_groups, max_groups > 1 ? "s" : "",
							rounding > 0 ? "; totals and parts are made to agree" : "");
	switch (figure->kind)
	{
		case DP_QUANTILE:
			ehds_dp_tell_quantile(told, figure, max_groups, share);
			words = psprintf("at most %s persons by rank in %s%s", rounded_up(told->half_width),
							 figure->n_fractions > 1 ? psprintf("all %d of ", figure->n_fractions) : "",
							 column);
			break;
		case DP_PERSONS:
		case DP_ROWS:
		case DP_DISTINCT:
			told->scale = scale[0];
			told->half_width = w[0] + rounding;
			words = psprintf("at most %.0f %s in %s", ceil(told->half_width),
							 figure->kind == DP_PERSONS ? "persons"
							 : figure->kind == DP_ROWS  ? "rows"
														: "values",
							 column);
			break;
		case DP_HISTOGRAM:
			told->scale = scale[0];
			told->half_width = w[0];
			told->remark =
				psprintf("of a person at most %d bin%s in each of at most %d group%s; %d bins, and the interval is that of each by itself",
						 m->max_rows, m->max_rows > 1 ? "s" : "", max_groups, max_groups > 1 ? "s" : "",
						 (int) m->high + 1);
			words = psprintf("at most %.0f persons in each bin of %s by itself", w[0], column);
			break;
		case DP_SUM:
			told->scale = scale[0] * step;
			/* rounded once, as a target is compared with it */
			told->half_width = (w[0] + rounding) * m->num / m->den;
			words = psprintf("at most %s in %s", rounded_up(told->half_width), column);
			break;
		case DP_AVG:
			/* (S + s) / (N + n) - S / N = (s - n S / N) / (N + n), and |S / N| is half the width at most */
			told->scale = scale[1] * step / 2;
			told->half_width = w[1] * step / 2 + w[0] * half_width;
			words = psprintf("at most %s%s / rows in %s", rounded_up(told->half_width),
							 of_dates ? " days" : "", column);
			break;
		default:
			told->scale = scale[2] * step * step / 4;
			told->half_width = w[2] * step * step / 4 + half_width * w[1] * step +
							   half_width * half_width * w[0];
			words = psprintf("about %s%s / rows in %s%s", rounded_up(told->half_width),
							 of_dates ? " square days" : "",
							 figure->kind == DP_STDDEV ? "the square of " : "", column);
	}
	if (figure->kind >= DP_AVG && figure->kind < DP_QUANTILE)
		told->mechanism = psprintf("%s, to be divided by the number of rows%s", told->mechanism,
								   figure->kind == DP_STDDEV ? ", of the square" : "");
	ehds_tell_noise(gate, told, words);
}
