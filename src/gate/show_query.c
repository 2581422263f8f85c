/*
 * show_query.c
 *		EXPLAIN of a query under a permit: what the gate makes of it, and no plan.
 *
 * A plan shows estimates, and with settings of the reader's it tells by bisection
 * whether a row is there.  The rewritten query does neither: it is a function of the
 * statement, the permit and the settings.  The permit's views are shown by their
 * names.  Nothing runs, so nothing is charged.
 */
#include "core/compat.h"

#include "commands/defrem.h"
#include "commands/explain.h"
#include "executor/tuptable.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/ruleutils.h"

#include "core/errors.h"
#include "gate/gate.h"

/* FROM and WHERE around FROM and WHERE, which SQL does not have, as one. */
static void
flatten_from(FromExpr *from)
{
	List *items = NIL;
	ListCell *lc;

	foreach(lc, from->fromlist)
	{
		FromExpr *inner = lfirst(lc);

		if (!IsA(inner, FromExpr))
		{
			items = lappend(items, inner);
			continue;
		}
		flatten_from(inner);
		items = list_concat(items, inner->fromlist);
		from->quals = make_and_qual(inner->quals, from->quals);
	}
	from->fromlist = items;
}

/* Make it a query that has a text: in place of the body of a permit's view its name. */
static bool
name_views_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;
		Oid view = ehds_view_of_subquery(rte);

		if (ehds_permit_view(view) != NULL)
		{
			rte->rtekind = RTE_RELATION;
			rte->relid = view;
			rte->relkind = RELKIND_VIEW;
			rte->rellockmode = AccessShareLock;
			rte->inh = true;
			rte->subquery = NULL;
		}
		return false;
	}
	if (IsA(node, Query) && ((Query *) node)->jointree != NULL)
		flatten_from(((Query *) node)->jointree);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, name_views_walker, arg, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, name_views_walker, arg);
}

static char *
heading(EhdsGate *gate)
{
	EhdsPermit *p = gate->permit;

	if (!p->statistics)
		return psprintf("-- permit \"%s\": pseudonymised rows", p->permit);
	if (gate->charge.epsilon_nano > 0)
		return psprintf("-- permit \"%s\": differentially private statistics, costs epsilon %.9g", p->permit,
						gate->charge.epsilon_nano / 1e9);
	if (gate->charge.rho_pico > 0)
		return psprintf("-- permit \"%s\": differentially private statistics, costs rho %.9g", p->permit,
						gate->charge.rho_pico / 1e12);
	if (p->dp)
		return psprintf("-- permit \"%s\": differentially private statistics, costs nothing", p->permit);
	return psprintf("-- permit \"%s\": statistics of at least %d persons", p->permit, gate->k);
}

static void
check_options(ExplainStmt *stmt)
{
	ListCell *lc;

	foreach(lc, stmt->options)
	{
		DefElem *option = lfirst(lc);

		if (strcmp(option->defname, "analyze") == 0 && defGetBoolean(option))
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED),
					 errmsg("EXPLAIN ANALYZE of a query under a permit is refused"),
					 errdetail("How many rows each step had is protected by no threshold."),
					 errhint("Run the query itself; EXPLAIN without ANALYZE shows what it is rewritten to.")));
		if (strcmp(option->defname, "format") == 0 && strcmp(defGetString(option), "text") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_REFUSED), errmsg("EXPLAIN of a query under a permit is text only"),
					 errhint("Leave out FORMAT.")));
	}
}

bool
ehds_explain(ExplainStmt *stmt, const char *query_string, DestReceiver *dest)
{
	Query *query = castNode(Query, stmt->query);
	EhdsGate gate = {0};
	List *rewritten;
	TupOutputState *output;

	if (query->commandType != CMD_SELECT)
		return false;
	rewritten = QueryRewrite(copyObject(query));
	if (list_length(rewritten) != 1)
		return false;
	query = linitial_node(Query, rewritten);
	if (!ehds_mentions_permit_view(query))
		return false;

	check_options(stmt);
	gate.query_string = query_string;
	gate.shown = true;
	ehds_gate_check(&gate, query);
	query = copyObject(query);
	(void) name_views_walker((Node *) query, NULL);

	output = begin_tup_output_tupdesc(dest, ExplainResultDesc(stmt), &TTSOpsVirtual);
	do_text_output_oneline(output, heading(&gate));
	do_text_output_multiline(output, pg_get_querydef(query, true));
	end_tup_output(output);
	return true;
}
