/*
 * joins.c
 *		Joins of personal data on the subject.
 *
 * Rows of different persons must never meet in one row: every two tracked
 * entries of a FROM are connected by equalities of their subjects. An outer
 * join connects what it adds, but the subject that it adds may be NULL and is
 * not one to count by.
 */
#include "core/compat.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/typcache.h"

#include "core/errors.h"
#include "gate/level.h"

/* The column of a full join that USING merges of two; since 18 the parser writes its expression. */
static Var *
merged_column(Query *query, Node *node)
{
	int i = 0;
	ListCell *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst(lc);

		i++;
		for (int n = 1; rte->rtekind == RTE_JOIN && n <= rte->joinmergedcols; n++)
		{
			if (equal(list_nth(rte->joinaliasvars, n - 1), node))
				return makeVar(i, n, exprType(node), exprTypmod(node), exprCollation(node), 0);
		}
	}
	return NULL;
}

/*
 * Follows a column through join aliases to the entry that it comes from. What a
 * full join merges of two columns is a column of the join.
 */
Var *
ehds_column_of(Query *query, Node *node)
{
	node = ehds_strip_casts(node);
	while (node != NULL && IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		Var *var = (Var *) node;
		RangeTblEntry *rte = rt_fetch(var->varno, query->rtable);

		if (rte->rtekind != RTE_JOIN || var->varattno <= 0)
			return var;
		node = ehds_strip_casts(list_nth(rte->joinaliasvars, var->varattno - 1));
	}
	return node != NULL && IsA(node, CoalesceExpr) ? merged_column(query, node) : NULL;
}

/* The level that a column of a query around is of, and the column as it is there. */
Level *
ehds_outer_column(Level *level, Var *var, Var **column)
{
	for (Index up = 0; up < var->varlevelsup; up++)
		level = level->parent;
	*column = copyObject(var);
	(*column)->varlevelsup = 0;
	return level;
}

/* The range table index of the entry whose subject node is, 0 if it is none. */
int
ehds_subject_of(Level *level, Node *node)
{
	Var *var = ehds_column_of(level->query, node);

	if (var == NULL || !level->types[var->varno].tracked ||
		!bms_is_member(var->varattno, level->types[var->varno].subjects))
		return 0;
	return var->varno;
}

static int
find_component(Level *level, int i)
{
	while (level->component[i] != i)
		i = level->component[i];
	return i;
}

static void
unite(Level *level, int a, int b)
{
	level->component[find_component(level, a)] = find_component(level, b);
}

/* Equality by the built-in operator of the type? */
bool
ehds_is_equality(OpExpr *op)
{
	TypeCacheEntry *type = lookup_type_cache(exprType(linitial(op->args)), TYPECACHE_BTREE_OPFAMILY);

	return OidIsValid(type->btree_opf) &&
		   get_op_opfamily_strategy(op->opno, type->btree_opf) == BTEqualStrategyNumber;
}

/* The subject of a query around that node is, NULL if it is none. */
static OuterEntry *
outer_subject(Level *level, Node *node)
{
	Var *var = (Var *) ehds_strip_casts(node);
	Var *column;
	Level *home;
	OuterEntry *outer;
	int entry;

	if (var == NULL || !IsA(var, Var) || var->varlevelsup == 0 || var->varattno <= 0)
		return NULL;
	home = ehds_outer_column(level, var, &column);
	entry = ehds_subject_of(home, (Node *) column);
	if (entry == 0)
		return NULL;
	outer = palloc0(sizeof(OuterEntry));
	outer->up = var->varlevelsup;
	outer->entry = entry;
	return outer;
}

/*
 * Equality of two subjects? Those of queries around are entry 0: a query has one
 * person at a time around it.
 */
