# A query that was charged and whose answer never left is asked again on the same charge;
# never are two draws on one charge seen, whatever ends, interrupts or races an execution.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $node = EhdsNode::start_warehouse('same_charge', conf => "client_connection_check_interval = '50ms'\nautovacuum = off");
$node->append_conf('postgresql.conf', 'ehds.fresh = off');
$node->reload;
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE ROLE t_group; CREATE ROLE t_s LOGIN; CREATE ROLE t_s2 LOGIN; GRANT t_group TO t_s, t_s2;
	CREATE SCHEMA mine AUTHORIZATION t_s;
	CREATE TABLE omop.slow (person_id bigint, x integer);
	SELECT ehds.protect('omop.slow', subject => 'person_id');});
sub issue
{
	my ($permit, $more) = @_;
	$node->safe_psql('postgres', qq{
		SET client_min_messages = warning;
		SET SESSION AUTHORIZATION t_governor;
		SELECT ehds.issue_permit('$permit', grantee => 't_group', purpose => 'statistics', valid_until => '2099-12-31',
			epsilon => 100, delta => 1e-6, epsilon_default => 0.1 $more);
		SELECT ehds.permit_table('$permit', 'omop.' || t) FROM unnest('{person,slow}'::text[]) t;
		SET SESSION AUTHORIZATION t_governor2;
		SELECT ehds.activate_permit('$permit');});
}
issue('s', '');
issue('z', q{, accounting => 'zcdp'});

# While the table is large, a query on it takes far longer than it is left.
sub large { $node->safe_psql('postgres', 'TRUNCATE omop.slow; INSERT INTO omop.slow SELECT i, x FROM generate_series(1, 30) i, generate_series(1, 4000) x; ANALYZE omop.slow') }
sub small { $node->safe_psql('postgres', 'DELETE FROM omop.slow WHERE x > 2') }
sub slow { my ($n) = @_; return "SELECT ehds.dp_count(a.person_id) FROM slow a JOIN slow b ON a.person_id = b.person_id AND a.x + b.x > -$n;" }

sub charges { return $node->safe_psql('postgres', q{SELECT count(*) FROM ehds.ledger WHERE kind = 'charge'}) }
sub entries { my ($action) = @_; return $node->safe_psql('postgres', qq{SELECT count(*) FROM ehds.ledger WHERE action = '$action'}) }
# draws of which anything may have been seen are recorded
sub draws { return $node->safe_psql('postgres', q{SELECT count(DISTINCT store) FROM ehds.release_part WHERE release = 1}) }

