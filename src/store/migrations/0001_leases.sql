-- Named leases: who runs what only one hub may run at a time (see leases.rs).
CREATE TABLE lease (
    name     TEXT   NOT NULL PRIMARY KEY,
    owner    TEXT   NOT NULL,             -- which hub
    until_ms BIGINT NOT NULL,             -- UTC milliseconds; 0 when released
    epoch    BIGINT NOT NULL              -- raised whenever the owner changes
);
