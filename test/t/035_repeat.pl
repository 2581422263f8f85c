# The same query asked again gets the release that was recorded, free, whatever has
# happened to the data and to the transaction; another query does not.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = EhdsNode::start_warehouse('repeat');
$node->append_conf('postgresql.conf', "ehds.fresh = off\nmax_parallel_workers = 4");
$node->reload;
# a permit with room for all that follows, with two members, and another one
$node->safe_psql('postgres', q{
	SET client_min_messages = warning;
	CREATE ROLE t_rgroup; CREATE ROLE t_r LOGIN; CREATE ROLE t_r2 LOGIN; GRANT t_rgroup TO t_r, t_r2;
	CREATE SCHEMA mine AUTHORIZATION t_r;
	CREATE TABLE omop.kinds (person_id bigint PRIMARY KEY, t text, n numeric, d date, b boolean, u uuid, s smallint, x text COLLATE "C");
	INSERT INTO omop.kinds SELECT i, CASE WHEN i > 100 THEN E'o''k "é" \\\\ ' || i % 2 END, CASE WHEN i % 2 = 0 THEN 1.50 ELSE 'NaN' END, '2020-01-01'::date + i % 2, i % 2 = 0,
		('00000000-0000-0000-0000-00000000000' || i % 2)::uuid, i % 2, 'x' FROM generate_series(1, 400) i;
	SELECT ehds.protect('omop.kinds', subject => 'person_id');});
sub issue
{
	my ($permit, $grantee) = @_;
	$node->safe_psql('postgres', qq{
		SET client_min_messages = warning;
		SET SESSION AUTHORIZATION t_governor;
		SELECT ehds.issue_permit('$permit', grantee => '$grantee', purpose => 'statistics', valid_until => '2099-12-31',
			epsilon => 100, delta => 1e-6, epsilon_default => 0.1);
		SELECT ehds.permit_table('$permit', 'omop.' || t) FROM unnest('{person,condition_occurrence,kinds}'::text[]) t;
		RESET SESSION AUTHORIZATION;
		SET SESSION AUTHORIZATION t_governor2;
		SELECT ehds.activate_permit('$permit');});
}
issue('r', 't_rgroup');
issue('other', 't_rgroup');

# What a query gives as a member of the grantee, what it cost, and its notices
sub ask
{
	my ($sql, %opt) = @_;
	my $permit = $opt{permit} // 'r';
	my $before = $node->safe_psql('postgres', "SELECT epsilon_spent FROM ehds.budget WHERE permit = '$permit'");
	my ($rc, $out, $err) = EhdsNode::as($node, $opt{user} // 't_r', "SET search_path = permit_$permit, omop, pg_catalog;\n$sql");
	my $after = $node->safe_psql('postgres', "SELECT epsilon_spent FROM ehds.budget WHERE permit = '$permit'");
	diag($err) if $err =~ /ERROR|FATAL/ && !$opt{fails};
	return ($out, 0 + sprintf('%.6f', $after - $before), $err);
}

sub again
{
	my ($sql, $expected, $what, %opt) = @_;
	my ($out, $cost) = ask($sql, %opt);
	is("$cost: $out", "0: $expected", $what);
}

sub anew
{
	my ($sql, $what, %opt) = @_;
	my ($out, $cost) = ask($sql, %opt);
	is($cost, $opt{cost} // 0.1, "$what: charged");
	return $out;
}

my $count = 'SELECT ehds.dp_count(person_id) FROM person;';
my ($first, $cost, $err) = ask($count);
is($cost, 0.1, 'the first time it is charged');
like($first, qr/^-?\d+$/, 'and answered');
($cost, $err) = (ask($count))[ 1, 2 ];
like($err, qr/NOTICE: .*nothing charged: this is the answer that was given to the same query on \d{4}-/, 'the second time a notice says that it is a repeat');
again($count, $first, 'the same answer, free') for 1 .. 20;
again("  select\n ehds.dp_count(person_id) /* as before */\tFROM permit_r.person;", $first, 'in another layout');
again($count, $first, 'to another member of the grantee', user => 't_r2');
is($node->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE kind = 'charge') || ' ' || count(*) FILTER (WHERE kind = 'access' AND action = 'repeat') FROM ehds.ledger WHERE permit = 'r'}),
	'1 23', 'repeats are accesses in the ledger');

