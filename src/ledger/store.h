/*
 * store.h
 *		How entries get into the table ehds.ledger_entry.
 */
#ifndef EHDS_STORE_H
#define EHDS_STORE_H

#include "core/compat.h"

#include "ledger/chain.h"
#include "ledger/head.h"
#include "utils/relcache.h"

/* Where the ledger of this database ends, as far as can be told. */
typedef struct LedgerEnd
{
	Oid relid;
	int64 seq; /* by shared memory; on a standby by the table itself */
	uint8 mac[EHDS_HMAC_LEN];
	bool noted; /* the head file has a note */
	int64 noted_seq;
	uint8 noted_mac[EHDS_HMAC_LEN];
} LedgerEnd;

/* Raise unless entries can be written here and now; why (may be NULL) takes the reason instead. */
extern bool ehds_store_writable(const char **why);

/* What has to be checked before a row may be written. */
typedef struct LedgerCharge
{
	LedgerBudget permit;
	LedgerBudget population; /* name NULL: none */
	/* written before the first charge of the permit in zCDP, if not NULL; later ones ask nothing of the population */
	LedgerRow *reservation;
	LedgerRow *(*make_refusal)(const LedgerRow *row, const LedgerBudget *budget);
} LedgerCharge;

/*
 * Append row (seq, at and mac are filled in).  With a charge, it is written only
 * if no budget would be exceeded; otherwise a refusal is written in its place and
 * the budget that is in the way returned.
 */
extern LedgerBudget *ehds_store_append(LedgerRow *row, LedgerCharge *charge);

/* Wait until everything that this transaction has written is on disk and on synchronous standbys. */
extern void ehds_store_flush(void);

/* What a budget has spent. */
extern void ehds_store_spent(LedgerBudget *budget);

/* The end of the ledger, and its table, opened with AccessShareLock. */
extern Relation ehds_store_open(LedgerEnd *end);

/* Somebody else than the ledger writes rows (a restore): what is in memory counts no more. */
extern void ehds_store_restoring(Relation rel);

/* The transaction is about to commit; it is over. */
extern void ehds_store_before_commit(void);
extern void ehds_store_at_end(bool committed);

/* Does this transaction hold restored rows? */
extern bool ehds_store_is_restoring(void);

#endif /* EHDS_STORE_H */
