/*
 * windows.c
 *		Window functions within a person: PARTITION BY that contains the subject.
 *
 * A function for which it matters which of equal rows comes first (row_number, lag,
 * first_value, sums over ROWS) is given a window of its own, in which the columns
 * that the query reads break ties. The others keep the analyst's window, in which
 * equal rows are peers.
 */
#include "core/compat.h"

#include "catalog/pg_aggregate.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_clause.h"
#include "utils/fmgroids.h"

#include "core/errors.h"
#include "gate/level.h"

typedef enum
{
	OF_PEERS,    /* equal rows get the same */
	OF_POSITION, /* whatever the frame */
	FIRST_ROW,   /* of the frame */
	LAST_ROW,
	NTH_ROW,
	AGGREGATE
} Kind;

static Kind
kind_of(Level *level, WindowFunc *f)
{
	switch (f->winfnoid)
	{
		case F_RANK_:
		case F_DENSE_RANK_:
		case F_PERCENT_RANK_:
		case F_CUME_DIST_:
			return OF_PEERS;
		case F_ROW_NUMBER:
		case F_NTILE:
		case F_LAG_ANYELEMENT:
		case F_LAG_ANYELEMENT_INT4:
		case F_LAG_ANYCOMPATIBLE_INT4_ANYCOMPATIBLE:
		case F_LEAD_ANYELEMENT:
		case F_LEAD_ANYELEMENT_INT4:
		case F_LEAD_ANYCOMPATIBLE_INT4_ANYCOMPATIBLE:
			return OF_POSITION;
		case F_FIRST_VALUE:
			return FIRST_ROW;
		case F_LAST_VALUE:
			return LAST_ROW;
		case F_NTH_VALUE:
			return NTH_ROW;
		default:
			if (!f->winagg)
				EHDS_REFUSE(level->gate->query_string, f,
							errmsg("the window function %s is not allowed on rows of persons",
								   get_func_name(f->winfnoid)));
			return AGGREGATE;
	}
}

/* ntile(0) and nth_value(x, 0) raise at the first row. */
static void
require_positive(Level *level, WindowFunc *f, int n)
{
	Node *node = eval_const_expressions(NULL, copyObject(list_nth(f->args, n)));

	if (!IsA(node, Const) ||
		(!((Const *) node)->constisnull && DatumGetInt32(((Const *) node)->constvalue) <= 0))
		EHDS_REFUSE(level->gate->query_string, f,
					errmsg("%s takes a positive constant on rows of persons", get_func_name(f->winfnoid)));
}

static bool
is_frame_offset(Node *node)
{
	if (node == NULL)
		return true;
	node = eval_const_expressions(NULL, copyObject(node));
	return IsA(node, Const) && !((Const *) node)->constisnull && exprType(node) == INT8OID &&
		   DatumGetInt64(((Const *) node)->constvalue) >= 0;
}

static void
check_window(Level *level, WindowClause *w)
{
	Query *q = level->query;
	const char *text = level->gate->query_string;
	bool partitioned = ehds_is_tied(level);
	ListCell *lc;

	foreach(lc, w->partitionClause)
	{
		Node *key = (Node *) get_sortgroupclause_tle(lfirst(lc), q->targetList)->expr;
		int entry = ehds_subject_of(level, key);

		if (entry == 0)
			ehds_require_harmless_in(level, key);
		partitioned = partitioned || (entry != 0 && list_member_int(level->entries, entry));
	}
	if (!partitioned)
		EHDS_REFUSE(text, NULL, errmsg("a window function over rows of persons compares persons"),
					errhint(
						"Write PARTITION BY with the subject column (person_id), or apply it to the aggregated "
						"result."));
	foreach(lc, w->orderClause)
	{
		Node *key = (Node *) get_sortgroupclause_tle(lfirst(lc), q->targetList)->expr;

		if (ehds_subject_of(level, key) == 0)
			ehds_require_harmless_in(level, key);
	}
	/* adding an offset to a value may leave the range of its type */
	if ((w->frameOptions & FRAMEOPTION_RANGE) && (w->startOffset != NULL || w->endOffset != NULL))
		EHDS_REFUSE(text, w->startOffset ? w->startOffset : w->endOffset,
					errmsg("RANGE with an offset is not supported on rows of persons"),
					errhint("Use ROWS, or join the table to itself on the subject and an interval of dates."));
	if (!is_frame_offset(w->startOffset) || !is_frame_offset(w->endOffset))
		EHDS_REFUSE(text, w->startOffset ? w->startOffset : w->endOffset,
					errmsg("the offset of a window frame must be a constant on rows of persons"));
}

