/*
 * admit.c
 *		What an execution is charged: nothing, if the answer is recorded; nothing more,
 *		if it was charged before and no answer left; else what it costs.
 *
 * Why a second draw on one charge is private.  The grantee must never see anything of
 * two draws.  Of a release nothing leaves before it is recorded (keep_release), so a
 * draw that was not recorded can show in two ways only: by an error that came of it,
 * and by time.  (One that was recorded in part has let the table grow, and counts as
 * recorded.)  A charge is therefore open again if its execution ended
 *
 *	- before it began to compute a release: nothing was drawn, or
 *	- because it was cancelled, terminated or lost its client: when that is, is not
 *	  for the draw to say, but a matter of time, which is outside the guarantee.
 *
 * Any other error while a release is computed closes the charge: it might be one that
 * comes of the draw (of how many groups are shown, for instance), and who could ask
 * again for nothing would see it as often as he likes.  The same holds, for time, if
 * an execution is cancelled again and again: so EHDS_MOST_ATTEMPTS of one charge.
 * Whether an execution had begun is no function of the data: it is known before a row
 * is read.  (Whether noise had been drawn when it was cancelled is one, where groups
 * come while rows are read, and must not decide.)
 *
 * Releases of the query that were recorded on the charge are given again as they are.
 * The new draw may be of other data; so may that of any query.
 */
#include "core/compat.h"

#include <math.h>

#include "access/parallel.h"
#include "executor/execdesc.h"
#include "utils/timestamp.h"

#include "core/errors.h"
#include "gate/gate.h"
#include "ledger/ledger.h"

bool
ehds_costs(const EhdsCharge *charge)
{
	return charge->epsilon_nano > 0 || charge->rho_pico > 0;
}

/* In zCDP with the epsilon that has this rho = epsilon^2 / 2, as it is set. */
static char *
show_charge(const EhdsCharge *charge)
{
	if (charge->rho_pico > 0)
		return psprintf("rho %.9g (epsilon %.6g)", charge->rho_pico / 1e12,
						sqrt(2 * (charge->rho_pico / 1e12)));
	return psprintf("epsilon %.9g", charge->epsilon_nano / 1e9);
}

/*
 * Once the execution has been registered: who was told nothing, since he is gone or has
 * cancelled, asks again on the charge.
 */
void
ehds_tell_charge(const EhdsAdmission *a, const EhdsMarker *marker)
{
	if (!a->charged)
		return;
	ereport(NOTICE,
			(errmsg("%s; with 95 %% probability the noise is %s", a->told, marker->precision),
			 errdetail(
				 "This covers the noise of each figure by itself, neither what is left out of a person beyond max_groups, max_rows and the range, nor the selection of groups.")));
}

static void
append_access(const EhdsPermit *permit, const char *action, const QueryDesc *query)
{
	EhdsEntry e = {0};

	e.kind = EHDS_ACCESS;
	e.permit = permit->permit;
	e.population = permit->population;
	e.action = action;
	e.detail = query->sourceText;
	(void) ehds_ledger_append(&e);
}

static void
charge(EhdsAdmission *a, const EhdsMarker *marker, const EhdsPermit *permit, const QueryDesc *query)
{
	EhdsChargeRequest r = {0};
	EhdsChargeResult left;

	r.permit = permit->permit;
	r.population = permit->population;
	r.action = "select";
	r.detail = query->sourceText;
	r.epsilon_nano = marker->charge.epsilon_nano;
	r.delta_atto = marker->charge.delta_atto;
	r.rho_pico = marker->charge.rho_pico;
	r.permit_epsilon_nano = permit->epsilon_nano;
	r.permit_delta_atto = permit->delta_atto;
	r.permit_rho_pico = permit->rho_pico;
	r.selection_delta_atto = permit->selection_delta_atto;
	r.population_epsilon_nano = permit->population_epsilon_nano;
	r.population_delta_atto = permit->population_delta_atto;
	left = ehds_ledger_charge(&r);
	a->open.at = GetCurrentTimestamp();
	a->open.attempts = 0;
	memset(a->open.stores, 0, sizeof(a->open.stores));
	a->told = psprintf("charged %s, %s left", show_charge(&marker->charge),
					   permit->zcdp ? psprintf("rho %.9g", left.rho_left_pico / 1e12)
									: psprintf("%.9g", left.epsilon_left_nano / 1e9));
}

