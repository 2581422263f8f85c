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
#include "ledger/open_charges.h"
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
			return LEDGER_CHARGE;
		case EHDS_RESERVATION:
			return LEDGER_RESERVATION;
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

	if (e->kind == EHDS_CHARGE || e->kind == EHDS_RESERVATION)
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
	(void) ehds_store_append(&row, NULL);
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

/* The units of amounts. */
typedef struct Unit
{
	const char *name;
	int scale;
} Unit;

static const Unit epsilon_unit = {"epsilon", 9};
static const Unit delta_unit = {"delta", 18};
static const Unit rho_unit = {"rho", 12};

static char *
describe_one(const LedgerBudget *budget, const Unit *unit, int64 asked, int64 total, int64 spent)
{
	const char *whose = budget->kind == BUDGET_PERMIT ? "permit" : "population";
	char asked_text[32];
	char left_text[32];

	return psprintf("the privacy budget of %s \"%s\" does not allow the query: %s %s asked, %s left", whose,
					budget->name, unit->name, amount(asked, unit->scale, asked_text),
					amount(total - spent, unit->scale, left_text));
}

/* What is in the way of a charge: the sentence of the error and of the refusal. */
static char *
describe_lack(const LedgerBudget *budget)
{
	const LedgerAmount *asked = &budget->asked;
	const LedgerAmount *total = &budget->total;
	const LedgerAmount *spent = &budget->spent;

	if (total->epsilon >= 0 && asked->epsilon > total->epsilon - spent->epsilon)
		return describe_one(budget, &epsilon_unit, asked->epsilon, total->epsilon, spent->epsilon);
	if (total->rho >= 0 && asked->rho > total->rho - spent->rho)
		return describe_one(budget, &rho_unit, asked->rho, total->rho, spent->rho);
	return describe_one(budget, &delta_unit, asked->delta, total->delta, spent->delta);
}

static LedgerRow *
make_refusal(const LedgerRow *charge, const LedgerBudget *budget)
{
	LedgerRow *row = (LedgerRow *) palloc(sizeof(LedgerRow));

	*row = *charge;
	row->kind = kind_name(EHDS_REFUSAL);
	row->detail = cut(describe_lack(budget), MAX_DETAIL);
	row->epsilon_nano = 0;
	row->delta_atto = 0;
	row->rho_pico = 0;
	return row;
}

static void
check_request(const EhdsChargeRequest *r)
{
	if (r->permit == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a charge needs a permit")));
	if (strlen(r->permit) >= NAMEDATALEN || (r->population != NULL && strlen(r->population) >= NAMEDATALEN))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the name of a permit or population that is charged is longer than %d bytes",
							   NAMEDATALEN - 1)));
	if (r->rho_pico < 0 || (r->rho_pico == 0 && r->epsilon_nano <= 0))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the epsilon of a charge must be greater than zero")));
	if (r->rho_pico > 0 && r->epsilon_nano != 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a charge is either in epsilon or in rho, not in both")));
	if (r->rho_pico > 0 && r->population == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("a charge in rho needs a population"),
						errhint("The permit's whole budget is taken from that of the population.")));
	if (r->delta_atto < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the delta of a charge must not be negative")));
	if (r->permit_epsilon_nano < 0 || r->permit_delta_atto < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("permit \"%s\" has no privacy budget", r->permit)));
	if (r->rho_pico > 0 && (r->permit_rho_pico <= 0 || r->selection_delta_atto < 0 ||
							r->permit_epsilon_nano == 0 || r->selection_delta_atto > r->permit_delta_atto))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("permit \"%s\" is not accounted for in zCDP", r->permit)));
}

/* The entry by which a permit in zCDP takes its whole budget from its population's. */
static LedgerRow *
make_reservation(const EhdsChargeRequest *r)
{
	LedgerRow *row = (LedgerRow *) palloc(sizeof(LedgerRow));

	make_row(row, EHDS_RESERVATION, r->permit, r->population, "reserve",
			 "the whole budget of a permit in zCDP, with its first release", r->permit_epsilon_nano,
			 r->permit_delta_atto);
	return row;
}

