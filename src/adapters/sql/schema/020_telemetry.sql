-- Access events as they came, and what is kept of them by hour.

CREATE TABLE access_events (
    id            INTEGER PRIMARY KEY,
    dataset_id    BIGINT NOT NULL,
    op            BIGINT NOT NULL, -- 0 read, 1 write
    size_bytes    BIGINT NOT NULL,
    latency_us    BIGINT,
    client_region TEXT,
    occurred_at   BIGINT NOT NULL,
    received_at   BIGINT NOT NULL
);

-- The identities that were counted. A producer's numbers are kept as runs without gaps, disjoint and never touching: a million
-- numbers in order are one row. Ids have no order, and each is a row.
CREATE TABLE access_runs (
    producer       TEXT   NOT NULL,
    first_sequence BIGINT NOT NULL,
    last_sequence  BIGINT NOT NULL,
    PRIMARY KEY (producer, first_sequence)
) WITHOUT ROWID;

CREATE TABLE access_ids (
    event_id TEXT NOT NULL PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE access_rollups (
    dataset_id    BIGINT NOT NULL,
    hour          BIGINT NOT NULL, -- start, microseconds UTC
    reads         BIGINT NOT NULL,
    writes        BIGINT NOT NULL,
    read_bytes    BIGINT NOT NULL,
    write_bytes   BIGINT NOT NULL,
    latency_sum   BIGINT NOT NULL, -- microseconds
    latency_count BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, hour)
) WITHOUT ROWID;

-- One row: how many events were counted so far.
CREATE TABLE access_totals (
    id     BIGINT PRIMARY KEY CHECK (id = 1),
    events BIGINT NOT NULL
);

INSERT INTO access_totals (id, events) VALUES (1, 0);
