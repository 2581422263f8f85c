# Fuzz.pm
#	Composes queries over the views of a permit of test/corpus/warehouse.sql: joins,
#	subqueries, windows, set operations and expressions, of which many are refused
#	and none may show a person. The same seed gives the same queries.
package Fuzz;

use strict;
use warnings;

# columns by table: integers, dates, numbers, texts
my %tables = (
	person => { i => [qw(gender_concept_id year_of_birth month_of_birth race_concept_id location_id)], d => [], n => [], t => [], s => ['birth_datetime'] },
	visit_occurrence => { i => [qw(visit_concept_id care_site_id)], d => [qw(visit_start_date visit_end_date)], n => [], t => ['admitted_from'], s => [qw(visit_start_datetime visit_end_datetime)] },
	condition_occurrence => { i => ['condition_concept_id'], d => [qw(condition_start_date condition_end_date)], n => [], t => ['condition_source_value'], s => [] },
	drug_exposure => { i => [qw(drug_concept_id days_supply)], d => [qw(drug_exposure_start_date drug_exposure_end_date)], n => ['quantity'], t => ['route'], s => [] },
	measurement => { i => ['measurement_concept_id'], d => ['measurement_date'], n => [qw(value_as_number range_low range_high)], t => ['unit_source_value'], s => [] },
	cost => { i => [], d => [], n => [qw(total_charge paid_by_patient)], t => [], s => [] },
	death => { i => ['cause_concept_id'], d => ['death_date'], n => [], t => [], s => [] },
	observation_period => { i => [], d => [qw(observation_period_start_date observation_period_end_date)], n => [], t => [], s => [] });
my %public = (
	concept => { key => 'concept_id', i => ['concept_id'], t => [qw(concept_name domain_id)] },
	location => { key => 'location_id', i => ['location_id'], t => [qw(department region)] },
	care_site => { key => 'care_site_id', i => ['care_site_id'], t => ['region'] });

my ($depth, $names);

sub pick { return $_[ int(rand(@_)) ]; }
sub maybe { return rand() < $_[0]; }

