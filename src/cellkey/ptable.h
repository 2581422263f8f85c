/*
 * ptable.h
 *		The perturbation table: which noise a count gets, with which probability.
 *
 * A row for each true count n: noises v from -max to max with n + v = 0 or above
 * no_small, mean exactly 0, the variance that was asked for (or the nearest that
 * is possible for that n), and the greatest entropy among those.  0 stays 0.
 * From a certain count on all rows are the same.
 *
 * Pure C, without the server.
 */
#ifndef EHDS_PTABLE_H
#define EHDS_PTABLE_H

#include "core/compat.h"

#define EHDS_PTABLE_MAX 20
#define EHDS_PTABLE_WIDTH (2 * EHDS_PTABLE_MAX + 1)
/* the last row holds for all greater counts */
#define EHDS_PTABLE_ROWS (2 * EHDS_PTABLE_MAX + 2)
/* probabilities are integers in units of 2^-32 */
#define EHDS_PTABLE_ONE (UINT64CONST(1) << 32)

#define EHDS_PTABLE_VARIANCE_MIN 100 /* 0.1 in thousandths */

/* The greatest variance in thousandths: that of the uniform distribution. */
#define EHDS_PTABLE_VARIANCE_MAX(max) ((max) * ((max) + 1) * 1000 / 3)

typedef struct EhdsPtable
{
	int max;
	int variance_milli;
	int no_small;
	int rows;
	uint64 mass[EHDS_PTABLE_ROWS][EHDS_PTABLE_WIDTH]; /* of noise v in column v + max */
} EhdsPtable;

/* May there be a table with these parameters? */
extern bool ehds_ptable_possible(int max, int variance_milli, int no_small);

/* Make the table of possible parameters; false if it can't be rounded, which no test has seen. */
extern bool ehds_ptable_make(EhdsPtable *table, int max, int variance_milli, int no_small);

/* The noise of a count for a number that is uniform on 32 bits. */
extern int ehds_ptable_noise(const EhdsPtable *table, uint32 n, uint32 uniform);

#endif /* EHDS_PTABLE_H */
