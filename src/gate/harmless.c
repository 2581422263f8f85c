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

/* Is it a column of a sealed table, through subqueries too, that is no copy of a permit's? */
static bool
is_made_and_sealed(Query *query, Var *column)
{
	RangeTblEntry *rte = rt_fetch(column->varno, query->rtable);
	EhdsPermitView *view = ehds_permit_view(ehds_view_of_subquery(rte));
	Var *inner;

	if (rte->rtekind != RTE_SUBQUERY || column->varattno <= 0)
		return false;
	if (view != NULL)
		return OidIsValid(view->store) &&
			   (column->varattno > view->n_origins || !OidIsValid(view->origins[column->varattno - 1].view));
	inner = ehds_column_of(rte->subquery,
						   (Node *) get_tle_by_resno(rte->subquery->targetList, column->varattno)->expr);
	return inner != NULL && is_made_and_sealed(rte->subquery, inner);
}

EhdsColumn
ehds_classify(Var *var, void *context)
{
	Level *level = (Level *) context;
	Var *column;
	RangeTblEntry *rte;

	if (IS_SPECIAL_VARNO(var->varno))
		return var->varno == COLUMN_OF_PERMIT ? EHDS_COLUMN_OF_PERMIT : EHDS_COLUMN_OWN;
	if (ehds_subject_of(level, (Node *) var) != 0)
		return EHDS_COLUMN_SUBJECT;
	column = ehds_column_of(level->query, (Node *) var);
	if (column == NULL)
		return EHDS_COLUMN_OWN;
	if (level->types[column->varno].tracked)
		return is_made_and_sealed(level->query, column) ? EHDS_COLUMN_OWN : EHDS_COLUMN_OF_PERMIT;
	rte = rt_fetch(column->varno, level->query->rtable);
	return rte->rtekind == RTE_RELATION && ehds_is_public(rte->relid) ? EHDS_COLUMN_OF_PERMIT
																	  : EHDS_COLUMN_OWN;
}

static Node *
stand_in(int varno, Node *node)
{
	Var *var = makeVar(varno, 1, exprType(node), exprTypmod(node), exprCollation(node), 0);

	var->location = exprLocation(node);
	return (Node *) var;
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

				if (class == EHDS_COLUMN_SUBJECT)
					EHDS_REFUSE(level->gate->query_string, node,
								errmsg("the subject column of a query around is only for equality with the subject "
									   "column of a table of the permit"),
								errhint("Write for example WHERE v.person_id = p.person_id."));
				return stand_in(class == EHDS_COLUMN_OF_PERMIT ? COLUMN_OF_PERMIT : COLUMN_OWN, node);
			}
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
