-- How fast reads at each location were: counters of a few buckets as JSON, kept by whoever reads.

CREATE TABLE location_reads (
    location_id BIGINT PRIMARY KEY REFERENCES locations (id) ON DELETE CASCADE,
    times       TEXT   NOT NULL, -- JSON
    measured_at BIGINT NOT NULL
);
