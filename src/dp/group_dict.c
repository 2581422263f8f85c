/*
 * group_dict.c
 *		The group keys that occur, numbered in order of arrival.
 */
#include "dp/group_dict.h"

#include "utils/memutils.h"

#define FIRST_CAPACITY 64
#define BLOCK 8192

void
ehds_group_dict_init(GroupDict *dict, MemoryContext context)
{
	memset(dict, 0, sizeof(GroupDict));
	dict->context = context;
	dict->capacity = FIRST_CAPACITY;
	dict->mask = FIRST_CAPACITY * 4 - 1;
	dict->groups = MemoryContextAlloc(context, dict->capacity * sizeof(KeyGroup));
	dict->slots = MemoryContextAllocZero(context, (dict->mask + 1) * sizeof(uint32));
}

static inline uint32
hash_words(const uint64 *words, uint32 n)
{
	uint64 h = n;

	for (uint32 i = 0; i < n; i++)
	{
		h = (h ^ words[i]) * UINT64CONST(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return (uint32) (h ^ (h >> 32));
}

static uint64 *
keep_words(GroupDict *dict, const uint64 *words, uint32 n)
{
	Size size = (Size) n * sizeof(uint64);
	uint64 *kept;

	if (size > BLOCK / 4)
		kept = MemoryContextAllocHuge(dict->context, size);
	else
	{
		if (dict->left < size)
		{
			dict->block = MemoryContextAlloc(dict->context, BLOCK);
			dict->left = BLOCK;
		}
		kept = (uint64 *) dict->block;
		dict->block += size;
		dict->left -= size;
	}
	memcpy(kept, words, size);
	return kept;
}

static pg_noinline void
grow(GroupDict *dict)
{
	uint32 capacity = dict->capacity * 2;

	if (capacity > PG_INT32_MAX / 8)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many groups in a release")));
	dict->groups = repalloc_huge(dict->groups, (Size) capacity * sizeof(KeyGroup));
	dict->capacity = capacity;
	pfree(dict->slots);
	dict->mask = capacity * 4 - 1;
	dict->slots = MemoryContextAllocHuge(dict->context, ((Size) dict->mask + 1) * sizeof(uint32));
	memset(dict->slots, 0, ((Size) dict->mask + 1) * sizeof(uint32));
	for (uint32 i = 0; i < dict->n; i++)
	{
		uint32 at = dict->groups[i].hash & dict->mask;

		while (dict->slots[at] != 0)
			at = (at + 1) & dict->mask;
		dict->slots[at] = i + 1;
	}
}

/* apart from the pairs, whose first word is a digest */
uint64
ehds_group_digest(const EhdsPrfKey *key, const uint64 *words, uint32 n_words)
{
	return ehds_prf_bytes(key, ~UINT64CONST(0), words, (Size) n_words * sizeof(uint64));
}

uint32
ehds_group_enter(GroupDict *dict, const EhdsPrfKey *key, const uint64 *words, uint32 n_words)
{
	uint32 hash = hash_words(words, n_words);
	uint32 at = hash & dict->mask;
	KeyGroup *group;

	while (dict->slots[at] != 0)
	{
		group = &dict->groups[dict->slots[at] - 1];
		if (group->hash == hash && group->n_words == n_words)
		{
			uint32 i = 0;

			while (i < n_words && group->words[i] == words[i])
				i++;
			if (i == n_words)
				return dict->slots[at] - 1;
		}
		at = (at + 1) & dict->mask;
	}

	if (dict->n == dict->capacity)
	{
		grow(dict);
		at = hash & dict->mask;
		while (dict->slots[at] != 0)
			at = (at + 1) & dict->mask;
	}
	group = &dict->groups[dict->n];
	group->words = keep_words(dict, words, n_words);
	group->n_words = n_words;
	group->hash = hash;
	group->digest = ehds_group_digest(key, words, n_words);
	dict->slots[at] = ++dict->n;
	return dict->n - 1;
}

int
ehds_group_compare(const KeyGroup *a, const KeyGroup *b)
{
	for (uint32 i = 0; i < Min(a->n_words, b->n_words); i++)
		if (a->words[i] != b->words[i])
			return a->words[i] < b->words[i] ? -1 : 1;
	return (a->n_words > b->n_words) - (a->n_words < b->n_words);
}
