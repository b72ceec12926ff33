-- SQLite alone
-- Names of datasets by every three letters in a row, so that a search need not look at each of them. Lower case as LIKE takes it (A to Z).

CREATE VIRTUAL TABLE dataset_names USING fts5 (name, content = '', tokenize = 'trigram case_sensitive 1');
INSERT INTO dataset_names (rowid, name) SELECT id, lower(name) FROM datasets;

CREATE TRIGGER dataset_names_insert AFTER INSERT ON datasets BEGIN
    INSERT INTO dataset_names (rowid, name) VALUES (new.id, lower(new.name));
END;
CREATE TRIGGER dataset_names_delete AFTER DELETE ON datasets BEGIN
    INSERT INTO dataset_names (dataset_names, rowid, name) VALUES ('delete', old.id, lower(old.name));
END;
CREATE TRIGGER dataset_names_update AFTER UPDATE OF name ON datasets BEGIN
    INSERT INTO dataset_names (dataset_names, rowid, name) VALUES ('delete', old.id, lower(old.name));
    INSERT INTO dataset_names (rowid, name) VALUES (new.id, lower(new.name));
END;
