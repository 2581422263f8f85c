/*
 * sampling.h
 *		Three ways to test a sampler's distribution. Chance enters the third only.
 *
 * 1. Scripted bits: what a sampler does with a given stream.
 *
 * 2. All scripts: every stream of DEPTH bits is fed to the sampler, and the
 * probability of each outcome added up in units of 2^-DEPTH. Streams that are
 * too short for an outcome add up to "open". So the exact distribution of the
 * code is known up to open: each outcome's exact probability must lie in
 * [mass, mass + open].
 *
 * 3. Chi-square tests with secure randomness. Cells are quantiles of the exact
 * distribution, joined until DRAWS draws put at least 1,000 in each on average.
 * The critical value for d degrees of freedom is
 *
 *		d + 2 sqrt(d x) + 2 x,  x = ln(1e9),
 *
 * which a chi-square variable exceeds with a probability below exp(-x) = 1e-9
 * (Laurent and Massart 2000, "Adaptive estimation of a quadratic functional by
 * model selection", lemma 1). A program makes fewer than 30 tests that must pass: less
 * than 3e-8 a run, which leaves a factor of 33 for the approximation of Pearson's
 * statistic by chi-square before one run in a million fails falsely.
 * Mutants show that the same statistic can reject: each must exceed its critical
 * value.
 */
#ifndef EHDS_TEST_SAMPLING_H
#define EHDS_TEST_SAMPLING_H

#include "core/compat.h"

#include <math.h>

#include "noise/bits.h"
#include "server.h"

#define HIDDEN INT64CONST(1000000) /* stands for "not released" */

/* What is sampled: one shape for all samplers. */
typedef struct Case
{
	const char *name;
	int64 (*draw)(EhdsBits *bits, const struct Case *c);
	double (*cdf)(const struct Case *c, double x); /* P(X <= x), integers only */
	uint64 num;
	uint64 den;
	int64 tau;
	int mutation;
	int depth;   /* of all scripts; 0: DEPTH */
	double open; /* probability that may stay open; 0: OPEN */
	/* for the release */
	int64 n;
	int k;
	int groups; /* 0: one */
} Case;

/* -----------------------------------------------------------------------
 * 1. Scripted bits
 * ----------------------------------------------------------------------- */

typedef struct Script
{
	char bits[256];
	int length;
	int limit; /* the script may grow to this length, by zeros */
	int used;
	bool open;   /* it was too short */
	uint64 rest; /* what a draw is ended with then; its result is not looked at */
} Script;

static int
fill_script(EhdsBits *bits, uint64 *word)
{
	Script *script = bits->arg;

	if (script->used == script->length)
	{
		if (script->length == script->limit)
		{
			script->open = true;
			script->rest ^= script->rest << 13;
			script->rest ^= script->rest >> 7;
			script->rest ^= script->rest << 17;
			*word = script->rest;
			return 1;
		}
		script->bits[script->length++] = '0';
	}
	*word = script->bits[script->used++] == '1' ? UINT64CONST(1) << 63 : 0;
	return 1;
}

/* Draw from a script: false if it is too short. */
static bool
draw_scripted(Script *script, const Case *c, int64 *x)
{
	EhdsBits bits = {0, 0, fill_script, script};

	script->used = 0;
	script->open = false;
	script->rest = UINT64CONST(88172645463325252);
	*x = c->draw(&bits, c);
	return !script->open;
}

static void
scripted(const Case *c, const char *stream, int64 expected)
{
	Script script;
	int64 x = 0;
	char name[200];
	bool done;

	/* blanks show which question the bits answer */
	script.length = 0;
	for (const char *p = stream; *p; p++)
	{
		if (*p != ' ')
			script.bits[script.length++] = *p;
	}
	script.limit = script.length;
	done = draw_scripted(&script, c, &x);
	snprintf(note, sizeof(note), "got %lld, used %d of %d bits", (long long) x, script.used, script.length);
	snprintf(name, sizeof(name), "%s reads \"%s\" as %lld", c->name, stream, (long long) expected);
	ok(done && x == expected && script.used == script.length, name);
}

/* -----------------------------------------------------------------------
 * 2. All scripts
 * ----------------------------------------------------------------------- */

#define DEPTH 20
#define OPEN 0.2
#define REACH 64 /* outcomes -REACH..REACH, and HIDDEN */

