/*
 * rows.c
 *		Queries whose rows are about one person each.
 *
 * Their columns hold the subject, or are computed from rows of the person alone.
 * Where the order of rows decides what is returned, columns are appended to it
 * until it is total: otherwise the place of a row on disk would decide, which
 * another person's rows may change.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parse_clause.h"
#include "parser/parse_oper.h"
#include "utils/builtins.h"

#include "core/errors.h"
#include "gate/level.h"

#define SUBJECT_NAME "ehds subject"

/* Is the column already what a list of sort or group clauses has? */
bool
ehds_has_clause(TargetEntry *tle, List *clauses)
{
	ListCell *lc;

	foreach(lc, clauses)
	{
		if (tle->ressortgroupref != 0 &&
			lfirst_node(SortGroupClause, lc)->tleSortGroupRef == tle->ressortgroupref)
			return true;
	}
	return false;
}

SortGroupClause *
ehds_ascending(Query *query, TargetEntry *tle)
{
	SortGroupClause *clause = makeNode(SortGroupClause);
	Oid type = exprType((Node *) tle->expr);
	bool hashable;

	get_sort_group_operators(type, true, true, false, &clause->sortop, &clause->eqop, NULL, &hashable);
	/* an unknown collation raises when rows are sorted */
	if (type_is_collatable(type) && !OidIsValid(exprCollation((Node *) tle->expr)))
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("rows of a person cannot be put in order by a column of two collations"),
						errhint("Choose one with COLLATE.")));
	if (clause->sortop >= FirstUnpinnedObjectId)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("rows of a person cannot be put in order by a column of type %s",
							   format_type_be(type))));
	clause->hashable = hashable;
	clause->tleSortGroupRef = assignSortGroupRef(tle, query->targetList);
	return clause;
}

/* Append to an ORDER BY what makes it total: rows that are still equal return the same. */
static void
break_ties(Query *query, List **clauses)
{
	ListCell *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst(lc);

		if (IsA(tle->expr, Const) || contain_window_function((Node *) tle->expr) ||
			ehds_has_clause(tle, *clauses))
			continue;
		*clauses = lappend(*clauses, ehds_ascending(query, tle));
	}
}

static bool
is_small_constant(Node *node)
{
	if (node == NULL)
		return true;
	node = eval_const_expressions(NULL, copyObject(node));
	return IsA(node, Const) &&
		   (((Const *) node)->constisnull || DatumGetInt64(((Const *) node)->constvalue) >= 0);
}

/*
 * LIMIT takes some rows of one person: those of the person of the query around,
 * in a total order.
 */
static void
check_limit(Level *level)
{
	Query *q = level->query;

	if (!ehds_is_tied(level))
		EHDS_REFUSE(level->gate->query_string, q->limitCount,
					errmsg("LIMIT and OFFSET would pick single persons"),
					errhint(
						"Limit the aggregated result; or, for one row of each person, use DISTINCT ON (person_id) "
						"... ORDER BY person_id, ..., or LIMIT in a subquery that is correlated by the subject."));
	if (!is_small_constant(q->limitCount) || !is_small_constant(q->limitOffset) ||
		q->limitOption != LIMIT_OPTION_COUNT)
		EHDS_REFUSE(level->gate->query_string, q->limitCount,
					errmsg("LIMIT and OFFSET on rows of persons must be constants"));
}

/* Without LIMIT or DISTINCT ON, an ORDER BY of rows of persons has no effect. */
static void
check_order(Level *level)
{
	Query *q = level->query;
	ListCell *lc;

	if (!q->hasDistinctOn && q->limitCount == NULL && q->limitOffset == NULL)
	{
		q->sortClause = NIL;
		return;
	}
	/* rows that are equal but for what a window function gives could not be told apart */
	if (q->hasWindowFuncs)
		EHDS_REFUSE(level->gate->query_string, NULL,
					errmsg(
						"LIMIT and DISTINCT ON beside window functions are not supported on rows of persons"),
					errhint("Put the window functions into a subquery in FROM."));
	foreach(lc, q->distinctClause)
	{
		SortGroupClause *clause = lfirst(lc);

		if (!ehds_has_clause(get_sortgroupclause_tle(clause, q->targetList), q->sortClause))
			q->sortClause = lappend(q->sortClause, copyObject(clause));
	}
	break_ties(q, &q->sortClause);
}

