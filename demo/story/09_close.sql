--# 9. The projects end
--| Closing destroys the extract, keeps the permit's formula, and returns a certificate.
--@ governance_1
SELECT jsonb_pretty(to_jsonb(ehds.close_permit('cardio-2026'))) AS certificate;
SELECT ehds.revoke_permit('hydro-2026', 'the study is over');

--@ pipeline
-- expect 42P01
SELECT count(*) FROM extract_cardio_2026.person;

--@ analyst
-- expect ZE001
SELECT ehds.k_count(person_id) FROM permit_hydro_2026.person;

--| What is left for the DBA to look at.
--@ dba
SELECT severity, count(*) AS findings FROM ehds.doctor() GROUP BY severity ORDER BY severity;
