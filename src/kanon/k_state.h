/*
 * k_state.h
 *		The transition state of the k aggregates, type ehds.k_state.
 */
#ifndef EHDS_K_STATE_H
#define EHDS_K_STATE_H

#include "core/compat.h"

#include <math.h>

#include "utils/expandeddatum.h"

#include "kanon/int_set.h"
#include "kanon/subject_map.h"

/* These numbers are part of the flat form. */
typedef enum KKind
{
	K_MET = 1,   /* are there k subjects? (k_met, k_cell) */
	K_COUNT = 2, /* how many? */
	K_ROWS = 3,  /* how many rows has each subject? */
	K_SUM = 4    /* which total has each subject? */
} KKind;

typedef enum KSubject
{
	K_SUBJECT_INT = 1, /* integer and bigint */
	K_SUBJECT_UUID = 2,
	K_SUBJECT_TEXT = 3
} KSubject;

#define K_SUBJECT_TYPES 3

typedef enum KValue
{
	K_VALUE_NONE = 0,
	K_VALUE_INTEGER = 1, /* sum is bigint; rows, each of which adds 1 */
	K_VALUE_BIGINT = 2,  /* sum is numeric */
	K_VALUE_REAL = 3,    /* double precision */
	K_VALUE_NUMERIC = 4
} KValue;

typedef struct KState
{
	ExpandedObjectHeader header;
	KShared *shared;
	int32 k;
	uint8 kind;    /* KKind */
	uint8 subject; /* KSubject */
	uint8 value;   /* KValue */
	bool settled;  /* K_MET: k subjects are there and forgotten; K_SUM: not finite, so no sum */
	union
	{
		IntSet ints;    /* integer subjects without totals */
		SubjectMap map; /* all others */
		struct
		{
			SubjectMap map;
			int32 scale; /* K_VALUE_NUMERIC: largest scale; else 0 */
		} sum;
	} set;
} KState;

/* a million groups of one are a million of these: one power of two, no more */
StaticAssertDecl(sizeof(void *) != 8 || sizeof(KState) <= 128, "KState has outgrown its chunk");

#define K_USES_INTS(state) ((state)->subject == K_SUBJECT_INT && (state)->value == K_VALUE_NONE)

/* The memory that the aggregate being computed shares; raises outside aggregates. */
extern KShared *ehds_k_shared(FunctionCallInfo fcinfo);

/* The same as a child of parent, for whoever keeps states without an aggregate. */
extern KShared *ehds_k_shared_in(MemoryContext parent);

/* An empty state. */
extern KState *ehds_k_state_new(KShared *shared, KKind kind, KSubject subject, KValue value, int32 k);

/* Whether a datum is one of our states in memory, and that state. */
extern bool ehds_k_state_is_expanded(Datum datum);
#define EHDS_K_STATE_EXPANDED(datum) ((KState *) DatumGetEOHP(datum))

/*
 * A state to read: the one in memory, or a flat one after it has been checked and
 * expanded into the current memory context.
 */
extern KState *ehds_k_state_read(Datum datum);

/* A flat state, checked and expanded into shared memory. */
extern KState *ehds_k_state_expand(Datum datum, KShared *shared);

/* Add all that a flat state (any datum of the type) holds; checks it. */
extern void ehds_k_state_merge(KState *state, Datum flat);

/* The number of distinct subjects; k if they were forgotten when k was met. */
extern uint32 ehds_k_state_subjects(KState *state);

/* Forget the subjects: k are there (or a sum is impossible), nothing else matters. */
extern void ehds_k_state_settle(KState *state);

/*
 * Add to a total.  The state's memory is used for numerics; if they overflow the
 * state is settled, and total is gone.
 */
extern void ehds_k_total_add_numeric(KState *state, SubjectTotal *total, bool fresh, Numeric value);
extern bool ehds_k_numeric_is_zero(KShared *shared, Numeric value);

/* Add a subject to a state without totals. */
static pg_attribute_always_inline void
ehds_k_add_int(KState *state, int64 value)
{
	IntSet *set = &state->set.ints;
	bool full;

	if (state->kind == K_COUNT)
	{
		ehds_int_set_add(set, &state->shared->scratch, value);
		return;
	}
	if (state->settled)
		return;
	full = (set->n_items == set->capacity);
	ehds_int_set_add(set, &state->shared->scratch, value);

	/* a small k is looked at each time; a large one when the set was compacted */
	if ((state->k <= 64 || full) && ehds_int_set_count(set, &state->shared->scratch) >= state->k)
		ehds_k_state_settle(state);
}

static pg_attribute_always_inline void
ehds_k_add_key(KState *state, const SubjectKey *key)
{
	bool fresh;

	if (state->settled)
		return;
	ehds_subject_map_enter(&state->set.map, state->shared, key, &fresh);
	if (fresh && state->kind != K_COUNT && state->set.map.n >= state->k)
		ehds_k_state_settle(state);
}

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

#endif /* EHDS_K_STATE_H */
