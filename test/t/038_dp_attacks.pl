# Known attacks on differential privacy that have no file of their own (test/README.md has
# the list): what an analyst gets by writing a query in another way, by splitting it over
# roles, sessions and permits, by bounds from the data, by errors, and from the low bits.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('dp_attacks');
# repeats are free, as they are by default: what is charged here is no repeat
$node->append_conf('postgresql.conf', 'ehds.fresh = off');
$node->reload;
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE ROLE t_one; CREATE ROLE t_two; CREATE ROLE t_a LOGIN; CREATE ROLE t_b LOGIN; CREATE ROLE t_c LOGIN;
	GRANT t_one TO t_a, t_b; GRANT t_two TO t_a, t_c;
	-- person 0 is the one who is looked for: in one of the two populations
	CREATE TABLE omop.v (person_id bigint NOT NULL, x double precision, t text, d integer);
	CREATE TABLE omop.w (LIKE omop.v INCLUDING ALL);
	INSERT INTO omop.v SELECT i, 0.1 + i * 2.0 ^ -50, '1', 1 FROM generate_series(1, 300) i;
	INSERT INTO omop.w TABLE omop.v;
	INSERT INTO omop.w VALUES (0, 'NaN', 'secret', 0);
	SELECT ehds.protect('omop.v', subject => 'person_id', population => 'attacked');
	SELECT ehds.protect('omop.w', subject => 'person_id', population => 'attacked2');});
sub issue
{
	my ($permit, $grantee, $table, $epsilon) = @_;
	$node->safe_psql('postgres', qq{
		SET client_min_messages = warning;
		SET SESSION AUTHORIZATION t_governor;
		SELECT ehds.issue_permit('$permit', grantee => '$grantee', purpose => 'statistics', valid_until => '2099-12-31',
			epsilon => $epsilon, delta => 1e-6, epsilon_default => 0.1);
		SELECT ehds.permit_table('$permit', 'omop.$table');
		SET SESSION AUTHORIZATION t_governor2;
		SELECT ehds.activate_permit('$permit');});
}
issue('one', 't_one', 'v', 50);
issue('two', 't_two', 'v', 50);
issue('without', 't_one', 'v', 50);
issue('with', 't_one', 'w', 50);

