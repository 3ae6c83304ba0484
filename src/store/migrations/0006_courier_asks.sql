-- What couriers are asked. due_ms is null when nothing is to be asked now; the row stays, so that the clock knows when it
-- was asked last.
CREATE TABLE courier_ask (
  id {id} PRIMARY KEY,
  courier_id BIGINT NOT NULL,
  centre_id BIGINT NOT NULL,
  carrier TEXT NOT NULL,
  tracking_id TEXT NOT NULL,
  due_ms BIGINT,
  lease_owner TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  asked_ms BIGINT,
  outcome TEXT NOT NULL,
  UNIQUE (courier_id, tracking_id, carrier)
);
CREATE INDEX courier_ask_due ON courier_ask (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX parcel_under_way ON parcel (courier_id, changed_ms) WHERE state NOT IN ('delivered', 'returned');
