//! The cookies that a user keeps, as a browser would (RFC 6265): by server, path and name, until they expire.
//!
//! They expire by the run's own clock, which is monotonic: a machine whose clock is set meanwhile changes nothing.

use std::time::Duration;

use cookie_store::{Cookie, CookieExpiration, CookieStore};
use http::HeaderMap;
use http::header::SET_COOKIE;
use url::Url;

use crate::base::Offset;

/// Most cookies of one user; who is sent more keeps those that came first.
pub const COOKIES_MAX: usize = 300;

/// The cookies of one user.
#[derive(Default)]
pub(super) struct Jar {
    /// Those that are kept, as if they lasted for the whole session.
    store: CookieStore,
    /// When some of them end.
    ends: Vec<End>,
}

/// When a cookie ends.
struct End {
    domain: String,
    path: String,
    name: String,
    at: Offset,
}

/// A moment: on the run's clock, and since 1970.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    pub now: Offset,
    pub date: Duration,
}

impl Jar {
    /// Keeps what an answer from `url` sets at that moment, and forgets what it lets expire.
    pub fn learn(&mut self, url: &Url, headers: &HeaderMap, at: Moment) {
        self.forget_ended(at.now);
        for value in headers.get_all(SET_COOKIE) {
            // What is no cookie, or not one that this server may set, is passed over, as browsers do.
            if let Ok(text) = value.to_str()
                && let Ok(cookie) = Cookie::parse(text.to_owned(), url)
            {
                self.set(cookie, url, at);
            }
        }
    }

    fn set(&mut self, mut cookie: Cookie<'static>, url: &Url, at: Moment) {
        let life = life(&cookie, at.date);
        let domain = cookie.domain.as_cow().unwrap_or_default().into_owned();
        let (path, name) = (cookie.path.to_string(), cookie.name().to_owned());
        let end =
            life.map(|life| End { domain: domain.clone(), path: path.clone(), name: name.clone(), at: at.now + life });
        if life == Some(Duration::ZERO) {
            self.store.remove(&domain, &path, &name);
        } else {
            let is_known = self.store.contains_any(&domain, &path, &name);
            cookie.expires = CookieExpiration::SessionEnd;
            let has_room = is_known || self.store.iter_any().count() < COOKIES_MAX;
            if !has_room || self.store.insert(cookie, url).is_err() {
                return;
            }
        }
        self.ends.retain(|end| !(end.domain == domain && end.path == path && end.name == name));
        self.ends.extend(end.filter(|end| end.at > at.now));
    }

    fn forget_ended(&mut self, now: Offset) {
        let Jar { store, ends } = self;
        ends.retain(|end| {
            let lives = end.at > now;
            if !lives {
                store.remove(&end.domain, &end.path, &end.name);
            }
            lives
        });
    }

    /// The names and values that a request to `url` carries now; longer paths first, of one path as they came.
    pub fn of(&self, url: &Url, now: Offset) -> Vec<(&str, &str)> {
        let has_ended = |cookie: &Cookie<'_>| {
            let is_its = |end: &&End| {
                end.name == cookie.name()
                    && end.path == *cookie.path
                    && cookie.domain.as_cow().is_some_and(|of| of == end.domain)
            };
            self.ends.iter().find(is_its).is_some_and(|end| end.at <= now)
        };
        let mut found = self.store.matches(url);
        found.retain(|cookie| !has_ended(cookie));
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        found.into_iter().map(|cookie| cookie.name_value()).collect()
    }
}

