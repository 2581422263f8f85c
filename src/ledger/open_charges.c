/*
 * open_charges.c
 *		Charges of which no answer has left, for the same query to be asked again on.
 *
 * A charge belongs to one execution at a time: that which has made it, or which has
 * taken it from here. Whoever has drawn on it so that something of the draw may have
 * been seen does not put it back (admit.c). So a charge that is here, or that is taken
 * from here, has never been drawn on as far as anybody can tell.
 *
 * They are in shared memory and nowhere else: what is not known for certain, because
 * the server was restarted, a process crashed or there was no room, is charged again,
 * and no restored, copied or promoted state of the tables can bring a charge back. Of
 * too many the oldest is given up. One LWLock (the named tranche "pg_ehds open
 * charges") covers all of it; nothing else is done while it is held.
 */
#include "ledger/open_charges.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#define TRANCHE "pg_ehds open charges"
#define MAX_OPEN 1024

typedef struct Slot
{
	Oid dboid; /* InvalidOid: free */
	LedgerOpenCharge charge;
} Slot;

static LWLock *lock = NULL; /* NULL: the library was not preloaded */
static Slot *slots = NULL;

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

static void
shmem_request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();
	RequestAddinShmemSpace(MAX_OPEN * sizeof(Slot));
	RequestNamedLWLockTranche(TRANCHE, 1);
}

static void
shmem_startup(void)
{
	bool found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	slots = (Slot *) ShmemInitStruct(TRANCHE, MAX_OPEN * sizeof(Slot), &found);
	if (!found)
		memset(slots, 0, MAX_OPEN * sizeof(Slot));
	lock = &(GetNamedLWLockTranche(TRANCHE))->lock;
	LWLockRelease(AddinShmemInitLock);
}

void
ehds_open_charges_init(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = shmem_request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = shmem_startup;
}

void
ehds_open_charge_put(const LedgerOpenCharge *charge)
{
	Slot *into = NULL;

	if (lock == NULL || LWLockHeldByMe(lock))
		return;
	LWLockAcquire(lock, LW_EXCLUSIVE);
	for (int i = 0; i < MAX_OPEN; i++)
	{
		if (!OidIsValid(slots[i].dboid))
		{
			into = &slots[i];
			break;
		}
		if (into == NULL || slots[i].charge.at < into->charge.at)
			into = &slots[i];
	}
	into->dboid = MyDatabaseId;
	into->charge = *charge;
	LWLockRelease(lock);
}

static bool
find(const uint8 *key, LedgerOpenCharge *charge, bool take)
{
	bool found = false;

	if (lock == NULL)
		return false;
	LWLockAcquire(lock, take ? LW_EXCLUSIVE : LW_SHARED);
	for (int i = 0; i < MAX_OPEN && !found; i++)
	{
		if (slots[i].dboid != MyDatabaseId || memcmp(slots[i].charge.key, key, EHDS_CHARGE_KEY_LEN) != 0)
			continue;
		*charge = slots[i].charge;
		if (take)
			slots[i].dboid = InvalidOid;
		found = true;
	}
	LWLockRelease(lock);
	return found;
}

bool
ehds_open_charge_take(const uint8 key[EHDS_CHARGE_KEY_LEN], LedgerOpenCharge *charge)
{
	return find(key, charge, true);
}

bool
ehds_open_charge_see(const uint8 key[EHDS_CHARGE_KEY_LEN], LedgerOpenCharge *charge)
{
	return find(key, charge, false);
}
