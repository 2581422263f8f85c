/*
 * k_value.h
 *		The values of a group in a state: totals and extremes of subjects, which
 *		values occur, rows.
 */
#ifndef EHDS_K_VALUE_H
#define EHDS_K_VALUE_H

#include "core/compat.h"

#include <math.h>

#include "common/int.h"
#include "utils/float.h"

#include "kanon/k_state.h"

/* Bytes of what the map keeps of each subject. */
extern int ehds_k_total_size(KKind kind, KValue value);

/* Forget everything; the arrays are given back. */
extern void ehds_k_values_clear(KValues *values);

/* Order of two values, as the type's own. */
extern int ehds_k_number_compare(KValue type, KNumber a, KNumber b);
extern int32 ehds_k_numeric_scale(Numeric value);

/* The value is that of a row of the entry, which was just made if it is fresh. */
extern void ehds_k_note_value(KState *state, uint32 entry, bool fresh, KNumber number);

/* More than two values occur: which, and who has them, does not matter any more. */
extern void ehds_k_note_many(KState *state);

/* Add a numeric to a total or keep it as the extreme; the state's memory is used. */
extern void ehds_k_total_add_numeric(KState *state, SubjectTotal *total, bool fresh, Numeric value);
extern void ehds_k_total_keep_numeric(KState *state, SubjectTotal *total, bool fresh, Numeric value);

/* Add the square of a value to the sum of squares. */
extern void ehds_k_add_square(KState *state, KNumber number);

/* A row of K_PERCENTILE. */
extern void ehds_k_add_row(KState *state, uint32 entry, double value);

/* Add value to a double that is kept in two parts (Knuth's two-sum); false if it overflows. */
static inline bool
ehds_k_total_add_real(SubjectTotal *total, double value)
{
	double sum = total->real.high + value;
	double part = sum - total->real.high;
	double low = total->real.low + ((total->real.high - (sum - part)) + (value - part));

	total->real.high = sum + low;
	total->real.low = low - (total->real.high - sum);
	return isfinite(total->real.high);
}

/* What one row tells of its subject, by kind. */
static pg_attribute_always_inline void
ehds_k_total_add(KState *state, KKind kind, KValue value, uint32 entry, bool fresh, KNumber number)
{
	SubjectTotal *total = ehds_subject_total(&state->map, entry);

	switch (kind)
	{
		case K_ROWS:
			total->small = fresh ? 1 : total->small + 1;
			break;
		case K_SUBSET:
			total->small = fresh ? number.integer : total->small | number.integer;
			break;
		case K_SUM:
		case K_AVG:
		case K_VARIANCE:
			if (kind != K_SUM)
				state->values->rows++;
			if (kind == K_VARIANCE)
				ehds_k_add_square(state, number);
			/* the square of a value may have been too large */
			if (kind == K_VARIANCE && state->settled)
				break;
			if (value == K_VALUE_REAL)
			{
				if (fresh)
				{
					total->real.high = number.real;
					total->real.low = 0;
				}
				else if (unlikely(!ehds_k_total_add_real(total, number.real)))
					ehds_k_state_settle(state);
			}
			else if (value == K_VALUE_NUMERIC)
				ehds_k_total_add_numeric(state, total, fresh, number.numeric);
			else if (value == K_VALUE_BIGINT)
				total->integer = fresh ? number.integer : total->integer + number.integer;
			else if (fresh)
				total->small = number.integer;
			else if (unlikely(pg_add_s64_overflow(total->small, number.integer, &total->small)))
				ehds_k_state_settle(state);
			break;
		case K_MIN:
		case K_MAX:
			if (value == K_VALUE_NUMERIC)
				ehds_k_total_keep_numeric(state, total, fresh, number.numeric);
			else if (value == K_VALUE_REAL)
			{
				if (fresh || (kind == K_MIN ? float8_lt(number.real, total->extreme)
											: float8_gt(number.real, total->extreme)))
					total->extreme = number.real;
			}
			else if (fresh || (kind == K_MIN ? number.integer < total->small : number.integer > total->small))
				total->small = number.integer;
			break;
		case K_PERCENTILE:
			ehds_k_add_row(state, entry, number.real);
			break;
		case K_MET:
		case K_COUNT:
			break;
	}
}

#endif /* EHDS_K_VALUE_H */
