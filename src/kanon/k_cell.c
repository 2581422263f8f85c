/*
 * k_cell.c
 *		Leaving out cells under a permit, and saying how many were left out.
 *
 * The gate adds HAVING show_cell(k_cell(subject, k), approval) to a release.  The
 * number of hidden cells is itself a statistic about the persons in them, so the
 * notice gives it only if these persons are at least k, and else is the same
 * sentence whatever the data.  The cells of several releases are not added up:
 * 61 of 63 under one filter against 60 of 62 under another would tell of a person.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "windowapi.h"

#include "kanon/k_state.h"
#include "kanon/kanon.h"
#include "kanon/settings.h"

PG_FUNCTION_INFO_V1(ehds_show_cell);
PG_FUNCTION_INFO_V1(ehds_k_size_final);
PG_FUNCTION_INFO_V1(ehds_stands_apart);

/* The persons of the hidden cells, of each type of subject: a K_MET state or NULL. */
typedef struct HiddenSubjects
{
	KShared *shared;
	KState *of_type[K_SUBJECT_TYPES + 1];
} HiddenSubjects;

/* Take the subjects of a hidden cell into the union, until it has k. */
static void
take_hidden(EhdsExecution *ex, KState *cell, Datum datum)
{
	HiddenSubjects *hidden = ex->hidden_subjects;
	KState **all;

	if (hidden == NULL)
	{
		MemoryContext context = GetMemoryChunkContext(ex);

		hidden = MemoryContextAllocZero(context, sizeof(HiddenSubjects));
		hidden->shared = ehds_k_shared_in(context);
		ex->hidden_subjects = hidden;
	}
	all = &hidden->of_type[cell->subject];
	if (*all != NULL && (*all)->settled)
		return;

	if (*all == NULL)
		*all = ehds_k_state_new(hidden->shared, K_MET, cell->subject, K_VALUE_NONE, cell->k);
	/* with several k in one statement, those of the others only make the union larger */
	if ((*all)->k == cell->k)
		ehds_k_state_merge(*all, datum);
}

bool
ehds_k_cell_shown(Datum datum, EhdsExecution *ex)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "ehds.k_cell", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	KState *cell = ehds_k_state_read(datum);
	uint32 n;
	bool shown;

	if (cell->kind != K_MET)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.k_state: it belongs to another aggregate")));
	n = ehds_k_state_subjects(cell);
	shown = n >= cell->k;
	ex->k = Max(ex->k, cell->k);
	if (n == 0 && ehds_show_zero)
		shown = true; /* but no count may rest on it: it holds nobody */
	else if (shown)
		ex->cells_shown++;
	else
	{
		ex->cells_hidden++;
		take_hidden(ex, cell, datum);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return shown;
}

Datum
ehds_show_cell(PG_FUNCTION_ARGS)
{
	EhdsExecution *ex = ehds_getarg_execution(fcinfo, 1);

	/* nobody is in the cell: an ungrouped query over no rows */
	if (PG_ARGISNULL(0))
		PG_RETURN_BOOL(ehds_show_zero);
	PG_RETURN_BOOL(ehds_k_cell_shown(PG_GETARG_DATUM(0), ex));
}

/* How many persons a cell holds, whatever k is: a release decides by it what else to hide. */
Datum
ehds_k_size_final(PG_FUNCTION_ARGS)
{
	KState *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	state = ehds_k_state_read(PG_GETARG_DATUM(0));
	if (state->kind != K_COUNT)
		ereport(ERROR, (errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
						errmsg("invalid ehds.k_state: it belongs to another aggregate")));
	PG_RETURN_INT64((int64) ehds_k_state_subjects(state));
}

typedef enum
{
	CELL_APART = 1, /* has a row of its own */
	CELL_FOLDED,    /* is part of the row of other cells */
	CELL_HIDDEN     /* there is no such row */
} CellPlace;

/* What becomes of each cell of a release; kept by the window. */
typedef struct Folding
{
	bool decided;
	char place[FLEXIBLE_ARRAY_MEMBER]; /* CellPlace */
} Folding;

/*
 * Small cells are folded into one row, if these are two and hold k persons
 * together.  If not, the smallest shown cell joins them: it has k persons of its
 * own, and whoever knows one of the two does not know the other by subtraction.
 * So it does if all small cells hold k - 1: who knows which keys are missing, and
 * so how many, would know that none of them holds fewer.
 */
