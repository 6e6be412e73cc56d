//! What becomes of answers where they may be behind what was accepted.

mod behind;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use http::HeaderMap;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{App, Endpoint, handle};
use behind::Behind;

/// A server of somebody who is behind.
struct Served {
    behind: Arc<Behind>,
    app: Arc<App>,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Served {
    fn new() -> Self {
        let behind = Behind::new();
        let app = App::new(behind.clone(), 1 << 20);
        Self { behind, app }
    }

    async fn ask(&self, method: &str, target: &str, content_type: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(target)
            .header("Content-Type", content_type)
            .header("Authorization", authorization(target, &self.behind.key))
            .header("X-Braze-Api-Key", "cargo");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let endpoint = Endpoint::of_path(request.uri().path());
        let response = handle(&self.app, endpoint, SocketAddr::from(([127, 0, 0, 1], 1)), request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "text/plain", "").await
    }

    async fn post(&self, target: &str, body: &Value) -> Answer {
        self.ask("POST", target, "application/json", &body.to_string()).await
    }

    /// Whether each submission since the last look was asked to wait.
    fn waits(&self) -> Vec<bool> {
        std::mem::take(&mut self.behind.waits.lock().unwrap())
    }
}

/// Segment's routes know a write key (`wk:` in base 64), all others the API key.
fn authorization(target: &str, key: &str) -> String {
    if target.starts_with("/v1/") { "Basic d2s6".to_owned() } else { format!("Bearer {key}") }
}

impl Answer {
    fn lag(&self) -> Option<&str> {
        self.headers.get("X-Dauphin-Lag").map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

const ROW: &str = r#"{"user_id":"ada","time":"2018-06-28"}"#;

#[tokio::test]
async fn a_series_says_how_far_it_is_behind() {
    let served = Served::new();
    assert_eq!(served.post("/ingest?wait=true", &serde_json::from_str(ROW).unwrap()).await.status, 200);
    // The first two are one question, and the second answer is the first one given again; the lag is its own.
    for (looks, target) in [
        "/kpi/dau/data_series?length=1&ending_at=2018-06-29",
        "/kpi/dau/data_series?length=1&ending_at=2018-06-29",
        "/kpi/dau/data_series?length=1&ending_at=2018-06-29&explain=true",
        "/kpi/dau/data_series?length=1&ending_at=2018-06-29&format=csv",
        "/kpi/overlap/data_series?length=1",
        "/sessions/data_series?length=1&unit=hour",
        "/fr/kpi/mau/data_series?Longueur=1",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = served.get(target).await;
        assert_eq!(answer.status, 200, "{target}: {}", answer.body);
        assert_eq!(answer.lag(), Some(&*format!("{looks}; seconds=1.25")), "{target}");
        if looks < 2 {
            assert_eq!(answer.json()["data"], json!([{"time": "2018-06-28", "dau": 1}]));
        }
    }
    for target in ["/kpi/dau/data_series?length=0", "/campaigns/list", "/admin/apps", "/healthz"] {
        assert_eq!(served.get(target).await.lag(), None, "{target}");
    }
}

#[tokio::test]
async fn what_is_not_visible_yet_is_not_counted_in_the_answer() {
    let served = Served::new();
    let ingest = async |query: &str| {
        let answer = served.ask("POST", &format!("/ingest{query}"), "application/x-ndjson", ROW).await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.json()
    };
    let unseen = json!({"message": "success", "rows": 1, "rejected": 0});
    let seen = |new_user_days: u64, repeats: u64| json!({"message": "success", "rows": 1, "new_user_days": new_user_days, "repeats": repeats, "rejected": 0});
    assert_eq!(ingest("?wait=true").await, seen(1, 0));
    assert_eq!(ingest("").await, unseen);
    assert_eq!(ingest("?wait=false").await, unseen);
    assert_eq!(ingest("?strict=true&wait=1").await, seen(0, 1));
    assert_eq!(served.waits(), [true, false, false, true]);
    let metrics = served.get("/metrics").await.body;
    assert!(metrics.contains("dauphin_rows_taken_total{dialect=\"ndjson\"} 4\n"), "{metrics}");

    // Nothing was handed in, and so nothing is waited for.
    let wrong = served.ask("POST", "/ingest?strict=true", "application/x-ndjson", "{}").await;
    let found = ["rows", "new_user_days", "repeats", "rejected"].map(|name| wrong.json()[name].as_u64());
    assert_eq!((wrong.status, found), (400, [Some(1), Some(0), Some(0), Some(1)]), "{}", wrong.body);
    assert!(served.waits().is_empty());
}

#[tokio::test]
async fn every_way_in_may_wait() {
    let served = Served::new();
    let track = json!({"events": [{"external_id": "ada", "name": "opened", "time": "2018-06-28T12:00:00Z"}]});
    let sdk = json!({"device_id": "d", "time": 1_530_187_200, "events": [{"name": "ss", "time": 1_530_187_200}]});
    let segment = json!({"userId": "ada", "event": "opened", "timestamp": "2018-06-28T12:00:00Z"});
    let batch = json!({"batch": [{"type": "track", "userId": "ada", "event": "opened"}]});
    for (target, body, status) in [
        ("/users/track", &track, 201),
        ("/users/track/bulk", &track, 201),
        ("/api/v3/data/", &sdk, 200),
        ("/v1/track", &segment, 200),
        ("/v1/batch", &batch, 200),
    ] {
        for (query, waits) in [("", false), ("?wait=true", true), ("?wait=false", false)] {
            let answer = served.post(&format!("{target}{query}"), body).await;
            assert_eq!((answer.status, served.waits()), (status, vec![waits]), "{target}{query}: {}", answer.body);
        }
        // Who sets up an SDK may not see what it is refused; whoever calls the others does.
        let answer = served.post(&format!("{target}?wait=perhaps"), body).await;
        if target.starts_with("/users/") {
            assert_eq!((answer.status, served.waits()), (400, vec![]), "{target}");
            assert_eq!(answer.json(), json!({"message": "`wait` must be `true` or `false`"}));
        } else {
            assert_eq!((answer.status, served.waits()), (status, vec![false]), "{target}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_done_now_is_said_in_words() {
    const REASON: &str = "No broker answers";
    let served = Served::new();
    *served.behind.unavailable.lock().unwrap() = Some(REASON);
    let ada = json!({"external_id": "ada"});
    let track = json!({"events": [{"external_id": "ada", "name": "opened", "time": "2018-06-28T12:00:00Z"}]});
    let requests = [
        ("GET", "/readyz", json!(null)),
        ("GET", "/audit", json!(null)),
        ("GET", "/kpi/dau/data_series?length=1&explain=true", json!(null)),
        ("POST", "/ingest", json!({"user_id": "ada", "time": "2018-06-28"})),
        // The row is not to blame for an app that could not be made.
        ("POST", "/ingest?create_apps=true", json!({"user_id": "ada", "time": "2018-06-28", "app_id": "new"})),
        ("POST", "/users/track", track),
        ("POST", "/users/delete", json!({"external_ids": ["ada"]})),
        ("POST", "/v1/track", json!({"userId": "ada", "event": "opened"})),
        ("POST", "/v1/alias", json!({"userId": "ada", "previousId": "bob"})),
        ("POST", "/admin/users/show", json!({"user": &ada})),
        ("POST", "/admin/users/erase", json!({"user": &ada})),
        ("POST", "/admin/apps", json!({"name": "New"})),
    ];
    for (method, target, body) in requests {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let answer = served.ask(method, target, "application/json", &body).await;
        assert_eq!((answer.status, answer.json()), (503, json!({"message": REASON})), "{target}");
        assert_eq!(answer.headers["Retry-After"], "5", "{target}");
    }
    // What was counted before is still told.
    assert_eq!(served.get("/kpi/dau/data_series?length=1").await.status, 200);
    *served.behind.unavailable.lock().unwrap() = None;
    assert_eq!(served.get("/readyz").await.json(), json!({"message": "ready"}));
}

#[tokio::test]
async fn metrics_tell_each_partition() {
    let served = Served::new();
    let metrics = served.get("/metrics").await.body;
    let shown: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("dauphin_lag") || line.starts_with("dauphin_partition"))
        .collect();
    assert_eq!(
        shown,
        [
            "dauphin_lag_events 0",
            "dauphin_lag_seconds 1.25",
            "dauphin_partition_owned{partition=\"0\"} 1",
            "dauphin_partition_owned{partition=\"11\"} 0",
            "dauphin_partition_lag_events{partition=\"0\"} 3",
            "dauphin_partition_lag_events{partition=\"11\"} 0",
            "dauphin_partition_messages_folded{partition=\"0\"} 10",
            "dauphin_partition_messages_folded{partition=\"11\"} 7",
            "dauphin_partition_messages{partition=\"0\"} 12",
            "dauphin_partition_messages{partition=\"11\"} 7",
            "dauphin_partition_events_folded{partition=\"0\"} 100",
            "dauphin_partition_events_folded{partition=\"11\"} 0",
            "dauphin_partition_profiles{partition=\"0\"} 5",
            "dauphin_partition_state_bytes{partition=\"0\"} 640",
            "dauphin_partition_lag_seconds{partition=\"0\"} 0.5",
            "dauphin_partition_lag_seconds{partition=\"11\"} 0",
        ]
    );
    for line in shown {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(metrics.contains(&format!("# TYPE {name} ")), "{name}");
    }
}
