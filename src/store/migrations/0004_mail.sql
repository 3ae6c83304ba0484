-- Mails as they came in. The documents in one are interchanges with its id.
CREATE TABLE mail (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  -- Whom the address in From belongs to; the centre as long as nobody has it (known = 0).
  organisation_id BIGINT NOT NULL,
  known BIGINT NOT NULL,
  channel TEXT NOT NULL,
  message_id TEXT NOT NULL,
  documents_digest BYTEA NOT NULL,
  sender TEXT NOT NULL,
  sender_shown TEXT NOT NULL,
  return_path TEXT NOT NULL,
  recipients TEXT NOT NULL,
  subject TEXT NOT NULL,
  -- Message ids, one a line, the latest last.
  thread TEXT NOT NULL,
  automatic TEXT NOT NULL,
  evidence TEXT NOT NULL,
  released TEXT NOT NULL,
  link_digest BYTEA,
  link_until_ms BIGINT,
  documents BIGINT NOT NULL,
  left_out TEXT NOT NULL,
  answers_delivery_id BIGINT,
  digest BYTEA NOT NULL,
  size_bytes BIGINT NOT NULL,
  received_ms BIGINT NOT NULL
);
CREATE UNIQUE INDEX mail_message ON mail (message_id, documents_digest);
CREATE UNIQUE INDEX mail_link ON mail (link_digest) WHERE link_digest IS NOT NULL;
CREATE INDEX mail_unknown ON mail (sender, id) WHERE known = 0;

CREATE TABLE mail_chunk (
  mail_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  bytes BYTEA NOT NULL,
  PRIMARY KEY (mail_id, number)
);

ALTER TABLE interchange ADD COLUMN mail_id BIGINT;
-- The disposition that the sender of the mail was told last.
ALTER TABLE interchange ADD COLUMN told TEXT;
CREATE INDEX interchange_mail ON interchange (mail_id) WHERE mail_id IS NOT NULL;
