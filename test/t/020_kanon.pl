# The k aggregates against native SQL and an independent statement of their rules,
# over random tables; the same under parallel plans, sorting, spilling, windows,
# grouping sets, rescans; memory; forged states.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

# EHDS_SEED repeats or varies a run; each case prints what it was made of
my $seed = $ENV{EHDS_SEED} // 20;
srand($seed);
note("EHDS_SEED=$seed");

my $node = EhdsNode::start('kanon', conf => <<'CONF');
fsync = off
autovacuum = off
ehds.k_floor = 2
ehds.dominance_share_limit = 100
max_worker_processes = 8
CONF

# Long scripts go through a file: psql ends at an error before it has read all of its input.
my $n_runs = 0;
my $scripts = PostgreSQL::Test::Utils::tempdir();

sub run
{
	my ($sql, $name) = @_;
	my $path = "$scripts/" . $n_runs++ . '.sql';
	open(my $fh, '>', $path) or die "could not write $path: $!";
	print $fh $sql;
	close $fh;
	my ($out, $err) = ('', '');
	my $rc = $node->psql('postgres', "\\i $path", stdout => \$out, stderr => \$err, on_error_stop => 1);
	if ($rc != 0 || $err =~ /ERROR/)
	{
		ok(0, $name);
		diag(substr($err, 0, 2000));
	}
	return $out;
}

sub pick { return $_[ int(rand(@_)) ]; }

# ---- random tables ----

# How integer subjects lie; i is the number of the person.
my %keys = (
	dense => 'i',
	sparse => 'i::bigint * 1000003',
	descending => '-i',
	clustered => '(i % 7)::bigint * 1000000000 + i',
	lowest => '(-9223372036854775808)::bigint + i',
	highest => '9223372036854775807 - i',
	both_ends => 'CASE WHEN i % 2 = 0 THEN 9223372036854775807 - i ELSE (-9223372036854775808)::bigint + i END',
	outliers => 'CASE WHEN i % 97 = 0 THEN 4611686018427387904 - i * 77777 ELSE i END',
	random => "('x' || left(md5(i::text), 16))::bit(64)::bigint");

# What they have; random() is seeded.
my %values = (
	two => '(random() < 0.5)::int',
	few => 'floor(random() * 4)::int - 1',
	one => '7',
	zero => '0',
	wide => 'floor((random() - 0.5) * 2000000)::int',
	mostly_zero => 'CASE WHEN random() < 0.95 THEN 0 ELSE floor(random() * 100)::int END',
	extreme => 'CASE WHEN random() < 0.5 THEN 2147483647 ELSE (-2147483648)::int END',
	dominant => 'CASE WHEN random() < 0.01 THEN 1000000 ELSE floor(random() * 10)::int END');

my %orders = (ascending => 'i', descending => 'i DESC', shuffled => 'md5(i::text || r::text)');

sub make_table
{
	my ($case) = @_;
	my $key = pick(sort keys %keys);
	my $value = pick(sort keys %values);
	my $order = pick(sort keys %orders);
	my $persons = pick(1, 3, 12, 40, 150, 700, 4000);
	my $groups = pick(1, 1, 2, 7, 30);
	my $rows = pick(1, 1, 3);
	my $scale = pick(0, 1, 4);
	my $null = pick(0, 0.1);
	# by person in some tables, so that groups have few or all of them
	my $group = pick("i % $groups", "floor(random() * $groups)::int", "floor(sqrt(random()) * $groups)::int");
	my $constant = pick(0, 1);
	my $big = pick('v', 'v', 'v::bigint * 4294967296');
	my $numeric = pick("round(v * 1.5, $scale)", "v / 8.0", "round(v * random()::numeric, (random() * 6)::int)", 'v * 1e30');

	note("case $case: $persons persons of $keys{$key}, $rows rows each, $groups groups ($group), $value, $order, bigint $big, numeric $numeric, NULL $null");
	my $seed = ($case * 37 % 1000) / 1000;
	return <<"SQL";
SELECT setseed($seed);
CREATE UNLOGGED TABLE t$case AS
SELECT g, CASE WHEN random() < $null THEN NULL ELSE i::integer END AS s_integer,
	CASE WHEN random() < $null THEN NULL ELSE key END AS s_bigint,
	CASE WHEN random() < $null THEN NULL ELSE CASE i % 5 WHEN 0 THEN 'P' || i WHEN 1 THEN lpad(i::text, 24, 'x') WHEN 2 THEN lpad(i::text, 25, 'x')
		WHEN 3 THEN repeat('ä', 30) || i ELSE CASE WHEN i = 4 THEN '' ELSE '€' || i END END END AS s_text,
	CASE WHEN random() < $null THEN NULL ELSE md5(i::text)::uuid END AS s_uuid,
	v AS v_integer, $big AS v_bigint, v * 0.25::double precision AS v_float8,
	($numeric)::numeric AS v_numeric
FROM (SELECT i, r, $group AS g, ($keys{$key})::bigint AS key,
		CASE WHEN random() < $null THEN NULL ELSE $values{$value} END AS v
	FROM generate_series(1, $persons) i, generate_series(1, CASE WHEN $constant = 1 THEN $rows ELSE 1 + (i % $rows) END) r) x
ORDER BY $orders{$order};
ANALYZE t$case;
SQL
}

# ---- figures, and what they must be ----

my @names = qw(met count rows sum avg variance stddev min max median percentile subset sum_filter);
my %loose = map { $_ => 1 } qw(avg variance stddev); # of double precision

