/*
 * check.c
 *		Types the relations of a query under a statistics permit.
 *
 * A relation is public, or tracked by a subject: a disjoint union, over subjects,
 * of what the query makes of that subject's rows and public data. Aggregation of
 * a tracked relation is the border; what comes out of it (border.c) is public,
 * and anything may be done with public relations. The result must be public.
 *
 * A tracked query that groups by the subject, or whose rows are tied to the person
 * of a query around it, stays tracked: what it computes is of one person.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "dp/dp.h"
#include "gate/level.h"

/* The subject column of a permit's view, as the caller of the view sees it. */
static RelType
type_of_view(EhdsPermitView *view, RangeTblEntry *rte)
{
	RelType type = {true, view->multiplied, NULL, NIL};
	ListCell *lc;

	foreach(lc, rte->subquery->targetList)
	{
		TargetEntry *tle = lfirst(lc);

		if (!tle->resjunk && strcmp(tle->resname, view->subject) == 0)
			type.subjects = bms_add_member(type.subjects, tle->resno);
	}
	if (type.subjects == NULL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_DECLARATION),
						errmsg("a view of permit \"%s\" has no subject column", view->permit),
						errhint("The administrator compiles it again: ehds.after_load().")));
	return type;
}

/* The names of a subquery's columns, with those that were added to it. */
static void
name_columns(RangeTblEntry *rte)
{
	ListCell *lc;

	foreach(lc, rte->subquery->targetList)
	{
		TargetEntry *tle = lfirst(lc);

		if (!tle->resjunk && tle->resno > list_length(rte->eref->colnames))
			rte->eref->colnames = lappend(rte->eref->colnames, makeString(pstrdup(tle->resname)));
	}
}

/*
 * A WITH query over rows of persons becomes a subquery wherever it is read: it is
 * the same function of a person's rows there, and what its columns are can be
 * followed.
 */
static void
inline_cte(RangeTblEntry *rte, CommonTableExpr *cte)
{
	Query *query = copyObject(castNode(Query, cte->ctequery));

	if (rte->ctelevelsup > 0)
		IncrementVarSublevelsUp((Node *) query, rte->ctelevelsup, 1);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = query;
	rte->security_barrier = false;
	rte->ctename = NULL;
	rte->ctelevelsup = 0;
	rte->self_reference = false;
	rte->coltypes = NIL;
	rte->coltypmods = NIL;
	rte->colcollations = NIL;
	name_columns(rte);
	cte->cterefcount--;
}

static RelType
type_of_entry(Level *level, RangeTblEntry *rte)
{
	RelType public = {false, false, NULL, NIL};
	RelType result;
	RelType *type;
	Level *home;
	CommonTableExpr *cte;
	EhdsPermitView *view;

	switch (rte->rtekind)
	{
		case RTE_RELATION:
			if (rte->inFromCl)
				ehds_require_public_relation(rte->relid);
			return public;
		case RTE_SUBQUERY:
			view = ehds_permit_view(ehds_view_of_subquery(rte));
			if (view == NULL)
			{
				result = ehds_check_query(level->gate, rte->subquery, level,
										  level->query->setOperations ? PLACE_SET_OPERATION : PLACE_FROM);
				name_columns(rte);
				return result;
			}
			ehds_plant_approval(level->gate, rte->subquery);
			/* only harmless expressions remain above the view, so it may use indexes */
			rte->security_barrier = false;
			return type_of_view(view, rte);
		case RTE_CTE:
			if (rte->self_reference)
				return public; /* recursion over personal data was refused before */
			cte = ehds_find_cte(level, rte, &type, &home);
			if (cte == NULL || type == NULL || !type->tracked)
				return public;
			result = *type;
			/* its ties are to queries around it, which are further away from here */
			if (result.outer != NIL && rte->ctelevelsup > 0)
			{
				ListCell *lc;

				result.outer = NIL;
				foreach(lc, type->outer)
				{
					OuterEntry *outer = palloc(sizeof(OuterEntry));

					*outer = *(OuterEntry *) lfirst(lc);
					outer->up += rte->ctelevelsup;
					result.outer = lappend(result.outer, outer);
				}
			}
			inline_cte(rte, cte);
			return result;
		default:
			return public;
	}
}

