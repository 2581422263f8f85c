/*
 * k_order.c
 *		Final functions of minima, maxima and percentiles.
 *
 * A minimum is a value of one person.  k_min is the smallest value at or below
 * which k persons have a value: the k-th smallest of the persons' own minima, and
 * k_max the k-th largest of their maxima.  With fewer than 2 k - 1 persons the
 * two would stand in the wrong order, or show the same few.
 *
 * A percentile is that of the rows, as percentile_cont has it, and lies between
 * two rows (or on one).  It is refused unless the rows up to the lower one are of
 * at least k persons, and those from the upper one on as well, in the order of
 * values and, where these are equal, of persons.  This is a rule on ranks: with
 * one on values ("k persons have a value at or above") the largest fraction that
 * is answered would tell how many lie above a frequent value, be they three.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"

#include "kanon/k_final.h"
#include "kanon/k_value.h"
#include "kanon/settings.h"

PG_FUNCTION_INFO_V1(ehds_k_extreme_integer_final);
PG_FUNCTION_INFO_V1(ehds_k_extreme_bigint_final);
PG_FUNCTION_INFO_V1(ehds_k_extreme_float8_final);
PG_FUNCTION_INFO_V1(ehds_k_extreme_numeric_final);
PG_FUNCTION_INFO_V1(ehds_k_percentile_final);

#define SIGN(a, b) (((a) > (b)) - ((a) < (b)))

#define ST_SORT sort_integers
#define ST_ELEMENT_TYPE KNumber
#define ST_COMPARE(a, b) SIGN((a)->integer, (b)->integer)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_reals
#define ST_ELEMENT_TYPE KNumber
#define ST_COMPARE(a, b) float8_cmp_internal((a)->real, (b)->real)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* A row with its value and its subject's entry. */
typedef struct Row
{
	double value;
	uint32 entry;
} Row;

#define ST_SORT sort_rows
#define ST_ELEMENT_TYPE Row
#define ST_COMPARE(a, b) float8_cmp_internal((a)->value, (b)->value)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* of one value */
#define ST_SORT sort_by_subject
#define ST_ELEMENT_TYPE Row
#define ST_COMPARE_ARG_TYPE const KState
#define ST_COMPARE(a, b, state) ehds_subject_compare(&(state)->map, (state)->subject, (a)->entry, (b)->entry)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* of equals the finest last, so that the order of rows does not matter */
static int
compare_numerics(KNumber a, KNumber b)
{
	int order = ehds_k_number_compare(K_VALUE_NUMERIC, a, b);

	return (order != 0) ? order : ehds_k_numeric_scale(a.numeric) - ehds_k_numeric_scale(b.numeric);
}

#define ST_SORT sort_numerics
#define ST_ELEMENT_TYPE KNumber
#define ST_COMPARE(a, b) compare_numerics(*(a), *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* All persons share one value in all rows, and that is refused. */
static bool
is_unanimous(const KState *state)
{
	return state->values->n_distinct == 1 && ehds_refuses_unanimity();
}

/* The k-th smallest or largest extreme of a subject; false if it is not shown. */
static bool
extreme_shown(FunctionCallInfo fcinfo, KValue value, KNumber *result)
{
	KState *state = ehds_k_final_state(fcinfo, K_MIN, K_MAX);
	KNumber *extremes;
	uint32 n;

	if (state == NULL || state->value != value || state->map.n < 2 * (uint32) state->k - 1 ||
		is_unanimous(state))
		return false;
	n = state->map.n;
	extremes = MemoryContextAllocHuge(CurrentMemoryContext, (Size) n * sizeof(KNumber));
	for (uint32 i = 0; i < n; i++)
	{
		const SubjectTotal *total = ehds_subject_total(&state->map, i);

		if (value == K_VALUE_NUMERIC)
			extremes[i].numeric = total->numeric;
		else if (value == K_VALUE_REAL)
			extremes[i].real = total->extreme;
		else
			extremes[i].integer = total->small;
	}
	CHECK_FOR_INTERRUPTS();
	if (value == K_VALUE_NUMERIC)
		sort_numerics(extremes, n);
	else if (value == K_VALUE_REAL)
		sort_reals(extremes, n);
	else
		sort_integers(extremes, n);
	*result = extremes[state->kind == K_MIN ? (uint32) state->k - 1 : n - (uint32) state->k];
	pfree(extremes);
	return true;
}

