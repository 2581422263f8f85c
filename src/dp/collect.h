/*
 * collect.h
 *		Contribution bounding in one pass: the state of ehds.dp_collect.
 *
 * Of each subject the state keeps at most max_groups groups, those with the
 * smallest keyed hash of (subject, group); groups have numbers, which a
 * dictionary of their keys gives. With each of them it keeps the words of the
 * measures (measure.h): a group that is kept has been kept since the subject's
 * first row in it, since those that push others out never leave, so its words are
 * of all of his rows there.
 *
 *	collect.c			a state in memory: adding rows
 *	collect_buffer.c	the same of a state that is to be united with others
 *	collect_tally.c		the same where each row is a subject of its own
 *	collect_spill.c		what it does when it is full
 *	group_dict.c		the dictionary of group keys
 *	collect_flat.c		the form that travels from a worker
 *	collect_merge.c		adding what another state holds
 *	collect_sql.c		the aggregates that make a state
 *	collect_read.c		the functions that read it
 *	bounding_key.c		the key of the hash
 */
#ifndef EHDS_DP_COLLECT_H
#define EHDS_DP_COLLECT_H

#include "core/compat.h"

#include "storage/buffile.h"
#include "utils/expandeddatum.h"

#include "core/prf.h"
#include "dp/group_dict.h"
#include "dp/measure.h"
#include "kanon/subject_map.h"

/* More groups a subject, or more keys, are bounded by sorting (bounding.c). */
#define EHDS_COLLECT_MAX_GROUPS 64
#define EHDS_COLLECT_MAX_KEYS 32
#define EHDS_COLLECT_MAX_MEASURES 16
#define EHDS_COLLECT_MAX_WORDS 64

/* The subject of a state that keeps groups only: each row is one of its own. */
#define COLLECT_EACH_ROW ((KSubject) 0)

/* words of a key after which the limit is looked at sooner */
#define COLLECT_LONG_KEY 512
#define COLLECT_PENDING 16
#define COLLECT_PARTS 32
#define COLLECT_LEVELS 6

typedef struct CollectPending
{
	SubjectKey key;
	uint32 group;
} CollectPending;

/* What has to be the same in states that are merged. */
typedef struct CollectKind
{
	EhdsPrfKey hash_key;
	KSubject subject;
	int32 max_groups;
	int32 n_keys;
	int32 n_measures;
	int32 n_words; /* of the measures of a group */
	int32 n_statistics;
	bool with_values; /* one of the measures is no sum */
	Measure measures[EHDS_COLLECT_MAX_MEASURES];
	Oid types[EHDS_COLLECT_MAX_KEYS];
} CollectKind;

/*
 * Pairs of subjects of one part of all hashes. A record is the words of the subject,
 * the number of the group, and the words of the measures; as long as the integers and
 * the numbers that came are small, the first two have half of the size, for what is
 * written, handed over and read is most of what a worker costs.
 */
#define COLLECT_BUFFERS 128
#define EHDS_BUFFER_WORDS_MAX 4

typedef enum RecordForm
{
	RECORD_SMALL = 0, /* int32, uint16 */
	RECORD_INT = 1,   /* uint64, uint32 */
	RECORD_UUID = 2   /* two uint64, uint32 */
} RecordForm;

#define RECORD_FORMS 3

typedef struct BufferChunk
{
	struct BufferChunk *next;
	uint32 n;
	uint32 capacity;
	char records[FLEXIBLE_ARRAY_MEMBER];
} BufferChunk;

typedef struct CollectBuffer
{
	BufferChunk *first;
	BufferChunk *last;
	uint64 n;
} CollectBuffer;

