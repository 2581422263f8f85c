/*
 * k_sum.c
 *		Final functions of sums, averages and variances.
 *
 * Each of them lets the sum be computed (an average times the number of rows), so
 * that all are refused (NULL) where the sum would be:
 *
 *	- fewer than k subjects have a total other than zero;
 *	- the sum is dominated.  With the absolute totals x1 >= x2 >= ... of subjects
 *	  and their sum A:
 *		(n, share):	x1 + ... + xn > share % of A
 *		p %:		A - x1 - x2 < p % of x1
 *	  (Hundepool et al., Statistical Disclosure Control, 2012, section 4.2.2);
 *	- only two totals occur, and fewer than k subjects have one of them: the number
 *	  of persons and the sum then give both groups by two equations;
 *	- most subjects have one total and 1 to k - 1 have others: who supposes the common
 *	  one (one visit each) has the sum of what these few have more or less;
 *	- only two values occur in the rows, and fewer than k subjects have a row with
 *	  one of them: the average of a CASE that gives 1 or 0 is the share of those
 *	  with 1, and 29 of 30 show one person.  With three values or more, it is left
 *	  open how many bear which, but not beside a variance: rows, sum and sum of
 *	  squares are three equations, so that for it the rule is on three values;
 *	- all subjects have the same value in all rows (unanimity), if the setting asks
 *	  for it;
 *	- a value or the sum is not finite.
 *
 * Whatever of this depends on values gives NULL, never an error: an error that
 * one row can raise tells of that row.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "kanon/k_final.h"
#include "kanon/k_value.h"
#include "kanon/settings.h"

PG_FUNCTION_INFO_V1(ehds_k_sum_bigint_final);
PG_FUNCTION_INFO_V1(ehds_k_sum_numeric_final);
PG_FUNCTION_INFO_V1(ehds_k_sum_float8_final);
PG_FUNCTION_INFO_V1(ehds_k_avg_numeric_final);
PG_FUNCTION_INFO_V1(ehds_k_avg_float8_final);

/* The number that is the total of subject i; of a double its greater part. */
static KNumber
total_number(const KState *state, uint32 i)
{
	const SubjectTotal *total = ehds_subject_total(&state->map, i);
	KNumber number;

	if (state->value == K_VALUE_NUMERIC)
		number.numeric = total->numeric;
	else if (state->value == K_VALUE_REAL)
		number.real = total->real.high;
	else
		number.integer = total->small;
	return number;
}

static inline int128
total_integer(const KState *state, uint32 i)
{
	const SubjectTotal *total = ehds_subject_total(&state->map, i);

	return (state->kind != K_ROWS && state->value == K_VALUE_BIGINT) ? total->integer : total->small;
}

static int
compare_totals(const KState *state, uint32 i, uint32 j)
{
	int128 x;
	int128 y;

	if (state->value == K_VALUE_NUMERIC || state->value == K_VALUE_REAL)
		return ehds_k_number_compare(state->value, total_number(state, i), total_number(state, j));
	x = total_integer(state, i);
	y = total_integer(state, j);
	return (x > y) - (x < y);
}

/* Do just two totals occur, and one of them with fewer than k subjects? */
static bool
two_totals_show_few(const KState *state)
{
	uint32 other = 0;
	uint32 n_first = 0;

	for (uint32 i = 0; i < state->map.n; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (compare_totals(state, i, 0) == 0)
			n_first++;
		else if (other == 0)
			other = i;
		else if (compare_totals(state, i, other) != 0)
			return false;
	}
	return n_first < state->map.n && (n_first < state->k || state->map.n - n_first < state->k);
}

/*
 * Have most subjects one total, and some others, fewer than k, another one?  Then the
 * one total is that of most of the first 2 k, too.
 */
