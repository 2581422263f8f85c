/*
 * grid.c
 *		Least squares where some keys are functions of others: places in regions, by sex.
 *
 * Keys of which one determines the others, each the next coarser one, are one
 * dimension, along which its values are sorted so that the values of every coarser
 * key are neighbours.  The finest cells are a grid over the dimensions, and a cell of
 * any set is a box in it.
 *
 * The corrections of the finest cells solve the normal equations, by conjugate
 * gradients; what other sets differ by from the sums of finest noised values is all
 * that floating point sees.  Rounded are the running sums of the corrections along all
 * dimensions: a box is the difference of its corners, so that every cell is off by
 * half of them at most, and all of them are sums of the same whole numbers.
 */
#include "additive/additive.h"

#include <math.h>

#include "common/int.h"
#include "miscadmin.h"

/* sets times finest cells */
#define WORK_MAX (INT64CONST(1) << 25)
#define STEPS_MAX 2000
/* of the residual, in persons or the like; rounding is coarser by far */
#define PRECISE 1e-4
/* ... or of what it was, where noise is so wide that doubles are no more precise */
#define RELATIVE 1e-12

typedef struct GridSet
{
	uint32 keys;
	double weight; /* inverse variance, relative to the finest set */
	int *cells;    /* indexes, sorted by ids */
	int ncells;
	int *box;           /* of each finest cell, which of them it lies in */
	double *difference; /* of each: its value less the sum of the finest values in it */
	double *sums;
} GridSet;

typedef struct Grid
{
	EhdsAdditiveCell *cells;
	int nkeys;
	GridSet *sets;
	int nsets;
	int finest; /* set */
	int ndims;
	int dims[EHDS_ADDITIVE_KEYS_MAX]; /* the key that determines the others of the dimension */
	int sizes[EHDS_ADDITIVE_KEYS_MAX];
	int64 strides[EHDS_ADDITIVE_KEYS_MAX];
	int *places[EHDS_ADDITIVE_KEYS_MAX]; /* of each value of that key along the dimension */
	int *at;                             /* grid place -> index of the finest cell */
	int size;
} Grid;

/* How cells of one set are compared. */
typedef struct Order
{
	const EhdsAdditiveCell *cells;
	int nkeys;
	uint32 keys;
} Order;

static int
compare_cells(const EhdsAdditiveCell *x, const EhdsAdditiveCell *y, const Order *order)
{
	for (int j = 0; j < order->nkeys; j++)
		if (((order->keys >> j) & 1) && x->ids[j] != y->ids[j])
			return x->ids[j] < y->ids[j] ? -1 : 1;
	return 0;
}

static int
compare_indexes(const void *a, const void *b, void *arg)
{
	const Order *order = arg;

	return compare_cells(&order->cells[*(const int *) a], &order->cells[*(const int *) b], order);
}

/* The cells by sets; false if one is there twice, or no set has all keys. */
static bool
read_sets(Grid *g, int ncells)
{
	uint32 all = 0;

	for (int i = 0; i < ncells; i++)
		all |= g->cells[i].keys;
	g->finest = -1;
	for (int i = 0; i < ncells; i++)
	{
		int s = 0;

		while (s < g->nsets && g->sets[s].keys != g->cells[i].keys)
			s++;
		if (s == g->nsets)
		{
			/* the work grows with sets times cells in any case */
			if (g->nsets >= EHDS_GRID_SETS_MAX)
				return false;
			g->nsets++;
			g->sets[s].keys = g->cells[i].keys;
			g->sets[s].weight = 1 / g->cells[i].variance;
			g->sets[s].cells = palloc_extended(sizeof(int) * ncells, MCXT_ALLOC_HUGE);
			if (g->cells[i].keys == all)
				g->finest = s;
		}
		g->sets[s].cells[g->sets[s].ncells++] = i;
	}
	if (g->finest < 0)
		return false;
	g->size = g->sets[g->finest].ncells;
	if ((int64) g->size * g->nsets > WORK_MAX)
		return false;
	for (int s = 0; s < g->nsets; s++)
	{
		GridSet *set = &g->sets[s];
		Order order = {g->cells, g->nkeys, set->keys};

		qsort_arg(set->cells, set->ncells, sizeof(int), compare_indexes, &order);
		for (int i = 1; i < set->ncells; i++)
			if (compare_indexes(&set->cells[i - 1], &set->cells[i], &order) == 0)
				return false;
	}
	for (int s = 0; s < g->nsets; s++)
		if (s != g->finest)
			g->sets[s].weight /= g->sets[g->finest].weight;
	return true;
}

