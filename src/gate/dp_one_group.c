/*
 * dp_one_group.c
 *		Groups by keys that are functions of the subject: a person is in one of them.
 *
 * Then one group a person is bounded without loss, with the least noise, and parts
 * add up to their totals. The bounding is done all the same where it would be
 * needed: if this were wrong, persons would be missing from groups, and nothing
 * else.
 */
#include "core/compat.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteManip.h"

#include "gate/dp_figure.h"
#include "gate/level.h"

/* Has the entry one row a person? */
static bool
has_one_row(Level *level, int i)
{
	RangeTblEntry *rte = rt_fetch(i, level->query->rtable);
	int attno = -1;

	if (rte->rtekind != RTE_SUBQUERY)
		return false;
	while ((attno = bms_next_member(level->types[i].subjects, attno)) >= 0)
	{
		TargetEntry *tle = get_tle_by_resno(rte->subquery->targetList, attno);

		if (tle != NULL && IsA(tle->expr, Var) && ehds_has_one_row_a_subject(rte->subquery, (Var *) tle->expr))
			return true;
	}
	return false;
}

/* Do joins repeat rows of persons, as far as rows of persons come out? */
static bool
repeats_rows(Border *b)
{
	Level *level = b->level;
	List *conditions = level->conditions;
	FromExpr *from = level->query->jointree;
	bool repeats;

	if (!b->multiplied)
		return false;
	/* beside a public table whose rows are kept, a person has met the condition of the join */
	if (!level->optional || list_length(from->fromlist) != 1 || !IsA(linitial(from->fromlist), JoinExpr))
		return true;
	level->conditions = list_concat_copy(conditions,
										 ehds_and_members(linitial_node(JoinExpr, from->fromlist)->quals));
	repeats = ehds_may_multiply(level);
	level->conditions = conditions;
	return repeats;
}

bool
ehds_dp_in_one_group(Border *b)
{
	Level *level = b->level;
	int n = list_length(level->query->rtable);
	Bitmapset *own = NULL; /* entries whose columns are functions of the subject */
	bool one_row = true;
	ListCell *lc;

	for (int i = 1; i <= n; i++)
	{
		if (!level->types[i].tracked)
			continue;
		if (!has_one_row(level, i))
			one_row = false;
		else if (bms_is_empty(level->nulled[i]))
			own = bms_add_member(own, i);
	}
	if (one_row && !repeats_rows(b))
		return true;
	foreach(lc, b->keys)
	{
		Node *key = (Node *) ((TargetEntry *) lfirst(lc))->expr;
		Var *column = ehds_column_of(b->query, key);

		if (checkExprHasSubLink(key) || !bms_is_subset(pull_varnos(NULL, column ? (Node *) column : key), own))
			return false;
	}
	return true;
}
