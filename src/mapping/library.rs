//! All mapping files: those compiled into the binary from the top-level folder `mappings/`, one per message type, and
//! those that users bring. A file is compiled when a message of its type is first met.
//!
//! Which fields our documents have is said by the caller ([`Records`]), since this room does not know theirs.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock, RwLock};

use rust_embed::RustEmbed;
use rustc_hash::FxHashMap;

use super::Mapping;
use super::codes::Table;
use super::compile::{Parts, compile};
use super::file::{File, Way};
use crate::error::{Error, Result};
use crate::model::document_type::DocumentType;
use crate::model::message::MessageType;
use crate::model::record::Record;
use crate::schema;

#[derive(RustEmbed)]
#[folder = "mappings/"]
#[include = "*.toml"]
struct Embedded;

/// The table of fields of a document type: `crate::document::record`.
pub type Records = fn(DocumentType) -> &'static Record;

/// Files that one mapping is made of.
const MOST_FILES: usize = 16;

type Compiled = RwLock<FxHashMap<MessageType, Arc<Mapping>>>;

/// Mapping files and what was compiled of them.
#[derive(Debug)]
pub struct Library {
    records: Records,
    /// Each way by itself: most messages go one way.
    compiled: [Compiled; 3],
}

/// The built-in library; the first caller's `records` count, and there is only one.
pub fn library(records: Records) -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| Library { records, compiled: Default::default() })
}

fn text(path: &str) -> Option<Cow<'static, str>> {
    let data = Embedded::get(path)?.data;
    Some(match data {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    })
}

impl Library {
    /// What reads a message; none when there is none. A broken built-in file is logged and there is none.
    pub fn reading(&self, message_type: &MessageType) -> Option<Arc<Mapping>> {
        self.one_way(message_type, Way::Read)
    }

    /// What writes a message; none when there is none.
    pub fn writing(&self, message_type: &MessageType) -> Option<Arc<Mapping>> {
        self.one_way(message_type, Way::Write)
    }

    fn one_way(&self, message_type: &MessageType, way: Way) -> Option<Arc<Mapping>> {
        self.compiled(message_type, way).unwrap_or_else(|error| {
            tracing::error!(message = %message_type, %error, "a mapping could not be compiled");
            None
        })
    }

    /// Both ways, and its rows for people; none when there is no file for it, an error when the file is wrong.
    pub fn compile(&self, message_type: &MessageType) -> Result<Option<Arc<Mapping>>> {
        self.compiled(message_type, Way::Both)
    }

    fn compiled(&self, message_type: &MessageType, way: Way) -> Result<Option<Arc<Mapping>>> {
        let message_type = &*message_type.tables();
        let [both, reading, writing] = &self.compiled;
        let compiled = match way {
            Way::Both => both,
            Way::Read => reading,
            Way::Write => writing,
        };
        let known = compiled.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(message_type).cloned();
        if known.is_some() {
            return Ok(known);
        }
        if !message_type.name.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit()) {
            return Ok(None);
        }
        let path = format!("{message_type}.toml");
        let Some(text) = text(&path) else { return Ok(None) };
        let mut mapping = self.parse(&path, &text)?;
        mapping.keep(way);
        let mut compiled = compiled.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        Ok(Some(Arc::clone(compiled.entry(message_type.clone()).or_insert(Arc::new(mapping)))))
    }

    /// The messages there are mappings for, sorted.
    pub fn messages(&self) -> Vec<MessageType> {
        let types = Embedded::iter().filter_map(|path| path.strip_suffix(".toml")?.parse::<MessageType>().ok());
        let mut types: Vec<MessageType> = types
            .filter(|kind| kind.standard != "codes" && kind.name.starts_with(|c: char| c.is_ascii_uppercase()))
            .collect();
        types.sort_unstable();
        types
    }

    /// A mapping from the text of a file, such as a partner's dialect; `name` is what messages call it, below
    /// `mappings/`. What it extends and includes is built in.
    pub fn parse(&self, name: &str, text: &str) -> Result<Mapping> {
        self.parse_with(name, text, |message_type| schema::library().compile(message_type))
    }

    /// The same with grammars of the caller's.
    pub(super) fn parse_with(
        &self,
        name: &str,
        own: &str,
        grammar: impl Fn(&MessageType) -> Result<Option<Arc<schema::grammar::Grammar>>>,
    ) -> Result<Mapping> {
        let mut files = vec![Arc::new(File::read(&format!("mappings/{name}"), own)?)];
        let mut next = 0;
        while let Some(file) = files.get(next).cloned() {
            next += 1;
            for (other, at) in file.extends.iter().chain(&file.include) {
                let path = format!("{other}.toml");
                let known = format!("mappings/{path}");
                if files.iter().any(|file| file.source.name == known) {
                    continue;
                }
                if files.len() >= MOST_FILES {
                    return Err(file.source.wrong(*at, format!("more than {MOST_FILES} files")));
                }
                let text =
                    text(&path).ok_or_else(|| file.source.wrong(*at, format!("there is no mapping file {other}")))?;
                files.push(Arc::new(File::read(&known, &text)?));
            }
        }
        let said = |which: fn(&File) -> &Option<super::file::Word>, what: &str| {
            let found = files.iter().find_map(|file| Some((Arc::clone(file), which(file).clone()?)));
            found.ok_or_else(|| Error::config(format!("mappings/{name}: {what} is not said")))
        };
        let (file, (message, at)) = said(|file| &file.message, "message")?;
        let message_type: MessageType = message.parse().map_err(|error| file.source.wrong(at, error))?;
        let grammar = grammar(&message_type)?;
        let grammar = grammar.ok_or_else(|| file.source.wrong(at, format!("there is no schema of {message}")))?;
        let (file, (document, at)) = said(|file| &file.document, "document")?;
        let document_type: DocumentType = document.parse().map_err(|error| file.source.wrong(at, error))?;
        compile(Parts {
            name,
            files: &files,
            message_type,
            document_type,
            record: (self.records)(document_type),
            grammar,
            codes: &codes,
        })
    }
}

/// A built-in code table.
fn codes(name: &str, standard: &str) -> Result<Option<Arc<Table>>> {
    let path = format!("codes/{name}.toml");
    let Some(text) = text(&path) else { return Ok(None) };
    Ok(Table::load(&format!("mappings/{path}"), name, &text, standard)?.map(Arc::new))
}
