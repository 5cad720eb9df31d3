//! The way through a proxy: which one, and how it is asked for the way to a server.
//!
//! Over an HTTP proxy, requests to a server without TLS go to the proxy itself, with the whole URL in their first line;
//! for TLS and WebSockets it is asked for a tunnel (`CONNECT`). Over SOCKS5 there is always a tunnel. A proxy is used
//! where a target names one, and nowhere else: `HTTP_PROXY` and its like are not looked at, as a load that quietly
//! takes another way would measure that.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Request;
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_socks::tcp::Socks5Stream;
use tokio_socks::{Error as Socks, TargetAddr};
use url::Url;

use super::dial::Trouble;
use super::network::Stream;
use super::place::Origin;
use crate::metrics::ErrorKind;
use crate::plan::expr::Function;
use crate::plan::{Value, functions};

/// Longest head of a proxy's answer.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// So much of it is looked at byte by byte.
const FIRST_WORDS: usize = 16;
/// Most headers in it.
const HEADERS_MAX: usize = 64;

/// A proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// What it speaks.
    pub speaks: Speaks,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    user: Option<(String, String)>,
}

/// What is spoken with a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaks {
    /// `http://`
    Http,
    /// `socks5://`: names are resolved here.
    Socks5,
    /// `socks5h://`: names are resolved by the proxy.
    Socks5ByName,
}

