/*
 * companions.c
 *		Public relations beside personal data.
 *
 * What stands in one FROM with personal data is evaluated only if there are rows
 * of persons to join, so whatever in it could fail, or tell of being evaluated,
 * would tell of them.
 */
#include "core/compat.h"

#include "access/transam.h"
#include "catalog/catalog.h"
#include "catalog/pg_aggregate.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "catalog/domain.h"
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
	foreach(lc, level->ctes)
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
require_plain(EhdsGate *gate, RangeTblEntry *rte)
{
	if (rte->tablesample != NULL || rte->securityQuals != NIL || IsCatalogRelationOid(rte->relid) ||
		ehds_has_virtual_column(rte->relid))
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("table \"%s\" cannot be joined to personal data", get_rel_name(rte->relid)),
						errdetail("System catalogs, TABLESAMPLE, row-level security and virtual generated "
								  "columns are not allowed beside personal data."),
						errhint("Copy the rows into a table of your own first.")));
	gate->beside = list_append_unique_oid(gate->beside, rte->relid);
}

static void refuse_subquery(void) pg_attribute_noreturn();

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
	Level *level; /* of the query around the one that is checked */
	int depth;    /* of subqueries below the one that is checked */
} SubqueryWalk;

/*
 * Columns of queries around are compared as any column of persons, and their
 * subjects not at all: a list of public keys would pick persons.
 */
static bool
outer_walker(Node *node, void *arg)
{
	SubqueryWalk *walk = (SubqueryWalk *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, Var) && (int) ((Var *) node)->varlevelsup > walk->depth)
	{
		Var *var = copyObject((Var *) node);
		Var *column;
		Level *home;

		var->varlevelsup -= walk->depth + 1;
		home = ehds_outer_column(walk->level, var, &column);
		if (column->varattno <= 0 || ehds_classify(column, home) == EHDS_COLUMN_SUBJECT)
			EHDS_REFUSE(walk->level->gate->query_string, node,
						errmsg("the subject column is not compared with public data"),
						errhint("Compare other columns; persons are chosen by their properties."));
		return false;
	}
	if (IsA(node, Query))
	{
		bool result;

		walk->depth++;
		result = query_tree_walker((Query *) node, outer_walker, arg, QTW_IGNORE_JOINALIASES);
		walk->depth--;
		return result;
	}
	return expression_tree_walker(node, outer_walker, arg);
}

/*
 * Compared by a type of the server's own, in a collation that is known; elements of
 * arrays and rows bring their own functions.
 */
static bool
compares_plainly(Node *node)
{
	Oid type = getBaseType(exprType(node));

	return type < FirstUnpinnedObjectId && get_typtype(type) == TYPTYPE_BASE &&
		   !OidIsValid(get_element_type(type)) &&
		   (!type_is_collatable(type) || OidIsValid(exprCollation(node)));
}

/* Aggregates that neither raise nor depend on the order of rows. */
static bool
is_harmless_aggregate(Aggref *agg)
{
	char *name = get_func_name(agg->aggfnoid);

	return agg->aggfnoid < FirstUnpinnedObjectId && agg->aggkind == AGGKIND_NORMAL && agg->aggorder == NIL &&
		   agg->aggdistinct == NIL && agg->agglevelsup == 0 &&
		   (agg->args == NIL || compares_plainly((Node *) linitial_node(TargetEntry, agg->args)->expr)) &&
		   (strcmp(name, "count") == 0 || strcmp(name, "min") == 0 || strcmp(name, "max") == 0);
}

/* Harmless aggregates stand in expressions as columns would. */
static Node *
aggregate_mutator(Node *node, void *arg)
{
	SubqueryWalk *walk = (SubqueryWalk *) arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Aggref) && is_harmless_aggregate((Aggref *) node))
	{
		ListCell *lc;
		Var *var;

		foreach(lc, ((Aggref *) node)->args)
			ehds_require_harmless((Node *) lfirst_node(TargetEntry, lc)->expr,
								  walk->level->gate->query_string, NULL, NULL);
		ehds_require_harmless((Node *) ((Aggref *) node)->aggfilter, walk->level->gate->query_string, NULL,
							  NULL);
		var = makeVar(1, 1, exprType(node), exprTypmod(node), exprCollation(node), 0);
		var->location = exprLocation(node);
		return (Node *) var;
	}
	/* subqueries are walked by themselves */
	if (IsA(node, SubLink))
	{
		SubLink *link = (SubLink *) node;
		Var *var;

		if (link->subLinkType != EXISTS_SUBLINK && link->subLinkType != ANY_SUBLINK)
			refuse_subquery();
		ehds_require_harmless(aggregate_mutator(link->testexpr, arg), walk->level->gate->query_string, NULL,
							  NULL);
		var = makeVar(1, 1, exprType(node), exprTypmod(node), exprCollation(node), 0);
		var->location = exprLocation(node);
		return (Node *) var;
	}
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_SUBLINK)
		return (Node *) makeVar(1, 1, exprType(node), exprTypmod(node), exprCollation(node), 0);
	return expression_tree_mutator(node, aggregate_mutator, arg);
}

