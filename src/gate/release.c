/*
 * release.c
 *		What releases of both kinds are made from, and the differentially private one.
 *
 * Under differential privacy the input is bounded to max_groups groups a person,
 * then counted, noised and selected.
 *
 * The parts that are ours are written in SQL and parsed, with a placeholder of
 * the same column types where the analyst's FROM and WHERE go: the parser then
 * finds operators and builds windows as the server's major wants them.
 */
#include "core/compat.h"

#include "catalog/pg_collation.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "dp/dp.h"
#include "gate/border.h"

/* Parse one SELECT of ours. Everything in it is schema-qualified. */
Query *
ehds_parse_template(const char *sql)
{
	List *raw = pg_parse_query(sql);

	return parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, NULL, 0, NULL);
}

Node *
ehds_parse_expression(const char *sql)
{
	Query *q = ehds_parse_template(sql);

	return (Node *) ((TargetEntry *) linitial(q->targetList))->expr;
}

char *
ehds_type_name(Oid type)
{
	return format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
}

/*
 * The moved part is now at another depth: references to WITH queries outside it
 * must count the levels anew. Those queries must be the statement's own.
 */
typedef struct
{
	EhdsGate *gate;
	int level; /* inside the moved query: 0 at its top */
	int from;  /* depth at which it was */
	int to;
	bool own_list; /* its WITH list came with it */
} Move;

static bool
move_walker(Node *node, void *arg)
{
	Move *m = (Move *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && (int) rte->ctelevelsup >= m->level + (m->own_list ? 1 : 0))
		{
			if ((int) rte->ctelevelsup != m->level + m->from)
				ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
								errmsg("WITH inside a subquery is read by an aggregation of another level"),
								errhint("Move the WITH clause to the beginning of the statement.")));
			rte->ctelevelsup = m->level + m->to;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		bool result;

		m->level++;
		result = query_tree_walker((Query *) node, move_walker, arg, QTW_EXAMINE_RTES_BEFORE);
		m->level--;
		return result;
	}
	return expression_tree_walker(node, move_walker, arg);
}

void
ehds_move_query(EhdsGate *gate, Query *query, int from, int to, bool own_list)
{
	Move m = {gate, 0, from, to, own_list};

	(void) query_tree_walker(query, move_walker, &m, QTW_EXAMINE_RTES_BEFORE);
}

/* The analyst's FROM and WHERE, without anything that belongs above the border. */
Query *
ehds_below(Query *query, int depth)
{
	Query *q = makeNode(Query);

	*q = *query;
	q->targetList = NIL;
	q->groupClause = NIL;
	q->groupingSets = NIL;
	q->groupDistinct = false;
	q->havingQual = NULL;
	q->windowClause = NIL;
	q->distinctClause = NIL;
	q->sortClause = NIL;
	q->limitCount = q->limitOffset = NULL;
	q->hasAggs = q->hasWindowFuncs = q->hasTargetSRFs = q->hasSubLinks = q->hasDistinctOn = false;
	q->constraintDeps = NIL;
	if (depth == 0)
	{
		q->cteList = NIL;
		q->hasRecursive = false;
	}
	return q;
}

/* A group key as it is released: equal keys must look the same. */
Expr *
ehds_canonical_key(Expr *key)
{
	if (exprType((Node *) key) == NUMERICOID)
		return (Expr *) makeFuncExpr(F_TRIM_SCALE, NUMERICOID, list_make1(copyObject(key)), InvalidOid,
									 InvalidOid, COERCE_EXPLICIT_CALL);
	return copyObject(key);
}

static char *
collation_name(Oid collation)
{
	HeapTuple tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;
	char *name;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	name = quote_qualified_identifier(get_namespace_name(form->collnamespace), NameStr(form->collname));
	ReleaseSysCache(tuple);
	return name;
}

/* Subqueries of a template are found by position: its shape is ours. */
static Query *
only_subquery(Query *q)
{
	return rt_fetch(1, q->rtable)->subquery;
}

static void
set_only_subquery(Query *q, Query *sub)
{
	rt_fetch(1, q->rtable)->subquery = sub;
}

static void
plant_everywhere(EhdsGate *gate, Query *template)
{
	for (Query *q = template; q != NULL; q = q->rtable ? only_subquery(q) : NULL)
		ehds_plant_approval(gate, q);
}

/*
 * Persons by key, each in at most max_groups groups (those that come first by a
 * keyed hash of person and key), counted, noised, and selected if the key came
 * from the data. Only the counts that dp_release is given depend on the data.
 */
