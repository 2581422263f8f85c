/*
 * value_set.c
 *		The distinct values of a subject in a group: see value_set.h.
 */
#include "dp/value_set.h"

#include "dp/measure.h"
#include "kanon/subject_map.h"

/* The hash need not be secret: which values are kept depends on one subject's rows all the same. */
void
ehds_value_set_one(int64 *words, int places, uint32 value, uint64 digest)
{
	uint64 hash = ehds_mix64(digest ^ (value + 1) * UINT64CONST(0x9e3779b97f4a7c15));

	memset(words, 0, 2 * places * sizeof(int64));
	/* the sign bit stays free, so that words have the order of hashes */
	words[0] = (int64) ((hash >> 1 & ~((UINT64CONST(1) << EHDS_VALUE_BITS) - 1)) | value);
	words[1] = 1;
}

void
ehds_value_set_hashed(int64 *words, int places, uint64 hash, uint64 digest)
{
	memset(words, 0, 2 * places * sizeof(int64));
	words[0] = (int64) ehds_mix64(digest ^ hash);
	words[1] = 1;
}

/* ehds_mix64 backwards: its shifts undo themselves, and its factors have inverses modulo 2^64 */
uint64
ehds_hash_of_word(int64 word, uint64 digest)
{
	uint64 x = (uint64) word;

	x ^= x >> 33;
	x *= UINT64CONST(0x9cb4b2f8129337db);
	x ^= x >> 33;
	x *= UINT64CONST(0x4f74430c22a54005);
	x ^= x >> 33;
	return x ^ digest;
}

static void
put(int64 *words, int places, int64 word, int64 count)
{
	int last = 0;

	for (int i = 0; i < places; i++)
	{
		if (words[2 * i + 1] == 0)
		{
			words[2 * i] = word;
			words[2 * i + 1] = count;
			return;
		}
		if (words[2 * i] == word)
		{
			words[2 * i + 1] = ehds_add_saturating(words[2 * i + 1], count);
			return;
		}
		if ((uint64) words[2 * i] > (uint64) words[2 * last])
			last = i;
	}
	if ((uint64) word < (uint64) words[2 * last])
	{
		words[2 * last] = word;
		words[2 * last + 1] = count;
	}
}

/* Free places are behind the others. */
void
ehds_value_set_unite(int64 *words, const int64 *other, int places)
{
	for (int i = 0; i < places && other[2 * i + 1] != 0; i++)
		put(words, places, other[2 * i], other[2 * i + 1]);
}

void
ehds_value_set_weights(const int64 *words, int places, int64 *weights)
{
	int128 total = 0;

	for (int i = 0; i < places; i++)
		total += Max(words[2 * i + 1], 0);
	for (int i = 0; i < places; i++)
		weights[i] = total == 0
						 ? 0
						 : (int64) (((int128) Max(words[2 * i + 1], 0) << EHDS_MEASURE_WEIGHT_BITS) / total);
}
