-- Where readers are: bytes read by thirty days, of the events that say it. The rest of a dataset's reads is what the rollups have more.

CREATE TABLE access_readers (
    dataset_id    BIGINT NOT NULL,
    period        BIGINT NOT NULL, -- spans of thirty days since 1970
    client_region TEXT   NOT NULL,
    read_bytes    BIGINT NOT NULL,
    PRIMARY KEY (dataset_id, period, client_region)
) WITHOUT ROWID;

INSERT INTO access_readers (dataset_id, period, client_region, read_bytes)
SELECT dataset_id, occurred_at / 2592000000000, client_region, CAST(SUM(size_bytes) AS BIGINT)
FROM access_events
WHERE op = 0 AND client_region IS NOT NULL
GROUP BY dataset_id, occurred_at / 2592000000000, client_region;
