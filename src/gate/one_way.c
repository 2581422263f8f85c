/*
 * one_way.c
 *		Sums of one column that reach it in two ways.
 *
 * Where a view is read twice, once without the rows of one person (by the condition of
 * an outer join, in a subquery that counts within persons), two sums of its column in
 * one SELECT differ by what this person has, and each of them is of many persons.
 * What columns give together depends on how they were made, with any factors, so that
 * no look at the values decides it: such sums are refused, whatever the data.  But where
 * the two readings have no row in common, being of two codes (code = 1, code = 2), they
 * are as good as two columns.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "gate/border.h"
#include "gate/level.h"

/* A column of a view of the permit, or its rows (number 0), of which a summed value is made. */
typedef struct Base
{
	Oid view;
	AttrNumber attno;
	/* by which entries it is reached, and in which queries: from that of the release inward */
	List *entries;
	List *queries;
	int outside; /* how many of them are outside of the aggregation that counts rows */
	bool made;   /* something is made of the column on the way */
} Base;

/* The steps to a column that is looked at. */
typedef struct Steps
{
	List *entries;
	List *queries;
	bool made;
} Steps;

static List *
add_base(List *bases, const Steps *steps, Oid view, AttrNumber attno)
{
	Base *base = palloc(sizeof(Base));

	base->view = view;
	base->attno = attno;
	base->entries = steps->entries;
	base->queries = steps->queries;
	base->outside = list_length(steps->entries);
	base->made = steps->made;
	return lappend(bases, base);
}

static Steps
one_more(const Steps *steps, Query *query, RangeTblEntry *rte)
{
	Steps more = *steps;

	more.entries = lappend(list_copy(steps->entries), rte);
	more.queries = lappend(list_copy(steps->queries), query);
	return more;
}

/* The rows of all views that a query reads, which is so many steps inward. */
static List *
add_rows(List *bases, const Steps *steps, Query *query, int outside)
{
	ListCell *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		Steps inner = one_more(steps, query, rte);
		EhdsPermitView *view;

		if (rte->rtekind != RTE_SUBQUERY)
			continue;
		view = ehds_permit_view(ehds_view_of_subquery(rte));
		if (view == NULL)
		{
			bases = add_rows(bases, &inner, rte->subquery, outside);
			continue;
		}
		bases = add_base(bases, &inner, view->view, 0);
		((Base *) llast(bases))->outside = outside;
	}
	return bases;
}

static List *follow(List *bases, const Steps *steps, Query *query, Node *node);

static List *
follow_column(List *bases, const Steps *before, Query *query, Var *var)
{
	RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);
	Steps steps;
	EhdsPermitView *view;
	Node *made;
	Aggref *agg;

	if (var->varattno <= 0 || rte->rtekind != RTE_SUBQUERY)
		return bases;
	steps = one_more(before, query, rte);
	view = ehds_permit_view(ehds_view_of_subquery(rte));
	if (view != NULL && !OidIsValid(view->store))
		return add_base(bases, &steps, view->view, var->varattno);
	if (view != NULL)
		/* what was made within a person when a sealed table was made is a column of its own */
		return var->varattno > view->n_origins ? bases
											   : add_base(bases, &steps, view->origins[var->varattno - 1].view,
														  view->origins[var->varattno - 1].attno);
	made = (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr;
	agg = (Aggref *) made;
	if (IsA(made, Aggref) && (agg->args == NIL || strcmp(get_func_name(agg->aggfnoid), "count") == 0))
		return add_rows(bases, &steps, rte->subquery, list_length(steps.entries));
	return follow(bases, &steps, rte->subquery, made);
}

/* All columns that a value is made of. */
static List *
follow(List *bases, const Steps *steps, Query *query, Node *node)
{
	Var *column = ehds_column_of(query, node);
	Steps made = *steps;
	ListCell *lc;

	if (column != NULL)
		return follow_column(bases, steps, query, column);
	made.made = true;
	foreach(lc,
			pull_var_clause(node, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS | PVC_RECURSE_PLACEHOLDERS))
	{
		column = ehds_column_of(query, lfirst(lc));
		if (column != NULL)
			bases = follow_column(bases, &made, query, column);
	}
	return bases;
}

/* The same entries of the same queries? */
static bool
same_way(const Base *one, const Base *other)
{
	ListCell *lc;
	ListCell *lc2;

	if (list_length(one->entries) != list_length(other->entries))
		return false;
	forboth(lc, one->entries, lc2, other->entries)
		if (lfirst(lc) != lfirst(lc2))
			return false;
	return true;
}

