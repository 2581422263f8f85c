/*
 * k_transition.c
 *		Transition and combine functions of the k aggregates.
 *
 * One C function for each kind, subject type and value type: they are inlined
 * from one body, so that nothing is decided per row which the types have decided.
 * The forms with and without k share a function, by the number of arguments.
 *
 * Arguments: state, subject, [value,] [k].  A row whose subject is NULL belongs
 * to nobody and is ignored; so is one whose value is NULL.  Rows are counted as
 * a sum to which each of them contributes 1.
 */
#include "core/compat.h"

#include <math.h>

#include "common/int.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "kanon/k_state.h"
#include "kanon/kanon.h"

/* The state of a group's first row, or a flat one (Citus copies states). */
static pg_noinline KState *
first_state(FunctionCallInfo fcinfo, KKind kind, KSubject subject, KValue value, int k_arg)
{
	KShared *shared = ehds_k_shared(fcinfo);

	if (subject == K_SUBJECT_TEXT && OidIsValid(PG_GET_COLLATION()) &&
		!get_collation_isdeterministic(PG_GET_COLLATION()))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("k aggregates don't support nondeterministic collations for subjects"),
				 errdetail("Subjects are the same person if they are equal byte by byte."),
				 errhint("Write subject COLLATE \"C\", or use a key whose equal values are equal bytes.")));

	if (!PG_ARGISNULL(0))
		return ehds_k_state_expand(PG_GETARG_DATUM(0), shared);
	return ehds_k_state_new(shared, kind, subject, value,
							ehds_k_effective(k_arg < 0 ? 0 : PG_GETARG_INT32(k_arg)));
}

/* Say what is wrong with an explicit k that is not the state's. */
static pg_noinline void
refuse_k(FunctionCallInfo fcinfo, int k_arg)
{
	if (PG_ARGISNULL(k_arg))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not be NULL"),
						errhint("Leave k out to use the setting ehds.k.")));
	/* to ehds_k_effective 0 means that no k was given, which is not so here */
	(void) ehds_k_effective(PG_GETARG_INT32(k_arg) == 0 ? -1 : PG_GETARG_INT32(k_arg));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not change within a group"),
					errhint("Give k as a constant.")));
}

