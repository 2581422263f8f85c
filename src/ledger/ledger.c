/*
 * ledger.c
 *		The ledger's interface: accesses, refusals, charges, decisions.
 *
 * Accesses, refusals and charges are written at once and stay, whatever becomes
 * of the transaction: they have happened.  A decision has happened when its
 * transaction commits, so it waits in a queue of the transaction and is written
 * just before the commit (or PREPARE); a savepoint that is rolled back takes its
 * decisions with it.  Should the commit fail after all, or a prepared
 * transaction be rolled back, the ledger shows a decision that had no effect,
 * never the opposite.
 */
#include "ledger/ledger.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "commands/trigger.h"
#include "core/errors.h"
#include "funcapi.h"
#include "ledger/store.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Longest texts of an entry, in bytes: together they stay below what would be toasted. */
#define MAX_DETAIL 1000
#define MAX_NAME 200
#define MAX_ACTION 63

typedef struct Decision
{
	SubTransactionId subid; /* the innermost open subtransaction that it depends on */
	LedgerRow row;
} Decision;

/* In TopTransactionContext. */
static List *decisions = NIL;

PG_FUNCTION_INFO_V1(ehds_record_access);
PG_FUNCTION_INFO_V1(ehds_record_refusal);
PG_FUNCTION_INFO_V1(ehds_record_decision);
PG_FUNCTION_INFO_V1(ehds_ledger_charge_sql);
PG_FUNCTION_INFO_V1(ehds_ledger_spent);
PG_FUNCTION_INFO_V1(ehds_ledger_guard);

/* ------------------------------------------------------------------ rows */

/* A copy of s of at most max bytes, cut between characters. */
static const char *
cut(const char *s, int max)
{
	int len;

	if (s == NULL)
		return NULL;
	len = strlen(s);
	return pnstrdup(s, len > max ? pg_mbcliplen(s, len, max) : len);
}

static const char *
role_name(Oid role)
{
	char *name = GetUserNameFromId(role, true);

	/* a role that was dropped while its session goes on */
	return name ? name : psprintf("%u", role);
}

static const char *
kind_name(EhdsEntryKind kind)
{
	switch (kind)
	{
		case EHDS_ACCESS:
			return "access";
		case EHDS_REFUSAL:
			return "refusal";
		case EHDS_CHARGE:
			return "charge";
		case EHDS_DECISION:
			return "decision";
	}
	elog(ERROR, "unknown kind of ledger entry: %d", (int) kind);
	return NULL;
}

/* Fill in a row for an act of the current session, in the current memory context. */
static void
make_row(LedgerRow *row, EhdsEntryKind kind, const char *permit, const char *population, const char *action,
		 const char *detail, int64 epsilon_nano, int64 delta_atto)
{
	memset(row, 0, sizeof(*row));
	row->kind = kind_name(kind);
	/* the person, and the role under SET ROLE: both the same inside SECURITY DEFINER */
	row->session_role = role_name(GetSessionUserId());
	row->role = role_name(GetOuterUserId());
	row->permit = cut(permit, MAX_NAME);
	row->population = cut(population, MAX_NAME);
	row->action = cut(action, MAX_ACTION);
	row->detail = cut(detail, MAX_DETAIL);
	row->epsilon_nano = epsilon_nano;
	row->delta_atto = delta_atto;
}

int64
ehds_ledger_append(const EhdsEntry *e)
{
	LedgerRow row;
	const char *why;

	if (e->kind == EHDS_CHARGE)
		elog(ERROR, "a charge has to be checked against a budget: use ehds_ledger_charge");

	make_row(&row, e->kind, e->permit, e->population, e->action, e->detail, e->epsilon_nano, e->delta_atto);

	if (e->kind == EHDS_REFUSAL && !ehds_store_writable(&why))
	{
		ereport(LOG, (errmsg("pg_ehds refusal without ledger entry: session role \"%s\", permit \"%s\", "
							 "action \"%s\": %s",
							 row.session_role, row.permit ? row.permit : "", row.action ? row.action : "",
							 row.detail ? row.detail : ""),
					  errdetail("Reason: %s.", why)));
		return 0;
	}
	(void) ehds_store_append(&row, NULL, 0, NULL);
	return row.seq;
}

