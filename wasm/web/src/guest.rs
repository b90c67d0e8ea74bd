//! The guest's import module `psycore`, and requests into its memory.
//!
//! A guest that has trapped, or that is thrown away, takes its linked modules with it: they hang on its tables only.

use crate::type_error;
use js_sys::WebAssembly::{Instance, Memory, Module, Table};
use js_sys::{Function, Object, Reflect, Uint8Array};
use psycore_abi::{Slot, TableKind, VERSION};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;

const REFUSED: i32 = -1;

struct Exports {
    memory: Memory,
    functions: Table,
    alloc: Function,
    free: Function,
    request: Function,
}

struct GuestState {
    exports: RefCell<Option<Rc<Exports>>>,
    /// Table 1, for calls from generated code to generated code.
    code: Table,
    /// What generated modules import from `rt`: the guest's functions by their slots. They stay where they are.
    entry_points: Object,
    on_call: Function,
    on_library: Function,
    on_link: Option<Function>,
}

/// One instance of `psycore.wasm`.
#[wasm_bindgen]
pub struct Guest {
    state: Rc<GuestState>,
    imports: Object,
    // The imports call into these.
    _closures: (
        Closure<Numbers>,
        Closure<Link>,
        Closure<dyn Fn(u32, u32)>,
        Closure<dyn Fn(u32, u32) -> u64>,
        Closure<Numbers>,
        [Closure<dyn Fn() -> i32>; 2],
    ),
}

type Numbers = dyn Fn(u32, u32) -> i32;

type Link = dyn Fn(u32, u32, u32, u32) -> i32;

#[wasm_bindgen]
impl Guest {
    /// `poll()` says with a number other than 0 that the program is to stop. `on_call(bytes)` answers a call of a host
    /// function with bytes. `on_release(number)` is told when an object that stood for one is gone. `on_library()` gives the bytes of `psycore-library.wasm`, or null. `on_link(bytes)`, if given,
    /// sees every module before it is linked.
    #[wasm_bindgen(constructor)]
    pub fn new(
        poll: &Function,
        on_call: Function,
        on_release: &Function,
        on_library: Function,
        on_link: Option<Function>,
    ) -> Result<Guest, JsValue> {
        let state = Rc::new(GuestState {
            exports: RefCell::default(),
            code: Table::new(&object(&[("element", &"anyfunc".into()), ("initial", &0.into())])?)?,
            entry_points: Object::new(),
            on_call,
            on_library,
            on_link,
        });
        let s = state.clone();
        let reserve = Closure::new(move |table, count| s.reserve(table, count).unwrap_or(REFUSED));
        let s = state.clone();
        let link: Closure<Link> = Closure::new(move |module, bytes, slots, count| match s.link(module, bytes, slots, count) {
            Ok(()) => 0,
            Err(_) => REFUSED,
        });
        let s = state.clone();
        let unlink = Closure::new(move |slots, count| {
            // Slots that do not exist are empty already.
            let _ = s.unlink(slots, count);
        });
        let s = state.clone();
        let call = Closure::new(move |request, bytes| s.call(request, bytes).unwrap_or(0));
        let s = state.clone();
        let library: Closure<Numbers> = Closure::new(move |file, bytes| match s.library(file, bytes) {
            Ok(true) => 0,
            Ok(false) | Err(_) => REFUSED,
        });
        let refuse: Closure<dyn Fn() -> i32> = Closure::new(|| REFUSED);
        let none_ready: Closure<dyn Fn() -> i32> = Closure::new(|| 0);
        let imports = object(&[
            ("library", library.as_ref()),
            ("reserve", reserve.as_ref()),
            ("link", link.as_ref()),
            ("unlink", unlink.as_ref()),
            // JavaScript gets the results of other threads only when the guest has returned.
            ("begin", refuse.as_ref()),
            ("ready", none_ready.as_ref()),
            ("link_begun", refuse.as_ref()),
            ("call", call.as_ref()),
            ("poll", poll),
            ("release", on_release),
        ])?;
        Ok(Guest { state, imports, _closures: (reserve, link, unlink, call, library, [refuse, none_ready]) })
    }

