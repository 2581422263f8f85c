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
 * two values of rows (or on one).  It is refused unless at least k persons have
 * a value at or below the lower of them, and k at or above the upper.
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

#define ST_SORT sort_numerics
#define ST_ELEMENT_TYPE KNumber
#define ST_COMPARE(a, b) ehds_k_number_compare(K_VALUE_NUMERIC, *(a), *(b))
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

/* Do at least k subjects have a row at or below (or above) the limit? */
static bool
side_has_k(const KState *state, double limit, bool below)
{
	const KValues *values = state->values;
	uint8 *seen = MemoryContextAllocHuge(CurrentMemoryContext, Max(state->map.n, 1));
	uint32 n = 0;

	memset(seen, 0, state->map.n);
	for (uint64 i = 0; i < (uint64) values->rows && n < (uint32) state->k; i++)
	{
		int order = float8_cmp_internal(values->row_value[i], limit);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if ((below ? order <= 0 : order >= 0) && !seen[values->row_entry[i]])
		{
			seen[values->row_entry[i]] = 1;
			n++;
		}
	}
	pfree(seen);
	return n >= (uint32) state->k;
}

Datum
ehds_k_percentile_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_PERCENTILE, K_PERCENTILE);
	KNumber *sorted;
	uint64 n;
	double place;
	uint64 lower;
	uint64 upper;
	double low;
	double high;

	if (state == NULL || state->map.n < (uint32) state->k || is_unanimous(state))
		PG_RETURN_NULL();
	n = (uint64) state->values->rows;
	sorted = MemoryContextAllocHuge(CurrentMemoryContext, n * sizeof(KNumber));
	for (uint64 i = 0; i < n; i++)
		sorted[i].real = state->values->row_value[i];
	CHECK_FOR_INTERRUPTS();
	sort_reals(sorted, n);

	place = state->values->fraction * (double) (n - 1);
	lower = Min((uint64) floor(place), n - 1);
	upper = Min((uint64) ceil(place), n - 1);
	low = sorted[lower].real;
	high = sorted[upper].real;
	pfree(sorted);
	if (!side_has_k(state, low, true) || !side_has_k(state, high, false))
		PG_RETURN_NULL();
	if (lower == upper)
		PG_RETURN_FLOAT8(low);
	PG_RETURN_FLOAT8(low + (place - (double) lower) * (high - low));
}
