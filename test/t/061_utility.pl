# How exact private counts are: the median relative error beside the one that the
# noise should have, on generated data and on a public OMOP export where it is
# beside the checkout. The figures are in doc/performance.md.
#
# The error of a shown group is compared with theory over groups of more than three
# thresholds, which selection does not touch. A median of 500 draws or more is within
# 40 % of its expectation but with a probability below 1e-12.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start('utility', conf => "fsync = off\nsynchronous_commit = off\n");
my $data = ($ENV{EHDS_DATA} // "$EhdsNode::top/../shared/data") . '/omop_gibleed';

# 100,000 persons in 101 départements, the largest 25 times the smallest; 3 of 1,500
# codes each, in 150 blocks of ten
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE u_governor LOGIN;
CREATE ROLE u_governor2 LOGIN;
CREATE ROLE u_reader LOGIN;
GRANT ehds_admin TO u_governor, u_governor2;
SELECT setseed(0.5);
CREATE TABLE person (person_id bigint PRIMARY KEY, departement integer NOT NULL);
INSERT INTO person SELECT i, (101 * power(random(), 1.8))::integer % 101 FROM generate_series(1, 100000) i;
CREATE TABLE diagnosis (person_id bigint NOT NULL, code integer NOT NULL, block integer GENERATED ALWAYS AS (code / 10) STORED);
INSERT INTO diagnosis SELECT i, (1500 * power(random(), 1.3))::integer % 1500 FROM generate_series(1, 100000) i, generate_series(1, 3);
ANALYZE;
SELECT ehds.protect('person', subject => 'person_id'), ehds.protect('diagnosis', subject => 'person_id');
SQL

sub permit
{
	my ($name, $tables, $more) = @_;
	$node->safe_psql('postgres', <<"SQL");
SET client_min_messages = error;
SET SESSION AUTHORIZATION u_governor;
SELECT ehds.issue_permit('$name', grantee => 'u_reader', purpose => 'statistics', output => 'statistics',
	valid_until => '2099-12-31', k => 11, $more);
SELECT ehds.permit_table('$name', t::regclass) FROM unnest('{$tables}'::text[]) t;
SET SESSION AUTHORIZATION u_governor2;
SELECT ehds.activate_permit('$name');
SQL
	return;
}

# Ask for persons by key, as often as wanted, each time without a part of the keys. Of
# the groups with more than $least persons: the median relative error, the median
# error, the median of $median over the size, and their number; of all groups that were
# shown: their number, and the median relative error.
sub errors
{
	my ($permit, $table, $key, $keys, $times, $median, $least) = @_;
	my $kept = sub {
		my ($i) = @_;
		return sprintf("NOT ($key BETWEEN %d AND %d)", $i * $keys / $times, ($i + 1) * $keys / $times - 1);
	};
	my $script = "SET client_min_messages = error; SET SESSION AUTHORIZATION u_reader;\nCREATE TEMP TABLE shown (i integer, key integer, n bigint);\n";
	my $exact = '';
	for my $i (0 .. $times - 1)
	{
		my $where = $times == 1 ? '' : 'WHERE ' . $kept->($i);
		$script .= "CREATE TEMP TABLE q$i AS SELECT $key, ehds.dp_count(person_id) AS n FROM permit_$permit.$table $where GROUP BY $key;\n" .
		  "INSERT INTO shown SELECT $i, * FROM q$i;\n";
		$exact .= ' UNION ALL ' if $i > 0;
		$exact .= "SELECT $i AS i, $key AS key, count(DISTINCT person_id) AS n FROM $table $where GROUP BY $key";
	}
	my $row = $node->safe_psql('postgres', $script . <<"SQL");
RESET SESSION AUTHORIZATION;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(s.n - e.n) / e.n::float8) FILTER (WHERE e.n > $least),
	percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(s.n - e.n)::float8) FILTER (WHERE e.n > $least),
	percentile_cont(0.5) WITHIN GROUP (ORDER BY $median / e.n) FILTER (WHERE e.n > $least),
	count(*) FILTER (WHERE e.n > $least), count(s.n), percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(s.n - e.n) / e.n::float8)