static bool
few_differ_from_most(const KState *state)
{
	uint32 first = Min(state->map.n, 2 * (uint32) state->k);
	uint32 common = 0;
	uint32 ahead = 0;
	uint32 others = 0;

	/* Boyer and Moore's vote: if there is a majority it is of this total */
	for (uint32 i = 0; i < first; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (ahead == 0)
			common = i;
		ahead += (compare_totals(state, i, common) == 0) ? 1 : -1;
	}
	for (uint32 i = 0; i < state->map.n && others < state->k; i++)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		others += compare_totals(state, i, common) != 0;
	}
	return others > 0 && others < state->k && others < state->map.n - others;
}

/* Do just two values occur, or three of a variance, and one of them with fewer than k subjects? */
static bool
few_values_show_few(const KState *state)
{
	if (state->kind == K_ROWS || state->values->n_distinct < 2 || state->values->n_distinct == K_MANY_VALUES)
		return false;
	for (int value = 0; value < state->values->n_distinct; value++)
	{
		uint32 bearers = 0;

		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < state->map.n; i++)
			bearers += (state->values->bearers[i] & K_BEARS(value)) != 0;
		if (bearers < state->k)
			return true;
	}
	return false;
}

/* ---- dominance, by type ---- */

static bool
integers_shown(const KState *state, int128 *sum)
{
	EhdsDominance rule = ehds_dominance_effective();
	int look = Max(rule.n, 2);
	int128 top[EHDS_DOMINANCE_N_MAX] = {0}; /* descending */
	int128 top_n = 0;
	int128 all = 0;
	uint32 contributors = 0;

	*sum = 0;
	for (uint32 i = 0; i < state->map.n; i++)
	{
		int128 x = total_integer(state, i);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (x == 0)
			continue;
		contributors++;
		*sum += x;
		x = (x < 0) ? -x : x;

		/* so that the rules can multiply it by 100 */
		all += x;
		if (all > ((int128) 1 << 118))
			return false;
		if (x > top[look - 1])
		{
			int at = look - 1;

			for (; at > 0 && top[at - 1] < x; at--)
				top[at] = top[at - 1];
			top[at] = x;
		}
	}
	if (contributors < state->k)
		return false;
	for (int i = 0; i < rule.n; i++)
		top_n += top[i];
	return top_n * 100 <= all * rule.share && (all - top[0] - top[1]) * 100 >= top[0] * rule.p;
}

/*
 * Each subject's total and the sum over them are kept in twice the precision of
 * a double and rounded once.  So the result does not depend on the order of rows
 * or on the number of workers, unless terms cancel by more than 106 bits.
 */
static bool
reals_shown(const KState *state, SubjectTotal *sum)
{
	EhdsDominance rule = ehds_dominance_effective();
	int look = Max(rule.n, 2);
	double top[EHDS_DOMINANCE_N_MAX] = {0}; /* descending */
	double top_n = 0;
	SubjectTotal all = {.real = {0, 0}};
	uint32 contributors = 0;

	sum->real.high = sum->real.low = 0;
	for (uint32 i = 0; i < state->map.n; i++)
	{
		const SubjectTotal *total = ehds_subject_total(&state->map, i);
		double x = fabs(total->real.high);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (x == 0)
			continue;
		contributors++;
		if (!ehds_k_total_add_real(sum, total->real.high) || !ehds_k_total_add_real(sum, total->real.low) ||
			!ehds_k_total_add_real(&all, x))
			return false;
		if (x > top[look - 1])
		{
			int at = look - 1;

			for (; at > 0 && top[at - 1] < x; at--)
				top[at] = top[at - 1];
			top[at] = x;
		}
	}
	if (contributors < state->k)
		return false;

	/* scaled down, so that a product can't overflow */
	for (int i = 0; i < rule.n; i++)
		top_n += top[i] / 1024;
	return top_n * 100 <= all.real.high / 1024 * rule.share &&
		   (all.real.high - top[0] - top[1]) / 1024 * 100 >= top[0] / 1024 * rule.p;
}

#define COMPARE(a, b) DatumGetInt32(DirectFunctionCall2(numeric_cmp, NumericGetDatum(a), NumericGetDatum(b)))

