/*
 * companions.c
 *		Public relations beside personal data.
 *
 * What stands in one FROM with personal data is evaluated only if there are rows
 * of persons to join, so whatever in it could fail, or tell of being evaluated,
 * would tell of them.
 */
#include "core/compat.h"

#include "catalog/catalog.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "gate/level.h"

CommonTableExpr *
ehds_find_cte(Level *level, RangeTblEntry *rte, RelType **type, Level **home)
{
	int i = 0;
	ListCell *lc;

	for (Index up = 0; up < rte->ctelevelsup; up++)
		level = level->parent;
	*home = level;
	foreach(lc, level->query->cteList)
	{
		CommonTableExpr *cte = lfirst(lc);

		if (strcmp(cte->ctename, rte->ctename) == 0)
		{
			*type = i < list_length(level->cte_types) ? list_nth(level->cte_types, i) : NULL;
			return cte;
		}
		i++;
	}
	return NULL;
}

/*
 * A table may stand beside personal data if reading it is nothing but reading
 * it: no policy, sample or generation expression, no server elsewhere.
 */
static void
require_plain(RangeTblEntry *rte)
{
	if (rte->tablesample != NULL || rte->securityQuals != NIL || IsCatalogRelationOid(rte->relid) ||
		ehds_has_virtual_column(rte->relid))
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("table \"%s\" cannot be joined to personal data", get_rel_name(rte->relid)),
						errdetail("System catalogs, TABLESAMPLE, row-level security and virtual generated "
								  "columns are not allowed beside personal data."),
						errhint("Copy the rows into a table of your own first.")));
}

static void
refuse_subquery(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_EHDS_REFUSED),
			 errmsg("a public subquery that is joined to personal data must be a plain selection"),
			 errhint("Join the public table itself, or store the result in a table of your own first.")));
}

typedef struct
{
	const char *query_string;
	int depth; /* of subqueries below the one that is checked */
} SubqueryWalk;

/*
 * A public subquery that is joined to personal data runs only if there are such
 * rows, so an error in it would tell: it must be harmless as a whole.
 */
static bool
harmless_query_walker(Node *node, void *arg)
{
	SubqueryWalk *walk = (SubqueryWalk *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query *q = (Query *) node;
		ListCell *lc;
		bool result;

		if (q->hasAggs || q->hasWindowFuncs || q->hasTargetSRFs || q->hasSubLinks || q->hasRecursive ||
			q->limitCount || q->limitOffset || q->havingQual || q->groupClause || q->groupingSets ||
			q->distinctClause || q->setOperations || q->windowClause || q->sortClause)
			refuse_subquery();
		ehds_require_harmless(q->jointree->quals, walk->query_string, NULL, NULL);
		foreach(lc, q->targetList)
			ehds_require_harmless((Node *) ((TargetEntry *) lfirst(lc))->expr, walk->query_string, NULL, NULL);
		foreach(lc, q->rtable)
		{
			RangeTblEntry *rte = lfirst(lc);

			if (rte->lateral)
				refuse_subquery();
			switch (rte->rtekind)
			{
				case RTE_RELATION:
					if (rte->inFromCl)
						require_plain(rte);
					break;
				case RTE_VALUES:
					ehds_require_harmless((Node *) rte->values_lists, walk->query_string, NULL, NULL);
					break;
				case RTE_CTE:
					/* its own WITH is walked; one outside could be anything */
					if ((int) rte->ctelevelsup > walk->depth)
						refuse_subquery();
					break;
				case RTE_FUNCTION:
				case RTE_TABLEFUNC:
				case RTE_NAMEDTUPLESTORE:
					refuse_subquery();
					break;
				default:
					break;
			}
		}
		walk->depth++;
		result = query_tree_walker(q, harmless_query_walker, arg, QTW_IGNORE_JOINALIASES);
		walk->depth--;
		return result;
	}
	if (IsA(node, JoinExpr) && ((JoinExpr *) node)->quals != NULL)
		ehds_require_harmless(((JoinExpr *) node)->quals, walk->query_string, NULL, NULL);
	return expression_tree_walker(node, harmless_query_walker, arg);
}

static void
require_harmless_query(Query *query, const char *query_string)
{
	SubqueryWalk walk = {query_string, 0};

	(void) harmless_query_walker((Node *) query, &walk);
}

/* Beside personal data a public relation may do nothing that could fail or tell. */
void
ehds_check_companion(Level *level, RangeTblEntry *rte)
{
	const char *text = level->gate->query_string;
	RelType *type;
	Level *home;
	CommonTableExpr *cte;

	if (rte->lateral)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("LATERAL beside personal data is not supported under a statistics permit"),
						errhint("Write a join with its condition in ON.")));
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			if (!rte->inFromCl)
				break;
			require_plain(rte);
			break;
		case RTE_SUBQUERY:
			require_harmless_query(rte->subquery, text);
			break;
		case RTE_CTE:
			cte = ehds_find_cte(level, rte, &type, &home);
			if (rte->self_reference || cte == NULL || cte->cterecursive)
				ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
								errmsg("recursive WITH cannot be joined to personal data"),
								errhint("Store its result in a table of your own first.")));
			require_harmless_query((Query *) cte->ctequery, text);
			break;
		case RTE_VALUES:
			ehds_require_harmless((Node *) rte->values_lists, text, NULL, NULL);
			break;
		case RTE_FUNCTION:
		case RTE_TABLEFUNC:
		case RTE_NAMEDTUPLESTORE:
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("a function in FROM cannot be joined to personal data"),
					 errhint(
						 "Store its result in a table of your own first, or join it above the aggregates.")));
			break;
		default:
			break;
	}
}
