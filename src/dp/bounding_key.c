/*
 * bounding_key.c
 *		The key of the hash that chooses which groups of a subject are kept.
 *
 * The leader and its workers need one key, so it is computed: from the approval,
 * which is random and planted into one plan, and a secret that the postmaster
 * draws and all its children inherit. Neither ever shows. (Noise is never drawn
 * from anything that was made before a fork; here being the same is the purpose.)
 */
#include "dp/collect.h"

#include "core/random.h"

static EhdsPrfKey secret;
static bool have_secret = false;

void
ehds_bounding_secret_init(void)
{
	ehds_random_bytes(&secret, sizeof(secret));
	have_secret = true;
}

void
ehds_bounding_key(uint64 approval, EhdsPrfKey *key)
{
	if (!have_secret)
		elog(ERROR, "there is no secret for contribution bounding");
	ehds_prf_derive(&secret, approval, 0, key);
}

/* For tests, which compute the same choice in another way. */
void
ehds_bounding_key_of_seed(int64 seed, EhdsPrfKey *key)
{
	memset(key, 0, sizeof(*key));
	memcpy(key->bytes, &seed, sizeof(seed));
}
