/*
 * proof.c
 *		What a move of hidden cells proves about their intervals, in integers.
 *
 * A move that leaves all sums as they are, made as often as no cell becomes
 * negative, leads from the true table to two others that look the same.  Nothing
 * here is floating point but the suggestion that comes in.
 */
#include "core/compat.h"

#include <math.h>

#include "suppress/widen.h"

/* Moves are rounded to this part of 1, and are no larger than this. */
#define SCALE INT64CONST(1000000)
#define MOVE_MAX INT64CONST(10000000)

/* A non-negative number. */
typedef struct Multiple
{
	int64 numerator;
	int64 denominator;
} Multiple;

void
ehds_widen_start(EhdsWiden *w, EhdsTable *table, int64 width)
{
	int n = Max(table->ncells, 1);
	int64 entries = 0;

	memset(w, 0, sizeof(EhdsWiden));
	w->table = table;
	w->simplex = ehds_simplex_make(table);
	w->width = width * EHDS_UNIT;
	w->below = palloc0(sizeof(int64) * n);
	w->above = palloc0(sizeof(int64) * n);
	w->step = palloc0(sizeof(int64) * n);
	w->moved = palloc(sizeof(int) * n);
	w->is_moved = palloc0(sizeof(bool) * n);
	w->checked = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int64) * Max(table->nsums, 1));
	memset(w->checked, 0, sizeof(int64) * Max(table->nsums, 1));

	/* counted, then turned into first places, then filled */
	w->first = palloc0(sizeof(int64) * (n + 2));
	for (int s = 0; s < table->nsums; s++)
	{
		w->first[table->sums[s].total + 2]++;
		for (int i = 0; i < table->sums[s].nparts; i++)
			w->first[table->sums[s].parts[i] + 2]++;
		entries += table->sums[s].nparts + 1;
	}
	for (int i = 2; i < n + 2; i++)
		w->first[i] += w->first[i - 1];
	w->sums = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * Max(entries, 1));
	for (int s = 0; s < table->nsums; s++)
	{
		w->sums[w->first[table->sums[s].total + 1]++] = s;
		for (int i = 0; i < table->sums[s].nparts; i++)
			w->sums[w->first[table->sums[s].parts[i] + 1]++] = s;
	}
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

static void
set_moved(EhdsWiden *w, int cell)
{
	if (w->is_moved[cell])
		return;
	w->is_moved[cell] = true;
	w->moved[w->nmoved++] = cell;
}

/*
 * The suggested move as whole numbers that fulfil all sums: the free cells are
 * rounded to what makes the dependent ones whole.  They are divided by their
 * greatest divisor; moves of ones and zeros are found again as such.
 */
static bool
whole_step(EhdsWiden *w, EhdsTableau *t)
{
	const double *move = w->simplex->move;
	int64 divisor = 0;

	for (int i = 0; i < w->nmoved; i++)
	{
		w->step[w->moved[i]] = 0;
		w->is_moved[w->moved[i]] = false;
	}
	w->nmoved = 0;
	for (int m = 0; m < w->simplex->nmoved; m++)
	{
		int q = w->simplex->moved[m];
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
		set_moved(w, q);
		w->step[q] = (int64) rint(move[q] * SCALE / common) * common;
		for (int i = 0; i < column->n; i++)
		{
			const EhdsRow *row = &t->rows[column->row[i]];
			int64 a;
			int64 b;

			ehds_simplex_fraction(ehds_tableau_get(row, q), &a, &b);
			if (llabs(a) > (INT64CONST(1) << 46) / Max(llabs(w->step[q]), 1) * b)
				return false;
			set_moved(w, row->cell);
			w->step[row->cell] += w->step[q] / b * a;
		}
	}
	for (int i = 0; i < w->nmoved; i++)
	{
		int64 step = w->step[w->moved[i]];

		if (step > MOVE_MAX * SCALE || step < -MOVE_MAX * SCALE)
			return false;
		divisor = gcd(divisor, llabs(step));
	}
	if (divisor == 0)
		return false;
	for (int i = 0; i < w->nmoved; i++)
		w->step[w->moved[i]] /= divisor;
	return true;
}

/* The largest multiple of the step, forward or backward, that leaves no cell negative. */
static Multiple
longest(const EhdsWiden *w, int direction)
{
	/* enough for every cell that moves at all */
	Multiple most = {w->width, 1};

	for (int i = 0; i < w->nmoved; i++)
	{
		int64 change = w->step[w->moved[i]] * direction;
		int64 size = w->table->cells[w->moved[i]].size;

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
reach(const EhdsWiden *w, Multiple m, int64 change)
{
	int128 far = (int128) llabs(change) * m.numerator * EHDS_UNIT / m.denominator;

	return far > w->width ? w->width : (int64) far;
}

/* Does the step leave a sum as it is? */
static bool
sum_holds(EhdsWiden *w, int s)
{
	const EhdsSum *sum = &w->table->sums[s];
	int64 rest = w->step[sum->total];

	if (w->checked[s] == w->check)
		return true;
	for (int i = 0; i < sum->nparts; i++)
		rest -= w->step[sum->parts[i]];
	if (rest == 0)
		w->checked[s] = w->check;
	return rest == 0;
}

bool
ehds_widen_take(EhdsWiden *w, EhdsTableau *t, bool pay)
{
	EhdsTable *table = w->table;
	Multiple forward;
	Multiple backward;

	if (!whole_step(w, t))
		return false;
	w->check++;
	for (int m = 0; m < w->nmoved; m++)
	{
		int cell = w->moved[m];

		if (w->step[cell] == 0)
			continue;
		if (!pay && !table->cells[cell].hidden && !table->cells[cell].unknown)
			return false;
		for (int64 i = w->first[cell]; i < w->first[cell + 1]; i++)
		{
			if (!sum_holds(w, w->sums[i]))
				return false;
		}
	}
	forward = longest(w, 1);
	backward = longest(w, -1);
	if (forward.numerator == 0 && backward.numerator == 0)
		return false;
	for (int m = 0; m < w->nmoved; m++)
	{
		int i = w->moved[m];
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
	return true;
}
