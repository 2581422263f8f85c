# Maps of coarse codes beside other sessions: what was checked is what is read, and
# a map is of one classification.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use Test::More;

my $node = EhdsNode::start_warehouse('coarsening', conf => "fsync = off\n");
$node->safe_psql('postgres', q{
	CREATE ROLE t_owner LOGIN;
	GRANT CREATE ON SCHEMA omop TO t_owner;
	CREATE TABLE omop.dx (code text, category text);
	INSERT INTO omop.dx SELECT c::text, 'all' FROM generate_series(100, 500, 100) c;
	ALTER TABLE omop.dx OWNER TO t_owner;
	SECURITY LABEL FOR pg_ehds ON TABLE omop.dx IS 'public';
	CREATE TABLE public.ran (who name);
	GRANT INSERT ON public.ran TO PUBLIC;
	GRANT USAGE ON SCHEMA public TO PUBLIC;
	SET SESSION AUTHORIZATION t_owner;
	CREATE FUNCTION omop.planted(text) RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN $1; END $$;
});

sub waiting
{
	my ($what) = @_;
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%} . $what . q{%' AND usename = 't_governor'}), "$what waits");
}

my $declare = q{SELECT ehds.declare_hierarchy('dx', 'omop.dx', '{code,category}');};
my ($rc, $out, $err) = EhdsNode::as($node, 't_governor', $declare);
is($out, 'dx: 5 codes on 2 levels', 'declared') or diag($err);

# the owner puts a view in the place of the table while the declaration waits for it
my $owner = $node->background_psql('postgres', extra_params => [ '-U', 't_owner' ]);
my $governor = $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 't_governor' ]);
$owner->query_safe('BEGIN; LOCK TABLE omop.dx;');
$governor->query_until(qr/go/, "\\echo go\n$declare\n");
waiting('declare_hierarchy');
$owner->query_safe(q{ALTER TABLE omop.dx RENAME TO dx_real; CREATE VIEW omop.dx AS SELECT omop.planted(code) AS code, category FROM omop.dx_real;
	GRANT SELECT ON omop.dx, omop.dx_real TO PUBLIC; COMMIT;});
$governor->query('SELECT 1');
like($governor->{stderr}, qr/omop\.dx is not a public table/, 'it sees what is there now');
is($node->safe_psql('postgres', 'SELECT count(*) FROM public.ran'), '0', 'no code of the owner ran');
is($node->safe_psql('postgres', q{SELECT count(*) FROM ehds.ledger WHERE action = 'declare_hierarchy'}), '1', 'and nothing was declared');
$owner->query_safe('DROP VIEW omop.dx; ALTER TABLE omop.dx_real RENAME TO dx;');

# the classification is declared anew while a map is made
my $again = $node->background_psql('postgres', extra_params => [ '-U', 't_governor2' ]);
$owner->query_safe(q{DELETE FROM omop.dx WHERE code = '500'; INSERT INTO omop.dx VALUES ('600', 'all');});
my $load = $node->background_psql('postgres');
$load->query_safe('BEGIN; LOCK TABLE omop.condition_occurrence;');
$again->query_safe("BEGIN; $declare");
$governor->query_until(qr/go/, q{\echo go
SELECT ehds.publish_coarsening('hydro', 'dx', 'omop.condition_occurrence', 'condition_concept_id');
});
waiting('publish_coarsening');
$again->query_safe('COMMIT;');
$load->query_safe('COMMIT;');
$governor->query('SELECT 1');
is($node->safe_psql('postgres', q{SELECT string_agg(code, ' ' ORDER BY code) FROM ehds.coarsening WHERE system = 'dx'}),
	$node->safe_psql('postgres', q{SELECT string_agg(code, ' ' ORDER BY code) FROM ehds.hierarchy_code WHERE system = 'dx'}),
	'the map has the codes of one classification');
$_->quit for ($owner, $governor, $again, $load);
$node->stop;
done_testing();
