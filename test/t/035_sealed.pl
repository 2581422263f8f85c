# Sealed tables and sessions: their end, other sessions, prepared statements, the
# extended protocol, a dump, and what pg_stat_statements counts.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use IPC::Run qw(start timer);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('sealed', init => { allows_streaming => 1 });
my $statements = -e ($node->config_data('--sharedir') // '') . '/extension/pg_stat_statements.control';
if ($statements)
{
	$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'pg_stat_statements, pg_ehds'");
	$node->append_conf('postgresql.conf', "pg_stat_statements.track = all\n");
	$node->restart;
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_stat_statements');
}
$node->safe_psql('postgres', 'CREATE SCHEMA mine AUTHORIZATION t_analyst');

# a session that stays open
my ($in, $out, $err) = ('', '', '');
my $timer = timer(60);
my $session = start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-U', 't_analyst' ], '<', \$in, '>', \$out, '2>', \$err, $timer);
sub ask
{
	my ($sql) = @_;
	$out = $err = '';
	$in .= "$sql\n\\echo done\n\\warn done\n";
	$session->pump until ($out =~ /^done$/m && $err =~ /^done$/m) || $timer->is_expired;
	return $out . $err;
}

unlike(ask('CREATE TEMP TABLE cohort AS SELECT person_id FROM permit_hydro.condition_occurrence WHERE condition_concept_id = 200;'),
	qr/ERROR/, 'a temporary sealed table');
like(ask('SELECT count(DISTINCT person_id) FROM cohort;'), qr/^200$/m, 'in its session');
my $space = $node->safe_psql('postgres', q{SELECT relnamespace::regnamespace FROM pg_class WHERE relname = 'cohort'});
my ($rc, $o, $e) = EhdsNode::as($node, 't_analyst', "SELECT count(DISTINCT person_id) FROM $space.cohort;");
like($e, qr/42501|0A000|ZE00/, 'of another session it is read by nobody');
unlike($o, qr/\d/, 'and shows nothing');
($rc, $o, $e) = EhdsNode::as($node, 't_analyst', "DROP TABLE $space.cohort;");
like($e, qr/ERROR/, 'nor dropped');
like(ask('SELECT count(DISTINCT person_id) FROM cohort;'), qr/^200$/m, 'it is still there');

# plans made before another session has added rows
EhdsNode::as($node, 't_analyst', 'CREATE TABLE mine.shared AS SELECT person_id FROM permit_hydro.person;');
ask('PREPARE rows AS SELECT count(*) FROM mine.shared; SET plan_cache_mode = force_generic_plan;');
like(ask('EXECUTE rows;'), qr/^400$/m, 'rows that were stored once are counted');
($rc, $o, $e) = EhdsNode::as($node, 't_analyst', 'INSERT INTO mine.shared SELECT person_id FROM permit_hydro.person;');
is($rc, 0, 'another session adds them again') or diag($e);
like(ask('EXECUTE rows;'), qr/could be repeated|repeat/, 'now they are not, in a plan of before too') or diag("$out $err");
like(ask('SELECT count(DISTINCT person_id) FROM mine.shared;'), qr/^400$/m, 'persons are');

# an opposition reaches an open session
EhdsNode::as($node, 't_registrar', q{SELECT ehds.oppose('H100002');});
like(ask('SELECT count(DISTINCT person_id) FROM cohort;'), qr/^199$/m, 'who objects leaves the table of an open session');

# two sessions make tables at once
my @both = map { my ($i, $o, $e) = ('', '', ''); start([ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-U', 't_analyst', '-c', "CREATE TABLE mine.both$_ AS SELECT person_id FROM permit_hydro.person" ], '<', \$i, '>', \$o, '2>', \$e) } 1 .. 4;
$_->finish for @both;
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname ~ '^both[1-4]$'}), '4', 'four sessions at once');

# the extended protocol, prepared, within transactions
my $script = $node->basedir . '/sealed.sql';
append_to_file($script, <<'SQL');
\set y random(1940, 1990)
BEGIN;
CREATE TEMP TABLE t ON COMMIT DROP AS SELECT person_id FROM permit_hydro.person WHERE year_of_birth > 1950;
INSERT INTO t SELECT person_id FROM permit_hydro.person WHERE year_of_birth > :y;
SELECT count(DISTINCT person_id) FROM t;
COMMIT;
SQL
for my $mode (qw(simple extended prepared))
{
	$node->command_ok([ 'pgbench', '-n', '-M', $mode, '-t', '5', '-f', $script, '-U', 't_analyst', '-h', $node->host, '-p', $node->port, 'postgres' ],
		"protocol: $mode");
}

SKIP:
{
	skip 'no pg_stat_statements', 2 unless $statements;
	cmp_ok($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_statements WHERE query ~* '(CREATE (TEMP )?TABLE|INSERT INTO) *(mine|cohort|t ).*permit_hydro'}),
		'>', 2, 'pg_stat_statements has the statements');
	is( $node->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_statements WHERE rows > 0 AND query ~* '(CREATE (TEMP )?TABLE|INSERT INTO) *(mine|cohort|t ).*permit_hydro'}),
		'0', 'and no number of rows');
}

