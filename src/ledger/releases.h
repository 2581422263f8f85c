/*
 * releases.h
 *		Releases under a privacy budget, kept so that the same query gets the same answer.
 */
#ifndef EHDS_RELEASES_H
#define EHDS_RELEASES_H

#include "core/compat.h"

#include "datatype/timestamp.h"

#define EHDS_RELEASE_KEY_LEN 32

/*
 * Keep release number n of the query with this key. It is on disk, and on the
 * synchronous standby, when this returns, whatever becomes of the transaction. store
 * takes its number before any of it is written; if the rest never is, it is not found.
 */
extern void ehds_releases_keep(const uint8 key[EHDS_RELEASE_KEY_LEN], int n, const char *permit,
							   const char *data, int len, int64 *store);

/*
 * The newest of each of the releases 1 .. count of the query into releases; false, and
 * they stay NULL, unless all are there. at: when the oldest of them was kept.
 */
extern bool ehds_releases_find(const uint8 key[EHDS_RELEASE_KEY_LEN], int count, bytea **releases,
							   TimestampTz *at);

/* The same of those that have a number, of the releases with just that; false unless these are there. */
extern bool ehds_releases_find_stores(const uint8 key[EHDS_RELEASE_KEY_LEN], int count, const int64 *stores,
									  bytea **releases);

#endif /* EHDS_RELEASES_H */
