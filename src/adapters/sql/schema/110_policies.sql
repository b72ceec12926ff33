-- Rules about where datasets may stand.

CREATE TABLE policies (
    id         INTEGER PRIMARY KEY,
    name       TEXT   NOT NULL UNIQUE,
    rules      TEXT   NOT NULL, -- JSON
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
