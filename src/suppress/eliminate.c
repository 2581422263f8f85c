/*
 * eliminate.c
 *		Secondary suppression against exact computation, by elimination.
 *
 * A cell can be computed from the shown ones if in the solved form of the sums,
 * with the shown cells taken out as known, its row is empty.  So the cells are
 * shown one after the other, the ones that are most worth showing first, and a
 * cell stays hidden if showing it would empty the row of a primary cell.
 *
 * That protects secondary cells too: one that could be computed at the end could
 * be shown, and would then let a primary cell be computed, which was excluded.
 * The same argument shows that no secondary cell could be shown alone.
 *
 * Langsrud, "Secondary Cell Suppression by Gaussian Elimination: An Algorithm
 * Suitable for Handling Issues with Zeros and Singletons", PSD 2024.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "suppress/tableau.h"

/*
 * Work, in cells looked at, that may go into better patterns than the first one;
 * counted, not timed, so that the same table always gets the same pattern.
 */
#define IMPROVEMENT_WORK INT64CONST(5000000)

typedef struct Pattern
{
	bool *hidden;
	int count;  /* secondary cells */
	int64 size; /* their sizes together */
} Pattern;

static const EhdsTable *sorted_table;
static const int64 *sorted_first;

/* Forced ones first, then empty ones, then the large ones, of equals the coarser. */
static int
by_worth(const void *a, const void *b)
{
	int x = *(const int *) a;
	int y = *(const int *) b;
	const EhdsCell *cx = &sorted_table->cells[x];
	const EhdsCell *cy = &sorted_table->cells[y];

	if (sorted_first[x] != sorted_first[y])
		return sorted_first[x] > sorted_first[y] ? -1 : 1;
	if ((cx->size == 0) != (cy->size == 0))
		return cx->size == 0 ? -1 : 1;
	if (cx->size != cy->size)
		return cx->size > cy->size ? -1 : 1;
	if (cx->level != cy->level)
		return cx->level > cy->level ? -1 : 1;
	return x < y ? -1 : 1;
}

/* Would a primary cell be computed if this free cell were known? */
static bool
reveals(EhdsTableau *t, const EhdsTable *table, int cell)
{
	EhdsColumn *column = &t->columns[cell];

	ehds_tableau_column(t, cell);
	for (int i = 0; i < column->n; i++)
	{
		EhdsRow *row = &t->rows[column->row[i]];

		if (row->n == 1 && table->cells[row->cell].primary)
			return true;
	}
	return false;
}

/* Make a dependent cell free; of the cells of its row the one that occurs least takes its place. */
static void
set_free(EhdsTableau *t, int cell)
{
	EhdsRow *row = &t->rows[t->row_of[cell]];
	int best = row->col[0];

	for (int i = 1; i < row->n; i++)
	{
		if (t->columns[row->col[i]].n < t->columns[best].n)
			best = row->col[i];
	}
	ehds_tableau_pivot(t, t->row_of[cell], best);
}

/* One pass over the cells, those with the largest first[] before the others. */
static void
pass(const EhdsTable *table, const int64 *first, Pattern *pattern, int64 *work)
{
	MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "ehds elimination",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	EhdsTableau *t = ehds_tableau_make(table);
	int *order = palloc(sizeof(int) * Max(table->ncells, 1));
	int n = 0;

	pattern->count = 0;
	pattern->size = 0;
	for (int i = 0; i < table->ncells; i++)
	{
		pattern->hidden[i] = table->cells[i].primary;
		if (!table->cells[i].primary && !table->cells[i].unknown)
			order[n++] = i;
	}
	sorted_table = table;
	sorted_first = first;
	qsort(order, n, sizeof(int), by_worth);

	for (int i = 0; i < n; i++)
	{
		int cell = order[i];
		int r = t->row_of[cell];

		CHECK_FOR_INTERRUPTS();
		if (r >= 0 && t->rows[r].n == 0)
		{
			/* the cells shown so far give it away: nothing is lost */
			t->rows[r].cell = -1;
			continue;
		}
		if (r >= 0)
		{
			*work += t->rows[r].n;
			set_free(t, cell);
		}
		*work += t->columns[cell].n + 1;
		if (reveals(t, table, cell))
		{
			pattern->hidden[cell] = true;
			pattern->count++;
			pattern->size += table->cells[cell].size;
		}
		else
			ehds_tableau_drop(t, cell);
	}
	for (int r = 0; r < t->nrows; r++)
	{
		if (t->rows[r].cell >= 0)
			*work += t->rows[r].n;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}

static bool
better(const Pattern *a, const Pattern *b)
{
	return a->count < b->count || (a->count == b->count && a->size < b->size);
}

void
ehds_suppress_eliminate(EhdsTable *table)
{
	int n = Max(table->ncells, 1);
	int64 *first = palloc0(sizeof(int64) * n);
	Pattern best = {palloc0(sizeof(bool) * n), 0, 0};
	Pattern next = {palloc0(sizeof(bool) * n), 0, 0};
	int64 work = 0;
	int64 once;
	bool found = true;

	pass(table, first, &best, &work);
	once = work + table->ncells;

	/*
	 * A pass never takes back a choice.  So each hidden cell in turn is shown
	 * before all others, and what comes out is kept if it is better.
	 */
	while (found)
	{
		found = false;
		for (int i = 0; i < table->ncells && work + once < IMPROVEMENT_WORK; i++)
		{
			if (!best.hidden[i] || table->cells[i].primary)
				continue;
			first[i] = 1;
			work += table->ncells;
			pass(table, first, &next, &work);
			if (better(&next, &best))
			{
				Pattern swap = best;

				best = next;
				next = swap;
				found = true;
			}
			else
				first[i] = 0;
		}
	}
	for (int i = 0; i < table->ncells; i++)
		table->cells[i].hidden = best.hidden[i];
}
