//! What a server of HTTP can do wrong between accepting and the last byte.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, getsockname, listen, socket};
use scn::metrics::Counter;

use crate::rogue::{Call, Rogue, nobody};
use crate::trial::{Trial, alone};

/// Two users, six iterations of one step in all: each fails as `kind`, and says `note`.
#[track_caller]
fn fails(kind: &'static str, note: &str, rogue: impl FnOnce() -> Rogue, statements: &str) {
    let (held, mut rogue) = (alone(), rogue());
    let seen = Trial::failing_as(kind, &rogue.url(), statements).users(2).iterations(6).run();
    assert_eq!(seen.kinds(), [(kind, 6)], "{:?}", seen.notes());
    assert_eq!((seen.iterations(), seen.samples()), ((0, 6), (6, 6)));
    assert!(seen.notes().iter().all(|said| said.contains(note)), "{:?} lacks {note:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

#[track_caller]
fn fails_as(kind: &'static str, note: &str, conduct: fn(&mut Call) -> bool) {
    fails(kind, note, || Rogue::new(conduct), "step: GET /x { expect length(body) >= 0 }");
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2048\r\n\r\n";

#[test]
fn nobody_listens() {
    let held = alone();
    let seen = Trial::new(&nobody(), "step: GET /x").users(2).iterations(6).run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![("connect_refused", 6)], (0, 6), (6, 6)));
    assert_eq!((seen.counter(Counter::ConnectionsFailed), seen.counter(Counter::ConnectionsOpened)), (6, 0));
    held.nothing_leaks(&mut []);
}

#[test]
fn nobody_accepts_and_the_queue_of_the_listener_is_full() {
    let held = alone();
    let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&listener, &SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
    listen(&listener, 0).expect("it listens");
    let address: SocketAddr = getsockname(&listener).expect("its address").try_into().expect("of IPv4");
    // One waits to be accepted; whoever comes then gets no answer to its SYN.
    let waiting = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    connect(&waiting, &address).expect("there is room for one");
    let trial = Trial::failing_as("connect_timeout", &format!("http://{address}"), "step: GET /x");
    let seen = trial.users(2).iterations(6).run();
    assert_eq!((seen.kinds(), seen.iterations()), (vec![("connect_timeout", 6)], (0, 6)), "{:?}", seen.notes());
    drop((listener, waiting));
    held.nothing_leaks(&mut []);
}

#[test]
fn a_connection_is_accepted_and_nothing_comes() {
    fails("timeout", "no answer within 150ms", || Rogue::at_the_door(Call::stays_silent), "step: GET /x");
}

#[test]
fn a_connection_is_reset_at_once() {
    fails("reset", "reset by the peer", || Rogue::at_the_door(Call::reset), "step: GET /x");
}

#[test]
fn a_connection_is_closed_after_the_request() {
    fails_as("closed", "closed by the peer before the answer's head", |_| false);
}

#[test]
fn a_connection_is_reset_before_the_head() {
    fails_as("reset", "before the answer's head", Call::reset);
}

#[test]
fn a_connection_is_reset_in_the_head() {
    fails_as("reset", "reset", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-le");
        call.reset()
    });
}

#[test]
fn a_connection_is_reset_after_the_head() {
    fails_as("reset", "in the body, after 0B", |call| {
        call.write(HEAD);
        call.reset()
    });
}

#[test]
fn a_connection_is_reset_in_the_body() {
    fails_as("reset", "in the body, after 4B", |call| {
        call.write(format!("{HEAD}half"));
        call.reset()
    });
}

#[test]
fn a_server_stalls_before_the_head() {
    fails_as("timeout", "no answer within 150ms", Call::stays_silent);
}

#[test]
fn a_server_stalls_in_the_head() {
    fails_as("timeout", "within 150ms", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-le");
        call.stays_silent()
    });
}

#[test]
fn a_server_stalls_in_the_body() {
    fails_as("timeout", "4 of 2048 bytes of the body read", |call| {
        call.write(format!("{HEAD}half"));
        call.stays_silent()
    });
}

#[test]
fn a_server_stalls_between_chunks() {
    fails_as("timeout", "4 bytes of an endless body read", |call| {
        call.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        call.stays_silent()
    });
}

