//! SIGINT, SIGTERM and SIGHUP: the first asks, the second insists, the third ends the process.
//!
//! SIGHUP says that the terminal was closed. The kernel and the shell may both say so: it counts once. Who starts scn
//! with `nohup` wants it to go on: then it counts for nothing.

use std::fs;
use std::io;
use std::thread;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::exit::Exit;

/// Calls `pressed` from a thread of its own at each of the first two signals; the argument counts from 1. A third ends
/// the process where it stands, in case the second could not.
///
/// The thread lives as long as the process and holds nothing that must be closed. Errors: the system refuses a thread
/// or a handler.
pub fn listen(mut pressed: impl FnMut(u32) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // The handlers are in place when this returns, not only when the thread gets to run.
    let (mut interrupt, mut terminate, mut hangup) = {
        let _guard = runtime.enter();
        let hangup = (!hangups_are_ignored()).then(|| signal(SignalKind::hangup())).transpose()?;
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?, hangup)
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            for count in 1.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    () = hung_up(&mut hangup) => {}
                }
                match count {
                    1 | 2 => pressed(count),
                    _ => std::process::exit(Exit::Stopped.code().into()),
                }
            }
        });
    })?;
    Ok(())
}

/// Comes once, if ever. The handler stays, so that no later one ends the process.
async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(signal) => signal.recv().await,
        None => std::future::pending().await,
    };
    *hangup = None;
}

/// Whether whoever started this process wanted it to live on without its terminal.
fn hangups_are_ignored() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignores(&status, 1))
}

/// Whether the line `SigIgn:` of `/proc/self/status` names a signal.
fn ignores(status: &str, signal: u32) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::ignores;

    #[test]
    fn the_kernel_says_which_signals_are_ignored() {
        let status = "Name:\tscn\nSigBlk:\t0000000000000001\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000000000\n";
        assert!(ignores(status, 1) && ignores(status, 13));
        assert!(!ignores(status, 2) && !ignores(status, 15));
        assert!(!ignores("", 1));
    }
}
