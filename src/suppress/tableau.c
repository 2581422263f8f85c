/*
 * tableau.c
 *		The sums of a table in solved form, in exact arithmetic.
 *
 * Each row says: dependent cell = sum of coefficients times free cells, for every
 * table in which the sums hold.  Rows are sparse: in tables a cell depends on few
 * others.
 *
 * Coefficients are integers modulo the prime 2^32 - 5.  A combination of integers
 * that is zero is zero modulo the prime, and one that is not is taken for zero
 * only if the prime divides it; the coefficients of tables are small numbers,
 * nearly always 1 and -1, so that this does not happen by chance.  Floating point
 * would make rounding errors decide what can be computed.
 */
#include "core/compat.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "suppress/tableau.h"

/* 2^32 is 5 modulo the prime: twice folded, a product is below 2^32 + 30. */
static inline uint32
times(uint32 a, uint32 b)
{
	uint64 x = (uint64) a * b;

	x = (x >> 32) * 5 + (uint32) x;
	x = (x >> 32) * 5 + (uint32) x;
	return (uint32) (x >= EHDS_PRIME ? x - EHDS_PRIME : x);
}

static inline uint32
plus(uint32 a, uint32 b)
{
	uint64 x = (uint64) a + b;

	return (uint32) (x >= EHDS_PRIME ? x - EHDS_PRIME : x);
}

static inline uint32
minus(uint32 a)
{
	return a == 0 ? 0 : (uint32) (EHDS_PRIME - a);
}

/* a to the power of p - 2 */
static uint32
inverse(uint32 a)
{
	uint32 result = 1;
	uint64 e;

	if (a == 1 || a == EHDS_PRIME - 1)
		return a;
	for (e = EHDS_PRIME - 2; e > 0; e >>= 1)
	{
		if (e & 1)
			result = times(result, a);
		a = times(a, a);
	}
	return result;
}

