-- The checksum that the target's store keeps of an object, as computed from what was read at the source; absent where none is wanted.

ALTER TABLE job_objects ADD COLUMN checksum TEXT;
ALTER TABLE job_parts ADD COLUMN checksum TEXT;
