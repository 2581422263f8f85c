/*
 * k_filters.c
 *		Which conditions inside one cell may be told apart.
 *
 * Figures of a cell under several conditions (FILTER) can be added and subtracted:
 * 30 persons, 29 of whom fulfil it, show one person, and A or B, A and B by
 * themselves give those of both.  Whatever can be computed from numbers of rows is
 * a number of rows in a union of atoms, the rows that fulfil exactly the same
 * conditions; from numbers of persons, in a union of sets of persons for whom the
 * same conditions are fulfilled by some row.  So if each atom of both kinds holds
 * no person or at least k, no combination of the figures shows fewer.
 *
 * Conditions are taken in their order, each one if the atoms of all that are taken
 * then hold none or k persons: the analyst's first one is not lost to his last.
 */
#include "core/compat.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "kanon/kanon.h"

PG_FUNCTION_INFO_V1(ehds_k_filters_integer);
PG_FUNCTION_INFO_V1(ehds_k_filters_bigint);
PG_FUNCTION_INFO_V1(ehds_k_filters_uuid);
PG_FUNCTION_INFO_V1(ehds_k_filters_text);
PG_FUNCTION_INFO_V1(ehds_k_filters_final);

/* The bytes of a subject. */
typedef struct FilterSubject
{
	const char *bytes;
	uint32 length;
	uint32 hash;
} FilterSubject;

typedef struct FilterPerson
{
	FilterSubject key;
	char status;
	uint32 number; /* in order of arrival */
	uint64 mask;   /* the conditions that any of the rows fulfils */
} FilterPerson;

#define SH_PREFIX persons
#define SH_ELEMENT_TYPE FilterPerson
#define SH_KEY_TYPE FilterSubject
#define SH_KEY key
#define SH_HASH_KEY(tb, key) (key).hash
#define SH_EQUAL(tb, a, b) ((a).length == (b).length && memcmp((a).bytes, (b).bytes, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Rows that fulfil exactly the same conditions. */
typedef struct FilterAtom
{
	uint64 mask;
	char status;
	uint32 n; /* persons in them, at most k */
	uint32 capacity;
	uint32 *members; /* their numbers */
	int64 persons;   /* with exactly this mask; used by the final function's table */
} FilterAtom;

#define SH_PREFIX atoms
#define SH_ELEMENT_TYPE FilterAtom
#define SH_KEY_TYPE uint64
#define SH_KEY mask
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) (key) ^ (uint32) ((key) >> 32))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct FilterState
{
	int k;
	persons_hash *persons;
	atoms_hash *atoms;
} FilterState;

static void
add_member(MemoryContext context, FilterState *state, FilterAtom *atom, uint32 number)
{
	if (atom->n >= (uint32) state->k)
		return;
	/* rows of a person often come together */
	for (uint32 i = atom->n; i > 0; i--)
		if (atom->members[i - 1] == number)
			return;
	if (atom->n == atom->capacity)
	{
		uint32 capacity = Min(Max(atom->capacity * 2, 4), (uint32) state->k);

		atom->members = (atom->members == NULL) ? MemoryContextAlloc(context, sizeof(uint32) * capacity)
												: repalloc(atom->members, sizeof(uint32) * capacity);
		atom->capacity = capacity;
	}
	atom->members[atom->n++] = number;
}

static Datum
transition(FunctionCallInfo fcinfo, const char *bytes, uint32 length)
{
	FilterState *state = PG_ARGISNULL(0) ? NULL : (FilterState *) PG_GETARG_POINTER(0);
	FilterSubject subject = {bytes, length, hash_bytes((const unsigned char *) bytes, (int) length)};
	uint64 mask = PG_ARGISNULL(2) ? 0 : (uint64) PG_GETARG_INT64(2);
	MemoryContext context;
	FilterPerson *person;
	FilterAtom *atom;
	bool found;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("a component function of a k aggregate was called outside an aggregate")));
	if (state == NULL)
	{
		if (PG_ARGISNULL(3))
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("k must not be null")));
		state = MemoryContextAlloc(context, sizeof(FilterState));
		state->k = ehds_k_effective(PG_GETARG_INT32(3));
		state->persons = persons_create(context, 16, NULL);
		state->atoms = atoms_create(context, 4, NULL);
	}
	person = persons_insert(state->persons, subject, &found);
	if (!found)
	{
		char *copy = MemoryContextAlloc(context, Max(length, 1));

		memcpy(copy, bytes, length);
		person->key.bytes = copy;
		person->number = state->persons->members;
		person->mask = 0;
	}
	person->mask |= mask;
	atom = atoms_insert(state->atoms, mask, &found);
	if (!found)
	{
		atom->n = atom->capacity = 0;
		atom->members = NULL;
	}
	add_member(context, state, atom, person->number);
	PG_RETURN_POINTER(state);
}

/* A row whose subject is NULL is nobody's. */
#define RETURN_SAME_STATE()                  \
	do                                       \
	{                                        \
		if (PG_ARGISNULL(0))                 \
			PG_RETURN_NULL();                \
		PG_RETURN_DATUM(PG_GETARG_DATUM(0)); \
	} while (0)

