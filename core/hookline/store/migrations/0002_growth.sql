-- What tasks that grew came to. The attempt's own outputs are the recipe, which is what other runs reuse; the value is
-- that of the task which the recipe names as its result, kept here so that reading it needs no walk through the part.

CREATE TABLE grown (
    run      INTEGER NOT NULL,
    node     INTEGER NOT NULL,
    item     INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,                  -- the attempt that grew; 0 where the recipe was reused
    outputs  BLOB    NOT NULL,                  -- as of an attempt
    PRIMARY KEY (run, node, item)
) WITHOUT ROWID;
