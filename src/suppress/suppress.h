/*
 * suppress.h
 *		Secondary suppression: what must be hidden so that hidden cells stay hidden.
 */
#ifndef EHDS_SUPPRESS_H
#define EHDS_SUPPRESS_H

#include "core/compat.h"

/* Beyond these a table is refused: the work grows faster than the table. */
#define EHDS_SUPPRESS_CELLS_MAX 100000
#define EHDS_SUPPRESS_SETS_MAX 512
#define EHDS_SUPPRESS_SIZE_MAX (INT64CONST(1) << 40)
#define EHDS_SUPPRESS_WIDTH_MAX 1000000

typedef struct EhdsCell
{
	int64 size;         /* persons, or another magnitude that is not negative */
	int level;          /* 0: interior; a higher level is a margin of a lower one */
	int64 contributors; /* persons without whom its figure would be nothing */
	bool primary;       /* must not be shown */
	bool unknown; /* is not in the table (a margin that was not asked for): nobody sees it, nobody protects it */
	bool hidden; /* result: not shown, primary or secondary */
} EhdsCell;

/* cells[total] = sum of cells[parts[0 .. nparts - 1]] */
typedef struct EhdsSum
{
	int total;
	int nparts;
	int *parts;
} EhdsSum;

typedef struct EhdsTable
{
	int ncells;
	EhdsCell *cells;
	int nsums;
	EhdsSum *sums;
} EhdsTable;

/*
 * Choose what to hide beside the primary cells; fills cells[].hidden.
 *
 * Width 0: no hidden cell is a linear combination of shown ones.  Width w > 0:
 * for every hidden cell there are two tables of non-negative numbers that agree
 * with everything that is shown, in which the cell differs by at least w.  Where
 * that can't be shown an error is raised.  Allocates in the current context.
 */
extern void ehds_suppress(EhdsTable *table, int64 width);

/* The two halves of it, one file each. */
extern void ehds_suppress_eliminate(EhdsTable *table);
extern void ehds_suppress_widen(EhdsTable *table, int64 width);

/*
 * After ehds_suppress: make primary what must be hidden beside so that no total less its
 * shown parts is of 1 to k - 1 persons.  True if there was something; then again.
 */
extern bool ehds_suppress_remainders(EhdsTable *table, int64 k);

/* One row of a result with grouping sets, as the window functions read it. */
typedef struct EhdsTableRow
{
	int64 size;
	int64 contributors;
	bool hidden;
	bool unseen;     /* is not in the result: it only says which cells make which totals */
	uint32 grouping; /* as GROUPING() gives it */
	char **keys;     /* NULL: the value NULL, or aggregated away */
	int cell;        /* result: its index in the table */
} EhdsTableRow;

/* The cells and sums of such a result, with the margins that its sets have in common. */
extern EhdsTable *ehds_suppress_margins(EhdsTableRow *rows, int nrows, int nkeys);

/* The width in force: the larger of the user's and the floor. */
extern int64 ehds_suppress_width(void);

/* Define the settings of this room; called once from _PG_init. */
extern void ehds_suppress_init(void);

#endif /* EHDS_SUPPRESS_H */
