/*
 * sealed_vacuum.c
 *		VACUUM and ANALYZE pass over the rows of sealed tables.
 *
 * Both write the number of rows of a table into pg_class, which everybody can read.
 * Autovacuum is switched off for these tables; here they are left out of what the
 * administrator runs by hand or by night.
 */
#include "core/compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "gate/gate.h"

/* What VACUUM or ANALYZE without a name would process, but for the rows of sealed tables. */
static List *
all_but_sealed(void)
{
	Relation rel = table_open(RelationRelationId, AccessShareLock);
	TableScanDesc scan = table_beginscan_catalog(rel, 0, NULL);
	List *relations = NIL;
	HeapTuple tuple;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if ((form->relkind == RELKIND_RELATION || form->relkind == RELKIND_MATVIEW ||
			 form->relkind == RELKIND_PARTITIONED_TABLE) &&
			!OidIsValid(ehds_sealed_view_of_store(form->oid)))
			relations = lappend(relations, makeVacuumRelation(NULL, form->oid, NIL));
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	return relations;
}

static List *
named_but_sealed(List *named)
{
	List *relations = NIL;
	ListCell *lc;

	foreach(lc, named)
	{
		VacuumRelation *one = lfirst(lc);
		Oid relid = one->relation ? RangeVarGetRelid(one->relation, NoLock, true) : one->oid;

		if (OidIsValid(ehds_sealed_view_of_store(relid)))
			ereport(WARNING,
					(errmsg("skipping \"%s\", which holds the rows of a sealed table", get_rel_name(relid))));
		else
			relations = lappend(relations, one);
	}
	return relations;
}

/* The statement without sealed tables; NULL if nothing is left of it. */
PlannedStmt *
ehds_pass_over_sealed(PlannedStmt *pstmt)
{
	VacuumStmt *stmt = castNode(VacuumStmt, pstmt->utilityStmt);
	MemoryContext old;
	ListCell *lc;

	foreach(lc, stmt->options)
	{
		/* of no table */
		if (strcmp(lfirst_node(DefElem, lc)->defname, "only_database_stats") == 0)
			return pstmt;
	}
	/* VACUUM commits while it goes through the list */
	old = MemoryContextSwitchTo(PortalContext ? PortalContext : CurrentMemoryContext);
	pstmt = copyObject(pstmt);
	stmt = castNode(VacuumStmt, pstmt->utilityStmt);
	stmt->rels = stmt->rels == NIL ? all_but_sealed() : named_but_sealed(stmt->rels);
	MemoryContextSwitchTo(old);
	return stmt->rels == NIL ? NULL : pstmt;
}