my ($rc, $out);
($rc, $out, $err) = EhdsNode::as($node, 't_r', 'SET search_path = permit_r, omop, pg_catalog; SELECT item, remark FROM ehds.explain_privacy($$SELECT ehds.dp_count(person_id) FROM person$$);');
like($out, qr/^repeat\|the answer of \d{4}-.* would be given again/m, 'explain_privacy knows');
($rc, $out, $err) = EhdsNode::as($node, 't_r', 'SET search_path = permit_r, omop, pg_catalog; SELECT item, remark FROM ehds.explain_privacy($$SELECT ehds.dp_count(person_id) FROM person WHERE true$$);');
unlike($out, qr/^repeat/m, 'and that another query would be new');

# ---------------------------------------------------------------- whatever happens to the data
$node->safe_psql('postgres', q{INSERT INTO omop.person SELECT i, 1, 1950, 'X' || i FROM generate_series(100001, 105000) i});
again($count, $first, 'after a load of 5,000 persons');
$node->safe_psql('postgres', q{SELECT ehds.oppose('H10000' || i) FROM generate_series(1, 9) i});
again($count, $first, 'after oppositions');
$node->safe_psql('postgres', 'ANALYZE omop.person; SET client_min_messages = error; BEGIN; ALTER TABLE omop.person RENAME TO person_old; CREATE TABLE omop.person (LIKE omop.person_old INCLUDING ALL); INSERT INTO omop.person SELECT * FROM omop.person_old; COMMIT;');
$node->safe_psql('postgres', q{SELECT count(*) FROM ehds.after_load('omop')});
again($count, $first, 'after a load that swapped the table');
$node->safe_psql('postgres', 'DELETE FROM omop.person WHERE person_id > 1000');

# ---------------------------------------------------------------- rows of all kinds
foreach my $column (qw(t n d b u s x), 't, x', 'n, b')
{
	my $sql = "SELECT $column, ehds.dp_count(person_id) AS c FROM kinds GROUP BY $column;";
	my $rows = anew("SET ehds.epsilon = '1'; $sql", "by $column", cost => 1);
	like($rows, qr/\d/, "by $column: there are groups");
	again("SET ehds.epsilon = '1'; $sql", $rows, "by $column: the same rows");
}
foreach my $figure ("ehds.dp_median(person_id, d, date '2019-01-01', date '2020-12-31')", 'ehds.dp_histogram(person_id, s, ARRAY[1])', "ehds.dp_avg(person_id, d, timestamptz '2019-01-01', '2020-12-31')", "ehds.dp_histogram(person_id, d, date '2019-01-01', date '2021-01-01', 24)")
{
	my $rows = anew("SELECT $figure FROM kinds;", $figure);
	like($rows, qr/\d/, "$figure: an answer");
	again("SELECT $figure FROM kinds;", $rows, "$figure: the same answer");
}
my $none = 'SELECT condition_concept_id, ehds.dp_count(person_id) FROM condition_occurrence WHERE condition_concept_id = 987654 GROUP BY 1;';
is(anew($none, 'no group'), '', 'no group is shown');
again($none, '', 'which is an answer, too');
my $two = 'SELECT a.n, b.n FROM (SELECT ehds.dp_count(person_id) AS n FROM person) a, (SELECT ehds.dp_count(person_id) AS n FROM condition_occurrence) b;';
again($two, anew($two, 'two releases', cost => 0.2), 'two releases in one query');
my $with = 'WITH w AS (SELECT person_id FROM condition_occurrence WHERE condition_concept_id = %d) SELECT ehds.dp_count(person_id) FROM w;';
my $with100 = anew(sprintf($with, 100), 'a WITH query');
anew(sprintf($with, 200), 'another one');
again(sprintf($with, 100), $with100, 'a WITH query, again');
my $parallel = q{SET debug_parallel_query = on; SET force_parallel_mode = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SELECT condition_concept_id, count(DISTINCT person_id) FROM condition_occurrence WHERE condition_start_date < '2030-01-01' GROUP BY 1;};
$parallel =~ s/SET debug_parallel_query = on;// if $node->pg_version < 16;
$parallel =~ s/SET force_parallel_mode = on;// if $node->pg_version >= 16;
again($parallel, anew($parallel, 'a parallel plan'), 'a parallel plan, again');

