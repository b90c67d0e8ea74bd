//! Seconds from the making of a sandbox to the text of its first `print`, one sandbox after another: `first_print [COUNT]`.
//! The guest is loaded before, as in a program that makes many. `./x bench --wasm` runs this.

#![expect(clippy::print_stdout, reason = "it is a program")]

use psycore_sandbox::{Engine, Output, Sandbox};
use std::io::{self, Write};
use std::sync::mpsc::{Sender, channel};
use std::time::Instant;

/// Tells when something is written to it.
struct Bell(Sender<Instant>);

impl Write for Bell {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(Instant::now()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count = std::env::args().nth(1).map_or(Ok(1), |text| text.parse::<u32>())?;
    let engine = Engine::shared(false)?;
    for _ in 0..count {
        let (bell, rung) = channel();
        let begin = Instant::now();
        let mut sandbox = Sandbox::builder().engine(engine.clone()).stdout(Output::Writer(Box::new(Bell(bell)))).build()?;
        sandbox.run("print('hello')")?;
        println!("{:.6}", (rung.recv()? - begin).as_secs_f64());
    }
    Ok(())
}
