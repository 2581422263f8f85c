-- tables: what is declared, who may what, who objected
--
-- Objects are held by name and as regclass / regrole: both survive dump,
-- restore and pg_upgrade; raw OIDs and attribute numbers would not.
--
-- No foreign keys: only the extension's functions write here, and pg_restore -j
-- fills the tables of an extension in any order.

CREATE TABLE ehds.population (
    population       name PRIMARY KEY,
    identity_schema  name,
    identity_table   name,
    identity_subject name,
    identity_column  name,
    epsilon_nano     bigint CHECK (epsilon_nano > 0),
    delta_atto       bigint CHECK (delta_atto > 0),
    CHECK (num_nulls(identity_schema, identity_table, identity_subject, identity_column) IN (0, 4)),
    CHECK ((epsilon_nano IS NULL) = (delta_atto IS NULL))
);
COMMENT ON TABLE ehds.population IS
    'sets of persons in which equal subject keys mean the same person; with the table that resolves a key to an identity, and the privacy budget of all permits together (in 1e-9 and 1e-18; NULL: no limit)';

CREATE TABLE ehds.protected_table (
    relation    regclass,
    schema_name name NOT NULL,
    table_name  name NOT NULL,
    population  name NOT NULL,
    subject     name,
    identity    name,
    via_column  name,
    via_schema  name,
    via_table   name,
    via_key     name,
    columns     jsonb NOT NULL,
    declared_at timestamptz NOT NULL DEFAULT now(),
    declared_by name NOT NULL DEFAULT session_user,
    -- checked at the end of a statement: a load may swap two declared tables
    PRIMARY KEY (relation) DEFERRABLE INITIALLY IMMEDIATE,
    UNIQUE (schema_name, table_name),
    CHECK ((subject IS NULL) <> (via_column IS NULL)),
    CHECK (num_nulls(via_column, via_schema, via_table, via_key) IN (0, 4)),
    CHECK (identity IS NULL OR subject IS NOT NULL)
);
COMMENT ON TABLE ehds.protected_table IS
    'tables whose rows are about persons, as declared with ehds.protect(); columns: names and types when it was declared or loaded last';

CREATE TABLE ehds.declared_label (
    schema_name name NOT NULL,
    object_name name NOT NULL,
    column_name name NOT NULL,
    label       text NOT NULL,
    PRIMARY KEY (schema_name, object_name, column_name)
);
COMMENT ON TABLE ehds.declared_label IS
    'the security labels of pg_ehds by name (column_name is empty for a table), so that ehds.after_load() can give them to a table that a load has rebuilt';

