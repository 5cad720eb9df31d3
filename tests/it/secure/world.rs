//! Servers of TLS in memory, and scenarios run against them in virtual time.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use scn::base::{Files, Seed, Sources};
use scn::diagnostic::Severity;
use scn::metrics::{Counter, ErrorKind};
use scn::plan::{self, Plan, profile};
use scn::run::network::{Local, Network, Stream};
use scn::run::resolve::Found;
use scn::run::{self, Finished, Options, Stop};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub use super::papers::{Authority, Papers, self_signed};

type Script = dyn Fn(DuplexStream, u32) -> Pin<Box<dyn Future<Output = ()>>>;

/// A network in memory.
#[derive(Clone)]
pub struct Net {
    script: Rc<Script>,
    pub dialled: Rc<Cell<u32>>,
    /// How many of the servers' tasks have not ended.
    pub open: Rc<Cell<u32>>,
}

impl Net {
    /// `serve` is handed the far end of each connection, and how many were before it.
    pub fn new<F: Future<Output = ()> + 'static>(serve: impl Fn(DuplexStream, u32) -> F + 'static) -> Net {
        Net {
            script: Rc::new(move |far, number| Box::pin(serve(far, number))),
            dialled: Rc::default(),
            open: Rc::default(),
        }
    }

    /// HTTP/1.1 over TLS: 200 and `ok` to everything.
    pub fn https(acceptor: TlsAcceptor) -> Net {
        Net::new(move |far, _| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(far).await {
                    answer_all(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                }
            }
        })
    }
}

impl Network for Net {
    fn resolve(&self, host: &str, port: u16) -> Local<io::Result<Found>> {
        let ip = host.parse().unwrap_or([127, 0, 0, 1].into());
        Box::pin(std::future::ready(Ok(vec![SocketAddr::new(ip, port)].into())))
    }

    fn connect(&self, _: SocketAddr) -> Local<io::Result<Stream>> {
        let (near, far) = tokio::io::duplex(64 << 10);
        let number = self.dialled.replace(self.dialled.get() + 1);
        let (serving, open) = ((self.script)(far, number), self.open.clone());
        open.set(open.get() + 1);
        tokio::task::spawn_local(async move {
            serving.await;
            open.set(open.get() - 1);
        });
        Box::pin(std::future::ready(Ok(Stream::Memory(near))))
    }
}

/// Answers every request with the same.
pub async fn answer_all(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) {
    let mut text = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(count) => text.extend_from_slice(&bytes[..count]),
        }
        while let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") {
            text.drain(..end + 4);
            if stream.write_all(answer.as_bytes()).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
    }
}

/// The server's end of one connection, where the handshake succeeds.
pub async fn accept(acceptor: &TlsAcceptor, far: DuplexStream) -> Option<TlsStream<DuplexStream>> {
    acceptor.accept(far).await.ok()
}

/// A scenario, and what stands beside it.
pub struct Scene {
    text: String,
    files: Beside,
    users: u32,
    iterations: u64,
    allow: Vec<String>,
}

/// Files that a test says, and behind them those of the disk.
#[derive(Default)]
struct Beside(HashMap<PathBuf, Vec<u8>>);

impl Files for Beside {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.0.get(path).map_or_else(|| std::fs::read(path), |bytes| Ok(bytes.clone()))
    }

    fn size(&self, path: &Path) -> io::Result<u64> {
        match self.0.get(path) {
            Some(bytes) => Ok(bytes.len() as u64),
            None => std::fs::metadata(path).map(|about| about.len()),
        }
    }
}

/// This scenario: one iteration of one user.
pub fn scene(text: &str) -> Scene {
    Scene { text: text.to_owned(), files: Beside::default(), users: 1, iterations: 1, allow: Vec::new() }
}

impl Scene {
    pub fn file(mut self, name: &str, content: &str) -> Scene {
        self.files.0.insert(name.into(), content.as_bytes().to_vec());
        self
    }

