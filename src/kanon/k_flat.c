/*
 * k_flat.c
 *		Writes the flat form of ehds.k_state, see k_flat.h; k_read.c reads it.
 *
 * The form is written when its size is asked for, and taken when it is wanted.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kanon/k_add.h"
#include "kanon/k_flat.h"
#include "kanon/k_state.h"
#include "kanon/k_value.h"

typedef struct Flat
{
	MemoryContext context;
	char *data;
	Size length;
	Size size;
} Flat;

/* Have room for so many more bytes. */
static void
make_room(Flat *flat, Size more)
{
	Size size;

	if (flat->size - flat->length >= more)
		return;
	size = Max(flat->size * 2, flat->length + more);
	if (!AllocSizeIsValid(flat->length + more + VARHDRSZ))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many persons in one group of a k aggregate to hand its state over"),
						errhint("Set max_parallel_workers_per_gather to 0 for this query.")));
	size = Min(size, MaxAllocSize - VARHDRSZ);
	if (flat->data == NULL)
		flat->data = MemoryContextAlloc(flat->context, size);
	else
		flat->data = repalloc(flat->data, size);
	flat->size = size;
}

static void
put_bytes(Flat *flat, const void *bytes, Size n)
{
	make_room(flat, n);
	memcpy(flat->data + flat->length, bytes, n);
	flat->length += n;
}

static void
put_byte(Flat *flat, uint8 value)
{
	put_bytes(flat, &value, 1);
}

static void
put32(Flat *flat, uint32 value)
{
	value = pg_hton32(value);
	put_bytes(flat, &value, sizeof(value));
}

static void
put64(Flat *flat, uint64 value)
{
	value = pg_hton64(value);
	put_bytes(flat, &value, sizeof(value));
}

static void
put128(Flat *flat, uint128 value)
{
	put64(flat, (uint64) (value >> 64));
	put64(flat, (uint64) value);
}

static void
put_real(Flat *flat, double value)
{
	uint64 bits;

	memcpy(&bits, &value, sizeof(bits));
	put64(flat, bits);
}

static void
put_numeric(Flat *flat, Numeric value)
{
	bytea *bytes = DatumGetByteaP(DirectFunctionCall1(numeric_send, NumericGetDatum(value)));

	put32(flat, VARSIZE(bytes) - VARHDRSZ);
	put_bytes(flat, VARDATA(bytes), VARSIZE(bytes) - VARHDRSZ);
	pfree(bytes);
}

static void
put_number(Flat *flat, KValue type, KNumber number)
{
	if (type == K_VALUE_NUMERIC)
		put_numeric(flat, number.numeric);
	else if (type == K_VALUE_REAL)
		put_real(flat, number.real);
	else
		put64(flat, (uint64) number.integer);
}

/* Distances instead of numbers: what travels most is sets of keys that are close. */
static void
put_ints(Flat *flat, IntSet *set)
{
	IntSetWalk walk;
	int64 member;
	int64 before = 0;
	bool first = true;

	ehds_int_set_walk(&walk, set);
	while (ehds_int_set_next(&walk, &member))
	{
		uint64 distance = (uint64) member - (uint64) before;
		unsigned char *at;

		before = member;
		if (first)
		{
			put64(flat, (uint64) member);
			first = false;
			continue;
		}
		make_room(flat, 10);
		at = (unsigned char *) flat->data + flat->length;
		while (distance >= 128)
		{
			*at++ = (unsigned char) (distance & 127) | 128;
			distance >>= 7;
		}
		*at++ = (unsigned char) distance;
		flat->length = (Size) ((char *) at - flat->data);
	}
}

/* ---- order of subjects and rows ---- */

static const KState *sorting;

static int
compare_subjects(const void *a, const void *b)
{
	return ehds_subject_compare(&sorting->map, sorting->subject, *(const uint32 *) a, *(const uint32 *) b);
}

typedef struct Row
{
	double value;
	uint32 subject; /* by its place in the flat form */
} Row;

static int
compare_rows(const void *a, const void *b)
{
	const Row *x = a;
	const Row *y = b;
	int order = float8_cmp_internal(x->value, y->value);

	if (order != 0)
		return order;
	return (x->subject > y->subject) - (x->subject < y->subject);
}

/* ---- what there is besides subjects without more ---- */

