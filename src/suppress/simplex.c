/*
 * simplex.c
 *		The simplex method on the tableau of a table.
 *
 * Moves are measured from the true table, which is a solution: so there is no
 * first phase, the search starts with all moves 0.  An open cell may move from
 * minus its size to any height, and be anywhere in between while it is free.
 *
 * The tableau is exact and goes from one search to the next, since the sums are
 * always the same.  Moves are floating point.
 */
#include "core/compat.h"

#include <math.h>

#include "miscadmin.h"

#include "suppress/simplex.h"

#define EPSILON 1e-7

/* Steps without progress after which the rule is one that can't run in circles. */
#define PATIENCE 40

/* Numerators and denominators of coefficients beyond this are not used. */
#define FRACTION_MAX 40000

/* A coefficient as a small fraction (extended Euclid); false if it is none. */
bool
ehds_simplex_fraction(uint32 val, int64 *numerator, int64 *denominator)
{
	int64 r0 = EHDS_PRIME;
	int64 r1 = val;
	int64 s0 = 0;
	int64 s1 = 1;

	if (EHDS_PRIME - val <= FRACTION_MAX)
	{
		*numerator = -(int64) (EHDS_PRIME - val);
		*denominator = 1;
		return true;
	}
	while (r1 > FRACTION_MAX)
	{
		int64 q = r0 / r1;
		int64 r = r0 - q * r1;
		int64 s = s0 - q * s1;

		r0 = r1;
		r1 = r;
		s0 = s1;
		s1 = s;
	}
	*numerator = s1 < 0 ? -r1 : r1;
	*denominator = llabs(s1);
	return s1 != 0 && *denominator <= FRACTION_MAX;
}

double
ehds_simplex_number(uint32 val)
{
	int64 numerator;
	int64 denominator;

	if (!ehds_simplex_fraction(val, &numerator, &denominator))
		return NAN;
	return (double) numerator / (double) denominator;
}

EhdsSimplex *
ehds_simplex_make(const EhdsTable *table)
{
	EhdsSimplex *s = palloc0(sizeof(EhdsSimplex));
	int n = Max(table->ncells, 1);

	s->table = table;
	s->tableau = ehds_tableau_make(table);
	s->move = palloc0(sizeof(double) * n);
	s->moved = palloc(sizeof(int) * n);
	s->is_moved = palloc0(sizeof(bool) * n);
	s->banned = palloc0(sizeof(int) * n);
	s->open = palloc(sizeof(bool) * n);
	for (int i = 0; i < table->ncells; i++)
		s->open[i] = table->cells[i].hidden || table->cells[i].unknown;
	return s;
}

void
ehds_simplex_clear(EhdsSimplex *s)
{
	for (int i = 0; i < s->nmoved; i++)
	{
		s->move[s->moved[i]] = 0;
		s->is_moved[s->moved[i]] = false;
	}
	s->nmoved = 0;
}

void
ehds_simplex_add(EhdsSimplex *s, int cell, double change)
{
	if (!s->is_moved[cell])
	{
		s->is_moved[cell] = true;
		s->moved[s->nmoved++] = cell;
	}
	s->move[cell] += change;
}

/* What is looked for. */
typedef struct Search
{
	int target;
	int sign;
	double far;
} Search;

/* How far a cell may go in a direction. */
static double
room(const EhdsSimplex *s, const Search *search, int cell, int direction)
{
	const EhdsCell *c = &s->table->cells[cell];

	if (cell == search->target && direction == search->sign)
		return Max(search->far - search->sign * s->move[cell], 0);
	if (!s->open[cell])
		return 0;
	return direction > 0 ? INFINITY : Max((double) c->size + s->move[cell], 0);
}

/*
 * The free cell that moves the target most, and in which direction (0: none).  If
 * first is set the first one is taken, a rule that can't run in circles (Bland).
 */
static int
choose(const EhdsSimplex *s, const Search *search, bool first, int *best)
{
	const EhdsTableau *t = s->tableau;
	const EhdsRow *row;
	double best_value = 0;
	int best_direction = 0;

	if (t->row_of[search->target] < 0)
	{
		*best = search->target;
		return s->banned[search->target] == s->search ||
					   room(s, search, search->target, search->sign) <= EPSILON
				   ? 0
				   : search->sign;
	}
	row = &t->rows[t->row_of[search->target]];
	for (int i = 0; i < row->n; i++)
	{
		int q = row->col[i];
		double value = ehds_simplex_number(row->val[i]) * search->sign;
		int direction = value > 0 ? 1 : -1;

		/* hidden cells are the better ones to move: others must be hidden for it */
		if (!s->table->cells[q].hidden)
			value /= 1000;
		value /= 1 + t->columns[q].n;
		if (isnan(value) || s->banned[q] == s->search || fabs(value) <= best_value ||
			room(s, search, q, direction) <= EPSILON)
			continue;
		*best = q;
		best_direction = direction;
		if (first)
			break;
		best_value = fabs(value);
	}
	return best_direction;
}

void
ehds_simplex_push(EhdsSimplex *s, int target, int sign, double far)
{
	EhdsTableau *t = s->tableau;
	Search search = {target, sign, far};
	int stalled = 0;
	int64 limit = 1000 + (int64) 20 * t->nrows;

	ehds_simplex_clear(s);
	s->search++;

	for (int64 step = 0; step < limit && sign * s->move[target] < far - EPSILON; step++)
	{
		int q = -1;
		int direction = choose(s, &search, stalled > PATIENCE, &q);
		int leaving = -1;
		EhdsColumn *column = NULL;
		double length;
		bool usable = true;

		CHECK_FOR_INTERRUPTS();
		if (direction == 0)
			return;
		length = room(s, &search, q, direction);
		ehds_tableau_column(t, q);
		column = &t->columns[q];
		for (int i = 0; i < column->n && usable; i++)
		{
			EhdsRow *row = &t->rows[column->row[i]];
			double value = ehds_simplex_number(ehds_tableau_get(row, q)) * direction;
			double here;

			usable = !isnan(value);
			here = room(s, &search, row->cell, value > 0 ? 1 : -1) / fabs(value);
			if (here < length - EPSILON ||
				(here <= length + EPSILON && leaving >= 0 && row->cell < t->rows[leaving].cell))
			{
				length = Min(length, here);
				leaving = column->row[i];
			}
		}
		if (!usable)
		{
			s->banned[q] = s->search;
			continue;
		}
		stalled = (length <= EPSILON) ? stalled + 1 : 0;
		if (length > 0)
		{
			for (int i = 0; i < column->n; i++)
			{
				EhdsRow *row = &t->rows[column->row[i]];

				ehds_simplex_add(s, row->cell,
								 length * direction * ehds_simplex_number(ehds_tableau_get(row, q)));
			}
			ehds_simplex_add(s, q, length * direction);
		}
		if (leaving >= 0)
			ehds_tableau_pivot(t, leaving, q);
	}
}