impl fmt::Debug for Proxy {
    /// Without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {self}", self.speaks)
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Proxy {
    /// The proxy that `text` names, or why it names none.
    pub fn of(text: &str) -> Result<Proxy, String> {
        let url = Url::parse(text.trim()).map_err(|error| error.to_string())?;
        let (speaks, port) = match url.scheme() {
            "http" => (Speaks::Http, 80),
            "socks5" => (Speaks::Socks5, 1080),
            "socks5h" => (Speaks::Socks5ByName, 1080),
            other => return Err(format!("proxies speak `http`, `socks5` or `socks5h`, not `{other}`")),
        };
        let Some(host) = url.host_str().filter(|host| !host.is_empty()) else { return Err("it names no host".into()) };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err("a proxy has no path, no query and no fragment".into());
        }
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = (!url.username().is_empty() || url.password().is_some())
            .then(|| (plain(url.username()), plain(url.password().unwrap_or_default())));
        if let Some((name, password)) = &user
            && speaks != Speaks::Http
            && (name.len() > 255 || password.len() > 255 || name.is_empty())
        {
            return Err("SOCKS5 takes a user name of 1 to 255 bytes and a password of up to 255".into());
        }
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Proxy { speaks, host, port: url.port().unwrap_or(port), user })
    }

    /// Whether it resolves names itself, so that nobody here does.
    pub(super) fn knows_names(&self) -> bool {
        self.speaks != Speaks::Socks5
    }

    /// What `Proxy-Authorization` says to it; `None`: nothing.
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let (name, password) = self.user.as_ref()?;
        let both = [Value::from(format!("{name}:{password}").as_str())];
        let both = functions::call(Function::Base64, &both).ok()??;
        let mut value = HeaderValue::from_str(&format!("Basic {}", both.text())).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Makes a request to `origin` one to the proxy itself: with the whole URL in its first line.
    pub(super) fn forward<B>(&self, request: &mut Request<B>, origin: &Origin) {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        if let Ok(whole) = format!("http://{}{path}", origin.authority).parse() {
            *request.uri_mut() = whole;
        }
        if let Some(value) = self.authorization() {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
    }

    /// The way over it to a server, over a connection to it. `host` is a name or an address, IPv6 without brackets.
    pub(super) async fn tunnel(&self, stream: Stream, host: &str, port: u16) -> Result<Stream, Trouble> {
        match self.speaks {
            Speaks::Http => self.connect(stream, host, port).await,
            Speaks::Socks5 | Speaks::Socks5ByName => self.socks(stream, host, port).await,
        }
    }

    /// Asks an HTTP proxy for a tunnel (RFC 9110, 9.3.6).
    async fn connect(&self, mut stream: Stream, host: &str, port: u16) -> Result<Stream, Trouble> {
        let server = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let mut asked = format!("CONNECT {server} HTTP/1.1\r\nHost: {server}\r\n").into_bytes();
        if let Some(value) = self.authorization() {
            asked.extend_from_slice(b"Proxy-Authorization: ");
            asked.extend_from_slice(value.as_bytes());
            asked.extend_from_slice(b"\r\n");
        }
        asked.extend_from_slice(b"\r\n");
        let lost = |error: &std::io::Error| {
            let trouble = Trouble::of_io(error);
            Trouble { text: format!("{}, the proxy {self}, while it was asked for a tunnel", trouble.text), ..trouble }
        };
        stream.write_all(&asked).await.map_err(|error| lost(&error))?;
        stream.flush().await.map_err(|error| lost(&error))?;
        let garbage = |why: &str| {
            Trouble::new(ErrorKind::Protocol, format!("the proxy {self} does not answer as an HTTP proxy does: {why}"))
        };
        let mut bytes: Vec<u8> = Vec::new();
        loop {
            // Byte by byte: what comes behind the head belongs to whoever speaks next, and a server may be the first.
            match stream.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(error) => return Err(lost(&error)),
            }
            if bytes.len() > HEAD_BYTES_MAX {
                return Err(garbage(&format!("its head is longer than {} KiB", HEAD_BYTES_MAX >> 10)));
            }
            // A line is looked at when it is there, and the first words at once: who babbles may never end a line.
            if bytes.len() > FIRST_WORDS && bytes.last() != Some(&b'\n') {
                continue;
            }
            let mut fields = [httparse::EMPTY_HEADER; HEADERS_MAX];
            let mut response = httparse::Response::new(&mut fields);
            match response.parse(&bytes) {
                Ok(httparse::Status::Partial) => {}
                Ok(httparse::Status::Complete(_)) => match response.code.unwrap_or_default() {
                    // Another head comes behind it.
                    100..=199 => bytes.clear(),
                    200..=299 => return Ok(stream),
                    code => {
                        let reason = response.reason.filter(|reason| !reason.is_empty());
                        let reason = reason.map(|reason| format!(" {reason}")).unwrap_or_default();
                        let text = format!("the proxy {self} makes no tunnel to {server}: {code}{reason}");
                        return Err(Trouble::new(ErrorKind::ConnectRefused, text));
                    }
                },
                Err(error) => return Err(garbage(&error.to_string())),
            }
        }
    }

    /// Asks a SOCKS5 proxy for a tunnel (RFC 1928, 1929).
    async fn socks(&self, stream: Stream, host: &str, port: u16) -> Result<Stream, Trouble> {
        let to = match host.parse::<IpAddr>() {
            Ok(address) => TargetAddr::Ip(SocketAddr::new(address, port)),
            Err(_) => TargetAddr::Domain(host.into(), port),
        };
        let asked = match &self.user {
            None => Socks5Stream::connect_with_socket(stream, to).await,
            Some((name, password)) => Socks5Stream::connect_with_password_and_socket(stream, to, name, password).await,
        };
        asked.map(Socks5Stream::into_inner).map_err(|error| self.refused(error, host, port))
    }

    fn refused(&self, error: Socks, host: &str, port: u16) -> Trouble {
        let kind = match &error {
            Socks::Io(error) => {
                let trouble = Trouble::of_io(error);
                let text = format!("{}, the proxy {self}, while it was asked for a tunnel", trouble.text);
                return Trouble { text, ..trouble };
            }
            Socks::TtlExpired => ErrorKind::ConnectTimeout,
            Socks::GeneralSocksServerFailure
            | Socks::ConnectionNotAllowedByRuleset
            | Socks::NetworkUnreachable
            | Socks::HostUnreachable
            | Socks::ConnectionRefused
            | Socks::CommandNotSupported
            | Socks::AddressTypeNotSupported
            | Socks::NoAcceptableAuthMethods
            | Socks::PasswordAuthFailure(_)
            | Socks::AuthorizationRequired => ErrorKind::ConnectRefused,
            _ => ErrorKind::Protocol,
        };
        let why = error.to_string().to_lowercase();
        let text = match kind {
            ErrorKind::Protocol => format!("the proxy {self} does not answer as a SOCKS5 proxy does: {why}"),
            _ => format!("the proxy {self} makes no tunnel to {host}:{port}: {why}"),
        };
        Trouble::new(kind, text)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::DuplexStream;

    use super::*;
    use crate::run::fixture::pretend;

    #[test]
    fn a_proxy_is_a_url_without_a_path() {
        for (text, speaks, shown, authorization) in [
            ("http://proxy:3128", Speaks::Http, "proxy:3128", None),
            ("http://proxy/", Speaks::Http, "proxy:80", None),
            ("socks5://[::1]", Speaks::Socks5, "[::1]:1080", None),
            ("socks5h://u:p%20q@127.0.0.1:9", Speaks::Socks5ByName, "127.0.0.1:9", Some("Basic dTpwIHE=")),
            ("http://Aladdin:open%20sesame@p", Speaks::Http, "p:80", Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
        ] {
            let proxy = Proxy::of(text).expect(text);
            assert_eq!((proxy.speaks, proxy.to_string().as_str()), (speaks, shown), "{text}");
            let said = proxy.authorization();
            assert_eq!(said.as_ref().map(|value| value.to_str().expect("text")), authorization, "{text}");
            assert!(!format!("{proxy:?}").contains("p q"), "a password is never shown");
        }
        for text in ["proxy:3128", "https://proxy", "http://", "http://proxy/path", "http://proxy?x", "socks5://:p@h"] {
            assert!(Proxy::of(text).is_err(), "{text}");
        }
    }

    /// What becomes of asking `proxy` for `host:81`, where it answers so: for each piece that is to come, what is said
    /// to that.
    fn asked(proxy: &str, host: &str, dialogue: &[(&[u8], &[u8])]) -> Result<(), Trouble> {
        let proxy = Proxy::of(proxy).expect("it is one");
        let dialogue: Vec<(Vec<u8>, Vec<u8>)> = dialogue.iter().map(|(a, b)| (a.to_vec(), b.to_vec())).collect();
        pretend(async move {
            let (near, far) = tokio::io::duplex(1 << 10);
            let speaking = tokio::task::spawn_local(speak(far, dialogue));
            let tunnel = proxy.tunnel(Stream::Memory(near), host, 81).await.map(drop);
            speaking.await.expect("it was asked as it should be");
            tunnel
        })
    }

    async fn speak(mut far: DuplexStream, dialogue: Vec<(Vec<u8>, Vec<u8>)>) {
        for (heard, said) in dialogue {
            let mut bytes = vec![0; heard.len()];
            far.read_exact(&mut bytes).await.expect("it comes");
            assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&heard));
            far.write_all(&said).await.expect("it is heard");
        }
    }

    const CONNECT: &[u8] = b"CONNECT api.test:81 HTTP/1.1\r\nHost: api.test:81\r\n\r\n";

    #[test]
    fn an_http_proxy_makes_a_tunnel() {
        let http = "http://proxy:3128";
        assert_eq!(
            asked(http, "api.test", &[(CONNECT, b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")]),
            Ok(())
        );
        assert_eq!(asked(http, "api.test", &[(CONNECT, b"HTTP/1.1 100\r\n\r\nHTTP/1.0 204 \r\n\r\n")]), Ok(()));
        let v6: &[u8] = b"CONNECT [::1]:81 HTTP/1.1\r\nHost: [::1]:81\r\nProxy-Authorization: Basic dTpw\r\n\r\n";
        assert_eq!(asked("http://u:p@proxy", "::1", &[(v6, b"HTTP/1.1 200 OK\r\n\r\n")]), Ok(()));
    }

    #[test]
    fn what_comes_right_behind_the_head_of_a_proxy_is_the_servers() {
        pretend(async {
            let (near, mut far) = tokio::io::duplex(1 << 10);
            far.write_all(b"HTTP/1.1 103 Hints\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n\r\nI speak first")
                .await
                .expect("room");
            let proxy = Proxy::of("http://proxy").expect("it is one");
            let mut tunnel = proxy.tunnel(Stream::Memory(near), "api.test", 81).await.expect("it is made");
            let mut said = [0; 13];
            tunnel.read_exact(&mut said).await.expect("it is there");
            assert_eq!(&said, b"I speak first");
        });
    }

    #[test]
    fn an_http_proxy_may_refuse_or_speak_in_tongues() {
        for (said, kind, text) in [
            (
                &b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"[..],
                ErrorKind::ConnectRefused,
                "the proxy proxy:80 makes no tunnel to api.test:81: 407 Proxy Authentication Required",
            ),
            (
                b"HTTP/1.1 503\r\n\r\n",
                ErrorKind::ConnectRefused,
                "the proxy proxy:80 makes no tunnel to api.test:81: 503",
            ),
            (
                b"SSH-2.0-OpenSSH\r\n",
                ErrorKind::Protocol,
                "the proxy proxy:80 does not answer as an HTTP proxy does: invalid HTTP version",
            ),
            (
                b"HTTP/1.1 200 O",
                ErrorKind::Closed,
                "connection closed by the peer, the proxy proxy:80, while it was asked for a tunnel",
            ),
        ] {
            assert_eq!(asked("http://proxy", "api.test", &[(CONNECT, said)]), Err(Trouble::new(kind, text)));
        }
        let endless = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; HEAD_BYTES_MAX]].concat();
        let trouble = asked("http://proxy", "api.test", &[(CONNECT, &endless)]).expect_err("it is too long");
        assert_eq!(trouble.kind, ErrorKind::Protocol);
    }

    const GREETING: &[u8] = &[5, 1, 0];
    const BY_NAME: &[u8] = b"\x05\x01\x00\x03\x08api.test\x00\x51";

    #[test]
    fn a_socks_proxy_makes_a_tunnel_by_name_or_address_and_may_want_a_password() {
        let done: &[u8] = &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        assert_eq!(asked("socks5h://p", "api.test", &[(GREETING, &[5, 0]), (BY_NAME, done)]), Ok(()));
        let v4: &[u8] = &[5, 1, 0, 1, 127, 0, 0, 1, 0, 81];
        assert_eq!(asked("socks5://p", "127.0.0.1", &[(GREETING, &[5, 0]), (v4, done)]), Ok(()));
        let offers: &[u8] = &[5, 2, 0, 2];
        let dialogue: [(&[u8], &[u8]); 3] = [(offers, &[5, 2]), (b"\x01\x01u\x01p", &[1, 0]), (v4, done)];
        assert_eq!(asked("socks5://u:p@p", "127.0.0.1", &dialogue), Ok(()));
        let refused: [(&[u8], &[u8]); 2] = [(offers, &[5, 2]), (b"\x01\x01u\x01p", &[1, 1])];
        let trouble = asked("socks5://u:p@p", "127.0.0.1", &refused).expect_err("the password is another");
        assert_eq!(trouble.kind, ErrorKind::ConnectRefused);
    }

    #[test]
    fn a_socks_proxy_may_refuse_or_speak_in_tongues() {
        for (code, kind, why) in [
            (1, ErrorKind::ConnectRefused, "general socks server failure"),
            (2, ErrorKind::ConnectRefused, "connection not allowed by ruleset"),
            (4, ErrorKind::ConnectRefused, "host unreachable"),
            (5, ErrorKind::ConnectRefused, "connection refused"),
            (6, ErrorKind::ConnectTimeout, "ttl expired"),
        ] {
            let said = [5, code, 0, 1, 0, 0, 0, 0, 0, 0];
            let trouble = asked("socks5h://p", "api.test", &[(GREETING, &[5, 0]), (BY_NAME, &said)]);
            let text = format!("the proxy p:1080 makes no tunnel to api.test:81: {why}");
            assert_eq!(trouble, Err(Trouble::new(kind, text)));
        }
        let trouble = asked("socks5h://p", "api.test", &[(GREETING, b"HTTP/1.1 400 Bad Request\r\n\r\n")]);
        assert_eq!(trouble.expect_err("it is none").kind, ErrorKind::Protocol);
        let trouble = asked("socks5h://p", "api.test", &[(GREETING, &[5, 255])]).expect_err("it wants more");
        assert_eq!(trouble.kind, ErrorKind::ConnectRefused);
        let trouble = asked("socks5h://p", "api.test", &[(GREETING, &[5])]).expect_err("it has gone");
        assert_eq!(trouble.kind, ErrorKind::Closed);
    }
}