/* ------------------------------------------------------------------ charges */

/* An amount in its unit without trailing zeros; buf holds 32 bytes. */
static const char *
amount(int64 value, int scale, char *buf)
{
	int64 unit = 1;
	char digits[24];
	int len;

	for (int i = 0; i < scale; i++)
		unit *= 10;
	if (value < 0)
		value = 0;
	snprintf(digits, sizeof(digits), "%0*lld", scale, (long long) (value % unit));
	len = scale;
	while (len > 0 && digits[len - 1] == '0')
		len--;
	digits[len] = '\0';
	snprintf(buf, 32, "%lld%s%s", (long long) (value / unit), len > 0 ? "." : "", digits);
	return buf;
}

#define EPSILON_SCALE 9
#define DELTA_SCALE 18

/* What is in the way of a charge: the sentence of the error and of the refusal. */
static char *
describe_lack(const LedgerRow *charge, const LedgerBudget *budget)
{
	const char *whose = budget->kind == BUDGET_PERMIT ? "permit" : "population";
	char asked[32];
	char left[32];

	if (budget->epsilon_total >= 0 && charge->epsilon_nano > budget->epsilon_total - budget->epsilon_spent)
		return psprintf("the privacy budget of %s \"%s\" does not allow the query: epsilon %s asked, %s left",
						whose, budget->name, amount(charge->epsilon_nano, EPSILON_SCALE, asked),
						amount(budget->epsilon_total - budget->epsilon_spent, EPSILON_SCALE, left));
	return psprintf("the privacy budget of %s \"%s\" does not allow the query: delta %s asked, %s left",
					whose, budget->name, amount(charge->delta_atto, DELTA_SCALE, asked),
					amount(budget->delta_total - budget->delta_spent, DELTA_SCALE, left));
}

static LedgerRow *
make_refusal(const LedgerRow *charge, const LedgerBudget *budget)
{
	LedgerRow *row = (LedgerRow *) palloc(sizeof(LedgerRow));

	*row = *charge;
	row->kind = kind_name(EHDS_REFUSAL);
	row->detail = cut(describe_lack(charge, budget), MAX_DETAIL);
	row->epsilon_nano = 0;
	row->delta_atto = 0;
	return row;
}

static void
check_charge(const EhdsChargeRequest *r)
{
	if (r->permit == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a charge needs a permit")));
	if (strlen(r->permit) >= NAMEDATALEN || (r->population != NULL && strlen(r->population) >= NAMEDATALEN))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the name of a permit or population that is charged is longer than %d bytes",
							   NAMEDATALEN - 1)));
	if (r->epsilon_nano <= 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the epsilon of a charge must be greater than zero")));
	if (r->delta_atto < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the delta of a charge must not be negative")));
	if (r->permit_epsilon_nano < 0 || r->permit_delta_atto < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("permit \"%s\" has no privacy budget", r->permit)));
}

