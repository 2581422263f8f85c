# Under a permit a query prunes partitions and uses indexes as it does on the stored
# tables: what the gate proves harmless, or replaces, does not hide a condition from
# the planner. The plans come from the server's log (auto_explain), which only the
# administrator sees.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start('index_use', conf => <<'CONF');
session_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
max_parallel_workers_per_gather = 0
fsync = off
CONF
$node->safe_psql('postgres', <<'SQL');
CREATE SCHEMA w;
CREATE TABLE w.person (person_id bigint PRIMARY KEY, year_of_birth integer NOT NULL);
INSERT INTO w.person SELECT i, 1940 + i % 60 FROM generate_series(1, 3000) i;
CREATE TABLE w.measurement (person_id bigint NOT NULL, concept_id integer NOT NULL, code text COLLATE "C" NOT NULL,
                            taken date NOT NULL, at timestamp NOT NULL, value numeric) PARTITION BY RANGE (taken);
CREATE TABLE w.m2020 PARTITION OF w.measurement FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE w.m2021 PARTITION OF w.measurement FOR VALUES FROM ('2021-01-01') TO ('2022-01-01');
CREATE TABLE w.m2022 PARTITION OF w.measurement FOR VALUES FROM ('2022-01-01') TO ('2023-01-01');
INSERT INTO w.measurement SELECT i % 3000 + 1, i % 200, chr(65 + i % 26) || (i * 7) % 1000, d, d + interval '10 hours', (i * 13) % 5000 / 10.0
FROM (SELECT i, date '2020-01-01' + i % 1096 AS d FROM generate_series(1, 90000) i) s;
CREATE INDEX concept ON w.measurement (concept_id, value);
CREATE INDEX code ON w.measurement (code);
CREATE INDEX taken ON w.measurement (taken);
CREATE INDEX at ON w.measurement (at);
CREATE INDEX value ON w.measurement (value);
CREATE INDEX year ON w.measurement (extract(year FROM at));
VACUUM ANALYZE;
SELECT ehds.protect('w.person', subject => 'person_id');
SELECT ehds.protect('w.measurement', subject => 'person_id');
CREATE ROLE grantee;
CREATE ROLE analyst LOGIN IN ROLE grantee;
CREATE ROLE issuer LOGIN IN ROLE ehds_admin;
CREATE ROLE activator LOGIN IN ROLE ehds_admin;
SQL
EhdsNode::as($node, 'issuer', <<'SQL');
SELECT ehds.issue_permit('idx', grantee => 'grantee', purpose => 'research', valid_until => '2099-12-31', output => 'statistics', k => 11);
SELECT ehds.permit_table('idx', 'w.person');
SELECT ehds.permit_table('idx', 'w.measurement');
SQL
EhdsNode::as($node, 'activator', "SELECT ehds.activate_permit('idx');");

# What a query's plan reads of the measurements: partitions, and by which index.
sub scans
{
	my ($user, $path, $sql) = @_;
	my $from = -s $node->logfile;
	my ($rc, $out, $err) = EhdsNode::as($node, $user, "SET search_path = $path; $sql;");
	is($rc, 0, "$user: $sql") or diag($err);
	my $log = substr(slurp_file($node->logfile), $from);
	my %seen;
	while ($log =~ /(Bitmap Index Scan on|Index Scan using|Index Only Scan using|Seq Scan on) (m20\d\d\w*)/g)
	{
		my ($way, $what) = ($1, $2);
		$seen{ ($way eq 'Seq Scan on' ? 'all of ' : 'index ') . $what } = 1;
	}
	return join(', ', sort keys %seen);
}

foreach my $case (
	[ "concept_id = 17 AND value BETWEEN 10 AND 20", qr/^index m2020_concept_id_value_idx, index m2021_\w+, index m2022_\w+$/, 'comparison of numbers' ],
	[ "concept_id IN (17, 18) AND value > 480.5", qr/^index m2020_concept_id_value_idx/, 'a list' ],
	[ "value > 499.5", qr/^index m2020_value_idx, index m2021_value_idx, index m2022_value_idx$/, 'numeric, which is not leakproof' ],
	[ "code LIKE 'E1%' AND concept_id = 4", qr/^index/, 'LIKE with another condition' ],
	[ "code LIKE 'E10%'", qr/^index m2020_code_idx, index m2021_code_idx, index m2022_code_idx$/, 'LIKE' ],
	[ "code ~ '^E10'", qr/^index m2020_code_idx/, 'a regular expression that begins with letters' ],
	[ "starts_with(code, 'E10')", qr/./, 'starts_with' ],
	[ "code = ANY (ARRAY['E105', 'A7'])", qr/^index m2020_code_idx/, '= ANY' ],
	[ "taken >= '2021-03-01' AND taken < '2021-03-08'", qr/^index m2021_taken_idx$/, 'a week, in one partition' ],
	[ "taken >= date '2021-01-01' + interval '2 months' AND taken < date '2021-01-01' + interval '2 months 7 days'", qr/^index m2021_taken_idx$/, 'dates that are computed of constants' ],
	[ "taken BETWEEN timestamp '2021-03-01' AND timestamp '2021-03-07'", qr/^index m2021_taken_idx$/, 'a date compared with timestamps' ],
	[ "taken = make_date(2021, 3, 1)", qr/^index m2021_taken_idx$/, 'a date that is made' ],
	[ "taken >= date_trunc('year', timestamp '2022-05-05') AND taken < to_date('20220108', 'YYYYMMDD')", qr/^index m2022_taken_idx$/, 'truncated and parsed constants' ],
	[ "at >= '2021-03-01' AND at < timestamp '2021-03-01' + 3 * interval '1 day'", qr/^index m2020_at_idx, index m2021_at_idx, index m2022_at_idx$/, 'timestamps' ],
	[ "extract(year FROM at) = 2021 AND concept_id = 17 AND value > 480", qr/^index/, 'extract' ],
	[ "taken > '2022-12-20' AND value / 2 > 100 AND left(code, 2) || 'x' = 'E1x'", qr/^index m2022_taken_idx$/, 'beside conditions that are replaced' ])
{
	my ($where, $expected, $what) = @$case;
	my $sql = "SELECT count(DISTINCT person_id) FROM measurement WHERE $where";
	my $native = scans('postgres', 'w', $sql);
	my $permit = scans('analyst', 'permit_idx', $sql);
	like($native, $expected, "$what: natively");
	is($permit, $native, "$what: under the permit");
}

# one look-up of oppositions for all views of a person
sub look_ups
{
	my ($sql) = @_;
	my $from = -s $node->logfile;
	my ($rc, $out, $err) = EhdsNode::as($node, 'analyst', "SET search_path = permit_idx; $sql;");
	is($rc, 0, $sql) or diag($err);
	my $log = substr(slurp_file($node->logfile), $from);
	return scalar(() = $log =~ /Scan (?:using \w+ )?on opposition/g);
}
is(look_ups('SELECT count(DISTINCT p.person_id) FROM person p JOIN measurement m ON m.person_id = p.person_id JOIN measurement n ON n.person_id = m.person_id WHERE m.concept_id = 1 AND n.concept_id = 2'),
	1, 'one look-up for three views that are joined');
is(look_ups('SELECT count(DISTINCT p.person_id) FROM person p LEFT JOIN measurement m ON m.person_id = p.person_id AND m.concept_id = 1'), 2, 'not where a view may add nothing');
done_testing();