Query *
ehds_dp_release_query(Border *b, int depth)
{
	EhdsGate *gate = b->gate;
	bool keyed = b->keys != NIL;
	Query *input = ehds_below(b->query, depth);
	Var *subject = linitial(b->subjects);
	StringInfoData columns;
	StringInfoData placeholder;
	StringInfoData sql;
	Query *q;
	Query *innermost;
	ListCell *lc;
	int n = 0;
	int nesting;
	int64 tau = 0;

	initStringInfo(&columns);
	initStringInfo(&placeholder);
	initStringInfo(&sql);
	appendStringInfo(&placeholder, "SELECT NULL::%s AS s", ehds_type_name(subject->vartype));
	if (OidIsValid(subject->varcollid) && subject->varcollid != DEFAULT_COLLATION_OID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg(
					 "subject columns with a collation of their own are not supported under differential privacy")));
	input->targetList = list_make1(makeTargetEntry((Expr *) copyObject(subject), 1, pstrdup("s"), false));
	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);
		Oid collation = exprCollation((Node *) key->expr);

		n++;
		appendStringInfo(&columns, "%sg%d", n > 1 ? ", " : "", n);
		appendStringInfo(&placeholder, ", NULL::%s", ehds_type_name(exprType((Node *) key->expr)));
		if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID)
			appendStringInfo(&placeholder, " COLLATE %s", collation_name(collation));
		appendStringInfo(&placeholder, " AS g%d", n);
		input->targetList = lappend(input->targetList, makeTargetEntry(ehds_canonical_key(key->expr), n + 1,
																	   psprintf("g%d", n), false));
	}

	if (keyed)
	{
		/* delta is spent as epsilon is: both last for the same number of releases */
		gate->delta_atto = (int64) ((int128) gate->permit->delta_atto * gate->epsilon_nano /
									gate->permit->epsilon_nano);
		if (gate->delta_atto <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_BUDGET),
					 errmsg("the share of delta that belongs to this epsilon is too small to select groups"),
					 errhint("SET ehds.epsilon to a larger value, or ask without GROUP BY.")));
		tau = ehds_dp_threshold(gate->epsilon_nano, gate->delta_atto, gate->max_groups);
		appendStringInfo(&sql,
						 "SELECT %1$s, n FROM ("
						 "SELECT %1$s, ehds.dp_release(pg_catalog.count(*), '%2$lld'::pg_catalog.int8, %3$d, '%4$lld'::pg_catalog.int8, %5$d, true, NULL::ehds.approval) AS n FROM ("
						 "SELECT %1$s, pg_catalog.row_number() OVER (PARTITION BY s ORDER BY "
						 "ehds.bounding_hash(s::pg_catalog.text, ROW(%1$s)::pg_catalog.text, NULL::ehds.approval), %1$s) AS rn FROM ("
						 "SELECT DISTINCT s, %1$s FROM (%6$s) p WHERE s IS NOT NULL) d) w "
						 "WHERE rn OPERATOR(pg_catalog.<=) %3$d GROUP BY %1$s) r WHERE n IS NOT NULL ORDER BY %1$s",
						 columns.data, (long long) gate->epsilon_nano, gate->max_groups, (long long) tau,
						 gate->permit->k, placeholder.data);
		nesting = 5;
	}
	else
	{
		appendStringInfo(&sql,
						 "SELECT ehds.dp_release(pg_catalog.count(*), '%lld'::pg_catalog.int8, 1, 0::pg_catalog.int8, %d, false, NULL::ehds.approval) AS n "
						 "FROM (SELECT DISTINCT s FROM (%s) p WHERE s IS NOT NULL) d",
						 (long long) gate->epsilon_nano, gate->permit->k, placeholder.data);
		nesting = 3;
	}
	q = ehds_parse_template(sql.data);
	plant_everywhere(gate, q);
	innermost = q;
	for (int i = 2; i < nesting; i++)
		innermost = only_subquery(innermost);
	ehds_move_query(gate, input, depth, nesting, depth > 0);
	set_only_subquery(innermost, input);

	gate->charge_epsilon += gate->epsilon_nano;
	gate->charge_delta += keyed ? gate->delta_atto : 0;
	gate->interval95 = Max(gate->interval95,
						   ehds_dp_interval95(gate->epsilon_nano, gate->max_groups, keyed, tau));
	return q;
}
