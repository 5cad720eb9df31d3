//! What TLS and HTTP/2 cost: CPU per request over TLS beside the same without it, and over HTTP/2 beside h2load. nginx
//! serves.
//!
//! Users of scn have a connection each, and `parallel` shares one. So HTTP/2 is measured in both ways that both programs
//! know: one connection with a hundred streams at a time, and fifty connections with one.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::measure::{CLIENT_CORE, Folder, SERVER_CORE, Server, cost_of, median, scn_run, summary, tell};
use crate::speed::{CONNECTIONS, ROUNDS, SECONDS, compare, mid, program};

/// Streams at a time over one connection.
const STREAMS: u32 = 100;
/// Requests of one `parallel`: so many that its beginning and end, when fewer are on their way, weigh little.
const SIDE_BY_SIDE: u32 = 1_000;

const NGINX: &str = r#"daemon off;
master_process off;
pid FOLDER/nginx.pid;
error_log FOLDER/error.log;
events { worker_connections 1024; }
http {
    access_log off;
    client_body_temp_path FOLDER/bodies;
    proxy_temp_path FOLDER/proxied;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    http2_max_concurrent_streams STREAMS;
    ssl_protocols TLSv1.3;
    ssl_certificate FOLDER/server.pem;
    ssl_certificate_key FOLDER/server.key;
    default_type application/json;
    server {
        listen ONE;
        listen ONE_SECURE ssl;
        listen TWO http2;
        location / { return 200 '{"status":"healthy"}'; }
    }
}
"#;

/// nginx, and where it speaks what.
struct Nginx {
    _server: Server,
    one: String,
    one_secure: String,
    two: String,
}

/// On this core. `None`, and a word about it, where there is no nginx.
fn nginx(folder: &Folder, core: usize) -> Option<Nginx> {
    let Some(path) =
        program("nginx").or_else(|| Some("/usr/sbin/nginx".into()).filter(|path: &std::path::PathBuf| path.is_file()))
    else {
        println!("{:<58} not measured: there is no nginx here, `scripts/peers` fetches it", "TLS and HTTP/2");
        return None;
    };
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let [one, one_secure, two] = listeners.map(|listener| listener.local_addr().expect("its address").to_string());
    papers(folder);
    let home = folder.path("");
    let home = home.to_str().expect("temporary folders are UTF-8").trim_end_matches('/');
    let text = NGINX.replace("FOLDER", home).replace("STREAMS", &STREAMS.to_string());
    let text = text.replace("ONE_SECURE", &one_secure).replace("ONE", &one).replace("TWO", &two);
    let configuration = folder.write("nginx.conf", &text);
    let mut command = Command::new(path);
    command.args(["-e", "stderr", "-p", home, "-c"]).arg(configuration);
    Some(Nginx { _server: Server::of(core, &mut command, &one), one, one_secure, two })
}

/// Writes papers for a server on loopback, and the authority that has signed them.
fn papers(folder: &Folder) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("it signs itself");
    folder.write("ca.pem", &authority.pem());
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let key = KeyPair::generate().expect("a key");
    folder.write("server.pem", &params.signed_by(&key, &authority).expect("the authority signs").pem());
    folder.write("server.key", &key.serialize_pem());
}

