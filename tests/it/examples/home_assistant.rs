//! `examples/home_assistant.scn` against a home with one lamp.

use serde_json::json;

use super::said;
use crate::language::world::{Peer, case};

/// Asks who is there, then answers commands; of a toggled lamp the result and the event come in either order.
async fn home(mut peer: Peer) {
    peer.send_json(json!({ "type": "auth_required" })).await;
    let Some(auth) = peer.json().await else { return };
    if auth["access_token"] != "token" {
        return peer.send_json(json!({ "type": "auth_invalid", "message": "wrong token" })).await;
    }
    peer.send_json(json!({ "type": "auth_ok" })).await;
    let (mut subscription, mut on) = (json!(null), false);
    while let Some(command) = peer.json().await {
        let result = json!({ "id": command["id"], "type": "result", "success": true });
        match command["type"].as_str() {
            Some("subscribe_events") => {
                subscription = command["id"].clone();
                peer.send_json(result).await;
            }
            Some("call_service") => {
                on = !on;
                let state = if on { "on" } else { "off" };
                let event = json!({
                    "id": subscription, "type": "event",
                    "event": { "data": { "new_state": { "entity_id": "light.kitchen", "state": state } } }
                });
                let both = if on { [result, event] } else { [event, result] };
                for message in both {
                    peer.send_json(message).await;
                }
            }
            Some("ping") => peer.send_json(json!({ "id": command["id"], "type": "pong" })).await,
            _ => return,
        }
    }
}

#[test]
fn users_log_in_toggle_the_lamp_five_times_and_leave() {
    let dashboard = case("").scenario(include_str!("../../../examples/home_assistant.scn"));
    dashboard
        .env("HA_TOKEN", "token")
        .users(2)
        .iterations(6)
        .socket(home)
        .expect(|seen| {
            assert_eq!(seen.iterations(), (6, 0), "{:?}", seen.notes());
            for step in ["connect", "login", "beat", "close"] {
                assert_eq!(seen.row(step), (6, 0), "{step}");
            }
            for step in ["toggle", "result", "changed"] {
                assert_eq!(seen.row(step), (30, 0), "{step}");
            }
            // A dialogue has 21 samples: those above, the greeting and the subscription.
            assert_eq!(seen.samples(), (6 * 21, 0));
            assert_eq!(seen.checks(), (30, 0));
            assert_eq!((said(seen, "call_service"), said(seen, "subscribe_events")), (30, 6));
            // Nobody else's numbers: each command of the run has one of its own.
            let mut ids: Vec<u64> = seen
                .messages
                .iter()
                .filter_map(|message| serde_json::from_str::<serde_json::Value>(message).ok()?["id"].as_u64())
                .collect();
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!((count, ids.len()), (6 * 7, 6 * 7));
        })
        .run();
}

#[test]
fn a_wrong_token_fails_the_login_with_the_words_of_the_home() {
    let dashboard = case("").scenario(include_str!("../../../examples/home_assistant.scn"));
    dashboard
        .env("HA_TOKEN", "wrong-token")
        .iterations(2)
        .socket(home)
        .expect(|seen| {
            assert_eq!((seen.iterations(), seen.kinds()), ((0, 2), vec![("expect", 2)]));
            assert_eq!(seen.row("login"), (0, 2));
            assert_eq!(seen.notes(), ["wrong token", "wrong token"]);
        })
        .run();
}
