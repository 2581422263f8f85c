# LOG messages tell of sizes that depend on persons: a session that works under a
# permit does not get them, whenever they come. The server's log has them all the same.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('log_messages', conf => "log_temp_files = 0\nlog_statement = none\n");
my $sorted = 'FROM (SELECT person_id, row_number() OVER (PARTITION BY person_id ORDER BY condition_occurrence_id, x) AS r FROM condition_occurrence, (VALUES (1), (2), (3), (4), (5), (6), (7), (8)) v(x)) s';
my %ask = (
	t_analyst => "SELECT count(DISTINCT person_id) FILTER (WHERE r = 1) AS n $sorted",
	t_other => "SELECT ehds.dp_count(person_id) FILTER (WHERE r = 1) AS n $sorted",
);
my %path = (t_analyst => 'permit_hydro', t_other => 'permit_open');

# what a session hears that listens to LOG, with little memory so that sorts go to files
sub hears
{
	my ($user, $sql) = @_;
	my ($rc, $out, $err) = EhdsNode::as($node, $user,
		"SET search_path = $path{$user}, pg_catalog; SET ehds.epsilon = 0.1; SET client_min_messages = log; SET work_mem = '64kB'; SET enable_incremental_sort = off; $sql");
	return ($rc, $out, $err);
}

# without a query under a permit the same messages come, so the listener is not deaf
my (undef, undef, $heard) = hears('t_other', 'SET trace_sort = on; SELECT g FROM generate_series(1, 20000) g ORDER BY -g OFFSET 19999;');
like($heard, qr/LOG:.*temporary file.*external sort/s, 'LOG messages of a query of public data are heard');

for my $user (sort keys %ask)
{
	my $size = -s $node->logfile;
	my ($rc, $out, $err) = hears($user, "$ask{$user};");
	like($out, qr/^\d+$/m, "answered, $user") or diag($err);
	unlike($err, qr/LOG:/, "temporary files are not told of, $user");
	like(substr(slurp_file($node->logfile), $size), qr/temporary file/, "but stand in the server's log, $user");

	($rc, $out, $err) = hears($user, "BEGIN; DECLARE c CURSOR FOR $ask{$user}; SET trace_sort = on; FETCH ALL FROM c; COMMIT;");
	like($err, qr/ZE002.*trace_sort is on/, "trace_sort that is set after a cursor was declared is refused, $user");
	unlike($err, qr/LOG:/, "and tells nothing, $user");

	# a function that sets it while the query runs
	($rc, $out, $err) = hears($user, <<"SQL");
CREATE FUNCTION pg_temp.listen() RETURNS int LANGUAGE sql VOLATILE AS \$\$ SELECT set_config('trace_sort', 'on', false)::bool::int \$\$;
WITH o AS MATERIALIZED (SELECT pg_temp.listen() AS i) SELECT n FROM o JOIN ($ask{$user}) q ON o.i = 1 OR o.i = q.n;
SQL
	like($out, qr/^\d+$/m, "a setting is changed while a query runs, $user") or diag($err);
	unlike($err, qr/LOG:/, "in vain, $user");

	# a cursor that is closed when a function's own setting has gone
	($rc, $out, $err) = hears($user, <<"SQL");
CREATE FUNCTION pg_temp.open(refcursor) RETURNS void LANGUAGE plpgsql SET trace_sort = off AS \$\$ BEGIN OPEN \$1 FOR $ask{$user}; MOVE 1 FROM \$1; END \$\$;
BEGIN; SET trace_sort = on; SELECT pg_temp.open('x'); CLOSE x; COMMIT; SELECT 'closed';
SQL
	like($out, qr/closed/, "a cursor is closed under other settings, $user") or diag($err);
	unlike($err, qr/LOG:/, "and tells nothing, $user");

	# files that a failed query leaves
	($rc, $out, $err) = hears($user, "SELECT n / 0 FROM ($ask{$user}) q;");
	like($err, qr/division by zero/, "a query fails after it was answered, $user");
	unlike($err, qr/LOG:/, "and tells nothing, $user");
}

# where LOG messages do not go to the server's log, they cannot be kept from the client there
$node->append_conf('postgresql.conf', 'log_min_messages = fatal');
$node->reload;
my (undef, $out, $err) = hears('t_analyst', "$ask{t_analyst};");
like($err, qr/ZE002.*client_min_messages/s, 'with log_min_messages above error, client_min_messages must be above log');
unlike($err, qr/LOG:.*temporary/, 'nothing is told');
(undef, $out, $err) = hears('t_analyst', "SET client_min_messages = notice; $ask{t_analyst};");
like($out, qr/^\d+$/m, 'then the query is answered') or diag($err);

$node->stop;
done_testing();