/* Does it matter which of rows with equal ORDER BY comes first? */
static bool
depends_on_ties(Level *level, WindowFunc *f, WindowClause *w)
{
	const char *text = level->gate->query_string;
	bool rows = (w->frameOptions & FRAMEOPTION_ROWS) != 0;
	bool from_first = (w->frameOptions & FRAMEOPTION_START_UNBOUNDED_PRECEDING) != 0;
	bool to_last = (w->frameOptions & FRAMEOPTION_END_UNBOUNDED_FOLLOWING) != 0;

	switch (kind_of(level, f))
	{
		case OF_PEERS:
			return false;
		case OF_POSITION:
			return true;
		case AGGREGATE:
			return rows;
		case FIRST_ROW:
			if (rows || from_first)
				return true;
			break;
		case LAST_ROW:
			if (rows || to_last)
				return true;
			break;
		case NTH_ROW:
			if (rows || (from_first && to_last))
				return true;
			break;
	}
	EHDS_REFUSE(text, f,
				errmsg("%s over this frame depends on the order of equal rows", get_func_name(f->winfnoid)),
				errhint("Write the frame with ROWS, for example ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED "
						"FOLLOWING."));
	return true;
}

/* An aggregate over a window is held to what aggregates within a person are. */
static void
check_arguments(Level *level, WindowFunc *f)
{
	ListCell *lc;

	if (f->winagg)
	{
		Aggref *agg = makeNode(Aggref);

		agg->aggfnoid = f->winfnoid;
		agg->aggtype = f->wintype;
		agg->aggstar = f->winstar;
		agg->aggkind = AGGKIND_NORMAL;
		agg->aggfilter = f->aggfilter;
		agg->location = f->location;
		foreach(lc, f->args)
			agg->args = lappend(agg->args, makeTargetEntry(lfirst(lc), 1, NULL, false));
		ehds_check_person_aggregate(level, agg);
		/* its argument may have been made total */
		if (f->args != NIL)
			linitial(f->args) = linitial_node(TargetEntry, agg->args)->expr;
		return;
	}
	foreach(lc, f->args)
	{
		if (ehds_subject_of(level, lfirst(lc)) != 0)
			EHDS_REFUSE(level->gate->query_string, f,
						errmsg("the subject column is not an argument of a window function"));
		ehds_require_harmless_in(level, lfirst(lc));
	}
	if (f->winfnoid == F_NTILE)
		require_positive(level, f, 0);
	if (f->winfnoid == F_NTH_VALUE)
		require_positive(level, f, 1);
}

static bool
collect_walker(Node *node, void *arg)
{
	List **list = (List **) arg;

	if (node == NULL)
		return false;
	if (IsA(node, WindowFunc))
		*list = lappend(*list, node);
	return expression_tree_walker(node, collect_walker, arg);
}

/* Columns of the query that a node reads, in subqueries of it too. */
static List *
columns_read(Node *node)
{
	List *vars = NIL;
	ListCell *lc;

	foreach(lc, pull_vars_of_level(node, 0))
	{
		Var *var = copyObject(lfirst_node(Var, lc));

		var->varlevelsup = 0;
		vars = list_append_unique(vars, var);
	}
	return vars;
}

/* The window with every column that the query reads as a further key of its order. */
static WindowClause *
without_ties(Query *query, WindowClause *w, Index ref)
{
	WindowClause *result = copyObject(w);
	List *vars = columns_read((Node *) query->targetList);
	ListCell *lc;

	result->name = NULL;
	result->refname = NULL;
	result->copiedOrder = false;
	result->winref = ref;
	foreach(lc, vars)
	{
		TargetEntry *tle = tlist_member(lfirst(lc), query->targetList);
		SortGroupClause *clause;

		if (tle == NULL)
		{
			tle = makeTargetEntry(copyObject(lfirst(lc)), list_length(query->targetList) + 1, NULL, true);
			query->targetList = lappend(query->targetList, tle);
		}
		if (tle->ressortgroupref != 0 &&
			(ehds_has_clause(tle, result->orderClause) || ehds_has_clause(tle, result->partitionClause)))
			continue;
		clause = ehds_ascending(query, tle);
		result->orderClause = lappend(result->orderClause, clause);
	}
	return result;
}

void
ehds_check_windows(Level *level)
{
	Query *q = level->query;
	List *functions = NIL;
	WindowClause **unique;
	int n = list_length(q->windowClause);
	ListCell *lc;

	foreach(lc, q->windowClause)
		check_window(level, lfirst(lc));
	(void) collect_walker((Node *) q->targetList, &functions);
	unique = palloc0(sizeof(WindowClause *) * (n + 1));
	foreach(lc, functions)
	{
		WindowFunc *f = lfirst(lc);
		WindowClause *w = list_nth(q->windowClause, f->winref - 1);

		Assert(w->winref == f->winref);
		check_arguments(level, f);
		if (!depends_on_ties(level, f, w))
			continue;
		if (unique[f->winref - 1] == NULL)
		{
			unique[f->winref - 1] = without_ties(q, w, list_length(q->windowClause) + 1);
			q->windowClause = lappend(q->windowClause, unique[f->winref - 1]);
		}
		f->winref = unique[f->winref - 1]->winref;
	}
	level->person_windows = true;
}