/* WITH queries over rows of persons were put wherever they are read. */
static List *
without_inlined(Level *level, List *ctes)
{
	List *kept = NIL;
	int i = 0;
	ListCell *lc;

	foreach(lc, ctes)
	{
		if (!((RelType *) list_nth(level->cte_types, i++))->tracked)
			kept = lappend(kept, lfirst(lc));
	}
	return kept;
}

/* Subqueries in expressions over public relations: each must be public itself. */
static bool
sublink_walker(Node *node, void *arg)
{
	Level *level = (Level *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		SubLink *link = (SubLink *) node;

		if (ehds_check_query(level->gate, castNode(Query, link->subselect), level, PLACE_EXPRESSION).tracked)
			EHDS_REFUSE(level->gate->query_string, node,
						errmsg("a subquery in an expression reads rows of persons"),
						errhint("Aggregate in the subquery, or write it as a join on the subject."));
		return sublink_walker(link->testexpr, arg);
	}
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, sublink_walker, arg);
}

typedef struct
{
	Level *level;
	List *keys; /* expressions */
} Above;

/*
 * The same above an aggregation of personal data. What is inside a group key or an
 * aggregate is below it, and was checked there or will be refused.
 */
static bool
above_walker(Node *node, void *arg)
{
	Above *above = (Above *) arg;

	if (node == NULL || IsA(node, Aggref) || list_member(above->keys, node))
		return false;
	if (IsA(node, SubLink))
		return sublink_walker(node, above->level);
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, above_walker, arg);
}

/* Replaces columns by NULLs of their type, for a query that is known to be empty. */
static Node *
nullify_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		return (Node *) makeNullConst(((Var *) node)->vartype, ((Var *) node)->vartypmod,
									  ((Var *) node)->varcollid);
	return expression_tree_mutator(node, nullify_mutator, context);
}

static bool
is_constant(Node *node, int64 value_or_null)
{
	Const *c;

	if (node == NULL)
		return false;
	node = eval_const_expressions(NULL, copyObject(node));
	if (!IsA(node, Const))
		return false;
	c = (Const *) node;
	if (c->consttype == BOOLOID)
		return c->constisnull || !DatumGetBool(c->constvalue);
	return !c->constisnull && c->consttype == INT8OID && DatumGetInt64(c->constvalue) == value_or_null;
}

/*
 * WHERE 0 = 1 and LIMIT 0, by which clients ask for the columns, give no row
 * whatever the data. They are answered without looking at it.
 */
static bool
make_empty(Level *level)
{
	Query *q = level->query;

	if (q->hasAggs || q->groupClause || q->setOperations || q->hasTargetSRFs || q->hasWindowFuncs ||
		q->hasSubLinks || !(is_constant(q->jointree->quals, 0) || is_constant(q->limitCount, 0)))
		return false;
	q->targetList = (List *) nullify_mutator((Node *) q->targetList, NULL);
	q->jointree = makeFromExpr(NIL, makeBoolConst(false, false));
	ehds_forget_range_table(q);
	q->cteList = NIL;
	q->hasRecursive = false;
	q->sortClause = NIL;
	q->distinctClause = NIL;
	q->hasDistinctOn = false;
	q->limitCount = q->limitOffset = NULL;
	return true;
}

/* Group keys must be of a type in which equal values look the same. */
void
ehds_require_key_type(Level *level, Node *key)
{
	Oid type = getBaseType(exprType(key));

	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case UUIDOID:
			break;
		case NUMERICOID:
			/* shown without trailing zeros; a domain may not allow that */
			if (exprType(key) == NUMERICOID)
				break;
			goto refuse;
		case FLOAT8OID:
			/* shown without the sign of a zero, too; private releases tell keys apart by their bytes */
			if (exprType(key) == FLOAT8OID && !level->gate->permit->dp)
				break;
			goto refuse;
		case TEXTOID:
		case VARCHAROID:
			if (OidIsValid(exprCollation(key)) && get_collation_isdeterministic(exprCollation(key)))
				break;
			goto refuse;
		case BPCHAROID:
			/* all values of a column of char(n) have n characters */
			if (exprType(key) == BPCHAROID && exprTypmod(key) >= 0 && IsA(key, Var) &&
				OidIsValid(exprCollation(key)) && get_collation_isdeterministic(exprCollation(key)))
				break;
			goto refuse;
		default:
			if (get_typtype(type) == TYPTYPE_ENUM && ehds_column_of(level->query, key) != NULL)
				break;
		refuse:
			EHDS_REFUSE(level->gate->query_string, key,
						errmsg("values of type %s cannot be group keys under a permit", format_type_be(type)),
						errdetail(
							"Equal values may look different, and one person's row would decide which is shown."),
						errhint("Group by a column of type text, integer, date, numeric or double precision."));
	}
}

