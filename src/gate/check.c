/*
 * check.c
 *		Types the relations of a query under a statistics permit.
 *
 * A relation is public, or tracked by a subject: a disjoint union, over subjects,
 * of what the query makes of that subject's rows and public data. Aggregation of
 * a tracked relation is the border; what comes out of it (border.c) is public,
 * and anything may be done with public relations. The result must be public.
 *
 * This first checker proves tracked joins on the subject, filters, projections
 * and left joins, in subqueries and WITH too, and refuses the rest of the typing
 * table by name.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_agg.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "dp/dp.h"
#include "gate/level.h"

static RelType check_query(EhdsGate *gate, Query *query, Level *parent);

/* The subject column of a permit's view, as the caller of the view sees it. */
static RelType
type_of_view(EhdsPermitView *view, RangeTblEntry *rte)
{
	RelType type = {true, false, NULL};
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

static RelType
type_of_entry(Level *level, RangeTblEntry *rte)
{
	RelType public = {false, false, NULL};
	RelType *type;
	Level *home;
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
				return check_query(level->gate, rte->subquery, level);
			ehds_plant_approval(level->gate, rte->subquery);
			/* only harmless expressions remain above the view, so it may use indexes */
			rte->security_barrier = false;
			return type_of_view(view, rte);
		case RTE_CTE:
			if (rte->self_reference)
				return public; /* recursion over personal data was refused before */
			if (ehds_find_cte(level, rte, &type, &home) == NULL || type == NULL)
				return public;
			return *type;
		default:
			return public;
	}
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

		if (check_query(level->gate, castNode(Query, link->subselect), level).tracked)
			EHDS_REFUSE(level->gate->query_string, node,
						errmsg("a subquery in an expression reads rows of persons"),
						errhint("Aggregate in the subquery, or write it as a join on the subject."));
		return sublink_walker(link->testexpr, arg);
	}
	if (IsA(node, Query))
		return false;
	return expression_tree_walker(node, sublink_walker, arg);
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

/* SELECT without aggregation over personal data: rows of persons, for an outer query only. */
static RelType
check_projection(Level *level)
{
	Query *q = level->query;
	const char *text = level->gate->query_string;
	RelType type = {true, ehds_may_multiply(level), NULL};
	ListCell *lc;

	if (level->parent == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("rows about persons do not leave permit \"%s\", only statistics do",
						level->gate->permit->permit),
				 level->gate->permit->dp
					 ? errhint(
						   "Aggregate, for example: SELECT gender_concept_id, ehds.dp_count(person_id) FROM person GROUP BY 1.")
					 : errhint(
						   "Aggregate, for example: SELECT gender_concept_id, count(DISTINCT person_id) FROM person GROUP BY 1.")));
	if (q->distinctClause != NIL)
		EHDS_REFUSE(text, NULL, errmsg("DISTINCT over rows of persons is not supported"),
					errhint("Use GROUP BY with a protected aggregate, or count(DISTINCT person_id)."));
	if (q->limitCount || q->limitOffset)
		EHDS_REFUSE(text, q->limitCount, errmsg("LIMIT and OFFSET would pick single persons"),
					errhint("Limit the aggregated result."));
	if (q->hasWindowFuncs)
		EHDS_REFUSE(text, NULL, errmsg("window functions over rows of persons are not supported"),
					errhint("Apply them to the aggregated result."));
	if (q->hasTargetSRFs)
		EHDS_REFUSE(text, NULL, errmsg("set-returning functions over rows of persons are not supported"),
					errhint("Apply them to the aggregated result."));
	if (q->sortClause != NIL)
		EHDS_REFUSE(text, NULL, errmsg("ORDER BY over rows of persons has no effect and is refused"),
					errhint("Order the aggregated result."));
	foreach(lc, q->targetList)
	{
		TargetEntry *tle = lfirst(lc);

		int entry = ehds_subject_of(level, (Node *) tle->expr);

		if (entry != 0 && !list_member_int(level->entries, entry))
			EHDS_REFUSE(text, tle->expr,
						errmsg(
							"the subject column of a table that an outer join adds may be NULL, it is not returned"),
						errhint("Return the subject column of the table whose rows are kept."));
		if (entry != 0)
			type.subjects = bms_add_member(type.subjects, tle->resno);
		else
			ehds_require_harmless_in(level, (Node *) tle->expr);
	}
	if (type.subjects == NULL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("a subquery over rows of persons does not return the subject column"),
						errhint("Add the subject column (person_id) to its select list.")));
	return type;
}

/* Columns that hold the subject and are not made NULL by an outer join. */
static List *
subject_vars(Level *level, List *entries)
{
	List *vars = NIL;
	ListCell *lc;

	foreach(lc, entries)
	{
		int i = lfirst_int(lc);
		RangeTblEntry *rte = rt_fetch(i, level->query->rtable);
		int attno = bms_next_member(level->types[i].subjects, -1);

		while (attno >= 0)
		{
			Oid type;
			int32 typmod;
			Oid collation;

			if (rte->rtekind == RTE_CTE)
			{
				type = list_nth_oid(rte->coltypes, attno - 1);
				typmod = list_nth_int(rte->coltypmods, attno - 1);
				collation = list_nth_oid(rte->colcollations, attno - 1);
			}
			else
			{
				TargetEntry *tle = get_tle_by_resno(rte->subquery->targetList, attno);

				type = exprType((Node *) tle->expr);
				typmod = exprTypmod((Node *) tle->expr);
				collation = exprCollation((Node *) tle->expr);
			}
			vars = lappend(vars, makeVar(i, attno, type, typmod, collation, 0));
			attno = bms_next_member(level->types[i].subjects, attno);
		}
	}
	return vars;
}

