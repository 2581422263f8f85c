/*
 * force.c
 *		Is a permit in force, now, for this role?
 *
 * Asked at the start of every execution, never answered from a cache. A refusal
 * is entered into the ledger before it is raised.
 */
#include "core/compat.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/guc.h"

#include "core/errors.h"
#include "gate/gate.h"
#include "ledger/ledger.h"

/* Enter a refusal into the ledger; on a standby it goes to the server's log. */
void
ehds_refuse(const char *permit, const char *action, const char *reason)
{
	EhdsEntry entry = {0};

	entry.kind = EHDS_REFUSAL;
	entry.permit = permit;
	entry.action = action;
	entry.detail = reason;
	(void) ehds_ledger_append(&entry);
}

/* Today where the server stands: an analyst's TimeZone must not move a permit's end. */
static DateADT
today(void)
{
	pg_time_t now = timestamptz_to_time_t(GetCurrentTimestamp());
	struct pg_tm *tm = pg_localtime(&now, log_timezone);

	return date2j(tm->tm_year + 1900, tm->tm_mon + 1, tm->tm_mday) - POSTGRES_EPOCH_JDATE;
}

static char *
show_date(DateADT d)
{
	return DatumGetCString(DirectFunctionCall1(date_out, DateADTGetDatum(d)));
}

static void
not_in_force(const EhdsPermit *p, char *reason, const char *hint)
{
	ehds_refuse(p->permit, "select", reason);
	ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_IN_FORCE), errmsg("permit \"%s\" %s", p->permit, reason),
					hint ? errhint("%s", hint) : 0));
}

static void
require_member(const EhdsPermit *p, Oid role)
{
	char *grantee = GetUserNameFromId(p->grantee, true);

	if (!is_member_of_role_nosuper(role, p->grantee))
		not_in_force(p,
					 psprintf("is granted to role \"%s\", of which \"%s\" is not a member",
							  grantee ? grantee : "(dropped)", GetUserNameFromId(role, false)),
					 "See ehds.my_permits for your permits.");
}

void
ehds_require_in_force(const EhdsPermit *p, Oid role)
{
	DateADT now = today();

	if (strcmp(p->status, "draft") == 0)
		not_in_force(p, "is not activated",
					 "A permit is activated with ehds.activate_permit by another person than the one who issued it.");
	if (strcmp(p->status, "active") != 0)
		not_in_force(p, psprintf("is %s", p->status), "See ehds.my_permits for the permits in force.");
	if (now < p->valid_from)
		not_in_force(p, psprintf("is not valid before %s", show_date(p->valid_from)), NULL);
	if (now > p->valid_until)
		not_in_force(p, psprintf("expired, it was valid until %s", show_date(p->valid_until)),
					 "Ask for a new permit.");
	require_member(p, role);
	/* a SECURITY DEFINER function of a member must not hand the permit to others */
	require_member(p, GetOuterUserId());
	if (ehds_setting_purpose[0] != '\0' && strcmp(ehds_setting_purpose, p->purpose) != 0)
		not_in_force(p, psprintf("is for the purpose \"%s\", not \"%s\"", p->purpose, ehds_setting_purpose),
					 "Set ehds.purpose to the permit's purpose or RESET it.");
	if (ehds_setting_permit[0] != '\0' && strcmp(ehds_setting_permit, p->permit) != 0)
		not_in_force(p, psprintf("is not the one that the session has set (\"%s\")", ehds_setting_permit),
					 "Set ehds.permit to this permit or RESET it.");
}

static bool
setting_is_on(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value != NULL && strcmp(value, "on") == 0;
}

/*
 * Settings by which a session would be told more than its result: plan trees
 * with estimates, sizes of sorts, predicate locks on single tuples.
 */
void
ehds_require_quiet_session(void)
{
	static const char *const talkative[] = {
		"debug_print_parse", "debug_print_rewritten", "debug_print_plan",   "trace_sort",
		"log_parser_stats",  "log_planner_stats",     "log_executor_stats", "log_statement_stats",
	};

	if (XactIsoLevel == XACT_SERIALIZABLE)
		ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
						errmsg("a query under a permit is not run in a SERIALIZABLE transaction"),
						errdetail("Predicate locks, which every user can see, would name single rows."),
						errhint("Use READ COMMITTED or REPEATABLE READ.")));
	/* messages that are not written to the server's log cannot be held back: see gate_emit_log */
	if (log_min_messages > ERROR && client_min_messages < NOTICE)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_REFUSED),
				 errmsg("a query under a permit is not run while client_min_messages is below notice"),
				 errdetail(
					 "Messages on sorts and files would tell of the data, and the server's log_min_messages is above error."),
				 errhint("SET client_min_messages = notice.")));
	for (int i = 0; i < lengthof(talkative); i++)
	{
		if (setting_is_on(talkative[i]))
			ereport(ERROR, (errcode(ERRCODE_EHDS_REFUSED),
							errmsg("a query under a permit is not run while %s is on", talkative[i]),
							errhint("SET %s = off.", talkative[i])));
	}
}

/* What looking at one row may take: a pattern of 1,024 bytes recurses once for each %. */
#define STACK_OF_A_ROW (256 * 1024)

/*
 * Whoever asks from deep within functions would be told by the error that the stack is
 * used up whether a row was looked at. So what rows may need is there, or nothing runs.
 */
void
ehds_require_stack(void)
{
	volatile char room[STACK_OF_A_ROW];
	bool too_deep;

	room[0] = 0;
	too_deep = stack_is_too_deep();
	room[STACK_OF_A_ROW - 1] = room[0];
	if (too_deep)
		ereport(ERROR, (errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
						errmsg("a query under a permit needs %d kB of the stack", STACK_OF_A_ROW / 1024),
						errdetail("The limit is the server's setting max_stack_depth."),
						errhint("Call functions that run queries less deeply.")));
}
