# 090_analyst_corpus.pl
#	What analysts and their tools send (test/corpus/analyst.sql) is answered as the
#	owner of the data is answered, or refused with the reason that the file names.
#
#	The file that describes what is answered now is written beside the log; where
#	it differs the verdicts are printed: read them, then take them over.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use Corpus;
use Test::More;

my $least = 90;

my $path = "$EhdsNode::top/test/corpus/analyst.sql";
my @entries = Corpus::read_file($path);
my $node = EhdsNode::start('analyst_corpus', conf => "fsync = off\n");
$node->psql('postgres', "\\set ON_ERROR_STOP on\n\\i $EhdsNode::top/test/corpus/warehouse.sql", on_error_die => 1);

foreach my $e (@entries)
{
	($e->{text_native} = $e->{native} || $e->{sql}) =~ s/permit_corpus/omop/g;
	$e->{text_permit} = $e->{sql};
}
Corpus::run($node, 'c_owner', 'native', 'SET search_path = omop;', 'ROLLBACK;', @entries);
Corpus::run($node, 'c_analyst', 'permit', 'SET search_path = permit_corpus, omop;', 'ROLLBACK;', @entries);

my %new;
my ($asked, $answered) = (0, 0);
foreach my $e (@entries)
{
	my $p = $e->{permit};
	my $n = $e->{native};
	my $found;
	my $detail;

	if ($n->{error} && $e->{kind} ne 'rows')
	{
		$found = "wrong in itself: $n->{error}[1]";
	}
	elsif ($p->{error})
	{
		$found = "refused $p->{error}[0] $p->{error}[1]";
	}
	else
	{
		$found = Corpus::compare($p->{output}, $n->{output});
		$detail = "answer:\n  " . join("\n  ", @{ $p->{output} }[ 0 .. ($#{ $p->{output} } < 20 ? $#{ $p->{output} } : 20) ])
		  . "\nnative:\n  " . join("\n  ", @{ $n->{output} }[ 0 .. ($#{ $n->{output} } < 20 ? $#{ $n->{output} } : 20) ]);
	}
	my $ok = $found eq $e->{verdict};
	if (!$ok && $p->{error} && $e->{verdict} =~ /^refused (\S+) (.*)/)
	{
		my ($state, $pattern) = ($1, Corpus::like($2));
		$ok = ($state eq '%' || $state eq $p->{error}[0]) && $p->{error}[1] =~ /^$pattern$/;
	}
	if ($e->{kind} eq 'statistical')
	{
		$asked++;
		$answered++ if $found =~ /^(same|less)$/;
	}
	ok($ok, "$e->{name}: $e->{verdict}");
	next if $ok;
	$new{ $e->{line} } = "--# $e->{name} $e->{kind} $found\n";
	diag("line $e->{line}\n- $e->{verdict}\n+ $found\n" . ($detail && $found !~ /^same/ ? $detail : ''));
}
cmp_ok(100 * $answered, '>=', $least * $asked, "$answered of $asked statistical queries are answered, at least $least %");

# what psql asks the catalogs
foreach my $command ('\\d', '\\d person', '\\d+ person', '\\dt', '\\dv', '\\l', '\\dn+', '\\df+ ehds.k_count', '\\dp person', '\\sv person', '\\du', '\\di omop.*', '\\dx', '\\d+ omop.person')
{
	my ($rc, $out, $err) = EhdsNode::as($node, 'c_analyst', "SET search_path = permit_corpus, omop;\n$command");
	is($err, '', $command);
}

if (%new)
{
	my $out = "$PostgreSQL::Test::Utils::log_path/analyst.sql";
	open(my $from, '<', $path) or die $!;
	open(my $to, '>', $out) or die $!;
	while (my $line = <$from>) { print $to $new{$.} // $line; }
	close $to;
	diag("the file as it is answered now: $out");
}
note("$answered of $asked statistical queries are answered");
done_testing();
