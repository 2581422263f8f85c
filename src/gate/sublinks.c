/*
 * sublinks.c
 *		Subqueries in expressions beside personal data.
 *
 * A subquery over rows of persons is a function of one person's rows if it is of
 * the person in the query around: by an equality of both subjects inside it, or by
 * comparing them as c IN (SELECT c ...) does. A public subquery is a condition
 * like any other, and must be harmless, since it is evaluated only where there are
 * rows of persons.
 */
#include "core/compat.h"

#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"

#include "core/errors.h"
#include "gate/level.h"

/* The column of the subquery that an operand of IN is, 0 if it is none. */
static int
subquery_column(Node *node)
{
	node = ehds_strip_casts(node);
	if (node != NULL && IsA(node, Param) && ((Param *) node)->paramkind == PARAM_SUBLINK)
		return ((Param *) node)->paramid;
	return 0;
}

/*
 * Is it a comparison of the subject with the subject that the subquery returns?
 * "Unequal to all" is the other way to write "not equal to any".
 */
static bool
compares_subjects(Level *level, SubLink *link, Node *member, Bitmapset *subjects)
{
	OpExpr *op = (OpExpr *) member;
	int entry;

	if (!IsA(member, OpExpr) || list_length(op->args) != 2 ||
		!bms_is_member(subquery_column(lsecond(op->args)), subjects))
		return false;
	if (link->subLinkType == ALL_SUBLINK)
	{
		OpExpr equal = *op;

		equal.opno = get_negator(op->opno);
		if (!OidIsValid(equal.opno) || !ehds_is_equality(&equal))
			return false;
	}
	else if (!ehds_is_equality(op))
		return false;
	entry = ehds_subject_of(level, linitial(op->args));
	if (entry == 0)
		return false;
	/* NULL IN (...) would tell whether anybody is in the list */
	level->kept = lappend_int(level->kept, entry);
	return true;
}

/* The subject that a subquery returns is compared with the subject, and is no value otherwise. */
static bool
subject_walker(Node *node, void *arg)
{
	Bitmapset *subjects = arg;

	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return ((Param *) node)->paramkind == PARAM_SUBLINK &&
			   bms_is_member(((Param *) node)->paramid, subjects);
	if (IsA(node, SubLink))
		return subject_walker(((SubLink *) node)->testexpr, arg);
	return expression_tree_walker(node, subject_walker, arg);
}

/* Gives one row at most, whatever the data: a second one raises. */
static bool
is_one_row(Query *query)
{
	if (query->hasAggs && query->groupClause == NIL && query->groupingSets == NIL)
		return true;
	if (query->limitCount != NULL && query->limitOption == LIMIT_OPTION_COUNT)
	{
		Node *limit = eval_const_expressions(NULL, copyObject(query->limitCount));

		return IsA(limit, Const) && !((Const *) limit)->constisnull &&
			   DatumGetInt64(((Const *) limit)->constvalue) <= 1;
	}
	return ehds_one_row_by_key(query);
}

static void refuse_subject_value(Level *level, SubLink *link) pg_attribute_noreturn();

static void
refuse_subject_value(Level *level, SubLink *link)
{
	EHDS_REFUSE(level->gate->query_string, link,
				errmsg("the subject column that a subquery returns is only compared with the subject column"),
				errhint("Write person_id IN (SELECT person_id ...), or return another column."));
}

void
ehds_check_subquery(Level *level, SubLink *link)
{
	const char *text = level->gate->query_string;
	Query *query = castNode(Query, link->subselect);
	int borders = level->gate->borders;
	List *members = ehds_and_members(link->testexpr);
	RelType type;
	bool tied = false;
	ListCell *lc;

	if (list_member_ptr(level->subqueries, link))
		return;
	level->subqueries = lappend(level->subqueries, link);

	if (link->subLinkType != EXISTS_SUBLINK && link->subLinkType != ANY_SUBLINK &&
		link->subLinkType != ALL_SUBLINK && link->subLinkType != EXPR_SUBLINK)
		EHDS_REFUSE(text, link, errmsg("a subquery of this form is not allowed on personal data"),
					errhint("Use EXISTS, IN, or a subquery that returns one value."));

	type = ehds_check_query(level->gate, query, level, PLACE_EXPRESSION);
	if (level->gate->borders > borders)
		EHDS_REFUSE(text, link,
					errmsg("rows of persons are compared with a figure about all persons in the same query"),
					errhint(
						"Ask for the figure first, and write it as a constant; or correlate the subquery by the "
						"subject, as in WHERE v.person_id = p.person_id."));
	if (!type.tracked)
		ehds_require_harmless_query(level, query);
	foreach(lc, type.outer)
	{
		OuterEntry *outer = lfirst(lc);

		tied = true;
		if (outer->up > 1)
		{
			OuterEntry *further = palloc0(sizeof(OuterEntry));

			further->up = outer->up - 1;
			further->entry = outer->entry;
			level->outer = lappend(level->outer, further);
			level->must_be_tied = true;
		}
	}
	foreach(lc, members)
	{
		if (type.tracked && compares_subjects(level, link, lfirst(lc), type.subjects))
			tied = true;
		else
		{
			ehds_require_harmless_in(level, lfirst(lc));
			if (type.tracked && subject_walker(lfirst(lc), type.subjects))
				refuse_subject_value(level, link);
		}
	}
	if (type.tracked && link->subLinkType == EXPR_SUBLINK && !bms_is_empty(type.subjects))
		refuse_subject_value(level, link);
	if (type.tracked && !tied)
		EHDS_REFUSE(text, link, errmsg("a subquery reads rows of other persons than the query around it"),
					errdetail("Rows of one person may only be compared with rows of the same person."),
					errhint(
						"Correlate it by the subject, as in WHERE v.person_id = p.person_id, or write person_id "
						"IN (SELECT person_id ...)."));
	if (link->subLinkType == EXPR_SUBLINK && !is_one_row(query))
		EHDS_REFUSE(text, link, errmsg("a subquery that stands for a value may return more than one row"),
					errdetail("The error that this raises would tell of a person's rows."),
					errhint("Use an aggregate such as max(), or ORDER BY ... LIMIT 1."));
}
