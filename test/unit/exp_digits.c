/*
 * exp_digits.c
 *		The digits of exp(-j), against OpenSSL's integers, and what is made of them.
 */
#include "core/compat.h"

#include <openssl/bn.h>

#include "noise.h"
#include "server.h"

#define DIGITS 1600

/* floor(exp(-j) 2^DIGITS), once computed */
static BIGNUM *exact[EHDS_EXP_DIGITS_MAX + 1];

/*
 * Sum up exp(j) = 1 + j + j^2/2! + ... over the common denominator terms!, and divide
 * 2^DIGITS by it, once by the sum and once by the sum and more than what is left of it.
 */
static bool
compute(int j)
{
	int terms = 2000;
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *sum = BN_new();
	BIGNUM *factorial = BN_new();
	BIGNUM *power = BN_new();
	BIGNUM *least = BN_new();
	bool done;

	BN_zero(sum);
	BN_one(power);
	for (int i = terms; i >= 1; i--)
	{
		/* power is terms!/i!, sum its multiples by j, j^2, ... of the terms above i */
		BN_add(sum, sum, power);
		BN_mul_word(sum, j);
		BN_mul_word(power, i);
	}
	BN_copy(factorial, power);
	BN_add(sum, sum, factorial);
	BN_lshift(power, factorial, DIGITS);
	exact[j] = BN_new();
	BN_div(exact[j], NULL, power, sum, ctx);
	/* the next term and all after it, in units of 1/terms!, are below j^terms */
	BN_one(factorial);
	for (int i = 0; i < terms; i++)
		BN_mul_word(factorial, j);
	BN_add(sum, sum, factorial);
	BN_div(least, NULL, power, sum, ctx);
	done = BN_cmp(least, exact[j]) == 0;
	BN_free(sum);
	BN_free(factorial);
	BN_free(power);
	BN_free(least);
	BN_CTX_free(ctx);
	return done;
}

static uint64
exact_digits(int j, int at, int n)
{
	uint64 digits = 0;

	for (int d = at; d < at + n; d++)
		digits = (digits << 1) | (BN_is_bit_set(exact[j], DIGITS - 1 - d) ? 1 : 0);
	return digits;
}

/* Is what is computed in that many words as near to exp(-j) as is claimed? */
static bool
is_near(int j, int words)
{
	uint32 *f = fixed_point(j, words);
	BIGNUM *found = BN_new();
	BIGNUM *right = BN_new();
	bool near;

	BN_zero(found);
	for (int w = 0; w < words; w++)
	{
		BN_lshift(found, found, 32);
		BN_add_word(found, f[w]);
	}
	BN_rshift(right, exact[j], DIGITS - 32 * (words - 1));
	BN_sub(found, found, right);
	near = BN_num_bits(found) <= 48;
	BN_free(found);
	BN_free(right);
	pfree(f);
	return near;
}

typedef struct Words
{
	uint64 word[5];
	int used;
} Words;

static int
fill_words(EhdsBits *bits, uint64 *word)
{
	Words *words = bits->arg;

	if (words->used == lengthof(words->word))
	{
		printf("Bail out! more than was expected is read\n");
		exit(1);
	}
	*word = words->word[words->used++];
	return 64;
}

/* v of a u that has the first `same` words of exp(-j), and then differs by `more` */
static bool
is_v(int j, int same, int more, uint64 v)
{
	Words words = {.used = 0};
	EhdsBits bits = {0, 0, fill_words, &words};

	for (int w = 0; w <= same; w++)
		words.word[w] = exact_digits(j, 64 * w, 64);
	words.word[same] += more;
	words.word[same + 1] = PG_UINT64_MAX; /* where v is 32 the next draw adds 0 */
	return ehds_geometric_e(&bits) == v && words.used == same + 1 + (v == 32);
}

int
main(void)
{
	int wrong = 0;

	for (int j = 1; j <= EHDS_EXP_DIGITS_MAX; j++)
		wrong += !compute(j);
	ok(wrong == 0, "exp(-1) to exp(-32) have been computed in two ways");
	ok(exact_digits(1, 0, 64) == UINT64CONST(0x5e2d58d8b3bcdf1a), "the first of them is 0.36787944...");

	for (int j = 1; j <= EHDS_EXP_DIGITS_MAX; j++)
		wrong += power[j - 1] != exact_digits(j, 0, 64);
	ok(wrong == 0 && POWERS == EHDS_EXP_DIGITS_MAX, "the table of the geometric sampler is right");

	for (int j = 1; j <= EHDS_EXP_DIGITS_MAX; j++)
		for (int at = 0; at < 700; at += j)
			wrong += ehds_exp_digits(j, at, 1 + at % 64) != exact_digits(j, at, 1 + at % 64);
	ok(wrong == 0, "further digits are right");

	for (int j = 1; j <= EHDS_EXP_DIGITS_MAX; j++)
		for (int words = 5; words < 40; words++)
			wrong += !is_near(j, words);
	ok(wrong == 0, "the error of the computation is what it is said to be");

	/* digits 1345 to 1360 of exp(-21) are zeros, which leaves those before them in doubt */
	allocations = 0;
	ok(ehds_exp_digits(21, 1216, 64) == exact_digits(21, 1216, 64) && allocations == 1 &&
		   exact_digits(21, 1344, 16) == 0 && ehds_exp_digits(21, 1280, 64) == exact_digits(21, 1280, 64) &&
		   allocations == 3,
	   "where digits hang on those after them, more are computed");

	for (int j = 1; j <= POWERS; j++)
		wrong += !is_v(j, 0, -1, j) + !is_v(j, 0, 1, j - 1);
	ok(wrong == 0, "a number next to exp(-j) is told from it by 64 digits");
	for (int j = 1; j <= POWERS; j++)
		wrong += !is_v(j, 1, -1, j) + !is_v(j, 1, 1, j - 1);
	ok(wrong == 0, "one that agrees in 64 digits is told by 128");
	for (int j = 1; j <= POWERS; j++)
		wrong += !is_v(j, 3, -1, j) + !is_v(j, 3, 1, j - 1);
	ok(wrong == 0, "one that agrees in 192 digits is told by 256");

	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}