# What a query gives, how often it was charged, and its notices
sub ask
{
	my ($sql, %opt) = @_;
	my $permit = $opt{permit} // 's';
	my $before = charges();
	my ($rc, $out, $err) = EhdsNode::as($node, $opt{user} // 't_s', "SET search_path = permit_$permit, omop, pg_catalog;\n$sql", on_error_stop => $opt{on_error_stop} // 1);
	diag($err) if $err =~ /ERROR|FATAL/ && !$opt{fails};
	return ($out, charges() - $before, $err);
}
sub costs
{
	my ($expected, $sql, $what, %opt) = @_;
	my ($out, $cost, $err) = ask($sql, %opt);
	is($cost, $expected, "$what: " . ($expected ? 'charged' : 'free'));
	return wantarray ? ($out, $err) : $out;
}

# ---------------------------------------------------------------- answers that nobody fetched
my $n = 1000;
sub person { $n++; return "SELECT ehds.dp_count(person_id) FROM person WHERE year_of_birth > -$n;" }

my $q = person();
costs(1, "BEGIN; DECLARE c CURSOR FOR $q COMMIT;", 'a cursor of which nothing was fetched');
my ($explained) = ask("SELECT remark FROM ehds.explain_privacy(\$\$$q\$\$) WHERE item = 'repeat';");
like($explained, qr/^it was charged on \d{4}-.*, and its answer never left: it would be drawn, and nothing charged$/, 'explain_privacy says so');
my ($answer, $err) = costs(0, $q, 'the query itself, then');
like($err, qr/NOTICE: .*nothing charged: the same query was charged on \d{4}-.*, and its answer never left; with 95 % probability the noise is/, 'a notice says why, and how large the noise is');
like($answer, qr/^-?\d+$/, 'and there is an answer');
is(scalar costs(0, $q, 'and once more'), $answer, 'which is recorded as any other');
is(entries('resume'), 1, 'the ledger has it as an access');
costs(1, "SET ehds.fresh = on; $q", 'a fresh one, now that the charge is used');

$q = person();
(my $nothing = $q) =~ s/;$/ LIMIT 0;/;
costs(1, $nothing, 'no row asked for');
costs(0, $nothing, 'no row asked for, again') for 1 .. 12;
costs(1, $q, 'another statement is another charge');
$q = person();
costs(1, "BEGIN; DECLARE c CURSOR FOR $q ROLLBACK;", 'a cursor that was rolled back');
costs(0, $q, 'is asked again by another member of the grantee', user => 't_s2');
$q = person();
costs(1, "BEGIN; SAVEPOINT a; DECLARE c CURSOR FOR $q ROLLBACK TO a; $q COMMIT;", 'a cursor that a savepoint took away, and the query in the same transaction');
$q = person();
costs(1, "BEGIN; DECLARE c CURSOR FOR $q FETCH 1 FROM c; ROLLBACK;", 'a cursor of which one row was fetched');
($answer) = costs(0, $q, 'and given again');
costs(1, "SET ehds.fresh = on; $q", 'its charge is used up');
$q = person();
costs(2, "BEGIN; DECLARE c CURSOR FOR $q $q FETCH c; COMMIT;", 'a cursor that is open keeps its charge');

# ---------------------------------------------------------------- not the same
$q = person();
costs(1, "BEGIN; DECLARE c CURSOR FOR $q COMMIT;", 'a charge that waits');
costs(1, "SET ehds.epsilon = '0.2'; $q", 'another epsilon');
costs(1, "SET ehds.max_groups = 3; $q", 'another setting');
costs(1, "SET TimeZone = 'Asia/Tokyo'; $q", 'another time zone');
costs(1, $q, 'another permit', permit => 'z');
$node->safe_psql('postgres', q{SET client_min_messages = warning; SET SESSION AUTHORIZATION t_governor; SELECT ehds.permit_table('s', 'omop.person', rows => 'year_of_birth > 0'); SET SESSION AUTHORIZATION t_governor2; SELECT ehds.activate_permit('s')});
costs(1, $q, 'another version of the permit');
$q = person();
costs(1, "BEGIN; DECLARE c CURSOR FOR $q COMMIT;", 'a permit in zCDP', permit => 'z');
costs(0, $q, 'has it, too', permit => 'z');

# ---------------------------------------------------------------- interrupted while it computes
# Starts a session, waits until it has been charged and computes, and ends it by $how.
sub interrupted
{
	my ($sql, $how) = @_;
	my $before = $node->safe_psql('postgres', q{SELECT count(*) FROM ehds.ledger WHERE action IN ('select', 'resume')});
	my ($out, $stderr) = ('', '');
	my $h = IPC::Run::start([ 'psql', '-XAtq', '-U', 't_s', '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-c', 'SET search_path = permit_s, omop, pg_catalog', '-c', $sql ], '>', \$out, '2>', \$stderr);
	$node->poll_query_until('postgres', qq{SELECT count(*) > $before FROM ehds.ledger WHERE action IN ('select', 'resume')}) or die 'it was not admitted';
	usleep(200_000);
	my $pid = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE usename = 't_s' AND state = 'active'});
	if ($how eq 'disconnect') { $h->kill_kill } else { $node->safe_psql('postgres', "SELECT $how($pid)") }
	$h->finish if $how ne 'disconnect';
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 't_s'}) or die 'it goes on';
	return $out;
}

