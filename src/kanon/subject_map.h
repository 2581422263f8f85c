/*
 * subject_map.h
 *		A hash set of subjects of any type, or a map from subjects to their totals.
 */
#ifndef EHDS_SUBJECT_MAP_H
#define EHDS_SUBJECT_MAP_H

#include "core/compat.h"

#include "common/hashfn.h"
#include "utils/numeric.h"

#include "kanon/int_set.h"

#ifndef HAVE_INT128
#error "pg_ehds needs a compiler with 128-bit integers"
#endif

/* what is summed, exactly or as nearly as the type allows */
typedef union SubjectTotal
{
	int128 integer;
	struct
	{
		double high; /* the nearest double */
		double low;  /* what it leaves over */
	} real;
	Numeric numeric;
} SubjectTotal;

/*
 * A subject as two words.  Integer: its value, 0.  uuid: its halves, big-endian.
 * Text: its bytes (or their address if there are more than 8), hash and length.
 */
typedef struct SubjectEntry
{
	uint64 a;
	uint64 b;
	SubjectTotal total[FLEXIBLE_ARRAY_MEMBER]; /* one, in a map */
} SubjectEntry;

/* Entries in order of arrival, and an index by hash when they are more than a few. */
typedef struct SubjectMap
{
	char *entries;
	uint64 *slots; /* hash << 32 | number of the entry + 1; 0 = free */
	uint32 n;
	uint32 capacity;
	uint32 mask;   /* number of slots - 1 */
	uint32 stride; /* bytes of an entry */
} SubjectMap;

/* Memory that all states of one aggregate context share. */
typedef struct KShared
{
	MemoryContext parent;  /* the aggregate context */
	MemoryContext context; /* its child, with all the states in it */
	struct KCache *cache;  /* that finds this for the next group, or NULL */
	struct KShared *next;
	IntScratch scratch;
	char *arena; /* for the bytes of long text subjects */
	Size arena_left;
	Numeric zero; /* made when first needed */
	MemoryContextCallback callback;
} KShared;

/* A subject to look up. */
typedef struct SubjectKey
{
	uint64 a;
	uint64 b;
	uint32 hash;
	const char *bytes; /* text only, else NULL */
} SubjectKey;

#define TEXT_LENGTH(b) ((uint32) (b))
#define TEXT_IS_LONG(b) (TEXT_LENGTH(b) > sizeof(uint64))

static inline SubjectEntry *
ehds_subject_entry(const SubjectMap *map, uint32 i)
{
	return (SubjectEntry *) (map->entries + (Size) i * map->stride);
}

static inline const char *
ehds_subject_bytes(const SubjectEntry *entry)
{
	return TEXT_IS_LONG(entry->b) ? (const char *) (uintptr_t) entry->a : (const char *) &entry->a;
}

extern void ehds_subject_map_init(SubjectMap *map, bool with_totals);
extern void ehds_subject_map_clear(SubjectMap *map);

/* The entry of a subject, made if it is new (*fresh, its total undefined). */
extern SubjectEntry *ehds_subject_map_enter(SubjectMap *map, KShared *shared, const SubjectKey *key,
											bool *fresh);

/* mixes all bits of x (the finaliser of MurmurHash3) */
static inline uint64
ehds_mix64(uint64 x)
{
	x ^= x >> 33;
	x *= UINT64CONST(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64CONST(0xc4ceb9fe1a85ec53);
	x ^= x >> 33;
	return x;
}

static inline SubjectKey
ehds_key_of_int(int64 value)
{
	SubjectKey key = {(uint64) value, 0, (uint32) ehds_mix64((uint64) value), NULL};

	return key;
}

static inline SubjectKey
ehds_key_of_uuid(const unsigned char *bytes)
{
	SubjectKey key = {0, 0, 0, NULL};

	for (int i = 0; i < 8; i++)
	{
		key.a = key.a << 8 | bytes[i];
		key.b = key.b << 8 | bytes[i + 8];
	}
	key.hash = (uint32) ehds_mix64(key.a ^ ehds_mix64(key.b));
	return key;
}

static inline SubjectKey
ehds_key_of_text(const char *bytes, uint32 length)
{
	SubjectKey key = {0, 0, 0, bytes};

	key.hash = hash_bytes((const unsigned char *) bytes, (int) length);
	key.b = (uint64) key.hash << 32 | length;
	if (!TEXT_IS_LONG(key.b))
		memcpy(&key.a, bytes, length);
	return key;
}

#endif /* EHDS_SUBJECT_MAP_H */