static void
require_harmless(SubqueryWalk *walk, Node *node)
{
	ehds_require_harmless(aggregate_mutator(node, walk), walk->level->gate->query_string, NULL, NULL);
}

static void
require_plain_keys(Query *query, List *clauses)
{
	ListCell *lc;

	foreach(lc, clauses)
	{
		if (!compares_plainly((Node *) get_sortgroupclause_tle(lfirst(lc), query->targetList)->expr))
			refuse_subquery();
	}
}

/* A number of rows that can be told beforehand and is none to raise at. */
static bool
is_limit(Node *node)
{
	if (node == NULL)
		return true;
	node = eval_const_expressions(NULL, copyObject(node));
	return IsA(node, Const) &&
		   (((Const *) node)->constisnull || DatumGetInt64(((Const *) node)->constvalue) >= 0);
}

/* A WITH query of the analyst's around a public subquery. */
static void
check_outer_cte(SubqueryWalk *walk, RangeTblEntry *rte)
{
	RangeTblEntry there = *rte;
	RelType *type;
	Level *home;
	CommonTableExpr *cte;

	there.ctelevelsup -= walk->depth + 1;
	cte = ehds_find_cte(walk->level, &there, &type, &home);
	if (cte == NULL || cte->cterecursive || type == NULL || type->tracked)
		refuse_subquery();
	ehds_require_harmless_query(home, castNode(Query, cte->ctequery));
}

/* A list of values of a query is as long as a declared domain may be: it is kept in memory or on disk. */
static void
require_short(double n)
{
	if (n > EHDS_DOMAIN_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a list of values that is joined to personal data has at most %d of them",
							   EHDS_DOMAIN_MAX),
						errhint("Store longer ones in a table of your own first.")));
}

static bool
is_own_function(Oid funcid, void *context)
{
	return funcid >= FirstUnpinnedObjectId;
}

/* What is computed here is computed by PostgreSQL's own functions: others could do anything. */
static bool
calls_own_function(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return check_functions_in_node(node, is_own_function, NULL) ||
		   expression_tree_walker(node, calls_own_function, context);
}

/*
 * Values that are what they were when the query was read: a composite type may be
 * altered and labels of an enumeration taken back, and then those that a plan holds
 * raise.
 */
static bool
holds_plain_values(Oid array)
{
	Oid type = getBaseType(get_base_element_type(array));

	return type < FirstUnpinnedObjectId && get_typtype(type) == TYPTYPE_BASE;
}

/*
 * Rows that are written in the query: unnest of a constant array, generate_series of
 * two constant whole numbers. Their arguments are computed here, and there are few of
 * them, so that no error is left for when they run.
 */