large();
my %waiting = (timeout => slow(1), pg_cancel_backend => slow(2), pg_terminate_backend => slow(3), disconnect => slow(4));
($answer, $err) = costs(1, "SET statement_timeout = '300ms'; $waiting{timeout}", 'a timeout', fails => 1);
like($err, qr/57014.*statement timeout/, 'strikes while it computes');
is($answer, '', 'and no answer comes');
foreach my $how (qw(pg_cancel_backend pg_terminate_backend disconnect))
{
	my $before = charges();
	my $out = interrupted($waiting{$how}, $how);
	is($out, '', "$how: no answer");
	is(charges() - $before, 1, "$how: charged");
}
# a client that is gone before it hears of the charge
{
	my $gone = person();
	my $socket = $node->raw_connect();
	my $startup = pack('N', 196608) . "user\0t_s\0database\0postgres\0options\0-csearch_path=permit_s,omop\0\0";
	$socket->send(pack('N', 4 + length $startup) . $startup);
	my ($got, $part) = ('', '');
	while ($got !~ /Z\0\0\0\x05I$/ && $socket->sysread($part, 8192)) { $got .= $part }
	my $before = charges();
	$socket->send('Q' . pack('N', 5 + length $gone) . "$gone\0");
	$socket->close;
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = 't_s'}) or die 'it goes on';
	is(charges() - $before, 1, 'a client that is gone: charged');
	like(scalar costs(0, $gone, 'a client that is gone, again'), qr/^-?\d+$/, 'and answered');
}
# a cancelled one may be cancelled again, but not for ever
my $stubborn = slow(5);
my $cost = 0;
$cost += (ask("SET statement_timeout = '150ms'; $stubborn", fails => 1))[1] for 1 .. 10;
is($cost, 1, 'ten executions are cancelled on one charge');
costs(1, "SET statement_timeout = '150ms'; $stubborn", 'the eleventh', fails => 1);
# an error that is no interruption: something of the draw might be in it
my $fails = slow(6);
$fails =~ s/slow a/(SELECT person_id, x, lpad('', 900, 'x') AS t FROM slow ORDER BY x) a/;
$node->append_conf('postgresql.conf', "temp_file_limit = '64kB'\nwork_mem = '64kB'\nehds.dp_memory = '64kB'");
$node->reload;
my $sorted = q{SET enable_hashjoin = off; SET enable_nestloop = off; } . slow(7);
(undef, $err) = costs(1, $sorted, 'a limit on temporary files', fails => 1);
like($err, qr/53400.*temporary file size exceeds/, 'strikes while it computes');
costs(1, $sorted, 'that closes the charge', fails => 1);
# what has failed is not interrupted afterwards: by the end of its session, or with another query
my $failed = 'SELECT 1 FROM (' . ($sorted =~ s/.*(?=SELECT)//r =~ s/;$//r) . ') f;';
my $keeps = "SET enable_hashjoin = off; SET enable_nestloop = off; BEGIN; DECLARE c CURSOR FOR $failed SAVEPOINT s; FETCH c; ROLLBACK TO s;";
my %afterwards = (
	'the end of its session'           => 'SELECT pg_terminate_backend(pg_backend_pid());',
	'another query that is cancelled' => "SET statement_timeout = '150ms'; SELECT count(*) FROM generate_series(1, 1000) i, (SELECT ehds.dp_count(person_id) FROM person WHERE year_of_birth > -8) p WHERE length(repeat(md5(i::text), 300000)) < 0;");
foreach my $how (sort keys %afterwards)
{
	$err = (ask("SET ehds.fresh = on; $keeps $afterwards{$how}", fails => 1, on_error_stop => 0))[2];
	like($err, qr/53400.*(57P01|57014)/s, "$how comes after a limit has struck");
	costs(1, "$keeps ROLLBACK;", "$how does not open the charge again", fails => 1, on_error_stop => 0);
}
$node->append_conf('postgresql.conf', "temp_file_limit = -1\nwork_mem = '4MB'\nehds.dp_memory = '256MB'");
$node->reload;
small();
foreach my $how (sort keys %waiting)
{
	my $out = costs(0, $waiting{$how}, "after $how, the same query");
	like($out, qr/^-?\d+$/, "after $how, it is answered");
	is(scalar costs(0, $waiting{$how}, "after $how, once more"), $out, "after $how, one answer was drawn");
	costs(1, "SET ehds.fresh = on; $waiting{$how}", "after $how, the charge is used up");
}
costs(1, $sorted, 'what a limit had struck is drawn on a new charge');

# ---------------------------------------------------------------- several releases in one statement
large();
my $two = 'SELECT a.n, (SELECT b.n + 0 * a.n FROM (SELECT ehds.dp_count(s.person_id) AS n FROM slow s JOIN slow t ON s.person_id = t.person_id AND s.x + t.x > -20) b) FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE year_of_birth > -20) a;';
costs(1, "SET statement_timeout = '300ms'; $two", 'two releases, cancelled in the second', fails => 1);
my $first = $node->safe_psql('postgres', q{SELECT ('x' || encode(substr(data, 5), 'hex'))::bit(64)::bigint FROM ehds.release_part ORDER BY at DESC LIMIT 1});
my $drawn = draws();
small();
($answer) = costs(0, $two, 'two releases, again');
is((split /\|/, $answer)[0], $first, 'the first is the one that was drawn before');
is(draws(), $drawn, 'and was not drawn again');
is(scalar costs(0, $two, 'and again'), $answer, 'both are recorded');
my $unread = 'SELECT CASE WHEN a.n > -1000000 THEN a.n ELSE (SELECT b.n FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE year_of_birth > -21) b) END FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE year_of_birth > -22) a;';
($answer) = costs(1, $unread, 'a second release that is not read');
is(scalar costs(0, $unread, 'again'), $answer, 'the first is given again');
(my $failing = $unread) =~ s/THEN a\.n ELSE/THEN a.n \/ (a.n - a.n) ELSE/;
(undef, $err) = costs(1, $failing, 'an error above one of two releases', fails => 1);
like($err, qr/division by zero/, 'which depends on its noise');
costs(0, $failing, 'comes again, of the same draw', fails => 1) for 1 .. 3;

# a release of which a part is written is seen, by the size of the table
$node->safe_psql('postgres', q{CREATE TABLE omop.long (c integer PRIMARY KEY, name text);
	INSERT INTO omop.long SELECT i, (SELECT left(string_agg(md5((i * 10000 + j)::text), ''), 60000) FROM generate_series(1, 2000) j) FROM generate_series(1940, 1999, 10) i;
	SECURITY LABEL FOR pg_ehds ON TABLE omop.long IS 'public'; GRANT SELECT ON omop.long TO t_group;});
my $keys = join(', ', map { "name || '$_'" } 1 .. 30);
my $long = "SET ehds.epsilon = '1'; SET ehds.max_groups = 1; SELECT count(*) FROM (SELECT ehds.dp_count(person_id) FROM omop.long JOIN person ON year_of_birth BETWEEN c AND c + 9 GROUP BY $keys, c) g;";
$drawn = draws();
$cost = charges();
my $watch = q{SET application_name = 'watcher'; DO $$ DECLARE before bigint := pg_relation_size('ehds.release_part'); BEGIN
	FOR i IN 1 .. 30000 LOOP
		EXIT WHEN pg_relation_size('ehds.release_part') > before + 100000;
		PERFORM pg_sleep(0.001);
	END LOOP;
	PERFORM pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 't_s' AND state = 'active'; END $$;};
my $watcher = IPC::Run::start([ 'psql', '-XAtq', '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-c', $watch ]);
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'watcher' AND wait_event = 'PgSleep'}) or die 'nobody watches';
$err = (ask($long, fails => 1))[2];
$watcher->finish;
like($err, qr/57014/, 'a query is cancelled while its release is being recorded');
is(draws() - $drawn, 1, 'of which a part is in the table');
costs(1, $long, 'which closes the charge');
is(charges() - $cost, 2, 'and there are two draws for two charges');

