//! Values between JavaScript and the guest.
//!
//! | JavaScript | Python |
//! |---|---|
//! | `null`, `undefined` | `None` |
//! | boolean, string | `bool`, `str` |
//! | number | `int` where it is a safe integer, otherwise `float` |
//! | bigint | `int` |
//! | Array, typed arrays of numbers | `list` |
//! | plain object, Map | `dict` |
//! | Set | `set` |
//! | Uint8Array, ArrayBuffer | `bytes` |
//! | function | a function that calls it |
//! | what stands for a Python object | that object |
//!
//! The way back is the same, except that an `int` beyond the safe integers becomes a bigint, a dict becomes a plain
//! object if all its keys are strings and otherwise a Map, and objects of all other classes are made by a function
//! that the caller gives.

use crate::type_error;
use ciborium::Value;
use js_sys::{Array, ArrayBuffer, BigInt, Function, Map, Object, Set, Uint8Array, WeakMap};
use psycore_abi::MAX_DEPTH;
use psycore_abi::tag::{BIG_NEGATIVE, BIG_POSITIVE, HOST_FUNCTION, OBJECT, SET};
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

const MAX_SAFE_INTEGER: i128 = (1 << 53) - 1;

/// Converts values for one guest.
#[wasm_bindgen]
pub struct Values {
    /// JavaScript functions that the guest knows by their place.
    functions: RefCell<Functions>,
    /// From a function to its place.
    numbers: Map,
    /// From what stands for a Python object to its handle.
    handles: WeakMap,
    make_object: Function,
}

/// Functions by their places, and the places that are free.
#[derive(Default)]
struct Functions {
    known: Vec<Option<KnownFunction>>,
    free: Vec<usize>,
}

struct KnownFunction {
    function: Function,
    /// Objects of the guest that stand for it, as many as were sent and have not gone.
    objects: usize,
}

#[wasm_bindgen]
impl Values {
    /// `handles` maps what stands for a Python object to its handle, a number. `make_object(handle, class, callable,
    /// repr)` makes such a thing.
    #[wasm_bindgen(constructor)]
    pub fn new(handles: WeakMap, make_object: Function) -> Values {
        Values { functions: RefCell::default(), numbers: Map::new(), handles, make_object }
    }

    /// A value as CBOR. Throws a `TypeError` for what has no counterpart in Python, and a `RangeError` for values that
    /// are nested too deep, as those are that contain themselves.
    pub fn encode(&self, value: &JsValue) -> Result<Vec<u8>, JsValue> {
        let mut bytes = Vec::new();
        let value = self.to_cbor(value, 0)?;
        ciborium::into_writer(&value, &mut bytes).map_err(|e| type_error(&e.to_string()))?;
        Ok(bytes)
    }

    /// The value of CBOR that the guest wrote. Throws a `TypeError` if it is none.
    pub fn decode(&self, bytes: &[u8]) -> Result<JsValue, JsValue> {
        let value: Value = ciborium::from_reader(bytes).map_err(|e| type_error(&format!("no CBOR: {e}")))?;
        self.from_cbor(value)
    }

    /// The JavaScript function that the guest knows as `number`, or undefined.
    pub fn function(&self, number: u32) -> Option<Function> {
        self.functions.borrow().known.get(number as usize)?.as_ref().map(|known| known.function.clone())
    }

    /// One of the objects that stand for a function is gone. After the last one the function is forgotten.
    pub fn released(&self, number: u32) {
        let mut functions = self.functions.borrow_mut();
        let place = number as usize;
        let Some(Some(known)) = functions.known.get_mut(place) else { return };
        known.objects -= 1;
        if known.objects == 0 {
            self.numbers.delete(&known.function);
            functions.known[place] = None;
            functions.free.push(place);
        }
    }
}