static bool
is_written_out(RangeTblEntry *rte)
{
	FuncExpr *f;
	List *args;
	bool null = false;
	ListCell *lc;

	if (list_length(rte->functions) != 1)
		return false;
	f = (FuncExpr *) linitial_node(RangeTblFunction, rte->functions)->funcexpr;
	if (!IsA(f, FuncExpr) || (f->funcid != F_UNNEST_ANYARRAY && f->funcid != F_GENERATE_SERIES_INT4_INT4 &&
							  f->funcid != F_GENERATE_SERIES_INT8_INT8))
		return false;
	if (calls_own_function((Node *) f->args, NULL))
		return false;
	if (f->funcid == F_UNNEST_ANYARRAY && !holds_plain_values(exprType(linitial(f->args))))
		return false;
	/* each of them, though one NULL gives no rows: the others would still be computed */
	foreach(lc, f->args)
	{
		lfirst(lc) = eval_const_expressions(NULL, lfirst(lc));
		if (!IsA(lfirst(lc), Const))
			return false;
		null = null || ((Const *) lfirst(lc))->constisnull;
	}
	if (null)
		return true;
	args = f->args;
	if (f->funcid == F_UNNEST_ANYARRAY)
	{
		ArrayType *array = DatumGetArrayTypeP(linitial_node(Const, args)->constvalue);

		require_short(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)));
	}
	else if (f->funcid == F_GENERATE_SERIES_INT4_INT4)
		require_short((double) DatumGetInt32(lsecond_node(Const, args)->constvalue) -
					  DatumGetInt32(linitial_node(Const, args)->constvalue) + 1);
	else
		require_short((double) DatumGetInt64(lsecond_node(Const, args)->constvalue) -
					  (double) DatumGetInt64(linitial_node(Const, args)->constvalue) + 1);
	return true;
}

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

		if (q->hasWindowFuncs || q->hasTargetSRFs || q->hasRecursive || q->groupingSets || q->windowClause ||
			!is_limit(q->limitCount) || !is_limit(q->limitOffset))
			refuse_subquery();
		if (q->setOperations != NULL)
			ehds_check_set_operation_casts(q, walk->level->gate->query_string);
		ehds_substitute(q, true, NULL, NULL);
		require_plain_keys(q, q->groupClause);
		require_plain_keys(q, q->distinctClause);
		require_plain_keys(q, q->sortClause);
		require_harmless(walk, q->jointree->quals);
		require_harmless(walk, q->havingQual);
		foreach(lc, q->targetList)
		{
			Node *expr = (Node *) lfirst_node(TargetEntry, lc)->expr;

			require_harmless(walk, expr);
			if (q->setOperations != NULL && !compares_plainly(expr))
				refuse_subquery();
		}
		foreach(lc, q->rtable)
		{
			RangeTblEntry *rte = lfirst(lc);

			if (rte->lateral)
				refuse_subquery();
			switch (rte->rtekind)
			{
				case RTE_RELATION:
					if (rte->inFromCl)
						require_plain(walk->level->gate, rte);
					break;
				case RTE_VALUES:
					require_harmless(walk, (Node *) rte->values_lists);
					break;
				case RTE_CTE:
					/* its own WITH is walked */
					if ((int) rte->ctelevelsup > walk->depth)
						check_outer_cte(walk, rte);
					break;
				case RTE_FUNCTION:
					if (is_written_out(rte))
						break;
					/* FALLTHROUGH */
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
	if (IsA(node, JoinExpr))
		require_harmless(walk, ((JoinExpr *) node)->quals);
	return expression_tree_walker(node, harmless_query_walker, arg);
}

void
ehds_require_harmless_query(Level *level, Query *query)
{
	SubqueryWalk walk = {level, 0};

	(void) query_tree_walker(query, outer_walker, &walk, QTW_IGNORE_JOINALIASES);
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

	if (rte->lateral && rte->rtekind != RTE_SUBQUERY)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("LATERAL beside personal data is for subqueries only under a statistics permit"),
				 errhint("Write a join with its condition in ON.")));
	switch (rte->rtekind)
	{
		case RTE_RELATION:
			if (!rte->inFromCl)
				break;
			require_plain(level->gate, rte);
			break;
		case RTE_SUBQUERY:
			ehds_require_harmless_query(level, rte->subquery);
			break;
		case RTE_CTE:
			cte = ehds_find_cte(level, rte, &type, &home);
			if (rte->self_reference || cte == NULL || cte->cterecursive)
				ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
								errmsg("recursive WITH cannot be joined to personal data"),
								errhint("Store its result in a table of your own first.")));
			ehds_require_harmless_query(home, (Query *) cte->ctequery);
			break;
		case RTE_VALUES:
			ehds_require_harmless((Node *) rte->values_lists, text, NULL, NULL);
			break;
		case RTE_FUNCTION:
			if (is_written_out(rte))
				break;
			/* FALLTHROUGH */
		case RTE_TABLEFUNC:
		case RTE_NAMEDTUPLESTORE:
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("a function in FROM cannot be joined to personal data"),
					 errdetail(
						 "Only unnest of a constant array of numbers, texts or the like and generate_series of two constant whole numbers can."),
					 errhint(
						 "Store its result in a table of your own first, or join it above the aggregates.")));
			break;
		default:
			break;
	}
}
