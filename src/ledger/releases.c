/*
 * releases.c
 *		Releases under a privacy budget, kept so that the same query gets the same answer.
 *
 * What has been told must be what is told again: a release is kept before any part
 * of the answer leaves, and it stays when the transaction does not. So it is written
 * as entries of the ledger are (store.c): as tuples that are frozen from birth,
 * flushed before the caller goes on. A release is cut into parts that need no TOAST;
 * one of which a part is missing, after a crash, does not count, and has not been
 * told to anybody. Nothing is ever removed: a newer release of the same query takes
 * the place of the older one.
 *
 * The table has no index, as that of the ledger. It holds released figures only,
 * which the grantee has seen.
 */
#include "ledger/releases.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "core/errors.h"
#include "core/random.h"
#include "ledger/store.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

enum
{
	PART_KEY = 1,
	PART_STORE, /* random, the same for all parts of one release */
	PART_RELEASE,
	PART_NUMBER, /* from 1 */
	PART_COUNT,
	PART_AT,
	PART_PERMIT,
	PART_DATA
};

#define PART_NATTS PART_DATA
#define PART_BYTES 1500

static Relation
open_table(LOCKMODE lockmode)
{
	Oid nsp = get_namespace_oid("ehds", true);
	Oid relid = OidIsValid(nsp) ? get_relname_relid("release_part", nsp) : InvalidOid;
	Relation rel = OidIsValid(relid) ? try_relation_open(relid, lockmode) : NULL;

	if (rel == NULL || rel->rd_rel->relkind != RELKIND_RELATION ||
		rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT ||
		rel->rd_tableam != GetHeapamTableAmRoutine() || RelationGetNumberOfAttributes(rel) != PART_NATTS ||
		RelationGetIndexList(rel) != NIL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER), errmsg("the table ehds.release_part has been altered"),
						errdetail("It must be the plain, logged heap table without indexes that "
								  "CREATE EXTENSION made.")));
	return rel;
}

static bytea *
make_bytea(const void *data, int len)
{
	bytea *b = (bytea *) palloc(VARHDRSZ + len);

	SET_VARSIZE(b, VARHDRSZ + len);
	memcpy(VARDATA(b), data, len);
	return b;
}

void
ehds_releases_keep(const uint8 key[EHDS_RELEASE_KEY_LEN], int n, const char *permit, const char *data, int len)
{
	int parts = Max((len + PART_BYTES - 1) / PART_BYTES, 1);
	Datum values[PART_NATTS];
	bool nulls[PART_NATTS] = {0};
	Relation rel;

	if (RecoveryInProgress() || IsParallelWorker())
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_LEDGER), errmsg("a release can't be kept here, so it is not given")));
	(void) GetCurrentTransactionId();
	rel = open_table(RowExclusiveLock);
	values[PART_KEY - 1] = PointerGetDatum(make_bytea(key, EHDS_RELEASE_KEY_LEN));
	values[PART_STORE - 1] = Int64GetDatum((int64) ehds_random_uint64());
	values[PART_RELEASE - 1] = Int32GetDatum(n);
	values[PART_COUNT - 1] = Int32GetDatum(parts);
	values[PART_AT - 1] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[PART_PERMIT - 1] = CStringGetTextDatum(permit);
	for (int i = 0; i < parts; i++)
	{
		bytea *piece = make_bytea(data + i * PART_BYTES, Min(PART_BYTES, len - i * PART_BYTES));

		CHECK_FOR_INTERRUPTS();
		values[PART_NUMBER - 1] = Int32GetDatum(i + 1);
		values[PART_DATA - 1] = PointerGetDatum(piece);
		heap_insert(rel, heap_form_tuple(RelationGetDescr(rel), values, nulls), FirstCommandId,
					HEAP_INSERT_FROZEN | HEAP_INSERT_NO_LOGICAL, NULL);
	}
	table_close(rel, RowExclusiveLock);
	ehds_store_flush();
}

typedef struct Found
{
	int64 store;
	TimestampTz at;
	int parts;
	int have;
	bytea **data; /* by number of the part */
} Found;

/* Take a part of a release into the list of those that were seen. */
static void
take_part(List **seen, const Datum *values)
{
	int64 store = DatumGetInt64(values[PART_STORE - 1]);
	int number = DatumGetInt32(values[PART_NUMBER - 1]);
	int parts = DatumGetInt32(values[PART_COUNT - 1]);
	Found *found = NULL;
	ListCell *lc;

	foreach(lc, *seen)
	{
		if (((Found *) lfirst(lc))->store == store)
			found = lfirst(lc);
	}
	if (found == NULL)
	{
		found = (Found *) palloc0(sizeof(Found));
		found->store = store;
		found->at = DatumGetTimestampTz(values[PART_AT - 1]);
		found->parts = parts;
		found->data = (bytea **) palloc0(sizeof(bytea *) * Max(parts, 1));
		*seen = lappend(*seen, found);
	}
	if (parts != found->parts || number < 1 || number > parts || found->data[number - 1] != NULL)
		return;
	found->data[number - 1] = DatumGetByteaPCopy(values[PART_DATA - 1]);
	found->have++;
}

/* The newest that is complete, put together; NULL: none. */
static bytea *
newest(List *seen, TimestampTz *at)
{
	Found *best = NULL;
	Size len = 0;
	bytea *whole;
	ListCell *lc;

	foreach(lc, seen)
	{
		Found *found = lfirst(lc);

		if (found->parts > 0 && found->have == found->parts && (best == NULL || found->at >= best->at))
			best = found;
	}
	if (best == NULL)
		return NULL;
	for (int i = 0; i < best->parts; i++)
		len += VARSIZE(best->data[i]) - VARHDRSZ;
	whole = (bytea *) palloc(VARHDRSZ + len);
	SET_VARSIZE(whole, VARHDRSZ + len);
	len = 0;
	for (int i = 0; i < best->parts; i++)
	{
		memcpy(VARDATA(whole) + len, VARDATA(best->data[i]), VARSIZE(best->data[i]) - VARHDRSZ);
		len += VARSIZE(best->data[i]) - VARHDRSZ;
	}
	*at = best->at;
	return whole;
}

List *
ehds_releases_find(const uint8 key[EHDS_RELEASE_KEY_LEN], int count, TimestampTz *at)
{
	Relation rel = open_table(AccessShareLock);
	/* as in head.c: frozen rows of all sessions, and the committed ones of a restore */
	TableScanDesc scan = table_beginscan(rel, SnapshotSelf, 0, NULL);
	List **seen = (List **) palloc0(sizeof(List *) * count);
	List *result = NIL;
	HeapTuple tuple;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Datum values[PART_NATTS];
		bool nulls[PART_NATTS];
		bytea *its_key;
		int release;
		bool null = false;

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		for (int i = 0; i < PART_NATTS; i++)
			null = null || nulls[i];
		if (null)
			continue;
		its_key = DatumGetByteaPP(values[PART_KEY - 1]);
		release = DatumGetInt32(values[PART_RELEASE - 1]);
		if (VARSIZE_ANY_EXHDR(its_key) == EHDS_RELEASE_KEY_LEN &&
			memcmp(VARDATA_ANY(its_key), key, EHDS_RELEASE_KEY_LEN) == 0 && release >= 1 && release <= count)
			take_part(&seen[release - 1], values);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);

	*at = DT_NOEND;
	for (int i = 0; i < count; i++)
	{
		TimestampTz kept_at;
		bytea *one = newest(seen[i], &kept_at);

		if (one == NULL)
			return NIL;
		*at = Min(*at, kept_at);
		result = lappend(result, one);
	}
	return result;
}
