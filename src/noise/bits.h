/*
 * bits.h
 *		The coin that every sampler tosses, and exact uniform integers made of it.
 *
 * A sampler never asks the generator by itself: it takes bits from an EhdsBits.
 * In the server that is fed from core/random.h; a test feeds it from a script, or
 * walks all scripts, and so sees the sampler's exact distribution.
 *
 * A source lives on the stack of one draw. Nothing of it survives the draw, so
 * no unused bits can be inherited by a forked process or found in memory later.
 */
#ifndef EHDS_BITS_H
#define EHDS_BITS_H

#include "core/compat.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

typedef struct EhdsBits
{
	uint64 pool; /* next bit is the most significant one */
	int left;    /* bits in pool */
	/* Refill: store bits at the top of *word, return how many (1..64). */
	int (*fill)(struct EhdsBits *bits, uint64 *word);
	void *arg; /* for fill */
} EhdsBits;

/*
 * Marks a decision on drawn bits that the time of a draw shows. Each of them says
 * nothing of the result, or comes so seldom that doc/guarantees.md leaves it out;
 * test/unit/branches.c finds a decision that is not marked.
 */
#ifndef EHDS_TOLD
#define EHDS_TOLD(decision) (decision)
#endif

/* A source of the server's secure randomness; end it with ehds_bits_end(). */
extern void ehds_bits_secure(EhdsBits *bits);
extern void ehds_bits_end(EhdsBits *bits);

extern uint64 ehds_bits_take_refill(EhdsBits *bits, int n);

/* The next n bits (1..64), the first one most significant. */
static inline uint64
ehds_bits_take(EhdsBits *bits, int n)
{
	uint64 result;

	Assert(n >= 1 && n <= 64);
	if (unlikely(n >= bits->left))
		return ehds_bits_take_refill(bits, n);
	result = bits->pool >> (64 - n);
	bits->pool <<= n;
	bits->left -= n;
	return result;
}

/*
 * Uniform on 0..n-1 for n >= 1, by rejection: no modulo bias. The number of attempts is
 * independent of the one that is kept.
 */
static inline uint64
ehds_bits_below(EhdsBits *bits, uint64 n)
{
	int width;
	uint64 u;

	Assert(n >= 1);
	if (n == 1)
		return 0;
	width = pg_leftmost_one_pos64(n - 1) + 1;
	do
	{
		CHECK_FOR_INTERRUPTS();
		u = ehds_bits_take(bits, width);
	} while (EHDS_TOLD(u >= n));
	return u;
}

#endif /* EHDS_BITS_H */