impl Values {
    fn to_cbor(&self, value: &JsValue, depth: usize) -> Result<Value, JsValue> {
        if depth > MAX_DEPTH {
            return Err(js_sys::RangeError::new(&format!("the value is nested more than {MAX_DEPTH} levels deep")).into());
        }
        if value.is_null() || value.is_undefined() {
            Ok(Value::Null)
        } else if let Some(b) = value.as_bool() {
            Ok(Value::Bool(b))
        } else if let Some(x) = value.as_f64() {
            Ok(number(x))
        } else if let Some(s) = value.as_string() {
            Ok(Value::Text(s))
        } else if let Some(n) = value.dyn_ref::<BigInt>() {
            big_integer(n)
        } else if value.is_symbol() {
            Err(type_error("a symbol has no counterpart in Python"))
        } else {
            self.object_to_cbor(value, depth)
        }
    }

    fn object_to_cbor(&self, value: &JsValue, depth: usize) -> Result<Value, JsValue> {
        let object: &Object = value.unchecked_ref();
        if let Some(handle) = self.handles.get(object).as_f64() {
            // A negative one was released.
            let handle = if handle < 0.0 { Err(type_error("this Python object was released")) } else { Ok(handle as u64) }?;
            return Ok(Value::Tag(OBJECT, Box::new(Value::Array(vec![handle.into()]))));
        }
        let items = |array: &Array| array.iter().map(|item| self.to_cbor(&item, depth + 1)).collect::<Result<Vec<_>, _>>();
        if Array::is_array(value) {
            Ok(Value::Array(items(value.unchecked_ref())?))
        } else if let Some(function) = value.dyn_ref::<Function>() {
            Ok(self.function_to_cbor(function))
        } else if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
            Ok(Value::Bytes(bytes.to_vec()))
        } else if let Some(buffer) = value.dyn_ref::<ArrayBuffer>() {
            Ok(Value::Bytes(Uint8Array::new(buffer).to_vec()))
        } else if value.is_instance_of::<js_sys::Float64Array>() || value.is_instance_of::<js_sys::Float32Array>() {
            let floats = Array::from(value).iter().map(|x| Value::Float(x.as_f64().unwrap_or(f64::NAN))).collect();
            Ok(Value::Array(floats))
        } else if ArrayBuffer::is_view(value) && !value.is_instance_of::<js_sys::DataView>() {
            Ok(Value::Array(items(&Array::from(value))?))
        } else if let Some(map) = value.dyn_ref::<Map>() {
            self.entries_to_cbor(&Array::from(&map.entries()), depth)
        } else if let Some(set) = value.dyn_ref::<Set>() {
            Ok(Value::Tag(SET, Box::new(Value::Array(items(&Array::from(set))?))))
        } else if is_plain(object) {
            self.entries_to_cbor(&Object::entries(object), depth)
        } else {
            let name = Object::get_prototype_of(value).constructor().name();
            Err(type_error(&format!("an object of the class {name} has no counterpart in Python")))
        }
    }

    /// A map of an array of pairs.
    fn entries_to_cbor(&self, entries: &Array, depth: usize) -> Result<Value, JsValue> {
        let pairs = entries.iter().map(|pair| {
            let pair: Array = pair.unchecked_into();
            Ok((self.to_cbor(&pair.get(0), depth + 1)?, self.to_cbor(&pair.get(1), depth + 1)?))
        });
        Ok(Value::Map(pairs.collect::<Result<_, JsValue>>()?))
    }

    fn function_to_cbor(&self, function: &Function) -> Value {
        let mut functions = self.functions.borrow_mut();
        let number = self.numbers.get(function).as_f64().map(|n| n as usize).unwrap_or_else(|| {
            let place = functions.free.pop().unwrap_or_else(|| {
                functions.known.push(None);
                functions.known.len() - 1
            });
            functions.known[place] = Some(KnownFunction { function: function.clone(), objects: 0 });
            self.numbers.set(function, &JsValue::from(place));
            place
        });
        if let Some(known) = &mut functions.known[number] {
            known.objects += 1;
        }
        let name = String::from(function.name());
        let name = if name.is_empty() { "anonymous".to_owned() } else { name };
        Value::Tag(HOST_FUNCTION, Box::new(Value::Array(vec![Value::from(number as u64), name.into()])))
    }

    fn from_cbor(&self, value: Value) -> Result<JsValue, JsValue> {
        let array = |items: Vec<Value>| items.into_iter().map(|item| self.from_cbor(item)).collect::<Result<Array, JsValue>>();
        Ok(match value {
            Value::Null => JsValue::NULL,
            Value::Bool(b) => b.into(),
            Value::Float(x) => x.into(),
            Value::Text(s) => s.into(),
            Value::Bytes(bytes) => Uint8Array::from(&bytes[..]).into(),
            Value::Integer(n) => {
                let n = i128::from(n);
                if n.abs() <= MAX_SAFE_INTEGER { (n as f64).into() } else { BigInt::from(n).into() }
            }
            Value::Array(items) => array(items)?.into(),
            Value::Map(pairs) => {
                if !pairs.iter().all(|(key, _)| key.is_text()) {
                    let map = Map::new();
                    for (key, value) in pairs {
                        map.set(&self.from_cbor(key)?, &self.from_cbor(value)?);
                    }
                    return Ok(map.into());
                }
                let entries = pairs.into_iter().map(|(k, v)| Ok(Array::of2(&self.from_cbor(k)?, &self.from_cbor(v)?)));
                let entries: Array = entries.collect::<Result<_, JsValue>>()?;
                // `fromEntries` defines and does not assign: a key `__proto__` is one like others.
                Object::from_entries(&entries)?.into()
            }
            Value::Tag(tag @ (BIG_POSITIVE | BIG_NEGATIVE), inner) => {
                let digits: String = inner.as_bytes().into_iter().flatten().map(|byte| format!("{byte:02x}")).collect();
                let n = BigInt::new(&JsValue::from(format!("0x0{digits}")))?;
                if tag == BIG_NEGATIVE { &(-&n) - &BigInt::from(1) } else { n }.into()
            }
            Value::Tag(SET, inner) => match *inner {
                Value::Array(items) => {
                    let items = array(items)?;
                    Set::new(&items).into()
                }
                _ => return Err(type_error("the guest sent a set without members")),
            },
            Value::Tag(HOST_FUNCTION, inner) => {
                let number = inner.as_array().and_then(|parts| parts.first()?.as_integer()).and_then(|n| u32::try_from(n).ok());
                number.and_then(|n| self.function(n)).map_or(JsValue::UNDEFINED, JsValue::from)
            }
            Value::Tag(OBJECT, inner) => match *inner {
                Value::Array(parts) => self.make_object.apply(&JsValue::UNDEFINED, &array(parts)?)?,
                _ => return Err(type_error("the guest sent an object without a handle")),
            },
            _ => return Err(type_error("the guest sent a value of an unknown kind")),
        })
    }
}

