/*
 * k_flat.h
 *		The flat form of ehds.k_state.
 */
#ifndef EHDS_K_FLAT_H
#define EHDS_K_FLAT_H

#include "core/compat.h"

#include "utils/expandeddatum.h"

#define EHDS_K_FLAT_VERSION 1
/* bytes before the first subject */
#define EHDS_K_FLAT_HEADER (1 + 3 + 1 + 4 + 4 + 8)

/* methods of the expanded object */
extern Size ehds_k_flat_size(ExpandedObjectHeader *header);
extern void ehds_k_flatten(ExpandedObjectHeader *header, void *result, Size size);

/* Bytes first, then length. */
static inline int
ehds_k_compare_texts(const char *a, uint32 a_length, const char *b, uint32 b_length)
{
	int c = memcmp(a, b, Min(a_length, b_length));

	if (c != 0)
		return c;
	return (a_length > b_length) - (a_length < b_length);
}

#endif /* EHDS_K_FLAT_H */
