/*
 * collect_sql.c
 *		The aggregates ehds.dp_collect, ehds.dp_gather and ehds.dp_tally, which make a state.
 *
 * dp_gather also takes measures; dp_tally too, but no subject: each row is one of
 * its own. Of each there are two: one with an approval, which the gate plants, and
 * one with a seed in its place, for tests, which is granted to nobody.
 */
#include "dp/collect.h"

#include <limits.h>

#include "core/approval.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

PG_FUNCTION_INFO_V1(ehds_dp_state_in);
PG_FUNCTION_INFO_V1(ehds_dp_state_out);
PG_FUNCTION_INFO_V1(ehds_dp_collect_combine);

/* where the group keys begin: after state (or nothing), subject, max_groups, approval or seed */
#define FIRST_KEY 4
/* of dp_gather, after the text of the measures */
#define GATHER_FIRST_KEY 5
/* of dp_tally, after state, approval or seed, and the text of the measures */
#define TALLY_FIRST_KEY 3

int ehds_dp_memory = 256 * 1024;

void
ehds_dp_init(void)
{
	ehds_bounding_secret_init();

	/*
	 * What one process keeps in memory of a differentially private count; what is
	 * beyond it goes to temporary files.  It is not work_mem, with which an analyst
	 * would find out from the time taken how many persons a query has met.
	 */
	DefineCustomIntVariable("ehds.dp_memory",
							"Memory that a process may take to bound contributions before it uses temporary files.",
							NULL, &ehds_dp_memory, 256 * 1024, 64, MAX_KILOBYTES, PGC_SUSET, GUC_UNIT_KB,
							NULL, NULL, NULL);
}

Datum
ehds_dp_state_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("cannot accept a value of type %s", "ehds.dp_state")));
	PG_RETURN_NULL();
}

Datum
ehds_dp_state_out(PG_FUNCTION_ARGS)
{
	ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					errmsg("cannot display a value of type %s", "ehds.dp_state"),
					errdetail("It holds exact data on subjects.")));
	PG_RETURN_NULL();
}

/* Group keys ---------------------------------------------------------------------- */

/* The words of a value that is passed by value. */
static inline uint64
word_of(Datum value, int16 length)
{
	switch (length)
	{
		case 1:
			return (uint8) DatumGetChar(value);
		case 2:
			return DatumGetUInt16(value);
		case 4:
			return DatumGetUInt32(value);
		default:
			return (uint64) value;
	}
}

/* See group_dict.h. Values that are not NULL begin at fcinfo's argument first. */
static uint32
key_words(FunctionCallInfo fcinfo, int first, const Collect *c, uint64 **words, uint32 *size)
{
	uint64 nulls = 0;
	uint32 n = 1;

	for (int i = 0; i < c->kind.n_keys; i++)
	{
		struct varlena *bytes;
		Size length;
		uint32 more;

		if (PG_ARGISNULL(first + i))
		{
			nulls |= UINT64CONST(1) << i;
			continue;
		}
		if (c->key_by_value[i])
		{
			(*words)[n++] = word_of(PG_GETARG_DATUM(first + i), c->key_length[i]);
			continue;
		}
		if (c->key_length[i] >= 0)
		{
			bytes = NULL;
			length = c->key_length[i];
		}
		else
		{
			bytes = PG_DETOAST_DATUM_PACKED(PG_GETARG_DATUM(first + i));
			length = VARSIZE_ANY_EXHDR(bytes);
		}
		more = 1 + (length + 7) / 8;
		if (n + more + c->kind.n_keys > *size)
		{
			uint64 *larger = palloc((*size = (n + more + c->kind.n_keys) * 2) * sizeof(uint64));

			memcpy(larger, *words, n * sizeof(uint64));
			*words = larger;
		}
		if (bytes != NULL)
			(*words)[n++] = length;
		if (length > 0)
			(*words)[n + (length - 1) / 8] = 0;
		memcpy(&(*words)[n],
			   bytes ? VARDATA_ANY(bytes) : (char *) DatumGetPointer(PG_GETARG_DATUM(first + i)), length);
		n += (length + 7) / 8;
	}
	(*words)[0] = nulls;
	return n;
}

