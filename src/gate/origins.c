/*
 * origins.c
 *		Which column of the permit a value is, and whether it is one as it stands.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "gate/border.h"
#include "gate/level.h"

static bool
is_not_null(Oid relid, AttrNumber attno)
{
	HeapTuple tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(attno));
	bool not_null;

	if (!HeapTupleIsValid(tuple))
		return false;
	not_null = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return not_null;
}

bool
ehds_contains_outer_join(Node *node)
{
	ListCell *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
		{
			if (ehds_contains_outer_join(lfirst(lc)))
				return true;
		}
		return false;
	}
	if (!IsA(node, JoinExpr))
		return false;
	return ((JoinExpr *) node)->jointype != JOIN_INNER ||
		   ehds_contains_outer_join(((JoinExpr *) node)->larg) ||
		   ehds_contains_outer_join(((JoinExpr *) node)->rarg);
}

/*
 * What an aggregate within a person makes of a column as it stands is a magnitude
 * as natural as the column. A condition inside it would hide one from the rules that
 * a release's conditions are held to; flags.c has those that are asked of a person.
 */
bool
ehds_is_plain_of_person(Query *query, Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);
	AttrNumber attno;
	Node *value;
	Var *column;
	RangeTblEntry *rte;

	if (agg->aggfilter != NULL || agg->aggkind != AGGKIND_NORMAL || list_length(agg->args) > 1)
		return false;
	if (agg->args == NIL)
		return true;
	value = (Node *) linitial_node(TargetEntry, agg->args)->expr;
	/* what makes sums and extremes sound keeps the value */
	if (IsA(value, FuncExpr) && list_length(((FuncExpr *) value)->args) == 1 &&
		(((FuncExpr *) value)->funcid == F_TRIM_SCALE ||
		 (get_func_namespace(((FuncExpr *) value)->funcid) == ehds_namespace() &&
		  strcmp(get_func_name(((FuncExpr *) value)->funcid), "addend") == 0)))
		value = linitial(((FuncExpr *) value)->args);
	if (!OidIsValid(ehds_origin_of(query, value, &attno)))
		return false;
	if (strcmp(name, "count") != 0 || agg->aggdistinct != NIL)
		return true;
	/* rows with a value are a condition, unless all rows have one */
	column = ehds_column_of(query, value);
	rte = rt_fetch(column->varno, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY || ehds_permit_view(ehds_view_of_subquery(rte)) == NULL)
		return false;
	column = (Var *) get_tle_by_resno(rte->subquery->targetList, column->varattno)->expr;
	if (!IsA(column, Var) || column->varlevelsup != 0)
		return false;
	rte = rt_fetch(column->varno, rte->subquery->rtable);
	return rte->rtekind == RTE_RELATION && is_not_null(rte->relid, column->varattno) &&
		   !ehds_contains_outer_join((Node *) query->jointree);
}

/*
 * The permit's view of which node is a column as it stands there, InvalidOid if it is
 * none, and which one. What an aggregate within a person gives is a column of its own,
 * of no view: for it the entry's number stands, which is no OID of a view.
 */
Oid
ehds_origin_of(Query *query, Node *node, AttrNumber *attno)
{
	Var *var = ehds_column_of(query, node);
	RangeTblEntry *rte;
	EhdsPermitView *view;

	/* the other sides of UNION may have anything in that place */
	if (var == NULL || var->varattno <= 0 || query->setOperations != NULL)
		return InvalidOid;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY)
		return InvalidOid;
	*attno = var->varattno;
	view = ehds_permit_view(ehds_view_of_subquery(rte));
	if (view != NULL && OidIsValid(view->store))
	{
		/* a sealed table: what its column was when it was made */
		if (var->varattno > view->n_origins)
			return InvalidOid;
		*attno = view->origins[var->varattno - 1].attno;
		return view->origins[var->varattno - 1].view;
	}
	if (view != NULL)
		return view->view;
	node = (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr;
	if (IsA(node, Aggref))
		return ehds_is_plain_of_person(rte->subquery, (Aggref *) node) ? (Oid) var->varno : InvalidOid;
	return ehds_origin_of(rte->subquery, node, attno);
}

/*
 * Values of the analyst's own, an expression or a column of his table, would encode
 * small groups in a sum.
 */
bool
ehds_is_plain_column(Query *query, Node *node)
{
	AttrNumber attno;

	return OidIsValid(ehds_origin_of(query, node, &attno));
}

/* The same column of the permit, under another name, cast, or of the same view joined twice; NULL: rows. */
bool
ehds_same_column_in(Query *query, Node *one, Query *other_query, Node *other)
{
	AttrNumber of_one;
	AttrNumber of_other;
	Oid view;

	if (one == NULL || other == NULL)
		return one == other;
	view = ehds_origin_of(query, one, &of_one);
	return OidIsValid(view) && view == ehds_origin_of(other_query, other, &of_other) && of_one == of_other;
}

bool
ehds_same_column(Border *b, Node *one, Node *other)
{
	return ehds_same_column_in(b->query, one, b->query, other);
}

/* Is it a column of a permit's view that holds no NULL, which no outer join makes NULL? */
bool
ehds_is_never_null(Border *b, Node *node)
{
	Var *var = ehds_column_of(b->query, node);
	RangeTblEntry *rte;
	bool kept = false;
	Var *column;
	ListCell *lc;

	/* the sums of pairs.c are over the rows in which they have a value */
	if (var == NULL)
		return !ehds_is_difference(b->query, node);
	rte = rt_fetch(var->varno, b->query->rtable);
	foreach(lc, b->subjects)
		kept = kept || ((Var *) lfirst(lc))->varno == var->varno;
	if (!kept)
		return false;
	/* through queries that read one thing and leave the column as it is */
	for (;;)
	{
		Query *q = rte->subquery;
		bool view;

		if (rte->rtekind != RTE_SUBQUERY)
			return false;
		view = ehds_permit_view(ehds_view_of_subquery(rte)) != NULL;
		column = (Var *) get_tle_by_resno(q->targetList, var->varattno)->expr;
		if (!IsA(column, Var) || column->varlevelsup != 0)
			return false;
		if (view)
			break;
		if (q->setOperations != NULL || list_length(q->jointree->fromlist) != 1 ||
			!IsA(linitial(q->jointree->fromlist), RangeTblRef))
			return false;
		var = column;
		rte = rt_fetch(var->varno, q->rtable);
	}
	rte = rt_fetch(column->varno, rte->subquery->rtable);
	if (rte->rtekind != RTE_RELATION)
		return false;
	return is_not_null(rte->relid, column->varattno);
}

Var *
ehds_usable_subject(Border *b, Node *node)
{
	Var *var = ehds_column_of(b->query, node);
	ListCell *lc;

	if (var == NULL)
		return NULL;
	foreach(lc, b->subjects)
	{
		Var *s = lfirst(lc);

		if (s->varno == var->varno && s->varattno == var->varattno)
			return s;
	}
	return NULL;
}
