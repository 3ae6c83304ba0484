//! Account: a person who may sign in, with role and organisation. Our own document; passwords are not part of it.

crate::record! {
    /// A person who may sign in.
    Account {
        /// Sign-in name
        id: String,
        /// Name people read
        name: String,
        /// One of the six roles
        role: String,
        /// The organisation, by the short name of its profile
        party: String,
        /// `ko` or `en`
        language: String,
        /// `active` or `ended`
        status: String,
    }
}