# the end of the session
$in .= "\\q\n";
$session->finish;
$node->poll_query_until('postgres', q{SELECT NOT EXISTS (SELECT FROM pg_class WHERE relname = 'cohort')}) or die;
EhdsNode::as($node, 't_analyst', 'CREATE TABLE mine.last AS SELECT person_id FROM permit_hydro.person;');
is($node->safe_psql('postgres', 'SELECT count(*) FROM ehds.sealed_table WHERE temporary'), '0', 'nothing is left of temporary tables');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_class WHERE relname ~ '^sealed_[0-9a-f]{32}$' AND relkind = 'r'}),
	$node->safe_psql('postgres', 'SELECT count(*) FROM ehds.sealed_table'), 'nor of their rows');

# DISCARD, and a crash
($rc, $o, $e) = EhdsNode::as($node, 't_analyst', q{
	CREATE TEMP TABLE d AS SELECT person_id FROM permit_hydro.person;
	DISCARD ALL;
	CREATE TEMP TABLE d AS SELECT person_id FROM permit_hydro.person;
	SELECT count(DISTINCT person_id) FROM d;});
like($o, qr/^399$/m, 'DISCARD ALL') or diag($e);
$node->stop('immediate');
$node->start;
($rc, $o, $e) = EhdsNode::as($node, 't_analyst', 'SELECT count(DISTINCT person_id) FROM mine.last;');
like($o, qr/^399$/m, 'a permanent one outlives a crash') or diag($e);

# a dump
my $dump = $node->basedir . '/sealed.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dumped');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-e', '-j', 2, '-d', $node->connstr('restored'), $dump ], 'restored');
$o = $e = '';
$node->psql('restored', 'SELECT count(DISTINCT person_id) FROM mine.last', stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_analyst' ]);
is($o, '399', 'it is read in the copy') or diag($e);
$node->psql('restored', 'SELECT * FROM mine.last', stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_analyst' ]);
like($e, qr/rows about persons/, 'by statistics only');
$node->psql('restored', q{CREATE TABLE mine.next AS SELECT person_id FROM mine.last; DROP TABLE mine.last; SELECT count(DISTINCT person_id) FROM mine.next}, stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_analyst' ]);
is($o, '399', 'and used, and dropped') or diag($e);

# a standby records nothing, so it stores nothing
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
($rc, $o, $e) = EhdsNode::as($standby, 't_analyst', 'SELECT count(DISTINCT person_id) FROM mine.last;');
like($e, qr/ZE00[17]/, 'not read on a standby');
$standby->stop;

# without the library
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
($rc, $o, $e) = EhdsNode::as($node, 't_analyst', 'SELECT count(DISTINCT person_id) FROM mine.last;');
like($e, qr/ZE004/, 'nor without the library');
($rc, $o, $e) = EhdsNode::as($node, 't_analyst', 'INSERT INTO mine.last SELECT 1;');
like($e, qr/42501/, 'and nothing is added');
($rc, $o, $e) = EhdsNode::as($node, 't_analyst', 'CREATE TABLE mine.open AS SELECT person_id FROM permit_hydro.person;');
like($e, qr/ZE004/, 'nor stored in the open');

$node->stop;
done_testing();
