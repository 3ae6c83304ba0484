-- Channels that this hub keeps open by itself (mailboxes, the mail relay): whether they work, and how far they were read.
CREATE TABLE channel (
  name TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL,
  since_ms BIGINT NOT NULL,
  succeeded_ms BIGINT,
  failed_ms BIGINT,
  failures BIGINT NOT NULL,
  cause TEXT NOT NULL,
  position TEXT NOT NULL
);
