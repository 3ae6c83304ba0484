//! All schema files: those compiled into the binary from the top-level folder `schemas/`. Files are read when a message
//! of theirs is first asked for, and kept compiled.
//!
//! A message is a file `<standard>/<version>/<Message>.toml` whose name starts with a capital letter or a digit; names in
//! lower case (`common`, `segments`) are only included by others. `codes/` holds code lists.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock, RwLock};

use rust_embed::RustEmbed;
use rustc_hash::FxHashMap;

use super::codes::CodeList;
use super::compile;
use super::file::{self, File};
use super::grammar::Grammar;
use crate::error::{Context, Error, Result};
use crate::model::message::MessageType;

#[derive(RustEmbed)]
#[folder = "schemas/"]
#[include = "*.toml"]
struct Embedded;

/// Deepest chain of includes, and most files of one grammar.
const MOST_FILES: usize = 64;

/// Where the text of a file comes from.
type Texts = Box<dyn Fn(&str) -> Option<Cow<'static, str>> + Send + Sync>;

/// Schema files and what was compiled of them.
pub struct Library {
    paths: Vec<String>,
    texts: Texts,
    codes: RwLock<FxHashMap<String, Arc<CodeList>>>,
    grammars: RwLock<FxHashMap<MessageType, Arc<Grammar>>>,
}

/// The built-in library.
pub fn library() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let paths = Embedded::iter().map(Cow::into_owned).collect();
        Library::new(
            paths,
            Box::new(|path| {
                let data = Embedded::get(path)?.data;
                Some(match data {
                    Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
                    Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
                })
            }),
        )
    })
}

impl Library {
    fn new(mut paths: Vec<String>, texts: Texts) -> Library {
        paths.sort_unstable();
        Library { paths, texts, codes: RwLock::default(), grammars: RwLock::default() }
    }

    /// A library of its own from paths (`ubl/2.1/Order.toml`) and texts.
    pub fn from_texts(texts: impl IntoIterator<Item = (String, String)>) -> Library {
        let texts: FxHashMap<String, String> = texts.into_iter().collect();
        let paths = texts.keys().cloned().collect();
        Library::new(paths, Box::new(move |path| texts.get(path).map(|text| Cow::Owned(text.clone()))))
    }

    /// The grammar of a message; `None` when there is none. A broken built-in table is logged and there is none.
    pub fn message(&self, message_type: &MessageType) -> Option<Arc<Grammar>> {
        self.compile(message_type).unwrap_or_else(|error| {
            tracing::error!(message = %message_type, %error, "a schema could not be compiled");
            None
        })
    }

    /// The grammar of a message; `None` when there is no file for it, an error when the file is wrong.
    pub fn compile(&self, message_type: &MessageType) -> Result<Option<Arc<Grammar>>> {
        let message_type = &*message_type.tables();
        if let Some(grammar) = read(&self.grammars).get(message_type) {
            return Ok(Some(Arc::clone(grammar)));
        }
        if !is_message(&message_type.name) {
            return Ok(None);
        }
        let path = format!("{message_type}.toml");
        let Some(own) = self.file(&path)? else { return Ok(None) };
        let mut files = vec![own];
        let mut next = 0;
        while let Some(file) = files.get(next).cloned() {
            next += 1;
            for (include, at) in &file.include {
                let path = format!("{include}.toml");
                if files.iter().any(|known| known.path == path) {
                    continue;
                }
                if files.len() >= MOST_FILES {
                    return Err(file.wrong(*at, format!("more than {MOST_FILES} files are included")));
                }
                let included = self.file(&path)?;
                files.push(included.ok_or_else(|| file.wrong(*at, format!("there is no schema file {include}")))?);
            }
        }
        let grammar = Arc::new(compile::compile(message_type, &files, &|name| self.codes(name))?);
        write(&self.grammars).insert(message_type.clone(), Arc::clone(&grammar));
        Ok(Some(grammar))
    }

    /// The messages there are tables for, sorted by standard, version and name.
    pub fn messages(&self) -> Vec<MessageType> {
        let types = self.paths.iter().filter_map(|path| path.strip_suffix(".toml")?.parse::<MessageType>().ok());
        types.filter(|message_type| is_message(&message_type.name) && message_type.standard != "codes").collect()
    }

    /// The versions of a message there are tables for, sorted.
    pub fn versions(&self, standard: &str, name: &str) -> Vec<String> {
        let all = self.messages().into_iter();
        all.filter(|known| known.standard == standard && known.name == name).map(|known| known.version).collect()
    }

    /// A code list by its path below `codes/`, such as `edifact/d96a/1001`.
    pub fn codes(&self, name: &str) -> Result<Option<Arc<CodeList>>> {
        if let Some(list) = read(&self.codes).get(name) {
            return Ok(Some(Arc::clone(list)));
        }
        let path = format!("codes/{name}.toml");
        let Some(text) = self.text(&path) else { return Ok(None) };
        let list = Arc::new(file::read_codes(&path, name, &text)?);
        write(&self.codes).insert(name.to_owned(), Arc::clone(&list));
        Ok(Some(list))
    }

    /// Compiles everything there is, for `doctor` and tests.
    pub fn compile_all(&self) -> Result<Vec<Arc<Grammar>>> {
        let mut grammars = Vec::new();
        for message_type in self.messages() {
            let grammar = self.compile(&message_type).context(|| format!("compiling the schema of {message_type}"))?;
            grammars.push(grammar.ok_or_else(|| Error::bug(format!("{message_type} is listed but has no file")))?);
        }
        Ok(grammars)
    }

