//! Values that go into a sandbox and come out: what CBOR can say, typed by serde.

use crate::error::Error;
use ciborium::Value as Cbor;
use psycore_abi::tag::{OBJECT, SET};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A Python value, copied out of the sandbox.
///
/// Numbers, text, bytes, lists, dicts, sets and `None` are there as they are; of other objects, class and `repr`.
#[derive(Clone, Debug, PartialEq)]
pub struct Value(pub(crate) Cbor);

impl Value {
    /// `None`.
    pub const NONE: Value = Value(Cbor::Null);

    /// A value of what serde can write.
    ///
    /// # Errors
    /// Its `Serialize` failed.
    pub fn new(value: impl Serialize) -> Result<Value, Error> {
        Cbor::serialized(&value).map(Value).map_err(|e| Error::Value(e.to_string()))
    }

    /// The value as a type of Rust. Sets can be read as lists, tuples are lists.
    ///
    /// # Errors
    /// It is something else.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        plain(self.0.clone())
            .deserialized()
            .map_err(|e| Error::Value(format!("the value is no {}: {e}", std::any::type_name::<T>())))
    }

    /// Whether it is `None`.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_null()
    }

    /// Class and `repr` of an object that is no plain value.
    #[must_use]
    pub fn object(&self) -> Option<(&str, &str)> {
        match &self.0 {
            Cbor::Tag(OBJECT, parts) => match parts.as_array().map(Vec::as_slice) {
                Some([_, Cbor::Text(class), _, Cbor::Text(repr)]) => Some((class, repr)),
                _ => None,
            },
            _ => None,
        }
    }
}

/// The value without what only CBOR knows: sets as arrays, objects as the text that shows them.
fn plain(value: Cbor) -> Cbor {
    match value {
        Cbor::Tag(SET, inner) => plain(*inner),
        Cbor::Tag(OBJECT, inner) => inner.into_array().ok().and_then(|mut parts| parts.pop()).unwrap_or(Cbor::Null),
        Cbor::Array(items) => Cbor::Array(items.into_iter().map(plain).collect()),
        Cbor::Map(pairs) => Cbor::Map(pairs.into_iter().map(|(k, v)| (plain(k), plain(v))).collect()),
        other => other,
    }
}

/// The arguments that Python code has given to a function of the host.
#[derive(Clone, Debug)]
pub struct Arguments {
    pub positional: Vec<Value>,
    pub named: Vec<(String, Value)>,
}

impl Arguments {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positional.len() + self.named.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Argument number `index`, from 0.
    ///
    /// # Errors
    /// There are fewer, or it is no `T`; Python gets a `TypeError`.
    pub fn get<T: DeserializeOwned>(&self, index: usize) -> Result<T, Error> {
        let missing = || Error::Value(format!("argument {} is missing", index + 1));
        self.positional.get(index).ok_or_else(missing)?.to()
    }

    /// The argument of that name, if there is one.
    ///
    /// # Errors
    /// It is no `T`.
    pub fn named<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.named.iter().find(|(n, _)| n == name).map(|(_, value)| value.to()).transpose()
    }
}

/// Reads CBOR.
pub(crate) fn decode(bytes: &[u8]) -> anyhow::Result<Cbor> {
    Ok(ciborium::from_reader(bytes)?)
}

/// Writes CBOR.
pub(crate) fn encode(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A Vec takes whatever is written.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// A map with text keys.
pub(crate) fn map<const N: usize>(entries: [(&str, Cbor); N]) -> Cbor {
    Cbor::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
}
