# EhdsNode.pm
#	A private server with pg_ehds preloaded, the warehouse of test/fixtures and
#	its permits, for Perl tests.
package EhdsNode;

use strict;
use warnings;
use File::Basename qw(dirname);
use Cwd qw(abs_path);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

our $top = abs_path(dirname(__FILE__) . '/../..');

# A key file that the server accepts.
sub write_key
{
	my ($path, $byte) = @_;
	open(my $fh, '>', $path) or die "could not write $path: $!";
	binmode $fh;
	print $fh chr($byte // 7) x 32;
	close $fh;
	chmod 0600, $path or die $!;
	return $path;
}

# A started node with the extension; conf is added to postgresql.conf.
sub start
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%{ $opt{init} // {} });
	my $key = write_key($node->basedir . '/ehds.key');
	$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'pg_ehds'
ehds.key_file = '$key'
max_connections = 60
# a query that is asked twice is drawn and charged twice, unless a test says otherwise
ehds.fresh = on
CONF
	$node->append_conf('postgresql.conf', $opt{conf}) if $opt{conf};
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_ehds') unless $opt{no_extension};
	return $node;
}

# The same with the warehouse and its permits.
sub start_warehouse
{
	my $node = start(@_);
	$node->psql('postgres', "\\set ON_ERROR_STOP on\n\\i $top/test/fixtures/warehouse.sql\n\\i $top/test/fixtures/permits.sql",
		on_error_die => 1);
	return $node;
}

# Runs SQL as a user; returns (exit code, stdout, stderr) with SQLSTATEs in stderr.
sub as
{
	my ($node, $user, $sql, %opt) = @_;
	my ($out, $err) = ('', '');
	my $rc = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql",
		stdout => \$out, stderr => \$err, extra_params => [ '-U', $user ], %opt);
	return ($rc, $out, $err);
}

1;
