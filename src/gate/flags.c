/*
 * flags.c
 *		Sums and averages of what persons are found to have: max(CASE WHEN ... THEN 1
 *		ELSE 0 END) of each of them.
 *
 * Such a sum counts persons under a condition that the analyst chose, so it is held to
 * what conditions of FILTER are: two sums whose difference is a small group are one
 * SELECT's figures like any others.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"

#include "gate/border.h"

/* A constant 0 or 1, or nothing. */
static bool
is_zero_one(Node *node, bool *never_null)
{
	Const *c = (Const *) node;

	if (node == NULL || (IsA(node, Const) && c->constisnull))
	{
		*never_null = false;
		return true;
	}
	return IsA(node, Const) && c->consttype == INT4OID &&
		   (DatumGetInt32(c->constvalue) == 0 || DatumGetInt32(c->constvalue) == 1);
}

static bool
is_flag_aggregate(Aggref *agg, bool *never_null)
{
	char *name = get_func_name(agg->aggfnoid);
	CaseExpr *value;
	ListCell *lc;

	if (get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE || agg->aggkind != AGGKIND_NORMAL ||
		list_length(agg->args) != 1 || (strcmp(name, "max") != 0 && strcmp(name, "min") != 0))
		return false;
	value = (CaseExpr *) linitial_node(TargetEntry, agg->args)->expr;
	if (!IsA(value, CaseExpr))
		return false;
	foreach(lc, value->args)
	{
		if (!is_zero_one((Node *) lfirst_node(CaseWhen, lc)->result, never_null))
			return false;
	}
	if (agg->aggfilter != NULL)
		*never_null = false;
	return is_zero_one((Node *) value->defresult, never_null);
}

/* Is the column of a query such a flag, through subqueries too? */
static bool
is_flag(Query *query, Node *node, bool *never_null)
{
	Var *var = ehds_column_of(query, node);
	RangeTblEntry *rte;

	if (var == NULL || var->varattno <= 0 || query->setOperations != NULL)
		return false;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY || ehds_permit_view(ehds_view_of_subquery(rte)) != NULL)
		return false;
	node = (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr;
	if (IsA(node, Aggref))
	{
		/* of no rows there is no maximum */
		if (rte->subquery->groupClause == NIL)
			*never_null = false;
		return is_flag_aggregate((Aggref *) node, never_null);
	}
	*never_null = false;
	return is_flag(rte->subquery, node, never_null);
}

/* sum(flag) as sum(CASE WHEN flag = 1 THEN 1 ELSE 0 END), and avg(flag); others as they are. */
Aggref *
ehds_flag_as_condition(Border *b, Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);
	bool never_null = true;
	bool kept = false;
	Aggref *result;
	CaseExpr *c;
	Node *flag;
	ListCell *lc;

	if (get_func_namespace(agg->aggfnoid) != PG_CATALOG_NAMESPACE ||
		(strcmp(name, "sum") != 0 && strcmp(name, "avg") != 0) || list_length(agg->args) != 1 ||
		agg->aggdistinct != NIL || !is_flag(b->query, ehds_argument(agg, 0), &never_null))
		return agg;
	result = copyObject(agg);
	flag = ehds_argument(result, 0);
	c = (CaseExpr *) ehds_parse_expression(
		"SELECT CASE WHEN NULL::pg_catalog.int4 OPERATOR(pg_catalog.=) 1 THEN 1 ELSE 0 END");
	linitial(castNode(OpExpr, linitial_node(CaseWhen, c->args)->expr)->args) = flag;
	ehds_set_argument(result, 0, (Node *) c);

	foreach(lc, b->subjects)
		kept = kept || lfirst_node(Var, lc)->varno == ehds_column_of(b->query, flag)->varno;
	if (strcmp(name, "avg") == 0 && !(never_null && kept))
	{
		NullTest *test = makeNode(NullTest);

		test->arg = (Expr *) copyObject(flag);
		test->nulltesttype = IS_NOT_NULL;
		test->location = -1;
		result->aggfilter = result->aggfilter == NULL
								? (Expr *) test
								: makeBoolExpr(AND_EXPR, list_make2(test, result->aggfilter), -1);
	}
	return result;
}
