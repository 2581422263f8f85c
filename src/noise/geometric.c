/*
 * geometric.c
 *		How often in a row a trial of probability exp(-1) succeeds.
 *
 * To try until one fails would take the longer, the larger the noise is that is
 * made of it. Instead a uniform number u between 0 and 1 is compared with exp(-1),
 * exp(-2), ... exp(-32), all of them: v is how many are above u. A geometric
 * variable has no memory, so a v of 32 is followed by another draw that is added.
 *
 * u has no end of digits, and they are drawn as far as it takes to tell. The first
 * EHDS_CHUNK nearly always do; where they are those of a power, once in 2^59 draws,
 * more digits of both decide, computed when they are needed. So v is exact.
 *
 * Tests of all bit streams take shorter chunks.
 */
#include "noise/geometric.h"

#include "miscadmin.h"
#include "noise/exp_digits.h"

#ifndef EHDS_CHUNK
#define EHDS_CHUNK 64
#endif

#define POWERS 32

/* The first 64 binary digits of exp(-1), exp(-2), ... */
static const uint64 power[POWERS] = {
	UINT64CONST(0x5e2d58d8b3bcdf1a), UINT64CONST(0x22a555477f03973f), UINT64CONST(0x0cbed86667585764),
	UINT64CONST(0x04b0556e084f3d1d), UINT64CONST(0x01b993fe00d53761), UINT64CONST(0x00a2728f889ea6ae),
	UINT64CONST(0x003bc2d73849531d), UINT64CONST(0x0015fc21041027ac), UINT64CONST(0x0008167912932a2c),
	UINT64CONST(0x0002f9af36ac8f93), UINT64CONST(0x000118354238f676), UINT64CONST(0x0000671530ed0ef2),
	UINT64CONST(0x000025ec0a77303b), UINT64CONST(0x00000df3637ed80b), UINT64CONST(0x00000521d72889fb),
	UINT64CONST(0x000001e355bbaee8), UINT64CONST(0x000000b1cf18bad3), UINT64CONST(0x00000041698a31a6),
	UINT64CONST(0x000000181056ff2c), UINT64CONST(0x00000008da432af9), UINT64CONST(0x0000000341b61a1b),
	UINT64CONST(0x0000000132b48bf1), UINT64CONST(0x0000000070d49f90), UINT64CONST(0x0000000029820f1f),
	UINT64CONST(0x000000000f451bd2), UINT64CONST(0x00000000059e14a9), UINT64CONST(0x0000000002110a53),
	UINT64CONST(0x0000000000c29f80), UINT64CONST(0x000000000047990a), UINT64CONST(0x00000000001a56e0),
	UINT64CONST(0x000000000009b090), UINT64CONST(0x000000000003908c),
};

StaticAssertDecl(POWERS <= EHDS_EXP_DIGITS_MAX, "digits of all powers can be computed");
StaticAssertDecl(64 % EHDS_CHUNK == 0, "no chunk lies half in the table");

/* Chunk c (from 0) of exp(-j) */
static inline uint64
chunk_of(int j, int c)
{
	int at = c * EHDS_CHUNK;

	if (at < 64)
		return (power[j - 1] << at) >> (64 - EHDS_CHUNK);
	return ehds_exp_digits(j, at, EHDS_CHUNK);
}

/* How many of the powers whose first chunk is that of u are above it? */
static uint64
settle(EhdsBits *bits, uint64 u)
{
	uint32 open = 0; /* bit j - 1: exp(-j) agrees with u so far */
	uint64 above = 0;

	for (int j = 1; j <= POWERS; j++)
		open |= (uint32) (u == chunk_of(j, 0)) << (j - 1);
	for (int c = 1; open != 0; c++)
	{
		u = ehds_bits_take(bits, EHDS_CHUNK);
		CHECK_FOR_INTERRUPTS();
		for (int j = 1; j <= POWERS; j++)
		{
			uint32 bit = (uint32) 1 << (j - 1);
			uint64 digits;

			if ((open & bit) == 0)
				continue;
			digits = chunk_of(j, c);
			if (u != digits)
				open &= ~bit;
			if (u < digits)
				above++;
		}
	}
	return above;
}

uint64
ehds_geometric_e(EhdsBits *bits)
{
	uint64 total = 0;
	uint64 v;

	do
	{
		uint64 u = ehds_bits_take(bits, EHDS_CHUNK);
		uint64 same = 0;

		CHECK_FOR_INTERRUPTS();
		v = 0;
		for (int j = 1; j <= POWERS; j++)
		{
			v += (uint64) (u < chunk_of(j, 0));
			same |= (uint64) (u == chunk_of(j, 0));
		}
		if (unlikely(EHDS_TOLD(same != 0)))
			v += settle(bits, u);
		total += v;
	} while (unlikely(EHDS_TOLD(v == POWERS)));
	return total;
}
