-- Objects that are to be copied or that failed are looked for among all; those that are copied or verified come in the order of their
-- keys, which is that of the table. So each object is in this index once, and leaves it once.

DROP INDEX job_objects_by_state;
CREATE INDEX job_objects_open ON job_objects (job_id, state, key) WHERE state = 'pending' OR state = 'failed';
