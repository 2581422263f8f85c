/*
 * collect_read.c
 *		The functions that read a state of ehds.dp_collect or ehds.dp_gather.
 */
#include "dp/collect.h"

#include "catalog/pg_type.h"
#include "core/approval.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "dp/value_set.h"

PG_FUNCTION_INFO_V1(ehds_dp_collect_final);
PG_FUNCTION_INFO_V1(ehds_dp_groups);
PG_FUNCTION_INFO_V1(ehds_dp_groups_seeded);

/* Reading a state ----------------------------------------------------------------- */

/*
 * The aggregate's result is a number, by which dp_groups finds the state in this
 * process while it lives: the executor would copy a result that is not passed by
 * value, and copy all of it.
 */
typedef struct LiveState
{
	int64 number;
	Collect *state;
	struct LiveState *next;
	MemoryContextCallback callback;
} LiveState;

static LiveState *live = NULL;
static int64 last_number = 0;

static void
forget_state(void *arg)
{
	for (LiveState **link = &live; *link != NULL; link = &(*link)->next)
		if (*link == (LiveState *) arg)
		{
			*link = (*link)->next;
			return;
		}
}

Datum
ehds_dp_collect_final(PG_FUNCTION_ARGS)
{
	MemoryContext context = ehds_collect_context(fcinfo);
	LiveState *entry;
	Collect *c;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	c = ehds_collect_state(context, PG_GETARG_DATUM(0));
	entry = MemoryContextAllocZero(c->context, sizeof(LiveState));
	entry->number = ++last_number;
	entry->state = c;
	entry->next = live;
	live = entry;
	entry->callback.func = forget_state;
	entry->callback.arg = entry;
	MemoryContextRegisterResetCallback(c->context, &entry->callback);
	PG_RETURN_INT64(entry->number);
}

static Collect *
find_state(int64 number)
{
	for (LiveState *entry = live; entry != NULL; entry = entry->next)
		if (entry->number == number)
			return entry->state;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("there is no state of ehds.dp_collect with this number")));
	return NULL;
}

/* Weights of values: one table for all measures, keys of group, measure and value. */
typedef struct ValueWeight
{
	uint64 key;
	int64 weight;
	char status;
} ValueWeight;

#define SH_PREFIX weights
#define SH_ELEMENT_TYPE ValueWeight
#define SH_KEY_TYPE uint64
#define SH_KEY key
#define SH_HASH_KEY(tb, key) ((uint32) ehds_mix64(key))
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Is the statistic a table of values and their weights? Of bins each weighs 1. */
static inline bool
has_weights(const Measure *m)
{
	return m->kind == MEASURE_VALUES || m->kind == MEASURE_BINS;
}

/* number of a group, 31 bits; of a measure, 4; a value */
#define WEIGHT_KEY(group, measure, value) (((uint64) (group) << 4 | (measure)) << EHDS_VALUE_BITS | (value))

static void
add_values(weights_hash *table, const Measure *m, const int64 *words, uint64 group, int measure)
{
	int64 weights[EHDS_VALUE_SET_MAX];

	ehds_value_set_weights(words, m->max_rows, weights);
	for (int i = 0; i < m->max_rows && words[2 * i + 1] != 0; i++)
	{
		bool found;
		ValueWeight *w = weights_insert(table, WEIGHT_KEY(group, measure, ehds_value_of_word(words[2 * i])),
										&found);

		w->weight = (found ? w->weight : 0) + (m->kind == MEASURE_BINS ? 1 : weights[i]);
	}
}

/* Distinct values, by their hashes. */
typedef struct DistinctKey
{
	uint64 group; /* and measure */
	uint64 hash;
} DistinctKey;

typedef struct DistinctValue
{
	DistinctKey key;
	char status;
} DistinctValue;