/* The other way round. */
void
ehds_collect_values(const Collect *c, const KeyGroup *group, Datum *values, bool *nulls)
{
	uint32 n = 1;

	for (int i = 0; i < c->kind.n_keys; i++)
	{
		Size length;

		nulls[i] = (group->words[0] >> i) & 1;
		values[i] = (Datum) 0;
		if (nulls[i])
			continue;
		if (n >= group->n_words)
			elog(ERROR, "group key is too short");
		if (c->key_by_value[i])
		{
			uint64 word = group->words[n++];

			switch (c->key_length[i])
			{
				case 1:
					values[i] = CharGetDatum((char) word);
					break;
				case 2:
					values[i] = Int16GetDatum((int16) word);
					break;
				case 4:
					values[i] = Int32GetDatum((int32) word);
					break;
				default:
					values[i] = (Datum) word;
			}
			continue;
		}
		length = (c->key_length[i] >= 0) ? (Size) c->key_length[i] : (Size) group->words[n++];
		if ((length + 7) / 8 > group->n_words - n)
			elog(ERROR, "group key is too short");
		if (c->key_length[i] >= 0)
			values[i] = PointerGetDatum(&group->words[n]);
		else
			values[i] = PointerGetDatum(cstring_to_text_with_len((char *) &group->words[n], (int) length));
		n += (length + 7) / 8;
	}
}

void
ehds_collect_look_up_types(Collect *c)
{
	for (int i = 0; i < c->kind.n_keys; i++)
	{
		get_typlenbyval(c->kind.types[i], &c->key_length[i], &c->key_by_value[i]);
		if (c->key_length[i] < -1)
			ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							errmsg("values of type %s cannot be group keys of a bounded count",
								   format_type_be(c->kind.types[i]))));
	}
}

/* Transition ---------------------------------------------------------------------- */

/* to_unite: will it be united with others? */
static Collect *
new_state(MemoryContext parent, const CollectKind *kind, bool to_unite)
{
	Collect *c = ehds_collect_new(parent, kind, (Size) ehds_dp_memory * 1024);

	ehds_collect_look_up_types(c);
	if (to_unite && ehds_collect_may_buffer(kind))
	{
		c->buffering = true;
		ehds_buffer_start(c);
	}
	return c;
}

MemoryContext
ehds_collect_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("a component function of ehds.dp_collect was called outside an aggregate")));
	return context;
}

/* Is this an aggregate whose states are united by another one? */
static bool
is_partial(FunctionCallInfo fcinfo)
{
	return IsA(fcinfo->context, AggState) && DO_AGGSPLIT_SKIPFINAL(((AggState *) fcinfo->context)->aggsplit);
}

static void
read_keys(FunctionCallInfo fcinfo, int first, CollectKind *kind)
{
	kind->n_keys = PG_NARGS() - first - kind->n_measures;
	if (kind->n_keys < 1 || kind->n_keys > EHDS_COLLECT_MAX_KEYS)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a bounded count has 1 to %d group keys", EHDS_COLLECT_MAX_KEYS)));
	for (int i = 0; i < kind->n_keys; i++)
	{
		kind->types[i] = get_fn_expr_argtype(fcinfo->flinfo, first + i);
		if (!OidIsValid(kind->types[i]))
			elog(ERROR, "could not determine the type of a group key");
	}
}

static void
read_measures(FunctionCallInfo fcinfo, int argument, CollectKind *kind)
{
	kind->n_measures = PG_ARGISNULL(argument)
						   ? 0
						   : ehds_measures_of_text(text_to_cstring(PG_GETARG_TEXT_PP(argument)),
												   kind->measures, EHDS_COLLECT_MAX_MEASURES);
	ehds_collect_sizes(kind);
}

static pg_noinline Collect *
first_state(FunctionCallInfo fcinfo, KSubject subject, bool seeded, bool measures)
{
	MemoryContext context = ehds_collect_context(fcinfo);
	CollectKind kind;

	memset(&kind, 0, sizeof(kind));
	if (seeded)
		ehds_bounding_key_of_seed(PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3), &kind.hash_key);
	else
		ehds_bounding_key(ehds_getarg_execution(fcinfo, 3)->approval, &kind.hash_key);
	kind.subject = subject;
	kind.max_groups = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT32(2);
	if (kind.max_groups < 1 || kind.max_groups > EHDS_COLLECT_MAX_GROUPS)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("max_groups must be between 1 and %d", EHDS_COLLECT_MAX_GROUPS)));
	if (measures)
		read_measures(fcinfo, 4, &kind);
	read_keys(fcinfo, measures ? GATHER_FIRST_KEY : FIRST_KEY, &kind);
	return new_state(context, &kind, is_partial(fcinfo));
}

/* What the values of the measures are; a state that was made by uniting does not know it yet. */
static pg_noinline void
make_inputs(FunctionCallInfo fcinfo, Collect *c, int first)
{
	MemoryContext old = MemoryContextSwitchTo(c->context);
	MeasureInput *inputs = palloc(Max(c->kind.n_measures, 1) * sizeof(MeasureInput));

	for (int i = 0; i < c->kind.n_measures; i++)
		ehds_measure_input(&c->kind.measures[i], get_fn_expr_argtype(fcinfo->flinfo, first + i), &inputs[i]);
	c->inputs = inputs;
	MemoryContextSwitchTo(old);
}

