-- The event log. `event_counter` has one row: it is updated in the transaction of each change, so that numbers are
-- gapless and rise in the order of commits. Events up to `trimmed_seq` are gone.
CREATE TABLE event_counter (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    log_id TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    trimmed_seq BIGINT NOT NULL
);

INSERT INTO event_counter (id, log_id, last_seq, trimmed_seq) VALUES (1, '', 0, 0);

CREATE TABLE event_log (
    seq BIGINT NOT NULL PRIMARY KEY,
    stream TEXT NOT NULL,
    payload TEXT NOT NULL
);

CREATE INDEX event_log_by_stream ON event_log (stream, seq);

-- The last logged state of each job: what a snapshot holds, however old the event is.
CREATE TABLE job_latest (
    job_id BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    ended BIGINT NOT NULL,
    payload TEXT NOT NULL
);

CREATE INDEX job_latest_by_end ON job_latest (ended, seq);