# A column of one of the sources, of a family that has some; undef if there is none.
sub column
{
	my ($sources, $family) = @_;
	my @all = map { my $s = $_; map { "$s->{alias}.$_" } @{ $s->{$family} // [] } } @$sources;
	return @all ? pick(@all) : undef;
}

my %constants = (
	i => [ 0, 1, 2, 7, 11, 1950, 1970, 8507, 8532, 9201, 201826, 316866, -1, 2147483647, 'NULL' ],
	n => [ '0', '1.5', '100', "'NaN'", '1e10', 'NULL' ],
	d => [ "DATE '2020-01-01'", "DATE '2021-06-30'", 'current_date', "DATE '1903-02-03'", "DATE 'infinity'", 'NULL::date' ],
	s => [ "TIMESTAMP '2020-01-01 12:00'", 'now()::timestamp', "TIMESTAMP '-infinity'" ],
	t => [ "'I10'", "'home'", "''", "'Z%'", "'%a_'", 'NULL' ]);

# An expression of a family: i, n, d, s, t.
sub expression
{
	my ($sources, $family, $deep) = @_;
	my $column = column($sources, $family);
	return $column if defined $column && ($deep <= 0 || maybe(0.55));
	return pick(@{ $constants{$family} }) if $deep <= 0 || maybe(0.15);
	my $e = sub { expression($sources, $_[0], $deep - 1) };
	my %forms = (
		i => [
			sub { $e->('i') . ' ' . pick('+', '-', '*', '/', '%') . ' ' . pick(1, 2, 10, 0, $e->('i')) },
			sub { 'extract(' . pick(qw(year month quarter dow doy week epoch)) . ' FROM ' . $e->(pick('d', 's')) . ')::int' },
			sub { $e->('d') . ' - ' . $e->('d') },
			sub { 'length(' . $e->('t') . ')' },
			sub { 'CASE WHEN ' . condition($sources, $deep - 1) . ' THEN ' . $e->('i') . ' ELSE ' . $e->('i') . ' END' },
			sub { 'coalesce(' . $e->('i') . ', ' . $e->('i') . ')' },
			sub { 'abs(' . $e->('i') . ')' },
			sub { pick('greatest', 'least', 'nullif') . '(' . $e->('i') . ', ' . $e->('i') . ')' },
			sub { $e->('n') . '::int' } ],
		n => [
			sub { $e->('n') . ' ' . pick('+', '-', '*', '/') . ' ' . $e->(pick('n', 'i')) },
			sub { pick('round', 'floor', 'ceil', 'sqrt', 'ln', 'exp', 'abs') . '(' . $e->('n') . ')' },
			sub { $e->('i') . '::' . pick('numeric', 'float8') },
			sub { 'round(' . $e->('n') . '::numeric, ' . pick(-2, 0, 1, 3) . ')' },
			sub { 'coalesce(' . $e->('n') . ', 0)' } ],
		d => [
			sub { $e->('d') . ' ' . pick('+', '-') . ' ' . pick(1, 30, 365, $e->('i')) },
			sub { $e->('s') . '::date' },
			sub { "date_trunc('" . pick(qw(year quarter month week)) . "', " . $e->('d') . ')::date' } ],
		s => [
			sub { $e->(pick('d', 's')) . " " . pick('+', '-') . " interval '" . pick('1 day', '3 months', '1 year') . "'" },
			sub { "date_trunc('" . pick(qw(year month day hour)) . "', " . $e->('s') . ')' } ],
		t => [
			sub { pick('lower', 'upper', 'btrim', 'initcap', 'reverse') . '(' . $e->('t') . ')' },
			sub { pick('left', 'right') . '(' . $e->('t') . ', ' . pick(0, 1, 3, -1) . ')' },
			sub { 'substr(' . $e->('t') . ', ' . pick(1, 2) . ', ' . pick(1, 3) . ')' },
			sub { $e->('t') . ' || ' . $e->('t') },
			sub { $e->('i') . '::text' },
			sub { 'replace(' . $e->('t') . ", '.', '')" },
			sub { 'to_char(' . $e->('d') . ", 'YYYY-MM')" },
			sub { 'CASE WHEN ' . condition($sources, $deep - 1) . ' THEN ' . $e->('t') . ' END' } ]);
	return '(' . pick(@{ $forms{$family} })->() . ')';
}

sub subject { my ($sources) = @_; my @s = grep { $_->{subject} } @$sources; return @s ? pick(@s)->{alias} . '.person_id' : '1'; }

sub condition
{
	my ($sources, $deep) = @_;
	my $e = sub { expression($sources, $_[0], $deep - 1) };
	my $f = pick(qw(i i i n d d t s));
	my @forms = (
		sub { $e->($f) . ' ' . pick('=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM') . ' ' . $e->($f) },
		sub { $e->($f) . ' IS ' . pick('', 'NOT ') . 'NULL' },
		sub { $e->('i') . ' ' . pick('', 'NOT ') . 'IN (' . join(', ', map { pick(@{ $constants{i} }) } 1 .. 3) . ')' },
		sub { $e->($f) . ' BETWEEN ' . $e->($f) . ' AND ' . $e->($f) },
		sub { $e->('t') . ' ' . pick('LIKE', 'ILIKE', 'NOT LIKE', '~') . ' ' . pick("'I%'", "'%a%'", "'^E1[01]'", "'h_me'") });
	if ($deep > 0)
	{
		push @forms, sub { '(' . condition($sources, $deep - 1) . ' ' . pick('AND', 'OR') . ' ' . condition($sources, $deep - 1) . ')' };
		push @forms, sub { 'NOT ' . condition($sources, $deep - 1) };
		push @forms, map { $_ } (sub { exists_query($sources, $deep - 1) }) x 2;
	}
	return '(' . pick(@forms)->() . ')';
}

sub exists_query
{
	my ($sources, $deep) = @_;
	my ($from, $inner) = source($deep - 1);
	my $s = $inner->[0]{alias};
	my $outer = subject($sources);
	my $and = maybe(0.6) ? ' AND ' . condition(maybe(0.8) ? $inner : [ @$inner, @$sources ], 0) : '';
	return pick('', 'NOT ') . "EXISTS (SELECT 1 FROM $from WHERE $s.person_id = $outer$and)" if maybe(0.45);
	return "$outer " . pick('', 'NOT ') . "IN (SELECT $s.person_id FROM $from WHERE " . condition($inner, 0) . ')' if maybe(0.5);
	return '(SELECT ' . pick('count(*)', 'max(1)', "min($s.person_id)") . " FROM $from WHERE $s.person_id = $outer$and) > " . pick(0, 1, 2) if maybe(0.7);
	# what must not work: no correlation, or with another person
	return pick("EXISTS (SELECT 1 FROM $from WHERE " . condition($inner, 0) . ')', "$outer < ANY (SELECT $s.person_id FROM $from)",
		"EXISTS (SELECT 1 FROM $from WHERE $s.person_id <> $outer)");
}

# One item of FROM: (text, [source]).
sub source
{
	my ($deep) = @_;
	my $alias = 'x' . ++$names;
	my $name = pick(keys_of(\%tables));
	my $table = { %{ $tables{$name} }, alias => $alias, subject => 1 };

	return ("$name $alias", [$table]) if $deep <= 0 || maybe(0.6);
	my ($from, $inner) = maybe(0.7) ? ("$name b$alias", [ { %$table, alias => "b$alias" } ]) : from($deep - 1);
	my $s = subject($inner);
	my $where = maybe(0.7) ? ' WHERE ' . condition($inner, 1) : '';
	my @kinds = (
		sub {    # a selection
			my $i = expression($inner, 'i', 1);
			my $d = expression($inner, 'd', 1);
			return "SELECT " . (maybe(0.3) ? 'DISTINCT ' : '') . "$s AS person_id, $i AS c1, $d AS c2 FROM $from$where" . (maybe(0.1) ? ' LIMIT 5' : '');
		},
		sub {    # figures of each person
			my $i = pick('count(*)', 'max(' . expression($inner, 'i', 0) . ')', 'sum(' . expression($inner, 'i', 1) . ')', 'count(DISTINCT ' . expression($inner, 'i', 0) . ')');
			my $d = pick('min', 'max') . '(' . expression($inner, 'd', 0) . ')';
			return "SELECT $s AS person_id, $i AS c1, $d AS c2 FROM $from$where GROUP BY $s" . (maybe(0.3) ? ' HAVING count(*) > ' . pick(1, 2) : '');
		},
		sub {    # windows
			my $by = maybe(0.85) ? "PARTITION BY $s " : maybe(0.5) ? '' : 'PARTITION BY ' . expression($inner, 'i', 0) . ' ';
			my $order = 'ORDER BY ' . expression($inner, 'd', 0);
			my $w = pick('row_number()', 'rank()', 'count(*)', 'lag(' . expression($inner, 'i', 0) . ')', 'sum(' . expression($inner, 'i', 0) . ')');
			return "SELECT $s AS person_id, $w OVER ($by$order) AS c1, " . expression($inner, 'd', 0) . " AS c2 FROM $from$where";
		},
		sub {    # sets
			my ($f2, $i2) = source(0);
			return "SELECT $s AS person_id, " . expression($inner, 'i', 0) . ' AS c1, ' . expression($inner, 'd', 0) . " AS c2 FROM $from$where "
			  . pick('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT') . ' SELECT ' . (maybe(0.9) ? subject($i2) : '17::bigint') . ', ' . expression($i2, 'i', 0) . ', ' . expression($i2, 'd', 0) . " FROM $f2";
		});
	my $q = pick(@kinds)->();
	return ("($q) $alias", [ { alias => $alias, subject => 1, i => ['c1'], d => ['c2'], n => [], t => [], s => [] } ]);
}

sub keys_of { return sort keys %{ $_[0] }; }

sub from
{
	my ($deep) = @_;
	my ($from, $sources) = source($deep);
	my $n = pick(0, 0, 0, 1, 1, 2);

	for (1 .. $n)
	{
		my $join = pick('JOIN', 'JOIN', 'LEFT JOIN', 'RIGHT JOIN', 'FULL JOIN');
		if (maybe(0.3))
		{
			my $name = pick(keys_of(\%public));
			my $alias = 'p' . ++$names;
			my $p = { %{ $public{$name} }, alias => $alias };
			my $i = column($sources, 'i') // 1;
			my $lateral = maybe(0.9) ? "$alias.$p->{key} = $i" : "$alias.$p->{key} > $i";
			$from .= " $join $name $alias ON $lateral";
			push @$sources, $p;
		}
		else
		{
			my ($f2, $s2) = source($deep - 1);
			my $on = maybe(0.92) ? "$s2->[0]{alias}.person_id = " . subject($sources) : condition([ @$sources, @$s2 ], 0);
			$on .= ' AND ' . condition([ @$sources, @$s2 ], 0) if maybe(0.3);
			$from .= " $join $f2 ON $on";
			push @$sources, @$s2;
		}
	}
	return ($from, $sources);
}

# A whole statement; its column "persons", if there is one, counts persons.
sub statement
{
	my ($seed) = @_;
	srand($seed);
	$names = 0;
	my ($from, $sources) = from(pick(0, 1, 2, 2));
	my $where = maybe(0.75) ? ' WHERE ' . condition($sources, pick(0, 1, 2)) : '';
	my @keys = map { expression($sources, pick(qw(i i t d n s)), pick(0, 0, 1, 2)) } 1 .. pick(0, 1, 1, 2);
	my $s = subject($sources);
	my @figures = ("count(DISTINCT $s) AS persons");
	my $n = sub { expression($sources, pick('n', 'i'), pick(0, 0, 0, 1)) };
	for (1 .. pick(0, 1, 2))
	{
		my $f = pick(
			sub { 'count(*)' }, sub { 'count(' . $n->() . ')' }, sub { pick('sum', 'avg', 'stddev', 'var_pop') . '(' . $n->() . ')' },
			sub { 'percentile_cont(' . pick('0.5', '0.9', '0', '1') . ') WITHIN GROUP (ORDER BY ' . $n->() . ')' },
			sub { pick('corr', 'regr_slope', 'covar_pop', 'regr_count') . '(' . $n->() . ', ' . $n->() . ')' },
			sub { 'sum(CASE WHEN ' . condition($sources, 0) . ' THEN 1 ELSE 0 END)' },
			sub { "ehds." . pick('k_count', 'k_rows') . "($s)" },
			sub { pick('min', 'max', 'mode', 'string_agg', 'array_agg') . '(' . $n->() . ')' },
			sub { 'count(DISTINCT ' . $n->() . ')' })->();
		$f .= ' FILTER (WHERE ' . condition($sources, 0) . ')' if maybe(0.2);
		push @figures, $f;
	}
	return "SELECT * FROM $from$where" . pick('', ' LIMIT 1', ' LIMIT 0') if maybe(0.05);
	my $by = @keys ? ' GROUP BY ' . (maybe(0.12) ? 'ROLLUP (' . join(', ', 1 .. @keys) . ')' : join(', ', 1 .. @keys)) : '';
	my $having = maybe(0.15) ? ' HAVING ' . pick('count(*) > 1', 'count(*) < 11', "count(DISTINCT $s) = 1") : '';
	my $q = 'SELECT ' . join(', ', @keys, @figures) . " FROM $from$where$by$having";
	$q = "WITH w AS ($q) SELECT * FROM w" if maybe(0.1);
	$q .= ' ORDER BY 1' . (maybe(0.3) ? ' DESC LIMIT ' . pick(1, 5) : '') if maybe(0.3);
	return $q;
}

1;