    pub fn users(mut self, users: u32) -> Scene {
        self.users = users;
        self
    }

    pub fn iterations(mut self, iterations: u64) -> Scene {
        self.iterations = iterations;
        self
    }

    pub fn allow(mut self, host: &str) -> Scene {
        self.allow.push(host.to_owned());
        self
    }

    /// Rules and words of all that `scn check` says of it.
    pub fn checked(&self) -> Vec<(&'static str, String)> {
        let (_, sources, all) = self.parts();
        let said = |one: &scn::diagnostic::Diagnostic| {
            (one.rule.name(), format!("{} at `{}`", one.message, sources.text(one.primary.span)))
        };
        all.iter().map(said).collect()
    }

    fn parts(&self) -> (Option<scn::check::Sound>, Sources, Vec<scn::diagnostic::Diagnostic>) {
        let mut sources = Sources::default();
        let file = sources.add("scene.scn", self.text.as_str());
        let parsed = scn::syntax::parse(file, &self.text);
        let checked = scn::check::check_with(&parsed.ast, &sources, &self.files as &dyn Files);
        let all: Vec<_> = parsed.diagnostics.iter().chain(&checked.diagnostics).cloned().collect();
        (checked.sound(&parsed.diagnostics), sources, all)
    }

    /// What comes of it over that network.
    pub fn run(&self, net: &Net) -> Seen {
        self.try_run(net).unwrap_or_else(|error| panic!("the run cannot start: {error:?}"))
    }

    /// The same, or why the run cannot start.
    pub fn try_run(&self, net: &Net) -> Result<Seen, run::Error> {
        let (sound, mut sources, all) = self.parts();
        let errors: Vec<_> = all.iter().filter(|one| one.severity() == Severity::Error).collect();
        assert!(errors.is_empty(), "{errors:?}");
        let text = format!(
            "name: scene\nusers: {}\nspawn_rate: 1000\nduration: 1h\niterations: {}\n",
            self.users, self.iterations
        );
        let profile = profile::parse(sources.add("scene.yml", text.as_str()), &text).profile.expect("a profile");
        let compiled = plan::compile(&sound.expect("it is sound"), &profile, Seed(7), &sources);
        let plan = compiled.unwrap_or_else(|wrong| panic!("no plan: {wrong:?}")).plan;
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).expect("a runtime");
        let options = Options { threads: 1, allow: self.allow.clone(), run_id: "run".into(), ..Options::default() };
        let finished = runtime.block_on(async {
            let finished = run::drive(&plan, Rc::new(net.clone()), &options, &Stop::default(), &mut |_| {}).await;
            // What is left of connections goes now.
            tokio::time::sleep(Duration::from_secs(60)).await;
            finished
        })?;
        Ok(Seen { plan, finished, dialled: net.dialled.get(), left_open: net.open.get() })
    }
}

/// What came of a scene.
pub struct Seen {
    pub plan: Plan,
    pub finished: Finished,
    pub dialled: u32,
    /// Connections that the servers still had a minute after the run.
    pub left_open: u32,
}

impl Seen {
    /// Samples: all, and the failed ones.
    pub fn samples(&self) -> (u64, u64) {
        let totals = self.finished.total.totals();
        (totals.requests, totals.failures)
    }

    /// The failures of each kind, by name.
    pub fn kinds(&self) -> Vec<(&'static str, u64)> {
        let count = |kind: &ErrorKind| (kind.name(), self.finished.total.failures_of(*kind));
        ErrorKind::ALL.iter().map(count).filter(|(_, count)| *count > 0).collect()
    }

    /// What was said of failures.
    pub fn notes(&self) -> Vec<&str> {
        let failures = self.finished.total.points.iter().flat_map(|point| &point.failures);
        failures.flat_map(|failure| failure.notes.iter().map(String::as_str)).collect()
    }

    /// What was counted beside samples.
    pub fn counter(&self, counter: Counter) -> u64 {
        self.finished.total.counter(counter)
    }
}
