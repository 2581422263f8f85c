/*
 * random.c
 *		Cryptographic randomness, buffered in the process that uses it.
 *
 * A sampler asks for a few bytes at a time, thousands of times a release; the
 * buffer makes that one call to OpenSSL in hundreds. The buffer belongs to the
 * process that filled it: after a fork it is thrown away, or two backends would
 * draw the same noise.
 */
#include "core/compat.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "core/random.h"
#include "miscadmin.h"

#define POOL_SIZE 4096

static uint8 pool[POOL_SIZE];
static size_t pool_left = 0;
static int pool_pid = 0;

static void
draw(void *buf, size_t n)
{
	if (RAND_bytes(buf, (int) n) != 1)
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not get random bytes from OpenSSL")));
}

void
ehds_random_bytes(void *buf, size_t n)
{
	uint8 *start;

	if (n > POOL_SIZE / 8)
	{
		draw(buf, n);
		return;
	}
	if (pool_pid != MyProcPid || pool_left < n)
	{
		pool_left = 0;
		draw(pool, POOL_SIZE);
		pool_pid = MyProcPid;
		pool_left = POOL_SIZE;
	}
	start = pool + POOL_SIZE - pool_left;
	memcpy(buf, start, n);
	OPENSSL_cleanse(start, n);
	pool_left -= n;
}

uint64
ehds_random_uint64(void)
{
	uint64 r;

	ehds_random_bytes(&r, sizeof(r));
	return r;
}