#[test]
fn a_server_does_not_read_what_is_sent() {
    let held = alone();
    let mut rogue = Rogue::at_the_door(|_| {
        std::thread::sleep(Duration::from_secs(3));
        false
    });
    // A file of more than the buffers of two sockets hold; time to take it in hand, too.
    let scenario = format!(
        "target \"{}\" {{ timeout 1s }}\n\
         user u {{ task t {{ step: POST /x {{ multipart {{ file: file(\"large.bin\", \"a/b\") }} }} }} }}\n",
        rogue.url()
    );
    let seen = Trial::of(&scenario).users(2).run();
    assert_eq!(
        (seen.kinds(), seen.iterations(), seen.samples()),
        (vec![("timeout", 2)], (0, 2), (2, 2)),
        "{:?}",
        seen.notes()
    );
    held.nothing_leaks(&mut [&mut rogue]);
}

/// A file on the disk that is larger than what is kept of one in memory: it is read while it is sent.
fn on_disk() -> tempfile::TempPath {
    let file = tempfile::NamedTempFile::new().expect("a file");
    file.as_file().set_len(20 << 20).expect("it grows");
    file.into_temp_path()
}

/// A scenario that sends that file to `rogue`.
fn sends(file: &tempfile::TempPath, rogue: &Rogue, timeout: &str) -> Trial {
    let path = file.display();
    Trial::of(&format!(
        "target \"{}\" {{ timeout {timeout} }}\nuser u {{ task t {{ step: POST /x {{ multipart {{ file: file(\"{path}\") }} }} }} }}\n",
        rogue.url()
    ))
}

#[test]
fn a_file_is_read_while_it_is_sent_by_many_at_once() {
    let held = alone();
    let mut rogue = Rogue::new(|call| {
        assert!(call.head.to_ascii_lowercase().contains("content-length: 20971"), "{}", call.head);
        call.answer(200, "")
    });
    let file = on_disk();
    let seen = sends(&file, &rogue, "60s").users(8).run();
    assert_eq!((seen.kinds(), seen.samples()), (vec![], (8, 0)), "{:?}", seen.notes());
    assert!(seen.total().totals().bytes_sent > 8 * (20 << 20));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_server_does_not_read_a_file_that_is_sent_or_resets_in_the_middle_of_it() {
    let held = alone();
    let file = on_disk();
    let mut silent = Rogue::at_the_door(|_| {
        std::thread::sleep(std::time::Duration::from_secs(3));
        false
    });
    let seen = sends(&file, &silent, "1s").users(2).run();
    assert_eq!((seen.kinds(), seen.samples()), (vec![("timeout", 2)], (2, 2)), "{:?}", seen.notes());
    let mut resets = Rogue::at_the_door(|call| {
        let _ = std::io::copy(&mut std::io::Read::take(&call.stream, 1 << 20), &mut std::io::sink());
        call.reset()
    });
    let seen = sends(&file, &resets, "60s").users(2).run();
    assert_eq!((seen.kinds(), seen.samples()), (vec![("reset", 2)], (2, 2)), "{:?}", seen.notes());
    held.nothing_leaks(&mut [&mut silent, &mut resets]);
}

#[test]
fn a_file_that_is_gone_fails_its_steps_as_local_and_sends_nothing_more() {
    let held = alone();
    let file = on_disk();
    let mut rogue = Rogue::at_the_door(Call::stays_silent);
    let trial = sends(&file, &rogue, "60s");
    let plan = trial.plan();
    drop(file);
    let seen = trial.run_plan(plan);
    assert_eq!((seen.kinds(), seen.samples()), (vec![("local", 3)], (3, 3)), "{:?}", seen.notes());
    assert!(seen.notes()[0].ends_with("is not there any more"), "{:?}", seen.notes());
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn a_body_is_shorter_than_its_length() {
    fails_as("closed", "in the body, after 4B", |call| {
        call.write(format!("{HEAD}half"));
        call.ends()
    });
}

#[test]
fn a_body_is_longer_than_its_length() {
    let held = alone();
    let mut rogue = Rogue::new(|call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfour and more");
        call.stays_silent()
    });
    let seen = Trial::new(&rogue.url(), "step: GET /x { expect body == \"four\" }").run();
    // What was promised has come; what follows it is nobody's answer, so the connection is not used again.
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (3, 0)), "{:?}", seen.notes());
    assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsReused)), (3, 0));
    held.nothing_leaks(&mut [&mut rogue]);
}

