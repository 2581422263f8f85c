/*
 * noise.h
 *		The room of the samplers, compiled into a test.
 *
 * Define EHDS_ROUNDS and EHDS_CHUNK before it for other constants than those of the
 * server. Include server.h after it.
 */
#ifndef EHDS_TEST_NOISE_H
#define EHDS_TEST_NOISE_H

#include "core/compat.h"

/* the sources under test */
#include "core/random.c"
#include "noise/bernoulli.c"
#include "noise/bits.c"
#include "noise/exp_digits.c"
#include "noise/gaussian.c"
#include "noise/geometric.c"
#include "noise/laplace.c"

static int allocations = 0;

void *
palloc0(Size size)
{
	allocations++;
	return calloc(1, size);
}
void
pfree(void *p)
{
	free(p);
}

#endif /* EHDS_TEST_NOISE_H */
