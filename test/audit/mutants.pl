#!/usr/bin/perl
# mutants.pl DIR list | case NAME | apply NAME | undo NAME
#	Mistakes that implementations of differential privacy have had, as changes of this
#	source in DIR. Each must be found by the case of test/t/060_audit.pl that it names.
#
# A change is [file, what stands there once, what comes in its place]; a text that is
# not there, or twice, is an error, so that no mutant silently is the original.
use strict;
use warnings;

my @mutants = (
	{
		name   => 'groups_left_out_of_the_scale',
		case   => 'three groups',
		change => [ [ 'src/dp/release.c', 'ehds_truncated_laplace_from(bits, NANO_PER_ONE * max_groups,', 'ehds_truncated_laplace_from(bits, NANO_PER_ONE,' ] ],
	},
	{
		name   => 'noise_halved',
		case   => 'one total',
		change => [ [ 'src/dp/release.c', 'ehds_discrete_laplace_from(bits, NANO_PER_ONE, epsilon_nano)', 'ehds_discrete_laplace_from(bits, NANO_PER_ONE / 2, epsilon_nano)' ] ],
	},
	{
		name   => 'pre_threshold_unshifted',
		case   => 'the eleventh',
		change => [
			[ 'src/dp/release.c', 'm = Max(n - k + 1, 0);', 'm = n < k ? 0 : n;' ],
			[ 'src/dp/release.c', 'return *released ? m + k - 1 : 0;', 'return *released ? m : 0;' ],
		],
	},
	{
		name   => 'keys_unthresholded',
		case   => 'alone',
		change => [ [ 'src/dp/release.c', '*released = m > tau;', '*released = true;' ] ],
	},
	{
		name   => 'bounding_off',
		case   => 'twenty groups',
		change => [ [ 'src/gate/dp_release.c', 'max_groups, columns, t->placeholder.data,', 'EHDS_COLLECT_MAX_GROUPS, columns, t->placeholder.data,' ] ],
	},
	{
		name   => 'selection_unbounded',
		case   => 'selection',
		change => [ [ 'src/gate/dp_release.c', 'max_groups, columns, t->placeholder.data,', 'EHDS_COLLECT_MAX_GROUPS, columns, t->placeholder.data,' ] ],
	},
	{
		# what leader and two workers would keep, each by itself
		name   => 'groups_per_worker',
		case   => 'workers',
		change => [ [ 'src/gate/dp_release.c', 'max_groups, columns, t->placeholder.data,', 'max_groups * 3, columns, t->placeholder.data,' ] ],
	},
	{
		name   => 'drawn_again_on_rescan',
		case   => 'rescanned',
		change => [
			[ 'src/gate/border.c', 'cte->ctematerialized = CTEMaterializeAlways;', 'cte->ctematerialized = CTEMaterializeNever;' ],
			[ 'src/dp/dp.sql', q{'ehds_dp_release_sql' LANGUAGE C VOLATILE PARALLEL RESTRICTED}, q{'ehds_dp_release_sql' LANGUAGE C STABLE PARALLEL RESTRICTED} ],
		],
	},
	{
		name   => 'lower_bound_forgotten',
		case   => 'lower bound',
		change => [ [ 'src/dp/measure.c', 'return m->max_rows * Max(-m->low, m->high);', 'return m->max_rows * m->high;' ] ],
	},
	{
		name   => 'rows_summed_unclamped',
		case   => 'five hundred rows',
		change => [ [ 'src/dp/measure.c', 'statistics[0] = clamp(words[0], m->max_rows * Min(m->low, 0), m->max_rows * Max(m->high, 0));', 'statistics[0] = words[0];' ] ],
	},
	{
		name   => 'not_a_number_past_the_clamp',
		case   => 'no number',
		change => [
			[ 'src/dp/measure.c', '(input->type == FLOAT8OID && isnan(DatumGetFloat8(value)))', 'false' ],
			[ 'src/dp/measure.c', 'return clamp((int64) rint(steps), m->low, m->high);', 'return (int64) rint(steps);' ],
			[ 'src/dp/measure.c', 'statistics[0] = clamp(words[0], m->max_rows * Min(m->low, 0), m->max_rows * Max(m->high, 0));', 'statistics[0] = words[0];' ],
		],
	},
	{
		# Of doubles the same takes a sum of 2^53 steps and as many rows as no test has.
		name   => 'sums_of_floats',
		case   => 'large and small',
		change => [ [ 'src/dp/collect_read.c', '*sums++ += statistics[j];', '{ *sums = (int128) ((float) *sums + (float) statistics[j]); sums++; }' ] ],
	},
	{
		name   => 'weights_forgotten',
		case   => 'average',
		change => [
			[ 'src/dp/measure.c', 'if (n > m->max_rows)', 'if (false)' ],
			[ 'src/dp/measure.c', 'statistics[0] = clamp((int128) weight * n, 0, ehds_measure_sensitivity(m, 0));', 'statistics[0] = weight * n;' ],
			[ 'src/dp/measure.c', 'statistics[i] = n == 0 ? 0 : clamp(sum, i == 2 ? 0 : -bound, bound);', 'statistics[i] = (int64) sum; (void) bound;' ],
		],
	},
	{
		name   => 'median_of_rows',
		case   => 'rows of a median',
		change => [ [ 'src/dp/value_set.c', ': (int64) (((int128) Max(words[2 * i + 1], 0) << EHDS_MEASURE_WEIGHT_BITS) / total);', ': (int64) ((int128) Max(words[2 * i + 1], 0) << EHDS_MEASURE_WEIGHT_BITS);' ] ],
	},
	{
		# each of the four levels at all that the tree may spend
		name   => 'levels_at_full_epsilon',
		case   => 'nine quantiles',
		change => [ [ 'src/dp/quantile_tree.c', 'return ehds_dp_sum_noise(share, ehds_tree_shape(width).levels, max_groups,', 'return ehds_dp_sum_noise(share, 1, max_groups,' ] ],
	},
	{
		name   => 'bins_left_out_of_the_scale',
		case   => 'every bin',
		change => [ [ 'src/gate/dp_figure.c', 'max_groups *= figure->measure.max_rows;', 'max_groups *= 1;' ] ],
	},
	{
		name   => 'bins_of_rows',
		case   => 'every bin',
		change => [ [ 'src/dp/collect_read.c', '(m->kind == MEASURE_BINS ? 1 : weights[i])', '(m->kind == MEASURE_BINS ? words[2 * i + 1] : weights[i])' ] ],
	},
	{
		# each set at what all may spend, of which the first is charged
		name   => 'grouping_sets_at_full_epsilon',
		case   => 'grouping sets',
		change => [
			[ 'src/dp/shares.c', 'epsilon_within(units[i]) : units[i];', 'epsilon_within(units[i]) : whole->epsilon_nano;' ],
			[ 'src/gate/precision.c', 'pg_add_s64_overflow(sum->epsilon_nano, noise->cost.epsilon_nano,', 'pg_add_s64_overflow(sum->epsilon_nano, sum->epsilon_nano > 0 ? 0 : noise->cost.epsilon_nano,' ],
		],
	},
	{
		name   => 'repeats_whatever_the_settings',
		case   => 'other epsilon',
		change => [ [ 'src/gate/repeat.c', "\tappend_own_settings(&buf);\n", "\t(void) append_own_settings;\n" ] ],
	},
	{
		name   => 'undeclared_groups_shown',
		case   => 'rows of sets of declared groups',
		change => [ [ 'src/gate/dp_release.c', '"GROUP BY %1$s HAVING pg_catalog.bool_or(declared)) r ORDER BY %1$s"', '"GROUP BY %1$s) r ORDER BY %1$s"' ],
			[ 'src/gate/dp_domain.c', 'within = lappend(within, condition);', 'continue;' ] ],
	},
	{
		name   => 'declared_groups_of_persons_only',
		case   => 'rows of sets of declared groups',
		change => [ [ 'src/gate/dp_release.c', 'HAVING pg_catalog.bool_or(declared)) r', 'HAVING pg_catalog.bool_or(NOT declared)) r' ] ],
	},
	{
		name   => 'random_state_of_the_postmaster',
		case   => 'two sessions',
		change => [
			[ 'src/core/random.c', 'if (pool_pid != MyProcPid || pool_left < n)', 'if (pool_left < n)' ],
			[ 'src/pg_ehds.c', "\n_PG_init(void)\n{", "\n_PG_init(void)\n{\n\tehds_random_uint64();" ],
			[ 'src/pg_ehds.c', "#include \"core/compat.h\"\n", "#include \"core/compat.h\"\n#include \"core/random.h\"\n" ],
		],
	},
);

