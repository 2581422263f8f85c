/*
 * margins.c
 *		The cells and sums of a result with grouping sets.
 *
 * A cell of a coarser set is the sum of the cells of a finer one that lie in it.
 * Two sets that are not nested sum up to the same margin over the keys that they
 * share, even if nobody asked for it: so the sets are closed under intersection of
 * keys, and the margins that come in are cells that nobody sees.
 *
 * Only sums that the sets tell of are known here.  That a value of one key goes
 * with one value of another (a place and its region) makes more of them, which are
 * seen only if a set has both keys.
 *
 * Persons who are in several cells make counts of persons not additive.  They are
 * treated as if they were: whoever subtracts does the same, and is often right.
 */
#include "core/compat.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "suppress/suppress.h"

typedef struct Value
{
	int key;
	int length;
	const char *text;
} Value;

typedef struct ValueEntry
{
	Value value;
	int id;
} ValueEntry;

static uint32
value_hash(const void *key, Size size)
{
	const Value *v = key;

	return hash_combine(hash_bytes((const unsigned char *) v->text, v->length), (uint32) v->key);
}

static int
value_match(const void *a, const void *b, Size size)
{
	const Value *x = a;
	const Value *y = b;

	if (x->key != y->key || x->length != y->length)
		return 1;
	return memcmp(x->text, y->text, x->length);
}

/* Everything while a table is made. */
typedef struct Maker
{
	EhdsTable *table;
	int room;
	int nkeys;
	HTAB *values;
	int nvalues;
	HTAB *cells;  /* int[1 + nkeys] (set, ids of its values) -> CellEntry behind it */
	uint32 *sets; /* masks as GROUPING() gives them */
	bool *asked;  /* is the set in the result, or a common margin? */
	int nsets;
	int **place; /* of a cell: set and ids */
	int *probe;
	int sums_room;
} Maker;

static int *
cell_slot(Maker *m, const int *key, bool *found)
{
	char *entry = hash_search(m->cells, key, HASH_ENTER, found);

	return (int *) (entry + sizeof(int) * (m->nkeys + 1));
}

static void
too_large(void)
{
	ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					errmsg("a table with totals may have at most %d cells", EHDS_SUPPRESS_CELLS_MAX),
					errhint("Ask for fewer grouping sets, or for coarser keys.")));
}

static int
new_cell(Maker *m, const int *key)
{
	EhdsTable *table = m->table;
	int i = table->ncells;

	if (i >= EHDS_SUPPRESS_CELLS_MAX)
		too_large();
	if (i >= m->room)
	{
		m->room = m->room * 2;
		table->cells = repalloc_huge(table->cells, sizeof(EhdsCell) * m->room);
		m->place = repalloc_huge(m->place, sizeof(int *) * m->room);
	}
	memset(&table->cells[i], 0, sizeof(EhdsCell));
	table->cells[i].level = pg_popcount32(m->sets[key[0]]);
	m->place[i] = palloc(sizeof(int) * (m->nkeys + 1));
	memcpy(m->place[i], key, sizeof(int) * (m->nkeys + 1));
	table->ncells++;
	return i;
}

/* The number of a value among all of its key; 0 is NULL, -1 aggregated away. */
static int
value_id(Maker *m, int key, const char *text)
{
	Value v;
	ValueEntry *entry;
	bool found;

	if (text == NULL)
		return 0;
	memset(&v, 0, sizeof(v));
	v.key = key;
	v.length = strlen(text);
	v.text = text;
	entry = hash_search(m->values, &v, HASH_ENTER, &found);
	if (!found)
		entry->id = ++m->nvalues;
	return entry->id;
}

static int
find_set(const Maker *m, uint32 mask)
{
	for (int i = 0; i < m->nsets; i++)
	{
		if (m->sets[i] == mask)
			return i;
	}
	return -1;
}

static int
add_set(Maker *m, uint32 mask, bool asked)
{
	int i = find_set(m, mask);

	if (i >= 0)
		return i;
	if (m->nsets >= EHDS_SUPPRESS_SETS_MAX)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("a table with totals may have at most %d grouping sets, common totals included",
							   EHDS_SUPPRESS_SETS_MAX),
						errhint("Ask for fewer grouping sets.")));
	m->sets[m->nsets] = mask;
	m->asked[m->nsets] = asked;
	return m->nsets++;
}

