# 080_omop_gibleed.pl
#	A public OMOP export: persons who opposed are in no count, no extract and no
#	table of pseudonyms, compared with counts from the CSV files themselves
#	(demo/check_oppositions.sh). Skipped where the data is not beside the checkout.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use Test::More;

my $top  = $EhdsNode::top;
my $data = ($ENV{EHDS_DATA} // "$top/../shared/data") . '/omop_gibleed';
plan skip_all => 'the public data set omop_gibleed is not there (shared/data beside the checkout)'
  unless -r "$data/PERSON.csv";

my $node = EhdsNode::start('gibleed', no_extension => 1, conf => "fsync = off\n");
$node->safe_psql('postgres', 'CREATE DATABASE warehouse');

$ENV{PGHOST}     = $node->host;
$ENV{PGPORT}     = $node->port;
$ENV{PGDATABASE} = 'warehouse';
$ENV{PGUSER}     = $node->safe_psql('postgres', 'SELECT current_user');

my $out = `bash '$top/demo/load.sh' '$data' 2>&1`;
is($?, 0, 'the export is loaded') or diag($out);
is($node->safe_psql('warehouse', 'SELECT count(*) FROM omop.person'), '2694', 'every person is there');

$out = `bash '$top/demo/check_oppositions.sh' '$data' 2>&1`;
my $rc = $?;
foreach my $line (split(/\n/, $out))
{
	if ($line =~ /^(not )?ok - (.*)/) { ok(!$1, $2); }
	else { diag($line); }
}
is($rc, 0, 'nothing went wrong on the way');

done_testing();
