/*
 * siphash.h
 *		SipHash-2-4, a pseudorandom function for short inputs.
 *
 * Aumasson, Bernstein 2012, "SipHash: a fast short-input PRF". It is written out
 * here because a call into OpenSSL costs more than the hash.
 */
#ifndef EHDS_SIPHASH_H
#define EHDS_SIPHASH_H

#include "core/compat.h"

typedef struct EhdsSipKey
{
	uint64 k0;
	uint64 k1;
} EhdsSipKey;

typedef struct EhdsSip
{
	uint64 v0, v1, v2, v3;
} EhdsSip;

#define EHDS_SIP_ROTATE(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static pg_attribute_always_inline void
ehds_sip_round(EhdsSip *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = EHDS_SIP_ROTATE(s->v1, 13) ^ s->v0;
	s->v3 = EHDS_SIP_ROTATE(s->v3, 16) ^ s->v2;
	s->v0 = EHDS_SIP_ROTATE(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = EHDS_SIP_ROTATE(s->v1, 17) ^ s->v2;
	s->v3 = EHDS_SIP_ROTATE(s->v3, 21) ^ s->v0;
	s->v2 = EHDS_SIP_ROTATE(s->v2, 32);
}

static pg_attribute_always_inline void
ehds_sip_start(EhdsSip *s, const EhdsSipKey *key)
{
	s->v0 = key->k0 ^ UINT64CONST(0x736f6d6570736575);
	s->v1 = key->k1 ^ UINT64CONST(0x646f72616e646f6d);
	s->v2 = key->k0 ^ UINT64CONST(0x6c7967656e657261);
	s->v3 = key->k1 ^ UINT64CONST(0x7465646279746573);
}

static pg_attribute_always_inline void
ehds_sip_word(EhdsSip *s, uint64 word)
{
	s->v3 ^= word;
	ehds_sip_round(s);
	ehds_sip_round(s);
	s->v0 ^= word;
}

/* The rest of fewer than eight bytes, and the length of the whole. */
static pg_attribute_always_inline uint64
ehds_sip_end(EhdsSip *s, const unsigned char *rest, size_t length)
{
	uint64 word = (uint64) length << 56;

	for (size_t i = 0; i < (length & 7); i++)
		word |= (uint64) rest[i] << (8 * i);
	ehds_sip_word(s, word);
	s->v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		ehds_sip_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Bytes as words of the machine's order: a hash never leaves the server. */
static pg_attribute_always_inline void
ehds_sip_bytes(EhdsSip *s, const unsigned char *bytes, size_t length)
{
	uint64 word;

	for (; length >= 8; bytes += 8, length -= 8)
	{
		memcpy(&word, bytes, 8);
		ehds_sip_word(s, word);
	}
}

static inline uint64
ehds_siphash(const EhdsSipKey *key, const void *data, size_t length)
{
	EhdsSip s;

	ehds_sip_start(&s, key);
	ehds_sip_bytes(&s, data, length);
	return ehds_sip_end(&s, (const unsigned char *) data + (length & ~(size_t) 7), length);
}

#endif /* EHDS_SIPHASH_H */
