/*
 * one_filter.c
 *		One look at the oppositions for several views of one person.
 *
 * Each view leaves out persons who object, by a join that the planner has to find
 * a place for. Where every row of a query joins rows of the same person from
 * several views, that person is looked up once: the conditions that are equal but
 * for the view's subject column are kept in one of the views. Oppositions may be to
 * one table only; the condition that is kept asks for those to any of the tables.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"

#include "gate/level.h"

typedef struct
{
	Var *from; /* subject column of one view, in its own query */
	Var *to;   /* ... of another, in its own */
	int depth;
} Renaming;

static Node *
rename_mutator(Node *node, void *arg)
{
	Renaming *r = (Renaming *) arg;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && (int) ((Var *) node)->varlevelsup == r->depth)
	{
		Var *var = (Var *) node;

		if (var->varno == r->from->varno && var->varattno == r->from->varattno)
		{
			Var *renamed = copyObject(r->to);

			renamed->varlevelsup = r->depth;
			return (Node *) renamed;
		}
		/* by no other column of the view: it would be taken for one of the other's */
		if (r->depth > 0)
			return (Node *) makeNullConst(var->vartype, var->vartypmod, var->varcollid);
	}
	if (IsA(node, Query))
	{
		Query *query;

		r->depth++;
		query = query_tree_mutator((Query *) node, rename_mutator, arg, 0);
		r->depth--;
		return (Node *) query;
	}
	return expression_tree_mutator(node, rename_mutator, arg);
}

/* EXISTS (...) or NOT EXISTS (...): its query, NULL for any other condition */
static Query *
existence(Node *condition, bool *negated)
{
	*negated = false;
	if (IsA(condition, BoolExpr) && ((BoolExpr *) condition)->boolop == NOT_EXPR)
	{
		*negated = true;
		condition = linitial(((BoolExpr *) condition)->args);
	}
	if (!IsA(condition, SubLink) || ((SubLink *) condition)->subLinkType != EXISTS_SUBLINK)
		return NULL;
	return castNode(Query, ((SubLink *) condition)->subselect);
}

/*
 * Of a look-up of oppositions, the condition on the table that they are to:
 * o.table_name IS NULL OR ... NULL if it has none.
 */
static BoolExpr *
scope_of(Query *lookup)
{
	Oid relid = get_relname_relid("opposition", ehds_namespace());
	AttrNumber column = get_attnum(relid, "table_name");
	BoolExpr *scope = NULL;
	ListCell *lc;

	foreach(lc, ehds_and_members(lookup->jointree->quals))
	{
		BoolExpr *either = lfirst(lc);
		NullTest *any;
		Var *var;

		if (!IsA(either, BoolExpr) || either->boolop != OR_EXPR)
			continue;
		any = linitial(either->args);
		if (!IsA(any, NullTest) || any->nulltesttype != IS_NULL || !IsA(any->arg, Var))
			continue;
		var = (Var *) any->arg;
		if (var->varlevelsup != 0 || var->varattno != column ||
			rt_fetch(var->varno, lookup->rtable)->relid != relid)
			continue;
		if (scope != NULL)
			return NULL;
		scope = either;
	}
	return scope;
}

/* What is left out by mine and by other is left out by mine alone from now on. */
static bool
takes_over(Node *mine, Node *other, Renaming *r)
{
	bool my_negated;
	bool other_negated;
	Query *my_query = existence(mine, &my_negated);
	Query *other_query = existence(other, &other_negated);
	BoolExpr *my_scope;
	BoolExpr *other_scope;
	List *my_tables;
	List *other_tables;
	bool same;

	if (my_query == NULL || other_query == NULL || my_negated != other_negated)
		return false;
	r->depth = 0;
	other_query = (Query *) rename_mutator((Node *) other_query, r);
	if (equal(my_query, other_query))
		return true;
	if (!my_negated)
		return false;
	my_scope = scope_of(my_query);
	other_scope = scope_of(other_query);
	if (my_scope == NULL || other_scope == NULL)
		return false;
	/* equal but for the tables? */
	my_tables = my_scope->args;
	other_tables = other_scope->args;
	my_scope->args = other_scope->args = NIL;
	same = equal(my_query, other_query);
	my_scope->args = same ? list_union(my_tables, other_tables) : my_tables;
	return same;
}

/* The subject column of an entry as the view's own query has it, NULL if it is no plain column. */
static Var *
subject_in_view(Level *level, int entry)
{
	RangeTblEntry *rte = rt_fetch(entry, level->query->rtable);
	TargetEntry *tle;

	if (rte->rtekind != RTE_SUBQUERY || ehds_permit_view(ehds_view_of_subquery(rte)) == NULL ||
		bms_membership(level->types[entry].subjects) != BMS_SINGLETON)
		return NULL;
	tle = get_tle_by_resno(rte->subquery->targetList, bms_singleton_member(level->types[entry].subjects));
	return IsA(tle->expr, Var) && ((Var *) tle->expr)->varlevelsup == 0 ? (Var *) tle->expr : NULL;
}

/* Take out of one view what another one asks for the same person. */
static void
share(Level *level, int mine, int other)
{
	Query *my_query = rt_fetch(mine, level->query->rtable)->subquery;
	Query *other_query = rt_fetch(other, level->query->rtable)->subquery;
	Renaming r = {subject_in_view(level, other), subject_in_view(level, mine), 0};
	List *my_conditions = ehds_and_members(my_query->jointree->quals);
	List *left = NIL;
	ListCell *a;
	ListCell *b;

	/* of one type, equal subjects are the same value */
	if (r.from == NULL || r.to == NULL || r.from->vartype != r.to->vartype ||
		r.from->varcollid != r.to->varcollid)
		return;
	foreach(a, ehds_and_members(other_query->jointree->quals))
	{
		bool taken = false;

		foreach(b, my_conditions)
		{
			if (takes_over(lfirst(b), lfirst(a), &r))
			{
				taken = true;
				break;
			}
		}
		if (!taken)
			left = lappend(left, lfirst(a));
	}
	other_query->jointree->quals = (Node *) make_ands_explicit(left);
}

static int
root_of(int *parent, int i)
{
	while (parent[i] != i)
		i = parent[i];
	return i;
}

/* The equalities of subjects that each row of the query fulfils say which views are of one person. */
void
ehds_share_filters(Level *level)
{
	int n = list_length(level->query->rtable);
	int *parent = palloc(sizeof(int) * (n + 1));
	ListCell *lc;
	ListCell *a;
	ListCell *b;

	for (int i = 0; i <= n; i++)
		parent[i] = i;
	foreach(lc, level->conditions)
	{
		OpExpr *op = lfirst(lc);
		int left;
		int right;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 || !ehds_is_equality(op))
			continue;
		left = ehds_subject_of(level, linitial(op->args));
		right = ehds_subject_of(level, lsecond(op->args));
		if (left != 0 && right != 0 && list_member_int(level->entries, left) &&
			list_member_int(level->entries, right))
			parent[root_of(parent, left)] = root_of(parent, right);
	}
	foreach(a, level->entries)
	{
		foreach(b, level->entries)
		{
			if (b == a)
				break;
			if (lfirst_int(a) != lfirst_int(b) &&
				root_of(parent, lfirst_int(a)) == root_of(parent, lfirst_int(b)))
				share(level, lfirst_int(b), lfirst_int(a));
		}
	}
}
