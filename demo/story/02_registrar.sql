--# 2. The registrar records oppositions
--| A person who objects says so once. The opposition is kept by hospital number, so a load that
--| renumbers the warehouse changes nothing, and a number unknown today counts when it arrives.
--@ registrar
SELECT ehds.oppose(:'identity_2', purpose => 'research', channel => 'letter');
SELECT ehds.oppose('8999999999');

--| The registrar records, and reads no health data.
-- expect 42501
SELECT count(*) FROM omop.person;
