/*
 * k_final.c
 *		Final functions of the k aggregates: the place where a cell is shown or not.
 *
 * They don't change what a state holds, so that the aggregates work as window
 * functions (asking an integer set for its count may tidy it, which changes
 * neither its members nor its flat form).
 *
 * A sum is refused (NULL) if fewer than k subjects contribute to it, if it is
 * dominated, or if it is not finite.  The contribution of a subject is the total
 * of its values; who contributes zero does not count.  Dominance looks at the
 * absolute contributions x1 >= x2 >= ... with the sum A:
 *
 *	(n, share):	x1 + ... + xn > share % of A
 *	p %:		A - x1 - x2 < p % of x1
 *
 * (Hundepool et al., Statistical Disclosure Control, 2012, section 4.2.2.)
 * Whatever of this depends on values gives NULL, never an error: an error that
 * one row can raise tells of that row.
 *
 * A number of rows is a sum to which each row contributes 1, so that the same
 * rules hold for it.  But it stands beside the number of persons, and small
 * counts inside big cells are small counts (ibid., section 5.2): where a person
 * has one row of each concept, rows less persons of the concepts A or B is the
 * number of those who have both, be it 5 of 400.  The sum of a column with few
 * values tells as much.  So rows and sums are refused
 *
 *	- if there are just two contributions, and those with either of them are
 *	  fewer than k: persons and sum then give both groups by two equations;
 *	- rows also if those with more than the smallest number are 1 to k - 1.
 *
 * With three contributions or more, the two equations leave open how many bear
 * which.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kanon/k_state.h"
#include "kanon/settings.h"

PG_FUNCTION_INFO_V1(ehds_k_met_final);
PG_FUNCTION_INFO_V1(ehds_k_count_final);
PG_FUNCTION_INFO_V1(ehds_k_rows_final);
PG_FUNCTION_INFO_V1(ehds_k_sum_bigint_final);
PG_FUNCTION_INFO_V1(ehds_k_sum_numeric_final);
PG_FUNCTION_INFO_V1(ehds_k_sum_float8_final);

/* The state of an aggregate of that kind; NULL if there was no row. */
static KState *
get_state(FunctionCallInfo fcinfo, KKind kind)
{
	KState *state;

	if (PG_ARGISNULL(0))
		return NULL;
	state = ehds_k_state_read(PG_GETARG_DATUM(0));
	if (state->kind != kind)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.k_state: it belongs to another aggregate")));
	return state;
}

Datum
ehds_k_met_final(PG_FUNCTION_ARGS)
{
	KState *state = get_state(fcinfo, K_MET);

	PG_RETURN_BOOL(state != NULL && ehds_k_state_subjects(state) >= state->k);
}

Datum
ehds_k_count_final(PG_FUNCTION_ARGS)
{
	KState *state = get_state(fcinfo, K_COUNT);
	uint32 n = (state == NULL) ? 0 : ehds_k_state_subjects(state);

	if (n == 0 ? ehds_show_zero : n >= state->k)
		PG_RETURN_INT64(ehds_round_count(n));
	if (n > 0 && ehds_suppressed_effective() == EHDS_SUPPRESSED_NEGATIVE)
		PG_RETURN_INT64(-(int64) state->k);
	PG_RETURN_NULL();
}

/* ---- sums of integers ---- */