/* ------------------------------------------------------------------ dimensions */

/* Has each value of key j one value of key i? */
static bool
determines(const Grid *g, int j, int i, int most)
{
	const GridSet *finest = &g->sets[g->finest];
	int *value = palloc_extended(sizeof(int) * most, MCXT_ALLOC_HUGE);
	bool unique = true;

	for (int v = 0; v < most; v++)
		value[v] = -1;
	for (int c = 0; c < finest->ncells && unique; c++)
	{
		const int *ids = g->cells[finest->cells[c]].ids;

		unique = value[ids[j]] < 0 || value[ids[j]] == ids[i];
		value[ids[j]] = ids[i];
	}
	pfree(value);
	return unique;
}

/* How values are sorted along a dimension: by its keys, from the coarsest on. */
typedef struct Along
{
	const EhdsAdditiveCell *cells;
	int keys[EHDS_ADDITIVE_KEYS_MAX];
	int nkeys;
} Along;

static int
compare_along(const void *a, const void *b, void *arg)
{
	const Along *along = arg;
	const EhdsAdditiveCell *x = &along->cells[*(const int *) a];
	const EhdsAdditiveCell *y = &along->cells[*(const int *) b];

	for (int k = 0; k < along->nkeys; k++)
		if (x->ids[along->keys[k]] != y->ids[along->keys[k]])
			return x->ids[along->keys[k]] < y->ids[along->keys[k]] ? -1 : 1;
	return 0;
}

