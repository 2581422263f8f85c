/*
 * k_flat.c
 *		Writes the flat form of ehds.k_state; k_read.c reads it.
 *
 * A state in its flat form travels between processes and, on Citus, between
 * servers.  It is written field by field in network order, and what arrives is
 * checked field by field: a forged state must neither crash the server nor make
 * a cell shown.  Subjects are sorted and each total is given once, so that equal
 * contents have equal bytes:
 *
 *	1 byte	version (1)
 *	1 byte	kind, subject type, type of the value: see k_state.h, a byte each
 *	1 byte	settled (0 or 1)
 *	4 bytes	k
 *	4 bytes	scale
 *	8 bytes	number of subjects
 *	then for each subject, ascending:
 *	integer 8 bytes; uuid 16 bytes; text 4 bytes length and the bytes
 *	total: integers 16 bytes; doubles 8 + 8 bytes; numeric 4 bytes length and
 *	the bytes of numeric_send
 *
 * A subject whose total is zero is left out: nothing depends on it.
 */
#include "core/compat.h"

#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "kanon/k_flat.h"
#include "kanon/k_state.h"

static inline unsigned char *
put32(unsigned char *at, uint32 value)
{
	value = pg_hton32(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static inline unsigned char *
put64(unsigned char *at, uint64 value)
{
	value = pg_hton64(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static inline unsigned char *
put_real(unsigned char *at, double value)
{
	uint64 bits;

	memcpy(&bits, &value, sizeof(bits));
	return put64(at, bits);
}

/* Does the flat form hold this subject? */
static bool
is_written(const KState *state, const SubjectEntry *entry)
{
	switch ((KValue) state->value)
	{
		case K_VALUE_NONE:
			return true;
		case K_VALUE_INTEGER:
		case K_VALUE_BIGINT:
			return entry->total->integer != 0;
		case K_VALUE_REAL:
			return entry->total->real.high != 0;
		case K_VALUE_NUMERIC:
			return !ehds_k_numeric_is_zero(state->shared, entry->total->numeric);
	}
	return true;
}

static bytea *
numeric_bytes(Numeric value)
{
	return DatumGetByteaP(DirectFunctionCall1(numeric_send, NumericGetDatum(value)));
}

Size
ehds_k_flat_size(ExpandedObjectHeader *header)
{
	KState *state = (KState *) header;
	Size size = VARHDRSZ + EHDS_K_FLAT_HEADER;

	if (K_USES_INTS(state))
	{
		ehds_int_set_compact(&state->set.ints, &state->shared->scratch);
		size += (Size) state->set.ints.n_run * sizeof(int64);
	}
	else
	{
		SubjectMap *map = &state->set.map;

		for (uint32 i = 0; i < map->n; i++)
		{
			SubjectEntry *entry = ehds_subject_entry(map, i);

			if (!is_written(state, entry))
				continue;
			if (state->subject == K_SUBJECT_INT)
				size += 8;
			else if (state->subject == K_SUBJECT_UUID)
				size += 16;
			else
				size += 4 + TEXT_LENGTH(entry->b);

			if (state->value == K_VALUE_NUMERIC)
			{
				bytea *bytes = numeric_bytes(entry->total->numeric);

				size += 4 + VARSIZE(bytes) - VARHDRSZ;
				pfree(bytes);
			}
			else if (state->value != K_VALUE_NONE)
				size += 16;
		}
	}
	if (!AllocSizeIsValid(size))
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many persons in one group of a k aggregate to hand its state over"),
						errhint("Set max_parallel_workers_per_gather to 0 for this query.")));
	return size;
}

static int
compare_ints(const void *a, const void *b)
{
	int64 x = (int64) (*(SubjectEntry *const *) a)->a;
	int64 y = (int64) (*(SubjectEntry *const *) b)->a;

	return (x > y) - (x < y);
}

static int
compare_uuids(const void *a, const void *b)
{
	const SubjectEntry *x = *(SubjectEntry *const *) a;
	const SubjectEntry *y = *(SubjectEntry *const *) b;

	if (x->a != y->a)
		return (x->a > y->a) - (x->a < y->a);
	return (x->b > y->b) - (x->b < y->b);
}

static int
compare_text_entries(const void *a, const void *b)
{
	const SubjectEntry *x = *(SubjectEntry *const *) a;
	const SubjectEntry *y = *(SubjectEntry *const *) b;

	return ehds_k_compare_texts(ehds_subject_bytes(x), TEXT_LENGTH(x->b), ehds_subject_bytes(y),
								TEXT_LENGTH(y->b));
}

static unsigned char *
put_entry(unsigned char *at, const KState *state, const SubjectEntry *entry)
{
	switch ((KSubject) state->subject)
	{
		case K_SUBJECT_INT:
			at = put64(at, entry->a);
			break;
		case K_SUBJECT_UUID:
			at = put64(at, entry->a);
			at = put64(at, entry->b);
			break;
		case K_SUBJECT_TEXT:
			at = put32(at, TEXT_LENGTH(entry->b));
			memcpy(at, ehds_subject_bytes(entry), TEXT_LENGTH(entry->b));
			at += TEXT_LENGTH(entry->b);
			break;
	}

	switch ((KValue) state->value)
	{
		case K_VALUE_NONE:
			break;
		case K_VALUE_INTEGER:
		case K_VALUE_BIGINT:
			at = put64(at, (uint64) (entry->total->integer >> 64));
			at = put64(at, (uint64) entry->total->integer);
			break;
		case K_VALUE_REAL:
			at = put_real(at, entry->total->real.high);
			at = put_real(at, entry->total->real.low);
			break;
		case K_VALUE_NUMERIC:
		{
			bytea *bytes = numeric_bytes(entry->total->numeric);
			uint32 length = VARSIZE(bytes) - VARHDRSZ;

			at = put32(at, length);
			memcpy(at, VARDATA(bytes), length);
			at += length;
			pfree(bytes);
		}
		break;
	}
	return at;
}

void
ehds_k_flatten(ExpandedObjectHeader *header, void *result, Size size)
{
	KState *state = (KState *) header;
	unsigned char *at = (unsigned char *) VARDATA(result);
	unsigned char *n_at;
	uint64 n = 0;

	SET_VARSIZE(result, size);
	*at++ = EHDS_K_FLAT_VERSION;
	*at++ = state->kind;
	*at++ = state->subject;
	*at++ = state->value;
	*at++ = state->settled ? 1 : 0;
	at = put32(at, (uint32) state->k);
	at = put32(at, K_USES_INTS(state) ? 0 : (uint32) state->set.sum.scale);
	n_at = at;
	at += sizeof(uint64);

	if (K_USES_INTS(state))
	{
		IntSet *set = &state->set.ints;

		for (n = 0; n < set->n_run; n++)
			at = put64(at, (uint64) set->items[n]);
	}
	else
	{
		SubjectMap *map = &state->set.map;
		SubjectEntry **sorted = MemoryContextAllocHuge(CurrentMemoryContext,
													   Max(map->n, 1) * sizeof(SubjectEntry *));

		for (uint32 i = 0; i < map->n; i++)
		{
			SubjectEntry *entry = ehds_subject_entry(map, i);

			if (is_written(state, entry))
				sorted[n++] = entry;
		}
		qsort(sorted, n, sizeof(SubjectEntry *),
			  state->subject == K_SUBJECT_INT    ? compare_ints
			  : state->subject == K_SUBJECT_UUID ? compare_uuids
												 : compare_text_entries);
		for (uint64 i = 0; i < n; i++)
			at = put_entry(at, state, sorted[i]);
		pfree(sorted);
	}
	put64(n_at, n);
	if (at != (unsigned char *) result + size)
		elog(ERROR, "k_state has changed while it was written");
}
