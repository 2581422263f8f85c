#!/usr/bin/perl
# check-sql.pl FILE...
#	Fails on a SECURITY DEFINER function or procedure that does not fix its
#	search_path: its caller could then put functions and tables under it.
#	Warns about other plpgsql and sql functions that do not.
use strict;
use warnings;

my $bad = 0;

foreach my $file (@ARGV)
{
	open(my $fh, '<', $file) or die "$file: $!\n";
	local $/;
	my $text = <$fh>;
	my $line = 1;
	my $start = 1;
	my $statement = '';

	# what is quoted or a comment counts for its lines only
	while ($text =~ /\G( --[^\n]* | \/\*.*?\*\/ | (\$\w*\$).*?\2 | '(?:[^']|'')*' | "(?:[^"]|"")*" | ; | . )/gsx)
	{
		my ($token, $first) = ($1, substr($1, 0, 1));
		if ($token eq ';')
		{
			judge($file, $start, $statement);
			$statement = '';
		}
		elsif ($token =~ /^(--|\/\*)/) { $statement .= ' '; }
		elsif (length($token) > 1 && $first =~ /['\$]/) { $statement .= " '' "; }
		else
		{
			$start = $line if $statement !~ /\S/;
			$statement .= $token;
		}
		$line += ($token =~ tr/\n//);
	}
}
exit($bad ? 1 : 0);

sub judge
{
	my ($file, $at, $s) = @_;
	return unless $s =~ /^\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:FUNCTION|PROCEDURE)\s+([\w."]+)/i;
	my $name = $1;
	return if $s =~ /\bSET\s+search_path\b/i;
	if ($s =~ /\bSECURITY\s+DEFINER\b/i)
	{
		print "$file:$at: $name is SECURITY DEFINER without SET search_path\n";
		$bad = 1;
	}
	elsif ($s =~ /\bLANGUAGE\s+'*(?:plpgsql|sql)\b/i)
	{
		print "$file:$at: warning: $name has no SET search_path\n";
	}
	return;
}
