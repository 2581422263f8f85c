# The ledger: what was written stays, what was spent is spent, and whatever is
# taken away or changed is found.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $key_file = $ENV{EHDS_KEY_FILE} or plan skip_all => 'EHDS_KEY_FILE is not set';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'pg_ehds'
ehds.key_file = '$key_file'
max_connections = 50
max_prepared_transactions = 10
# what is not flushed on purpose is to be lost in a crash
wal_writer_delay = '10s'
});
$node->start;

# The result of a statement in database $db; the last line where there are several.
sub sql
{
	my ($db, $sql) = @_;
	return (split /\n/, $node->safe_psql($db, $sql))[-1] // '';
}

# "SQLSTATE: message" of a statement that fails, '' of one that does not.
sub failure
{
	my ($db, $sql, $which) = @_;
	my ($ret, $out, $err) =
	  ($which // $node)->psql($db, "\\set VERBOSITY verbose\n$sql");
	return $err =~ /(?:ERROR|FATAL):\s+(\w{5}: .*)/ ? $1 : '';
}

# Charge $nano (1e-9 of epsilon) to permit $permit, which has 1.0 in all.
sub charge_sql
{
	my ($permit, $nano, %arg) = @_;
	my $population = $arg{population} ? "'$arg{population}'" : 'NULL';
	my $limit = $arg{limit} // -1;
	return "SELECT seq FROM ehds.ledger_charge('$permit', $population, 'select', $nano, 5, 1000000000, 1000, $limit, -1)";
}

sub spent
{
	my ($db, $permit) = @_;
	return sql($db, "SELECT epsilon_nano FROM ehds.ledger_spent('$permit', NULL)");
}

sub verified
{
	my ($db) = @_;
	return $node->safe_psql($db, 'SELECT valid, bad_seq, finding FROM ehds.verify_ledger()');
}

# A database with the extension and a few entries.
sub fresh_db
{
	my ($db, $from) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db" . ($from ? " TEMPLATE $from" : ''));
	return if $from;
	$node->safe_psql($db, 'CREATE EXTENSION pg_ehds; SELECT ehds.register_key()');
	$node->safe_psql($db, charge_sql('first', 1000 * $_)) for 1 .. 3;
	$node->safe_psql($db, q{SELECT ehds.record_access('select', 'first', NULL, U&'h\00e9t\00e9rog\00e8ne')});
	return;
}

# Run SQL as a forger would: a superuser who switches the trigger off.
sub forge
{
	my ($db, $sql) = @_;
	$node->safe_psql($db,
		"BEGIN; ALTER TABLE ehds.ledger_entry DISABLE TRIGGER ALL; $sql; ALTER TABLE ehds.ledger_entry ENABLE ALWAYS TRIGGER ledger_guard; COMMIT"
	);
	return;
}

# ---------------------------------------------------------------- what stays
fresh_db('stays');
is(verified('stays'), 't||', 'a new ledger is valid');
like(sql('stays', 'SELECT count(*), min(seq), max(seq) FROM ehds.ledger'),
	qr/^5\|1\|5$/, 'the registration of the key, three charges and an access');

$node->safe_psql('stays', 'BEGIN; ' . charge_sql('back', 100000000) . '; ROLLBACK');
is(spent('stays', 'back'), 100000000, 'ROLLBACK refunds nothing');

$node->safe_psql('stays',
	'BEGIN; SAVEPOINT a; ' . charge_sql('back', 50000000) . '; ROLLBACK TO a; COMMIT');
is(spent('stays', 'back'), 150000000, 'ROLLBACK TO SAVEPOINT refunds nothing');

like(failure('stays', 'SELECT 1/(x.seq - x.seq) FROM (' . charge_sql('back', 10000000) . ' OFFSET 0) x'),
	qr/^22012/, 'a query fails after its charge');
is(spent('stays', 'back'), 160000000, 'an error refunds nothing');

like(failure('stays', q{SET statement_timeout = '300ms'; SELECT pg_sleep(60) FROM (}
		  . charge_sql('back', 10000000) . ' OFFSET 0) x'),
	qr/^57014/, 'a query times out after its charge');
is(spent('stays', 'back'), 170000000, 'statement_timeout refunds nothing');

like(failure('stays', 'BEGIN; ' . charge_sql('back', 10000000) . '; SELECT pg_terminate_backend(pg_backend_pid())'),
	qr/^57P01/, 'a backend is killed after its charge');
is(spent('stays', 'back'), 180000000, 'pg_terminate_backend refunds nothing');

$node->safe_psql('stays',
	'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; ' . charge_sql('back', 10000000) . '; ROLLBACK');
is(spent('stays', 'back'), 190000000, 'a charge in a read-only serializable transaction');

is( $node->safe_psql(
		'stays',
		"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1; " . charge_sql('back', 1)
		  . '; SELECT count(*) FROM ehds.ledger WHERE permit = \'back\' AND epsilon = 0.000000001; ROLLBACK')
	  =~ /\n1$/ ? 1 : 0,
	1, 'an older snapshot sees the entry');

# ---------------------------------------------------------------- crash
my $seq = sql('stays', charge_sql('crash', 300000000));
$node->stop('immediate');
$node->start;
is(spent('stays', 'crash'), 300000000, 'a crash right after the charge refunds nothing');
is(verified('stays'), 't||', 'the chain is whole after a crash');
is(sql('stays', charge_sql('crash', 1)), $seq + 1, 'it is continued where it was');

$node->safe_psql('stays', "SELECT ehds.record_access('select', 'crash', NULL, NULL) FROM generate_series(1, 200)");
$node->stop('immediate');
$node->start;
is(verified('stays'), 't||', 'entries that a crash takes before they are flushed are no removal');

# An entry spares its transaction the wait for the disk only where nothing else needs it.
$node->safe_psql('stays', 'CREATE TABLE others (what text)');
$node->safe_psql('stays', q{BEGIN; INSERT INTO others VALUES ('before'); SELECT ehds.record_access('select', 'crash', NULL, NULL); COMMIT});
$node->safe_psql('stays', q{BEGIN; SELECT ehds.record_access('select', 'crash', NULL, NULL); INSERT INTO others VALUES ('after'); COMMIT});
$node->safe_psql('stays', q{BEGIN; SAVEPOINT a; SELECT ehds.record_access('select', 'crash', NULL, NULL); RELEASE a; SAVEPOINT b; INSERT INTO others VALUES ('inside'); RELEASE b; COMMIT});
$node->safe_psql('stays', q{SELECT ehds.record_decision('durable', NULL, NULL, NULL)});
$node->stop('immediate');
$node->start;
is($node->safe_psql('stays', q{SELECT string_agg(what, ' ' ORDER BY what) FROM others}), 'after before inside',
	'other work that is committed beside an entry survives a crash');
is($node->safe_psql('stays', q{SELECT count(*) FROM ehds.ledger WHERE action = 'durable'}), 1, 'and so does a decision');
is(verified('stays'), 't||', 'with the chain');

my $psql = $node->background_psql('stays');
$psql->query_safe('BEGIN');
$psql->query_safe(charge_sql('crash', 5));
$node->stop('immediate');
eval { $psql->quit };
$node->start;
is(spent('stays', 'crash'), 300000006, 'a crash in an open transaction refunds nothing');

# ---------------------------------------------------------------- budgets
like(failure('stays', charge_sql('crash', 700000000)),
	qr/^ZE003: the privacy budget of permit "crash" does not allow the query: epsilon 0\.7 asked, 0\.699999994 left$/,
	'an exhausted budget: what was asked and what is left');
is(sql('stays', q{SELECT kind || ':' || (detail LIKE '%epsilon 0.7 asked, 0.699999994 left') FROM ehds.ledger ORDER BY seq DESC LIMIT 1}),
	'refusal:true', 'the refusal is in the ledger');
is(sql('stays', charge_sql('crash', 699999994)) > 0, 1, 'exactly what is left can be spent');
like(failure('stays', charge_sql('crash', 1)), qr/^ZE003/, 'and then nothing more');
like(failure('stays', "SELECT ehds.ledger_charge('d', NULL, 'select', 1, 1001, 1000, 1000)"),
	qr/^ZE003: .*: delta 0\.000000000000001001 asked, 0\.000000000000001 left$/, 'delta is a budget too');
like(failure('stays', charge_sql('x', 0)), qr/^22023/, 'a charge of nothing');
like(failure('stays', charge_sql('x', -5)), qr/^22023/, 'a negative charge');
like(failure('stays', "SELECT ehds.ledger_charge('x', NULL, 'select', 9223372036854775807, 0, 9223372036854775807, 0); SELECT ehds.ledger_charge('x', NULL, 'select', 9223372036854775807, 0, 9223372036854775807, 0)"),
	qr/^ZE003/, 'the largest amounts do not wrap around');
like(failure('stays', "SELECT ehds.ledger_charge(repeat('x', 64), NULL, 'select', 1, 0, 1, 0)"), qr/^22023/, 'a name that is too long');

$node->safe_psql('stays', charge_sql('one', 400000000, population => 'omop', limit => 500000000));
like(failure('stays', charge_sql('two', 200000000, population => 'omop', limit => 500000000)),
	qr/^ZE003: .*population "omop".*: epsilon 0\.2 asked, 0\.1 left$/, 'several permits share the budget of a population');
is(spent('stays', 'two'), 0, 'a charge that one budget refuses is made to none');
is(sql('stays', "SELECT epsilon_nano FROM ehds.ledger_spent(NULL, 'omop')"), 400000000, 'spending of the population');

# zCDP: rho adds up in a permit, whose whole (epsilon 1, delta 1000) is taken from the population once
sub rho_sql
{
	my ($permit, $pico, %arg) = @_;
	my $delta = $arg{delta} // 5;
	my $limit = $arg{limit} // -1;
	return "SELECT seq FROM ehds.ledger_charge('$permit', 'zpop', 'select', 0, $delta, 1000000000, 1000, $limit, -1, $pico, 100000000000, 500)";
}

sub spent_row
{
	my ($args) = @_;
	return $node->safe_psql('stays', "SELECT epsilon_nano, delta_atto, rho_pico, last_epsilon_nano, last_delta_atto, last_rho_pico FROM ehds.ledger_spent($args)");
}
my $zpop = "NULL, 'zpop'";

$node->safe_psql('stays', rho_sql('z', 1));
is(spent_row("'z', NULL"), '0|5|1|0|5|1', 'a charge in rho, and the last charge');
is(spent_row($zpop), '1000000000|1000|0|1000000000|1000|0', 'the whole budget of the permit is reserved with its first charge');
is($node->safe_psql('stays', q{SELECT string_agg(concat_ws(':', kind, epsilon, delta, rho), ' ' ORDER BY seq) FROM ehds.ledger WHERE permit = 'z'}),
	'reservation:1.000000000:0.000000000000001000 charge:0.000000000:0.000000000000000005:0.000000000001', 'reservation and charge are in the ledger, in this order');
$node->safe_psql('stays', 'BEGIN; ' . rho_sql('z', 29999999999) . '; ROLLBACK');
is(spent_row("'z', NULL"), '0|10|30000000000|0|5|29999999999', 'rho adds up, and ROLLBACK refunds none');
is(spent_row($zpop), '1000000000|1000|0|1000000000|1000|0', 'the reservation is made once');
like(failure('stays', rho_sql('z', 70000000001)), qr/^ZE003: .*permit "z".*: rho 0\.070000000001 asked, 0\.07 left$/, 'more rho than is left');
like(failure('stays', rho_sql('z', 1, delta => 491)), qr/^ZE003: .*permit "z".*: delta 0\.000000000000000491 asked, 0\.00000000000000049 left$/, 'more delta than is left for selections');
$node->safe_psql('stays', rho_sql('z', 1, limit => 1));
is(spent_row("'z', NULL"), '0|15|30000000001|0|5|1', 'a later charge asks nothing of the population');
like(failure('stays', rho_sql('z2', 1, limit => 1999999999)), qr/^ZE003: .*population "zpop".*: epsilon 1 asked, 0\.999999999 left$/, 'a second permit that the population has no room for');
is(spent_row("'z2', NULL"), '0|0|0|0|0|0', 'has spent nothing');
$node->safe_psql('stays', rho_sql('z2', 1, limit => 2000000000));
is(spent_row($zpop), '2000000000|2000|0|1000000000|1000|0', 'and one that it has room for');
$node->safe_psql('stays', charge_sql('p3', 7, population => 'zpop'));
is(spent_row($zpop), '2000000007|2005|0|7|5|0', 'a pure permit over the same population adds its epsilon');
like(failure('stays', "SELECT ehds.ledger_charge('z', NULL, 'select', 0, 0, 1, 1, -1, -1, 1, 1, 1)"), qr/^22023/, 'rho without a population');
like(failure('stays', "SELECT ehds.ledger_charge('z', 'q', 'select', 1, 0, 1, 1, -1, -1, 1, 1, 1)"), qr/^22023/, 'rho and epsilon in one charge');
like(failure('stays', "SELECT ehds.ledger_charge('z', 'q', 'select', 0, 0, 1, 1, -1, -1, -1, 1, 1)"), qr/^22023/, 'a negative rho');
like(failure('stays', "SELECT ehds.ledger_charge('z', 'q', 'select', 0, 0, 1, 1, -1, -1, 1, 1, 2)"), qr/^22023/, 'more for selections than there is');
$node->safe_psql('stays', rho_sql('z', 9223372036, delta => 0));
$node->stop('immediate');
$node->start;
is(spent_row("'z', NULL"), '0|15|39223372037|0|0|9223372036', 'a crash refunds no rho, and the last charge is known after it');
is(spent_row($zpop), '2000000007|2005|0|7|5|0', 'nor what was reserved');
$node->safe_psql('stays', rho_sql('z', 1));
is(spent_row($zpop), '2000000007|2005|0|7|5|0', 'and nothing is reserved again');
is(verified('stays'), 't||', 'the chain holds rho and reservations');
my $rho_script = $node->basedir . '/rho_race.sql';
append_to_file($rho_script, rho_sql('zrace', 3000000000, delta => 0) . ";\n");
$node->command_fails([ 'pgbench', '-n', '-c', '16', '-j', '4', '-t', '10', '-f', $rho_script, '-h', $node->host, '-p', $node->port, 'stays' ],
	'16 sessions race until the rho is spent');
is(spent_row("'zrace', NULL"), '0|0|99000000000|0|0|3000000000', 'together they spend what fits and no more');
is(sql('stays', "SELECT count(*) FROM ehds.ledger WHERE permit = 'zrace' AND kind = 'reservation'"), 1, 'and reserve once');

# 16 sessions race for 3.7 epsilon in steps of 0.1
my $script = $node->basedir . '/race.sql';
append_to_file($script,
	"SELECT ehds.ledger_charge('race', NULL, 'select', 100000000, 0, 3700000000, 0);\n");
$node->command_fails([ 'pgbench', '-n', '-c', '16', '-j', '4', '-t', '10', '-f', $script, '-h', $node->host, '-p', $node->port, 'stays' ],
	'16 sessions race until the budget is spent');
is(spent('stays', 'race'), 3700000000, 'together they spend the budget and no more');
is(sql('stays', "SELECT count(*) FILTER (WHERE kind = 'charge') FROM ehds.ledger WHERE permit = 'race'"), 37, 'one entry a charge');
is(verified('stays'), 't||', 'the chain is whole after the race');

# ---------------------------------------------------------------- decisions
fresh_db('decides');
$node->safe_psql('decides', q{
BEGIN; SELECT ehds.record_decision('rolled-back', NULL, NULL, NULL); ROLLBACK;
BEGIN;
SELECT ehds.record_decision('kept-1', 'p', 'q', 'first');
SAVEPOINT a; SELECT ehds.record_decision('dropped-1', NULL, NULL, NULL);
SAVEPOINT b; SELECT ehds.record_decision('dropped-2', NULL, NULL, NULL); RELEASE b;
ROLLBACK TO a;
SELECT ehds.record_decision('kept-2', NULL, NULL, NULL);
SAVEPOINT c; SELECT ehds.record_decision('kept-3', NULL, NULL, NULL); RELEASE c;
COMMIT;
SELECT ehds.ledger_charge('z', 'q', 'select', 0, 5, 1000, 1000, -1, -1, 123456789, 200000000, 500);
BEGIN; SELECT ehds.record_decision('prepared', NULL, NULL, NULL); PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x';
});
is($node->safe_psql('decides', q{SELECT string_agg(action, ' ' ORDER BY seq) FROM ehds.ledger WHERE kind = 'decision'}),
	'register_key kept-1 kept-2 kept-3 prepared', 'decisions go with their (sub)transaction');
is(verified('decides'), 't||', 'and are chained');

# ---------------------------------------------------------------- the chain, by another path
{
	open(my $fh, '<:raw', $key_file) or die "could not open $key_file: $!";
	local $/;
	my $master = <$fh>;
	my $field = sub { my $s = shift; defined $s ? pack('N', length $s) . $s : pack('N', 0xffffffff) };
	my $info = join '', map { $field->($_) } ('pg_ehds', 'ledger', '', pack('N', 1), '');
	my $ledger_key = hmac_sha256($info . "\x01", hmac_sha256($master, "\0" x 32));
	my $previous = "\0" x 32;
	my ($wrong, $n) = (0, 0);
	foreach my $line (split /\n/, $node->safe_psql('decides', q{
		SELECT concat_ws(' ', to_hex(seq), to_hex((extract(epoch FROM at - '2000-01-01 00:00:00+00') * 1000000)::bigint),
			(SELECT string_agg(coalesce('x' || encode(convert_to(v, 'UTF8'), 'hex'), '-'), ' ' ORDER BY i)
			 FROM unnest(ARRAY[kind, session_role, role, permit, population, action, detail]) WITH ORDINALITY u(v, i)),
			to_hex(epsilon_nano), to_hex(delta_atto), to_hex(rho_pico), encode(mac, 'hex'))
		FROM ehds.ledger_entry ORDER BY seq}))
	{
		my @f = split / /, $line;
		my $mac = pop @f;
		my $message = $previous;
		foreach my $i (0 .. $#f)
		{
			$message .= $field->(
				$i >= 2 && $i <= 8
				? ($f[$i] eq '-' ? undef : pack('H*', substr($f[$i], 1)))
				: pack('H16', sprintf('%016s', $f[$i]) =~ tr/ /0/r));
		}
		$wrong++ if hmac_sha256_hex($message, $ledger_key) ne $mac;
		$previous = pack 'H*', $mac;
		$n++;
	}
	is("$wrong of $n", "0 of 11", 'every MAC is the one computed from the key file');
}

# ---------------------------------------------------------------- tampering
foreach my $change ('rho_pico = NULL', 'rho_pico = rho_pico - 1')
{
	my $db = $change =~ /NULL/ ? 'free' : 'cheaper';
	fresh_db($db, 'decides');
	is(verified($db), 't||', "$db: valid before");
	forge($db, "UPDATE ehds.ledger_entry SET $change WHERE rho_pico IS NOT NULL");
	like(verified($db), qr/^f\|(\d+)\|entry \1 was changed$/, "$db: found");
}

fresh_db('model');
foreach my $case (
	[ 'changed',  'UPDATE ehds.ledger_entry SET epsilon_nano = 1 WHERE seq = 3', 'f|3|entry 3 was changed' ],
	[ 'dearer',   'UPDATE ehds.ledger_entry SET rho_pico = 7 WHERE seq = 3', 'f|3|entry 3 was changed' ],
	[ 'zero',     'UPDATE ehds.ledger_entry SET rho_pico = 0 WHERE seq = 2', 'f|2|an entry, 2 or another, was changed: it lacks a value' ],
	[ 'retimed',  "UPDATE ehds.ledger_entry SET at = at + interval '1 us' WHERE seq = 2", 'f|2|entry 2 was changed' ],
	[ 'nulled',   'UPDATE ehds.ledger_entry SET mac = NULL WHERE seq = 2', 'f|2|an entry, 2 or another, was changed: it lacks a value' ],
	[ 'middle',   'DELETE FROM ehds.ledger_entry WHERE seq = 3', 'f|3|entry 3 is missing' ],
	[ 'first',    'DELETE FROM ehds.ledger_entry WHERE seq = 1', 'f|1|entry 1 is missing' ],
	[ 'last',     'DELETE FROM ehds.ledger_entry WHERE seq = 5', 'f|5|the ledger ends at entry 4, but entry 5 was written' ],
	[ 'twice',    'INSERT INTO ehds.ledger_entry SELECT * FROM ehds.ledger_entry WHERE seq = 2', 'f|2|there is more than one entry 2, or one that was never written' ],
	[ 'invented', 'INSERT INTO ehds.ledger_entry SELECT 6, at, kind, session_role, role, permit, population, action, detail, epsilon_nano, delta_atto, mac FROM ehds.ledger_entry WHERE seq = 5', 'f|6|entry 6 was never written' ],
	[ 'emptied',  'TRUNCATE ehds.ledger_entry', 'f|1|the ledger ends at entry 0, but entry 5 was written' ])
{
	my ($db, $sql, $finding) = @$case;
	fresh_db($db, 'model');
	# the copy of a database has no memory of its own yet
	is(verified($db), 't||', "$db: valid before");
	forge($db, $sql);
	is(verified($db), $finding, "$db: found");
}
$node->safe_psql('emptied', charge_sql('first', 1));
is(spent('emptied', 'first'), 6001, 'what was spent stays spent, whatever is taken from the table');
is(verified('emptied'), 'f|1|entry 1 is missing', 'the next entry leaves a gap');
is(verified('decides'), 't||', 'other databases are not concerned');

# the note that outlives the server's memory
foreach my $case ([ 'tail', 'DELETE FROM ehds.ledger_entry WHERE seq = 6' ], [ 'everything', 'TRUNCATE ehds.ledger_entry' ])
{
	my ($db, $sql) = @$case;
	fresh_db($db, 'model');
	$node->safe_psql($db, charge_sql('first', 1));
	forge($db, $sql);
	$node->restart;
	like(verified($db), qr/^f\|\d\|the ledger ends at entry \d, but entry 6 was written$/, "$db: found after a restart");
	$node->safe_psql($db, charge_sql('first', 1)) for 1 .. 7;
	like(verified($db), qr/^f\|6\|entry 6 is not the one that was written$/, "$db: more entries do not cover it");
	$node->restart;
	like(verified($db), qr/^f\|6\|entry 6 is not the one/, "$db: nor does another restart");
}

foreach my $sql ('UPDATE ehds.ledger_entry SET seq = 9', 'DELETE FROM ehds.ledger_entry', 'TRUNCATE ehds.ledger_entry',
	'SET session_replication_role = replica; DELETE FROM ehds.ledger_entry')
{
	is(failure('model', $sql), 'ZE007: the ledger is append-only', "refused: $sql");
}
$node->safe_psql('model', 'CREATE INDEX i ON ehds.ledger_entry (seq)');
like(failure('model', charge_sql('first', 1)), qr/^ZE007: the table ehds\.ledger_entry has been altered/, 'an index is noticed');
$node->safe_psql('model', 'DROP INDEX ehds.i');
$node->safe_psql('model', 'VACUUM FULL ehds.ledger_entry');
$node->safe_psql('model', charge_sql('first', 1));
is(verified('model'), 't||', 'VACUUM FULL is no tampering');

# ---------------------------------------------------------------- dump and restore
my $dump = $node->basedir . '/dump.sql';
$node->safe_psql('decides', "SELECT ehds.record_access('select', 'first', NULL, NULL)");
$node->command_ok([ 'pg_dump', '-h', $node->host, '-p', $node->port, '-f', $dump, 'decides' ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->host, '-p', $node->port, '-f', $dump, 'restored' ], 'restore');
is(verified('restored'), 't||', 'a restored ledger is valid');
is(spent('restored', 'first'), 6000, 'and so is what was spent');
is(sql('restored', charge_sql('first', 1)), 13, 'it goes on with the next number');
is(verified('restored'), 't||', 'and stays valid');

# rows that are restored in a transaction that fails must not be chained to
$node->safe_psql('postgres', 'CREATE DATABASE half');
$node->safe_psql('half', 'CREATE EXTENSION pg_ehds; CREATE TABLE copy (LIKE ehds.ledger_entry)');
$node->safe_psql('half', 'COPY copy FROM PROGRAM $$' . "psql -X -h '" . $node->host . "' -p " . $node->port . q{ -d restored -c 'COPY ehds.ledger_entry TO STDOUT'$$});
like(failure('half', 'BEGIN; INSERT INTO ehds.ledger_entry SELECT * FROM copy; ' . charge_sql('p', 1)),
	qr/^ZE007: the ledger can't record in a transaction that restores it/, 'no entry in a transaction that restores');
like(failure('half', q{BEGIN; INSERT INTO ehds.ledger_entry SELECT * FROM copy; PREPARE TRANSACTION 'y'}), qr/^0A000/, 'nor can it be prepared');
$node->safe_psql('half', 'BEGIN; INSERT INTO ehds.ledger_entry SELECT * FROM copy; ROLLBACK');
is(sql('half', charge_sql('p', 1)), 1, 'a restore that is rolled back leaves the ledger as it was');
is(verified('half'), 't||', 'and valid');

# ---------------------------------------------------------------- heads that must not be taken over
$node->safe_psql('half', 'DROP EXTENSION pg_ehds; CREATE EXTENSION pg_ehds');
is(sql('half', charge_sql('p', 1)), 1, 'DROP and CREATE EXTENSION begin a new ledger');
is(verified('half'), 't||', 'which is valid');
is(spent('half', 'p'), 1, 'and has its own budget');
my $oid = $node->safe_psql('postgres', "SELECT oid FROM pg_database WHERE datname = 'half'");
$node->safe_psql('postgres', 'CREATE DATABASE template_for_half TEMPLATE half');
$node->safe_psql('half', charge_sql('p', 7));
$node->safe_psql('postgres', 'DROP DATABASE half');
$node->safe_psql('postgres', "CREATE DATABASE half TEMPLATE template_for_half OID = $oid");
is(sql('half', charge_sql('p', 1)), 2, 'a new database under an old OID does not inherit a head');
is(verified('half'), 't||', 'nor a note');
is(spent('half', 'p'), 2, 'nor a budget');

# ---------------------------------------------------------------- who sees what
$node->safe_psql('model', q{
CREATE ROLE audrey LOGIN IN ROLE ehds_auditor;
CREATE ROLE nobody LOGIN;
});
is(failure('model', 'SET ROLE audrey; SELECT count(*) FROM ehds.ledger; SELECT * FROM ehds.verify_ledger()'), '', 'an auditor reads and verifies the ledger');
foreach my $sql ('SELECT * FROM ehds.ledger', 'SELECT * FROM ehds.ledger_entry', 'SELECT ehds.verify_ledger()',
	q{SELECT ehds.record_decision('x', NULL, NULL, NULL)}, q{SELECT ehds.record_access('x', NULL, NULL, NULL)},
	q{SELECT ehds.ledger_charge('x', NULL, 'x', 1, 0, 1, 0)}, q{SELECT ehds.ledger_spent('first', NULL)})
{
	like(failure('model', "SET ROLE nobody; $sql"), qr/^42501/, "not for everybody: $sql");
}

# ---------------------------------------------------------------- parallel queries
$node->safe_psql('model', q{
ALTER FUNCTION ehds.record_access(text, text, text, text) PARALLEL SAFE;
ALTER FUNCTION ehds.record_refusal(text, text, text, text) PARALLEL SAFE});
my $force = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'debug_parallel_query'}) ? 'debug_parallel_query' : 'force_parallel_mode';
like(failure('model', "SET $force = on; SELECT ehds.record_access('select', 'p', NULL, NULL)"),
	qr/^ZE007: the ledger can't record inside a parallel query/, 'no access is recorded inside a parallel query, so it does not run');
is(sql('model', "SET $force = on; SELECT ehds.record_refusal('select', 'p', NULL, 'why')"), 0, 'a refusal there goes to the server log');
like(slurp_file($node->logfile), qr/pg_ehds refusal without ledger entry.*"p".*why/, 'with its reason');

# ---------------------------------------------------------------- more permits than shared memory has room for
fresh_db('many');
$node->safe_psql('many', "SELECT count(ehds.ledger_charge('many-' || i, NULL, 'select', i, 0, 1000000000, 0)) FROM generate_series(1, 4200) i");
is(spent('many', 'many-4200'), 4200, 'spending that found no room in shared memory is read from the table');
like(failure('many', "SELECT ehds.ledger_charge('many-4199', NULL, 'select', 2, 0, 4200, 0)"), qr/^ZE003.*0\.000000001 left/, 'and limits a charge');
$node->restart;
is(spent('many', 'many-4200') . '/' . spent('many', 'many-1'), '4200/1', 'also after a restart');
is(failure('many', charge_sql('late', 1) . '; ' . charge_sql('late', 1)), '', 'and others can still be charged');
is(spent('many', 'late'), 2, 'and counted');
$node->safe_psql('postgres', 'DROP DATABASE many');

# ---------------------------------------------------------------- standby
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->safe_psql('model', charge_sql('first', 1000000));
$node->wait_for_catchup($standby);
is($standby->safe_psql('model', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is valid on a standby');
is($standby->safe_psql('model', "SELECT epsilon_nano FROM ehds.ledger_spent('first', NULL)"), 1006001, 'which knows what was spent');
like(failure('model', charge_sql('first', 1), $standby), qr/^ZE007: the ledger can't record on a standby/, 'where nothing can be charged');
is($standby->safe_psql('model', "SELECT ehds.record_refusal('select', 'p', NULL, 'why')"), 0, 'a refusal goes to its log');

# a charge that a failover would lose is no charge
$node->append_conf('postgresql.conf', "synchronous_standby_names = 'absent'");
$node->reload;
$node->poll_query_until('postgres', "SELECT current_setting('synchronous_standby_names') = 'absent'");
my ($ret, $out, $err) = $node->psql('model', "\\set VERBOSITY verbose\nSET statement_timeout = '500ms'; SET synchronous_commit = off; " . charge_sql('first', 1));
like($err, qr/ZE007: the charge was not confirmed by a synchronous standby/, 'without the synchronous standby a charge fails, whatever synchronous_commit says');
$node->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'");
$node->reload;
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'");
is(sql('model', charge_sql('first', 1)) > 0, 1, 'with it, it is made');

$node->stop('immediate');
$standby->promote;
is($standby->safe_psql('model', "SELECT epsilon_nano FROM ehds.ledger_spent('first', NULL)"), 1006003, 'a failover refunds nothing');
is($standby->safe_psql('model', charge_sql('first', 1)) > 0, 1, 'the promoted standby charges');
is($standby->safe_psql('model', 'SELECT valid, finding FROM ehds.verify_ledger()'), 't|', 'and its ledger is valid');
$standby->stop;

# ---------------------------------------------------------------- not preloaded
my $bare = PostgreSQL::Test::Cluster->new('bare');
$bare->init;
$bare->start;
$bare->safe_psql('postgres', 'CREATE EXTENSION pg_ehds');
like(failure('postgres', q{SELECT ehds.record_access('select', NULL, NULL, NULL)}, $bare),
	qr/^ZE007: pg_ehds must be in shared_preload_libraries/, 'without preload nothing is recorded');
like(failure('postgres', q{SELECT ehds.record_decision('x', NULL, NULL, NULL)}, $bare),
	qr/^ZE007: pg_ehds must be in shared_preload_libraries/, 'and nothing decided');
$bare->stop;

done_testing();
