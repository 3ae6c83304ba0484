-- The hub's tables. {id} is the row id type of the engine. Instants are UTC milliseconds, dates ISO text, decimals text,
-- booleans 0 or 1. centre_id and the owning organisations stand on every business row.

CREATE TABLE organisation (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  short TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  roles TEXT NOT NULL,
  language TEXT NOT NULL,
  mail TEXT NOT NULL,
  status TEXT NOT NULL,
  profile TEXT NOT NULL,
  created_ms BIGINT NOT NULL
);

CREATE TABLE organisation_identifier (
  scheme TEXT NOT NULL,
  value TEXT NOT NULL,
  organisation_id BIGINT NOT NULL REFERENCES organisation (id),
  PRIMARY KEY (scheme, value)
);

CREATE TABLE agreement (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  organisation_id BIGINT NOT NULL REFERENCES organisation (id),
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  direction TEXT NOT NULL,
  document_type TEXT NOT NULL,
  valid_from TEXT NOT NULL,
  valid_to TEXT NOT NULL,
  status TEXT NOT NULL,
  body TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  UNIQUE (name, version)
);

CREATE TABLE credential (
  id {id} PRIMARY KEY,
  organisation_id BIGINT NOT NULL REFERENCES organisation (id),
  kind TEXT NOT NULL,
  digest BYTEA NOT NULL UNIQUE,
  label TEXT NOT NULL,
  secret_name TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  ended_ms BIGINT
);

CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  sealed BYTEA NOT NULL,
  created_ms BIGINT NOT NULL
);

CREATE TABLE account (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  organisation_id BIGINT NOT NULL REFERENCES organisation (id),
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  language TEXT NOT NULL,
  password TEXT NOT NULL,
  status TEXT NOT NULL,
  created_ms BIGINT NOT NULL
);

CREATE TABLE session (
  token_digest BYTEA PRIMARY KEY,
  account_id BIGINT NOT NULL REFERENCES account (id),
  csrf TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT NOT NULL
);

CREATE TABLE sign_in_failure (
  login TEXT NOT NULL,
  at_ms BIGINT NOT NULL
);
CREATE INDEX sign_in_failure_login ON sign_in_failure (login, at_ms);