CREATE TABLE ehds.purpose (
    purpose   text PRIMARY KEY,
    permitted boolean NOT NULL,
    article   text NOT NULL,
    title     text NOT NULL,
    title_fr  text NOT NULL,
    standard  boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE ehds.purpose IS
    'purposes of secondary use: permitted ones (Regulation (EU) 2025/327, article 53(1)) and prohibited ones (article 54); standard: comes with the extension';

INSERT INTO ehds.purpose (purpose, permitted, article, title, title_fr, standard) VALUES
    ('public-health', true, 'EHDS 53(1)(a)',
     'public interest in public and occupational health: surveillance, protection against threats, quality and safety of care, medicines and devices',
     'intérêt public dans le domaine de la santé publique et de la santé au travail', true),
    ('policy', true, 'EHDS 53(1)(b)',
     'policy-making and regulatory activities of public bodies in the health or care sector',
     'élaboration des politiques et activités réglementaires du secteur de la santé ou des soins', true),
    ('statistics', true, 'EHDS 53(1)(c)',
     'official statistics related to the health or care sectors',
     'statistiques officielles relatives au secteur de la santé ou des soins', true),
    ('education', true, 'EHDS 53(1)(d)',
     'education or teaching in the health or care sectors, vocational or in higher education',
     'éducation et enseignement dans le secteur de la santé ou des soins', true),
    ('research', true, 'EHDS 53(1)(e)',
     'scientific research related to the health or care sectors, with development, innovation and the training of algorithms',
     'recherche scientifique dans le secteur de la santé ou des soins, y compris développement, innovation et entraînement d''algorithmes', true),
    ('care-improvement', true, 'EHDS 53(1)(f)',
     'improving the delivery of care, the optimisation of treatment and the provision of healthcare, on the basis of the data of other persons',
     'amélioration de la fourniture de soins et optimisation des traitements à partir des données d''autres personnes', true),
    ('decisions-against-persons', false, 'EHDS 54(a)',
     'decisions detrimental to a natural person or a group of persons',
     'décisions préjudiciables à une personne physique ou à un groupe de personnes', true),
    ('discrimination', false, 'EHDS 54(b)',
     'decisions on job offers, less favourable terms for goods or services, or any other discrimination',
     'décisions relatives à un emploi ou à des conditions moins favorables, ou toute autre discrimination', true),
    ('insurance-or-credit', false, 'EHDS 54(b)',
     'exclusion from insurance or credit, or changes of premiums, contributions or loan conditions',
     'exclusion d''un contrat d''assurance ou de crédit, ou modification des cotisations, primes ou conditions de prêt', true),
    ('advertising', false, 'EHDS 54(c)',
     'advertising or marketing activities',
     'activités de publicité ou de prospection commerciale', true),
    ('harmful-products', false, 'EHDS 54(d)',
     'products or services that may harm individuals, public health or society: illicit drugs, alcohol, tobacco, weapons, addictive goods',
     'mise au point de produits ou de services pouvant nuire aux personnes, à la santé publique ou à la société', true),
    ('unethical-activities', false, 'EHDS 54(e)',
     'activities in conflict with ethical provisions of national law',
     'activités contraires aux dispositions éthiques du droit national', true);

CREATE TABLE ehds.permit (
    permit_id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    permit              text NOT NULL UNIQUE,
    schema_name         name NOT NULL UNIQUE,
    grantee             regrole NOT NULL,
    purpose             text NOT NULL,
    output              text NOT NULL CHECK (output IN ('statistics', 'pseudonymised')),
    status              text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'revoked', 'closed')),
    valid_from          date NOT NULL,
    valid_until         date NOT NULL,
    k                   integer NOT NULL CHECK (k > 0),
    epsilon_nano        bigint CHECK (epsilon_nano > 0),
    delta_atto          bigint CHECK (delta_atto > 0 AND delta_atto < 1000000000000000000),
    epsilon_default_nano bigint CHECK (epsilon_default_nano > 0),
    max_groups          integer NOT NULL CHECK (max_groups > 0),
    accounting          text NOT NULL CHECK (accounting IN ('pure', 'zcdp')),
    rho_pico            bigint CHECK (rho_pico > 0),
    selection_delta_atto bigint CHECK (selection_delta_atto >= 0 AND selection_delta_atto < delta_atto),
    cell_key_max        integer CHECK (cell_key_max > 0),
    cell_key_variance_milli integer CHECK (cell_key_variance_milli > 0),
    cell_key_no_small   integer CHECK (cell_key_no_small >= 0),
    population          name,
    cohort_query        text,
    cohort_description  text,
    cohort_by           name,
    cohort_at           timestamptz,
    opposition_rule     text NOT NULL CHECK (opposition_rule IN ('immediate', 'at_activation')),
    exception_basis     text,
    legal_basis         text,
    version             integer NOT NULL DEFAULT 1,
    issued_by           name NOT NULL DEFAULT session_user,
    issued_at           timestamptz NOT NULL DEFAULT now(),
    activated_by        name,
    activated_at        timestamptz,
    ended_by            name,
    ended_at            timestamptz,
    ended_reason        text,
    certificate         jsonb,
    CHECK (valid_from <= valid_until),
    CHECK ((epsilon_nano IS NULL) = (delta_atto IS NULL)),
    CHECK (epsilon_nano IS NULL OR output = 'statistics'),
    CHECK (num_nulls(rho_pico, selection_delta_atto) = CASE WHEN accounting = 'zcdp' THEN 0 ELSE 2 END),
    CHECK (accounting = 'pure' OR epsilon_nano IS NOT NULL),
    CHECK (epsilon_default_nano IS NULL OR epsilon_default_nano <= epsilon_nano),
    CHECK ((cell_key_max IS NULL) = (cell_key_variance_milli IS NULL) AND (cell_key_max IS NULL) = (cell_key_no_small IS NULL)),
    CHECK (cell_key_max IS NULL OR (output = 'statistics' AND epsilon_nano IS NULL)),
    CHECK (status <> 'active' OR (activated_by IS NOT NULL AND activated_at IS NOT NULL AND activated_by <> issued_by))
);
COMMENT ON TABLE ehds.permit IS
    'permits: who may use which data for which purpose until when (valid_until is inclusive); written by ehds.issue_permit() and its siblings only, kept after closing';

CREATE TABLE ehds.permit_table (
    permit_id      integer NOT NULL,
    schema_name    name NOT NULL,
    table_name     name NOT NULL,
    view_name      name NOT NULL,
    view           regclass,
    columns        name[] NOT NULL CHECK (cardinality(columns) > 0),
    subject_column name NOT NULL,
    row_filter     text,
    definition     text,
    added_by       name NOT NULL DEFAULT session_user,
    added_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (permit_id, schema_name, table_name),
    UNIQUE (permit_id, view_name)
);
COMMENT ON TABLE ehds.permit_table IS
    'the tables of a permit with the columns that it opens and the rows it is limited to; definition: the view as it was compiled, by which ehds.doctor() notices a change';