sub figures
{
	my ($case, $s, $v, $k, $f) = @_;
	return <<"SQL";
SELECT '$case $s $v $k', g, ehds.k_met(s_$s, $k), ehds.k_count(s_$s, $k), ehds.k_rows(s_$s, $k), ehds.k_sum(s_$s, v_$v, $k), ehds.k_avg(s_$s, v_$v, $k),
	ehds.k_variance(s_$s, v_$v, $k), ehds.k_stddev(s_$s, v_$v, $k), ehds.k_min(s_$s, v_$v, $k), ehds.k_max(s_$s, v_$v, $k),
	ehds.k_median(s_$s, v_$v, $k), ehds.k_percentile(s_$s, v_$v, $f, $k), ehds.k_subset_met(s_$s, v_$v > 0, $k),
	ehds.k_sum(s_$s, v_$v, $k) FILTER (WHERE v_$v > 0)
FROM t$case GROUP BY g ORDER BY g;
SQL
}

# The rules of a sum over rows (g, s, v), as SQL of its own: from the table of totals.
sub sum_rule
{
	my ($rows, $k, $share, $n, $p, $unanimity) = @_;
	return <<"SQL";
(SELECT g, count(*) FILTER (WHERE tot <> 0) >= $k
	AND sum(abs(tot)) FILTER (WHERE rank <= $n) * 100 <= sum(abs(tot)) * $share
	AND (sum(abs(tot)) - sum(abs(tot)) FILTER (WHERE rank <= 2)) * 100 >= max(abs(tot)) * $p
	AND NOT (count(*) - max(alike) BETWEEN 1 AND $k - 1 AND max(alike) * 2 > count(*))
	AND NOT (count(DISTINCT tot) = 2 AND (count(*) FILTER (WHERE tot = lo) < $k OR count(*) FILTER (WHERE tot = hi) < $k))
	AND NOT (max(d) = 2 AND (count(*) FILTER (WHERE mn = vlo) < $k OR count(*) FILTER (WHERE mx = vhi) < $k))
	AND NOT (max(d) = 1 AND $unanimity) AS shown
FROM (SELECT *, count(*) OVER (PARTITION BY g, tot) AS alike, row_number() OVER (PARTITION BY g ORDER BY abs(tot) DESC) AS rank, min(tot) OVER (PARTITION BY g) AS lo, max(tot) OVER (PARTITION BY g) AS hi,
		min(mn) OVER (PARTITION BY g) AS vlo, max(mx) OVER (PARTITION BY g) AS vhi
	FROM (SELECT g, s, sum(v::numeric) AS tot, min(v) AS mn, max(v) AS mx FROM $rows GROUP BY g, s) a
	JOIN (SELECT g, count(DISTINCT v) AS d FROM $rows GROUP BY g) b USING (g)) c
GROUP BY g)
SQL
}

sub oracle
{
	my ($case, $s, $v, $k, $f, $share, $n, $p, $unanimity) = @_;
	my $rule = sum_rule('rv', $k, $share, $n, $p, $unanimity);
	my $rule_filter = sum_rule('rf', $k, $share, $n, $p, $unanimity);
	my $fits = $v eq 'integer' ? 'sum(v::numeric) BETWEEN -9223372036854775808 AND 9223372036854775807' : 'true';
	# the rows up to the lower one, and from the upper one on, are of k subjects each
	my $side = sub {
		my ($place) = @_;
		return "count(DISTINCT s) FILTER (WHERE rank <= floor($place * (n - 1)) + 1) >= $k AND count(DISTINCT s) FILTER (WHERE rank >= ceil($place * (n - 1)) + 1) >= $k"
			. " AND NOT ($unanimity AND count(DISTINCT v) = 1)";
	};
	my $by_bytes = $s eq 'text' ? 's COLLATE "C"' : 's';
	my ($half, $part) = ($side->(0.5), $side->($f));
	return <<"SQL";
WITH r AS MATERIALIZED (SELECT g, s_$s AS s, v_$v AS v FROM t$case WHERE s_$s IS NOT NULL),
rv AS MATERIALIZED (SELECT * FROM r WHERE v IS NOT NULL),
rf AS MATERIALIZED (SELECT * FROM rv WHERE v > 0),
ranked AS MATERIALIZED (SELECT g, s, v, row_number() OVER (PARTITION BY g ORDER BY v::float8, $by_bytes) AS rank, count(*) OVER (PARTITION BY g) AS n FROM rv),
all_r AS (SELECT g, count(DISTINCT s) AS n, count(*) AS rows FROM r GROUP BY g),
per AS (SELECT *, count(*) OVER (PARTITION BY g, c) AS alike, min(c) OVER (PARTITION BY g) AS lo, max(c) OVER (PARTITION BY g) AS hi, row_number() OVER (PARTITION BY g ORDER BY c DESC) AS rank
	FROM (SELECT g, s, count(*) AS c FROM r GROUP BY g, s) x),
rows_rule AS (SELECT g, count(*) >= $k
	AND count(*) FILTER (WHERE c > lo) NOT BETWEEN 1 AND $k - 1
	AND NOT (count(*) - max(alike) BETWEEN 1 AND $k - 1 AND max(alike) * 2 > count(*))
	AND NOT (count(DISTINCT c) = 2 AND (count(*) FILTER (WHERE c = lo) < $k OR count(*) FILTER (WHERE c = hi) < $k))
	AND sum(c) FILTER (WHERE rank <= $n) * 100 <= sum(c) * $share
	AND (sum(c) - sum(c) FILTER (WHERE rank <= 2)) * 100 >= max(c) * $p AS shown FROM per GROUP BY g),
rule AS $rule, rule_filter AS $rule_filter,
-- a variance of three values, one of them with fewer than k subjects
three AS (SELECT g, count(*) = 3 AND min(bearers) < $k AS few FROM (SELECT g, v, count(DISTINCT s) AS bearers FROM rv GROUP BY g, v) x GROUP BY g),
own AS (SELECT g, array_agg(mn ORDER BY mn) AS lows, array_agg(mx ORDER BY mx DESC) AS highs FROM (SELECT g, s, min(v) AS mn, max(v) AS mx FROM rv GROUP BY g, s) x GROUP BY g),
nat AS (SELECT g, CASE WHEN $fits THEN sum(v) END AS sum, avg(v) AS avg, variance(v) AS variance, stddev(v) AS stddev,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY v::float8) AS median, percentile_cont($f) WITHIN GROUP (ORDER BY v::float8) AS percentile,
	$half AS half_shown, $part AS part_shown, count(DISTINCT v) AS d FROM ranked GROUP BY g),