typedef Numeric (*Operation)(Numeric, Numeric, bool *);

/* a operation b; after an overflow something to go on with, until the sum is refused */
static Numeric
compute(Operation operation, Numeric a, Numeric b, bool *overflow)
{
	bool failed = false;
	Numeric result = operation(a, b, &failed);

	if (!failed)
		return result;
	*overflow = true;
	return int64_to_numeric(0);
}

#define ADD(a, b) compute(numeric_add_opt_error, a, b, &overflow)
#define SUB(a, b) compute(numeric_sub_opt_error, a, b, &overflow)
#define MUL(a, b) compute(numeric_mul_opt_error, a, b, &overflow)
#define DIV(a, b) compute(numeric_div_opt_error, a, b, &overflow)
#define TIMES(a, n) MUL(a, int64_to_numeric(n))

static int32
scale_of(Numeric value)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(value)));
}

static bool
numerics_shown(const KState *state, Numeric *result)
{
	EhdsDominance rule = ehds_dominance_effective();
	int look = Max(rule.n, 2);
	Numeric zero = int64_to_numeric(0);
	Numeric top[EHDS_DOMINANCE_N_MAX]; /* descending */
	Numeric top_n = zero;
	Numeric sum = zero;
	Numeric all = zero;
	uint32 contributors = 0;
	bool overflow = false;

	for (int i = 0; i < look; i++)
		top[i] = zero;
	for (uint32 i = 0; i < state->map.n; i++)
	{
		Numeric total = ehds_subject_total(&state->map, i)->numeric;
		Numeric x;
		Numeric before;
		bool kept = false;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (COMPARE(total, zero) == 0)
			continue;
		contributors++;
		x = DatumGetNumeric(DirectFunctionCall1(numeric_abs, NumericGetDatum(total)));

		before = sum;
		sum = ADD(sum, total);
		if (before != zero)
			pfree(before);
		before = all;
		all = ADD(all, x);
		if (before != zero)
			pfree(before);

		if (COMPARE(x, top[look - 1]) > 0)
		{
			int at = look - 1;

			if (top[at] != zero)
				pfree(top[at]);
			for (; at > 0 && COMPARE(top[at - 1], x) < 0; at--)
				top[at] = top[at - 1];
			top[at] = x;
			kept = true;
		}
		if (!kept)
			pfree(x);
	}

	for (int i = 0; i < rule.n; i++)
		top_n = ADD(top_n, top[i]);
	if (contributors < state->k || COMPARE(TIMES(top_n, 100), TIMES(all, rule.share)) > 0 ||
		COMPARE(TIMES(SUB(SUB(all, top[0]), top[1]), 100), TIMES(top[0], rule.p)) < 0 || overflow)
		return false;

	/*
	 * Like sum(numeric), show as many decimals as the finest value had.  Only
	 * zeros are added: what rounds could carry, and overflow.
	 */
	if (scale_of(sum) < Min(state->values->scale, NUMERIC_MAX_RESULT_SCALE))
		sum = DatumGetNumeric(
			DirectFunctionCall2(numeric_round, NumericGetDatum(sum), Int32GetDatum(state->values->scale)));
	*result = sum;
	return true;
}

bool
ehds_k_sum_shown(KState *state, KSum *sum)
{
	bool shown;

	if (state->settled || state->map.n < state->k)
		return false;
	if (state->kind != K_ROWS && state->values->n_distinct == 1 && ehds_refuses_unanimity())
		return false;
	if (state->value == K_VALUE_NUMERIC)
		shown = numerics_shown(state, &sum->numeric);
	else if (state->value == K_VALUE_REAL)
		shown = reals_shown(state, &sum->real);
	else
		shown = integers_shown(state, &sum->integer);
	return shown && !two_totals_show_few(state) && !few_differ_from_most(state) && !few_values_show_few(state);
}

/* ---- results ---- */

