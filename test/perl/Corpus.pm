# Corpus.pm
#	Reads the corpora of test/corpus and sends their statements through psql, one
#	session for all of a file, so that each tells what was answered or refused.
package Corpus;

use strict;
use warnings;

# The entries of a file: name, line, comment, words after the name, sql, native.
sub read_file
{
	my ($path) = @_;
	my @entries;
	my $part;

	open(my $fh, '<', $path) or die "could not open $path: $!";
	while (my $line = <$fh>)
	{
		if ($line =~ /^--# (\S+) (\S+) (.*\S)\s*$/)
		{
			push @entries, { name => $1, kind => $2, verdict => $3, line => $., sql => '', native => '' };
			$part = 'sql';
		}
		elsif ($line =~ /^--native\s*$/) { $part = 'native'; }
		elsif ($line =~ /^--/ || $line !~ /\S/ || !@entries) { next; }
		else { $entries[-1]{$part} .= $line; }
	}
	close $fh;
	my %seen;
	foreach my $e (@entries) { die "$path: $e->{name} occurs twice" if $seen{ $e->{name} }++; }
	return @entries;
}

# A line that ends in a semicolon ends a statement.
sub statements { return grep { /\S/ } split(/(?<=;)[ \t]*\n/, $_[0]); }

# Runs the statements of all entries as a user; each entry gets {output => [lines],
# error => [SQLSTATE, message] of the first one, warnings => text}, under $key.
# Between entries come the words of $between.
sub run
{
	my ($node, $user, $key, $setup, $between, @entries) = @_;
	my $script = "\\set QUIET 1\n\\pset pager off\n\\pset format unaligned\n\\pset tuples_only off\n\\pset footer off\n\\pset null <NULL>\n"
	  . "\\set VERBOSITY verbose\n\\set SHOW_CONTEXT never\n$setup\n";

	foreach my $e (@entries)
	{
		$script .= "\\echo \@\@ENTRY $e->{name}\n\\warn \@\@ENTRY $e->{name}\n";
		foreach my $s (statements($e->{"text_$key"}))
		{
			$script .= "$s\n\\if :ERROR\n\\echo \@\@ERROR :SQLSTATE :LAST_ERROR_MESSAGE\n\\endif\n";
		}
		$script .= "$between\n";
	}
	my ($out, $err) = ('', '');
	# an entry that ends the session would hide all that follow
	$node->psql('postgres', $script . "\\echo \@\@END\n", stdout => \$out, stderr => \$err,
		extra_params => [ '-U', $user ], on_error_stop => 0);
	die "the session ended early: " . substr($err, -500) unless $out =~ /^\@\@END$/m;

	my %by_name = map { $_->{name} => $_ } @entries;
	my $now;
	foreach my $line (split(/\n/, $out))
	{
		if ($line =~ /^\@\@ENTRY (\S+)/) { $now = $by_name{$1}{$key} = { output => [], warnings => '' }; }
		elsif ($line =~ /^\@\@END/) { $now = undef; }
		elsif ($line =~ /^\@\@ERROR (\S+) (.*)/) { $now->{error} //= [ $1, $2 ] if $now; }
		elsif ($now) { push @{ $now->{output} }, $line; }
	}
	$now = undef;
	foreach my $line (split(/\n/, $err))
	{
		if ($line =~ /\@\@ENTRY (\S+)/) { $now = $by_name{$1}{$key}; }
		elsif ($now) { $now->{warnings} .= "$line\n"; }
	}
	return;
}

sub same_cell
{
	my ($one, $other) = @_;
	return 1 if $one eq $other;
	my $number = qr/^-?\d+(\.\d+)?(e[-+]?\d+)?$/;
	return 0 unless $one =~ $number && $other =~ $number;
	my $size = abs($one) > abs($other) ? abs($one) : abs($other);
	# what is nothing but rounding is 0
	return abs($one - $other) <= 1e-9 * ($size > 1e-3 ? $size : 1e-3);
}

# Is it the same row; or the same less figures that are NULL?
sub same_row
{
	my ($row, $full, $may_be_null) = @_;
	my @r = split(/\|/, $row, -1);
	my @f = split(/\|/, $full, -1);
	return 0 unless @r == @f;
	foreach my $i (0 .. $#r)
	{
		next if $may_be_null && $r[$i] eq '<NULL>';
		return 0 unless same_cell($r[$i], $f[$i]);
	}
	return 1;
}

# How an answer is to the native one: same, less, or other.
sub compare
{
	my ($answer, $native) = @_;
	my @a = @$answer;
	my @n = @$native;

	# the names of the columns come first
	return 'other' if @n && !@a;
	return 'other' if @n && $a[0] ne $n[0];
	if (@a == @n)
	{
		my @as = sort @a;
		my @ns = sort @n;
		return 'same' unless grep { !same_row($as[$_], $ns[$_], 0) } 0 .. $#as;
	}
	my @left = @n;
	foreach my $row (@a)
	{
		my ($i) = grep { same_row($row, $left[$_], 0) } 0 .. $#left;
		($i) = grep { same_row($row, $left[$_], 1) } 0 .. $#left unless defined $i;
		return 'other' unless defined $i;
		splice(@left, $i, 1);
	}
	return @a > 1 && 2 * @a >= @n ? 'less' : 'other';
}

# Has the answer a row that is not one of the native ones, less figures?
sub is_other
{
	my ($answer, $native) = @_;
	my @left = @$native[ 1 .. $#$native ];

	return 1 if ($answer->[0] // '') ne ($native->[0] // '');
	my %exact;
	$exact{$_}++ foreach @left;
	my @differ = grep { !($exact{$_} && $exact{$_}--) } @$answer[ 1 .. $#$answer ];
	@left = grep { $exact{$_} && $exact{$_}-- } @left if @differ;
	foreach my $row (@differ)
	{
		my ($i) = grep { same_row($row, $left[$_], 0) } 0 .. $#left;
		($i) = grep { same_row($row, $left[$_], 1) } 0 .. $#left unless defined $i;
		return 1 unless defined $i;
		splice(@left, $i, 1);
	}
	return 0;
}

# An SQL LIKE pattern as a regular expression.
sub like
{
	my ($pattern) = @_;
	return join('', map { $_ eq '%' ? '.*' : quotemeta } split(/(%)/, $pattern));
}

1;
