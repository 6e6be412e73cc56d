use std::sync::LazyLock;

use axum::response::Response;
use dauphin_engine::Workspace;
use serde::Serialize;

/// The page with its style and its scripts in place; the order of the scripts matters.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    const SCRIPT: &str = concat!(
        include_str!("console/words.js"),
        include_str!("console/requests.js"),
        include_str!("console/theme.js"),
        include_str!("console/plot.js"),
        include_str!("console/console.js"),
    );
    include_str!("console/console.html")
        .replacen("/*CSS*/", include_str!("console/console.css"), 1)
        .replacen("/*JS*/", SCRIPT, 1)
});

/// The console: one page that needs nothing from elsewhere.
pub fn page() -> Response {
    crate::http::page(&PAGE)
}

/// What the console, and an import over HTTP, must know of the workspace: `{"workspace","zone","apps":[{"name","app_id"}]}`.
pub fn workspace(workspace: &Workspace) -> Response {
    #[derive(Serialize)]
    struct Answer<'a> {
        message: &'static str,
        workspace: &'a str,
        zone: &'a str,
        apps: Vec<App<'a>>,
    }
    #[derive(Serialize)]
    struct App<'a> {
        name: &'a str,
        app_id: &'a str,
    }
    let apps = workspace.apps().iter().map(|app| App { name: &app.name, app_id: app.id.as_str() }).collect();
    let answer = Answer { message: "success", workspace: &workspace.name, zone: workspace.zone.name(), apps };
    crate::http::json(serde_json::to_vec(&answer).expect("strings have JSON"))
}