/* numeric.c keeps its conversion of 128-bit integers for itself */
static Numeric
uint128_to_numeric(uint128 value)
{
	char digits[48];
	char *at = digits + sizeof(digits) - 1;

	*at = '\0';
	do
	{
		*--at = (char) ('0' + (int) (value % 10));
		value /= 10;
	} while (value != 0);
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

static Numeric
int128_to_numeric(int128 value)
{
	Numeric absolute;

	if (value >= PG_INT64_MIN && value <= PG_INT64_MAX)
		return int64_to_numeric((int64) value);
	absolute = uint128_to_numeric(value < 0 ? -(uint128) value : (uint128) value);
	if (value > 0)
		return absolute;
	return DatumGetNumeric(DirectFunctionCall1(numeric_uminus, NumericGetDatum(absolute)));
}

static Numeric
sum_as_numeric(const KState *state, const KSum *sum)
{
	return (state->value == K_VALUE_NUMERIC) ? sum->numeric : int128_to_numeric(sum->integer);
}

Datum
ehds_k_sum_bigint_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_SUM, K_SUM);
	KSum sum;

	if (state == NULL || state->value != K_VALUE_INTEGER || !ehds_k_sum_shown(state, &sum) ||
		sum.integer < PG_INT64_MIN || sum.integer > PG_INT64_MAX)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) sum.integer);
}

Datum
ehds_k_sum_numeric_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_SUM, K_SUM);
	KSum sum;

	if (state == NULL || (state->value != K_VALUE_BIGINT && state->value != K_VALUE_NUMERIC) ||
		!ehds_k_sum_shown(state, &sum))
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(sum_as_numeric(state, &sum));
}

Datum
ehds_k_sum_float8_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_SUM, K_SUM);
	KSum sum;

	if (state == NULL || state->value != K_VALUE_REAL || !ehds_k_sum_shown(state, &sum))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sum.real.real.high);
}

Datum
ehds_k_avg_numeric_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_AVG, K_AVG);
	bool overflow = false;
	Numeric avg;
	KSum sum;

	if (state == NULL || state->value == K_VALUE_REAL || !ehds_k_sum_shown(state, &sum))
		PG_RETURN_NULL();
	avg = DIV(sum_as_numeric(state, &sum), int64_to_numeric(state->values->rows));
	if (overflow)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(avg);
}

Datum
ehds_k_avg_float8_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_AVG, K_AVG);
	KSum sum;

	if (state == NULL || state->value != K_VALUE_REAL || !ehds_k_sum_shown(state, &sum))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sum.real.real.high / (double) state->values->rows);
}

/* ---- variances, of the sample or of the population ---- */

static Numeric
squares_as_numeric(const KState *state)
{
	const KValues *values = state->values;
	bool overflow = false;

	if (state->value == K_VALUE_NUMERIC)
		return values->squares.numeric;
	/* 2^64 twice, and no squares of integers come near the limit of numeric */
	return ADD(MUL(MUL(uint128_to_numeric(values->squares.integer.high), uint128_to_numeric((uint128) 1 << 64)),
				   uint128_to_numeric((uint128) 1 << 64)),
			   uint128_to_numeric(values->squares.integer.low));
}