Datum
ehds_k_filters_integer(PG_FUNCTION_ARGS)
{
	int32 value;

	if (PG_ARGISNULL(1))
		RETURN_SAME_STATE();
	value = PG_GETARG_INT32(1);
	return transition(fcinfo, (char *) &value, sizeof(value));
}

Datum
ehds_k_filters_bigint(PG_FUNCTION_ARGS)
{
	int64 value;

	if (PG_ARGISNULL(1))
		RETURN_SAME_STATE();
	value = PG_GETARG_INT64(1);
	return transition(fcinfo, (char *) &value, sizeof(value));
}

Datum
ehds_k_filters_uuid(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(1))
		RETURN_SAME_STATE();
	return transition(fcinfo, (char *) PG_GETARG_UUID_P(1)->data, UUID_LEN);
}

Datum
ehds_k_filters_text(PG_FUNCTION_ARGS)
{
	text *value;

	if (PG_ARGISNULL(1))
		RETURN_SAME_STATE();
	value = PG_GETARG_TEXT_PP(1);
	return transition(fcinfo, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/* ---- the verdict ---- */

/* An atom seen under a part of the conditions only. */
typedef struct Projected
{
	uint64 mask;
	const FilterAtom *atom;
} Projected;

static int
compare_projected(const void *a, const void *b)
{
	uint64 x = ((const Projected *) a)->mask;
	uint64 y = ((const Projected *) b)->mask;

	return (x > y) - (x < y);
}

static int
compare_numbers(const void *a, const void *b)
{
	uint32 x = *(const uint32 *) a;
	uint32 y = *(const uint32 *) b;

	return (x > y) - (x < y);
}

/* Are there no persons, or at least k, in all of these atoms together? */
static bool
enough_together(const Projected *p, int n, int k)
{
	int64 persons = 0; /* counted once each: a person has one mask */
	int64 members = 0;
	uint32 *all;
	int64 distinct = 0;

	for (int i = 0; i < n; i++)
	{
		persons += p[i].atom->persons;
		members += p[i].atom->n;
	}
	if (persons > 0 && persons < k)
		return false;
	for (int i = 0; i < n; i++)
		if (p[i].atom->n >= (uint32) k)
			return true;
	if (members < k)
		return members == 0;
	all = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * members);
	members = 0;
	for (int i = 0; i < n; i++)
	{
		memcpy(all + members, p[i].atom->members, sizeof(uint32) * p[i].atom->n);
		members += p[i].atom->n;
	}
	qsort(all, members, sizeof(uint32), compare_numbers);
	for (int64 i = 0; i < members; i++)
		distinct += (i == 0 || all[i] != all[i - 1]);
	pfree(all);
	return distinct >= k;
}

/* Do all atoms of these conditions hold no person or at least k? */
static bool
may_tell_apart(Projected *p, int n, uint64 conditions, int k)
{
	for (int i = 0; i < n; i++)
		p[i].mask = p[i].atom->mask & conditions;
	qsort(p, n, sizeof(Projected), compare_projected);
	for (int from = 0, to = 0; from < n; from = to)
	{
		CHECK_FOR_INTERRUPTS();
		while (to < n && p[to].mask == p[from].mask)
			to++;
		if (!enough_together(p + from, to - from, k))
			return false;
	}
	return true;
}

Datum
ehds_k_filters_final(PG_FUNCTION_ARGS)
{
	FilterState *state = PG_ARGISNULL(0) ? NULL : (FilterState *) PG_GETARG_POINTER(0);
	MemoryContext work;
	MemoryContext old;
	atoms_hash *all; /* atoms of rows, and of persons beside them */
	atoms_iterator atoms_at;
	persons_iterator persons_at;
	FilterAtom *atom;
	FilterPerson *person;
	Projected *projected;
	int n = 0;
	uint64 seen = 0;
	uint64 taken = 0;
	bool found;

	if (state == NULL)
		PG_RETURN_NULL();
	work = AllocSetContextCreate(CurrentMemoryContext, "ehds.k_filters", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);

	all = atoms_create(work, state->atoms->members, NULL);
	atoms_start_iterate(state->atoms, &atoms_at);
	while ((atom = atoms_iterate(state->atoms, &atoms_at)) != NULL)
	{
		FilterAtom *copy = atoms_insert(all, atom->mask, &found);

		copy->n = atom->n;
		copy->members = atom->members;
		copy->persons = 0;
		seen |= atom->mask;
	}
	persons_start_iterate(state->persons, &persons_at);
	while ((person = persons_iterate(state->persons, &persons_at)) != NULL)
	{
		FilterAtom *of = atoms_insert(all, person->mask, &found);

		if (!found)
		{
			of->n = 0;
			of->members = NULL;
			of->persons = 0;
		}
		of->persons++;
	}

	projected = palloc(sizeof(Projected) * all->members);
	atoms_start_iterate(all, &atoms_at);
	while ((atom = atoms_iterate(all, &atoms_at)) != NULL)
		projected[n++].atom = atom;
	for (int bit = 0; bit < 63; bit++)
	{
		uint64 with = taken | (UINT64CONST(1) << bit);

		/* what no row fulfils makes no difference */
		if (!(seen & (UINT64CONST(1) << bit)) || may_tell_apart(projected, n, with, state->k))
			taken = with;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	PG_RETURN_INT64((int64) taken);
}