static int
find(const EhdsRow *row, int col)
{
	int low = 0;
	int high = row->n - 1;

	while (low <= high)
	{
		int middle = (low + high) / 2;

		if (row->col[middle] == col)
			return middle;
		if (row->col[middle] < col)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

uint32
ehds_tableau_get(const EhdsRow *row, int col)
{
	int at = find(row, col);

	return at < 0 ? 0 : row->val[at];
}

static void
note(EhdsTableau *t, int col, int row)
{
	EhdsColumn *column = &t->columns[col];

	if (column->n >= column->room)
	{
		int room = column->room == 0 ? 4 : column->room * 2;

		column->row = column->row == NULL ? MemoryContextAllocHuge(t->cxt, sizeof(int) * room)
										  : repalloc_huge(column->row, sizeof(int) * room);
		column->room = room;
	}
	column->row[column->n++] = row;
}

int
ehds_tableau_column(EhdsTableau *t, int col)
{
	EhdsColumn *column = &t->columns[col];
	int kept = 0;

	t->now++;
	for (int i = 0; i < column->n; i++)
	{
		int r = column->row[i];

		if (t->stamp[r] == t->now || t->rows[r].cell < 0 || find(&t->rows[r], col) < 0)
			continue;
		t->stamp[r] = t->now;
		column->row[kept++] = r;
	}
	column->n = kept;
	return kept;
}

static void
make_room(EhdsTableau *t, EhdsRow *row, int n)
{
	if (row->room >= n)
		return;
	row->room = Max(n, row->room * 2);
	row->col = row->col == NULL ? MemoryContextAllocHuge(t->cxt, sizeof(int) * (Size) row->room)
								: repalloc_huge(row->col, sizeof(int) * (Size) row->room);
	row->val = row->val == NULL ? MemoryContextAllocHuge(t->cxt, sizeof(uint32) * (Size) row->room)
								: repalloc_huge(row->val, sizeof(uint32) * (Size) row->room);
}

/* Add factor times other to a row, without its entry for skip. */
static void
add(EhdsTableau *t, int r, uint32 factor, const EhdsRow *other, int skip)
{
	EhdsRow *row = &t->rows[r];
	int i = 0;
	int j = 0;
	int n = 0;

	while (i < row->n || j < other->n)
	{
		int col;
		uint32 val;

		if (j >= other->n || (i < row->n && row->col[i] < other->col[j]))
		{
			col = row->col[i];
			val = row->val[i++];
			if (col == skip)
				continue;
		}
		else if (i >= row->n || other->col[j] < row->col[i])
		{
			col = other->col[j];
			val = times(factor, other->val[j++]);
			note(t, col, r);
		}
		else
		{
			col = row->col[i];
			val = plus(row->val[i++], times(factor, other->val[j++]));
			if (val == 0)
				continue;
		}
		t->scratch_col[n] = col;
		t->scratch_val[n++] = val;
	}
	make_room(t, row, n);
	memcpy(row->col, t->scratch_col, sizeof(int) * n);
	memcpy(row->val, t->scratch_val, sizeof(uint32) * n);
	row->n = n;
}

static void
remove_entry(EhdsRow *row, int at)
{
	memmove(row->col + at, row->col + at + 1, sizeof(int) * (row->n - at - 1));
	memmove(row->val + at, row->val + at + 1, sizeof(uint32) * (row->n - at - 1));
	row->n--;
}

static void
insert_entry(EhdsTableau *t, EhdsRow *row, int col, uint32 val)
{
	int at = 0;

	make_room(t, row, row->n + 1);
	while (at < row->n && row->col[at] < col)
		at++;
	memmove(row->col + at + 1, row->col + at, sizeof(int) * (row->n - at));
	memmove(row->val + at + 1, row->val + at, sizeof(uint32) * (row->n - at));
	row->col[at] = col;
	row->val[at] = val;
	row->n++;
}

/* Put the new solution of a free cell, which stands in row r, into the other rows. */
static void
substitute(EhdsTableau *t, int r, int col)
{
	EhdsColumn *column = &t->columns[col];

	ehds_tableau_column(t, col);
	for (int i = 0; i < column->n; i++)
	{
		int other = column->row[i];

		if (other == r)
			continue;
		CHECK_FOR_INTERRUPTS();
		add(t, other, ehds_tableau_get(&t->rows[other], col), &t->rows[r], col);
	}
	column->n = 0;
}

void
ehds_tableau_pivot(EhdsTableau *t, int r, int col)
{
	EhdsRow *row = &t->rows[r];
	int leaving = row->cell;
	int at = find(row, col);
	uint32 factor;

	Assert(at >= 0);
	factor = inverse(row->val[at]);
	remove_entry(row, at);
	for (int i = 0; i < row->n; i++)
		row->val[i] = times(minus(factor), row->val[i]);
	insert_entry(t, row, leaving, factor);
	row->cell = col;
	t->row_of[col] = r;
	t->row_of[leaving] = -1;
	t->columns[leaving].n = 0;
	note(t, leaving, r);
	substitute(t, r, col);
}

void
ehds_tableau_drop(EhdsTableau *t, int col)
{
	EhdsColumn *column = &t->columns[col];

	ehds_tableau_column(t, col);
	for (int i = 0; i < column->n; i++)
	{
		EhdsRow *row = &t->rows[column->row[i]];

		remove_entry(row, find(row, col));
	}
	column->n = 0;
}

static int
by_number(const void *a, const void *b)
{
	int x = *(const int *) a;
	int y = *(const int *) b;

	return x < y ? -1 : x > y;
}

static const EhdsTable *sorted_table;

/* Finer totals first, so that coarser ones find them solved. */
static int
by_level(const void *a, const void *b)
{
	int x = *(const int *) a;
	int y = *(const int *) b;
	int lx = sorted_table->cells[sorted_table->sums[x].total].level;
	int ly = sorted_table->cells[sorted_table->sums[y].total].level;

	return lx != ly ? (lx < ly ? -1 : 1) : (x < y ? -1 : 1);
}

EhdsTableau *
ehds_tableau_make(const EhdsTable *table)
{
	EhdsTableau *t = palloc0(sizeof(EhdsTableau));
	int *order = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int) * (Size) Max(table->nsums, 1));
	uint32 *sum = palloc0(sizeof(uint32) * Max(table->ncells, 1));
	int *touched = palloc(sizeof(int) * Max(table->ncells, 1));
	bool *is_touched = palloc0(sizeof(bool) * Max(table->ncells, 1));

	t->cxt = CurrentMemoryContext;
	t->ncells = table->ncells;
	t->rows = palloc0(sizeof(EhdsRow) * Max(table->ncells, 1));
	t->columns = palloc0(sizeof(EhdsColumn) * Max(table->ncells, 1));
	t->row_of = palloc(sizeof(int) * Max(table->ncells, 1));
	t->stamp = palloc0(sizeof(int) * Max(table->ncells, 1));
	t->scratch_col = palloc(sizeof(int) * Max(table->ncells, 1));
	t->scratch_val = palloc(sizeof(uint32) * Max(table->ncells, 1));
	for (int i = 0; i < table->ncells; i++)
		t->row_of[i] = -1;

	for (int i = 0; i < table->nsums; i++)
		order[i] = i;
	sorted_table = table;
	qsort(order, table->nsums, sizeof(int), by_level);

#define TOUCH(c, v)                    \
	do                                 \
	{                                  \
		if (!is_touched[c])            \
		{                              \
			is_touched[c] = true;      \
			touched[ntouched++] = (c); \
		}                              \
		sum[c] = plus(sum[c], (v));    \
	} while (0)

	for (int s = 0; s < table->nsums; s++)
	{
		const EhdsSum *equation = &table->sums[order[s]];
		int ntouched = 0;
		int pivot = -1;
		int n = 0;

		CHECK_FOR_INTERRUPTS();
		for (int i = -1; i < equation->nparts; i++)
		{
			int cell = i < 0 ? equation->total : equation->parts[i];
			uint32 factor = i < 0 ? minus(1) : 1;

			if (t->row_of[cell] < 0)
				TOUCH(cell, factor);
			else
			{
				EhdsRow *row = &t->rows[t->row_of[cell]];

				for (int k = 0; k < row->n; k++)
					TOUCH(row->col[k], times(factor, row->val[k]));
			}
		}

		/* solve it for the total, or for the coarsest cell that is left */
		for (int i = 0; i < ntouched; i++)
		{
			int c = touched[i];

			if (sum[c] == 0)
				continue;
			n++;
			if (pivot < 0 || c == equation->total ||
				(pivot != equation->total && table->cells[c].level > table->cells[pivot].level))
				pivot = c;
		}
		if (pivot >= 0)
		{
			int r = t->nrows++;
			EhdsRow *row = &t->rows[r];
			uint32 factor = minus(inverse(sum[pivot]));

			make_room(t, row, n);
			row->cell = pivot;
			if (ntouched > 1)
				qsort(touched, ntouched, sizeof(int), by_number);
			for (int i = 0; i < ntouched; i++)
			{
				int c = touched[i];

				if (sum[c] == 0 || c == pivot)
					continue;
				row->col[row->n] = c;
				row->val[row->n++] = times(factor, sum[c]);
				note(t, c, r);
			}
			t->row_of[pivot] = r;
			substitute(t, r, pivot);
		}
		for (int i = 0; i < ntouched; i++)
		{
			sum[touched[i]] = 0;
			is_touched[touched[i]] = false;
		}
	}
#undef TOUCH
	return t;
}
