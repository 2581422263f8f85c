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
 *
 * The parts that are ours are written in SQL and parsed, with a placeholder of
 * the same column types where the analyst's FROM and WHERE go: the parser then
 * finds operators and builds windows as the server's major wants them.
 */
#include "core/compat.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "dp/dp.h"
#include "gate/gate.h"
#include "kanon/kanon.h"

#define RELEASE_NAME "ehds release"
#define ATTO_PER_NANO INT64CONST(1000000000)

typedef struct
{
	EhdsGate   *gate;
	Query	   *query;			/* the analyst's, before it is split */
	List	   *subjects;		/* Vars that may be counted */
	List	   *keys;			/* TargetEntry of the analyst's query, one a group key */
	List	   *outputs;		/* expressions over the query, as the analyst wrote them */
	List	   *released;		/* what is computed for each output (k-anonymity) */
	int			k;				/* greatest k asked for */
	bool		multiplied;		/* a join may repeat rows as the analyst likes */
} Border;

/* Parse one SELECT of ours. Everything in it is schema-qualified. */
static Query *
parse_template(const char *sql)
{
	List	   *raw = pg_parse_query(sql);

	return parse_analyze_fixedparams(linitial_node(RawStmt, raw), sql, NULL, 0, NULL);
}

static Node *
parse_expression(const char *sql)
{
	Query	   *q = parse_template(sql);

	return (Node *) ((TargetEntry *) linitial(q->targetList))->expr;
}

static char *
type_name(Oid type)
{
	return format_type_extended(type, -1, FORMAT_TYPE_FORCE_QUALIFY);
}

/* The overload of our aggregates that takes a subject of this type. */
static Oid
subject_argument_type(Oid type)
{
	return type == VARCHAROID || type == BPCHAROID ? TEXTOID : type;
}

static Node *
as_type(Node *node, Oid type)
{
	Oid			from = exprType(node);

	if (from == type)
		return node;
	if (type == TEXTOID && from == VARCHAROID)
		return (Node *) makeRelabelType((Expr *) node, TEXTOID, -1, exprCollation(node), COERCE_IMPLICIT_CAST);
	if (type == TEXTOID && from == BPCHAROID)
		return (Node *) makeFuncExpr(F_TEXT_BPCHAR, TEXTOID, list_make1(node), exprCollation(node),
									 exprCollation(node), COERCE_IMPLICIT_CAST);
	if (type == INT4OID && from == INT2OID)
		return (Node *) makeFuncExpr(F_INT4_INT2, INT4OID, list_make1(node), InvalidOid, InvalidOid,
									 COERCE_IMPLICIT_CAST);
	elog(ERROR, "cannot use type %u as %u", from, type);
	return NULL;
}

/* Column of the analyst's query that node is, looking through join aliases; NULL for an expression. */
static Var *
column_of(Query *query, Node *node)
{
	node = ehds_strip_casts(node);
	while (node != NULL && IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		RangeTblEntry *rte = rt_fetch(((Var *) node)->varno, query->rtable);

		if (rte->rtekind != RTE_JOIN || ((Var *) node)->varattno <= 0)
			return (Var *) node;
		node = ehds_strip_casts(list_nth(rte->joinaliasvars, ((Var *) node)->varattno - 1));
	}
	return NULL;
}

/* Is node a column as the permit's view has it, not an expression of the analyst's? */
static bool
is_plain_column(Query *query, Node *node)
{
	Var		   *var = column_of(query, node);
	RangeTblEntry *rte;

	if (var == NULL || var->varattno <= 0)
		return false;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind == RTE_RELATION)
		return true;
	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	if (ehds_permit_view(ehds_view_of_subquery(rte)) != NULL)
		return true;
	return is_plain_column(rte->subquery,
						   (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr);
}

/* The usable subject that node is, NULL if it is none. */
static Var *
usable_subject(Border *b, Node *node)
{
	Var		   *var = column_of(b->query, node);
	ListCell   *lc;

	if (var == NULL)
		return NULL;
	foreach(lc, b->subjects)
	{
		Var		   *s = lfirst(lc);

		if (s->varno == var->varno && s->varattno == var->varattno)
			return s;
	}
	return NULL;
}

static Node *
argument(Aggref *agg, int n)
{
	return (Node *) ((TargetEntry *) list_nth(agg->args, n))->expr;
}

static Node *
required_subject(Border *b, Aggref *agg)
{
	Var		   *s = usable_subject(b, argument(agg, 0));

	if (s == NULL)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the first argument of the aggregate must be the subject column"),
					errdetail("After a LEFT JOIN it is the subject column of the table whose rows are kept."),
					errhint("Write for example ehds.k_count(person_id)."));
	return (Node *) copyObject(s);
}

