/*
 * relied.c
 *		What the check relied on must still hold when the query runs.
 *
 * The planner computes IMMUTABLE functions of the analyst's, in the query or in an
 * expression of an index of his, and these may call others that write.  By then the
 * gate has seen that a table of his has one row a key, or that a sealed table was made
 * in one go, and counts rows for that reason.  Until the plan is made, this is looked
 * up again; from then on its locks keep the keys, and the rows of sealed tables are
 * looked up at the start of each execution.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/catalog.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "gate/gate.h"

/* Does the index forbid two rows with one key? */
static bool
is_unique_index(Oid index)
{
	HeapTuple tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool unique = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);

		unique = form->indisunique && form->indimmediate && form->indisvalid;
		ReleaseSysCache(tuple);
	}
	return unique;
}

/* Before the query is checked: the keys of the tables in it. */
void
ehds_note_relied(EhdsGate *gate)
{
	ListCell *lc;

	foreach(lc, gate->seen)
	{
		Oid relid = lfirst_oid(lc);
		char relkind = get_rel_relkind(relid);
		Relation rel;
		ListCell *index;

		if (IsCatalogRelationOid(relid) ||
			(relkind != RELKIND_RELATION && relkind != RELKIND_PARTITIONED_TABLE && relkind != RELKIND_MATVIEW))
			continue;
		rel = table_open(relid, AccessShareLock);
		if (relkind == RELKIND_PARTITIONED_TABLE || !rel->rd_rel->relhassubclass)
		{
			foreach(index, RelationGetIndexList(rel))
			{
				if (is_unique_index(lfirst_oid(index)))
					gate->keys = lappend_oid(gate->keys, lfirst_oid(index));
			}
		}
		table_close(rel, AccessShareLock);
	}
	foreach(lc, gate->views)
	{
		EhdsPermitView *view = ehds_permit_view(lfirst_oid(lc));

		if (view != NULL && OidIsValid(view->store) && !view->multiplied)
			gate->whole = lappend_oid(gate->whole, view->view);
	}
}

static void
changed(Oid relid)
{
	const char *name = get_rel_name(relid);

	ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
					errmsg("table \"%s\" changed while the query that reads it was planned",
						   name ? name : "(dropped)"),
					errhint("Run it again, without functions that write.")));
}

/* When the plan is made. */
void
ehds_require_relied(EhdsGate *gate)
{
	ListCell *lc;

	foreach(lc, gate->keys)
	{
		Oid index = lfirst_oid(lc);
		Oid relid = is_unique_index(index) ? IndexGetRelation(index, true) : InvalidOid;

		if (!OidIsValid(relid) || (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE && has_subclass(relid)))
			changed(relid);
	}
	ehds_require_whole(gate->whole);
}

/* Nothing was added to these sealed tables after they were made. */
void
ehds_require_whole(List *views)
{
	ListCell *lc;

	foreach(lc, views)
	{
		if (!ehds_sealed_is_whole(lfirst_oid(lc)))
			changed(lfirst_oid(lc));
	}
}
