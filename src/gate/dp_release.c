/*
 * dp_release.c
 *		The query that computes a release under differential privacy.
 *
 * Of each person at most max_groups groups count, those that come first by a
 * keyed hash of person and group. What is left is counted, noised, and selected
 * if the group's key came from the data. Only the counts that dp_release is given
 * depend on the data.
 *
 * The bounding is done in one of three ways, chosen by what is public: nothing at
 * all where a unique index has one row a person, there dp_tally counts; in one pass
 * by dp_collect; by
 * sorting if there are more groups or keys than dp_collect takes.
 */
#include "core/compat.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_inherits.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "dp/collect.h"
#include "dp/mechanism.h"
#include "gate/dp_figure.h"

char *
ehds_collation_name(Oid collation)
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

/* Put the approval wherever a template of ours has NULL in its place. */
static bool
plant_walker(Node *node, void *arg)
{
	EhdsGate *gate = (EhdsGate *) arg;

	if (node == NULL)
		return false;
	if (IsA(node, Const))
	{
		Const *c = (Const *) node;

		if (c->constisnull && c->consttype == ehds_approval_type())
			*c = *(Const *) ehds_approval_const(gate->approval);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, plant_walker, arg, 0);
	return expression_tree_walker(node, plant_walker, arg);
}

/* Has column attno no NULL, and a unique index by which no two rows have one value at any time? */
static bool
is_unique_column(Oid relid, AttrNumber attno)
{
	Relation rel;
	List *indexes;
	ListCell *lc;
	bool unique = false;

	/* rows of children are not in the index of their parent */
	if (get_rel_relkind(relid) != RELKIND_RELATION || has_subclass(relid))
		return false;
	rel = table_open(relid, AccessShareLock);
	indexes = TupleDescAttr(RelationGetDescr(rel), attno - 1)->attnotnull ? RelationGetIndexList(rel) : NIL;
	foreach(lc, indexes)
	{
		Relation index = index_open(lfirst_oid(lc), AccessShareLock);
		Form_pg_index form = index->rd_index;

		unique = form->indisunique && form->indimmediate && form->indisvalid && form->indisready &&
				 form->indnkeyatts == 1 && form->indkey.values[0] == attno &&
				 RelationGetIndexPredicate(index) == NIL;
		index_close(index, AccessShareLock);
		if (unique)
			break;
	}
	list_free(indexes);
	table_close(rel, AccessShareLock);
	return unique;
}

bool
ehds_has_one_row_a_subject(Query *query, Var *subject)
{
	Node *from;
	RangeTblEntry *rte;
	TargetEntry *tle;

	if (list_length(query->jointree->fromlist) != 1 || query->setOperations != NULL || query->hasTargetSRFs)
		return false;
	from = linitial(query->jointree->fromlist);
	if (!IsA(from, RangeTblRef) || ((RangeTblRef *) from)->rtindex != subject->varno ||
		subject->varlevelsup != 0 || subject->varattno <= 0)
		return false;
	rte = rt_fetch(subject->varno, query->rtable);
	if (rte->rtekind == RTE_RELATION)
		return is_unique_column(rte->relid, subject->varattno);
	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	tle = get_tle_by_resno(rte->subquery->targetList, subject->varattno);
	return tle != NULL && IsA(tle->expr, Var) && ehds_has_one_row_a_subject(rte->subquery, (Var *) tle->expr);
}

AttrNumber
ehds_table_column(Query *query, Node *node, Oid *relid)
{
	Var *var = ehds_column_of(query, node);
	RangeTblEntry *rte;

	if (var == NULL || var->varattno <= 0)
		return 0;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind == RTE_SUBQUERY)
		return ehds_table_column(rte->subquery,
								 (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr,
								 relid);
	*relid = rte->relid;
	return rte->rtekind == RTE_RELATION ? var->varattno : 0;
}

/* The SQL that computes a release: the input stands in it as a placeholder. */
typedef struct Template
{
	StringInfoData columns;     /* g1, g2 */
	StringInfoData definitions; /* g1 integer, g2 text */
	StringInfoData placeholder; /* SELECT NULL::bigint AS s, NULL::integer AS g1, ... */
	StringInfoData from;        /* gives g1, g2, and what total counts */
	StringInfoData measures;    /* of the figures that have one */
	StringInfoData measured;    /* , m1, m2: their arguments */
	StringInfoData names;       /* , s1_1, s1_2 */
	StringInfoData nulls;       /* , NULL::numeric, NULL::numeric */
	StringInfoData statistics;  /* , s1_1 numeric, s1_2 numeric: what they give */
	int n_words;
	int n_statistics;
	bool with_values;
	const char *total; /* number of persons of a group */
	int nesting;       /* level of the placeholder; a query with this FROM is level 1 */
} Template;