# ---------------------------------------------------------------- whatever encoding the client has
my $letters = q{SELECT position(chr(233) IN k), length(k), n FROM (SELECT %s AS k, ehds.dp_count(person_id) AS n FROM kinds WHERE t <> '' GROUP BY 1) g;};
foreach my $key ('t', 't || chr(8364)')
{
	my $sql = "SET ehds.epsilon = '1'; " . sprintf($letters, $key);
	my $rows = anew("SET client_encoding = 'LATIN1'; $sql", "texts ($key) of a client with another encoding", cost => 1);
	like($rows, qr/^6\|\d+\|\d+$/m, 'are those of the table');
	again($sql, $rows, 'and are recorded as they are');
	again("SET client_encoding = 'WIN1252'; $sql", $rows, 'for any other client');
}
my $of_text = 'PREPARE q(text) AS SELECT ehds.dp_count(person_id) FROM kinds WHERE t = $1; EXECUTE q(%s || chr(233));';
my $e = anew("SET client_encoding = 'WIN1252'; " . sprintf($of_text, q{'x'}), 'a text as a parameter');
again(sprintf($of_text, q{'x'}), $e, 'is the same text to any client');

# ---------------------------------------------------------------- what is not the same
anew('SELECT ehds.dp_count(person_id) FROM person WHERE true;', 'another condition');
anew('SELECT ehds.dp_count(person_id) FROM person WHERE year_of_birth > 1900;', 'a constant');
anew('SELECT ehds.dp_count(person_id) FROM person WHERE year_of_birth > 1901;', 'another constant');
anew("SET ehds.epsilon = '0.2'; $count", 'another epsilon', cost => 0.2);
anew("SET ehds.epsilon = '0.1'; $count", 'the same epsilon as a setting');
anew("SET ehds.max_groups = 4; $count", 'another number of groups');
anew("SET ehds.purpose = 'statistics'; $count", 'any setting of ours');
anew("SET TimeZone = 'Asia/Tokyo'; $count", 'another time zone');
anew("SET DateStyle = 'German'; $count", 'another format of dates');
anew($count, 'another permit', permit => 'other');
again($count, $first, 'none of which has touched the first');
foreach my $sql ('SELECT ehds.dp_count(person_id) FROM condition_occurrence WHERE condition_start_date < now();',
	'SELECT ehds.dp_count(person_id) FROM condition_occurrence WHERE condition_start_date < current_date;')
{
	my ($out, $charged) = ask($sql, fails => 1);
	next if $charged == 0;    # refused below the border
	anew($sql, "a query of the moment ($sql)");
}
$node->safe_psql('postgres', 'CREATE TABLE mine.codes AS SELECT 100 AS c; ALTER TABLE mine.codes OWNER TO t_r');
my $own = 'SELECT ehds.dp_count(person_id) FROM condition_occurrence JOIN mine.codes ON c = condition_concept_id;';
anew($own, 'a table of the analyst\'s own');
anew($own, 'and again, for it may have changed');
$node->safe_psql('postgres', q{SET SESSION AUTHORIZATION t_r; SECURITY LABEL FOR pg_ehds ON TABLE mine.codes IS 'public'});
anew($own, 'and again, whatever he has declared it to be') for 1 .. 2;

