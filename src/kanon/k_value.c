/*
 * k_value.c
 *		The values of a group in a state: totals and extremes of subjects, which
 *		values occur, rows.
 *
 * A figure over values of which only two occur counts small groups: avg of a
 * CASE that gives 1 or 0 is the share of those who have 1.  So as long as no more
 * than two values have been seen (three for a variance), the state keeps them, and
 * who bears which; with the next value this is forgotten, after a few rows of most
 * columns.
 *
 * Nothing here raises an error because of a value, which would tell of it: a sum
 * that is beyond its type settles the state, and the figure is NULL.
 */
#include "core/compat.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kanon/k_value.h"

int
ehds_k_total_size(KKind kind, KValue value)
{
	if (kind == K_MET || kind == K_COUNT || kind == K_PERCENTILE)
		return 0;
	if (K_HAS_SUMS(kind) && (value == K_VALUE_BIGINT || value == K_VALUE_REAL))
		return 2 * sizeof(int64);
	return sizeof(int64);
}

static void
forget_distinct(KValues *values)
{
	if (values->bearers != NULL)
		pfree(values->bearers);
	values->bearers = NULL;
	values->bearers_size = 0;
}

void
ehds_k_values_clear(KValues *values)
{
	double fraction = values->fraction;

	forget_distinct(values);
	if (values->row_value != NULL)
	{
		pfree(values->row_value);
		pfree(values->row_entry);
	}
	memset(values, 0, sizeof(KValues));
	values->fraction = fraction;
}

int
ehds_k_number_compare(KValue type, KNumber a, KNumber b)
{
	if (type == K_VALUE_NUMERIC)
		return DatumGetInt32(
			DirectFunctionCall2(numeric_cmp, NumericGetDatum(a.numeric), NumericGetDatum(b.numeric)));
	if (type == K_VALUE_REAL)
		return float8_cmp_internal(a.real, b.real);
	return (a.integer > b.integer) - (a.integer < b.integer);
}

int32
ehds_k_numeric_scale(Numeric value)
{
	if (numeric_is_nan(value) || numeric_is_inf(value))
		return 0;
	return DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(value)));
}

static Numeric
keep_numeric(KShared *shared, Numeric value)
{
	Numeric kept = MemoryContextAlloc(shared->context, VARSIZE(value));

	memcpy(kept, value, VARSIZE(value));
	return kept;
}

void
ehds_k_note_many(KState *state)
{
	forget_distinct(state->values);
	state->values->n_distinct = K_MANY_VALUES;
}

void
ehds_k_note_value(KState *state, uint32 entry, bool fresh, KNumber number)
{
	KValues *values = state->values;
	int which = 0;

	if (values->n_distinct == K_MANY_VALUES)
		return;
	while (which < values->n_distinct &&
		   ehds_k_number_compare(state->value, number, values->distinct[which]) != 0)
		which++;

	if (which == values->n_distinct)
	{
		/* of figures that are no sums, whether there is more than one */
		if (which == K_VALUES_OF(state->kind))
		{
			ehds_k_note_many(state);
			return;
		}
		if (state->value == K_VALUE_NUMERIC)
			number.numeric = keep_numeric(state->shared, number.numeric);
		values->distinct[which] = number;
		values->n_distinct++;
		if (which == 1)
		{
			/* whoever was there before has the first value only */
			values->bearers_size = state->map.capacity;
			values->bearers = MemoryContextAllocHuge(state->shared->context, values->bearers_size);
			memset(values->bearers, 0, values->bearers_size);
			memset(values->bearers, K_BEARS(0), state->map.n - (fresh ? 1 : 0));
		}
	}

	if (values->n_distinct >= 2)
	{
		if (entry >= values->bearers_size)
		{
			uint32 size = state->map.capacity;

			values->bearers = repalloc_huge(values->bearers, size);
			memset(values->bearers + values->bearers_size, 0, size - values->bearers_size);
			values->bearers_size = size;
		}
		values->bearers[entry] |= K_BEARS(which);
	}
}