/* type of the key, with its collation */
static char *
key_type(Node *key)
{
	Oid collation = exprCollation(key);
	char *type = ehds_type_name(exprType(key));

	if (OidIsValid(collation) && collation != DEFAULT_COLLATION_OID)
		return psprintf("%s COLLATE %s", type, ehds_collation_name(collation));
	return type;
}

char *
ehds_dp_null_key(Node *key)
{
	return psprintf("NULL::%s", key_type(key));
}

static void
add_key(Template *t, int n, Node *key)
{
	appendStringInfo(&t->columns, "%sg%d", n > 1 ? ", " : "", n);
	appendStringInfo(&t->definitions, "%sg%d %s", n > 1 ? ", " : "", n, key_type(key));
	appendStringInfo(&t->placeholder, ", %s AS g%d", ehds_dp_null_key(key), n);
}

/* What the argument of dp_collect is cast to; NULL for a type that it does not take. */
static const char *
collected_type(Oid type)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
			return "pg_catalog.int4";
		case INT8OID:
			return "pg_catalog.int8";
		case UUIDOID:
			return "pg_catalog.uuid";
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
			return "pg_catalog.text";
		default:
			return NULL;
	}
}

/* Arguments and statistics of figure n. */
static void
add_figure(Template *t, int n, const DpFigure *figure)
{
	const char *type = ehds_type_name(exprType(ehds_dp_measured(figure)));

	appendStringInfo(&t->placeholder, ", NULL::%s AS m%d", type, n);
	appendStringInfo(&t->measured, ", m%d", n);
	appendStringInfo(&t->measures, "%s%s", t->measures.len > 0 ? "; " : "",
					 ehds_measure_text(&figure->measure));
	for (int i = 1; i <= ehds_measure_n_statistics(&figure->measure); i++)
	{
		const char *of = figure->kind >= DP_QUANTILE ? "bytea" : "numeric";

		appendStringInfo(&t->statistics, ", s%d_%d pg_catalog.%s", n, i, of);
		appendStringInfo(&t->names, ", s%d_%d", n, i);
		appendStringInfo(&t->nulls, ", NULL::pg_catalog.%s", of);
	}
	t->n_words += ehds_measure_words(&figure->measure);
	t->n_statistics += ehds_measure_n_statistics(&figure->measure);
	t->with_values = t->with_values || figure->measure.kind >= MEASURE_VALUES;
}

/* Rows of which each is a person's only one. */
static void
add_tallied(Template *t, Border *b)
{
	bool keyed = b->keys != NIL;

	appendStringInfo(&t->from,
					 "(SELECT ehds.%s(NULL::ehds.approval, %s, %s%s) AS c FROM (%s) p) w, "
					 "LATERAL ehds.dp_groups(w.c, NULL::ehds.approval) AS f(%s, n pg_catalog.int8%s)",
					 ehds_dp_workers_may_tally(b, t->n_statistics) ? "dp_tally" : "dp_tally_alone",
					 quote_literal_cstr(t->measures.data), keyed ? t->columns.data : "true", t->measured.data,
					 t->placeholder.data, keyed ? t->definitions.data : "g pg_catalog.bool",
					 t->statistics.data);
	t->total = "COALESCE(pg_catalog.sum(n), 0)::pg_catalog.int8";
	t->nesting = 3;
}

