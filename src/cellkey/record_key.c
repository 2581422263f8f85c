/*
 * record_key.c
 *		Record keys of the subjects of a population, and the cell key they make.
 *
 * The record key of a subject is a pseudorandom 64-bit function of the subject's
 * text under a key of its population.  It is the text that is hashed so that a
 * person whose key is an integer in one table and the same digits in a text
 * column of another has one record key.  The keys of the persons in a cell are
 * added modulo 2^64, and the sum goes through a second pseudorandom function:
 * sums of chosen cells must not be equations about record keys.
 *
 * A function is AES-256 on one block where the text fits into it (up to 15 bytes
 * with its length in the last one, zeros between): a pseudorandom permutation of
 * 128 bits of which 64 are used, and many blocks go through the processor's AES
 * in one call.  A longer text is hashed by HMAC-SHA-256 under another key.  Both
 * are available wherever OpenSSL is, in FIPS mode too: which one is used must
 * never depend on the machine, since the noise is for ever.
 */
#include "cellkey/record_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "catalog/namespace.h"
#include "core/errors.h"
#include "kanon/k_subjects.h"
#include "mb/pg_wchar.h"
#include "port/pg_bswap.h"
#include "pseudonym/hmac.h"
#include "pseudonym/keyring.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#define BLOCK 16
#define BATCH 256
#define UUID_TEXT 36

struct EhdsRecordKeys
{
	EVP_CIPHER_CTX *record; /* texts that fit into a block */
	EVP_CIPHER_CTX *cell;   /* sums */
	EhdsHmac *longer;       /* other texts */
	MemoryContextCallback callback;
	/* the cell that is being added up */
	uint64 sum;
	int waiting; /* blocks */
	unsigned char blocks[BATCH * BLOCK];
	unsigned char made[BATCH * BLOCK];
};

static void
failed(void)
{
	ereport(ERROR, (errcode(ERRCODE_EHDS_KEY), errmsg("could not compute a record key with OpenSSL")));
}

/* The contexts wipe their keys when they are freed. */
static void
free_keys(void *arg)
{
	EhdsRecordKeys *keys = arg;

	EVP_CIPHER_CTX_free(keys->record);
	EVP_CIPHER_CTX_free(keys->cell);
	keys->record = keys->cell = NULL;
	OPENSSL_cleanse(&keys->sum, sizeof(keys->sum));
	OPENSSL_cleanse(keys->blocks, sizeof(keys->blocks));
	OPENSSL_cleanse(keys->made, sizeof(keys->made));
}

static EVP_CIPHER_CTX *
cipher(const char *population, int32 version, const char *kind)
{
	EVP_CIPHER_CTX *ctx;
	uint8 key[EHDS_KEY_LEN];
	bool ok;

	ehds_derive_key("cell-key", population, version, kind, key);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && EVP_EncryptInit_ex(ctx, EVP_aes_256_ecb(), NULL, key, NULL) == 1 &&
		 EVP_CIPHER_CTX_set_padding(ctx, 0) == 1;
	OPENSSL_cleanse(key, sizeof(key));
	if (!ok)
	{
		EVP_CIPHER_CTX_free(ctx);
		failed();
	}
	return ctx;
}

EhdsRecordKeys *
ehds_record_keys_create(MemoryContext cxt, const char *population)
{
	EhdsRecordKeys *keys = MemoryContextAllocZero(cxt, sizeof(EhdsRecordKeys));
	int32 version = ehds_key_version_current();
	uint8 key[EHDS_KEY_LEN];

	keys->callback.func = free_keys;
	keys->callback.arg = keys;
	MemoryContextRegisterResetCallback(cxt, &keys->callback);
	keys->record = cipher(population, version, "record");
	keys->cell = cipher(population, version, "cell");
	ehds_derive_key("cell-key", population, version, "long record", key);
	keys->longer = ehds_hmac_create(cxt, key, sizeof(key));
	return keys;
}

static void
encrypt(EVP_CIPHER_CTX *ctx, unsigned char *out, const unsigned char *in, int length)
{
	int got = 0;

	if (EVP_EncryptUpdate(ctx, out, &got, in, length) != 1 || got != length)
		failed();
}

static uint64
number(const unsigned char *bytes)
{
	uint64 x;

	memcpy(&x, bytes, sizeof(x));
	return pg_ntoh64(x);
}

