/*
 * head.c
 *		The end of each database's ledger, and what has been spent, in shared memory.
 *
 * One LWLock (the named tranche "pg_ehds") covers the heads and the spending of
 * all databases.  A head holds number and MAC of the last entry of one database.
 * It is marked as not loaded before each insertion and as loaded after it, so an
 * error in between leaves it to be read again from the table, as it is at the
 * first use, after a restart, and after a restore (trigger).  While the server
 * runs a head never goes back and no spending shrinks, whatever is taken from
 * the table: the next entry then leaves a gap that ehds.verify_ledger() finds.
 * Another table (DROP and CREATE EXTENSION) starts a new head; DROP DATABASE
 * removes it, since its OID may come back.
 *
 * A restore with its triggers disabled (pg_restore --data-only
 * --disable-triggers) is not noticed; the server has to be restarted after it.
 */
#include "ledger/head.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_database.h"
#include "common/int.h"
#include "ledger/headfile.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#define TRANCHE "pg_ehds"
/* databases with a head in memory; one more takes the place of another */
#define MAX_HEADS 64
/* permits and populations with their spending in memory; the others are read from the table */
#define MAX_SPENT 4096

typedef struct SpentKey
{
	Oid dboid;
	char kind;
	char name[NAMEDATALEN];
} SpentKey;

typedef struct Spent
{
	SpentKey key;
	LedgerAmount amount;
	LedgerAmount last; /* charge */
	int64 last_seq;
} Spent;

static LWLock *ledger_lock = NULL; /* NULL: the library was not preloaded */
static HTAB *heads = NULL;
static HTAB *spending = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;
static object_access_hook_type prev_object_access_hook = NULL;

/* ------------------------------------------------------------------ shared memory */

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(add_size(hash_estimate_size(MAX_HEADS, sizeof(LedgerHead)),
									hash_estimate_size(MAX_SPENT, sizeof(Spent))));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
shmem_startup(void)
{
	HASHCTL ctl;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(LedgerHead);
	heads = ShmemInitHash("pg_ehds ledger heads", MAX_HEADS, MAX_HEADS, &ctl,
						  HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(SpentKey);
	ctl.entrysize = sizeof(Spent);
	spending = ShmemInitHash("pg_ehds spent budgets", MAX_SPENT, MAX_SPENT, &ctl,
							 HASH_ELEM | HASH_BLOBS | HASH_FIXED_SIZE);
	ledger_lock = &(GetNamedLWLockTranche(TRANCHE))->lock;
	LWLockRelease(AddinShmemInitLock);
}

/* Remove all spending of a database.  Needs the lock. */
static void
forget_spending(Oid dboid)
{
	HASH_SEQ_STATUS scan;
	Spent *spent;

	hash_seq_init(&scan, spending);
	while ((spent = (Spent *) hash_seq_search(&scan)) != NULL)
	{
		if (spent->key.dboid == dboid)
			(void) hash_search(spending, &spent->key, HASH_REMOVE, NULL);
	}
}

/* The OID of a dropped database may come back, as another one's. */
static void
object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (prev_object_access_hook)
		prev_object_access_hook(access, classId, objectId, subId, arg);

	if (access == OAT_DROP && classId == DatabaseRelationId && subId == 0 && ledger_lock != NULL)
	{
		LWLockAcquire(ledger_lock, LW_EXCLUSIVE);
		(void) hash_search(heads, &objectId, HASH_REMOVE, NULL);
		forget_spending(objectId);
		ehds_headfile_remove(objectId);
		LWLockRelease(ledger_lock);
	}
}

void
ehds_head_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
	prev_object_access_hook = object_access_hook;
	object_access_hook = object_access;
}

/* This database's head; a new one is not loaded.  Needs the lock, exclusively. */
static LedgerHead *
get_head(Oid relid)
{
	bool found;
	LedgerHead *head = (LedgerHead *) hash_search(heads, &MyDatabaseId, HASH_ENTER_NULL, &found);

	if (head == NULL)
	{
		/* too many databases: any other one reads its table again at its next use */
		HASH_SEQ_STATUS scan;

		hash_seq_init(&scan, heads);
		head = (LedgerHead *) hash_seq_search(&scan);
		hash_seq_term(&scan);
		forget_spending(head->dboid);
		(void) hash_search(heads, &head->dboid, HASH_REMOVE, NULL);
		head = (LedgerHead *) hash_search(heads, &MyDatabaseId, HASH_ENTER, &found);
	}
	if (found && head->relid == relid)
		return head;

	if (found)
		forget_spending(MyDatabaseId);
	memset(head, 0, sizeof(LedgerHead));
	head->dboid = MyDatabaseId;
	head->relid = relid;
	return head;
}

/* ------------------------------------------------------------------ reading the table */

