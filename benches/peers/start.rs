//! How soon scn answers: a check of a thousand lines, and the way from the command to the first request.

use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::measure::{Folder, SCN, median, scn_run, tell};

const ROUNDS: usize = 10;

/// Both.
pub fn all() {
    check();
    first_request();
}

/// `scn check` on 1,000 lines, from start to exit, in ms.
fn check() {
    let folder = Folder::new();
    let scenario = folder.write("long.scn", &thousand_lines());
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let output = Command::new(SCN).arg("check").arg(&scenario).output().expect("scn starts");
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    tell("scn check, 1,000 lines", median(&mut times), 50.0, " ms");
}

fn thousand_lines() -> String {
    let mut text = String::from("scenario \"Long\"\ntarget \"http://127.0.0.1:1\"\nuser one {\n  think 1s..3s\n");
    let mut task = 0;
    while text.lines().count() + 11 < 1_000 {
        text += &format!(
            "  # Reads something and writes it back.\n  task number_{task} weight {} {{\n    GET /items/{task} {{\n      \
             expect status 200\n      capture found = json $.items[0].name\n    }}\n    PUT /items/{task} {{\n      \
             json {{ name: found, size: uniform(1, 10), id: \"${{user.id}}-{task}\" }}\n      \
             expect status 200, 201 else \"not written\"\n    }}\n  }}\n",
            task % 5 + 1
        );
        task += 1;
    }
    text += "}\n";
    while text.lines().count() < 1_000 {
        text += "# the end\n";
    }
    text
}

/// From starting `scn run` to the first byte of its first request, in ms.
fn first_request() {
    let folder = Folder::new();
    let scenario = folder.write("one.scn", "target \"http://127.0.0.1:1\"\nuser one { task get { GET / } }\n");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = format!("http://{}", listener.local_addr().expect("bound"));
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut command = scn_run(&scenario, &target, 1, 1, "5s", &folder.path("summary.json"));
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("scn starts");
        let (mut stream, _) = listener.accept().expect("scn connects");
        stream.read_exact(&mut [0]).expect("scn sends a request");
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        let _ = child.kill();
        let _ = child.wait();
    }
    tell("from start to the first request", median(&mut times), 100.0, " ms");
}
