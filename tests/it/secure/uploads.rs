//! Files that are read while they are sent, over both versions of HTTP.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

use scn::metrics::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::two::{Reply, Server, good, ok, over_tcp};
use super::world::{Net, Scene, scene};

/// More than is kept of a file in memory, and no whole number of pieces.
const SIZE: u64 = (17 << 20) + 123;

/// A file of zeros that ends with a word.
fn large() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("big.iso");
    let mut file = File::create(&path).expect("a file");
    file.set_len(SIZE - 4).expect("it grows");
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).expect("its end");
    file.write_all(b"last").expect("it is written");
    let path = path.to_str().expect("a text").to_owned();
    (folder, path)
}

/// A task over plain TCP in HTTP/1.1.
fn over_one(task: &str) -> Scene {
    let target = "target \"http://127.0.0.1\" { timeout 60s }";
    scene(&format!("{target}\nuser u {{ think 1h; task t {{\n{task}\n}} }}"))
}

/// A request as a server of HTTP/1.1 hears it: its head, how long its body was, and how that began and ended.
#[derive(Clone, Default)]
struct Heard {
    head: String,
    size: u64,
    first: Vec<u8>,
    last: Vec<u8>,
}

/// A server of HTTP/1.1 that reads whole requests; what it answers to a path.
fn server(answers: impl Fn(&str) -> String + 'static) -> (Net, Rc<RefCell<Vec<Heard>>>) {
    let heard: Rc<RefCell<Vec<Heard>>> = Rc::default();
    let (all, answers) = (heard.clone(), Rc::new(answers));
    let net = Net::new(move |far, _| serve(far, all.clone(), answers.clone()));
    (net, heard)
}

async fn serve(mut far: DuplexStream, all: Rc<RefCell<Vec<Heard>>>, answers: Rc<impl Fn(&str) -> String>) {
    let mut bytes = vec![0; 64 << 10];
    let mut came = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = came.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            match far.read(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(count) => came.extend_from_slice(&bytes[..count]),
            }
        };
        let head = String::from_utf8(came[..end].to_vec()).expect("a head is text");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: u64 = length.map_or(0, |length| length.parse().expect("a length"));
        let mut heard = Heard { head, ..Heard::default() };
        came.drain(..end);
        while heard.size < length {
            if came.is_empty() {
                match far.read(&mut bytes).await {
                    Ok(0) | Err(_) => return all.borrow_mut().push(heard),
                    Ok(count) => came.extend_from_slice(&bytes[..count]),
                }
            }
            let taken: Vec<u8> = came.drain(..came.len().min((length - heard.size) as usize)).collect();
            heard.size += taken.len() as u64;
            heard.first.extend(taken.iter().take(300 - heard.first.len().min(300)));
            heard.last.extend_from_slice(&taken);
            let excess = heard.last.len().saturating_sub(100);
            heard.last.drain(..excess);
        }
        let path = heard.head.split(' ').nth(1).expect("a path").to_owned();
        all.borrow_mut().push(heard);
        if far.write_all(answers(&path).as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(path: &str) -> String {
    match path {
        "/moved" => "HTTP/1.1 307 Moved\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n".into(),
        _ => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".into(),
    }
}

#[test]
fn a_file_that_does_not_fit_into_memory_is_a_part_among_others_and_is_sent_again_by_a_redirect() {
    let (_folder, path) = large();
    let (net, heard) = server(answer);
    let post =
        format!("multipart {{ name: \"an image\", disk: file(\"{path}\", \"application/x-iso\"), end: \"bye\" }}");
    let task = format!("POST /direct {{ {post}; expect status 200 }}\nPOST /moved {{ {post}; expect status 200 }}");
    let seen = over_one(&task).run(&net);
    good(&seen, 2);
    let heard = heard.borrow();
    assert_eq!(heard.len(), 3);
    for request in heard.iter() {
        let boundary =
            request.head.split_once("boundary=").and_then(|(_, rest)| rest.lines().next()).expect("a boundary");
        let first = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nan image\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"disk\"; filename=\"big.iso\"\r\n\
             Content-Type: application/x-iso\r\n\r\n"
        );
        let last = format!(
            "last\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"end\"\r\n\r\nbye\r\n--{boundary}--\r\n"
        );
        assert!(
            String::from_utf8_lossy(&request.first).starts_with(&first),
            "{}",
            String::from_utf8_lossy(&request.first)
        );
        let tail = &last.as_bytes()[last.len() - 100..];
        assert_eq!(String::from_utf8_lossy(&request.last), String::from_utf8_lossy(tail));
        assert_eq!(request.size, SIZE - 4 + (first.len() + last.len()) as u64);
        assert!(request.head.contains(&format!("content-length: {}\r\n", request.size)), "{}", request.head);
    }
    // A redirect repeats the request as it was.
    assert_eq!((heard[1].size, heard[2].head.starts_with("POST /there ")), (heard[2].size, true));
    let totals = seen.finished.total.totals();
    assert!(totals.bytes_sent > 3 * SIZE, "{}", totals.bytes_sent);
}

