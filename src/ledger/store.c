/*
 * store.c
 *		How entries get into the table ehds.ledger_entry.
 *
 * An entry must outlive the transaction that writes it, cost little and need no
 * second process.  So it is written with heap_insert as a tuple that is frozen
 * from birth: no snapshot and no rollback ever asks whether its inserting
 * transaction committed.  It is kept from logical decoding, which would drop it
 * with the transaction.  Accesses are flushed soon after, charges before the
 * caller goes on.
 *
 * The lock of head.c is held while a row is inserted, so that rows are chained
 * in one order.  Before it, the backend takes RowExclusiveLock on the table,
 * from which only a restore, a rewrite or a superuser's own lock keeps it;
 * everything that can be prepared (key, texts, transaction id) is prepared
 * before.  The WAL is flushed after the lock, so that sessions share flushes.
 *
 * The table has no index: there is nothing to keep right behind heap_insert,
 * and nothing after it that can fail.  Someone who adds one is told by an
 * error, before queries through the index could miss entries.
 */
#include "ledger/store.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "core/errors.h"
#include "ledger/head.h"
#include "ledger/headfile.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* This transaction has restored rows; it has appended entries; this process has. */
static bool restoring = false;
static bool appended_in_xact = false;
static bool exit_registered = false;

/* Where the WAL of this transaction's last entry ends, and whether it needs a durable commit. */
static XLogRecPtr entries_end = InvalidXLogRecPtr;
static bool durable_commit = false;

/* ------------------------------------------------------------------ appending */

bool
ehds_store_writable(const char **why)
{
	const char *problem = NULL;

	if (!ehds_head_preloaded())
		ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER), errmsg("pg_ehds must be in shared_preload_libraries"),
						errhint("Without it the ledger can't record, so nothing may run. An administrator "
								"adds pg_ehds to shared_preload_libraries and restarts the server.")));

	if (RecoveryInProgress())
		problem = "the ledger can't record on a standby server, so nothing may run";
	else if (IsInParallelMode() || IsParallelWorker())
		problem = "the ledger can't record inside a parallel query, so nothing may run";
	else if (restoring)
		problem = "the ledger can't record in a transaction that restores it";

	if (problem != NULL && why == NULL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER), errmsg("%s", problem),
						RecoveryInProgress() ? errhint("Run the query on the primary server.") : 0));
	if (why != NULL)
		*why = problem;
	return problem == NULL;
}

/* The ledger's table of this database. */
static Relation
open_table(LOCKMODE lockmode)
{
	Oid nsp = get_namespace_oid("ehds", true);
	Oid relid = OidIsValid(nsp) ? get_relname_relid("ledger_entry", nsp) : InvalidOid;
	Relation rel = OidIsValid(relid) ? try_relation_open(relid, lockmode) : NULL;

	if (rel == NULL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER),
						errmsg("the extension pg_ehds is not installed in this database")));

	if (rel->rd_rel->relkind != RELKIND_RELATION || rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT ||
		rel->rd_tableam != GetHeapamTableAmRoutine() || RelationGetNumberOfAttributes(rel) != LEDGER_NATTS ||
		RelationGetIndexList(rel) != NIL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER), errmsg("the table ehds.ledger_entry has been altered"),
						errdetail("It must be the plain, logged heap table without indexes that "
								  "CREATE EXTENSION made.")));
	return rel;
}

/* Insert the row behind the head.  Needs the lock and a loaded head. */
static void
insert_row(Relation rel, LedgerHead *head, LedgerRow *row, EhdsHmac *hmac, StringInfo rest)
{
	HeapTuple tuple;

	row->seq = head->seq + 1;
	row->at = GetCurrentTimestamp();
	ehds_chain_mac(hmac, head->mac, row, rest, row->mac);
	tuple = ehds_chain_form_tuple(RelationGetDescr(rel), row);

	/* what heap_insert would move to a TOAST table would not be frozen; texts were cut */
	if (tuple->t_len > TOAST_TUPLE_THRESHOLD)
		elog(ERROR, "entry of %u bytes is too long for the ledger", tuple->t_len);

	head->loaded = false;
	heap_insert(rel, tuple, FirstCommandId, HEAP_INSERT_FROZEN | HEAP_INSERT_NO_LOGICAL, NULL);
	head->seq = row->seq;
	memcpy(head->mac, row->mac, EHDS_HMAC_LEN);
	head->lsn = XactLastRecEnd;
	appended_in_xact = true;
}

/* What is left may be negative where a total was lowered; the difference can't overflow. */
static bool
lacks(int64 asked, int64 total, int64 spent)
{
	return total >= 0 && asked > total - spent;
}

