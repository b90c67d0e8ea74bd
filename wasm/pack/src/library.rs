//! The standard library as guests carry it: without what can't work there or what nobody imports, without columns in line
//! tables, since there is no source text to point into, and not compressed module by module, since what is downloaded is
//! compressed as a whole, which does better.

use rustpython_compiler_core::bytecode::{BasicBag, CodeObject, ConstantData};
use rustpython_compiler_core::frozen::{FrozenCodeObject, FrozenLib, FrozenModule};
use rustpython_compiler_core::marshal::serialize_code;
use rustpython_compiler_core::varint::write_varint;
use rustpython_pylib::FROZEN_STDLIB;

/// Packages and modules that are left out. They need a display, a terminal, dynamic libraries or connections; or they are
/// programs rather than modules.
const LEFT_OUT: [&str; 23] = [
    "_android_support",
    "_apple_support",
    "_ios_support",
    "_pyrepl",
    "ctypes",
    "curses",
    "dbm",
    "ensurepip",
    "ftplib",
    "idlelib",
    "imaplib",
    "poplib",
    "pty",
    "pydoc_data",
    "smtplib",
    "sqlite3",
    "ssl",
    "tkinter",
    "turtle",
    "turtledemo",
    "venv",
    "wsgiref",
    "xmlrpc",
];

/// Packages and modules that every instance has: what is imported before the first line of a program, and what short programs
/// import. The others are in a file of their own, which a host need not get before one of them is imported.
const AT_ONCE: [&str; 70] = [
    "__future__",
    "_collections_abc",
    "_colorize",
    "_opcode_metadata",
    "_py_abc",
    "_py_warnings",
    "_sitebuiltins",
    "_threading_local",
    "_weakrefset",
    "abc",
    "annotationlib",
    "ast",
    "bisect",
    "calendar",
    "codecs",
    "codeop",
    "collections",
    "contextlib",
    "contextvars",
    "copy",
    "copyreg",
    "dataclasses",
    "datetime",
    "dis",
    "encodings",
    "encodings.aliases",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_8",
    "enum",
    "fnmatch",
    "functools",
    "genericpath",
    "glob",
    "graphlib",
    "hashlib",
    "heapq",
    "importlib",
    "inspect",
    "io",
    "json",
    "keyword",
    "linecache",
    "locale",
    "numbers",
    "opcode",
    "operator",
    "os",
    "posixpath",
    "pprint",
    "queue",
    "random",
    "re",
    "reprlib",
    "runpy",
    "site",
    "stat",
    "string",
    "struct",
    "textwrap",
    "threading",
    "timeit",
    "token",
    "tokenize",
    "traceback",
    "types",
    "typing",
    "warnings",
    "weakref",
    "zipimport",
];

/// Modules that are others there.
const OF_GUESTS: &FrozenLib = rustpython_derive::py_freeze!(dir = "lib", crate_name = "rustpython_compiler_core");

// `py_freeze` reads files that the build does not know of.
const _: &str = include_str!("lib/asyncio/unix_events.py");

/// The library in two parts, each in the form of [`FrozenLib`].
pub struct SplitLibrary {
    pub at_once: Vec<u8>,
    pub later: Vec<u8>,
}

fn is_at_once(name: &str) -> bool {
    let package = name.split('.').next().unwrap_or(name);
    // Of the encodings few are wanted.
    AT_ONCE.contains(&name) || package != "encodings" && AT_ONCE.contains(&package)
}

fn encoded(modules: &[(&str, FrozenModule<Vec<u8>>)]) -> Vec<u8> {
    let borrowed = modules
        .iter()
        .map(|(name, m)| (*name, FrozenModule { code: FrozenCodeObject { bytes: m.code.bytes.as_slice() }, package: m.package }));
    FrozenLib::encode(borrowed).bytes
}

pub fn library() -> SplitLibrary {
    let kept = FROZEN_STDLIB.decode().filter(|(name, _)| {
        let package = name.split('.').next().unwrap_or(name);
        !LEFT_OUT.contains(&package) && OF_GUESTS.decode().all(|(other, _)| other != *name)
    });
    let modules: Vec<(&str, FrozenModule<Vec<u8>>)> = kept
        .chain(OF_GUESTS.decode())
        .map(|(name, module)| {
            let mut code = module.code.decode(BasicBag);
            drop_columns(&mut code);
            let mut bytes = Vec::new();
            serialize_code(&mut bytes, &code);
            (name, FrozenModule { code: FrozenCodeObject { bytes: stored(&bytes) }, package: module.package })
        })
        .collect();
    let (at_once, later): (Vec<_>, Vec<_>) = modules.into_iter().partition(|(name, _)| is_at_once(name));
    SplitLibrary { at_once: encoded(&at_once), later: encoded(&later) }
}

/// A file for bytes that servers send compressed and as what browsers keep: a WebAssembly module with them in a
/// section that has no meaning. They are at its end.
pub fn file(bytes: &[u8]) -> Vec<u8> {
    const NAME: &str = "psycore.library";
    let mut file = b"\0asm\x01\0\0\0\0".to_vec();
    leb128(&mut file, 1 + NAME.len() + bytes.len());
    leb128(&mut file, NAME.len());
    file.extend_from_slice(NAME.as_bytes());
    file.extend_from_slice(bytes);
    file
}

