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
 * A release is found by the index on key and time, newest first, whose entries are
 * ours to insert, behind the row's: an error or a crash between the two leaves a part
 * that is not found, of a release that has not been told, for it is flushed after both.
 * (The ledger's table has none: it is written under a lock, behind which nothing may
 * fail, and is never searched.) Each index of the table must be of this shape, so that
 * every one gets its entries; without one that is valid, nothing is told.
 *
 * The table holds released figures only, which the grantee has seen.
 */
#include "ledger/releases.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "core/errors.h"
#include "core/random.h"
#include "ledger/store.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
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

static pg_attribute_noreturn() void altered(void)
{
	ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER), errmsg("the table ehds.release_part has been altered"),
					errdetail("It must be the plain, logged heap table, with the index on key and time, that "
							  "CREATE EXTENSION made.")));
}

static Relation
open_table(LOCKMODE lockmode)
{
	Oid nsp = get_namespace_oid("ehds", true);
	Oid relid = OidIsValid(nsp) ? get_relname_relid("release_part", nsp) : InvalidOid;
	Relation rel = OidIsValid(relid) ? try_relation_open(relid, lockmode) : NULL;

	if (rel == NULL || rel->rd_rel->relkind != RELKIND_RELATION ||
		rel->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT ||
		rel->rd_tableam != GetHeapamTableAmRoutine() || RelationGetNumberOfAttributes(rel) != PART_NATTS)
		altered();
	return rel;
}

/* Is the index on key and time? There are two while one of them is rebuilt concurrently. */
static bool
is_ours(Relation index)
{
	Form_pg_index form = index->rd_index;

	return index->rd_rel->relam == BTREE_AM_OID && form->indnatts == 2 && form->indkey.values[0] == PART_KEY &&
		   form->indkey.values[1] == PART_AT && !form->indisunique && index->rd_indoption[0] == 0 &&
		   index->rd_indoption[1] == 0 && RelationGetIndexPredicate(index) == NIL;
}

/* The indexes of the table, of which at least one is valid. */
static List *
open_indexes(Relation rel, LOCKMODE lockmode)
{
	List *opened = NIL;
	bool valid = false;
	ListCell *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation index = index_open(lfirst_oid(lc), lockmode);

		if (!is_ours(index))
			altered();
		valid = valid || index->rd_index->indisvalid;
		opened = lappend(opened, index);
	}
	if (!valid)
		altered();
	return opened;
}

static void
close_indexes(List *indexes, LOCKMODE lockmode)
{
	ListCell *lc;

	foreach(lc, indexes)
		index_close((Relation) lfirst(lc), lockmode);
}

/* The same for all rows: frozen from birth, with their entries in the indexes. */
static void
insert_part(Relation rel, List *indexes, Datum *values)
{
	bool nulls[PART_NATTS] = {0};
	HeapTuple tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	Datum keys[2] = {values[PART_KEY - 1], values[PART_AT - 1]};
	ListCell *lc;

	heap_insert(rel, tuple, FirstCommandId, HEAP_INSERT_FROZEN | HEAP_INSERT_NO_LOGICAL, NULL);
	foreach(lc, indexes)
	{
		Relation index = (Relation) lfirst(lc);

		if (index->rd_index->indisready)
			(void) index_insert(index, keys, nulls, &tuple->t_self, rel, UNIQUE_CHECK_NO, false,
								BuildIndexInfo(index));
	}
	heap_freetuple(tuple);
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
ehds_releases_keep(const uint8 key[EHDS_RELEASE_KEY_LEN], int n, const char *permit, const char *data,
				   int len, int64 *store)
{
	int parts = Max((len + PART_BYTES - 1) / PART_BYTES, 1);
	Datum values[PART_NATTS];
	Relation rel;
	List *indexes;
	int64 number;

	if (RecoveryInProgress() || IsParallelWorker())
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_LEDGER), errmsg("a release can't be kept here, so it is not given")));
	(void) GetCurrentTransactionId();
	rel = open_table(RowExclusiveLock);
	indexes = open_indexes(rel, RowExclusiveLock);
	do
		number = (int64) ehds_random_uint64();
	while (number == 0);
	values[PART_KEY - 1] = PointerGetDatum(make_bytea(key, EHDS_RELEASE_KEY_LEN));
	values[PART_STORE - 1] = Int64GetDatum(number);
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
		/* the table grows, which everybody may look at: of this draw something is seen now */
		if (i == 0)
			*store = number;
		insert_part(rel, indexes, values);
	}
	close_indexes(indexes, RowExclusiveLock);
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

