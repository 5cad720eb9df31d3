//! `examples/shop.scn` against a shop: pages with resources, a search in pages, a login with a form's token, a
//! redirect and a code, carts, and orders that are paid after a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use serde_json::json;

use super::heard;
use crate::language::world::{Answer, Request, Seen, case};

#[derive(Default)]
struct Shop {
    /// Who has a session: cookie and the form's token.
    sessions: HashMap<String, String>,
    /// How often each order was looked at.
    orders: HashMap<String, u32>,
    /// The e-mail addresses that have logged in, in order.
    logins: Vec<String>,
}

const PAGE: &str = r#"<html><img src="/a.png"><script async src="/b.js"></script><img alt="" src="/c.png"></html>"#;

impl Shop {
    fn site(&mut self, request: &Request) -> Answer {
        assert_eq!(request.header("accept-language"), Some("en"));
        match request.line().as_str() {
            "GET /" => Answer::text(PAGE).header("set-cookie", "visit=1"),
            "GET /a.png" | "GET /b.js" | "GET /c.png" => {
                // A visitor is one person for the whole iteration.
                assert_eq!(request.header("cookie"), Some("visit=1"));
                Answer::status(304).after(20)
            }
            "GET /sign-in" => {
                assert_eq!(request.header("cookie"), None, "a new customer has no cookies");
                let (session, token) = (format!("s{}", request.number), format!("t{}", request.number));
                self.sessions.insert(session.clone(), token.clone());
                let form = format!(r#"<input name="authenticity_token" type="hidden" value="{token}">"#);
                Answer::text(form).header("set-cookie", &format!("session={session}; Path=/; HttpOnly"))
            }
            "POST /sign-in" => {
                let session = request.header("cookie").and_then(|cookie| cookie.strip_prefix("session="));
                let token = session.and_then(|session| self.sessions.get(session)).cloned().unwrap_or_default();
                let form: HashMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
                assert_eq!(form["authenticity_token"], token);
                assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
                self.logins.push(form["user[email]"].clone());
                Answer::to(302, &format!("http://shop.test/welcome?code=c-{token}&lang=en"))
            }
            "DELETE /session" => Answer::status(204),
            other => panic!("the shop has no {other}"),
        }
    }

    fn api(&mut self, request: &Request) -> Answer {
        assert_eq!(request.header("cookie"), None, "cookies stay with the shop that set them");
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let bearer = request.header("authorization");
        match format!("{} {path}", request.method).as_str() {
            "GET /search" => {
                let page = url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "page");
                let page: u32 = page.map_or(0, |(_, page)| page.parse().expect("a number"));
                if page == 1 {
                    assert!(query.contains("tag=new&tag=sale"), "{query}");
                }
                let next = (page < 3).then(|| format!("/search?page={}", page + 1));
                Answer::json(json!({ "results": [{ "id": 7, "price": 12 }, { "id": 8, "price": 950 }], "next": next }))
            }
            "GET /items/7" | "GET /items/8" => Answer::json(json!({ "sku": "tea-1" })),
            "POST /oauth/token" => {
                // shop:hush
                assert_eq!(bearer, Some("Basic c2hvcDpodXNo"));
                let form: HashMap<String, String> = url::form_urlencoded::parse(&request.body).into_owned().collect();
                Answer::json(json!({ "access_token": format!("token-{}", form["code"]) }))
            }
            // Too late for the customer, who goes on.
            "GET /recommendations" if request.number.is_multiple_of(2) => Answer::ok().after(600),
            "GET /recommendations" => Answer::ok(),
            _ => {
                assert!(bearer.is_some_and(|token| token.starts_with("Bearer token-c-t")), "{bearer:?}");
                match (request.method.as_str(), path) {
                    ("POST", "/cart") => Answer::status(201),
                    ("POST", "/orders") => {
                        assert_eq!(request.header("idempotency-key").map(str::len), Some(36));
                        if request.json()["clientRef"].as_str().is_some_and(|of| of.ends_with("-2")) {
                            return Answer::status(409);
                        }
                        let location = format!("/orders/{}", request.number);
                        self.orders.insert(location.clone(), 0);
                        Answer::status(201).header("location", &location)
                    }
                    ("GET", path) => {
                        let looks = self.orders.get_mut(path).unwrap_or_else(|| panic!("there is no {path}"));
                        *looks += 1;
                        Answer::json(json!({ "state": if *looks < 3 { "pending" } else { "paid" } }))
                    }
                    _ => panic!("the shop's API has no {}", request.line()),
                }
            }
        }
    }
}