void
ehds_k_total_add_numeric(KState *state, SubjectTotal *total, bool fresh, Numeric value)
{
	bool overflow = false;
	Numeric sum;

	if (fresh)
	{
		total->numeric = keep_numeric(state->shared, value);
		return;
	}
	sum = numeric_add_opt_error(total->numeric, value, &overflow);
	if (overflow)
	{
		ehds_k_state_settle(state);
		return;
	}
	if (VARSIZE(sum) == VARSIZE(total->numeric))
		memcpy(total->numeric, sum, VARSIZE(sum));
	else
	{
		pfree(total->numeric);
		total->numeric = keep_numeric(state->shared, sum);
	}
	pfree(sum);
}

void
ehds_k_total_keep_numeric(KState *state, SubjectTotal *total, bool fresh, Numeric value)
{
	if (!fresh)
	{
		KNumber a = {.numeric = value};
		KNumber b = {.numeric = total->numeric};
		int order = ehds_k_number_compare(K_VALUE_NUMERIC, a, b);

		/* of equals the finest, so that the order of rows does not matter */
		if (order == 0)
			order = (state->kind == K_MIN) ? ehds_k_numeric_scale(b.numeric) - ehds_k_numeric_scale(a.numeric)
										   : ehds_k_numeric_scale(a.numeric) - ehds_k_numeric_scale(b.numeric);
		if (state->kind == K_MIN ? order >= 0 : order <= 0)
			return;
		pfree(total->numeric);
	}
	total->numeric = keep_numeric(state->shared, value);
}

void
ehds_k_add_square(KState *state, KNumber number)
{
	KValues *values = state->values;

	if (state->value == K_VALUE_REAL)
	{
		double square = number.real * number.real;

		/* what the product has lost, exactly */
		if (!ehds_k_total_add_real(&values->squares.real, square) ||
			!ehds_k_total_add_real(&values->squares.real, fma(number.real, number.real, -square)))
			ehds_k_state_settle(state);
	}
	else if (state->value == K_VALUE_NUMERIC)
	{
		bool overflow = false;
		Numeric square = numeric_mul_opt_error(number.numeric, number.numeric, &overflow);

		if (!overflow && values->squares.numeric != NULL)
		{
			Numeric sum = numeric_add_opt_error(values->squares.numeric, square, &overflow);

			pfree(square);
			square = sum;
		}
		if (overflow)
		{
			ehds_k_state_settle(state);
			return;
		}
		if (values->squares.numeric != NULL)
			pfree(values->squares.numeric);
		values->squares.numeric = keep_numeric(state->shared, square);
		pfree(square);
	}
	else
	{
		uint64 absolute = (number.integer < 0) ? -(uint64) number.integer : (uint64) number.integer;
		uint128 square = (uint128) absolute * absolute;

		values->squares.integer.low += square;
		values->squares.integer.high += (values->squares.integer.low < square);
	}
}

void
ehds_k_add_row(KState *state, uint32 entry, double value)
{
	KValues *values = state->values;

	if ((uint64) values->rows == values->rows_size)
	{
		uint64 size = (values->rows_size == 0) ? 4 : values->rows_size + values->rows_size / 2;

		if (values->row_value == NULL)
		{
			values->row_value = MemoryContextAllocHuge(state->shared->context, size * sizeof(double));
			values->row_entry = MemoryContextAllocHuge(state->shared->context, size * sizeof(uint32));
		}
		else
		{
			values->row_value = repalloc_huge(values->row_value, size * sizeof(double));
			values->row_entry = repalloc_huge(values->row_entry, size * sizeof(uint32));
		}
		values->rows_size = size;
	}
	values->row_value[values->rows] = value;
	values->row_entry[values->rows] = entry;
	values->rows++;
}