EhdsChargeResult
ehds_ledger_charge(const EhdsChargeRequest *r)
{
	LedgerBudget budgets[2] = {{0}};
	int nbudgets = 0;
	LedgerBudget *exceeded;
	LedgerRow row;
	EhdsChargeResult result;

	check_charge(r);
	make_row(&row, EHDS_CHARGE, r->permit, r->population, r->action, r->detail, r->epsilon_nano,
			 r->delta_atto);

	budgets[nbudgets].kind = BUDGET_PERMIT;
	budgets[nbudgets].name = r->permit;
	budgets[nbudgets].epsilon_total = r->permit_epsilon_nano;
	budgets[nbudgets++].delta_total = r->permit_delta_atto;
	if (r->population != NULL)
	{
		/* counted even without a limit: one may be set later */
		budgets[nbudgets].kind = BUDGET_POPULATION;
		budgets[nbudgets].name = r->population;
		budgets[nbudgets].epsilon_total = r->population_epsilon_nano;
		budgets[nbudgets++].delta_total = r->population_delta_atto;
	}

	exceeded = ehds_store_append(&row, budgets, nbudgets, make_refusal);
	if (exceeded != NULL)
		ereport(ERROR, (errcode(ERRCODE_EHDS_BUDGET), errmsg("%s", describe_lack(&row, exceeded)),
						errhint("SELECT * FROM ehds.budget shows what is left. Nothing was charged.")));

	/* from here on, the charge counts even if this process dies */
	ehds_store_flush();

	result.epsilon_left_nano = r->permit_epsilon_nano - budgets[0].epsilon_spent - r->epsilon_nano;
	result.delta_left_atto = r->permit_delta_atto - budgets[0].delta_spent - r->delta_atto;
	result.seq = row.seq;
	return result;
}

static void
spent(char kind, const char *name, int64 *epsilon_nano, int64 *delta_atto)
{
	LedgerBudget budget = {0};

	budget.kind = kind;
	budget.name = name;
	/* no longer name can have been charged */
	if (strlen(name) < NAMEDATALEN)
		ehds_store_spent(&budget);
	*epsilon_nano = budget.epsilon_spent;
	*delta_atto = budget.delta_spent;
}

void
ehds_ledger_spent_by_permit(const char *permit, int64 *epsilon_nano, int64 *delta_atto)
{
	spent(BUDGET_PERMIT, permit, epsilon_nano, delta_atto);
}

void
ehds_ledger_spent_by_population(const char *population, int64 *epsilon_nano, int64 *delta_atto)
{
	spent(BUDGET_POPULATION, population, epsilon_nano, delta_atto);
}

/* ------------------------------------------------------------------ decisions */

void
ehds_ledger_decide(const EhdsEntry *e)
{
	Decision *decision;
	MemoryContext caller;

	/* a decision that could not be written at the end is refused now */
	(void) ehds_store_writable(NULL);

	caller = MemoryContextSwitchTo(TopTransactionContext);
	decision = (Decision *) palloc(sizeof(Decision));
	decision->subid = GetCurrentSubTransactionId();
	make_row(&decision->row, EHDS_DECISION, e->permit, e->population, e->action, e->detail, e->epsilon_nano,
			 e->delta_atto);
	decisions = lappend(decisions, decision);
	MemoryContextSwitchTo(caller);
}

static void
write_decisions(void)
{
	ListCell *lc;

	foreach(lc, decisions)
	{
		(void) ehds_store_append(&((Decision *) lfirst(lc))->row, NULL, 0, NULL);
	}
	decisions = NIL;
}

static void
at_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			write_decisions();
			ehds_store_before_commit();
			break;
		case XACT_EVENT_PRE_PREPARE:
			/* nobody would mark the head at COMMIT PREPARED */
			if (ehds_store_is_restoring())
				ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
								errmsg("cannot PREPARE a transaction that has restored the ledger")));
			write_decisions();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
			decisions = NIL;
			ehds_store_at_end(true);
			break;
		case XACT_EVENT_ABORT:
			decisions = NIL;
			ehds_store_at_end(false);
			break;
		default:
			break; /* parallel workers decide nothing */
	}
}

static void
at_subxact(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	ListCell *lc;

	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	foreach(lc, decisions)
	{
		Decision *decision = (Decision *) lfirst(lc);

		if (decision->subid != mySubid)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			decision->subid = parentSubid;
		else
			decisions = foreach_delete_current(decisions, lc);
	}
}

void
ehds_ledger_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;
	ehds_head_init();
	RegisterXactCallback(at_xact, NULL);
	RegisterSubXactCallback(at_subxact, NULL);
}

/* ------------------------------------------------------------------ SQL */

