//! A thread that makes code while the program goes on in the interpreter.
//!
//! It does what needs nothing of the VM: from IR to bytes with relocations. The thread that runs Python puts
//! them into code memory, so that nothing is written there while code runs. Jobs are done in their order.
//!
//! The thread begins before the first job, while the interpreter starts. It ends when its owner goes, and before each `fork`: a forked
//! child has one thread only, and what another one held at that moment would stay locked in it. Whoever asks next, in
//! parent or child, gets a new thread for what is left.

use super::compiler::UnitCompiler;
use super::link::UnitCode;
use super::slow_path::StubCode;
use psycore_jit::lower::{Job, LowerError};
use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Code generators recurse.
const STACK_BYTES: usize = 8 << 20;

pub(super) struct CompiledJob {
    pub job: Job,
    pub code: Result<UnitCode, LowerError>,
    pub stubs: Vec<StubCode>,
    pub time: Duration,
}

/// The thread's owner. Dropping it waits for the job at hand.
#[derive(Default)]
pub(super) struct Worker {
    shared: Option<Arc<JobQueue>>,
}

#[derive(Default)]
pub(super) struct JobQueue {
    state: Mutex<QueueState>,
    /// There is a job, or an end.
    news: Condvar,
    /// A job is done.
    done: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<Job>,
    done: VecDeque<CompiledJob>,
    thread: Option<JoinHandle<()>>,
    /// The thread works for a job.
    busy: bool,
    ending: bool,
}

static ALL: Mutex<Vec<Weak<JobQueue>>> = Mutex::new(Vec::new());

impl Worker {
    /// Begins the thread. `None` if there can be none.
    pub fn start(&mut self, compiler: impl FnOnce() -> UnitCompiler) -> Option<&JobQueue> {
        let shared = self.shared.get_or_insert_with(|| {
            end_before_fork();
            let shared = Arc::default();
            lock(&ALL).push(Arc::downgrade(&shared));
            shared
        });
        shared.ensure_thread(compiler).then_some(&**shared)
    }

    /// Adds a job. Gives it back if there can be no thread.
    pub fn begin(&mut self, job: Job, compiler: impl FnOnce() -> UnitCompiler) -> Result<(), Box<Job>> {
        let Some(shared) = self.start(compiler) else { return Err(Box::new(job)) };
        lock(&shared.state).jobs.push_back(job);
        shared.news.notify_one();
        Ok(())
    }

    /// The next job that is done. `wait` waits if there is one to wait for.
    pub fn finished(&mut self, wait: bool, compiler: impl FnOnce() -> UnitCompiler) -> Option<CompiledJob> {
        let shared = self.shared.as_ref()?;
        let mut state = lock(&shared.state);
        if state.done.is_empty() && state.thread.is_none() && !state.jobs.is_empty() {
            drop(state);
            let any = shared.ensure_thread(compiler);
            state = lock(&shared.state);
            if !any {
                // Nobody will ever do it.
                let job = state.jobs.pop_front()?;
                return Some(CompiledJob {
                    job,
                    code: Err(LowerError("no thread".into())),
                    stubs: Vec::new(),
                    time: Duration::ZERO,
                });
            }
        }
        while wait && state.done.is_empty() && (state.busy || !state.jobs.is_empty()) {
            state = shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.done.pop_front()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            lock(&shared.state).jobs.clear();
            shared.end_thread();
        }
    }
}

impl JobQueue {
    /// False if the system gives no thread.
    fn ensure_thread(self: &Arc<Self>, compiler: impl FnOnce() -> UnitCompiler) -> bool {
        let mut state = lock(&self.state);
        if state.thread.is_none() {
            let (shared, compiler) = (self.clone(), compiler());
            let builder = std::thread::Builder::new().name("compiler".into()).stack_size(STACK_BYTES);
            state.thread = without_signals(|| builder.spawn(move || shared.work(compiler))).ok();
        }
        state.thread.is_some()
    }

    fn work(&self, mut compiler: UnitCompiler) {
        compiler.warm_up();
        loop {
            let mut state = lock(&self.state);
            let mut job = loop {
                if state.ending {
                    return;
                }
                match state.jobs.pop_front() {
                    Some(job) => break job,
                    None => state = self.news.wait(state).unwrap_or_else(PoisonError::into_inner),
                }
            };
            state.busy = true;
            drop(state);
            let began = Instant::now();
            let code = compiler.prepare_and_compile(&mut job);
            compiler.trim(&job.unit);
            let stubs = std::mem::take(&mut compiler.stubs);
            let (done, number) = (job.done.clone(), job.ticket + 1);
            let outcome = CompiledJob { job, code, stubs, time: began.elapsed() };
            let mut state = lock(&self.state);
            state.done.push_back(outcome);
            done.store(number, Ordering::Release);
            state.busy = false;
            self.done.notify_one();
        }
    }

    fn end_thread(&self) {
        let mut state = lock(&self.state);
        let Some(thread) = state.thread.take() else { return };
        state.ending = true;
        drop(state);
        self.news.notify_one();
        // It catches its own panics; if one got through, it has ended all the same.
        let _ = thread.join();
        lock(&self.state).ending = false;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes all workers end before the process forks.
fn end_before_fork() {
    extern "C" fn end_all() {
        let mut all = lock(&ALL);
        all.retain(|shared| shared.upgrade().inspect(|s| s.end_thread()).is_some());
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the handler lives for ever, and it only waits for other threads.
        unsafe { libc::pthread_atfork(Some(end_all), None, None) };
    });
}

/// Calls `f`, which begins a thread, such that the thread handles no signals: Python's belong to its main thread.
fn without_signals<R>(f: impl FnOnce() -> R) -> R {
    // SAFETY: plain calls on sets of this function; the old mask is restored.
    unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut old);
        let result = f();
        libc::pthread_sigmask(libc::SIG_SETMASK, &old, std::ptr::null_mut());
        result
    }
}
