/*
 * hooks.c
 *		Planner, executor and utility hooks: chaining and dispatch only.
 *
 * The planner hook checks a query that reads a permit's views, rewrites it, and
 * marks the plan. ExecutorStart recognises the mark: there, in the leader and
 * before parallel mode, the permit is asked for again and the access or charge
 * is recorded; only then is the approval live. Hooks hold no state of "approving
 * now": IMMUTABLE functions re-enter the planner while it plans.
 */
#include "core/compat.h"

#include "access/parallel.h"
#include "access/relation.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "tcop/utility.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "catalog/labels.h"
#include "core/errors.h"
#include "core/own_function.h"
#include "gate/gate.h"
#include "kanon/kanon.h"
#include "ledger/ledger.h"

bool ehds_hooks_installed = false;

static planner_hook_type next_planner = NULL;
static ExecutorStart_hook_type next_ExecutorStart = NULL;
static ExecutorRun_hook_type next_ExecutorRun = NULL;
static ExecutorFinish_hook_type next_ExecutorFinish = NULL;
static ProcessUtility_hook_type next_ProcessUtility = NULL;
static emit_log_hook_type next_emit_log = NULL;

/* Has this process executed a query under a permit? */
static bool answered = false;

/* How many EXPLAIN statements are being processed: their queries are not answered. */
static int explain_depth = 0;

static PlannedStmt *
call_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	if (next_planner)
		return next_planner(parse, query_string, cursor_options, params);
	return standard_planner(parse, query_string, cursor_options, params);
}

static void
refuse_explain(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_EHDS_REFUSED), errmsg("EXPLAIN of this statement is refused under a permit"),
			 errdetail("A plan shows estimates and counts that no threshold protects."),
			 errhint("EXPLAIN of the SELECT itself shows what it is rewritten to.")));
}

/* Plan a query that the gate has checked and rewritten. */
PlannedStmt *
ehds_plan_checked(EhdsGate *gate, Query *query, int cursor_options, ParamListInfo params)
{
	PlannedStmt *plan = call_planner(query, gate->query_string, cursor_options, params);

	/* functions that ran while planning may have changed settings */
	ehds_require_quiet_session();
	ehds_check_plan(gate, plan);
	ehds_require_relied(gate);
	ehds_mark_plan(gate, plan);
	return plan;
}

static PlannedStmt *
gate_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	EhdsGate gate = {0};
	PlannedStmt *plan;

	if (!ehds_catalog_present())
		return call_planner(parse, query_string, cursor_options, params);
	parse = ehds_without_sizes(parse);
	if (!ehds_mentions_permit_view(parse))
	{
		if (ehds_is_delete_from_sealed(parse) && !superuser())
		{
			if (explain_depth > 0)
				refuse_explain();
			gate.query_string = query_string;
			ehds_gate_delete(&gate, parse);
			return ehds_plan_checked(&gate, parse, cursor_options, params);
		}
		if (parse->commandType != CMD_SELECT)
			ehds_refuse_write_to_sealed(parse);
		plan = call_planner(parse, query_string, cursor_options, params);
		ehds_check_unseen_plan(plan);
		if (ehds_reads_extract(&gate, plan))
			ehds_mark_plan(&gate, plan);
		return plan;
	}

	if (explain_depth > 0)
		refuse_explain();
	gate.query_string = query_string;
	ehds_gate_check(&gate, parse);
	return ehds_plan_checked(&gate, parse, cursor_options, params);
}

