/*
 * explain.c
 *		ehds.explain_privacy(): what a query would get and cost, without running it.
 *
 * The query is parsed, expanded and checked by the gate as it would be, under the
 * caller's rights, permit and settings; it is neither planned nor executed. The
 * planner would compute IMMUTABLE functions of the caller's, and so may the gate
 * where it wants a constant: queries with functions that are not PostgreSQL's or
 * ours are not taken. What is shown comes from settings, declarations and the
 * budget, none of which depends on the data.
 */
#include "core/compat.h"

#include "access/transam.h"
#include "access/xact.h"
#include "funcapi.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "rewrite/rewriteHandler.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "core/errors.h"
#include "gate/gate.h"
#include "ledger/ledger.h"

PG_FUNCTION_INFO_V1(ehds_explain_privacy);

/* the columns: what is told of, those of a noise, a remark */
#define COLUMNS (EHDS_NOISE_COLUMNS + 2)

static bool
is_foreign_function(Oid funcid, void *context)
{
	return funcid >= FirstNormalObjectId && get_func_namespace(funcid) != ehds_namespace();
}

/* Raise if the query has a function that is not PostgreSQL's or ours. */
static bool
functions_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_foreign_function, NULL))
		EHDS_REFUSE((const char *) arg, node,
					errmsg("ehds.explain_privacy does not take queries with functions of users"),
					errdetail("Explaining runs nothing, and checking the query could run them."),
					errhint("Leave the function out to see what the rest of the query costs."));
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, functions_walker, arg, 0);
	return expression_tree_walker(node, functions_walker, arg);
}

/* May the caller read what the query reads? As the executor would ask. */
static bool
permissions_walker(Node *node, void *arg)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		ehds_check_permissions((Query *) node);
		return query_tree_walker((Query *) node, permissions_walker, arg, 0);
	}
	return expression_tree_walker(node, permissions_walker, arg);
}

/* The query, with its views expanded. */
static Query *
read_query(const char *text)
{
	List *statements = pg_parse_query(text);
	RawStmt *raw;
	Query *query;
	List *rewritten;

	if (list_length(statements) != 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ehds.explain_privacy takes one statement, not %d", list_length(statements))));
	raw = linitial_node(RawStmt, statements);
	if (!IsA(raw->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("ehds.explain_privacy takes a SELECT"),
				 errhint("Give the query alone, without EXPLAIN, CREATE TABLE AS, COPY or PREPARE.")));
	query = parse_analyze_fixedparams(raw, text, NULL, 0, NULL);
	if (query->commandType != CMD_SELECT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("ehds.explain_privacy takes a SELECT without INTO")));
	rewritten = QueryRewrite(query);
	if (list_length(rewritten) != 1)
		elog(ERROR, "unexpected result of rewriting a SELECT");
	query = linitial_node(Query, rewritten);
	(void) permissions_walker((Node *) query, NULL);
	/* with those in the caller's own views */
	(void) functions_walker((Node *) query, unconstify(char *, text));
	return query;
}

typedef struct Explanation
{
	ReturnSetInfo *rsinfo;
	Datum values[COLUMNS];
	bool nulls[COLUMNS];
} Explanation;

static void
begin_row(Explanation *e, const char *item)
{
	memset(e->nulls, true, sizeof(e->nulls));
	e->values[0] = CStringGetTextDatum(item);
	e->nulls[0] = false;
}

static void
end_row(Explanation *e, const char *remark)
{
	if (remark != NULL)
	{
		e->values[COLUMNS - 1] = CStringGetTextDatum(remark);
		e->nulls[COLUMNS - 1] = false;
	}
	tuplestore_putvalues(e->rsinfo->setResult, e->rsinfo->setDesc, e->values, e->nulls);
}

/*
 * Have the gate check the query. False, with the refusal, if it refuses; errors that
 * are no refusal go on.
 */
