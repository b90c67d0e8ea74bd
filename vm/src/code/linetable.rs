//! Line tables: the pads have lines, too.

use rustpython_compiler_core::varint::{write_signed_varint, write_varint};

/// Appends entries for `units` more units that all lie at one place.
pub fn extend(
    table: &mut Vec<u8>,
    first_line: i32,
    units: u32,
    (line, end_line): (i32, i32),
    (column, end_column): (u32, u32),
    columns: bool,
) {
    if table.is_empty() {
        return;
    }
    let mut last = last_line(table, first_line);
    let mut left = units;
    while left > 0 {
        let n = left.min(8);
        left -= n;
        let kind = if columns { 14 } else { 13 };
        table.push(0x80 | (kind << 3) | (n as u8 - 1));
        write_signed_varint(table, line - last);
        if columns {
            write_varint(table, (end_line - line).max(0) as u32);
            write_varint(table, column + 1);
            write_varint(table, end_column + 1);
        }
        last = line;
    }
}

/// The line that the next entry of a line table counts from.
fn last_line(table: &[u8], first_line: i32) -> i32 {
    let mut line = first_line;
    let mut pos = 0;
    while pos < table.len() {
        let kind = (table[pos] >> 3) & 15;
        pos += 1;
        match kind {
            13 | 14 => {
                let (mut value, mut shift) = (0u32, 0);
                while let Some(&b) = table.get(pos) {
                    pos += 1;
                    value |= u32::from(b & 0x3f) << shift;
                    shift += 6;
                    if b & 0x40 == 0 {
                        break;
                    }
                }
                let delta = (value >> 1) as i32;
                line += if value & 1 != 0 { -delta } else { delta };
            }
            11 => line += 1,
            12 => line += 2,
            _ => {}
        }
        // The rest of the entry: bytes without the start bit.
        while table.get(pos).is_some_and(|b| b & 0x80 == 0) {
            pos += 1;
        }
    }
    line
}
