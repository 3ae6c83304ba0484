//! How bytes travel. Never looks inside them.
