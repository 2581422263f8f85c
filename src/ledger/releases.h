/*
 * releases.h
 *		Releases under a privacy budget, kept so that the same query gets the same answer.
 */
#ifndef EHDS_RELEASES_H
#define EHDS_RELEASES_H

#include "core/compat.h"

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"

#define EHDS_RELEASE_KEY_LEN 32

/*
 * Keep release number n of the query with this key. It is on disk, and on the
 * synchronous standby, when this returns, whatever becomes of the transaction.
 */
extern void ehds_releases_keep(const uint8 key[EHDS_RELEASE_KEY_LEN], int n, const char *permit,
							   const char *data, int len);

/*
 * The newest of each of the releases 1 .. count of the query, as a list of bytea; NIL
 * unless all are there. at: when the oldest of them was kept.
 */
extern List *ehds_releases_find(const uint8 key[EHDS_RELEASE_KEY_LEN], int count, TimestampTz *at);

#endif /* EHDS_RELEASES_H */