sub slurp { my ($path) = @_; open(my $fh, '<', $path) or die "could not read $path: $!"; local $/; return <$fh> }

sub spit
{
	my ($path, $text) = @_;
	open(my $fh, '>', $path) or die "could not write $path: $!";
	print $fh $text;
	close($fh) or die "could not write $path: $!";
	return;
}

my ($dir, $verb, $name) = @ARGV;
if ($verb eq 'list')
{
	print "$_->{name}\n" foreach @mutants;
	exit;
}
my ($mutant) = grep { $_->{name} eq $name } @mutants or die "no mutant $name";
if ($verb eq 'case')
{
	print "$mutant->{case}\n";
	exit;
}
foreach my $change (@{ $mutant->{change} })
{
	my ($file, $from, $to) = @$change;
	if ($verb eq 'undo')
	{
		rename("$dir/$file.original", "$dir/$file") if -e "$dir/$file.original";
		utime(undef, undef, "$dir/$file");
		next;
	}
	my $text = slurp("$dir/$file");
	my $first = index($text, $from);
	die "$file does not have: $from\n" if $first < 0;
	die "$file has twice: $from\n" if index($text, $from, $first + 1) >= 0;
	spit("$dir/$file.original", $text) unless -e "$dir/$file.original";
	substr($text, $first, length($from)) = $to;
	spit("$dir/$file", $text);
}
