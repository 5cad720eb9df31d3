//! The cookies that a user keeps, as a browser would (RFC 6265): by server, path and name, until they expire.

use cookie_store::CookieStore;
use http::HeaderMap;
use http::header::SET_COOKIE;
use url::Url;

/// Most cookies of one user; who is sent more keeps those that came first.
pub const COOKIES_MAX: usize = 300;

/// The cookies of one user.
#[derive(Default)]
pub(super) struct Jar(CookieStore);

impl Jar {
    /// Keeps what an answer from `url` sets, and forgets what it lets expire.
    pub fn learn(&mut self, url: &Url, headers: &HeaderMap) {
        for value in headers.get_all(SET_COOKIE) {
            let Ok(text) = value.to_str() else { continue };
            if self.0.iter_any().count() < COOKIES_MAX || self.knows(url, text) {
                // What is no cookie, or not one that this server may set, is passed over, as browsers do.
                let _ = self.0.parse(text, url);
            }
        }
    }

    fn knows(&self, url: &Url, text: &str) -> bool {
        let name = text.split('=').next().unwrap_or_default().trim();
        self.0.get_request_values(url).any(|(known, _)| known == name)
    }

    /// The names and values that a request to `url` carries; longer paths first, of one path as they came.
    pub fn of(&self, url: &Url) -> Vec<(&str, &str)> {
        let mut found = self.0.matches(url);
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        found.into_iter().map(|cookie| cookie.name_value()).collect()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn cookies_go_out_by_path_and_then_as_they_came() {
        let url = Url::parse("http://shop.test/a/b").expect("a URL");
        let mut jar = Jar::default();
        let said = ["e=1; Path=/", "d=1; Path=/", "c=1; Path=/", "b=1; Path=/a", "a=1; Path=/a", "d=2; Path=/"];
        for text in said {
            jar.learn(&url, &HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static(text))]));
        }
        assert_eq!(jar.of(&url), [("b", "1"), ("a", "1"), ("e", "1"), ("d", "2"), ("c", "1")]);
    }
}
