-- generate.sql
--	A made-up French hospital warehouse in the OMOP tables of schema.sql.
--
-- Every value is a hash of (seed, stream, row number), never random(): the same
-- seed and number of persons give the same rows, whatever plan PostgreSQL takes.
-- psql variables: persons (20000), seed (1).
--
-- What it imitates, because the product is about it: a few conditions that
-- everybody has and a long tail of diseases with 1 to 10 persons; a few persons
-- with very many visits; places of very unequal size. Nobody in it exists.

\if :{?persons} \else \set persons 20000 \endif
\if :{?seed} \else \set seed 1 \endif

BEGIN;
SET LOCAL jit = off;
SET LOCAL work_mem = '64MB';

-- u: uniform in [0,1). normal: by Box and Muller, from two streams.
CREATE FUNCTION pg_temp.u(seed bigint, stream bigint, n bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS
'SELECT ((hashint8extended(n, seed * 1000 + stream) >> 11) & 9007199254740991) / 9007199254740992.0::double precision';

CREATE FUNCTION pg_temp.normal(seed bigint, stream bigint, n bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS
'SELECT sqrt(-2 * ln(1 - pg_temp.u(seed, stream, n))) * cos(2 * pi() * pg_temp.u(seed, stream + 500, n))';

-- Places ------------------------------------------------------------------------
-- The 101 départements with their region and their inhabitants in thousands
-- (rounded, about 2021): codes of the code officiel géographique.

CREATE TEMP TABLE departement (id serial, code text, name text, region text, inhabitants integer) ON COMMIT DROP;
INSERT INTO departement (code, name, region, inhabitants) VALUES
('01','Ain','Auvergne-Rhône-Alpes',663),
('02','Aisne','Hauts-de-France',528),
('03','Allier','Auvergne-Rhône-Alpes',335),
('04','Alpes-de-Haute-Provence','Provence-Alpes-Côte d''Azur',166),
('05','Hautes-Alpes','Provence-Alpes-Côte d''Azur',141),
('06','Alpes-Maritimes','Provence-Alpes-Côte d''Azur',1104),
('07','Ardèche','Auvergne-Rhône-Alpes',330),
('08','Ardennes','Grand Est',269),
('09','Ariège','Occitanie',155),
('10','Aube','Grand Est',311),
('11','Aude','Occitanie',376),
('12','Aveyron','Occitanie',279),
('13','Bouches-du-Rhône','Provence-Alpes-Côte d''Azur',2057),
('14','Calvados','Normandie',702),
('15','Cantal','Auvergne-Rhône-Alpes',144),
('16','Charente','Nouvelle-Aquitaine',351),
('17','Charente-Maritime','Nouvelle-Aquitaine',661),
('18','Cher','Centre-Val de Loire',301),
('19','Corrèze','Nouvelle-Aquitaine',239),
('21','Côte-d''Or','Bourgogne-Franche-Comté',535),
('22','Côtes-d''Armor','Bretagne',606),
('23','Creuse','Nouvelle-Aquitaine',116),
('24','Dordogne','Nouvelle-Aquitaine',413),
('25','Doubs','Bourgogne-Franche-Comté',548),
('26','Drôme','Auvergne-Rhône-Alpes',520),
('27','Eure','Normandie',598),
('28','Eure-et-Loir','Centre-Val de Loire',431),
('29','Finistère','Bretagne',922),
('2A','Corse-du-Sud','Corse',162),
('2B','Haute-Corse','Corse',184),
('30','Gard','Occitanie',759),
('31','Haute-Garonne','Occitanie',1434),
('32','Gers','Occitanie',192),
('33','Gironde','Nouvelle-Aquitaine',1655),
('34','Hérault','Occitanie',1201),
('35','Ille-et-Vilaine','Bretagne',1099),
('36','Indre','Centre-Val de Loire',217),
('37','Indre-et-Loire','Centre-Val de Loire',614),
('38','Isère','Auvergne-Rhône-Alpes',1284),
('39','Jura','Bourgogne-Franche-Comté',259),
('40','Landes','Nouvelle-Aquitaine',422),
('41','Loir-et-Cher','Centre-Val de Loire',328),
('42','Loire','Auvergne-Rhône-Alpes',768),
('43','Haute-Loire','Auvergne-Rhône-Alpes',227),
('44','Loire-Atlantique','Pays de la Loire',1458),
('45','Loiret','Centre-Val de Loire',685),
('46','Lot','Occitanie',175),
('47','Lot-et-Garonne','Nouvelle-Aquitaine',331),
('48','Lozère','Occitanie',77),
('49','Maine-et-Loire','Pays de la Loire',824),
('50','Manche','Normandie',495),
('51','Marne','Grand Est',566),
('52','Haute-Marne','Grand Est',170),
('53','Mayenne','Pays de la Loire',306),
('54','Meurthe-et-Moselle','Grand Est',733),
('55','Meuse','Grand Est',182),
('56','Morbihan','Bretagne',771),
('57','Moselle','Grand Est',1050),
('58','Nièvre','Bourgogne-Franche-Comté',202),
('59','Nord','Hauts-de-France',2611),
('60','Oise','Hauts-de-France',830),
('61','Orne','Normandie',277),
('62','Pas-de-Calais','Hauts-de-France',1461),
('63','Puy-de-Dôme','Auvergne-Rhône-Alpes',665),
('64','Pyrénées-Atlantiques','Nouvelle-Aquitaine',693),
('65','Hautes-Pyrénées','Occitanie',231),
('66','Pyrénées-Orientales','Occitanie',487),
('67','Bas-Rhin','Grand Est',1153),
('68','Haut-Rhin','Grand Est',768),
('69','Rhône','Auvergne-Rhône-Alpes',1893),
('70','Haute-Saône','Bourgogne-Franche-Comté',233),
('71','Saône-et-Loire','Bourgogne-Franche-Comté',550),
('72','Sarthe','Pays de la Loire',567),
('73','Savoie','Auvergne-Rhône-Alpes',442),
('74','Haute-Savoie','Auvergne-Rhône-Alpes',841),
('75','Paris','Île-de-France',2133),
('76','Seine-Maritime','Normandie',1256),
('77','Seine-et-Marne','Île-de-France',1439),
('78','Yvelines','Île-de-France',1456),
('79','Deux-Sèvres','Nouvelle-Aquitaine',375),
('80','Somme','Hauts-de-France',566),
('81','Tarn','Occitanie',392),
('82','Tarn-et-Garonne','Occitanie',263),
('83','Var','Provence-Alpes-Côte d''Azur',1095),
('84','Vaucluse','Provence-Alpes-Côte d''Azur',563),
('85','Vendée','Pays de la Loire',694),
('86','Vienne','Nouvelle-Aquitaine',440),
('87','Haute-Vienne','Nouvelle-Aquitaine',373),
('88','Vosges','Grand Est',359),
('89','Yonne','Bourgogne-Franche-Comté',334),
('90','Territoire de Belfort','Bourgogne-Franche-Comté',140),
('91','Essonne','Île-de-France',1313),
('92','Hauts-de-Seine','Île-de-France',1626),
('93','Seine-Saint-Denis','Île-de-France',1668),
('94','Val-de-Marne','Île-de-France',1415),
('95','Val-d''Oise','Île-de-France',1256),
('971','Guadeloupe','Guadeloupe',384),
('972','Martinique','Martinique',361),
('973','Guyane','Guyane',287),
('974','La Réunion','La Réunion',871),
('976','Mayotte','Mayotte',300);

-- One location per département and nothing finer: a reference, not addresses.
INSERT INTO omop.location (location_id, state, county, location_source_value, country_source_value)
SELECT id, region, name, code, 'France' FROM departement ORDER BY id;

INSERT INTO omop.care_site (care_site_id, care_site_name, location_id, care_site_source_value)
SELECT i, 'Hôpital de démonstration ' || i, 1 + (i * 37) % 101, 'H' || lpad(i::text, 3, '0')
FROM generate_series(1, 12) i;

INSERT INTO omop.provider (provider_id, provider_name, care_site_id, gender_concept_id, provider_source_value, specialty_source_value)
SELECT i, 'Médecin ' || i, 1 + i % 12, CASE WHEN pg_temp.u(:seed, 1, i) < 0.5 THEN 8507 ELSE 8532 END,
	(10000000000 + i * 7919)::text,
	(ARRAY['médecine générale','cardiologie','neurologie','pneumologie','endocrinologie','chirurgie','psychiatrie','pédiatrie'])
		[1 + floor(8 * pg_temp.u(:seed, 2, i))::integer]
FROM generate_series(1, 240) i;

-- Concepts ----------------------------------------------------------------------
-- Concepts of the standard are used for sex, visits and record types only; all
-- others are local ones, in the range above 2,000,000,000 that OMOP leaves to sites.

INSERT INTO omop.vocabulary (vocabulary_id, vocabulary_name, vocabulary_reference, vocabulary_version, vocabulary_concept_id) VALUES
('Gender','OMOP Gender','OMOP generated',NULL,0),
('Visit','OMOP Visit','OMOP generated',NULL,0),
('Type Concept','OMOP Type Concept','OMOP generated',NULL,0),
('Demo','Local concepts of the demonstration','generate.sql',NULL,0);

INSERT INTO omop.concept (concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, standard_concept, concept_code, valid_start_date, valid_end_date) VALUES
(0,'No matching concept','Metadata','Demo','Undefined',NULL,'0','1970-01-01','2099-12-31'),
(8507,'MALE','Gender','Gender','Gender','S','M','1970-01-01','2099-12-31'),
(8532,'FEMALE','Gender','Gender','Gender','S','F','1970-01-01','2099-12-31'),
(9201,'Inpatient Visit','Visit','Visit','Visit','S','IP','1970-01-01','2099-12-31'),
(9202,'Outpatient Visit','Visit','Visit','Visit','S','OP','1970-01-01','2099-12-31'),
(9203,'Emergency Room Visit','Visit','Visit','Visit','S','ER','1970-01-01','2099-12-31'),
(32817,'EHR','Type Concept','Type Concept','Type Concept','S','OMOP4976890','1970-01-01','2099-12-31');

-- Conditions from the most to the least frequent, with the code of the CIM-10.
CREATE TEMP TABLE frequent (rank serial, name text, code text, chronic boolean, sex text) ON COMMIT DROP;
INSERT INTO frequent (name, code, chronic, sex) VALUES
('Essential hypertension','I10',true,NULL),
('Acute upper respiratory infection','J06',false,NULL),
('Type 2 diabetes mellitus','E11',true,NULL),
('Low back pain','M54',false,NULL),
('Hyperlipidaemia','E78',true,NULL),
('Acute bronchitis','J20',false,NULL),
('Obesity','E66',true,NULL),
('Depressive episode','F32',true,NULL),
('Osteoarthritis of knee','M17',true,NULL),
('Gastro-oesophageal reflux disease','K21',true,NULL),
('Anxiety disorder','F41',true,NULL),
('Urinary tract infection','N39',false,NULL),
('Asthma','J45',true,NULL),
('Atrial fibrillation','I48',true,NULL),
('Heart failure','I50',true,NULL),
('Chronic ischaemic heart disease','I25',true,NULL),
('Supervision of normal pregnancy','Z34',false,'F'),
('Chronic obstructive pulmonary disease','J44',true,NULL),
('Pneumonia','J18',false,NULL),
('Hypothyroidism','E03',true,NULL),
('Chronic kidney disease','N18',true,NULL),
('Iron deficiency anaemia','D50',false,NULL),
('Viral gastroenteritis','A08',false,NULL),
('Otitis media','H66',false,NULL),
('Dermatitis','L30',false,NULL),
('Migraine','G43',true,NULL),
('Senile cataract','H25',false,NULL),
('Prostatic hyperplasia','N40',true,'M'),
('Fracture of forearm','S52',false,NULL),
('Malignant neoplasm of breast','C50',true,'F'),
('Cerebral infarction','I63',false,NULL),
('Alcohol dependence','F10',true,NULL),
('Acute myocardial infarction','I21',false,NULL),
('Alzheimer disease','G30',true,NULL),
('Cholelithiasis','K80',false,NULL),
('Malignant neoplasm of prostate','C61',true,'M'),
('Malignant neoplasm of colon','C18',true,NULL),
('Osteoporosis','M81',true,NULL),
('Epilepsy','G40',true,NULL),
('Malignant neoplasm of lung','C34',true,NULL),
('Psoriasis','L40',true,NULL),
('Fracture of femur','S72',false,NULL),
('Rheumatoid arthritis','M06',true,NULL),
('Acute appendicitis','K35',false,NULL),
('Inguinal hernia','K40',false,NULL),
('Hydrocephalus','G91',true,NULL),
('Parkinson disease','G20',true,NULL),
('Type 1 diabetes mellitus','E10',true,NULL),
('Schizophrenia','F20',true,NULL),
('Pulmonary embolism','I26',false,NULL),
('Glaucoma','H40',true,NULL),
('Bipolar disorder','F31',true,NULL),
('Sleep apnoea','G47',true,NULL),
('Cirrhosis of liver','K74',true,NULL),
('Multiple sclerosis','G35',true,NULL),
('Ulcerative colitis','K51',true,NULL),
('Crohn disease','K50',true,NULL),
('Acute pancreatitis','K85',false,NULL),
('Malignant melanoma of skin','C43',true,NULL),
('Sepsis','A41',false,NULL),
('Endometriosis','N80',true,'F'),
('Gout','M10',true,NULL),
('Chronic viral hepatitis','B18',true,NULL),
('Concussion','S06',false,NULL);

-- Diseases with 1 to 10 persons in the whole warehouse.
CREATE TEMP TABLE rare (rank serial, name text) ON COMMIT DROP;
INSERT INTO rare (name)
SELECT unnest(string_to_array($$Achondroplasia
Acromegaly
Acute intermittent porphyria
Addison disease
Alagille syndrome
Alkaptonuria
Alpers syndrome
Alport syndrome
Amyotrophic lateral sclerosis
Angelman syndrome
Ataxia telangiectasia
Bardet-Biedl syndrome
Barth syndrome
Behçet disease
Biliary atresia
Budd-Chiari syndrome
CADASIL
Castleman disease
Charcot-Marie-Tooth disease
Chronic granulomatous disease
Congenital adrenal hyperplasia
Cornelia de Lange syndrome
Creutzfeldt-Jakob disease
Cushing disease
Cystic fibrosis
Cystinosis
Dravet syndrome
Duchenne muscular dystrophy
Ehlers-Danlos syndrome, vascular type
Erdheim-Chester disease
Fabry disease
Familial Mediterranean fever
Fanconi anaemia
Fragile X syndrome
Friedreich ataxia
Galactosaemia
Gaucher disease
Gitelman syndrome
Guillain-Barré syndrome
Haemophilia A
Haemophilia B
Hereditary angioedema
Hereditary haemorrhagic telangiectasia
Hirschsprung disease
Huntington disease
Idiopathic pulmonary fibrosis
Kabuki syndrome
Kawasaki disease
Lambert-Eaton myasthenic syndrome
Langerhans cell histiocytosis
Leber hereditary optic neuropathy
Lennox-Gastaut syndrome
Li-Fraumeni syndrome
Lynch syndrome
Maple syrup urine disease
Marfan syndrome
Moyamoya disease
Mucopolysaccharidosis type I
Mucopolysaccharidosis type II
Myasthenia gravis
Myotonic dystrophy
Narcolepsy type 1
Neurofibromatosis type 1
Niemann-Pick disease type C
Noonan syndrome
Osteogenesis imperfecta
Pemphigus vulgaris
Phenylketonuria
Polycythaemia vera
Pompe disease
Prader-Willi syndrome
Primary biliary cholangitis
Primary sclerosing cholangitis
Progressive supranuclear palsy
Pseudoxanthoma elasticum
Pulmonary arterial hypertension
Retinitis pigmentosa
Rett syndrome
Sickle cell disease
Spinal muscular atrophy
Stargardt disease
Systemic sclerosis
Takayasu arteritis
Thalassaemia major
Tuberous sclerosis
Turner syndrome
Usher syndrome
Von Hippel-Lindau disease
Von Willebrand disease type 3
Waldenström macroglobulinaemia
Williams syndrome
Wilson disease
Wiskott-Aldrich syndrome
Wolfram syndrome
X-linked adrenoleukodystrophy
Zellweger syndrome$$, E'\n'));

CREATE TEMP TABLE drug (rank serial, name text, code text) ON COMMIT DROP;
INSERT INTO drug (name, code) VALUES
('paracetamol','N02BE01'),('amoxicillin','J01CA04'),('ibuprofen','M01AE01'),('omeprazole','A02BC01'),
('metformin','A10BA02'),('atorvastatin','C10AA05'),('amlodipine','C08CA01'),('levothyroxine','H03AA01'),
('furosemide','C03CA01'),('bisoprolol','C07AB07'),('ramipril','C09AA05'),('salbutamol','R03AC02'),
('acetylsalicylic acid','B01AC06'),('prednisolone','H02AB06'),('sertraline','N06AB06'),('tramadol','N02AX02'),
('apixaban','B01AF02'),('insulin glargine','A10AE04'),('amoxicillin and clavulanic acid','J01CR02'),('zopiclone','N05CF01'),
('ferrous sulfate','B03AA07'),('cholecalciferol','A11CC05'),('enoxaparin','B01AB05'),('morphine','N02AA01'),
('warfarin','B01AA03'),('allopurinol','M04AA01'),('levodopa and carbidopa','N04BA02'),('valproic acid','N03AG01'),
('tamsulosin','G04CA02'),('donepezil','N06DA02'),('methotrexate','L04AX03'),('lithium','N05AN01'),
('acetazolamide','S01EC01'),('adalimumab','L04AB04'),('tamoxifen','L02BA01'),('olanzapine','N05AH03');

CREATE TEMP TABLE intervention (rank serial, name text) ON COMMIT DROP;
INSERT INTO intervention (name)
SELECT unnest(string_to_array('Electrocardiogram,Plain chest X-ray,Abdominal ultrasound,CT of head,Echocardiography,Colonoscopy,'
	'Upper gastrointestinal endoscopy,MRI of brain,Physiotherapy,Coronary angiography,Cataract extraction,Caesarean section,'
	'Hip replacement,Knee replacement,Appendicectomy,Cholecystectomy,Haemodialysis,Chemotherapy,Radiotherapy,Lumbar puncture,'
	'Ventriculoperitoneal shunt,Deep brain stimulation,Kidney transplantation,Liver transplantation,Heart transplantation', ','));

CREATE TEMP TABLE laboratory (rank serial, name text, unit text, mean double precision, sd double precision, low numeric, high numeric) ON COMMIT DROP;
INSERT INTO laboratory (name, unit, mean, sd, low, high) VALUES
('Systolic blood pressure','mm[Hg]',131,17,90,140),
('Diastolic blood pressure','mm[Hg]',78,11,60,90),
('Body weight','kg',74,15,NULL,NULL),
('Glucose in serum','mmol/L',5.8,1.4,3.9,6.1),
('Haemoglobin A1c','%',6.0,1.0,4,6),
('Creatinine in serum','umol/L',84,26,45,105),
('Haemoglobin in blood','g/dL',13.4,1.6,12,17),
('C-reactive protein','mg/L',9,6,0,5),
('Potassium in serum','mmol/L',4.2,0.4,3.5,5),
('Body temperature','Cel',37.0,0.5,36.1,37.8);

INSERT INTO omop.concept (concept_id, concept_name, domain_id, vocabulary_id, concept_class_id, standard_concept, concept_code, valid_start_date, valid_end_date)
SELECT base + rank, name, domain, 'Demo', class, 'S', code, '2015-01-01', '2099-12-31'
FROM (
	SELECT 2000000000 AS base, rank, name, 'Condition' AS domain, 'Clinical Finding' AS class, code FROM frequent
	UNION ALL SELECT 2000001000, rank, name, 'Condition', 'Clinical Finding', 'MR' || lpad(rank::text, 3, '0') FROM rare
	UNION ALL SELECT 2000002000, rank, name, 'Drug', 'Ingredient', code FROM drug
	UNION ALL SELECT 2000003000, rank, name, 'Procedure', 'Procedure', 'ACT' || lpad(rank::text, 3, '0') FROM intervention
	UNION ALL SELECT 2000004000, rank, name, 'Measurement', 'Clinical Observation', 'BIO' || lpad(rank::text, 3, '0') FROM laboratory
	UNION ALL SELECT 2000005000, rank, unit, 'Unit', 'Unit', unit FROM laboratory
	UNION ALL SELECT 2000006000, 1, 'Tobacco smoking status', 'Observation', 'Observation', 'TABAC'
	UNION ALL SELECT 2000006000, 2, 'Living alone', 'Observation', 'Observation', 'SEUL'
	UNION ALL SELECT 2000007000, 1, 'Frequent condition', 'Condition', 'Grouping', 'FREQ'
	UNION ALL SELECT 2000007000, 2, 'Rare disease', 'Condition', 'Grouping', 'RARE'
) c ORDER BY 1;

INSERT INTO omop.concept_ancestor
SELECT concept_id, concept_id, 0, 0 FROM omop.concept WHERE concept_id >= 2000000000
UNION ALL SELECT 2000007001, 2000000000 + rank, 1, 1 FROM frequent
UNION ALL SELECT 2000007002, 2000001000 + rank, 1, 1 FROM rare
ORDER BY 1, 2;

INSERT INTO omop.concept_relationship
SELECT descendant_concept_id, ancestor_concept_id, 'Is a', '2015-01-01', '2099-12-31', NULL
FROM omop.concept_ancestor WHERE min_levels_of_separation = 1 ORDER BY 1, 2;

-- Persons -----------------------------------------------------------------------
-- Hospital numbers are given in order of arrival: the first is 8001234567.

CREATE TEMP TABLE place AS
SELECT (SELECT array_agg(b ORDER BY id) FROM (SELECT id, sum(inhabitants) OVER (ORDER BY id) / sum(inhabitants) OVER ()::double precision AS b FROM departement) s) AS bound;

INSERT INTO omop.person (person_id, gender_concept_id, year_of_birth, month_of_birth, day_of_birth, birth_datetime,
	race_concept_id, ethnicity_concept_id, location_id, provider_id, care_site_id, person_source_value, gender_source_value)
SELECT i, CASE WHEN sex < 0.48 THEN 8507 ELSE 8532 END,
	extract(year FROM birth), extract(month FROM birth), extract(day FROM birth), birth,
	0, 0,
	least(101, 1 + width_bucket(pg_temp.u(:seed, 11, i), (SELECT bound FROM place))),
	1 + floor(240 * pg_temp.u(:seed, 12, i)), 1 + floor(12 * pg_temp.u(:seed, 13, i) ^ 2),
	(8001234566 + i)::text, CASE WHEN sex < 0.48 THEN 'M' ELSE 'F' END
FROM (
	SELECT i, pg_temp.u(:seed, 14, i) AS sex,
		-- older than the population at large: 0 to 99 years in 2025, mean about 50
		date '2025-06-30' - floor(365.25 * 99 * (0.55 * pg_temp.u(:seed, 15, i) + 0.45 * pg_temp.u(:seed, 16, i)))::integer AS birth
	FROM generate_series(1, :persons) i
) s;

-- Visits ------------------------------------------------------------------------
-- From one to 80 a person; one person in twelve comes four times as often.

INSERT INTO omop.visit_occurrence (visit_occurrence_id, person_id, visit_concept_id, visit_start_date, visit_start_datetime,
	visit_end_date, visit_end_datetime, visit_type_concept_id, provider_id, care_site_id, visit_source_value, preceding_visit_occurrence_id)
SELECT visit, person_id, kind, start_date, start_date + time '08:00' + interval '1 minute' * floor(600 * pg_temp.u(:seed, 21, n)),
	start_date + days, start_date + days + time '19:00', 32817,
	1 + floor(240 * pg_temp.u(:seed, 22, n)), care_site_id, 'S' || lpad(visit::text, 9, '0'),
	lag(visit) OVER (PARTITION BY person_id ORDER BY visit)
FROM (
	SELECT row_number() OVER (ORDER BY start_date, n) AS visit, *,
		CASE WHEN kind = 9201 THEN 1 + floor(-4 * ln(1 - pg_temp.u(:seed, 23, n)))::integer ELSE 0 END AS days
	FROM (
		SELECT p.person_id, p.care_site_id, n,
			CASE WHEN pg_temp.u(:seed, 24, n) < 0.22 THEN 9201 WHEN pg_temp.u(:seed, 24, n) < 0.36 THEN 9203 ELSE 9202 END AS kind,
			first_day + floor((date '2025-12-31' - first_day) * pg_temp.u(:seed, 25, n))::integer AS start_date
		FROM omop.person p
		CROSS JOIN LATERAL (SELECT greatest(date '2015-01-01', p.birth_datetime::date) AS first_day) f
		CROSS JOIN LATERAL generate_series(1, least(80, 1 + floor(-3.2 * ln(1 - pg_temp.u(:seed, 26, p.person_id))
			* CASE WHEN pg_temp.u(:seed, 27, p.person_id) < 0.083 THEN 4 ELSE 1 END))::integer) AS j
		CROSS JOIN LATERAL (SELECT p.person_id * 1000 + j AS n) k
	) s
) s;

INSERT INTO omop.observation_period
SELECT row_number() OVER (ORDER BY person_id), person_id, min(visit_start_date), max(visit_end_date), 32817
FROM omop.visit_occurrence GROUP BY person_id;

-- Conditions --------------------------------------------------------------------
-- At each visit one to four: half of them from the person's own chronic ones
-- (none to three, more with age), the others by Zipf's law. Then the rare ones.

CREATE TEMP TABLE pick AS
SELECT (SELECT array_agg(b ORDER BY rank) FROM (SELECT rank, sum(rank::float8 ^ -1.05) OVER (ORDER BY rank) / sum(rank::float8 ^ -1.05) OVER () AS b FROM frequent) s) AS conditions,
	(SELECT array_agg(b ORDER BY rank) FROM (SELECT rank, sum(rank::float8 ^ -1.3) OVER (ORDER BY rank) / sum(rank::float8 ^ -1.3) OVER () AS b FROM drug) s) AS drugs,
	(SELECT array_agg(b ORDER BY rank) FROM (SELECT rank, sum(rank::float8 ^ -1.6) OVER (ORDER BY rank) / sum(rank::float8 ^ -1.6) OVER () AS b FROM intervention) s) AS interventions;

CREATE TEMP TABLE diagnosis AS
SELECT v.visit_occurrence_id, v.person_id, v.visit_start_date, v.provider_id, 2000000000 + f.rank AS concept, f.code, m
FROM omop.visit_occurrence v
JOIN omop.person p USING (person_id)
CROSS JOIN LATERAL generate_series(1, 1 + floor(4 * pg_temp.u(:seed, 31, v.visit_occurrence_id) ^ 2)::integer) AS m
CROSS JOIN LATERAL (
	SELECT v.visit_occurrence_id * 10 + m AS n, least(3, (extract(year FROM v.visit_start_date)::integer - p.year_of_birth) / 25) AS slots) k
CROSS JOIN LATERAL (
	SELECT slots > 0 AND pg_temp.u(:seed, 32, n) < 0.5 AS own) o
CROSS JOIN LATERAL (
	SELECT least(64, 1 + width_bucket(CASE WHEN own
		THEN pg_temp.u(:seed, 33, v.person_id * 10 + floor(slots * pg_temp.u(:seed, 34, n))::integer)
		ELSE pg_temp.u(:seed, 35, n) END, (SELECT conditions FROM pick))) AS rank) r
JOIN frequent f ON f.rank = r.rank AND (f.chronic OR NOT own)
	AND (f.sex IS NULL OR f.sex = p.gender_source_value)
	AND (f.code <> 'Z34' OR extract(year FROM v.visit_start_date) - p.year_of_birth BETWEEN 16 AND 45);

INSERT INTO diagnosis
SELECT v.visit_occurrence_id, v.person_id, v.visit_start_date, v.provider_id, 2000001000 + r.rank, 'MR' || lpad(r.rank::text, 3, '0'), 9
FROM rare r
CROSS JOIN LATERAL generate_series(1, 1 + (r.rank * 7) % 10) AS j
JOIN (SELECT DISTINCT ON (person_id) * FROM omop.visit_occurrence ORDER BY person_id, visit_occurrence_id) v
	ON v.person_id = 1 + floor(:persons * pg_temp.u(:seed, 36, r.rank * 100 + j));

-- The two persons of the story who oppose have something to be missed by.
INSERT INTO diagnosis
SELECT v.visit_occurrence_id, v.person_id, v.visit_start_date, v.provider_id, 2000000000 + f.rank, f.code, 8
FROM omop.visit_occurrence v, frequent f WHERE v.person_id IN (1, 2) AND f.code IN ('G91', 'E11');

INSERT INTO omop.condition_occurrence (condition_occurrence_id, person_id, condition_concept_id, condition_start_date,
	condition_start_datetime, condition_end_date, condition_type_concept_id, provider_id, visit_occurrence_id, condition_source_value)
SELECT row_number() OVER (ORDER BY visit_occurrence_id, m, concept), person_id, concept, visit_start_date,
	visit_start_date, visit_start_date + 7, 32817, provider_id, visit_occurrence_id, code
FROM diagnosis;

-- What is done, given and measured ------------------------------------------------

INSERT INTO omop.drug_exposure (drug_exposure_id, person_id, drug_concept_id, drug_exposure_start_date, drug_exposure_end_date,
	drug_type_concept_id, quantity, days_supply, provider_id, visit_occurrence_id, drug_source_value)
SELECT row_number() OVER (ORDER BY n), person_id, 2000002000 + d.rank, visit_start_date, visit_start_date + days,
	32817, days * (1 + d.rank % 3), days, provider_id, visit_occurrence_id, d.code
FROM (
	SELECT v.*, v.visit_occurrence_id * 10 + m AS n, (ARRAY[5, 7, 10, 30, 90])[1 + floor(5 * pg_temp.u(:seed, 42, v.visit_occurrence_id * 10 + m))::integer] AS days
	FROM omop.visit_occurrence v
	CROSS JOIN LATERAL generate_series(1, floor(4 * pg_temp.u(:seed, 41, v.visit_occurrence_id))::integer) AS m
) s
JOIN drug d ON d.rank = least(36, 1 + width_bucket(pg_temp.u(:seed, 43, n), (SELECT drugs FROM pick)));

INSERT INTO omop.procedure_occurrence (procedure_occurrence_id, person_id, procedure_concept_id, procedure_date, procedure_datetime,
	procedure_type_concept_id, quantity, provider_id, visit_occurrence_id, procedure_source_value)
SELECT row_number() OVER (ORDER BY visit_occurrence_id), person_id, 2000003000 + i.rank, visit_start_date, visit_start_datetime,
	32817, 1, provider_id, visit_occurrence_id, 'ACT' || lpad(i.rank::text, 3, '0')
FROM omop.visit_occurrence v
JOIN intervention i ON i.rank = least(25, 1 + width_bucket(pg_temp.u(:seed, 52, visit_occurrence_id), (SELECT interventions FROM pick)))
WHERE pg_temp.u(:seed, 51, visit_occurrence_id) < 0.6;

INSERT INTO omop.measurement (measurement_id, person_id, measurement_concept_id, measurement_date, measurement_datetime, measurement_type_concept_id,
	value_as_number, unit_concept_id, range_low, range_high, provider_id, visit_occurrence_id, measurement_source_value, unit_source_value)
SELECT row_number() OVER (ORDER BY visit_occurrence_id, l.rank), person_id, 2000004000 + l.rank, visit_start_date, visit_start_datetime, 32817,
	round(greatest(l.mean / 5, l.mean + l.sd * pg_temp.normal(:seed, 61, visit_occurrence_id * 100 + l.rank))::numeric, 1),
	2000005000 + l.rank, l.low, l.high, provider_id, visit_occurrence_id, 'BIO' || lpad(l.rank::text, 3, '0'), l.unit
FROM omop.visit_occurrence v
JOIN laboratory l ON pg_temp.u(:seed, 62, visit_occurrence_id * 100 + l.rank) < 0.3;

INSERT INTO omop.observation (observation_id, person_id, observation_concept_id, observation_date, observation_type_concept_id, value_as_string)
SELECT row_number() OVER (ORDER BY person_id, what), person_id, 2000006000 + what, observation_period_start_date, 32817,
	CASE WHEN what = 1 THEN (ARRAY['never', 'never', 'former', 'current'])[1 + floor(4 * pg_temp.u(:seed, 71, person_id))::integer]
		WHEN pg_temp.u(:seed, 72, person_id) < 0.25 THEN 'yes' ELSE 'no' END
FROM omop.observation_period, generate_series(1, 2) AS what;

-- The text carries a name, as real notes do: this column must never leave.
INSERT INTO omop.note (note_id, person_id, note_date, note_type_concept_id, note_title, note_text, provider_id, visit_occurrence_id)
SELECT row_number() OVER (ORDER BY visit_occurrence_id), person_id, visit_end_date, 32817, 'Compte rendu',
	'M. ou Mme ' || (ARRAY['Exemple', 'Modèle', 'Fictif', 'Témoin'])[1 + (person_id % 4)::integer] || ', IPP ' || person_source_value
		|| ', vu(e) le ' || to_char(visit_start_date, 'DD/MM/YYYY') || '.',
	v.provider_id, visit_occurrence_id
FROM omop.visit_occurrence v JOIN omop.person USING (person_id)
WHERE visit_concept_id = 9201;

INSERT INTO omop.note_nlp (note_nlp_id, note_id, "offset", lexical_variant, note_nlp_concept_id, nlp_system, nlp_date, term_exists)
SELECT row_number() OVER (ORDER BY note_id, concept), note_id, '0', c.concept_name, d.concept, 'demo', note_date, 'Y'
FROM omop.note
JOIN (SELECT DISTINCT visit_occurrence_id, concept FROM diagnosis) d USING (visit_occurrence_id)
JOIN omop.concept c ON c.concept_id = d.concept;

-- Death is more likely with age, and after the last visit.
INSERT INTO omop.death (person_id, death_date, death_type_concept_id)
SELECT person_id, observation_period_end_date + floor(60 * pg_temp.u(:seed, 82, person_id))::integer, 32817
FROM omop.observation_period JOIN omop.person USING (person_id)
WHERE pg_temp.u(:seed, 81, person_id) < 0.3 * ((2025 - year_of_birth) / 100.0) ^ 3;

-- Eras: occurrences of one concept less than 30 days apart are one -----------------

INSERT INTO omop.condition_era (condition_era_id, person_id, condition_concept_id, condition_era_start_date, condition_era_end_date, condition_occurrence_count)
SELECT row_number() OVER (ORDER BY person_id, condition_concept_id, era), person_id, condition_concept_id,
	min(condition_start_date), max(condition_end_date), count(*)
FROM (
	SELECT *, sum(starts) OVER (PARTITION BY person_id, condition_concept_id ORDER BY condition_start_date, condition_occurrence_id) AS era
	FROM (
		SELECT *, CASE WHEN condition_start_date <= 30 + lag(condition_end_date) OVER (PARTITION BY person_id, condition_concept_id
			ORDER BY condition_start_date, condition_occurrence_id) THEN 0 ELSE 1 END AS starts
		FROM omop.condition_occurrence
	) s
) s GROUP BY person_id, condition_concept_id, era;

INSERT INTO omop.drug_era (drug_era_id, person_id, drug_concept_id, drug_era_start_date, drug_era_end_date, drug_exposure_count, gap_days)
SELECT row_number() OVER (ORDER BY person_id, drug_concept_id, drug_exposure_start_date), person_id, drug_concept_id,
	drug_exposure_start_date, max(drug_exposure_end_date), count(*), 0
FROM omop.drug_exposure GROUP BY person_id, drug_concept_id, drug_exposure_start_date;

INSERT INTO omop.cdm_source (cdm_source_name, cdm_source_abbreviation, cdm_holder, source_description, cdm_version, cdm_release_date)
VALUES ('pg_ehds demonstration warehouse', 'demo', 'nobody', 'Generated; no person in it exists', 'v5.4', '2025-12-31');

DROP TABLE place, pick, diagnosis;
COMMIT;