static void
add_gathered(Template *t, Border *b, int max_groups, int n_keys, int n_measures)
{
	Oid subject = ((Var *) linitial(b->subjects))->vartype;

	if (collected_type(subject) == NULL)
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("sums and rows of subjects of type %s are not supported under a privacy budget",
							   format_type_be(subject)),
						errhint("Count persons with ehds.dp_count.")));
	if (max_groups > EHDS_COLLECT_MAX_GROUPS || n_keys > EHDS_COLLECT_MAX_KEYS ||
		n_measures > EHDS_COLLECT_MAX_MEASURES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a release with sums or rows has at most %d groups a person, %d group keys and %d of them",
						EHDS_COLLECT_MAX_GROUPS, EHDS_COLLECT_MAX_KEYS, EHDS_COLLECT_MAX_MEASURES),
				 errhint("SET ehds.max_groups to less, or ask several queries.")));
	appendStringInfo(&t->from,
					 "(SELECT ehds.%s(s::%s, %d, NULL::ehds.approval, %s, %s%s) AS c FROM (%s) p) w, "
					 "LATERAL ehds.dp_groups(w.c, NULL::ehds.approval) AS f(%s, n pg_catalog.int8%s)",
					 ehds_dp_workers_may_collect(b, max_groups, t->n_words, t->with_values)
						 ? "dp_gather"
						 : "dp_gather_alone",
					 collected_type(subject), max_groups, quote_literal_cstr(t->measures.data),
					 n_keys > 0 ? t->columns.data : "true", t->measured.data, t->placeholder.data,
					 n_keys > 0 ? t->definitions.data : "g pg_catalog.bool", t->statistics.data);
	t->total = "COALESCE(pg_catalog.sum(n), 0)::pg_catalog.int8";
	t->nesting = 3;
}

/* The input, bounded. */
static void
add_bounded(Template *t, Border *b, bool unique, int max_groups, int n_keys)
{
	bool keyed = n_keys > 0;
	const char *type = collected_type(((Var *) linitial(b->subjects))->vartype);
	const char *columns = keyed ? t->columns.data : "true";

	t->total = "pg_catalog.count(*)";
	if (unique)
	{
		appendStringInfo(&t->from, "(SELECT %s FROM (%s) p) w", columns, t->placeholder.data);
		t->nesting = 3;
	}
	else if (type != NULL && max_groups <= EHDS_COLLECT_MAX_GROUPS && n_keys <= EHDS_COLLECT_MAX_KEYS)
	{
		appendStringInfo(&t->from,
						 "(SELECT ehds.%s(s::%s, %d, NULL::ehds.approval, %s) AS c FROM (%s) p) w, "
						 "LATERAL ehds.dp_groups(w.c, NULL::ehds.approval) AS f(%s, n pg_catalog.int8)",
						 ehds_dp_workers_may_collect(b, max_groups, 0, false) ? "dp_collect"
																			  : "dp_collect_alone",
						 type, max_groups, columns, t->placeholder.data,
						 keyed ? t->definitions.data : "g pg_catalog.bool");
		t->total = "COALESCE(pg_catalog.sum(n), 0)::pg_catalog.int8";
		t->nesting = 3;
	}
	else if (keyed)
	{
		appendStringInfo(&t->from,
						 "(SELECT %1$s FROM (SELECT %1$s, pg_catalog.row_number() OVER (PARTITION BY s ORDER BY "
						 "ehds.bounding_hash(s::pg_catalog.text, ROW(%1$s)::pg_catalog.text, NULL::ehds.approval), %1$s) AS rn FROM ("
						 "SELECT DISTINCT s, %1$s FROM (%2$s) p WHERE s IS NOT NULL) d) w "
						 "WHERE rn OPERATOR(pg_catalog.<=) %3$d) v",
						 t->columns.data, t->placeholder.data, max_groups);
		t->nesting = 5;
	}
	else
	{
		appendStringInfo(&t->from, "(SELECT DISTINCT s FROM (%s) p WHERE s IS NOT NULL) d",
						 t->placeholder.data);
		t->nesting = 3;
	}
}

/* The call that draws the noise of a group, of which total gives the persons. */
static char *
release_call(const EhdsMechanism *m, const char *total, int k)
{
	if (m->gaussian)
		return psprintf("ehds.dp_release_gaussian(%s, '%llu'::pg_catalog.int8, %d, '%lld'::pg_catalog.int8, %d, "
						"%s, NULL::ehds.approval)",
						total, (unsigned long long) m->sigma_digits, m->sigma_places, (long long) m->tau, k,
						m->keyed ? "true" : "false");
	return psprintf("ehds.dp_release(%s, '%lld'::pg_catalog.int8, %d, '%lld'::pg_catalog.int8, %d, %s, "
					"NULL::ehds.approval)",
					total, (long long) m->epsilon_nano, m->max_groups, (long long) m->tau, k,
					m->keyed ? "true" : "false");
}

