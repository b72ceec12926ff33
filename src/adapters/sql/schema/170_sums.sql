-- Sums over all datasets, as the pages ask for them: read from an index alone.

DROP INDEX datasets_by_location;
CREATE INDEX datasets_by_location ON datasets (location_id, storage_class, size_bytes, monthly_cost);
DROP INDEX datasets_by_action;
CREATE INDEX datasets_by_action ON datasets (rec_action, rec_saving);
-- The few recommendations that somebody decided on.
CREATE INDEX recommendations_by_review ON recommendations (review, dataset_id) WHERE review <> 'open';