FROM ($exact) e LEFT JOIN shown s ON s.i = e.i AND s.key = e.key;
SQL
	return split(/\|/, $row);
}

sub report
{
	my ($what, $median, @found) = @_;
	my ($error, $absolute, $expected, $compared, $shown, $all) = @found;
	note(sprintf('%s: median relative error %.2f %%, expected %.2f %% (%d large groups); of all %d shown groups %.2f %%; median error %.0f persons, expected %.0f',
		$what, 100 * $error, 100 * $expected, $compared, $shown, 100 * $all, $absolute, $median));
	return;
}

# medians of noise: b ln 2 of Laplace noise of scale b, 0.6745 sigma of Gaussian noise
my $laplace = log(2);
my $gauss = 0.674489750196;

permit('departements', 'person', 'epsilon => 20, delta => 1e-6, epsilon_default => 1');
my @d = errors('departements', 'person', 'departement', 101, 6, $laplace, 60);
report('persons by departement, epsilon 1 a query', $laplace, @d);
cmp_ok($d[1], '<=', 1, 'by departement: half of the counts are exact to one person');

permit('codes', 'diagnosis', 'epsilon => 1, delta => 1e-6, epsilon_default => 1, max_groups => 3');
my @c = errors('codes', 'diagnosis', 'code', 1500, 1, 3 * $laplace, 150);
report('persons by code, epsilon 1 a query, max_groups 3', 3 * $laplace, @c);
cmp_ok($c[3], '>=', 500, 'there are codes to compare');
cmp_ok(abs($c[0] / $c[2] - 1), '<', 0.4, 'by code: the error is that of the noise');

permit('pure', 'diagnosis', 'epsilon => 3, delta => 1e-8, epsilon_default => 0.15, max_groups => 5');
my @p = errors('pure', 'diagnosis', 'block', 150, 20, 5 / 0.15 * $laplace, 1500);
report('20 queries by block, max_groups 5, (3, 1e-8) in pure epsilon', 5 / 0.15 * $laplace, @p);
cmp_ok(abs($p[1] / (5 / 0.15 * $laplace) - 1), '<', 0.4, '20 queries in pure epsilon: the error is that of the noise') if $p[3] > 500;

# what one query may spend under zcdp is asked of the server
my $e = $node->safe_psql('postgres', q{SELECT trunc(sqrt(2 * ehds.zcdp_rho(3, 0.5e-8) / 20)::numeric, 6)});
permit('zcdp', 'diagnosis', "epsilon => 3, delta => 1e-8, epsilon_default => $e, max_groups => 5, accounting => 'zcdp'");
my $sigma = sqrt(5) / $e;
my @z = errors('zcdp', 'diagnosis', 'block', 150, 20, $sigma * $gauss, 1500);
report("20 queries by block, max_groups 5, (3, 1e-8) in zCDP (epsilon $e a query)", $sigma * $gauss, @z);
cmp_ok($z[1], '<', $p[1], 'zCDP is the better of the two for 20 queries');
cmp_ok(abs($z[1] / ($sigma * $gauss) - 1), '<', 0.4, '20 queries in zCDP: the error is that of the noise') if $z[3] > 500;

# the public export: conditions by code, 2,694 persons
SKIP:
{
	skip 'the public data set omop_gibleed is not there (shared/data beside the checkout)', 1 unless -r "$data/CONDITION_ERA.csv";
	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE era (condition_era_id bigint, person_id bigint NOT NULL, condition_concept_id integer NOT NULL, first_day date, last_day date, n integer);
COPY era FROM '$data/CONDITION_ERA.csv' CSV HEADER;
ANALYZE era;
SELECT ehds.protect('era', subject => 'person_id');
SQL
	permit('eras', 'era', 'epsilon => 1, delta => 1e-6, epsilon_default => 1, max_groups => 5');
	my @r = errors('eras', 'era', 'condition_concept_id', 1, 1, 5 * $laplace, 200);
	report('public export: persons by condition, epsilon 1, max_groups 5', 5 * $laplace, @r);
	cmp_ok($r[4], '>', 0, 'conditions of the export are shown');
}

$node->stop;
done_testing();
