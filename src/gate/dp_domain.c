/*
 * dp_domain.c
 *		Groups whose keys are public, so that all of them are released, empty ones too.
 *
 * A key is public if it is computed from columns whose values everybody may know
 * of: those with a declared domain, booleans, enumerations, and the columns of
 * public tables whose rows an outer join keeps (if no condition on rows of persons
 * takes them away).  The keys are then what it gives for all combinations of these
 * values.  Any other condition has three values.  Nothing of the data decides which
 * groups are shown, and no delta is spent on it.
 *
 * Rows with other values than the declared ones are in no group that is released.
 * They are left out before the groups of a person are counted, where that is easy to
 * say; what makes it sure is that groups are released only if they are in the domain.
 */
#include "core/compat.h"

#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "core/errors.h"
#include "gate/dp_domain.h"
#include "gate/level.h"

/* range table index of the kept rows in the query that gives the keys; columns follow */
#define KEPT_ENTRY 1

/* Keys while their domain is looked for. */
typedef struct
{
	Border *b;
	Query *query;    /* in which the expression stands */
	List *path;      /* entries that lead to that query, as an integer list */
	bool nulled;     /* an outer join may make columns of that query NULL */
	Bitmapset *kept; /* entries of the analyst's query whose rows an outer join keeps */
	Node *kept_from;
	List *kept_columns; /* Vars */
	List *columns;      /* DomainColumn */
	bool failed;
} Keys;

static Node *over_domain(Node *node, void *arg);

static void
add_entries(Node *node, Bitmapset **entries)
{
	ListCell *lc;

	if (IsA(node, RangeTblRef))
		*entries = bms_add_member(*entries, ((RangeTblRef *) node)->rtindex);
	else if (IsA(node, JoinExpr))
	{
		*entries = bms_add_member(*entries, ((JoinExpr *) node)->rtindex);
		add_entries(((JoinExpr *) node)->larg, entries);
		add_entries(((JoinExpr *) node)->rarg, entries);
	}
	else
		foreach(lc, castNode(FromExpr, node)->fromlist)
			add_entries(lfirst(lc), entries);
}

/* The side of public rows that an outer join keeps, if there is one. */
static void
find_kept(Keys *k)
{
	FromExpr *from = k->b->query->jointree;
	JoinExpr *join;

	if (!k->b->level->optional || list_length(from->fromlist) != 1 || !IsA(linitial(from->fromlist), JoinExpr))
		return;
	join = linitial(from->fromlist);
	if (join->jointype != JOIN_LEFT && join->jointype != JOIN_RIGHT)
		return;
	k->kept_from = join->jointype == JOIN_LEFT ? join->larg : join->rarg;
	add_entries(k->kept_from, &k->kept);
	/* a condition on rows of persons takes keys away */
	if (from->quals != NULL &&
		(checkExprHasSubLink(from->quals) || !bms_is_subset(pull_varnos(NULL, from->quals), k->kept)))
		k->kept = NULL;
}

/* The kept rows, with the columns that keys are made of. */
static Query *
kept_query(Keys *k, int depth)
{
	Query *q = copyObject(ehds_below(k->b->query, depth));
	ListCell *lc;
	int n = 0;

	q->targetList = NIL;
	foreach(lc, k->kept_columns)
	{
		n++;
		q->targetList = lappend(q->targetList,
								makeTargetEntry(copyObject(lfirst(lc)), n, psprintf("k%d", n), false));
	}
	q->jointree = makeFromExpr(list_make1(copyObject(k->kept_from)), copyObject(k->b->query->jointree->quals));
	n = 0;
	foreach(lc, q->rtable)
	{
		RangeTblEntry *unused;

		if (bms_is_member(++n, k->kept))
			continue;
		unused = makeNode(RangeTblEntry);
		unused->rtekind = RTE_RESULT;
		unused->eref = makeAlias("unused", NIL);
		lfirst(lc) = unused;
	}
	return q;
}

