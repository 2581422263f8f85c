-- grants: what the parts before have left open

-- Trigger functions are called by their triggers only.
REVOKE ALL ON FUNCTION ehds.keep_history(), ehds.catalog_changed() FROM PUBLIC;