static void
all_scripts(const Case *c, bool expected)
{
	static uint64 mass[2 * REACH + 2];
	int depth = c->depth > 0 ? c->depth : DEPTH;
	uint64 open = 0;
	uint64 other = 0;
	Script script;
	double unit = ldexp(1, -depth);
	double worst = 0;
	char name[200];

	memset(mass, 0, sizeof(mass));
	script.length = 0;
	script.limit = depth;
	for (;;)
	{
		int64 x = 0;
		bool done = draw_scripted(&script, c, &x);
		uint64 weight = UINT64CONST(1) << (depth - script.length);

		if (!done)
			open += weight;
		else if (x == HIDDEN)
			mass[2 * REACH + 1] += weight;
		else if (x >= -REACH && x <= REACH)
			mass[x + REACH] += weight;
		else
			other += weight;

		/* the next script that does not start with this one */
		while (script.length > 0 && script.bits[script.length - 1] == '1')
			script.length--;
		if (script.length == 0)
			break;
		script.bits[script.length - 1] = '1';
	}

	/* how far an exact probability lies outside of what was found */
	for (int i = 0; i <= 2 * REACH + 1; i++)
	{
		double x = i == 2 * REACH + 1 ? HIDDEN : i - REACH;
		double exact = c->cdf(c, x) - c->cdf(c, x == HIDDEN ? 2 * REACH : x - 1);

		worst = Max(worst, mass[i] * unit - exact);
		worst = Max(worst, exact - (mass[i] + open) * unit);
	}
	snprintf(note, sizeof(note), "outside by %g, open %g, beyond reach %g", worst, open * unit, other * unit);
	snprintf(name, sizeof(name), "all scripts of %d bits: %s %s (open %.4f)", depth, c->name,
			 expected ? "is exact" : "is found out", open * unit);
	ok(expected ? worst < 1e-12 && open * unit < (c->open > 0 ? c->open : OPEN) : worst > 1e-3, name);
}

/* -----------------------------------------------------------------------
 * 3. Chi-square
 * ----------------------------------------------------------------------- */

#define DRAWS 400000
#define CELLS 256
#define LEAST 1000 /* expected draws in a cell */

static void
chi_square(const Case *c, bool expected)
{
	double edge[CELLS]; /* cell i is (edge[i-1], edge[i]] */
	double p[CELLS];
	int count[CELLS] = {0};
	int cells = 0;
	double before = 0;
	double statistic = 0;
	double critical;
	double x = log(1e9);
	char name[200];
	EhdsBits bits;

	for (int i = 1; i <= CELLS; i++)
	{
		double low = -9e18;
		double high = 9e18;

		/* smallest integer with cdf >= i / CELLS; doubles are integers here */
		while (high - low > Max(1, fabs(high) * 1e-15))
		{
			double middle = floor(low + (high - low) / 2);

			if (c->cdf(c, middle) >= (double) i / CELLS - 1e-12)
				high = middle;
			else
				low = middle;
		}
		if (i == CELLS)
			high = INFINITY;
		if (cells > 0 && high <= edge[cells - 1])
			continue;
		edge[cells] = high;
		p[cells] = (i == CELLS ? 1 : c->cdf(c, high)) - before;
		if (p[cells] * DRAWS < LEAST)
		{
			if (i < CELLS)
				continue; /* grows into the next cell */
			if (cells > 0)
			{
				edge[cells - 1] = high;
				p[cells - 1] += p[cells];
				break;
			}
		}
		before += p[cells];
		cells++;
	}

	ehds_bits_secure(&bits);
	for (int i = 0; i < DRAWS; i++)
	{
		double value = (double) c->draw(&bits, c);
		int low = 0;
		int high = cells - 1;

		while (low < high)
		{
			int middle = (low + high) / 2;

			if (value <= edge[middle])
				high = middle;
			else
				low = middle + 1;
		}
		count[low]++;
	}
	ehds_bits_end(&bits);

	for (int i = 0; i < cells; i++)
	{
		double e = p[i] * DRAWS;

		statistic += (count[i] - e) * (count[i] - e) / e;
	}
	critical = (cells - 1) + 2 * sqrt((cells - 1) * x) + 2 * x;
	snprintf(note, sizeof(note), "chi-square %g, critical %g", statistic, critical);
	snprintf(name, sizeof(name), "chi-square of %s %s: %.1f, %d cells, critical %.1f", c->name,
			 expected ? "passes" : "fails", statistic, cells, critical);
	ok(cells > 1 && (expected ? statistic < critical : statistic > critical), name);
}

#endif /* EHDS_TEST_SAMPLING_H */
