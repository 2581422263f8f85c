/*
 * ways.c
 *		Which shown cells to hide so that a hidden one can be moved.
 *
 * Each column of a solved form is a way: its free cell up by 1, the dependent
 * cells in it by their coefficients, and all sums hold.  Of the ways that move the
 * cell in question far enough the cheapest is taken.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"

#include "suppress/widen.h"

/* What it costs to hide a cell: few before small, the interior before margins. */
static double
cost(const EhdsWiden *w, int i)
{
	const EhdsCell *cell = &w->table->cells[i];

	if (cell->hidden || cell->unknown)
		return 0;
	if (cell->size == 0)
		return 1e6;
	return 1 + log2(1 + (double) cell->size) / 8 + cell->level / 64.0;
}

/* The same for the order in which cells are dependent: those that can't give the width are no help. */
static double
weight(const EhdsWiden *w, int i)
{
	double c = cost(w, i);

	return w->table->cells[i].size * EHDS_UNIT < w->width ? c + 1000 : c;
}

static const EhdsWiden *sorted_by;

static int
by_weight(const void *a, const void *b)
{
	double x = weight(sorted_by, *(const int *) a);
	double y = weight(sorted_by, *(const int *) b);

	return x != y ? (x > y ? -1 : 1) : *(const int *) a - *(const int *) b;
}

/*
 * Make the cheap cells the dependent ones.  The cells of a free cell's column are
 * the one way to move it through dependent ones; if these are the cheapest that
 * can be, the most expensive cell on the way is as cheap as on any way (as in a
 * minimum spanning tree, where ways are cycles).
 */
void
ehds_widen_cheap(EhdsWiden *w)
{
	EhdsTableau *t = w->ways;
	int *order = palloc(sizeof(int) * Max(t->ncells, 1));

	for (int i = 0; i < t->ncells; i++)
		order[i] = i;
	sorted_by = w;
	qsort(order, t->ncells, sizeof(int), by_weight);
	for (int i = 0; i < t->ncells; i++)
	{
		int r = t->row_of[order[i]];
		int best = -1;
		double least = weight(w, order[i]);

		CHECK_FOR_INTERRUPTS();
		if (r < 0)
			continue;
		for (int k = 0; k < t->rows[r].n; k++)
		{
			double here = weight(w, t->rows[r].col[k]);

			if (here < least)
			{
				least = here;
				best = t->rows[r].col[k];
			}
		}
		if (best >= 0)
			ehds_tableau_pivot(t, r, best);
	}
	pfree(order);
}

/* One way to move a cell. */
typedef struct Way
{
	int through;  /* free cell; -1: none */
	double cost;  /* of what must be hidden */
	double range; /* that it gives, in units, at most the width */
} Way;

/* What the way through a free cell costs and gives. */
static Way
look_at(EhdsWiden *w, int cell, int q)
{
	EhdsTableau *t = w->ways;
	EhdsColumn *column = &t->columns[q];
	Way way = {q, cost(w, q), 0};
	double change = 1;
	double forward = INFINITY;
	double backward = (double) w->table->cells[q].size;

	ehds_tableau_column(t, q);
	for (int i = 0; i < column->n; i++)
	{
		const EhdsRow *row = &t->rows[column->row[i]];
		double value = ehds_simplex_number(ehds_tableau_get(row, q));
		double size = (double) w->table->cells[row->cell].size;

		if (isnan(value))
		{
			way.through = -1;
			return way;
		}
		way.cost += cost(w, row->cell);
		if (row->cell == cell)
			change = fabs(value);
		if (value < 0)
			forward = Min(forward, size / -value);
		else
			backward = Min(backward, size / value);
	}
	way.range = Min((forward + backward) * change * EHDS_UNIT, (double) w->width);
	return way;
}

static bool
is_better(const Way *a, const Way *b, double need)
{
	bool enough = a->range >= need;

	if (b->through < 0)
		return true;
	if (enough != (b->range >= need))
		return enough;
	if (enough)
		return a->cost < b->cost;
	return a->range > b->range || (a->range == b->range && a->cost < b->cost);
}

/* Take the way that has been chosen. */
static bool
go(EhdsWiden *w, int through)
{
	EhdsTableau *t = w->ways;

	ehds_simplex_clear(w->simplex);
	ehds_simplex_add(w->simplex, through, 1);
	ehds_tableau_column(t, through);
	for (int i = 0; i < t->columns[through].n; i++)
	{
		const EhdsRow *row = &t->rows[t->columns[through].row[i]];

		ehds_simplex_add(w->simplex, row->cell, ehds_simplex_number(ehds_tableau_get(row, through)));
	}
	return ehds_widen_take(w, t, true);
}

/*
 * Ways are the columns in which the cell occurs; it is made dependent for them,
 * and free again afterwards.
 */
bool
ehds_widen_way(EhdsWiden *w, int cell, bool pay)
{
	EhdsTableau *t = w->ways;
	double enough = (double) w->width;
	Way best = {-1, 0, 0};
	int stand_in = -1;
	bool taken = false;
	int r = t->row_of[cell];

	if (r < 0)
	{
		Way way = look_at(w, cell, cell);
		double most = -1;

		if (way.through >= 0 && way.range >= enough && (pay || way.cost == 0))
			best = way;
		if (best.through >= 0 && best.cost == 0)
			return go(w, cell);
		ehds_tableau_column(t, cell);
		for (int i = 0; i < t->columns[cell].n; i++)
		{
			int here = t->columns[cell].row[i];

			if (weight(w, t->rows[here].cell) > most)
			{
				most = weight(w, t->rows[here].cell);
				r = here;
			}
		}
		if (r >= 0)
		{
			stand_in = t->rows[r].cell;
			ehds_tableau_pivot(t, r, cell);
		}
	}
	for (int i = 0; r >= 0 && i < t->rows[r].n; i++)
	{
		Way way = look_at(w, cell, t->rows[r].col[i]);

		CHECK_FOR_INTERRUPTS();
		/* a way that costs nothing and is too short has been gone, or is of no use */
		if (way.through < 0 || way.range == 0 || (way.cost == 0 && way.range < enough) ||
			(way.cost > 0 && !pay))
			continue;
		if (is_better(&way, &best, enough))
			best = way;
	}
	if (best.through >= 0 && best.through != cell)
		taken = go(w, best.through);
	if (stand_in >= 0)
		ehds_tableau_pivot(t, r, stand_in);
	if (best.through == cell)
		taken = go(w, cell);
	return taken && (best.cost > 0 || ehds_widen_done(w, cell));
}