/* The planner counts the columns of a subquery by the names of its entry. */
static void
put_kept(RangeTblEntry *entry, Query *kept)
{
	ListCell *lc;

	entry->subquery = kept;
	entry->eref = makeAlias("kept", NIL);
	foreach(lc, kept->targetList)
		entry->eref->colnames = lappend(entry->eref->colnames,
										makeString(lfirst_node(TargetEntry, lc)->resname));
}

static Node *
column_of_keys(int entry, int attno, const Var *like)
{
	return (Node *) makeVar(entry, attno, like->vartype, like->vartypmod, like->varcollid, 0);
}

static Node *
fail(Keys *k)
{
	k->failed = true;
	return NULL;
}

static Node *
kept_column(Keys *k, Var *var)
{
	k->kept_columns = list_append_unique(k->kept_columns, var);
	for (int n = 1; n <= list_length(k->kept_columns); n++)
	{
		if (equal(var, list_nth(k->kept_columns, n - 1)))
			return column_of_keys(KEPT_ENTRY, n, var);
	}
	return NULL;
}

/* Column number n of the keys' query, from 0. */
static Node *
domain_column(Keys *k, int n)
{
	return column_of_keys(KEPT_ENTRY + 1 + n, 1, ((DomainColumn *) list_nth(k->columns, n))->like);
}

/* A column that path leads to, if it is not among them yet. */
static Node *
add_column(Keys *k, DomainColumn *found, List *path)
{
	ListCell *lc;

	foreach(lc, k->columns)
	{
		DomainColumn *known = lfirst(lc);

		if (!equal(known->path, path))
			continue;
		if (known->in_query == NULL)
			known->in_query = found->in_query;
		return domain_column(k, foreach_current_index(lc));
	}
	found->path = path;
	k->columns = lappend(k->columns, found);
	return domain_column(k, list_length(k->columns) - 1);
}

/*
 * A column of a query, as a column of the keys.  in_query: the column as it stands in
 * the analyst's query; NULL: an expression around it stands there.
 */
