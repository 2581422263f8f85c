# The budget of a differentially private permit: nothing refunds it, nobody
# overdraws it, one release is one draw.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('budget');
my $path = 'SET search_path = permit_open, omop, pg_catalog;';

sub spent
{
	return $node->safe_psql('postgres', q{SELECT epsilon_spent::float8 FROM ehds.budget WHERE permit = 'open'});
}

sub expect_spent
{
	my ($expected, $what) = @_;
	cmp_ok(abs(spent() - $expected), '<', 1e-6, $what);
}

sub asked
{
	my ($sql, %opt) = @_;
	return EhdsNode::as($node, 't_other', "$path SET ehds.epsilon = '0.1'; $sql", %opt);
}

is(spent(), '0', 'a new permit has spent nothing');

my ($rc, $out, $err) = asked('SELECT ehds.dp_count(person_id) FROM person;');
like($out, qr/^-?\d+$/m, 'an answer');
like($err, qr/charged epsilon 0\.1, 2\.9 left/, 'the charge and what is left are told');
expect_spent(0.1, 'the charge is in the budget');

asked('BEGIN; SELECT ehds.dp_count(person_id) FROM person; ROLLBACK;');
expect_spent(0.2, 'ROLLBACK refunds nothing');

asked('BEGIN; SAVEPOINT s; SELECT ehds.dp_count(person_id) FROM person; ROLLBACK TO s; COMMIT;');
expect_spent(0.3, 'ROLLBACK TO SAVEPOINT refunds nothing');

asked('BEGIN READ ONLY; SELECT ehds.dp_count(person_id) FROM person; COMMIT;');
expect_spent(0.4, 'a READ ONLY transaction pays too');

($rc, $out, $err) = asked("SET statement_timeout = '400ms'; SELECT n, pg_sleep(30) FROM (SELECT ehds.dp_count(person_id) AS n FROM person) s;");
like($err, qr/statement timeout/, 'the query was cancelled');
expect_spent(0.5, 'statement_timeout refunds nothing');

($rc, $out, $err) = asked('SELECT n / 0 FROM (SELECT ehds.dp_count(person_id) AS n FROM person) s;');
like($err, qr/division by zero/, 'the query failed above the release');
expect_spent(0.6, 'an error refunds nothing');

{
	my $session = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 't_other' ]);
	$session->query_until(qr/ready/, "$path SET ehds.epsilon = '0.1';\n\\echo ready\n");
	my $pid = $session->query_until(qr/\d+/, "SELECT pg_backend_pid();\n");
	($pid) = $pid =~ /(\d+)/;
	$session->query_until(qr/go/,
		"\\echo go\nSELECT n, pg_sleep(60) FROM (SELECT ehds.dp_count(person_id) AS n FROM person) s;\n");
	ok($node->poll_query_until('postgres', "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $pid"),
		'the query sleeps after its release');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid"), 'the backend is gone');
	$session->{run}->finish if ref $session && $session->{run};
	expect_spent(0.7, 'pg_terminate_backend refunds nothing');
}

($rc, $out, $err) = asked('SELECT ehds.dp_count(person_id) FROM person;');
$node->stop('immediate');
$node->start;
expect_spent(0.8, 'a crash right after the answer refunds nothing');
is($node->safe_psql('postgres', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is whole after the crash');

# one release, one draw, one charge: whatever plan is chosen
my $one = q{
	SET enable_material = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_memoize = off;
	SELECT count(*), count(DISTINCT n) FROM generate_series(1, 2000) g
	JOIN (SELECT ehds.dp_count(person_id) AS n FROM person) s ON s.n + g > -1000000;
};
my $before = spent();
($rc, $out, $err) = asked($one);
my ($rows, $draws) = $out =~ /^(\d+)\|(\d+)$/m;
is($draws, 1, 'a subquery that the plan would rescan is drawn once') or diag($err);
cmp_ok(abs(spent() - $before - 0.1), '<', 1e-6, 'and charged once');

$before = spent();
($rc, $out, $err) = asked(q{
	WITH r AS NOT MATERIALIZED (SELECT ehds.dp_count(person_id) AS n FROM person)
	SELECT a.n = b.n FROM r a, r b;});
like($out, qr/^t$/m, 'WITH NOT MATERIALIZED read twice is one draw') or diag($err);
cmp_ok(abs(spent() - $before - 0.1), '<', 1e-6, 'and one charge');

$before = spent();
($rc, $out, $err) = asked(q{
	SELECT x = y FROM (SELECT v AS x, v AS y FROM (SELECT (SELECT ehds.dp_count(person_id) FROM person) AS v) s) t;});
like($out, qr/^t$/m, 'a scalar subquery that the planner copies is one draw') or diag($err);
cmp_ok(abs(spent() - $before - 0.1), '<', 1e-6, 'and one charge');

$before = spent();
($rc, $out, $err) = asked(q{PREPARE q AS SELECT ehds.dp_count(person_id) FROM person; SET plan_cache_mode = force_generic_plan; EXECUTE q; EXECUTE q;});
cmp_ok(abs(spent() - $before - 0.2), '<', 1e-6, 'each execution of a prepared statement is charged') or diag($err);

$before = spent();
($rc, $out, $err) = asked('SELECT ehds.dp_count(person_id) - ehds.dp_count(person_id) AS zero FROM person;');
like($out, qr/^0$/m, 'the same aggregate written twice is one draw');
cmp_ok(abs(spent() - $before - 0.1), '<', 1e-6, 'and one charge');

# sixteen sessions race for the last epsilon
my $left = $node->safe_psql('postgres', q{SELECT epsilon_left FROM ehds.budget WHERE permit = 'open'});
my $fits = int($left / 0.1 + 1e-9);
my $script = $node->basedir . '/race.sql';
append_to_file($script, "SET search_path = permit_open, omop, pg_catalog;\nSET ehds.epsilon = '0.1';\nSELECT ehds.dp_count(person_id) FROM person;\n");
my ($o, $e);
IPC::Run::run(
	[ 'pgbench', '-n', '-c', '16', '-j', '2', '-t', $fits + 2, '-U', 't_other', '-h', $node->host, '-p', $node->port, '-f', $script, 'postgres' ],
	'>', \$o, '2>', \$e);
my $total = spent();
cmp_ok($total, '<=', 3 + 1e-6, 'sixteen sessions do not spend more than there is');
cmp_ok($total, '>', 3 - 0.1, 'and the budget is used up');
is($node->safe_psql('postgres', q{SELECT round(sum(epsilon), 6) <= 3 FROM ehds.ledger WHERE kind = 'charge'}),
	't', 'the ledger says the same');

($rc, $out, $err) = asked('SELECT ehds.dp_count(person_id) FROM person;');
like($err, qr/ZE003/, 'a spent budget has its own SQLSTATE');
like($err, qr/0\.1/, 'and the error says what was asked');
unlike($out, qr/^-?\d+$/m, 'and no answer leaves');
is($node->safe_psql('postgres', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is whole');

$node->stop;
done_testing();
