/*
 * tableau.h
 *		The sums of a table in solved form: some cells as combinations of the others.
 */
#ifndef EHDS_TABLEAU_H
#define EHDS_TABLEAU_H

#include "suppress/suppress.h"

/* Coefficients are integers modulo this prime. */
#define EHDS_PRIME UINT64CONST(4294967291)

typedef struct EhdsRow
{
	int cell; /* the dependent cell; -1: the row is not in use */
	int n;
	int room;
	int *col; /* free cells, ascending */
	uint32 *val;
} EhdsRow;

/* The rows in which a free cell may occur; some may be out of date or twice there. */
typedef struct EhdsColumn
{
	int n;
	int room;
	int *row;
} EhdsColumn;

typedef struct EhdsTableau
{
	int ncells;
	int nrows;
	EhdsRow *rows;
	EhdsColumn *columns;
	int *row_of; /* the row of a dependent cell, -1 for a free one */
	MemoryContext cxt;
	/* scratch */
	int *scratch_col;
	uint32 *scratch_val;
	int *stamp; /* per row */
	int now;
} EhdsTableau;

extern EhdsTableau *ehds_tableau_make(const EhdsTable *table);

/* The coefficient of free cell col in a row. */
extern uint32 ehds_tableau_get(const EhdsRow *row, int col);

/* Cleans the list of rows in which a free cell occurs and returns its length. */
extern int ehds_tableau_column(EhdsTableau *t, int col);

/* Exchange the dependent cell of a row with a free cell that occurs in it. */
extern void ehds_tableau_pivot(EhdsTableau *t, int row, int col);

/* Take a free cell out of all rows: it is known. */
extern void ehds_tableau_drop(EhdsTableau *t, int col);

#endif /* EHDS_TABLEAU_H */