#define SH_PREFIX distinct
#define SH_ELEMENT_TYPE DistinctValue
#define SH_KEY_TYPE DistinctKey
#define SH_KEY key
#define SH_HASH_KEY(tb, k) ((uint32) ehds_mix64((k).group ^ (k).hash))
#define SH_EQUAL(tb, a, b) ((a).group == (b).group && (a).hash == (b).hash)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static void
add_distinct(distinct_hash *table, const Measure *m, const int64 *words, uint64 group, int measure,
			 uint64 digest)
{
	for (int i = 0; i < m->max_rows && words[2 * i + 1] != 0; i++)
	{
		DistinctKey key = {group << 4 | measure, ehds_hash_of_word(words[2 * i], digest)};
		bool found;

		(void) distinct_insert(table, key, &found);
	}
}

static int
compare_distinct(const void *a, const void *b)
{
	const DistinctKey *x = a;
	const DistinctKey *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

static DistinctKey *
sorted_distinct(distinct_hash *table, uint64 *n)
{
	DistinctKey *sorted = MemoryContextAllocHuge(CurrentMemoryContext,
												 Max(table->members, 1) * sizeof(DistinctKey));
	distinct_iterator iterator;
	DistinctValue *d;

	*n = 0;
	distinct_start_iterate(table, &iterator);
	while ((d = distinct_iterate(table, &iterator)) != NULL)
		sorted[(*n)++] = d->key;
	qsort(sorted, *n, sizeof(DistinctKey), compare_distinct);
	return sorted;
}

/* The hashes of a group and measure, which begin at *at. */
static Datum
hashes_of(const DistinctKey *sorted, uint64 n, uint64 *at, uint64 group, int measure)
{
	uint64 first = *at;
	bytea *result;

	while (*at < n && sorted[*at].group == (group << 4 | measure))
		(*at)++;
	if ((*at - first) * sizeof(uint64) > MaxAllocSize - VARHDRSZ)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many distinct values in a release")));
	result = palloc(VARHDRSZ + (*at - first) * sizeof(uint64));
	SET_VARSIZE(result, VARHDRSZ + (*at - first) * sizeof(uint64));
	for (uint64 i = first; i < *at; i++)
		memcpy(VARDATA(result) + (i - first) * sizeof(uint64), &sorted[i].hash, sizeof(uint64));
	return PointerGetDatum(result);
}

static int
compare_weights(const void *a, const void *b)
{
	uint64 x = ((const ValueWeight *) a)->key;
	uint64 y = ((const ValueWeight *) b)->key;

	return (x > y) - (x < y);
}

/* The table as an array in the order of its keys. */
static ValueWeight *
sorted_weights(weights_hash *table, uint64 *n)
{
	ValueWeight *sorted = MemoryContextAllocHuge(CurrentMemoryContext,
												 Max(table->members, 1) * sizeof(ValueWeight));
	weights_iterator iterator;
	ValueWeight *w;

	*n = 0;
	weights_start_iterate(table, &iterator);
	while ((w = weights_iterate(table, &iterator)) != NULL)
		sorted[(*n)++] = *w;
	qsort(sorted, *n, sizeof(ValueWeight), compare_weights);
	return sorted;
}

/* The entries of a group and measure, which begin at *at, as value_set.h says. */
static Datum
weights_of(const ValueWeight *sorted, uint64 n, uint64 *at, uint64 group, int measure)
{
	uint64 prefix = WEIGHT_KEY(group, measure, 0) >> EHDS_VALUE_BITS;
	uint64 first = *at;
	bytea *result;
	char *to;

	while (*at < n && sorted[*at].key >> EHDS_VALUE_BITS == prefix)
		(*at)++;
	result = palloc(VARHDRSZ + (*at - first) * EHDS_VALUE_ENTRY);
	SET_VARSIZE(result, VARHDRSZ + (*at - first) * EHDS_VALUE_ENTRY);
	to = VARDATA(result);
	for (uint64 i = first; i < *at; i++, to += EHDS_VALUE_ENTRY)
	{
		uint32 value = pg_hton32((uint32) (sorted[i].key & ((UINT64CONST(1) << EHDS_VALUE_BITS) - 1)));
		uint64 weight = pg_hton64((uint64) sorted[i].weight);

		memcpy(to, &value, sizeof(value));
		memcpy(to + sizeof(value), &weight, sizeof(weight));
	}
	return PointerGetDatum(result);
}

static inline void
add_statistics(const CollectKind *kind, const int64 *words, int128 *sums, weights_hash *table,
			   distinct_hash *hashes, uint64 group, uint64 digest)
{
	int64 statistics[EHDS_MEASURE_STATISTICS_MAX];

	for (int i = 0; i < kind->n_measures; i++)
	{
		int n = ehds_measure_n_statistics(&kind->measures[i]);

		if (has_weights(&kind->measures[i]))
		{
			add_values(table, &kind->measures[i], words, group, i);
			sums++;
		}
		else if (kind->measures[i].kind == MEASURE_DISTINCT)
		{
			add_distinct(hashes, &kind->measures[i], words, group, i, digest);
			sums++;
		}
		else
		{
			ehds_measure_statistics(&kind->measures[i], words, statistics);
			for (int j = 0; j < n; j++)
				*sums++ += statistics[j];
		}
		words += ehds_measure_words(&kind->measures[i]);
	}
}

static Numeric
numeric_of(int128 value)
{
	const int64 base = INT64CONST(1) << 62;
	Datum high;

	if (value >= -base && value <= base)
		return int64_to_numeric((int64) value);
	high = DirectFunctionCall2(numeric_mul, NumericGetDatum(int64_to_numeric((int64) (value / base))),
							   NumericGetDatum(int64_to_numeric(base)));
	return DatumGetNumeric(
		DirectFunctionCall2(numeric_add, high, NumericGetDatum(int64_to_numeric((int64) (value % base)))));
}

/* What the groups of a part come to. */
typedef struct Totals
{
	int64 *counts;
	int128 *sums;
	weights_hash *weights;
	distinct_hash *hashes;
} Totals;

static void
add_subjects(const Collect *subjects, const Totals *totals)
{
	const CollectKind *kind = &subjects->kind;

	for (uint32 i = 0; i < subjects->map.n; i++)
	{
		const uint64 *kept = ehds_collect_kept(subjects, i);
		SubjectKey key;

		CHECK_FOR_INTERRUPTS();
		if (totals->hashes != NULL)
			ehds_collect_key(subjects, i, &key);
		else
			key.hash = 0;
		for (int j = 0; j < kind->max_groups && kept[j] != 0; j++)
		{
			uint32 group = COLLECT_GROUP(kept[j]);

			totals->counts[group]++;
			if (kind->n_statistics > 0)
				add_statistics(kind, ehds_collect_measures(subjects, kept, j),
							   totals->sums + (Size) group * kind->n_statistics, totals->weights,
							   totals->hashes, group, ehds_collect_digest(subjects, &key, group));
		}
	}
}

static void
add_buffer(Collect *c, CollectBuffer *buffer, Collect *subjects, void *totals)
{
	add_subjects(subjects, totals);
}

static void
put_counts(Collect *part, void *arg)
{
	ReturnSetInfo *rsinfo = arg;
	bool each_row = part->kind.subject == COLLECT_EACH_ROW;
	int64 *counts = each_row ? part->counts
							 : MemoryContextAllocExtended(CurrentMemoryContext,
														  Max(part->dict.n, 1) * sizeof(int64),
														  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int n_statistics = part->kind.n_statistics;
	int128 *sums = each_row ? part->sums
							: MemoryContextAllocExtended(CurrentMemoryContext,
														 Max((Size) part->dict.n * n_statistics, 1) *
															 sizeof(int128),
														 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	weights_hash *table = part->kind.with_values ? weights_create(CurrentMemoryContext, 1024, NULL) : NULL;
	ValueWeight *sorted = NULL;
	distinct_hash *hashes = part->kind.with_values ? distinct_create(CurrentMemoryContext, 1024, NULL) : NULL;
	Totals totals;
	DistinctKey *sorted_hashes = NULL;
	uint64 n_hashes = 0;
	uint64 at_hash = 0;
	uint64 n_sorted = 0;
	uint64 at = 0;
	Datum values[EHDS_COLLECT_MAX_KEYS + 1 + EHDS_COLLECT_MAX_WORDS];
	bool nulls[EHDS_COLLECT_MAX_KEYS + 1 + EHDS_COLLECT_MAX_WORDS];

	ehds_collect_look_up_types(part);
	totals = (Totals){counts, sums, table, hashes};
	if (part->buffering)
		ehds_buffer_each(part, add_buffer, &totals);
	else
		add_subjects(part, &totals);
	if (table != NULL)
	{
		sorted = sorted_weights(table, &n_sorted);
		sorted_hashes = sorted_distinct(hashes, &n_hashes);
	}
	for (uint32 i = 0; i < part->dict.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (counts[i] == 0)
			continue;
		ehds_collect_values(part, &part->dict.groups[i], values, nulls);
		values[part->kind.n_keys] = Int64GetDatum(counts[i]);
		nulls[part->kind.n_keys] = false;
		for (int m = 0, column = 0; m < part->kind.n_measures; m++)
			for (int j = 0; j < ehds_measure_n_statistics(&part->kind.measures[m]); j++, column++)
			{
				values[part->kind.n_keys + 1 + column] = part->kind.measures[m].kind == MEASURE_DISTINCT
															 ? hashes_of(sorted_hashes, n_hashes, &at_hash, i,
																		 m)
														 : has_weights(&part->kind.measures[m])
															 ? weights_of(sorted, n_sorted, &at, i, m)
															 : NumericGetDatum(numeric_of(
																   sums[(Size) i * n_statistics + column]));
				nulls[part->kind.n_keys + 1 + column] = false;
			}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	if (!each_row)
	{
		pfree(counts);
		pfree(sums);
	}
	if (table != NULL)
	{
		pfree(sorted);
		weights_destroy(table);
		pfree(sorted_hashes);
		distinct_destroy(hashes);
	}
}

static Datum
groups_of(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Collect *c;
	TupleDesc desc;
	int n_statistics;
	bool fits;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	c = find_state(PG_GETARG_INT64(0));
	desc = rsinfo->setDesc;
	n_statistics = c->kind.n_statistics;
	fits = desc->natts == c->kind.n_keys + 1 + n_statistics &&
		   TupleDescAttr(desc, c->kind.n_keys)->atttypid == INT8OID;
	for (int i = 0; fits && i < c->kind.n_keys; i++)
		fits = TupleDescAttr(desc, i)->atttypid == c->kind.types[i];
	for (int m = 0, i = c->kind.n_keys + 1; fits && m < c->kind.n_measures; m++)
		for (int j = 0; fits && j < ehds_measure_n_statistics(&c->kind.measures[m]); j++, i++)
			fits = TupleDescAttr(desc, i)->atttypid ==
				   (c->kind.measures[m].kind >= MEASURE_VALUES ? BYTEAOID : NUMERICOID);
	if (!fits)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg(
					 "the columns must be the group keys, one of type bigint, and statistics of type numeric, or bytea for values")));
	ehds_collect_visit(c, put_counts, rsinfo);
	return (Datum) 0;
}

/* dp_groups(number, approval) */
Datum
ehds_dp_groups(PG_FUNCTION_ARGS)
{
	(void) ehds_getarg_execution(fcinfo, 1);
	groups_of(fcinfo);
	/* it is read once; a statement with many grouping sets would keep as many states until its end */
	if (!PG_ARGISNULL(0))
		MemoryContextDelete(find_state(PG_GETARG_INT64(0))->context);
	return (Datum) 0;
}

/* dp_groups(number) */
Datum
ehds_dp_groups_seeded(PG_FUNCTION_ARGS)
{
	return groups_of(fcinfo);
}
