/*
 * complete.c
 *		Least squares for tables that have a cell for each combination of values.
 *
 * Every such table is a sum of parts that are orthogonal: for each subset U of its
 * keys what U's values do together, over and above what fewer of them do (the
 * interactions of the analysis of variance).  The noise of a set is as wide in every
 * direction, so the least squares estimate is found part by part: the mean of what
 * the sets with the keys U say of it, by inverse variances.
 *
 * Rounded are the running sums along all keys, once for each subset of keys; a cell
 * is the difference of its 2^keys corners.  Summed over a key, all corners but those
 * at its ends fall out: so what is rounded adds up, and a cell is off by half of its
 * corners at most.
 */
#include "additive/additive.h"

#include <math.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"

/* sums beyond are not told apart by a double */
#define SUM_MAX 4503599627370496.0

/* A table over some of the keys. */
typedef struct Table
{
	uint32 keys;
	int ndims;
	int dims[EHDS_COMPLETE_KEYS_MAX];
	int64 strides[EHDS_COMPLETE_KEYS_MAX];
	int64 ncells;
	double variance; /* of a set's cells */
	double *cells;   /* of a set: its values; of a part: the estimate */
	double weight;   /* of a part: sum of weights */
	double *running; /* of a part: rounded running sums */
} Table;

typedef struct Maker
{
	int nkeys;
	int sizes[EHDS_COMPLETE_KEYS_MAX]; /* values of a key */
	Table *sets;
	int nsets;
	Table **parts; /* by their keys; NULL: in no set */
	int64 ncells;
} Maker;

