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

# coarse codes, and a permit with cell keys
$node->psql('postgres', q{
	\set ON_ERROR_STOP on
	SET client_min_messages = warning;
	CREATE TABLE omop.dx (code integer, chapter text);
	INSERT INTO omop.dx SELECT c, 'all' FROM generate_series(100, 500, 100) c;
	SECURITY LABEL FOR pg_ehds ON TABLE omop.dx IS 'public';
	SECURITY LABEL FOR pg_ehds ON COLUMN omop.person.gender_concept_id IS 'quasi-identifier, domain of omop.sex.id';
	CREATE TABLE omop.sex AS SELECT * FROM (VALUES (8507), (8532), (1)) v(id);
	SECURITY LABEL FOR pg_ehds ON TABLE omop.sex IS 'public';
	GRANT SELECT ON omop.sex TO PUBLIC;
	CREATE ROLE t_noisy LOGIN;
	SET SESSION AUTHORIZATION t_governor;
	SELECT ehds.declare_hierarchy('dx', 'omop.dx', '{code,chapter}');
	SELECT ehds.publish_coarsening('hydro', 'dx', 'omop.condition_occurrence', 'condition_concept_id');
	SELECT ehds.issue_permit('noisy', 't_noisy', 'research', valid_until => '2099-12-31', cell_key_max => 5);
	SELECT ehds.permit_table('noisy', 'omop.person', columns => '{person_id,gender_concept_id,year_of_birth}');
	SET SESSION AUTHORIZATION t_governor2;
	SELECT ehds.activate_permit('noisy');
}, on_error_die => 1);
my $coarse = q{SELECT ehds.coarsen(condition_concept_id, 'dx') AS code, count(DISTINCT person_id) FROM permit_hydro.condition_occurrence GROUP BY 1 ORDER BY 1};
my $noisy = q{SELECT gender_concept_id, count(DISTINCT person_id) FROM permit_noisy.person GROUP BY 1 ORDER BY 1};
my ($coarse_before, $noisy_before) = ((EhdsNode::as($node, 't_analyst', $coarse))[1], (EhdsNode::as($node, 't_noisy', $noisy))[1]);
like($coarse_before, qr/100\|399/, 'an answer by coarse codes');
like($noisy_before, qr/8507\|\d+/, 'and one with cell keys');

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
	$node->psql($db, q{SELECT string_agg(g::text, ' ' ORDER BY g) FROM (SELECT gender_concept_id AS g, ehds.dp_count(person_id) FROM permit_open.person GROUP BY 1) s}, stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_other' ]);
	is($o, '1 8507 8532', 'declared domains are there: a group of nobody, too') or diag($e);
	$node->psql($db, $coarse, stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_analyst' ]);
	is($o, $coarse_before, 'the map of coarse codes is there') or diag($e);
	$node->psql($db, $noisy, stdout => \$o, stderr => \$e, extra_params => [ '-U', 't_noisy' ]);
	is($o, $noisy_before, 'and cell keys have the same noise') or diag($e);
	is($node->safe_psql($db, q{SELECT ehds.declare_hierarchy('dx', 'omop.dx', '{code,chapter}')}), 'dx: 5 codes on 2 levels', 'the classification can be declared again');
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
