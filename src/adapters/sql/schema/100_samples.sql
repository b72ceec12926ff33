-- How far each stage of a job was, and when: what its chart of throughput and its replay are drawn from. A sample a second at
-- most, and fewer the longer the job takes.

CREATE TABLE job_samples (
    job_id        BIGINT NOT NULL REFERENCES jobs (id),
    at            BIGINT NOT NULL,
    stage         TEXT   NOT NULL,
    attempt       BIGINT NOT NULL,
    objects_done  BIGINT NOT NULL,
    objects_total BIGINT NOT NULL,
    bytes_done    BIGINT NOT NULL,
    bytes_total   BIGINT NOT NULL,
    PRIMARY KEY (job_id, at)
) WITHOUT ROWID;
