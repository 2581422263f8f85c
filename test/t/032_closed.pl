# Where the library was not preloaded, on a standby, and from the wire: permits
# refuse instead of answering unprotected.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('closed', init => { allows_streaming => 1 });
my $k = 'SELECT count(*) FROM permit_hydro.person;';

my ($rc, $out, $err) = EhdsNode::as($node, 't_analyst', $k);
like($out, qr/^400$/m, 'the permit answers') or diag($err);

# a standby cannot record, so it does not answer
$node->backup('b');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
($rc, $out, $err) = EhdsNode::as($standby, 't_analyst', $k);
like($err, qr/ZE00[17].*standby/s, 'a k query is refused on a standby');
unlike($out, qr/\d/, 'and shows nothing');
($rc, $out, $err) = EhdsNode::as($standby, 't_other', 'SELECT ehds.dp_count(person_id) FROM permit_open.person;');
like($err, qr/ZE007/, 'a dp query is refused on a standby');
is($standby->safe_psql('postgres', 'SELECT count(*) > 0 FROM ehds.ledger'), 't', 'the ledger is there to read');
$standby->stop;

# a forced parallel plan gives the same answer
my $query = 'SELECT condition_concept_id, count(DISTINCT person_id), count(*) FROM permit_hydro.condition_occurrence GROUP BY 1 ORDER BY 1;';
my $forced = $node->safe_psql('postgres', 'SHOW server_version_num') >= 160000 ? 'debug_parallel_query' : 'force_parallel_mode';
(undef, my $serial) = EhdsNode::as($node, 't_analyst', "SET max_parallel_workers_per_gather = 0; $query");
(undef, my $parallel, $err) = EhdsNode::as($node, 't_analyst',
	"SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET $forced = on; $query");
is($parallel, $serial, 'parallel workers see the approval and give the same') or diag($err);

# without preload
$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$node->restart;
($rc, $out, $err) = EhdsNode::as($node, 't_analyst', $k);
like($err, qr/ZE004.*shared_preload_libraries/s, 'without preload the views refuse, and say why');
unlike($out, qr/\d/, 'and show nothing');
($rc, $out, $err) = EhdsNode::as($node, 't_analyst', "LOAD 'pg_ehds'; $k");
unlike($out, qr/400/, 'LOAD in the session opens nothing');
($rc, $out, $err) = EhdsNode::as($node, 't_other', 'SELECT ehds.dp_count(person_id) FROM permit_open.person;');
like($err, qr/ZE00[24]/, 'dp_count refuses too');
($rc, $out, $err) = EhdsNode::as($node, 't_pipeline', 'SELECT count(*) FROM permit_cardio.person;');
like($err, qr/ZE004/, 'row-level views refuse too');
($rc, $out, $err) = EhdsNode::as($node, 't_governor', q{SELECT * FROM ehds.doctor() WHERE finding ~* 'preload';});
like($out, qr/preload/, 'doctor says so') or diag($err);
($rc, $out, $err) = EhdsNode::as($node, 't_registrar', q{SELECT ehds.oppose('H100001');});
like($err, qr/ZE007/, 'what cannot be recorded is not done');

$node->stop;
done_testing();
