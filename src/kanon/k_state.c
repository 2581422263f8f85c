/*
 * k_state.c
 *		The transition state of the k aggregates in memory.
 *
 * It is an expanded object, so that a transition gets and returns a pointer and
 * nothing is copied.  All states of an aggregate context live in one memory
 * context: hash aggregation walks all child contexts whenever a group is added,
 * so that a context per group would make it quadratic.  The executor never
 * deletes a single state as long as a transition returns the state that it got,
 * which ours always do.
 */
#include "core/compat.h"

#include "utils/memutils.h"

#include "kanon/k_add.h"
#include "kanon/k_flat.h"
#include "kanon/k_state.h"
#include "kanon/k_value.h"

/*
 * Kept in fn_extra: the shared memory of each aggregate context that this call
 * site works for (there are several under GROUPING SETS).
 */
typedef struct KCache
{
	KShared *first;
	MemoryContextCallback callback;
} KCache;

static const ExpandedObjectMethods k_state_methods = {ehds_k_flat_size, ehds_k_flatten};

/* The shared memory goes (next group, next batch, rescan): nobody may find it again. */
static void
forget_shared(void *arg)
{
	KShared *shared = arg;

	if (shared->cache == NULL)
		return;
	for (KShared **link = &shared->cache->first; *link != NULL; link = &(*link)->next)
		if (*link == shared)
		{
			*link = shared->next;
			break;
		}
}

/* The call site goes before its aggregate contexts do. */
static void
forget_cache(void *arg)
{
	KCache *cache = arg;

	for (KShared *shared = cache->first; shared != NULL; shared = shared->next)
		shared->cache = NULL;
}

KShared *
ehds_k_shared_in(MemoryContext parent)
{
	MemoryContext context = AllocSetContextCreate(parent, "ehds.k_state", ALLOCSET_DEFAULT_SIZES);
	KShared *shared = MemoryContextAllocZero(context, sizeof(KShared));

	shared->parent = parent;
	shared->context = context;
	shared->scratch.context = context;
	shared->arena.context = context;
	shared->callback.func = forget_shared;
	shared->callback.arg = shared;
	MemoryContextRegisterResetCallback(context, &shared->callback);
	return shared;
}

KShared *
ehds_k_shared(FunctionCallInfo fcinfo)
{
	MemoryContext parent;
	KCache *cache = fcinfo->flinfo->fn_extra;
	KShared *shared;

	if (!AggCheckCallContext(fcinfo, &parent))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("a component function of a k aggregate was called outside an aggregate")));

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(KCache));
		cache->callback.func = forget_cache;
		cache->callback.arg = cache;
		MemoryContextRegisterResetCallback(fcinfo->flinfo->fn_mcxt, &cache->callback);
		fcinfo->flinfo->fn_extra = cache;
	}
	for (shared = cache->first; shared != NULL; shared = shared->next)
		if (shared->parent == parent)
			return shared;

	shared = ehds_k_shared_in(parent);
	shared->cache = cache;
	shared->next = cache->first;
	cache->first = shared;
	return shared;
}

KState *
ehds_k_state_new(KShared *shared, KKind kind, KSubject subject, KValue value, int32 k)
{
	KState *state = MemoryContextAlloc(shared->context, sizeof(KState));

	EOH_init_header(&state->header, &k_state_methods, shared->context);
	state->shared = shared;
	state->k = k;
	state->kind = kind;
	state->subject = subject;
	state->value = value;
	state->settled = false;
	if (K_USES_INTS(state))
	{
		ehds_int_set_init(&state->ints);
		return state;
	}
	ehds_subject_map_init(&state->map, subject, ehds_k_total_size(kind, value));
	state->values = NULL;
	if (K_HAS_VALUES(kind))
	{
		state->values = MemoryContextAllocZero(shared->context, sizeof(KValues));
		state->values->fraction = -1; /* not known yet */
	}
	return state;
}

bool
ehds_k_state_is_expanded(Datum datum)
{
	return VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)) &&
		   DatumGetEOHP(datum)->eoh_methods == &k_state_methods;
}

KState *
ehds_k_state_read(Datum datum)
{
	if (ehds_k_state_is_expanded(datum))
	{
		KState *state = EHDS_K_STATE_EXPANDED(datum);

		ehds_k_add_pending(state->shared);
		return state;
	}
	return ehds_k_state_expand(datum, ehds_k_shared_in(CurrentMemoryContext));
}

uint32
ehds_k_state_subjects(KState *state)
{
	if (state->settled && state->kind == K_MET)
		return state->k;
	if (K_USES_INTS(state))
		return ehds_int_set_count(&state->ints, &state->shared->scratch);
	return state->map.n;
}

void
ehds_k_state_settle(KState *state)
{
	if (K_USES_INTS(state))
		ehds_int_set_clear(&state->ints);
	else
	{
		ehds_subject_map_clear(&state->map);
		if (state->values != NULL)
			ehds_k_values_clear(state->values);
	}
	state->settled = true;
}

void
ehds_k_add_pending(KShared *shared)
{
	shared->n_half = shared->n_put;
	while (shared->n_added != shared->n_put)
	{
		KPending *pending = &shared->pending[shared->n_added++ % K_PENDING];
		KState *state = pending->state;

		if (K_USES_INTS(state))
			ehds_int_set_add(&state->ints, &shared->scratch, (int64) pending->key.words[0]);
		else
			ehds_k_add_now(state, state->kind, state->subject, state->value, &pending->key, pending->value);
	}
}
