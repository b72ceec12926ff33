-- How stores are reached, and the large objects that are being written in parts.

ALTER TABLE locations ADD COLUMN endpoint TEXT;
ALTER TABLE locations ADD COLUMN region TEXT;

-- An upload in parts, from after the store has named it until its object is recorded as copied.
CREATE TABLE job_uploads (
    job_id      BIGINT NOT NULL REFERENCES jobs (id),
    key         TEXT   NOT NULL,
    staging_no  BIGINT NOT NULL, -- the attempt that wrote it
    fingerprint TEXT   NOT NULL, -- of the source
    upload_id   TEXT   NOT NULL,
    part_bytes  BIGINT NOT NULL,
    PRIMARY KEY (job_id, key)
);

-- Its parts that are durable at the target.
CREATE TABLE job_parts (
    job_id  BIGINT NOT NULL,
    key     TEXT   NOT NULL,
    part_no BIGINT NOT NULL, -- from 0
    part_id TEXT   NOT NULL, -- the store's own name for it
    chain   TEXT   NOT NULL, -- chaining value of its BLAKE3 subtree
    PRIMARY KEY (job_id, key, part_no)
);
