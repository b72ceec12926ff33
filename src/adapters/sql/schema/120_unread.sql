-- Objects that a store copied by itself have no hash until somebody reads them: what the receipt was signed over stays in content_hash.

ALTER TABLE job_objects ADD COLUMN later_hash TEXT;
