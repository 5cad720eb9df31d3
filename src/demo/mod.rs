//! The embedded oscilloscope service that scenarios can be tried on.
//!
//! Takes a place to listen at and [`Switches`] that make it misbehave; gives a [`Running`] service on threads of its
//! own. [`Service`] is the same without a port, over any stream, for tests in virtual time. Knows nothing of scenarios.

mod rest;
mod service;
mod stream;
mod switches;
mod wave;
mod websocket;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};
use tokio::sync::oneshot;

pub use service::{Counters, Service};
pub use switches::{Stall, Switches};

/// After this pause connections are accepted again where the last attempt failed: without descriptors left the next
/// attempt would fail as well, and a loop without a pause would eat the core.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// A service that runs on a thread of its own, until it is stopped or dropped.
pub struct Running {
    address: SocketAddr,
    service: Arc<Service>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves the oscilloscope at `listen`; with port 0 the system chooses one, which [`Running::address`] says. Errors are
/// those of binding, and of making the thread and its runtime.
pub fn start(listen: SocketAddr, switches: Switches) -> io::Result<Running> {
    // Bound here and not on the thread, so that whoever starts the service hears of a port that is taken.
    let listener = TcpListener::bind(listen)?;
    raise_descriptor_limit();
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (listener, service) = {
        let _within = runtime.enter();
        (tokio::net::TcpListener::from_std(listener)?, Service::new(switches))
    };
    let (stop, stopped) = oneshot::channel();
    let serving = Arc::clone(&service);
    let thread = std::thread::Builder::new().name("scn-demo".into()).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = stopped => {}
                () = accept(listener, serving) => {}
            }
        });
        // Dropping the runtime ends every connection.
    })?;
    Ok(Running { address, service, stop: Some(stop), thread: Some(thread) })
}

/// The usual soft limit of 1,024 is fewer connections than a load test makes.
fn raise_descriptor_limit() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    // Where the system refuses, what there is must do; `accept` copes.
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

async fn accept(listener: tokio::net::TcpListener, service: Arc<Service>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer that waits for the last one's acknowledgement would measure the delay and not the service.
                let _ = stream.set_nodelay(true);
                tokio::spawn(Arc::clone(&service).serve(stream));
            }
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN_AFTER).await,
        }
    }
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, `http://127.0.0.1:8000`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has done so far.
    pub fn counters(&self) -> &Counters {
        &self.service.counters
    }

    /// Ends every connection and waits for the thread's end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