/* A state in memory; a flat one is made one. */
Collect *
ehds_collect_state(MemoryContext context, Datum datum)
{
	CollectKind kind;
	Collect *c;

	if (ehds_collect_is_expanded(datum))
		return (Collect *) DatumGetEOHP(datum);
	ehds_collect_kind_of(datum, &kind);
	c = new_state(context, &kind, true);
	ehds_collect_merge(c, datum);
	return c;
}

/* The number of the group of a row, whose keys begin at argument first. */
static pg_attribute_always_inline uint32
group_of(FunctionCallInfo fcinfo, int first, Collect *c)
{
	uint64 buffer[64];
	uint64 *words = buffer;
	uint32 size = lengthof(buffer);
	uint32 n;

	if (c->kind.n_keys == 1 && c->key_by_value[0] && !PG_ARGISNULL(first))
	{
		buffer[0] = 0;
		buffer[1] = word_of(PG_GETARG_DATUM(first), c->key_length[0]);
		n = 2;
	}
	else
		n = key_words(fcinfo, first, c, &words, &size);
	return ehds_collect_group(c, words, n);
}

/* The words of the measures of a row, whose arguments begin at first. */
static pg_attribute_always_inline void
measure_row(FunctionCallInfo fcinfo, int first, Collect *c, uint64 digest, int64 *measured)
{
	if (unlikely(c->inputs == NULL))
		make_inputs(fcinfo, c, first);
	for (int i = 0; i < c->kind.n_measures; i++)
	{
		ehds_measure_row(&c->kind.measures[i], &c->inputs[i], PG_GETARG_DATUM(first + i),
						 PG_ARGISNULL(first + i), digest, measured);
		measured += ehds_measure_words(&c->kind.measures[i]);
	}
}

static pg_attribute_always_inline Datum
transition(FunctionCallInfo fcinfo, KSubject subject, bool is_bigint, bool seeded, bool measures)
{
	const int first_key = measures ? GATHER_FIRST_KEY : FIRST_KEY;
	int64 measured[EHDS_COLLECT_MAX_WORDS];
	Collect *c;
	SubjectKey key;
	uint32 group;

	if (unlikely(PG_ARGISNULL(0)))
		c = first_state(fcinfo, subject, seeded, measures);
	else if (likely(VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0)))))
		c = (Collect *) DatumGetEOHP(PG_GETARG_DATUM(0));
	else
		c = ehds_collect_state(ehds_collect_context(fcinfo), PG_GETARG_DATUM(0));
	if (PG_ARGISNULL(1))
		return EOHPGetRWDatum(&c->header);

	if (subject == K_SUBJECT_INT)
		ehds_key_of_int(&key, is_bigint ? PG_GETARG_INT64(1) : PG_GETARG_INT32(1));
	else if (subject == K_SUBJECT_UUID)
		ehds_key_of_uuid(&key, PG_GETARG_UUID_P(1)->data);
	else
	{
		text *bytes = PG_GETARG_TEXT_PP(1);

		ehds_key_of_text(&key, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	}

	ehds_collect_make_room(c);
	group = group_of(fcinfo, first_key, c);
	if (measures)
		measure_row(fcinfo, first_key + c->kind.n_keys, c, ehds_collect_digest(c, &key, group), measured);
	ehds_collect_add(c, &key, group, measured);
	return EOHPGetRWDatum(&c->header);
}

#define TRANSITION_FUNCTION(name, subject, is_bigint, seeded, measures)  \
	PG_FUNCTION_INFO_V1(name);                                           \
	Datum name(PG_FUNCTION_ARGS)                                         \
	{                                                                    \
		return transition(fcinfo, subject, is_bigint, seeded, measures); \
	}

