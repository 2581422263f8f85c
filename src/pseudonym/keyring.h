/*
 * keyring.h
 *		Keys derived from the master key, which only the server's process reads.
 */
#ifndef EHDS_KEYRING_H
#define EHDS_KEYRING_H

#include "core/compat.h"

#define EHDS_KEY_LEN 32

/* limits of what goes into a derivation, in bytes */
#define EHDS_KEY_DOMAIN_MAX 255
#define EHDS_KEY_KIND_MAX 255

/* Define the setting ehds.key_file; from _PG_init. */
extern void ehds_keyring_init(void);

/*
 * HKDF-SHA-256 of the master key (file named by ehds.key_file) without salt;
 * info = "pg_ehds", use, domain, version (4 bytes, big-endian), kind, each
 * preceded by its length in 4 bytes, big-endian; texts in UTF-8.  domain and
 * kind may be empty.  Raises ERRCODE_EHDS_KEY if the file can't be used or is
 * not the key that ehds.key_version has registered.  The caller cleanses out
 * (OPENSSL_cleanse).  Works in parallel workers and in recovery.
 */
extern void ehds_derive_key(const char *use, const char *domain, int32 version, const char *kind,
							uint8 out[EHDS_KEY_LEN]);

/* The newest registered version of the master key; raises ERRCODE_EHDS_KEY if there is none. */
extern int32 ehds_key_version_current(void);

/* Why the key file can't be used (a palloc'd sentence without its path), or NULL if it can. */
extern char *ehds_key_problem_text(void);

#endif /* EHDS_KEYRING_H */
