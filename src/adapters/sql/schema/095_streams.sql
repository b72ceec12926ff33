-- What is known of a message broker's topics: how far they were counted, and how far the event log was told to them.

-- Written in the transaction of the events that were counted; the broker's own record of it is for people to look at.
CREATE TABLE stream_offsets (
    reader       TEXT   NOT NULL, -- consumer group
    topic        TEXT   NOT NULL,
    partition_no BIGINT NOT NULL,
    next_offset  BIGINT NOT NULL, -- the first that was not counted
    PRIMARY KEY (reader, topic, partition_no)
) WITHOUT ROWID;

-- One row for each broker's set of topics: who tells the event log, and up to which number it was told.
CREATE TABLE stream_relays (
    name        TEXT   NOT NULL PRIMARY KEY,
    seq         BIGINT NOT NULL,
    owner       TEXT   NOT NULL, -- '' when nobody does
    lease_until BIGINT NOT NULL, -- microseconds UTC
    fence       BIGINT NOT NULL
);