typedef struct Collect
{
	ExpandedObjectHeader header;
	CollectKind kind;
	int16 key_length[EHDS_COLLECT_MAX_KEYS]; /* typlen */
	bool key_by_value[EHDS_COLLECT_MAX_KEYS];
	MeasureInput *inputs;  /* of a state that takes rows */
	MemoryContext context; /* of the state */
	MemoryContext data;    /* its child: what is given up when the state is full */
	SubjectArena arena;
	SubjectMap map; /* what is known of a subject: see collect.c */
	GroupDict dict;
	int64 *counts; /* COLLECT_EACH_ROW, in place of the map: rows of each group */
	int128 *sums;  /* and n_statistics sums */
	uint32 n_tallied;
	bool buffering;
	CollectBuffer *buffers; /* if it does, in place of the map */
	RecordForm form;        /* of what is in them */
	Size buffer_limit;      /* where pairs that came twice are looked for */
	Size buffer_free;       /* bytes of chunks that were given back, and wait for their like */
	uint32 n_put;           /* rows that came, went half of the way, were added */
	uint32 n_half;
	uint32 n_added;
	CollectPending pending[COLLECT_PENDING];
	int64 *pending_words; /* n_words of each */
	/* beyond its memory */
	Size limit;
	uint32 until_check; /* rows until the limit is looked at */
	uint32 generation;  /* changes when numbers of groups become void */
	int level;          /* of partitioning */
	bool spilled;
	bool consumed; /* the partitions have been read */
	BufFile *parts[COLLECT_PARTS];
	char *flat; /* between asking for its size and taking it */
	Size flat_size;
} Collect;

/* DBA's: bytes that a state may take */
extern int ehds_dp_memory; /* kB */
extern void ehds_dp_init(void);

/* bounding_key.c */
extern void ehds_bounding_secret_init(void);
extern void ehds_bounding_key(uint64 approval, EhdsPrfKey *key);
extern void ehds_bounding_key_of_seed(int64 seed, EhdsPrfKey *key);

/* collect.c */
extern Collect *ehds_collect_new(MemoryContext parent, const CollectKind *kind, Size limit);
extern void ehds_collect_start(Collect *c);
extern void ehds_collect_settle(Collect *c);
extern uint64 ehds_pair_hash(const Collect *c, const SubjectKey *key, uint64 digest);

/* collect_spill.c */
extern void ehds_collect_spill(Collect *c);
extern void ehds_collect_check_limit(Collect *c);

/* Before each row or subject: it may void the numbers of groups. */
static inline void
ehds_collect_make_room(Collect *c)
{
	if (unlikely(--c->until_check == 0))
		ehds_collect_check_limit(c);
}

static inline uint32
ehds_collect_group(Collect *c, const uint64 *words, uint32 n_words)
{
	if (unlikely(n_words > COLLECT_LONG_KEY))
		c->until_check = 1;
	return ehds_group_enter(&c->dict, &c->kind.hash_key, words, n_words);
}

/* Add a row, now or a little later; of a long text at once. measures: its n_words words. */
extern void ehds_collect_add(Collect *c, const SubjectKey *key, uint32 group, const int64 *measures);

/* Add groups of a subject at once, each with its n_words words. */
extern void ehds_collect_add_groups(Collect *c, const SubjectKey *key, const uint32 *groups,
									const int64 *measures, int n);

/* The same of groups as words of a state's entry whose hash has the same key. */
extern void ehds_collect_add_words(Collect *c, const SubjectKey *key, const uint64 *words,
								   const int64 *measures, int n);

/* Add n records of a buffer. */
extern void ehds_collect_add_records(Collect *c, RecordForm form, const char *records, uint32 n);

/* The key with which an entry was entered. */
extern void ehds_collect_key(const Collect *c, uint32 entry, SubjectKey *key);

/* The group of a word that is not zero. */
#define COLLECT_GROUP(word) ((uint32) (word) -1)

/* The words of an entry: its groups as numbers + 1 in the lower halves, then zeros. */
static inline const uint64 *
ehds_collect_kept(const Collect *c, uint32 entry)
{
	return (const uint64 *) ehds_subject_total(&c->map, entry);
}

/* Of the pair of a subject and a group, for measures: keyed, but not unique. */
static inline uint64
ehds_collect_digest(const Collect *c, const SubjectKey *key, uint32 group)
{
	return c->dict.groups[group].digest ^ key->hash * UINT64CONST(0xc4ceb9fe1a85ec53);
}

/* collect_buffer.c */
extern bool ehds_collect_may_buffer(const CollectKind *kind);
extern void ehds_buffer_start(Collect *c);
extern void ehds_buffer_add(Collect *c, const SubjectKey *key, uint32 group, const int64 *measures);
extern void ehds_buffer_unite(Collect *c);
/* Each buffer in turn as a state with a map of its subjects, whose groups are numbered as in c. */
typedef void (*BufferVisit)(Collect *c, CollectBuffer *buffer, Collect *subjects, void *arg);
extern void ehds_buffer_each(Collect *c, BufferVisit visit, void *arg);

