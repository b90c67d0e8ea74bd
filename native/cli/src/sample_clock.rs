//! The clock behind `--jit-stats` and `explain`: a timer of the thread's processor time whose
//! signal handler says to `psycore_vm::explain` where the thread is. Time that the thread sleeps or
//! waits does not count, and the timer does not run while it waits, so that hardly any system call is
//! interrupted.

/// Starts the clock for the calling thread, with a tick for each millisecond. Where the system looks at
/// its timers less often, a tick stands for several.
///
/// # Errors
/// One line that says why there is no clock.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub fn start() -> Result<(), String> {
    use std::mem::zeroed;
    let failed = |what: &str| format!("{what}: {}", std::io::Error::last_os_error());
    let signal = signal();
    linux::find_stack();
    // SAFETY: the structures are plain data for which zeros are valid, and live through the calls.
    // The handler is installed before the timer that raises its signal.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = linux::handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        if libc::sigaction(signal, &action, std::ptr::null_mut()) != 0 {
            return Err(failed("sigaction"));
        }
        let mut event: libc::sigevent = zeroed();
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = signal;
        event.sigev_notify_thread_id = libc::gettid();
        let mut timer: libc::timer_t = std::ptr::null_mut();
        if libc::timer_create(libc::CLOCK_THREAD_CPUTIME_ID, &mut event, &mut timer) != 0 {
            return Err(failed("timer_create"));
        }
        let millisecond = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        let interval = libc::itimerspec { it_interval: millisecond, it_value: millisecond };
        if libc::timer_settime(timer, 0, &interval, std::ptr::null_mut()) != 0 {
            return Err(failed("timer_settime"));
        }
    }
    Ok(())
}

/// # Errors
/// Always: there is no such clock on this system.
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
pub fn start() -> Result<(), String> {
    Err("time can be measured on x86-64 Linux only".into())
}

/// One that programs leave alone; `SIGPROF` belongs to `signal.setitimer`.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn signal() -> i32 {
    libc::SIGRTMAX() - 3
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    /// One past the first word that the thread's stack ever held; 0 if that can't be found out.
    static STACK_END: AtomicUsize = AtomicUsize::new(0);

    pub fn find_stack() {
        let mut start = std::ptr::null_mut();
        let mut size = 0;
        // SAFETY: the attributes are filled in before they are read, and destroyed.
        unsafe {
            let mut attributes: libc::pthread_attr_t = std::mem::zeroed();
            if libc::pthread_getattr_np(libc::pthread_self(), &mut attributes) == 0 {
                libc::pthread_attr_getstack(&attributes, &mut start, &mut size);
                libc::pthread_attr_destroy(&mut attributes);
            }
        }
        STACK_END.store(start as usize + size, Relaxed);
    }

    /// The part of `siginfo_t` that timers fill in.
    #[repr(C)]
    struct TimerInfo {
        head: [i32; 4],
        id: i32,
        overrun: i32,
    }

    pub extern "C" fn handle(_: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        // SAFETY: the kernel passes valid structures of these types to a handler with SA_SIGINFO.
        // `tick` is safe here; errno is not touched. Held by the test `explain` of the command line.
        unsafe {
            let info = &*info.cast::<TimerInfo>();
            let registers = &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
            let pc = registers[libc::REG_RIP as usize] as usize;
            let sp = registers[libc::REG_RSP as usize] as usize;
            psycore_vm::explain::tick(1 + info.overrun.max(0) as u64, pc, sp..STACK_END.load(Relaxed));
        }
    }
}
