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
#include "utils/lsyscache.h"

#include "core/errors.h"
#include "gate/border.h"
#include "gate/level.h"

/* A column of a view of the permit; of number 0: its rows. */
typedef struct Base
{
	Oid view;
	AttrNumber attno;
} Base;

/* How a summed column is reached, and what it is made of. */
typedef struct Way
{
	List *bases;
	List *queries; /* from that of the release inward, and the entry of each that it comes from */
	List *entries;
} Way;

static void
add_base(Way *way, Oid view, AttrNumber attno)
{
	Base *base = palloc(sizeof(Base));

	base->view = view;
	base->attno = attno;
	way->bases = lappend(way->bases, base);
}

/* The rows of all views that a query reads. */
static void
add_rows(Way *way, Query *query)
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
			add_base(way, view->view, 0);
		else
			add_rows(way, rte->subquery);
	}
}

static void
follow(Way *way, Query *query, Node *node)
{
	Var *var = ehds_column_of(query, node);
	RangeTblEntry *rte;
	EhdsPermitView *view;

	if (var == NULL || var->varattno <= 0)
		return;
	rte = rt_fetch(var->varno, query->rtable);
	if (rte->rtekind != RTE_SUBQUERY)
		return;
	way->queries = lappend(way->queries, query);
	way->entries = lappend(way->entries, rte);
	view = ehds_permit_view(ehds_view_of_subquery(rte));
	if (view == NULL)
	{
		node = (Node *) get_tle_by_resno(rte->subquery->targetList, var->varattno)->expr;
		if (!IsA(node, Aggref))
			follow(way, rte->subquery, node);
		else if (((Aggref *) node)->args == NIL ||
				 strcmp(get_func_name(((Aggref *) node)->aggfnoid), "count") == 0)
			add_rows(way, rte->subquery);
		else
		{
			node = (Node *) linitial_node(TargetEntry, ((Aggref *) node)->args)->expr;
			/* what makes sums and extremes sound keeps the value */
			if (IsA(node, FuncExpr) && list_length(((FuncExpr *) node)->args) == 1)
				node = linitial(((FuncExpr *) node)->args);
			follow(way, rte->subquery, node);
		}
	}
	else if (!OidIsValid(view->store))
		add_base(way, view->view, var->varattno);
	else if (var->varattno <= view->n_origins)
		/* what was made within a person when the table was made is a column of its own */
		add_base(way, view->origins[var->varattno - 1].view, view->origins[var->varattno - 1].attno);
}

/* The same entries of the same queries? */
static bool
same_way(Way *one, Way *other)
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

/* Is there a column or a number of rows that both are made of? */
static bool
share_a_base(Way *one, Way *other)
{
	ListCell *lc;
	ListCell *lc2;

	foreach(lc, one->bases)
	{
		Base *base = lfirst(lc);

		foreach(lc2, other->bases)
			if (base->view == ((Base *) lfirst(lc2))->view && base->attno == ((Base *) lfirst(lc2))->attno)
				return true;
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

/* Is the column a number of rows of a view, beside other rows of which it stands? */
static bool
counts_what_stands_beside(Way *way)
{
	ListCell *lc;
	ListCell *lc2;
	ListCell *lc3;

	foreach(lc, way->bases)
	{
		Base *base = lfirst(lc);

		if (base->attno != 0)
			continue;
		forboth(lc2, way->queries, lc3, way->entries)
		{
			ListCell *lc4;

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
	List *ways = NIL;
	int tell_rows = 0;
	ListCell *lc;

	foreach(lc, b->released)
	{
		Released *r = lfirst(lc);

		tell_rows += r->linked && (r->column == NULL || r->with_rows);
	}
	foreach(lc, b->summed)
	{
		Way *way = palloc0(sizeof(Way));
		ListCell *lc2;

		follow(way, b->query, lfirst(lc));
		foreach(lc2, ways)
		{
			Way *other = lfirst(lc2);

			if (!same_way(way, other) && share_a_base(way, other))
				EHDS_REFUSE(b->gate->query_string, NULL,
							errmsg(
								"sums and averages of one column that is read twice are not supported in one SELECT under a statistics permit"),
							errdetail("Their difference could be what one person has."),
							errhint("Ask for each of them in a query of its own."));
		}
		if (counts_what_stands_beside(way) && tell_rows > 0 && list_length(b->released) > 1)
			EHDS_REFUSE(b->gate->query_string, NULL,
						errmsg(
							"numbers of rows, and sums of numbers of rows of the same view, are not supported in one SELECT under a statistics permit"),
						errdetail("Their difference could be the rows of one person."),
						errhint("Ask for each of them in a query of its own."));
		ways = lappend(ways, way);
	}
}
