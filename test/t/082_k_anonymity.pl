# 082_k_anonymity.pl
#	ehds.k_anonymity() against figures computed here, straight from the CSV file of
#	the public data set adult; and its time on 1,000,000 rows beside a GROUP BY.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use Test::More;
use Time::HiRes qw(time);

my $node = EhdsNode::start('k_anonymity', conf => "fsync = off\n");
my $csv = ($ENV{EHDS_DATA} // "$EhdsNode::top/../shared/data") . '/adult/adult.csv';

# the value of one row of the report, on quasi-identifiers of table t
sub report
{
	my ($sql) = @_;
	my %r;
	foreach my $line (split(/\n/, $node->safe_psql('postgres', "SELECT property, attribute, value FROM $sql")))
	{
		my ($property, $attribute, $value) = split(/\|/, $line, -1);
		$r{ $attribute eq '' ? $property : "$property $attribute" } = $value;
	}
	return \%r;
}

sub near { my ($got, $want, $name) = @_; ok(abs($got - $want) < 1e-6, "$name: $got, computed here $want"); }

SKIP:
{
	skip 'the public data set adult is not there', 14 unless -r $csv;
	$node->safe_psql('postgres', <<"SQL");
CREATE TABLE adult (sex text, age int, race text, "marital-status" text, education text, "native-country" text,
    workclass text, occupation text, "salary-class" text);
\\copy adult FROM '$csv' WITH (FORMAT csv, DELIMITER ';', HEADER)
SQL
	my $got = report(q{ehds.k_anonymity('adult', '{sex,race,marital-status}', sensitive => '{age,occupation}', k => 5, rows_are_persons => true)});

	open(my $fh, '<', $csv) or die "could not open $csv: $!";
	<$fh>;
	my (%n, %cell, %all, $rows);
	while (<$fh>)
	{
		s/\r?\n//;
		my @f = split(/;/);
		my $class = join(';', @f[ 0, 2, 3 ]);
		$n{$class}++;
		$rows++;
		foreach my $column (1, 7) { $cell{$column}{$class}{ $f[$column] }++; $all{$column}{ $f[$column] }++; }
	}
	my @sizes = sort { $a <=> $b } values %n;
	my ($under, $risky, $uniques) = (0, 0, 0);
	foreach my $f (@sizes) { $under += $f if $f < 5; $risky += $f if 1 / $f > 0.2; $uniques++ if $f == 1; }
	is($got->{k}, $sizes[0], 'k');
	is($got->{classes}, scalar(@sizes), 'classes');
	is($got->{persons}, $rows, 'persons');
	is($got->{uniques}, $uniques, 'uniques');
	is($got->{persons_under_k}, $under, 'persons under k');
	near($got->{prosecutor_share}, $risky / $rows, 'prosecutor');
	near($got->{marketer}, @sizes / $rows, 'marketer');

	foreach my $column ([ 1, 'age' ], [ 7, 'occupation' ])
	{
		my ($c, $name) = @$column;
		my @values = sort { $c == 1 ? $a <=> $b : $a cmp $b } keys %{ $all{$c} };
		my ($l, $h, $t) = (1e9, 1e9, 0);
		foreach my $class (keys %n)
		{
			my ($entropy, $equal, $ordered, $cum) = (0, 0, 0, 0);
			my $of = $cell{$c}{$class};
			$l = keys %$of if keys %$of < $l;
			foreach my $v (@values)
			{
				my $p = ($of->{$v} // 0) / $n{$class};
				my $d = $p - $all{$c}{$v} / $rows;
				$entropy -= $p * log($p) if $p > 0;
				$equal += abs($d) / 2;
				$cum += $d;
				$ordered += abs($cum);
			}
			$h = $entropy if $entropy < $h;
			my $d = $c == 1 ? $ordered / (@values - 1) : $equal;
			$t = $d if $d > $t;
		}
		is($got->{"distinct_l $name"}, $l, "distinct l of $name");
		near($got->{"entropy_l $name"}, exp($h), "entropy l of $name");
		near($got->{"t_closeness $name"}, $t, "t of $name");
	}
	# all nine columns: mostly small classes
	my $fine = report(q{ehds.k_anonymity('adult', '{sex,age,race,marital-status,education,native-country,workclass,occupation}', rows_are_persons => true)});
	my (%fine);
	seek($fh, 0, 0);
	<$fh>;
	while (<$fh>) { my @f = split(/;/); $fine{ join(';', @f[ 0 .. 7 ]) }++; }
	is($fine->{classes} . ' ' . $fine->{uniques}, keys(%fine) . ' ' . grep({ $_ == 1 } values %fine), 'classes and uniques of eight columns');
}

# a query is measured through a view
$node->safe_psql('postgres', q{CREATE TABLE big AS SELECT i % 700000 AS p, i % 90 AS age, i / 7 % 100 AS dep, i % 2 AS sex, i * 31 % 1000 AS cost FROM generate_series(1, 1000000) i;
ANALYZE big;
CREATE VIEW young AS SELECT * FROM big WHERE age < 10});
is(report(q{ehds.k_anonymity('young', '{age}', 'p')})->{classes}, 10, 'a view');
my $start = time;
$node->safe_psql('postgres', 'SELECT sum(n) FROM (SELECT age, dep, sex, count(DISTINCT p) AS n FROM big GROUP BY 1, 2, 3) s');
my $native = time - $start;
$start = time;
$node->safe_psql('postgres', q{SELECT count(*) FROM ehds.k_anonymity('big', '{age,dep,sex}', 'p')});
my $plain = time - $start;
$start = time;
$node->safe_psql('postgres', q{SELECT count(*) FROM ehds.k_anonymity('big', '{age,dep,sex}', 'p', '{cost}')});
my $full = time - $start;
diag(sprintf('1,000,000 rows: GROUP BY with count(DISTINCT) %.2f s; report %.2f s (x %.1f); with a sensitive column %.2f s (x %.1f)',
	$native, $plain, $plain / $native, $full, $full / $native));
cmp_ok($full, '<', 120, 'a million rows take seconds, not hours');

done_testing();
