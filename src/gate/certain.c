/*
 * certain.c
 *		Conditions of a permit's view that hold for every row.
 *
 * A view asks that its subject is not NULL, whatever its column allows at the time
 * when the view is used. Where the column is declared NOT NULL the question costs
 * time for each row and hides nothing. Since 17 the planner leaves it out by itself.
 */
#include "core/compat.h"

#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/makefuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "gate/level.h"

/* Is it IS NOT NULL of a column of a table in the view, which has no NULL? */
static bool
is_certain(Query *view, Node *condition)
{
	NullTest *test = (NullTest *) condition;
	RangeTblEntry *rte;
	Relation rel;
	Var *var;
	bool certain;

	if (!IsA(test, NullTest) || test->nulltesttype != IS_NOT_NULL || test->argisrow || !IsA(test->arg, Var))
		return false;
	var = (Var *) test->arg;
	if (var->varlevelsup != 0 || var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, view->rtable);
	/* children may allow what their parent forbids, and nobody sees to it in foreign tables */
	if (rte->rtekind != RTE_RELATION || get_rel_relkind(rte->relid) != RELKIND_RELATION ||
		has_subclass(rte->relid))
		return false;
	rel = table_open(rte->relid, NoLock);
	certain = TupleDescAttr(RelationGetDescr(rel), var->varattno - 1)->attnotnull;
	table_close(rel, NoLock);
	return certain;
}

/* The view's tables are locked, and it is a copy for one plan. */
void
ehds_drop_certain(Query *view)
{
	List *left = NIL;
	ListCell *lc;

	/* an outer join makes NULL of what is none */
	foreach(lc, view->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		if (rte->rtekind == RTE_JOIN && rte->jointype != JOIN_INNER)
			return;
	}
	foreach(lc, ehds_and_members(view->jointree->quals))
		if (!is_certain(view, lfirst(lc)))
			left = lappend(left, lfirst(lc));
	view->jointree->quals = (Node *) make_ands_explicit(left);
}
