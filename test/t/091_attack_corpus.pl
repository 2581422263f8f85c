# 091_attack_corpus.pl
#	Statements of an attacker who holds a permit (test/corpus/attacks.sql): none
#	shows the canaries of one person, and what is refused is refused alike whether
#	that person is there or not, to the letter of every message.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use EhdsNode;
use Corpus;
use Test::More;

my $path = "$EhdsNode::top/test/corpus/attacks.sql";
my @entries = Corpus::read_file($path);
my $node = EhdsNode::start('attack_corpus', conf => "fsync = off\n");
$node->psql('postgres', "\\set ON_ERROR_STOP on\n\\i $EhdsNode::top/test/corpus/$_", on_error_die => 1) foreach qw(warehouse.sql canary.sql);

# what nobody but that person has
my $canary = qr/canary|42424242|1903-02|999000123|31337|77123|98765432|47113/i;
my $year   = qr/\b1917\b/;

# What came back, less the attacker's own words in it.
sub all_of
{
	my ($answer, $sql) = @_;
	my $text = join("\n", map { "$_" } @{ $answer->{output} }, $answer->{error} ? "@{ $answer->{error} }" : '') . "\n";
	foreach my $line (split(/\n/, $answer->{warnings}))
	{
		next if $line =~ /^LINE \d+: / || $line =~ /^\s*\^\s*$/ || $line =~ /^LOCATION: /;
		$text .= "$line\n";
	}
	$text =~ s/psql:<stdin>:\d+: //g;
	return $text;
}

foreach my $there ('with', 'without')
{
	$node->psql('postgres', 'CALL omop.canary(' . ($there eq 'with' ? 'true' : 'false') . '); DROP SCHEMA IF EXISTS mallory CASCADE; CREATE SCHEMA mallory AUTHORIZATION c_mallory', on_error_die => 1);
	$_->{"text_$there"} = $_->{sql} foreach @entries;
	Corpus::run($node, 'c_mallory', $there, 'SET search_path = permit_attacked, omop;', "ROLLBACK;\nRESET SESSION AUTHORIZATION;\nRESET ROLE;\nRESET ALL;\nSET search_path = permit_attacked, omop;", @entries);
}

# the canaries are found where they may be
like($node->safe_psql('postgres', 'CALL omop.canary(true); SELECT * FROM omop.condition_occurrence ORDER BY 1 DESC LIMIT 2'), $canary, 'the oracle sees a canary in the table itself');

my %new;
foreach my $e (@entries)
{
	my ($with, $without) = map { all_of($e->{$_}, $e->{sql}) } qw(with without);
	my $error = $e->{with}{error};
	my $blind = $with eq $without;
	my $found = $error ? "refused $error->[0] $error->[1]" : $blind ? 'blind' : 'answered';
	my $ok = $found eq $e->{verdict} || ($found eq 'blind' && $e->{verdict} eq 'answered');

	if (!$ok && $error && $e->{verdict} =~ /^refused (\S+) (.*)/)
	{
		my ($state, $pattern) = ($1, Corpus::like($2));
		$ok = ($state eq '%' || $state eq $error->[0]) && $error->[1] =~ /^$pattern$/;
	}
	(my $words = $e->{sql}) =~ s/^\s*//;
	my $shows = '';
	$shows = $& if $with =~ $canary && index(lc $e->{sql}, lc $&) < 0;
	$shows = $& if $e->{sql} !~ /generate_series|1917/ && $with =~ $year;
	my $passed = $ok && $shows eq '' && (!$error || $blind);
	ok($passed, "$e->{kind}: $e->{name}: $e->{verdict}");
	note("$found:\n$with") unless $error;
	next if $passed;
	$new{ $e->{line} } = "--# $e->{name} $e->{kind} $found\n" unless $ok;
	diag("line $e->{line}\n- $e->{verdict}\n+ $found\n" . ($shows ne '' ? "A CANARY IS SHOWN: $shows\n" : '') . (!$error || $blind ? '' : "PRESENCE IS SHOWN\n")
		. "with:\n$with" . ($blind ? '' : "without:\n$without"));
}

if (%new)
{
	my $out = "$PostgreSQL::Test::Utils::log_path/attacks.sql";
	open(my $from, '<', $path) or die $!;
	open(my $to, '>', $out) or die $!;
	while (my $line = <$from>) { print $to $new{$.} // $line; }
	close $to;
	diag("the file as it is answered now: $out");
}
done_testing();
