# 050_suppress.pl
#	Secondary suppression, audited by linear programming: for every suppressed cell
#	of random tables, glpsol (GLPK) finds the least and the largest value that agree
#	with all that is shown. The audit knows nothing of the engine: its variables are
#	the innermost cells, its equations the shown totals.
#
#	About 20 seconds; every glpsol run is bounded by 20 seconds.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'glpsol (package glpk-utils) is not installed' unless grep { -x "$_/glpsol" } split(/:/, $ENV{PATH});

# a cell without bound is followed so far only
my $CAP = 5000;
my $K   = 5;

my $dir  = tempdir(CLEANUP => 1);
my $json = JSON::PP->new->canonical->allow_nonref;
my $node = EhdsNode::start('suppress', conf => "fsync = off\nehds.k_floor = 2\n");
my $started = time;

# The interval of every cell in @$targets, where %$cells is key -> { at, value, shown }
# and at holds the fixed dimensions; keys with all dimensions are innermost.
sub intervals
{
	my ($cells, $innermost, $targets) = @_;
	my @objective;
	my $rows   = '';
	my $bounds = '';

	# which innermost cells lie in which total
	my %inside;
	foreach my $key (keys %$cells)
	{
		my $at = $cells->{$key}{at};
		$inside{$key} = [ grep { my $in = $cells->{$_}{at}; !grep { ($in->{$_} // "\0") ne ($at->{$_} // "\0") } keys %$at } @$innermost ];
	}
	my %number;
	@number{ sort keys %$cells } = (0 .. keys(%$cells) - 1);

	# a copy of the problem for each end of each interval: all are solved at once
	my $copy = 0;
	foreach my $target (@$targets)
	{
		foreach my $sign ('-', '+')
		{
			push @objective, "$sign x${copy}_$number{$target}";
			$bounds .= "x${copy}_$number{$target} <= " . ($cells->{$target}{value} + $CAP) . "\n";
			foreach my $key (sort keys %$cells)
			{
				my $cell = $cells->{$key};
				my @open = grep { !$cells->{$_}{shown} } @{ $inside{$key} };
				my $known = 0;
				$known += $cells->{$_}{value} foreach grep { $cells->{$_}{shown} } @{ $inside{$key} };
				next if @{ $inside{$key} } == 1 && $inside{$key}[0] eq $key;
				my $sum = join(' + ', map { "x${copy}_$number{$_}" } @open);
				if ($cell->{shown})
				{
					$rows .= "$sum = " . ($cell->{value} - $known) . "\n" if @open;
				}
				elsif (@open)
				{
					$rows .= "$sum - x${copy}_$number{$key} = " . -$known . "\n";
				}
				else
				{
					$rows .= "x${copy}_$number{$key} = $known\n";
				}
			}
			$copy++;
		}
	}
	return solve(\@objective, $rows, $bounds, $targets);
}

# The ends of the intervals; the objective has the lower and the upper end of each target.
sub solve
{
	my ($objective, $rows, $bounds, $targets) = @_;
	open(my $fh, '>', "$dir/audit.lp") or die $!;
	print $fh "Maximize\n obj: " . join("\n ", @$objective) . "\nSubject To\n$rows\nBounds\n$bounds\nEnd\n";
	close $fh;
	my $log = `glpsol --lp '$dir/audit.lp' --tmlim 20 -w '$dir/audit.sol' 2>&1`;
	die "glpsol: $log" unless $log =~ /OPTIMAL LP SOLUTION FOUND|OPTIMAL SOLUTION FOUND/i;
	my @value;
	open($fh, '<', "$dir/audit.sol") or die $!;
	while (<$fh>)
	{
		$value[ $1 - 1 ] = $2 if /^j (\d+) \S+ (\S+)/;
	}
	close $fh;
	my %interval;
	# the objective names the columns first, in this order
	for my $i (0 .. $#$targets)
	{
		$interval{ $targets->[$i] } = [ $value[ 2 * $i ], $value[ 2 * $i + 1 ] ];
	}
	return \%interval;
}

# All cells of the table with their true values, from the innermost rows. A dimension
# is a list of columns, of which the first ones may be fixed.
sub cube
{
	my ($rows, $dimensions) = @_;
	my @fixed = ([]);
	foreach my $d (@$dimensions)
	{
		my @new;
		foreach my $f (@fixed)
		{
			push @new, [ @$f, @$d[ 0 .. $_ - 1 ] ] foreach (0 .. @$d);
		}
		@fixed = @new;
	}
	my %cells;
	foreach my $row (@$rows)
	{
		foreach my $f (@fixed)
		{
			my %at = map { $_ => $row->{$_} } @$f;
			my $key = $json->encode(\%at);
			$cells{$key}{at} = \%at;
			$cells{$key}{value} += $row->{n};
		}
	}
	return \%cells;
}

my @columns = qw(a b c d region place);

sub load_rows
{
	my ($rows) = @_;
	$node->safe_psql('postgres',
		'DROP TABLE IF EXISTS cells; CREATE TABLE cells (' . join(', ', map { "$_ text" } @columns) . ', n integer);'
		  . 'INSERT INTO cells VALUES '
		  . join(', ', map { my $r = $_; '(' . join(', ', map { defined $r->{$_} ? "'$r->{$_}'" : 'NULL' } @columns) . ", $r->{n})" } @$rows));
}

# What suppress_table says, compared with the true table; returns the cells.
sub suppress
{
	my ($rows, $dimensions, $width, $name, $zero, $what) = @_;
	my $cells = cube($rows, $dimensions);
	my $d = join(',', map { '"' . join(' > ', @$_) . '"' } @$dimensions);
	my $out = $node->safe_psql('postgres',
		"SET ehds.show_zero = $zero; SELECT cell, value, suppressed FROM ehds.suppress_table('SELECT * FROM cells', '{$d}', 'n', $K, $width)");
	my ($wrong, $bare, $seen) = (0, 0, 0);
	foreach my $line (split /\n/, $out)
	{
		my ($key, $value, $suppressed) = split /\|/, $line;
		$key = $json->encode($json->decode($key));
		my $cell = $cells->{$key};
		$wrong++, next unless $cell;
		$seen++;
		$cell->{shown} = $suppressed eq 'f';
		$wrong++ if $cell->{shown} ? $value ne $cell->{value} : $value ne '';
		$bare++ if $cell->{shown} && $cell->{value} < $K && ($cell->{value} > 0 || $zero eq 'off');
	}
	$wrong++ if $seen != keys %$cells;
	push @$what, "$name: $wrong cells with a wrong value, $bare primary cells shown" if $wrong || $bare;
	return $cells;
}

sub innermost
{
	my ($cells, $dimensions) = @_;
	my $n = 0;
	$n += @$_ foreach @$dimensions;
	return [ grep { keys %{ $cells->{$_}{at} } == $n } sort keys %$cells ];
}

sub audit
{
	my ($cells, $dimensions, $width, $name, $what) = @_;
	my @hidden = grep { !$cells->{$_}{shown} } sort keys %$cells;
	return 0 unless @hidden;
	my $interval = intervals($cells, innermost($cells, $dimensions), \@hidden);
	foreach my $key (@hidden)
	{
		my ($low, $high) = @{ $interval->{$key} };
		my $true = $cells->{$key}{value};
		push @$what, "$name: $key = $true is outside of [$low, $high]: the audit is wrong"
		  if $low > $true + 1e-4 || $high < $true - 1e-4;
		push @$what, "$name: $key = $true is known to lie in [$low, $high]"
		  if $width > 0 ? $high - $low < $width - 1e-4 : $high - $low < 1e-5;
	}
	return scalar @hidden;
}

# Random tables -------------------------------------------------------------------

srand(20260101);

sub size
{
	my ($small, $empty) = @_;
	my $u = rand;
	return 0 if $u < $empty;
	return 1 + int(rand($K - 1)) if $u < $empty + $small;
	return $K + int(exp(rand(5)));
}

sub random_rows
{
	my ($dimensions, $levels, $small, $empty) = @_;
	my @rows = ({});
	foreach my $i (0 .. $#$dimensions)
	{
		my @new;
		foreach my $row (@rows)
		{
			foreach my $v (1 .. $levels->[$i])
			{
				# of a hierarchy: three places in a region
				my %value = @{ $dimensions->[$i] } == 2 ? (region => 'r' . int(($v + 2) / 3), place => "p$v") : ($dimensions->[$i][0] => "v$v");
				push @new, { %$row, %value };
			}
		}
		@rows = @new;
	}
	$_->{n} = size($small, $empty) foreach @rows;
	return \@rows;
}

my @kinds = (
	[ '2-D', [ ['a'], ['b'] ], [ 5, 6 ] ],
	[ '2-D, long', [ ['a'], ['b'] ], [ 2, 15 ] ],
	[ '3-D', [ ['a'], ['b'], ['c'] ], [ 3, 4, 4 ] ],
	[ 'hierarchy', [ [ 'region', 'place' ], ['b'] ], [ 9, 3 ] ],
	[ 'hierarchy, 3-D', [ [ 'region', 'place' ], ['b'], ['c'] ], [ 6, 2, 3 ] ],
	[ '4-D', [ ['a'], ['b'], ['c'], ['d'] ], [ 2, 2, 3, 3 ] ]);

my $audited = 0;
my $computed = 0;
my $narrow = 0;
foreach my $kind (@kinds)
{
	my ($name, $dimensions, $levels) = @$kind;
	my @what;
	foreach my $trial (1 .. 3)
	{
		my $zero = $trial == 2 ? 'off' : 'on';
		my $rows = random_rows($dimensions, $levels, 0.15, $trial == 1 ? 0 : 0.1);
		load_rows($rows);
		foreach my $width (0, 1, 4, 12)
		{
			my $label = "$name, table $trial, width $width";
			my $cells = suppress($rows, $dimensions, $width, $label, $zero, \@what);
			$audited += audit($cells, $dimensions, $width, $label, \@what);

			# mutants: the audit must find what is wrong with them
			if ($width == 0)
			{
				my @found;
				audit($cells, $dimensions, 12, 'mutant', \@found);
				$narrow += @found;
				$_->{shown} = !($_->{value} < $K && ($_->{value} > 0 || $zero eq 'off')) foreach values %$cells;
				@found = ();
				audit($cells, $dimensions, 0, 'mutant', \@found);
				$computed += grep { /known to lie/ } @found;
			}
		}
	}
	is(join("\n", @what), '', "$name: no suppressed cell is known more closely than to the width");
}
cmp_ok($audited, '>', 500, 'hundreds of suppressed cells were audited');
cmp_ok($computed, '>', 50, 'without secondary suppression the audit computes cells');
cmp_ok($narrow, '>', 50, 'with width 0 the audit finds intervals below 12');
diag(sprintf('%d suppressed cells audited; %d computed without secondary suppression', $audited, $computed));

# Grouping sets of which not all are nested -------------------------------------------
#
# Here the audit's variables are the cells of the sets, its equations that two sets
# have the same sums over the keys that they share.

my @what;
my $sets_hidden = 0;
foreach my $trial (1 .. 20)
{
	my @keys = qw(a b c);
	my $rows = random_rows([ ['a'], ['b'], ['c'] ], [ 3, 3, 3 ], 0.35, 0.3);
	my @sets = grep { rand() < 0.5 } (1 .. 6);
	@sets = (1, 6) if @sets < 2;
	my %cells;
	foreach my $set (@sets)
	{
		foreach my $row (grep { $_->{n} > 0 } @$rows)
		{
			my @at = map { $set >> (2 - $_) & 1 ? undef : $row->{ $keys[$_] } } (0 .. 2);
			my $key = "$set:" . join('.', map { $_ // '*' } @at);
			$cells{$key}{at} = \@at;
			$cells{$key}{set} = $set;
			$cells{$key}{value} += $row->{n};
		}
	}
	# a pair of sets and a cell of what they share: +1 and -1
	my %equation;
	foreach my $x (@sets)
	{
		foreach my $y (grep { $_ > $x } @sets)
		{
			foreach my $key (grep { $cells{$_}{set} == $x || $cells{$_}{set} == $y } keys %cells)
			{
				my @at = map { ($x | $y) >> (2 - $_) & 1 ? '*' : $cells{$key}{at}[$_] } (0 .. 2);
				$equation{"$x $y @at"}{$key} = $cells{$key}{set} == $x ? 1 : -1;
			}
		}
	}
	foreach my $width (0, 4)
	{
		my $values = join(', ', map {
				my $c = $cells{$_};
				"('$_', $c->{value}, $c->{set}, ARRAY[" . join(',', map { defined $_ ? "'$_'" : 'NULL' } @{ $c->{at} }) . ']::text[])'
			} sort keys %cells);
		my $out = $node->safe_psql('postgres',
			"SELECT key, ehds.secondary(n, n < $K, g, keys, $width) OVER () FROM (VALUES $values) AS t (key, n, g, keys)");
		foreach my $line (split /\n/, $out)
		{
			my ($key, $hidden) = split /\|/, $line;
			$cells{$key}{shown} = $hidden eq 'f';
			push @what, "a small cell is shown" if $hidden eq 'f' && $cells{$key}{value} < $K;
		}
		my @hidden = grep { !$cells{$_}{shown} } sort keys %cells;
		next unless @hidden;
		$sets_hidden += @hidden;
		my %number;
		@number{ sort keys %cells } = (0 .. keys(%cells) - 1);
		my (@objective, $lp, $bounds);
		my $copy = 0;
		foreach my $target (@hidden)
		{
			foreach my $sign ('-', '+')
			{
				push @objective, "$sign x${copy}_$number{$target}";
				$bounds .= "x${copy}_$number{$target} <= " . ($cells{$target}{value} + $CAP) . "\n";
				foreach my $e (sort keys %equation)
				{
					my ($sum, $known) = ('', 0);
					foreach my $key (sort keys %{ $equation{$e} })
					{
						my $f = $equation{$e}{$key};
						if ($cells{$key}{shown}) { $known += $f * $cells{$key}{value}; }
						else { $sum .= ($f > 0 ? ' + ' : ' - ') . "x${copy}_$number{$key}"; }
					}
					$lp .= "$sum = " . -$known . "\n" if $sum;
				}
				$copy++;
			}
		}
		my $interval = solve(\@objective, $lp // '', $bounds, \@hidden);
		foreach my $key (@hidden)
		{
			my ($low, $high) = @{ $interval->{$key} };
			push @what, "sets @sets, width $width: $key = $cells{$key}{value} lies in [$low, $high]"
			  if $high - $low < ($width || 1e-5) - 1e-6 || $low > $cells{$key}{value} + 1e-4 || $high < $cells{$key}{value} - 1e-4;
		}
	}
}
is(join("\n", @what), '', 'grouping sets: no hidden cell is known more closely than to the width');
cmp_ok($sets_hidden, '>', 100, 'a hundred of them were audited');

# The public data set adult ---------------------------------------------------------

SKIP:
{
	my $file = ($ENV{EHDS_DATA} // "$EhdsNode::top/../shared/data") . '/adult/adult.csv';
	skip 'the public data set adult is not there (shared/data beside the checkout)', 2 unless -r $file;
	my %n;
	open(my $fh, '<', $file) or die $!;
	my $header = <$fh>;
	while (<$fh>)
	{
		my ($sex, $age, $race) = split /;/;
		$n{ join('|', $sex, int($age / 10) * 10, $race) }++;
	}
	close $fh;
	my @rows = map { my ($sex, $age, $race) = split /\|/; { a => $sex, b => $age, c => $race, n => $n{$_} } } sort keys %n;
	my $dimensions = [ ['a'], ['b'], ['c'] ];
	@what = ();
	load_rows(\@rows);
	my $cells = suppress(\@rows, $dimensions, 0, 'adult', 'on', \@what);
	my $primary   = grep { $_->{value} < $K } values %$cells;
	my $secondary = grep { !$_->{shown} && $_->{value} >= $K } values %$cells;
	audit($cells, $dimensions, 0, 'adult', \@what);
	is(join("\n", @what), '', 'adult: no suppressed cell can be computed');
	cmp_ok($secondary, '<=', 17, 'adult: no more secondary cells than GaussSuppression, 17');
	diag(sprintf('adult, sex x 10-year age x race: %d cells with all totals, %d primary, %d secondary', scalar(keys %$cells), $primary, $secondary));
}

# Time -----------------------------------------------------------------------------

my @rows = @{ random_rows([ ['a'], ['b'], ['c'] ], [ 10, 10, 17 ], 0.1, 0) };
load_rows(\@rows);
my $slowest = 0;
foreach my $width (0, 4, 12)
{
	my $start = time;
	my $out = $node->safe_psql('postgres',
		"SELECT count(*), count(*) FILTER (WHERE suppressed) FROM ehds.suppress_table('SELECT * FROM cells', '{a,b,c}', 'n', $K, $width)");
	my $ms = (time - $start) * 1000;
	my ($all, $suppressed) = split /\|/, $out;
	$slowest = $ms if $ms > $slowest;
	diag(sprintf('%d cells, %d suppressed, width %d: %.0f ms', $all, $suppressed, $width, $ms));
}
cmp_ok($slowest, '<', 30000, 'a table of 2,000 cells takes seconds');

diag(sprintf('%.1f s in all', time - $started));
$node->stop;
done_testing();
