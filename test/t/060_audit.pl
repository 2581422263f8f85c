# The auditor of differential privacy: asks the same of two databases that differ
# by one person, thousands of times, and gives a lower bound on epsilon.
#
# Each case names an event beforehand. From how often it happens with the person
# and without, Clopper-Pearson bounds (two of each case and direction, each wrong
# with a probability below 1e-9) give
#
#		epsilon >= ln((P(event) - delta) / P'(event))
#
# for the event and its complement, in both directions: 8 bounds a case, at most 25
# cases, so that a run fails falsely with a probability below 2e-7. A claim is
# refuted if a bound exceeds it. `make audit` shows that this finds the mistakes
# that are made: it runs this file against mutants of the source.
#
#	AUDIT=word	only cases whose name contains the word
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $MISS = 1e-9;

my $node = EhdsNode::start('audit', conf => <<'CONF');
fsync = off
synchronous_commit = off
autovacuum = off
max_parallel_workers_per_gather = 2
CONF

# -- the two databases ---------------------------------------------------------
# 100 persons in each of 20 groups, one group a person. The subject of interest is
# person 0, in the schema "with" only.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE a_governor LOGIN;
CREATE ROLE a_governor2 LOGIN;
CREATE ROLE a_reader LOGIN;
GRANT ehds_admin TO a_governor, a_governor2;
CREATE SCHEMA audit;
GRANT USAGE ON SCHEMA audit TO a_reader;

