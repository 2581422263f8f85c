# A dump carries declarations, permits, oppositions, budget and ledger; what is
# restored from it answers, refuses and verifies as before.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('dump');
EhdsNode::as($node, 't_other', q{SELECT ehds.dp_count(person_id) FROM permit_open.person;});
my ($rc, $out, $err) = EhdsNode::as($node, 't_registrar', q{SELECT ehds.oppose('H100002'); SELECT ehds.oppose('H999999');});
is($rc, 0, 'oppositions recorded') or diag($err);

my $dump = $node->basedir . '/warehouse.dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, $node->connstr('postgres') ], 'dumped');
for my $jobs (1, 2)
{
	my $db = "restored$jobs";
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->command_ok([ 'pg_restore', '-e', '-j', $jobs, '-d', $node->connstr($db), $dump ],
		"restored with $jobs jobs");
	is($node->safe_psql($db, 'SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is whole');
	is( $node->safe_psql($db, q{SELECT epsilon_spent FROM ehds.budget WHERE permit = 'open'}),
		$node->safe_psql('postgres', q{SELECT epsilon_spent FROM ehds.budget WHERE permit = 'open'}),
		'nothing of the budget came back');
	is($node->safe_psql($db, 'SELECT count(*) FROM ehds.opposition'), '2', 'oppositions are there, the unknown one too');
	is( $node->safe_psql($db, q{SELECT count(*) FROM pg_seclabels WHERE provider = 'pg_ehds'}),
		$node->safe_psql('postgres', q{SELECT count(*) FROM pg_seclabels WHERE provider = 'pg_ehds'}), 'labels too');
	my ($o, $e) = ('', '');
	$node->psql($db, 'SELECT count(*) FROM permit_hydro.person', stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_analyst' ]);
	is($o, '399', 'the permit answers, without the opposed person') or diag($e);
	$node->psql($db, 'SELECT * FROM permit_hydro.person', stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_analyst' ]);
	like($e, qr/rows about persons/, 'and refuses rows');
	$node->psql($db, 'SELECT ehds.dp_count(person_id) FROM permit_open.person', stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_other' ]);
	like($e, qr/charged epsilon 0\.5, 2 left/, 'the next charge goes on from what was spent') or diag($e);
	is($node->safe_psql($db, 'SELECT valid FROM ehds.verify_ledger()'), 't', 'the chain goes on');
}

# DROP EXTENSION takes its labels along: a later dump must restore without it
$node->safe_psql('restored1', 'DROP EXTENSION pg_ehds CASCADE');
is($node->safe_psql('restored1', q{SELECT count(*) FROM pg_seclabels WHERE provider = 'pg_ehds'}), '0',
	'DROP EXTENSION leaves no label behind');
$node->safe_psql('restored1', 'CREATE EXTENSION pg_ehds');
is($node->safe_psql('restored1', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'a new ledger starts after DROP and CREATE EXTENSION');

$node->stop;
done_testing();