/// A keep-alive request over TLS beside the same without it, fifty users.
///
/// nginx shares the client's core. On one of its own it waits for the client without TLS, and the client for it with
/// TLS: waking it up costs the client more than TLS does, so that TLS would seem to cost less than nothing.
pub fn tls() {
    let folder = Folder::new();
    let Some(nginx) = nginx(&folder, CLIENT_CORE) else { return };
    let text = |settings: &str| {
        format!(
            "target \"http://127.0.0.1:1\" {{ http 1.1{settings} }}\n\
             user one {{ task get {{ GET / {{ expect status 200 }} }} }}\n"
        )
    };
    let plain = folder.write("plain.scn", &text(""));
    let secure = folder.write("secure.scn", &text("; tls { ca \"ca.pem\" }"));
    let (mut plain_us, mut secure_us) = (vec![], vec![]);
    for _ in 0..ROUNDS {
        plain_us.push(scn_us(&folder, &plain, &format!("http://{}", nginx.one), CONNECTIONS));
        secure_us.push(scn_us(&folder, &secure, &format!("https://{}", nginx.one_secure), CONNECTIONS));
    }
    println!("CPU per request: over TLS {:.2} µs, without {:.2} µs", mid(&secure_us), mid(&plain_us));
    let mut ratios: Vec<f64> = secure_us.iter().zip(&plain_us).map(|(secure, plain)| secure / plain).collect();
    tell("TLS ÷ plain HTTP/1.1, CPU per keep-alive request", median(&mut ratios), 1.5, "");
}

/// HTTP/2 without TLS beside h2load.
pub fn two() {
    let folder = Folder::new();
    let Some(nginx) = nginx(&folder, SERVER_CORE) else { return };
    let text = |task: &str| {
        format!("target \"http://127.0.0.1:1\" {{ http 2; timeout 1m }}\nuser one {{ task get {{ {task} }} }}\n")
    };
    let shared = format!("parallel {{ for n in 1..{SIDE_BY_SIDE} {{ GET / {{ expect status 200 }} }} }}");
    let shared = folder.write("shared.scn", &text(&shared));
    let own = folder.write("own.scn", &text("GET / { expect status 200 }"));
    let url = format!("http://{}/", nginx.two);
    let h2load = program("h2load");
    for (what, scenario, connections, streams) in [
        (format!("scn ÷ h2load, one connection with {STREAMS} streams"), shared, 1, STREAMS),
        (format!("scn ÷ h2load, {CONNECTIONS} connections with one stream"), own, CONNECTIONS, 1),
    ] {
        let (mut scn, mut h2load_us) = (vec![], vec![]);
        for _ in 0..ROUNDS {
            scn.push(scn_us(&folder, &scenario, &url, connections));
            h2load_us.extend(h2load.as_deref().map(|h2load| h2load_us_of(h2load, &url, connections, streams)));
        }
        println!("CPU per request over HTTP/2: scn {:.2} µs", mid(&scn));
        compare(&what, &scn, "h2load", &h2load_us, 2.0);
    }
}

/// CPU that scn takes for a request of this scenario with so many users, in µs.
fn scn_us(folder: &Folder, scenario: &Path, target: &str, users: u32) -> f64 {
    let path = folder.path("summary.json");
    let cost = cost_of(&mut scn_run(scenario, target, users, 1000, &format!("{SECONDS}s"), &path));
    let summary = summary(&path);
    assert_eq!(summary["totals"]["failures"], 0, "scn counted failures: {}", summary["errors"]);
    assert_eq!(summary["counters"]["connections_opened"], users, "each user has one connection");
    let requests = summary["totals"]["requests"].as_f64().filter(|requests| *requests > 0.0);
    cost.cpu_seconds / requests.expect("scn made requests") * 1e6
}

/// CPU that h2load takes for a request, in µs.
fn h2load_us_of(h2load: &Path, url: &str, connections: u32, streams: u32) -> f64 {
    let arguments = [("-t", 1), ("-c", connections), ("-m", streams), ("-D", SECONDS)];
    let arguments = arguments.map(|(flag, number)| format!("{flag}{number}"));
    let cost = cost_of(Command::new(h2load).args(arguments).arg(url));
    // `requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout`
    let line = cost.output.lines().find(|line| line.starts_with("requests: ")).expect("h2load says its requests");
    let count = |word: &str| {
        let piece = line["requests: ".len()..].split(", ").find(|piece| piece.ends_with(word)).expect("it says that");
        piece.split(' ').next().and_then(|number| number.parse::<f64>().ok()).expect("a number")
    };
    assert_eq!(count("failed"), 0.0, "{line}");
    cost.cpu_seconds / count("succeeded") * 1e6
}