    /// The import module `psycore`.
    #[wasm_bindgen(getter)]
    pub fn imports(&self) -> Object {
        self.imports.clone()
    }

    /// Takes the instance that was made with the imports, after its `_initialize`. Throws a `TypeError` if it is no
    /// guest, or one with another version of the interface.
    pub fn attach(&self, instance: &Instance) -> Result<(), JsValue> {
        let exports = instance.exports();
        let get = |name: &str| Reflect::get(&exports, &name.into());
        let function =
            |name: &str| get(name)?.dyn_into::<Function>().map_err(|_| type_error(&format!("the guest has no function {name}")));
        let version = function("psycore_abi")?.call0(&JsValue::UNDEFINED)?;
        if version.as_f64() != Some(VERSION.into()) {
            return Err(type_error(&format!(
                "the guest speaks version {version:?} of the interface, this package version {VERSION}"
            )));
        }
        self.state.exports.replace(Some(Rc::new(Exports {
            memory: get("memory")?.dyn_into()?,
            functions: get("__indirect_function_table")?.dyn_into()?,
            alloc: function("psycore_alloc")?,
            free: function("psycore_free")?,
            request: function("psycore_request")?,
        })));
        Ok(())
    }

    /// Carries out a request. Throws what the guest trapped with; it must not be used any more then.
    pub fn request(&self, request: &[u8]) -> Result<Vec<u8>, JsValue> {
        let exports = self.state.exports()?;
        let block = exports.write(request)?;
        let answer = exports.request.call2(&JsValue::UNDEFINED, &block.into(), &request.len().into())?;
        exports.free.call2(&JsValue::UNDEFINED, &block.into(), &request.len().into())?;
        let answer = i64::try_from(answer.unchecked_into::<js_sys::BigInt>()).unwrap_or(0) as u64;
        let (block, bytes) = ((answer >> 32) as u32, answer as u32);
        let copy = exports.bytes(block, bytes).to_vec();
        exports.free.call2(&JsValue::UNDEFINED, &block.into(), &bytes.into())?;
        Ok(copy)
    }

    /// Bytes of the guest's memory.
    #[wasm_bindgen(getter)]
    pub fn memory(&self) -> u32 {
        self.state.exports().map_or(0, |e| Uint8Array::new(&e.memory.buffer()).length())
    }
}

impl Exports {
    /// A view of the guest's memory, good until the guest runs.
    fn bytes(&self, address: u32, length: u32) -> Uint8Array {
        Uint8Array::new_with_byte_offset_and_length(&self.memory.buffer(), address, length)
    }

    /// Places in tables, as they are in the guest's memory.
    fn slots(&self, address: u32, count: u32) -> impl Iterator<Item = Slot> {
        let bytes = self.bytes(address, 4 * count).to_vec();
        (0..count as usize).map(move |i| Slot(bytes[4 * i..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word))))
    }

    /// The address of a new block with these bytes.
    fn write(&self, bytes: &[u8]) -> Result<u32, JsValue> {
        let length = u32::try_from(bytes.len()).map_err(|_| type_error("more bytes than the guest has addresses"))?;
        let block = self.alloc.call1(&JsValue::UNDEFINED, &length.into())?.as_f64().unwrap_or(0.0) as i64 as u32;
        if block == 0 {
            return Err(js_sys::RangeError::new("the guest has no memory left").into());
        }
        self.bytes(block, length).copy_from(bytes);
        Ok(block)
    }
}

impl GuestState {
    fn exports(&self) -> Result<Rc<Exports>, JsValue> {
        self.exports.borrow().clone().ok_or_else(|| type_error("the guest has no instance yet"))
    }

    fn table(&self, exports: &Exports, kind: TableKind) -> Table {
        match kind {
            TableKind::Code => self.code.clone(),
            TableKind::Entries => exports.functions.clone(),
        }
    }

