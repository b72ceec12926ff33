-- Was it right? One row for each completed move: what was expected of it, and what it brought so far.

CREATE TABLE outcomes (
    job_id     BIGINT NOT NULL PRIMARY KEY REFERENCES jobs (id),
    dataset_id BIGINT NOT NULL, -- no reference: the record outlives the dataset's row
    verdict    TEXT   NOT NULL,
    closed     BIGINT NOT NULL, -- 1: nothing more is counted
    looked_day BIGINT NOT NULL, -- days since 1970, UTC
    body       TEXT   NOT NULL  -- JSON
);

CREATE INDEX outcomes_by_dataset ON outcomes (dataset_id, job_id);
CREATE INDEX outcomes_open ON outcomes (looked_day) WHERE closed = 0;
