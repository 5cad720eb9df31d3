//! Who is trusted, what a user shows of itself, and what is said of certificates that will not do.

use scn::metrics::Counter;
use scn::run;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{Authority, Net, Papers, Scene, accept, answer_all, scene, self_signed};

/// One `GET` over TLS to a host, with these settings of its target.
fn get(host: &str, tls: &str) -> Scene {
    scene(&format!(
        "target \"https://{host}\" {{ timeout 5s; tls {{ {tls} }} }}\nuser u {{ think 1h; task t {{ GET /a {{ expect status 200 }} }} }}"
    ))
    .allow(host)
}

/// What comes of one `GET` to a server with these papers, which must be trusted as those of `ca`.
fn told(papers: &Papers, ca: &Authority, host: &str) -> (Vec<(&'static str, u64)>, String) {
    let seen = get(host, r#"ca "ca.pem""#).file("ca.pem", &ca.pem()).run(&Net::https(papers.server(&[], None)));
    assert_eq!(seen.samples(), (1, u64::from(!seen.kinds().is_empty())));
    assert_eq!(seen.left_open, 0);
    (seen.kinds(), seen.notes().join("; "))
}

#[test]
fn a_certificate_of_a_named_authority_is_good_for_its_names_and_addresses() {
    let ca = Authority::new();
    let papers = ca.signs(&["shop.test", "*.shop.test", "127.0.0.1", "::1"], 2090);
    for host in ["shop.test", "api.shop.test", "127.0.0.1", "[::1]", "shop.test:8443"] {
        assert_eq!(told(&papers, &ca, host), (vec![], String::new()), "{host}");
    }
}

#[test]
fn a_certificate_for_another_name_fails_as_tls_and_both_names_are_said() {
    let ca = Authority::new();
    let papers = ca.signs(&["shop.test", "www.shop.test"], 2090);
    let (kinds, note) = told(&papers, &ca, "other.test");
    assert_eq!(kinds, [("tls", 1)]);
    assert_eq!(note, "the server's certificate is for `shop.test`, `www.shop.test`, and `other.test` was wanted");
    let (kinds, note) = told(&papers, &ca, "127.0.0.1");
    assert_eq!(kinds, [("tls", 1)]);
    assert_eq!(note, "the server's certificate is for `shop.test`, `www.shop.test`, and `127.0.0.1` was wanted");
}

#[test]
fn an_expired_certificate_fails_as_tls_and_says_since_when() {
    let ca = Authority::new();
    let (kinds, note) = told(&ca.signs(&["shop.test"], 2021), &ca, "shop.test");
    assert_eq!(kinds, [("tls", 1)]);
    let days =
        note.strip_prefix("the server's certificate has expired, ").and_then(|rest| rest.strip_suffix(" days ago"));
    assert!(days.is_some_and(|days| days.parse::<u32>().is_ok_and(|days| days > 1000)), "{note}");
}

#[test]
fn a_certificate_of_an_unknown_authority_and_one_that_signs_itself_are_told_apart() {
    let ca = Authority::new();
    let (kinds, note) = told(&Authority::named("Another").signs(&["shop.test"], 2090), &ca, "shop.test");
    assert_eq!(
        (kinds, note.as_str()),
        (vec![("tls", 1)], "the server's certificate is signed by nobody who is trusted")
    );
    let (kinds, note) = told(&Authority::new().signs(&["shop.test"], 2090), &ca, "shop.test");
    let words = "the server's certificate is not signed with the key of the authority that it names";
    assert_eq!((kinds, note.as_str()), (vec![("tls", 1)], words));
    let (kinds, note) = told(&self_signed(&["shop.test"]), &ca, "shop.test");
    let words = "the server's certificate is signed by itself, and not one that is trusted";
    assert_eq!((kinds, note.as_str()), (vec![("tls", 1)], words));
}

#[test]
fn a_certificate_that_signs_itself_is_good_where_it_is_named_as_the_authority() {
    let papers = self_signed(&["shop.test"]);
    let scene = get("shop.test", r#"ca "own.pem""#).file("own.pem", &papers.certificate_pem);
    let seen = scene.run(&Net::https(papers.server(&[], None)));
    assert_eq!((seen.samples(), seen.notes()), ((1, 0), vec![]));
}

#[test]
fn with_verify_off_any_certificate_will_do_and_check_warns() {
    let scene = get("shop.test", "verify off");
    let rules: Vec<_> = scene.checked().into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(rules, ["unverified-certificate"]);
    for papers in [self_signed(&["other.test"]), Authority::new().signs(&["shop.test"], 2021)] {
        let seen = scene.run(&Net::https(papers.server(&[], None)));
        assert_eq!((seen.samples(), seen.notes()), ((1, 0), vec![]));
    }
}

#[test]
fn a_user_shows_its_certificate_where_the_server_wants_one() {
    let ca = Authority::new();
    let server = ca.signs(&["shop.test"], 2090);
    let client = ca.signs(&["a user"], 2090);
    let net = Net::https(server.server(&[], Some(&ca)));
    let scene = get("shop.test", r#"ca "ca.pem"; cert "client.pem"; key "client.key""#)
        .file("ca.pem", &ca.pem())
        .file("client.pem", &client.certificate_pem)
        .file("client.key", &client.key_pem);
    let seen = scene.run(&net);
    assert_eq!((seen.samples(), seen.notes()), ((1, 0), vec![]));
    let without = get("shop.test", r#"ca "ca.pem""#).file("ca.pem", &ca.pem()).run(&net);
    assert_eq!((without.samples(), without.kinds()), ((1, 1), vec![("tls", 1)]));
    let note = without.notes().join("");
    assert!(note.starts_with("the server refuses TLS with this user: certificate required"), "{note}");
}

#[test]
fn a_key_that_does_not_fit_its_certificate_stops_the_run_before_it_begins() {
    let ca = Authority::new();
    let (one, other) = (ca.signs(&["one"], 2090), ca.signs(&["other"], 2090));
    let scene = get("shop.test", r#"ca "ca.pem"; cert "client.pem"; key "client.key""#)
        .file("ca.pem", &ca.pem())
        .file("client.pem", &one.certificate_pem)
        .file("client.key", &other.key_pem);
    let net = Net::https(one.server(&[], None));
    match scene.try_run(&net) {
        Err(run::Error::Certificate(_, why)) => assert_eq!(why, "this key does not fit the certificate"),
        other => panic!("it ran: {:?}", other.err()),
    }
    let text = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
    match get("shop.test", r#"ca "ca.pem""#).file("ca.pem", text).try_run(&net) {
        Err(run::Error::Certificate(_, why)) => assert_eq!(why, "this is no certificate, though it looks like one"),
        other => panic!("it ran: {:?}", other.err()),
    }
    assert_eq!(net.dialled.get(), 0);
}

#[test]
fn a_certificate_of_version_1_is_named_as_that() {
    let ca = Authority::new();
    let scene = get("shop.test", r#"ca "ca.pem"; cert "client.pem"; key "client.key""#)
        .file("ca.pem", &ca.pem())
        .file("client.pem", include_str!("version_1.pem"))
        .file("client.key", include_str!("version_1.key"));
    match scene.try_run(&Net::https(ca.signs(&["shop.test"], 2090).server(&[], None))) {
        Err(run::Error::Certificate(_, why)) => assert!(why.starts_with("this certificate is of version 1"), "{why}"),
        other => panic!("it ran: {:?}", other.err()),
    }
}

#[test]
fn a_handshake_that_stops_ends_with_the_steps_timeout() {
    let ca = Authority::new();
    let net = Net::new(|mut far, _| async move {
        let mut bytes = [0; 4096];
        while far.read(&mut bytes).await.is_ok_and(|count| count > 0) {}
    });
    let seen = get("shop.test", r#"ca "ca.pem""#).file("ca.pem", &ca.pem()).run(&net);
    assert_eq!((seen.samples(), seen.kinds()), ((1, 1), vec![("connect_timeout", 1)]));
    assert_eq!(seen.notes(), ["the TLS handshake with shop.test was not finished in time"]);
    assert_eq!(seen.finished.total.series[0].failed.max().map(|time| time.as_millis()), Some(5_000));
    assert_eq!((seen.counter(Counter::ConnectionsOpened), seen.counter(Counter::ConnectionsFailed)), (0, 1));
    assert_eq!((seen.dialled, seen.left_open), (1, 0));
}

#[test]
fn a_handshake_that_is_cut_fails_as_tls() {
    let ca = Authority::new();
    let net = Net::new(|mut far, _| async move {
        let _ = far.read(&mut [0; 4096]).await;
    });
    let seen = get("shop.test", r#"ca "ca.pem""#).file("ca.pem", &ca.pem()).run(&net);
    assert_eq!((seen.samples(), seen.kinds()), ((1, 1), vec![("tls", 1)]));
    assert_eq!(seen.notes(), ["`shop.test` closed the connection in the TLS handshake"]);
}

#[test]
fn a_server_of_plain_http_on_a_port_of_https_is_told_as_such() {
    let ca = Authority::new();
    let net = Net::new(|mut far, _| async move {
        let _ = far.read(&mut [0; 4096]).await;
        let _ = far.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
        let _ = far.read(&mut [0; 4096]).await;
    });
    let seen = get("shop.test", r#"ca "ca.pem""#).file("ca.pem", &ca.pem()).run(&net);
    assert_eq!((seen.samples(), seen.kinds()), ((1, 1), vec![("tls", 1)]));
    assert_eq!(seen.notes(), ["what answered does not speak TLS: is this a port of plain HTTP?"]);
}

#[test]
fn a_server_of_tls_on_a_port_of_plain_http_fails_the_step_and_nothing_hangs() {
    let papers = self_signed(&["shop.test"]);
    let scene = scene(
        "target \"http://shop.test\" { timeout 5s }\nuser u { think 1h; task t { GET /a { expect status 200 } } }",
    );
    let seen = scene.allow("shop.test").run(&Net::https(papers.server(&[], None)));
    assert_eq!((seen.samples().0, seen.samples().1, seen.left_open), (1, 1, 0));
    assert_eq!(seen.kinds(), [("protocol", 1)]);
}

#[test]
fn connections_live_on_between_requests_and_sessions_are_resumed_by_other_users() {
    let ca = Authority::new();
    let papers = ca.signs(&["shop.test"], 2090);
    let acceptor = papers.server(&[], None);
    let resumed = std::rc::Rc::new(std::cell::Cell::new(0));
    let counted = resumed.clone();
    let net = Net::new(move |far, _| {
        let (acceptor, resumed) = (acceptor.clone(), counted.clone());
        async move {
            let Some(stream) = accept(&acceptor, far).await else { return };
            if stream.get_ref().1.handshake_kind() == Some(rustls::HandshakeKind::Resumed) {
                resumed.set(resumed.get() + 1);
            }
            answer_all(stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        }
    });
    let scene = scene(
        "target \"https://shop.test\" { tls { ca \"ca.pem\" } }
         user u { think 1h; task t { GET /a { expect status 200 }; GET /b { expect status 200 } } }",
    );
    let seen = scene.allow("shop.test").users(5).iterations(5).file("ca.pem", &ca.pem()).run(&net);
    assert_eq!((seen.samples(), seen.notes()), ((10, 0), vec![]));
    assert_eq!((seen.dialled, seen.left_open), (5, 0));
    assert_eq!((seen.counter(Counter::ConnectionsOpened), seen.counter(Counter::ConnectionsReused)), (5, 5));
    assert_eq!(resumed.get(), 4);
}

#[test]
fn files_that_hold_no_certificate_or_key_are_told_apart_while_the_scenario_is_checked() {
    let ca = Authority::new();
    let papers = ca.signs(&["u"], 2090);
    let rules = |tls: &str, name: &str, content: &str| {
        let scene = get("shop.test", tls).file("good.pem", &papers.certificate_pem).file("good.key", &papers.key_pem);
        scene.file(name, content).checked()
    };
    let cut = papers.certificate_pem.replace("-----END CERTIFICATE-----", "");
    let locked = papers.key_pem.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (tls, content, rule, words) in [
        (r#"ca "none.pem""#, "", "missing-file", "there is no file `none.pem` at `\"none.pem\"`"),
        (r#"ca "x.pem""#, "hello", "malformed-certificate", "`x.pem` holds no certificate at `\"x.pem\"`"),
        (r#"ca "x.pem""#, "", "malformed-certificate", "`x.pem` holds no certificate at `\"x.pem\"`"),
        (
            r#"ca "x.pem""#,
            &papers.key_pem,
            "malformed-certificate",
            "`x.pem` holds no certificate, but `PRIVATE KEY` at `\"x.pem\"`",
        ),
        (
            r#"ca "x.pem""#,
            &cut,
            "malformed-certificate",
            "`CERTIFICATE` in `x.pem` is cut off or not base64 at `\"x.pem\"`",
        ),
        (
            r#"cert "good.pem"; key "x.pem""#,
            &papers.certificate_pem,
            "malformed-certificate",
            "`x.pem` holds no private key, but `CERTIFICATE` at `\"x.pem\"`",
        ),
        (
            r#"cert "good.pem"; key "x.pem""#,
            &locked,
            "malformed-certificate",
            "the key in `x.pem` is locked with a passphrase at `\"x.pem\"`",
        ),
        (r#"cert "good.pem""#, "", "unknown-option", "`cert` says nothing without `key` at `cert`"),
    ] {
        assert_eq!(rules(tls, "x.pem", content), [(rule, words.to_owned())], "{tls}");
    }
    assert_eq!(rules(r#"cert "good.pem"; key "good.key"; ca "x.pem""#, "x.pem", &ca.pem()), []);
}
