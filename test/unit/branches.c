/*
 * branches.c
 *		No branch and no address hangs on the bits that a draw reads, but those that
 *		are marked with EHDS_TOLD.
 *
 * Under valgrind the bits are declared undefined: it reports a jump that depends on
 * them, or a place in memory. The division of 128 bits has a jump by whether the
 * quotient has more than 64 bits, which goes the same way for all noise that occurs.
 * What time a division takes is beyond this: timing.c measures it.
 *
 * LDFLAGS: -O2 -fno-sanitize=all
 */
#include "core/compat.h"

#include <stdio.h>
#include <unistd.h>

#if defined(__has_include) && __has_include(<valgrind/memcheck.h>)

#include <valgrind/memcheck.h>

static inline bool
told(bool decision)
{
	(void) VALGRIND_MAKE_MEM_DEFINED(&decision, sizeof(decision));
	return decision;
}

#define EHDS_TOLD(decision) told(decision)

#include "noise.h"
#include "server.h"

#define DRAWS 2000

typedef struct Case
{
	const char *name;
	int64 (*draw)(EhdsBits *bits, const struct Case *c);
	uint64 num;
	uint64 den;
	int64 tau;
} Case;

static int64
draw_laplace(EhdsBits *bits, const Case *c)
{
	return ehds_discrete_laplace_from(bits, c->num, c->den);
}

static int64
draw_truncated(EhdsBits *bits, const Case *c)
{
	return ehds_truncated_laplace_from(bits, c->num, c->den, c->tau);
}

static int64
draw_gaussian(EhdsBits *bits, const Case *c)
{
	return ehds_discrete_gaussian_from(bits, c->num, c->den);
}

/* The sign by a branch */
static int64
draw_signed(EhdsBits *bits, const Case *c)
{
	int64 x = ehds_geometric_from(bits, c->num, c->den);

	if (ehds_bits_take(bits, 1) == 1)
	{
		__asm__ volatile("" : "+r"(x));
		x = -x;
	}
	return x;
}

/* A table that is read where the noise says */
static int64
draw_from_table(EhdsBits *bits, const Case *c)
{
	static volatile int64 table[256];

	return table[ehds_bits_take(bits, 8)];
}

static int
fill_undefined(EhdsBits *bits, uint64 *word)
{
	uint64 *state = bits->arg;
	uint64 x = (*state += UINT64CONST(0x9e3779b97f4a7c15));

	/* Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators" */
	x = (x ^ (x >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94d049bb133111eb);
	*word = x ^ (x >> 31);
	(void) VALGRIND_MAKE_MEM_UNDEFINED(word, sizeof(*word));
	return 64;
}

static void
watch(const Case *c, bool expected)
{
	unsigned before = VALGRIND_COUNT_ERRORS;
	unsigned found;
	uint64 state = 1;
	int64 lowest = 0;
	int64 highest = 0;
	char name[200];

	for (int i = 0; i < DRAWS; i++)
	{
		EhdsBits bits = {0, 0, fill_undefined, &state};
		int64 x = c->draw(&bits, c);

		(void) VALGRIND_MAKE_MEM_DEFINED(&x, sizeof(x));
		lowest = Min(lowest, x);
		highest = Max(highest, x);
	}
	found = VALGRIND_COUNT_ERRORS - before;
	snprintf(note, sizeof(note), "%u reports", found);
	snprintf(name, sizeof(name), "%s: no jump and no address hangs on %d draws from %lld to %lld%s", c->name,
			 DRAWS, (long long) lowest, (long long) highest, expected ? "" : "? It is seen");
	ok((found == 0) == expected, name);
}

/* This program under valgrind */
static void
start_again(char *program)
{
	char file[] = "/tmp/ehds_branches_XXXXXX";
	char option[100];
	int fd = mkstemp(file);
	FILE *suppressions = fd < 0 ? NULL : fdopen(fd, "w");
	/* its reports go nowhere: the samplers that must fail make thousands */
	char *arguments[] =
		{"valgrind", "-q", "--log-file=/dev/null", "--error-limit=no", option, program, "under", file, NULL};

	if (suppressions == NULL)
	{
		printf("Bail out! no temporary file\n");
		exit(1);
	}
	fprintf(suppressions, "{\n\tquotient\n\tMemcheck:Cond\n\tfun:__udivti3\n}\n");
	fclose(suppressions);
	snprintf(option, sizeof(option), "--suppressions=%s", file);
	execvp(arguments[0], arguments);
	unlink(file);
	printf("1..0 # SKIP valgrind is not installed\n");
	exit(0);
}

int
main(int argc, char **argv)
{
	Case even[] = {
		{"Laplace of scale 1000", draw_laplace, .num = 1000, .den = 1},
		{"Laplace of scale 1e9/123456789", draw_laplace, .num = 1000000000, .den = 123456789},
		{"Laplace of scale 1", draw_laplace, .num = 1, .den = 1},
		{"Laplace of scale 2^52", draw_laplace, .num = UINT64CONST(1) << 52, .den = 1},
		{"Laplace of scale 50, cut at 771", draw_truncated, .num = 50, .den = 1, .tau = 771},
		{"Laplace of scale 100, cut at 100", draw_truncated, .num = 100, .den = 1, .tau = 100},
		{"Gaussian of variance 1/4", draw_gaussian, .num = 1, .den = 4},
		{"Gaussian of sigma 1", draw_gaussian, .num = 1, .den = 1},
		{"Gaussian of sigma 1000", draw_gaussian, .num = 1000000, .den = 1},
		{"Gaussian of variance 1e9/7", draw_gaussian, .num = 1000000000, .den = 7},
		{"Gaussian of sigma 2^31", draw_gaussian, .num = UINT64CONST(1) << 62, .den = 1},
	};
	Case mutants[] = {
		{"a sign by a branch", draw_signed, .num = 1000, .den = 1},
		{"noise from a table", draw_from_table, .num = 1, .den = 1},
	};

	if (argc != 3 || !RUNNING_ON_VALGRIND)
		start_again(argv[0]);
	unlink(argv[2]);
	for (int i = 0; i < lengthof(even); i++)
		watch(&even[i], true);
	for (int i = 0; i < lengthof(mutants); i++)
		watch(&mutants[i], false);
	printf("1..%d\n", tests);
	return failures == 0 ? 0 : 1;
}

#else

int
main(void)
{
	puts("1..0 # SKIP the headers of valgrind are not installed");
	return 0;
}

#endif
