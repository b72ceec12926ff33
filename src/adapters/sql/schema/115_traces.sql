-- The request that a job came of, where it said which trace it is part of. Movers and topics go on with it.

CREATE TABLE job_traces (
    job_id      BIGINT NOT NULL PRIMARY KEY,
    traceparent TEXT   NOT NULL
) WITHOUT ROWID;