static bool
is_subject_equality(Level *level, Node *node, int *a, int *b, OuterEntry **outer)
{
	OpExpr *op = (OpExpr *) node;

	*outer = NULL;
	if (!IsA(node, OpExpr) || list_length(op->args) != 2 || !ehds_is_equality(op))
		return false;
	*a = ehds_subject_of(level, linitial(op->args));
	*b = ehds_subject_of(level, lsecond(op->args));
	if (*a != 0 && *b == 0)
		*outer = outer_subject(level, lsecond(op->args));
	else if (*a == 0 && *b != 0)
		*outer = outer_subject(level, linitial(op->args));
	return (*a != 0 && *b != 0) || *outer != NULL;
}

List *
ehds_and_members(Node *quals)
{
	if (quals == NULL)
		return NIL;
	if (is_andclause(quals))
	{
		List *members = NIL;
		ListCell *lc;

		foreach(lc, ((BoolExpr *) quals)->args)
			members = list_concat(members, ehds_and_members(lfirst(lc)));
		return members;
	}
	return list_make1(quals);
}

/* Conditions that every row fulfils: those on the subject join, the others must be harmless. */
static void
check_filter(Level *level, Node *quals)
{
	List *members = ehds_and_members(quals);
	ListCell *lc;

	level->conditions = list_concat(level->conditions, list_copy(members));
	foreach(lc, members)
	{
		OuterEntry *outer;
		int a, b;

		if (!is_subject_equality(level, lfirst(lc), &a, &b, &outer))
			ehds_require_harmless_in(level, lfirst(lc));
		else
		{
			unite(level, a, b);
			if (outer)
				level->outer = lappend(level->outer, outer);
		}
	}
}

/* One component at most among the entries of a list? */
bool
ehds_connected(Level *level, List *entries)
{
	ListCell *lc;

	foreach(lc, entries)
	{
		if (find_component(level, lfirst_int(lc)) != find_component(level, linitial_int(entries)))
			return false;
	}
	return true;
}

/* Is an entry of one list joined on the subject to an entry of the other? */
static bool
joined(Level *level, List *some, List *others)
{
	ListCell *a;
	ListCell *b;

	foreach(a, some)
	{
		foreach(b, others)
		{
			if (find_component(level, lfirst_int(a)) == find_component(level, lfirst_int(b)))
				return true;
		}
	}
	return false;
}

/* Are the rows those of the person of a query around? */
bool
ehds_is_tied(Level *level)
{
	return level->outer != NIL && level->entries != NIL &&
		   find_component(level, linitial_int(level->entries)) == find_component(level, 0);
}

/*
 * The rows of an entry are of the person of the rows that it refers to. Where it
 * refers to several, it does not make them one person's: an aggregate has a row
 * even if they are not.
 */
void
ehds_tie(Level *level, int entry, List *outer)
{
	int first = -1;
	ListCell *lc;

	foreach(lc, outer)
	{
		OuterEntry *o = lfirst(lc);
		int other = o->up == 1 ? o->entry : 0;

		if (o->up > 1)
		{
			OuterEntry *further = palloc0(sizeof(OuterEntry));

			further->up = o->up - 1;
			further->entry = o->entry;
			level->outer = lappend(level->outer, further);
		}
		if (first < 0)
		{
			first = other;
			unite(level, entry, other);
		}
		else
			level->claims = lappend(level->claims, list_make2_int(first, other));
	}
}

/*
 * Is entry of one person with something that does not stand below this outer join?
 * Then the join, which does not filter, makes no more entries that person's.
 */
static bool
is_tied_outside(Level *level, int entry, int join)
{
	for (int i = 0; i <= list_length(level->query->rtable); i++)
	{
		if (find_component(level, i) == find_component(level, entry) && !bms_is_member(join, level->nulled[i]))
			return true;
	}
	return false;
}

void
ehds_refuse_unjoined(Level *level, Node *where)
{
	EHDS_REFUSE(level->gate->query_string, where,
				errmsg("two tables of the permit are joined, but not on the subject"),
				errdetail("Rows of one person would be combined with rows of another."),
				errhint(
					"Add the equality of the two subject columns to the join condition, as in ON a.person_id = b.person_id."));
}