/* The number of an entry in the range table. */
static int
number_of(Query *query, RangeTblEntry *rte)
{
	ListCell *lc;

	foreach(lc, query->rtable)
		if (lfirst(lc) == rte)
			return foreach_current_index(lc) + 1;
	return 0;
}

/* Does a part of the join tree have the entry? */
static bool
has_entry(Node *node, int entry)
{
	ListCell *lc;

	if (IsA(node, RangeTblRef))
		return ((RangeTblRef *) node)->rtindex == entry;
	if (IsA(node, JoinExpr))
		return has_entry(((JoinExpr *) node)->larg, entry) || has_entry(((JoinExpr *) node)->rarg, entry);
	foreach(lc, castNode(FromExpr, node)->fromlist)
		if (has_entry(lfirst(lc), entry))
			return true;
	return false;
}

/* A column of the rows that a base is of equals a constant. */
typedef struct Fixed
{
	Oid view;
	AttrNumber attno;
	Const *value;
} Fixed;

/* The conditions that an entry's rows fulfil wherever they are there. */
static List *
conditions_on(Node *node, int entry)
{
	List *conditions = NIL;
	ListCell *lc;

	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			conditions = list_concat(conditions, conditions_on(lfirst(lc), entry));
		return list_concat(conditions, ehds_and_members(((FromExpr *) node)->quals));
	}
	if (IsA(node, JoinExpr))
	{
		JoinExpr *join = (JoinExpr *) node;
		bool left = has_entry(join->larg, entry);
		bool right = has_entry(join->rarg, entry);

		if (left)
			conditions = conditions_on(join->larg, entry);
		if (right)
			conditions = conditions_on(join->rarg, entry);
		/* not of the side that an outer join keeps */
		if (join->jointype == JOIN_INNER || (join->jointype == JOIN_LEFT && right) ||
			(join->jointype == JOIN_RIGHT && left))
			conditions = list_concat(conditions, ehds_and_members(join->quals));
	}
	return conditions;
}

/* Types whose different values differ in their bytes. */
static bool
differs_by_bytes(Oid type)
{
	return type == BOOLOID || type == INT2OID || type == INT4OID || type == INT8OID || type == DATEOID ||
		   type == UUIDOID || type == TEXTOID;
}

static List *
fixed_columns(const Base *base)
{
	List *fixed = NIL;
	ListCell *lc;
	ListCell *lc2;
	ListCell *lc3;
	Steps before = {NIL, NIL, false};

	forboth(lc, base->queries, lc2, base->entries)
	{
		Query *query = lfirst(lc);
		int entry = number_of(query, lfirst(lc2));

		foreach(lc3, conditions_on((Node *) query->jointree, entry))
		{
			OpExpr *op = lfirst(lc3);

			if (!IsA(op, OpExpr) || list_length(op->args) != 2 || !ehds_is_equality(op) ||
				(OidIsValid(op->inputcollid) && !get_collation_isdeterministic(op->inputcollid)))
				continue;
			for (int side = 0; side < 2; side++)
			{
				Var *column = ehds_column_of(query, list_nth(op->args, side));
				Const *value = (Const *) ehds_strip_casts(list_nth(op->args, 1 - side));
				List *bases;
				Fixed *f;

				if (column == NULL || column->varno != entry || !IsA(value, Const) || value->constisnull ||
					!differs_by_bytes(value->consttype))
					continue;
				bases = follow_column(NIL, &before, query, column);
				if (list_length(bases) != 1 || !same_way(linitial(bases), base) ||
					((Base *) linitial(bases))->attno == 0 || ((Base *) linitial(bases))->made)
					continue;
				f = palloc(sizeof(Fixed));
				f->view = ((Base *) linitial(bases))->view;
				f->attno = ((Base *) linitial(bases))->attno;
				f->value = value;
				fixed = lappend(fixed, f);
			}
		}
		before = one_more(&before, query, lfirst(lc2));
	}
	return fixed;
}

/* Are they of two constants that a column of their rows equals, so that they have no row in common? */
static bool
have_no_row_in_common(const Base *one, const Base *other)
{
	List *others = fixed_columns(other);
	ListCell *lc;
	ListCell *lc2;

	foreach(lc, fixed_columns(one))
	{
		Fixed *f = lfirst(lc);

		foreach(lc2, others)
		{
			Fixed *g = lfirst(lc2);

			if (f->view == g->view && f->attno == g->attno && f->value->consttype == g->value->consttype &&
				!datumIsEqual(f->value->constvalue, g->value->constvalue, f->value->constbyval,
							  f->value->constlen))
				return true;
		}
	}
	return false;
}