    fn reserve(&self, table: u32, count: u32) -> Result<i32, JsValue> {
        let exports = self.exports()?;
        let kind = if table == TableKind::Code as u32 { TableKind::Code } else { TableKind::Entries };
        self.table(&exports, kind).grow(count).map(|first| first as i32)
    }

    fn link(&self, module: u32, bytes: u32, slots: u32, count: u32) -> Result<(), JsValue> {
        let exports = self.exports()?;
        // A copy: the engine may compile while the guest's memory changes.
        let code = exports.bytes(module, bytes).slice(0, bytes);
        if let Some(see) = &self.on_link {
            see.call1(&JsValue::UNDEFINED, &code)?;
        }
        let module = Module::new(&code)?;
        self.find_entry_points(&exports, &module)?;
        let env = object(&[("memory", exports.memory.as_ref()), ("code", self.code.as_ref())])?;
        let imports = object(&[("env", env.as_ref()), ("rt", self.entry_points.as_ref())])?;
        let functions = Instance::new(&module, &imports)?.exports();
        // All that can fail comes before the first change.
        let mut links = Vec::with_capacity(count as usize);
        for (i, slot) in exports.slots(slots, count).enumerate() {
            let function = Reflect::get(&functions, &format!("f{i}").into())?.dyn_into::<Function>()?;
            let (table, place) = (self.table(&exports, slot.table()), slot.index());
            if place >= table.length() {
                return Err(type_error("a slot that was not reserved"));
            }
            links.push((table, place, function));
        }
        links.iter().try_for_each(|(table, place, function)| table.set(*place, function))
    }

    /// Completes the entry points by those that a module imports. Getting one from the table makes an object of it,
    /// which costs more than the rest of linking if it is done for all each time.
    fn find_entry_points(&self, exports: &Exports, module: &Module) -> Result<(), JsValue> {
        for import in Module::imports(module).iter() {
            let name = Reflect::get(&import, &"name".into())?;
            if Reflect::get(&import, &"module".into())? != "rt" || Reflect::has(&self.entry_points, &name)? {
                continue;
            }
            let slot: u32 =
                name.as_string().and_then(|n| n.parse().ok()).ok_or_else(|| type_error("an import that is no number"))?;
            let entry_point = exports.functions.get(slot)?;
            Reflect::set(&self.entry_points, &name, &entry_point)?;
        }
        Ok(())
    }

    fn unlink(&self, slots: u32, count: u32) -> Result<(), JsValue> {
        let exports = self.exports()?;
        for slot in exports.slots(slots, count) {
            let empty = JsValue::NULL;
            self.table(&exports, slot.table()).set(slot.index(), empty.unchecked_ref())?;
        }
        Ok(())
    }

    /// Writes the rest of the library to where the guest has room for it. False if the host does not have it.
    fn library(&self, file: u32, bytes: u32) -> Result<bool, JsValue> {
        let exports = self.exports()?;
        let Ok(contents) = self.on_library.call0(&JsValue::UNDEFINED)?.dyn_into::<Uint8Array>() else { return Ok(false) };
        let fits = contents.length() == bytes;
        if fits {
            exports.bytes(file, bytes).set(&contents, 0);
        }
        Ok(fits)
    }

    fn call(&self, request: u32, bytes: u32) -> Result<u64, JsValue> {
        let exports = self.exports()?;
        let request = exports.bytes(request, bytes).slice(0, bytes);
        let answer = self.on_call.call1(&JsValue::UNDEFINED, &request)?.dyn_into::<Uint8Array>()?;
        let block = exports.write(&answer.to_vec())?;
        Ok(u64::from(block) << 32 | u64::from(answer.length()))
    }
}

/// An object with these properties.
fn object(properties: &[(&str, &JsValue)]) -> Result<Object, JsValue> {
    let made = Object::new();
    for (name, value) in properties {
        Reflect::set(&made, &(*name).into(), value)?;
    }
    Ok(made)
}
