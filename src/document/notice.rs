//! Notice: a message to a person by mail. Our own document.

crate::record! {
    /// A message to a person.
    Notice {
        /// Number of ours
        id: String,
        /// Whom it is for, by the short name of its profile
        party: String,
        /// Mail address, or a phone: `sms:+8210…`
        to: String,
        /// Subject line
        subject: String,
        /// Text, plain
        text: String,
        /// `ko` or `en`
        language: String,
        /// Message ids of the mails it belongs to, that of the one it answers last
        thread: Vec<String>,
        /// Whether it answers a mail by itself: then no bounce of it may come back
        automatic_answer: Option<bool>,
        /// Interchanges whose files go with it, what is wrong marked in them
        marked: Vec<String>,
    }
}
