/*
 * hmac.h
 *		HMAC-SHA-256 with a key that is set once and used many times.
 *
 * The key lives only inside OpenSSL's context, which wipes it when it is freed;
 * a context is freed with the memory context it was made in.
 */
#ifndef EHDS_HMAC_H
#define EHDS_HMAC_H

#include "core/compat.h"

#define EHDS_HMAC_LEN 32

typedef struct EhdsHmac EhdsHmac;

/* A keyed HMAC that lives as long as cxt.  The caller's key is wiped, also if this raises. */
extern EhdsHmac *ehds_hmac_create(MemoryContext cxt, uint8 *key, size_t len);

extern void ehds_hmac_begin(EhdsHmac *h);
extern void ehds_hmac_update(EhdsHmac *h, const void *data, size_t len);
extern void ehds_hmac_end(EhdsHmac *h, uint8 out[EHDS_HMAC_LEN]);

#endif /* EHDS_HMAC_H */