/* Group keys must show the same whoever's row comes first. */
static void
check_group_keys(Level *level)
{
	Query *q = level->query;
	ListCell *lc;

	if (q->groupingSets != NIL && (level->gate->permit->dp || level->gate->permit->cell_key))
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
		Oid type = getBaseType(exprType(key));

		if (ehds_subject_of(level, key) != 0)
			EHDS_REFUSE(level->gate->query_string, NULL,
						errmsg("a statistics permit does not group by the subject"),
						errhint("Group by properties of persons; each cell must hold several of them."));
		ehds_require_harmless_in(level, key);
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
			case TEXTOID:
			case VARCHAROID:
				if (OidIsValid(exprCollation(key)) && get_collation_isdeterministic(exprCollation(key)))
					break;
				/* FALLTHROUGH */
			default:
				if (get_typtype(type) == TYPTYPE_ENUM && ehds_column_of(q, key) != NULL)
					break;
			refuse:
				EHDS_REFUSE(level->gate->query_string, key,
							errmsg("values of type %s cannot be group keys under a permit",
								   format_type_be(type)),
							errdetail(
								"Equal values may look different, and one person's row would decide which is shown."),
							errhint("Group by a column of type text, integer, date or numeric."));
		}
	}
}

static RelType
check_query(EhdsGate *gate, Query *query, Level *parent)
{
	RelType public = {false, false, NULL};
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
	level->depth = parent ? parent->depth + 1 : 0;
	level->types = palloc0(sizeof(RelType) * (n + 1));
	level->component = palloc0(sizeof(int) * (n + 1));
	level->added_on = palloc0(sizeof(List *) * (n + 1));
	for (i = 0; i <= n; i++)
		level->component[i] = i;
	ehds_flatten_group_rte(query);

	if (parent == NULL && make_empty(level))
		return public;

	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst(lc);
		RelType *type = palloc0(sizeof(RelType));

		if (cte->cterecursive && ehds_mentions_permit_view((Query *) cte->ctequery))
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("recursive WITH over personal data is not supported")));
		*type = check_query(gate, castNode(Query, cte->ctequery), level);
		level->cte_types = lappend(level->cte_types, type);

		/* releases that this WITH query reads come before it in the statement's list */
		if (level->depth == 0)
		{
			ctes = list_concat(ctes, gate->pending);
			gate->pending = NIL;
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

	if (!tracked)
	{
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
	else
	{
		if (query->setOperations != NULL)
			EHDS_REFUSE(gate->query_string, NULL,
						errmsg("UNION, INTERSECT and EXCEPT of rows of persons are not supported"),
						errhint("Combine aggregated results, or use OR and AND in one WHERE."));
		i = 0;
		foreach(lc, query->rtable)
		{
			i++;
			if (!level->types[i].tracked)
				ehds_check_companion(level, lfirst(lc));
			else if (((RangeTblEntry *) lfirst(lc))->lateral)
				ehds_check_companion(level, lfirst(lc));
		}
		level->entries = ehds_check_jointree(level, (Node *) query->jointree);
		if (!ehds_connected(level, level->entries))
			ehds_refuse_unjoined(level, query->jointree->quals);
		if (!(query->hasAggs || query->groupClause || query->groupingSets || query->havingQual))
			return check_projection(level);

		check_group_keys(level);
		/* subqueries above the border: in the select list, HAVING and so on */
		(void) sublink_walker((Node *) query->targetList, level);
		(void) sublink_walker(query->havingQual, level);
		(void) sublink_walker(query->limitCount, level);
		(void) sublink_walker(query->limitOffset, level);
		(void) sublink_walker((Node *) query->windowClause, level);
		ehds_release_border(level->gate, query, level->depth, subject_vars(level, level->entries),
							ehds_may_multiply(level), ehds_classify, level);
	}

	if (level->depth == 0)
	{
		query->cteList = list_concat(ctes, gate->pending);
		gate->pending = NIL;
	}
	return public;
}

void
ehds_check_statistics(EhdsGate *gate, Query *query)
{
	EhdsPermit *p = gate->permit;

	gate->k = p->dp ? 0 : p->k;
	if (p->dp)
	{
		gate->epsilon_nano = ehds_setting_epsilon_nano > 0 ? ehds_setting_epsilon_nano
														   : p->epsilon_default_nano;
		gate->max_groups = ehds_setting_max_groups > 0 ? ehds_setting_max_groups : p->max_groups;
		if (gate->epsilon_nano <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_BUDGET), errmsg("permit \"%s\" has no default epsilon", p->permit),
					 errhint("SET ehds.epsilon to what one release may spend.")));
		ehds_dp_check_epsilon(gate->epsilon_nano);
		gate->budget.zcdp = p->zcdp;
		gate->budget.epsilon_nano = p->epsilon_nano;
		gate->budget.rho_pico = p->rho_pico;
		gate->budget.delta_atto = p->zcdp ? p->selection_delta_atto : p->delta_atto;
	}
	(void) check_query(gate, query, NULL);
}
