/*
 * subject_map.h
 *		A hash set of subjects of any type, or a map from subjects to what is known of them.
 */
#ifndef EHDS_SUBJECT_MAP_H
#define EHDS_SUBJECT_MAP_H

#include "core/compat.h"

#include "common/hashfn.h"
#include "port/pg_bswap.h"
#include "utils/numeric.h"

#include "kanon/int_set.h"

#ifndef HAVE_INT128
#error "pg_ehds needs a compiler with 128-bit integers"
#endif

typedef enum KSubject
{
	K_SUBJECT_INT = 1, /* integer and bigint */
	K_SUBJECT_UUID = 2,
	K_SUBJECT_TEXT = 3
} KSubject;

#define K_SUBJECT_TYPES 3

/* longest text that is kept in its entry */
#define SUBJECT_TEXT_INLINE 24

/*
 * A subject as words.  Integer: its value.  uuid: its halves, big-endian.  Text:
 * hash and length, then its bytes and zeros, or their address if they are more
 * than SUBJECT_TEXT_INLINE.
 */
typedef struct SubjectKey
{
	uint64 words[1 + SUBJECT_TEXT_INLINE / 8];
	uint32 hash;
} SubjectKey;

#define TEXT_LENGTH(words) ((uint32) (words)[0])
#define TEXT_IS_LONG(words) (TEXT_LENGTH(words) > SUBJECT_TEXT_INLINE)

/* What a map knows of a subject; which member is used depends on its owner. */
typedef union SubjectTotal
{
	int64 small;
	double extreme;
	Numeric numeric;
	int128 integer;
	struct
	{
		double high; /* the nearest double */
		double low;  /* what it leaves over */
	} real;
} SubjectTotal;

/* Entries in order of arrival, and an index by hash when they are more than a few. */
typedef struct SubjectMap
{
	char *entries;
	uint64 *slots; /* hash << 32 | number of the entry + 1; 0 = free */
	uint32 n;
	uint32 capacity;
	uint32 mask;     /* number of slots - 1 */
	uint16 key_size; /* bytes of an entry before its total */
	uint16 stride;   /* bytes of an entry */
} SubjectMap;

/* Memory for what lives as long as the map, shared by many. */
typedef struct SubjectArena
{
	MemoryContext context;
	char *block; /* for the bytes of long text subjects */
	Size left;
} SubjectArena;

static inline uint64 *
ehds_subject_words(const SubjectMap *map, uint32 i)
{
	return (uint64 *) (map->entries + (Size) i * map->stride);
}

static inline SubjectTotal *
ehds_subject_total(const SubjectMap *map, uint32 i)
{
	return (SubjectTotal *) (map->entries + (Size) i * map->stride + map->key_size);
}

static inline const char *
ehds_subject_bytes(const uint64 *words)
{
	return TEXT_IS_LONG(words) ? (const char *) (uintptr_t) words[1] : (const char *) &words[1];
}

/* total_size: bytes of a total, a multiple of 8; 0 for a set */
extern void ehds_subject_map_init(SubjectMap *map, KSubject subject, int total_size);
extern void ehds_subject_map_clear(SubjectMap *map);

/* Forget all subjects and keep the memory. */
extern void ehds_subject_map_empty(SubjectMap *map);

/* Fill an empty map of integers or uuids with n entries of another one, which it is not in. */
extern void ehds_subject_map_load(SubjectMap *map, SubjectArena *arena, KSubject subject, const char *entries,
								  uint32 n);

/* The number of a subject's entry, which is made if it is new (*fresh, its total undefined). */
extern uint32 ehds_subject_enter_int(SubjectMap *map, SubjectArena *arena, const SubjectKey *key, bool *fresh);
extern uint32 ehds_subject_enter_uuid(SubjectMap *map, SubjectArena *arena, const SubjectKey *key,
									  bool *fresh);
extern uint32 ehds_subject_enter_text(SubjectMap *map, SubjectArena *arena, const SubjectKey *key,
									  bool *fresh);

static pg_attribute_always_inline uint32
ehds_subject_enter(SubjectMap *map, SubjectArena *arena, KSubject subject, const SubjectKey *key, bool *fresh)
{
	if (subject == K_SUBJECT_INT)
		return ehds_subject_enter_int(map, arena, key, fresh);
	if (subject == K_SUBJECT_UUID)
		return ehds_subject_enter_uuid(map, arena, key, fresh);
	return ehds_subject_enter_text(map, arena, key, fresh);
}

/* Order of two subjects, as the flat form has them. */
extern int ehds_subject_compare(const SubjectMap *map, KSubject subject, uint32 i, uint32 j);

/* Bytes first, then length. */
static inline int
ehds_compare_texts(const char *a, uint32 a_length, const char *b, uint32 b_length)
{
	int c = memcmp(a, b, Min(a_length, b_length));

	if (c != 0)
		return c;
	return (a_length > b_length) - (a_length < b_length);
}

/* Ask the processor for what a look-up will need: first the slot, later the entry. */
static inline void
ehds_subject_prefetch_slot(const SubjectMap *map, uint32 hash)
{
	if (map->slots != NULL)
		__builtin_prefetch(&map->slots[hash & map->mask]);
}

static inline void
ehds_subject_prefetch_entry(const SubjectMap *map, uint32 hash)
{
	if (map->slots != NULL)
	{
		uint32 at = hash & map->mask;
		uint64 slot;

		while ((slot = map->slots[at]) != 0 && (uint32) (slot >> 32) != hash)
			at = (at + 1) & map->mask;
		if (slot != 0)
			__builtin_prefetch(map->entries + (Size) ((uint32) slot - 1) * map->stride);
	}
}

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

static inline void
ehds_key_of_int(SubjectKey *key, int64 value)
{
	key->words[0] = (uint64) value;
	key->hash = (uint32) ehds_mix64((uint64) value);
}

static inline void
ehds_key_of_uuid(SubjectKey *key, const unsigned char *bytes)
{
	uint64 a;
	uint64 b;

	memcpy(&a, bytes, 8);
	memcpy(&b, bytes + 8, 8);
	key->words[0] = pg_ntoh64(a);
	key->words[1] = pg_ntoh64(b);
	key->hash = (uint32) ehds_mix64(key->words[0] ^ ehds_mix64(key->words[1]));
}

/* The hash of an integer or a uuid. */
static inline uint32
ehds_hash_of_words(KSubject subject, const uint64 *words)
{
	return (uint32) ehds_mix64(subject == K_SUBJECT_INT ? words[0] : words[0] ^ ehds_mix64(words[1]));
}

/* Of a long text the key has the address, which must stay valid as long as the key. */
static inline void
ehds_key_of_text(SubjectKey *key, const char *bytes, uint32 length)
{
	key->hash = hash_bytes((const unsigned char *) bytes, (int) length);
	key->words[0] = (uint64) key->hash << 32 | length;
	if (length <= SUBJECT_TEXT_INLINE)
	{
		key->words[1] = key->words[2] = key->words[3] = 0;
		memcpy(&key->words[1], bytes, length);
	}
	else
		key->words[1] = (uint64) (uintptr_t) bytes;
}

#endif /* EHDS_SUBJECT_MAP_H */
