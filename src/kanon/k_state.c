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

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kanon/k_flat.h"
#include "kanon/k_state.h"

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
		ehds_int_set_init(&state->set.ints);
	else
	{
		ehds_subject_map_init(&state->set.map, value != K_VALUE_NONE);
		state->set.sum.scale = 0;
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
		return EHDS_K_STATE_EXPANDED(datum);
	return ehds_k_state_expand(datum, ehds_k_shared_in(CurrentMemoryContext));
}

uint32
ehds_k_state_subjects(KState *state)
{
	if (state->settled && state->kind == K_MET)
		return state->k;
	if (K_USES_INTS(state))
		return ehds_int_set_count(&state->set.ints, &state->shared->scratch);
	return state->set.map.n;
}

void
ehds_k_state_settle(KState *state)
{
	if (K_USES_INTS(state))
		ehds_int_set_clear(&state->set.ints);
	else
	{
		ehds_subject_map_clear(&state->set.map);
		state->set.sum.scale = 0;
	}
	state->settled = true;
}

bool
ehds_k_numeric_is_zero(KShared *shared, Numeric value)
{
	if (shared->zero == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(shared->context);

		shared->zero = int64_to_numeric(0);
		MemoryContextSwitchTo(old);
	}
	return DatumGetInt32(
			   DirectFunctionCall2(numeric_cmp, NumericGetDatum(value), NumericGetDatum(shared->zero))) == 0;
}

void
ehds_k_total_add_numeric(KState *state, SubjectTotal *total, bool fresh, Numeric value)
{
	Numeric sum = value;

	if (!fresh)
	{
		bool overflow = false;

		/* an error would tell of a value */
		sum = numeric_add_opt_error(total->numeric, value, &overflow);
		if (overflow)
		{
			ehds_k_state_settle(state);
			return;
		}
		if (VARSIZE(sum) == VARSIZE(total->numeric))
		{
			memcpy(total->numeric, sum, VARSIZE(sum));
			pfree(sum);
			return;
		}
		pfree(total->numeric);
		total->numeric = NULL;
	}
	total->numeric = MemoryContextAlloc(state->shared->context, VARSIZE(sum));
	memcpy(total->numeric, sum, VARSIZE(sum));
	if (!fresh)
		pfree(sum);
}
