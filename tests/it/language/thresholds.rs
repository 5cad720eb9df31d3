//! Cases of the rows about thresholds.

use std::time::Duration;

use scn::metrics::thresholds::{How, Judgement};
use scn::metrics::{Counter, Judged};

use super::world::{Answer, Case, Seen, case};

const SECOND: Duration = Duration::from_secs(1);

/// One user `u` whose iteration number k of task `t` begins at k + 0.1 s: after a pause it asks for `/slow`, done at
/// k + 0.6 s, then for `/`, done at k + 0.7 s; the numbers 4 and 9 of that are answered with 503.
fn ten_seconds(row: &str, thresholds: &str) -> Case {
    case(row)
        .scenario(&format!(
            r#"target "http://127.0.0.1:80"
            user u {{
              think 400ms
              on start {{ pause 100ms }}
              task t {{
                pause 300ms
                page: GET /slow {{ check status 200 }}
                home: GET /
              }}
            }}
            thresholds {{
              {thresholds}
            }}"#
        ))
        .lasts(SECOND * 10)
        .server(|request| {
            let failed = request.path == "/" && matches!(request.at.as_secs(), 4 | 9);
            let answer = if failed { Answer::status(503) } else { Answer::ok() };
            answer.after(if request.path == "/slow" { 200 } else { 100 })
        })
}

/// One user, who does this once; each answer takes 100 ms.
fn once(row: &str, task: &str, thresholds: &str) -> Case {
    case(row)
        .file_of(&format!("thresholds {{\n{thresholds}\n}}"), &format!("task t {{\n{task}\n}}"))
        .server(|_| Answer::ok().after(100))
}

/// What became of the thresholds: value and judgement.
fn judged(seen: &Seen) -> Vec<(Option<f64>, Judgement)> {
    seen.judged.iter().map(|one| (one.value, one.judgement)).collect()
}

fn values(seen: &Seen) -> Vec<f64> {
    // Percentiles have three digits.
    let to_tenths = |value: f64| (value * 1e4).round() / 1e4;
    seen.judged.iter().map(|one: &Judged| to_tenths(one.value.expect("something was measured"))).collect()
}

const KEPT: Judgement = Judgement::Kept;
const BROKEN: Judgement = Judgement::Broken;

