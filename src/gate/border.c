/*
 * border.c
 *		Turns an aggregation of personal data into a released relation.
 *
 * The query in which the border lies is split. Below, a common table expression
 * of the whole statement computes keys and protected aggregates; it is
 * MATERIALIZED and uncorrelated, so that it is computed once whatever the
 * planner makes of the rest, and so that no expression of the analyst's is
 * pushed below it. Above, the analyst's select list, HAVING, ORDER BY and LIMIT
 * read its columns. Under k-anonymity, rows of small cells do not leave the
 * aggregation; under differential privacy, the input is first bounded to
 * max_groups groups a person, then counted, noised and selected.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "gate/dp_figure.h"
#include "gate/level.h"

#define RELEASE_NAME "ehds release"

static Var *
output_var(int attno, Node *expr)
{
	return makeVar(1, attno, exprType(expr), exprTypmod(expr), exprCollation(expr), 0);
}

/* Does a condition say that a column of a table of persons is there? */
static bool
asks_for_person(Border *b, Node *condition)
{
	ListCell *lc;

	foreach(lc, ehds_and_members(condition))
	{
		NullTest *test = lfirst(lc);
		Var *var = IsA(test, NullTest) ? ehds_column_of(b->query, (Node *) test->arg) : NULL;

		if (var != NULL && test->nulltesttype == IS_NOT_NULL && b->level->types[var->varno].tracked)
			return true;
	}
	return false;
}

/* A release has rows of persons only: where there are others, they would be missing from a number of rows. */
static void
require_rows_of_persons(Border *b, Aggref *agg)
{
	bool share;
	Node *condition = ehds_inner_condition(agg, &share);

	if (!b->level->optional || (!agg->aggstar && condition == NULL) ||
		asks_for_person(b, (Node *) agg->aggfilter) || (!share && asks_for_person(b, condition)))
		return;
	EHDS_REFUSE(b->gate->query_string, agg,
				errmsg("rows of a public table to which no person belongs are not counted"),
				errhint(
					"Count what belongs to persons: count(person_id), count(DISTINCT person_id), or FILTER (WHERE person_id IS NOT NULL AND ...)."));
}

/*
 * The analyst's expressions above the border: group keys and aggregates become
 * columns of the release. A column that is neither is not in GROUP BY (it may be
 * determined by a primary key, but the release has only what is grouped).
 */
static Node *
above_mutator(Node *node, void *arg)
{
	Border *b = (Border *) arg;
	ListCell *lc;
	int attno = 0;

	if (node == NULL)
		return NULL;
	foreach(lc, b->outputs)
	{
		attno++;
		if (equal(node, lfirst(lc)))
			return (Node *) output_var(attno, lfirst(lc));
	}
	if (IsA(node, Aggref))
	{
		Aggref *agg = (Aggref *) node;

		require_rows_of_persons(b, agg);
		if (agg->agglevelsup > 0)
			EHDS_REFUSE(b->gate->query_string, node,
						errmsg("aggregates of an outer query are not supported under a statistics permit"));
		if (b->gate->permit->dp)
		{
			/* dp_count(person_id) and count(DISTINCT person_id) are one release */
			attno = b->first_figure + ehds_dp_figure(b, agg) + 1;
			if (attno <= list_length(b->outputs))
				return (Node *) output_var(attno, list_nth(b->outputs, attno - 1));
		}
		else
			b->released = lappend(b->released, ehds_protected_aggregate(b, agg));
		b->outputs = lappend(b->outputs, node);
		return (Node *) output_var(list_length(b->outputs), node);
	}
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		EHDS_REFUSE(b->gate->query_string, node,
					errmsg("a column beside protected aggregates must be in GROUP BY"));
	if (IsA(node, GroupingFunc))
	{
		Released *grouping = palloc0(sizeof(Released));

		if (((GroupingFunc *) node)->agglevelsup > 0)
			EHDS_REFUSE(b->gate->query_string, node,
						errmsg("GROUPING of an outer query is not supported under a statistics permit"));
		if (b->gate->permit->dp)
			return ehds_dp_grouping(b, (GroupingFunc *) node);
		grouping->value = node;
		b->released = lappend(b->released, grouping);
		b->outputs = lappend(b->outputs, node);
		return (Node *) output_var(list_length(b->outputs), node);
	}
	if (IsA(node, SubLink))
	{
		SubLink *link = (SubLink *) node;

		if (contain_vars_of_level(link->subselect, 1))
			EHDS_REFUSE(b->gate->query_string, node,
						errmsg("a subquery beside protected aggregates must not refer to the query around it"),
						errhint("Put the aggregation into a subquery in FROM, and the subquery around it."));
	}
	return expression_tree_mutator(node, above_mutator, arg);
}

/* A WITH query that is computed once, whatever the planner makes of the rest. */
CommonTableExpr *
ehds_make_cte(char *name, Query *q)
{
	CommonTableExpr *cte = makeNode(CommonTableExpr);
	ListCell *lc;

	cte->ctename = name;
	cte->ctematerialized = CTEMaterializeAlways;
	cte->ctequery = (Node *) q;
	cte->location = -1;
	cte->cterefcount = 1;
	foreach(lc, q->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		Node *expr = (Node *) tle->expr;

		if (tle->resjunk)
			continue;
		cte->ctecolnames = lappend(cte->ctecolnames, makeString(pstrdup(tle->resname)));
		cte->ctecoltypes = lappend_oid(cte->ctecoltypes, exprType(expr));
		cte->ctecoltypmods = lappend_int(cte->ctecoltypmods, exprTypmod(expr));
		cte->ctecolcollations = lappend_oid(cte->ctecolcollations, exprCollation(expr));
	}
	cte->aliascolnames = NIL;
	return cte;
}

