/*
 * bounding.c
 *		The order in which a subject's groups are kept.
 *
 * Contribution bounding keeps, of each subject, the max_groups groups with the
 * smallest hash of (subject, group). For a fixed key that choice is a function
 * of the subject's own rows, which is what sensitivity needs, and it merges:
 * the smallest of the smallest are the smallest. The key is random, so that
 * nobody can name groups that will be kept; it lives as long as the process, so
 * that all calls of an execution agree, and so all of them must be made in one
 * process (PARALLEL RESTRICTED).
 */
#include "core/compat.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "core/approval.h"
#include "core/random.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(ehds_bounding_hash);

#define KEY_LEN 16

static EVP_MAC_CTX *mac = NULL;
static uint8 key[KEY_LEN];
static int key_pid = 0;

static void
mac_check(int ok)
{
	if (ok != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR), errmsg("could not compute a keyed hash with OpenSSL")));
}

/*
 * SipHash (Aumasson, Bernstein 2012), a pseudorandom function made for short
 * inputs: four times as fast as HMAC-SHA-256, which stands in for it where
 * OpenSSL offers nothing but FIPS-approved algorithms.
 */
static void
mac_start(void)
{
	if (mac == NULL)
	{
		EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
		EVP_MAC_CTX *fresh;
		OSSL_PARAM params[2] = {OSSL_PARAM_END, OSSL_PARAM_END};
		size_t size = sizeof(uint64);
		char digest[] = "SHA256";

		if (algorithm != NULL)
			params[0] = OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size);
		else
		{
			algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
			params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
		}
		fresh = EVP_MAC_CTX_new(algorithm);
		EVP_MAC_free(algorithm);
		if (fresh == NULL || EVP_MAC_CTX_set_params(fresh, params) != 1)
		{
			EVP_MAC_CTX_free(fresh);
			mac_check(0);
		}
		mac = fresh;
	}
	if (key_pid != MyProcPid)
	{
		ehds_random_bytes(key, KEY_LEN);
		key_pid = MyProcPid;
	}
	mac_check(EVP_MAC_init(mac, key, KEY_LEN, NULL));
}

/* Length and NULL-ness go in first, so that no two pairs give one input. */
static void
mac_text(FunctionCallInfo fcinfo, int n)
{
	bool isnull = PG_ARGISNULL(n);
	text *value = isnull ? NULL : PG_GETARG_TEXT_PP(n);
	int32 length = isnull ? -1 : (int32) VARSIZE_ANY_EXHDR(value);

	mac_check(EVP_MAC_update(mac, (unsigned char *) &length, sizeof(length)));
	if (length > 0)
		mac_check(EVP_MAC_update(mac, (unsigned char *) VARDATA_ANY(value), length));
}

/* bounding_hash(subject_key text, group_key text, approval ehds.approval) */
Datum
ehds_bounding_hash(PG_FUNCTION_ARGS)
{
	uint64 approval = ehds_getarg_execution(fcinfo, 2)->approval;
	unsigned char out[EVP_MAX_MD_SIZE];
	size_t out_len;
	int64 result;

	mac_start();
	mac_check(EVP_MAC_update(mac, (unsigned char *) &approval, sizeof(approval)));
	mac_text(fcinfo, 0);
	mac_text(fcinfo, 1);
	mac_check(EVP_MAC_final(mac, out, &out_len, sizeof(out)));
	Assert(out_len >= sizeof(result));
	memcpy(&result, out, sizeof(result));
	PG_RETURN_INT64(result);
}