/* Take a charge of the same query, and what was recorded on it. */
static bool
resume(EhdsAdmission *a, const EhdsMarker *marker)
{
	LedgerOpenCharge open;

	if (!ehds_open_charge_take(a->open.key, &open))
		return false;
	a->open = open;
	/* a release that should be recorded and is not was seen, perhaps: the charge is given up */
	return ehds_releases_find_stores(a->key, Min(marker->borders, EHDS_OPEN_RELEASES), open.stores, a->kept);
}

void
ehds_admit(EhdsAdmission *a, const EhdsMarker *marker, const EhdsPermit *permit, const QueryDesc *query)
{
	TimestampTz at;

	if (!ehds_costs(&marker->charge))
	{
		append_access(permit, marker->seals ? "seal" : "select", query);
		return;
	}
	a->releases = marker->borders;
	a->kept = (bytea **) palloc0(sizeof(bytea *) * Max(a->releases, 1));
	a->has_key = ehds_repeat_key(marker, query->params, a->key);
	if (a->has_key && !ehds_setting_fresh && ehds_releases_find(a->key, a->releases, a->kept, &at))
	{
		ereport(NOTICE, (errmsg("nothing charged: this is the answer that was given to the same query on %s",
								timestamptz_to_str(at)),
						 errhint("SET ehds.fresh = on draws, and charges, a new one.")));
		append_access(permit, "repeat", query);
		return;
	}
	if (a->has_key)
		ehds_charge_key(a->key, a->releases, &marker->charge,
						list_copy_tail(marker->fields, EHDS_MARKER_FIELDS), a->open.key);
	if (a->has_key && resume(a, marker))
	{
		append_access(permit, "resume", query);
		a->told = psprintf("nothing charged: the same query was charged on %s, and its answer never left",
						   timestamptz_to_str(a->open.at));
	}
	else
		charge(a, marker, permit, query);
	a->charged = true;
	ehds_remember_release(marker);
}

/* ------------------------------------------------------------------ its end */

typedef struct Attempt
{
	const EhdsExecution *ex;
	LedgerOpenCharge open;
} Attempt;

/* The execution is over, in whatever way. */
static void
end_attempt(void *arg)
{
	Attempt *attempt = (Attempt *) arg;
	const EhdsExecution *ex = attempt->ex;
	LedgerOpenCharge *open = &attempt->open;
	bool missing = false;

	if (ex->begun > 0 && (!ex->cancelled || ++open->attempts >= EHDS_MOST_ATTEMPTS))
		return;
	for (int i = 0; i < ex->releases; i++)
	{
		missing = missing || ex->stores[i] == 0;
		if (ex->stores[i] != 0 && i >= EHDS_OPEN_RELEASES)
			return;
		if (i < EHDS_OPEN_RELEASES)
			open->stores[i] = ex->stores[i];
	}
	if (missing)
		ehds_open_charge_put(open);
}

void
ehds_not_started(const EhdsAdmission *a)
{
	if (a->has_key)
		ehds_open_charge_put(&a->open);
}

/* What was admitted has become an execution, which lives as long as cxt. */
void
ehds_started(const EhdsAdmission *a, EhdsExecution *ex, MemoryContext cxt)
{
	MemoryContext caller = MemoryContextSwitchTo(cxt);

	ex->charged = a->charged;
	ex->has_key = a->has_key;
	memcpy(ex->key, a->key, sizeof(ex->key));
	ex->releases = a->releases;
	ex->kept = (bytea **) palloc0(sizeof(bytea *) * Max(a->releases, 1));
	ex->stores = (int64 *) palloc0(sizeof(int64) * Max(a->releases, 1));
	for (int i = 0; i < a->releases; i++)
	{
		if (a->kept[i] != NULL)
			ex->kept[i] = DatumGetByteaPCopy(PointerGetDatum(a->kept[i]));
		if (i < EHDS_OPEN_RELEASES && a->kept[i] != NULL)
			ex->stores[i] = a->open.stores[i];
	}
	if (a->charged && a->has_key)
	{
		Attempt *attempt = (Attempt *) palloc(sizeof(Attempt));
		MemoryContextCallback *callback = (MemoryContextCallback *) palloc(sizeof(MemoryContextCallback));

		attempt->ex = ex;
		attempt->open = a->open;
		callback->func = end_attempt;
		callback->arg = attempt;
		MemoryContextRegisterResetCallback(cxt, callback);
	}
	MemoryContextSwitchTo(caller);
}