/* level of the placeholder of public keys in the template that has one */
#define DOMAIN_LEVEL 5

/* Subqueries of a template are found by position: its shape is ours. */
static Query *
first_subquery(Query *q)
{
	return rt_fetch(1, q->rtable)->subquery;
}

/*
 * The columns of a release: noised below, as the analyst's types above (or not yet).
 * persons: how groups are selected and their persons counted, NULL if they are public.
 */
static void
add_columns(const DpSet *set, const EhdsMechanism *persons, StringInfo noised, StringInfo shown)
{
	Border *b = set->border;
	int max_groups = set->max_groups;
	ListCell *lc;

	foreach(lc, b->figures)
	{
		DpFigure *figure = lfirst(lc);
		int n = foreach_current_index(lc) + 1;
		const EhdsDpShare *share = &set->shares[n - 1];
		char *column = ehds_column_with(b, list_nth(b->outputs, b->first_figure + n - 1));

		appendStringInfoString(shown, shown->len > 0 ? ", " : "");
		if (persons != NULL && ehds_dp_is_selecting(figure))
		{
			ehds_tell_count(b->gate, column, persons, share);
			appendStringInfo(shown, set->statistics ? "n::pg_catalog.numeric AS v%d_1" : "n AS n%d", n);
			continue;
		}
		ehds_dp_tell(b->gate, figure, column, max_groups, share);
		for (int i = 0; i < ehds_measure_n_statistics(&figure->measure); i++)
		{
			appendStringInfo(noised, "%s%s AS v%d_%d", noised->len > 0 ? ", " : "",
							 ehds_dp_noised(figure, i, psprintf("s%d_%d", n, i + 1), max_groups, share), n,
							 i + 1);
			if (set->statistics)
				appendStringInfo(shown, "%sv%d_%d", i > 0 ? ", " : "", n, i + 1);
		}
		if (!set->statistics)
			appendStringInfo(shown, "%s AS n%d", ehds_dp_value(figure, psprintf("v%d_", n)), n);
	}
}

void
ehds_dp_describe(Border *b, int depth, int level, DpSet *set)
{
	memset(set, 0, sizeof(*set));
	set->border = b;
	set->depth = depth;
	set->level = level;
	set->unique = ehds_has_one_row_a_subject(b->query, linitial(b->subjects));
	/* of a person in one row, the keys are his own: no more than one group */
	set->one_group = b->keys == NIL || set->unique || ehds_dp_in_one_group(b);
	set->max_groups = set->one_group ? 1 : b->gate->max_groups;
	set->input = copyObject(ehds_below(b->query, depth));
	ehds_dp_domain(set, DOMAIN_LEVEL + level);
	set->selects = b->keys != NIL && set->domain == NULL;
}