static void
decide_folding(WindowObject window, Folding *folding, int64 n, EhdsExecution *ex)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "ehds.fold", ALLOCSET_DEFAULT_SIZES);
	MemoryContext row = AllocSetContextCreate(work, "ehds.fold row", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);
	KShared *shared = ehds_k_shared_in(work);
	KState *all = NULL;
	int64 folded = 0;
	int64 persons = 0; /* of folded cells; whoever is in two counts twice */
	int64 most = 0;    /* that the folded cells could hold */
	int64 smallest = -1;
	int64 least = PG_INT64_MAX;

	for (int64 i = 0; i < n; i++)
	{
		bool null;
		bool out;
		Datum cell = WinGetFuncArgInPartition(window, 0, (int) i, WINDOW_SEEK_HEAD, false, &null, &out);
		bool shown = null ? ehds_show_zero : ehds_k_cell_shown(cell, ex);
		bool no_size;
		int64 size = DatumGetInt64(
			WinGetFuncArgInPartition(window, 1, (int) i, WINDOW_SEEK_HEAD, false, &no_size, &out));

		CHECK_FOR_INTERRUPTS();
		folding->place[i] = shown ? CELL_APART : CELL_FOLDED;
		if (shown)
		{
			if (size > 0 && size < least)
			{
				least = size;
				smallest = i;
			}
			continue;
		}
		folded++;
		if (null)
			continue;
		MemoryContextSwitchTo(row);
		if (all == NULL)
		{
			KState *first = ehds_k_state_read(cell);

			all = ehds_k_state_new(shared, K_MET, first->subject, K_VALUE_NONE, first->k);
		}
		persons += size;
		most += all->k - 1;
		if (!all->settled)
			ehds_k_state_merge(all, cell);
		MemoryContextSwitchTo(work);
		MemoryContextReset(row);
	}
	if (folded > 0 && (folded < 2 || all == NULL || !all->settled || persons == most))
	{
		if (smallest >= 0)
			folding->place[smallest] = CELL_FOLDED;
		else
			for (int64 i = 0; i < n; i++)
				if (folding->place[i] == CELL_FOLDED)
					folding->place[i] = CELL_HIDDEN;
	}
	folding->decided = true;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

Datum
ehds_stands_apart(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	bool null;
	Datum approval = WinGetFuncArgCurrent(window, 2, &null);
	EhdsExecution *ex = ehds_require_execution(null ? 0 : (uint64) DatumGetInt64(approval));
	int64 n = WinGetPartitionRowCount(window);
	Folding *folding;

	if (n > PG_INT32_MAX / 2)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many cells to fold small ones")));
	folding = WinGetPartitionLocalMemory(window, offsetof(Folding, place) + n);
	if (!folding->decided)
		decide_folding(window, folding, n, ex);
	switch (folding->place[WinGetCurrentPosition(window)])
	{
		case CELL_APART:
			PG_RETURN_BOOL(true);
		case CELL_FOLDED:
			PG_RETURN_BOOL(false);
		default:
			PG_RETURN_NULL();
	}
}

/* n with commas between the thousands */
static char *
with_commas(int64 n)
{
	char digits[32];
	char *result = palloc(sizeof(digits) * 2);
	char *to = result;
	int length = snprintf(digits, sizeof(digits), INT64_FORMAT, n);

	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return result;
}

void
ehds_k_notice(EhdsExecution *ex)
{
	HiddenSubjects *hidden = ex->hidden_subjects;
	bool tell = false;

	if (ex->k == 0)
		return;

	/* a shown cell holds k persons, so one of them is enough for the shown count */
	if (ex->figures && hidden != NULL && ex->cells_shown > 0)
		for (int type = 1; type <= K_SUBJECT_TYPES; type++)
			if (hidden->of_type[type] != NULL && hidden->of_type[type]->settled &&
				hidden->of_type[type]->k == ex->k)
				tell = true;

	if (tell)
		ereport(NOTICE, (errmsg("%s of %s cells are hidden because they hold fewer than %d persons",
								with_commas(ex->cells_hidden),
								with_commas(ex->cells_hidden + ex->cells_shown), ex->k)));
	else
		ereport(NOTICE, (errmsg("cells with fewer than %d persons, if there are any, are hidden", ex->k)));
}
