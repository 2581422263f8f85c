/*
 * k_merge.c
 *		Adds what a flat state holds to a state in memory.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kanon/k_add.h"
#include "kanon/k_read.h"
#include "kanon/k_value.h"

/* Add the subject that was just read, with what is known of it; returns its entry. */
static uint32
merge_subject(KState *state, KReader *reader)
{
	bool fresh;
	uint32 entry = ehds_subject_enter(&state->map, &state->shared->arena, state->subject, &reader->key,
									  &fresh);
	SubjectTotal *total = ehds_subject_total(&state->map, entry);
	const SubjectTotal *more = &reader->total;

	if (state->values != NULL)
	{
		bool unnoted = fresh;

		for (int i = 0; i < K_VALUES_MAX; i++)
			if ((reader->bears & K_BEARS(i)) || (!K_HAS_SUMS(state->kind) && i < reader->values.n_distinct &&
												 reader->values.n_distinct != K_MANY_VALUES))
			{
				ehds_k_note_value(state, entry, unnoted, reader->values.distinct[i]);
				/* it may bear several, and the first is then that of all who were there before */
				unnoted = false;
			}
	}

	switch ((KKind) state->kind)
	{
		case K_MET:
			if (fresh && state->map.n >= state->k)
				ehds_k_state_settle(state);
			break;
		case K_COUNT:
		case K_PERCENTILE:
			break;
		case K_SUBSET:
			total->small = fresh ? more->small : total->small | more->small;
			break;
		case K_ROWS:
			if (fresh)
				total->small = more->small;
			else if (pg_add_s64_overflow(total->small, more->small, &total->small))
				ehds_k_invalid("total out of range");
			break;
		case K_MIN:
		case K_MAX:
		{
			KNumber number;

			if (state->value == K_VALUE_NUMERIC)
				number.numeric = more->numeric;
			else if (state->value == K_VALUE_REAL)
				number.real = more->extreme;
			else
				number.integer = more->small;
			ehds_k_total_add(state, state->kind, state->value, entry, fresh, number);
		}
		break;
		case K_SUM:
		case K_AVG:
		case K_VARIANCE:
			if (state->value == K_VALUE_NUMERIC)
				ehds_k_total_add_numeric(state, total, fresh, more->numeric);
			else if (fresh)
				memcpy(total, more, ehds_k_total_size(state->kind, state->value));
			else if (state->value == K_VALUE_REAL)
			{
				if (!ehds_k_total_add_real(total, more->real.high) ||
					!ehds_k_total_add_real(total, more->real.low))
					ehds_k_state_settle(state);
			}
			else if (state->value == K_VALUE_BIGINT)
			{
				total->integer += more->integer;
				if (total->integer > EHDS_K_TOTAL_LIMIT || total->integer < -EHDS_K_TOTAL_LIMIT)
					ehds_k_invalid("total out of range");
			}
			else if (pg_add_s64_overflow(total->small, more->small, &total->small))
				ehds_k_state_settle(state);
			break;
	}
	if (state->value == K_VALUE_NUMERIC)
		pfree(more->numeric);
	return entry;
}

/* Add what is known of the group as a whole. */
static void
merge_values(KState *state, KReader *reader)
{
	KValues *values = state->values;
	const KValues *more = &reader->values;

	if (state->kind == K_PERCENTILE)
	{
		if (values->fraction >= 0 && values->fraction != more->fraction)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("fraction must not change within a group")));
		values->fraction = more->fraction;
	}
	else if (pg_add_s64_overflow(values->rows, more->rows, &values->rows))
		ehds_k_invalid("number of rows out of range");
	values->scale = Max(values->scale, more->scale);
	if (more->n_distinct == K_MANY_VALUES)
		ehds_k_note_many(state);
	if (state->kind != K_VARIANCE)
		return;

	if (state->value == K_VALUE_REAL)
	{
		if (!ehds_k_total_add_real(&values->squares.real, more->squares.real.real.high) ||
			!ehds_k_total_add_real(&values->squares.real, more->squares.real.real.low))
			ehds_k_state_settle(state);
	}
	else if (state->value == K_VALUE_NUMERIC)
	{
		SubjectTotal squares = {.numeric = values->squares.numeric};

		if (more->squares.numeric == NULL)
			return;
		ehds_k_total_add_numeric(state, &squares, values->squares.numeric == NULL, more->squares.numeric);
		/* an overflow has settled the state */
		if (!state->settled)
			values->squares.numeric = squares.numeric;
	}
	else
	{
		values->squares.integer.low += more->squares.integer.low;
		values->squares.integer.high += more->squares.integer.high +
										(values->squares.integer.low < more->squares.integer.low);
	}
}

