/*
 * bits.c
 *		The coin that every sampler tosses, and exact uniform integers made of it.
 */
#include "noise/bits.h"

#include "core/random.h"

static int
fill_secure(EhdsBits *bits, uint64 *word)
{
	*word = ehds_random_uint64();
	return 64;
}

void
ehds_bits_secure(EhdsBits *bits)
{
	bits->pool = 0;
	bits->left = 0;
	bits->fill = fill_secure;
	bits->arg = NULL;
}

void
ehds_bits_end(EhdsBits *bits)
{
	explicit_bzero(bits, sizeof(*bits));
}

uint64
ehds_bits_take_refill(EhdsBits *bits, int n)
{
	uint64 result = 0;

	Assert(n >= 1 && n <= 64);
	while (n > 0)
	{
		int some;

		if (bits->left == 0)
			bits->left = bits->fill(bits, &bits->pool);
		some = Min(n, bits->left);

		/* a shift by the full width is undefined */
		if (some == 64)
		{
			result = bits->pool;
			bits->pool = 0;
		}
		else
		{
			result = (result << some) | (bits->pool >> (64 - some));
			bits->pool <<= some;
		}
		bits->left -= some;
		n -= some;
	}
	return result;
}
