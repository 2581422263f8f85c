/*
 * harmless.c
 *		Expressions of a query over personal data, with all that they may refer to.
 *
 * expressions.c knows columns and constants. What is more than that (subqueries,
 * columns of a query around, aggregates and window functions within a person) is
 * checked here by its own rules and then stands in the expression as a column of
 * its type would.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "core/errors.h"
#include "gate/level.h"

/* Range table indexes that no query has: stand-ins. */
#define COLUMN_OF_PERMIT OUTER_VAR
#define COLUMN_OWN INNER_VAR

static bool own_walker(Node *node, void *arg);

/* Is it a column of a sealed table that is no copy of a permit's? */
static bool
is_made_and_sealed(EhdsPermitView *view, AttrNumber attno)
{
	return OidIsValid(view->store) &&
		   (attno <= 0 || attno > view->n_origins || !OidIsValid(view->origins[attno - 1].view));
}

/* Is a column of a query made of a column of the analyst's own? */
static bool
is_own(Query *query, AttrNumber attno)
{
	ListCell *lc;

	if (query->setOperations == NULL)
		return own_walker((Node *) get_tle_by_resno(query->targetList, attno)->expr, query);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *side = lfirst(lc);

		if (side->rtekind == RTE_SUBQUERY && is_own(side->subquery, attno))
			return true;
	}
	return false;
}

static bool
own_walker(Node *node, void *arg)
{
	Query *query = (Query *) arg;
	EhdsPermitView *view;
	Var *column;
	RangeTblEntry *rte;

	if (node == NULL)
		return false;
	if (IsA(node, SubLink) || IsA(node, Param))
		return true;
	if (!IsA(node, Var))
		return expression_tree_walker(node, own_walker, arg);
	column = ehds_column_of(query, node);
	if (column == NULL)
		return true;
	rte = rt_fetch(column->varno, query->rtable);
	if (rte->rtekind == RTE_RELATION)
		return !ehds_is_public_of_others(rte->relid);
	if (rte->rtekind == RTE_JOIN)
		return own_walker(list_nth(rte->joinaliasvars, column->varattno - 1), arg);
	if (rte->rtekind != RTE_SUBQUERY)
		return true;
	view = ehds_permit_view(ehds_view_of_subquery(rte));
	return view != NULL ? is_made_and_sealed(view, column->varattno) : is_own(rte->subquery, column->varattno);
}

/* Does a full join make the column of a subject, before the join is typed? */
static bool
merges_subject(Level *level, Var *column)
{
	RangeTblEntry *rte = rt_fetch(column->varno, level->query->rtable);
	CoalesceExpr *merged;
	ListCell *lc;

	if (rte->rtekind != RTE_JOIN || column->varattno <= 0)
		return false;
	merged = list_nth(rte->joinaliasvars, column->varattno - 1);
	if (merged == NULL || !IsA(merged, CoalesceExpr))
		return false;
	foreach(lc, merged->args)
	{
		Var *arg = ehds_column_of(level->query, lfirst(lc));

		if (arg != NULL && (ehds_subject_of(level, (Node *) arg) != 0 || merges_subject(level, arg)))
			return true;
	}
	return false;
}

EhdsColumn
ehds_classify(Var *var, void *context)
{
	Level *level = (Level *) context;
	Var *column;

	if (IS_SPECIAL_VARNO(var->varno))
		return var->varno == COLUMN_OF_PERMIT ? EHDS_COLUMN_OF_PERMIT : EHDS_COLUMN_OWN;
	if (ehds_subject_of(level, (Node *) var) != 0)
		return EHDS_COLUMN_SUBJECT;
	column = ehds_column_of(level->query, (Node *) var);
	if (column != NULL && merges_subject(level, column))
		return EHDS_COLUMN_SUBJECT;
	return own_walker((Node *) var, level->query) ? EHDS_COLUMN_OWN : EHDS_COLUMN_OF_PERMIT;
}

static Node *
stand_in(int varno, Node *node)
{
	Var *var = makeVar(varno, 1, exprType(node), exprTypmod(node), exprCollation(node), 0);

	var->location = exprLocation(node);
	return (Node *) var;
}

static Node *stand_in_mutator(Node *node, void *arg);

/* A column that USING has cast to the other side's type, which may raise. */
static void
check_merged(Level *level, Var *column)
{
	RangeTblEntry *rte;
	Node *merged;

	if (IS_SPECIAL_VARNO(column->varno) || column->varattno <= 0)
		return;
	rte = rt_fetch(column->varno, level->query->rtable);
	if (rte->rtekind != RTE_JOIN || ehds_subject_of(level, (Node *) column) != 0)
		return;
	merged = list_nth(rte->joinaliasvars, column->varattno - 1);
	if (merged != NULL && !IsA(merged, Var))
		ehds_require_harmless(stand_in_mutator(merged, level), level->gate->query_string, ehds_classify,
							  level);
}

static Node *
stand_in_mutator(Node *node, void *arg)
{
	Level *level = (Level *) arg;

	if (node == NULL)
		return NULL;
	switch (nodeTag(node))
	{
		case T_Var:
			if (((Var *) node)->varlevelsup > 0 && ((Var *) node)->varattno > 0)
			{
				Var *column;
				Level *home = ehds_outer_column(level, (Var *) node, &column);
				EhdsColumn class = ehds_classify(column, home);

				check_merged(home, column);

				if (class == EHDS_COLUMN_SUBJECT)
					EHDS_REFUSE(level->gate->query_string, node,
								errmsg("the subject column of a query around is only for equality with the subject "
									   "column of a table of the permit"),
								errhint("Write for example WHERE v.person_id = p.person_id."));
				return stand_in(class == EHDS_COLUMN_OF_PERMIT ? COLUMN_OF_PERMIT : COLUMN_OWN, node);
			}
			else if (((Var *) node)->varlevelsup == 0)
				check_merged(level, (Var *) node);
			break;
		case T_NullTest:
			/* whether a table that an outer join adds has rows of the person */
			if (ehds_subject_of(level, (Node *) ((NullTest *) node)->arg) != 0)
				return stand_in(COLUMN_OWN, node);
			break;
		case T_SubLink:
			ehds_check_subquery(level, (SubLink *) node);
			return stand_in(COLUMN_OWN, node);
		case T_Param:
			if (((Param *) node)->paramkind == PARAM_SUBLINK)
				return stand_in(COLUMN_OWN, node);
			break;
		case T_Aggref:
			if (level->person_aggregates)
			{
				ehds_check_person_aggregate(level, (Aggref *) node);
				return stand_in(COLUMN_OWN, node);
			}
			break;
		case T_WindowFunc:
			/* all of them were checked with their windows */
			if (level->person_windows)
				return stand_in(COLUMN_OWN, node);
			break;
		default:
			break;
	}
	return expression_tree_mutator(node, stand_in_mutator, arg);
}

/* Raises, with the position and a hint, at the first part of node that is not harmless. */
void
ehds_require_harmless_in(Level *level, Node *node)
{
	ehds_require_harmless(stand_in_mutator(node, level), level->gate->query_string, ehds_classify, level);
}