#define TRANSITION(name, subject, is_bigint)                                            \
	TRANSITION_FUNCTION(ehds_dp_collect_##name, subject, is_bigint, false, false)       \
	TRANSITION_FUNCTION(ehds_dp_collect_seeded_##name, subject, is_bigint, true, false) \
	TRANSITION_FUNCTION(ehds_dp_gather_##name, subject, is_bigint, false, true)         \
	TRANSITION_FUNCTION(ehds_dp_gather_seeded_##name, subject, is_bigint, true, true)

TRANSITION(integer, K_SUBJECT_INT, false)
TRANSITION(bigint, K_SUBJECT_INT, true)
TRANSITION(uuid, K_SUBJECT_UUID, false)
TRANSITION(text, K_SUBJECT_TEXT, false)

static pg_noinline Collect *
first_tally(FunctionCallInfo fcinfo, bool seeded)
{
	MemoryContext context = ehds_collect_context(fcinfo);
	CollectKind kind;

	memset(&kind, 0, sizeof(kind));
	if (!seeded)
		(void) ehds_getarg_execution(fcinfo, 1);
	kind.subject = COLLECT_EACH_ROW;
	kind.max_groups = 1;
	read_measures(fcinfo, 2, &kind);
	if (kind.with_values)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED), errmsg("values are not tallied")));
	read_keys(fcinfo, TALLY_FIRST_KEY, &kind);
	return new_state(context, &kind, false);
}

static pg_attribute_always_inline Datum
tally(FunctionCallInfo fcinfo, bool seeded)
{
	int64 measured[EHDS_COLLECT_MAX_WORDS];
	Collect *c;
	uint32 group;

	if (unlikely(PG_ARGISNULL(0)))
		c = first_tally(fcinfo, seeded);
	else if (likely(VARATT_IS_EXTERNAL_EXPANDED_RW(DatumGetPointer(PG_GETARG_DATUM(0)))))
		c = (Collect *) DatumGetEOHP(PG_GETARG_DATUM(0));
	else
		c = ehds_collect_state(ehds_collect_context(fcinfo), PG_GETARG_DATUM(0));
	ehds_collect_make_room(c);
	group = group_of(fcinfo, TALLY_FIRST_KEY, c);
	if (c->kind.n_measures > 0)
		measure_row(fcinfo, TALLY_FIRST_KEY + c->kind.n_keys, c, 0, measured);
	ehds_tally_add(c, group, measured);
	return EOHPGetRWDatum(&c->header);
}

PG_FUNCTION_INFO_V1(ehds_dp_tally);
Datum
ehds_dp_tally(PG_FUNCTION_ARGS)
{
	return tally(fcinfo, false);
}

PG_FUNCTION_INFO_V1(ehds_dp_tally_seeded);
Datum
ehds_dp_tally_seeded(PG_FUNCTION_ARGS)
{
	return tally(fcinfo, true);
}

Datum
ehds_dp_collect_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = ehds_collect_context(fcinfo);
	Collect *c;

	if (PG_ARGISNULL(0) && PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (PG_ARGISNULL(0))
	{
		CollectKind kind;

		ehds_collect_kind_of(PG_GETARG_DATUM(1), &kind);
		c = new_state(context, &kind, true);
	}
	else
		c = ehds_collect_state(context, PG_GETARG_DATUM(0));
	if (!PG_ARGISNULL(1))
		ehds_collect_merge(c, PG_GETARG_DATUM(1));
	return EOHPGetRWDatum(&c->header);
}

/* The hash of a pair, for tests, as a signed number of the same order. */
static Datum
pair_hash(FunctionCallInfo fcinfo, KSubject subject, const SubjectKey *key)
{
	Collect c;
	uint64 buffer[64];
	uint64 *words = buffer;
	uint32 size = lengthof(buffer);
	uint32 n;

	memset(&c, 0, sizeof(c));
	c.kind.subject = subject;
	ehds_bounding_key_of_seed(PG_GETARG_INT64(1), &c.kind.hash_key);
	read_keys(fcinfo, 2, &c.kind);
	ehds_collect_look_up_types(&c);
	n = key_words(fcinfo, 2, &c, &words, &size);
	PG_RETURN_INT64((int64) (ehds_pair_hash(&c, key, ehds_group_digest(&c.kind.hash_key, words, (uint32) n)) ^
							 (UINT64CONST(1) << 63)));
}

PG_FUNCTION_INFO_V1(ehds_dp_pair_hash_bigint);
Datum
ehds_dp_pair_hash_bigint(PG_FUNCTION_ARGS)
{
	SubjectKey key;

	ehds_key_of_int(&key, PG_GETARG_INT64(0));
	return pair_hash(fcinfo, K_SUBJECT_INT, &key);
}

PG_FUNCTION_INFO_V1(ehds_dp_pair_hash_uuid);
Datum
ehds_dp_pair_hash_uuid(PG_FUNCTION_ARGS)
{
	SubjectKey key;

	ehds_key_of_uuid(&key, PG_GETARG_UUID_P(0)->data);
	return pair_hash(fcinfo, K_SUBJECT_UUID, &key);
}

PG_FUNCTION_INFO_V1(ehds_dp_pair_hash_text);
Datum
ehds_dp_pair_hash_text(PG_FUNCTION_ARGS)
{
	SubjectKey key;
	text *bytes = PG_GETARG_TEXT_PP(0);

	ehds_key_of_text(&key, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	return pair_hash(fcinfo, K_SUBJECT_TEXT, &key);
}
