/*
 * geometric.h
 *		How often in a row a trial of probability exp(-1) succeeds.
 */
#ifndef EHDS_GEOMETRIC_H
#define EHDS_GEOMETRIC_H

#include "noise/bits.h"

/*
 * v >= 0 with probability exp(-v) (1 - exp(-1)), exactly. The time it takes is the
 * same for all v, but for one draw in 10^13 (those above 31).
 */
extern uint64 ehds_geometric_e(EhdsBits *bits);

#endif /* EHDS_GEOMETRIC_H */