CREATE FUNCTION audit.happens(query text, event text, runs integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    hits integer := 0;
    hit boolean;
BEGIN
    FOR i IN 1..runs LOOP
        EXECUTE format('SELECT %s FROM (%s) q', event, query) INTO hit;
        hits := hits + COALESCE(hit, false)::integer;
    END LOOP;
    RETURN hits;
END $$;

-- The same at a large epsilon, for somebody else, and then at the one that is claimed; each run is another query.
CREATE FUNCTION audit.happens_after(query text, event text, runs integer, epsilon text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    hits integer := 0;
    hit boolean;
BEGIN
    PERFORM set_config('ehds.fresh', 'off', false);
    FOR i IN 1..runs LOOP
        PERFORM set_config('ehds.epsilon', epsilon, false);
        EXECUTE format('SELECT %s FROM (%s) q', event, format(query, i)) INTO hit;
        PERFORM set_config('ehds.epsilon', NULL, false);
        EXECUTE format('SELECT %s FROM (%s) q', event, format(query, i)) INTO hit;
        hits := hits + COALESCE(hit, false)::integer;
    END LOOP;
    RETURN hits;
END $$;

DO $do$
DECLARE
    side text;
BEGIN
    FOREACH side IN ARRAY ARRAY['with', 'without'] LOOP
        EXECUTE format('CREATE SCHEMA %I', side);
        EXECUTE format('CREATE TABLE %I.t (person_id bigint, g integer, x double precision, y integer)', side);
        EXECUTE format('INSERT INTO %I.t SELECT i, i %% 20, 0, 0 FROM generate_series(1, 2000) i', side);
        EXECUTE format('CREATE TABLE %I.few (person_id bigint, g integer)', side);
        EXECUTE format('INSERT INTO %I.few SELECT i, 100 FROM generate_series(1, 10) i', side);
        EXECUTE format('CREATE TABLE %I.declared (person_id bigint, g integer)', side);
        EXECUTE format('INSERT INTO %I.declared SELECT i, 100 FROM generate_series(1, 10) i', side);
        EXECUTE format('SECURITY LABEL FOR pg_ehds ON COLUMN %I.declared.g IS ''domain 100, 200, 300''', side);
        EXECUTE format('CREATE TABLE %I.busy (person_id bigint, g integer, filler text)', side);
        EXECUTE format('INSERT INTO %I.busy SELECT i, i %% 3, repeat(''x'', 100) FROM generate_series(1, 180) i, generate_series(1, 20)', side);
        EXECUTE format('CREATE TABLE %I.selected (person_id bigint, g integer)', side);
        EXECUTE format('INSERT INTO %I.selected SELECT i, i %% 20 FROM generate_series(1, 880) i', side);
        EXECUTE format('CREATE TABLE %I.amounts (person_id bigint, x double precision, y integer)', side);
        EXECUTE format('INSERT INTO %I.amounts SELECT i, 0, 0 FROM generate_series(1, 40) i', side);
        EXECUTE format('CREATE TABLE %I.control (person_id bigint)', side);
        EXECUTE format('INSERT INTO %I.control SELECT generate_series(1, 40)', side);
        EXECUTE format('CREATE TABLE %I.bins (person_id bigint, y integer)', side);
        EXECUTE format('INSERT INTO %I.bins SELECT generate_series(1, 40), NULL', side);
        -- 2^25 together, from there on floats are 4 apart; then small ones that take away. Person 0 is between them.
        EXECUTE format('CREATE TABLE %I.balance (person_id bigint, y integer)', side);
        EXECUTE format('INSERT INTO %I.balance SELECT i, 4096 FROM generate_series(1, 8192) i', side);
        EXECUTE format('INSERT INTO %I.balance SELECT 0, 8 WHERE %L = ''with''', side, side);
        EXECUTE format('INSERT INTO %I.balance SELECT i, -2 FROM generate_series(8193, 16384) i', side);
        EXECUTE format('CREATE TABLE %I.persons (person_id bigint PRIMARY KEY, v integer)', side);
        EXECUTE format('INSERT INTO %I.persons SELECT i, i %% 2 FROM generate_series(1, 40) i', side);
    END LOOP;
END $do$;

-- the person: in every group, at both bounds, with what is no number, and alone
INSERT INTO "with".t SELECT 0, g, 0, 0 FROM generate_series(0, 19) g;
INSERT INTO "with".few VALUES (0, 100), (0, 200);
INSERT INTO "with".declared VALUES (0, 100), (0, 200), (0, 300), (0, 400);
INSERT INTO "with".busy SELECT 0, g, repeat('x', 100) FROM generate_series(0, 2) g, generate_series(1, 20);
INSERT INTO "with".persons VALUES (0, 1);
INSERT INTO "with".selected SELECT 0, g FROM generate_series(0, 19) g;
INSERT INTO "with".amounts SELECT 0, CASE i WHEN 1 THEN 'NaN'::double precision ELSE -1000 END, CASE i WHEN 1 THEN -1000 ELSE 10 END FROM generate_series(1, 500) i;
INSERT INTO "with".bins SELECT 0, i % 3 FROM generate_series(1, 3000) i;
ANALYZE;
SQL

sub permit
{
	my ($name, $side, $more) = @_;
	$node->safe_psql('postgres', <<"SQL");
SET client_min_messages = error;
SET SESSION AUTHORIZATION a_governor;
SELECT ehds.issue_permit('$name', grantee => 'a_reader', purpose => 'statistics', output => 'statistics',
	valid_until => '2099-12-31', epsilon => 1000, $more);
SELECT ehds.permit_table('$name', '"$side".' || t) FROM unnest(ARRAY['t', 'few', 'declared', 'busy', 'selected', 'amounts', 'control', 'persons', 'bins', 'balance']) t;
SET SESSION AUTHORIZATION a_governor2;
SELECT ehds.activate_permit('$name');
SQL
	return;
}

$node->safe_psql('postgres', <<'SQL');
SELECT ehds.protect(format('%I.%I', s, t)::regclass, subject => 'person_id', population => s)
FROM unnest(ARRAY['with', 'without']) s, unnest(ARRAY['t', 'few', 'declared', 'busy', 'selected', 'amounts', 'control', 'persons', 'bins', 'balance']) t;
SQL

# -- Clopper-Pearson -------------------------------------------------------------
my @ln_factorial = (0);

sub ln_choose
{
	my ($n, $k) = @_;
	push @ln_factorial, $ln_factorial[-1] + log(scalar @ln_factorial) while @ln_factorial <= $n;
	return $ln_factorial[$n] - $ln_factorial[$k] - $ln_factorial[ $n - $k ];
}

# P(at least k of n) if each happens with probability p
sub at_least
{
	my ($n, $k, $p) = @_;
	return 1 if $k <= 0;
	return 0 if $p <= 0;
	return 1 if $p >= 1;
	my $sum = 0;
	$sum += exp(ln_choose($n, $_) + $_ * log($p) + ($n - $_) * log(1 - $p)) for $k .. $n;
	return $sum;
}

# the least p that is not refuted by k of n
sub lower
{
	my ($n, $k) = @_;
	my ($low, $high) = (0, 1);
	return 0 if $k == 0;
	for (1 .. 50)
	{
		my $p = ($low + $high) / 2;
		if (at_least($n, $k, $p) < $MISS) { $low = $p } else { $high = $p }
	}
	return $low;
}

sub upper { my ($n, $k) = @_; return 1 - lower($n, $n - $k) }

# The greatest lower bound on epsilon, of events that happened k and l times in n runs.
sub bound
{
	my ($n, $k, $l, $delta) = @_;
	my $best = 0;
	foreach my $pair ([ $k, $l ], [ $l, $k ], [ $n - $k, $n - $l ], [ $n - $l, $n - $k ])
	{
		my $gain = lower($n, $pair->[0]) - $delta;
		my $bound = $gain > 0 ? log($gain / upper($n, $pair->[1])) : 0;
		$best = $bound if $bound > $best;
	}
	return $best;
}

cmp_ok(abs(lower(300, 200) - 0.4888), '<', 0.01, 'the lower bound of 200 of 300');
cmp_ok(abs(at_least(10, 3, 0.2) - 0.3222), '<', 0.0001, 'a binomial tail');
cmp_ok(bound(2000, 1000, 1000, 0), '==', 0, 'equal frequencies refute nothing');
cmp_ok(bound(2000, 1600, 400, 0), '>', 1, 'unequal ones do');

# -- cases -------------------------------------------------------------------------
my $permits = 0;

# Ask until the event was looked for $runs times on each side.
sub audit
{
	my ($case) = @_;
	my ($name, $query, $event) = @{$case}{qw(name query event)};
	my $epsilon = $case->{epsilon} // 1;
	my $delta = $case->{delta} // 1e-6;
	my $runs = $case->{runs} // 1500;
	my $asks = $case->{asks} // 1;
	my %hits;
	my $n = 0;

	return if defined $ENV{AUDIT} && index($name, $ENV{AUDIT}) < 0;
	while ($n < $runs)
	{
		# delta is spent as epsilon is: that of one query is its share
		my $batch = int(990 / ($epsilon * $asks + ($case->{others} // 0)));
		$batch = $runs - $n if $runs - $n < $batch;
		$permits++;
		foreach my $side ('with', 'without')
		{
			my $total = $delta * 1000 / $epsilon;
			$total = 0.9 if $total > 0.9;
			my $permit = "a$permits" . ($side eq 'with' ? 'w' : 'o');
			permit($permit, $side,
				sprintf('delta => %.12f, epsilon_default => %s, max_groups => %d, k => %d%s',
					$total, $epsilon, $case->{max_groups} // 1, $case->{k} // 5,
					$case->{accounting} ? ", accounting => '$case->{accounting}'" : ''));
			$hits{$side} += $case->{count}
			  ? $case->{count}->($permit, $batch)
			  : $node->safe_psql('postgres', <<"SQL");
SET client_min_messages = error;
SET SESSION AUTHORIZATION a_reader;
SET search_path = permit_$permit, pg_catalog;
@{[ $case->{settings} // '' ]}
SELECT audit.happens(\$q\$$query\$q\$, '$event', $batch);
SQL
		}
		$n += $batch;
	}
	my $least = bound($n, $hits{with}, $hits{without}, $delta);
	cmp_ok($least, '<=', $epsilon * $asks,
		sprintf('%s: epsilon is at least %.2f, %g claimed (%d and %d of %d)',
			$name, $least, $epsilon * $asks, $hits{with}, $hits{without}, $n));
	return;
}

# a person in three groups, of which three may count
audit({ name => 'three groups', max_groups => 3,
	query => 'SELECT count(*) AS n FROM (SELECT g, ehds.dp_count(person_id) AS n FROM t WHERE g < 3 GROUP BY g) s WHERE n > 100',
	event => 'n = 3' });

# ... in twenty, of which three may count
audit({ name => 'twenty groups', max_groups => 3, runs => 3000,
	query => 'SELECT count(*) AS n FROM (SELECT g, ehds.dp_count(person_id) AS n FROM t GROUP BY g) s WHERE n > 100',
	event => 'n > 13' });


# in both groups of each of three sets, and in the total: seven cells from one charge
audit({ name => 'grouping sets', max_groups => 2, runs => 3000,
	query => q{SELECT count(*) AS n FROM (SELECT GROUPING(g = 0, g < 1, g <> 1) AS s, ehds.dp_count(person_id) AS n FROM t WHERE g < 2
		GROUP BY GROUPING SETS ((g = 0), (g < 1), (g <> 1), ())) x WHERE n > CASE s WHEN 7 THEN 200 ELSE 100 END},
	event => 'n > 5' });
# totals and parts that are made to agree
audit({ name => 'sums that agree', runs => 2000,
	query => 'SELECT count(*) AS n FROM (SELECT v = 1 AS v, ehds.dp_count(person_id) AS n FROM persons GROUP BY ROLLUP (v = 1)) x WHERE n > CASE WHEN v THEN 20 ELSE 38 END',
	event => 'n > 1' });

# in parallel, each worker sees some of the person's groups
audit({ name => 'workers', max_groups => 1, runs => 1000,
	settings => 'SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;',
	query => 'SELECT count(*) AS n FROM (SELECT g, ehds.dp_count(person_id) AS n FROM busy GROUP BY g) s WHERE n > 60',
	event => 'n = 3' });

# alone in a group: it is shown with a probability of delta at most
audit({ name => 'alone', max_groups => 2, delta => 0.01,
	query => 'SELECT count(*) AS n FROM (SELECT g, ehds.dp_count(person_id) FROM few GROUP BY g) s WHERE g = 200',
	event => 'n > 0' });

# alone in declared groups, and in one that is not: all that are declared are shown, with noise, and no other ever
audit({ name => 'alone in declared groups', max_groups => 3, runs => 3000,
	query => 'SELECT count(*) AS n FROM (SELECT g, ehds.dp_count(person_id) AS n FROM declared GROUP BY g) s WHERE g > 100 AND n > 0',
	event => 'n = 2' });
audit({ name => 'alone in a group that is not declared', max_groups => 3, runs => 300,
	query => 'SELECT array_agg(g ORDER BY g) AS groups FROM (SELECT g, ehds.dp_count(person_id) FROM declared GROUP BY g) s',
	event => q{groups IS DISTINCT FROM ''{100,200,300,NULL}''::integer[]} });

# ... and in sets: in three groups and the total; which rows there are is the same
audit({ name => 'alone in sets of declared groups', max_groups => 3, runs => 3000,
	query => 'SELECT count(*) AS n FROM (SELECT GROUPING(g) AS s, g, ehds.dp_count(person_id) AS n FROM declared GROUP BY ROLLUP (g)) x WHERE n > CASE WHEN s = 1 OR g = 100 THEN 10 ELSE 0 END AND (s = 1 OR g IS NOT NULL)',
	event => 'n = 4' });
audit({ name => 'rows of sets of declared groups', max_groups => 3, runs => 300,
	query => q{SELECT array_agg(s * 1000 + coalesce(g, 0) ORDER BY s, g) AS groups FROM (SELECT GROUPING(g, g > 100) AS s, g, ehds.dp_count(person_id) FROM declared GROUP BY CUBE (g, g > 100)) x},
	event => '1400 = ANY (groups) OR NOT 1200 = ANY (groups)' });

# the eleventh of a group, where k is 11
audit({ name => 'the eleventh', max_groups => 2, delta => 0.01, k => 11,
	query => 'SELECT count(*) AS n FROM (SELECT g, ehds.dp_count(person_id) FROM few GROUP BY g) s WHERE g = 100',
	event => 'n > 0' });

# in twenty groups that are shown or not as chance has it
my $shown = $node->safe_psql('postgres', 'SELECT ehds.dp_threshold(1, 0.000001, 3)') + 4;
is($shown, 44, 'a group of 44 persons is at the threshold');
audit({ name => 'selection', max_groups => 3, runs => 3000,
	query => 'SELECT count(*) AS n FROM (SELECT g, ehds.dp_count(person_id) FROM selected GROUP BY g) s',
	event => 'n > 13' });

# sums: at the lower bound, in a thousand rows, and what is no number
audit({ name => 'sum at the lower bound',
	query => 'SELECT ehds.dp_sum(person_id, y, -1000, 10, 1) AS n FROM amounts WHERE y <= 0', event => 'n < -500' });
audit({ name => 'sum of five hundred rows',
	query => 'SELECT ehds.dp_sum(person_id, y, 0, 10, 2) AS n FROM amounts WHERE y >= 0', event => 'n > 10' });
audit({ name => 'sum of what is no number',
	query => q{SELECT ehds.dp_sum(person_id, x, -10, 10, 1) AS n FROM amounts WHERE x >= 0}, event => 'n < -5' });
audit({ name => 'sum of large and small',
	query => 'SELECT ehds.dp_sum(person_id, y, -4096, 4096, 1) AS n FROM balance', event => 'n > 33546240' });
audit({ name => 'average of many rows',
	query => 'SELECT ehds.dp_avg(person_id, y, -10, 10, 1) AS n FROM amounts WHERE y >= 0', event => 'n > 5' });

# the median of as many low as high values, which one person decides
audit({ name => 'median',
	query => 'SELECT ehds.dp_median(person_id, v, 0, 1) AS n FROM persons', event => 'n > 0.5' });

audit({ name => 'rows of a median',
	query => 'SELECT ehds.dp_median(person_id, y, 0, 10) AS n FROM amounts WHERE y >= 0', event => 'n > 5' });

# nine quantiles of 5,195 values, which are a tree of four levels: alone in the last node of each
audit({ name => 'nine quantiles', runs => 6000,
	query => 'SELECT (ehds.dp_quantile(person_id, y::double precision, ARRAY[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.985], 0, 5.194))[9] AS n FROM amounts WHERE y >= 0',
	event => 'n > 5.1935' });

# a thousand rows in each bin: with three bins of a person allowed, 1 in each
audit({ name => 'every bin',
	query => 'SELECT count(*) AS n FROM (SELECT ehds.dp_histogram(person_id, y, ARRAY[1, 2], 3) AS h FROM bins) s, unnest(h) AS persons WHERE persons > 0',
	event => 'n = 3' });

# a total, and many readings of it in one statement
audit({ name => 'one total',
	query => 'SELECT ehds.dp_count(person_id) AS n FROM persons', event => 'n > 40' });
# (with now(), it is no query whose answer is recorded, which would be read again)
audit({ name => 'rescanned',
	settings => 'SET enable_material = off; SET enable_hashjoin = off; SET enable_mergejoin = off;',
	query => 'SELECT avg(n) AS n FROM generate_series(1, 50) i LEFT JOIN (SELECT ehds.dp_count(person_id) AS n FROM persons) s ON n > -1000000 - i AND now() IS NOT NULL',
	event => 'n > 40.5' });

# what was answered to the same question at another epsilon is not the answer to this one
audit({ name => 'other epsilon', runs => 400, others => 6,
	count => sub {
		my ($permit, $runs) = @_;
		return $node->safe_psql('postgres', <<"SQL");
SET client_min_messages = error;
SET SESSION AUTHORIZATION a_reader;
SET search_path = permit_$permit, pg_catalog;
SELECT audit.happens_after('SELECT ehds.dp_count(person_id) AS n FROM persons WHERE v < 1000 + %s', 'n > 40', $runs, '6');
SQL
	} });

# two sessions that begin at the same time: what one draws tells nothing of the other's noise
audit({ name => 'two sessions', asks => 2, runs => 300,
	count => sub {
		my ($permit, $runs) = @_;
		my $hits = 0;
		my $ask = "SET client_min_messages = error; SET search_path = permit_$permit, pg_catalog; SELECT ehds.dp_count(person_id) FROM ";
		for (1 .. $runs)
		{
			my ($known) = $node->safe_psql('postgres', "$ask control", extra_params => [ '-U', 'a_reader' ]);
			my ($asked) = $node->safe_psql('postgres', "$ask persons", extra_params => [ '-U', 'a_reader' ]);
			$hits++ if $asked - $known == 1;
		}
		return $hits;
	} });

$node->stop;
done_testing();
