//! A series for people: a table for the terminal, a chart for a file. One drawing serves SVG and PNG.

mod date;
mod number;
mod sparkline;
mod table;

mod axis;
mod curve;
mod image;
mod paper;
mod picture;

use dauphin_api::Route;

pub use image::{png, svg};
pub use table::{Surface, table};

/// What stands above a table or a chart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChartTitle {
    /// What is counted: `Daily active users`.
    pub metric: String,
    /// Whose activity: `all apps`, or an app's identifier.
    pub scope: String,
    /// Where days begin and end: an IANA name.
    pub zone: String,
}

impl ChartTitle {
    /// The title of a route's series.
    pub fn of(route: Route, window: u16, app_id: Option<&str>, zone: &str) -> Self {
        let metric = match route {
            Route::Dau | Route::FrenchDau => "Daily active users".to_owned(),
            Route::Mau | Route::FrenchMau => "Monthly active users".to_owned(),
            Route::NewUsers => "New users".to_owned(),
            Route::ActiveUsers if window == 1 => "Users active on the day".to_owned(),
            Route::ActiveUsers => format!("Users active in {window} days"),
            Route::Growth => format!("Growth of users active in {}", days(window)),
            Route::Sessions => "Sessions".to_owned(),
            Route::Uninstalls => "Users who removed an app".to_owned(),
            Route::Overlap => format!("All apps beside each app, users active in {}", days(window)),
            Route::Stickiness => format!("Stickiness over {}", days(window)),
        };
        Self { metric, scope: app_id.unwrap_or("all apps").to_owned(), zone: zone.to_owned() }
    }
}

fn days(count: u16) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}
