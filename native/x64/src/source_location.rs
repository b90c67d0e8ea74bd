//! What rides on Cranelift's source locations: Cranelift keeps them from instructions to the code that it makes of these.

use cranelift_codegen::ir::SourceLoc;
use psycore_jit::ir::Inst;

/// What the linker wants to know of an instruction: whether it is cold (bit 0), and which one of the
/// IR it was made for (the rest, less 1).
pub(super) fn source_location(place: Option<Inst>, cold: bool) -> SourceLoc {
    match (place, cold) {
        (None, false) => SourceLoc::default(),
        (place, cold) => SourceLoc::new(place.map_or(0, |inst| (inst.0 + 1) << 1) | u32::from(cold)),
    }
}

/// The reverse.
pub(super) fn place_of(location: SourceLoc) -> (Option<Inst>, bool) {
    if location.is_default() {
        return (None, false);
    }
    let bits = location.bits();
    ((bits >> 1).checked_sub(1).map(Inst), bits & 1 != 0)
}
