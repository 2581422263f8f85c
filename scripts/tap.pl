#!/usr/bin/perl
# tap.pl SUMMARY DUMP FILE...
#	Runs test programs that speak TAP and writes "passed failed" to SUMMARY.
#
# *.sql are run by pgtap.sh in a database of their own, *.pl by Perl, anything
# else is a program. DUMP is a folder for the output of each file; that of a file
# which failed is printed. A file that ran no test, or did not end well, counts as
# one failure at least.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use TAP::Harness;

my ($summary, $dump, @files) = @ARGV;
my $here = abs_path(dirname($0));

$ENV{PERL_TEST_HARNESS_DUMP_TAP} = $dump;

# Print the last lines of a file.
sub show
{
	my ($path, $max) = @_;
	open(my $fh, '<', $path) or return;
	my @lines = <$fh>;
	splice(@lines, 0, @lines - $max) if @lines > $max;
	print "# ---- $path\n", @lines, "# ---- end of $path\n" if @lines;
	return;
}

my $harness = TAP::Harness->new(
	{
		merge => 1,
		exec  => sub {
			my ($h, $file) = @_;
			return [ "$here/pgtap.sh", $file ] if $file =~ /\.sql$/;
			return [ $^X, '-Itest/perl', $file ] if $file =~ /\.pl$/;
			return [$file];
		},
	});

my $result = $harness->runtests(@files);

my ($passed, $failed) = (0, 0);
foreach my $file ($result->descriptions)
{
	my ($parser) = $result->parsers($file);
	my $bad = scalar($parser->failed);
	my $skipped_all = $parser->skip_all;
	$bad = 1 if !$bad && ($parser->has_problems || (!$parser->tests_run && !$skipped_all));

	$passed += scalar($parser->passed);
	$failed += $bad;
	print "# $file: skipped: $skipped_all\n" if $skipped_all;

	next unless $bad;
	show("$dump/$file", 200);
	# PostgreSQL::Test::Utils writes here what a Perl test and its clients said
	show("$ENV{TESTLOGDIR}/regress_log_" . basename($file, '.pl'), 80)
	  if $file =~ /\.pl$/ && $ENV{TESTLOGDIR};
}

open(my $out, '>', $summary) or die "could not write $summary: $!";
print $out "$passed $failed\n";
close($out) or die "could not write $summary: $!";
exit($failed ? 1 : 0);