static void
start(QueryDesc *query, int eflags)
{
	if (next_ExecutorStart)
		next_ExecutorStart(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

/* Tables of the grantee's that were looked at just now. */
static void
note_beside(EhdsExecution *ex, List *beside)
{
	MemoryContext caller = MemoryContextSwitchTo(ex->cxt);

	ex->beside = list_copy(beside);
	ex->command = IsParallelWorker() ? 0 : GetCurrentCommandId(false);
	MemoryContextSwitchTo(caller);
}

static void
gate_ExecutorStart(QueryDesc *query, int eflags)
{
	EhdsMarker marker;
	bool marked = ehds_read_marker(query->plannedstmt, &marker);
	EhdsAdmission admission = {0};
	List *beside = NIL;

	if (!marked && query->plannedstmt->resultRelations != NIL)
		ehds_require_not_beside(query->plannedstmt);
	if (marked && !IsParallelWorker() && !(marker.version == 0 && (eflags & EXEC_FLAG_EXPLAIN_ONLY)))
	{
		EhdsPermit *permit;
		bool extract = marker.version == 0;

		if (!extract && ((eflags & EXEC_FLAG_EXPLAIN_ONLY) || explain_depth > 0))
			refuse_explain();
		if (RecoveryInProgress())
			ereport(ERROR,
					(errcode(ERRCODE_EHDS_LEDGER), errmsg("a query under a permit does not run on a standby"),
					 errdetail("The access could not be recorded here."),
					 errhint("Connect to the primary server.")));
		if (IsInParallelMode())
			ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER),
							errmsg("a query under a permit cannot be started during a parallel operation"),
							errhint("Mark the function that contains it PARALLEL UNSAFE.")));
		permit = ehds_read_permit(marker.permit);
		if (permit == NULL)
			ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_IN_FORCE),
							errmsg("permit \"%s\" no longer exists", marker.permit)));
		ehds_require_in_force(permit, GetUserId());
		if (!extract)
			ehds_require_quiet_session();
		if (!extract && permit->version != marker.version)
			ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
							errmsg("permit \"%s\" changed after this query was prepared", marker.permit),
							errhint("Run it again.")));
		ehds_require_whole(marker.whole);
		beside = ehds_require_at_rest(marker.beside);
		/* the aggregates would raise, too, but at the first person only */
		if (marker.k > 0 && permit->k < ehds_k_least())
			ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_IN_FORCE),
							errmsg("permit \"%s\" has a k of %d, below the floor of %d", permit->permit,
								   permit->k, ehds_k_least()),
							errdetail("The floor is the server's setting ehds.k_floor."),
							errhint("Ask the administrator for a permit with a larger k.")));
		ehds_require_stack();
		ehds_admit(&admission, &marker, permit, query);
		if (OidIsValid(marker.seal_store))
		{
			if (query->operation == CMD_DELETE)
				ehds_begin_delete(&marker);
			else
				ehds_note_sealed_insert(&marker);
		}
	}

	answered = answered || marked;
	if (admission.charged)
	{
		PG_TRY();
		{
			start(query, eflags);
		}
		PG_CATCH();
		{
			ehds_not_started(&admission);
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	else
		start(query, eflags);

	if (marked)
	{
		EhdsExecution *ex = ehds_execution_begin(query->estate->es_query_cxt, marker.approval, marker.permit,
												 GetUserId());

		ex->k = marker.k;
		ex->figures = marker.figures;
		ehds_started(&admission, ex, query->estate->es_query_cxt);
		note_beside(ex, beside);
		ehds_tell_charge(&admission, &marker);
	}
}

static void
call_run(EHDS_EXECUTOR_RUN_ARGS)
{
	if (next_ExecutorRun)
		next_ExecutorRun(EHDS_EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(EHDS_EXECUTOR_RUN_PASS);
}

static void
run_marked(EHDS_EXECUTOR_RUN_ARGS)
{
	EhdsExecution *before = ehds_execution_run(query->estate->es_query_cxt);

	PG_TRY();
	{
		call_run(EHDS_EXECUTOR_RUN_PASS);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_QUERY_CANCELED)
			ehds_execution_cancelled(query->estate->es_query_cxt);
		ehds_execution_go_on(before);
		PG_RE_THROW();
	}
	PG_END_TRY();
	ehds_execution_go_on(before);
}

/* The number of rows that were sealed is in no command tag, and in no row count of a procedure. */
static void
gate_ExecutorRun(EHDS_EXECUTOR_RUN_ARGS)
{
	EhdsMarker marker;
	bool marked = ehds_read_marker(query->plannedstmt, &marker);

	/* settings, and tables, may have changed since a cursor was declared */
	if (marked && marker.version != 0 && !IsParallelWorker())
	{
		EhdsExecution *ex = ehds_execution_of(query->estate->es_query_cxt);

		ehds_require_quiet_session();
		if (ex != NULL && marker.beside != NIL && ex->command != GetCurrentCommandId(false))
			note_beside(ex, ehds_require_at_rest(marker.beside));
	}
	/* a cursor may have been opened elsewhere */
	if (marked)
		ehds_require_stack();
	if (marked)
		run_marked(EHDS_EXECUTOR_RUN_PASS);
	else
		call_run(EHDS_EXECUTOR_RUN_PASS);
	if (marked && marker.seals)
		ehds_forget_processed(query->estate);
}

static void
gate_ExecutorFinish(QueryDesc *query)
{
	EhdsMarker marker;

	if (next_ExecutorFinish)
		next_ExecutorFinish(query);
	else
		standard_ExecutorFinish(query);

	if (ehds_read_marker(query->plannedstmt, &marker) && marker.k > 0 && !IsParallelWorker())
	{
		EhdsExecution *ex = ehds_execution_of(query->estate->es_query_cxt);

		if (ex != NULL)
			ehds_k_notice(ex);
	}
}

/*
 * LOG messages tell of sizes of sorts and temporary files, and of rows (trace_sort,
 * log_temp_files, auto_explain), when a query runs, when its cursor is closed and
 * when it is rolled back. From the first answer on they go to the server's log only.
 */
static void
gate_emit_log(ErrorData *message)
{
	if (answered && message->elevel <= LOG)
		message->output_to_client = false;
	/* nobody catches the end of a process */
	if (message->elevel == FATAL &&
		(message->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN || message->sqlerrcode == ERRCODE_CONNECTION_FAILURE))
		ehds_executions_terminated();
	if (next_emit_log)
		next_emit_log(message);
}

/*
 * Keep a copy, by name, of a label that was given: a load that rebuilds the table
 * loses it. The function is SECURITY DEFINER; it is called by its OID, and only
 * if it is the extension's own.
 */
static void
remember_label(SecLabelStmt *stmt)
{
	static const Oid types[] = {OIDOID, OIDOID, INT4OID};
	ObjectAddress address;
	Relation rel = NULL;
	Oid function;

	if (!ehds_catalog_present())
		return;
	function = ehds_own_function("remember_label", lengthof(types), types);
	if (!OidIsValid(function))
		return;
	address = get_object_address(stmt->objtype, stmt->object, &rel, AccessShareLock, false);
	if (rel != NULL)
		relation_close(rel, NoLock);
	PushActiveSnapshot(GetTransactionSnapshot());
	(void) OidFunctionCall3(function, ObjectIdGetDatum(address.classId), ObjectIdGetDatum(address.objectId),
							Int32GetDatum(address.objectSubId));
	PopActiveSnapshot();
}

static void
call_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree, ProcessUtilityContext context,
			 ParamListInfo params, QueryEnvironment *query_env, DestReceiver *dest, QueryCompletion *qc)
{
	if (next_ProcessUtility)
		next_ProcessUtility(pstmt, query_string, read_only_tree, context, params, query_env, dest, qc);
	else
		standard_ProcessUtility(pstmt, query_string, read_only_tree, context, params, query_env, dest, qc);
}

