/*
 * prf.c
 *		A pseudorandom function for short inputs.
 */
#include "core/prf.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define BLOCK 16
/* pairs that are hashed in one call */
#define PRF_AT_ONCE 16

/* The cipher with the key that was used last; made when first needed, and so never inherited by a fork. */
static EVP_CIPHER_CTX *cipher = NULL;
static EhdsPrfKey cipher_key;

static void
cipher_check(int ok)
{
	if (ok != 1)
	{
		EVP_CIPHER_CTX_free(cipher);
		cipher = NULL;
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a keyed hash with OpenSSL")));
	}
}

static void
use_key(const EhdsPrfKey *key)
{
	if (cipher != NULL && memcmp(&cipher_key, key, sizeof(cipher_key)) == 0)
		return;
	if (cipher == NULL)
	{
		cipher = EVP_CIPHER_CTX_new();
		cipher_check(cipher != NULL);
	}
	cipher_check(EVP_EncryptInit_ex(cipher, EVP_aes_128_ecb(), NULL, key->bytes, NULL));
	cipher_check(EVP_CIPHER_CTX_set_padding(cipher, 0));
	cipher_key = *key;
}

static inline void
encrypt(uint64 block[2])
{
	int length;

	cipher_check(EVP_EncryptUpdate(cipher, (unsigned char *) block, &length, (unsigned char *) block, BLOCK));
}

uint64
ehds_prf_pair(const EhdsPrfKey *key, uint64 a, uint64 b)
{
	uint64 block[2] = {a, b};

	use_key(key);
	encrypt(block);
	return block[0];
}

void
ehds_prf_pairs(const EhdsPrfKey *key, uint64 *words, int n, uint64 b)
{
	uint64 blocks[2 * PRF_AT_ONCE];

	use_key(key);
	while (n > 0)
	{
		int now = Min(n, PRF_AT_ONCE);
		int length;

		for (int i = 0; i < now; i++)
		{
			blocks[2 * i] = words[i];
			blocks[2 * i + 1] = b;
		}
		/* without chaining the blocks are independent of each other */
		cipher_check(EVP_EncryptUpdate(cipher, (unsigned char *) blocks, &length, (unsigned char *) blocks,
									   now * BLOCK));
		for (int i = 0; i < now; i++)
			words[i] = blocks[2 * i];
		words += now;
		n -= now;
	}
}

uint64
ehds_prf_bytes(const EhdsPrfKey *key, uint64 word, const void *bytes, Size length)
{
	uint64 block[2] = {word, (uint64) length};

	use_key(key);
	encrypt(block);
	for (Size at = 0; at < length; at += BLOCK)
	{
		uint64 next[2] = {0, 0};

		memcpy(next, (const char *) bytes + at, Min(BLOCK, length - at));
		block[0] ^= next[0];
		block[1] ^= next[1];
		encrypt(block);
	}
	return block[0];
}

void
ehds_prf_derive(const EhdsPrfKey *key, uint64 a, uint64 b, EhdsPrfKey *derived)
{
	uint64 block[2] = {a, b};

	use_key(key);
	encrypt(block);
	memcpy(derived->bytes, block, sizeof(derived->bytes));
	OPENSSL_cleanse(block, sizeof(block));
}
