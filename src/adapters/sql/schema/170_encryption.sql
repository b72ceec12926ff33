-- How copies are encrypted: where the key is found and which it is, never the key. JSON; absent where a copy is not encrypted.

ALTER TABLE locations ADD COLUMN encryption TEXT; -- what is written there from now on
ALTER TABLE replicas ADD COLUMN encryption TEXT;  -- what stands there
ALTER TABLE jobs ADD COLUMN source_encryption TEXT;
ALTER TABLE jobs ADD COLUMN target_encryption TEXT; -- of every attempt, whatever becomes of the location's setting

-- What the target's store holds of an encrypted object: its size there, and the hash by which it is known without the key.
ALTER TABLE job_objects ADD COLUMN stored_bytes BIGINT;
ALTER TABLE job_objects ADD COLUMN stored_hash TEXT;
ALTER TABLE job_parts ADD COLUMN stored TEXT; -- the hashes of the part's segments
