/*
 * random.h
 *		Cryptographic randomness, buffered in the process that uses it.
 */
#ifndef EHDS_RANDOM_H
#define EHDS_RANDOM_H

#include "core/compat.h"

/* Fill buf with n bytes from the operating system's generator (through OpenSSL). */
extern void ehds_random_bytes(void *buf, size_t n);

/* 64 uniform bits. */
extern uint64 ehds_random_uint64(void);

#endif /* EHDS_RANDOM_H */
