/*
 * one_way.c
 *		Sums of one column that reach it in two ways.
 *
 * Where a view is read twice, once without the rows of one person (by the condition of
 * an outer join, in a subquery that counts within persons), two sums of its column in
 * one SELECT differ by what this person has, and each of them is of many persons.
 * What columns give together depends on how they were made, with any factors, so that
 * no look at the values decides it: such sums are refused, whatever the data.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
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
} Base;

/* The steps to a column that is looked at. */
typedef struct Steps
{
	List *entries;
	List *queries;
} Steps;

static List *
add_base(List *bases, const Steps *steps, Oid view, AttrNumber attno)
{
	Base *base = palloc(sizeof(Base));

	base->view = view;
	base->attno = attno;
	base->entries = steps->entries;
	base->queries = steps->queries;
	return lappend(bases, base);
}

/* The rows of all views that a query reads. */
static List *
add_rows(List *bases, const Steps *steps, Query *query)
{
	ListCell *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);
		EhdsPermitView *view;

		if (rte->rtekind != RTE_SUBQUERY)
			continue;
		view = ehds_permit_view(ehds_view_of_subquery(rte));
		if (view != NULL)
			bases = add_base(bases, steps, view->view, 0);
		else
			bases = add_rows(bases, steps, rte->subquery);
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
	steps.entries = lappend(list_copy(before->entries), rte);
	steps.queries = lappend(list_copy(before->queries), query);
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
		return add_rows(bases, &steps, rte->subquery);
	return follow(bases, &steps, rte->subquery, made);
}

/* All columns that a value is made of. */
static List *
follow(List *bases, const Steps *steps, Query *query, Node *node)
{
	Var *column = ehds_column_of(query, node);
	ListCell *lc;

	if (column != NULL)
		return follow_column(bases, steps, query, column);
	foreach(lc,
			pull_var_clause(node, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS | PVC_RECURSE_PLACEHOLDERS))
	{
		column = ehds_column_of(query, lfirst(lc));
		if (column != NULL)
			bases = follow_column(bases, steps, query, column);
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

			if (base->view == base2->view && base->attno == base2->attno && !same_way(base, base2))
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
	Steps none = {NIL, NIL};
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
