-- The orders of the dataset list, as the list asks for them: what is unknown comes last, which an index on the bare column does not say.

DROP INDEX datasets_by_last_access;
DROP INDEX datasets_by_cost;
CREATE INDEX datasets_by_last_access ON datasets ((COALESCE(last_access_at, -1)), id);
CREATE INDEX datasets_by_cost ON datasets ((COALESCE(monthly_cost, -1)), id);
