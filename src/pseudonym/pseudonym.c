/*
 * pseudonym.c
 *		Pseudonyms of texts and integers under a key of one domain, version and kind.
 *
 * text: 'v<version>-' and the first 128 bits of HMAC-SHA-256 of the value in
 * UTF-8, in hexadecimal.
 *
 * bigint: a keyed bijection on 1..10^15-1, so that the type stays and no two
 * values meet: a balanced Feistel network on 50 bits (two halves of 25) whose
 * round function is HMAC-SHA-256, walked along its cycle until it is back in
 * the range (1.13 steps on average; Black and Rogaway, "Ciphers with arbitrary
 * finite domains", 2002).  Ten rounds, as FF1 of NIST SP 800-38G has.
 *
 * Texts and integers use different keys, so that no MAC made for one means
 * anything for the other.
 *
 * The key is derived once per call site and query and lives in OpenSSL's
 * context in the call site's memory (hmac.c).
 */
#include "pseudonym/pseudonym.h"

#include "core/approval.h"
#include "core/errors.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "pseudonym/hmac.h"
#include "pseudonym/keyring.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define ROUNDS 10
#define HALF_BITS 25
#define HALF_MASK ((UINT64CONST(1) << HALF_BITS) - 1)
/* hexadecimal digits of a text pseudonym: 128 bits */
#define PSEUDONYM_DIGITS 32

/* The key of a call site. */
typedef struct CallSite
{
	MemoryContext cxt; /* holds domain, kind and hmac; NULL before the first call */
	char *domain;
	char *kind;
	int32 version;
	EhdsHmac *hmac;
} CallSite;

PG_FUNCTION_INFO_V1(ehds_pseudonym_text);
PG_FUNCTION_INFO_V1(ehds_pseudonym_bigint);
PG_FUNCTION_INFO_V1(ehds_pseudonym_of_text);
PG_FUNCTION_INFO_V1(ehds_pseudonym_of_bigint);

static bool
same_text(const char *s, text *t)
{
	size_t len = strlen(s);

	return len == VARSIZE_ANY_EXHDR(t) && memcmp(s, VARDATA_ANY(t), len) == 0;
}

/* The key of this call site for the arguments domain (1) and kind (2). */
static CallSite *
get_key(FunctionCallInfo fcinfo, const char *use)
{
	CallSite *site = (CallSite *) fcinfo->flinfo->fn_extra;
	text *domain;
	text *kind;
	MemoryContext cxt;
	CallSite fresh;
	uint8 key[EHDS_KEY_LEN];

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("domain and kind of a pseudonym must not be null")));
	domain = PG_GETARG_TEXT_PP(1);
	kind = PG_GETARG_TEXT_PP(2);

	if (site == NULL)
	{
		site = (CallSite *) MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(CallSite));
		fcinfo->flinfo->fn_extra = site;
	}
	else if (site->cxt != NULL && same_text(site->domain, domain) && same_text(site->kind, kind))
		return site;

	cxt = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "pg_ehds pseudonym key", ALLOCSET_SMALL_SIZES);
	fresh.cxt = cxt;
	fresh.domain = MemoryContextStrdup(cxt, text_to_cstring(domain));
	fresh.kind = MemoryContextStrdup(cxt, text_to_cstring(kind));
	fresh.version = ehds_key_version_current();
	ehds_derive_key(use, fresh.domain, fresh.version, fresh.kind, key);
	fresh.hmac = ehds_hmac_create(cxt, key, sizeof(key));

	if (site->cxt != NULL)
		MemoryContextDelete(site->cxt);
	*site = fresh;
	return site;
}

static Datum
pseudonym_text(FunctionCallInfo fcinfo)
{
	CallSite *site = get_key(fcinfo, "pseudonym");
	text *value = PG_GETARG_TEXT_PP(0);
	int len = VARSIZE_ANY_EXHDR(value);
	char *utf8 = pg_server_to_any(VARDATA_ANY(value), len, PG_UTF8);
	uint8 mac[EHDS_HMAC_LEN];
	char digits[PSEUDONYM_DIGITS + 1];

	/* a converted copy ends in a zero byte, the original does not */
	if (utf8 != VARDATA_ANY(value))
		len = strlen(utf8);

	ehds_hmac_begin(site->hmac);
	ehds_hmac_update(site->hmac, utf8, len);
	ehds_hmac_end(site->hmac, mac);

	hex_encode((const char *) mac, PSEUDONYM_DIGITS / 2, digits);
	digits[PSEUDONYM_DIGITS] = '\0';
	return PointerGetDatum(cstring_to_text(psprintf("v%d-%s", site->version, digits)));
}

/* One pass of the network over 50 bits. */
static uint64
feistel(EhdsHmac *hmac, uint64 block)
{
	uint32 left = block >> HALF_BITS;
	uint32 right = block & HALF_MASK;

	for (int round = 0; round < ROUNDS; round++)
	{
		uint8 message[1 + sizeof(uint32)];
		uint8 mac[EHDS_HMAC_LEN];
		uint32 half = pg_hton32(right);
		uint32 f;
		uint32 next;

		message[0] = (uint8) round;
		memcpy(message + 1, &half, sizeof(half));
		ehds_hmac_begin(hmac);
		ehds_hmac_update(hmac, message, sizeof(message));
		ehds_hmac_end(hmac, mac);
		memcpy(&f, mac, sizeof(f));
		next = (left ^ pg_ntoh32(f)) & HALF_MASK;
		left = right;
		right = next;
	}
	return ((uint64) left << HALF_BITS) | right;
}

static Datum
pseudonym_bigint(FunctionCallInfo fcinfo)
{
	CallSite *site = get_key(fcinfo, "pseudonym-integer");
	int64 value = PG_GETARG_INT64(0);
	uint64 block;

	if (value < 1 || value > EHDS_PSEUDONYM_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("a value is outside the range of integer pseudonyms, 1 to %lld",
						(long long) EHDS_PSEUDONYM_MAX),
				 errhint("Leave the column out of the permit; integer identifiers from 1 to %lld have pseudonyms.",
						 (long long) EHDS_PSEUDONYM_MAX)));

	block = (uint64) (value - 1);
	do
	{
		block = feistel(site->hmac, block);
	} while (block >= (uint64) EHDS_PSEUDONYM_MAX);
	return Int64GetDatum((int64) block + 1);
}

/* ehds.pseudonym(value text, domain text, kind text, approval ehds.approval) */
Datum
ehds_pseudonym_text(PG_FUNCTION_ARGS)
{
	(void) ehds_getarg_execution(fcinfo, 3);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return pseudonym_text(fcinfo);
}

/* ehds.pseudonym(value bigint, domain text, kind text, approval ehds.approval) */
Datum
ehds_pseudonym_bigint(PG_FUNCTION_ARGS)
{
	(void) ehds_getarg_execution(fcinfo, 3);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return pseudonym_bigint(fcinfo);
}

/* ehds.pseudonym_of(value text, domain text, kind text) */
Datum
ehds_pseudonym_of_text(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return pseudonym_text(fcinfo);
}

/* ehds.pseudonym_of(value bigint, domain text, kind text) */
Datum
ehds_pseudonym_of_bigint(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	return pseudonym_bigint(fcinfo);
}