static bool
aggregated(const Maker *m, uint32 mask, int key)
{
	return (mask >> (m->nkeys - 1 - key)) & 1;
}

static void
same_keys(void)
{
	ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("two cells of a table have the same keys"),
					errhint("Group by values whose text tells them apart.")));
}

static void
read_rows(Maker *m, EhdsTableRow *rows, int nrows)
{
	int *times = palloc0(sizeof(int) * Max(nrows, 1));
	int set_times[EHDS_SUPPRESS_SETS_MAX] = {0};

	for (int i = 0; i < nrows; i++)
	{
		EhdsTableRow *row = &rows[i];
		bool found;
		int *slot;
		EhdsCell *cell;

		CHECK_FOR_INTERRUPTS();
		if (row->size < 0 || row->size > EHDS_SUPPRESS_SIZE_MAX)
			ereport(ERROR, (errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
							errmsg("the size of a cell must be from 0 to 2^40")));
		if (row->grouping >> m->nkeys != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("GROUPING has more bits than keys")));
		m->probe[0] = add_set(m, row->grouping, true);
		for (int k = 0; k < m->nkeys; k++)
			m->probe[k + 1] = aggregated(m, row->grouping, k) ? -1 : value_id(m, k, row->keys[k]);
		slot = cell_slot(m, m->probe, &found);
		if (!found)
		{
			*slot = new_cell(m, m->probe);
			m->table->cells[*slot].size = row->size;
			m->table->cells[*slot].contributors = row->contributors;
			m->table->cells[*slot].unknown = row->unseen;
		}
		row->cell = *slot;
		cell = &m->table->cells[*slot];
		times[*slot]++;
		if (cell->size != row->size)
			same_keys();
		cell->primary |= row->hidden;
	}
	/* a set that is asked for twice is fine, with all its cells; keys that look the same are not */
	for (int i = 0; i < m->table->ncells; i++)
	{
		int *expected = &set_times[m->place[i][0]];

		if (*expected == 0)
			*expected = times[i];
		if (*expected != times[i])
			same_keys();
	}
	pfree(times);
}

/* Is coarse reached from fine without another set between them? */
static bool
immediate(const Maker *m, int coarse, int fine)
{
	uint32 a = m->sets[coarse];
	uint32 b = m->sets[fine];

	if (a == b || (a & b) != b)
		return false;
	for (int i = 0; i < m->nsets; i++)
	{
		uint32 c = m->sets[i];

		if (c != a && c != b && (a & c) == c && (c & b) == b)
			return false;
	}
	return true;
}

/* The sums of the cells of fine within those of coarse. */
static void
add_sums(Maker *m, int coarse, int fine, int *first_sum)
{
	EhdsTable *table = m->table;
	int ncells = table->ncells;
	int from = table->nsums;
	int *sum_of = palloc(sizeof(int) * ncells);
	int *counts;

	/* which cell each one goes to */
	for (int i = 0; i < ncells; i++)
	{
		bool found;
		int *slot;

		sum_of[i] = -1;
		if (m->place[i][0] != fine)
			continue;
		CHECK_FOR_INTERRUPTS();
		m->probe[0] = coarse;
		for (int k = 0; k < m->nkeys; k++)
			m->probe[k + 1] = aggregated(m, m->sets[coarse], k) ? -1 : m->place[i][k + 1];
		slot = cell_slot(m, m->probe, &found);
		if (!found)
		{
			/*
			 * A person in a part is in its total.  If the total is missing, the
			 * caller left rows out or the keys look different in the two sets; what
			 * can be computed is then unknown.
			 */
			if (m->asked[coarse] && table->cells[i].size > 0)
				ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("a cell of the table has no total"),
								errhint("Group by values that have one text each.")));
			*slot = new_cell(m, m->probe);
			table->cells[*slot].unknown = true;
			table->cells[*slot].contributors = EHDS_SUPPRESS_SIZE_MAX; /* less is found from its parts */
		}
		sum_of[i] = *slot;
	}

	/* one sum for each total that has parts */
	counts = palloc0(sizeof(int) * table->ncells);
	for (int i = 0; i < ncells; i++)
	{
		if (sum_of[i] >= 0)
			counts[sum_of[i]]++;
	}
	for (int i = 0; i < table->ncells; i++)
	{
		EhdsSum *sum;

		first_sum[i] = -1;
		if (counts[i] == 0)
			continue;
		if (table->nsums >= m->sums_room)
		{
			m->sums_room *= 2;
			table->sums = repalloc_huge(table->sums, sizeof(EhdsSum) * m->sums_room);
		}
		first_sum[i] = table->nsums;
		sum = &table->sums[table->nsums++];
		sum->total = i;
		sum->nparts = 0;
		sum->parts = palloc(sizeof(int) * counts[i]);
	}
	for (int i = 0; i < ncells; i++)
	{
		if (sum_of[i] >= 0)
		{
			EhdsSum *sum = &table->sums[first_sum[sum_of[i]]];

			sum->parts[sum->nparts++] = i;
		}
	}
	/* the size of a total that nobody asked for */
	for (int s = from; s < table->nsums; s++)
	{
		EhdsSum *sum = &table->sums[s];
		int64 size = 0;

		if (!table->cells[sum->total].unknown)
			continue;
		for (int i = 0; i < sum->nparts; i++)
			size += table->cells[sum->parts[i]].size;
		table->cells[sum->total].size = Max(table->cells[sum->total].size, size);
	}
	/* nobody can be in a total and in none of its parts */
	for (int i = 0; i < table->ncells; i++)
	{
		if (m->place[i][0] == coarse && counts[i] == 0 && table->cells[i].size > 0)
			ereport(ERROR, (errcode(ERRCODE_DATA_EXCEPTION), errmsg("a total of the table has no parts"),
							errhint("Group by values that have one text each.")));
	}
	pfree(sum_of);
	pfree(counts);
}

