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
 * Only what is checked here in integers counts: that a move leaves all sums as
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

#include "suppress/simplex.h"

/* Ranges are in units of this part of 1. */
#define UNIT INT64CONST(2520)

/* Moves are rounded to this part of 1, and are no larger than this. */
#define SCALE INT64CONST(1000000)
#define MOVE_MAX INT64CONST(10000000)

/* A non-negative number. */
typedef struct Multiple
{
	int64 numerator;
	int64 denominator;
} Multiple;

typedef struct Widen
{
	EhdsTable *table;
	EhdsSimplex *simplex;
	EhdsTableau *ways; /* another solved form, with thick cells as the dependent ones */
	int64 width;       /* in units */
	int64 *below;      /* proven: how far each hidden cell goes down and up */
	int64 *above;
	int64 *step;
} Widen;

static bool
is_done(const Widen *w, int cell)
{
	return w->below[cell] + w->above[cell] >= w->width;
}

static int64
gcd(int64 a, int64 b)
{
	while (b != 0)
	{
		int64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * The suggested move as whole numbers that fulfil all sums: the free cells are
 * rounded to what makes the dependent ones whole.  They are divided by their
 * greatest divisor; moves of ones and zeros are found again as such.
 */
static bool
whole_step(Widen *w, EhdsTableau *t)
{
	const double *move = w->simplex->move;
	int n = w->table->ncells;
	int64 divisor = 0;

	memset(w->step, 0, sizeof(int64) * n);
	for (int q = 0; q < n; q++)
	{
		const EhdsColumn *column = &t->columns[q];
		int64 common = 1;

		if (t->row_of[q] >= 0 || fabs(move[q]) < 1e-9)
			continue;
		if (fabs(move[q]) > MOVE_MAX)
			return false;
		ehds_tableau_column(t, q);
		for (int i = 0; i < column->n; i++)
		{
			int64 a;
			int64 b;

			if (!ehds_simplex_fraction(ehds_tableau_get(&t->rows[column->row[i]], q), &a, &b))
				return false;
			common = common / gcd(common, b) * b;
			if (common > SCALE)
				return false;
		}
		w->step[q] = (int64) rint(move[q] * SCALE / common) * common;
		for (int i = 0; i < column->n; i++)
		{
			const EhdsRow *row = &t->rows[column->row[i]];
			int64 a;
			int64 b;

			ehds_simplex_fraction(ehds_tableau_get(row, q), &a, &b);
			if (Abs(a) > INT64_MAX / 4 / Max(Abs(w->step[q]), 1) * b)
				return false;
			w->step[row->cell] += w->step[q] / b * a;
		}
	}
	for (int i = 0; i < n; i++)
	{
		if (w->step[i] > MOVE_MAX * SCALE || w->step[i] < -MOVE_MAX * SCALE)
			return false;
		divisor = gcd(divisor, Abs(w->step[i]));
	}
	if (divisor == 0)
		return false;
	for (int i = 0; i < n; i++)
		w->step[i] /= divisor;
	return true;
}

/* The largest multiple of the step, forward or backward, that leaves no cell negative. */
static Multiple
longest(const Widen *w, int direction)
{
	/* enough for every cell that moves at all */
	Multiple most = {w->width, 1};

	for (int i = 0; i < w->table->ncells; i++)
	{
		int64 change = w->step[i] * direction;
		int64 size = w->table->cells[i].size;

		if (change < 0 && (int128) size * most.denominator < (int128) most.numerator * -change)
		{
			most.numerator = size;
			most.denominator = -change;
		}
	}
	return most;
}

/* How far it takes a cell, in units, rounded down. */
static int64
reach(const Widen *w, Multiple m, int64 change)
{
	int128 far = (int128) Abs(change) * m.numerator * UNIT / m.denominator;

	return far > w->width ? w->width : (int64) far;
}

/*
 * Check what the simplex method suggests, and take what it proves.  Shown cells
 * that it moves are hidden if pay is set, and make it void otherwise.
 */
static void
take(Widen *w, EhdsTableau *t, bool pay)
{
	EhdsTable *table = w->table;
	Multiple forward;
	Multiple backward;

	if (!whole_step(w, t))
		return;
	for (int s = 0; s < table->nsums; s++)
	{
		const EhdsSum *sum = &table->sums[s];
		int64 rest = w->step[sum->total];

		for (int i = 0; i < sum->nparts; i++)
			rest -= w->step[sum->parts[i]];
		if (rest != 0)
			return;
	}
	if (!pay)
	{
		for (int i = 0; i < table->ncells; i++)
		{
			if (w->step[i] != 0 && !table->cells[i].hidden && !table->cells[i].unknown)
				return;
		}
	}
	forward = longest(w, 1);
	backward = longest(w, -1);
	if (forward.numerator == 0 && backward.numerator == 0)
		return;
	for (int i = 0; i < table->ncells; i++)
	{
		int64 change = w->step[i];
		int64 up;
		int64 down;

		if (change == 0)
			continue;
		if (!table->cells[i].unknown)
			table->cells[i].hidden = true;
		w->simplex->open[i] = true;
		up = reach(w, change > 0 ? forward : backward, change);
		down = reach(w, change > 0 ? backward : forward, change);
		w->above[i] = Max(w->above[i], up);
		w->below[i] = Max(w->below[i], down);
	}
}

/* Move a cell up and down through open cells; shown ones among them are hidden if pay is set. */
static void
push(Widen *w, int cell, bool pay)
{
	for (int sign = 1; sign >= -1; sign -= 2)
	{
		int64 far = w->width - (sign > 0 ? w->below[cell] : w->above[cell]);

		if (is_done(w, cell))
			return;
		/* a whole number, since most moves are, and a little more than rounding takes */
		ehds_simplex_push(w->simplex, cell, sign, ceil((double) far / UNIT * 1.001));
		take(w, w->simplex->tableau, pay);
	}
}

/* The same with more cells open: all up to a level that have persons, or really all. */
static void
push_through(Widen *w, int cell, int level, bool empty)
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

/* What it costs to hide a cell: few before small, the interior before margins. */
static double
cost(const Widen *w, int i)
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
weight(const Widen *w, int i)
{
	double c = cost(w, i);

	return w->table->cells[i].size * UNIT < w->width ? c + 1000 : c;
}

static const Widen *sorted_by;

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
static void
make_cheap(Widen *w)
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
look_at(Widen *w, int cell, int q)
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
	way.range = Min((forward + backward) * change * UNIT, (double) w->width);
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
static void
go(Widen *w, int through)
{
	EhdsTableau *t = w->ways;

	memset(w->simplex->move, 0, sizeof(double) * t->ncells);
	w->simplex->move[through] = 1;
	ehds_tableau_column(t, through);
	for (int i = 0; i < t->columns[through].n; i++)
	{
		const EhdsRow *row = &t->rows[t->columns[through].row[i]];

		w->simplex->move[row->cell] = ehds_simplex_number(ehds_tableau_get(row, through));
	}
	take(w, t, true);
}

/*
 * Hide what lies on the cheapest known way to move a cell far enough; false if
 * there is none that has anything to hide.  Ways are the columns in which the cell
 * occurs; it is made dependent for them, and free again afterwards.
 */
static bool
hide_way(Widen *w, int cell)
{
	EhdsTableau *t = w->ways;
	Way best = {-1, 0, 0};
	int stand_in = -1;
	int r = t->row_of[cell];

	if (r < 0)
	{
		Way way = look_at(w, cell, cell);
		double most = -1;

		if (way.through >= 0 && way.cost > 0 && way.range >= w->width)
			best = way;
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
		if (way.through >= 0 && way.cost > 0 && way.range > 0 && is_better(&way, &best, (double) w->width))
			best = way;
	}
	if (best.through >= 0 && best.through != cell)
		go(w, best.through);
	if (stand_in >= 0)
		ehds_tableau_pivot(t, r, stand_in);
	if (best.through == cell)
		go(w, cell);
	return best.through >= 0;
}

static void
protect(Widen *w, int cell)
{
	bool more = true;

	while (more)
	{
		push(w, cell, false);
		if (is_done(w, cell))
			return;
		more = hide_way(w, cell);
	}

	/* no single way is wide enough: ways together, through more and more cells */
	for (int level = 0; level < 32 && !is_done(w, cell); level++)
		push_through(w, cell, level, false);
	if (!is_done(w, cell))
	{
		w->simplex = ehds_simplex_make(w->table);
		push_through(w, cell, 32, true);
	}
	if (!is_done(w, cell))
		ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION),
						errmsg("hidden cells of the table can't be given intervals of the required width"),
						errhint("Ask for fewer grouping sets, or for coarser keys.")));
}

void
ehds_suppress_widen(EhdsTable *table, int64 width)
{
	Widen w;
	int n = Max(table->ncells, 1);
	bool again = true;

	w.table = table;
	w.simplex = ehds_simplex_make(table);
	w.width = width * UNIT;
	w.below = palloc0(sizeof(int64) * n);
	w.above = palloc0(sizeof(int64) * n);
	w.step = palloc0(sizeof(int64) * n);
	w.ways = ehds_tableau_make(table);
	make_cheap(&w);

	/* primary cells first: what is hidden for them needs the same protection */
	for (int i = 0; i < table->ncells; i++)
	{
		if (table->cells[i].primary && !is_done(&w, i))
			protect(&w, i);
	}
	while (again)
	{
		again = false;
		for (int i = 0; i < table->ncells; i++)
		{
			if (!table->cells[i].hidden || is_done(&w, i))
				continue;
			protect(&w, i);
			again = true;
		}
	}
}
