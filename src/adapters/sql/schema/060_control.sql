-- How moves are carried out and held back: options, limits, receipts. Times are microseconds UTC.

ALTER TABLE jobs ADD COLUMN options TEXT NOT NULL DEFAULT '{}'; -- JSON, as the request had them
ALTER TABLE jobs ADD COLUMN priority BIGINT NOT NULL DEFAULT 0; -- higher is taken first
ALTER TABLE jobs ADD COLUMN bytes_sent BIGINT NOT NULL DEFAULT 0; -- copied so far, with what was copied again

-- Limits on bytes and objects a second. A row with neither is not kept.
CREATE TABLE limits (
    scope            TEXT   PRIMARY KEY, -- 'total', 'location:ID' or 'job:ID'
    bytes_per_sec    BIGINT,
    requests_per_sec BIGINT,
    updated_at       BIGINT NOT NULL
);

-- What was signed when a job completed. The objects stand in job_objects; the receipt binds them by a hash.
CREATE TABLE job_receipts (
    job_id     BIGINT PRIMARY KEY REFERENCES jobs (id),
    receipt    TEXT   NOT NULL, -- JSON
    seal       TEXT   NOT NULL, -- JSON
    created_at BIGINT NOT NULL
);
