/*
 * k_regression.c
 *		Correlation, covariance and regression from protected sums.
 *
 * Whoever knows the number of pairs and the five sums of a cell knows all of these
 * figures, and they tell no more than those do.  So each of the sums is one of
 * k_sum, NULL where it may not be shown, and then so is the figure.  They are
 * numeric: neither the order of rows nor rounding says anything of a row.
 *
 * Nothing here raises: an error that one row can cause tells of that row.
 */
#include "core/compat.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "kanon/kanon.h"

PG_FUNCTION_INFO_V1(ehds_pair_product);
PG_FUNCTION_INFO_V1(ehds_pair_figure);

/* Set when an operation had no result; the figure is NULL then. */
typedef struct Failure
{
	bool failed;
} Failure;

typedef Numeric (*Operation)(Numeric, Numeric, bool *);

static Numeric
compute(Operation operation, Numeric a, Numeric b, Failure *failure)
{
	bool failed = false;
	Numeric result = operation(a, b, &failed);

	if (!failed)
		return result;
	failure->failed = true;
	return int64_to_numeric(0);
}

#define SUB(a, b) compute(numeric_sub_opt_error, a, b, &failure)
#define MUL(a, b) compute(numeric_mul_opt_error, a, b, &failure)
#define DIV(a, b) compute(numeric_div_opt_error, a, b, &failure)

/* A product that is beyond numeric is not a number: a sum of such ones is not shown. */
Datum
ehds_pair_product(PG_FUNCTION_ARGS)
{
	bool failed = false;
	Numeric result = numeric_mul_opt_error(PG_GETARG_NUMERIC(0), PG_GETARG_NUMERIC(1), &failed);

	if (failed)
		return DirectFunctionCall3(numeric_in, CStringGetDatum("NaN"), ObjectIdGetDatum(InvalidOid),
								   Int32GetDatum(-1));
	PG_RETURN_NUMERIC(result);
}

static bool
is_zero(Numeric value)
{
	return DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(value),
											 NumericGetDatum(int64_to_numeric(0)))) == 0;
}

static double
as_double(Numeric value)
{
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(value)));
}

/* The figures are those of PostgreSQL's manual, table "Aggregate Functions for Statistics". */
Datum
ehds_pair_figure(PG_FUNCTION_ARGS)
{
	EhdsPairFigure which = PG_GETARG_INT32(0);
	int64 rows = PG_GETARG_INT64(1);
	Numeric n = int64_to_numeric(rows);
	Numeric y = PG_GETARG_NUMERIC(2);
	Numeric x = PG_GETARG_NUMERIC(3);
	Numeric xy = PG_GETARG_NUMERIC(6);
	Failure failure = {false};
	Numeric yy;
	Numeric xx;
	Numeric zero = int64_to_numeric(0);
	Numeric figure = zero;
	double result;

	if (rows < 1)
		PG_RETURN_NULL();
	/* n times the sums of squares and of products of the distances from the means */
	yy = SUB(MUL(n, PG_GETARG_NUMERIC(4)), MUL(y, y));
	xx = SUB(MUL(n, PG_GETARG_NUMERIC(5)), MUL(x, x));
	xy = SUB(MUL(n, xy), MUL(x, y));
	switch (which)
	{
		case EHDS_PAIR_CORR:
			if (is_zero(xx) || is_zero(yy))
				PG_RETURN_NULL();
			figure = DIV(MUL(xy, xy), MUL(xx, yy));
			break;
		case EHDS_PAIR_COVAR_POP:
			figure = DIV(xy, MUL(n, n));
			break;
		case EHDS_PAIR_COVAR_SAMP:
			if (rows < 2)
				PG_RETURN_NULL();
			figure = DIV(xy, MUL(n, int64_to_numeric(rows - 1)));
			break;
		case EHDS_PAIR_AVGX:
			figure = DIV(x, n);
			break;
		case EHDS_PAIR_AVGY:
			figure = DIV(y, n);
			break;
		case EHDS_PAIR_SXX:
			figure = DIV(xx, n);
			break;
		case EHDS_PAIR_SYY:
			figure = DIV(yy, n);
			break;
		case EHDS_PAIR_SXY:
			figure = DIV(xy, n);
			break;
		case EHDS_PAIR_SLOPE:
			if (is_zero(xx))
				PG_RETURN_NULL();
			figure = DIV(xy, xx);
			break;
		case EHDS_PAIR_INTERCEPT:
			if (is_zero(xx))
				PG_RETURN_NULL();
			figure = DIV(SUB(MUL(y, xx), MUL(x, xy)), MUL(n, xx));
			break;
		case EHDS_PAIR_R2:
			if (is_zero(xx))
				PG_RETURN_NULL();
			figure = is_zero(yy) ? int64_to_numeric(1) : DIV(MUL(xy, xy), MUL(xx, yy));
			break;
		default:
			PG_RETURN_NULL();
	}
	result = as_double(figure);
	if (which == EHDS_PAIR_CORR)
		result = as_double(xy) < 0 ? -sqrt(result) : sqrt(result);
	if (failure.failed || !isfinite(result))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(result);
}