/* Add the record keys of the blocks that wait. */
static void
flush(EhdsRecordKeys *keys)
{
	if (keys->waiting == 0)
		return;
	encrypt(keys->record, keys->made, keys->blocks, keys->waiting * BLOCK);
	for (int i = 0; i < keys->waiting; i++)
		keys->sum += number(keys->made + i * BLOCK);
	OPENSSL_cleanse(keys->made, (size_t) keys->waiting * BLOCK);
	keys->waiting = 0;
}

/* Add the record key of a subject, by its text. */
static void
add_text(EhdsRecordKeys *keys, const char *text, uint32 length)
{
	if (length < BLOCK)
	{
		unsigned char *block = keys->blocks + keys->waiting * BLOCK;

		memcpy(block, text, length);
		memset(block + length, 0, BLOCK - 1 - length);
		block[BLOCK - 1] = (unsigned char) length;
		if (++keys->waiting == BATCH)
			flush(keys);
	}
	else
	{
		uint8 mac[EHDS_HMAC_LEN];

		ehds_hmac_begin(keys->longer);
		ehds_hmac_update(keys->longer, text, length);
		ehds_hmac_end(keys->longer, mac);
		keys->sum += number(mac);
		OPENSSL_cleanse(mac, sizeof(mac));
	}
}

/*
 * The text in UTF-8, so that it has the same key in databases of all encodings.
 * Bytes that stand for nothing there, and those of SQL_ASCII, are taken as they
 * are: an error would show them, and that somebody has them.
 */
static void
add_encoded(EhdsRecordKeys *keys, const char *text, uint32 length)
{
	int encoding = GetDatabaseEncoding();
	Oid proc = InvalidOid;
	Size room;
	char *utf8;
	int converted;

	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII)
		proc = FindDefaultConversionProc(encoding, PG_UTF8);
	if (!OidIsValid(proc))
	{
		add_text(keys, text, length);
		return;
	}
	room = (Size) length * MAX_CONVERSION_GROWTH + 1;
	utf8 = palloc_extended(room, MCXT_ALLOC_HUGE);
	converted = pg_do_encoding_conversion_buf(proc, encoding, PG_UTF8,
											  unconstify(unsigned char *, (const unsigned char *) text),
											  (int) length, (unsigned char *) utf8,
											  (int) Min(room, PG_INT32_MAX), true);
	if (converted == (int) length)
		add_text(keys, utf8, (uint32) strlen(utf8));
	else
		add_text(keys, text, length);
	pfree(utf8);
}

static void
add_subject(const EhdsSubject *subject, void *arg)
{
	EhdsRecordKeys *keys = arg;
	char digits[MAXINT8LEN + 1];
	char uuid[UUID_TEXT];

	switch (subject->type)
	{
		case K_SUBJECT_INT:
			add_text(keys, digits, pg_lltoa(subject->integer, digits));
			break;
		case K_SUBJECT_UUID:
			for (int from = 0, to = 0; from < 16; from++)
			{
				static const char hex[] = "0123456789abcdef";

				if (from == 4 || from == 6 || from == 8 || from == 10)
					uuid[to++] = '-';
				uuid[to++] = hex[(unsigned char) subject->bytes[from] >> 4];
				uuid[to++] = hex[(unsigned char) subject->bytes[from] & 15];
			}
			add_text(keys, uuid, UUID_TEXT);
			break;
		case K_SUBJECT_TEXT:
			add_encoded(keys, subject->bytes, subject->length);
			break;
	}
}

uint32
ehds_cell_key(EhdsRecordKeys *keys, Datum state, uint32 *n)
{
	unsigned char block[BLOCK] = {0};
	unsigned char made[BLOCK];
	uint64 sum;
	uint32 uniform;

	keys->sum = 0;
	keys->waiting = 0; /* of a cell that an error has interrupted */
	*n = ehds_k_subjects_visit(state, add_subject, keys);
	flush(keys);
	sum = pg_hton64(keys->sum);
	memcpy(block, &sum, sizeof(sum));
	encrypt(keys->cell, made, block, BLOCK);
	uniform = (uint32) (number(made) >> 32);
	OPENSSL_cleanse(&sum, sizeof(sum));
	OPENSSL_cleanse(&keys->sum, sizeof(keys->sum));
	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(made, sizeof(made));
	return uniform;
}