/*
 * Would a charge exceed this budget?  One that asks nothing of it does not, however
 * low its total has been set since.
 */
static bool
exceeds(Relation rel, const LedgerHead *head, LedgerBudget *budget)
{
	const LedgerAmount *asked = &budget->asked;

	if (budget->name == NULL)
		return false;
	ehds_head_find_spending(rel, head, budget);
	if (asked->epsilon == 0 && asked->delta == 0 && asked->rho == 0)
		return false;
	return lacks(asked->epsilon, budget->total.epsilon, budget->spent.epsilon) ||
		   lacks(asked->delta, budget->total.delta, budget->spent.delta) ||
		   lacks(asked->rho, budget->total.rho, budget->spent.rho);
}

/* The budget that is in the way of a charge, or NULL. Needs the lock and a loaded head. */
static LedgerBudget *
check_charge(Relation rel, const LedgerHead *head, LedgerCharge *charge)
{
	if (exceeds(rel, head, &charge->permit))
		return &charge->permit;
	if (charge->reservation != NULL && charge->permit.spent.rho > 0)
	{
		charge->reservation = NULL;
		memset(&charge->population.asked, 0, sizeof(charge->population.asked));
	}
	return exceeds(rel, head, &charge->population) ? &charge->population : NULL;
}

/* At the end of a process that has appended, its entries may not be noted yet. */
static void
note_at_exit(int code, Datum arg)
{
	LedgerHead *head;

	if (!ehds_head_lock_if_free())
		return;
	head = ehds_head_peek();
	if (head != NULL && head->loaded)
	{
		XLogFlush(head->lsn);
		ehds_head_note(head);
	}
	ehds_head_unlock();
}

LedgerBudget *
ehds_store_append(LedgerRow *row, LedgerCharge *charge)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_ehds ledger append",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(cxt);
	StringInfoData rest;
	StringInfoData reserved;
	EhdsHmac *hmac;
	Relation rel;
	LedgerHead *head;
	LedgerBudget *exceeded = NULL;
	bool pushed = false;

	(void) ehds_store_writable(NULL);
	if (XactLastRecEnd != entries_end || strcmp(row->kind, "decision") == 0)
		durable_commit = true;

	if (!exit_registered)
	{
		before_shmem_exit(note_at_exit, (Datum) 0);
		exit_registered = true;
	}

	/* what can fail or wait comes before the lock */
	hmac = ehds_chain_key();
	initStringInfo(&rest);
	ehds_chain_serialise(&rest, row);
	initStringInfo(&reserved);
	if (charge != NULL && charge->reservation != NULL)
		ehds_chain_serialise(&reserved, charge->reservation);
	(void) GetCurrentTransactionId();
	rel = open_table(RowExclusiveLock);

	/* heap_insert wants one where a table has a TOAST table (asserted from 18 on) */
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}

	ehds_head_lock();
	head = ehds_head_get(rel);

	if (charge != NULL)
		exceeded = check_charge(rel, head, charge);

	if (exceeded != NULL)
	{
		LedgerRow *refusal = charge->make_refusal(row, exceeded);

		resetStringInfo(&rest);
		ehds_chain_serialise(&rest, refusal);
		insert_row(rel, head, refusal, hmac, &rest);
	}
	else
	{
		/* first: should the charge itself not get onto the disk, too much is spent, not too little */
		if (charge != NULL && charge->reservation != NULL)
			insert_row(rel, head, charge->reservation, hmac, &reserved);
		insert_row(rel, head, row, hmac, &rest);
		if (charge != NULL)
			ehds_head_count_spending(head, &charge->permit);
		if (charge != NULL && charge->population.name != NULL)
			ehds_head_count_spending(head, &charge->population);
	}
	head->loaded = true;
	ehds_head_unlock();

	if (pushed)
		PopActiveSnapshot();

	/*
	 * The entry needs no lock until the end of the transaction: it does not
	 * depend on it, and a long transaction must not hold up a restore.
	 */
	table_close(rel, RowExclusiveLock);
	entries_end = XactLastRecEnd;
	XLogSetAsyncXactLSN(entries_end);

	MemoryContextSwitchTo(caller);
	MemoryContextDelete(cxt);
	return exceeded;
}

/*
 * Wait for a synchronous standby, whatever synchronous_commit the user has set:
 * a charge that a failover loses would be a refund.  "flush" and not "apply",
 * since only commit records make a standby report what it has applied.
 */