/* k of a protected aggregate: the permit's, or a stricter constant. */
static int
required_k(Border *b, Aggref *agg, int position)
{
	Node	   *node;
	Const	   *c;

	if (list_length(agg->args) <= position)
		return b->gate->k;
	node = eval_const_expressions(NULL, copyObject(argument(agg, position)));
	if (!IsA(node, Const) || ((Const *) node)->constisnull || ((Const *) node)->consttype != INT4OID)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("k must be a constant in a query under a permit"));
	c = (Const *) node;
	if (DatumGetInt32(c->constvalue) < b->gate->k)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("k must be at least %d under permit \"%s\"", b->gate->k, b->gate->permit->permit),
				 errhint("Leave k out to use the permit's.")));
	b->k = Max(b->k, DatumGetInt32(c->constvalue));
	return DatumGetInt32(c->constvalue);
}

static void
set_argument(Aggref *agg, int n, Node *node)
{
	((TargetEntry *) list_nth(agg->args, n))->expr = (Expr *) node;
}

typedef enum
{
	K_MET, K_COUNT, K_ROWS, K_SUM, DP_COUNT, UNKNOWN
} Kind;

static Kind
kind_of(Border *b, Aggref *agg)
{
	char	   *name = get_func_name(agg->aggfnoid);
	Oid			schema = get_func_namespace(agg->aggfnoid);

	if (schema == ehds_namespace())
	{
		if (strcmp(name, "k_met") == 0)
			return K_MET;
		if (strcmp(name, "k_count") == 0)
			return K_COUNT;
		if (strcmp(name, "k_rows") == 0)
			return K_ROWS;
		if (strcmp(name, "k_sum") == 0)
			return K_SUM;
		if (strcmp(name, "dp_count") == 0)
			return DP_COUNT;
		return UNKNOWN;
	}
	if (schema != PG_CATALOG_NAMESPACE)
		return UNKNOWN;
	if (strcmp(name, "count") == 0 && agg->aggstar)
		return K_ROWS;
	if (strcmp(name, "count") == 0 && agg->aggdistinct != NIL && usable_subject(b, argument(agg, 0)))
		return b->gate->permit->dp ? DP_COUNT : K_COUNT;
	if (strcmp(name, "sum") == 0 && agg->aggdistinct == NIL)
		return K_SUM;
	return UNKNOWN;
}

static void
refuse_aggregate(Border *b, Aggref *agg)
{
	char	   *name = get_func_name(agg->aggfnoid);

	if (b->gate->permit->dp)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("the aggregate %s is not answered under permit \"%s\"", name, b->gate->permit->permit),
					errdetail("This permit has a privacy budget: its answers are differentially private."),
					errhint("Count persons with ehds.dp_count(person_id) or count(DISTINCT person_id)."));
	EHDS_REFUSE(b->gate->query_string, agg,
				errmsg("the aggregate %s is not answered under permit \"%s\"", name, b->gate->permit->permit),
				strncmp(name, "dp_", 3) == 0 ?
				errdetail("The permit has no privacy budget to charge.") :
				errdetail("It could show a value of a single person."),
				errhint("Use count(DISTINCT person_id), count(*), sum(column), or ehds.k_count, k_rows, k_sum, k_met."));
}

