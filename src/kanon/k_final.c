/*
 * k_final.c
 *		Final functions of the k aggregates that count; the place where a cell is
 *		shown or not.
 *
 * Final functions don't change what a state holds, so that the aggregates work as
 * window functions (asking an integer set for its count may tidy it, which
 * changes neither its members nor its flat form).
 *
 * A number of rows is a sum to which each row contributes 1, so that the rules of
 * k_sum.c hold for it.  But it stands beside the number of persons, and small
 * counts inside big cells are small counts (Hundepool et al., Statistical
 * Disclosure Control, 2012, section 5.2): where a person has one row of each
 * concept, rows less persons of the concepts A or B is the number of those who
 * have both, be it 5 of 400.  So rows are refused, too, if those with more than
 * the smallest number are 1 to k - 1.
 */
#include "core/compat.h"

#include "miscadmin.h"

#include "kanon/k_final.h"
#include "kanon/settings.h"

PG_FUNCTION_INFO_V1(ehds_k_met_final);
PG_FUNCTION_INFO_V1(ehds_k_count_final);
PG_FUNCTION_INFO_V1(ehds_k_rows_final);
PG_FUNCTION_INFO_V1(ehds_k_subset_met_final);

KState *
ehds_k_final_state(FunctionCallInfo fcinfo, KKind kind, KKind or_kind)
{
	KState *state;

	if (PG_ARGISNULL(0))
		return NULL;
	state = ehds_k_state_read(PG_GETARG_DATUM(0));
	if (state->kind != kind && state->kind != or_kind)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.k_state: it belongs to another aggregate")));
	return state;
}

Datum
ehds_k_met_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_MET, K_MET);

	PG_RETURN_BOOL(state != NULL && ehds_k_state_subjects(state) >= state->k);
}

/* What stands for a count of a cell with 1 to k - 1 persons. */
static Datum
suppressed_count(FunctionCallInfo fcinfo, int32 k)
{
	if (ehds_suppressed_effective() == EHDS_SUPPRESSED_NEGATIVE)
		PG_RETURN_INT64(-(int64) k);
	PG_RETURN_NULL();
}

Datum
ehds_k_count_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_COUNT, K_COUNT);
	uint32 n = (state == NULL) ? 0 : ehds_k_state_subjects(state);

	if (n == 0 ? ehds_show_zero : n >= state->k)
		PG_RETURN_INT64(ehds_round_count(n));
	if (n == 0)
		PG_RETURN_NULL();
	return suppressed_count(fcinfo, state->k);
}

Datum
ehds_k_rows_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_ROWS, K_ROWS);
	uint32 n = (state == NULL) ? 0 : ehds_k_state_subjects(state);
	KSum rows;
	KNumber least;
	uint32 n_least = 0;

	if (n == 0)
	{
		if (ehds_show_zero)
			PG_RETURN_INT64(0);
		PG_RETURN_NULL();
	}
	if (n < state->k)
		return suppressed_count(fcinfo, state->k);

	least.integer = PG_INT64_MAX;
	for (uint32 i = 0; i < n; i++)
	{
		int64 total = ehds_subject_total(&state->map, i)->small;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (total < least.integer)
		{
			least.integer = total;
			n_least = 0;
		}
		n_least += (total == least.integer);
	}
	if ((n_least < n && n - n_least < state->k) || !ehds_k_sum_shown(state, &rows) ||
		rows.integer > PG_INT64_MAX)
		PG_RETURN_NULL();
	PG_RETURN_INT64(ehds_round_count((int64) rows.integer));
}

/* Each of: persons with a row where the condition holds, with one where not, with none where it holds. */
Datum
ehds_k_subset_met_final(PG_FUNCTION_ARGS)
{
	KState *state = ehds_k_final_state(fcinfo, K_SUBSET, K_SUBSET);
	uint32 n_true = 0;
	uint32 n_not_true = 0;
	uint32 n_never = 0;

	if (state == NULL)
		PG_RETURN_BOOL(true);
	for (uint32 i = 0; i < state->map.n; i++)
	{
		int64 flags = ehds_subject_total(&state->map, i)->small;

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		n_true += (flags & K_TRUE_IN_SOME_ROW) != 0;
		n_not_true += (flags & K_NOT_TRUE_IN_SOME_ROW) != 0;
		n_never += (flags == K_NOT_TRUE_IN_SOME_ROW);
	}
	PG_RETURN_BOOL((n_true == 0 || n_true >= state->k) && (n_not_true == 0 || n_not_true >= state->k) &&
				   (n_never == 0 || n_never >= state->k));
}