-- due_ms: when it is looked at again by itself; a lease is a due time in the future under a higher epoch.
-- What came in. Everything but state, lease and verdict is as received and never changes.
CREATE TABLE interchange (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  organisation_id BIGINT NOT NULL,
  transport TEXT NOT NULL,
  transport_id TEXT,
  content_type TEXT NOT NULL,
  charset TEXT NOT NULL,
  file_name TEXT NOT NULL,
  digest BYTEA NOT NULL,
  size_bytes BIGINT NOT NULL,
  received_ms BIGINT NOT NULL,
  account_id BIGINT,
  answers_delivery_id BIGINT,
  state TEXT NOT NULL,
  due_ms BIGINT,
  lease_owner TEXT,
  epoch BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  confirmed BIGINT NOT NULL,
  disposition TEXT,
  cause TEXT,
  format TEXT,
  control_reference TEXT,
  sender TEXT,
  receiver TEXT,
  documents BIGINT NOT NULL,
  findings TEXT,
  decided_ms BIGINT
);
-- Duplicate keys are dropped after the agreed window by setting transport_id to null.
CREATE UNIQUE INDEX interchange_transport_id ON interchange (organisation_id, transport_id) WHERE transport_id IS NOT NULL;
CREATE INDEX interchange_due ON interchange (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX interchange_answers ON interchange (answers_delivery_id) WHERE answers_delivery_id IS NOT NULL;
CREATE INDEX interchange_state ON interchange (state, id) WHERE state <> 'decided' AND state <> 'received';

-- Payloads of one chunk. Larger ones are in payload_chunk.
CREATE TABLE payload (
  interchange_id {id} PRIMARY KEY,
  bytes BYTEA NOT NULL
);

CREATE TABLE payload_chunk (
  interchange_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  bytes BYTEA NOT NULL,
  PRIMARY KEY (interchange_id, number)
);

CREATE TABLE document (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  interchange_id BIGINT NOT NULL,
  ordinal BIGINT NOT NULL,
  document_type TEXT NOT NULL,
  number TEXT NOT NULL,
  issuer_id BIGINT NOT NULL,
  message_type TEXT NOT NULL,
  message_reference TEXT NOT NULL,
  mapping TEXT NOT NULL,
  agreement_id BIGINT,
  identity TEXT NOT NULL,
  same_as BIGINT,
  disposition TEXT NOT NULL,
  findings TEXT NOT NULL,
  content TEXT NOT NULL,
  content_digest BYTEA NOT NULL,
  trade_id BIGINT,
  received_ms BIGINT NOT NULL,
  decided_ms BIGINT NOT NULL,
  UNIQUE (interchange_id, ordinal)
);
CREATE INDEX document_trade ON document (trade_id, id) WHERE trade_id IS NOT NULL;
CREATE INDEX document_number ON document (number, document_type);

-- Who may see a document besides operators: who sent it, who received it, who is named by it.
CREATE TABLE document_party (
  organisation_id BIGINT NOT NULL,
  document_id BIGINT NOT NULL,
  part TEXT NOT NULL,
  PRIMARY KEY (organisation_id, document_id, part)
);
CREATE INDEX document_party_document ON document_party (document_id);

-- Only what was accepted occupies its business key.
CREATE TABLE business_key (
  document_type TEXT NOT NULL,
  issuer_id BIGINT NOT NULL,
  number TEXT NOT NULL,
  document_id BIGINT NOT NULL,
  PRIMARY KEY (document_type, issuer_id, number)
);

-- Documents without a number of their own: when an equal one of the same sender came.
CREATE TABLE content_seen (
  issuer_id BIGINT NOT NULL,
  document_type TEXT NOT NULL,
  content_digest BYTEA NOT NULL,
  document_id BIGINT NOT NULL,
  seen_ms BIGINT NOT NULL,
  PRIMARY KEY (issuer_id, document_type, content_digest, document_id)
);

CREATE TABLE trade (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  number TEXT NOT NULL,
  title TEXT NOT NULL,
  buyer_id BIGINT NOT NULL,
  seller_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  changed_ms BIGINT NOT NULL
);
CREATE INDEX trade_changed ON trade (centre_id, changed_ms);

-- Normalised identifiers of a trade (order number, waybill, despatch number, SSCC), one row for each organisation that
-- knows it: it sent or received a document with it.
CREATE TABLE trade_key (
  value TEXT NOT NULL,
  kind TEXT NOT NULL,
  trade_id BIGINT NOT NULL,
  organisation_id BIGINT NOT NULL,
  PRIMARY KEY (value, kind, trade_id, organisation_id)
);
CREATE INDEX trade_key_trade ON trade_key (trade_id);

CREATE TABLE trade_party (
  organisation_id BIGINT NOT NULL,
  trade_id BIGINT NOT NULL,
  part TEXT NOT NULL,
  PRIMARY KEY (organisation_id, trade_id, part)
);
CREATE INDEX trade_party_trade ON trade_party (trade_id);

-- What everybody concerned may know: that it happened, not what it said.
CREATE TABLE milestone (
  id {id} PRIMARY KEY,
  trade_id BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  kind TEXT NOT NULL,
  organisation_id BIGINT NOT NULL,
  document_id BIGINT,
  detail TEXT NOT NULL
);
CREATE INDEX milestone_trade ON milestone (trade_id, at_ms);

-- A catalogue's lines, one row per item and catalogue document. They are written in steps and are not seen until the
-- catalogue stands in catalogue_live; of several live catalogues of a producer the latest row of an item holds.
CREATE TABLE item (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  producer_id BIGINT NOT NULL,
  document_id BIGINT NOT NULL,
  item_key TEXT NOT NULL,
  name TEXT NOT NULL,
  currency TEXT NOT NULL,
  price TEXT NOT NULL,
  unit TEXT NOT NULL,
  lead_days BIGINT,
  deleted BIGINT NOT NULL,
  content TEXT NOT NULL,
  UNIQUE (document_id, item_key)
);

CREATE TABLE item_identifier (
  value TEXT NOT NULL,
  kind TEXT NOT NULL,
  item_id BIGINT NOT NULL,
  PRIMARY KEY (value, kind, item_id)
);
CREATE INDEX item_identifier_item ON item_identifier (item_id);

CREATE TABLE catalogue_live (
  producer_id BIGINT NOT NULL,
  document_id BIGINT NOT NULL,
  PRIMARY KEY (producer_id, document_id)
);

CREATE TABLE purchase_order (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  trade_id BIGINT NOT NULL,
  document_id BIGINT NOT NULL,
  number TEXT NOT NULL,
  buyer_id BIGINT NOT NULL,
  seller_id BIGINT NOT NULL,
  currency TEXT NOT NULL,
  issue_date TEXT NOT NULL,
  parts BIGINT NOT NULL,
  responses BIGINT NOT NULL,
  state TEXT NOT NULL,
  changed_ms BIGINT NOT NULL,
  UNIQUE (buyer_id, number)
);
CREATE INDEX purchase_order_trade ON purchase_order (trade_id);

-- The part of an order that one producer was sent.
CREATE TABLE order_part (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  order_id BIGINT NOT NULL REFERENCES purchase_order (id),
  trade_id BIGINT NOT NULL,
  part BIGINT NOT NULL,
  number TEXT NOT NULL,
  producer_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  UNIQUE (producer_id, number)
);
CREATE INDEX order_part_order ON order_part (order_id);

CREATE TABLE order_line (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  order_id BIGINT NOT NULL REFERENCES purchase_order (id),
  part_id BIGINT NOT NULL REFERENCES order_part (id),
  position BIGINT NOT NULL,
  line TEXT NOT NULL,
  item_id BIGINT NOT NULL,
  producer_id BIGINT NOT NULL,
  seller_id BIGINT NOT NULL,
  name TEXT NOT NULL,
  quantity TEXT NOT NULL,
  unit TEXT NOT NULL,
  price TEXT NOT NULL,
  currency TEXT NOT NULL,
  confirmed TEXT NOT NULL,
  despatched TEXT NOT NULL,
  delivered TEXT NOT NULL,
  promised_date TEXT NOT NULL,
  state TEXT NOT NULL,
  note TEXT NOT NULL
);
CREATE INDEX order_line_order ON order_line (order_id, position);
CREATE INDEX order_line_part ON order_line (part_id);

CREATE TABLE despatch (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  trade_id BIGINT NOT NULL,
  order_id BIGINT NOT NULL,
  part_id BIGINT NOT NULL,
  document_id BIGINT NOT NULL,
  number TEXT NOT NULL,
  producer_id BIGINT NOT NULL,
  despatched_ms BIGINT NOT NULL
);
CREATE INDEX despatch_trade ON despatch (trade_id);

CREATE TABLE parcel (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  trade_id BIGINT NOT NULL,
  despatch_id BIGINT NOT NULL REFERENCES despatch (id),
  position BIGINT NOT NULL,
  sscc TEXT NOT NULL,
  tracking_id TEXT NOT NULL,
  courier_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  summary TEXT NOT NULL,
  changed_ms BIGINT NOT NULL
);
CREATE INDEX parcel_tracking ON parcel (tracking_id);
CREATE INDEX parcel_despatch ON parcel (despatch_id);

CREATE TABLE parcel_line (
  parcel_id BIGINT NOT NULL REFERENCES parcel (id),
  order_line_id BIGINT NOT NULL REFERENCES order_line (id),
  quantity TEXT NOT NULL,
  serial_ids TEXT NOT NULL,
  PRIMARY KEY (parcel_id, order_line_id)
);

CREATE TABLE parcel_event (
  id {id} PRIMARY KEY,
  parcel_id BIGINT NOT NULL REFERENCES parcel (id),
  document_id BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  sequence BIGINT NOT NULL,
  status TEXT NOT NULL,
  courier_code TEXT NOT NULL,
  location TEXT NOT NULL,
  received_by TEXT NOT NULL,
  note TEXT NOT NULL,
  UNIQUE (parcel_id, at_ms, sequence, status, courier_code)
);

CREATE TABLE statement (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  organisation_id BIGINT NOT NULL,
  document_id BIGINT NOT NULL,
  number TEXT NOT NULL,
  period TEXT NOT NULL,
  currency TEXT NOT NULL,
  total_minor BIGINT NOT NULL,
  UNIQUE (organisation_id, period, currency)
);

-- One line per parcel and order line that was delivered; never changed but for the statement it went into.
CREATE TABLE statement_line (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  seller_id BIGINT NOT NULL,
  producer_id BIGINT NOT NULL,
  buyer_id BIGINT NOT NULL,
  trade_id BIGINT NOT NULL,
  order_line_id BIGINT NOT NULL,
  parcel_id BIGINT NOT NULL,
  quantity TEXT NOT NULL,
  price TEXT NOT NULL,
  currency TEXT NOT NULL,
  invoiced_minor BIGINT NOT NULL,
  seller_minor BIGINT NOT NULL,
  rest_minor BIGINT NOT NULL,
  share_percent TEXT NOT NULL,
  rounding TEXT NOT NULL,
  agreement_id BIGINT NOT NULL,
  delivered_on TEXT NOT NULL,
  document_id BIGINT NOT NULL,
  statement_id BIGINT,
  UNIQUE (parcel_id, order_line_id)
);
CREATE INDEX statement_line_open ON statement_line (seller_id, delivered_on) WHERE statement_id IS NULL;
CREATE INDEX statement_line_statement ON statement_line (statement_id) WHERE statement_id IS NOT NULL;
CREATE INDEX statement_line_trade ON statement_line (trade_id);

-- What goes out. content is the canonical document to be written; body, once prepared, never changes.
CREATE TABLE delivery (
  id {id} PRIMARY KEY,
  centre_id BIGINT NOT NULL,
  organisation_id BIGINT NOT NULL,
  agreement_id BIGINT NOT NULL,
  document_id BIGINT,
  interchange_id BIGINT NOT NULL,
  trade_id BIGINT,
  kind TEXT NOT NULL,
  document_type TEXT NOT NULL,
  number TEXT NOT NULL,
  message_type TEXT NOT NULL,
  address TEXT NOT NULL,
  content TEXT NOT NULL,
  state TEXT NOT NULL,
  due_ms BIGINT,
  lease_owner TEXT,
  epoch BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  prepared BIGINT NOT NULL,
  content_type TEXT NOT NULL,
  control_reference TEXT NOT NULL,
  findings TEXT NOT NULL,
  reason TEXT NOT NULL,
  receipt TEXT NOT NULL,
  created_ms BIGINT NOT NULL,
  changed_ms BIGINT NOT NULL,
  acknowledged TEXT NOT NULL
);
CREATE INDEX delivery_due ON delivery (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX delivery_interchange ON delivery (interchange_id);
CREATE INDEX delivery_document ON delivery (document_id, organisation_id) WHERE document_id IS NOT NULL;
CREATE INDEX delivery_organisation ON delivery (organisation_id, id);
CREATE INDEX delivery_dead ON delivery (id) WHERE state = 'dead';
CREATE INDEX delivery_trade ON delivery (trade_id) WHERE trade_id IS NOT NULL;
CREATE INDEX delivery_control ON delivery (organisation_id, control_reference) WHERE control_reference <> '';

CREATE TABLE delivery_body (
  delivery_id {id} PRIMARY KEY,
  bytes BYTEA NOT NULL
);

CREATE TABLE delivery_attempt (
  delivery_id BIGINT NOT NULL,
  number BIGINT NOT NULL,
  at_ms BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  duration_ms BIGINT NOT NULL,
  PRIMARY KEY (delivery_id, number)
);

-- Interchanges that wait for a key to appear.
CREATE TABLE waiting (
  kind TEXT NOT NULL,
  value TEXT NOT NULL,
  interchange_id BIGINT NOT NULL,
  until_ms BIGINT NOT NULL,
  PRIMARY KEY (kind, value, interchange_id)
);
CREATE INDEX waiting_interchange ON waiting (interchange_id);

CREATE TABLE audit (
  id {id} PRIMARY KEY,
  at_ms BIGINT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  digest BYTEA
);

-- Raised whenever organisations, agreements, accounts or credentials change, so that every hub reads them again.
CREATE TABLE directory_version (
  id {id} PRIMARY KEY,
  version BIGINT NOT NULL
);
INSERT INTO directory_version (id, version) VALUES (1, 1);
