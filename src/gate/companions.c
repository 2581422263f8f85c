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
void
ehds_require_plain_companion(RangeTblEntry *rte)
{
	if (rte->tablesample != NULL || rte->securityQuals != NIL || IsCatalogRelationOid(rte->relid) ||
		ehds_has_virtual_column(rte->relid))
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("table \"%s\" cannot be joined to personal data", get_rel_name(rte->relid)),
						errdetail("System catalogs, TABLESAMPLE, row-level security and virtual generated "
								  "columns are not allowed beside personal data."),
						errhint("Copy the rows into a table of your own first.")));
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
			ehds_require_plain_companion(rte);
			break;
		case RTE_SUBQUERY:
			ehds_require_harmless_query(rte->subquery, text);
			break;
		case RTE_CTE:
			cte = ehds_find_cte(level, rte, &type, &home);
			if (rte->self_reference || cte == NULL || cte->cterecursive)
				ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
								errmsg("recursive WITH cannot be joined to personal data"),
								errhint("Store its result in a table of your own first.")));
			ehds_require_harmless_query((Query *) cte->ctequery, text);
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