/// How long a cookie lasts that came on that date; `None`: as long as its user. What it says of seconds counts more than
/// its date.
fn life(cookie: &Cookie<'_>, date: Duration) -> Option<Duration> {
    let seconds = match (cookie.max_age(), cookie.expires_datetime()) {
        (Some(life), _) => life.whole_seconds(),
        (None, Some(end)) => end.unix_timestamp().saturating_sub(date.as_secs() as i64),
        (None, None) => return None,
    };
    // Beyond a century nobody waits for it.
    Some(Duration::from_secs(seconds.clamp(0, 100 * 365 * 86_400) as u64))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// So many seconds into a run that began at the end of 2024.
    fn after(seconds: u64) -> Moment {
        let now = Offset::ZERO + Duration::from_secs(seconds);
        Moment { now, date: Duration::from_secs(1_735_603_200 + seconds) }
    }

    fn told(jar: &mut Jar, url: &Url, text: &'static str, at: Moment) {
        jar.learn(url, &HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static(text))]), at);
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn cookies_go_out_by_path_and_then_as_they_came() {
        let url = url("http://shop.test/a/b");
        let mut jar = Jar::default();
        let said = ["e=1; Path=/", "d=1; Path=/", "c=1; Path=/", "b=1; Path=/a", "a=1; Path=/a", "d=2; Path=/"];
        for text in said {
            told(&mut jar, &url, text, after(0));
        }
        let now = after(0).now;
        assert_eq!(jar.of(&url, now), [("b", "1"), ("a", "1"), ("e", "1"), ("d", "2"), ("c", "1")]);
    }

    #[test]
    fn who_is_sent_a_cookie_follows_from_domain_path_and_security() {
        // RFC 6265, 5.1.3, 5.1.4 and 5.4: what an answer from `http://a.shop.test/x/y` sets, and whom it is sent to.
        for (said, to, sent) in [
            ("k=v", "http://a.shop.test/x/z", true),
            ("k=v", "http://a.shop.test/other", false),
            ("k=v; Path=/", "http://a.shop.test/other", true),
            ("k=v; Path=/x", "http://a.shop.test/xy", false),
            ("k=v; Path=/x", "http://a.shop.test/x", true),
            ("k=v; Path=/", "http://shop.test/", false),
            ("k=v; Path=/", "http://b.a.shop.test/", false),
            ("k=v; Path=/; Domain=shop.test", "http://b.shop.test/", true),
            ("k=v; Path=/; Domain=.shop.test", "http://shop.test/", true),
            ("k=v; Path=/; Domain=other.test", "http://other.test/", false),
            ("k=v; Path=/; Domain=other.test", "http://a.shop.test/", false),
            ("k=v; Path=/; Secure", "http://a.shop.test/", false),
            ("k=v; Path=/; Secure", "https://a.shop.test/", true),
            ("k=v; Path=/; HttpOnly", "http://a.shop.test/", true),
            ("k=v; Path=/", "http://a.shop.test:81/", true),
            ("no cookie", "http://a.shop.test/x/y", false),
        ] {
            let mut jar = Jar::default();
            told(&mut jar, &url("http://a.shop.test/x/y"), said, after(0));
            assert_eq!(!jar.of(&url(to), after(0).now).is_empty(), sent, "{said} to {to}");
        }
    }

    #[test]
    fn a_cookie_ends_by_the_clock_of_the_run_and_is_forgotten_then() {
        let url = url("http://shop.test/");
        for (text, lives) in [
            ("k=v", u64::MAX),
            ("k=v; Max-Age=10", 10),
            ("k=v; Max-Age=0", 0),
            ("k=v; Max-Age=-5", 0),
            ("k=v; Max-Age=99999999999999999999", u64::MAX),
            ("k=v; Expires=Tue, 31 Dec 2024 00:00:20 GMT", 20),
            ("k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("k=v; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=10", 10),
        ] {
            let mut jar = Jar::default();
            told(&mut jar, &url, text, after(0));
            for seconds in [0, 9, 10, 19, 20, 1_000_000] {
                let there = !jar.of(&url, after(seconds).now).is_empty();
                assert_eq!(there, seconds < lives, "{text} after {seconds} s");
            }
        }
        // The clock of the machine is set back by a day: nothing lives longer for it.
        let mut jar = Jar::default();
        told(&mut jar, &url, "k=v; Max-Age=10", after(0));
        let back = Moment { date: Duration::from_secs(1_735_516_800), ..after(10) };
        told(&mut jar, &url, "other=v; Max-Age=5", back);
        assert_eq!(jar.of(&url, back.now), [("other", "v")]);
        assert_eq!(jar.store.iter_any().count(), 1);
    }

    #[test]
    fn an_answer_takes_a_cookie_back_and_room_is_made_by_what_has_ended() {
        let url = url("http://shop.test/");
        let mut jar = Jar::default();
        told(&mut jar, &url, "k=v", after(0));
        told(&mut jar, &url, "k=; Max-Age=0", after(1));
        assert!(jar.of(&url, after(1).now).is_empty());
        for number in 0..COOKIES_MAX + 5 {
            let text = HeaderValue::from_str(&format!("k{number}=v; Max-Age=60")).expect("a value");
            jar.learn(&url, &HeaderMap::from_iter([(SET_COOKIE, text)]), after(2));
        }
        assert_eq!(jar.of(&url, after(2).now).len(), COOKIES_MAX);
        told(&mut jar, &url, "late=v", after(3));
        told(&mut jar, &url, "k0=new", after(3));
        let found = jar.of(&url, after(3).now);
        assert_eq!((found.len(), found[0]), (COOKIES_MAX, ("k0", "new")));
        told(&mut jar, &url, "late=v", after(62));
        assert_eq!(jar.of(&url, after(62).now), [("k0", "new"), ("late", "v")]);
        assert_eq!(jar.ends.len(), 0);
    }
}
