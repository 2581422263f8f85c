/*
 * siphash.c
 *		SipHash-2-4 of core/siphash.h: the example of its authors, and OpenSSL's.
 */
#include "core/siphash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>

static uint64
openssl_siphash(const unsigned char *key, const unsigned char *data, size_t length)
{
	EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(algorithm);
	size_t size = 8;
	OSSL_PARAM params[2] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size), OSSL_PARAM_END};
	unsigned char out[8];
	uint64 result = 0;

	if (EVP_MAC_CTX_set_params(ctx, params) == 1 && EVP_MAC_init(ctx, key, 16, NULL) == 1 &&
		EVP_MAC_update(ctx, data, length) == 1 && EVP_MAC_final(ctx, out, &size, sizeof(out)) == 1)
		memcpy(&result, out, sizeof(result));
	EVP_MAC_CTX_free(ctx);
	EVP_MAC_free(algorithm);
	return result;
}

int
main(void)
{
	unsigned char key[16];
	unsigned char data[300];
	EhdsSipKey sip;
	uint64 state = 1;
	int different = 0;
	bool example;

	for (int i = 0; i < 16; i++)
		key[i] = (unsigned char) i;
	for (int i = 0; i < 15; i++)
		data[i] = (unsigned char) i;
	memcpy(&sip, key, sizeof(sip));
	/* appendix A of the article; words have the machine's order, which is little-endian here */
	example = ehds_siphash(&sip, data, 15) == UINT64CONST(0xa129ca6149be45e5);

	for (int round = 0; round < 20; round++)
		for (size_t length = 0; length < sizeof(data); length++)
		{
			for (size_t i = 0; i < sizeof(key); i++)
				key[i] = (unsigned char) ((state = state * UINT64CONST(6364136223846793005) + 1) >> 56);
			for (size_t i = 0; i < length; i++)
				data[i] = (unsigned char) ((state = state * UINT64CONST(6364136223846793005) + 1) >> 56);
			memcpy(&sip, key, sizeof(sip));
			if (ehds_siphash(&sip, data, length) != openssl_siphash(key, data, length))
				different++;
		}
	printf("1..2\n");
	printf("%s 1 - the example of Aumasson and Bernstein\n", example ? "ok" : "not ok");
	printf("%s 2 - the same as OpenSSL's for all lengths to 299\n", different == 0 ? "ok" : "not ok");
	return (example && different == 0) ? 0 : 1;
}