/* The protected aggregate for one that the analyst wrote, of the same type. */
static Node *
protected_aggregate(Border *b, Aggref *agg)
{
	bool		native = get_func_namespace(agg->aggfnoid) != ehds_namespace();
	Kind		kind = kind_of(b, agg);
	Oid			subject_type = subject_argument_type(((Var *) linitial(b->subjects))->vartype);
	Node	   *subject;
	Aggref	   *made;
	Node	   *value = NULL;
	int			k;

	if (agg->aggfilter != NULL)
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("FILTER is not supported on aggregates of personal data"),
					errdetail("The persons whom it leaves out could be few."),
					errhint("Put the condition into WHERE, or group by it."));
	if (kind == UNKNOWN || kind == DP_COUNT || agg->aggorder != NIL ||
		(agg->aggdistinct != NIL && !native))
		refuse_aggregate(b, agg);

	if (b->multiplied && (kind == K_ROWS || kind == K_SUM))
		EHDS_REFUSE(b->gate->query_string, agg,
					errmsg("rows are not counted or summed after a join that may repeat them"),
					errdetail("A public table is joined otherwise than by equality with a unique key, so a few rows could be made to count many times."),
					errhint("Count persons with count(DISTINCT person_id), or join the public table by its primary key."));
	if (native && kind != K_COUNT)
		subject = (Node *) copyObject(linitial(b->subjects));
	else
		subject = required_subject(b, agg);
	k = native ? b->gate->k : required_k(b, agg, kind == K_SUM ? 2 : 1);
	subject = as_type(subject, subject_type);

	if (kind == K_SUM)
	{
		value = argument(agg, native ? 0 : 1);
		if (!is_plain_column(b->query, value))
			EHDS_REFUSE(b->gate->query_string, agg,
						errmsg("under a statistics permit only plain columns are summed"),
						errdetail("An expression with few values would count a small group inside a large one."),
						errhint("Sum a column of the permit's view, and compute with the result."));
		ehds_require_harmless(value, b->gate->query_string, NULL, NULL);
		if (exprType(value) == INT2OID)
			value = as_type(value, INT4OID);
		if (exprType(value) != INT4OID && exprType(value) != INT8OID &&
			exprType(value) != FLOAT8OID && exprType(value) != NUMERICOID)
			EHDS_REFUSE(b->gate->query_string, agg,
						errmsg("sums of type %s are not supported under a permit", format_type_be(exprType(value))));
		made = (Aggref *) parse_expression(psprintf("SELECT ehds.k_sum(NULL::%s, NULL::%s, %d)",
													type_name(subject_type), type_name(exprType(value)), k));
		set_argument(made, 0, subject);
		set_argument(made, 1, value);
	}
	else
	{
		made = (Aggref *) parse_expression(psprintf("SELECT ehds.%s(NULL::%s, %d)",
													kind == K_MET ? "k_met" : kind == K_COUNT ? "k_count" : "k_rows",
													type_name(subject_type), k));
		set_argument(made, 0, subject);
	}
	/* another width or representation in its place would be read as garbage */
	if (exprType((Node *) made) != exprType((Node *) agg) ||
		exprCollation((Node *) made) != exprCollation((Node *) agg))
		elog(ERROR, "protected aggregate has type %u instead of %u",
			 exprType((Node *) made), exprType((Node *) agg));
	return (Node *) made;
}

static Var *
output_var(int attno, Node *expr)
{
	return makeVar(1, attno, exprType(expr), exprTypmod(expr), exprCollation(expr), 0);
}

/*
 * The analyst's expressions above the border: group keys and aggregates become
 * columns of the release. A column that is neither is not in GROUP BY (it may be
 * determined by a primary key, but the release has only what is grouped).
 */
static Node *
above_mutator(Node *node, void *arg)
{
	Border	   *b = (Border *) arg;
	ListCell   *lc;
	int			attno = 0;

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
		Aggref	   *agg = (Aggref *) node;

		if (agg->agglevelsup > 0)
			EHDS_REFUSE(b->gate->query_string, node,
						errmsg("aggregates of an outer query are not supported under a statistics permit"));
		if (b->gate->permit->dp)
		{
			if (kind_of(b, agg) != DP_COUNT || agg->aggfilter != NULL || agg->aggorder != NIL)
				refuse_aggregate(b, agg);
			(void) required_subject(b, agg);
			/* dp_count(person_id) and count(DISTINCT person_id) are one release */
			if (list_length(b->outputs) > list_length(b->keys))
				return (Node *) output_var(list_length(b->keys) + 1, llast(b->outputs));
		}
		else
			b->released = lappend(b->released, protected_aggregate(b, agg));
		b->outputs = lappend(b->outputs, node);
		return (Node *) output_var(list_length(b->outputs), node);
	}
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		EHDS_REFUSE(b->gate->query_string, node,
					errmsg("a column beside protected aggregates must be in GROUP BY"));
	if (IsA(node, GroupingFunc))
		EHDS_REFUSE(b->gate->query_string, node, errmsg("GROUPING is not supported under a statistics permit"));
	if (IsA(node, SubLink))
	{
		SubLink    *link = (SubLink *) node;

		if (contain_vars_of_level(link->subselect, 1))
			EHDS_REFUSE(b->gate->query_string, node,
						errmsg("a subquery beside protected aggregates must not refer to the query around it"),
						errhint("Put the aggregation into a subquery in FROM, and the subquery around it."));
	}
	return expression_tree_mutator(node, above_mutator, arg);
}

/*
 * The moved part is now at another depth: references to WITH queries outside it
 * must count the levels anew. Those queries must be the statement's own.
 */