# ---------------------------------------------------------------- attacks: two draws for one charge
# one cached plan that is open twice
$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION t_s;
	CREATE FUNCTION mine.opened() RETURNS refcursor LANGUAGE plpgsql AS $$ DECLARE c refcursor; BEGIN
		OPEN c FOR SELECT ehds.dp_count(person_id) FROM permit_s.person WHERE year_of_birth > -30; RETURN c; END $$;});
my $charges = charges();
$drawn = draws();
my ($out) = ask(q{BEGIN; SELECT mine.opened() AS a \gset
SELECT mine.opened() AS b \gset
FETCH :"a"; FETCH :"b"; COMMIT;});
my @values = grep { /^-?\d+$/ } split /\n/, $out;
is(scalar(@values), 2, 'a plan that is open twice gives twice');
cmp_ok(charges() - $charges, '==', 2, 'both are charged');
my ($again) = ask(q{SET ehds.fresh = on; SELECT mine.opened() AS a \gset
BEGIN; SELECT mine.opened() AS a \gset
FETCH :"a"; COMMIT;});
cmp_ok(draws() - $drawn, '<=', charges() - $charges, 'and there are no more draws than charges');

# the same query in a procedure that catches the cancel
large();
$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION t_s;
	CREATE FUNCTION mine.caught() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
		PERFORM ehds.dp_count(a.person_id) FROM permit_s.slow a JOIN permit_s.slow b ON a.person_id = b.person_id AND a.x + b.x > -31;
		RETURN 'answered';
	EXCEPTION WHEN query_canceled THEN RETURN 'caught'; END $$;});