static void
make_key(SpentKey *key, char kind, const char *name)
{
	memset(key, 0, sizeof(*key)); /* compared as bytes */
	key->dboid = MyDatabaseId;
	key->kind = kind;
	strlcpy(key->name, name, NAMEDATALEN);
}

/* A sum that stops at the largest number: forged amounts must not wrap around to little. */
static int64
add_capped(int64 a, int64 b)
{
	int64 sum;

	return pg_add_s64_overflow(a, b, &sum) ? PG_INT64_MAX : sum;
}

static void
add_amount(LedgerAmount *sum, const LedgerAmount *amount)
{
	sum->epsilon = add_capped(sum->epsilon, Max(amount->epsilon, 0));
	sum->delta = add_capped(sum->delta, Max(amount->delta, 0));
	sum->rho = add_capped(sum->rho, Max(amount->rho, 0));
}

/*
 * Whose spending is a row? NULL: nobody's of this kind. What a permit spends in
 * zCDP was set aside from its population's budget by a reservation.
 */
static const char *
spender(const LedgerRow *row, char kind)
{
	bool reserves = row->kind != NULL && strcmp(row->kind, LEDGER_RESERVATION) == 0;

	if (!reserves && (row->kind == NULL || strcmp(row->kind, LEDGER_CHARGE) != 0))
		return NULL;
	if (kind == BUDGET_PERMIT)
		return reserves ? NULL : row->permit;
	return reserves || row->rho_pico == 0 ? row->population : NULL;
}

static void
add_spending(HTAB *sums, char kind, const LedgerRow *row, const LedgerAmount *amount)
{
	const char *name = spender(row, kind);
	SpentKey key;
	Spent *spent;
	bool found;

	if (name == NULL)
		return;
	make_key(&key, kind, name);
	spent = (Spent *) hash_search(sums, &key, HASH_ENTER, &found);
	if (!found)
	{
		memset(&spent->amount, 0, sizeof(spent->amount));
		spent->last_seq = 0;
	}
	add_amount(&spent->amount, amount);
	if (row->seq >= spent->last_seq)
	{
		spent->last = *amount;
		spent->last_seq = row->seq;
	}
}

/*
 * Read the whole table: its last entry into last (seq 0: none), the spending of
 * everybody (sums) or of one (only), and whether the entry numbered noted_seq
 * has the MAC noted_mac (same).  SnapshotSelf sees the frozen rows of all
 * sessions and the committed rows of a restore.
 */
void
ehds_head_scan_table(Relation rel, LedgerRow *last, HTAB *sums, LedgerBudget *only, int64 noted_seq,
					 const uint8 *noted_mac, bool *same)
{
	TupleDesc desc = RelationGetDescr(rel);
	MemoryContext row_cxt = AllocSetContextCreate(CurrentMemoryContext, "pg_ehds ledger row",
												  ALLOCSET_DEFAULT_SIZES);
	TableScanDesc scan = table_beginscan(rel, SnapshotSelf, 0, NULL);
	HeapTuple tuple;
	int64 only_seq = 0;

	memset(last, 0, sizeof(*last));
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Datum values[LEDGER_NATTS];
		bool nulls[LEDGER_NATTS];
		LedgerRow row;
		MemoryContext caller = MemoryContextSwitchTo(row_cxt);

		heap_deform_tuple(tuple, desc, values, nulls);
		if (ehds_chain_deform(desc, values, nulls, &row))
		{
			if (row.seq > last->seq)
			{
				last->seq = row.seq;
				memcpy(last->mac, row.mac, EHDS_HMAC_LEN);
			}
			if (same && row.seq == noted_seq && memcmp(row.mac, noted_mac, EHDS_HMAC_LEN) == 0)
				*same = true;
			if (sums || only)
			{
				LedgerAmount amount = {row.epsilon_nano, row.delta_atto, row.rho_pico};

				if (sums)
				{
					add_spending(sums, BUDGET_PERMIT, &row, &amount);
					add_spending(sums, BUDGET_POPULATION, &row, &amount);
				}
				if (only)
				{
					const char *name = spender(&row, only->kind);

					if (name != NULL && strcmp(name, only->name) == 0)
					{
						add_amount(&only->spent, &amount);
						if (row.seq >= only_seq)
						{
							only->last = amount;
							only_seq = row.seq;
						}
					}
				}
			}
		}
		MemoryContextSwitchTo(caller);
		MemoryContextReset(row_cxt);
	}
	table_endscan(scan);
	MemoryContextDelete(row_cxt);
}