typedef struct
{
	EhdsGate   *gate;
	int			level;			/* inside the moved query: 0 at its top */
	int			from;			/* depth at which it was */
	int			to;
	bool		own_list;		/* its WITH list came with it */
} Move;

static bool
move_walker(Node *node, void *arg)
{
	Move	   *m = (Move *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_CTE && (int) rte->ctelevelsup >= m->level + (m->own_list ? 1 : 0))
		{
			if ((int) rte->ctelevelsup != m->level + m->from)
				ereport(ERROR,
						(errcode(ERRCODE_EHDS_REFUSED),
						 errmsg("WITH inside a subquery is read by an aggregation of another level"),
						 errhint("Move the WITH clause to the beginning of the statement.")));
			rte->ctelevelsup = m->level + m->to;
		}
		return false;
	}
	if (IsA(node, Query))
	{
		bool		result;

		m->level++;
		result = query_tree_walker((Query *) node, move_walker, arg, QTW_EXAMINE_RTES_BEFORE);
		m->level--;
		return result;
	}
	return expression_tree_walker(node, move_walker, arg);
}

static void
move_query(EhdsGate *gate, Query *query, int from, int to, bool own_list)
{
	Move		m = {gate, 0, from, to, own_list};

	(void) query_tree_walker(query, move_walker, &m, QTW_EXAMINE_RTES_BEFORE);
}

/* The analyst's FROM and WHERE, without anything that belongs above the border. */
static Query *
below(Query *query, int depth)
{
	Query	   *q = makeNode(Query);

	*q = *query;
	q->targetList = NIL;
	q->groupClause = NIL;
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
static Expr *
canonical_key(Expr *key)
{
	if (exprType((Node *) key) == NUMERICOID)
		return (Expr *) makeFuncExpr(F_TRIM_SCALE, NUMERICOID, list_make1(copyObject(key)), InvalidOid,
									 InvalidOid, COERCE_EXPLICIT_CALL);
	return copyObject(key);
}

/* Keys and k aggregates, grouped; rows of small cells stay inside. */
static Query *
k_release(Border *b, int depth)
{
	EhdsGate   *gate = b->gate;
	Query	   *q = below(b->query, depth);
	Oid			subject_type = subject_argument_type(((Var *) linitial(b->subjects))->vartype);
	FuncExpr   *show;
	ListCell   *lc;
	int			resno = 0;

	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);
		TargetEntry *tle;

		resno++;
		tle = makeTargetEntry(canonical_key(key->expr), resno, psprintf("key_%d", resno), false);
		tle->ressortgroupref = key->ressortgroupref;
		q->targetList = lappend(q->targetList, tle);
	}
	foreach(lc, b->released)
	{
		resno++;
		q->targetList = lappend(q->targetList,
								makeTargetEntry(lfirst(lc), resno, psprintf("value_%d", resno), false));
	}
	q->groupClause = copyObject(b->query->groupClause);
	/* the order in which a hash table gives its groups tells of those that are hidden */
	q->sortClause = copyObject(b->query->groupClause);
	show = (FuncExpr *) parse_expression(psprintf("SELECT ehds.show_cell(ehds.k_cell(NULL::%s, %d), NULL::ehds.approval)",
												  type_name(subject_type), b->k));
	set_argument(linitial_node(Aggref, show->args), 0,
				 as_type((Node *) copyObject(linitial(b->subjects)), subject_type));
	llast(show->args) = ehds_approval_const(gate->approval);
	q->havingQual = (Node *) show;
	q->hasAggs = true;
	move_query(gate, q, depth, 1, depth > 0);
	gate->k = Max(gate->k, b->k);
	return q;
}

