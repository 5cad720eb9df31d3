//! `examples/graphql_subscription.scn` against a service that speaks GraphQL over HTTP and graphql-transport-ws.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::said;
use crate::language::world::{Answer, Peer, Request, case};

/// What the service knows: who wants to hear of comments, how many were sent on, what was deleted.
struct Blog {
    comments: broadcast::Sender<Value>,
    added: Cell<u64>,
    sent_on: Cell<u64>,
    deleted: RefCell<Vec<String>>,
}

impl Blog {
    fn answer(&self, request: &Request) -> Answer {
        let body = request.json();
        let query = body["query"].as_str().unwrap_or_default();
        Answer::json(if query.contains("createPost") {
            json!({ "data": { "createPost": { "id": "post-1" } } })
        } else if query.contains("addComment") {
            assert_eq!(body["variables"]["p"], "post-1");
            self.added.set(self.added.get() + 1);
            let comment = json!({ "id": self.added.get(), "sentAt": body["variables"]["at"] });
            // Maybe nobody listens.
            let _ = self.comments.send(comment);
            json!({ "data": { "addComment": { "id": self.added.get() } } })
        } else if query.contains("deletePost") {
            self.deleted.borrow_mut().push(query.to_owned());
            json!({ "data": { "deletePost": true } })
        } else {
            json!({ "errors": [{ "message": "no such thing" }] })
        })
    }

    async fn subscription(self: Rc<Blog>, mut peer: Peer) {
        assert_eq!(peer.request.header("sec-websocket-protocol"), Some("graphql-transport-ws"));
        let mut comments = self.comments.subscribe();
        let mut subscriber = None;
        let mut ping = tokio::time::interval(Duration::from_secs(10));
        ping.tick().await;
        loop {
            tokio::select! {
                message = peer.json() => match message {
                    None => return,
                    Some(message) => match message["type"].as_str() {
                        Some("connection_init") if message["payload"]["token"] == "hush" => {
                            peer.send_json(json!({ "type": "connection_ack" })).await;
                        }
                        Some("subscribe") => subscriber = Some(message["id"].clone()),
                        Some("complete") => subscriber = None,
                        Some("pong") => {}
                        _ => return peer.close(4403, "Forbidden").await,
                    }
                },
                Ok(comment) = comments.recv() => if let Some(id) = &subscriber {
                    self.sent_on.set(self.sent_on.get() + 1);
                    let payload = json!({ "data": { "commentAdded": comment } });
                    peer.send_json(json!({ "id": id, "type": "next", "payload": payload })).await;
                },
                _ = ping.tick() => peer.send_json(json!({ "type": "ping" })).await,
            }
        }
    }
}

#[test]
fn readers_hear_what_writers_write_and_the_post_is_deleted_in_the_end() {
    let blog = Rc::new(Blog {
        comments: broadcast::channel(1000).0,
        added: Cell::new(0),
        sent_on: Cell::new(0),
        deleted: RefCell::default(),
    });
    let (http, socket, told) = (blog.clone(), blog.clone(), blog);
    case("")
        .scenario(include_str!("../../../examples/graphql_subscription.scn"))
        .env("TOKEN", "hush")
        .users(5)
        .lasts(Duration::from_secs(60))
        .server(move |request| http.answer(request))
        .socket(move |peer| socket.clone().subscription(peer))
        .expect(move |seen| {
            // Four readers watch for thirty seconds, think one, and watch again; the second time ends in the graceful
            // stop. The writer begins every two seconds of the minute.
            assert_eq!(seen.iterations(), (4 * 2 + 30, 0), "{:?}", seen.notes());
            assert_eq!((told.added.get(), seen.row("add")), (30, (30, 0)));
            for step in ["connect", "init", "subscribe", "complete", "close"] {
                assert_eq!(seen.row(step), (8, 0), "{step}");
            }
            // Every comment that was sent on was taken, judged and measured.
            let comments = told.sent_on.get();
            assert_eq!((seen.row("comment"), seen.beside("fan_out").0), ((comments, 0), comments));
            // Pings at 10 s, 20 s and 30 s of each thirty seconds; the last finds the socket about to close.
            assert!((8 * 2..=8 * 3).contains(&said(seen, "pong")), "{}", said(seen, "pong"));
            assert_eq!(*told.deleted.borrow(), ["mutation { deletePost(id: \"post-1\") }"]);
        })
        .run();
}