static CommonTableExpr *
make_release(EhdsGate *gate, Query *q)
{
	return ehds_make_cte(psprintf("%s %d", RELEASE_NAME, ++gate->borders), q);
}

/* Make the analyst's query read the release in place of its FROM, WHERE and GROUP BY. */
static void
read_release(Query *query, CommonTableExpr *cte, int depth)
{
	RangeTblEntry *rte = makeNode(RangeTblEntry);
	RangeTblRef *ref = makeNode(RangeTblRef);

	rte->rtekind = RTE_CTE;
	rte->ctename = pstrdup(cte->ctename);
	rte->ctelevelsup = depth;
	rte->coltypes = copyObject(cte->ctecoltypes);
	rte->coltypmods = copyObject(cte->ctecoltypmods);
	rte->colcollations = copyObject(cte->ctecolcollations);
	rte->eref = makeAlias(cte->ctename, copyObject(cte->ctecolnames));
	rte->inFromCl = true;

	ehds_forget_range_table(query);
	query->rtable = list_make1(rte);
	ref->rtindex = 1;
	query->jointree = makeFromExpr(list_make1(ref), query->havingQual);
	query->havingQual = NULL;
	query->groupClause = NIL;
	query->groupingSets = NIL;
	query->groupDistinct = false;
	query->hasAggs = false;
	query->constraintDeps = NIL;
	if (depth > 0)
	{
		query->cteList = NIL;
		query->hasRecursive = false;
	}
}

void
ehds_release_border(struct Level *level, List *subjects, bool multiplied)
{
	EhdsGate *gate = level->gate;
	Query *query = level->query;
	int depth = level->depth;
	Border b = {0};
	CommonTableExpr *cte;
	Query *original = makeNode(Query);
	List *targets;
	ListCell *lc;

	for (int up = 1; up <= depth; up++)
	{
		if (contain_vars_of_level((Node *) query, up) || contain_aggs_of_level((Node *) query, up))
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("an aggregation of personal data must not refer to the query around it"),
							errhint("Group by the column instead, and join the results.")));
	}
	foreach(lc, gate->top->cteList)
	{
		if (strncmp(((CommonTableExpr *) lfirst(lc))->ctename, RELEASE_NAME, strlen(RELEASE_NAME)) == 0)
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("WITH names that begin with \"%s\" are reserved", RELEASE_NAME)));
	}

	/* persons are told apart by bytes: more of them than the table's own equality knows */
	foreach(lc, subjects)
	{
		Oid collation = lfirst_node(Var, lc)->varcollid;

		if (OidIsValid(collation) && !get_collation_isdeterministic(collation))
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg(
						 "the subject column has a nondeterministic collation, by which persons cannot be counted"),
					 errhint("The owner of the table can give it a key whose equal values are equal bytes.")));
	}

	*original = *query;
	b.gate = gate;
	b.query = original;
	b.subjects = subjects;
	b.multiplied = multiplied;
	b.level = level;
	b.k = gate->k;
	foreach(lc, query->groupClause)
	{
		TargetEntry *tle = get_sortgroupclause_tle(lfirst(lc), query->targetList);

		b.keys = lappend(b.keys, tle);
		b.outputs = lappend(b.outputs, tle->expr);
	}

	if (gate->permit->dp && query->groupingSets != NIL)
		b.outputs = lappend(b.outputs, ehds_dp_grouping_of_all(&b));
	b.first_figure = list_length(b.outputs);

	/* the analyst's side first: it finds which aggregates are asked for */
	targets = NIL;
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = flatCopyTargetEntry(lfirst(lc));

		tle->expr = (Expr *) above_mutator((Node *) tle->expr, &b);
		tle->resorigtbl = InvalidOid;
		tle->resorigcol = 0;
		targets = lappend(targets, tle);
	}
	query->havingQual = above_mutator(query->havingQual, &b);
	query->targetList = targets;
	/* the WITH list goes below, out of sight of what stays above */
	if (depth > 0 && query->cteList != NIL &&
		(checkExprHasSubLink((Node *) targets) || checkExprHasSubLink(query->havingQual)))
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("WITH and a subquery in an expression stand beside protected aggregates in a subquery"),
				 errhint("Move the WITH clause to the beginning of the statement.")));

	if (gate->permit->dp)
	{
		if (b.figures == NIL)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("a query with GROUP BY under permit \"%s\" needs a differentially private aggregate",
							gate->permit->permit),
					 errhint("Add ehds.dp_count(person_id).")));
		cte = make_release(gate, ehds_recorded(gate, ehds_dp_release_query(&b, depth)));
	}
	else
		cte = make_release(gate, ehds_k_release(&b, depth));
	gate->pending = lappend(gate->pending, cte);
	read_release(query, cte, depth);
}