static Table *
make_table(Maker *m, uint32 keys)
{
	Table *t = palloc0(sizeof(Table));

	t->keys = keys;
	t->ncells = 1;
	for (int j = 0; j < m->nkeys; j++)
	{
		if (((keys >> j) & 1) == 0)
			continue;
		t->dims[t->ndims] = j;
		t->strides[t->ndims++] = t->ncells;
		t->ncells *= m->sizes[j];
		if (t->ncells > EHDS_COMPLETE_CELLS_MAX)
			return NULL;
	}
	m->ncells += t->ncells;
	if (m->ncells > EHDS_COMPLETE_CELLS_MAX)
		return NULL;
	t->cells = palloc_extended(sizeof(double) * t->ncells, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return t;
}

/* The value of dimension d in a cell. */
static int
coordinate(const Maker *m, const Table *t, int64 cell, int d)
{
	return (int) (cell / t->strides[d] % m->sizes[t->dims[d]]);
}

/* Where a cell of t lies in a table that has some of its keys. */
static int64
project(const Maker *m, const Table *t, int64 cell, const Table *to)
{
	int64 place = 0;
	int d = 0;

	for (int e = 0; e < to->ndims; e++)
	{
		while (t->dims[d] != to->dims[e])
			d++;
		place += coordinate(m, t, cell, d) * to->strides[e];
	}
	return place;
}

static int64
place_of(const Table *t, const EhdsAdditiveCell *cell)
{
	int64 place = 0;

	for (int d = 0; d < t->ndims; d++)
		place += cell->ids[t->dims[d]] * t->strides[d];
	return place;
}

static Table *
find_set(Maker *m, uint32 keys)
{
	for (int i = 0; i < m->nsets; i++)
		if (m->sets[i].keys == keys)
			return &m->sets[i];
	return NULL;
}

/* The sets, and a part for each subset of their keys; false unless they are complete. */
static bool
read_tables(Maker *m, const EhdsAdditiveCell *cells, int ncells)
{
	double sum = 0;
	int64 expected = 0;

	for (int i = 0; i < ncells; i++)
	{
		for (int j = 0; j < m->nkeys; j++)
			if ((cells[i].keys >> j) & 1)
				m->sizes[j] = Max(m->sizes[j], cells[i].ids[j] + 1);
		sum += fabs((double) cells[i].value);
	}
	if (sum > SUM_MAX)
		return false;
	for (int i = 0; i < ncells; i++)
	{
		Table *set = find_set(m, cells[i].keys);
		double *cell;

		if (set == NULL)
		{
			set = make_table(m, cells[i].keys);
			if (set == NULL)
				return false;
			set->variance = cells[i].variance;
			for (int64 c = 0; c < set->ncells; c++)
				set->cells[c] = NAN;
			expected += set->ncells;
			m->sets[m->nsets++] = *set;
			set = &m->sets[m->nsets - 1];
		}
		cell = &set->cells[place_of(set, &cells[i])];
		if (!isnan(*cell) || !(cells[i].variance > 0))
			return false;
		*cell = (double) cells[i].value;
	}
	/* none is there twice, so all are there */
	if (expected != ncells)
		return false;
	for (int i = 0; i < m->nsets; i++)
	{
		uint32 keys = m->sets[i].keys;

		for (uint32 part = keys;; part = (part - 1) & keys)
		{
			if (m->parts[part] == NULL && (m->parts[part] = make_table(m, part)) == NULL)
				return false;
			if (part == 0)
				break;
		}
	}
	return true;
}

/* Take from each cell the mean along dimension d. */
static void
subtract_means(const Maker *m, Table *t, double *cells, int d)
{
	int n = m->sizes[t->dims[d]];
	int64 stride = t->strides[d];

	for (int64 c = 0; c < t->ncells; c++)
	{
		double mean = 0;

		if (coordinate(m, t, c, d) != 0)
			continue;
		for (int i = 0; i < n; i++)
			mean += cells[c + i * stride];
		mean /= n;
		for (int i = 0; i < n; i++)
			cells[c + i * stride] -= mean;
	}
}

/* What the set says of the part, weighed. */
static void
add_opinion(Maker *m, const Table *set, Table *part)
{
	double *margin = palloc_extended(sizeof(double) * part->ncells, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	/* the inverse variance of a sum of so many cells */
	double weight = (double) part->ncells / set->ncells / set->variance;

	for (int64 c = 0; c < set->ncells; c++)
		margin[project(m, set, c, part)] += set->cells[c];
	for (int d = 0; d < part->ndims; d++)
		subtract_means(m, part, margin, d);
	for (int64 c = 0; c < part->ncells; c++)
		part->cells[c] += weight * margin[c];
	part->weight += weight;
	pfree(margin);
}

/* The estimate of a margin from those of its parts, and its rounded running sums. */
static void
add_running_sums(Maker *m, Table *margin)
{
	double *sums = palloc_extended(sizeof(double) * margin->ncells, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	for (uint32 keys = margin->keys;; keys = (keys - 1) & margin->keys)
	{
		Table *part = m->parts[keys];
		double share = (double) part->ncells / margin->ncells;

		CHECK_FOR_INTERRUPTS();
		for (int64 c = 0; c < margin->ncells; c++)
			sums[c] += share * part->cells[project(m, margin, c, part)];
		if (keys == 0)
			break;
	}
	for (int d = 0; d < margin->ndims; d++)
		for (int64 c = 0; c < margin->ncells; c++)
			if (coordinate(m, margin, c, d) > 0)
				sums[c] += sums[c - margin->strides[d]];
	for (int64 c = 0; c < margin->ncells; c++)
		sums[c] = rint(sums[c]);
	margin->running = sums;
}

/*
 * The running sum at a cell. At the last value of a key it is that of the margin
 * without the key: equal, but for the last bits, which would be rounded twice.
 */
static double
running_sum(const Maker *m, const Table *t, int64 cell)
{
	uint32 keys = t->keys;

	for (int d = 0; d < t->ndims; d++)
		if (coordinate(m, t, cell, d) == m->sizes[t->dims[d]] - 1)
			keys &= ~((uint32) 1 << t->dims[d]);
	return m->parts[keys]->running[project(m, t, cell, m->parts[keys])];
}

static void
difference_set(Maker *m, Table *set)
{
	const Table *margin = m->parts[set->keys];

	for (int64 c = 0; c < set->ncells; c++)
		set->cells[c] = running_sum(m, margin, c);
	for (int d = 0; d < set->ndims; d++)
		for (int64 c = set->ncells - 1; c >= 0; c--)
			if (coordinate(m, set, c, d) > 0)
				set->cells[c] -= set->cells[c - set->strides[d]];
}

bool
ehds_additive_complete(EhdsAdditiveCell *cells, int ncells, int nkeys)
{
	Maker m = {0};

	if (ncells <= 0 || nkeys > EHDS_COMPLETE_KEYS_MAX)
		return false;
	m.nkeys = nkeys;
	m.sets = palloc0(sizeof(Table) << nkeys);
	m.parts = palloc0(sizeof(Table *) << nkeys);
	if (!read_tables(&m, cells, ncells))
		return false;
	for (uint32 keys = 0; keys < ((uint32) 1 << nkeys); keys++)
	{
		Table *part = m.parts[keys];

		if (part == NULL)
			continue;
		for (int i = 0; i < m.nsets; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if ((keys & ~m.sets[i].keys) == 0)
				add_opinion(&m, &m.sets[i], part);
		}
		for (int64 c = 0; c < part->ncells; c++)
			part->cells[c] /= part->weight;
	}
	for (uint32 keys = 0; keys < ((uint32) 1 << nkeys); keys++)
		if (m.parts[keys] != NULL)
			add_running_sums(&m, m.parts[keys]);
	for (int i = 0; i < m.nsets; i++)
		difference_set(&m, &m.sets[i]);
	for (int i = 0; i < ncells; i++)
	{
		const Table *set = find_set(&m, cells[i].keys);

		cells[i].result = (int64) set->cells[place_of(set, &cells[i])];
	}
	return true;
}