static char *
arg_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* An entry from the arguments action, permit, population, detail. */
static EhdsEntry
arg_entry(FunctionCallInfo fcinfo, EhdsEntryKind kind)
{
	EhdsEntry e = {0};

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("the action of a ledger entry must not be null")));
	e.kind = kind;
	e.action = arg_text(fcinfo, 0);
	e.permit = arg_text(fcinfo, 1);
	e.population = arg_text(fcinfo, 2);
	e.detail = arg_text(fcinfo, 3);
	return e;
}

/* ehds.record_access(action, permit, population, detail) */
Datum
ehds_record_access(PG_FUNCTION_ARGS)
{
	EhdsEntry e = arg_entry(fcinfo, EHDS_ACCESS);

	PG_RETURN_INT64(ehds_ledger_append(&e));
}

/* ehds.record_refusal(action, permit, population, detail) */
Datum
ehds_record_refusal(PG_FUNCTION_ARGS)
{
	EhdsEntry e = arg_entry(fcinfo, EHDS_REFUSAL);

	PG_RETURN_INT64(ehds_ledger_append(&e));
}

/* ehds.record_decision(action, permit, population, detail) */
Datum
ehds_record_decision(PG_FUNCTION_ARGS)
{
	EhdsEntry e = arg_entry(fcinfo, EHDS_DECISION);

	ehds_ledger_decide(&e);
	PG_RETURN_VOID();
}

/* ehds.ledger_charge(...), for tests and repairs: only a superuser owns it */
Datum
ehds_ledger_charge_sql(PG_FUNCTION_ARGS)
{
	EhdsChargeRequest r = {0};
	EhdsChargeResult result;
	TupleDesc desc;
	Datum values[3];
	bool nulls[3] = {false, false, false};

	for (int i = 2; i < 9; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
							errmsg("action, amounts and totals of a charge must not be null")));
	}
	r.permit = arg_text(fcinfo, 0);
	r.population = arg_text(fcinfo, 1);
	r.action = arg_text(fcinfo, 2);
	r.epsilon_nano = PG_GETARG_INT64(3);
	r.delta_atto = PG_GETARG_INT64(4);
	r.permit_epsilon_nano = PG_GETARG_INT64(5);
	r.permit_delta_atto = PG_GETARG_INT64(6);
	r.population_epsilon_nano = PG_GETARG_INT64(7);
	r.population_delta_atto = PG_GETARG_INT64(8);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	result = ehds_ledger_charge(&r);
	values[0] = Int64GetDatum(result.seq);
	values[1] = Int64GetDatum(result.epsilon_left_nano);
	values[2] = Int64GetDatum(result.delta_left_atto);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ehds.ledger_spent(permit, population): of one of the two */
Datum
ehds_ledger_spent(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	Datum values[2];
	bool nulls[2] = {false, false};
	int64 epsilon;
	int64 delta;

	if (PG_ARGISNULL(0) == PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("either a permit or a population must be given")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(1))
		ehds_ledger_spent_by_permit(arg_text(fcinfo, 0), &epsilon, &delta);
	else
		ehds_ledger_spent_by_population(arg_text(fcinfo, 1), &epsilon, &delta);
	values[0] = Int64GetDatum(epsilon);
	values[1] = Int64GetDatum(delta);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/*
 * Trigger before each statement on ehds.ledger_entry.  The ledger writes below
 * the level of triggers, so an INSERT that comes by here is a restore (or a
 * forgery, which the chain tells).
 */
Datum
ehds_ledger_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("ehds.ledger_guard() is a trigger before statements")));

	if (!TRIGGER_FIRED_BY_INSERT(trigger->tg_event))
		ereport(ERROR, (errcode(ERRCODE_EHDS_LEDGER), errmsg("the ledger is append-only")));

	ehds_store_restoring(trigger->tg_relation);
	/* a trigger returns a null pointer, not an SQL NULL */
	return PointerGetDatum(NULL);
}