/* The different values of a state in ascending order, by their number. */
static void
order_values(const KState *state, int *order)
{
	const KValues *values = state->values;

	for (int i = 0; i < values->n_distinct; i++)
	{
		int at = i;

		for (; at > 0 &&
			   ehds_k_number_compare(state->value, values->distinct[order[at - 1]], values->distinct[i]) > 0;
			 at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static void
put_values(Flat *flat, const KState *state)
{
	const KValues *values = state->values;
	int order[K_VALUES_MAX];

	put32(flat, (uint32) values->scale);
	put_byte(flat, EHDS_K_FLAT_DISTINCT(values->n_distinct));
	if (values->n_distinct != K_MANY_VALUES)
	{
		order_values(state, order);
		for (int i = 0; i < values->n_distinct; i++)
			put_number(flat, state->value, values->distinct[order[i]]);
	}

	if (state->kind == K_AVG || state->kind == K_VARIANCE || state->kind == K_PERCENTILE)
		put64(flat, (uint64) values->rows);
	if (state->kind == K_PERCENTILE)
		put_real(flat, values->fraction);
	if (state->kind == K_VARIANCE)
	{
		if (state->value == K_VALUE_REAL)
		{
			put_real(flat, values->squares.real.real.high);
			put_real(flat, values->squares.real.real.low);
		}
		else if (state->value != K_VALUE_NUMERIC)
		{
			put64(flat, values->squares.integer.high);
			put128(flat, values->squares.integer.low);
		}
		else if (values->rows > 0)
			put_numeric(flat, values->squares.numeric);
	}
}

static void
put_total(Flat *flat, const KState *state, uint32 entry)
{
	const SubjectTotal *total = ehds_subject_total(&state->map, entry);
	bool is_sum = K_HAS_SUMS(state->kind);

	if (ehds_k_total_size(state->kind, state->value) == 0)
		return;
	if (state->value == K_VALUE_NUMERIC)
		put_numeric(flat, total->numeric);
	else if (state->value == K_VALUE_REAL)
	{
		put_real(flat, is_sum ? total->real.high : total->extreme);
		if (is_sum)
			put_real(flat, total->real.low);
	}
	else if (is_sum && state->value == K_VALUE_BIGINT)
		put128(flat, (uint128) total->integer);
	else
		put64(flat, (uint64) total->small);

	if (is_sum && state->values->n_distinct >= 2 && state->values->n_distinct != K_MANY_VALUES)
	{
		int order[K_VALUES_MAX];
		uint8 bears = 0;

		/* in the order of the values as they were written */
		order_values(state, order);
		for (int i = 0; i < state->values->n_distinct; i++)
			if (state->values->bearers[entry] & K_BEARS(order[i]))
				bears |= K_BEARS(i);
		put_byte(flat, bears);
	}
}

static void
put_map(Flat *flat, const KState *state)
{
	const SubjectMap *map = &state->map;
	uint32 *sorted = MemoryContextAllocHuge(flat->context, Max(map->n, 1) * sizeof(uint32));

	for (uint32 i = 0; i < map->n; i++)
		sorted[i] = i;
	sorting = state;
	qsort(sorted, map->n, sizeof(uint32), compare_subjects);

	for (uint32 i = 0; i < map->n; i++)
	{
		const uint64 *words = ehds_subject_words(map, sorted[i]);

		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		if (state->subject == K_SUBJECT_TEXT)
		{
			put32(flat, TEXT_LENGTH(words));
			put_bytes(flat, ehds_subject_bytes(words), TEXT_LENGTH(words));
		}
		else
		{
			put64(flat, words[0]);
			if (state->subject == K_SUBJECT_UUID)
				put64(flat, words[1]);
		}
		put_total(flat, state, sorted[i]);
	}

	if (state->kind == K_PERCENTILE)
	{
		const KValues *values = state->values;
		uint64 n = (uint64) values->rows;
		uint32 *place = MemoryContextAllocHuge(flat->context, Max(map->n, 1) * sizeof(uint32));
		Row *rows = MemoryContextAllocHuge(flat->context, Max(n, 1) * sizeof(Row));

		for (uint32 i = 0; i < map->n; i++)
			place[sorted[i]] = i;
		for (uint64 i = 0; i < n; i++)
		{
			rows[i].value = values->row_value[i];
			rows[i].subject = place[values->row_entry[i]];
		}
		qsort(rows, n, sizeof(Row), compare_rows);
		for (uint64 i = 0; i < n; i++)
		{
			if (i % 65536 == 0)
				CHECK_FOR_INTERRUPTS();
			put_real(flat, rows[i].value);
			put32(flat, rows[i].subject);
		}
		pfree(rows);
		pfree(place);
	}
	pfree(sorted);
}

Size
ehds_k_flat_size(ExpandedObjectHeader *header)
{
	KState *state = (KState *) header;
	KShared *shared = state->shared;
	Flat flat = {shared->context, NULL, 0, 0};
	MemoryContext old;
	uint64 n;

	/* a sort asks for rows in a context of a kind that frees nothing */
	old = MemoryContextSwitchTo(shared->context);
	ehds_k_add_pending(shared);
	if (shared->flat != NULL)
	{
		pfree(shared->flat);
		shared->flat = NULL;
	}

	if (K_USES_INTS(state))
	{
		ehds_int_set_compact(&state->ints, &shared->scratch);
		n = ehds_int_set_count(&state->ints, &shared->scratch);
		/* of a large k that is seen only when the set is compacted */
		if (state->kind == K_MET && !state->settled && n >= (uint64) state->k)
		{
			ehds_k_state_settle(state);
			n = 0;
		}
	}
	else
		n = state->map.n;

	put_byte(&flat, EHDS_K_FLAT_VERSION);
	put_byte(&flat, state->kind);
	put_byte(&flat, state->subject);
	put_byte(&flat, state->value);
	put_byte(&flat, state->settled ? 1 : 0);
	put32(&flat, (uint32) state->k);
	put64(&flat, n);
	if (K_USES_INTS(state))
		put_ints(&flat, &state->ints);
	else
	{
		if (state->values != NULL)
			put_values(&flat, state);
		put_map(&flat, state);
	}

	shared->flat_of = state;
	shared->flat = flat.data;
	shared->flat_size = flat.length;
	MemoryContextSwitchTo(old);
	return VARHDRSZ + flat.length;
}

void
ehds_k_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	KState *state = (KState *) header;
	KShared *shared = state->shared;

	/* the same state may stand twice in a row, or another one was asked for meanwhile */
	if (shared->flat == NULL || shared->flat_of != state)
		(void) ehds_k_flat_size(header);
	if (size != VARHDRSZ + shared->flat_size)
		elog(ERROR, "k_state has changed while it was written");
	SET_VARSIZE(result, size);
	memcpy(VARDATA(result), shared->flat, shared->flat_size);
	pfree(shared->flat);
	shared->flat = NULL;
}