/* The state to add to. */
static pg_attribute_always_inline KState *
get_state(FunctionCallInfo fcinfo, KKind kind, KSubject subject, KValue value, int k_arg)
{
	KState *state;

	if (k_arg >= 0 && unlikely(PG_ARGISNULL(k_arg) || PG_GETARG_INT32(k_arg) == 0))
		refuse_k(fcinfo, k_arg);

	/* in memory it can only be one that a function of ours returned */
	if (likely(!PG_ARGISNULL(0)) && likely(VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0)))))
		state = EHDS_K_STATE_EXPANDED(PG_GETARG_DATUM(0));
	else
		state = first_state(fcinfo, kind, subject, value, k_arg);

	if (unlikely(state->kind != kind || state->subject != subject || state->value != value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.k_state: it belongs to another aggregate")));
	if (k_arg >= 0 && unlikely(PG_GETARG_INT32(k_arg) != state->k))
		refuse_k(fcinfo, k_arg);
	return state;
}

/* The subject argument as a key of a map. */
static pg_attribute_always_inline SubjectKey
get_key(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint)
{
	if (subject == K_SUBJECT_INT)
		return ehds_key_of_int(is_bigint ? PG_GETARG_INT64(1) : PG_GETARG_INT32(1));
	if (subject == K_SUBJECT_UUID)
		return ehds_key_of_uuid(PG_GETARG_UUID_P(1)->data);
	else
	{
		text *bytes = PG_GETARG_TEXT_PP(1);

		return ehds_key_of_text(VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	}
}

/* k_met, k_cell, k_count */
static pg_attribute_always_inline Datum
transition(FunctionCallInfo fcinfo, KKind kind, KSubject subject, bool is_bigint)
{
	KState *state = get_state(fcinfo, kind, subject, K_VALUE_NONE, PG_NARGS() > 2 ? 2 : -1);

	/* settled: nothing more to learn */
	if (PG_ARGISNULL(1) || (kind == K_MET && state->settled))
		return EOHPGetRWDatum(&state->header);

	if (subject == K_SUBJECT_INT)
		ehds_k_add_int(state, is_bigint ? PG_GETARG_INT64(1) : PG_GETARG_INT32(1));
	else
	{
		SubjectKey key = get_key(fcinfo, subject, is_bigint);

		ehds_k_add_key(state, &key);
	}
	return EOHPGetRWDatum(&state->header);
}

/* k_rows */
static pg_attribute_always_inline Datum
transition_rows(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint)
{
	KState *state = get_state(fcinfo, K_ROWS, subject, K_VALUE_INTEGER, PG_NARGS() > 2 ? 2 : -1);

	if (!PG_ARGISNULL(1))
	{
		SubjectKey key = get_key(fcinfo, subject, is_bigint);
		bool fresh;
		SubjectTotal *total = ehds_subject_map_enter(&state->set.map, state->shared, &key, &fresh)->total;

		total->integer = fresh ? 1 : total->integer + 1;
	}
	return EOHPGetRWDatum(&state->header);
}

/* k_sum */
static pg_attribute_always_inline Datum
transition_sum(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint, KValue value)
{
	KState *state = get_state(fcinfo, K_SUM, subject, value, PG_NARGS() > 3 ? 3 : -1);
	SubjectKey key;
	SubjectTotal *total;
	bool fresh;
	int64 integer = 0;
	double real = 0;
	Numeric numeric = NULL;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || state->settled)
		return EOHPGetRWDatum(&state->header);

	/* a contribution of zero is none; one that is not finite makes the sum impossible */
	if (value == K_VALUE_REAL)
	{
		real = PG_GETARG_FLOAT8(2);
		if (unlikely(!isfinite(real)))
		{
			ehds_k_state_settle(state);
			return EOHPGetRWDatum(&state->header);
		}
		if (real == 0)
			return EOHPGetRWDatum(&state->header);
	}
	else if (value == K_VALUE_NUMERIC)
	{
		int32 scale;

		numeric = PG_GETARG_NUMERIC(2);
		if (unlikely(numeric_is_nan(numeric) || numeric_is_inf(numeric)))
		{
			ehds_k_state_settle(state);
			return EOHPGetRWDatum(&state->header);
		}
		scale = DatumGetInt32(DirectFunctionCall1(numeric_scale, NumericGetDatum(numeric)));
		if (scale > state->set.sum.scale)
			state->set.sum.scale = scale;
		if (ehds_k_numeric_is_zero(state->shared, numeric))
			return EOHPGetRWDatum(&state->header);
	}
	else
	{
		integer = (value == K_VALUE_BIGINT) ? PG_GETARG_INT64(2) : PG_GETARG_INT32(2);
		if (integer == 0)
			return EOHPGetRWDatum(&state->header);
	}

	key = get_key(fcinfo, subject, is_bigint);
	total = ehds_subject_map_enter(&state->set.map, state->shared, &key, &fresh)->total;
	if (value == K_VALUE_REAL)
	{
		if (fresh)
		{
			total->real.high = real;
			total->real.low = 0;
		}
		else if (unlikely(!ehds_k_total_add_real(total, real)))
			ehds_k_state_settle(state);
	}
	else if (value == K_VALUE_NUMERIC)
		ehds_k_total_add_numeric(state, total, fresh, numeric);
	else if (fresh)
		total->integer = integer;
	else
		total->integer += integer;
	return EOHPGetRWDatum(&state->header);
}

#define TRANSITION(name, kind, subject, is_bigint)           \
	PG_FUNCTION_INFO_V1(ehds_##name);                        \
	Datum ehds_##name(PG_FUNCTION_ARGS)                      \
	{                                                        \
		return transition(fcinfo, kind, subject, is_bigint); \
	}

#define TRANSITIONS(name, kind)                            \
	TRANSITION(name##_integer, kind, K_SUBJECT_INT, false) \
	TRANSITION(name##_bigint, kind, K_SUBJECT_INT, true)   \
	TRANSITION(name##_uuid, kind, K_SUBJECT_UUID, false)   \
	TRANSITION(name##_text, kind, K_SUBJECT_TEXT, false)

TRANSITIONS(k_met, K_MET)
TRANSITIONS(k_count, K_COUNT)

#define ROWS(name, subject, is_bigint)                      \
	PG_FUNCTION_INFO_V1(ehds_k_rows_##name);                \
	Datum ehds_k_rows_##name(PG_FUNCTION_ARGS)              \
	{                                                       \
		return transition_rows(fcinfo, subject, is_bigint); \
	}

ROWS(integer, K_SUBJECT_INT, false)
ROWS(bigint, K_SUBJECT_INT, true)
ROWS(uuid, K_SUBJECT_UUID, false)
ROWS(text, K_SUBJECT_TEXT, false)

#define SUM(name, subject, is_bigint, value)                      \
	PG_FUNCTION_INFO_V1(ehds_k_sum_##name);                       \
	Datum ehds_k_sum_##name(PG_FUNCTION_ARGS)                     \
	{                                                             \
		return transition_sum(fcinfo, subject, is_bigint, value); \
	}

#define SUMS(name, value)                            \
	SUM(integer_##name, K_SUBJECT_INT, false, value) \
	SUM(bigint_##name, K_SUBJECT_INT, true, value)   \
	SUM(uuid_##name, K_SUBJECT_UUID, false, value)   \
	SUM(text_##name, K_SUBJECT_TEXT, false, value)

SUMS(integer, K_VALUE_INTEGER)
SUMS(bigint, K_VALUE_BIGINT)
SUMS(float8, K_VALUE_REAL)
SUMS(numeric, K_VALUE_NUMERIC)

PG_FUNCTION_INFO_V1(ehds_k_combine);

/* Two states of one group, each of them perhaps NULL, become the first. */
Datum
ehds_k_combine(PG_FUNCTION_ARGS)
{
	KState *state;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(0))
		state = ehds_k_state_expand(PG_GETARG_DATUM(1), ehds_k_shared(fcinfo));
	else
	{
		if (VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0))) &&
			ehds_k_state_is_expanded(PG_GETARG_DATUM(0)))
			state = EHDS_K_STATE_EXPANDED(PG_GETARG_DATUM(0));
		else
			state = ehds_k_state_expand(PG_GETARG_DATUM(0), ehds_k_shared(fcinfo));
		if (!PG_ARGISNULL(1))
			ehds_k_state_merge(state, PG_GETARG_DATUM(1));
	}
	return EOHPGetRWDatum(&state->header);
}
