# Permanent noise: the same persons have the same noise in every session, after a
# restart, in parallel plans, on every PostgreSQL.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use Time::HiRes qw(time);
use Test::More;

my $node = EhdsNode::start_warehouse('cell_key');
$node->psql('postgres', q{
	\set ON_ERROR_STOP on
	SET client_min_messages = warning;
	CREATE SCHEMA town;
	CREATE TABLE town.person (person_id integer, ward integer NOT NULL, street integer NOT NULL);
	INSERT INTO town.person SELECT i, i % 20, i / 20 FROM generate_series(1, 500000) i;
	CREATE TABLE town.patient (person_id text, ward integer NOT NULL);
	INSERT INTO town.patient SELECT i, i % 20 FROM generate_series(1, 500000) i;
	CREATE TABLE town.abroad AS TABLE town.person;
	CREATE TABLE town.by_uuid AS SELECT md5(i::text)::uuid AS person_id, i % 20 AS ward FROM generate_series(1, 20000) i;
	CREATE TABLE town.by_text AS SELECT person_id::text, ward FROM town.by_uuid;
	ALTER TABLE town.person SET (parallel_workers = 2);
	VACUUM ANALYZE;
	SELECT ehds.protect('town.person', subject => 'person_id', population => 'town');
	SELECT ehds.protect('town.patient', subject => 'person_id', population => 'town');
	SELECT ehds.protect('town.by_uuid', subject => 'person_id', population => 'town');
	SELECT ehds.protect('town.by_text', subject => 'person_id', population => 'town');
	SELECT ehds.protect('town.abroad', subject => 'person_id', population => 'abroad');
	GRANT USAGE ON SCHEMA town TO PUBLIC;
	CREATE ROLE t_noisy LOGIN;
	CREATE ROLE t_plain LOGIN;
	SET SESSION AUTHORIZATION t_governor;
	SELECT ehds.issue_permit('noisy', 't_noisy', 'research', valid_until => '2099-12-31', cell_key_max => 5);
	SELECT ehds.permit_table('noisy', 'town.person');
	SELECT ehds.permit_table('noisy', 'town.patient');
	SELECT ehds.permit_table('noisy', 'town.by_uuid');
	SELECT ehds.permit_table('noisy', 'town.by_text');
	SELECT ehds.issue_permit('noisy2', 't_noisy', 'research', valid_until => '2099-12-31', cell_key_max => 5);
	SELECT ehds.permit_table('noisy2', 'town.abroad');
	SELECT ehds.issue_permit('plain', 't_plain', 'research', valid_until => '2099-12-31');
	SELECT ehds.permit_table('plain', 'town.person');
	RESET SESSION AUTHORIZATION;
	SET SESSION AUTHORIZATION t_governor2;
	SELECT ehds.activate_permit('noisy');
	SELECT ehds.activate_permit('noisy2');
	SELECT ehds.activate_permit('plain');
}, on_error_die => 1);

my $query = 'SELECT ward, count(DISTINCT person_id) FROM permit_noisy.person GROUP BY ward ORDER BY ward;';