/* Take a part of a release into the list of those that were seen; the release if it is complete now. */
static Found *
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
		return NULL;
	found->data[number - 1] = DatumGetByteaPCopy(values[PART_DATA - 1]);
	found->have++;
	return found->have == found->parts ? found : NULL;
}

static bytea *
put_together(const Found *found)
{
	Size len = 0;
	bytea *whole;

	for (int i = 0; i < found->parts; i++)
		len += VARSIZE(found->data[i]) - VARHDRSZ;
	whole = (bytea *) palloc(VARHDRSZ + len);
	SET_VARSIZE(whole, VARHDRSZ + len);
	len = 0;
	for (int i = 0; i < found->parts; i++)
	{
		memcpy(VARDATA(whole) + len, VARDATA(found->data[i]), VARSIZE(found->data[i]) - VARHDRSZ);
		len += VARSIZE(found->data[i]) - VARHDRSZ;
	}
	return whole;
}

/* What is looked for: of each release 1 .. count the newest, or that with a number. */
typedef struct Search
{
	int count;
	const int64 *stores; /* NULL: the newest; 0 in it: not looked for */
	List **seen;
	Found **found; /* once complete */
	int missing;
} Search;

static void
take_row(Search *search, const Datum *values)
{
	int n = DatumGetInt32(values[PART_RELEASE - 1]) - 1;

	if (n < 0 || n >= search->count || search->found[n] != NULL)
		return;
	if (search->stores != NULL &&
		(search->stores[n] == 0 || search->stores[n] != DatumGetInt64(values[PART_STORE - 1])))
		return;
	search->found[n] = take_part(&search->seen[n], values);
	if (search->found[n] != NULL)
		search->missing--;
}

/* Read the parts with this key, newest first, until nothing is missing. */
static void
search_index(Search *search, Relation rel, Relation index, const uint8 *key)
{
	/* as in head.c: frozen rows of all sessions, and the committed ones of a restore */
	SysScanDesc scan;
	ScanKeyData of_key;
	HeapTuple tuple;

	ScanKeyInit(&of_key, PART_KEY, BTEqualStrategyNumber, F_BYTEAEQ,
				PointerGetDatum(make_bytea(key, EHDS_RELEASE_KEY_LEN)));
	scan = systable_beginscan_ordered(rel, index, SnapshotSelf, 1, &of_key);
	while (search->missing > 0 && (tuple = systable_getnext_ordered(scan, BackwardScanDirection)) != NULL)
	{
		Datum values[PART_NATTS];
		bool nulls[PART_NATTS];
		bool null = false;

		CHECK_FOR_INTERRUPTS();
		heap_deform_tuple(tuple, RelationGetDescr(rel), values, nulls);
		for (int i = 0; i < PART_NATTS; i++)
			null = null || nulls[i];
		if (!null)
			take_row(search, values);
	}
	systable_endscan_ordered(scan);
}

static bool
search_releases(Search *search, const uint8 *key, bytea **releases)
{
	Relation rel = open_table(AccessShareLock);
	List *indexes = open_indexes(rel, AccessShareLock);
	ListCell *lc;

	search->seen = (List **) palloc0(sizeof(List *) * search->count);
	search->found = (Found **) palloc0(sizeof(Found *) * search->count);
	foreach(lc, indexes)
	{
		if (((Relation) lfirst(lc))->rd_index->indisvalid)
		{
			search_index(search, rel, (Relation) lfirst(lc), key);
			break;
		}
	}
	close_indexes(indexes, AccessShareLock);
	table_close(rel, AccessShareLock);
	if (search->missing > 0)
		return false;
	for (int i = 0; i < search->count; i++)
	{
		if (search->found[i] != NULL)
			releases[i] = put_together(search->found[i]);
	}
	return true;
}

bool
ehds_releases_find(const uint8 key[EHDS_RELEASE_KEY_LEN], int count, bytea **releases, TimestampTz *at)
{
	Search search = {.count = count, .missing = count};

	if (!search_releases(&search, key, releases))
		return false;
	*at = DT_NOEND;
	for (int i = 0; i < count; i++)
		*at = Min(*at, search.found[i]->at);
	return true;
}

bool
ehds_releases_find_stores(const uint8 key[EHDS_RELEASE_KEY_LEN], int count, const int64 *stores,
						  bytea **releases)
{
	Search search = {.count = count, .stores = stores};

	for (int i = 0; i < count; i++)
		search.missing += stores[i] != 0;
	return search.missing == 0 || search_releases(&search, key, releases);
}