/* Read head and spending from the table, never backwards.  Needs the lock, exclusively. */
static void
load_head(Relation rel, LedgerHead *head)
{
	HASHCTL ctl;
	HTAB *sums;
	HASH_SEQ_STATUS scan;
	Spent *sum;
	LedgerRow last;
	int64 noted_seq = 0;
	uint8 noted_mac[EHDS_HMAC_LEN] = {0};
	bool noted;
	bool same = false;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(SpentKey);
	ctl.entrysize = sizeof(Spent);
	ctl.hcxt = CurrentMemoryContext;
	sums = hash_create("pg_ehds spending", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	noted = ehds_headfile_read(MyDatabaseId, head->relid, &noted_seq, noted_mac);
	ehds_head_scan_table(rel, &last, sums, NULL, noted_seq, noted_mac, &same);

	/* a note that does not fit is evidence: verify_ledger tells, nobody overwrites it */
	head->note = !noted || same;
	head->noted_seq = noted ? noted_seq : 0;

	head->complete = true;
	hash_seq_init(&scan, sums);
	while ((sum = (Spent *) hash_seq_search(&scan)) != NULL)
	{
		bool found;
		Spent *spent = (Spent *) hash_search(spending, &sum->key, HASH_ENTER_NULL, &found);

		if (spent == NULL)
		{
			head->complete = false;
			continue;
		}
		if (!found)
		{
			memset(&spent->amount, 0, sizeof(spent->amount));
			spent->last_seq = 0;
		}
		if (sum->last_seq >= spent->last_seq)
		{
			spent->last = sum->last;
			spent->last_seq = sum->last_seq;
		}
		spent->amount.epsilon = Max(spent->amount.epsilon, sum->amount.epsilon);
		spent->amount.delta = Max(spent->amount.delta, sum->amount.delta);
		spent->amount.rho = Max(spent->amount.rho, sum->amount.rho);
	}
	hash_destroy(sums);

	if (last.seq < head->seq)
		ereport(LOG, (errmsg("the ledger in database %u ends at entry %lld, but entry %lld was written",
							 MyDatabaseId, (long long) last.seq, (long long) head->seq)));
	else
	{
		head->seq = last.seq;
		memcpy(head->mac, last.mac, EHDS_HMAC_LEN);
		head->lsn = InvalidXLogRecPtr;
	}
	head->loaded = true;
}

/* Fill in what a budget has spent.  Needs the lock and a loaded head. */
void
ehds_head_find_spending(Relation rel, const LedgerHead *head, LedgerBudget *budget)
{
	SpentKey key;
	Spent *spent;

	memset(&budget->spent, 0, sizeof(budget->spent));
	memset(&budget->last, 0, sizeof(budget->last));
	make_key(&key, budget->kind, budget->name);
	spent = (Spent *) hash_search(spending, &key, HASH_FIND, NULL);
	if (spent != NULL)
	{
		budget->spent = spent->amount;
		budget->last = spent->last;
	}
	else if (!head->complete)
	{
		LedgerRow last;

		ehds_head_scan_table(rel, &last, NULL, budget, 0, NULL, NULL);
	}
}

/* Count a charge that is in the table now.  Needs the lock. */
void
ehds_head_count_spending(LedgerHead *head, const LedgerBudget *budget)
{
	SpentKey key;
	Spent *spent;

	make_key(&key, budget->kind, budget->name);
	spent = (Spent *) hash_search(spending, &key, HASH_ENTER_NULL, NULL);
	if (spent == NULL)
	{
		head->complete = false;
		return;
	}
	spent->amount = budget->spent;
	add_amount(&spent->amount, &budget->asked);
	/* later charges of a permit in zCDP ask nothing of the population */
	if (budget->asked.epsilon > 0 || budget->asked.rho > 0)
	{
		spent->last = budget->asked;
		spent->last_seq = head->seq;
	}
}

/* ------------------------------------------------------------------ for store.c */

bool
ehds_head_preloaded(void)
{
	return ledger_lock != NULL;
}

void
ehds_head_lock(void)
{
	LWLockAcquire(ledger_lock, LW_EXCLUSIVE);
}

bool
ehds_head_lock_if_free(void)
{
	return !LWLockHeldByMe(ledger_lock) && LWLockConditionalAcquire(ledger_lock, LW_EXCLUSIVE);
}

void
ehds_head_unlock(void)
{
	LWLockRelease(ledger_lock);
}

LedgerHead *
ehds_head_get(Relation rel)
{
	LedgerHead *head = get_head(RelationGetRelid(rel));

	if (!head->loaded)
		load_head(rel, head);
	return head;
}

LedgerHead *
ehds_head_peek(void)
{
	return (LedgerHead *) hash_search(heads, &MyDatabaseId, HASH_FIND, NULL);
}

/* Note the head for the time after a restart, if it is on disk.  Needs the lock. */
void
ehds_head_note(LedgerHead *head)
{
	if (!head->loaded || !head->note || head->seq <= head->noted_seq ||
		(!XLogRecPtrIsInvalid(head->lsn) && XLogNeedsFlush(head->lsn)))
		return;
	ehds_headfile_write(head->dboid, head->relid, head->seq, head->mac);
	head->noted_seq = head->seq;
}