($answer) = costs(1, q{SET statement_timeout = '300ms'; SELECT mine.caught();}, 'a cancel that is caught');
is($answer, 'caught', 'by a procedure');
($answer) = costs(0, q{SET statement_timeout = '300ms'; SELECT mine.caught(); SET statement_timeout = 0;}, 'in one session again');
# an error of the analyst's that looks like one
small();
$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION t_s;
	CREATE FUNCTION mine.raised(n bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ BEGIN RAISE EXCEPTION 'n is %', n USING ERRCODE = 'query_canceled'; END $$;});
my $raises = 'SELECT mine.raised(n) FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE year_of_birth > -32) s;';
(undef, $err) = costs(1, $raises, q{an error of the analyst's that says it was cancelled}, fails => 1);
my %seen;
$seen{$1}++ if $err =~ /n is (-?\d+)/;
foreach (1 .. 5)
{
	(undef, $err) = (ask($raises, fails => 1))[ 1, 2 ];
	$seen{$1}++ if $err =~ /n is (-?\d+)/;
}
my $told = keys %seen;
my $raised = $node->safe_psql('postgres', q{SELECT count(*) FROM ehds.ledger WHERE kind = 'charge' AND detail LIKE '%mine.raised(n)%'});
cmp_ok($told, '>', 0, 'tells its value');
cmp_ok($told, '<=', $raised, 'of no more draws than there were charges');

# sixteen sessions that race for charges, and are cancelled at any time
$node->safe_psql('postgres', 'TRUNCATE omop.slow; INSERT INTO omop.slow SELECT i, x FROM generate_series(1, 20) i, generate_series(1, 60) x');
$charges = charges();
$drawn = draws();
my $race = slow(40);
my @racers;
foreach my $i (1 .. 16)
{
	my $in = "SET client_min_messages = error; SET search_path = permit_s, omop, pg_catalog; SET ehds.fresh = on;\n";
	$in .= "SET statement_timeout = " . (3 + ($_ * $i) % 40) . "; $race\n" for 1 .. 15;
	my ($o, $e) = ('', '');
	my $script = $node->basedir . "/race$i.sql";
	append_to_file($script, $in);
	push @racers, { out => \$o, h => IPC::Run::start([ 'psql', '-XAtq', '-U', 't_s', '-h', $node->host, '-p', $node->port, '-d', 'postgres', '-f', $script ], '>', \$o, '2>', \$e) };
}
$_->{h}->finish foreach @racers;
my $answers = 0;
$answers += () = ${ $_->{out} } =~ /^-?\d+$/mg foreach @racers;
$charges = charges() - $charges;
$drawn = draws() - $drawn;
my $resumed = entries('resume');
note("$answers answers, $drawn draws, $charges charges, $resumed resumed");
cmp_ok($answers, '<=', $drawn, 'no answer without a draw that is recorded');
cmp_ok($drawn, '<=', $charges, 'sixteen sessions that are cancelled do not draw more often than they are charged');
cmp_ok($answers, '>', 0, 'some are answered');
cmp_ok($charges, '<', 16 * 15, 'and some charges are used again');

# ---------------------------------------------------------------- what is not known is charged again
$q = person();
costs(1, "BEGIN; DECLARE c CURSOR FOR $q COMMIT;", 'before a crash');
$node->stop('immediate');
$node->start;
costs(1, $q, 'after a crash');
is($node->safe_psql('postgres', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is whole');
cmp_ok(draws(), '<=', charges(), 'all in all there are no more draws than charges');

$node->stop;
done_testing();
