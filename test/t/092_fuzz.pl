# 092_fuzz.pl
#	Queries composed at random over the views of a permit (test/perl/Fuzz.pm), asked by
#	its grantee:
#
#	- the server stays up and raises no internal error;
#	- nothing shows the person of canary.sql, and no count of persons is below k;
#	- under a permit with k = 2, what is answered is what the owner of the data gets
#	  for the same query, less small cells.
#
#	A few hundred by default; FUZZ=100000 FUZZ_SEED=1 asks as many, from that seed on.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use Corpus;
use Fuzz;
use Test::More;

my $all   = $ENV{FUZZ} // 300;
my $first = $ENV{FUZZ_SEED} // 1;
my $batch = 500;
my $canary = qr/canary|42424242|999000123|31337|77123|98765432|47113/i;

my $node = EhdsNode::start('fuzz', conf => "fsync = off\n");
$node->psql('postgres', "\\set ON_ERROR_STOP on\n\\i $EhdsNode::top/test/corpus/$_", on_error_die => 1) foreach qw(warehouse.sql canary.sql);
$node->psql('postgres', 'CALL omop.canary(true)', on_error_die => 1);

my %count = (asked => 0, answered => 0, internal => 0, shown => 0, small => 0, other => 0, compared => 0);
my %states;
my $crashed = 0;

sub report
{
	my ($what, $e, $more) = @_;
	$count{$what}++;
	diag("$what, seed $e->{seed}: $e->{sql}\n$more") if $count{$what} <= 20;
	return;
}

sub run
{
	my ($user, $key, $settings, @entries) = @_;
	$_->{"text_$key"} = "$_->{sql};\n" foreach @entries;
	return 1 if eval { Corpus::run($node, $user, $key, "SET statement_timeout = '300ms';\n$settings", '', @entries); 1 };
	diag("the server went down, or the session: $@");
	$crashed = 1;
	return 0;
}

for (my $from = $first; $from < $first + $all && !$crashed; $from += $batch)
{
	my $to = $from + $batch < $first + $all ? $from + $batch : $first + $all;
	my @entries = map { { name => "q$_", seed => $_, sql => Fuzz::statement($_), native => '' } } $from .. $to - 1;

	$node->safe_psql('postgres', 'ALTER SYSTEM RESET ehds.k_floor; ALTER SYSTEM RESET ehds.show_zero; SELECT pg_reload_conf()') if $from > $first;
	run('c_mallory', 'attacked', 'SET search_path = permit_attacked, omop;', @entries) or last;
	foreach my $e (@entries)
	{
		my $a = $e->{attacked};
		$count{asked}++;
		$states{ $a->{error} ? $a->{error}[0] : '00000' }++;
		my $text = join("\n", @{ $a->{output} }, $a->{error} ? $a->{error}[1] : '');
		$text .= $_ foreach grep { !/^(LINE|LOCATION)/ } split(/\n/, $a->{warnings});
		report('shown', $e, $text) if $text =~ $canary;
		report('internal', $e, $text) if $a->{error} && $a->{error}[0] =~ /^(XX|58|57P)/;
		next if $a->{error};
		$count{answered}++;
		my @names = split(/\|/, $a->{output}[0] // '', -1);
		my ($persons) = grep { $names[$_] eq 'persons' } 0 .. $#names;
		next unless defined $persons;
		foreach my $row (@{ $a->{output} }[ 1 .. $#{ $a->{output} } ])
		{
			my @cells = split(/\|/, $row, -1);
			report('small', $e, $row) if @cells == @names && $cells[$persons] =~ /^\d+$/ && $cells[$persons] < 11;
		}
	}

	# and for those that are answered, is it right? (a sum of ones and zeros under a FILTER
	# that no row fulfils is 0 with us and NULL natively; a public row without persons counts
	# as 0 rows with us and 1 natively)
	my @asked = grep { !$_->{attacked}{error} && $_->{sql} !~ /SELECT \*|(RIGHT|FULL) JOIN (concept|location|care_site)|LIMIT|lag\(|rank\(|row_number\(|now\(|ROLLUP|HAVING|THEN 1 ELSE 0 END\) FILTER|ehds\./ } @entries;
	$node->safe_psql('postgres', 'ALTER SYSTEM SET ehds.k_floor = 2; ALTER SYSTEM SET ehds.show_zero = on; SELECT pg_reload_conf()');
	run('c_owner', 'native', 'SET search_path = omop;', @asked) or last;
	run('c_analyst', 'permit', 'SET search_path = permit_corpus, omop;', @asked) or last;
	foreach my $e (@asked)
	{
		next if $e->{native}{error} || $e->{permit}{error};
		$count{compared}++;
		my ($answer, $native) = ($e->{permit}{output}, $e->{native}{output});
		next unless Corpus::is_other($answer, $native);
		report('other', $e, "answer:\n" . join("\n", @$answer[ 0 .. ($#$answer < 12 ? $#$answer : 12) ]) . "\nnative:\n" . join("\n", @$native[ 0 .. ($#$native < 12 ? $#$native : 12) ]));
	}
	note(join(', ', map { "$_ $count{$_}" } sort keys %count)) if $all > $batch;
}
ok(!$crashed, 'the server stays up');
is($count{internal}, 0, 'no internal error');
is($count{shown}, 0, 'no canary');
is($count{small}, 0, 'no count of persons below k');
is($count{other}, 0, "answers are those of the owner, less small cells ($count{compared} compared)");
cmp_ok($count{answered}, '>', $count{asked} / 10, "$count{answered} of $count{asked} are answered");
note(join(', ', map { "$_: $states{$_}" } sort keys %states));
done_testing();
