/*
 * at_rest.c
 *		Tables that the analyst may change, beside personal data.
 *
 * Reading a table changes it: pages are pruned, and entries of indexes that lead to
 * dead rows are marked. A table that is joined to rows of persons may be read only
 * if there are some, and whether it was is seen afterwards by whoever may write to it:
 * the next version of a row finds room in a page that was pruned. So such a table
 * must have nothing that a reader could clear away, and nobody may write to it until
 * the transaction ends. Pages of which VACUUM knows that all is visible are not
 * looked at.
 */
#include "core/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "catalog/pg_inherits.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "core/approval.h"
#include "core/errors.h"
#include "gate/gate.h"

static bool
may_change(Relation rel, Oid role)
{
	return has_privs_of_role(role, rel->rd_rel->relowner) ||
		   pg_class_aclmask(RelationGetRelid(rel), role, ACL_INSERT | ACL_UPDATE | ACL_DELETE, ACLMASK_ANY) !=
			   0;
}

static bool
has_statistics_permit(Oid role)
{
	ListCell *lc;

	foreach(lc, ehds_read_active_permits(role))
	{
		if (((EhdsPermit *) lfirst(lc))->statistics)
			return true;
	}
	return false;
}

/*
 * Is the table declared public, and what is in it none of the analyst's doing? Whoever
 * owns a table may label it: that says nothing of what he puts into it.
 */
bool
ehds_is_public_of_others(Oid relid)
{
	Relation rel;
	bool others;

	if (!ehds_is_public(relid))
		return false;
	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return false;
	others = !may_change(rel, GetUserId()) && !may_change(rel, GetSessionUserId()) &&
			 !has_statistics_permit(rel->rd_rel->relowner);
	relation_close(rel, NoLock);
	return others;
}

/* Has the page a row that is dead, or will be when other sessions have ended? */
static bool
has_dead_rows(Relation rel, Buffer buffer, TransactionId oldest)
{
	Page page;
	bool dead = false;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	/* a reader would look whether there is something to prune, and note that there is not */
	dead = TransactionIdIsValid(((PageHeader) page)->pd_prune_xid);
	for (OffsetNumber n = FirstOffsetNumber; !dead && n <= PageGetMaxOffsetNumber(page); n++)
	{
		ItemId item = PageGetItemId(page, n);
		HeapTupleData tuple;

		dead = ItemIdIsDead(item);
		if (!ItemIdIsNormal(item))
			continue;
		ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), n);
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(rel);
		switch (HeapTupleSatisfiesVacuum(&tuple, oldest, buffer))
		{
			case HEAPTUPLE_DEAD:
			case HEAPTUPLE_RECENTLY_DEAD:
				dead = true;
				break;
			default:
				break;
		}
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return dead;
}

static bool
is_at_rest(Relation rel)
{
	TransactionId oldest = GetOldestNonRemovableTransactionId(rel);
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	BlockNumber n = RelationGetNumberOfBlocks(rel);
	Buffer map = InvalidBuffer;
	bool dead = false;

	for (BlockNumber block = 0; !dead && block < n; block++)
	{
		Buffer buffer;

		CHECK_FOR_INTERRUPTS();
		if (visibilitymap_get_status(rel, block, &map) & VISIBILITYMAP_ALL_VISIBLE)
			continue;
		buffer = ReadBufferExtended(rel, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
		dead = has_dead_rows(rel, buffer, oldest);
		ReleaseBuffer(buffer);
	}
	if (BufferIsValid(map))
		ReleaseBuffer(map);
	FreeAccessStrategy(strategy);
	return !dead;
}

static void
require_at_rest(Relation rel, const char *name)
{
	if (rel->rd_tableam != GetHeapamTableAmRoutine() || !is_at_rest(rel))
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("table \"%s\" holds rows that were changed or deleted, it is not read beside personal "
						"data",
						name),
				 errdetail("Reading it would clear them away, which would tell whether it was read."),
				 errhint("VACUUM it, or copy its rows into a new table.")));
}

static void
require_table(Oid relid)
{
	Relation rel;

	/* until the end of the transaction: nobody makes dead rows from now on */
	rel = try_relation_open(relid, ShareLock);
	if (rel == NULL)
		return;
	if (rel->rd_rel->relkind == RELKIND_RELATION || rel->rd_rel->relkind == RELKIND_MATVIEW)
	{
		require_at_rest(rel, RelationGetRelationName(rel));
		if (OidIsValid(rel->rd_rel->reltoastrelid))
		{
			Relation toast = table_open(rel->rd_rel->reltoastrelid, AccessShareLock);

			require_at_rest(toast, RelationGetRelationName(rel));
			table_close(toast, AccessShareLock);
		}
	}
	relation_close(rel, NoLock);
}

/*
 * Before each execution, and again if a cursor is read after other commands, which may
 * have been undone. beside: tables in which rows of persons may look. Returns those
 * that the role may change, with their partitions.
 */
List *
ehds_require_at_rest(List *beside)
{
	List *own = NIL;
	ListCell *lc;

	foreach(lc, beside)
	{
		ListCell *member;

		if (ehds_is_public_of_others(lfirst_oid(lc)))
			continue;
		foreach(member, find_all_inheritors(lfirst_oid(lc), ShareLock, NULL))
		{
			require_table(lfirst_oid(member));
			own = lappend_oid(own, lfirst_oid(member));
		}
	}
	return own;
}

/* Functions of the analyst's may write while his query runs, and undo it: not to these tables. */
void
ehds_require_not_beside(PlannedStmt *plan)
{
	ListCell *lc;

	foreach(lc, plan->resultRelations)
	{
		Oid relid = rt_fetch(lfirst_int(lc), plan->rtable)->relid;

		if (ehds_execution_reads(relid))
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("table \"%s\" is read beside personal data by the query that runs, it is not "
							"written to meanwhile",
							get_rel_name(relid)),
					 errhint("Write to it before or afterwards.")));
	}
}
