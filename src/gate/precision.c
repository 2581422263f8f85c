/*
 * precision.c
 *		What a private release may spend, how precise it is, and who is told.
 *
 * Everything told here is computed from settings and declarations, so it costs
 * nothing. The marker of a plan carries it, because a cached plan is executed
 * without being checked again; the session remembers that of its last charged
 * query, in its own memory only.
 */
#include "core/compat.h"

#include <math.h>

#include "common/int.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/errors.h"
#include "dp/dp.h"
#include "gate/border.h"

PG_FUNCTION_INFO_V1(ehds_last_release);

#define NANO INT64CONST(1000000000)

/* What the session was told last. */
static struct
{
	MemoryContext cxt; /* holds all that follows; NULL: nothing yet */
	char *permit;
	Oid session_role;
	Oid role;
	TimestampTz at;
	List *noises;
} last;

/* ------------------------------------------------------------------ what it may spend */

/* Read the settings and the permit for a query under a privacy budget. */
void
ehds_begin_private(EhdsGate *gate)
{
	EhdsPermit *p = gate->permit;

	gate->max_groups = ehds_setting_max_groups > 0 ? ehds_setting_max_groups : p->max_groups;
	gate->budget.zcdp = p->zcdp;
	gate->budget.epsilon_nano = p->epsilon_nano;
	gate->budget.rho_pico = p->rho_pico;
	gate->budget.delta_atto = p->zcdp ? p->selection_delta_atto : p->delta_atto;
	if (ehds_setting_error_target_nano > 0)
	{
		if (ehds_setting_epsilon_nano > 0)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("ehds.epsilon and ehds.error_target are both set"),
							errdetail("Each of them decides what a release costs."),
							errhint("RESET ehds.epsilon or RESET ehds.error_target.")));
		return;
	}
	gate->epsilon_nano = ehds_setting_epsilon_nano > 0 ? ehds_setting_epsilon_nano : p->epsilon_default_nano;
	if (gate->epsilon_nano <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_BUDGET), errmsg("permit \"%s\" has no default epsilon", p->permit),
				 errhint("SET ehds.epsilon to what one release may spend, or ehds.error_target.")));
	ehds_dp_check_epsilon(gate->epsilon_nano);
}

/* The share of one figure. */
EhdsDpShare
ehds_count_share(EhdsGate *gate, bool keyed)
{
	EhdsDpShare share = ehds_dp_share(&gate->budget, gate->epsilon_nano);

	if (keyed && share.delta_atto <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_BUDGET),
				 errmsg("the share of delta that belongs to this epsilon is too small to select groups"),
				 errhint("SET ehds.epsilon to a larger value, or ask without GROUP BY.")));
	return share;
}

/* ------------------------------------------------------------------ what is told */

static Datum
units(int64 amount, int places)
{
	return DirectFunctionCall1(numeric_trim_scale, NumericGetDatum(int64_div_fast_to_numeric(amount, places)));
}

typedef struct
{
	Node *sought;
	bool found;
} Containment;

static bool
contains_walker(Node *node, void *arg)
{
	Containment *c = arg;

	if (node == NULL || c->found)
		return c->found;
	if (equal(node, c->sought))
	{
		c->found = true;
		return true;
	}
	return expression_tree_walker(node, contains_walker, arg);
}

/* The column of the analyst's query in which an aggregate stands; "?" if it is in none (HAVING). */
char *
ehds_column_with(Border *b, Node *aggregate)
{
	const char *name = "?";
	ListCell *lc;

	foreach(lc, b->query->targetList)
	{
		TargetEntry *tle = lfirst(lc);
		Containment c = {aggregate, false};

		(void) contains_walker((Node *) tle->expr, &c);
		if (c.found && !tle->resjunk && tle->resname != NULL)
		{
			name = tle->resname;
			break;
		}
	}
	return b->of_set ? psprintf("%s %s", name, b->of_set) : pstrdup(name);
}

/*
 * Add what a figure costs to what the query will be charged, and its precision to
 * what is told; words: for the notice, NULL if it says nothing of the figure.
 */
void
ehds_tell_noise(EhdsGate *gate, EhdsNoise *noise, const char *words)
{
	EhdsCharge *sum = &gate->charge;

	if (pg_add_s64_overflow(sum->epsilon_nano, noise->cost.epsilon_nano, &sum->epsilon_nano) ||
		pg_add_s64_overflow(sum->delta_atto, noise->cost.delta_atto, &sum->delta_atto) ||
		pg_add_s64_overflow(sum->rho_pico, noise->cost.rho_pico, &sum->rho_pico))
		ereport(ERROR, (errcode(ERRCODE_EHDS_BUDGET), errmsg("the query costs more than any budget allows")));
	if (ehds_setting_error_target_nano > 0)
		noise->remark = psprintf("%s%sehds.epsilon %s by ehds.error_target",
								 noise->remark ? noise->remark : "", noise->remark ? "; " : "",
								 DatumGetCString(
									 DirectFunctionCall1(numeric_out, units(noise->epsilon_nano, 9))));
	noise->release = gate->borders + 1;
	gate->noises = lappend(gate->noises, noise);
	if (words != NULL)
		gate->precision = gate->precision ? psprintf("%s, %s", gate->precision, words) : pstrdup(words);
}

