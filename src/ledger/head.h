/*
 * head.h
 *		The end of each database's ledger, and what has been spent, in shared memory.
 */
#ifndef EHDS_HEAD_H
#define EHDS_HEAD_H

#include "core/compat.h"

#include "access/xlogdefs.h"
#include "ledger/chain.h"
#include "utils/hsearch.h"
#include "utils/relcache.h"

/* In 1e-9, 1e-18 and 1e-12. */
typedef struct LedgerAmount
{
	int64 epsilon;
	int64 delta;
	int64 rho;
} LedgerAmount;

/* One side of a budget: who spends, and of how much. */
typedef struct LedgerBudget
{
	char kind;          /* BUDGET_PERMIT or BUDGET_POPULATION */
	const char *name;   /* NULL: not asked for */
	LedgerAmount total; /* -1: no limit */
	LedgerAmount asked; /* what a charge takes from it */
	LedgerAmount spent; /* filled in: before the charge */
	LedgerAmount last;  /* filled in: the charge before */
} LedgerBudget;

#define BUDGET_PERMIT 'p'
#define BUDGET_POPULATION 'q'

typedef struct LedgerHead
{
	Oid dboid; /* key */
	Oid relid; /* of the table it was read from */
	bool loaded;
	bool complete; /* whoever has no spending in memory has spent nothing */
	bool note;     /* the head file agreed with the table, so it may be written */
	int64 seq;     /* 0: no entry yet */
	int64 noted_seq;
	XLogRecPtr lsn; /* end of the last entry's WAL, 0 if it was read from the table */
	uint8 mac[EHDS_HMAC_LEN];
} LedgerHead;

/* Ask for shared memory; while the library is being preloaded. */
extern void ehds_head_init(void);
extern bool ehds_head_preloaded(void);

/* The lock that covers all that follows. */
extern void ehds_head_lock(void);
extern bool ehds_head_lock_if_free(void);
extern void ehds_head_unlock(void);

/* This database's head, read from rel if need be; the same, or NULL, as it is. */
extern LedgerHead *ehds_head_get(Relation rel);
extern LedgerHead *ehds_head_peek(void);

/* Fill in what a budget has spent; count a charge that is in the table now. */
extern void ehds_head_find_spending(Relation rel, const LedgerHead *head, LedgerBudget *budget);
extern void ehds_head_count_spending(LedgerHead *head, const LedgerBudget *budget);

/* Note the head for the time after a restart, if it is on disk. */
extern void ehds_head_note(LedgerHead *head);

/*
 * Read the whole table, with or without the lock: its last entry into last
 * (seq 0: none), the spending of everybody (sums) or of one (only), and
 * whether the entry noted_seq has the MAC noted_mac (same).
 */
extern void ehds_head_scan_table(Relation rel, LedgerRow *last, HTAB *sums, LedgerBudget *only,
								 int64 noted_seq, const uint8 *noted_mac, bool *same);

#endif /* EHDS_HEAD_H */