sub answer
{
	my ($sql, %opt) = @_;
	my ($rc, $out, $err) = EhdsNode::as($node, $opt{user} // 't_noisy', $sql);
	is($rc, 0, $opt{what} // 'an answer') or diag($err);
	return $out;
}

my $first = answer($query);
is(scalar(split /\n/, $first), 20, 'all cells');
isnt($first, join("\n", map { "$_|25000" } 0 .. 19), 'with noise');
is(answer($query), $first, 'another session has the same noise');

# The noise of the key of this test was computed by another program (HKDF, AES and
# the last row of the table, from their definitions). No platform, no PostgreSQL and
# no rewriting of this method may change what was published.
is(join(' ', map { (split /\|/)[1] - 25000 } split /\n/, $first), '-1 1 2 -1 2 -2 0 -2 1 1 2 -3 0 -3 2 -2 -1 2 0 1', 'the noise of a known key');

my $serial = answer("SET max_parallel_workers_per_gather = 0; $query");
my $parallel = answer("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2; $query");
is($serial, $first, 'serial');
is($parallel, $first, 'with parallel workers');
is(answer("SET enable_hashagg = off; SET work_mem = '64kB'; $query"), $first, 'sorted, in little memory');
is(answer("SET jit = off; PREPARE q AS SELECT ward, count(DISTINCT person_id) FROM permit_noisy.person GROUP BY ward ORDER BY ward; EXECUTE q;"), $first, 'prepared');
is(answer('SELECT ward, count(DISTINCT person_id) FROM permit_noisy.patient GROUP BY ward ORDER BY ward;'), $first, 'the same digits as text');

$node->restart;
is(answer($query), $first, 'after a restart');

# uuid and long text: the same digits, the same noise; persons of another population: another
is(answer('SELECT ward, count(DISTINCT person_id) FROM permit_noisy.by_uuid GROUP BY ward ORDER BY ward;'),
	answer('SELECT ward, count(DISTINCT person_id) FROM permit_noisy.by_text GROUP BY ward ORDER BY ward;'), 'uuid and its text');
isnt(answer('SELECT ward, count(DISTINCT person_id) FROM permit_noisy2.abroad GROUP BY ward ORDER BY ward;'), $first, 'another population has other record keys');

my (undef, undef, $log) = EhdsNode::as($node, 't_noisy', $query);
unlike($log, qr/[0-9a-f]{32}/, 'no key in what the analyst sees');

# cost, of all persons in one cell
my %time;
for my $case ([ 'noisy', 't_noisy' ], [ 'plain', 't_plain' ])
{
	my ($permit, $user) = @$case;
	for (1 .. 3)
	{
		my $start = time();
		EhdsNode::as($node, $user, "SELECT ehds.k_count(person_id) FROM permit_$permit.person;" x 5);
		my $took = time() - $start;
		$time{$permit} = $took if !defined $time{$permit} || $took < $time{$permit};
	}
}
diag(sprintf('500,000 persons in one cell: %.0f ms noisy, %.0f ms exact, ratio %.2f', 200 * $time{noisy}, 200 * $time{plain}, $time{noisy} / $time{plain}));

# and of many small cells
for my $permit (qw(noisy plain))
{
	my $start = time();
	my ($rc) = EhdsNode::as($node, $permit eq 'noisy' ? 't_noisy' : 't_plain', "SELECT count(*) FROM (SELECT street, count(DISTINCT person_id) FROM permit_$permit.person GROUP BY street) s;");
	is($rc, 0, "small cells under $permit");
	$time{$permit} = time() - $start;
}
diag(sprintf('25,000 cells of 20 persons: %.0f ms noisy, %.0f ms exact', 1000 * $time{noisy}, 1000 * $time{plain}));

# figures on hidden cells would be exact ones
my $mixed = 'SELECT count(*) FROM (SELECT street, count(DISTINCT person_id) FROM %s.person WHERE ward < 10 OR street < 1000 GROUP BY street) s;';
my (undef, undef, $told) = EhdsNode::as($node, 't_plain', sprintf($mixed, 'permit_plain'));
like($told, qr/of 25,00\d cells are hidden/, 'an exact permit tells how many cells are hidden');
(undef, undef, $told) = EhdsNode::as($node, 't_noisy', sprintf($mixed, 'permit_noisy'));
like($told, qr/cells with fewer than 11 persons, if there are any, are hidden/, 'a noisy one has one sentence');
unlike($told, qr/cells are hidden because/, 'without figures');

my ($rc, $out, $err) = EhdsNode::as($node, 't_noisy', "SELECT ehds.cell_key_count('00'::ehds.k_state, 11, 5, 2000, 2, 'town', NULL);");
isnt($rc, 0, 'nobody has the noise of a state of his own');

# keys whose bytes are no text in UTF-8: an error would show them, and that somebody has them
for my $encoding (qw(SQL_ASCII WIN1252))
{
	my $db = lc $encoding;
	my $rows = join(',', map { "(E'\\x81' || $_)" } 1 .. 20);
	$node->safe_psql('postgres', "CREATE DATABASE $db ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
	$node->psql($db, qq{
		\\set ON_ERROR_STOP on
		SET client_min_messages = warning;
		SET client_encoding = '$encoding';
		CREATE EXTENSION pg_ehds;
		CREATE SCHEMA town;
		CREATE TABLE town.person (person_id text);
		INSERT INTO town.person VALUES $rows;
		SELECT ehds.protect('town.person', subject => 'person_id');
		SET SESSION AUTHORIZATION t_governor;
		SELECT ehds.issue_permit('noisy', 't_noisy', 'research', valid_until => '2099-12-31', cell_key_max => 5);
		SELECT ehds.permit_table('noisy', 'town.person');
		SET SESSION AUTHORIZATION t_governor2;
		SELECT ehds.activate_permit('noisy');
	}, on_error_die => 1);
	my ($o, $e) = ('', '');
	$node->psql($db, 'SELECT count(DISTINCT person_id) FROM permit_noisy.person', stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_noisy' ]);
	like($o, qr/^(1[5-9]|2[0-5])$/, "any bytes in $encoding have a record key") or diag($e);
}

$node->stop;
done_testing();
