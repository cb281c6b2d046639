//! async-openai, whose types serde checks strictly. Prints one JSON line per scenario, which dev/clients/run.ts reads.

mod scenarios;
mod session;

use std::time::Duration;

use serde_json::json;

const LIMIT: Duration = Duration::from_secs(40);

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for name in scenarios::NAMES {
        let line = match tokio::time::timeout(LIMIT, scenarios::run(name)).await {
            Ok(Ok(())) => json!({ "scenario": name, "result": "passed" }),
            Ok(Err(problem)) => {
                json!({ "scenario": name, "result": "failed", "detail": problem.to_string() })
            }
            Err(_) => {
                json!({ "scenario": name, "result": "failed", "detail": "not done after 40 s" })
            }
        };
        println!("{line}");
    }
}
