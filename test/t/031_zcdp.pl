# A permit that is accounted for in zCDP: rho adds up, nothing refunds it, nobody
# overdraws it, and the whole permit counts once in the population's budget.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('zcdp');
my $path = 'SET search_path = permit_z, omop, pg_catalog;';

sub issue
{
	my ($permit, $grantee, $more) = @_;
	return $node->safe_psql('postgres', qq{
		SET client_min_messages = warning;
		SET SESSION AUTHORIZATION t_governor;
		SELECT ehds.issue_permit('$permit', grantee => '$grantee', purpose => 'statistics', valid_until => '2099-12-31', $more);
		SELECT ehds.permit_table('$permit', 'omop.person', columns => '{person_id,gender_concept_id,year_of_birth}');
		SELECT ehds.permit_table('$permit', 'omop.condition_occurrence');
		RESET SESSION AUTHORIZATION;
		SET SESSION AUTHORIZATION t_governor2;
		SELECT ehds.activate_permit('$permit');});
}

sub value
{
	return $node->safe_psql('postgres', $_[0]);
}

sub asked
{
	my ($sql, %opt) = @_;
	return EhdsNode::as($node, 't_z', "$path $sql", %opt);
}

# The figures of the notice on a query's charge: rho, epsilon, rho left, interval
sub notice
{
	my ($sql) = @_;
	my ($rc, $out, $err) = asked($sql);
	my @figures = $err =~ /charged rho (\S+) \(epsilon (\S+)\), rho (\S+) left; .* at most (\d+) persons/;
	diag($err) unless @figures;
	return @figures;
}

sub rho_spent
{
	return value(q{SELECT rho_spent FROM ehds.budget WHERE permit = 'z'});
}

$node->safe_psql('postgres', 'CREATE ROLE t_zgroup; CREATE ROLE t_z LOGIN; GRANT t_zgroup TO t_z; CREATE ROLE t_wgroup; CREATE ROLE t_w LOGIN; GRANT t_wgroup TO t_w');
issue('z', 't_zgroup', q{epsilon => 6, delta => 1e-8, epsilon_default => 0.1, accounting => 'zcdp'});
my $population = value(q{SELECT population FROM ehds.permit WHERE permit = 'z'});
my $total = value(q{SELECT rho_total FROM ehds.budget WHERE permit = 'z'});

is($total, value('SELECT ehds.zcdp_rho(6, 5e-9)'), 'the rho of the permit is that of epsilon and one half of delta, rounded down');
is(value(q{SELECT concat_ws(' ', epsilon_spent, epsilon_left, delta_spent, delta_left, accounting, queries_left) FROM ehds.budget WHERE permit = 'z'}),
	'0 6.000000000 0.000000000000000000 0.000000010000000000 zcdp', 'a new permit has spent nothing');

# ---------------------------------------------------------------- what a release costs
is(join(' ', notice('SELECT ehds.dp_count(person_id) FROM person;')),
	join(' ', 0.005, 0.1, sprintf('%.9g', $total - 0.005), value('SELECT ehds.dp_interval_gaussian(ehds.dp_noise_sigma(0.005))')),
	'epsilon 0.1 is rho 0.005, and the noise is the least that costs it');
is(rho_spent(), '0.005000000000', 'the charge is in the budget');
is(value(q{SELECT epsilon_spent = ehds.zcdp_epsilon(0.005, 5e-9) AND delta_spent = 5e-9 AND delta_left = 5e-9 FROM ehds.budget WHERE permit = 'z'}),
	't', 'as epsilon: what rho means at the delta of the conversion, which is spent first');
is(value(q{SELECT queries_left = floor(rho_left / 0.005) FROM ehds.budget WHERE permit = 'z'}), 't', 'and how many such queries are left');

my ($rho, $epsilon, $left, $interval) = notice('SELECT condition_concept_id, ehds.dp_count(person_id) FROM condition_occurrence GROUP BY 1;');
is($rho, 0.005, 'a query with GROUP BY costs the same');
is($interval, value('SELECT ehds.dp_interval_gaussian(ehds.dp_noise_sigma(0.005, 5))'), 'with the noise of five groups a person');
isnt($interval, value('SELECT ehds.dp_interval_gaussian(ehds.dp_noise_sigma(0.005, 1))'), 'which is more than that of one');
is(value(q{SELECT delta_spent - 5e-9 = floor(5e9 * 0.005 / rho_total) * 1e-18 FROM ehds.budget WHERE permit = 'z'}),
	't', 'its selection takes the share of delta that belongs to its rho');
