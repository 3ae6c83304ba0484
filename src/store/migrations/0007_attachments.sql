-- Files that go with the text of a notice, prepared once as the text is.
CREATE TABLE delivery_attachment (
  delivery_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  name TEXT NOT NULL,
  content_type TEXT NOT NULL,
  bytes BYTEA NOT NULL,
  PRIMARY KEY (delivery_id, number)
);

-- The interchange of the same sender that this one corrects: it came in answer to our findings about that.
ALTER TABLE interchange ADD COLUMN revises_id BIGINT;
CREATE INDEX interchange_revises ON interchange (revises_id) WHERE revises_id IS NOT NULL;
