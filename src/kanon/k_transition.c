/*
 * k_transition.c
 *		Transition functions of the k aggregates without a value: k_met, k_cell,
 *		k_count, k_subjects, k_rows, k_subset_met.
 *
 * One C function for each kind and subject type: they are inlined from one body,
 * so that nothing is decided per row which the types have decided.  The forms
 * with and without k share a function, by the number of arguments.
 *
 * Arguments: state, subject, [condition,] [k].  A row whose subject is NULL
 * belongs to nobody and is ignored.
 */
#include "core/compat.h"

#include "utils/lsyscache.h"

#include "kanon/k_add.h"
#include "kanon/k_args.h"
#include "kanon/kanon.h"

KState *
ehds_k_first_state(FunctionCallInfo fcinfo, KKind kind, KSubject subject, KValue value, int k_arg)
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

void
ehds_k_refuse_k(FunctionCallInfo fcinfo, int k_arg)
{
	if (PG_ARGISNULL(k_arg))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not be NULL"),
						errhint("Leave k out to use the setting ehds.k.")));
	/* to ehds_k_effective 0 means that no k was given, which is not so here */
	(void) ehds_k_effective(PG_GETARG_INT32(k_arg) == 0 ? -1 : PG_GETARG_INT32(k_arg));
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not change within a group"),
					errhint("Give k as a constant.")));
}

/* k_met, k_cell, k_count, k_subjects */
static pg_attribute_always_inline Datum
transition(FunctionCallInfo fcinfo, KKind kind, KSubject subject, bool is_bigint)
{
	KState *state = ehds_k_get_state(fcinfo, kind, subject, K_VALUE_NONE, PG_NARGS() > 2 ? 2 : -1);

	/* settled: nothing more to learn */
	if (PG_ARGISNULL(1) || (kind == K_MET && state->settled))
		return EOHPGetRWDatum(&state->header);

	if (subject == K_SUBJECT_INT)
		ehds_k_add_int(state, kind, is_bigint ? PG_GETARG_INT64(1) : PG_GETARG_INT32(1));
	else
	{
		SubjectKey key;
		KNumber none = {0};

		ehds_k_get_key(fcinfo, subject, is_bigint, &key);
		ehds_k_add(state, kind, subject, K_VALUE_NONE, &key, none);
	}
	return EOHPGetRWDatum(&state->header);
}

static pg_attribute_always_inline Datum
transition_rows(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint)
{
	KState *state = ehds_k_get_state(fcinfo, K_ROWS, subject, K_VALUE_INTEGER, PG_NARGS() > 2 ? 2 : -1);

	if (!PG_ARGISNULL(1))
	{
		SubjectKey key;
		KNumber one = {.integer = 1};

		ehds_k_get_key(fcinfo, subject, is_bigint, &key);
		ehds_k_add(state, K_ROWS, subject, K_VALUE_INTEGER, &key, one);
	}
	return EOHPGetRWDatum(&state->header);
}

/* a condition that is NULL is not true */
static pg_attribute_always_inline Datum
transition_subset(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint)
{
	KState *state = ehds_k_get_state(fcinfo, K_SUBSET, subject, K_VALUE_INTEGER, PG_NARGS() > 3 ? 3 : -1);

	if (!PG_ARGISNULL(1))
	{
		bool holds = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
		KNumber flag = {.integer = holds ? K_TRUE_IN_SOME_ROW : K_NOT_TRUE_IN_SOME_ROW};
		SubjectKey key;

		ehds_k_get_key(fcinfo, subject, is_bigint, &key);
		ehds_k_add(state, K_SUBSET, subject, K_VALUE_INTEGER, &key, flag);
	}
	return EOHPGetRWDatum(&state->header);
}

EHDS_K_TRANSITION(k_met_integer, transition(fcinfo, K_MET, K_SUBJECT_INT, false))
EHDS_K_TRANSITION(k_met_bigint, transition(fcinfo, K_MET, K_SUBJECT_INT, true))
EHDS_K_TRANSITION(k_met_uuid, transition(fcinfo, K_MET, K_SUBJECT_UUID, false))
EHDS_K_TRANSITION(k_met_text, transition(fcinfo, K_MET, K_SUBJECT_TEXT, false))

EHDS_K_TRANSITION(k_count_integer, transition(fcinfo, K_COUNT, K_SUBJECT_INT, false))
EHDS_K_TRANSITION(k_count_bigint, transition(fcinfo, K_COUNT, K_SUBJECT_INT, true))
EHDS_K_TRANSITION(k_count_uuid, transition(fcinfo, K_COUNT, K_SUBJECT_UUID, false))
EHDS_K_TRANSITION(k_count_text, transition(fcinfo, K_COUNT, K_SUBJECT_TEXT, false))

EHDS_K_TRANSITION(k_rows_integer, transition_rows(fcinfo, K_SUBJECT_INT, false))
EHDS_K_TRANSITION(k_rows_bigint, transition_rows(fcinfo, K_SUBJECT_INT, true))
EHDS_K_TRANSITION(k_rows_uuid, transition_rows(fcinfo, K_SUBJECT_UUID, false))
EHDS_K_TRANSITION(k_rows_text, transition_rows(fcinfo, K_SUBJECT_TEXT, false))

EHDS_K_TRANSITION(k_subset_met_integer, transition_subset(fcinfo, K_SUBJECT_INT, false))
EHDS_K_TRANSITION(k_subset_met_bigint, transition_subset(fcinfo, K_SUBJECT_INT, true))
EHDS_K_TRANSITION(k_subset_met_uuid, transition_subset(fcinfo, K_SUBJECT_UUID, false))
EHDS_K_TRANSITION(k_subset_met_text, transition_subset(fcinfo, K_SUBJECT_TEXT, false))

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
