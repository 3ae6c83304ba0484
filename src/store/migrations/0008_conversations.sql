-- Steps of conversations with partners' systems that are done, so that a crash goes on behind the last one. kept is JSON: what
-- later steps need of the answer; never a secret or a session. line counts from 1 where a step is gone through for each line,
-- else 0. One that creates something stands as 'begun' before it is sent.
CREATE TABLE conversation_step (
  delivery_id BIGINT NOT NULL,
  step TEXT NOT NULL,
  line BIGINT NOT NULL,
  state TEXT NOT NULL,
  kept TEXT NOT NULL,
  at_ms BIGINT NOT NULL,
  PRIMARY KEY (delivery_id, step, line)
);
CREATE INDEX conversation_step_at ON conversation_step (at_ms);