/* Group keys must show the same whoever's row comes first. */
static void
check_group_keys(Level *level)
{
	Query *q = level->query;
	ListCell *lc;

	if (q->groupingSets != NIL && level->gate->permit->cell_key)
		EHDS_REFUSE(level->gate->query_string, NULL,
					errmsg("GROUPING SETS, ROLLUP and CUBE are not supported under permit \"%s\"",
						   level->gate->permit->permit),
					errhint("Run one query for each grouping."));
	if (list_length(expand_grouping_sets(q->groupingSets, true, -1)) > 1 &&
		list_length(q->groupClause) > EHDS_MARGIN_KEYS_MAX)
		EHDS_REFUSE(level->gate->query_string, NULL,
					errmsg("GROUPING SETS, ROLLUP and CUBE take at most %d group keys under a statistics permit",
						   EHDS_MARGIN_KEYS_MAX),
					errhint("Run several queries with fewer keys."));
	foreach(lc, q->groupClause)
	{
		TargetEntry *tle = get_sortgroupclause_tle(lfirst(lc), q->targetList);
		Node *key = (Node *) tle->expr;

		if (ehds_subject_of(level, key) != 0)
			EHDS_REFUSE(level->gate->query_string, NULL,
						errmsg("a statistics permit does not group by the subject"),
						errhint("Group by properties of persons; each cell must hold several of them."));
		ehds_require_harmless_in(level, key);
		ehds_require_key_type(level, key);
	}
}

/* A statement or subquery that reads no rows of persons, but for released ones. */
static void
check_public(Level *level)
{
	Query *query = level->query;
	ListCell *lc;

	(void) sublink_walker((Node *) query->targetList, level);
	(void) sublink_walker((Node *) query->jointree, level);
	(void) sublink_walker(query->havingQual, level);
	(void) sublink_walker(query->limitCount, level);
	(void) sublink_walker(query->limitOffset, level);
	(void) sublink_walker((Node *) query->windowClause, level);
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		(void) sublink_walker((Node *) rte->functions, level);
		(void) sublink_walker((Node *) rte->values_lists, level);
		(void) sublink_walker((Node *) rte->tablefunc, level);
		(void) sublink_walker((Node *) rte->tablesample, level);
		(void) sublink_walker((Node *) rte->securityQuals, level);
	}
}

/* The relations of FROM, as far as they hold persons, are of one person a row. */
static void
check_from(Level *level)
{
	Query *query = level->query;
	int i = 0;
	ListCell *lc;

	ehds_substitute(query, false, ehds_classify, level);
	foreach(lc, query->rtable)
	{
		i++;
		if (!level->types[i].tracked)
			ehds_check_companion(level, lfirst(lc));
		else
			ehds_tie(level, i, level->types[i].outer);
	}
	level->entries = ehds_check_jointree(level, (Node *) query->jointree);
	if (!ehds_connected(level, level->entries))
		ehds_refuse_unjoined(level, query->jointree->quals);
	foreach(lc, level->claims)
	{
		if (!ehds_connected(level, lfirst(lc)))
			ehds_refuse_unjoined(level, query->jointree->quals);
	}
	if (level->must_be_tied && !ehds_is_tied(level))
		EHDS_REFUSE(level->gate->query_string, query->jointree->quals,
					errmsg("a subquery is correlated with a query that is not next to it"),
					errhint("Correlate each subquery by the subject with the query around it."));
}

/* Subjects that are compared with a list must not be NULL. */
static void
check_kept(Level *level)
{
	ListCell *lc;

	foreach(lc, level->kept)
	{
		if (level->optional || !list_member_int(level->entries, lfirst_int(lc)))
			EHDS_REFUSE(level->gate->query_string, NULL,
						errmsg("the subject column of a table that an outer join adds may be NULL, it is not compared "
							   "with a subquery"),
						errhint("Use the subject column of the table whose rows are kept."));
	}
}