fn leb128(to: &mut Vec<u8>, mut n: usize) {
    while n >= 128 {
        to.push(n as u8 | 128);
        n >>= 7;
    }
    to.push(n as u8);
}

/// An LZ4 block behind its size, as the interpreter reads it, of literals only.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut block = (bytes.len() as u32).to_le_bytes().to_vec();
    block.push((bytes.len().min(15) as u8) << 4);
    if let Some(mut rest) = bytes.len().checked_sub(15) {
        while rest >= 255 {
            block.push(255);
            rest -= 255;
        }
        block.push(rest as u8);
    }
    block.extend_from_slice(bytes);
    block
}

fn drop_columns(code: &mut CodeObject<ConstantData>) {
    code.linetable = lines_only(&code.linetable).into();
    code.constants.iter_mut().for_each(drop_columns_of_constant);
}

fn drop_columns_of_constant(constant: &mut ConstantData) {
    match constant {
        ConstantData::Code { code } => drop_columns(code),
        ConstantData::Tuple { elements } => elements.iter_mut().for_each(drop_columns_of_constant),
        _ => {}
    }
}

fn read_varint(bytes: &[u8], at: &mut usize) -> u32 {
    let (mut value, mut shift) = (0, 0);
    while let Some(&byte) = bytes.get(*at) {
        *at += 1;
        value |= u32::from(byte & 63) << shift;
        shift += 6;
        if byte & 64 == 0 {
            break;
        }
    }
    value
}

/// The line table of CPython's `Objects/locations.md` without columns, and with one entry for what lies on one line, if it is
/// not too long.
fn lines_only(table: &[u8]) -> Vec<u8> {
    const NO_COLUMNS: u8 = 13;
    const LONG: u8 = 14;
    const NOWHERE: u8 = 15;
    const MOST_UNITS: u8 = 8;
    let mut lines = Vec::with_capacity(table.len());
    // Where the last entry begins, if it can be made longer.
    let mut last = None;
    let mut at = 0;
    while at < table.len() {
        let (kind, units) = (table[at] >> 3 & 15, (table[at] & 7) + 1);
        at += 1;
        // A signed number is written as one without sign; it stays as it is.
        let line = match kind {
            NOWHERE => {
                lines.push(0x80 | NOWHERE << 3 | (units - 1));
                last = None;
                continue;
            }
            LONG | NO_COLUMNS => {
                let line = read_varint(table, &mut at);
                for _ in 0..if kind == LONG { 3 } else { 0 } {
                    read_varint(table, &mut at);
                }
                line
            }
            10..=12 => {
                at += 2;
                u32::from(kind - 10) << 1
            }
            _ => {
                at += 1;
                0
            }
        };
        if line == 0
            && let Some(last) = last
            && (lines[last] & 7) + 1 + units <= MOST_UNITS
        {
            lines[last] += units;
            continue;
        }
        last = Some(lines.len());
        lines.push(0x80 | NO_COLUMNS << 3 | (units - 1));
        write_varint(&mut lines, line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustpython_compiler_core::marshal::linetable_to_locations;

    fn codes<'a>(code: &'a CodeObject<ConstantData>, all: &mut Vec<&'a CodeObject<ConstantData>>) {
        all.push(code);
        for constant in code.constants.iter() {
            if let ConstantData::Code { code } = constant {
                codes(code, all);
            }
        }
    }

    #[test]
    fn lines_stay_and_columns_go() {
        let SplitLibrary { at_once, later } = library();
        let [at_once, later] = [&at_once, &later].map(|part| FrozenLib::from_ref(&part[..]).decode().collect::<Vec<_>>());
        let missing: Vec<_> = AT_ONCE.iter().filter(|name| at_once.iter().all(|(known, _)| known != *name)).collect();
        assert!(missing.is_empty(), "there are no modules {missing:?}");
        let ours = [at_once, later].concat();
        assert!(ours.len() > 400 && ours.iter().all(|(name, _)| *name != "tkinter"));
        let mut units = 0;
        for (name, module) in FROZEN_STDLIB.decode() {
            let Some((_, kept)) = ours.iter().find(|(n, _)| *n == name) else { continue };
            if OF_GUESTS.decode().any(|(other, _)| other == name) {
                continue;
            }
            let (before, after) = (module.code.decode(BasicBag), kept.code.decode(BasicBag));
            let (mut was, mut is) = (Vec::new(), Vec::new());
            codes(&before, &mut was);
            codes(&after, &mut is);
            assert_eq!(was.len(), is.len(), "{name}");
            for (was, is) in was.into_iter().zip(is) {
                let first = was.first_line_number.map_or(0, |n| n.get() as i32);
                let lines = |code: &CodeObject<ConstantData>| -> Vec<usize> {
                    let all = linetable_to_locations(&code.linetable, first, code.instructions.len());
                    all.iter().map(|(start, _)| start.line.get()).collect()
                };
                assert_eq!(lines(was), lines(is), "{name}: {}", was.qualname);
                units += was.instructions.len();
            }
        }
        assert!(units > 100_000, "{units} units");
    }

    #[test]
    fn the_file_is_a_module() {
        for bytes in [&[][..], &[7; 100], &[9; 70_000]] {
            let file = file(bytes);
            assert!(file.ends_with(bytes));
            wasmtime::Module::validate(&wasmtime::Engine::default(), &file).expect("a valid module");
        }
    }
}