Datum
ehds_k_extreme_integer_final(PG_FUNCTION_ARGS)
{
	KNumber extreme;

	if (!extreme_shown(fcinfo, K_VALUE_INTEGER, &extreme))
		PG_RETURN_NULL();
	PG_RETURN_INT32((int32) extreme.integer);
}

Datum
ehds_k_extreme_bigint_final(PG_FUNCTION_ARGS)
{
	KNumber extreme;

	if (!extreme_shown(fcinfo, K_VALUE_BIGINT, &extreme))
		PG_RETURN_NULL();
	PG_RETURN_INT64(extreme.integer);
}

Datum
ehds_k_extreme_float8_final(PG_FUNCTION_ARGS)
{
	KNumber extreme;

	if (!extreme_shown(fcinfo, K_VALUE_REAL, &extreme))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(extreme.real);
}

Datum
ehds_k_extreme_numeric_final(PG_FUNCTION_ARGS)
{
	KNumber extreme;
	Numeric copy;

	if (!extreme_shown(fcinfo, K_VALUE_NUMERIC, &extreme))
		PG_RETURN_NULL();
	copy = palloc(VARSIZE(extreme.numeric));
	memcpy(copy, extreme.numeric, VARSIZE(extreme.numeric));
	PG_RETURN_NUMERIC(copy);
}

/*
 * The row, counted from the first one or from the last one, with which the rows
 * are of k subjects; n if they are not.  Only among rows of the value at which
 * that happens the order by subject matters, so only these are sorted by it.
 */
static uint64
rank_of_kth(const KState *state, Row *rows, bool from_last)
{
	enum
	{
		NOT_SEEN,
		SEEN,
		SEEN_IN_BLOCK
	};
	uint64 n = (uint64) state->values->rows;
	uint8 *seen = MemoryContextAllocHuge(CurrentMemoryContext, state->map.n);
	uint32 found = 0;
	uint64 end;

#define AT(i) rows[from_last ? n - 1 - (i) : (i)]
	memset(seen, NOT_SEEN, state->map.n);
	for (uint64 start = 0; start < n; start = end)
	{
		uint32 more = 0;

		for (end = start; end < n && float8_cmp_internal(AT(end).value, AT(start).value) == 0; end++)
		{
			if (end % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
			if (seen[AT(end).entry] == NOT_SEEN)
			{
				seen[AT(end).entry] = SEEN_IN_BLOCK;
				more++;
			}
		}
		if (found + more < (uint32) state->k)
		{
			for (uint64 i = start; i < end; i++)
				seen[AT(i).entry] = SEEN;
			found += more;
			continue;
		}
		sort_by_subject(from_last ? &AT(end - 1) : &AT(start), end - start, state);
		for (uint64 i = start; i < end; i++)
		{
			if (seen[AT(i).entry] == SEEN_IN_BLOCK)
			{
				seen[AT(i).entry] = SEEN;
				if (++found == (uint32) state->k)
				{
					pfree(seen);
					return i;
				}
			}
		}
	}
#undef AT
	pfree(seen);
	return n;
}

Datum
ehds_k_percentile_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_PERCENTILE, K_PERCENTILE);
	Row *rows;
	uint64 n;
	double place;
	uint64 lower;
	uint64 upper;
	double low;
	double high;
	bool shown;

	if (state == NULL || state->map.n < (uint32) state->k || is_unanimous(state))
		PG_RETURN_NULL();
	n = (uint64) state->values->rows;
	rows = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(Row));
	for (uint64 i = 0; i < n; i++)
	{
		rows[i].value = state->values->row_value[i];
		rows[i].entry = state->values->row_entry[i];
	}
	sort_rows(rows, n);

	place = state->values->fraction * (double) (n - 1);
	lower = Min((uint64) floor(place), n - 1);
	upper = Min((uint64) ceil(place), n - 1);
	low = rows[lower].value;
	high = rows[upper].value;
	shown = rank_of_kth(state, rows, false) <= lower && rank_of_kth(state, rows, true) <= n - 1 - upper;
	pfree(rows);
	if (!shown)
		PG_RETURN_NULL();
	if (lower == upper)
		PG_RETURN_FLOAT8(low);
	PG_RETURN_FLOAT8(low + (place - (double) lower) * (high - low));
}