fn number(x: f64) -> Value {
    let is_integer = x.fract() == 0.0 && x.abs() <= MAX_SAFE_INTEGER as f64 && !(x == 0.0 && x.is_sign_negative());
    if is_integer { Value::from(x as i64) } else { Value::Float(x) }
}

fn big_integer(n: &BigInt) -> Result<Value, JsValue> {
    if let Ok(n) = i64::try_from(n.clone()) {
        return Ok(n.into());
    }
    let negative = *n < BigInt::from(0);
    let magnitude = if negative { &(-n) - &BigInt::from(1) } else { n.clone() };
    let digits = String::from(magnitude.to_string(16).map_err(JsValue::from)?);
    let digits = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
    let bytes = (0..digits.len()).step_by(2).map(|i| u8::from_str_radix(&digits[i..i + 2], 16).unwrap_or_default()).collect();
    Ok(Value::Tag(if negative { BIG_NEGATIVE } else { BIG_POSITIVE }, Box::new(Value::Bytes(bytes))))
}

/// Whether an object is a mere collection of properties.
fn is_plain(object: &Object) -> bool {
    let prototype: JsValue = Object::get_prototype_of(object).into();
    // Objects of other realms have another `Object.prototype`; that one has no prototype either.
    prototype.is_null() || JsValue::from(Object::get_prototype_of(&prototype)).is_null()
}