/* The same of a count of persons; column NULL: it only selects the groups. */
void
ehds_tell_count(EhdsGate *gate, char *column, const EhdsMechanism *m, const EhdsDpShare *share)
{
	EhdsNoise *noise = palloc0(sizeof(EhdsNoise));

	noise->column = column ? column : pstrdup("(selection of groups)");
	noise->mechanism = m->gaussian ? "discrete Gaussian"
					   : m->keyed  ? "truncated discrete Laplace"
								   : "discrete Laplace";
	noise->scale = ehds_mechanism_scale(m);
	noise->half_width = (double) m->interval95 + gate->rounding;
	noise->max_groups = m->max_groups;
	noise->tau = m->tau;
	noise->epsilon_nano = share->epsilon_nano;
	noise->cost.epsilon_nano = share->zcdp ? 0 : share->epsilon_nano;
	noise->cost.rho_pico = share->rho_pico;
	noise->cost.delta_atto = m->keyed ? share->delta_atto : 0;
	if (m->keyed)
		noise->remark =
			psprintf("a person counts in at most %d group%s, and a group is shown if its noisy count%s exceeds the threshold",
					 m->max_groups, m->max_groups > 1 ? "s" : "",
					 gate->permit->k > 1 ? psprintf(" less %d", gate->permit->k - 1) : "");
	else if (gate->rounding > 0)
		noise->remark = pstrdup("totals and parts are made to agree");
	ehds_tell_noise(gate, noise,
					column ? psprintf("at most %.0f persons in %s", ceil(noise->half_width), column) : NULL);
}

/* As texts for the marker of a plan, and back. */
List *
ehds_write_noises(List *noises)
{
	List *texts = NIL;
	ListCell *lc;

	foreach(lc, noises)
	{
		EhdsNoise *n = lfirst(lc);

		texts = lappend(texts, makeString(pstrdup(n->column)));
		texts = lappend(texts, makeString(pstrdup(n->mechanism)));
		texts = lappend(texts,
						makeString(psprintf("%.17g %.17g %d %d " INT64_FORMAT " " INT64_FORMAT
											" " INT64_FORMAT " " INT64_FORMAT,
											n->scale, n->half_width, n->release, n->max_groups, n->tau,
											n->cost.epsilon_nano, n->cost.delta_atto, n->cost.rho_pico)));
	}
	return texts;
}

/* From position n of the texts on. */
static List *
read_noises(List *texts, int n)
{
	List *noises = NIL;

	for (; n + 2 < list_length(texts); n += 3)
	{
		EhdsNoise *noise = palloc0(sizeof(EhdsNoise));
		char *p = strVal(list_nth(texts, n + 2));

		noise->column = pstrdup(strVal(list_nth(texts, n)));
		noise->mechanism = pstrdup(strVal(list_nth(texts, n + 1)));
		noise->scale = strtod(p, &p);
		noise->half_width = strtod(p, &p);
		noise->release = strtol(p, &p, 10);
		noise->max_groups = strtol(p, &p, 10);
		noise->tau = strtoll(p, &p, 10);
		noise->cost.epsilon_nano = strtoll(p, &p, 10);
		noise->cost.delta_atto = strtoll(p, &p, 10);
		noise->cost.rho_pico = strtoll(p, &p, 10);
		noises = lappend(noises, noise);
	}
	return noises;
}

/* Remember what was charged for, for ehds.last_release(). */
void
ehds_remember_release(const EhdsMarker *marker)
{
	MemoryContext caller;

	if (last.cxt == NULL)
		last.cxt = AllocSetContextCreate(TopMemoryContext, "pg_ehds last release", ALLOCSET_SMALL_SIZES);
	last.permit = NULL;
	last.noises = NIL;
	MemoryContextReset(last.cxt);
	caller = MemoryContextSwitchTo(last.cxt);
	last.noises = read_noises(marker->fields, EHDS_MARKER_FIELDS);
	last.session_role = GetSessionUserId();
	last.role = GetUserId();
	last.at = GetCurrentTimestamp();
	last.permit = pstrdup(marker->permit);
	MemoryContextSwitchTo(caller);
}

/* The columns that all tables of noises have, from column on. */
void
ehds_noise_columns(const EhdsNoise *noise, Datum *values, bool *nulls)
{
	values[0] = Int32GetDatum(noise->release);
	values[1] = CStringGetTextDatum(noise->column);
	values[2] = CStringGetTextDatum(noise->mechanism);
	values[3] = Float8GetDatum(noise->scale);
	values[4] = Float8GetDatum(noise->half_width);
	values[5] = Int32GetDatum(noise->max_groups);
	nulls[6] = noise->tau == 0;
	values[6] = Int64GetDatum(noise->tau);
	nulls[7] = noise->cost.rho_pico > 0;
	values[7] = units(noise->cost.epsilon_nano, 9);
	values[8] = units(noise->cost.delta_atto, 18);
	nulls[9] = noise->cost.rho_pico == 0;
	values[9] = units(noise->cost.rho_pico, 12);
}

/* last_release(): one row a figure of the last query of this session that was charged */
Datum
ehds_last_release(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ListCell *lc;

	InitMaterializedSRF(fcinfo, 0);
	/* whoever takes the session over has asked nothing yet */
	if (last.permit == NULL || last.session_role != GetSessionUserId() || last.role != GetUserId())
		return (Datum) 0;
	foreach(lc, last.noises)
	{
		Datum values[2 + EHDS_NOISE_COLUMNS];
		bool nulls[2 + EHDS_NOISE_COLUMNS] = {0};

		values[0] = CStringGetTextDatum(last.permit);
		values[1] = TimestampTzGetDatum(last.at);
		ehds_noise_columns(lfirst(lc), values + 2, nulls + 2);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
