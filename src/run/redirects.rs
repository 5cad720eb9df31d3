//! Following redirects, as browsers do: which method goes on, what does not go along to another server.
//!
//! All hops are one step and one sample. The user's cookies are kept from each; its credentials stay with the server
//! that they were meant for.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, HOST, HeaderMap,
    HeaderValue, LOCATION, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
};
use http::{Method, StatusCode};
use url::Url;

use super::connection::Received;
use super::dial::Trouble;
use super::place::Origin;
use crate::metrics::ErrorKind;
use crate::plan::TargetId;

/// Where an answer sends the user; `None`: it is the last one.
pub(super) fn location(received: &Received) -> Option<&HeaderValue> {
    match received.head.status {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => received.head.headers.get(LOCATION),
        _ => None,
    }
}

/// The URL that `location`, said by `url`, means, and its server. A fragment is the reader's own, and a user name in it
/// nobody's who redirects.
pub(super) fn resolve(url: &str, location: &HeaderValue, target: TargetId) -> Result<(Url, Origin), Trouble> {
    let text = String::from_utf8_lossy(location.as_bytes()).into_owned();
    let wrong = |kind, why: &str| Trouble::new(kind, format!("redirected to `{text}`: {why}"));
    let joined = Url::parse(url).and_then(|url| url.join(&text));
    let mut next = joined.map_err(|error| wrong(ErrorKind::Protocol, &error.to_string()))?;
    next.set_fragment(None);
    // These fail only on URLs without a host, which have no user name either.
    let _ = (next.set_username(""), next.set_password(None));
    let origin = Origin::of(&next, target).map_err(|trouble| {
        let kind = if trouble.kind == ErrorKind::Value { ErrorKind::Protocol } else { trouble.kind };
        wrong(kind, &trouble.text)
    })?;
    Ok((next, origin))
}

/// Whether the next request is a `GET` without a body, whatever this one was.
pub(super) fn becomes_get(status: StatusCode, method: &Method) -> bool {
    match status {
        StatusCode::SEE_OTHER => *method != Method::HEAD,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => *method == Method::POST,
        _ => false,
    }
}

/// Takes away what speaks of a body.
pub(super) fn without_body(headers: &mut HeaderMap) {
    for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, TRANSFER_ENCODING] {
        headers.remove(name);
    }
    headers.remove(http::header::CONTENT_LENGTH);
}

/// Takes away what was meant for another server.
pub(super) fn without_credentials(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, HOST] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_becomes_a_get_as_in_browsers() {
        for (status, method, becomes) in [
            (301, Method::POST, true),
            (302, Method::POST, true),
            (303, Method::POST, true),
            (303, Method::PUT, true),
            (303, Method::HEAD, false),
            (301, Method::PUT, false),
            (302, Method::DELETE, false),
            (307, Method::POST, false),
            (308, Method::POST, false),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(becomes_get(status, &method), becomes, "{status} {method}");
        }
    }

    #[test]
    fn a_location_may_be_relative_and_loses_fragment_and_user() {
        for (location, url) in [
            ("/b?x=1#top", "http://h:81/b?x=1"),
            ("c", "http://h:81/a/c"),
            ("//other/x", "http://other/x"),
            ("http://u:p@other:82/x", "http://other:82/x"),
            ("https://h/", "https://h/"),
        ] {
            let (next, _) =
                resolve("http://h:81/a/b", &HeaderValue::from_static(location), TargetId(0)).expect(location);
            assert_eq!(next.as_str(), url);
        }
        for (location, kind) in [("ftp://h/", ErrorKind::Protocol), ("http://[", ErrorKind::Protocol)] {
            let trouble = resolve("http://h/", &HeaderValue::from_static(location), TargetId(0)).expect_err(location);
            assert_eq!(trouble.kind, kind, "{location}");
        }
    }
}
