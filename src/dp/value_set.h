/*
 * value_set.h
 *		The distinct values of a subject in a group, as words of a measure (measure.h).
 *
 * A set has max_rows places of two words: the hash of the value and its number of
 * steps above the lowest (or the hash alone), and how many rows have it; 0 rows: a free place. Of more
 * values than places those with the smallest hash of (subject, group, value) are
 * kept, by which the set of all rows is that of its parts united, in any order.
 */
#ifndef EHDS_DP_VALUE_SET_H
#define EHDS_DP_VALUE_SET_H

#include "core/compat.h"

#define EHDS_VALUE_SET_MAX 8
#define EHDS_VALUE_BITS 17

static inline uint32
ehds_value_of_word(int64 word)
{
	return (uint32) ((uint64) word & ((UINT64CONST(1) << EHDS_VALUE_BITS) - 1));
}

/* A set of one value in its first place; digest: of subject and group. */
extern void ehds_value_set_one(int64 *words, int places, uint32 value, uint64 digest);
/* The same of any value, of which only a hash is known; and that hash back. */
extern void ehds_value_set_hashed(int64 *words, int places, uint64 hash, uint64 digest);
extern uint64 ehds_hash_of_word(int64 word, uint64 digest);
extern void ehds_value_set_unite(int64 *words, const int64 *other, int places);

/* Weights of the places in units of 2^-EHDS_MEASURE_WEIGHT_BITS, rounded down; together at most 1. */
extern void ehds_value_set_weights(const int64 *words, int places, int64 *weights);

/*
 * The weights of all subjects of one group: entries of a value (4 bytes) and its
 * weight (8 bytes), in network order. Texts of parts may be joined in any order.
 */
#define EHDS_VALUE_ENTRY 12

#endif /* EHDS_DP_VALUE_SET_H */