(undef, undef, undef, $interval) = notice("SET ehds.max_groups = 2; SET ehds.epsilon = '0.3'; SELECT condition_concept_id, ehds.dp_count(person_id) FROM condition_occurrence GROUP BY 1;");
is($interval, value('SELECT ehds.dp_interval_gaussian(ehds.dp_noise_sigma(0.045, 2))'), 'two groups a person, rho 0.045');
is(rho_spent(), '0.055000000000', 'rho adds up');

($rho) = notice('SELECT ehds.dp_count(person_id) FROM person UNION ALL SELECT ehds.dp_count(person_id) FROM condition_occurrence;');
is($rho, 0.01, 'a statement with two releases is charged for both');
is(rho_spent(), '0.065000000000', 'in the budget too');

# epsilon 3e-7 squared is 9e-14, of which the half is 0.045 units
asked("SET ehds.epsilon = '0.0000003'; SELECT ehds.dp_count(person_id) FROM person;");
is(rho_spent(), '0.065000000001', 'a part of a unit of rho counts as a whole one');

is(value(q{SELECT count(*) FROM ehds.ledger WHERE permit = 'z' AND kind = 'charge' AND epsilon = 0 AND rho > 0}), 5, 'charges are entered in rho');

# an unlikely count of five groups: right up to its noise, and a group of one person is not shown
my ($rc, $out, $err) = asked("SET ehds.max_groups = 1; SET ehds.epsilon = '0.5'; SELECT condition_concept_id, ehds.dp_count(person_id) FROM condition_occurrence WHERE condition_concept_id IN (100, 500) GROUP BY 1;");
my ($n) = $out =~ /^100\|(\d+)$/m;
cmp_ok(abs(($n // 0) - 400), '<', 40, 'a group of 400 persons is counted') or diag("$out$err");
unlike($out, qr/^500\|/m, 'a group of one person is not shown');
is(rho_spent(), '0.190000000001', 'rho 0.125 for epsilon 0.5');

# ---------------------------------------------------------------- nothing is refunded
asked('BEGIN; SELECT ehds.dp_count(person_id) FROM person; ROLLBACK;');
is(rho_spent(), '0.195000000001', 'ROLLBACK refunds nothing');
asked('PREPARE q AS SELECT ehds.dp_count(person_id) FROM person; SET plan_cache_mode = force_generic_plan; EXECUTE q; EXECUTE q;');
is(rho_spent(), '0.205000000001', 'each execution of a prepared statement is charged');
($rc, $out, $err) = asked('SELECT n / 0 FROM (SELECT ehds.dp_count(person_id) AS n FROM person) s;');
like($err, qr/division by zero/, 'the query failed above the release');
is(rho_spent(), '0.210000000001', 'an error refunds nothing');
asked('SELECT ehds.dp_count(person_id) FROM person;');
$node->stop('immediate');
$node->start;
is(rho_spent(), '0.215000000001', 'a crash right after the answer refunds nothing');
is(value(q{SELECT queries_left = floor(rho_left / 0.005) FROM ehds.budget WHERE permit = 'z'}), 't', 'how many queries are left is known after a crash');
is(value('SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is whole after the crash');

# ---------------------------------------------------------------- the population's budget
sub population_spent
{
	return value("SELECT epsilon_nano FROM ehds.ledger_spent(NULL, '$population')");
}
is(population_spent(), '6000000000', 'the whole epsilon of the permit is taken from the population, once');
is(value("SELECT delta_atto FROM ehds.ledger_spent(NULL, '$population')"), '10000000000', 'and its whole delta');
EhdsNode::as($node, 't_other', q{SET search_path = permit_open, omop, pg_catalog; SET ehds.epsilon = '0.25'; SELECT ehds.dp_count(person_id) FROM person;});
is(population_spent(), '6250000000', 'a pure permit over the population adds what it spends');
$node->safe_psql('postgres', "SELECT ehds.limit_population('$population', 9, 1e-6)");
issue('w', 't_wgroup', q{epsilon => 3, delta => 1e-8, epsilon_default => 0.1, accounting => 'zcdp'});
my $w = 'SET search_path = permit_w, omop, pg_catalog; SELECT ehds.dp_count(person_id) FROM person;';
($rc, $out, $err) = EhdsNode::as($node, 't_w', $w);
like($err, qr/ZE003: .*population "$population" .*: epsilon 3 asked, 2\.75 left/, 'a permit for which the population has no room does not begin');
unlike($out, qr/^-?\d+$/m, 'and gets no answer');
is(population_spent(), '6250000000', 'nor is anything charged');
notice('SELECT ehds.dp_count(person_id) FROM person;');
is(population_spent(), '6250000000', 'the permit that has begun goes on, at no further cost to the population');
$node->safe_psql('postgres', "SELECT ehds.limit_population('$population', 9.25, 1e-6)");
($rc, $out, $err) = EhdsNode::as($node, 't_w', $w);
like($out, qr/^-?\d+$/m, 'with exactly enough room it begins');
is(population_spent(), '9250000000', 'and takes all of it');
($rc, $out, $err) = EhdsNode::as($node, 't_other', q{SET search_path = permit_open, omop, pg_catalog; SET ehds.epsilon = '0.000000001'; SELECT ehds.dp_count(person_id) FROM person;});
like($err, qr/ZE003: .*population/, 'then a pure permit has none left');

# ---------------------------------------------------------------- N sessions race for the last rho
my $script = $node->basedir . '/race.sql';
append_to_file($script, "$path\nSELECT ehds.dp_count(person_id) FROM person;\n");
my $fits = value(q{SELECT floor(rho_left / 0.005) FROM ehds.budget WHERE permit = 'z'});
my ($o, $e);
IPC::Run::run(
	[ 'pgbench', '-n', '-c', '16', '-j', '2', '-t', $fits + 2, '-U', 't_z', '-h', $node->host, '-p', $node->port, '-f', $script, 'postgres' ],
	'>', \$o, '2>', \$e);
cmp_ok(rho_spent(), '<=', $total, 'sixteen sessions do not spend more than there is');
cmp_ok(rho_spent(), '>', $total - 0.005, 'and the budget is used up');
is(value(q{SELECT sum(rho) = (SELECT rho_spent FROM ehds.budget WHERE permit = 'z') FROM ehds.ledger WHERE permit = 'z' AND kind = 'charge'}),
	't', 'the ledger says the same');
is(value(q{SELECT queries_left FROM ehds.budget WHERE permit = 'z'}), 0, 'no query like the last one is left');
is(value(q{SELECT count(*) FROM ehds.ledger WHERE permit = 'z' AND kind = 'reservation'}), 1, 'there was one reservation');
is(value(q{SELECT epsilon_spent <= 6 AND ehds.zcdp_delta(rho_spent, 6) + (delta_spent - 5e-9) <= 1e-8 FROM ehds.budget WHERE permit = 'z'}),
	't', 'all that was released is within (6, 1e-8)');
($rc, $out, $err) = asked('SELECT ehds.dp_count(person_id) FROM person;');
like($err, qr/ZE003: .*rho 0\.005 asked, /, 'a spent budget has its own SQLSTATE, and the error says what was asked');
unlike($out, qr/^-?\d+$/m, 'and no answer leaves');
is(value('SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is whole');

# ---------------------------------------------------------------- dump and restore
$node->safe_psql('postgres', 'CREATE DATABASE copy');
IPC::Run::run([ 'pg_dump', '-h', $node->host, '-p', $node->port, 'postgres' ], '|', [ 'psql', '-X', '-q', '-h', $node->host, '-p', $node->port, '-v', 'ON_ERROR_STOP=1', '-d', 'copy' ], '>', \$o, '2>', \$e);
is($node->safe_psql('copy', q{SELECT rho_spent FROM ehds.budget WHERE permit = 'z'}), rho_spent(), 'a restored copy knows what was spent');
is($node->safe_psql('copy', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'and its ledger is valid');

$node->stop;
done_testing();