/* The sum, if it may be shown. */
static bool
sum_integers(KState *state, int128 *sum)
{
	EhdsDominance rule = ehds_dominance_effective();
	int look = Max(rule.n, 2);
	int128 top[EHDS_DOMINANCE_N_MAX] = {0}; /* descending */
	int128 top_n = 0;
	int128 all = 0;
	uint32 contributors = 0;

	*sum = 0;
	for (uint32 i = 0; i < state->set.map.n; i++)
	{
		int128 x = ehds_subject_entry(&state->set.map, i)->total->integer;

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

/* Order of two totals of a state. */
static int
compare_totals(KState *state, const SubjectTotal *a, const SubjectTotal *b)
{
	if (state->value == K_VALUE_NUMERIC)
		return DatumGetInt32(
			DirectFunctionCall2(numeric_cmp, NumericGetDatum(a->numeric), NumericGetDatum(b->numeric)));
	if (state->value == K_VALUE_REAL)
		return (a->real.high > b->real.high) - (a->real.high < b->real.high);
	return (a->integer > b->integer) - (a->integer < b->integer);
}

static bool
total_is_zero(KState *state, const SubjectTotal *total)
{
	if (state->value == K_VALUE_NUMERIC)
		return ehds_k_numeric_is_zero(state->shared, total->numeric);
	return (state->value == K_VALUE_REAL) ? total->real.high == 0 : total->integer == 0;
}

/* Does the sum, beside the number of persons, tell of fewer than k of them?  See the top. */
static bool
few_stand_out(KState *state)
{
	SubjectMap *map = &state->set.map;
	const SubjectTotal *least = NULL;
	const SubjectTotal *most = NULL;
	uint32 n = 0;
	uint32 n_least = 0;
	uint32 n_most = 0;

	for (uint32 i = 0; i < map->n; i++)
	{
		const SubjectTotal *total = ehds_subject_entry(map, i)->total;
		int order;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (total_is_zero(state, total))
			continue;
		n++;
		order = (least == NULL) ? -1 : compare_totals(state, total, least);
		if (order < 0)
		{
			least = total;
			n_least = 0;
		}
		n_least += (order <= 0);
		order = (most == NULL) ? 1 : compare_totals(state, total, most);
		if (order > 0)
		{
			most = total;
			n_most = 0;
		}
		n_most += (order >= 0);
	}
	if (n == n_least)
		return false;
	if (n_least + n_most == n)
		return n_least < state->k || n_most < state->k;
	return state->kind == K_ROWS && n - n_least < state->k;
}

Datum
ehds_k_rows_final(PG_FUNCTION_ARGS)
{
	KState *state = get_state(fcinfo, K_ROWS);
	int128 rows;

	if (state == NULL || ehds_k_state_subjects(state) == 0)
	{
		if (ehds_show_zero)
			PG_RETURN_INT64(0);
		PG_RETURN_NULL();
	}
	if (ehds_k_state_subjects(state) < state->k && ehds_suppressed_effective() == EHDS_SUPPRESSED_NEGATIVE)
		PG_RETURN_INT64(-(int64) state->k);
	if (!sum_integers(state, &rows) || few_stand_out(state) || rows > PG_INT64_MAX)
		PG_RETURN_NULL();
	PG_RETURN_INT64(ehds_round_count((int64) rows));
}

/* numeric.c keeps its conversion of 128-bit integers for itself */
static Datum
int128_to_numeric(int128 value)
{
	char digits[48];
	char *at = digits + sizeof(digits) - 1;
	uint128 rest = (value < 0) ? -(uint128) value : (uint128) value;

	if (value >= PG_INT64_MIN && value <= PG_INT64_MAX)
		return NumericGetDatum(int64_to_numeric((int64) value));
	*at = '\0';
	for (; rest != 0; rest /= 10)
		*--at = (char) ('0' + (int) (rest % 10));
	if (value < 0)
		*--at = '-';
	return DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid),
							   Int32GetDatum(-1));
}

Datum
ehds_k_sum_bigint_final(PG_FUNCTION_ARGS)
{
	KState *state = get_state(fcinfo, K_SUM);
	int128 sum;

	if (state == NULL || state->value != K_VALUE_INTEGER || !sum_integers(state, &sum) || few_stand_out(state))
		PG_RETURN_NULL();
	if (sum < PG_INT64_MIN || sum > PG_INT64_MAX)
		PG_RETURN_NULL();
	PG_RETURN_INT64((int64) sum);
}

/* ---- sums of doubles ---- */

