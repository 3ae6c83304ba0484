//! Serde between our typed documents and their trees.