# ---------------------------------------------------------------- parameters
my $prepare = 'PREPARE q(int) AS SELECT ehds.dp_count(person_id) FROM condition_occurrence WHERE condition_concept_id = $1; SET plan_cache_mode = %s; EXECUTE q(%d);';
my $hundred = anew(sprintf($prepare, 'force_custom_plan', 100), 'a parameter');
anew(sprintf($prepare, 'force_custom_plan', 200), 'another value');
again(sprintf($prepare, 'force_custom_plan', 100), $hundred, 'the same value');
again(sprintf($prepare, 'force_generic_plan', 100), $hundred, 'under a generic plan');
my ($twice, $c2) = ask('PREPARE q AS SELECT ehds.dp_count(person_id) FROM condition_occurrence WHERE condition_concept_id <> 0; EXECUTE q; SET TimeZone = \'Asia/Tokyo\'; EXECUTE q; EXECUTE q;');
is($c2, 0.2, 'a cached plan is asked under the settings of its execution');
my @twice = split /\n/, $twice;
is($twice[1], $twice[2], 'and repeated under the same');

# ---------------------------------------------------------------- transactions, errors, crashes
my $tx = 'SELECT ehds.dp_count(person_id) FROM person WHERE gender_concept_id > %d;';
my $q = sprintf($tx, 1);
again($q, anew("BEGIN; $q ROLLBACK;", 'a transaction that is rolled back'), 'is recorded all the same');
$q = sprintf($tx, 2);
again($q, anew("BEGIN READ ONLY; SAVEPOINT s; $q ROLLBACK TO s; COMMIT;", 'a savepoint'), 'is recorded all the same');
ask("SELECT n / 0 FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE gender_concept_id > 3) s;", fails => 1);
my $slow = 'SELECT n FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE gender_concept_id > 5) s WHERE n > -100000000 OR n / 0 > 0;';
my $answer = anew($slow, 'before a crash');
$node->stop('immediate');
$node->start;
again($slow, $answer, 'a crash right after the answer loses nothing');
again($count, $first, 'nor does it lose an older one');
is($node->safe_psql('postgres', 'SELECT valid FROM ehds.verify_ledger()'), 't', 'the ledger is whole');

# what was charged and failed is answered, on the same charge, as it was drawn
my $lost = 'SELECT pg_backend_pid() * 0 + n / (n - n) FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE gender_concept_id > 6) s;';
(undef, $cost, $err) = ask($lost, fails => 1);
like($err, qr/division by zero/, 'a query that fails above its release');
is($cost, 0.1, 'is charged');
(undef, $cost, $err) = ask($lost, fails => 1);
is($cost, 0.1, 'and again, for pg_backend_pid() is of the moment');
$lost = 'SELECT n / (n - n) FROM (SELECT ehds.dp_count(person_id) AS n FROM person WHERE gender_concept_id > 6) s;';
(undef, $cost) = ask($lost, fails => 1);
is($cost, 0.1, 'another that fails is charged');
(undef, $cost, $err) = ask($lost, fails => 1);
is($cost, 0, 'but once, for its release was recorded');
like($err, qr/division by zero/, 'although it fails again');
my $unread = 'SELECT ehds.dp_count(person_id) FROM person WHERE gender_concept_id > 7 LIMIT 0;';
anew($unread, 'a release that is not read');
again($unread, '', 'is not drawn, and may be asked again on its charge (037_same_charge.pl)');

# ---------------------------------------------------------------- a fresh one
my $fresh = anew("SET ehds.fresh = on; $count", 'a fresh one');
again($count, $fresh, 'takes the place of the older one');
is($node->safe_psql('postgres', q{SELECT count(DISTINCT store) > 1 FROM ehds.release_part GROUP BY key ORDER BY 1 DESC LIMIT 1}), 't', 'which is kept');

# ---------------------------------------------------------------- a spent budget, a changed permit
$node->safe_psql('postgres', q{SELECT ehds.limit_population(population, 0.000001, 1e-9) FROM ehds.permit WHERE permit = 'r'});
($cost, $err) = (ask('SELECT ehds.dp_count(person_id) + 1 FROM person;', fails => 1))[ 1, 2 ];
like($err, qr/ZE003/, 'with the budget spent nothing new is answered');
again($count, $fresh, 'but what was given is given again');
$node->safe_psql('postgres', q{SELECT ehds.limit_population(population, NULL, NULL) FROM ehds.permit WHERE permit = 'r'});
$node->safe_psql('postgres', q{SET client_min_messages = warning; SET SESSION AUTHORIZATION t_governor; SELECT ehds.permit_table('r', 'omop.person', rows => 'year_of_birth > 0'); RESET SESSION AUTHORIZATION; SET SESSION AUTHORIZATION t_governor2; SELECT ehds.activate_permit('r')});
anew($count, 'a permit that was changed');

