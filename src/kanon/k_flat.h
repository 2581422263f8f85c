/*
 * k_flat.h
 *		The flat form of ehds.k_state.
 *
 * A state in its flat form travels between processes and, on Citus, between
 * servers.  It is written field by field in network order, and what arrives is
 * checked field by field: a forged state must neither crash the server nor make
 * a cell shown.  Subjects and rows are sorted and each total is given once, so
 * that equal contents have equal bytes:
 *
 *	1 byte	version
 *	1 byte	kind, subject type, type of the value: see k_state.h, a byte each
 *	1 byte	settled (0 or 1)
 *	4 bytes	k
 *	8 bytes	number of subjects
 * of kinds that have values:
 *	4 bytes	scale
 *	1 byte	number of different values (0, 1, 2, of K_VARIANCE 4 for three, or 3 for
 *			more), and these, ascending, if they are not more
 *	K_AVG, K_VARIANCE, K_PERCENTILE: 8 bytes number of rows
 *	K_VARIANCE: sum of squares; integers 8 + 16 bytes, doubles 8 + 8, numeric
 *			(if there are rows)
 *	K_PERCENTILE: 8 bytes fraction
 * then for each subject, ascending:
 *	integers of which nothing else is known: distance to the one before it (of the
 *			first: 8 bytes), 7 bits a byte, the lowest first, the high bit saying
 *			that more follow
 *	other integer 8 bytes; uuid 16 bytes; text 4 bytes length and the bytes
 *	total, extreme or flags: 16 bytes for a sum of bigints, 8 + 8 for one of doubles,
 *			numeric, 8 bytes for all others
 *	1 byte	which of the two different values it bears, if they are two or three
 * K_PERCENTILE, for each row, ascending: 8 bytes value, 4 bytes number of its subject
 *
 * A numeric is 4 bytes length and the bytes of numeric_send.
 */
#ifndef EHDS_K_FLAT_H
#define EHDS_K_FLAT_H

#include "core/compat.h"

#include "utils/expandeddatum.h"

#define EHDS_K_FLAT_VERSION 1
/* a number of different values in memory or in the flat form, as it is in the other */
#define EHDS_K_FLAT_DISTINCT(n) ((n) == 3 ? 4 : (n) == 4 ? 3 : (n))
/* bytes before the values or the first subject */
#define EHDS_K_FLAT_HEADER (1 + 3 + 1 + 4 + 8)

/* methods of the expanded object */
extern Size ehds_k_flat_size(ExpandedObjectHeader *header);
extern void ehds_k_flatten(ExpandedObjectHeader *header, void *result, Size size);

#endif /* EHDS_K_FLAT_H */
