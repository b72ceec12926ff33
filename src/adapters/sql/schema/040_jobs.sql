-- Migration jobs. Every change of a job's state is conditional on its fence and on the state that was seen, and writes its
-- row of `job_events` and of the event log in the same transaction. Times are microseconds UTC.

CREATE TABLE jobs (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never given twice
    dataset_id         BIGINT NOT NULL, -- no reference: a job outlives the dataset's row
    dataset_name       TEXT   NOT NULL,
    status             TEXT   NOT NULL,
    wanted             TEXT   NOT NULL DEFAULT '', -- '', 'cancel' or 'pause'
    rounds             BIGINT NOT NULL DEFAULT 0, -- how often the source changed under the copy
    undo_open          BIGINT NOT NULL DEFAULT 0, -- 1 while the retained source stands whole
    reason             TEXT,
    error_code         TEXT,
    attempt            BIGINT NOT NULL DEFAULT 1, -- runs, as people count them

    source_location_id BIGINT NOT NULL,
    source_root        TEXT   NOT NULL, -- the location's address when the job was made
    source_uri         TEXT   NOT NULL,
    source_class       TEXT   NOT NULL,
    source_replica_id  BIGINT,
    target_location_id BIGINT NOT NULL,
    target_root        TEXT   NOT NULL,
    target_identity    TEXT, -- of the directory that target_root was then: a mount point is another one when nothing is mounted
    target_uri         TEXT   NOT NULL,
    target_class       TEXT   NOT NULL,
    target_replica_id  BIGINT, -- set by the switch
    seen_generation    BIGINT NOT NULL, -- the dataset's generation that the switch insists on
    plan               TEXT   NOT NULL, -- JSON

    -- whoever holds the job
    fence              BIGINT NOT NULL DEFAULT 0, -- rises at every claim
    owner              TEXT, -- empty: free for the next mover
    lease_until        BIGINT,

    -- the staging area
    token              TEXT   NOT NULL UNIQUE,
    staging_no         BIGINT NOT NULL DEFAULT 1, -- rises when the last holder may still be alive
    parents            TEXT, -- JSON: directories above the target that the job made
    keep_until         BIGINT, -- of a failed job: until when its copied bytes wait for a retry
    manifest_at        BIGINT, -- when the manifest was whole
    verification       TEXT,

    -- progress of the present stage
    objects_done       BIGINT NOT NULL DEFAULT 0,
    objects_total      BIGINT NOT NULL,
    bytes_done         BIGINT NOT NULL DEFAULT 0,
    bytes_total        BIGINT NOT NULL,
    bytes_per_sec      BIGINT NOT NULL DEFAULT 0,

    forecast_saving    BIGINT, -- nano-USD a month
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL,
    started_at         BIGINT,
    finished_at        BIGINT,
    undo_until         BIGINT
);

-- One live job a dataset.
CREATE UNIQUE INDEX jobs_one_live ON jobs (dataset_id)
    WHERE status IN ('awaiting_approval', 'queued', 'copying', 'verifying', 'switching', 'paused');
CREATE INDEX jobs_by_dataset ON jobs (dataset_id, id);
CREATE INDEX jobs_by_status ON jobs (status, id);
CREATE INDEX jobs_by_source_replica ON jobs (source_replica_id);
CREATE INDEX jobs_by_target_replica ON jobs (target_replica_id);

-- The stages a job went through. `seq` is the number in the event log; the row stays when the log is trimmed.
CREATE TABLE job_events (
    job_id  BIGINT NOT NULL REFERENCES jobs (id),
    seq     BIGINT NOT NULL,
    status  TEXT   NOT NULL,
    reason  TEXT,
    attempt BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (job_id, seq)
);

-- The manifest: what the source held when it was listed, and how far each object is.
CREATE TABLE job_objects (
    job_id             BIGINT NOT NULL REFERENCES jobs (id),
    key                TEXT   NOT NULL, -- below the dataset's prefix
    size_bytes         BIGINT NOT NULL,
    fingerprint        TEXT   NOT NULL, -- of the source
    state              TEXT   NOT NULL CHECK (state IN ('pending', 'copied', 'verified', 'failed')),
    content_hash       TEXT, -- BLAKE3 of the bytes as they were read from the source
    metadata           TEXT, -- as it was set at the target
    target_fingerprint TEXT,
    error              TEXT,
    PRIMARY KEY (job_id, key)
) WITHOUT ROWID;

CREATE INDEX job_objects_by_state ON job_objects (job_id, state);

-- Staging directories, from before they are made. The identity is that of the directory itself, so that it is recognised after a
-- rename; it is empty until the directory was made.
CREATE TABLE job_staging (
    job_id     BIGINT NOT NULL REFERENCES jobs (id),
    staging_no BIGINT NOT NULL,
    identity   TEXT   NOT NULL,
    cleaned_at BIGINT, -- when nothing of it was left
    PRIMARY KEY (job_id, staging_no)
);

CREATE INDEX job_staging_left ON job_staging (job_id) WHERE cleaned_at IS NULL;
