/*
 * simplex.h
 *		How far a hidden cell can be moved while all that is shown stays.
 */
#ifndef EHDS_SIMPLEX_H
#define EHDS_SIMPLEX_H

#include "suppress/tableau.h"

typedef struct EhdsSimplex
{
	const EhdsTable *table;
	EhdsTableau *tableau;
	bool *open;   /* cells that may move: at first those that nobody sees */
	double *move; /* result: by how much each cell is moved */
	int *moved;   /* which ones may not be 0 */
	int nmoved;
	/* scratch */
	bool *is_moved;
	int *banned; /* number of the search in which a cell can't be used */
	int search;
} EhdsSimplex;

extern EhdsSimplex *ehds_simplex_make(const EhdsTable *table);

/* Set all moves to 0; change one. */
extern void ehds_simplex_clear(EhdsSimplex *s);
extern void ehds_simplex_add(EhdsSimplex *s, int cell, double change);

/*
 * Move an open cell up (sign 1) or down (-1) by as much as it goes, at most by
 * far, such that all sums hold, only open cells move and none becomes negative.
 * The result is a suggestion in floating point: whoever relies on it must check it.
 */
extern void ehds_simplex_push(EhdsSimplex *s, int cell, int sign, double far);

/* A coefficient of the tableau as a fraction; false if it is not a small one. */
extern bool ehds_simplex_fraction(uint32 val, int64 *numerator, int64 *denominator);

/* The same as a number; NaN if it is not a small fraction. */
extern double ehds_simplex_number(uint32 val);

#endif /* EHDS_SIMPLEX_H */