/* Rows of K_PERCENTILE refer to subjects by their place; entries says where those are now. */
static void
merge_rows(KState *state, KReader *reader, const uint32 *entries)
{
	double value = 0;
	uint32 subject = 0;

	for (uint64 n = 0; n < (uint64) reader->values.rows; n++)
	{
		if (n % 65536 == 0)
			CHECK_FOR_INTERRUPTS();

		/* a statement of its own: the order of evaluating arguments is open */
		(void) ehds_k_read_row(reader, n, &value, &subject);
		ehds_k_add_row(state, entries[subject], value);
	}
}

/* Integers of which nothing else is known; a state that is settled goes on checking. */
static void
merge_ints(KState *state, KReader *reader)
{
	IntScratch *scratch = &state->shared->scratch;
	int64 members[EHDS_K_READ_INTS];
	int n;

	/* what arrives is sorted: with nothing before it in the rest it stays so */
	if (state->kind == K_COUNT)
	{
		ehds_int_set_compact(&state->ints, scratch);
		ehds_int_set_reserve(&state->ints, scratch, reader->n);
	}
	while ((n = ehds_k_read_ints(reader, members, EHDS_K_READ_INTS)) > 0)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->kind == K_COUNT)
			for (int i = 0; i < n; i++)
				ehds_int_set_add(&state->ints, scratch, members[i]);
		else
			for (int i = 0; i < n; i++)
				ehds_k_add_int(state, K_MET, members[i]);
	}
	if (state->kind == K_COUNT)
		ehds_int_set_compact(&state->ints, scratch);
}

void
ehds_k_state_merge(KState *state, Datum flat)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(flat);
	uint32 *entries = NULL;
	KReader reader;

	ehds_k_add_pending(state->shared);
	ehds_k_read_header(&reader, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	if (reader.kind != state->kind || reader.subject != state->subject || reader.value != state->value)
		ehds_k_invalid("it belongs to another aggregate");
	if (reader.k != state->k)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not change within a group")));

	if (reader.settled && !state->settled)
		ehds_k_state_settle(state);
	if (K_HAS_VALUES(state->kind) && !state->settled)
		merge_values(state, &reader);

	if (K_USES_INTS(state))
		merge_ints(state, &reader);
	if (state->kind == K_PERCENTILE)
		entries = MemoryContextAllocHuge(CurrentMemoryContext, Max(reader.n, 1) * sizeof(uint32));
	while (ehds_k_read_next(&reader))
	{
		if (reader.read % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (!state->settled)
		{
			uint32 entry = merge_subject(state, &reader);

			if (entries != NULL)
				entries[reader.read - 1] = entry;
		}
		else if (reader.value == K_VALUE_NUMERIC)
			pfree(reader.total.numeric);
	}
	if (state->kind == K_PERCENTILE)
	{
		merge_rows(state, &reader, entries);
		pfree(entries);
	}
	ehds_k_read_end(&reader);
}

KState *
ehds_k_state_expand(Datum datum, KShared *shared)
{
	struct varlena *bytes = PG_DETOAST_DATUM_PACKED(datum);
	KReader reader;
	KState *state;

	ehds_k_read_header(&reader, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	state = ehds_k_state_new(shared, reader.kind, reader.subject, reader.value, reader.k);
	ehds_k_state_merge(state, PointerGetDatum(bytes));
	return state;
}
