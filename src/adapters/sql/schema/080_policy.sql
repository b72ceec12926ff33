-- What the placement policy remembers. All of it can be made again from the accesses.

-- One row for each set of placements that datasets choose between.
CREATE TABLE policy_streams (
    id       TEXT   NOT NULL PRIMARY KEY, -- digest of the placements' names
    day      BIGINT NOT NULL, -- days since 1970, UTC: the day whose morning was the last
    consumed BIGINT NOT NULL, -- dataset-days with a read that were taken in
    body     TEXT   NOT NULL  -- JSON
);

CREATE TABLE policy_states (
    dataset_id BIGINT NOT NULL PRIMARY KEY REFERENCES datasets (id) ON DELETE CASCADE,
    stream     TEXT   NOT NULL,
    day        BIGINT NOT NULL,
    body       TEXT   NOT NULL, -- JSON
    guidance   TEXT             -- JSON; none where nothing is advised
);

CREATE INDEX policy_states_by_stream ON policy_states (stream, dataset_id);