static bool
check(EhdsGate *gate, Query *query, char **refusal, int *sqlstate)
{
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool accepted = true;

	/* locks and caches that the check holds when it fails */
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	PG_TRY();
	{
		ehds_gate_check(gate, query);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData *error;
		int code;

		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		CurrentResourceOwner = owner;
		MemoryContextSwitchTo(caller);
		code = error->sqlerrcode;
		if (code != ERRCODE_EHDS_NOT_IN_FORCE && code != ERRCODE_EHDS_REFUSED && code != ERRCODE_EHDS_BUDGET &&
			code != ERRCODE_EHDS_NOT_APPROVED && code != ERRCODE_EHDS_DECLARATION &&
			code != ERRCODE_INVALID_PARAMETER_VALUE && code != ERRCODE_FEATURE_NOT_SUPPORTED)
			ReThrowError(error);
		*sqlstate = code;
		*refusal = psprintf("%s%s%s%s%s", error->message, error->detail ? ". " : "",
							error->detail ? error->detail : "", error->hint ? " Hint: " : "",
							error->hint ? error->hint : "");
		accepted = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return accepted;
}

static void
tell_refusal(Explanation *e, const char *refusal, int sqlstate)
{
	begin_row(e, "refused");
	end_row(e, psprintf("%s: %s", unpack_sql_state(sqlstate), refusal));
}

/* Would the ledger refuse the charge? The sentence is like its own, for the permit only. */
static char *
lack(const EhdsPermit *p, const EhdsCharge *charge)
{
	EhdsSpent spent = ehds_ledger_spent_by_permit(p->permit);
	int64 delta_total = p->zcdp ? p->selection_delta_atto : p->delta_atto;

	if (charge->epsilon_nano > p->epsilon_nano - spent.epsilon_nano)
		return psprintf("epsilon %.9g asked, %.9g left", charge->epsilon_nano / 1e9,
						Max(p->epsilon_nano - spent.epsilon_nano, 0) / 1e9);
	if (charge->rho_pico > 0 && charge->rho_pico > p->rho_pico - spent.rho_pico)
		return psprintf("rho %.12g asked, %.12g left", charge->rho_pico / 1e12,
						Max(p->rho_pico - spent.rho_pico, 0) / 1e12);
	if (charge->delta_atto > delta_total - spent.delta_atto)
		return psprintf("delta %.3g asked, %.3g left", charge->delta_atto / 1e18,
						Max(delta_total - spent.delta_atto, 0) / 1e18);
	if (!p->zcdp && p->population != NULL && p->population_epsilon_nano >= 0)
	{
		spent = ehds_ledger_spent_by_population(p->population);
		if (charge->epsilon_nano > p->population_epsilon_nano - spent.epsilon_nano ||
			charge->delta_atto > p->population_delta_atto - spent.delta_atto)
			return psprintf("population \"%s\" has less left than that", p->population);
	}
	return NULL;
}

/* How the query would be answered for nothing; NULL: it would be charged. */
static char *
without_charge(EhdsGate *gate)
{
	EhdsMarker marker = {0};
	uint8 key[EHDS_RELEASE_KEY_LEN];
	uint8 charge_key[EHDS_CHARGE_KEY_LEN];
	bytea **kept = (bytea **) palloc0(sizeof(bytea *) * gate->borders);
	LedgerOpenCharge open;
	TimestampTz at;

	marker.permit = gate->permit->permit;
	marker.version = gate->permit->version;
	marker.repeat = gate->repeat ? gate->repeat : "";
	if (!ehds_repeat_key(&marker, NULL, key))
		return NULL;
	if (!ehds_setting_fresh && ehds_releases_find(key, gate->borders, kept, &at))
		return psprintf("the answer of %s would be given again, and nothing charged", timestamptz_to_str(at));
	ehds_charge_key(key, gate->borders, &gate->charge, ehds_write_noises(gate->noises), charge_key);
	if (ehds_open_charge_see(charge_key, &open))
		return psprintf("it was charged on %s, and its answer never left: it would be drawn, and nothing charged",
						timestamptz_to_str(open.at));
	return NULL;
}

static void
tell_private(Explanation *e, EhdsGate *gate)
{
	EhdsNoise sum = {0};
	char *free_of_charge;
	char *missing;
	ListCell *lc;

	foreach(lc, gate->noises)
	{
		EhdsNoise *noise = lfirst(lc);

		begin_row(e, "figure");
		memset(e->nulls + 1, false, EHDS_NOISE_COLUMNS * sizeof(bool));
		ehds_noise_columns(noise, e->values + 1, e->nulls + 1);
		end_row(e, noise->remark);
	}

	begin_row(e, "charge");
	sum.column = "";
	sum.mechanism = "";
	sum.cost = gate->charge;
	memset(e->nulls + 1, false, EHDS_NOISE_COLUMNS * sizeof(bool));
	ehds_noise_columns(&sum, e->values + 1, e->nulls + 1);
	memset(e->nulls + 1, true, (EHDS_NOISE_COLUMNS - 3) * sizeof(bool));
	end_row(e, psprintf("to permit %s, by %s accounting; nothing is charged now", gate->permit->permit,
						gate->permit->zcdp ? "zcdp" : "pure"));

	free_of_charge = without_charge(gate);
	if (free_of_charge != NULL)
	{
		begin_row(e, "repeat");
		end_row(e, free_of_charge);
		return;
	}
	missing = lack(gate->permit, &gate->charge);
	if (missing != NULL)
		tell_refusal(e, psprintf("the privacy budget does not allow the query: %s", missing),
					 ERRCODE_EHDS_BUDGET);
}

/* explain_privacy(query text) */
Datum
ehds_explain_privacy(PG_FUNCTION_ARGS)
{
	char *sql = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Explanation e = {0};
	EhdsGate gate = {0};
	Query *query;
	char *refusal;
	int sqlstate;

	InitMaterializedSRF(fcinfo, 0);
	e.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	query = read_query(sql);
	if (!ehds_catalog_present() || !ehds_mentions_permit_view(query))
	{
		begin_row(&e, "public");
		end_row(&e, "the query reads no view of a permit: it costs nothing and is answered as it is");
		return (Datum) 0;
	}

	gate.query_string = sql;
	if (!check(&gate, query, &refusal, &sqlstate))
		tell_refusal(&e, refusal, sqlstate);
	else if (gate.borders == 0)
	{
		begin_row(&e, gate.permit->statistics ? "public" : "rows");
		end_row(&e, gate.permit->statistics
						? psprintf("permit %s: no figure of persons is released", gate.permit->permit)
						: psprintf("permit %s: pseudonymised rows, which have no privacy budget",
								   gate.permit->permit));
	}
	else if (!gate.permit->dp)
	{
		begin_row(&e, gate.permit->cell_key ? "cell keys" : "k-anonymity");
		end_row(&e,
				gate.permit->cell_key
					? psprintf("permit %s: cells with at least %d persons, with permanent noise (ehds.cell_key_table)",
							   gate.permit->permit, gate.k)
					: psprintf("permit %s: exact figures of cells with at least %d persons, no noise, no budget",
							   gate.permit->permit, gate.k));
	}
	else
		tell_private(&e, &gate);
	return (Datum) 0;
}
