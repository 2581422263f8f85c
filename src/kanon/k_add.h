/*
 * k_add.h
 *		Adding a row to a state.
 *
 * Everything is inlined into transition functions that know kind and types, so
 * that nothing is decided per row which the types have decided.
 *
 * A map that has outgrown the processor's cache costs two waits for memory a row,
 * one for the slot of the index and one for the entry.  A row could do nothing
 * useful meanwhile, but the rows after it can: so a row is put into a queue, its
 * slot is asked for, half a queue later its entry, and at the end of the queue
 * both are there.  Whoever reads a state adds what waits first.
 */
#ifndef EHDS_K_ADD_H
#define EHDS_K_ADD_H

#include "core/compat.h"

#include "kanon/k_state.h"
#include "kanon/k_value.h"

/* Add all rows that wait. */
extern void ehds_k_add_pending(KShared *shared);

/* The same for a member of a set's window, which has no index: its word is on its way. */
static pg_attribute_always_inline void
ehds_k_add_to_window(KState *state, int64 value)
{
	KShared *shared = state->shared;
	KPending *pending = &shared->pending[shared->n_put++ % K_PENDING];

	pending->state = state;
	pending->key.words[0] = (uint64) value;
	ehds_int_set_prefetch(&state->ints, value);
	if (shared->n_put - shared->n_added == K_PENDING)
	{
		/* windows only grow, so that it still lies in one */
		pending = &shared->pending[shared->n_added++ % K_PENDING];
		ehds_int_set_add(&pending->state->ints, &shared->scratch, (int64) pending->key.words[0]);
	}
}

/* Add a subject to a set of integers. */
static pg_attribute_always_inline void
ehds_k_add_int(KState *state, KKind kind, int64 value)
{
	IntSet *set = &state->ints;
	bool full;

	if (kind == K_COUNT)
	{
		if (ehds_int_set_in_window(set, value))
			ehds_k_add_to_window(state, value);
		else
			ehds_int_set_add(set, &state->shared->scratch, value);
		return;
	}
	if (state->settled)
		return;
	full = (set->n_items == set->capacity);
	ehds_int_set_add(set, &state->shared->scratch, value);

	/*
	 * A small k is looked at each time, a larger one when as many items are there;
	 * a huge one only when the set was compacted, since that may take long then.
	 */
	if ((state->k <= 64 || (set->n_items >= state->k && state->k <= 4096) || full || set->window != NULL) &&
		ehds_int_set_count(set, &state->shared->scratch) >= state->k)
		ehds_k_state_settle(state);
}

/* Add a row at once. */
static pg_attribute_always_inline void
ehds_k_add_now(KState *state, KKind kind, KSubject subject, KValue value, const SubjectKey *key,
			   KNumber number)
{
	uint32 entry;
	bool fresh;

	if (state->settled)
		return;
	entry = ehds_subject_enter(&state->map, &state->shared->arena, subject, key, &fresh);
	if (kind == K_MET)
	{
		if (fresh && state->map.n >= state->k)
			ehds_k_state_settle(state);
		return;
	}
	if (K_HAS_VALUES(kind) && state->values->n_distinct < K_MANY_VALUES)
		ehds_k_note_value(state, entry, fresh, number);
	ehds_k_total_add(state, kind, value, entry, fresh, number);
}

/*
 * Add a row now or a little later.  What lies in the caller's memory can't wait;
 * of k_met few subjects are kept, so that there is nothing to wait for.
 */
static pg_attribute_always_inline void
ehds_k_add(KState *state, KKind kind, KSubject subject, KValue value, const SubjectKey *key, KNumber number)
{
	KShared *shared = state->shared;
	KPending *pending;

	if (kind == K_MET || value == K_VALUE_NUMERIC ||
		(subject == K_SUBJECT_TEXT && unlikely(TEXT_IS_LONG(key->words))))
	{
		ehds_k_add_now(state, kind, subject, value, key, number);
		return;
	}

	pending = &shared->pending[shared->n_put++ % K_PENDING];
	pending->state = state;
	pending->key.words[0] = key->words[0];
	if (subject != K_SUBJECT_INT)
		pending->key.words[1] = key->words[1];
	if (subject == K_SUBJECT_TEXT)
	{
		pending->key.words[2] = key->words[2];
		pending->key.words[3] = key->words[3];
	}
	pending->key.hash = key->hash;
	pending->value = number;
	ehds_subject_prefetch_slot(&state->map, key->hash);

	if (shared->n_put - shared->n_half == K_PENDING / 2)
	{
		pending = &shared->pending[shared->n_half++ % K_PENDING];
		ehds_subject_prefetch_entry(&pending->state->map, pending->key.hash);
	}
	if (shared->n_put - shared->n_added == K_PENDING)
	{
		pending = &shared->pending[shared->n_added++ % K_PENDING];
		ehds_k_add_now(pending->state, kind, subject, value, &pending->key, pending->value);
	}
}

#endif /* EHDS_K_ADD_H */
