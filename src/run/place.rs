//! Where one request goes: the target's URL, a step's path and query, and the values in them.

use std::fmt::Write;
use std::rc::Rc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use super::dial::Trouble;
use super::user::User;
use crate::metrics::ErrorKind;
use crate::plan::expr::Piece;
use crate::plan::{Expr, Http, PointId, TargetId, Template, Value};

/// What is encoded of a value in a path or query: all but RFC 3986's unreserved characters, so that a `/` or `&` in a
/// value stays part of the value.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is encoded of text that should be part of a URL already: only what no URI may hold.
const ODD: &AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A server: what is dialled and what the `Host` header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Whether TLS is spoken with it.
    pub secure: bool,
    /// A name or an address, IPv6 without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// As in a `Host` header: the port only where it is not the scheme's own.
    pub authority: String,
    /// The target whose settings hold for it: the one that it is the server of, else that of the step.
    pub target: TargetId,
}

impl Origin {
    /// The server of `url`, which a step on `target` goes to; or why it cannot be sent to.
    pub fn of(url: &Url, target: TargetId) -> Result<Origin, Trouble> {
        let wrong = |kind, why: &str| Err(Trouble::new(kind, why));
        let secure = match url.scheme() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            other => {
                return wrong(ErrorKind::Value, &format!("requests go over http or https, not over `{other}`"));
            }
        };
        if !url.username().is_empty() || url.password().is_some() {
            return wrong(ErrorKind::Value, "a user name or password does not belong into a URL: use `auth basic`");
        }
        let Some(host) = url.host_str() else { return wrong(ErrorKind::Value, "it names no host") };
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        Ok(Origin { secure, host, port: url.port_or_known_default().unwrap_or(80), authority, target })
    }

    /// How URLs on it begin: scheme, host and port.
    pub fn url(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority)
    }

    /// Whether it is the same server, whichever target's settings hold.
    pub fn is_at(&self, other: &Origin) -> bool {
        (self.secure, self.port, &self.host) == (other.secure, other.port, &other.host)
    }
}

/// Where the paths of a run's steps begin.
#[derive(Debug)]
pub struct Base {
    /// The target's server.
    pub origin: Rc<Origin>,
    /// The target's own path, without a slash at its end: a prefix.
    pub prefix: String,
}

impl Base {
    /// The bases of targets that were looked at before the run.
    pub fn all(urls: &[Url]) -> Vec<Base> {
        let base =
            |(index, url)| Base::of(url, TargetId(index as u32)).expect("it is one: that was seen before the run");
        urls.iter().enumerate().map(base).collect()
    }

    /// How the URLs of its server begin.
    fn url(&self) -> String {
        format!("{}/", self.origin.url())
    }

    /// The base of the target's `url`, or why it cannot be one.
    pub fn of(url: &Url, target: TargetId) -> Result<Base, String> {
        if url.query().is_some() || url.fragment().is_some() {
            return Err("a target has no query and no fragment: those belong to the paths of steps".into());
        }
        let origin = Origin::of(url, target).map_err(|trouble| trouble.text)?;
        Ok(Base { origin: Rc::new(origin), prefix: url.path().trim_end_matches('/').to_owned() })
    }
}

/// Where one request goes.
#[derive(Clone, Debug)]
pub struct Place {
    /// The server.
    pub origin: Rc<Origin>,
    /// Path and query, as they stand in the request's first line.
    pub path: String,
}

impl Place {
    /// The whole URL, as `url` shows it.
    pub fn url(&self) -> String {
        format!("{}{}", self.origin.url(), self.path)
    }
}

/// What goes wrong with a place: the kind and where; the message is noted.
type Wrong = (ErrorKind, PointId);

impl User {
    /// Where a step with this path and query goes, for this user now. What fails is noted at `point`.
    pub(super) fn place(&mut self, op: &Http, point: PointId) -> Result<Place, Wrong> {
        let Http { target, path, query, .. } = op;
        let thread = self.thread.clone();
        let base = &thread.bases[target.0 as usize];
        let mut place = match path.pieces.first() {
            Some(Piece::Value(_)) => {
                let text = self.path_text(path, String::new(), true, point)?;
                self.resolve(&text, *target).map_err(|trouble| {
                    self.note(point, trouble.kind, || format!("`{text}` cannot be requested: {}", trouble.text));
                    (trouble.kind, point)
                })?
            }
            _ => {
                let text = self.path_text(path, base.prefix.clone(), false, point)?;
                Place { origin: base.origin.clone(), path: text }
            }
        };
        let mut separator = if place.path.contains('?') { '&' } else { '?' };
        for (key, value) in query {
            for value in self.spread(value, point)? {
                place.path.push(separator);
                separator = '&';
                push_encoded(&mut place.path, key);
                place.path.push('=');
                push_encoded(&mut place.path, &value.text());
            }
        }
        Ok(place)
    }

