/*
 * headfile.h
 *		A note outside of the table of how far the ledger had got.
 */
#ifndef EHDS_HEADFILE_H
#define EHDS_HEADFILE_H

#include "core/compat.h"

#include "pseudonym/hmac.h"

/* Read the note of this database's ledger; false if there is none for this table. */
extern bool ehds_headfile_read(Oid dboid, Oid relid, int64 *seq, uint8 mac[EHDS_HMAC_LEN]);

/* Write it; never raises.  Only entries that are on disk may be noted. */
extern void ehds_headfile_write(Oid dboid, Oid relid, int64 seq, const uint8 mac[EHDS_HMAC_LEN]);

/* The database is being dropped. */
extern void ehds_headfile_remove(Oid dboid);

#endif /* EHDS_HEADFILE_H */
