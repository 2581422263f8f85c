/*
 * widen.c
 *		Secondary suppression against narrow intervals.
 *
 * A hidden cell has an interval of a certain width if there are two tables that
 * agree with all that is shown, in which it differs by so much.  Such tables are
 * found by linear programming, one hidden cell after the other; what a move
 * proves for other cells on its way counts for them.  Where hidden cells alone
 * don't give the width, a cheap way through shown cells is taken and these are
 * hidden.
 *
 * Only what proof.c checks in integers counts: that a move leaves all sums as
 * they are and no cell negative.  A wrong suggestion of the simplex method can
 * hide too much, or end in an error, but never show a cell.
 *
 * Kelly, Golden, Assad, "Cell suppression: disclosure protection for sensitive
 * tabular data", Networks 22 (1992); Fischetti, Salazar, Management Science 47
 * (2001).
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"

#include "suppress/widen.h"

/* Work, in cells looked at, that may go into showing cells again; counted, not timed. */
#define THINNING_WORK INT64CONST(20000000)

/* Move a cell up and down through open cells; shown ones among them are hidden if pay is set. */
static void
push(EhdsWiden *w, int cell, bool pay)
{
	for (int sign = 1; sign >= -1; sign -= 2)
	{
		int64 far = w->width - (sign > 0 ? w->below[cell] : w->above[cell]);

		if (ehds_widen_done(w, cell))
			return;
		/* a whole number, since most moves are, and a little more than rounding takes */
		ehds_simplex_push(w->simplex, cell, sign, ceil((double) far / EHDS_UNIT * 1.001));
		ehds_widen_take(w, w->simplex->tableau, pay);
	}
}

/* The same with more cells open: all up to a level that have persons, or really all. */
static void
push_through(EhdsWiden *w, int cell, int level, bool empty)
{
	EhdsTable *table = w->table;

	for (int i = 0; i < table->ncells; i++)
	{
		if (table->cells[i].level <= level && (empty || table->cells[i].size > 0))
			w->simplex->open[i] = true;
	}
	push(w, cell, true);
	for (int i = 0; i < table->ncells; i++)
		w->simplex->open[i] = table->cells[i].hidden || table->cells[i].unknown;
}

static void
protect(EhdsWiden *w, int cell)
{
	bool more = true;

	while (more)
	{
		/* the first is quicker where it succeeds */
		if (!ehds_widen_way(w, cell, false))
			push(w, cell, false);
		if (ehds_widen_done(w, cell))
			return;
		more = ehds_widen_way(w, cell, true);
		if (ehds_widen_done(w, cell))
			return;
	}

	/* no single way is wide enough: ways together, through more and more cells */
	for (int level = 0; level < 32 && !ehds_widen_done(w, cell); level++)
		push_through(w, cell, level, false);
	if (!ehds_widen_done(w, cell))
	{
		w->simplex = ehds_simplex_make(w->table);
		push_through(w, cell, 32, true);
	}
	if (!ehds_widen_done(w, cell))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("hidden cells of the table can't be given intervals of the required width"),
						errhint("Ask for fewer grouping sets, or for coarser keys.")));
}

/* Can every hidden cell be moved far enough through hidden cells alone? */
static bool
holds(EhdsWiden *w)
{
	EhdsTable *table = w->table;

	for (int i = 0; i < table->ncells; i++)
	{
		w->below[i] = 0;
		w->above[i] = 0;
		w->simplex->open[i] = table->cells[i].hidden || table->cells[i].unknown;
	}
	for (int i = 0; i < table->ncells; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!table->cells[i].hidden)
			continue;
		push(w, i, false);
		if (!ehds_widen_done(w, i))
			return false;
	}
	return true;
}

static const EhdsWiden *sorted_by;

static int
by_size(const void *a, const void *b)
{
	const EhdsCell *x = &sorted_by->table->cells[*(const int *) a];
	const EhdsCell *y = &sorted_by->table->cells[*(const int *) b];

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (x->level != y->level)
		return x->level > y->level ? -1 : 1;
	return *(const int *) a - *(const int *) b;
}

/* What was hidden for one cell may not be needed any more after the next one: show it again. */
static void
thin_out(EhdsWiden *w)
{
	EhdsTable *table = w->table;
	int *order = palloc(sizeof(int) * Max(table->ncells, 1));
	int64 hidden = 0;
	int n = 0;

	for (int i = 0; i < table->ncells; i++)
	{
		hidden += table->cells[i].hidden;
		if (table->cells[i].hidden && !table->cells[i].primary)
			order[n++] = i;
	}
	if (hidden * n * table->ncells > THINNING_WORK)
		return;
	sorted_by = w;
	qsort(order, n, sizeof(int), by_size);
	for (int i = 0; i < n; i++)
	{
		table->cells[order[i]].hidden = false;
		if (!holds(w))
			table->cells[order[i]].hidden = true;
	}
	pfree(order);
}

void
ehds_suppress_widen(EhdsTable *table, int64 width)
{
	EhdsWiden w;
	bool again = true;

	ehds_widen_start(&w, table, width);
	w.ways = ehds_tableau_make(table);
	ehds_widen_cheap(&w);

	/* primary cells first: what is hidden for them needs the same protection */
	for (int i = 0; i < table->ncells; i++)
	{
		if (table->cells[i].primary && !ehds_widen_done(&w, i))
			protect(&w, i);
	}
	while (again)
	{
		again = false;
		for (int i = 0; i < table->ncells; i++)
		{
			if (!table->cells[i].hidden || ehds_widen_done(&w, i))
				continue;
			protect(&w, i);
			again = true;
		}
	}
	thin_out(&w);
}
