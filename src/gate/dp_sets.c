/*
 * dp_sets.c
 *		A private release with several grouping sets, from one charge.
 *
 * Each set is released by itself: bounded by itself to its own number of groups a
 * person, with its own noise and selection. What a figure would cost without sets is
 * split among them (ehds_dp_split), so that together they cost just that.
 *
 * Where all keys are public and a person is in one group of each set, numbers of
 * persons and rows and sums are additive, and several noised opinions on the same
 * sums are there: ehds.additive makes of them one table that adds up, which is more
 * precise than each. It reads noised numbers only.
 */
#include "core/compat.h"

#include <math.h>

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_agg.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "additive/additive.h"
#include "core/errors.h"
#include "gate/dp_figure.h"

#define SETS_MAX 64
/* levels of the template between a WITH query and the release of a set */
#define LEVEL_OF_SET 4

/* One of the sets. */
typedef struct Member
{
	Border border;
	DpSet set;
	uint32 grouping; /* what GROUPING() of all keys is in it */
} Member;

typedef struct Sets
{
	Border *b;
	Member *members;
	int n;
	bool *additive; /* by figure */
} Sets;

/* ------------------------------------------------------------------ which sets */

static char *
name_of(TargetEntry *key, int number)
{
	if (key->resname != NULL && !key->resjunk)
		return key->resname;
	return psprintf("key %d", number);
}

static void
add_member(Sets *sets, List *refs)
{
	Border *b = sets->b;
	Member *member = &sets->members[sets->n];
	StringInfoData names;
	ListCell *lc;

	member->border = *b;
	member->border.keys = NIL;
	initStringInfo(&names);
	foreach(lc, b->keys)
	{
		TargetEntry *key = lfirst(lc);

		member->grouping <<= 1;
		if (!list_member_int(refs, key->ressortgroupref))
		{
			member->grouping |= 1;
			continue;
		}
		appendStringInfo(&names, "%s%s", names.len > 0 ? ", " : "by ",
						 name_of(key, foreach_current_index(lc) + 1));
		member->border.keys = lappend(member->border.keys, key);
	}
	member->border.of_set = names.len > 0 ? names.data : pstrdup("in total");
	for (int i = 0; i < sets->n; i++)
		if (sets->members[i].grouping == member->grouping)
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("a grouping set stands twice in GROUP BY, where each would be a release"),
							errhint("Write GROUP BY DISTINCT ..., which takes each set once.")));
	sets->n++;
}

static void
find_sets(Sets *sets, int depth)
{
	Border *b = sets->b;
	List *expanded = expand_grouping_sets(b->query->groupingSets, b->query->groupDistinct, -1);
	ListCell *lc;

	if (list_length(expanded) > SETS_MAX || list_length(b->keys) > EHDS_MARGIN_KEYS_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a release under a privacy budget has at most %d grouping sets and %d keys",
							   SETS_MAX, EHDS_MARGIN_KEYS_MAX),
						errhint("Ask for the sets that you need: GROUPING SETS ((a, b), (a), ()).")));
	foreach(lc, b->keys)
	{
		ListCell *other;

		foreach(other, b->keys)
			if (lfirst(other) != lfirst(lc) &&
				equal(((TargetEntry *) lfirst(lc))->expr, ((TargetEntry *) lfirst(other))->expr))
				EHDS_REFUSE(b->gate->query_string, ((TargetEntry *) lfirst(lc))->expr,
							errmsg("two keys of the grouping sets are one expression"),
							errhint("Write the column once in the select list and in GROUP BY."));
	}
	sets->members = palloc0(sizeof(Member) * list_length(expanded));
	foreach(lc, expanded)
		add_member(sets, lfirst(lc));
	for (int i = 0; i < sets->n; i++)
		/* a single arm is one level less deep */
		ehds_dp_describe(&sets->members[i].border, depth, sets->n > 1 ? LEVEL_OF_SET : LEVEL_OF_SET - 1,
						 &sets->members[i].set);
}

/* ------------------------------------------------------------------ what adds up */

/* Has each set the keys of all that have fewer? */
static bool
is_chain(const Sets *sets)
{
	for (int i = 0; i < sets->n; i++)
		for (int j = 0; j < i; j++)
		{
			uint32 one = sets->members[i].grouping;
			uint32 other = sets->members[j].grouping;

			if ((one | other) != one && (one | other) != other)
				return false;
		}
	return true;
}