#[test]
fn a_file_may_be_the_whole_body_and_goes_over_http_2_as_the_server_takes_it() {
    let (_folder, path) = large();
    let task =
        |path: &str| format!("POST /a {{ body file(\"{path}\"); expect status 200 }}\nGET /b {{ expect status 200 }}");
    let (net, heard) = server(answer);
    good(&over_one(&task(&path)).iterations(2).users(2).run(&net), 4);
    let heard = heard.borrow();
    assert!(heard[0].head.contains("content-type: application/octet-stream\r\n"), "{}", heard[0].head);
    assert_eq!((heard[0].size, heard[0].last.ends_with(b"last")), (SIZE, true));
    let server = Server::new(|heard| if heard.uri.ends_with("/moved") { Reply::Redirect(308, "/there") } else { ok() });
    let seen = over_tcp(&task(&path).replace("/a", "/moved")).run(&server.plain());
    good(&seen, 2);
    let heard = server.heard.borrow();
    let sizes: Vec<usize> = heard.iter().map(|heard| heard.body).collect();
    assert_eq!(sizes, [SIZE as usize, SIZE as usize, 0]);
    assert_eq!(heard[1].headers["content-length"].to_str().expect("a text"), SIZE.to_string());
}

#[test]
fn a_redirect_that_becomes_a_get_leaves_the_body_behind_over_http_2_too() {
    let server = Server::new(|heard| if heard.uri.ends_with("/moved") { Reply::Redirect(303, "/there") } else { ok() });
    let seen = over_tcp("POST /moved { json { a: 1 }; expect status 200 }").run(&server.plain());
    good(&seen, 1);
    let heard = server.heard.borrow();
    assert_eq!((heard[0].body, heard[1].body, heard[1].method.as_str()), (7, 0, "GET"));
    assert!(!heard[1].headers.contains_key("content-type"), "{:?}", heard[1].headers);
}

#[test]
fn a_server_that_takes_no_more_of_a_body_lets_the_step_time_out_and_the_connection_live() {
    let (_folder, path) = large();
    let task = format!(
        "attempt {{ POST /stall {{ body file(\"{path}\"); expect status 200 }} }}\nGET /b {{ expect status 200 }}"
    );
    let seen = over_tcp(&task).run(&Server::new(|_| ok()).plain());
    assert_eq!((seen.samples(), seen.kinds(), seen.left_open), ((2, 1), vec![("timeout", 1)], 0));
    assert_eq!((seen.notes(), seen.dialled), (vec!["no answer within 5s"], 1));
}

