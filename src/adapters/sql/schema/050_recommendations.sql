-- One recommendation a dataset: what lists need beside what people decided, and what the version was computed from. The whole of it
-- is in `recommendation_bodies`, so that lists and looks for what is stale read small rows.

CREATE TABLE recommendations (
    id                   INTEGER PRIMARY KEY AUTOINCREMENT,
    dataset_id           BIGINT NOT NULL UNIQUE REFERENCES datasets (id) ON DELETE CASCADE,
    action               TEXT   NOT NULL,
    net_saving           BIGINT NOT NULL, -- over the horizon, the move paid
    changed_because      TEXT   NOT NULL,
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    -- what people decided; taken back when the answer changes
    review               TEXT   NOT NULL DEFAULT 'open',
    review_reason        TEXT,
    review_until         BIGINT,
    review_at            BIGINT,
    -- what was looked at last, whether or not it made a new version
    seen_generation      BIGINT NOT NULL,
    seen_access          BIGINT,
    seen_choice          TEXT   NOT NULL, -- digest of the places to choose from and their prices
    seen_day             BIGINT NOT NULL
);

CREATE INDEX recommendations_by_saving ON recommendations (net_saving DESC, dataset_id);
CREATE INDEX recommendations_by_action ON recommendations (action, net_saving DESC, dataset_id);

CREATE TABLE recommendation_bodies (
    dataset_id BIGINT NOT NULL PRIMARY KEY REFERENCES datasets (id) ON DELETE CASCADE,
    body       TEXT   NOT NULL -- JSON
);

-- One row: the last access event whose dataset was looked at again.
CREATE TABLE recommender_state (
    id         BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    last_event BIGINT NOT NULL
);

INSERT INTO recommender_state (id, last_event) VALUES (1, 0);