fn row(seen: &Seen, name: &str) -> u64 {
    assert_eq!(seen.row(name).1, 0, "{name}: {:?}", seen.notes());
    seen.row(name).0
}

#[test]
fn visitors_browse_with_all_that_belongs_to_a_page_and_customers_buy() {
    let shop = Rc::new(RefCell::new(Shop::default()));
    let told = shop.clone();
    case("")
        .scenario(include_str!("../../../examples/shop.scn"))
        .file("lib/session.scn", include_str!("../../../examples/lib/session.scn"))
        .file("accounts.csv", include_str!("../../../examples/accounts.csv"))
        .env("SCN_TARGET", "http://shop.test")
        .env("SCN_API", "http://api.shop.test")
        .env("CLIENT_SECRET", "hush")
        .allow("shop.test")
        .allow("api.shop.test")
        .users(4)
        .iterations(60)
        .server(move |request| match request.host.as_str() {
            "shop.test" => shop.borrow_mut().site(request),
            "api.shop.test" => shop.borrow_mut().api(request),
            other => panic!("nobody is called {other}"),
        })
        .expect(move |seen| {
            assert_eq!(seen.iterations(), (60, 0), "{:?}", seen.notes());
            // Three visitors: a page with its three resources, a search in three pages, an item.
            let browsed = row(seen, "home");
            assert_eq!(row(seen, "asset"), 3 * browsed);
            assert_eq!((row(seen, "search"), row(seen, "more")), (browsed, 2 * browsed));
            assert_eq!(heard(seen, "GET", "/items/7") + heard(seen, "GET", "/items/8"), browsed);
            // One customer, who logs in once and out once.
            for step in ["form", "login", "token"] {
                assert_eq!(row(seen, step), 1, "{step}");
            }
            assert_eq!(told.borrow().logins, ["user00@shop.test"]);
            assert_eq!(row(seen, "DELETE /session"), 1);
            // Its passes make up the rest. The third finds its order there already and ends; the others are paid at
            // the third look, and the two before are no failures.
            let passes = 60 - browsed;
            assert_eq!(row(seen, "order"), passes);
            assert!(passes > 3, "{passes}");
            assert_eq!(row(seen, "poll"), passes - 1);
            assert_eq!(seen.row("poll (retry)"), (0, 2 * (passes - 1)));
            assert_eq!(seen.beside("purchase"), (passes, 0));
            assert_eq!(row(seen, "POST api:/cart"), heard(seen, "POST", "/cart"));
            // Recommendations that come too late are failures of their step and of nothing else.
            let (in_time, late) = seen.row("GET api:/recommendations");
            assert_eq!(in_time + late, passes);
            assert_eq!(
                seen.kinds().into_iter().find(|(kind, _)| *kind == "timeout"),
                (late > 0).then_some(("timeout", late))
            );
            // A visitor's pass is a new person with three connections to the shop, as many as there are resources, and
            // one to the API; a customer keeps one to each, and dials anew after an answer that came too late.
            assert_eq!(u64::from(seen.dialled), 4 * browsed + 2 + late);
            let mut hosts = HashMap::new();
            for request in &seen.requests {
                assert_eq!(hosts.entry(request.connection).or_insert(&request.host), &&request.host);
            }
        })
        .run();
}
