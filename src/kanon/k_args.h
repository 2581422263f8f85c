/*
 * k_args.h
 *		The arguments of transition functions: state, subject, and more, k last.
 */
#ifndef EHDS_K_ARGS_H
#define EHDS_K_ARGS_H

#include "core/compat.h"

#include "utils/builtins.h"
#include "utils/uuid.h"

#include "kanon/k_state.h"

/* The state of a group's first row, or a flat one (Citus copies states); k_arg < 0: no k given. */
extern KState *ehds_k_first_state(FunctionCallInfo fcinfo, KKind kind, KSubject subject, KValue value,
								  int k_arg);

/* Say what is wrong with an explicit k that is not the state's. */
extern void ehds_k_refuse_k(FunctionCallInfo fcinfo, int k_arg);

/* The state to add to. */
static pg_attribute_always_inline KState *
ehds_k_get_state(FunctionCallInfo fcinfo, KKind kind, KSubject subject, KValue value, int k_arg)
{
	KState *state;

	if (k_arg >= 0 && unlikely(PG_ARGISNULL(k_arg) || PG_GETARG_INT32(k_arg) == 0))
		ehds_k_refuse_k(fcinfo, k_arg);

	/* in memory it can only be one that a function of ours returned */
	if (likely(!PG_ARGISNULL(0)) && likely(VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0)))))
		state = EHDS_K_STATE_EXPANDED(PG_GETARG_DATUM(0));
	else
		state = ehds_k_first_state(fcinfo, kind, subject, value, k_arg);

	if (unlikely(state->kind != kind || state->subject != subject || state->value != value))
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.k_state: it belongs to another aggregate")));
	if (k_arg >= 0 && unlikely(PG_GETARG_INT32(k_arg) != state->k))
		ehds_k_refuse_k(fcinfo, k_arg);
	return state;
}

/* The subject argument as a key of a map. */
static pg_attribute_always_inline void
ehds_k_get_key(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint, SubjectKey *key)
{
	if (subject == K_SUBJECT_INT)
		ehds_key_of_int(key, is_bigint ? PG_GETARG_INT64(1) : PG_GETARG_INT32(1));
	else if (subject == K_SUBJECT_UUID)
		ehds_key_of_uuid(key, PG_GETARG_UUID_P(1)->data);
	else
	{
		text *bytes = PG_GETARG_TEXT_PP(1);

		ehds_key_of_text(key, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	}
}

/* A transition function that is this call. */
#define EHDS_K_TRANSITION(name, call)   \
	PG_FUNCTION_INFO_V1(ehds_##name);   \
	Datum ehds_##name(PG_FUNCTION_ARGS) \
	{                                   \
		return call;                    \
	}

#endif /* EHDS_K_ARGS_H */