/* Is there a column or a number of rows that both values are made of, reached in two ways? */
static bool
reached_in_two_ways(List *one, List *other)
{
	ListCell *lc;
	ListCell *lc2;

	foreach(lc, one)
	{
		Base *base = lfirst(lc);

		foreach(lc2, other)
		{
			Base *base2 = lfirst(lc2);

			if (base->view == base2->view && base->attno == base2->attno && !same_way(base, base2) &&
				!have_no_row_in_common(base, base2))
				return true;
		}
	}
	return false;
}

/* Has the entry one row a person at most? */
static bool
has_one_row_a_person(RangeTblEntry *rte)
{
	EhdsPermitView *view = ehds_permit_view(ehds_view_of_subquery(rte));
	Query *query = rte->subquery;
	ListCell *lc;

	if (view == NULL)
		return query->setOperations == NULL && !query->hasTargetSRFs && query->groupingSets == NIL &&
			   (list_length(query->groupClause) == 1 || list_length(query->distinctClause) == 1);
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		Var *subject = ehds_column_of(query, (Node *) tle->expr);
		RangeTblEntry *table;

		if (tle->resjunk || tle->resname == NULL || strcmp(tle->resname, view->subject) != 0 ||
			subject == NULL)
			continue;
		table = rt_fetch(subject->varno, query->rtable);
		return table->rtekind == RTE_RELATION && subject->varattno > 0 &&
			   ehds_has_unique_key(table->relid, bms_make_singleton(subject->varattno));
	}
	return false;
}

/* Are rows of the view among those that the entry gives? Of a sealed table it is not known of what they are. */
static bool
gives_rows_of(RangeTblEntry *rte, Oid base)
{
	EhdsPermitView *view;
	ListCell *lc;

	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	view = ehds_permit_view(ehds_view_of_subquery(rte));
	if (view != NULL && view->view != base && !OidIsValid(view->store))
		return false;
	if (has_one_row_a_person(rte))
		return false;
	if (view != NULL)
		return true;
	foreach(lc, rte->subquery->rtable)
		if (gives_rows_of(lfirst(lc), base))
			return true;
	return false;
}

/* Is the value made of a number of rows of a view, beside other rows of which it stands? */
static bool
counts_what_stands_beside(List *bases)
{
	ListCell *lc;
	ListCell *lc2;
	ListCell *lc3;
	ListCell *lc4;

	foreach(lc, bases)
	{
		Base *base = lfirst(lc);

		if (base->attno != 0)
			continue;
		forboth(lc2, base->queries, lc3, base->entries)
		{
			if (foreach_current_index(lc2) >= base->outside)
				break;
			foreach(lc4, ((Query *) lfirst(lc2))->rtable)
				if (lfirst(lc4) != lfirst(lc3) && gives_rows_of(lfirst(lc4), base->view))
					return true;
		}
	}
	return false;
}

/* Refuse figures of a release that are sums of one column reached in two ways. */
void
ehds_require_one_way(Border *b)
{
	Steps none = {NIL, NIL, false};
	List *values = NIL; /* the bases of each */
	int tell_rows = 0;
	ListCell *lc;

	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);

		tell_rows += r->linked && (r->column == NULL || r->with_rows);
	}
	foreach(lc, b->summed)
	{
		List *bases = follow(NIL, &none, b->query, lfirst(lc));
		ListCell *lc2;

		foreach(lc2, values)
		{
			if (reached_in_two_ways(bases, lfirst(lc2)))
				EHDS_REFUSE(b->gate->query_string, NULL,
							errmsg(
								"sums and averages of one column that is read twice are not supported in one SELECT under a statistics permit"),
							errdetail("Their difference could be what one person has."),
							errhint("Ask for each of them in a query of its own."));
		}
		if (counts_what_stands_beside(bases) && tell_rows > 0 && list_length(b->released) > 1)
			EHDS_REFUSE(b->gate->query_string, NULL,
						errmsg(
							"numbers of rows, and sums of numbers of rows of the same view, are not supported in one SELECT under a statistics permit"),
						errdetail("Their difference could be the rows of one person."),
						errhint("Ask for each of them in a query of its own."));
		values = lappend(values, bases);
	}
}
