# 081_omop_load.pl
#	demo/load.sh on small exports: what it tolerates, and that it leaves nothing
#	behind when it fails. Needs no extension.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = abs_path(dirname(__FILE__) . '/../..');

my $node = PostgreSQL::Test::Cluster->new('load');
$node->init;
$node->append_conf('postgresql.conf', "fsync = off\n");
$node->start;
$ENV{PGHOST} = $node->host;
$ENV{PGPORT} = $node->port;
$ENV{PGUSER} = $node->safe_psql('postgres', 'SELECT current_user');

my $count = 0;

# Write files into a folder of its own and load it into a database of its own.
sub load
{
	my (%files) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir() . "/it's a folder " . ++$count;
	mkdir($dir) or die "could not mkdir: $!";
	append_to_file("$dir/$_", $files{$_}) foreach keys %files;
	$ENV{PGDATABASE} = "load$count";
	$node->safe_psql('postgres', "CREATE DATABASE load$count");
	local $ENV{FOLDER} = $dir;
	my $out = `bash '$top/demo/load.sh' "\$FOLDER" 2>&1`;
	return ($? >> 8, $out);
}
sub query { return $node->safe_psql($ENV{PGDATABASE}, $_[0]); }
sub nothing_left { return query("SELECT count(*) FROM pg_namespace WHERE nspname = 'omop'") eq '0'; }

my ($rc, $out) = load(
	'person.tsv' =>
	  "\xef\xbb\xbfPerson_ID\tgender_concept_id\tYEAR_OF_BIRTH\tperson_source_value\tbirth_datetime\tward\r\n"
	  . "1\t8507.0\t1980\tA1\t1980-01-02T03:04:05Z\tx\r\n2\t8532\tNA\tA2\t\ty\r\n",
	'CONCEPT.csv' => "concept_id\tconcept_name\tvalid_start_date\n1\t2.5\" needle, long\t19700102\n2\tplain\t19700101\n",
	'Visit_Occurrence.csv' => "VISIT_OCCURRENCE_ID,PERSON_ID,DISCHARGE_TO_SOURCE_VALUE\n5,,\"home, \"\"sweet\"\"\nhome\"\n6,1,\n",
	'drug_exposure.txt' => "drug_exposure_id\tperson_id\tsig\n1\t1\t\"a\tb\"\n1\t2\tplain\n",
	'my_scores.csv' => "a,b\n1,2\n",
	'NOTE.csv'      => '',
	'read me.txt'   => 'not a table');
is($rc, 0, 'an export with many liberties is loaded') or diag($out);
is(query('SELECT person_id, gender_concept_id, year_of_birth, birth_datetime, ward FROM omop.person ORDER BY 1'),
	"1|8507|1980|1980-01-02 03:04:05|x\n2|8532|||y",
	'byte order mark, carriage returns, tabs, whole numbers with .0, NA, timestamps with Z, a further column');
is(query('SELECT concept_name, valid_start_date FROM omop.concept WHERE concept_id = 1'),
	'2.5" needle, long|1970-01-02', 'a tab file whose quotes belong to the text');
is(query('SELECT discharged_to_source_value FROM omop.visit_occurrence WHERE person_id IS NULL'),
	"home, \"sweet\"\nhome", 'a quoted field with a comma, quotes and a line break, a 5.3 column name, a row without person');
is(query('SELECT sig FROM omop.drug_exposure WHERE person_id = 1'), "a\tb", 'a tab file with quoted fields');
is(query('SELECT count(*) FROM omop.drug_exposure'), '2', 'keys that repeat do not stop a load');
is(query('SELECT a, b FROM omop.my_scores'), '1|2', 'a table that OMOP does not have is kept as text');
like($out, qr/kept as text: ward/, 'and it is said');
is(query('SELECT count(*) FROM omop.measurement'), '0', 'a missing table is empty');

($rc, $out) = load('CONCEPT.csv' => "concept_id\n1\n");
isnt($rc, 0, 'a folder without PERSON is refused');
like($out, qr/no PERSON file/, 'and the error says why');
ok(nothing_left(), 'and nothing is left behind');

($rc, $out) = load('person.csv' => "person_id;gender_concept_id\n1;2\n");
isnt($rc, 0, 'a file with semicolons is refused');
like($out, qr/commas or tabs/, 'and the error says what is read');

($rc, $out) = load('PERSON.csv' => "person_id,person_source_value\n1,a\n1,b\n", 'CONCEPT.csv' => "concept_id\n1\n");
isnt($rc, 0, 'persons must be distinct');
ok(nothing_left(), 'and nothing is left behind');

($rc, $out) = load('PERSON.csv' => "person_id,person_source_value\n1,a\n", 'DEATH.csv' => "person_id,death_date\n1,2020-01-01,x\n");
isnt($rc, 0, 'a row with too many fields is refused');
like($out, qr/DEATH\.csv, line 2/, 'and the error says where');
ok(nothing_left(), 'and nothing is left behind');

($rc, $out) = load('PERSON.csv' => "person_id\n1\n", 'person.tsv' => "person_id\n1\n");
isnt($rc, 0, 'two files for one table are refused');

done_testing();
