# The master key: which files are refused, that another key is noticed, and that
# keys and pseudonyms are what RFC 5869 and HMAC-SHA-256 make of the file.
use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use File::Copy qw(copy);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('keyring');
my $key_file = $node->basedir . '/master.key';
my $other_file = $node->basedir . '/other.key';

sub write_key
{
	my ($path, $bytes, $mode) = @_;
	unlink $path;
	open(my $fh, '>:raw', $path) or die "could not write $path: $!";
	print $fh $bytes;
	close($fh) or die "could not write $path: $!";
	chmod($mode // 0600, $path) or die "could not chmod $path: $!";
	return;
}

# "SQLSTATE: message" of a statement that fails, '' of one that does not.
sub failure
{
	my ($sql) = @_;
	my ($ret, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $err =~ /(?:ERROR|FATAL):\s+(\w{5}: .*)/ ? $1 : '';
}

sub set_key_file
{
	my ($path) = @_;
	$node->safe_psql('postgres', "ALTER SYSTEM SET ehds.key_file = '$path'");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('ehds.key_file') = '$path'");
	return;
}

# every byte value, so that none ends or changes the key
my $master = join '', map { chr((7 * $_) % 256) } 0 .. 255;
write_key($key_file, $master);
$node->init;
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'pg_ehds'
ehds.key_file = '$key_file'
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_ehds');

# ---------------------------------------------------------------- registration
is($node->safe_psql('postgres', 'SELECT count(*) FROM ehds.key_version'), 0, 'CREATE EXTENSION registers no key');
like(failure(q{SELECT ehds.pseudonym_of('a'::text, 'd', 'subject')}), qr/^ZE006: no key is registered/, 'no pseudonym before a key is registered');
$node->safe_psql('postgres', 'SELECT ehds.ensure_key(); SELECT ehds.ensure_key()');
is($node->safe_psql('postgres', 'SELECT version, check_value = ehds.key_check() FROM ehds.key_version'), '1|t', 'the first use registers version 1');
is($node->safe_psql('postgres', 'SELECT ehds.register_key()'), 1, 'the registered key is known again');
is($node->safe_psql('postgres', q{SELECT action, detail FROM ehds.ledger}), 'register_key|version 1', 'the registration is in the ledger');
is($node->safe_psql('postgres', q{SELECT ehds.key_problem() IS NULL}), 't', 'the key has no problem');

# ---------------------------------------------------------------- vectors, by another path
sub field { return pack('N', length $_[0]) . $_[0] }

sub derive
{
	my ($use, $domain, $version, $kind) = @_;
	my $info = join '', map { field($_) } ('pg_ehds', $use, $domain, pack('N', $version), $kind);
	# HKDF-SHA-256 without salt, one block
	return hmac_sha256($info . "\x01", hmac_sha256($master, "\0" x 32));
}

# this test's own HKDF against RFC 5869, test case 3 (no salt, no info)
is(unpack('H*', hmac_sha256("\x01", hmac_sha256(pack('H*', '0b' x 22), "\0" x 32))),
	'8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d', 'RFC 5869, test case 3');

sub text_pseudonym
{
	my ($value, $domain, $kind) = @_;
	return 'v1-' . unpack('H32', hmac_sha256($value, derive('pseudonym', $domain, 1, $kind)));
}

sub integer_pseudonym
{
	my ($value, $domain, $kind) = @_;
	my $key = derive('pseudonym-integer', $domain, 1, $kind);
	my $block = $value - 1;
	do
	{
		my ($left, $right) = ($block >> 25, $block & 0x1ffffff);
		foreach my $round (0 .. 9)
		{
			my $f = unpack('N', hmac_sha256(pack('CN', $round, $right), $key)) & 0x1ffffff;
			($left, $right) = ($right, $left ^ $f);
		}
		$block = ($left << 25) | $right;
	} while ($block >= 999_999_999_999_999);
	return $block + 1;
}

is($node->safe_psql('postgres', 'SELECT ehds.key_check()'), unpack('H32', derive('check', '', 1, '')), 'the check value');
is($node->safe_psql('postgres', q{SELECT ehds.pseudonym_of('8001234567'::text, 'hydro-2026', 'subject')}),
	text_pseudonym('8001234567', 'hydro-2026', 'subject'), 'pseudonym of a text');
is($node->safe_psql('postgres', q{SELECT ehds.pseudonym_of(U&'\00e9\20ac'::text, U&'p\00e9', U&'k\00e9')}),
	text_pseudonym("\xc3\xa9\xe2\x82\xac", "p\xc3\xa9", "k\xc3\xa9"), 'in UTF-8');
is($node->safe_psql('postgres', q{SELECT ehds.pseudonym_of(''::text, '', '')}), text_pseudonym('', '', ''), 'of nothing in no domain');
my @values = (1, 2, 3, 42, 2694, 8001234567, 999_999_999_999_998, 999_999_999_999_999, map { 1 + int(rand(1e15 - 1)) } 1 .. 100);
is($node->safe_psql('postgres', 'SELECT ehds.pseudonym_of(v, \'d\', \'visit_id\') FROM unnest(ARRAY[' . join(',', @values) . ']::bigint[]) WITH ORDINALITY u(v, i) ORDER BY i'),
	join("\n", map { integer_pseudonym($_, 'd', 'visit_id') } @values), 'pseudonyms of integers');

SKIP:
{
	# the openssl command, where it has kdf and mac (OpenSSL 3)
	my $hex = unpack('H*', $master);
	my $info = unpack('H*', join '', map { field($_) } ('pg_ehds', 'pseudonym', 'd', pack('N', 1), 'subject'));
	my $key = `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt hexkey:$hex -kdfopt hexinfo:$info HKDF 2>/dev/null`;
	skip 'no openssl command of version 3', 1 if !defined $key || $? != 0;
	$key =~ s/[^0-9A-Fa-f]//g;
	my $value_file = $node->basedir . '/value';
	write_key($value_file, '8001234567');
	my $mac = lc `openssl mac -digest SHA256 -macopt hexkey:$key -in $value_file HMAC`;
	is($node->safe_psql('postgres', q{SELECT ehds.pseudonym_of('8001234567'::text, 'd', 'subject')}),
		'v1-' . substr($mac, 0, 32), 'pseudonym as openssl computes it');
}

# a database in another encoding makes the same pseudonyms
$node->safe_psql('postgres', q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
$node->safe_psql('latin', 'CREATE EXTENSION pg_ehds; SELECT ehds.register_key()');
is($node->safe_psql('latin', q{SELECT ehds.pseudonym_of(U&'\00e9'::text, 'd', 'subject')}), text_pseudonym("\xc3\xa9", 'd', 'subject'),
	'a value in another encoding has the same pseudonym');
$node->safe_psql('latin', q{SELECT ehds.record_access('select', NULL, NULL, U&'\00e9')});
is($node->safe_psql('latin', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'a ledger in another encoding is valid');

# the same key in parallel workers, which read the file themselves
my $force = $node->safe_psql('postgres', q{SELECT count(*) FROM pg_settings WHERE name = 'debug_parallel_query'}) ? 'debug_parallel_query' : 'force_parallel_mode';
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT generate_series(1::bigint, 20000) AS v');
my $sum = q{SELECT sum(ehds.pseudonym_of(v, 'd', 'subject')), min(ehds.pseudonym_of(v::text, 'd', 'subject')) FROM many};
is($node->safe_psql('postgres', "SET $force = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; $sum"),
	$node->safe_psql('postgres', "SET max_parallel_workers_per_gather = 0; $sum"), 'pseudonyms in parallel workers');

# ---------------------------------------------------------------- bad files
my %seen;
foreach my $case (
	[ 'missing',        sub { unlink $key_file }, 'the key file does not exist' ],
	[ 'too short',      sub { write_key($key_file, 'x' x 31) }, 'the key file is shorter than 32 bytes' ],
	[ 'empty',          sub { write_key($key_file, '') }, 'the key file is shorter than 32 bytes' ],
	[ 'too long',       sub { write_key($key_file, 'x' x 4097) }, 'the key file is longer than 4096 bytes' ],
	[ 'world-readable', sub { write_key($key_file, $master, 0604) }, 'the key file is open to other users' ],
	[ 'group-readable', sub { write_key($key_file, $master, 0640) }, 'the key file is open to its group' ],
	[ 'group-writable', sub { write_key($key_file, $master, 0620) }, 'the key file is open to its group' ],
	[ 'a folder',       sub { unlink $key_file; mkdir $key_file, 0700 or die $! }, 'the key file is not a regular file' ],
	[ 'a pipe',         sub { rmdir $key_file; system('mkfifo', '-m', '600', $key_file) == 0 or die }, 'the key file is not a regular file' ],
	[ 'unreadable',     sub { write_key($key_file, $master, 0200) }, 'the key file can\'t be opened' ],
	[ 'another key',    sub { write_key($key_file, 'y' x 256) }, 'the key file does not hold the key that is registered as version 1' ],
	[ 'one bit off',    sub { write_key($key_file, substr($master, 0, 255) . chr(ord(substr($master, 255)) ^ 1)) }, 'the key file does not hold the key that is registered as version 1' ],
	[ 'longer by one',  sub { write_key($key_file, $master . "\n") }, 'the key file does not hold the key that is registered as version 1' ])
{
	my ($name, $make, $message) = @$case;
	# one session that has used the good key before, and is not to go on with it
	write_key($key_file, $master) if !-d $key_file;
	my $psql = $node->background_psql('postgres', on_error_stop => 0);
	$psql->query(q{SELECT ehds.pseudonym_of('a'::text, 'd', 'subject')}) if !-d $key_file;
	$make->();

	is(failure(q{SELECT ehds.pseudonym_of('a'::text, 'd', 'subject')}), "ZE006: $message", "$name: no pseudonym");
	is(failure(q{SELECT ehds.record_access('select', NULL, NULL, NULL)}), "ZE006: $message", "$name: no entry in the ledger");
	like(failure('SELECT ehds.ensure_key()'), qr/^ZE006/, "$name: ensure_key raises");
	isnt($node->safe_psql('postgres', 'SELECT ehds.key_problem()'), '', "$name: key_problem tells");
	$psql->query(q{SELECT ehds.record_access('late', NULL, NULL, NULL)});
	like($psql->{stderr}, qr/\Q$message\E/, "$name: an old session notices too");
	unlike($psql->{stderr}, qr/master\.key/, "$name: the message does not name the file");
	$psql->quit;
}
like(failure(q{SELECT ehds.record_decision('x', NULL, NULL, NULL)}), qr/^ZE006/, 'a decision that can not be recorded is not taken');
write_key($key_file, $master);
is($node->safe_psql('postgres', q{SELECT count(*) FROM ehds.ledger WHERE action = 'late'}), 0, 'nothing was recorded meanwhile');
is(failure(q{SELECT ehds.record_access('again', NULL, NULL, NULL)}), '', 'the right key again');
is($node->safe_psql('postgres', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'and the chain is whole');

# ---------------------------------------------------------------- another place
copy($key_file, $other_file) or die $!;
chmod 0400, $other_file;
set_key_file($other_file);
is(failure(q{SELECT ehds.record_access('moved', NULL, NULL, NULL)}), '', 'the same key in another file');
unlink $key_file;
symlink($other_file, $key_file) or die $!;
set_key_file($key_file);
is(failure(q{SELECT ehds.record_access('linked', NULL, NULL, NULL)}), '', 'a symbolic link to a good file');
chmod 0644, $other_file;
is(failure(q{SELECT ehds.record_access('linked', NULL, NULL, NULL)}), 'ZE006: the key file is open to other users', 'a link to a bad one');
set_key_file('');
is(failure(q{SELECT ehds.record_access('none', NULL, NULL, NULL)}), 'ZE006: no key file is set', 'no file is set');

# ---------------------------------------------------------------- who may
$node->safe_psql('postgres', q{CREATE ROLE nobody; CREATE ROLE custodian IN ROLE ehds_custodian});
like(failure(q{SET ROLE nobody; SHOW ehds.key_file}), qr/^42501/, 'the setting is not for everybody');
foreach my $sql (q{SELECT ehds.pseudonym_of('a'::text, 'd', 's')}, q{SELECT ehds.pseudonym_of(1::bigint, 'd', 's')}, 'SELECT ehds.key_check()',
	'SELECT ehds.key_check_of(1)', 'SELECT ehds.key_problem()', 'SELECT ehds.register_key()', 'SELECT ehds.ensure_key()', 'TABLE ehds.key_version')
{
	like(failure("SET ROLE nobody; $sql"), qr/^42501/, "not for everybody: $sql");
}
foreach my $type ('text', 'bigint')
{
	like(failure("SET ROLE nobody; SELECT ehds.pseudonym('1'::$type, 'd', 's', NULL)"), qr/^ZE004/, "a chosen $type has no pseudonym without approval");
	like(failure("SET ROLE nobody; SELECT ehds.pseudonym(NULL::$type, 'd', 's', NULL)"), qr/^ZE004/, "not even NULL of $type");
}
chmod 0600, $other_file;
set_key_file($other_file);
is($node->safe_psql('postgres', 'SET ROLE custodian; SELECT ehds.key_check() = check_value FROM ehds.key_version'), 't', 'a custodian compares check values');

$node->stop;
done_testing();