static void
wait_for_standby(XLogRecPtr lsn)
{
	int nest;
	bool confirmed;

	if (max_wal_senders == 0 || SyncRepStandbyNames == NULL || SyncRepStandbyNames[0] == '\0')
		return;

	nest = NewGUCNestLevel();
	(void) set_config_option("synchronous_commit", "on", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(lsn, false);
	RESUME_INTERRUPTS();
	AtEOXact_GUC(false, nest);

	/* a cancelled wait returns with a warning only, which is no reason to answer */
	LWLockAcquire(SyncRepLock, LW_SHARED);
	confirmed = lsn <= WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH];
	LWLockRelease(SyncRepLock);
	if (!confirmed)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_LEDGER),
				 errmsg("the charge was not confirmed by a synchronous standby, so the query does not run")));
}

void
ehds_store_flush(void)
{
	XLogRecPtr lsn = XactLastRecEnd;
	LedgerHead *head;

	XLogFlush(lsn);

	ehds_head_lock();
	head = ehds_head_peek();
	if (head != NULL)
		ehds_head_note(head);
	ehds_head_unlock();

	wait_for_standby(lsn);
}

/* ------------------------------------------------------------------ reading */

void
ehds_store_spent(LedgerBudget *budget)
{
	Relation rel = open_table(AccessShareLock);
	LedgerHead *head;

	/* a standby has no memory of its own, and a session that restores must not spread its rows */
	if (!ehds_head_preloaded() || RecoveryInProgress() || restoring)
	{
		LedgerRow last;

		memset(&budget->spent, 0, sizeof(budget->spent));
		ehds_head_scan_table(rel, &last, NULL, budget, 0, NULL, NULL);
	}
	else
	{
		ehds_head_lock();
		head = ehds_head_get(rel);
		ehds_head_find_spending(rel, head, budget);
		ehds_head_unlock();
	}
	table_close(rel, AccessShareLock);
}

Relation
ehds_store_open(LedgerEnd *end)
{
	Relation rel = open_table(AccessShareLock);

	memset(end, 0, sizeof(*end));
	end->relid = RelationGetRelid(rel);
	if (!ehds_head_preloaded() || RecoveryInProgress() || restoring)
	{
		LedgerRow last;

		end->noted = ehds_headfile_read(MyDatabaseId, end->relid, &end->noted_seq, end->noted_mac);
		ehds_head_scan_table(rel, &last, NULL, NULL, 0, NULL, NULL);
		end->seq = last.seq;
		memcpy(end->mac, last.mac, EHDS_HMAC_LEN);
	}
	else
	{
		LedgerHead *head;

		ehds_head_lock();
		head = ehds_head_get(rel);
		end->seq = head->seq;
		memcpy(end->mac, head->mac, EHDS_HMAC_LEN);
		end->noted = ehds_headfile_read(MyDatabaseId, end->relid, &end->noted_seq, end->noted_mac);
		ehds_head_unlock();
	}
	return rel;
}

/* ------------------------------------------------------------------ restores, end of transaction */

/* What is in memory counts no more. */
static void
unload_head(void)
{
	LedgerHead *head;

	if (!ehds_head_preloaded())
		return;
	ehds_head_lock();
	head = ehds_head_peek();
	if (head != NULL)
		head->loaded = false;
	ehds_head_unlock();
}

/*
 * Called before rows are restored.  The lock keeps appends out until the
 * restoring transaction has ended and has marked the head once more: so nobody
 * chains an entry to a head that the restore is about to replace.
 */
void
ehds_store_restoring(Relation rel)
{
	LockRelation(rel, ShareRowExclusiveLock);
	restoring = true;
	unload_head();
}

bool
ehds_store_is_restoring(void)
{
	return restoring;
}

/*
 * heap_insert has given the transaction an id, so its commit would wait for the
 * disk although nothing depends on it: entries are valid without it, charges
 * have been flushed, and accesses may be flushed a little later.  If it wrote
 * nothing else, a query under a permit is spared that wait.
 */
void
ehds_store_before_commit(void)
{
	if (appended_in_xact && !durable_commit && XactLastRecEnd == entries_end &&
		synchronous_commit > SYNCHRONOUS_COMMIT_OFF)
		(void) set_config_option("synchronous_commit", "off", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL,
								 true, 0, false);
}

/* The transaction has ended; after a commit its entries are on disk as a rule. */
void
ehds_store_at_end(bool committed)
{
	if (restoring)
		unload_head();
	restoring = false;

	if (appended_in_xact && committed)
	{
		LedgerHead *head;

		ehds_head_lock();
		head = ehds_head_peek();
		if (head != NULL)
			ehds_head_note(head);
		ehds_head_unlock();
	}
	appended_in_xact = false;
	entries_end = InvalidXLogRecPtr;
	durable_commit = false;
}