EhdsTable *
ehds_suppress_margins(EhdsTableRow *rows, int nrows, int nkeys)
{
	Maker maker;
	Maker *m = &maker;
	HASHCTL ctl;
	int *first_sum;
	int *by_level;
	int n;

	if (nrows > EHDS_SUPPRESS_CELLS_MAX)
		too_large();
	if (nkeys > 31)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("a table may have at most 31 keys")));
	memset(m, 0, sizeof(Maker));
	m->table = palloc0(sizeof(EhdsTable));
	m->nkeys = nkeys;
	m->room = Max(nrows, 16);
	m->table->cells = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(EhdsCell) * m->room);
	m->place = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(int *) * m->room);
	m->sums_room = Max(nrows, 16);
	m->table->sums = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(EhdsSum) * m->sums_room);
	m->sets = palloc(sizeof(uint32) * EHDS_SUPPRESS_SETS_MAX);
	m->asked = palloc(sizeof(bool) * EHDS_SUPPRESS_SETS_MAX);
	m->probe = palloc(sizeof(int) * (nkeys + 1));

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Value);
	ctl.entrysize = sizeof(ValueEntry);
	ctl.hash = value_hash;
	ctl.match = value_match;
	ctl.hcxt = CurrentMemoryContext;
	m->values = hash_create("ehds key values", 256, &ctl,
							HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(int) * (nkeys + 1);
	ctl.entrysize = sizeof(int) * (nkeys + 2);
	ctl.hcxt = CurrentMemoryContext;
	m->cells = hash_create("ehds cells", Max(nrows, 16), &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	read_rows(m, rows, nrows);
	for (int i = 0; i < m->nsets; i++)
	{
		for (int j = 0; j < i; j++)
		{
			CHECK_FOR_INTERRUPTS();
			add_set(m, m->sets[i] | m->sets[j], false);
		}
	}

	/* Finer totals first: common margins are made of cells, and of margins made before. */
	n = m->nsets;
	by_level = palloc(sizeof(int) * n);
	for (int i = 0; i < n; i++)
		by_level[i] = i;
	for (int i = 1; i < n; i++)
	{
		int set = by_level[i];
		int j = i;

		for (; j > 0 && pg_popcount32(m->sets[by_level[j - 1]]) > pg_popcount32(m->sets[set]); j--)
			by_level[j] = by_level[j - 1];
		by_level[j] = set;
	}
	first_sum = palloc(sizeof(int) * EHDS_SUPPRESS_CELLS_MAX);
	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < i; j++)
		{
			CHECK_FOR_INTERRUPTS();
			if (immediate(m, by_level[i], by_level[j]))
				add_sums(m, by_level[i], by_level[j], first_sum);
		}
	}
	return m->table;
}