    /// The values that one entry of a query or form stands for: a list is each of its items, `null` none.
    pub(super) fn spread(&mut self, value: &Expr, point: PointId) -> Result<Vec<Value>, Wrong> {
        let value = self.value(value, point)?;
        Ok(match (value.items(), value) {
            (Some(items), _) => items.into_iter().filter(|item| *item != Value::Null).collect(),
            (None, Value::Null) => Vec::new(),
            (None, value) => vec![value],
        })
    }

    /// The path's text; its first value as it is when `bare`, all others percent-encoded.
    fn path_text(
        &mut self,
        path: &Template,
        mut text: String,
        mut bare: bool,
        point: PointId,
    ) -> Result<String, Wrong> {
        for piece in &path.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(expr) => {
                    let value = self.value(expr, point)?;
                    match bare {
                        true => value.write_text(&mut text),
                        false => push_encoded(&mut text, &value.text()),
                    }
                }
            }
            bare = false;
        }
        Ok(text)
    }

    /// What `text`, which begins with a value, refers to: seen from the last answer of this iteration, else from the
    /// target, whose own path is then a prefix.
    /// A path on a named target is not seen from what another one has answered.
    fn resolve(&self, text: &str, target: TargetId) -> Result<Place, Trouble> {
        let base = &self.thread.bases[target.0 as usize];
        let is_named = self.thread.plan.targets[target.0 as usize].name.is_some();
        let from_here = |last: &&Rc<str>| !is_named || last.starts_with(&base.url());
        let text = text.trim();
        let url = match (Url::parse(text), self.last_url.as_ref().filter(from_here)) {
            // `localhost:8000/x` parses as a URL of the scheme `localhost`; without `//` it is a path.
            (Ok(url), _) if url.has_host() => url,
            (_, Some(last)) => Url::parse(last)
                .and_then(|last| last.join(text))
                .map_err(|error| Trouble::new(ErrorKind::Value, error.to_string()))?,
            (_, None) => {
                let slash = if text.starts_with(['/', '?']) { "" } else { "/" };
                let path = format!("{}{slash}{}", base.prefix, utf8_percent_encode(text, ODD));
                let path = path.split('#').next().unwrap_or_default().to_owned();
                return Ok(Place {
                    origin: base.origin.clone(),
                    path: if path.starts_with('?') { format!("/{path}") } else { path },
                });
            }
        };
        let origin = self.thread.known(Origin::of(&url, target)?);
        let mut path = url.path().to_owned();
        if let Some(query) = url.query() {
            let _ = write!(path, "?{query}");
        }
        Ok(Place { origin, path })
    }
}

fn push_encoded(to: &mut String, text: &str) {
    to.extend(utf8_percent_encode(text, VALUE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_keeps_the_targets_path_as_a_prefix_and_its_port_in_the_host() {
        for (url, host, port, authority, prefix) in [
            ("http://127.0.0.1:8000", "127.0.0.1", 8000, "127.0.0.1:8000", ""),
            ("http://localhost/api/v1/", "localhost", 80, "localhost", "/api/v1"),
            ("http://[::1]:9000/x", "::1", 9000, "[::1]:9000", "/x"),
            ("ws://api/", "api", 80, "api", ""),
            ("https://shop.test/", "shop.test", 443, "shop.test", ""),
            ("wss://shop.test:444/x/", "shop.test", 444, "shop.test:444", "/x"),
        ] {
            let base = Base::of(&Url::parse(url).expect(url), TargetId(0)).expect(url);
            let Origin { secure, host: h, port: p, authority: a, .. } = &*base.origin;
            assert_eq!(*secure, url.starts_with("https") || url.starts_with("wss"), "{url}");
            assert_eq!((h.as_str(), *p, a.as_str(), base.prefix.as_str()), (host, port, authority, prefix));
        }
        for url in ["ftp://localhost", "http://a:b@localhost", "http://localhost/?x=1"] {
            assert!(Base::of(&Url::parse(url).expect(url), TargetId(0)).is_err(), "{url}");
        }
    }

    #[test]
    fn a_value_in_a_path_stays_one_piece_of_it() {
        let mut text = String::from("/users/");
        push_encoded(&mut text, "a/b c&d=é~");
        assert_eq!(text, "/users/a%2Fb%20c%26d%3D%C3%A9~");
    }
}
