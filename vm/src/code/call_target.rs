//! What a call of a Python function has to know of its code.

/// What is to be known of a function's (prepared) code to call it.
#[derive(Clone, Copy, Debug)]
pub struct CallTarget {
    /// Positional parameters; `None` if some parameters take keywords only.
    pub arguments: Option<u32>,
    /// Whether what comes after them goes into a tuple.
    pub rest: bool,
    /// Whether there is a dict for keyword arguments.
    pub keywords: bool,
    /// Locals, cells and free variables.
    pub locals: u32,
    /// Free variables, where copying them is all that happens before the entry.
    pub free: u32,
    /// Words of its frame.
    pub words: u32,
    /// The constant that is the hook of its entry.
    pub entry: Option<u32>,
}