filtered AS (SELECT g, sum(v) FROM rf GROUP BY g),
subset AS (SELECT g, count(*) FILTER (WHERE y) NOT BETWEEN 1 AND $k - 1 AND count(*) FILTER (WHERE n) NOT BETWEEN 1 AND $k - 1 AND count(*) FILTER (WHERE NOT y) NOT BETWEEN 1 AND $k - 1 AS ok
	FROM (SELECT g, s, bool_or(coalesce(v > 0, false)) AS y, bool_or(NOT coalesce(v > 0, false)) AS n FROM r GROUP BY g, s) x GROUP BY g)
SELECT '$case $s $v $k', g, coalesce(n, 0) >= $k, CASE WHEN n >= $k THEN n END, CASE WHEN rows_rule.shown THEN rows END,
	CASE WHEN rule.shown THEN nat.sum END, CASE WHEN rule.shown THEN avg END, CASE WHEN rule.shown AND NOT few THEN variance END, CASE WHEN rule.shown AND NOT few THEN stddev END,
	CASE WHEN cardinality(lows) >= 2 * $k - 1 AND NOT ($unanimity AND d = 1) THEN lows[$k] END, CASE WHEN cardinality(lows) >= 2 * $k - 1 AND NOT ($unanimity AND d = 1) THEN highs[$k] END,
	CASE WHEN half_shown THEN median END, CASE WHEN part_shown THEN percentile END, coalesce(subset.ok, true),
	CASE WHEN rule_filter.shown THEN filtered.sum END
FROM (SELECT DISTINCT g FROM t$case) x LEFT JOIN all_r USING (g) LEFT JOIN rows_rule USING (g) LEFT JOIN rule USING (g) LEFT JOIN three USING (g) LEFT JOIN rule_filter USING (g) LEFT JOIN own USING (g)
	LEFT JOIN nat USING (g) LEFT JOIN filtered USING (g) LEFT JOIN subset USING (g) ORDER BY g;
SQL
}

my $shown_as_native;

sub no_zeros
{
	my ($number) = @_;
	$number =~ s/\.?0+$// if $number =~ /\./;
	return $number;
}