Query *
ehds_dp_release_of(const DpSet *set)
{
	Border *b = set->border;
	EhdsGate *gate = b->gate;
	bool keyed = b->keys != NIL;
	Query *input = set->input;
	Var *subject = linitial(b->subjects);
	int max_groups = set->max_groups;
	const char *domain = set->domain;
	const EhdsDpShare *selecting = NULL; /* of the figure that counts the persons of a group */
	EhdsMechanism persons;
	Template t;
	StringInfoData noised;
	StringInfoData shown;
	Query *q;
	Query *innermost;
	ListCell *lc;
	int n = 0;
	int n_measures = 0;

	initStringInfo(&t.columns);
	initStringInfo(&t.definitions);
	initStringInfo(&t.placeholder);
	initStringInfo(&t.measures);
	initStringInfo(&t.measured);
	initStringInfo(&t.statistics);
	initStringInfo(&t.names);
	initStringInfo(&t.nulls);
	initStringInfo(&t.from);
	initStringInfo(&noised);
	initStringInfo(&shown);
	t.n_words = t.n_statistics = 0;
	t.with_values = false;
	appendStringInfo(&t.placeholder, "SELECT NULL::%s AS s", ehds_type_name(subject->vartype));
	if (OidIsValid(subject->varcollid) && subject->varcollid != DEFAULT_COLLATION_OID)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg(
					 "subject columns with a collation of their own are not supported under differential privacy")));
	input->targetList = list_make1(makeTargetEntry((Expr *) copyObject(subject), 1, pstrdup("s"), false));
	foreach(lc, b->keys)
	{
		Expr *key = ((TargetEntry *) lfirst(lc))->expr;

		add_key(&t, ++n, (Node *) key);
		input->targetList = lappend(input->targetList,
									makeTargetEntry(ehds_bounded_key(key), n + 1, psprintf("g%d", n), false));
	}
	foreach(lc, b->figures)
	{
		DpFigure *figure = lfirst(lc);
		int number = foreach_current_index(lc) + 1;

		if (domain == NULL && ehds_dp_is_selecting(figure))
		{
			selecting = &set->shares[number - 1];
			continue;
		}
		add_figure(&t, number, figure);
		n_measures++;
		input->targetList = lappend(input->targetList, makeTargetEntry((Expr *) ehds_dp_measured(figure),
																	   list_length(input->targetList) + 1,
																	   psprintf("m%d", number), false));
	}

	input->hasSubLinks = input->hasSubLinks || checkExprHasSubLink((Node *) input->targetList);

	if (set->unique && (n_measures > 0 ? !t.with_values : keyed) && n <= EHDS_COLLECT_MAX_KEYS &&
		n_measures <= EHDS_COLLECT_MAX_MEASURES)
		add_tallied(&t, b);
	else if (n_measures > 0)
		add_gathered(&t, b, max_groups, n, n_measures);
	else
		add_bounded(&t, b, set->unique, max_groups, n);
	if (set->selects || selecting)
	{
		persons = ehds_dp_count_mechanism(selecting ? selecting : &set->selection, max_groups, keyed);
		/* groups are selected by a count of their persons, whether it is shown or not */
		if (keyed && !selecting)
		{
			ehds_tell_count(gate, NULL, &persons, &set->selection);
			if (b->of_set)
				((EhdsNoise *) llast(gate->noises))->column = psprintf("(selection of groups) %s", b->of_set);
		}
		appendStringInfo(&noised, "%s AS n", release_call(&persons, t.total, gate->permit->k));
	}
	add_columns(set, selecting ? &persons : NULL, &noised, &shown);
	t.nesting++;
	if (domain != NULL)
	{
		/*
		 * Added as rows without figures: a join would look for an operator.  The
		 * public side is executed twice, and LIMIT or DISTINCT ON may choose other
		 * rows the second time: a key that only rows of persons have is left out, or
		 * its being there would tell of them.
		 */
		t.nesting += 2;
		q = ehds_parse_template(
			psprintf("SELECT %1$s, %2$s FROM (SELECT %1$s, %3$s FROM (SELECT %1$s%5$s, false AS declared FROM %4$s "
					 "UNION ALL SELECT DISTINCT %1$s%6$s, true FROM %7$s) u "
					 "GROUP BY %1$s HAVING pg_catalog.bool_or(declared)) r ORDER BY %1$s",
					 t.columns.data, shown.data, noised.data, t.from.data, t.names.data, t.nulls.data, domain));
	}
	else if (keyed)
		q = ehds_parse_template(psprintf("SELECT %1$s, %2$s FROM (SELECT %1$s, %3$s FROM %4$s GROUP BY %1$s) r "
										 "WHERE n IS NOT NULL ORDER BY %1$s",
										 t.columns.data, shown.data, noised.data, t.from.data));
	else
		q = ehds_parse_template(
			psprintf("SELECT %s FROM (SELECT %s FROM %s) r", shown.data, noised.data, t.from.data));
	(void) query_tree_walker(q, plant_walker, gate, 0);
	innermost = q;
	for (int i = 2; i < t.nesting; i++)
		innermost = first_subquery(innermost);
	ehds_move_query(gate, input, set->depth, t.nesting + set->level, set->depth > 0);
	rt_fetch(1, innermost->rtable)->subquery = input;
	if (set->keys != NULL)
	{
		Query *united = first_subquery(first_subquery(q));
		Query *distinct = rt_fetch(2, united->rtable)->subquery;

		rt_fetch(1, distinct->rtable)->subquery = set->keys;
	}
	return q;
}

Query *
ehds_dp_release_query(Border *b, int depth)
{
	DpSet set;

	if (b->query->groupingSets != NIL)
		return ehds_dp_sets_query(b, depth);
	ehds_dp_describe(b, depth, 0, &set);
	ehds_dp_spend(&set);
	return ehds_dp_release_of(&set);
}
