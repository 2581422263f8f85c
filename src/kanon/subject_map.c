/*
 * subject_map.c
 *		A hash set of subjects of any type, or a map from subjects to what is known of them.
 *
 * The entries are dense and in order of arrival; an index with open addressing
 * finds them.  A slot of the index carries the hash, so that neither a miss nor
 * growing touches the entries, and a group of a few subjects has no index at all.
 * A text is kept in its entry if it is as short as identifiers are, else in memory
 * that all groups share; texts are the same if they are equal byte by byte.
 */
#include "core/compat.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "kanon/subject_map.h"

/* up to this many entries are looked through one by one */
#define FEW 8
#define ARENA_BLOCK 8192

void
ehds_subject_map_init(SubjectMap *map, KSubject subject, int total_size)
{
	memset(map, 0, sizeof(SubjectMap));
	map->key_size = (subject == K_SUBJECT_INT)    ? sizeof(uint64)
					: (subject == K_SUBJECT_UUID) ? 2 * sizeof(uint64)
												  : sizeof(uint64) + SUBJECT_TEXT_INLINE;
	map->stride = map->key_size + total_size;
}

/* Forget all subjects.  Long texts and numerics go with the shared memory. */
void
ehds_subject_map_clear(SubjectMap *map)
{
	if (map->entries != NULL)
		pfree(map->entries);
	if (map->slots != NULL)
		pfree(map->slots);
	map->entries = NULL;
	map->slots = NULL;
	map->n = map->capacity = map->mask = 0;
}

void
ehds_subject_map_empty(SubjectMap *map)
{
	map->n = 0;
	if (map->slots != NULL)
		memset(map->slots, 0, ((Size) map->mask + 1) * sizeof(uint64));
}

/* Copy a text to where it may stay. */
static const char *
keep_bytes(SubjectArena *arena, const char *bytes, Size length)
{
	char *kept;

	if (length > ARENA_BLOCK / 4)
		kept = MemoryContextAlloc(arena->context, length);
	else
	{
		if (arena->left < length)
		{
			arena->block = MemoryContextAlloc(arena->context, ARENA_BLOCK);
			arena->left = ARENA_BLOCK;
		}
		kept = arena->block;
		arena->block += length;
		arena->left -= length;
	}
	memcpy(kept, bytes, length);
	return kept;
}

static pg_attribute_always_inline bool
is_subject(const uint64 *words, const SubjectKey *key, KSubject subject)
{
	if (words[0] != key->words[0])
		return false;
	if (subject == K_SUBJECT_INT)
		return true;
	if (subject == K_SUBJECT_UUID)
		return words[1] == key->words[1];
	if (TEXT_IS_LONG(words))
		return memcmp((const char *) (uintptr_t) words[1], (const char *) (uintptr_t) key->words[1],
					  TEXT_LENGTH(words)) == 0;
	return words[1] == key->words[1] && words[2] == key->words[2] && words[3] == key->words[3];
}

/* The hash that an entry was entered with. */
static uint32
hash_of(const uint64 *words, KSubject subject)
{
	if (subject == K_SUBJECT_TEXT)
		return (uint32) (words[0] >> 32);
	if (subject == K_SUBJECT_UUID)
		return (uint32) ehds_mix64(words[0] ^ ehds_mix64(words[1]));
	return (uint32) ehds_mix64(words[0]);
}

static void
put_slot(SubjectMap *map, uint64 slot)
{
	uint32 at = (uint32) (slot >> 32) & map->mask;

	while (map->slots[at] != 0)
		at = (at + 1) & map->mask;
	map->slots[at] = slot;
}

/* The entries are full: make room for more, and for their slots. */
static pg_noinline void
grow(SubjectMap *map, SubjectArena *arena, KSubject subject)
{
	uint64 capacity = (map->capacity == 0) ? 1 : (uint64) map->capacity * 2;
	Size slots_size = capacity * 2 * sizeof(uint64);

	if (capacity > PG_UINT32_MAX / 2)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many persons in one group of a k aggregate")));
	if (map->entries == NULL)
		map->entries = MemoryContextAlloc(arena->context, capacity * map->stride);
	else
		map->entries = repalloc_huge(map->entries, capacity * map->stride);
	map->capacity = (uint32) capacity;
	if (capacity <= FEW)
		return;

	/* twice as many slots as entries: at most half of them are taken */
	{
		uint64 *old = map->slots;
		uint64 n_old = (old == NULL) ? 0 : (uint64) map->mask + 1;

		map->slots = MemoryContextAllocHuge(arena->context, slots_size);
		memset(map->slots, 0, slots_size);
		map->mask = (uint32) (capacity * 2 - 1);
		if (old != NULL)
		{
			for (uint64 i = 0; i < n_old; i++)
				if (old[i] != 0)
					put_slot(map, old[i]);
			pfree(old);
		}
		else
			for (uint32 i = 0; i < map->n; i++)
				put_slot(map, (uint64) hash_of(ehds_subject_words(map, i), subject) << 32 | (i + 1));
	}
}

