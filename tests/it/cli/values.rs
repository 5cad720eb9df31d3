//! What a scenario reads from around it: secrets, variables of the environment, data.

use std::fs;

use super::world::scn;

/// A target that nobody listens at, and a request that says what it was given in its failure.
const SECRET: &str = r#"
scenario "Secret"
target "http://127.0.0.1:1"
let key = secret("API_KEY")
user u {
  think 20ms
  task t { POST /${base64("u:${key}")} { body key; expect status 200 else "sent ${key}" } }
}
"#;

const SHORT: &str = "--users 1 --spawn-rate 1 --duration 100ms";

#[test]
fn a_missing_secret_or_variable_ends_before_the_first_packet() {
    scn("check a.scn").file("a.scn", SECRET).run().exits(0);
    let ended = scn("run a.scn --no-results").file("a.scn", SECRET).args(SHORT).run().exits(107);
    ended.says("neither `API_KEY` nor `API_KEY_FILE` is set").says("a.scn:4:").prints_nothing();
    let ended = scn("run a.scn --no-results").file("a.scn", SECRET).args(SHORT).env("API_KEY_FILE", "gone").run();
    ended.exits(107).says("`API_KEY_FILE` names `gone`").prints_nothing();
    let env = SECRET.replace("secret(", "env(");
    let ended = scn("run a.scn --no-results").file("a.scn", &env).args(SHORT).run();
    ended.exits(107).says("the variable `API_KEY` is not set").prints_nothing();
}

#[test]
fn a_variable_of_the_target_may_be_missing_where_the_target_is_given() {
    let text = SECRET.replace("\"http://127.0.0.1:1\"", "env(\"NOWHERE\")");
    let world = || scn("run a.scn --no-results").file("a.scn", &text).args(SHORT).env("API_KEY", "hunter2-key");
    world().run().exits(107).says("`NOWHERE` is not set");
    world().args("--target http://127.0.0.1:1").run().prints("connect_refused");
}

#[test]
fn a_secret_is_nowhere_in_what_a_run_leaves_behind() {
    for (variable, value) in [("API_KEY", "hunter2-key"), ("API_KEY_FILE", "key.txt")] {
        let ended = scn("run a.scn")
            .file("a.scn", SECRET)
            .file("key.txt", "hunter2-key\n")
            .args(SHORT)
            .env(variable, value)
            .run();
        let ended = ended.exits(0).prints("connect_refused");
        let mut texts = vec![ended.stdout.clone(), ended.stderr.clone()];
        for folder in fs::read_dir(ended.folder().join("scn-results")).expect("there are results").flatten() {
            for file in fs::read_dir(folder.path()).expect("a folder").flatten() {
                texts.push(String::from_utf8_lossy(&fs::read(file.path()).expect("a file")).into_owned());
            }
        }
        assert!(texts.len() > 2);
        for text in texts {
            assert!(!text.contains("hunter2"), "{text}");
            assert!(!text.contains("dTpodW50ZXIyLWtleQ"), "{text}");
        }
    }
}

#[test]
fn a_secret_that_is_no_number_is_not_shown_by_the_complaint() {
    let text = SECRET.replace("secret(\"API_KEY\")", "number(secret(\"API_KEY\"))");
    let ended = scn("run a.scn --no-results").file("a.scn", &text).args(SHORT).env("API_KEY", "hunter2-key").run();
    ended.exits(107).says("\"***\" is no number");
}

#[test]
fn data_is_read_beside_the_scenario_wherever_scn_is_typed() {
    let text = r#"
scenario "Data"
target "http://127.0.0.1:1"
data accounts from "data/accounts.csv" { pick unique }
user u {
  take account from accounts
  task t { GET /${account.name} { expect status 200 } }
}
"#;
    let world =
        |arguments: &str| scn(arguments).file("sub/a.scn", text).file("sub/data/accounts.csv", "name\nada\nbob\n");
    world("check sub/a.scn").run().exits(0);
    let ended = world("plan sub/a.scn --users 2").run().exits(0);
    ended.prints("data      accounts: 2 rows, pick unique (name)");
    let ended = world("run sub/a.scn --users 3 --duration 1s --no-results").run();
    ended.exits(104).says("`accounts` has 2 rows for 3 users that each hold one");
    scn("check sub/a.scn").file("sub/a.scn", text).run().exits(104).prints("there is no file `data/accounts.csv`");
}

#[test]
fn a_try_shows_rows_and_no_secrets() {
    let text = r#"
scenario "Try"
target "http://127.0.0.1:1"
data terms from ["tea"]
user u {
  task t {
    take term from terms
    let key = "k-${secret("API_KEY")}"
    PUT /api/${term}?q=${key} {
      header X-Signature hmac_sha256(key, term)
      json { key: key, code: base64(key) }
      expect status 200 else "sent ${key}"
    }
  }
}
"#;
    for format in ["", "--format json"] {
        let told = scn("try a.scn --demo").args(format).file("a.scn", text).env("API_KEY", "hunter2-key").run();
        let shown = format!("{}{}", told.stdout, told.stderr);
        assert!(shown.contains("tea") && shown.contains("***"), "{shown}");
        // The key as it is, its Base64, and the beginning of its signature.
        for hidden in ["hunter2", "ay1odW50ZXIyLWtleQ", "0ffbfe94"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
    }
}