CREATE TABLE ehds.opposition (
    opposition_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    identity      text COLLATE "C" NOT NULL CHECK (identity <> ''),
    population    name,
    purpose       text,
    schema_name   name,
    table_name    name,
    permit        text,
    channel       text,
    author        text NOT NULL CHECK (author IN ('person', 'representative')),
    recorded_at   timestamptz NOT NULL DEFAULT now(),
    recorded_by   name NOT NULL DEFAULT session_user,
    withdrawn_at  timestamptz,
    withdrawn_by  name,
    -- the identity as a number where it is one, in any spelling (007, +7, 1 234): integer keys are compared without a cast per row
    identity_int  bigint GENERATED ALWAYS AS (
        CASE WHEN replace(identity, ' ', '') ~ '^[+-]?0*[0-9]{1,18}$' THEN replace(identity, ' ', '')::bigint
             WHEN replace(identity, ' ', '') ~ '^[+-]?0*[0-9]{19}$' THEN
                 CASE WHEN replace(identity, ' ', '')::numeric BETWEEN -9223372036854775808 AND 9223372036854775807
                      THEN replace(identity, ' ', '')::bigint END
        END) STORED,
    CHECK ((schema_name IS NULL) = (table_name IS NULL)),
    CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL))
);
COMMENT ON TABLE ehds.opposition IS
    'oppositions to secondary use (EHDS 71, RGPD 21), by identity; NULL in population, purpose, table or permit: all of them; history is never rewritten';

-- one opposition in force per scope: recording it twice is recording it once
CREATE UNIQUE INDEX opposition_in_force ON ehds.opposition
    (identity, coalesce(population, ''), coalesce(purpose, ''), coalesce(schema_name, ''), coalesce(table_name, ''), coalesce(permit, ''))
    WHERE withdrawn_at IS NULL;
CREATE INDEX opposition_identity_int ON ehds.opposition (identity_int) WHERE withdrawn_at IS NULL;

CREATE TABLE ehds.extract (
    permit_id    integer PRIMARY KEY,
    schema_name  name NOT NULL UNIQUE,
    created_at   timestamptz NOT NULL DEFAULT now(),
    refreshed_at timestamptz NOT NULL DEFAULT now(),
    purged_at    timestamptz,
    destroyed_at timestamptz,
    manifest     jsonb NOT NULL
);
COMMENT ON TABLE ehds.extract IS
    'extracts of pseudonymised permits with their manifests; purged_at: when an opposition last took a person out between two refreshes';

CREATE FUNCTION ehds.keep_history() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        -- identity_int is computed from identity after this trigger
        IF OLD.withdrawn_at IS NULL AND NEW.withdrawn_at IS NOT NULL
           AND to_jsonb(NEW) - '{withdrawn_at,withdrawn_by,identity_int}'::text[] = to_jsonb(OLD) - '{withdrawn_at,withdrawn_by,identity_int}'::text[]
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
        MESSAGE = 'the history of oppositions is never rewritten',
        HINT = 'Record with ehds.oppose(), take back with ehds.withdraw_opposition().';
END
$$;
COMMENT ON FUNCTION ehds.keep_history() IS
    'trigger: an opposition may be withdrawn once; every other change, and every removal, raises 42501 for everybody';

-- ALWAYS: session_replication_role must not be a way round it
CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON ehds.opposition
    FOR EACH ROW EXECUTE FUNCTION ehds.keep_history();
CREATE TRIGGER keep_history_whole BEFORE TRUNCATE ON ehds.opposition
    FOR EACH STATEMENT EXECUTE FUNCTION ehds.keep_history();
ALTER TABLE ehds.opposition ENABLE ALWAYS TRIGGER keep_history;
ALTER TABLE ehds.opposition ENABLE ALWAYS TRIGGER keep_history_whole;

CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE ON ehds.population
    FOR EACH ROW EXECUTE FUNCTION ehds.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE ON ehds.protected_table
    FOR EACH ROW EXECUTE FUNCTION ehds.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE ON ehds.permit
    FOR EACH ROW EXECUTE FUNCTION ehds.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE ON ehds.permit_table
    FOR EACH ROW EXECUTE FUNCTION ehds.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE ON ehds.extract
    FOR EACH ROW EXECUTE FUNCTION ehds.catalog_changed();
ALTER TABLE ehds.extract ENABLE ALWAYS TRIGGER catalog_changed;
ALTER TABLE ehds.population ENABLE ALWAYS TRIGGER catalog_changed;
ALTER TABLE ehds.protected_table ENABLE ALWAYS TRIGGER catalog_changed;
ALTER TABLE ehds.permit ENABLE ALWAYS TRIGGER catalog_changed;
ALTER TABLE ehds.permit_table ENABLE ALWAYS TRIGGER catalog_changed;

-- declared_label is not dumped: the labels are, and are remembered when they are set again
SELECT pg_catalog.pg_extension_config_dump('ehds.population', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.protected_table', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.purpose', 'WHERE NOT standard');
SELECT pg_catalog.pg_extension_config_dump('ehds.permit', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.permit_permit_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.permit_table', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.opposition', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.opposition_opposition_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('ehds.extract', '');

-- the views of permits read oppositions as their owner
GRANT SELECT ON ehds.opposition TO ehds_owner, ehds_registrar;
GRANT SELECT ON ehds.population, ehds.protected_table, ehds.declared_label, ehds.permit, ehds.permit_table, ehds.extract
    TO ehds_admin, ehds_auditor;
GRANT SELECT ON ehds.purpose TO PUBLIC;