/* An aggregation over persons: what it releases is public. */
static void
check_aggregation(Level *level)
{
	Query *query = level->query;
	Above above = {level, NIL};
	ListCell *lc;

	check_group_keys(level);
	foreach(lc, query->groupClause)
		above.keys = lappend(above.keys, get_sortgroupclause_tle(lfirst(lc), query->targetList)->expr);
	(void) above_walker((Node *) query->targetList, &above);
	(void) above_walker(query->havingQual, &above);
	(void) above_walker(query->limitCount, &above);
	(void) above_walker(query->limitOffset, &above);
	(void) above_walker((Node *) query->windowClause, &above);
	if (level->depth > 0)
		query->cteList = without_inlined(level, level->ctes);
	ehds_release_border(level, ehds_subject_vars(level, level->entries), ehds_may_multiply(level));
	/* conditions of FILTER are among what compares */
	check_kept(level);
}

static RelType
check_tracked(Level *level)
{
	Query *query = level->query;
	RelType public = {false, false, NULL, NIL};
	RelType type;

	if (query->setOperations != NULL)
		return ehds_type_set_operation(level);
	check_from(level);
	ehds_share_filters(level);
	/* distinct values of rows of persons are the groups of an aggregation without aggregates */
	if (query->distinctClause != NIL && !query->hasDistinctOn && !query->hasAggs && !query->hasWindowFuncs &&
		query->groupClause == NIL && !ehds_has_subject(level, query->distinctClause))
	{
		query->groupClause = query->distinctClause;
		query->distinctClause = NIL;
	}
	if (!(query->hasAggs || query->groupClause || query->groupingSets || query->havingQual))
	{
		ehds_substitute_outputs(query, ehds_classify, level);
		type = ehds_type_rows(level);
	}
	else if (ehds_has_subject(level, query->groupClause))
	{
		ehds_substitute_outputs(query, ehds_classify, level);
		type = ehds_type_per_person(level);
	}
	else
	{
		check_aggregation(level);
		return public;
	}
	check_kept(level);
	return type;
}

RelType
ehds_check_query(EhdsGate *gate, Query *query, Level *parent, Place place)
{
	RelType type = {false, false, NULL, NIL};
	Level *level = palloc0(sizeof(Level));
	int n = list_length(query->rtable);
	bool tracked = false;
	List *ctes = NIL;
	ListCell *lc;
	int i;

	check_stack_depth();
	level->gate = gate;
	level->query = query;
	level->parent = parent;
	level->place = place;
	level->depth = parent ? parent->depth + 1 : 0;
	level->types = palloc0(sizeof(RelType) * (n + 1));
	level->component = palloc0(sizeof(int) * (n + 1));
	level->added_on = palloc0(sizeof(List *) * (n + 1));
	level->nulled = palloc0(sizeof(Bitmapset *) * (n + 1));
	for (i = 0; i <= n; i++)
		level->component[i] = i;
	ehds_flatten_group_rte(query);

	if (parent == NULL && !gate->seal && make_empty(level))
		return type;

	level->ctes = list_copy(query->cteList);
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst(lc);
		RelType *cte_type = palloc0(sizeof(RelType));

		if (cte->cterecursive && ehds_mentions_permit_view((Query *) cte->ctequery))
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("recursive WITH over personal data is not supported")));
		*cte_type = ehds_check_query(gate, castNode(Query, cte->ctequery), level, PLACE_FROM);
		level->cte_types = lappend(level->cte_types, cte_type);

		/* releases that this WITH query reads come before it in the statement's list */
		if (level->depth == 0)
		{
			ctes = list_concat(ctes, gate->pending);
			gate->pending = NIL;
			if (!cte_type->tracked)
				ctes = lappend(ctes, cte);
		}
	}

	i = 0;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		i++;
		level->types[i] = type_of_entry(level, rte);
		tracked = tracked || level->types[i].tracked;
	}

	if (tracked)
		type = check_tracked(level);
	else
		check_public(level);

	if (level->depth == 0)
	{
		query->cteList = list_concat(ctes, gate->pending);
		gate->pending = NIL;
	}
	else if (query->cteList != NIL)
		query->cteList = without_inlined(level, level->ctes);
	return type;
}

void
ehds_check_statistics(EhdsGate *gate, Query *query)
{
	EhdsPermit *p = gate->permit;
	RelType result;

	gate->k = p->dp ? 0 : p->k;
	if (p->dp)
		ehds_begin_private(gate);
	result = ehds_check_query(gate, query, NULL, PLACE_STATEMENT);
	Assert(gate->seal || !result.tracked);
	gate->sealed = result.tracked;
	gate->sealed_multiplied = result.multiplied;
	gate->seal_subjects = result.subjects;
}
