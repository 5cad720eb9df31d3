//! SIGINT and SIGTERM: the first asks, the second insists, the third ends the process.

use std::io;
use std::thread;

use tokio::signal::unix::{SignalKind, signal};

use super::exit::Exit;

/// Calls `pressed` from a thread of its own at each of the first two signals; the argument counts from 1. A third ends
/// the process where it stands, in case the second could not.
///
/// The thread lives as long as the process and holds nothing that must be closed. Errors: the system refuses a thread
/// or a handler.
pub fn listen(mut pressed: impl FnMut(u32) + Send + 'static) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    // The handlers are in place when this returns, not only when the thread gets to run.
    let (mut interrupt, mut terminate) = {
        let _guard = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    thread::Builder::new().name("signals".into()).spawn(move || {
        runtime.block_on(async {
            for count in 1.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
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