static void
add_nulled(Level *level, Node *node, int join)
{
	ListCell *lc;

	if (IsA(node, RangeTblRef))
		level->nulled[((RangeTblRef *) node)->rtindex] =
			bms_add_member(level->nulled[((RangeTblRef *) node)->rtindex], join);
	else if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			add_nulled(level, lfirst(lc), join);
	}
	else
	{
		add_nulled(level, castNode(JoinExpr, node)->larg, join);
		add_nulled(level, castNode(JoinExpr, node)->rarg, join);
		level->nulled[castNode(JoinExpr, node)->rtindex] =
			bms_add_member(level->nulled[castNode(JoinExpr, node)->rtindex], join);
	}
}

/*
 * T FULL JOIN T USING (subject): each row has the subject of one side at least, and
 * where it has both they are equal. It is the column that USING merges.
 */
static List *
check_full_join(Level *level, JoinExpr *join, List *left, List *right)
{
	RangeTblEntry *rte = rt_fetch(join->rtindex, level->query->rtable);
	RelType *type = &level->types[join->rtindex];
	int n = 0;
	ListCell *lc;

	add_nulled(level, join->larg, join->rtindex);
	add_nulled(level, join->rarg, join->rtindex);
	foreach(lc, rte->joinaliasvars)
	{
		CoalesceExpr *merged = lfirst(lc);
		int a, b;

		if (++n > rte->joinmergedcols)
			break;
		if (merged == NULL || !IsA(merged, CoalesceExpr) || list_length(merged->args) != 2)
			continue;
		a = ehds_subject_of(level, linitial(merged->args));
		b = ehds_subject_of(level, lsecond(merged->args));
		if (!list_member_int(left, a) || !list_member_int(right, b))
			continue;
		if (find_component(level, a) != find_component(level, b) &&
			(is_tied_outside(level, a, join->rtindex) || is_tied_outside(level, b, join->rtindex)))
			ehds_refuse_unjoined(level, join->quals);
		type->tracked = true;
		type->subjects = bms_add_member(type->subjects, n);
		unite(level, a, join->rtindex);
		unite(level, b, join->rtindex);
	}
	if (!type->tracked)
		EHDS_REFUSE(level->gate->query_string, NULL,
					errmsg("FULL JOIN of personal data must be USING the subject column of both tables"),
					errhint("Write a FULL JOIN b USING (person_id), or JOIN or LEFT JOIN on the subject."));
	if (!ehds_connected(level, left) || !ehds_connected(level, right))
		ehds_refuse_unjoined(level, join->quals);
	foreach(lc, ehds_and_members(join->quals))
	{
		OuterEntry *outer;
		int a, b;

		if (!is_subject_equality(level, lfirst(lc), &a, &b, &outer) || outer != NULL)
			ehds_require_harmless_in(level, lfirst(lc));
	}
	return list_make1_int(join->rtindex);
}

