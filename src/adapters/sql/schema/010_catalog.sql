-- Locations, datasets and their copies. Times are microseconds UTC, sizes bytes, money nano-USD.

CREATE TABLE locations (
    id              INTEGER PRIMARY KEY AUTOINCREMENT, -- an id is never given twice
    name            TEXT   NOT NULL UNIQUE,
    uri             TEXT   NOT NULL UNIQUE,
    provider        TEXT   NOT NULL,
    storage_classes TEXT   NOT NULL, -- JSON array, the first is the default
    price_book      TEXT   NOT NULL,
    credential_ref  TEXT,
    generation      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    -- the last look at the real store
    checked_at      BIGINT,
    check_json      TEXT
);

CREATE TABLE datasets (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    name             TEXT   NOT NULL UNIQUE,
    path_uri         TEXT   NOT NULL,
    location_id      BIGINT NOT NULL REFERENCES locations (id),
    prefix           TEXT   NOT NULL, -- below the location's root, no slash at either end
    storage_class    TEXT   NOT NULL,
    size_bytes       BIGINT NOT NULL CHECK (size_bytes >= 0),
    object_count     BIGINT NOT NULL CHECK (object_count >= 0),
    scanned_at       BIGINT,
    generation       BIGINT NOT NULL,
    pinned_reason    TEXT,
    latency_limit_ms BIGINT,
    stand_in         BIGINT NOT NULL DEFAULT 0, -- 1: its files stand for larger ones, and a listing does not change count and size
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    -- kept by telemetry, so that a list needs no look at the rollups
    last_access_at   BIGINT,
    -- kept by the recommender, so that a list can be ordered by them in SQL
    monthly_cost     BIGINT,
    rec_action       TEXT,
    rec_proposed     TEXT,
    rec_saving       BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX datasets_by_location ON datasets (location_id, storage_class);
CREATE INDEX datasets_by_size ON datasets (size_bytes, id);
CREATE INDEX datasets_by_last_access ON datasets (last_access_at, id);
CREATE INDEX datasets_by_saving ON datasets (rec_saving, id);
CREATE INDEX datasets_by_cost ON datasets (monthly_cost, id);
CREATE INDEX datasets_by_action ON datasets (rec_action);

CREATE TABLE replicas (
    id            INTEGER PRIMARY KEY,
    dataset_id    BIGINT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    location_id   BIGINT NOT NULL REFERENCES locations (id),
    prefix        TEXT   NOT NULL,
    storage_class TEXT   NOT NULL,
    role          TEXT   NOT NULL CHECK (role IN ('serving', 'retained', 'deleting', 'retired')),
    object_count  BIGINT NOT NULL,
    size_bytes    BIGINT NOT NULL,
    verified_at   BIGINT,
    created_at    BIGINT NOT NULL,
    retire_after  BIGINT
);

CREATE INDEX replicas_by_dataset ON replicas (dataset_id, role);
CREATE INDEX replicas_by_place ON replicas (location_id, prefix);
-- A dataset is never served from two places.
CREATE UNIQUE INDEX replicas_one_serving ON replicas (dataset_id) WHERE role = 'serving';

-- Answers to requests that carried an Idempotency-Key, kept for a day.
CREATE TABLE idempotency_keys (
    scope        TEXT   NOT NULL, -- method and path
    key          TEXT   NOT NULL,
    request_hash TEXT   NOT NULL,
    status       BIGINT NOT NULL,
    headers      TEXT   NOT NULL, -- JSON pairs
    body         TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    PRIMARY KEY (scope, key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
