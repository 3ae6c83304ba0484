-- Parcels that are booked with their courier: one row for each parcel, or for all of a despatch (parcel_id 0). due_ms is null
-- when nothing is to be done now; sent_ms says that the courier may have been asked to book since then.
CREATE TABLE courier_booking (
  id {id} PRIMARY KEY,
  courier_id BIGINT NOT NULL,
  centre_id BIGINT NOT NULL,
  despatch_id BIGINT NOT NULL REFERENCES despatch (id),
  parcel_id BIGINT NOT NULL,
  state TEXT NOT NULL,
  due_ms BIGINT,
  lease_owner TEXT NOT NULL,
  epoch BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  round BIGINT NOT NULL,
  sent_ms BIGINT,
  changed_ms BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  UNIQUE (despatch_id, parcel_id)
);
CREATE INDEX courier_booking_due ON courier_booking (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX courier_booking_wrong ON courier_booking (centre_id, changed_ms) WHERE state IN ('refused', 'unsure', 'given-up');
ALTER TABLE courier_ask ADD COLUMN given_up BIGINT NOT NULL DEFAULT 0;
CREATE INDEX courier_ask_given_up ON courier_ask (centre_id, asked_ms) WHERE given_up = 1;