/* Number the values of the key that determines the dimension, along it. */
static void
sort_dimension(Grid *g, const Along *along, int most)
{
	const GridSet *finest = &g->sets[g->finest];
	int *order = palloc_extended(sizeof(int) * finest->ncells, MCXT_ALLOC_HUGE);
	int *place = palloc_extended(sizeof(int) * most, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int key = along->keys[along->nkeys - 1];
	int n = 0;

	memcpy(order, finest->cells, sizeof(int) * finest->ncells);
	qsort_arg(order, finest->ncells, sizeof(int), compare_along, (void *) along);
	for (int c = 0; c < finest->ncells; c++)
	{
		if (c > 0 && compare_along(&order[c - 1], &order[c], (void *) along) != 0)
			n++;
		place[g->cells[order[c]].ids[key]] = n;
	}
	g->places[g->ndims] = place;
	g->sizes[g->ndims] = n + 1;
	g->dims[g->ndims++] = key;
	pfree(order);
}

/* False if keys that one key determines are not each a coarser one of the next. */
static bool
find_dimensions(Grid *g)
{
	uint32 left = g->sets[g->finest].keys;
	bool known[EHDS_ADDITIVE_KEYS_MAX][EHDS_ADDITIVE_KEYS_MAX]; /* does the first determine the second? */
	int most = 1;

	for (int c = 0; c < g->size; c++)
		for (int j = 0; j < g->nkeys; j++)
			if ((left >> j) & 1)
				most = Max(most, g->cells[g->sets[g->finest].cells[c]].ids[j] + 1);
	for (int j = 0; j < g->nkeys; j++)
		for (int i = 0; i < g->nkeys; i++)
			known[j][i] = ((left >> i) & 1) && ((left >> j) & 1) && determines(g, j, i, most);
	while (left != 0)
	{
		Along along = {0};
		int top = -1;

		/* one that no other determines, unless it determines that one too */
		for (int j = 0; j < g->nkeys && top < 0; j++)
		{
			bool determined = !((left >> j) & 1);

			for (int i = 0; i < g->nkeys; i++)
				if (i != j && ((left >> i) & 1) && known[i][j] && !known[j][i])
					determined = true;
			if (!determined)
				top = j;
		}
		along.cells = g->cells;
		for (int i = 0; i < g->nkeys; i++)
		{
			int n = along.nkeys;

			if (i == top || !((left >> i) & 1) || !known[top][i])
				continue;
			/* before those that determine it */
			while (n > 0 && known[along.keys[n - 1]][i])
				n--;
			memmove(&along.keys[n + 1], &along.keys[n], sizeof(int) * (along.nkeys - n));
			along.keys[n] = i;
			along.nkeys++;
		}
		along.keys[along.nkeys++] = top;
		for (int n = 0; n < along.nkeys; n++)
		{
			left &= ~((uint32) 1 << along.keys[n]);
			if (n > 0 && !known[along.keys[n]][along.keys[n - 1]])
				return false;
		}
		sort_dimension(g, &along, most);
	}
	return true;
}

/* The finest cells on the grid; false unless there is one at each place. */
static bool
fill_grid(Grid *g)
{
	int64 size = 1;

	for (int d = 0; d < g->ndims; d++)
	{
		g->strides[d] = size;
		size *= g->sizes[d];
		if (size > g->size)
			return false;
	}
	if (size != g->size)
		return false;
	g->at = palloc_extended(sizeof(int) * g->size, MCXT_ALLOC_HUGE);
	for (int c = 0; c < g->size; c++)
	{
		int index = g->sets[g->finest].cells[c];
		int64 place = 0;

		for (int d = 0; d < g->ndims; d++)
			place += g->places[d][g->cells[index].ids[g->dims[d]]] * g->strides[d];
		/* the key that determines a dimension tells the others: no place is taken twice */
		g->at[place] = index;
	}
	return true;
}

/* ------------------------------------------------------------------ least squares */

/* Which finest cells lie in which; false if one lies in none, or a cell has none. */
static bool
find_boxes(Grid *g)
{
	for (int s = 0; s < g->nsets; s++)
	{
		GridSet *set = &g->sets[s];
		Order order = {g->cells, g->nkeys, set->keys};
		int64 *sums;
		bool *met;

		if (s == g->finest)
			continue;
		sums = palloc_extended(sizeof(int64) * set->ncells, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		met = palloc_extended(sizeof(bool) * set->ncells, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
		set->box = palloc_extended(sizeof(int) * g->size, MCXT_ALLOC_HUGE);
		set->difference = palloc_extended(sizeof(double) * set->ncells, MCXT_ALLOC_HUGE);
		set->sums = palloc_extended(sizeof(double) * set->ncells, MCXT_ALLOC_HUGE);
		for (int p = 0; p < g->size; p++)
		{
			int low = 0;
			int high = set->ncells - 1;
			int cmp = -1;

			while (low <= high)
			{
				int middle = (low + high) / 2;

				cmp = compare_cells(&g->cells[g->at[p]], &g->cells[set->cells[middle]], &order);
				if (cmp == 0)
				{
					set->box[p] = middle;
					break;
				}
				if (cmp < 0)
					high = middle - 1;
				else
					low = middle + 1;
			}
			if (cmp != 0 ||
				pg_add_s64_overflow(sums[set->box[p]], g->cells[g->at[p]].value, &sums[set->box[p]]))
				return false;
			met[set->box[p]] = true;
		}
		for (int c = 0; c < set->ncells; c++)
		{
			int64 difference;

			if (!met[c] || pg_sub_s64_overflow(g->cells[set->cells[c]].value, sums[c], &difference))
				return false;
			set->difference[c] = (double) difference;
		}
		pfree(sums);
		pfree(met);
	}
	return true;
}

/* out = x plus, of each set, weight times the sum over x's box, or over the box's difference if x is NULL */
static void
apply(Grid *g, const double *x, double *out)
{
	for (int p = 0; p < g->size; p++)
		out[p] = x ? x[p] : 0;
	for (int s = 0; s < g->nsets; s++)
	{
		GridSet *set = &g->sets[s];
		const double *of = set->difference;

		if (s == g->finest)
			continue;
		CHECK_FOR_INTERRUPTS();
		if (x != NULL)
		{
			memset(set->sums, 0, sizeof(double) * set->ncells);
			for (int p = 0; p < g->size; p++)
				set->sums[set->box[p]] += x[p];
			of = set->sums;
		}
		for (int p = 0; p < g->size; p++)
			out[p] += set->weight * of[set->box[p]];
	}
}

static double
product(const Grid *g, const double *a, const double *b)
{
	double sum = 0;

	for (int p = 0; p < g->size; p++)
		sum += a[p] * b[p];
	return sum;
}

/* The corrections of the finest cells; false if they are not found. */
static bool
solve(Grid *g, double *x)
{
	Size bytes = sizeof(double) * g->size;
	double *residual = palloc_extended(bytes, MCXT_ALLOC_HUGE);
	double *direction = palloc_extended(bytes, MCXT_ALLOC_HUGE);
	double *image = palloc_extended(bytes, MCXT_ALLOC_HUGE);
	double rest;
	double enough;

	memset(x, 0, bytes);
	apply(g, NULL, residual);
	memcpy(direction, residual, bytes);
	rest = product(g, residual, residual);
	/* no eigenvalue is below 1, so that the error is no larger than the residual */
	enough = Max(PRECISE * PRECISE, rest * RELATIVE * RELATIVE);
	for (int step = 0; rest > enough; step++)
	{
		double before = rest;
		double length;

		if (step >= STEPS_MAX)
			return false;
		apply(g, direction, image);
		length = rest / product(g, direction, image);
		for (int p = 0; p < g->size; p++)
		{
			x[p] += length * direction[p];
			residual[p] -= length * image[p];
		}
		rest = product(g, residual, residual);
		if (!(rest < 1e300))
			return false;
		for (int p = 0; p < g->size; p++)
			direction[p] = residual[p] + rest / before * direction[p];
	}
	pfree(residual);
	pfree(direction);
	pfree(image);
	return true;
}

/* Along each dimension: running sums, or the differences that undo them. */
static void
run_along(const Grid *g, double *x, bool back)
{
	for (int d = 0; d < g->ndims; d++)
		for (int i = 0; i < g->size; i++)
		{
			int p = back ? g->size - 1 - i : i;

			if (p / g->strides[d] % g->sizes[d] > 0)
				x[p] += back ? -x[p - g->strides[d]] : x[p - g->strides[d]];
		}
}

/* Whole results; false if one does not fit. */
static bool
round_grid(Grid *g, double *x)
{
	run_along(g, x, false);
	for (int p = 0; p < g->size; p++)
	{
		x[p] = rint(x[p]);
		/* beyond it, differences would not be exact */
		if (!(fabs(x[p]) < 1e15))
			return false;
	}
	run_along(g, x, true);
	for (int s = 0; s < g->nsets; s++)
		for (int c = 0; c < g->sets[s].ncells; c++)
			g->cells[g->sets[s].cells[c]].result = 0;
	for (int p = 0; p < g->size; p++)
	{
		EhdsAdditiveCell *cell = &g->cells[g->at[p]];

		if (pg_add_s64_overflow(cell->value, (int64) x[p], &cell->result))
			return false;
		for (int s = 0; s < g->nsets; s++)
		{
			int64 *sum;

			if (s == g->finest)
				continue;
			sum = &g->cells[g->sets[s].cells[g->sets[s].box[p]]].result;
			if (pg_add_s64_overflow(*sum, cell->result, sum))
				return false;
		}
	}
	return true;
}

bool
ehds_additive_grid(EhdsAdditiveCell *cells, int ncells, int nkeys)
{
	Grid g = {0};
	double *x;

	if (ncells <= 0)
		return false;
	g.cells = cells;
	g.nkeys = nkeys;
	g.sets = palloc0(sizeof(GridSet) * EHDS_GRID_SETS_MAX);
	if (!read_sets(&g, ncells) || !find_dimensions(&g) || !fill_grid(&g) || !find_boxes(&g))
		return false;
	x = palloc_extended(sizeof(double) * g.size, MCXT_ALLOC_HUGE);
	return solve(&g, x) && round_grid(&g, x);
}