void
ehds_subject_map_load(SubjectMap *map, SubjectArena *arena, KSubject subject, const char *entries, uint32 n)
{
	uint32 ahead = 0;

	Assert(map->n == 0 && map->capacity == 0 && subject != K_SUBJECT_TEXT);
	if (n == 0)
		return;
	/* one step of growing to the least power of two that is enough */
	map->capacity = (n == 1) ? 0 : pg_nextpower2_32(n) / 2;
	grow(map, arena, subject);
	memcpy(map->entries, entries, (Size) n * map->stride);
	map->n = n;
	if (map->slots == NULL)
		return;
	for (uint32 i = 0; i < n; i++)
	{
		for (; ahead < n && ahead < i + 16; ahead++)
			ehds_subject_prefetch_slot(map, hash_of(ehds_subject_words(map, ahead), subject));
		put_slot(map, (uint64) hash_of(ehds_subject_words(map, i), subject) << 32 | (i + 1));
	}
}

static pg_attribute_always_inline uint32
enter(SubjectMap *map, SubjectArena *arena, const SubjectKey *key, KSubject subject, bool *fresh)
{
	uint64 *words;

	*fresh = false;
	if (map->slots == NULL)
	{
		for (uint32 i = 0; i < map->n; i++)
			if (is_subject(ehds_subject_words(map, i), key, subject))
				return i;
	}
	else
	{
		uint32 at = key->hash & map->mask;
		uint64 slot;

		while ((slot = map->slots[at]) != 0)
		{
			if ((uint32) (slot >> 32) == key->hash)
			{
				uint32 i = (uint32) slot - 1;

				if (is_subject(ehds_subject_words(map, i), key, subject))
					return i;
			}
			at = (at + 1) & map->mask;
		}
	}

	if (map->n == map->capacity)
		grow(map, arena, subject);
	words = ehds_subject_words(map, map->n);
	words[0] = key->words[0];
	if (subject == K_SUBJECT_UUID)
		words[1] = key->words[1];
	else if (subject == K_SUBJECT_TEXT)
	{
		if (TEXT_IS_LONG(words))
		{
			words[1] = (uint64) (uintptr_t) keep_bytes(arena, (const char *) (uintptr_t) key->words[1],
													   TEXT_LENGTH(words));
			words[2] = words[3] = 0;
		}
		else
			memcpy(&words[1], &key->words[1], SUBJECT_TEXT_INLINE);
	}
	map->n++;
	if (map->slots != NULL)
		put_slot(map, (uint64) key->hash << 32 | map->n);
	*fresh = true;
	return map->n - 1;
}

uint32
ehds_subject_enter_int(SubjectMap *map, SubjectArena *arena, const SubjectKey *key, bool *fresh)
{
	return enter(map, arena, key, K_SUBJECT_INT, fresh);
}

uint32
ehds_subject_enter_uuid(SubjectMap *map, SubjectArena *arena, const SubjectKey *key, bool *fresh)
{
	return enter(map, arena, key, K_SUBJECT_UUID, fresh);
}

uint32
ehds_subject_enter_text(SubjectMap *map, SubjectArena *arena, const SubjectKey *key, bool *fresh)
{
	return enter(map, arena, key, K_SUBJECT_TEXT, fresh);
}

int
ehds_subject_compare(const SubjectMap *map, KSubject subject, uint32 i, uint32 j)
{
	const uint64 *x = ehds_subject_words(map, i);
	const uint64 *y = ehds_subject_words(map, j);

	if (subject == K_SUBJECT_TEXT)
		return ehds_compare_texts(ehds_subject_bytes(x), TEXT_LENGTH(x), ehds_subject_bytes(y),
								  TEXT_LENGTH(y));
	if (subject == K_SUBJECT_INT)
		return ((int64) x[0] > (int64) y[0]) - ((int64) x[0] < (int64) y[0]);
	if (x[0] != y[0])
		return (x[0] > y[0]) - (x[0] < y[0]);
	return (x[1] > y[1]) - (x[1] < y[1]);
}