/* Run it, while the queries of an EXPLAIN are not answered. */
static void
process_utility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
				ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *query_env,
				DestReceiver *dest, QueryCompletion *qc)
{
	int save_depth = explain_depth;

	/* all others, EXECUTE above all, are spared the price of catching errors */
	if (!IsA(pstmt->utilityStmt, ExplainStmt))
	{
		call_utility(pstmt, query_string, read_only_tree, context, params, query_env, dest, qc);
		return;
	}
	explain_depth++;
	PG_TRY();
	{
		call_utility(pstmt, query_string, read_only_tree, context, params, query_env, dest, qc);
	}
	PG_FINALLY();
	{
		explain_depth = save_depth;
	}
	PG_END_TRY();
}

static void
gate_ProcessUtility(PlannedStmt *pstmt, const char *query_string, bool read_only_tree,
					ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *query_env,
					DestReceiver *dest, QueryCompletion *qc)
{
	if (IsA(pstmt->utilityStmt, ExplainStmt) && ehds_catalog_present() &&
		ehds_explain((ExplainStmt *) pstmt->utilityStmt, query_string, dest))
		return;
	if (IsA(pstmt->utilityStmt, CreateTableAsStmt) && explain_depth == 0 &&
		ehds_seal_table(pstmt, query_string, params, query_env, qc))
		return;
	if (IsA(pstmt->utilityStmt, DropStmt) && ehds_any_sealed())
	{
		pstmt = ehds_drop_sealed_tables(pstmt);
		if (pstmt == NULL)
			return;
	}
	if (IsA(pstmt->utilityStmt, TruncateStmt) && ehds_any_sealed())
	{
		pstmt = ehds_truncate_sealed_tables(pstmt);
		if (pstmt == NULL)
			return;
	}
	if (IsA(pstmt->utilityStmt, VacuumStmt) && ehds_any_sealed())
	{
		pstmt = ehds_pass_over_sealed(pstmt);
		if (pstmt == NULL)
			return;
	}

	process_utility(pstmt, query_string, read_only_tree, context, params, query_env, dest, qc);

	if ((IsA(pstmt->utilityStmt, DropStmt) || IsA(pstmt->utilityStmt, DropOwnedStmt)) && ehds_any_sealed())
		ehds_sweep_sealed_tables();
	if (IsA(pstmt->utilityStmt, SecLabelStmt))
	{
		SecLabelStmt *label = (SecLabelStmt *) pstmt->utilityStmt;

		if (label->provider == NULL || strcmp(label->provider, EHDS_LABEL_PROVIDER) == 0)
			remember_label(label);
	}
}

void
ehds_gate_init(void)
{
	ehds_hooks_installed = true;
	next_planner = planner_hook;
	planner_hook = gate_planner;
	next_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = gate_ExecutorStart;
	next_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = gate_ExecutorRun;
	next_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = gate_ExecutorFinish;
	next_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = gate_ProcessUtility;
	next_emit_log = emit_log_hook;
	emit_log_hook = gate_emit_log;
	ehds_sizes_init();
}
