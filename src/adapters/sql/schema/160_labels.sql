-- Labels of datasets, and lists that people saved under a name.

CREATE TABLE dataset_labels (
    dataset_id  BIGINT NOT NULL REFERENCES datasets (id) ON DELETE CASCADE,
    label_key   TEXT   NOT NULL,
    label_value TEXT   NOT NULL, -- empty for a key alone
    PRIMARY KEY (dataset_id, label_key)
);

CREATE INDEX dataset_labels_by_label ON dataset_labels (label_key, label_value, dataset_id);

CREATE TABLE saved_views (
    id         INTEGER PRIMARY KEY,
    list       TEXT   NOT NULL, -- 'datasets', 'jobs' or 'recommendations'
    name       TEXT   NOT NULL,
    query      TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (list, name)
);