# Differences between two outputs, at most a few of them; of double precision near is enough.
sub differences
{
	my ($got, $want) = @_;
	my @got = split /\n/, $got;
	my @want = split /\n/, $want;
	my @bad;
	my $against_native = defined $shown_as_native && $want eq $shown_as_native;

	push @bad, scalar(@got) . ' lines instead of ' . scalar(@want) if @got != @want;
	for my $i (0 .. $#want)
	{
		next if !defined $got[$i] || $got[$i] eq $want[$i];
		my @g = split /\|/, $got[$i], -1;
		my @w = split /\|/, $want[$i], -1;
		for my $j (0 .. $#w)
		{
			next if ($g[$j] // '') eq $w[$j];
			# which of two equal numerics native min takes depends on the order of rows
			next if $against_native && $w[0] =~ /numeric/ && $j >= 2 && $names[ $j - 2 ] =~ /^(min|max)$/ && $g[$j] ne '' && $w[$j] ne '' && no_zeros($g[$j]) eq no_zeros($w[$j]);
			next if $w[0] =~ /float8/ && $j >= 2 && $loose{ $names[ $j - 2 ] } && $g[$j] ne '' && $w[$j] ne ''
				&& abs($g[$j] - $w[$j]) <= 1e-9 * (abs($w[$j]) > 1e-6 ? abs($w[$j]) : 1);
			push @bad, "$w[0] g=$w[1] " . ($j >= 2 ? $names[ $j - 2 ] : $j) . ": got '$g[$j]', not '$w[$j]'";
		}
	}
	return @bad;
}

sub same
{
	my ($got, $want, $name) = @_;
	my @bad = differences($got, $want);
	ok(!@bad && length $want, $name) or diag(scalar(@bad) . " differences:\n" . join("\n", grep { defined } @bad[ 0 .. 9 ]));
	return;
}

my @subjects = qw(integer bigint text uuid);
my @types = qw(integer bigint float8 numeric);
my $cases = 30;
my ($setup, $figures, $expected) = ('', '', '');
for my $case (1 .. $cases)
{
	my $share = pick(100, 100, 85, 40);
	my $n = pick(1, 1, 3);
	my $p = pick(0, 0, 20);
	my $unanimity = pick('false', 'true');
	$setup .= make_table($case);
	$figures .= "SET ehds.dominance_share = $share; SET ehds.dominance_n = $n; SET ehds.p_percent = $p; SET ehds.refuse_unanimity = $unanimity;\n";
	for my $s (@subjects)
	{
		for my $v (@types)
		{
			my $k = pick(2, 2, 3, 10, 65, 100);
			my $f = pick(0, 0.01, 0.25, 0.9, 1);
			$figures .= figures($case, $s, $v, $k, $f);
			$expected .= oracle($case, $s, $v, $k, $f, $share, $n, $p, $unanimity);
		}
	}
}
run($setup, 'tables');

my $serial_plan = 'SET max_parallel_workers_per_gather = 0;';
my $parallel_plan = 'SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;';
my $start = time;
my $serial = run("$serial_plan $figures", 'figures');
my $want = run("SET max_parallel_workers_per_gather = 0; SET enable_nestloop = on; $expected", 'oracle');
$shown_as_native = $want;
same($serial, $want, "$cases tables x 16 types: as native SQL and the rules say");
note('shown figures: ' . scalar(() = $serial =~ /\|[-0-9]/g) . ', lines ' . scalar(() = $serial =~ /\n/g) . ', ' . (time - $start) . ' s');
same(run("$parallel_plan $figures", 'parallel'), $serial, 'parallel = serial');
same(run("$serial_plan SET enable_hashagg = off; $figures", 'sorted'), $serial, 'sorted = hashed');
note((time - $start) . ' s');


# ---- plans ----

sub plan_has
{
	my ($settings, $query, $pattern, $name) = @_;
	like(run("$settings EXPLAIN (COSTS off) $query", $name), $pattern, $name);
	return;
}

run(<<'SQL', 'larger tables');
CREATE UNLOGGED TABLE big AS
SELECT i, i % 2000 AS g, i % 3 AS h, (i * 7919 % 50021)::bigint AS s, 'person ' || (i * 7919 % 50021) AS t, i % 1000 AS v, (i::bigint * 7919 % 1000003 - 500000) / 7.0::float8 AS f
FROM generate_series(1, 200000) i;
CREATE TABLE parts (LIKE big) PARTITION BY HASH (h);
CREATE TABLE part0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE part1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parts SELECT * FROM big;
CREATE UNLOGGED TABLE small AS SELECT * FROM big WHERE i <= 600;
ANALYZE big; ANALYZE parts; ANALYZE small;
SQL
my $all = 'ehds.k_met(s, 5), ehds.k_count(s, 5), ehds.k_count(t, 5), ehds.k_rows(t, 5), ehds.k_sum(s, v, 5), ehds.k_avg(t, f, 5), ehds.k_variance(s, v, 5), ehds.k_stddev(s, v, 5),
	ehds.k_min(t, v, 5), ehds.k_max(s, f, 5), ehds.k_median(s, v, 5), ehds.k_percentile(t, f, 0.1, 5), ehds.k_subset_met(s, v < 500, 5), ehds.k_count(s, 5), ehds.k_met(s, 200)';
my $by_g = "SELECT g, $all FROM big GROUP BY g";
my $result = run("$serial_plan SET work_mem = '1GB'; SELECT * FROM ($by_g) x ORDER BY g", 'in memory');
my $spill = "$serial_plan SET work_mem = '64kB'; SET enable_sort = off;";
like(run("$spill EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) $by_g", 'spill plan'), qr/HashAggregate.*Batches: (?!1 ).*Disk/s, 'the plan spills');
same(run("$spill SELECT * FROM ($by_g) x ORDER BY g", 'spill'), $result, 'spill = no spill');
plan_has($parallel_plan, $by_g, qr/Partial HashAggregate/, 'the plan is parallel');
same(run("$parallel_plan SELECT * FROM ($by_g) x ORDER BY g", 'parallel'), $result, 'parallel = serial, 2,000 groups');
same(run("$parallel_plan SET work_mem = '64kB'; SELECT * FROM ($by_g) x ORDER BY g", 'parallel'), $result, 'parallel and spill = serial');
my $partitionwise = "$serial_plan SET enable_partitionwise_aggregate = on; SET work_mem = '1GB';";
plan_has($partitionwise, $by_g =~ s/big/parts/r, qr/Partial HashAggregate.*Partial HashAggregate/s, 'the plan is partitionwise');
same(run("$partitionwise SELECT * FROM (" . ($by_g =~ s/big/parts/r) . ") x ORDER BY g", 'partitionwise'), $result, 'partitionwise = serial');

my $union = "SELECT * FROM (SELECT g, NULL::int AS h, $all FROM big WHERE g < 50 GROUP BY g UNION ALL SELECT NULL, h, $all FROM big WHERE g < 50 GROUP BY h UNION ALL SELECT NULL, NULL, $all FROM big WHERE g < 50) x ORDER BY 1, 2";
my $grouping = "SELECT g, h, $all FROM big WHERE g < 50 GROUP BY GROUPING SETS ((g), (h), ()) ORDER BY 1, 2";
my $sets_want = run("$serial_plan $union", 'union');
same(run("$serial_plan SET enable_hashagg = $_; $grouping", 'grouping sets'), $sets_want, "grouping sets = their union, hashagg $_") for qw(on off);

# a window function or a rescan is asked for figures in between
for my $frame ('20 PRECEDING', 'UNBOUNDED PRECEDING')
{
	my $from = $frame =~ /^20/ ? 'a.i - 20' : '0';
	same(run("SELECT i, " . ($all =~ s/\),\s+ehds/) OVER w, ehds/gr) . " OVER w FROM small WINDOW w AS (ORDER BY i ROWS $frame) ORDER BY i", 'window'),
		run("SELECT a.i, x.* FROM small a, LATERAL (SELECT $all FROM small b WHERE b.i BETWEEN $from AND a.i) x ORDER BY a.i", 'rescan'), "window over $frame = rescans");
}
same(run("SELECT DISTINCT ehds.k_count(s, 2) OVER (ORDER BY i) FROM small ORDER BY 1 OFFSET 0", 'k_count over'),
	run("SELECT DISTINCT nullif(count, 1) FROM (SELECT (SELECT count(DISTINCT s) FROM small b WHERE b.i <= a.i) AS count FROM small a) x ORDER BY 1", 'native'), 'running count = native');

is(run('SELECT ehds.k_sum(DISTINCT s, v, 5) = (SELECT sum(v) FROM (SELECT DISTINCT s, v FROM small) x), ehds.k_avg(t, f, 5 ORDER BY f DESC, t) = ehds.k_avg(t, f, 5), ehds.k_count(t, 5 ORDER BY t) = count(DISTINCT t), ehds.k_median(s, v, 5 ORDER BY i DESC) = ehds.k_median(s, v, 5), ehds.k_sum(s, v, 5) FILTER (WHERE v > 3) = sum(v) FILTER (WHERE v > 3) FROM small', 'inside'),
	't|t|t|t|t', 'DISTINCT, ORDER BY, FILTER inside');
is(run("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT g, ehds.k_count(s, 5) FROM big GROUP BY g ORDER BY g; MOVE 10 IN c; FETCH c; MOVE ABSOLUTE 0 IN c; FETCH c; CLOSE c; COMMIT", 'cursor'),
	"10|100\n0|100", 'cursor back and forth');
is(run('SELECT count(*), count(c), bool_or(m), sum(d) FROM (SELECT ehds.k_count(i::bigint, 2) AS c, ehds.k_met(i, 2) AS m, ehds.k_sum(i, 1, 2) AS d FROM generate_series(1, 1000000) i GROUP BY i) x', 'a million'),
	'1000000|0|f|', 'a million groups of one');
is(run('SELECT ehds.k_count(i::bigint, 2), ehds.k_count(i::text, 2), ehds.k_rows(i, 2), ehds.k_met(i, 1000000) FROM generate_series(1, 1000000) i', 'one group'),
	'1000000|1000000|1000000|t', 'one group of everything');
is(run("SELECT ehds.k_count(NULL::int, 2), ehds.k_met(NULL::text, 2), ehds.k_sum(1, NULL::int, 2), ehds.k_median(s, v, 2), ehds.k_met(s, 2), ehds.k_subset_met(s, true, 2) FROM small WHERE false", 'nobody'),
	'|f|||f|t', 'nobody');

# the roots are those of stddev to the last digit
is(run('SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b), count(*) FILTER (WHERE c IS DISTINCT FROM d) FROM (SELECT ehds.k_stddev(i, v, 2) AS a, stddev(v) AS b, ehds.k_stddev(i, v / 100.0, 2) AS c, stddev(v / 100.0) AS d FROM (SELECT i, i % 2000 AS g, (i::bigint * i * 31 % 1009 + i * 17 % 2003)::int AS v FROM generate_series(1, 20000) i) x GROUP BY g) y', 'stddev'),
	'2000|0|0', 'k_stddev = stddev');

# not finite
is(run(q{SELECT ehds.k_min(i, f, 2), ehds.k_max(i, f, 2), ehds.k_median(i, f, 2), ehds.k_sum(i, f, 2), ehds.k_min(i, f::numeric, 2), ehds.k_max(i, f::numeric, 2), ehds.k_avg(i, f::numeric, 2), ehds.k_percentile(i, f, 5 / 6.0::float8, 2)
	FROM (VALUES (1, '-inf'::float8), (2, '-inf'), (3, 1), (4, 2), (5, 3), (6, 'NaN'), (7, 'NaN')) v(i, f)}, 'not finite'), '-Infinity|NaN|2||-Infinity|NaN||NaN', 'infinities and NaN');

# a session goes on after a cancel
{
	my ($out, $err) = ('', '');
	$node->psql('postgres', "SET statement_timeout = 60;\nSELECT ehds.k_median(i % 100000, i, 2), ehds.k_count(i, 2), ehds.k_count(i::text, 2) FROM generate_series(1, 20000000) i;\nSET statement_timeout = 0;\nSELECT ehds.k_count(s, 5), ehds.k_median(s, v, 5) FROM small;",
		stdout => \$out, stderr => \$err, on_error_stop => 0);
	like($err, qr/statement timeout/, 'cancelled');
	is($out, '600|300.5', 'and the session goes on');
}

# ---- attacks ----

run(<<'SQL', 'attacks');
CREATE TABLE a30 AS SELECT i, (i <> 30)::int AS yes FROM generate_series(1, 30) i;
CREATE TABLE both_sides AS SELECT i, (i > 10)::int AS yes FROM generate_series(1, 19) i UNION ALL SELECT * FROM (VALUES (1, 1), (12, 1)) v;
CREATE TABLE many_rows AS SELECT i, (i <= 25)::int AS yes FROM generate_series(1, 30) i, generate_series(1, 20);
CREATE TABLE loud AS SELECT i, 1 AS v FROM generate_series(1, 30) i UNION ALL SELECT 31, 10 FROM generate_series(1, 50);
SQL
my @attacks = (
	[ 'SELECT ehds.k_avg(i, CASE WHEN yes = 1 THEN 1.0 ELSE 0.0 END, 5) FROM a30', '', '29 of 30' ],
	[ 'SELECT ehds.k_avg(i, CASE WHEN yes = 1 THEN 1.0 ELSE 0.0 END, 5) FROM a30 WHERE i < 30', '1.00000000000000000000', 'all of 29' ],
	[ 'SET ehds.refuse_unanimity = on; SELECT ehds.k_avg(i, yes, 5), ehds.k_median(i, yes, 5), ehds.k_min(i, yes, 5), ehds.k_sum(i, yes::float8, 5) FROM a30 WHERE i < 30', '|||', 'unanimity asked for' ],
	[ 'SET ehds.refuse_unanimity_floor = on; SET ehds.refuse_unanimity = off; SELECT ehds.k_avg(i, yes, 5), ehds.k_max(i, yes, 5) FROM a30 WHERE i < 30', '|', 'unanimity forbidden by the floor' ],
	[ 'SELECT round(ehds.k_avg(i, yes, 10), 4), ehds.k_avg(i, yes, 11) FROM both_sides', '0.5238|', 'both sides hold k, one person in both' ],
	[ 'SELECT round(ehds.k_avg(i, yes::float8, 10)::numeric, 4) FROM both_sides', '0.5238', 'and so with doubles' ],
	[ 'SELECT ehds.k_avg(i, yes, 6), round(ehds.k_avg(i, yes, 5), 4) FROM many_rows', '|0.8333', 'persons, not rows, on both sides' ],
	[ 'SELECT ehds.k_sum(i, v, 5), ehds.k_rows(i, 5), ehds.k_sum(i, v::numeric, 5), ehds.k_sum(i, v::float8, 5), ehds.k_avg(i, v, 5) FROM loud', '||||', 'one subject with many rows dominates' ],
	[ 'SELECT ehds.k_sum(i, CASE WHEN i <= 4 THEN 100 ELSE 0 END, 5), ehds.k_sum(i, CASE WHEN i <= 4 THEN i END, 5) FROM a30', '|', 'contributors other than zero and NULL count' ],
	[ 'SELECT ehds.k_count(CASE WHEN i <= 4 THEN i END, 5), ehds.k_rows(CASE WHEN i <= 4 THEN i END, 5) FROM a30', '|', 'subjects behind NULL do not count' ],
	[ 'SELECT ehds.k_min(i, i, 5), ehds.k_max(i, i, 5) FROM a30 WHERE i <= 8', '|', 'extremes of 2 k - 2' ],
	[ 'SELECT ehds.k_min(i, i, 5), ehds.k_max(i, i, 5) FROM a30 WHERE i <= 9', '5|5', 'extremes of 2 k - 1' ],
	[ 'SELECT ehds.k_percentile(i, i, 0.1, 5), ehds.k_percentile(i, i, 0.9, 5) FROM a30', '|', 'a side of 3' ],
	[ 'SELECT ehds.k_percentile(i, i, 4 / 29.0::float8, 5), ehds.k_percentile(i, i, 3 / 29.0::float8, 5) FROM a30', '5|', 'sides of k and k - 1' ],
	[ 'SELECT ehds.k_percentile(i, v, 0.9, 5) FROM loud', '', 'the rows of one person are one side' ],
	[ 'SELECT ehds.k_subset_met(i, i <= 4, 5), ehds.k_subset_met(i, i <= 5, 5), ehds.k_subset_met(i, i <= 25, 5), ehds.k_subset_met(i, i <= 26, 5), ehds.k_subset_met(i, true, 5), ehds.k_subset_met(i, NULL, 5) FROM a30', 'f|t|t|f|t|t', 'subset and complement' ],
	[ 'SELECT ehds.k_subset_met(i, yes = 1, 5) FROM (SELECT i, 1 AS yes FROM a30 UNION ALL SELECT i, 0 FROM a30 WHERE i <= 4) x', 'f', 'few have a row in which it is not true' ],
	[ q{SET ehds.suppressed_floor = negative; SET ehds.suppressed = negative; SELECT ehds.k_count(i, 5), ehds.k_rows(i, 5), ehds.k_sum(i, i, 5) FROM a30 WHERE i <= 4}, '-5|-5|', '-k' ],
	[ q{SET ehds.suppressed_floor = omit; SET ehds.suppressed = negative; SELECT ehds.k_count(i, 5), ehds.k_rows(i, 5) FROM a30 WHERE i <= 4}, '|', 'no -k below the floor' ],
	[ q{SET ehds.suppressed_floor = negative; SET ehds.suppressed = negative; SELECT ehds.k_count(i, 5), ehds.k_rows(i, 5) FROM a30 WHERE i > 30}, '|', 'nobody is not -k' ],
	[ q{SET ehds.round_to_floor = 5; SET ehds.round_to = 10; SELECT ehds.k_count(i, 5) FROM a30 WHERE i <= 13}, '20', '13 is 15, and that 20' ],
	[ q{SET ehds.round_to_floor = 5; SET ehds.round_to = 1; SELECT ehds.k_count(i, 5), ehds.k_rows(i, 5) FROM a30 WHERE i <= 13}, '15|15', 'no finer than the floor' ],
	[ q{SET ehds.round_to_floor = 5; SELECT count(DISTINCT (a, b)) = count(DISTINCT a) FROM (SELECT set_config('ehds.round_to', '1', false), n, (SELECT ehds.k_count(i, 2) FROM generate_series(1, n) i) AS a FROM generate_series(2, 60) n) x
		JOIN LATERAL (SELECT set_config('ehds.round_to', '10', false), (SELECT ehds.k_count(i, 2) FROM generate_series(1, n) i) AS b) y ON true}, 't', 'rounding to 10 is a function of rounding to 5' ]);
is(run($_->[0], $_->[2]), $_->[1], $_->[2]) for @attacks;
my $avg = 'SELECT round(ehds.k_avg(i, yes, 10), 4) FROM both_sides';
is(run("$parallel_plan $avg", 'parallel'), '0.5238', 'a person on both sides stays on both in a parallel plan');
like(run("$parallel_plan EXPLAIN $avg", 'plan'), qr/Partial Aggregate/, 'which it is');
for my $k (1, 4)
{
	my ($rc, $out, $err) = EhdsNode::as($node, 'postgres', "SET ehds.k_floor = 5; SELECT ehds.k_count(i, $k) FROM a30;");
	like($err, qr/22023/, "k = $k under the floor");
	($rc, $out, $err) = EhdsNode::as($node, 'postgres', 'SET ehds.k_floor = 5; SET ehds.k = 3; SELECT ehds.k_median(i, yes) FROM a30;');
	like($err, qr/22023/, 'the setting under the floor');
}

# ---- memory ----

sub bytes_in
{
	my ($query, $what) = @_;
	return run("BEGIN; SET LOCAL work_mem = '2GB'; SET LOCAL enable_sort = off; $serial_plan DECLARE c CURSOR FOR $query; MOVE 1 IN c; SELECT sum($what) FROM pg_backend_memory_contexts WHERE name = 'ehds.k_state'; COMMIT", 'memory');
}

my %lie = (dense => 'i', sparse => 'i::bigint * 1000003', random => "('x' || left(md5(i::text), 16))::bit(64)::bigint", descending => '1000000 - i');
for my $shape (sort keys %lie)
{
	for my $rows (1, 2)
	{
		my $bytes = bytes_in("SELECT g, ehds.k_count(s, 5) FROM (SELECT i % 13 AS g, ($lie{$shape})::bigint AS s FROM generate_series(1, $rows) r, generate_series(1, 500000) i OFFSET 0) x GROUP BY g", 'total_bytes');
		my $each = $bytes / 500000;
		cmp_ok($each, '<=', 16, sprintf('k_count, %s keys, %d rows each: %.1f bytes a pair', $shape, $rows, $each));
		cmp_ok($each, '>', 0.1, 'which were there');
	}
}
# small groups: what a group takes by itself counts
for my $persons (1, 20)
{
	my $groups = 200000 / $persons;
	my $bytes = bytes_in("SELECT g, ehds.k_count(s, 5) FROM (SELECT i % $groups AS g, ($lie{random})::bigint AS s FROM generate_series(1, 200000) i OFFSET 0) x GROUP BY g", 'used_bytes');
	my $more = ($bytes - 16 * 200000) / $groups;
	cmp_ok($more, '<=', 160, sprintf('k_count, %d persons a group: %.1f bytes a pair', $persons, $bytes / 200000));
}
for my $k (11, 65, 100, 1000)
{
	my $here = bytes_in("SELECT g, ehds.k_met(s, $k) FROM (SELECT g, s * 1000003::bigint AS s FROM generate_series(1, 200) g, generate_series(1, $k - 1) s, generate_series(1, 3) OFFSET 0) x GROUP BY g", 'used_bytes') / 200;
	cmp_ok($here, '<=', 24 * $k + 400, sprintf('k_met, k = %d, %d persons: %.0f bytes a group', $k, $k - 1, $here));
	my $gone = bytes_in("SELECT g, ehds.k_met(s, $k) FROM (SELECT g, s * 1000003::bigint AS s FROM generate_series(1, 200) g, generate_series(1, $k + 1) s OFFSET 0) x GROUP BY g", 'used_bytes') / 200;
	cmp_ok($gone, '<=', 300, sprintf('with %d persons: %.0f bytes a group', $k + 1, $gone));
}

# ---- forged states ----

my $raw = '';
my @states;
for my $s (qw(bigint text uuid))
{
	my $subject = { bigint => 'i::bigint * 300', text => "repeat('p', i * 3) || i", uuid => 'md5(i::text)::uuid' }->{$s};
	for my $k (3, 10)
	{
		push @states, [ "met", "ehds.k_cell($subject, $k)", 'met' ];
		push @states, [ "count", "ehds.k_subjects($subject, $k)", 'count' ];
		push @states, [ "rows", "raw_rows_$s($subject, $k)", 'rows' ];
		push @states, [ "subset", "raw_subset_met_$s($subject, i > 3, $k)", 'subset_met' ];
		for my $v ('integer', 'bigint', 'double precision', 'numeric')
		{
			my $short = $v eq 'double precision' ? 'float8' : $v;
			my $to = $short =~ /float8/ ? 'float8' : 'numeric';
			for my $x ('i % 2', 'i', '1')
			{
				push @states, [ "sum", "raw_sum_${s}_$short($subject, ($x)::$v, $k)", $short eq 'integer' ? 'sum_bigint' : "sum_$to" ];
				push @states, [ "avg", "raw_avg_${s}_$short($subject, ($x)::$v, $k)", "avg_$to" ];
				push @states, [ "variance", "raw_variance_${s}_$short($subject, ($x)::$v, $k)", "stddev_$to" ];
				push @states, [ "min", "raw_min_${s}_$short($subject, ($x)::$v, $k)", "extreme_$short" ];
				push @states, [ "percentile", "raw_percentile_${s}_$short($subject, ($x)::$v, 0.4, $k)", 'percentile' ];
			}
		}
	}
	$raw .= "CREATE AGGREGATE raw_rows_$s($s, integer) (SFUNC = ehds.k_rows_transition, STYPE = ehds.k_state);\n";
	$raw .= "CREATE AGGREGATE raw_subset_met_$s($s, boolean, integer) (SFUNC = ehds.k_subset_met_transition, STYPE = ehds.k_state);\n";
	for my $v ('integer', 'bigint', 'double precision', 'numeric')
	{
		my $short = $v eq 'double precision' ? 'float8' : $v;
		$raw .= "CREATE AGGREGATE raw_${_}_${s}_$short($s, $v, integer) (SFUNC = ehds.k_${_}_transition, STYPE = ehds.k_state);\n" for qw(sum avg variance min);
		$raw .= "CREATE AGGREGATE raw_percentile_${s}_$short($s, $v, double precision, integer) (SFUNC = ehds.k_percentile_transition, STYPE = ehds.k_state);\n";
	}
}
run("$raw CREATE AGGREGATE again(ehds.k_state) (SFUNC = ehds.k_combine, STYPE = ehds.k_state);\nCREATE TABLE states (n int, final text, state text);\n"
	. join('', map { "INSERT INTO states SELECT $_, '$states[$_][2]', ($states[$_][1])::text FROM (SELECT i FROM generate_series(1, 6) i UNION ALL SELECT 1) x(i);\n" } 0 .. $#states), 'states');
my $forge = run(<<"SQL", 'forging');
CREATE FUNCTION forge(times int) RETURNS TABLE (what text, n bigint, example text) LANGUAGE plpgsql AS \$\$
DECLARE
	original record;
	bytes bytea;
	hex text;
	back text;
	at int;
BEGIN
	CREATE TEMP TABLE seen (what text, example text);
	FOR turn IN 1 .. times LOOP
		SELECT * INTO original FROM states WHERE states.n = turn % (SELECT count(*) FROM states);
		bytes := decode(original.state, 'hex');
		FOR change IN 1 .. (CASE WHEN turn <= (SELECT count(*) FROM states) THEN 0 ELSE 1 + (random() * random() * 4)::int END) LOOP
			at := floor(length(bytes) * CASE WHEN random() < 0.4 THEN random() * random() ELSE random() END)::int;
			CASE floor(random() * 6)::int
				WHEN 0 THEN bytes := set_byte(bytes, at, floor(random() * 256)::int);
				WHEN 1 THEN bytes := set_byte(bytes, at, (ARRAY[0, 1, 2, 3, 127, 128, 255])[1 + floor(random() * 7)::int]);
				WHEN 2 THEN bytes := set_byte(bytes, at, get_byte(bytes, at) # (1 << floor(random() * 8)::int));
				WHEN 3 THEN bytes := substr(bytes, 1, at) || substr(bytes, at + 2 + (random() * 8)::int);
				WHEN 4 THEN bytes := substr(bytes, 1, at + 1) || substr(bytes, at + 1);
				ELSE bytes := set_byte(bytes, at, (get_byte(bytes, at) + 255) % 256);
			END CASE;
			EXIT WHEN length(bytes) = 0;
		END LOOP;
		hex := encode(bytes, 'hex');
		BEGIN
			EXECUTE format('SELECT (%L::ehds.k_state)::text', hex) INTO back;
			INSERT INTO seen VALUES (CASE WHEN back = hex THEN 'accepted' ELSE 'input is not output' END, hex);
			EXECUTE format('SELECT again(x.s)::text FROM (SELECT %L::ehds.k_state AS s) x', hex) INTO back;
			INSERT INTO seen VALUES (CASE WHEN back = hex THEN 'again' WHEN substr(hex, 7, 2) = '04' THEN 'again, a numeric in another form' ELSE 'again is other' END, hex || ' ' || back);
			BEGIN
				EXECUTE format('SELECT again(x.s)::text FROM (VALUES (%L::ehds.k_state), (%L)) x(s)', original.state, hex) INTO back;
				EXECUTE format('SELECT %L::ehds.k_state', back);
			EXCEPTION WHEN OTHERS THEN
				INSERT INTO seen VALUES ('merged: ' || SQLSTATE, SQLERRM || ' ' || hex);
			END;
			EXECUTE format('SELECT ehds.k_%s_final(%L)::text', original.final, hex) INTO back;
			INSERT INTO seen VALUES ('final', hex);
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO seen VALUES (CASE WHEN turn <= (SELECT count(*) FROM states) THEN 'valid, but ' ELSE '' END || SQLSTATE, SQLERRM || ' ' || hex);
		END;
	END LOOP;
	RETURN QUERY SELECT seen.what, count(*), min(seen.example) FROM seen GROUP BY 1 ORDER BY 1;
END
\$\$;
SELECT setseed(0.42);
SELECT * FROM forge(12000);
SQL
note($forge);
like($forge, qr/^accepted\|/m, 'some forged states are accepted');
like($forge, qr/^22P03\|/m, 'others are refused');
unlike($forge, qr/^(input is not|again is other|valid, but|XX|merged: XX|57)/m, 'what is accepted is written again as it came, and nothing is an internal error') or diag($forge);
is(run('SELECT count(*) FROM states', 'alive'), scalar(@states), 'and lives');

$node->stop;
done_testing();