/* Bytes of a record before its words. */
static inline uint32
ehds_record_head(RecordForm form)
{
	return form == RECORD_SMALL ? 6 : form == RECORD_INT ? 12 : 20;
}

static inline uint32
ehds_record_size(const CollectKind *kind, RecordForm form)
{
	return ehds_record_head(form) + kind->n_words * sizeof(int64);
}

static inline bool
ehds_record_is_small(uint64 word, uint32 group)
{
	return (int64) word == (int32) (int64) word && group <= PG_UINT16_MAX;
}

static pg_attribute_always_inline void
ehds_record_put(RecordForm form, char *record, const uint64 *words, uint32 group)
{
	uint32 small = (uint32) words[0];
	uint16 small_group = (uint16) group;

	if (form == RECORD_SMALL)
	{
		memcpy(record, &small, sizeof(small));
		memcpy(record + sizeof(small), &small_group, sizeof(small_group));
		return;
	}
	memcpy(record, words, form * sizeof(uint64));
	memcpy(record + form * sizeof(uint64), &group, sizeof(group));
}

/* Returns the number of the group. */
static pg_attribute_always_inline uint32
ehds_record_get(RecordForm form, const char *record, uint64 *words)
{
	int32 small;
	uint16 small_group;
	uint32 group;

	if (form == RECORD_SMALL)
	{
		memcpy(&small, record, sizeof(small));
		memcpy(&small_group, record + sizeof(small), sizeof(small_group));
		words[0] = (uint64) (int64) small;
		return small_group;
	}
	memcpy(words, record, form * sizeof(uint64));
	memcpy(&group, record + form * sizeof(uint64), sizeof(group));
	return group;
}

static inline uint32
ehds_buffer_of(uint32 hash)
{
	return hash >> 25;
}

/* collect_tally.c: add a row with the words of its measures, or what is known of several rows */
extern void ehds_tally_add(Collect *c, uint32 group, const int64 *words);
extern void ehds_tally_unite(Collect *c, uint32 group, int64 count, const int128 *sums);

static inline int128 *
ehds_tally_sums(const Collect *c, uint32 group)
{
	return c->sums + (Size) group * c->kind.n_statistics;
}

/* bytes of a group's count and sums */
static inline Size
ehds_tally_size(const Collect *c)
{
	return sizeof(int64) + c->kind.n_statistics * sizeof(int128);
}

/* What the measures are of: sets kind's sizes, or raises. */
extern void ehds_collect_sizes(CollectKind *kind);

/* The words of the measures of an entry's group n. */
static inline const int64 *
ehds_collect_measures(const Collect *c, const uint64 *kept, int n)
{
	return (const int64 *) (kept + c->kind.max_groups) + (Size) n * c->kind.n_words;
}

/* One after the other the parts of a state, each whole in memory, none with a subject of another. */
typedef void (*CollectVisit)(Collect *part, void *arg);
extern void ehds_collect_visit(Collect *c, CollectVisit visit, void *arg);

/* collect_sql.c */
extern void ehds_collect_look_up_types(Collect *c);
extern Collect *ehds_collect_state(MemoryContext context, Datum datum);
extern MemoryContext ehds_collect_context(FunctionCallInfo fcinfo);
/* values and nulls of a group's keys */
extern void ehds_collect_values(const Collect *c, const KeyGroup *group, Datum *values, bool *nulls);

/* of the flat form, and in the place of its number of subjects before buffers */
#define FLAT_VERSION 2
#define FLAT_BUFFERS PG_UINT32_MAX

/* collect_merge.c */
extern void ehds_collect_merge(Collect *c, Datum other);
extern void ehds_collect_kind_of(Datum state, CollectKind *kind);

/* collect_flat.c */
extern Size ehds_collect_flat_size(ExpandedObjectHeader *header);
extern void ehds_collect_flatten(ExpandedObjectHeader *header, void *result, Size size);
extern bool ehds_collect_is_expanded(Datum state);

#endif /* EHDS_DP_COLLECT_H */