static Node *
over_column(Keys *k, Var *var, Var *in_query)
{
	RangeTblEntry *rte;
	DomainColumn *found;
	List *path;
	bool top = k->path == NIL;

	if (var->varlevelsup > 0 || var->varattno <= 0)
		return fail(k);
	rte = rt_fetch(var->varno, k->query->rtable);
	if (rte->rtekind == RTE_JOIN)
	{
		Node *alias = list_nth(rte->joinaliasvars, var->varattno - 1);

		if (alias == NULL)
			return fail(k);
		if (IsA(alias, Var))
			return over_column(k, (Var *) alias, in_query ? (Var *) alias : NULL);
		return over_domain(alias, k);
	}
	if (top && bms_is_member(var->varno, k->kept))
		return kept_column(k, var);

	path = lappend_int(lappend_int(list_copy(k->path), var->varno), var->varattno);
	if (rte->rtekind == RTE_SUBQUERY && !OidIsValid(ehds_sealed_store(rte)))
	{
		Keys outer = *k;
		Node *expr = (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr;
		Node *result;

		if (rte->subquery->setOperations != NULL || rte->subquery->groupingSets != NIL ||
			rte->subquery->hasTargetSRFs)
			return fail(k);
		k->nulled = k->nulled || (top && (k->b->level->optional || k->b->level->nulled[var->varno] != NULL)) ||
					ehds_contains_outer_join((Node *) rte->subquery->jointree);
		k->path = path;
		k->query = rte->subquery;
		if (IsA(expr, Var))
			result = over_column(k, (Var *) expr, in_query);
		else if (k->nulled)
			/* an outer join makes NULL what the expression may not */
			result = fail(k);
		else
			result = over_domain(expr, k);
		k->query = outer.query;
		k->path = outer.path;
		k->nulled = outer.nulled;
		return result;
	}
	found = ehds_domain_of_column(rte, var,
								  k->nulled || (top && (k->b->level->optional ||
														k->b->level->nulled[var->varno] != NULL)));
	if (found == NULL)
		return fail(k);
	if (in_query != NULL)
	{
		found->in_query = copyObject(in_query);
		ehds_set_nulling_joins(found->in_query, k->b->level->nulled[in_query->varno]);
	}
	return add_column(k, found, path);
}

/* An expression over columns of a query, over their domains. */
static Node *
over_domain(Node *node, void *arg)
{
	Keys *k = (Keys *) arg;

	if (node == NULL || k->failed)
		return NULL;
	switch (nodeTag(node))
	{
		case T_Var:
			return over_column(k, (Var *) node, k->path == NIL ? (Var *) node : NULL);
		case T_Aggref:
		case T_WindowFunc:
		case T_GroupingFunc:
		case T_SubLink:
			return fail(k);
		case T_Param:
			if (((Param *) node)->paramkind != PARAM_EXTERN)
				return fail(k);
			break;
		case T_FuncExpr:
			if (ehds_is_bound_coarsening(((FuncExpr *) node)->funcid, ((FuncExpr *) node)->args))
				return fail(k);
			break;
		default:
			break;
	}
	return expression_tree_mutator(node, over_domain, arg);
}

/* A condition of which nothing else is known: true, false or NULL. */
static Node *
over_booleans(Keys *k, Node *key, int n)
{
	DomainColumn *found = palloc0(sizeof(DomainColumn));

	found->like = makeVar(1, 1, BOOLOID, -1, InvalidOid, 0);
	found->null = ehds_column_of(k->b->query, key) == NULL || !ehds_is_never_null(k->b, key);
	return add_column(k, found, list_make1_int(-n));
}

/* The keys as expressions over the query that gives them, NIL if they are not public. */
static List *
public_keys(Keys *k)
{
	List *keys = NIL;
	ListCell *lc;

	foreach(lc, k->b->keys)
	{
		Node *key = (Node *) ((TargetEntry *) lfirst(lc))->expr;
		int n_kept = list_length(k->kept_columns);
		int n_columns = list_length(k->columns);
		Node *over;

		k->failed = false;
		over = over_domain(key, k);
		if (k->failed)
		{
			k->kept_columns = list_truncate(k->kept_columns, n_kept);
			k->columns = list_truncate(k->columns, n_columns);
			if (exprType(key) != BOOLOID)
				return NIL;
			over = over_booleans(k, key, foreach_current_index(lc) + 1);
		}
		keys = lappend(keys, over);
	}
	return keys;
}

/* How many values a column has; 0: that is not known before the query runs. */
static double
number_of_values(const DomainColumn *column)
{
	double n;

	if (column->declared != NULL)
		n = column->declared->schema == NULL ? column->declared->n_values : 0;
	else if (column->like->vartype == BOOLOID)
		n = 2;
	else
	{
		CatCList *labels = SearchSysCacheList1(ENUMTYPOIDNAME, ObjectIdGetDatum(column->like->vartype));

		n = labels->n_members;
		ReleaseSysCacheList(labels);
	}
	return n > 0 && column->null ? n + 1 : n;
}

/* All combinations of the columns' values. */
static Query *
combinations(Keys *k)
{
	StringInfoData from;
	StringInfoData sizes;
	double listed = 1;
	Query *q;
	ListCell *lc;
	int n = 0;

	initStringInfo(&from);
	initStringInfo(&sizes);
	appendStringInfoString(&from, "(SELECT NULL::pg_catalog.bool) kept");
	foreach(lc, k->columns)
	{
		DomainColumn *column = lfirst(lc);

		appendStringInfo(&from, ", %s", ehds_domain_from(column, ++n));
		if (column->declared != NULL && column->declared->schema != NULL)
			appendStringInfo(&sizes, " OPERATOR(pg_catalog.*) %s", ehds_domain_size_of_source(column));
		else
			listed *= column->declared != NULL ? column->declared->n_values : number_of_values(column);
	}
	/* a list that nobody wants to read: groups are selected */
	if (listed > EHDS_DOMAIN_MAX)
		return NULL;
	if (sizes.len > 0)
		appendStringInfo(&from, " WHERE ehds.dp_domain_fits(%.0f::pg_catalog.numeric%s)", listed, sizes.data);
	q = ehds_parse_template(psprintf("SELECT NULL FROM %s", from.data));
	n = 0;
	foreach(lc, k->columns)
		ehds_domain_fill(lfirst(lc), rt_fetch(KEPT_ENTRY + ++n, q->rtable));
	return q;
}

/*
 * Leave rows with other keys out of the input, and take a person to be in no more
 * groups than there are. Where some such rows are not left out, they may take places
 * of his, so he keeps all of them.
 */
static void
bound_to_domain(DpSet *set, const Keys *k)
{
	Query *input = set->input;
	List *within = NIL;
	double n_groups = k->kept_columns == NIL ? 1 : 0;
	ListCell *lc;

	foreach(lc, k->columns)
	{
		DomainColumn *column = lfirst(lc);
		Node *condition = column->covers ? NULL : ehds_domain_condition(column, true);
		bool others = column->declared != NULL && !column->covers;

		set->partial = set->partial || others;
		n_groups *= (others && condition == NULL) ? 0 : number_of_values(column);
		ehds_repeat_with(set->border->gate, ehds_domain_text(column));
		if (condition != NULL)
			within = lappend(within, condition);
	}
	if (n_groups > 0 && n_groups < set->max_groups)
		set->max_groups = (int) n_groups;
	if (within == NIL)
		return;
	if (input->jointree->quals != NULL)
		within = lcons(input->jointree->quals, within);
	input->jointree = makeFromExpr(input->jointree->fromlist, (Node *) make_ands_explicit(within));
	input->hasSubLinks = input->hasSubLinks || checkExprHasSubLink(input->jointree->quals);
}

/*
 * If the keys of the set are public: SQL that gives all of them, with a placeholder in
 * the place of the query set->keys, which is to stand at a level of the template; what
 * of the input is in no group is left out of it.
 */
void
ehds_dp_domain(DpSet *set, int level)
{
	Border *b = set->border;
	StringInfoData placeholder;
	Keys k = {0};
	List *targets;
	Query *q;
	ListCell *lc;
	int n = 0;

	if (b->keys == NIL || b->query->hasTargetSRFs)
		return;
	k.b = b;
	k.query = b->query;
	find_kept(&k);
	targets = public_keys(&k);
	if (targets == NIL || (q = combinations(&k)) == NULL)
		return;
	if (k.kept_columns != NIL)
	{
		Query *kept = kept_query(&k, set->depth);

		ehds_move_query(b->gate, kept, set->depth, level + 1, set->depth > 0);
		put_kept(rt_fetch(KEPT_ENTRY, q->rtable), kept);
	}
	q->targetList = NIL;
	initStringInfo(&placeholder);
	foreach(lc, targets)
	{
		n++;
		q->targetList = lappend(q->targetList,
								makeTargetEntry(ehds_bounded_key(lfirst(lc)), n, psprintf("g%d", n), false));
		appendStringInfo(&placeholder, "%s%s AS g%d", n > 1 ? ", " : "",
						 ehds_dp_null_key((Node *) ((TargetEntry *) list_nth(b->keys, n - 1))->expr), n);
	}
	bound_to_domain(set, &k);
	set->keys = q;
	set->domain = psprintf("(SELECT %s) pk", placeholder.data);
}

Node *
ehds_dp_declared_value(Border *b, Node *value)
{
	Keys k = {0};
	DomainColumn *column;
	Oid source;

	k.b = b;
	k.query = b->query;
	if (!IsA(value, Var))
		return NULL;
	value = over_domain(value, &k);
	/* USING may have made it of two columns */
	if (k.failed || !IsA(value, Var))
		return NULL;
	column = linitial(k.columns);
	if (column->in_query == NULL || ehds_domain_condition(column, false) == NULL)
		return NULL;
	ehds_repeat_with(b->gate, ehds_domain_text(column));
	/* without rows of persons nobody looks into it, other than where it gives groups */
	source = ehds_domain_table(column);
	if (OidIsValid(source))
		b->gate->beside = list_append_unique_oid(b->gate->beside, source);
	return ehds_domain_condition(column, false);
}
