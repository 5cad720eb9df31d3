//! A server with a configuration file, on ports that were free, with certificates that were made for it.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustix::process::{Pid, Signal};
use serde_json::Value;

use crate::program::{Folder, ROOT};

/// Longest that anything here is waited for.
const HUNG_AFTER: Duration = Duration::from_secs(30);
/// Somebody may take a port between our look at it and the server's: then it is started once more, on others.
const STARTS_MAX: usize = 5;

/// A configuration, with `PORT` wherever a port of the server's own belongs.
pub struct Configuration<'a> {
    /// The file of this folder that it is made from.
    pub from: &'a str,
    /// The command line, which may say `FOLDER`.
    pub command: &'a [&'a str],
    /// Other words and what stands for them.
    pub words: &'a [(&'a str, String)],
    /// Files beside it that it brings in.
    pub beside: &'a [&'a str],
    /// The file of its access log, which holds a JSON object a line; with `stdout` what it prints.
    pub log: &'a str,
}

/// A server that runs; ended when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
    /// Where it listens, in the order of its configuration.
    pub ports: Vec<u16>,
}

impl Server {
    /// Starts it in `folder` and waits until it listens on all of its ports.
    pub fn start(folder: &Folder, configuration: &Configuration<'_>) -> Server {
        let mut why = String::new();
        for _ in 0..STARTS_MAX {
            match Server::try_start(folder, configuration) {
                Ok(server) => return server,
                Err(said) => why = said,
            }
        }
        panic!("{} does not start: {why}", configuration.command[0]);
    }

    fn try_start(folder: &Folder, configuration: &Configuration<'_>) -> Result<Server, String> {
        let ports = write(folder, configuration);
        let home = folder.path().display().to_string();
        let words = configuration.command.iter().map(|word| word.replace("FOLDER", &home));
        let words: Vec<String> = words.collect();
        let file = |name: &str| File::create(folder.path().join(name)).expect("a temporary file can be made");
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .spawn()
            .unwrap_or_else(|error| panic!("{} cannot be started (`scripts/test` installs it): {error}", words[0]));
        let begun = Instant::now();
        for port in &ports {
            while TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], *port))).is_err() {
                if child.try_wait().expect("it is our child").is_some() {
                    return Err(std::fs::read_to_string(folder.path().join("stderr")).expect("it was made"));
                }
                assert!(begun.elapsed() < HUNG_AFTER, "{} does not listen", words[0]);
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(Server { child, log: folder.path().join(configuration.log), ports })
    }

    /// The URL of its n-th port.
    pub fn url(&self, scheme: &str, index: usize) -> String {
        format!("{scheme}://127.0.0.1:{}", self.ports[index])
    }

    /// Ends it, and gives what its log says of exactly so many requests.
    #[track_caller]
    pub fn served(mut self, count: usize) -> Vec<Value> {
        let begun = Instant::now();
        // It may write a line a moment behind the last byte of an answer.
        while lines(&self.log) < count && begun.elapsed() < HUNG_AFTER {
            std::thread::sleep(Duration::from_millis(10));
        }
        rustix::process::kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it still runs");
        self.child.wait().expect("it is our child");
        let text = std::fs::read_to_string(&self.log).expect("it has written a log");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")));
        let lines: Vec<Value> = lines.collect();
        assert_eq!(lines.len(), count, "requests that the server has logged:\n{text}");
        lines
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(log: &Path) -> usize {
    let mut bytes = Vec::new();
    File::open(log)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_or(0, |_| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// Writes the configuration with ports that are free now.
fn write(folder: &Folder, configuration: &Configuration<'_>) -> Vec<u16> {
    let home = folder.path().display().to_string();
    let template = resource(configuration.from);
    // All are held until each is known, so that no two are the same.
    let bind = |_| TcpListener::bind("127.0.0.1:0").expect("a free port");
    let listeners: Vec<TcpListener> = template.matches(":PORT").map(bind).collect();
    let port = |listener: &TcpListener| listener.local_addr().expect("its address").port();
    let ports: Vec<u16> = listeners.iter().map(port).collect();
    let own = ports.iter().fold(template, |text, port| text.replacen(":PORT", &format!(":{port}"), 1));
    let beside = configuration.beside.iter().map(|name| (*name, resource(name)));
    for (name, text) in [(configuration.from, own)].into_iter().chain(beside) {
        let mut text = text.replace("FOLDER", &home);
        for (word, meaning) in configuration.words {
            text = text.replace(word, meaning);
        }
        for (index, port) in ports.iter().enumerate() {
            text = text.replace(&format!("OWN_PORT_{index}"), &port.to_string());
        }
        folder.write(name, &text);
    }
    ports
}

/// What a service of this folder tells of what it has seen, once that is `all`: it learns of the end of a connection a
/// moment behind the user.
pub fn seen(port: &str, all: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let seen = ask(port);
        if all(&seen) || begun.elapsed() > HUNG_AFTER {
            return seen;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ask(port: &str) -> Value {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    write!(stream, "GET /seen HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers in UTF-8");
    let body = &answer[answer.find("\r\n\r\n").expect("a head") + 4..];
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// A file of this folder.
pub fn resource(name: &str) -> String {
    let path = Path::new(ROOT).join("tests/system/others").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Writes `ca.pem`, papers of it for a server on loopback (`server.pem`, `server.key`, both in `both.pem`) and for a
/// user (`user.pem`, `user.key`).
pub fn papers(folder: &Folder) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "An authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("it signs itself");
    folder.write("ca.pem", &authority.pem());
    for (who, names, usage) in [
        ("server", vec!["127.0.0.1".to_owned()], ExtendedKeyUsagePurpose::ServerAuth),
        ("user", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let mut params = CertificateParams::new(names).expect("names");
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("A {who}"));
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &authority).expect("the authority signs").pem();
        folder.write(&format!("{who}.pem"), &certificate);
        folder.write(&format!("{who}.key"), &key.serialize_pem());
        if who == "server" {
            folder.write("both.pem", &format!("{certificate}{}", key.serialize_pem()));
        }
    }
}

/// Writes what the web servers here have to give: `files/small.json`, `files/long.txt` of 1 MiB, which packs well, and
/// `files/noise.bin` of 3 MiB, which does not; and `upload.bin` to send.
pub fn files(folder: &Folder) {
    std::fs::create_dir_all(folder.path().join("files")).expect("a temporary folder can be made");
    std::fs::create_dir_all(folder.path().join("kept")).expect("a temporary folder can be made");
    folder.write("files/small.json", "{\"name\":\"small\",\"why\":\"long enough to be worth a coding\"}\n");
    folder.write("files/long.txt", &"a line of text..".repeat(1 << 16));
    for (name, length) in [("files/noise.bin", 3 << 20), ("upload.bin", 1_500_000)] {
        std::fs::write(folder.path().join(name), noise(length)).expect("a temporary file can be written");
    }
}

/// Bytes that look like chance, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}