static List *
check_outer_join(Level *level, JoinExpr *join, List *left, List *right)
{
	Node *added = join->rarg;
	List *members = ehds_and_members(join->quals);
	bool of_nobody;
	bool met = false;
	bool tied = false;
	ListCell *lc;

	/* left: the side that is kept; right: the one that the join may fill with NULL */
	if (join->jointype == JOIN_RIGHT)
	{
		List *swap = left;

		left = right;
		right = swap;
		added = join->larg;
	}
	if (IsA(added, RangeTblRef))
		level->added_on[((RangeTblRef *) added)->rtindex] = members;
	add_nulled(level, added, join->rtindex);
	if (!ehds_connected(level, right))
		ehds_refuse_unjoined(level, join->quals);
	/*
	 * ON of an outer join does not filter the side that is kept, so it can't
	 * be what joins two tables of that side.
	 */
	if (right != NIL && !ehds_connected(level, left))
		ehds_refuse_unjoined(level, join->quals);
	/* rows of a public table are kept, most of them with persons */
	of_nobody = right != NIL && left == NIL;
	foreach(lc, members)
	{
		OuterEntry *outer;
		int a, b;

		if (!is_subject_equality(level, lfirst(lc), &a, &b, &outer))
			ehds_require_harmless_in(level, lfirst(lc));
		else if (outer == NULL)
		{
			/* an equality within one side filters, it does not join */
			if (list_member_int(right, a) != list_member_int(right, b))
				met = met || joined(level, list_make1_int(list_member_int(right, a) ? b : a), left);
		}
		else if (list_member_int(right, a != 0 ? a : b))
		{
			tied = true;
			level->outer = lappend(level->outer, outer);
		}
	}
	/* if only what is added is of a certain person, the rows that are kept are not */
	if (met && joined(level, list_make1_int(0), left))
		unite(level, linitial_int(right), 0);
	else if (met && !tied && !is_tied_outside(level, linitial_int(right), join->rtindex))
		unite(level, linitial_int(right), linitial_int(left));
	else if (tied)
	{
		unite(level, linitial_int(right), 0);
		level->must_be_tied = true;
	}
	if (of_nobody)
	{
		level->optional = true;
		/* what rows of persons fulfil; the others are not counted */
		level->conditions = list_concat(level->conditions, list_copy(members));
		return right;
	}
	if (right != NIL && !met && !joined(level, right, left))
		ehds_refuse_unjoined(level, join->quals);
	return left;
}

/*
 * Types a join tree. Returns the tracked entries whose subject is not made NULL
 * by an outer join (if level->optional was set: beside rows of nobody); quals are
 * checked on the way.
 */
List *
ehds_check_jointree(Level *level, Node *node)
{
	if (IsA(node, RangeTblRef))
	{
		int i = ((RangeTblRef *) node)->rtindex;

		return level->types[i].tracked ? list_make1_int(i) : NIL;
	}
	else if (IsA(node, FromExpr))
	{
		FromExpr *from = (FromExpr *) node;
		List *entries = NIL;
		ListCell *lc;

		foreach(lc, from->fromlist)
			entries = list_concat(entries, ehds_check_jointree(level, lfirst(lc)));
		check_filter(level, from->quals);
		return entries;
	}
	else
	{
		JoinExpr *join = castNode(JoinExpr, node);
		List *left = ehds_check_jointree(level, join->larg);
		List *right = ehds_check_jointree(level, join->rarg);

		if (level->optional)
			EHDS_REFUSE(level->gate->query_string, NULL,
						errmsg("an outer join that keeps rows of a public table beside rows of persons must be the "
							   "last join"),
						errhint(
							"Join the tables of the permit in a subquery first, as in public LEFT JOIN (SELECT "
							"...) q ON ..., or use an inner JOIN."));
		switch (join->jointype)
		{
			case JOIN_INNER:
				check_filter(level, join->quals);
				return list_concat(left, right);
			case JOIN_FULL:
				return check_full_join(level, join, left, right);
			default:
				return check_outer_join(level, join, left, right);
		}
	}
}

/* Columns that hold the subject, of entries that no outer join makes NULL unless all are optional. */
List *
ehds_subject_vars(Level *level, List *entries)
{
	List *vars = NIL;
	ListCell *lc;

	foreach(lc, entries)
	{
		int i = lfirst_int(lc);
		RangeTblEntry *rte = rt_fetch(i, level->query->rtable);
		int attno = bms_next_member(level->types[i].subjects, -1);

		while (attno >= 0)
		{
			Node *column = rte->rtekind == RTE_JOIN
							   ? list_nth(rte->joinaliasvars, attno - 1)
							   : (Node *) get_tle_by_resno(rte->subquery->targetList, attno)->expr;
			Var *var = makeVar(i, attno, exprType(column), exprTypmod(column), exprCollation(column), 0);

			ehds_set_nulling_joins(var, level->nulled[i]);
			vars = lappend(vars, var);
			attno = bms_next_member(level->types[i].subjects, attno);
		}
	}
	return vars;
}