static char *
collation_name(Oid collation)
{
	HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;
	char	   *name;

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
static Query *
dp_release(Border *b, int depth)
{
	EhdsGate   *gate = b->gate;
	bool		keyed = b->keys != NIL;
	Query	   *input = below(b->query, depth);
	Var		   *subject = linitial(b->subjects);
	StringInfoData columns;
	StringInfoData placeholder;
	StringInfoData sql;
	Query	   *q;
	Query	   *innermost;
	ListCell   *lc;
	int			n = 0;
	int			nesting;
	int64		tau = 0;

	initStringInfo(&columns);
	initStringInfo(&placeholder);
	initStringInfo(&sql);
	appendStringInfo(&placeholder, "SELECT NULL::%s AS s", type_name(subject->vartype));
	if (OidIsValid(subject->varcollid) && subject->varcollid != DEFAULT_COLLATION_OID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("subject columns with a collation of their own are not supported under differential privacy")));
	input->targetList = list_make1(makeTargetEntry((Expr *) copyObject(subject), 1, pstrdup("s"), false));
	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);
		Oid			collation = exprCollation((Node *) key->expr);

		n++;
		appendStringInfo(&columns, "%sg%d", n > 1 ? ", " : "", n);
		appendStringInfo(&placeholder, ", NULL::%s", type_name(exprType((Node *) key->expr)));
		if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID)
			appendStringInfo(&placeholder, " COLLATE %s", collation_name(collation));
		appendStringInfo(&placeholder, " AS g%d", n);
		input->targetList = lappend(input->targetList,
									makeTargetEntry(canonical_key(key->expr), n + 1, psprintf("g%d", n), false));
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
						 "SELECT DISTINCT s, %1$s FROM (%6$s) p) d) w "
						 "WHERE rn OPERATOR(pg_catalog.<=) %3$d GROUP BY %1$s) r WHERE n IS NOT NULL ORDER BY %1$s",
						 columns.data, (long long) gate->epsilon_nano, gate->max_groups, (long long) tau,
						 gate->permit->k, placeholder.data);
		nesting = 5;
	}
	else
	{
		appendStringInfo(&sql,
						 "SELECT ehds.dp_release(pg_catalog.count(*), '%lld'::pg_catalog.int8, 1, 0::pg_catalog.int8, %d, false, NULL::ehds.approval) AS n "
						 "FROM (SELECT DISTINCT s FROM (%s) p) d",
						 (long long) gate->epsilon_nano, gate->permit->k, placeholder.data);
		nesting = 3;
	}
	q = parse_template(sql.data);
	plant_everywhere(gate, q);
	innermost = q;
	for (int i = 2; i < nesting; i++)
		innermost = only_subquery(innermost);
	move_query(gate, input, depth, nesting, depth > 0);
	set_only_subquery(innermost, input);

	gate->charge_epsilon += gate->epsilon_nano;
	gate->charge_delta += keyed ? gate->delta_atto : 0;
	gate->interval95 = Max(gate->interval95,
						   ehds_dp_interval95(gate->epsilon_nano, gate->max_groups, keyed, tau));
	return q;
}

static CommonTableExpr *
make_release(EhdsGate *gate, Query *q)
{
	CommonTableExpr *cte = makeNode(CommonTableExpr);
	ListCell   *lc;

	cte->ctename = psprintf("%s %d", RELEASE_NAME, ++gate->borders);
	cte->ctematerialized = CTEMaterializeAlways;
	cte->ctequery = (Node *) q;
	cte->location = -1;
	cte->cterefcount = 1;
	foreach(lc, q->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		Node	   *expr = (Node *) tle->expr;

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
ehds_release_border(EhdsGate *gate, Query *query, int depth, List *subjects, bool multiplied)
{
	Border		b = {0};
	CommonTableExpr *cte;
	Query	   *original = makeNode(Query);
	List	   *targets;
	ListCell   *lc;

	for (int up = 1; up <= depth; up++)
	{
		if (contain_vars_of_level((Node *) query, up) || contain_aggs_of_level((Node *) query, up))
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("an aggregation of personal data must not refer to the query around it"),
					 errhint("Group by the column instead, and join the results.")));
	}
	foreach(lc, gate->top->cteList)
	{
		if (strncmp(((CommonTableExpr *) lfirst(lc))->ctename, RELEASE_NAME, strlen(RELEASE_NAME)) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("WITH names that begin with \"%s\" are reserved", RELEASE_NAME)));
	}

	if (depth > 0 && query->cteList != NIL && query->hasSubLinks)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("WITH and a subquery in an expression stand beside protected aggregates in a subquery"),
				 errhint("Move the WITH clause to the beginning of the statement.")));

	*original = *query;
	b.gate = gate;
	b.query = original;
	b.subjects = subjects;
	b.multiplied = multiplied;
	b.k = gate->k;
	foreach(lc, query->groupClause)
	{
		TargetEntry *tle = get_sortgroupclause_tle(lfirst(lc), query->targetList);

		b.keys = lappend(b.keys, tle);
		b.outputs = lappend(b.outputs, tle->expr);
	}

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

	if (gate->permit->dp)
	{
		if (list_length(b.outputs) == list_length(b.keys))
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("a query with GROUP BY under permit \"%s\" needs a differentially private aggregate", gate->permit->permit),
					 errhint("Add ehds.dp_count(person_id).")));
		cte = make_release(gate, dp_release(&b, depth));
	}
	else
		cte = make_release(gate, k_release(&b, depth));
	gate->pending = lappend(gate->pending, cte);
	read_release(query, cte, depth);
}
