/*
 * approval.c
 *		The type ehds.approval and the executions that are live in this process.
 *
 * Views are privilege-checked against their caller, so a function that a permit
 * view calls must be executable by PUBLIC. What keeps it from being an oracle is
 * its last argument, of a type of which no user can make a non-NULL value: the
 * input function always raises, there is no receive function and no cast. The
 * gate writes the value into the plans that it has checked. On top of that a
 * value counts only while the execution that carries it is registered here.
 */
#include "core/compat.h"

#include "core/approval.h"
#include "core/errors.h"
#include "core/random.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(ehds_approval_in);
PG_FUNCTION_INFO_V1(ehds_approval_out);

static EhdsExecution *live = NULL;

/* the innermost that runs */
static EhdsExecution *running = NULL;

Datum
ehds_approval_in(PG_FUNCTION_ARGS)
{
	ereport(ERROR, (errcode(ERRCODE_EHDS_NOT_APPROVED),
					errmsg("an approval cannot be written, only the gate gives one")));
	PG_RETURN_NULL();
}

/* The value itself never shows: whoever reads a plan learns nothing from it. */
Datum
ehds_approval_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(pstrdup("approved"));
}

uint64
ehds_approval_new(void)
{
	uint64 approval;

	do
		approval = ehds_random_uint64();
	while (approval == 0);
	return approval;
}

static void
execution_end(void *arg)
{
	EhdsExecution **p;

	for (p = &live; *p != NULL; p = &(*p)->next)
	{
		if (*p == (EhdsExecution *) arg)
		{
			*p = (*p)->next;
			return;
		}
	}
}

EhdsExecution *
ehds_execution_begin(MemoryContext cxt, uint64 approval, const char *permit, Oid role)
{
	EhdsExecution *ex = MemoryContextAllocZero(cxt, sizeof(EhdsExecution));
	MemoryContextCallback *callback = MemoryContextAlloc(cxt, sizeof(MemoryContextCallback));

	ex->approval = approval;
	ex->permit = MemoryContextStrdup(cxt, permit);
	ex->role = role;
	ex->cxt = cxt;
	ex->next = live;
	live = ex;
	callback->func = execution_end;
	callback->arg = ex;
	MemoryContextRegisterResetCallback(cxt, callback);
	return ex;
}

EhdsExecution *
ehds_execution_of(MemoryContext cxt)
{
	for (EhdsExecution *ex = live; ex != NULL; ex = ex->next)
	{
		if (ex->cxt == cxt)
			return ex;
	}
	return NULL;
}

EhdsExecution *
ehds_execution_run(MemoryContext cxt)
{
	EhdsExecution *before = running;
	EhdsExecution *ex = ehds_execution_of(cxt);

	if (ex != NULL)
	{
		ex->outer = before;
		running = ex;
	}
	return before;
}

void
ehds_execution_go_on(EhdsExecution *before)
{
	running = before;
}

bool
ehds_execution_reads(Oid relid)
{
	for (EhdsExecution *ex = running; ex != NULL; ex = ex->outer)
	{
		if (list_member_oid(ex->beside, relid))
			return true;
	}
	return false;
}

EhdsExecution *
ehds_execution_find(uint64 approval)
{
	EhdsExecution *ex;

	if (approval == 0)
		return NULL;
	for (ex = running; ex != NULL; ex = ex->outer)
	{
		if (ex->approval == approval)
			return ex;
	}
	for (ex = live; ex != NULL; ex = ex->next)
	{
		if (ex->approval == approval)
			return ex;
	}
	return NULL;
}

void
ehds_execution_cancelled(MemoryContext cxt)
{
	EhdsExecution *ex = ehds_execution_of(cxt);

	if (ex != NULL && ex->begun > 0)
		ex->cancelled = true;
}

void
ehds_executions_terminated(void)
{
	for (EhdsExecution *ex = running; ex != NULL; ex = ex->outer)
	{
		if (ex->begun > 0)
			ex->cancelled = true;
	}
}

bool
ehds_execution_any(void)
{
	return live != NULL;
}

bool
ehds_execution_one_permit(const char **permit)
{
	*permit = NULL;
	for (EhdsExecution *ex = live; ex != NULL; ex = ex->next)
	{
		if (*permit != NULL && strcmp(*permit, ex->permit) != 0)
			return false;
		*permit = ex->permit;
	}
	return true;
}

EhdsExecution *
ehds_require_execution(uint64 approval)
{
	EhdsExecution *ex = ehds_execution_find(approval);

	if (ex == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_EHDS_NOT_APPROVED),
				 errmsg("protected data is read only by a query that the gate of pg_ehds has approved"),
				 errhint(
					 "Query the views of the permit directly. If this is such a query, ask the administrator to add pg_ehds to shared_preload_libraries.")));
	return ex;
}

EhdsExecution *
ehds_getarg_execution(FunctionCallInfo fcinfo, int n)
{
	return ehds_require_execution(PG_ARGISNULL(n) ? 0 : (uint64) PG_GETARG_INT64(n));
}