/* A power of ten times a digit. */
static Numeric
digit_at(int digit, int32 decimals)
{
	return DatumGetNumeric(DirectFunctionCall3(numeric_in,
											   CStringGetDatum(psprintf("%de-%d", digit, (int) decimals)),
											   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

/*
 * The root, rounded once to so many decimals.  numeric_sqrt may give more of them,
 * and rounding those takes what is just below a half for a half.
 */
static Numeric
root_of(Numeric value, int32 decimals, bool *failed)
{
	bool overflow = false;
	Numeric root = DatumGetNumeric(DirectFunctionCall1(numeric_sqrt, NumericGetDatum(value)));
	Numeric least; /* that is rounded to the result */

	root = DatumGetNumeric(DirectFunctionCall2(numeric_round, NumericGetDatum(root), Int32GetDatum(decimals)));
	least = SUB(root, digit_at(5, decimals + 1));
	if (COMPARE(least, int64_to_numeric(0)) > 0 && COMPARE(MUL(least, least), value) > 0)
		root = SUB(root, digit_at(1, decimals));
	*failed |= overflow;
	return root;
}

/*
 * (N sum(x^2) - sum(x)^2) / (N (N - 1)), rounded like var_samp, or over N^2 like
 * var_pop.  The root is taken of the rounded variance, and rounded to as many
 * decimals: so are stddev_samp and stddev_pop.
 */
static Datum
numeric_variance(FunctionCallInfo fcinfo, bool root, bool population)
{
	KState *state = ehds_k_final_state(fcinfo, K_VARIANCE, K_VARIANCE);
	bool overflow = false;
	Numeric total;
	Numeric n;
	Numeric variance;
	KSum sum;

	if (state == NULL || state->value == K_VALUE_REAL || !ehds_k_sum_shown(state, &sum) ||
		state->values->rows < 2)
		PG_RETURN_NULL();
	n = int64_to_numeric(state->values->rows);
	total = sum_as_numeric(state, &sum);
	variance = SUB(MUL(n, squares_as_numeric(state)), MUL(total, total));
	if (COMPARE(variance, int64_to_numeric(0)) <= 0)
		variance = int64_to_numeric(0);
	else
	{
		variance = DIV(variance, MUL(n, int64_to_numeric(state->values->rows - !population)));
		if (root)
			variance = root_of(variance, scale_of(variance), &overflow);
	}
	if (overflow)
		PG_RETURN_NULL();
	PG_RETURN_NUMERIC(variance);
}

/* Add -a * b without losing a bit of it; false if it overflows. */
static bool
subtract_product(SubjectTotal *total, double a, double b)
{
	double product = a * b;

	return ehds_k_total_add_real(total, -product) && ehds_k_total_add_real(total, -fma(a, b, -product));
}

/*
 * With m near the mean: sum((x - m)^2) = sum(x^2) - m (2 sum(x) - N m), in twice
 * the precision of a double.  The true mean differs from m by a rounding, whose
 * square is nothing.
 */
static Datum
real_variance(FunctionCallInfo fcinfo, bool root, bool population)
{
	KState *state = ehds_k_final_state(fcinfo, K_VARIANCE, K_VARIANCE);
	SubjectTotal squares;
	SubjectTotal twice;
	double n;
	double mean;
	double variance;
	KSum sum;

	if (state == NULL || state->value != K_VALUE_REAL || !ehds_k_sum_shown(state, &sum) ||
		state->values->rows < 2)
		PG_RETURN_NULL();
	n = (double) state->values->rows;
	mean = sum.real.real.high / n;
	twice.real.high = 2 * sum.real.real.high;
	twice.real.low = 2 * sum.real.real.low;
	squares = state->values->squares.real;
	if (!isfinite(twice.real.high) || !subtract_product(&twice, n, mean) ||
		!subtract_product(&squares, mean, twice.real.high) ||
		!ehds_k_total_add_real(&squares, -mean * twice.real.low))
		PG_RETURN_NULL();
	variance = (squares.real.high > 0) ? squares.real.high / (n - !population) : 0;
	PG_RETURN_FLOAT8(root ? sqrt(variance) : variance);
}

#define VARIANCE(name, root, population)                   \
	PG_FUNCTION_INFO_V1(ehds_k_##name##_numeric_final);    \
	PG_FUNCTION_INFO_V1(ehds_k_##name##_float8_final);     \
	Datum ehds_k_##name##_numeric_final(PG_FUNCTION_ARGS)  \
	{                                                      \
		return numeric_variance(fcinfo, root, population); \
	}                                                      \
	Datum ehds_k_##name##_float8_final(PG_FUNCTION_ARGS)   \
	{                                                      \
		return real_variance(fcinfo, root, population);    \
	}

VARIANCE(variance, false, false)
VARIANCE(stddev, true, false)
VARIANCE(variance_pop, false, true)
VARIANCE(stddev_pop, true, true)