#[test]
fn a_file_that_shrinks_during_the_run_fails_its_step_as_local_over_both_versions() {
    let words = "`big.iso` has become shorter: it had 17825915B when it was checked";
    let task = |path: &str| {
        format!(
            "GET /shrink {{ expect status 200 }}\nattempt {{ POST /a {{ body file(\"{path}\"); expect status 200 }} }}\nGET /b {{ expect status 200 }}"
        )
    };
    let shrinks = |path: &str| {
        let path = path.to_owned();
        move |at: &str| {
            if at.ends_with("/shrink") {
                let file = File::options().write(true).open(Path::new(&path)).expect("it is there");
                file.set_len(SIZE / 2).expect("it shrinks");
            }
        }
    };
    let (_folder, path) = large();
    let shrink = shrinks(&path);
    let (net, _) = server(move |at| {
        shrink(at);
        answer(at)
    });
    let one = over_one(&task(&path)).run(&net);
    let (_folder, path) = large();
    let shrink = shrinks(&path);
    let server = Server::new(move |heard| {
        shrink(&heard.uri);
        ok()
    });
    let two = over_tcp(&task(&path)).run(&server.plain());
    for seen in [&one, &two] {
        assert_eq!(
            (seen.samples(), seen.kinds(), seen.left_open),
            ((3, 1), vec![("local", 1)], 0),
            "{:?}",
            seen.notes()
        );
        assert_eq!(seen.notes(), [words]);
    }
    // In HTTP/1.1 the promised length cannot be kept, so the connection goes; in HTTP/2 only the stream.
    assert_eq!((one.dialled, two.dialled), (2, 1));
    assert_eq!(one.counter(Counter::ConnectionsOpened), 2);
}

#[test]
fn a_file_that_is_gone_when_it_is_first_wanted_fails_its_step_as_local() {
    let (folder, path) = large();
    let (net, _) = server(move |at| {
        let _ = std::fs::remove_dir_all(folder.path());
        answer(at)
    });
    let task = format!(
        "GET /gone {{ expect status 200 }}\nPOST /a {{ multipart {{ a: file(\"{path}\") }}; expect status 200 }}"
    );
    let seen = over_one(&task).run(&net);
    assert_eq!((seen.samples(), seen.kinds()), ((2, 1), vec![("local", 1)]));
    assert_eq!(seen.notes(), ["`big.iso` is not there any more"]);
}

#[test]
fn a_file_that_is_missing_or_too_large_for_what_is_made_of_it_is_said_by_the_check() {
    let (_folder, path) = large();
    let checked = |part: &str| over_one(&format!("POST /a {{ {part}; expect status 200 }}")).checked();
    assert_eq!(
        checked("body file(\"gone.iso\")"),
        [("missing-file", "there is no file `gone.iso` at `\"gone.iso\"`".into())]
    );
    assert_eq!(checked("multipart { a: file(\"gone.iso\") }").len(), 1);
    for part in [
        "body sha256(file(\"PATH\"))",
        "json { a: file(\"PATH\") }",
        "header X-A file(\"PATH\")",
        "multipart { a: oneof(file(\"PATH\"), \"b\") }",
    ] {
        let told = checked(&part.replace("PATH", &path));
        let rules: Vec<&str> = told.iter().map(|(rule, _)| *rule).collect();
        assert_eq!(rules, ["file-too-large"], "{part}: {told:?}");
    }
    assert_eq!(checked(&format!("body file(\"{path}\")")), []);
}

#[test]
fn a_file_whose_stream_was_refused_is_sent_once_more_from_its_beginning() {
    let (_folder, path) = large();
    let server = Server::new(|heard| match heard.connection {
        0 => Reply::Reset(h2::Reason::REFUSED_STREAM),
        _ => ok(),
    });
    let task = format!("POST /a {{ multipart {{ a: file(\"{path}\") }}; expect status 200 }}");
    let seen = over_tcp(&task).run(&server.plain());
    good(&seen, 1);
    assert_eq!((seen.dialled, seen.counter(Counter::ConnectionsStale)), (2, 1));
    let heard = server.heard.borrow();
    let last = &heard[heard.len() - 1];
    assert_eq!(last.headers["content-length"].to_str().expect("a text"), last.body.to_string());
    assert!(last.body as u64 > SIZE, "{}", last.body);
}
