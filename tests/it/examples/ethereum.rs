//! `examples/ethereum.scn` against a node that speaks JSON-RPC with subscriptions over WebSocket.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::said;
use crate::language::world::{Case, Peer, case};

/// A block every so often.
const BLOCK_TIME: Duration = Duration::from_secs(12);

/// How many notices the node has sent, all sockets together.
type Notices = Rc<Cell<u64>>;

/// Answers calls and batches; a subscriber hears of a new head every twelve seconds, a second old by then.
async fn node(mut peer: Peer, notices: Notices) {
    let (mut subscribed, mut head) = (false, 0x100u64);
    let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let since = tokio::time::Instant::now();
    let mut block = tokio::time::interval(BLOCK_TIME);
    block.tick().await;
    loop {
        let text = tokio::select! {
            text = peer.next() => text,
            _ = block.tick(), if subscribed => {
                head += 1;
                let mined = (began + since.elapsed()).as_secs() - 1;
                peer.send_json(json!({
                    "jsonrpc": "2.0", "method": "eth_subscription",
                    "params": { "subscription": "0x5", "result": {
                        "number": format!("{head:#x}"), "timestamp": format!("{mined:#x}")
                    } }
                })).await;
                notices.set(notices.get() + 1);
                continue;
            }
        };
        let Some(text) = text else { return };
        let call: Value = serde_json::from_str(&text).expect("JSON comes");
        let answer = |call: &Value| {
            let result = match call["method"].as_str() {
                Some("eth_subscribe") => json!("0x5"),
                Some("eth_unsubscribe") => json!(call["params"][0] == "0x5"),
                Some("eth_getBalance") => json!("0xde0b6b3a7640000"),
                Some("eth_getBlockByNumber") => json!({ "number": format!("{head:#x}") }),
                Some("eth_chainId") => json!("0x1"),
                Some("eth_gasPrice") => json!("0x3b9aca00"),
                _ => json!(null),
            };
            json!({ "jsonrpc": "2.0", "id": call["id"], "result": result })
        };
        subscribed |= call["method"] == "eth_subscribe";
        match &call {
            Value::Array(calls) => peer.send_json(calls.iter().map(answer).collect()).await,
            call => {
                // Whoever asks for a head asks for the newest that it was told of.
                if let Some(asked) = call["params"].as_array().and_then(|all| all.iter().find_map(number)) {
                    assert_eq!(asked, head, "a head that is not the newest");
                }
                peer.send_json(answer(call)).await;
            }
        }
    }
}

/// A block's number; addresses are longer.
fn number(value: &Value) -> Option<u64> {
    let text = value.as_str()?.strip_prefix("0x")?;
    if text.len() < 8 { u64::from_str_radix(text, 16).ok().filter(|number| *number >= 0x100) } else { None }
}

fn wallet(notices: Notices) -> Case {
    case("")
        .scenario(include_str!("../../../examples/ethereum.scn"))
        .file("addresses.csv", include_str!("../../../examples/addresses.csv"))
        .socket(move |peer| node(peer, notices.clone()))
}

#[test]
fn a_wallet_keeps_one_socket_for_life_and_hears_of_blocks_meanwhile() {
    let notices = Notices::default();
    let sent = notices.clone();
    wallet(notices)
        .users(3)
        .iterations(300)
        .expect(move |seen| {
            assert_eq!(seen.iterations(), (300, 0), "{:?}", seen.notes());
            // One socket for each of the three users, opened once and closed once.
            assert_eq!(
                (seen.dialled, seen.row("connect"), seen.row("subscribe"), seen.row("close")),
                (3, (3, 0), (3, 0), (3, 0))
            );
            let (balance, block, batch) =
                (said(seen, "eth_getBalance"), said(seen, "eth_getBlockByNumber"), said(seen, "eth_chainId"));
            assert_eq!(balance + block + batch, 300);
            assert_eq!((seen.row("balance"), seen.row("block")), ((balance, 0), (block, 0)));
            assert!(balance > block && block > batch && batch > 0, "{balance} {block} {batch}");
            assert_eq!(said(seen, "eth_unsubscribe"), 3);
            // connect, subscribe, unsubscribe and close of each user, one call a task, two samples a batch.
            assert_eq!(seen.samples(), (3 * 4 + balance + block + 2 * batch, 0));
            assert_eq!(seen.checks(), (block, 0));
            // Each notice was taken by the standing answer and measured.
            assert!(sent.get() > 10, "{}", sent.get());
            assert_eq!(seen.beside("block_age").0, sent.get());
        })
        .run();
}
