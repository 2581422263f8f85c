/*
 * k_transition_value.c
 *		Transition functions of the k aggregates with a value: k_sum, k_avg,
 *		k_variance and k_stddev, k_min, k_max, k_percentile and k_median.
 *
 * Arguments: state, subject, value, [fraction,] [k].  A row whose subject or value
 * is NULL is ignored.  A value that is not finite makes a sum impossible: the
 * figure is NULL, whatever else is in the group.
 */
#include "core/compat.h"

#include "kanon/k_add.h"
#include "kanon/k_args.h"

/* A value that can't be summed; notes the scale of a numeric. */
static pg_attribute_always_inline bool
is_unsummable(KState *state, KValue value, KNumber number)
{
	if (value == K_VALUE_REAL)
		return !isfinite(number.real);
	if (value == K_VALUE_NUMERIC)
	{
		int32 scale;

		if (numeric_is_nan(number.numeric) || numeric_is_inf(number.numeric))
			return true;
		scale = DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(number.numeric)));
		state->values->scale = Max(state->values->scale, scale);
	}
	return false;
}

static pg_attribute_always_inline KNumber
get_number(FunctionCallInfo fcinfo, KValue value)
{
	KNumber number = {0};

	switch (value)
	{
		case K_VALUE_INTEGER:
			number.integer = PG_GETARG_INT32(2);
			break;
		case K_VALUE_BIGINT:
			number.integer = PG_GETARG_INT64(2);
			break;
		case K_VALUE_REAL:
			/* one zero: which of two that are equal comes first must not matter */
			number.real = PG_GETARG_FLOAT8(2) + 0.0;
			break;
		case K_VALUE_NUMERIC:
			number.numeric = PG_GETARG_NUMERIC(2);
			break;
		case K_VALUE_NONE:
			break;
	}
	return number;
}

static pg_attribute_always_inline Datum
transition(FunctionCallInfo fcinfo, KKind kind, KSubject subject, bool is_bigint, KValue value)
{
	KState *state = ehds_k_get_state(fcinfo, kind, subject, value, PG_NARGS() > 3 ? 3 : -1);
	SubjectKey key;
	KNumber number;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || state->settled)
		return EOHPGetRWDatum(&state->header);
	number = get_number(fcinfo, value);
	if (K_HAS_SUMS(kind) && unlikely(is_unsummable(state, value, number)))
		ehds_k_state_settle(state);
	else
	{
		ehds_k_get_key(fcinfo, subject, is_bigint, &key);
		ehds_k_add(state, kind, subject, value, &key, number);
	}
	return EOHPGetRWDatum(&state->header);
}

static pg_attribute_always_inline double
as_double(KNumber number, KValue value)
{
	if (value == K_VALUE_REAL)
		return number.real;
	if (value == K_VALUE_NUMERIC)
		return DatumGetFloat8(
				   DirectFunctionCall1(numeric_float8_no_overflow, NumericGetDatum(number.numeric))) +
			   0.0;
	return (double) number.integer;
}

/* A percentile is of double precision, whatever the values are: as percentile_cont. */
static pg_attribute_always_inline Datum
transition_percentile(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint, KValue value,
					  int fraction_arg)
{
	int k_arg = (fraction_arg > 0) ? 4 : 3;
	KState *state = ehds_k_get_state(fcinfo, K_PERCENTILE, subject, K_VALUE_REAL,
									 PG_NARGS() > k_arg ? k_arg : -1);
	double fraction = 0.5;
	SubjectKey key;
	KNumber number;

	if (fraction_arg > 0)
	{
		if (PG_ARGISNULL(fraction_arg))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("fraction must not be NULL")));
		fraction = PG_GETARG_FLOAT8(fraction_arg);
		/* as the native aggregate has it; false for NaN as well */
		if (!(fraction >= 0 && fraction <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE), errmsg("fraction must be between 0 and 1")));
	}
	if (state->values->fraction < 0)
		state->values->fraction = fraction;
	else if (state->values->fraction != fraction)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("fraction must not change within a group"),
				 errhint("Give the fraction as a constant.")));

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		return EOHPGetRWDatum(&state->header);
	number.real = as_double(get_number(fcinfo, value), value);
	ehds_k_get_key(fcinfo, subject, is_bigint, &key);
	ehds_k_add(state, K_PERCENTILE, subject, K_VALUE_REAL, &key, number);
	return EOHPGetRWDatum(&state->header);
}

#define OF_SUBJECTS(name, kind, value)                                                           \
	EHDS_K_TRANSITION(k_##name##_integer, transition(fcinfo, kind, K_SUBJECT_INT, false, value)) \
	EHDS_K_TRANSITION(k_##name##_bigint, transition(fcinfo, kind, K_SUBJECT_INT, true, value))   \
	EHDS_K_TRANSITION(k_##name##_uuid, transition(fcinfo, kind, K_SUBJECT_UUID, false, value))   \
	EHDS_K_TRANSITION(k_##name##_text, transition(fcinfo, kind, K_SUBJECT_TEXT, false, value))

#define OF_TYPES(name, kind)                           \
	OF_SUBJECTS(name##_integer, kind, K_VALUE_INTEGER) \
	OF_SUBJECTS(name##_bigint, kind, K_VALUE_BIGINT)   \
	OF_SUBJECTS(name##_float8, kind, K_VALUE_REAL)     \
	OF_SUBJECTS(name##_numeric, kind, K_VALUE_NUMERIC)

OF_TYPES(sum, K_SUM)
OF_TYPES(avg, K_AVG)
OF_TYPES(variance, K_VARIANCE)
OF_TYPES(min, K_MIN)
OF_TYPES(max, K_MAX)

#define PERCENTILES_OF(name, value, arg)                                                                   \
	EHDS_K_TRANSITION(k_##name##_integer, transition_percentile(fcinfo, K_SUBJECT_INT, false, value, arg)) \
	EHDS_K_TRANSITION(k_##name##_bigint, transition_percentile(fcinfo, K_SUBJECT_INT, true, value, arg))   \
	EHDS_K_TRANSITION(k_##name##_uuid, transition_percentile(fcinfo, K_SUBJECT_UUID, false, value, arg))   \
	EHDS_K_TRANSITION(k_##name##_text, transition_percentile(fcinfo, K_SUBJECT_TEXT, false, value, arg))

#define PERCENTILES(name, arg)                           \
	PERCENTILES_OF(name##_integer, K_VALUE_INTEGER, arg) \
	PERCENTILES_OF(name##_bigint, K_VALUE_BIGINT, arg)   \
	PERCENTILES_OF(name##_float8, K_VALUE_REAL, arg)     \
	PERCENTILES_OF(name##_numeric, K_VALUE_NUMERIC, arg)

PERCENTILES(percentile, 3)
PERCENTILES(median, -1)
