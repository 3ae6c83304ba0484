//! What goes into a statement and what comes back: null, a whole number, text, bytes; nothing else crosses.
//!
//! Booleans are 0 and 1, instants UTC milliseconds, dates ISO text. Floats are refused. Text holds no U+0000, because
//! PostgreSQL cannot keep it.

use crate::error::{Error, Result};

/// What comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Nothing.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Int(_) => "a number",
            Value::Text(_) => "text",
            Value::Bytes(_) => "bytes",
        }
    }
}

/// What goes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Param<'a> {
    /// Nothing, of any type.
    Null,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
}

macro_rules! from_numbers {
    ($($number:ty)*) => { $(
        impl From<$number> for Param<'_> {
            fn from(number: $number) -> Self {
                Param::Int(i64::from(number))
            }
        }
    )* };
}

from_numbers! { i64 i32 i16 u32 u16 u8 bool }

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Param::Text(text)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Param::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Param::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Param<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Param::Bytes(bytes)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Param<'a> {
    fn from(bytes: &'a [u8; N]) -> Self {
        Param::Bytes(bytes)
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Param::Null, Into::into)
    }
}

impl<'a> From<&'a Option<String>> for Param<'a> {
    fn from(text: &'a Option<String>) -> Self {
        text.as_deref().into()
    }
}

impl<'a> From<&'a Option<Vec<u8>>> for Param<'a> {
    fn from(bytes: &'a Option<Vec<u8>>) -> Self {
        bytes.as_deref().into()
    }
}

impl<'a> From<&'a Value> for Param<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Param::Null,
            Value::Int(number) => Param::Int(*number),
            Value::Text(text) => Param::Text(text),
            Value::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

/// The parameters of one statement: `params![id, name.as_str(), None::<i64>]`.
#[macro_export]
macro_rules! params {
    () => { &[] as &[$crate::store::Param<'_>] };
    ($($value:expr),+ $(,)?) => { &[$($crate::store::Param::from($value)),+] as &[$crate::store::Param<'_>] };
}

/// One row of an answer. Columns count from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Row {
    values: Vec<Value>,
    sql: &'static str,
}

impl Row {
    pub(super) fn new(values: Vec<Value>, sql: &'static str) -> Row {
        Row { values, sql }
    }

    /// The value of a column.
    pub fn value(&self, column: usize) -> Result<&Value> {
        self.values.get(column).ok_or_else(|| self.wrong(column, "a column"))
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.values.len()
    }

    fn wrong(&self, column: usize, wanted: &str) -> Error {
        let found = self.values.get(column).map_or("no such column", Value::kind);
        Error::bug(format!("column {column} of `{}`: wanted {wanted}, found {found}", super::fault::shorten(self.sql)))
    }

    /// A number.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| self.wrong(column, "a number"))
    }

    /// A number or nothing.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self.values.get(column) {
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(column, "a number")),
        }
    }

    /// 0 or 1.
    pub fn flag(&self, column: usize) -> Result<bool> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong(column, "0 or 1")),
        }
    }

    /// Text, borrowed.
    pub fn text_ref(&self, column: usize) -> Result<&str> {
        self.opt_text_ref(column)?.ok_or_else(|| self.wrong(column, "text"))
    }

    /// Text or nothing, borrowed.
    pub fn opt_text_ref(&self, column: usize) -> Result<Option<&str>> {
        match self.values.get(column) {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(column, "text")),
        }
    }

    /// Text.
    pub fn text(&self, column: usize) -> Result<String> {
        self.text_ref(column).map(str::to_owned)
    }

    /// Text or nothing.
    pub fn opt_text(&self, column: usize) -> Result<Option<String>> {
        Ok(self.opt_text_ref(column)?.map(str::to_owned))
    }

    /// Bytes, borrowed.
    pub fn bytes_ref(&self, column: usize) -> Result<&[u8]> {
        self.opt_bytes_ref(column)?.ok_or_else(|| self.wrong(column, "bytes"))
    }

    /// Bytes or nothing, borrowed.
    pub fn opt_bytes_ref(&self, column: usize) -> Result<Option<&[u8]>> {
        match self.values.get(column) {
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(Value::Null) => Ok(None),
            _ => Err(self.wrong(column, "bytes")),
        }
    }

    /// Bytes.
    pub fn bytes(&self, column: usize) -> Result<Vec<u8>> {
        self.bytes_ref(column).map(<[u8]>::to_vec)
    }

    /// Bytes or nothing.
    pub fn opt_bytes(&self, column: usize) -> Result<Option<Vec<u8>>> {
        Ok(self.opt_bytes_ref(column)?.map(<[u8]>::to_vec))
    }

    /// Moves bytes out without a copy, leaving null; for payloads.
    pub fn take_bytes(&mut self, column: usize) -> Result<Vec<u8>> {
        match self.values.get_mut(column) {
            Some(Value::Bytes(bytes)) => {
                let bytes = std::mem::take(bytes);
                self.forget(column);
                Ok(bytes)
            }
            _ => Err(self.wrong(column, "bytes")),
        }
    }

    /// Moves text out without a copy, leaving null.
    pub fn take_text(&mut self, column: usize) -> Result<String> {
        match self.values.get_mut(column) {
            Some(Value::Text(text)) => {
                let text = std::mem::take(text);
                self.forget(column);
                Ok(text)
            }
            _ => Err(self.wrong(column, "text")),
        }
    }

    fn forget(&mut self, column: usize) {
        if let Some(value) = self.values.get_mut(column) {
            *value = Value::Null;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::new(
            vec![Value::Int(7), Value::Text("x".into()), Value::Bytes(vec![1, 2]), Value::Null],
            "SELECT a, b, c, d FROM t",
        )
    }

    #[test]
    fn getters_read_their_own_kind_only() {
        let mut row = row();
        assert_eq!(row.int(0).unwrap(), 7);
        assert_eq!(row.text_ref(1).unwrap(), "x");
        assert_eq!(row.bytes_ref(2).unwrap(), [1, 2]);
        assert_eq!(row.opt_int(3).unwrap(), None);
        assert_eq!(row.opt_text(3).unwrap(), None);
        assert_eq!(row.take_bytes(2).unwrap(), [1, 2]);
        assert_eq!(row.value(2).unwrap(), &Value::Null);
        assert!(row.flag(0).is_err());
    }

    #[test]
    fn errors_name_column_and_statement() {
        let check = |error: Error, expected: &str| assert_eq!(error.to_string(), expected);
        check(row().text(0).unwrap_err(), "column 0 of `SELECT a, b, c, d FROM t`: wanted text, found a number");
        check(row().int(3).unwrap_err(), "column 3 of `SELECT a, b, c, d FROM t`: wanted a number, found null");
        check(
            row().int(4).unwrap_err(),
            "column 4 of `SELECT a, b, c, d FROM t`: wanted a number, found no such column",
        );
    }

    #[test]
    fn parameters_come_from_plain_values() {
        let name = String::from("n");
        let list: &[Param<'_>] = params![1_i64, true, &name, None::<&str>, Some("t"), &[1_u8, 2]];
        let expected =
            [Param::Int(1), Param::Int(1), Param::Text("n"), Param::Null, Param::Text("t"), Param::Bytes(&[1, 2])];
        assert_eq!(list, expected);
        assert!(params![].is_empty());
    }
}
