/*
 * hmac.c
 *		HMAC-SHA-256 with a key that is set once and used many times.
 *
 * A pseudonymised query makes millions of MACs under one key.  Setting the key
 * costs more than the MAC itself, so OpenSSL's context keeps it and is only
 * started again for each message.  OpenSSL allocates outside of PostgreSQL's
 * memory contexts: a reset callback frees it, so that an aborted query neither
 * leaks it nor leaves the key behind.
 */
#include "pseudonym/hmac.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/errors.h"
#include "utils/memutils.h"

struct EhdsHmac
{
	EVP_MAC_CTX *ctx;
	MemoryContextCallback on_reset;
};

static void
free_ctx(void *arg)
{
	EhdsHmac *h = (EhdsHmac *) arg;

	/* cleanses the key too */
	EVP_MAC_CTX_free(h->ctx);
	h->ctx = NULL;
}

static void
openssl_failed(void)
{
	ereport(ERROR, (errcode(ERRCODE_EHDS_KEY), errmsg("could not compute HMAC-SHA-256 with OpenSSL")));
}

/*
 * Make a keyed HMAC.  Never called in the postmaster: what OpenSSL fetches
 * belongs to the process that uses it.
 */
EhdsHmac *
ehds_hmac_create(MemoryContext cxt, uint8 *key, size_t len)
{
	static EVP_MAC *algorithm = NULL;
	EhdsHmac *h = (EhdsHmac *) MemoryContextAllocExtended(cxt, sizeof(EhdsHmac),
														  MCXT_ALLOC_NO_OOM | MCXT_ALLOC_ZERO);
	OSSL_PARAM params[2];
	bool ok = false;

	if (algorithm == NULL)
		algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (h != NULL && algorithm != NULL && (h->ctx = EVP_MAC_CTX_new(algorithm)) != NULL)
	{
		h->on_reset.func = free_ctx;
		h->on_reset.arg = h;
		MemoryContextRegisterResetCallback(cxt, &h->on_reset);
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, "SHA256", 0);
		params[1] = OSSL_PARAM_construct_end();
		ok = EVP_MAC_init(h->ctx, key, len, params) == 1;
	}
	OPENSSL_cleanse(key, len);
	if (!ok)
		openssl_failed();
	return h;
}

/* Start a message under the key that is set. */
void
ehds_hmac_begin(EhdsHmac *h)
{
	if (EVP_MAC_init(h->ctx, NULL, 0, NULL) != 1)
		openssl_failed();
}

void
ehds_hmac_update(EhdsHmac *h, const void *data, size_t len)
{
	if (EVP_MAC_update(h->ctx, (const unsigned char *) data, len) != 1)
		openssl_failed();
}

void
ehds_hmac_end(EhdsHmac *h, uint8 out[EHDS_HMAC_LEN])
{
	size_t len = 0;

	if (EVP_MAC_final(h->ctx, out, &len, EHDS_HMAC_LEN) != 1 || len != EHDS_HMAC_LEN)
		openssl_failed();
}
