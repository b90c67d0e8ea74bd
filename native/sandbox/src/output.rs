//! Where the streams of a sandboxed program go.

use bytes::Bytes;
use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Bytes that are taken at once.
const WRITE_BYTES: usize = 64 << 10;

/// What becomes of what a program writes.
#[derive(Default)]
pub enum Output {
    /// It is thrown away.
    #[default]
    Discard,
    /// It goes where the host's own goes.
    Inherit,
    /// It is collected for `Sandbox::stdout` and `Sandbox::stderr`, up to so many bytes; more is the end of the program.
    Collect(usize),
    /// It goes there at once.
    Writer(Box<dyn Write + Send>),
}

/// The state of a stream that is not the host's own.
pub(crate) struct Stream {
    writer: Option<Box<dyn Write + Send>>,
    collected: Vec<u8>,
    limit: usize,
    full: bool,
}

/// A handle on a stream.
#[derive(Clone)]
pub(crate) struct StreamHandle(Arc<Mutex<Stream>>);

impl StreamHandle {
    /// A stream that collects up to `limit` bytes, or passes all on.
    pub fn new(limit: usize, writer: Option<Box<dyn Write + Send>>) -> StreamHandle {
        StreamHandle(Arc::new(Mutex::new(Stream { writer, collected: Vec::new(), limit, full: false })))
    }

    fn lock(&self) -> MutexGuard<'_, Stream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been collected since the last time.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.lock().collected)
    }

    /// The limit, if more was written.
    pub fn exceeded(&self) -> Option<usize> {
        let stream = self.lock();
        stream.full.then_some(stream.limit)
    }

    fn put(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut stream = self.lock();
        if let Some(writer) = &mut stream.writer {
            return writer.write_all(bytes).and_then(|()| writer.flush());
        }
        let room = stream.limit.saturating_sub(stream.collected.len()).min(bytes.len());
        stream.collected.extend_from_slice(&bytes[..room]);
        if room < bytes.len() {
            stream.full = true;
            return Err(std::io::Error::other("too much output"));
        }
        Ok(())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for StreamHandle {
    async fn ready(&mut self) {}
}

impl OutputStream for StreamHandle {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let full = |_| StreamError::Trap(wasmtime::Error::msg("the host takes no more output"));
        match self.put(&bytes) {
            Err(error) if self.exceeded().is_some() => Err(full(error)),
            // The host's writer has failed: for the program the stream is closed.
            Err(_) => Err(StreamError::Closed),
            Ok(()) => Ok(()),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

impl IsTerminal for StreamHandle {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for StreamHandle {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Unbuffered(self.clone()))
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

/// The same for those who write asynchronously.
struct Unbuffered(StreamHandle);

impl AsyncWrite for Unbuffered {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::task::Poll::Ready(self.0.put(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}
