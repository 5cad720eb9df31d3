//! Cases of the rows that belong to no construct of their own, and the blocks of the reference.

use super::world::{Answer, Case, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("the status is 400 or above, and no `expect` of the step mentions `status`")
            .also("a step fails")
            .task(
                r#"
                GET /good
                expected: GET /bad { expect status 503 }
                unexpected: GET /bad { expect size < 1KiB }
                GET /never
                "#,
            )
            .server(|request| if request.path == "/bad" { Answer::status(503) } else { Answer::ok() })
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/good", "/bad", "/bad"]);
                assert_eq!(seen.iterations(), (0, 1));
                assert_eq!((seen.row("expected"), seen.row("unexpected")), ((1, 0), (0, 1)));
                assert_eq!(seen.kinds(), [("status", 1)]);
            }),
        case("`check condition`")
            .also("a `check` does not hold")
            .task("GET /a { check body == \"ok\"; check size > 2B }\nGET /b")
            .expect(|seen| {
                assert_eq!(seen.paths(), ["/a", "/b"]);
                assert_eq!(seen.checks(), (1, 1));
                assert_eq!((seen.iterations(), seen.samples()), ((1, 0), (2, 0)));
            }),
    ]
}

#[test]
fn the_cases_of_this_file_hold() {
    super::run(cases());
}
