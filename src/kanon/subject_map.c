/*
 * subject_map.c
 *		A hash set of subjects of any type, or a map from subjects to their totals.
 *
 * The entries are dense and in order of arrival; an index with open addressing
 * finds them.  A slot of the index carries the hash, so that neither a miss nor
 * growing touches the entries, and a group of a few subjects has no index at all.
 * The text of a subject is compared by its bytes and kept in memory that all
 * groups share.
 */
#include "core/compat.h"

#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "kanon/subject_map.h"

/* up to this many entries are looked through one by one */
#define FEW 8
#define ARENA_BLOCK 8192

void
ehds_subject_map_init(SubjectMap *map, bool with_totals)
{
	memset(map, 0, sizeof(SubjectMap));
	map->stride = offsetof(SubjectEntry, total) + (with_totals ? sizeof(SubjectTotal) : 0);
}

/* Forget all subjects.  Texts and numerics go with the shared memory. */
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

/* Copy a text to where it may stay. */
static const char *
keep_bytes(KShared *shared, const char *bytes, Size length)
{
	char *kept;

	if (length > ARENA_BLOCK / 4)
		kept = MemoryContextAlloc(shared->context, length);
	else
	{
		if (shared->arena_left < length)
		{
			shared->arena = MemoryContextAlloc(shared->context, ARENA_BLOCK);
			shared->arena_left = ARENA_BLOCK;
		}
		kept = shared->arena;
		shared->arena += length;
		shared->arena_left -= length;
	}
	memcpy(kept, bytes, length);
	return kept;
}

static inline bool
is_subject(const SubjectEntry *entry, const SubjectKey *key)
{
	if (entry->b != key->b)
		return false;
	if (key->bytes == NULL || !TEXT_IS_LONG(key->b))
		return entry->a == key->a;
	return memcmp((const char *) (uintptr_t) entry->a, key->bytes, TEXT_LENGTH(key->b)) == 0;
}

/* The hash that an entry was entered with; that of an integer is that of a uuid with b = 0. */
static uint32
hash_of(const SubjectEntry *entry, bool is_text)
{
	if (is_text)
		return (uint32) (entry->b >> 32);
	return (uint32) ehds_mix64(entry->a ^ ehds_mix64(entry->b));
}

static void
put_slot(SubjectMap *map, uint64 slot)
{
	uint32 at = (uint32) (slot >> 32) & map->mask;

	while (map->slots[at] != 0)
		at = (at + 1) & map->mask;
	map->slots[at] = slot;
}

static uint64 *
new_slots(KShared *shared, uint64 n)
{
	uint64 *slots = MemoryContextAllocHuge(shared->context, n * sizeof(uint64));

	memset(slots, 0, n * sizeof(uint64));
	return slots;
}

/* The entries are full: make room for more, and for their slots. */
static void
grow(SubjectMap *map, KShared *shared, const SubjectKey *sample)
{
	uint64 capacity = (map->capacity == 0) ? 1 : (uint64) map->capacity * 2;

	if (capacity > PG_UINT32_MAX / 2)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("too many persons in one group of a k aggregate")));
	if (map->entries == NULL)
		map->entries = MemoryContextAlloc(shared->context, capacity * map->stride);
	else
		map->entries = repalloc_huge(map->entries, capacity * map->stride);
	map->capacity = (uint32) capacity;

	if (capacity > FEW)
	{
		/* twice as many slots as entries: at most half of them are taken */
		uint64 *old = map->slots;
		uint64 n_old = (old == NULL) ? 0 : (uint64) map->mask + 1;

		map->slots = new_slots(shared, capacity * 2);
		map->mask = (uint32) (capacity * 2 - 1);
		if (old != NULL)
		{
			for (uint64 i = 0; i < n_old; i++)
				if (old[i] != 0)
					put_slot(map, old[i]);
			pfree(old);
		}
		else
		{
			bool is_text = sample->bytes != NULL;

			for (uint32 i = 0; i < map->n; i++)
				put_slot(map, (uint64) hash_of(ehds_subject_entry(map, i), is_text) << 32 | (i + 1));
		}
	}
}

SubjectEntry *
ehds_subject_map_enter(SubjectMap *map, KShared *shared, const SubjectKey *key, bool *fresh)
{
	SubjectEntry *entry;

	if (map->slots == NULL)
	{
		for (uint32 i = 0; i < map->n; i++)
		{
			entry = ehds_subject_entry(map, i);
			if (is_subject(entry, key))
			{
				*fresh = false;
				return entry;
			}
		}
	}
	else
	{
		uint32 at = key->hash & map->mask;
		uint64 slot;

		while ((slot = map->slots[at]) != 0)
		{
			if ((uint32) (slot >> 32) == key->hash)
			{
				entry = ehds_subject_entry(map, (uint32) slot - 1);
				if (is_subject(entry, key))
				{
					*fresh = false;
					return entry;
				}
			}
			at = (at + 1) & map->mask;
		}
	}

	if (map->n == map->capacity)
		grow(map, shared, key);
	entry = ehds_subject_entry(map, map->n);
	entry->a = key->a;
	entry->b = key->b;
	if (key->bytes != NULL && TEXT_IS_LONG(key->b))
		entry->a = (uint64) (uintptr_t) keep_bytes(shared, key->bytes, TEXT_LENGTH(key->b));
	map->n++;
	if (map->slots != NULL)
		put_slot(map, (uint64) key->hash << 32 | map->n);
	*fresh = true;
	return entry;
}