static void
find_additive(Sets *sets)
{
	bool possible = sets->n > 1 && (is_chain(sets) || list_length(sets->b->keys) <= EHDS_COMPLETE_KEYS_MAX);
	ListCell *lc;

	for (int i = 0; i < sets->n; i++)
		/* rows of undeclared keys are in the total, but in no part of it */
		possible = possible && !sets->members[i].set.selects && !sets->members[i].set.partial &&
				   sets->members[i].set.one_group;
	sets->additive = palloc0(sizeof(bool) * list_length(sets->b->figures));
	foreach(lc, sets->b->figures)
		sets->additive[foreach_current_index(lc)] = possible && ehds_dp_is_additive(lfirst(lc));
}

static bool
any_additive(const Sets *sets)
{
	for (int i = 0; i < list_length(sets->b->figures); i++)
		if (sets->additive[i])
			return true;
	return false;
}

/* What rounding may add to a number that was made to add up (additive.h). */
static double
rounding_of(const Sets *sets, const Member *member)
{
	if (is_chain(sets))
		return 1;
	return pow(2, list_length(member->border.keys) - 1);
}

/* ------------------------------------------------------------------ what each may spend */

static void
split(Sets *sets)
{
	EhdsGate *gate = sets->b->gate;
	int *groups = palloc(sizeof(int) * sets->n);
	double *weights = palloc(sizeof(double) * sets->n);
	bool *selects = palloc(sizeof(bool) * sets->n);
	EhdsDpShare *parts = palloc0(sizeof(EhdsDpShare) * sets->n);
	EhdsDpShare whole;
	bool any_selects = false;
	int n = 0;

	/* so precise is each figure of each set to be, whatever that costs together */
	if (ehds_setting_error_target_nano > 0)
	{
		if (ehds_sets_are_weighted())
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("ehds.set_weights and ehds.error_target are both set"),
					 errdetail("The target is that of each grouping set, so nothing is shared by weights."),
					 errhint("RESET ehds.set_weights or RESET ehds.error_target.")));
		for (int i = 0; i < sets->n; i++)
		{
			DpSet *set = &sets->members[i].set;

			gate->rounding = any_additive(sets) ? rounding_of(sets, &sets->members[i]) : 0;
			ehds_dp_spend(set);
		}
		gate->rounding = 0;
		return;
	}
	for (int i = 0; i < sets->n; i++)
	{
		groups[i] = sets->members[i].set.max_groups;
		weights[i] = ehds_weight_of_set(sets->members[i].grouping);
		selects[i] = sets->members[i].set.selects;
		any_selects = any_selects || selects[i];
	}
	whole = ehds_count_share(gate, any_selects);
	ehds_dp_split(&whole, sets->n, groups, weights, selects, parts);
	for (int i = 0; i < sets->n; i++)
	{
		ehds_dp_spend_equally(&sets->members[i].set, &parts[i]);
		if (selects[i] && parts[i].delta_atto <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_BUDGET),
					 errmsg("the share of delta that belongs to a grouping set is too small to select groups"),
					 errhint("SET ehds.epsilon to a larger value, or ask for fewer grouping sets.")));
	}
	/* a count that only selects is made where groups are selected */
	for (int i = 0; i < sets->n; i++)
	{
		if (!selects[i])
			continue;
		groups[n] = groups[i];
		weights[n] = weights[i];
		selects[n++] = true;
	}
	if (n == 0)
		return;
	ehds_dp_split(&whole, n, groups, weights, selects, parts);
	n = 0;
	for (int i = 0; i < sets->n; i++)
		if (sets->members[i].set.selects)
			sets->members[i].set.selection = parts[n++];
}

/* ------------------------------------------------------------------ the query */

/* , v1_1, v1_2: the statistics of figure n; prefix: of which relation */
static void
append_statistics(StringInfo buf, const DpFigure *figure, int n, const char *prefix)
{
	for (int i = 1; i <= ehds_measure_n_statistics(&figure->measure); i++)
		appendStringInfo(buf, ", %sv%d_%d", prefix, n, i);
}