EhdsChargeResult
ehds_ledger_charge(const EhdsChargeRequest *r)
{
	LedgerCharge charge = {0};
	LedgerAmount asked = {r->epsilon_nano, r->delta_atto, r->rho_pico};
	LedgerAmount pure_total = {r->permit_epsilon_nano, r->permit_delta_atto, -1};
	LedgerAmount zcdp_total = {-1, r->selection_delta_atto, r->permit_rho_pico};
	LedgerAmount whole = {r->permit_epsilon_nano, r->permit_delta_atto, 0};
	LedgerAmount population_total = {r->population_epsilon_nano, r->population_delta_atto, -1};
	bool zcdp = r->rho_pico > 0;
	LedgerBudget *exceeded;
	LedgerRow row;
	EhdsChargeResult result = {0};

	check_request(r);
	make_row(&row, EHDS_CHARGE, r->permit, r->population, r->action, r->detail, r->epsilon_nano,
			 r->delta_atto);
	row.rho_pico = r->rho_pico;

	charge.make_refusal = make_refusal;
	charge.reservation = zcdp ? make_reservation(r) : NULL;
	charge.permit.kind = BUDGET_PERMIT;
	charge.permit.name = r->permit;
	charge.permit.total = zcdp ? zcdp_total : pure_total;
	charge.permit.asked = asked;
	/* counted even without a limit: one may be set later */
	charge.population.kind = BUDGET_POPULATION;
	charge.population.name = r->population;
	charge.population.total = population_total;
	charge.population.asked = zcdp ? whole : asked;

	exceeded = ehds_store_append(&row, &charge);
	if (exceeded != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_BUDGET), errmsg("%s", describe_lack(exceeded)),
				 (zcdp && exceeded == &charge.population)
					 ? errdetail(
						   "A permit in zCDP takes its whole budget from that of the population, with its first release.")
					 : 0,
				 errhint("SELECT * FROM ehds.budget shows what is left. Nothing was charged.")));

	/* from here on, the charge counts even if this process dies */
	ehds_store_flush();

	if (zcdp)
		result.rho_left_pico = r->permit_rho_pico - charge.permit.spent.rho - r->rho_pico;
	else
		result.epsilon_left_nano = r->permit_epsilon_nano - charge.permit.spent.epsilon - r->epsilon_nano;
	result.delta_left_atto = charge.permit.total.delta - charge.permit.spent.delta - r->delta_atto;
	result.seq = row.seq;
	return result;
}

static EhdsSpent
spent(char kind, const char *name)
{
	LedgerBudget budget = {0};
	EhdsSpent result;

	budget.kind = kind;
	budget.name = name;
	/* no longer name can have been charged */
	if (strlen(name) < NAMEDATALEN)
		ehds_store_spent(&budget);
	result.epsilon_nano = budget.spent.epsilon;
	result.delta_atto = budget.spent.delta;
	result.rho_pico = budget.spent.rho;
	result.last_epsilon_nano = budget.last.epsilon;
	result.last_delta_atto = budget.last.delta;
	result.last_rho_pico = budget.last.rho;
	return result;
}

EhdsSpent
ehds_ledger_spent_by_permit(const char *permit)
{
	return spent(BUDGET_PERMIT, permit);
}

EhdsSpent
ehds_ledger_spent_by_population(const char *population)
{
	return spent(BUDGET_POPULATION, population);
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
		(void) ehds_store_append(&((Decision *) lfirst(lc))->row, NULL);
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
	ehds_open_charges_init();
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
	Datum values[4];
	bool nulls[4] = {false, false, false, false};

	for (int i = 2; i < 12; i++)
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
	r.rho_pico = PG_GETARG_INT64(9);
	r.permit_rho_pico = PG_GETARG_INT64(10);
	r.selection_delta_atto = PG_GETARG_INT64(11);

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	result = ehds_ledger_charge(&r);
	values[0] = Int64GetDatum(result.seq);
	values[1] = Int64GetDatum(result.epsilon_left_nano);
	values[2] = Int64GetDatum(result.delta_left_atto);
	values[3] = Int64GetDatum(result.rho_left_pico);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* ehds.ledger_spent(permit, population): of one of the two */
Datum
ehds_ledger_spent(PG_FUNCTION_ARGS)
{
	TupleDesc desc;
	Datum values[6];
	bool nulls[6] = {false, false, false, false, false, false};
	EhdsSpent sum;

	if (PG_ARGISNULL(0) == PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("either a permit or a population must be given")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (PG_ARGISNULL(1))
		sum = ehds_ledger_spent_by_permit(arg_text(fcinfo, 0));
	else
		sum = ehds_ledger_spent_by_population(arg_text(fcinfo, 1));
	values[0] = Int64GetDatum(sum.epsilon_nano);
	values[1] = Int64GetDatum(sum.delta_atto);
	values[2] = Int64GetDatum(sum.rho_pico);
	values[3] = Int64GetDatum(sum.last_epsilon_nano);
	values[4] = Int64GetDatum(sum.last_delta_atto);
	values[5] = Int64GetDatum(sum.last_rho_pico);
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
