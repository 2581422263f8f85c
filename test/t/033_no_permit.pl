# Sessions that began when there was no permit: the gate skips what cannot read a
# permit's view, and must see the first permit, and every place where a view can stand.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start('late');
my $fixtures = "$EhdsNode::top/test/fixtures";
$node->psql('postgres', "\\set ON_ERROR_STOP on\n\\i $fixtures/warehouse.sql", on_error_die => 1);
my $other = '\! ' . $node->config_data('--bindir') . "/psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d '" . $node->connstr('postgres') . "'";

# A row of a permit's view, wherever a query may stand. The gate itself must refuse
# each: the views' guard (ZE004) is the second line of defence.
my $row = 'SELECT year_of_birth FROM permit_hydro.person';
my @places = (
	$row,
	"SELECT * FROM ($row) s",
	"WITH s AS ($row) SELECT * FROM s",
	"WITH s AS MATERIALIZED ($row) TABLE s",
	"SELECT ($row LIMIT 1)",
	"SELECT 1 WHERE EXISTS ($row)",
	"SELECT 1 WHERE 1950 IN ($row)",
	"SELECT 1 ORDER BY ($row LIMIT 1)",
	"SELECT 1 LIMIT ($row LIMIT 1)",
	"SELECT count(*) FROM pg_class HAVING count(*) > ($row LIMIT 1)",
	"SELECT count(*) FILTER (WHERE EXISTS ($row)) FROM pg_class",
	"SELECT sum(1) OVER (ORDER BY ($row LIMIT 1)) FROM pg_class",
	"SELECT * FROM generate_series(1, ($row LIMIT 1)) g",
	"SELECT c.relname FROM pg_class c LEFT JOIN LATERAL ($row) s ON true",
	"SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attnum = ($row LIMIT 1)",
	"SELECT 1 UNION ALL $row",
	"$row EXCEPT SELECT 1",
	"VALUES (($row LIMIT 1))",
	"SELECT ARRAY($row)",
	"SELECT * FROM (SELECT 1 WHERE EXISTS (WITH s AS ($row) SELECT 1 FROM s)) s",
	"CREATE TEMP TABLE mine AS $row",
	"CREATE TEMP TABLE mine AS SELECT 1 AS x WHERE EXISTS ($row)",
	"INSERT INTO before VALUES (($row LIMIT 1))",
	"INSERT INTO before $row",
	"UPDATE before SET x = ($row LIMIT 1)",
	"DELETE FROM before WHERE x IN ($row)",
	"INSERT INTO before VALUES (1) RETURNING ($row LIMIT 1)",
	"MERGE INTO before b USING ($row) s ON b.x = s.year_of_birth WHEN MATCHED THEN DELETE",
	"COPY ($row) TO STDOUT",
	"DECLARE c CURSOR WITH HOLD FOR $row",
	"SELECT * FROM before LIMIT 0; EXECUTE late",
	"DO \$\$ DECLARE n int; BEGIN SELECT (SELECT year_of_birth FROM permit_hydro.person LIMIT 1) INTO n; END \$\$",
);

# One session: it plans before there is any permit, another session makes the permits, it goes on.
my $session = "CREATE TEMP TABLE before (x int);\nSELECT count(*) >= 0 FROM before;\nPREPARE plain AS SELECT count(*) FROM before;\nEXECUTE plain;\n"
	. "$other -f $fixtures/permits.sql\n\\echo made\nPREPARE late AS $row;\nSELECT count(*) FROM permit_hydro.person;\n";
$session .= "\\echo place $_\n$places[$_];\n" for 0 .. $#places;
my ($rc, $out, $err) = EhdsNode::as($node, 't_analyst', $session . "\\echo end\nEXECUTE plain;\n", on_error_stop => 0);
like($out, qr/^t\n0\nmade\n400$/m, 'the session planned before the permits were made, and sees the first one') or diag("$out\n$err");
for my $i (0 .. $#places)
{
	my ($shown) = $out =~ /^place $i\n(.*?)^(?:place|end)/ms;
	is($shown, '', "nothing is shown: $places[$i]");
}
my @refused = $err =~ /ERROR:  (ZE\d+|\w{5}):/g;
is(scalar(grep { $_ eq 'ZE002' } @refused), scalar(@places), 'the gate refuses each of them') or diag($err);
is(scalar(@refused), scalar(@places), 'and nothing else went wrong') or diag($err);
like($out, qr/^end\n0$/m, 'other queries go on');

$node->stop;
done_testing();