/* One SELECT of the union: a set's release stands in it as a placeholder with its columns. */
static void
append_arm(const Sets *sets, const Member *member, const Query *release, StringInfo buf)
{
	ListCell *lc;
	int key = 0;

	appendStringInfoString(buf, "SELECT ");
	foreach(lc, sets->b->keys)
	{
		TargetEntry *tle = lfirst(lc);

		if (list_member_ptr(member->border.keys, tle))
			appendStringInfo(buf, "p.g%d AS g%d, ", ++key, foreach_current_index(lc) + 1);
		else
			appendStringInfo(buf, "%s AS g%d, ", ehds_dp_null_key((Node *) tle->expr),
							 foreach_current_index(lc) + 1);
	}
	appendStringInfo(buf, "%u AS \"grouping\"", member->grouping);
	foreach(lc, sets->b->figures)
	{
		DpFigure *figure = lfirst(lc);
		int n = foreach_current_index(lc) + 1;

		append_statistics(buf, figure, n, "p.");
		if (sets->additive[n - 1])
			appendStringInfo(buf, ", '%.17g'::pg_catalog.float8 AS w%d",
							 ehds_dp_variance(figure, member->set.max_groups, &member->set.shares[n - 1]), n);
	}
	appendStringInfoString(buf, " FROM (SELECT ");
	foreach(lc, release->targetList)
	{
		TargetEntry *tle = lfirst(lc);

		if (!tle->resjunk)
			appendStringInfo(buf, "%s%s AS %s", foreach_current_index(lc) > 0 ? ", " : "",
							 ehds_dp_null_key((Node *) tle->expr), tle->resname);
	}
	appendStringInfoString(buf, ") p");
}

/* The template around the arms. */
static char *
template_of(const Sets *sets, const char *arms)
{
	StringInfoData keys;
	StringInfoData texts;
	StringInfoData made;
	StringInfoData shown;
	StringInfoData order;
	ListCell *lc;

	initStringInfo(&keys);
	initStringInfo(&texts);
	initStringInfo(&made);
	initStringInfo(&shown);
	initStringInfo(&order);
	for (int n = 1; n <= list_length(sets->b->keys); n++)
	{
		appendStringInfo(&keys, "g%d, ", n);
		appendStringInfo(&texts, "%sg%d::pg_catalog.text", n > 1 ? ", " : "", n);
		appendStringInfo(&order, ", g%d", n);
	}
	foreach(lc, sets->b->figures)
	{
		DpFigure *figure = lfirst(lc);
		int n = foreach_current_index(lc) + 1;

		appendStringInfo(&shown, ", %s AS n%d", ehds_dp_value(figure, psprintf("v%d_", n)), n);
		if (sets->additive[n - 1])
			appendStringInfo(&made,
							 ", ehds.additive(v%1$d_1, w%1$d, \"grouping\", ARRAY[%2$s]::pg_catalog.text[]) "
							 "OVER () AS v%1$d_1",
							 n, texts.data);
		else
			append_statistics(&made, figure, n, "");
	}
	return psprintf("SELECT %1$s\"grouping\"%2$s FROM (SELECT %1$s\"grouping\"%3$s FROM (%4$s) u) r "
					"ORDER BY \"grouping\"%5$s",
					keys.data, shown.data, made.data, arms, order.data);
}

Query *
ehds_dp_sets_query(Border *b, int depth)
{
	EhdsGate *gate = b->gate;
	Sets sets = {0};
	Query **releases;
	StringInfoData arms;
	Query *q;
	Query *united;

	sets.b = b;
	find_sets(&sets, depth);
	find_additive(&sets);
	split(&sets);

	releases = palloc(sizeof(Query *) * sets.n);
	initStringInfo(&arms);
	for (int i = 0; i < sets.n; i++)
	{
		Member *member = &sets.members[i];

		member->set.statistics = true;
		gate->rounding = any_additive(&sets) ? rounding_of(&sets, member) : 0;
		releases[i] = ehds_dp_release_of(&member->set);
		gate->rounding = 0;
		if (i > 0)
			appendStringInfoString(&arms, " UNION ALL ");
		append_arm(&sets, member, releases[i], &arms);
	}
	q = ehds_parse_template(template_of(&sets, arms.data));

	/* found by position: the template's shape is ours */
	united = rt_fetch(1, rt_fetch(1, q->rtable)->subquery->rtable)->subquery;
	for (int i = 0; i < sets.n; i++)
	{
		Query *arm = sets.n > 1 ? rt_fetch(i + 1, united->rtable)->subquery : united;

		rt_fetch(1, arm->rtable)->subquery = releases[i];
	}
	return q;
}
