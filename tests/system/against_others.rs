//! The program against servers that are not ours, so that a misunderstanding shared by both our ends is found.

use crate::program::{Beside, Folder, finish, sum};

#[test]
fn a_web_server_of_someone_else_is_understood() {
    let folder = Folder::new();
    folder.write("greeting.json", r#"{ "hello": ["world"] }"#);
    let server = Beside::python("files.py", folder.path());
    let text = r#"target "http://127.0.0.1:1" { timeout 5s }
user visitor {
  think 10ms
  task read weight 3 {
    GET /greeting.json {
      query { page: 1, words: ["a b", "ü&"] }
      expect status == 200 and header Content-Type contains "json"
      expect json $.hello[0] == "world" and size == 22B
    }
  }
  task missing { GET /no/such/file { expect status 404 } }
  task forbidden { POST /greeting.json { json { a: 1 } expect status 501 } }
}
thresholds { error_rate < 1% }
"#;
    let text = text.replace("json { a: 1 } expect", "json { a: 1 }; expect");
    let scenario = folder.write("files.scn", &text);
    let target = format!("http://127.0.0.1:{}", server.first_line);
    let words = [&scenario, "--target", &target, "--users", "5", "--spawn-rate", "100", "--duration", "3s"];
    finish(folder.run(&words)).with(0);
    let summary = folder.summary();
    for status in ["200", "404", "501"] {
        assert!(sum(&summary, |row| row["statuses"][status].as_u64()) > 0, "{status}: {summary:#}");
    }
    assert_eq!(summary["totals"]["failures"], 0);
}

#[test]
fn a_websocket_server_of_someone_else_is_understood() {
    let folder = Folder::new();
    let server = Beside::python("echo.py", folder.path());
    let text = r#"target "http://127.0.0.1:1" { timeout 5s }
user talker {
  think 10ms
  task talk {
    websocket / {
      repeat 20 as round {
        said: call json { round: round, text: random_string(300) } where json $.round == round within 2s
      }
      send text "the last word"
      receive where body == "the last word" within 2s
    }
  }
}
thresholds { error_rate < 1% }
"#;
    let scenario = folder.write("echo.scn", text);
    let target = format!("http://127.0.0.1:{}", server.first_line);
    let words = [&scenario, "--target", &target, "--users", "5", "--spawn-rate", "100", "--duration", "3s"];
    finish(folder.run(&words)).with(0);
    let summary = folder.summary();
    assert_eq!(summary["totals"]["failures"], 0);
    let iterations = summary["totals"]["iterations"].as_u64().unwrap();
    assert!(iterations > 0);
    assert_eq!(
        sum(&summary, |row| if row["name"] == "said" { row["requests"].as_u64() } else { None }),
        20 * iterations
    );
}
