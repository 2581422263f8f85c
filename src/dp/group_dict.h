/*
 * group_dict.h
 *		The group keys that occur, numbered in order of arrival.
 *
 * A key is a row of values as words: one word whose bits say which are NULL, then
 * of each value that is not NULL its bytes (of varying length: the length in a
 * word before them), filled up with zeros. Two keys are the same group if and
 * only if their words are the same: the gate admits no other types.
 */
#ifndef EHDS_GROUP_DICT_H
#define EHDS_GROUP_DICT_H

#include "core/compat.h"

#include "core/prf.h"

typedef struct KeyGroup
{
	uint64 digest; /* keyed hash of the words */
	uint64 *words;
	uint32 n_words;
	uint32 hash;
} KeyGroup;

typedef struct GroupDict
{
	MemoryContext context;
	KeyGroup *groups;
	uint32 *slots; /* number + 1; 0 = free */
	uint32 n;
	uint32 capacity;
	uint32 mask;
	char *block; /* for words */
	Size left;
} GroupDict;

extern void ehds_group_dict_init(GroupDict *dict, MemoryContext context);
extern uint32 ehds_group_enter(GroupDict *dict, const EhdsPrfKey *key, const uint64 *words, uint32 n_words);

/* Keyed hash of a key. */
extern uint64 ehds_group_digest(const EhdsPrfKey *key, const uint64 *words, uint32 n_words);

/* Order of two keys by their words. */
extern int ehds_group_compare(const KeyGroup *a, const KeyGroup *b);

#endif /* EHDS_GROUP_DICT_H */
