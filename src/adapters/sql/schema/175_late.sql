-- What was asked of a store may be carried out after its asker was killed: a cleaned staging area is looked at again then.

ALTER TABLE job_staging ADD COLUMN look_again_at BIGINT;
CREATE INDEX job_staging_late ON job_staging (look_again_at) WHERE look_again_at IS NOT NULL;