# ---------------------------------------------------------------- found by its key, however many there are
sub milliseconds_of_repeats
{
	my $took = $node->safe_psql('postgres', q{SET client_min_messages = error; SET SESSION AUTHORIZATION t_r; SET search_path = permit_other, omop, pg_catalog;
		CREATE TEMP TABLE took (ms float8);
		DO $$ DECLARE t timestamptz; BEGIN
			FOR i IN 1..50 LOOP
				t := clock_timestamp(); PERFORM ehds.dp_count(person_id) FROM person;
				INSERT INTO took VALUES (1000 * extract(epoch FROM clock_timestamp() - t));
			END LOOP; END $$;
		SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM took});
	return $took =~ s/.*\n//sr;
}
sub scans { return $node->safe_psql('postgres', q{SELECT pg_stat_force_next_flush(); SELECT seq_scan || ' ' || idx_scan FROM pg_stat_user_tables WHERE relid = 'ehds.release_part'::regclass}) =~ s/^\n//r }

milliseconds_of_repeats();
my $few = milliseconds_of_repeats();
$node->safe_psql('postgres', q{INSERT INTO ehds.release_part SELECT sha256(i::text::bytea), i, 1, 1, 1, now(), 'other', '\x' FROM generate_series(1, 100000) i});
my ($seq_before, $idx_before) = split / /, scans();
my $many = milliseconds_of_repeats();
my ($seq_after, $idx_after) = split / /, scans();
note(sprintf('a repeat takes %.2f ms, and %.2f ms beside 100,000 other releases: %.2f times as long', $few, $many, $many / $few));
is($seq_after - $seq_before, 0, 'recorded answers are not found by reading all of them');
cmp_ok($idx_after - $idx_before, '>=', 50, 'but by the index');
cmp_ok($many / $few, '<', 3, '100,000 others do not make it slow');
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY ehds.release_part_key; VACUUM FULL ehds.release_part');
my ($rebuilt) = ask($count, permit => 'other');
again($count, $rebuilt, 'an index that was built anew finds them too', permit => 'other');
is($node->safe_psql('postgres', q{CREATE EXTENSION amcheck; SELECT count(bt_index_check('ehds.release_part_key', true)) || ' ' || (SELECT count(*) FROM verify_heapam('ehds.release_part'))}), '1 0', 'table and index agree');
foreach my $change ([ 'DROP INDEX ehds.release_part_key', 'CREATE INDEX release_part_key ON ehds.release_part (key, at)' ],
	[ 'CREATE INDEX another ON ehds.release_part (permit)', 'DROP INDEX ehds.another' ])
{
	$node->safe_psql('postgres', $change->[0]);
	my ($out, undef, $e) = ask($count, permit => 'other', fails => 1);
	like($e, qr/ZE007.*release_part has been altered/, "noticed: $change->[0]");
	$node->safe_psql('postgres', $change->[1]);
}
again($count, $rebuilt, 'all is as it was', permit => 'other');

# ---------------------------------------------------------------- nobody writes what was given
foreach my $sql ('DELETE FROM ehds.release_part', 'TRUNCATE ehds.release_part', q{UPDATE ehds.release_part SET data = ''})
{
	my (undef, undef, $e) = $node->psql('postgres', "SET session_replication_role = replica; $sql");
	like($e, qr/never changed or removed/, $sql);
}
foreach my $sql ('SELECT * FROM ehds.release_part', q{INSERT INTO ehds.release_part VALUES ('')}, 'SELECT ehds.release_is_kept(1, NULL)', 'SELECT * FROM ehds.keep_release(1, NULL, NULL) AS f(n bigint)')
{
	my ($out, undef, $e) = ask("$sql;", fails => 1);
	like($e, qr/42501|ZE004/, "not for an analyst: $sql");
}

$node->stop;
done_testing();
