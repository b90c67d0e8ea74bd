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
    "_android_support", "_apple_support", "_ios_support", "_pyrepl", "ctypes", "curses", "dbm", "ensurepip", "ftplib", "idlelib",
    "imaplib", "poplib", "pty", "pydoc_data", "smtplib", "sqlite3", "ssl", "tkinter", "turtle", "turtledemo", "venv", "wsgiref",
    "xmlrpc",
];

/// Modules that are others there.
const OF_GUESTS: &FrozenLib = rustpython_derive::py_freeze!(dir = "lib", crate_name = "rustpython_compiler_core");

// `py_freeze` reads files that the build does not know of.
const _: &str = include_str!("lib/asyncio/unix_events.py");

/// The library in the form of [`FrozenLib`].
pub fn library() -> Vec<u8> {
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
    let borrowed = |(name, m): &'_ (&'static str, FrozenModule<Vec<u8>>)| {
        (*name, FrozenModule { code: FrozenCodeObject { bytes: m.code.bytes.clone() }, package: m.package })
    };
    FrozenLib::encode(modules.iter().map(borrowed)).bytes
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
        let library = library();
        let ours: Vec<_> = FrozenLib::from_ref(&library[..]).decode().collect();
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
}
