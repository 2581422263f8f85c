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
		PG_RETURN_INT64(n);
	PG_RETURN_NULL();
}

Datum
ehds_k_rows_final(PG_FUNCTION_ARGS)
{
	KState *state = get_state(fcinfo, K_ROWS);
	uint32 n = (state == NULL) ? 0 : ehds_k_state_subjects(state);

	if (n == 0 && ehds_show_zero)
		PG_RETURN_INT64(0);
	if (n == 0 || n < state->k)
		PG_RETURN_NULL();
	PG_RETURN_INT64(state->rows);
}

/* ---- sums of integers ---- */

static void
overflow(void)
{
	ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("sum out of range")));
}

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
			overflow();
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

	if (state == NULL || state->value != K_VALUE_INTEGER || !sum_integers(state, &sum))
		PG_RETURN_NULL();
	if (sum < PG_INT64_MIN || sum > PG_INT64_MAX)
		overflow();
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
	if (contributors < state->k || !finite)
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

#define ADD(a, b) DirectFunctionCall2(numeric_add, a, b)
#define SUB(a, b) DirectFunctionCall2(numeric_sub, a, b)
#define TIMES(a, n) DirectFunctionCall2(numeric_mul, a, NumericGetDatum(int64_to_numeric(n)))
#define COMPARE(a, b) DatumGetInt32(DirectFunctionCall2(numeric_cmp, a, b))

static Datum
sum_numerics(KState *state, bool *shown)
{
	EhdsDominance rule = ehds_dominance_effective();
	int look = Max(rule.n, 2);
	Datum zero = NumericGetDatum(int64_to_numeric(0));
	Datum top[EHDS_DOMINANCE_N_MAX]; /* descending */
	Datum top_n = zero;
	Datum sum = zero;
	Datum all = zero;
	uint32 contributors = 0;

	for (int i = 0; i < look; i++)
		top[i] = zero;
	for (uint32 i = 0; i < state->set.map.n; i++)
	{
		Datum total = NumericGetDatum(ehds_subject_entry(&state->set.map, i)->total->numeric);
		Datum x;
		Datum before;
		bool kept = false;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (COMPARE(total, zero) == 0)
			continue;
		contributors++;
		x = DirectFunctionCall1(numeric_abs, total);

		before = sum;
		sum = ADD(sum, total);
		if (before != zero)
			pfree(DatumGetPointer(before));
		before = all;
		all = ADD(all, x);
		if (before != zero)
			pfree(DatumGetPointer(before));

		if (COMPARE(x, top[look - 1]) > 0)
		{
			int at = look - 1;

			if (top[at] != zero)
				pfree(DatumGetPointer(top[at]));
			for (; at > 0 && COMPARE(top[at - 1], x) < 0; at--)
				top[at] = top[at - 1];
			top[at] = x;
			kept = true;
		}
		if (!kept)
			pfree(DatumGetPointer(x));
	}

	for (int i = 0; i < rule.n; i++)
		top_n = ADD(top_n, top[i]);
	*shown = contributors >= state->k && COMPARE(TIMES(top_n, 100), TIMES(all, rule.share)) <= 0 &&
			 COMPARE(TIMES(SUB(SUB(all, top[0]), top[1]), 100), TIMES(top[0], rule.p)) >= 0;

	/* like sum(numeric), show as many decimals as the finest value had */
	return DirectFunctionCall2(numeric_round, sum, Int32GetDatum(state->set.sum.scale));
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

		if (sum_integers(state, &sum))
			PG_RETURN_DATUM(int128_to_numeric(sum));
	}
	else if (state->value == K_VALUE_NUMERIC)
	{
		bool shown;
		Datum sum = sum_numerics(state, &shown);

		if (shown)
			PG_RETURN_DATUM(sum);
	}
	PG_RETURN_NULL();
}