    fn text(&self, path: &str) -> Option<Cow<'static, str>> {
        (self.texts)(path)
    }

    /// Read anew for each message: a message is compiled once, and what files say is larger than what comes of it.
    fn file(&self, path: &str) -> Result<Option<Arc<File>>> {
        self.text(path).map(|text| File::read(path, &text).map(Arc::new)).transpose()
    }
}

fn is_message(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit())
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::super::grammar::{Kind, UNBOUNDED};
    use super::*;
    use crate::model::name::Name;

    fn library_of(files: &[(&str, &str)]) -> Library {
        Library::from_texts(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
    }

    #[test]
    fn every_built_in_schema_compiles() {
        let grammars = library().compile_all().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(grammars.len(), library().messages().len());
    }

    #[test]
    fn an_edifact_message_with_its_segments() {
        let library = library_of(&[
            (
                "edifact/d96a/ORDERS.toml",
                "include = [\"edifact/d96a/segments\"]\ncut = \"SG25\"\n[types]\nORDERS = \"BGM SG1{0,10} SG25{0,200000}\"\nSG1 = \"RFF DTM{0,5}\"\nSG25 = \"LIN\"\n",
            ),
            (
                "edifact/d96a/segments.toml",
                "[types]\nBGM = \"C002? 1004?\"\nRFF = \"C506\"\nDTM = \"C507\"\nLIN = \"1082?\"\nC002 = \"1001? 1131?\"\nC506 = \"1153 1154?\"\nC507 = \"2005 2380? 2379?\"\n[simple]\n1001 = \"an..3\"\n1004 = \"an..35\"\n1082 = \"n..6\"\n1131 = \"an..3\"\n1153 = \"an..3\"\n1154 = \"an..35\"\n2005 = \"an..3\"\n2380 = \"an..35\"\n2379 = \"an..3\"\n",
            ),
        ]);
        let message_type = MessageType::new("edifact", "d96a", "ORDERS");
        assert_eq!(library.messages(), std::slice::from_ref(&message_type));
        let grammar = library.compile(&message_type).unwrap().unwrap();
        let kinds: Vec<Kind> = grammar.root_type().particles.iter().map(|particle| particle.kind).collect();
        assert_eq!(kinds, [Kind::Segment, Kind::Group, Kind::Group]);
        let group = grammar.root_type().child(Name::intern("SG1")).unwrap();
        assert_eq!((group.min, group.max), (0, 10));
        assert_eq!(grammar.trigger(group.type_id), Name::find("RFF"));
        let document = grammar.resolve(["BGM", "C002", "1001"]).unwrap();
        assert_eq!(document.ty.value.as_ref().unwrap().max_length, 3);
        assert_eq!(grammar.root_type().child(Name::intern("BGM")).map(|p| p.kind), Some(Kind::Segment));
        assert!(grammar.resolve(["BGM", "C507"]).is_none());
        assert!(Arc::ptr_eq(&grammar, &library.message(&message_type).unwrap()));
    }

    #[test]
    fn an_xml_message_with_attributes_and_choices() {
        let library = library_of(&[(
            "x/1/Doc.toml",
            "namespace = \"urn:x\"\n[prefixes]\np = \"urn:p\"\n[types]\nDoc = \"p:ID (p:A | p:B)* <not p lax>?\"\nB = { content = \"\", attributes = \"kind\" }\n[elements]\n\"p:ID\" = \"Identifier\"\n\"p:A\" = \"date\"\n\"p:B\" = \"B\"\n[simple]\nIdentifier = { base = \"normalizedString\", attributes = \"schemeID? uri=anyURI?\" }\n",
        )]);
        let grammar = library.compile(&MessageType::new("x", "1", "Doc")).unwrap().unwrap();
        let identifier = grammar.resolve(["p:ID", "@uri"]).unwrap();
        assert_eq!(&*identifier.ty.name, "anyURI");
        assert_eq!(grammar.resolve(["p:B"]).unwrap().most, UNBOUNDED);
        assert_eq!(grammar.root_type().order(Name::intern("p:B")), Some(2));
        assert!(grammar.global(Name::intern("p:A")).is_some());
    }

    fn check(files: &[(&str, &str)], expected: &str) {
        let library = library_of(files);
        let error = library.compile(&MessageType::new("x", "1", "Doc")).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn names_that_lead_nowhere_have_a_place() {
        let doc = |text: &'static str| [("x/1/Doc.toml", text)];
        check(
            &doc("[types]\nDoc = \"a? b\"\n[simple]\na = \"string\"\n"),
            "schemas/x/1/Doc.toml:2:11: there is no type b",
        );
        check(&doc("include = [\"x/1/common\"]\n"), "schemas/x/1/Doc.toml:1:12: there is no schema file x/1/common");
        check(
            &doc("cut = \"b\"\n[types]\nDoc = \"a=string\"\n"),
            "schemas/x/1/Doc.toml:1:7: Doc has no child b to be cut at",
        );
        check(
            &doc("[types]\nDoc = \"a=Loop\"\n[simple]\nLoop = \"Loop\"\n"),
            "schemas/x/1/Doc.toml:4:1: Loop cannot be the base of a value",
        );
        check(
            &doc("[types]\nDoc = \"\"\n[simple]\nDoc = \"string\"\n"),
            "schemas/x/1/Doc.toml:4:1: the type Doc is defined twice",
        );
        check(
            &doc("[types]\nDoc = { content = \"a=string a=string\", unordered = true }\n"),
            "schemas/x/1/Doc.toml:2:20: a name stands twice in an unordered type",
        );
        check(
            &doc("[types]\nDoc = \"a=C\"\n[simple]\nC = { base = \"string\", codes = \"nowhere\" }\n"),
            "schemas/x/1/Doc.toml:4:32: there is no code list nowhere",
        );
    }
}