/* Is a subject among the columns of a list of clauses, or are all rows one person's? */
bool
ehds_has_subject(Level *level, List *clauses)
{
	ListCell *lc;

	if (ehds_is_tied(level))
		return true;
	foreach(lc, clauses)
	{
		int entry = ehds_subject_of(level,
									(Node *) get_sortgroupclause_tle(lfirst(lc), level->query->targetList)->expr);

		if (entry != 0 && list_member_int(level->entries, entry))
			return true;
	}
	return false;
}

/* Give the query a column that holds the subject, after those that the analyst wrote. */
static int
add_subject(Level *level)
{
	Query *q = level->query;
	List *vars = ehds_subject_vars(level, level->entries);
	List *targets = NIL;
	TargetEntry *subject;
	ListCell *lc;
	int n = 0;
	int resno;

	if (vars == NIL)
		return 0;
	subject = makeTargetEntry((Expr *) linitial(vars), 0, pstrdup(SUBJECT_NAME), false);
	/* a query that groups by it has it already, for its own use */
	foreach(lc, q->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		int entry = tle->resjunk ? ehds_subject_of(level, (Node *) tle->expr) : 0;

		if (entry != 0 && list_member_int(level->entries, entry) && tle->ressortgroupref != 0)
		{
			subject = tle;
			subject->resjunk = false;
			subject->resname = pstrdup(SUBJECT_NAME);
			break;
		}
	}
	foreach(lc, q->targetList)
	{
		if (lfirst(lc) != subject && !lfirst_node(TargetEntry, lc)->resjunk)
			targets = lappend(targets, lfirst(lc));
	}
	targets = lappend(targets, subject);
	resno = list_length(targets);
	foreach(lc, q->targetList)
	{
		if (lfirst(lc) != subject && lfirst_node(TargetEntry, lc)->resjunk)
			targets = lappend(targets, lfirst(lc));
	}
	foreach(lc, targets)
		lfirst_node(TargetEntry, lc)->resno = ++n;
	q->targetList = targets;
	return resno;
}

RelType
ehds_type_rows(Level *level)
{
	Query *q = level->query;
	const char *text = level->gate->query_string;
	RelType type = {true, ehds_may_multiply(level), NULL, NIL};
	bool tied = ehds_is_tied(level);
	bool other_columns = false;
	ListCell *lc;

	if (level->place == PLACE_STATEMENT && !level->gate->seal)
		ehds_refuse_rows(level);
	if (level->optional)
		EHDS_REFUSE(text, NULL,
					errmsg("rows of a public table to which no person belongs are kept among rows of persons"),
					errhint("Use an inner JOIN here, or the LEFT JOIN in the query that aggregates."));
	if (q->hasTargetSRFs)
		EHDS_REFUSE(text, NULL, errmsg("set-returning functions over rows of persons are not supported"),
					errhint("Apply them to the aggregated result."));
	if (q->hasWindowFuncs)
		ehds_check_windows(level);
	if (q->limitCount != NULL || q->limitOffset != NULL)
		check_limit(level);
	if (q->distinctClause != NIL && !ehds_has_subject(level, q->distinctClause))
		EHDS_REFUSE(text, NULL, errmsg("DISTINCT over rows of persons must contain the subject column"),
					errhint("Add the subject column (person_id), or use GROUP BY with a protected aggregate."));
	check_order(level);

	foreach(lc, q->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		int entry = ehds_subject_of(level, (Node *) tle->expr);

		if (entry == 0)
		{
			ehds_require_harmless_in(level, (Node *) tle->expr);
			other_columns = other_columns || !tle->resjunk;
			continue;
		}
		if (tle->resjunk)
			continue;
		if (!list_member_int(level->entries, entry))
			EHDS_REFUSE(text, tle->expr,
						errmsg(
							"the subject column of a table that an outer join adds may be NULL, it is not returned"),
						errhint("Return the subject column of the table whose rows are kept."));
		type.subjects = bms_add_member(type.subjects, tle->resno);
	}
	if (q->distinctClause != NIL && !q->hasDistinctOn && !other_columns)
		type.multiplied = false;
	if (tied)
		type.outer = level->outer;
	if (type.subjects == NULL && level->place == PLACE_FROM && q->distinctClause == NIL && !tied)
	{
		int resno = add_subject(level);

		if (resno > 0)
			type.subjects = bms_add_member(NULL, resno);
	}
	if (type.subjects == NULL && !tied && level->place != PLACE_EXPRESSION)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("a subquery over rows of persons does not return the subject column"),
						errhint("Add the subject column (person_id) to its select list.")));
	return type;
}