sub spent { my ($permit) = @_; return $node->safe_psql('postgres', "SELECT epsilon_spent FROM ehds.budget WHERE permit = '$permit'") }
sub ask
{
	my ($sql, %opt) = @_;
	my $permit = $opt{permit} // 'one';
	my $before = spent($permit);
	my ($rc, $out, $err) = EhdsNode::as($node, $opt{user} // 't_a', "SET search_path = permit_$permit, omop, pg_catalog;\n$sql");
	return ($out, 0 + sprintf('%.6f', spent($permit) - $before), $err);
}

# ---------------------------------------------------------------- averaging by writing the query in another way
my %rewritten = (
	'as it is'               => 'SELECT ehds.dp_sum(person_id, d, 0, 100) FROM v;',
	'v + 0'                  => 'SELECT ehds.dp_sum(person_id, d + 0, 0, 100) FROM v;',
	'v * 1'                  => 'SELECT ehds.dp_sum(person_id, d * 1, 0, 100) FROM v;',
	'0 + v'                  => 'SELECT ehds.dp_sum(person_id, 0 + d, 0, 100) FROM v;',
	'a condition'            => 'SELECT ehds.dp_sum(person_id, d, 0, 100) FROM v WHERE true;',
	'a condition on persons' => 'SELECT ehds.dp_sum(person_id, d, 0, 100) FROM v WHERE d > -1;',
	'a column'               => 'SELECT 1 AS one, ehds.dp_sum(person_id, d, 0, 100) FROM v;',
	'arithmetic above'       => 'SELECT 0 + ehds.dp_sum(person_id, d, 0, 100) FROM v;',
	'a subquery'             => 'SELECT s FROM (SELECT ehds.dp_sum(person_id, d, 0, 100) AS s FROM v) q;',
	'another name'           => 'SELECT ehds.dp_sum(y.person_id, y.d, 0, 100) FROM v y;',
	'WITH'                   => 'WITH q AS (SELECT * FROM v) SELECT ehds.dp_sum(person_id, d, 0, 100) FROM q;',
	'a case'                 => 'SELECT ehds.dp_sum(person_id, CASE WHEN true THEN d END, 0, 100) FROM v;');
my %draws;
foreach my $how (sort keys %rewritten)
{
	my ($out, $cost, $err) = ask($rewritten{$how});
	is($cost, 0.1, "written with $how it is charged") or diag($err);
	$draws{ ($out =~ /(-?\d+)$/)[0] }++;
	is((ask($rewritten{$how}))[1], 0, "and the same again is not");
}
# noise of scale 1000: that two of twelve agree happens, that all agree does not
cmp_ok(scalar(keys %draws), '>', 6, 'each has noise of its own');
my ($out, $cost) = ask('SELECT ehds.dp_sum(person_id, d, 0, 100), ehds.dp_sum(person_id, d + 0, 0, 100), ehds.dp_sum(person_id, d * 1, 0, 100) FROM v;');
is($cost, 0.3, 'three ways to write it in one statement are three charges');
($out, $cost) = ask('SELECT ehds.dp_sum(person_id, d, 0, 50), ehds.dp_sum(person_id, d, 0, 50) FROM v;');
is($cost, 0.1, 'one that is written twice is one');
my ($first, $second) = $out =~ /^(-?\d+)\|(-?\d+)$/m;
is($first, $second, 'with one draw');
($out, $cost) = ask('SELECT a.n, b.n FROM (SELECT ehds.dp_count(person_id) AS n FROM v) a, (SELECT ehds.dp_count(person_id) AS n FROM v) b;');
is($cost, 0.2, 'two subqueries that are the same are two');
($out, $cost) = ask('SELECT ehds.dp_count(person_id) FROM v UNION ALL SELECT ehds.dp_count(person_id) FROM v UNION ALL SELECT ehds.dp_count(person_id) FROM v;');
is($cost, 0.3, 'and three of a UNION three');

# ---------------------------------------------------------------- splitting over roles, sessions and permits
my $n = 0;
sub another { $n++; return "SELECT ehds.dp_count(person_id) FROM v WHERE d > -$n;" }
my $before = spent('one');
ask(another(), user => $_) foreach qw(t_a t_b t_a t_b);
is(0 + sprintf('%.6f', spent('one') - $before), 0.4, 'members and sessions of a grantee spend one budget');
$before = spent('one');
EhdsNode::as($node, 't_a', 'SET ROLE t_one; SET search_path = permit_one, omop, pg_catalog; ' . another());
is(0 + sprintf('%.6f', spent('one') - $before), 0.1, 'so does who has set another role');
my $whole = $node->safe_psql('postgres', q{SELECT sum(epsilon) FROM ehds.ledger WHERE kind = 'charge' AND population = 'attacked'});
my $of_permits = $node->safe_psql('postgres', q{SELECT sum(epsilon_spent) FROM ehds.budget WHERE permit IN ('one', 'two', 'without')});
is($whole + 0, $of_permits + 0, 'what permits spend is spent of their population');
$node->safe_psql('postgres', "SELECT ehds.limit_population('attacked', $whole + 1, 1e-3)");
# sixteen sessions of three logins race for the last epsilon of the population, over two permits
my @racers;
foreach my $i (1 .. 16)
{
	my ($user, $permit) = @{ [ [ 't_a', 'one' ], [ 't_b', 'one' ], [ 't_c', 'two' ], [ 't_a', 'two' ] ]->[ $i % 4 ] };
	my $script = $node->basedir . "/split$i.sql";
	append_to_file($script, "SET client_min_messages = error; SET search_path = permit_$permit, omop, pg_catalog;\n" . join("\n", map { another() } 1 .. 4) . "\n");
	my ($o, $e) = ('', '');
	push @racers, [ \$o, \$e, IPC::Run::start([ 'psql', '-XAtq', '-U', $user, '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-v', 'VERBOSITY=verbose', '-f', $script ], '>', \$o, '2>', \$e) ];
}
$_->[2]->finish foreach @racers;
my ($answers, $refusals) = (0, 0);
foreach (@racers)
{
	$answers += () = ${ $_->[0] } =~ /^-?\d+$/mg;
	$refusals += () = ${ $_->[1] } =~ /ZE003: .*population "attacked"/g;
}
is("$answers $refusals", '10 54', 'two permits, three logins and sixteen sessions get what the population has left, together');
is($node->safe_psql('postgres', q{SELECT sum(epsilon) FROM ehds.ledger WHERE kind = 'charge' AND population = 'attacked'}) - $whole, 1, 'and it is spent to the end');
like((ask('SELECT ehds.dp_count(person_id) FROM v WHERE d > -900;', permit => 'without'))[2], qr/ZE003/, 'a third permit has nothing left');
my (undef, undef, $refused) = $node->psql('postgres', q{SET SESSION AUTHORIZATION t_governor;
	SELECT ehds.issue_permit('exact', grantee => 't_two', purpose => 'statistics', valid_until => '2099-12-31', k => 11);
	SELECT ehds.permit_table('exact', 'omop.v'); SET SESSION AUTHORIZATION t_governor2; SELECT ehds.activate_permit('exact');});
like($refused, qr/cannot be activated beside another one on the same population/, 'an exact permit for the same grantee is refused');
$node->safe_psql('postgres', q{SELECT ehds.limit_population('attacked', NULL, NULL)});

# ---------------------------------------------------------------- bounds from the data
foreach my $bound ('(SELECT max(d) FROM v)', '(SELECT ehds.dp_sum(person_id, d, 0, 100) FROM v)', 'max(d)', 'd', 'd + 1', 'person_id', 'random()', 'length(t)')
{
	my ($out, $cost, $err) = ask("SELECT ehds.dp_sum(person_id, d, 0, $bound) FROM v;");
	like($err, qr/ERROR: .*(ZE002|42883|42803|22023)/, "an upper bound $bound is refused") or diag($out);
	note(substr($err, 0, 200));
	is($cost, 0, 'and not charged');
}
foreach my $setting ('ehds.max_groups', 'ehds.max_rows')
{
	my ($out, undef, $err) = ask("SELECT set_config('$setting', (SELECT max(d) FROM v)::text, false);");
	like($err, qr/ERROR: .*ZE002/, "$setting is not set from the data");
}

# ---------------------------------------------------------------- errors: with the person and without, the same to the letter
my $answered = 0;
foreach my $select (
	'SELECT ehds.dp_count(person_id) FROM %s WHERE 1 / d > 0',
	'SELECT ehds.dp_count(person_id) FROM %s WHERE t::integer > 0',
	'SELECT ehds.dp_sum(person_id, 1 / d, 0, 100) FROM %s',
	'SELECT ehds.dp_sum(person_id, x, 0, 1) FROM %s',
	'SELECT ehds.dp_avg(person_id, 1 / (x - x), 0, 1) FROM %s',
	"SET ehds.epsilon = '5'; SELECT d, ehds.dp_count(person_id) FROM %s GROUP BY d",
	'SELECT ehds.dp_count(person_id) FROM %s HAVING 1 / min(d) > 0',
	'SELECT ehds.dp_median(person_id, sqrt(d - 1), 0, 1) FROM %s',
	'SELECT ehds.dp_count(person_id) FROM %1$s WHERE (SELECT y.d FROM %1$s y) > 0',
	'SELECT ehds.dp_count(person_id) FROM %1$s y WHERE (SELECT z.d FROM %1$s z WHERE z.person_id = y.person_id) > 0',
	'SELECT ehds.dp_count(person_id) FROM %s WHERE CASE WHEN d = 0 THEN pg_sleep(100) IS NOT NULL ELSE true END')
{
	my %told;
	foreach my $side ([ 'with', 'w' ], [ 'without', 'v' ])
	{
		my ($permit, $table) = @$side;
		my ($out, $cost, $err) = ask(sprintf($select, $table) . ';', permit => $permit);
		my $rows = () = $out =~ /^/mg;
		# figures are noise; the rest of the transcript is not
		$err =~ s/permit_?\w*|"\w+"|\b[vw]\b|[\d.]+ left|LINE.*\n.*\^|\^//g;
		$told{$permit} = "$cost $rows " . ($err =~ s/\s+/ /gr);
	}
	note(substr($told{with}, 0, 150));
	$answered++ if $told{with} =~ /^[05]\.?\d* \d+ psql.*charged/;
	is($told{with}, $told{without}, "no error tells: $select");
}

cmp_ok($answered, '>', 4, 'and it is not by refusing all of it');

# ---------------------------------------------------------------- a cursor that fetches one row
my $groups = 'SELECT d %% 7 AS g, ehds.dp_count(person_id) FROM v WHERE d > -%d GROUP BY g';
$node->safe_psql('postgres', 'UPDATE omop.v SET d = person_id % 7');
($out, $cost) = ask("SET ehds.epsilon = '5'; BEGIN; DECLARE c CURSOR FOR " . sprintf($groups, 500) . '; FETCH 1 FROM c; ROLLBACK;');
is($cost, 5, 'who fetches one row pays for all groups');
my $fetched = ($out =~ /^(.+\|.+)$/m)[0];
($out, $cost) = ask("SET ehds.epsilon = '5'; " . sprintf($groups, 500) . ';');
is($cost, 0, 'all of which are recorded');
like($out, qr/^\Q$fetched\E$/m, 'as they were drawn');

# ---------------------------------------------------------------- floating-point low bits
my $grid = 0;
my @sums;
foreach my $i (1 .. 40)
{
	my ($sum) = (ask("SELECT ehds.dp_sum(person_id, x, 0, 1) FROM w WHERE d > -$i - 1000;", permit => 'with'))[0] =~ /(-?[\d.e-]+)$/m;
	push @sums, $sum;
	$grid++ if $sum =~ /^-?\d+(\.\d{1,7})?$/;
}
is($grid, 40, 'sums of values with low bits lie on the grid that the bounds make') or diag("@sums");
my %different = map { $_ => 1 } @sums;
cmp_ok(scalar(keys %different), '>', 30, 'and are noised');

$node->stop;
done_testing();