pub fn cases() -> Vec<Case> {
    vec![
        ten_seconds("`error_rate`", "error_rate < 20%\nerror_rate of t <= 20%\nerror_rate of page < 1%").expect(
            |seen| {
                assert_eq!(seen.iterations(), (8, 2));
                assert_eq!(judged(seen), [(Some(0.2), BROKEN), (Some(0.2), KEPT), (Some(0.0), KEPT)]);
            },
        ),
        ten_seconds("`p95`, `p50`, `p99.9`", "p50 < 110ms\np99.9 < 190ms\np50 of page < 190ms").expect(|seen| {
            // Ten times 100 ms (two of them failed) and ten times 200 ms.
            assert_eq!(seen.samples(), (20, 2));
            assert_eq!(values(seen), [0.1, 0.2, 0.2]);
            assert_eq!(judged(seen).map_judgements(), [KEPT, BROKEN, BROKEN]);
        }),
        ten_seconds("`min`, `mean`, `max`", "min > 99ms\nmean < 149ms\nmax < 200ms").expect(|seen| {
            assert_eq!(values(seen), [0.1, 0.15, 0.2]);
            assert_eq!(judged(seen).map_judgements(), [KEPT, BROKEN, BROKEN]);
        }),
        ten_seconds("`p95 iteration_time of browse`", "max iteration_time of t < 1s\nmin iteration_time < 1s").expect(
            |seen| {
                // Without the pause.
                assert_eq!(values(seen), [0.3, 0.3]);
            },
        ),
        ten_seconds("`checks`", "checks == 100%\nchecks of page > 99%").also("`< 300ms`").expect(|seen| {
            assert_eq!(seen.checks(), (10, 0));
            assert_eq!(judged(seen), [(Some(1.0), KEPT), (Some(1.0), KEPT)]);
        }),
        ten_seconds("`rate`", "rate of home > 1/s\nrate of u > 1.5/s").expect(|seen| {
            assert_eq!(seen.row("home"), (8, 2));
            assert_eq!(seen.finished.length, SECOND * 10);
            assert_eq!(judged(seen), [(Some(1.0), BROKEN), (Some(2.0), KEPT)]);
        }),
        ten_seconds("`count`", "count == 20\ncount of page > 10").expect(|seen| {
            assert_eq!(judged(seen), [(Some(20.0), KEPT), (Some(10.0), BROKEN)]);
        }),
        ten_seconds("`dropped`", "dropped == 0").expect(|seen| {
            assert_eq!(judged(seen), [(Some(0.0), KEPT)]);
        }),
        once(
            "(nothing)",
            "websocket /ws { ping: call text \"a\"; send text \"b\"; receive }\nhome: GET /",
            "count >= 1\nmax < 1s",
        )
        .expect(|seen| {
            // Times are those of the HTTP step and the call; counts those of all requests.
            assert_eq!(seen.samples(), (6, 0));
            assert_eq!(values(seen), [6.0, 0.1]);
        }),
        case("`of login`")
            .scenario(
                r#"
                target "http://127.0.0.1:80"
                flow enter() { login: POST /login { expect status 200 } }
                user u {
                  think 2h
                  on start { hello: GET /hello { expect status 200 } }
                  task a { enter(); one: GET /one { expect status 200 } }
                }
                user v { think 2h; task b { enter() } }
                thresholds {
                  count of login > 1
                  count of one > 0
                  count of hello > 0
                  count of b > 0
                  count of u > 0
                }
                "#,
            )
            .users(2)
            .expect(|seen| assert_eq!(values(seen), [2.0, 1.0, 1.0, 1.0, 3.0])),
        case("`of shop.browse.login`")
            .scenario(
                r#"
                target "http://127.0.0.1:80"
                user shop {
                  think 2h
                  on start { login: GET /start { expect status 200 } }
                  task browse { login: GET /a { expect status 200 }; login: GET /b { expect status 200 } }
                }
                user other { think 2h; task browse { login: GET /c { expect status 200 } } }
                thresholds {
                  count of shop.browse.login > 1
                  count of other.browse.login > 0
                  count of shop.on_start.login > 0
                  count of on_start.login > 0
                }
                "#,
            )
            .users(2)
            .expect(|seen| assert_eq!(values(seen), [2.0, 1.0, 1.0, 1.0])),
        once("`of \"GET /api/health\"`", "GET /slow { expect status 200 }", "count of \"GET /slow\" > 0")
            .expect(|seen| assert_eq!(judged(seen), [(Some(1.0), KEPT)])),
        ten_seconds("`of every step`", "max of every step < 150ms\nerror_rate of every step < 10%").expect(|seen| {
            let broken = |one: &Judged| one.breaks.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
            assert_eq!(judged(seen), [(Some(0.2), BROKEN), (Some(0.2), BROKEN)]);
            assert_eq!(seen.judged.iter().map(broken).collect::<Vec<_>>(), [["page"], ["home"]]);
        }),
        once(
            "`of fan_out` for a measure",
            "measure items = 2 + 3\nmeasure fan_out = 1.5 * 1s\nmeasure behind = (1 - user.id - 2) * 1s\nhome: GET /",
            "mean of items > 3\np95 of fan_out < 1s\ncount of items > 0\nmax of behind < 1s",
        )
        .expect(|seen| {
            // A duration below zero counts as 0, of which the least time is told.
            assert_eq!(values(seen), [5.0, 1.5, 1.0, 0.0]);
            assert_eq!(seen.counter(Counter::MeasuresNegative), 1);
            assert_eq!(judged(seen).map_judgements(), [KEPT, BROKEN, KEPT, KEPT]);
        }),
        ten_seconds("`over 30s`", "error_rate < 30% over 4s\nerror_rate < 30% over 2s\nmax < 1s over 10s").expect(
            |seen| {
                // Windows of four seconds: 0–4 without a failure, 4–8 with one of four; 8–12 is cut off.
                assert_eq!(judged(seen), [(Some(0.25), KEPT), (Some(0.5), BROKEN), (Some(0.2), KEPT)]);
                let windows: Vec<How> = seen.judged.iter().map(|one| one.how).collect();
                assert_eq!(windows, [How::Windows(2), How::Windows(5), How::Windows(1)]);
                let broken: Vec<_> = seen.judged[1].breaks.iter().map(|one| one.window).collect();
                assert_eq!(broken, [Some((SECOND * 4, SECOND * 6)), Some((SECOND * 8, SECOND * 10))]);
            },
        ),
        ten_seconds("`abort if C`", "abort if error_rate > 10%").expect(|seen| {
            // The fifth iteration fails between 4 and 5 s: one of five.
            assert_eq!(seen.iterations(), (4, 1));
            assert_eq!(seen.finished.length, SECOND * 5);
            assert_eq!(judged(seen), [(Some(0.2), BROKEN)]);
            assert_eq!(seen.judged[0].how, How::Abort(Some(SECOND * 5)));
            assert!(!seen.finished.stopped);
        }),
        ten_seconds("`abort if C for 10s`", "abort if error_rate > 30% for 3s\nerror_rate < 50%").expect(|seen| {
            // At 5 s one of the last three seconds failed.
            assert_eq!(seen.iterations(), (4, 1));
            assert_eq!(seen.judged[0].how, How::Abort(Some(SECOND * 5)));
            let third = seen.judged[0].value.expect("it held");
            assert!((third - 1.0 / 3.0).abs() < 1e-9);
            assert_eq!(seen.judged[1].judgement, KEPT);
        }),
    ]
}

trait Judgements {
    fn map_judgements(&self) -> Vec<Judgement>;
}

impl Judgements for Vec<(Option<f64>, Judgement)> {
    fn map_judgements(&self) -> Vec<Judgement> {
        self.iter().map(|(_, judgement)| *judgement).collect()
    }
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}