/*
 * Each subject's total and the sum over them are kept in twice the precision of
 * a double and rounded once.  So the result does not depend on the order of rows
 * or on the number of workers, unless terms cancel by more than 106 bits.
 */
Datum
ehds_k_sum_float8_final(PG_FUNCTION_ARGS)
{
	KState *state = get_state(fcinfo, K_SUM);
	EhdsDominance rule = ehds_dominance_effective();
	int look = Max(rule.n, 2);
	double top[EHDS_DOMINANCE_N_MAX] = {0}; /* descending */
	double top_n = 0;
	SubjectTotal sum = {0};
	SubjectTotal all = {0};
	uint32 contributors = 0;
	bool finite = true;

	if (state == NULL || state->value != K_VALUE_REAL || state->settled)
		PG_RETURN_NULL();
	sum.real.high = sum.real.low = all.real.high = all.real.low = 0;
	for (uint32 i = 0; i < state->set.map.n; i++)
	{
		SubjectTotal *total = ehds_subject_entry(&state->set.map, i)->total;
		double x = fabs(total->real.high);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (x == 0)
			continue;
		contributors++;
		finite = finite && ehds_k_total_add_real(&sum, total->real.high) &&
				 ehds_k_total_add_real(&sum, total->real.low) && ehds_k_total_add_real(&all, x);
		if (x > top[look - 1])
		{
			int at = look - 1;

			for (; at > 0 && top[at - 1] < x; at--)
				top[at] = top[at - 1];
			top[at] = x;
		}
	}
	if (contributors < state->k || !finite || few_stand_out(state))
		PG_RETURN_NULL();

	/* scaled down, so that a product can't overflow */
	for (int i = 0; i < rule.n; i++)
		top_n += top[i] / 1024;
	if (top_n * 100 > all.real.high / 1024 * rule.share ||
		(all.real.high - top[0] - top[1]) / 1024 * 100 < top[0] / 1024 * rule.p)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(sum.real.high);
}

/* ---- sums of numerics ---- */

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
#define TIMES(a, n) compute(numeric_mul_opt_error, a, int64_to_numeric(n), &overflow)

static int32
scale_of(Numeric value)
{
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(value)));
}

/* The sum, if it may be shown, else NULL. */
static Numeric
sum_numerics(KState *state)
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
	bool shown;

	for (int i = 0; i < look; i++)
		top[i] = zero;
	for (uint32 i = 0; i < state->set.map.n; i++)
	{
		Numeric total = ehds_subject_entry(&state->set.map, i)->total->numeric;
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
	shown = contributors >= state->k && !few_stand_out(state) &&
			COMPARE(TIMES(top_n, 100), TIMES(all, rule.share)) <= 0 &&
			COMPARE(TIMES(SUB(SUB(all, top[0]), top[1]), 100), TIMES(top[0], rule.p)) >= 0;
	if (!shown || overflow)
		return NULL;

	/*
	 * Like sum(numeric), show as many decimals as the finest value had.  Only
	 * zeros are added: what rounds could carry, and overflow.
	 */
	if (scale_of(sum) < Min(state->set.sum.scale, NUMERIC_MAX_RESULT_SCALE))
		sum = DatumGetNumeric(
			DirectFunctionCall2(numeric_round, NumericGetDatum(sum), Int32GetDatum(state->set.sum.scale)));
	return sum;
}

Datum
ehds_k_sum_numeric_final(PG_FUNCTION_ARGS)
{
	KState *state = get_state(fcinfo, K_SUM);

	if (state == NULL || state->settled)
		PG_RETURN_NULL();
	if (state->value == K_VALUE_BIGINT)
	{
		int128 sum;

		if (sum_integers(state, &sum) && !few_stand_out(state))
			PG_RETURN_DATUM(int128_to_numeric(sum));
	}
	else if (state->value == K_VALUE_NUMERIC)
	{
		Numeric sum = sum_numerics(state);

		if (sum != NULL)
			PG_RETURN_NUMERIC(sum);
	}
	PG_RETURN_NULL();
}
