-- What the clock starts, by name: for which time each ran last and how it went (see store/jobs.rs).
CREATE TABLE job (
    name         TEXT   NOT NULL PRIMARY KEY,
    scheduled_ms BIGINT NOT NULL,         -- the run that is done; when it was first seen, before any
    started_ms   BIGINT,                  -- UTC milliseconds
    ended_ms     BIGINT,                  -- null while it runs, or when the hub went down with it
    failures     BIGINT NOT NULL,         -- in a row, up to the last run
    outcome      TEXT   NOT NULL          -- a line for people
);