#[test]
fn lengths_contradict_each_other() {
    fails_as("protocol", "", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nfour");
        call.ends()
    });
}

#[test]
fn a_length_is_no_number() {
    fails_as("protocol", "", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nfour");
        call.ends()
    });
}

#[test]
fn a_header_is_as_long_as_a_mebibyte() {
    fails_as("protocol", "", |call| {
        call.write(format!("HTTP/1.1 200 OK\r\nx-long: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(1 << 20)));
        call.stays_silent()
    });
}

#[test]
fn a_head_never_ends() {
    fails_as("protocol", "", |call| {
        let line = format!("x-more: {}\r\n", "more ".repeat(800));
        call.write("HTTP/1.1 200 OK\r\n");
        while std::io::Write::write_all(&mut call.stream, line.as_bytes()).is_ok() {}
        false
    });
}

#[test]
fn a_body_never_ends() {
    fails_as("timeout", "of an endless body read", |call| {
        call.write("HTTP/1.1 200 OK\r\n\r\n");
        while std::io::Write::write_all(&mut call.stream, &[b'x'; 16 << 10]).is_ok() {}
        false
    });
}

#[test]
fn a_chunk_is_longer_than_it_says() {
    fails_as("protocol", "", |call| {
        call.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf and more\r\n0\r\n\r\n");
        call.ends()
    });
}

#[test]
fn a_chunk_is_shorter_than_it_says() {
    fails_as("closed", "in the body", |call| {
        call.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhalf");
        call.ends()
    });
}

#[test]
fn the_size_of_a_chunk_is_no_number_or_more_than_there_is() {
    for size in ["hello", "fffffffffffffffffff", "-4"] {
        let held = alone();
        let mut rogue = Rogue::new(move |call| {
            call.write(format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{size}\r\nhalf\r\n"));
            call.ends()
        });
        let seen = Trial::new(&rogue.url(), "step: GET /x").run();
        assert_eq!((seen.kinds(), seen.samples()), (vec![("protocol", 3)], (3, 3)), "{size}: {:?}", seen.notes());
        held.nothing_leaks(&mut [&mut rogue]);
    }
}

/// As much as nobody wants to hold: zeros, `bytes` of them, in the few that gzip makes of them.
fn bomb(bytes: usize) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let block = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        std::io::Write::write_all(&mut gzip, &block).expect("memory takes it");
    }
    gzip.finish().expect("memory takes it")
}

#[test]
fn a_coded_body_is_a_bomb() {
    let packed = bomb(128 << 20);
    assert!(packed.len() < 1 << 20, "{}", packed.len());
    // What is looked into is held up to a mebibyte, what is only counted is taken apart up to 64.
    for looks in ["expect body contains \"x\"", "expect sha256(body) == \"x\"", "expect size > 100MiB"] {
        let packed = packed.clone();
        let sends = move || {
            Rogue::new(move |call| {
                call.write(format!(
                    "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
                    packed.len()
                ));
                call.write(&packed);
                true
            })
        };
        fails("body_too_large", "", sends, &format!("step: GET /x {{ {looks} }}"));
    }
}

#[test]
fn a_coded_body_is_damaged() {
    fails_as("protocol", "", |call| {
        call.write("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nhalf");
        true
    });
}

#[test]
fn what_comes_is_no_http() {
    fails_as("protocol", "not HTTP", |call| {
        call.write("220 mail.example ESMTP\r\n\r\n");
        call.ends()
    });
}

#[test]
fn a_kept_connection_that_the_server_has_closed_is_replaced_by_another() {
    let held = alone();
    let mut rogue = Rogue::new(|call| {
        call.answer(200, "fine");
        false
    });
    // Long enough for the end of the connection to arrive.
    let seen = Trial::new(&rogue.url(), "step: GET /x\npause 30ms").run();
    assert_eq!((seen.kinds(), seen.iterations(), seen.samples()), (vec![], (3, 0), (3, 0)), "{:?}", seen.notes());
    assert_eq!((rogue.accepted(), seen.counter(Counter::ConnectionsReused)), (3, 0));
    held.nothing_leaks(&mut [&mut rogue]);
}
